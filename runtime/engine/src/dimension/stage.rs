//! The dimension stage: applies the writes of a round in order, tells subscriptions, and keeps changed rows until a
//! commit takes them.
//!
//! Rows are loaded once a round and key, in one call of the store for each piece of writes. What was read or changed stays
//! in memory up to [`CACHED_ROWS`] rows; changed rows stay until they are committed. `load` in flows does not look here: it
//! shows what the store holds.

use std::sync::Arc;

use ahash::AHashMap;
use bumpalo::Bump;
use nsf_plan::{DimensionId, Plan};

use crate::{
    connector::ConnectorResult,
    expression::Build,
    run::output::{Incarnations, incarnation},
    run::stage::{DimensionStage, DimensionWrite, StageOutput, WriteOrder, Writer},
    stable,
    store::{Store, StoreBatch, StoreTable, row_version},
    subscription::{Causes, Subscriptions, Written},
};

use super::{
    Dimensions,
    row::{Field, Row, RowWrite},
    stamp::{Stamp, WrittenBy},
};

/// How many rows stay in memory between commits.
const CACHED_ROWS: usize = 100_000;

/// Applies writes to rows; see the module.
pub struct Stage {
    dimensions: Arc<Dimensions>,
    subscriptions: Subscriptions,
    writers: Writers,
    rows: AHashMap<Arc<[u8]>, Held>,
    /// Keys of rows changed since the last [`DimensionStage::collect`].
    changed: Vec<Arc<[u8]>>,
    /// Keys of rows that were collected and not yet committed.
    collected: Vec<Arc<[u8]>>,
    round: u64,
    capacity: usize,
    /// About how many bytes the changed rows take.
    changed_bytes: usize,
    arena: Bump,
}

/// A row in memory.
struct Held {
    dimension: DimensionId,
    row: Row,
    /// What the store had, as [`row_version`].
    stored: u64,
    state: RowState,
    /// The round that last used it.
    used: u64,
}

