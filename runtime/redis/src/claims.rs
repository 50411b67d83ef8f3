//! The claims of a worker, as its store made them: what outputs are written under.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use nsf_engine::{connector::Sequence, store::PartitionName};

use crate::topology::Topology;

/// The claims of a worker by stream and partition, for who writes beside the rows of the store.
#[derive(Default)]
pub struct Claims {
    held: Mutex<Held>,
    /// Whether anything is written beside the rows of the store.
    outputs: AtomicBool,
    /// What the store knows of the servers, once there is a store: outputs must go where it claims.
    topology: OnceLock<Arc<Topology>>,
}

#[derive(Default)]
struct Held {
    partitions: HashMap<(String, u32), Arc<Claimed>>,
    /// How many claims were made.
    made: u64,
}

/// The claims of a partition, by lane.
#[derive(Clone, Debug, Default)]
pub(crate) struct Claimed(BTreeMap<u16, Claim>);

/// A claim of a partition in a lane.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) lane: u16,
    pub(crate) name: Arc<PartitionName>,
    pub(crate) epoch: u64,
    /// Of the server where it was made: [`crate::wire::Link::instance`].
    pub(crate) instance: Arc<str>,
    /// Which of the worker's claims it is, counted from 1.
    made: u64,
}

impl Claims {
    /// Lets outputs know of the servers what the store knows.
    pub(crate) fn share(&self, topology: &Arc<Topology>) {
        // Of several stores the first stays.
        let _ = self.topology.set(Arc::clone(topology));
    }

    /// What the store knows of the servers; none where there is no store yet.
    pub(crate) fn topology(&self) -> Option<&Topology> {
        self.topology.get().map(|shared| &**shared)
    }

    /// Says that outputs are written under them.
    pub(crate) fn have_outputs(&self) {
        self.outputs.store(true, Ordering::Relaxed);
    }

    /// Whether outputs are written under them.
    pub(crate) fn with_outputs(&self) -> bool {
        self.outputs.load(Ordering::Relaxed)
    }

    /// Notes a claim.
    pub(crate) fn note(&self, lane: u16, name: &Arc<PartitionName>, epoch: u64, instance: &Arc<str>) {
        let mut held = self.held();
        held.made += 1;
        let claim = Claim { lane, name: Arc::clone(name), epoch, instance: Arc::clone(instance), made: held.made };
        let own = held.partitions.entry((name.stream.clone(), name.partition)).or_default();
        Arc::make_mut(own).0.insert(lane, claim);
    }

    /// The claims of a partition; none where it was never claimed.
    pub(crate) fn of(&self, stream: &str, partition: u32) -> Option<Arc<Claimed>> {
        self.held().partitions.get(&(stream.to_owned(), partition)).cloned()
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Claimed {
    /// The claim in the first of the partition's lanes. It stands for all: whoever takes a partition over claims it in each.
    pub(crate) fn first(&self) -> Option<&Claim> {
        self.0.values().next()
    }

    /// Whether all were made at one start of one server.
    pub(crate) fn is_of(&self, instance: &str) -> bool {
        self.0.values().all(|claim| *claim.instance == *instance)
    }

    /// Which claim was the last of those under which something is made. A lane that was claimed anew makes everything again
    /// since its last save, and so does what is made outside lanes where any of them was. What comes in no order goes by no
    /// claim: nobody takes it for a repetition.
    pub(crate) fn newest(&self, made_in: Sequence) -> u64 {
        match made_in {
            Sequence::Lane(lane) => self.0.get(&lane).map_or(0, |claim| claim.made),
            Sequence::Partition => self.0.values().map(|claim| claim.made).max().unwrap_or(0),
            Sequence::None => 0,
        }
    }
}
