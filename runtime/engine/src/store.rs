//! What a commit changes, and the store that keeps it.

use std::sync::Arc;

use crate::{connector::ConnectorResult, marks::Marks};

/// Changes of one table of the store: rows to put or to delete.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    bytes: Vec<u8>,
    rows: Vec<Change>,
    ends: Vec<End>,
    guards: Vec<Guard>,
    fences: Vec<std::sync::Arc<PartitionName>>,
}

/// When a value ends that a flow is told of, for stores that commit lane by lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// The state's stable identity.
    pub state: String,
    /// The number of the partition that it was saved from.
    pub partition: u32,
    /// The key of its row.
    pub key: Vec<u8>,
    /// The last watermark at which it is there; none where it is not to be told of any more.
    pub due: Option<i64>,
}

/// A row that a save of a lane may change only if it still is as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// Its key.
    pub key: Box<[u8]>,
    /// Its [`row_version`] when it was read.
    pub version: u64,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    start: usize,
    key: u32,
    /// Length of the value; [`DELETED`] for a row to delete.
    value: u32,
    /// Milliseconds after which the row may be forgotten; 0 for never.
    expires: u64,
}

const DELETED: u32 = u32::MAX;

/// The first bytes of a key as a number that orders as they do; a shorter key comes before longer ones that begin alike
/// or has the same number.
fn deciding(key: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    let length = key.len().min(bytes.len());
    bytes[..length].copy_from_slice(&key[..length]);
    u128::from_be_bytes(bytes)
}

impl Changes {
    /// Makes it empty and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
        self.ends.clear();
        self.guards.clear();
        self.fences.clear();
    }

    /// Says that a row may be changed only if it still is as it was read; looked at by [`LaneStore::save`] alone.
    pub fn guard(&mut self, key: &[u8], version: u64) {
        self.guards.push(Guard { key: key.into(), version });
    }

    /// Says that whoever holds a partition in the lane is to be fenced by the save; looked at by [`LaneStore::save`] alone.
    pub fn fence(&mut self, partition: std::sync::Arc<PartitionName>) {
        if !self.fences.contains(&partition) {
            self.fences.push(partition);
        }
    }

    /// Leaves out partitions that are not to be fenced.
    pub fn retain_fences(&mut self, keep: impl Fn(&PartitionName) -> bool) {
        self.fences.retain(|name| keep(name));
    }

    /// Rows that may be changed only as they were read.
    #[must_use]
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// Partitions that whoever holds them in the lane loses.
    #[must_use]
    pub fn fences(&self) -> &[std::sync::Arc<PartitionName>] {
        &self.fences
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Puts a row.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.put_with(key, |bytes| bytes.extend_from_slice(value));
    }

    /// Puts a row whose value is written by a function that only appends.
    pub fn put_with(&mut self, key: &[u8], value: impl FnOnce(&mut Vec<u8>)) {
        self.put_expiring(key, 0, value);
    }

    /// The same for a row that the store may forget after so many milliseconds (0: never). Stores that forget nothing by
    /// themselves need not look at it.
    pub fn put_expiring(&mut self, key: &[u8], expires: u64, value: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        value(&mut self.bytes);
        let length = (self.bytes.len() - middle) as u32;
        self.rows.push(Change { start, key: key.len() as u32, value: length, expires });
    }

    /// Deletes a row.
    pub fn delete(&mut self, key: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.rows.push(Change { start, key: key.len() as u32, value: DELETED, expires: 0 });
    }

    /// Notes when a value ends.
    pub fn end(&mut self, end: End) {
        self.ends.push(end);
    }

    /// When values end.
    #[must_use]
    pub fn ends(&self) -> &[End] {
        &self.ends
    }

    /// Puts the rows in the order of their keys; of several changes of one row the last stays.
    pub fn sort(&mut self) {
        let bytes = &self.bytes;
        let key = |row: &Change| &bytes[row.start..row.start + row.key as usize];
        let Some(first) = self.rows.first() else { return };
        // Keys of one state are long and begin alike: what decides is the few bytes behind the common beginning.
        let first = key(first);
        let alike = |row: &Change| key(row).iter().zip(first).take_while(|(a, b)| a == b).count();
        let common = self.rows.iter().map(alike).min().unwrap_or(0);
        let mut order: Vec<(u128, u32)> = Vec::with_capacity(self.rows.len());
        order.extend(self.rows.iter().enumerate().map(|(at, row)| (deciding(&key(row)[common..]), at as u32)));
        order.sort_unstable_by(|(a, at_a), (b, at_b)| {
            let row = |at: &u32| key(&self.rows[*at as usize]);
            a.cmp(b).then_with(|| row(at_a).cmp(row(at_b))).then_with(|| at_a.cmp(at_b))
        });
        let mut kept: Vec<Change> = Vec::with_capacity(self.rows.len());
        for (_, at) in order {
            let row = self.rows[at as usize];
            match kept.last_mut() {
                Some(last) if key(last) == key(&row) => *last = row,
                _ => kept.push(row),
            }
        }
        self.rows = kept;
    }

    /// Keys and values (none to delete), in order.
    pub fn rows(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.rows.iter().map(|row| {
            let middle = row.start + row.key as usize;
            let value = (row.value != DELETED).then(|| &self.bytes[middle..middle + row.value as usize]);
            (&self.bytes[row.start..middle], value)
        })
    }

    /// By row, in the same order: milliseconds after which it may be forgotten; 0 for never.
    pub fn expiries(&self) -> impl Iterator<Item = u64> {
        self.rows.iter().map(|row| row.expires)
    }
}

