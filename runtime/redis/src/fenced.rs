//! What a program writes into Redis beside its rows, while its partitions are its own.
//!
//! A worker that was cut off and comes back must not put an old value in the place of a newer one, nor add to a stream what
//! another has added since: what a record of a partition gives is written only while the store still says that the partition
//! is claimed by this worker ([`Claims`]). On one server, also one that Sentinel watches, the claim stands under `WATCH` and
//! everything is written in one transaction. In a cluster the claim lies at another server than most keys: it is looked at
//! just before, and a worker that is held up between the two for longer than it takes another to take its partitions over
//! could still write.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult},
    stable,
    store::PartitionName,
};
use redis::Value;

use crate::{
    fault::{Cause, Failure},
    keys::Keys,
    lane::end_window,
    settings::{Node, RedisSettings},
    tags::slot,
    topology::Topology,
    wire::{Link, Requests, text},
};

/// How many keys are written at once.
const GROUP: usize = 512;

/// The claims of a worker, as its store made them: by stream and partition, in the first of its lanes.
#[derive(Default)]
pub struct Claims {
    held: Mutex<HashMap<(String, u32), Claim>>,
    /// What the store knows of the servers, once there is a store: outputs must go where it claims.
    topology: OnceLock<Arc<Topology>>,
}

/// A claim of a partition in a lane.
#[derive(Clone, Debug)]
struct Claim {
    lane: u16,
    name: Arc<PartitionName>,
    epoch: u64,
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

    /// Notes a claim. The first lane of a partition stands for all: whoever takes a partition over claims it in each.
    pub(crate) fn note(&self, lane: u16, name: &Arc<PartitionName>, epoch: u64) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let claim = Claim { lane, name: Arc::clone(name), epoch };
        let own = held.entry((name.stream.clone(), name.partition)).or_insert_with(|| claim.clone());
        if lane <= own.lane {
            *own = claim;
        }
    }

    fn find(&self, stream: &str, partition: u32) -> Option<Claim> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).get(&(stream.to_owned(), partition)).cloned()
    }
}

/// Something that is to be written, because of a record of a partition.
pub(crate) struct Item {
    /// The whole key.
    pub key: Vec<u8>,
    pub content: Content,
    /// Index of the record's stream.
    pub stream: u32,
    pub partition: u32,
}

