//! Lets a topic begin anew in a store that several workers share: its positions are set, and the rows of states that were
//! made of it are deleted where that is wanted. No worker may serve the plan meanwhile; one that does loses its lanes.

use std::{collections::BTreeSet, sync::Arc};

use bumpalo::Bump;
use nsf_plan::StateId;
use serde_json::Value;

use super::super::{
    error::RunError,
    layout,
    pieces::Pieces,
    stream::{Stream, StreamWork},
    work::lane_of,
};
use crate::{
    connector::{ConnectorError, ConnectorErrorKind},
    encode::base64,
    steps::Target,
    store::{Changes, Counted, Held, LaneProgress, LaneStore, PartitionName, Saved, Store, StoreBatch, StoreTable},
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
    /// Whether messages that were not read are passed over. Where the topic is a retry topic, what waits there is given up.
    pub passes_over: bool,
    /// Where the retry topics of its sources are read on from: behind their last messages, for what waits there is of the topic
    /// as it was read before.
    pub retries: Vec<RetryStart>,
}

/// Where a retry topic is to be read from.
#[derive(Clone, Debug)]
pub struct RetryStart {
    /// The topic.
    pub topic: String,
    /// By partition: the next offset.
    pub starts: Vec<(u32, u64)>,
    /// Which topic of that name it is.
    pub incarnation: String,
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// How many rows of states were deleted.
    pub rows: u64,
    /// The records that waited in a retry topic and wait no longer: `SOURCE/PARTITION/OFFSET`.
    pub given_up: Vec<String>,
}

/// The key and the value of a row.
type Put<'r> = (&'r [u8], &'r [u8]);

/// A partition that is to be read from elsewhere.
struct Begin {
    name: Arc<PartitionName>,
    next: u64,
    incarnation: String,
}