/// How long after its end a row is kept by a store that forgets rows by its own clock, in milliseconds: a replay must see
/// what the first run saw, and none can be older than what a topic keeps (a week, by Kafka's default).
pub const SLACK: i64 = 7 * 24 * 60 * 60 * 1000;

/// Keeps longer than this (a thousand years, in milliseconds) are for ever: clocks of servers do not count that far.
pub const LONGEST_KEEP: i64 = 1000 * 366 * 24 * 60 * 60 * 1000;

/// Milliseconds after a write after which a space may forget a row of a dimension; 0 for never. The first space keeps it
/// [`SLACK`] longer: the versions there are what an older message that comes again is compared with.
#[must_use]
pub fn kept_in_space(keep: Option<i64>, is_first: bool) -> u64 {
    let keep = keep.filter(|keep| *keep <= LONGEST_KEEP);
    keep.map_or(0, |keep| u64::try_from(if is_first { keep + SLACK } else { keep }).unwrap_or(0).max(1))
}

/// The tables of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum StoreTable {
    /// Layout, plan, state shapes: text keys.
    Meta,
    /// Positions of sources and sinks, watermarks.
    Progress,
    /// Rows of states.
    State,
    /// Rows of dimensions.
    Dimension,
    /// Rejected records.
    Rejected,
    /// Counters of all runs.
    Counters,
}

impl StoreTable {
    /// Every table.
    pub const ALL: [Self; 6] =
        [Self::Meta, Self::Progress, Self::State, Self::Dimension, Self::Rejected, Self::Counters];

    /// Its name in the store.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta",
            Self::Progress => "progress",
            Self::State => "state",
            Self::Dimension => "dimension",
            Self::Rejected => "rejected",
            Self::Counters => "counters",
        }
    }

    /// Its place in [`StoreTable::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// What one commit changes, over all tables.
#[derive(Clone, Debug, Default)]
pub struct StoreBatch {
    tables: [Changes; 6],
}

impl StoreBatch {
    /// The changes of a table.
    pub const fn table(&mut self, table: StoreTable) -> &mut Changes {
        &mut self.tables[table.index()]
    }

    /// The tables with their changes.
    pub fn tables(&self) -> impl Iterator<Item = (StoreTable, &Changes)> {
        StoreTable::ALL.into_iter().zip(&self.tables)
    }

    /// Makes it empty and keeps its memory.
    pub fn clear(&mut self) {
        self.tables.iter_mut().for_each(Changes::clear);
    }

    /// Sorts every table's rows; see [`Changes::sort`].
    pub fn sort(&mut self) {
        self.tables.iter_mut().for_each(Changes::sort);
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tables.iter().map(Changes::len).sum()
    }

    /// Whether there is nothing to change.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.tables.iter().all(Changes::is_empty)
    }
}

