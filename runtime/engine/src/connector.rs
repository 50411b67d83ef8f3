//! What the engine asks of connectors: sources, sinks and the store. The engine knows no connector by name.
//!
//! All calls block; the engine makes them on threads of its own.

use std::fmt;

/// Longest message that is read whole, in bytes; of a longer one the first [`KEPT_OF_OVERSIZED`] bytes are kept.
pub const LONGEST_MESSAGE: usize = 16 * 1024 * 1024;

/// How much of a message that is too long is kept, in bytes.
pub const KEPT_OF_OVERSIZED: usize = 1024 * 1024;

/// What a connector could not do, in the user's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectorError {
    /// Which kind of failure.
    pub kind: ConnectorErrorKind,
    /// What happened and where, as one sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Kinds of connector failures that the engine treats differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectorErrorKind {
    /// Another process uses it.
    Locked,
    /// There is no room left.
    Full,
    /// It may not be read or written.
    Permission,
    /// It is not there.
    NotFound,
    /// What is there is damaged or something else.
    Damaged,
    /// It was changed since the last run in a way that makes going on wrong.
    Changed,
    /// A reader of the output went away (a closed pipe).
    Closed,
    /// Any other failure.
    Other,
}

impl ConnectorError {
    /// An error with its words.
    #[must_use]
    pub fn new(kind: ConnectorErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), help: None }
    }

    /// The same with what to do about it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for ConnectorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(help) = &self.help {
            write!(f, "; {help}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConnectorError {}

/// The result of a connector's call.
pub type ConnectorResult<T> = Result<T, ConnectorError>;

/// Where a source's partition stands: everything before it was taken.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Offset of the next message.
    pub next: u64,
    /// What the connector needs beside to find it again and to know that it is still the same stream.
    pub detail: Vec<u8>,
}

/// A message inside a [`RawBatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// First byte in the batch.
    pub start: u32,
    /// Behind the last byte in the batch.
    pub end: u32,
    /// Its offset in the partition: for a file the number of its first line, from 1.
    pub offset: u64,
    /// The message's own time in milliseconds, where the stream has one.
    pub timestamp: Option<i64>,
    /// Its key's range in the batch, where it has one.
    pub key: Option<(u32, u32)>,
    /// Its whole length where it was longer than [`LONGEST_MESSAGE`] and was cut; it is to be rejected.
    pub oversized: Option<u64>,
}

/// What one poll of one partition gave.
#[derive(Clone, Debug, Default)]
pub struct RawBatch {
    /// The partition.
    pub partition: u32,
    /// The bytes that the messages are ranges of.
    pub bytes: Vec<u8>,
    /// The messages in order.
    pub messages: Vec<Message>,
    /// Where the partition stands after the last message.
    pub end: Position,
}

impl RawBatch {
    /// Makes it empty and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.messages.clear();
        self.end.next = 0;
        self.end.detail.clear();
    }

    /// The bytes of a message.
    #[must_use]
    pub fn message(&self, message: &Message) -> &[u8] {
        self.bytes.get(message.start as usize..message.end as usize).unwrap_or_default()
    }

    /// The key of a message.
    #[must_use]
    pub fn key(&self, message: &Message) -> Option<&[u8]> {
        message.key.and_then(|(start, end)| self.bytes.get(start as usize..end as usize))
    }
}

/// What a poll found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polled {
    /// The batch has messages.
    Batch,
    /// Nothing now; more may come.
    Idle,
    /// Nothing, and nothing will come.
    End,
}

/// How a stream of bytes is cut into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Lines.
    Lines,
    /// CSV records after a header; a quoted cell may hold line ends.
    Csv,
}

/// A stream of messages in partitions.
pub trait Source: Send {
    /// Starts reading behind these positions (partition and position); partitions not named start at their beginning.
    /// Refuses with [`ConnectorErrorKind::Changed`] where what is there is not what the positions belong to.
    ///
    /// # Errors
    /// Where it cannot be opened.
    fn open(&mut self, positions: &[(u32, Position)]) -> ConnectorResult<()>;

    /// The CSV header, where the framing has one; known after [`Source::open`]. Empty while a followed stream has none.
    fn header(&self) -> Option<&[u8]> {
        None
    }

    /// Fills an empty batch with at most about `bytes` bytes of one partition. Waits no longer than about 50 ms.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn poll(&mut self, batch: &mut RawBatch, bytes: usize) -> ConnectorResult<Polled>;