impl Held {
    /// About how many bytes it takes, and what is written of it.
    fn memory(&self) -> usize {
        let fields = self.row.fields.iter().map(|field| size_of::<Field>() + field.value.memory());
        2 * (size_of::<Self>() + fields.sum::<usize>())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum RowState {
    /// As the store has it.
    Stored,
    /// To be collected.
    Changed,
    /// Collected as it is now.
    Collected,
}

/// Names of those who write, as rows keep them.
struct Writers {
    ingests: Vec<Arc<str>>,
    pipelines: Vec<Arc<str>>,
    /// Which topic of its name each stream is.
    incarnations: Incarnations,
    /// Names of flows that write because of a stream's records, by both and the stream's incarnation.
    flows: AHashMap<(usize, u32, u32), Arc<str>>,
}

impl Writers {
    fn new(plan: &Plan) -> Self {
        Self {
            ingests: plan.ingests.iter().map(|ingest| ingest.id.as_str().into()).collect(),
            pipelines: plan.pipelines.iter().map(|pipeline| pipeline.id.as_str().into()).collect(),
            incarnations: Incarnations::default(),
            flows: AHashMap::new(),
        }
    }

    /// An ingest has its own id. A flow's has the topic beside it that the record came from: offsets of two topics that it
    /// merges, or of one that was made anew, say nothing of which record came first.
    fn name(&mut self, write: &DimensionWrite) -> Arc<str> {
        let id = match write.writer {
            Writer::Ingest(id) => return self.ingests.get(id.index()).cloned().unwrap_or_default(),
            Writer::Pipeline(id) => id.index(),
        };
        let stream = write.origin.stream;
        let incarnation = incarnation(&self.incarnations, stream);
        let Self { flows, pipelines, .. } = self;
        let name = flows.entry((id, stream, incarnation)).or_insert_with(|| {
            let flow = pipelines.get(id).map_or("", |id| id);
            format!("{flow} {:08x}", stable::mixed(&[stream, incarnation])).into()
        });
        Arc::clone(name)
    }
}

impl Stage {
    /// The stage of a plan.
    ///
    /// # Errors
    /// Where a subscription's condition cannot be built.
    pub fn new(plan: &Plan, dimensions: Arc<Dimensions>) -> Build<Self> {
        Ok(Self {
            subscriptions: Subscriptions::new(plan, Arc::clone(&dimensions))?,
            writers: Writers::new(plan),
            dimensions,
            rows: AHashMap::new(),
            changed: Vec::new(),
            collected: Vec::new(),
            round: 0,
            capacity: CACHED_ROWS,
            changed_bytes: 0,
            arena: Bump::new(),
        })
    }

    /// Keeps at most this many rows in memory between commits.
    #[must_use]
    pub const fn with_capacity(mut self, rows: usize) -> Self {
        self.capacity = rows;
        self
    }

    /// The same, told which topic of its name each stream is.
    #[must_use]
    pub(crate) fn with_incarnations(mut self, incarnations: &Incarnations) -> Self {
        self.writers.incarnations = Arc::clone(incarnations);
        self
    }

    /// Reads the rows that are not in memory, each once.
    fn load(&mut self, keys: &[(DimensionId, Arc<[u8]>)], store: &dyn Store) -> ConnectorResult<()> {
        let mut missing: Vec<&(DimensionId, Arc<[u8]>)> =
            keys.iter().filter(|(_, key)| !self.rows.contains_key(key)).collect();
        missing.sort_unstable_by(|a, b| a.1.cmp(&b.1));
        missing.dedup_by(|a, b| a.1 == b.1);
        let bytes: Vec<&[u8]> = missing.iter().map(|(_, key)| &**key).collect();
        let mut stored: Vec<Option<(Row, u64)>> = vec![None; missing.len()];
        let mut damaged = None;
        if !bytes.is_empty() {
            store.get_many(StoreTable::Dimension, &bytes, &mut |index, row| {
                let (dimension, key) = missing[index];
                match self.dimensions.read_row(*dimension, row) {
                    Ok(read) => stored[index] = Some((read, row_version(Some(row)))),
                    Err(error) => {
                        damaged = damaged.take().or_else(|| Some(self.dimensions.unreadable(*dimension, key, error)))
                    }
                }
            })?;
        }
        if let Some(error) = damaged {
            return Err(error);
        }
        for ((dimension, key), row) in missing.into_iter().zip(stored) {
            let fields = self.dimensions.get(*dimension).map_or(0, |dimension| dimension.fields.len());
            let (row, stored) = row.unwrap_or_else(|| (Row::new(fields), row_version(None)));
            let held = Held { dimension: *dimension, row, stored, state: RowState::Stored, used: self.round };
            self.rows.insert(Arc::clone(key), held);
        }
        Ok(())
    }

    fn stamp(&mut self, write: &DimensionWrite) -> Stamp {
        let (time, by) = match write.order {
            WriteOrder::Time(time) => (time, WrittenBy::Ingest),
            WriteOrder::Flow => (write.origin.time, WrittenBy::Flow),
        };
        let (partition, offset) = (write.origin.partition, write.origin.offset);
        Stamp { time, by, writer: self.writers.name(write), partition, offset }
    }

    fn shrink(&mut self) {
        if self.rows.len() <= self.capacity {
            return;
        }
        let mut used: Vec<u64> = self.rows.values().map(|held| held.used).collect();
        let oldest = used.len() - self.capacity / 2;
        let (_, limit, _) = used.select_nth_unstable(oldest - 1);
        let limit = *limit;
        self.rows.retain(|_, held| held.state != RowState::Stored || held.used > limit);
    }
}

impl DimensionStage for Stage {
    fn apply(&mut self, writes: &[DimensionWrite], store: &dyn Store, output: &mut StageOutput) -> ConnectorResult<()> {
        self.round += 1;
        let keys: Vec<(DimensionId, Arc<[u8]>)> = writes
            .iter()
            .map(|write| {
                let mut key = Vec::new();
                self.dimensions.write_key(write.dimension, &write.keys, &mut key);
                (write.dimension, key.into())
            })
            .collect();
        self.load(&keys, store)?;
        self.arena.reset();
        let mut causes = Causes::default();
        for (write, (_, key)) in writes.iter().zip(keys) {
            let stamp = self.stamp(write);
            let Some(held) = self.rows.get_mut(&key) else { continue };
            held.used = self.round;
            let change = held.row.apply(&RowWrite { kind: write.kind, fields: &write.fields, stamp });
            // A write that is repeated changes nothing in the first place, and may be missing in the others.
            let again = || held.stored != row_version(None) && store.is_spread(&key);
            if held.state != RowState::Changed && (change.stored || again()) {
                held.state = RowState::Changed;
                self.changed_bytes += held.memory() + key.len();
                self.changed.push(key);
            }
            if change.is_visible() {
                count(&mut output.stored, write.dimension);
            }
            let written = Written { write, row: &held.row, change: &change };
            self.subscriptions.tell(&written, &self.arena, &mut causes, output);
        }
        Ok(())
    }

    fn collect(&mut self, batch: &mut StoreBatch) {
        for key in self.changed.drain(..) {
            if let Some(held) = self.rows.get_mut(&key) {
                held.state = RowState::Collected;
            }
            self.collected.push(key);
        }
        let table = batch.table(StoreTable::Dimension);
        for key in &self.collected {
            if let Some(held) = self.rows.get(key) {
                table.put_with(key, |out| self.dimensions.write_row(held.dimension, &held.row, out));
            }
        }
    }

    fn changed_bytes(&self) -> usize {
        self.changed_bytes
    }

    fn versions(&self) -> Vec<u64> {
        self.collected.iter().filter_map(|key| self.rows.get(key)).map(|held| held.stored).collect()
    }

    fn forget(&mut self) {
        self.rows.clear();
        self.changed.clear();
        self.collected.clear();
        self.changed_bytes = 0;
    }

    fn committed(&mut self) {
        self.changed_bytes = 0;
        for key in self.collected.drain(..) {
            if let Some(held) = self.rows.get_mut(&key)
                && held.state == RowState::Collected
            {
                held.state = RowState::Stored;
            }
        }
        self.shrink();
    }
}

fn count(stored: &mut Vec<(DimensionId, u64)>, dimension: DimensionId) {
    match stored.iter_mut().find(|(of, _)| *of == dimension) {
        Some((_, count)) => *count += 1,
        None => stored.push((dimension, 1)),
    }
}

#[cfg(test)]
mod tests;