/// A durable, transactional store of rows by key.
pub trait Store: Send + Sync {
    /// Reads rows of keys in ascending order; calls `found` with the index of each key that has a row. Shows what was
    /// committed.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn get_many(&self, table: StoreTable, keys: &[&[u8]], found: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()>;

    /// Calls `row` with the key and value of each row whose key starts with `prefix`, in order, until it gives false.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn scan(&self, table: StoreTable, prefix: &[u8], row: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> ConnectorResult<()>;

    /// The same for keys from `from` on, which begins with `prefix`.
    ///
    /// # Errors
    /// Where the store cannot be read.
    fn scan_from(
        &self,
        table: StoreTable,
        prefix: &[u8],
        from: &[u8],
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> ConnectorResult<()> {
        self.scan(table, prefix, &mut |key, value| key < from || row(key, value))
    }

    /// Makes all changes at once, durably. The batch is sorted.
    ///
    /// # Errors
    /// Where it cannot; nothing of the batch is kept then.
    fn commit(&self, batch: &StoreBatch) -> ConnectorResult<()>;

    /// Whether the row of a dimension with this key is brought to further places by [`LaneStore::spread`]. Only the store knows
    /// which of a dimension's spaces are one place.
    fn is_spread(&self, _key: &[u8]) -> bool {
        false
    }

    /// The same store as one that commits lane by lane, if it does.
    fn lanes(&self) -> Option<&dyn LaneStore> {
        None
    }
}

/// How rows and their keys are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Short, and in the order of the values; keys of states begin with the state's number.
    #[default]
    Binary,
    /// To be read by people: keys are texts such as `orders:42:7` (what it is, then its keys; `%XX` for what a key of the
    /// store should not hold), rows are JSON.
    Text,
}

/// The name of a partition in a store that several workers share.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionName {
    /// The stream's stable id in the plan.
    pub stream: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
}

/// How far a lane has come in a partition, as stored beside the lane's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaneProgress {
    /// The first offset whose record is not in the lane's rows; none where nothing was ever saved.
    pub next: Option<u64>,
    /// The first offset that was ever to be read, in any lane: where a lane begins again that lost everything.
    pub first: u64,
    /// The partition's watermark at `next`, in milliseconds.
    pub watermark: i64,
    /// Which topic it was: [`crate::connector::LogState::incarnation`].
    pub incarnation: String,
    /// The hash of the plan that saved it.
    pub plan: String,
    /// What was taken at `next` of messages that may be sent again.
    pub marks: Arc<Marks>,
    /// How many partitions the topic had then.
    pub counted: Counted,
}

/// How many partitions a topic has, as far as workers have seen. Producers learn of partitions that were added one after the
/// other, and keys go to other partitions when they do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// How many there are; 0 where that is not known.
    pub partitions: u32,
    /// How many there were before the last were added, by which records may still be placed.
    pub before: u32,
    /// When it was seen that partitions were added, in milliseconds; the smallest number where none ever were.
    pub since: i64,
    /// When the topic was first seen, in milliseconds: what was added before is not known.
    pub first: i64,
}

impl std::fmt::Display for Counted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { partitions, before, since, first } = self;
        write!(f, "{partitions} {before} {since} {first}")
    }
}

/// Why a text is no [`Counted`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotCounted;

impl std::str::FromStr for Counted {
    type Err = NotCounted;

    /// Nothing is known where the text is empty: a progress of an older version says nothing.
    fn from_str(text: &str) -> Result<Self, NotCounted> {
        fn next<T: std::str::FromStr>(parts: &mut std::str::SplitAsciiWhitespace<'_>) -> Result<T, NotCounted> {
            parts.next().and_then(|part| part.parse().ok()).ok_or(NotCounted)
        }
        let mut parts = text.split_ascii_whitespace();
        if parts.clone().next().is_none() {
            return Ok(Self::default());
        }
        let (partitions, before) = (next(&mut parts)?, next(&mut parts)?);
        Ok(Self { partitions, before, since: next(&mut parts)?, first: next(&mut parts)? })
    }
}