/// What is noted of records that wait, in the store.
#[derive(Default)]
struct Notes {
    /// Keys of rows to delete.
    gone: Vec<Vec<u8>>,
    /// Rows to put, by lane.
    changed: Vec<(u16, Vec<u8>, Vec<u8>)>,
    /// The records.
    places: Vec<String>,
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
    /// The retry topics of the sources that read it.
    pub retries: Vec<String>,
    /// Whether it is a retry topic: no states hang on it, for what waits there counts when it is done.
    pub is_retry: bool,
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
            if stream.topic != topic
                && stream.returned.is_none()
                && self.states_of(index).iter().any(|state| states.contains(state))
            {
                others.insert(stream.topic.clone());
            }
        }
        Hanging {
            streams: indices.iter().map(|index| self.core.streams[*index].name.clone()).collect(),
            ids: indices.iter().map(|index| self.core.streams[*index].id.clone()).collect(),
            states: states.into_iter().filter_map(|state| Some(self.plan.states.get(state)?.name.clone())).collect(),
            others: others.into_iter().collect(),
            retries: self
                .retries_of(&indices)
                .map(|stream| stream.topic.clone())
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect(),
            is_retry: indices.iter().any(|index| self.core.streams[*index].returned.is_some()),
        }
    }

    /// The streams that read the retry topics of streams.
    fn retries_of(&self, streams: &[usize]) -> impl Iterator<Item = &Stream> {
        self.core.streams.iter().filter(|own| own.returned.as_ref().is_some_and(|of| streams.contains(&of.stream)))
    }

    /// The states that a stream's flows keep, by their indices in the plan.
    fn states_of(&self, stream: usize) -> Vec<usize> {
        let stream = &self.core.streams[stream];
        let StreamWork::Source(source) = &stream.work else { return Vec::new() };
        if stream.returned.is_some() {
            return Vec::new();
        }
        let programs = source.programs.iter().filter_map(|feed| self.core.programs.get(feed.program));
        let own = programs.flat_map(|program| &program.handles).filter_map(|handle| match handle.target {
            Target::Own(state) => Some(state.index()),
            _ => None,
        });
        own.collect()
    }

    /// Sets positions and deletes rows. What it was broken off at is done by doing it again.
    ///
    /// # Errors
    /// Where the store is not one of this plan, does not answer, or a worker takes lanes over meanwhile.
    pub fn reset(&mut self, reset: &Reset) -> Result<Done, RunError> {
        let named = |error| RunError::connector("store", error);
        // Only to know that the store is this plan's; nothing of it is written.
        layout::check(&mut self.core, &self.plan, &mut StoreBatch::default())?;
        let store = Arc::clone(&self.core.shared.store);
        let message = "the store does not commit lane by lane";
        let lanes = store.lanes().ok_or_else(|| named(ConnectorError::new(ConnectorErrorKind::Changed, message)))?;
        let mut keys: Vec<Vec<u8>> = Vec::new();
        if !reset.keep_states {
            for state in self.hanging(&reset.topic).states {
                scan(&*store, &state, &mut |key, _| keys.push(key.to_vec())).map_err(named)?;
            }
        }
        let rows = keys.len() as u64;
        let notes = self.notes(reset).map_err(named)?;
        keys.extend(notes.gone);
        keys.sort_unstable();
        keys.dedup();
        for lane in 0..self.core.lanes {
            let begins = self.begins(reset, lane);
            if !begins.is_empty() {
                let changed = notes.changed.iter().filter(|(own, ..)| *own == lane);
                let changed: Vec<Put<'_>> = changed.map(|(_, key, value)| (&key[..], &value[..])).collect();
                self.reset_lane(lanes, lane, &begins, (&keys, &changed)).map_err(named)?;
            }
        }
        Ok(Done { rows, given_up: notes.places })
    }

    /// What becomes of the notes of records that wait. Those of a topic that is read anew are of what it was before: all go. In a
    /// retry topic that is passed over nothing waits any more; where it is read again, what is there counts as ever, but nothing
    /// waits for a record before it, which may not be there any more.
    fn notes(&self, reset: &Reset) -> Result<Notes, ConnectorError> {
        let mut notes = Notes::default();
        let store = &*self.core.shared.store;
        for stream in &self.core.streams {
            let Some(returned) = &stream.returned else { continue };
            let (of_source, of_retry) = (returned.topic == reset.topic, stream.topic == reset.topic);
            if !of_source && !of_retry {
                continue;
            }
            let name = |state: StateId| &self.plan.states[state.index()].id;
            let given_up = of_source || reset.passes_over;
            let prefix = text::prefix(name(returned.waits.records)).len();
            scan(store, name(returned.waits.records), &mut |key, value| {
                if given_up {
                    notes.gone.push(key.to_vec());
                    let place = String::from_utf8_lossy(&key[prefix..]).replace(':', "/");
                    notes.places.push(format!("{}/{place}", returned.name));
                } else if let Some((own, value)) = without_before(value) {
                    notes.changed.push((lane_of(&own, self.core.lanes), key.to_vec(), value));
                }
            })?;
            if let Some(keys) = returned.waits.keys.filter(|_| given_up) {
                scan(store, name(keys), &mut |key, _| notes.gone.push(key.to_vec()))?;
            }
        }
        Ok(notes)
    }

    /// The records of a topic's sources, or of a retry topic, that wait: `SOURCE/PARTITION/OFFSET`.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub fn waiting(&self, topic: &str) -> Result<Vec<String>, RunError> {
        let (topic, starts, incarnation) = (topic.to_owned(), Vec::new(), String::new());
        let retries = Vec::new();
        let reset = Reset { topic, starts, incarnation, keep_states: true, passes_over: true, retries };
        self.notes(&reset).map(|notes| notes.places).map_err(|error| RunError::connector("store", error))
    }

    /// The partitions whose position stands in a lane, and their new positions.
    fn begins(&self, reset: &Reset, lane: u16) -> Vec<Begin> {
        let mut begins = Vec::new();
        for (index, stream) in self.core.streams.iter().enumerate() {
            let is_retry = stream.returned.as_ref().is_some_and(|of| of.topic == reset.topic);
            let retry = reset.retries.iter().find(|own| is_retry && own.topic == stream.topic);
            let (starts, incarnation) = match retry {
                _ if stream.topic == reset.topic => (&reset.starts, &reset.incarnation),
                Some(retry) => (&retry.starts, &retry.incarnation),
                None => continue,
            };
            for &(partition, next) in starts {
                let one = (partition % u32::from(self.core.lanes)) as u16;
                if self.core.is_laned(index) || one == lane {
                    let (stream, topic) = (stream.id.clone(), stream.topic.clone());
                    let name = Arc::new(PartitionName { stream, topic, partition });
                    begins.push(Begin { name, next, incarnation: incarnation.clone() });
                }
            }
        }
        begins
    }

    fn reset_lane(
        &self,
        lanes: &dyn LaneStore,
        lane: u16,
        begins: &[Begin],
        (keys, changed): (&[Vec<u8>], &[Put<'_>]),
    ) -> Result<(), ConnectorError> {
        let names: Vec<Arc<PartitionName>> = begins.iter().map(|own| Arc::clone(&own.name)).collect();
        let claimed = lanes.claim(lane, &names)?;
        let held = names.iter().zip(claimed);
        let mut held: Vec<Held> =
            held.map(|(name, (epoch, found))| Held { name: Arc::clone(name), epoch, next: found.next }).collect();
        let plan: String = nsf_plan::document::hash(&self.plan).chars().take(12).collect();
        let progress = |own: &Begin| LaneProgress {
            next: Some(own.next),
            first: own.next,
            watermark: i64::MIN,
            incarnation: own.incarnation.clone(),
            plan: plan.clone(),
            marks: Arc::default(),
            counted: Counted::default(),
        };
        let progress: Vec<LaneProgress> = begins.iter().map(progress).collect();
        // Positions are set with the first rows that go or change, and once where none do.
        let gone = keys.chunks(CHUNK).map(|chunk| (chunk, &[][..]));
        let changed = changed.chunks(CHUNK).map(|chunk| (&[][..], chunk));
        let none = (keys.is_empty() && changed.len() == 0).then_some((&[][..], &[][..]));
        for (gone, changed) in gone.chain(changed).chain(none) {
            let mut rows = Changes::default();
            // A row's lane is not known by its key: each lane deletes it, and one has it.
            gone.iter().for_each(|key| rows.delete(key));
            changed.iter().for_each(|(key, value)| rows.put(key, value));
            rows.sort();
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

/// The rows of a state.
fn scan(store: &dyn Store, state: &str, row: &mut dyn FnMut(&[u8], &[u8])) -> Result<(), ConnectorError> {
    store.scan(StoreTable::State, &text::prefix(state), &mut |key, value| {
        row(key, value);
        true
    })
}

/// The note of a record that waits for one before it, without that, and the key by which its lane is known; none where it waits
/// for none.
fn without_before(value: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut row: serde_json::Map<String, Value> = serde_json::from_slice(value).ok()?;
    if row.get("before_offset").is_none_or(Value::is_null) {
        return None;
    }
    let arena = Bump::new();
    let key = base64::decode(row.get("key")?.as_str()?, &arena)?.to_vec();
    for name in ["before_partition", "before_offset"] {
        row.insert(name.to_owned(), Value::Null);
    }
    Some((key, serde_json::to_vec(&row).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_again_waits_for_nothing_before_it() {
        let note = br#"{"before_partition":0,"before_offset":7,"key":"BIAAAAAAAAAB","@":{"from":["orders",3,3]}}"#;
        let (key, row) = without_before(note).unwrap();
        assert_eq!(key, [4, 0x80, 0, 0, 0, 0, 0, 0, 1]);
        let row = String::from_utf8(row).unwrap();
        let wanted =
            r#"{"before_partition":null,"before_offset":null,"key":"BIAAAAAAAAAB","@":{"from":["orders",3,3]}}"#;
        assert_eq!(row, wanted);
        assert_eq!(without_before(row.as_bytes()), None, "nothing is to be changed");
    }
}