/// What is written.
pub(crate) enum Content {
    /// The key's value.
    Value(Vec<u8>),
    /// An entry of the stream that the key holds: names and values.
    Entry(Vec<(&'static str, Vec<u8>)>),
}

impl Item {
    fn request(&self, requests: &mut Requests) {
        match &self.content {
            Content::Value(value) => {
                requests.command("SET", &[&self.key, value]);
            }
            Content::Entry(fields) => {
                requests.begin("XADD", 2 + 2 * fields.len()).argument(&self.key).argument(b"*");
                for (name, value) in fields {
                    requests.argument(name.as_bytes()).argument(value);
                }
            }
        }
    }

    /// How many bytes it holds.
    pub(crate) fn bytes(&self) -> usize {
        let content = match &self.content {
            Content::Value(value) => value.len(),
            Content::Entry(fields) => fields.iter().map(|(_, value)| value.len()).sum(),
        };
        self.key.len() + content
    }
}

/// Writes while partitions are this worker's.
pub(crate) struct Writer {
    pub(crate) keys: Keys,
    /// For as long as there is no store.
    alone: Topology,
    claims: Arc<Claims>,
    /// The ids of the streams, by whose numbers records name them.
    streams: Vec<String>,
}

impl Writer {
    pub(crate) fn new(settings: RedisSettings, claims: Arc<Claims>, streams: Vec<String>) -> ConnectorResult<Self> {
        let keys = Keys::new(&settings)?;
        Ok(Self { keys, alone: Topology::new(Arc::new(settings)), claims, streams })
    }

    fn topology(&self) -> &Topology {
        self.claims.topology().unwrap_or(&self.alone)
    }

    /// Looks whether a server answers.
    pub(crate) fn open(&self) -> ConnectorResult<()> {
        self.topology().masters().map(drop).map_err(ConnectorError::from)
    }

    /// Writes everything, in order. What was written before a failure stays.
    pub(crate) fn write(&self, items: &[Item]) -> ConnectorResult<()> {
        let mut by_partition: HashMap<(u32, u32), Claim> = HashMap::new();
        for item in items {
            if let Entry::Vacant(entry) = by_partition.entry((item.stream, item.partition)) {
                entry.insert(self.claim(item)?);
            }
        }
        for group in items.chunks(GROUP) {
            let mut partitions: Vec<(u32, u32)> = group.iter().map(|item| (item.stream, item.partition)).collect();
            partitions.sort_unstable();
            partitions.dedup();
            let claims: Vec<&Claim> = partitions.iter().filter_map(|partition| by_partition.get(partition)).collect();
            if self.topology().is_cluster() {
                self.write_spread(group, &claims)?;
            } else {
                self.write_whole(group, &claims)?;
            }
        }
        Ok(())
    }

    fn claim(&self, item: &Item) -> ConnectorResult<Claim> {
        let named = self.streams.iter().find(|id| stable::number(id) == item.stream);
        let stream = named.map(String::as_str).unwrap_or_default();
        self.claims.find(stream, item.partition).ok_or_else(|| {
            let partition = item.partition;
            let message =
                format!("an output of partition {partition} of `{stream}` is to be written, which nobody claimed");
            ConnectorError::new(Kind::Unavailable, message).with_help("it is tried again from the last commit")
        })
    }

    /// On one server: the claims under `WATCH`, everything in one transaction.
    fn write_whole(&self, group: &[Item], claims: &[&Claim]) -> Result<(), Failure> {
        self.at(0, |link| {
            let mut requests = Requests::default();
            end_window(&mut requests);
            for claim in claims {
                requests.command("WATCH", &[self.keys.progress(claim.lane, &claim.name).as_bytes()]);
            }
            let before = requests.len();
            self.ask_claims(&mut requests, claims);
            let replies = link.ask_all(&requests)?;
            compare(link, claims, &replies[before..])?;
            let mut requests = Requests::default();
            requests.command("MULTI", &[]);
            group.iter().for_each(|item| item.request(&mut requests));
            requests.command("EXEC", &[]);
            let replies = link.ask(&requests)?;
            if link.is_done(replies)? { Ok(()) } else { Err(lost()) }
        })
    }

    /// In a cluster: the claims where they lie, then everything else where that does.
    fn write_spread(&self, group: &[Item], claims: &[&Claim]) -> Result<(), Failure> {
        for claim in claims {
            self.at(self.keys.lane_slot(claim.lane), |link| {
                let mut requests = Requests::default();
                self.ask_claims(&mut requests, &[claim]);
                let replies = link.ask_all(&requests)?;
                compare(link, &[claim], &replies)
            })?;
        }
        let mut by_node: BTreeMap<Node, (u16, Requests)> = BTreeMap::new();
        for item in group {
            let slot = slot(&item.key);
            let (_, requests) =
                by_node.entry(self.topology().node(slot)?).or_insert_with(|| (slot, Requests::default()));
            item.request(requests);
        }
        by_node.values().try_for_each(|(slot, requests)| self.at(*slot, |link| link.ask_all(requests).map(drop)))
    }

    fn ask_claims(&self, requests: &mut Requests, claims: &[&Claim]) {
        for claim in claims {
            requests.command("HMGET", &[self.keys.progress(claim.lane, &claim.name).as_bytes(), b"e"]);
        }
    }

    fn at<T>(&self, slot: u16, work: impl Fn(&mut Link) -> Result<T, Failure>) -> Result<T, Failure> {
        self.topology().at(slot, work)
    }
}

/// Whether claims are still as this worker made them.
fn compare(link: &Link, claims: &[&Claim], replies: &[Value]) -> Result<(), Failure> {
    for (claim, reply) in claims.iter().zip(replies) {
        let Value::Array(fields) = reply else { return Err(link.odd("a claim is no list")) };
        let found = fields.first().and_then(text);
        if found.as_deref() != Some(claim.epoch.to_string().as_str()) {
            return Err(lost());
        }
    }
    Ok(())
}

/// That another worker has the partition now, or the store went back. What this one computed is void.
fn lost() -> Failure {
    let message = "outputs were not written: another worker has taken their partitions over, or Redis went back";
    let error = ConnectorError::new(Kind::Unavailable, message);
    Failure::new(Cause::Refused, error.with_help("nothing is lost: who has the partitions now writes them"))
}