/// What a worker holds of a partition in a lane: what the store must say, or the lane is another's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The partition.
    pub name: std::sync::Arc<PartitionName>,
    /// The number of the claim.
    pub epoch: u64,
    /// What was last saved or found at the claim: [`LaneProgress::next`].
    pub next: Option<u64>,
}

/// How a save of a lane ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// All of it is there.
    Applied,
    /// Nothing of it is there: the lane is not as it was held.
    Lost,
    /// It is not known: the connection broke before the answer. The lane is to be claimed again: [`LaneStore::claim`] shows
    /// what became of the save.
    Unknown(crate::connector::ConnectorError),
}

/// A store that keeps the rows of each lane together with how far the lane has come in each partition, and changes both at
/// once, for whoever last claimed them ("fenced lanes"). A lane is used by one thread at a time.
pub trait LaneStore: Send + Sync {
    /// Takes partitions in a lane: whoever held them before can save nothing there from now on. Gives for each the number
    /// of the claim and the progress.
    ///
    /// It is also the only way to learn what became of a save whose answer was lost. The progress shows whether it was done,
    /// and that is final: a save that is still on its way when one of its partitions is claimed is not done any more, whoever
    /// claims. Reading alone would not do: what is not there yet may come a moment later.
    ///
    /// # Errors
    /// Where the store does not answer; it may then be claimed or not, and is to be claimed again.
    fn claim(
        &self,
        lane: u16,
        partitions: &[std::sync::Arc<PartitionName>],
    ) -> ConnectorResult<Vec<(u64, LaneProgress)>>;

    /// Reads rows of states of a lane; calls `found` with the index of each key that has a row.
    ///
    /// # Errors
    /// [`crate::connector::ConnectorErrorKind::Lost`] where the lane is not as it is held, at any moment of the reading; what
    /// was found is then to be forgotten. Else where the store does not answer.
    fn load(
        &self,
        lane: u16,
        held: &[Held],
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, &[u8]),
    ) -> ConnectorResult<()>;

    /// The first ends of a state's values in a lane that were saved from partitions of a number, above `after`, in their
    /// order and at most so many: when they end, and their keys. What [`Changes::end`] noted.
    ///
    /// # Errors
    /// As of [`LaneStore::load`].
    fn ends(
        &self,
        lane: u16,
        held: &[Held],
        state: &str,
        partition: u32,
        after: i64,
        most: usize,
    ) -> ConnectorResult<Vec<(i64, Vec<u8>)>>;

    /// Changes rows of states of a lane, what is noted of their ends, and its progress (in the order of `held`) at once, if it still is as it is held. An
    /// error that is no doubt about the outcome is [`Saved::Unknown`] too. Each key is there once: the rows are sorted.
    ///
    /// Rows under [`Changes::guards`] must still be as they were read, or nothing is saved ([`Saved::Lost`]). Whoever holds a
    /// partition of [`Changes::fences`] in the lane and not this worker can save nothing there any more, from the same moment
    /// on.
    fn save(&self, lane: u16, held: &[Held], rows: &Changes, progress: &[LaneProgress]) -> Saved;

    /// Writes rows of dimensions (sorted), each only if it still is as it was read: `expected` has the [`row_version`] of
    /// each row in the order of `rows`. Gives the indices of those that are not, which are left as they are.
    ///
    /// # Errors
    /// Where the store does not answer; any of the rows may be written then.
    fn swap(&self, rows: &Changes, expected: &[u64]) -> ConnectorResult<Vec<usize>>;

    /// Brings rows of dimensions, as they now stand where [`LaneStore::swap`] wrote them, to the other places where their
    /// dimensions are kept as well. Only the keys of `rows` are looked at. A row there is never older afterwards than it was
    /// in its first place when this was called, whoever else brings it at the same time. Does nothing where there is one
    /// place alone.
    ///
    /// # Errors
    /// Where one of the places does not answer; any of the rows may be there then. It may be done again at any time.
    fn spread(&self, _rows: &Changes) -> ConnectorResult<()> {
        Ok(())
    }
}

/// Tells a stored row from what it was before; 0 for none.
#[must_use]
pub fn row_version(row: Option<&[u8]>) -> u64 {
    row.map_or(0, |row| xxhash_rust::xxh3::xxh3_64(row).max(1))
}
