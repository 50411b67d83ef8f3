//! Lets a topic begin anew in a store that several workers share: its positions are set, and the rows of states that were
//! made of it are deleted where that is wanted. No worker may serve the plan meanwhile; one that does loses its lanes.

use std::{collections::BTreeSet, sync::Arc};

use super::super::{error::RunError, layout, pieces::Pieces};
use crate::{
    connector::{ConnectorError, ConnectorErrorKind},
    steps::Target,
    store::{Changes, Counted, Held, LaneProgress, LaneStore, PartitionName, Saved, StoreBatch, StoreTable},
    text,
};

/// How many rows are deleted at once.
const CHUNK: usize = 5_000;

/// Where a topic is to be read from.
#[derive(Clone, Debug)]
pub struct Reset {
    /// The topic.
    pub topic: String,
    /// By partition: the next offset.
    pub starts: Vec<(u32, u64)>,
    /// Which topic of that name it is: [`crate::connector::LogState::incarnation`].
    pub incarnation: String,
    /// Whether rows of states stay.
    pub keep_states: bool,
}

/// What hangs on a topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hanging {
    /// Sources and ingests that read it.
    pub streams: Vec<String>,
    /// The same by what the store calls them.
    pub ids: Vec<String>,
    /// States whose rows flows over it make.
    pub states: Vec<String>,
    /// Other topics that the same states are made of.
    pub others: Vec<String>,
}

impl Pieces {
    /// What hangs on a topic; no streams where nothing reads it.
    #[must_use]
    pub fn hanging(&self, topic: &str) -> Hanging {
        let streams = self.core.streams.iter().enumerate().filter(|(_, stream)| stream.topic == topic);
        let indices: Vec<usize> = streams.map(|(index, _)| index).collect();
        let mut states = BTreeSet::new();
        indices.iter().for_each(|index| states.extend(self.states_of(*index)));
        let mut others = BTreeSet::new();
        for (index, stream) in self.core.streams.iter().enumerate() {
            if stream.topic != topic && self.states_of(index).iter().any(|state| states.contains(state)) {
                others.insert(stream.topic.clone());
            }
        }
        Hanging {
            streams: indices.iter().map(|index| self.core.streams[*index].name.clone()).collect(),
            ids: indices.iter().map(|index| self.core.streams[*index].id.clone()).collect(),
            states: states.into_iter().filter_map(|state| Some(self.plan.states.get(state)?.name.clone())).collect(),
            others: others.into_iter().collect(),
        }
    }

    /// The states that a stream's flows keep, by their indices in the plan.
    fn states_of(&self, stream: usize) -> Vec<usize> {
        let super::super::stream::StreamWork::Source(source) = &self.core.streams[stream].work else {
            return Vec::new();
        };
        let programs = source.programs.iter().filter_map(|feed| self.core.programs.get(feed.program));
        let own = programs.flat_map(|program| &program.handles).filter_map(|handle| match handle.target {
            Target::Own(state) => Some(state.index()),
            _ => None,
        });
        own.collect()
    }

    /// Sets positions and deletes rows; gives how many rows were deleted. What it was broken off at is done by doing it
    /// again.
    ///
    /// # Errors
    /// Where the store is not one of this plan, does not answer, or a worker takes lanes over meanwhile.
    pub fn reset(&mut self, reset: &Reset) -> Result<u64, RunError> {
        let named = |error| RunError::connector("store", error);
        // Only to know that the store is this plan's; nothing of it is written.
        layout::check(&mut self.core, &self.plan, &mut StoreBatch::default())?;
        let store = Arc::clone(&self.core.shared.store);
        let message = "the store does not commit lane by lane";
        let lanes = store.lanes().ok_or_else(|| named(ConnectorError::new(ConnectorErrorKind::Changed, message)))?;
        let mut keys: Vec<Vec<u8>> = Vec::new();
        if !reset.keep_states {
            for state in self.hanging(&reset.topic).states {
                let mut take = |key: &[u8], _: &[u8]| {
                    keys.push(key.to_vec());
                    true
                };
                store.scan(StoreTable::State, &text::prefix(&state), &mut take).map_err(named)?;
            }
        }
        keys.sort_unstable();
        keys.dedup();
        for lane in 0..self.core.lanes {
            let names = self.names(reset, lane);
            if !names.is_empty() {
                self.reset_lane(lanes, lane, &names, &keys, reset).map_err(named)?;
            }
        }
        Ok(keys.len() as u64)
    }

    /// The partitions whose position stands in a lane, and their new positions.
    fn names(&self, reset: &Reset, lane: u16) -> Vec<(Arc<PartitionName>, u64)> {
        let mut names = Vec::new();
        for (index, stream) in self.core.streams.iter().enumerate().filter(|(_, own)| own.topic == reset.topic) {
            for &(partition, next) in &reset.starts {
                let one = (partition % u32::from(self.core.lanes)) as u16;
                if self.core.is_laned(index) || one == lane {
                    let (stream, topic) = (stream.id.clone(), stream.topic.clone());
                    names.push((Arc::new(PartitionName { stream, topic, partition }), next));
                }
            }
        }
        names
    }

    fn reset_lane(
        &self,
        lanes: &dyn LaneStore,
        lane: u16,
        partitions: &[(Arc<PartitionName>, u64)],
        keys: &[Vec<u8>],
        reset: &Reset,
    ) -> Result<(), ConnectorError> {
        let names: Vec<Arc<PartitionName>> = partitions.iter().map(|(name, _)| Arc::clone(name)).collect();
        let claimed = lanes.claim(lane, &names)?;
        let held = names.iter().zip(claimed);
        let mut held: Vec<Held> =
            held.map(|(name, (epoch, found))| Held { name: Arc::clone(name), epoch, next: found.next }).collect();
        let plan: String = nsf_plan::document::hash(&self.plan).chars().take(12).collect();
        let progress = |(_, next): &(Arc<PartitionName>, u64)| LaneProgress {
            next: Some(*next),
            first: *next,
            watermark: i64::MIN,
            incarnation: reset.incarnation.clone(),
            plan: plan.clone(),
            marks: Arc::default(),
            counted: Counted::default(),
        };
        let progress: Vec<LaneProgress> = partitions.iter().map(progress).collect();
        // Positions are set with the first rows that go, and once where none do.
        let chunks = keys.chunks(CHUNK).map(Some).chain(keys.is_empty().then_some(None));
        for chunk in chunks {
            let mut rows = Changes::default();
            // A row's lane is not known by its key: each lane deletes it, and one has it.
            chunk.into_iter().flatten().for_each(|key| rows.delete(key));
            match lanes.save(lane, &held, &rows, &progress) {
                Saved::Applied => {}
                Saved::Unknown(error) => return Err(error),
                Saved::Lost => {
                    let message = format!("a worker has taken over lane {lane} while it was reset");
                    return Err(ConnectorError::new(ConnectorErrorKind::Changed, message)
                        .with_help("stop all workers of the group, then do it again"));
                }
            }
            held.iter_mut().zip(&progress).for_each(|(held, progress)| held.next = progress.next);
        }
        Ok(())
    }
}