    /// How much is known to be waiting behind what was polled, in bytes or messages as [`Source::size`] counts.
    fn waiting(&self) -> Option<u64> {
        None
    }

    /// Whether a killed run can read again from a position.
    fn resumable(&self) -> bool {
        true
    }
}

/// Messages on their way out. Each message is followed by one LF in `bytes` that is not part of it, so that a sink of
/// lines can write the bytes as they are.
#[derive(Clone, Debug, Default)]
pub struct OutputBatch {
    /// Messages, each followed by an LF.
    pub bytes: Vec<u8>,
    /// Keys, one behind the other.
    pub keys: Vec<u8>,
    /// Where each message ends in `bytes` (behind its LF) and its key in `keys`.
    pub ends: Vec<(u32, u32)>,
}

impl OutputBatch {
    /// Makes it empty and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.keys.clear();
        self.ends.clear();
    }

    /// Ends a message whose bytes and key were pushed onto `bytes` and `keys`.
    pub fn end_message(&mut self) {
        self.bytes.push(b'\n');
        self.ends.push((self.bytes.len() as u32, self.keys.len() as u32));
    }

    /// Adds a whole message.
    pub fn push(&mut self, key: &[u8], message: &[u8]) {
        self.keys.extend_from_slice(key);
        self.bytes.extend_from_slice(message);
        self.end_message();
    }

    /// Keys and messages in order.
    pub fn messages(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let mut from = (0_usize, 0_usize);
        self.ends.iter().map(move |&(end, key_end)| {
            let key = self.keys.get(from.1..key_end as usize).unwrap_or_default();
            let message = self.bytes.get(from.0..(end as usize).saturating_sub(1)).unwrap_or_default();
            from = (end as usize, key_end as usize);
            (key, message)
        })
    }
}

/// A place that messages are appended to. What was appended and flushed belongs to the commit whose progress holds the
/// position that [`Sink::flush`] gave.
pub trait Sink: Send {
    /// Opens at a position of an earlier run, cutting off what came behind it; empty where there was none.
    ///
    /// # Errors
    /// Where it cannot be opened, or where less is there than the position says.
    fn open(&mut self, position: Option<&[u8]>) -> ConnectorResult<()>;

    /// Appends messages.
    ///
    /// # Errors
    /// Where they cannot be written.
    fn append(&mut self, batch: &OutputBatch) -> ConnectorResult<()>;

    /// Makes everything that was appended durable and gives the position behind it.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn flush(&mut self) -> ConnectorResult<Vec<u8>>;

    /// Whether what an uncommitted run appended is cut off when a run resumes.
    fn belongs_to_commit(&self) -> bool {
        true
    }
}

/// Changes of one table of the store: rows to put or to delete.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    bytes: Vec<u8>,
    rows: Vec<Change>,
}

#[derive(Clone, Copy, Debug)]
struct Change {
    start: usize,
    key: u32,
    /// Length of the value; [`DELETED`] for a row to delete.
    value: u32,
}

const DELETED: u32 = u32::MAX;

impl Changes {
    /// Makes it empty and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.rows.clear();
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
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let middle = self.bytes.len();
        value(&mut self.bytes);
        let length = (self.bytes.len() - middle) as u32;
        self.rows.push(Change { start, key: key.len() as u32, value: length });
    }

    /// Deletes a row.
    pub fn delete(&mut self, key: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        self.rows.push(Change { start, key: key.len() as u32, value: DELETED });
    }

    /// Puts the rows in the order of their keys; of several changes of one row the last stays.
    pub fn sort(&mut self) {
        let bytes = &self.bytes;
        let key = |row: &Change| &bytes[row.start..row.start + row.key as usize];
        self.rows.sort_by(|a, b| key(a).cmp(key(b)));
        let mut kept: Vec<Change> = Vec::with_capacity(self.rows.len());
        for row in &self.rows {
            match kept.last_mut() {
                Some(last) if key(last) == key(row) => *last = *row,
                _ => kept.push(*row),
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

    /// Makes all changes at once, durably. The batch is sorted.
    ///
    /// # Errors
    /// Where it cannot; nothing of the batch is kept then.
    fn commit(&self, batch: &StoreBatch) -> ConnectorResult<()>;
}
