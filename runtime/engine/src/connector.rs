//! What the engine asks of connectors: sources, sinks and the store. The engine knows no connector by name.
//!
//! All calls block; the engine makes them on threads of its own.

use std::{fmt, sync::Arc};

use nsf_plan::connector::Connector;

pub use crate::lookup::{Lookup, LookupMember};
use crate::store::{Form, Store};

mod outgoing;

pub use outgoing::{MessageId, OutputBatch, Placed, RefusedMessage, Sequence};

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
    /// It does not answer now and may later: a connection broke, a server restarts. What was asked may have been done.
    Unavailable,
    /// A lane of the store belongs to another worker, or is not as it was left: what was read of it must be forgotten.
    Lost,
    /// Any other failure.
    Other,
}

impl ConnectorErrorKind {
    /// Whether it may heal by itself, or by what is done elsewhere, so that it is worth to try again.
    #[must_use]
    pub const fn may_heal(self) -> bool {
        !matches!(self, Self::Damaged | Self::Changed | Self::Locked | Self::Closed)
    }
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// Its headers, as a range of [`RawBatch::headers`].
    pub headers: (u32, u32),
    /// Whether it has no value at all, which in a compacted topic deletes what its key names.
    pub tombstone: bool,
}

/// A header of a message: where its name and its value begin and end in the batch's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The name, which is UTF-8.
    pub name: (u32, u32),
    /// The value.
    pub value: (u32, u32),
}

/// What one poll of one partition gave.
#[derive(Clone, Debug, Default)]
pub struct RawBatch {
    /// Which of the source's streams, by the order in which they were asked for.
    pub stream: u32,
    /// The partition.
    pub partition: u32,
    /// The number of the [`Command::Start`] since which the partition is read; 0 where partitions are never started.
    pub generation: u64,
    /// The bytes that the messages are ranges of.
    pub bytes: Vec<u8>,
    /// The messages in order.
    pub messages: Vec<Message>,
    /// The messages' headers, one message's behind the other's.
    pub headers: Vec<Header>,
    /// Where the partition stands after the last message.
    pub end: Position,
}

impl RawBatch {
    /// Makes it empty and keeps its memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.messages.clear();
        self.headers.clear();
        self.generation = 0;
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

    /// Names and values of a message's headers.
    pub fn headers(&self, message: &Message) -> impl Iterator<Item = (&str, &[u8])> {
        let range = |(start, end): (u32, u32)| self.bytes.get(start as usize..end as usize).unwrap_or_default();
        let headers = self.headers.get(message.headers.0 as usize..message.headers.1 as usize).unwrap_or_default();
        headers
            .iter()
            .map(move |header| (std::str::from_utf8(range(header.name)).unwrap_or_default(), range(header.value)))
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
    /// Partitions came or are to go: [`Source::changes`].
    Changed,
}

/// A partition of a source that several workers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartitionId {
    /// Which of the source's streams, by the order in which they were asked for.
    pub stream: u32,
    /// The partition.
    pub partition: u32,
}

/// What the log says of a partition when it is assigned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogState {
    /// The first offset that is still there.
    pub low: u64,
    /// The offset that the next message will get.
    pub high: u64,
    /// The position that the group committed, for the first start and for comparison; the store's is the true one.
    pub committed: Option<u64>,
    /// Whether a worker committed it ([`Command::Commit`]), so that the store must know of the partition.
    pub by_worker: bool,
    /// Tells this topic from another of the same name: what the broker calls its id. Empty where it is not known.
    pub incarnation: String,
    /// How many partitions the topic has; 0 where that is not known.
    pub partitions: u32,
    /// Whether offsets stand for entries that are named by a time and a number: [`crate::timed`].
    pub timed: bool,
}

/// A change of which partitions a worker reads, or of what is known of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is this worker's now. Nothing is read of it before [`Command::Start`].
    Assigned(PartitionId, LogState),
    /// It is to go: nothing more is read of it; what was taken is to be committed, then [`Command::Release`] given.
    Revoked(PartitionId),
    /// It is gone already, perhaps to another worker: nothing that was taken may be committed.
    Gone(PartitionId),
    /// The answer to [`Command::Count`].
    Counted {
        /// Which of the source's streams.
        stream: u32,
        /// How many partitions its topic has now.
        partitions: u32,
    },
}

/// What a source that several workers share is told. Commands are carried out by the thread that polls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Read a partition from an offset on. Batches that were read before are of an older generation.
    Start {
        /// The partition.
        partition: PartitionId,
        /// The first offset.
        next: u64,
        /// What its batches are marked with.
        generation: u64,
    },
    /// Stop reading a partition until it is started again.
    Pause(PartitionId),
    /// A revoked partition may go.
    Release(PartitionId),
    /// Positions for those who look at the group from outside; nothing depends on them.
    Commit(Vec<(PartitionId, u64)>),
    /// Ask how many partitions the topic of a stream has now; answered by [`Change::Counted`].
    Count(u32),
}

/// How a stream of bytes is cut into messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    /// Lines of JSON: empty ones are no messages.
    Json,
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

    /// As [`Source::poll`], errors too, but does not wait for what is not there: for who has other sources to ask.
    fn look(&mut self, batch: &mut RawBatch, bytes: usize) -> ConnectorResult<Polled> {
        self.poll(batch, bytes)
    }

    /// How much is known to be waiting behind what was polled, in bytes.
    fn waiting(&self) -> Option<u64> {
        None
    }

    /// Whether a killed run can read again from a position.
    fn resumable(&self) -> bool {
        true
    }

    /// After [`Polled::Changed`]: what changed, in order, each once.
    fn changes(&mut self) -> Vec<Change> {
        Vec::new()
    }

    /// Carries out a command; only asked of sources that told of changes. Does not wait longer than about 50 ms: what
    /// cannot be done at once is done by later polls.
    ///
    /// # Errors
    /// Where it can never be carried out.
    fn command(&mut self, command: Command) -> ConnectorResult<()> {
        let _ = command;
        Ok(())
    }

    /// There is no room for a batch now: keeps connections and membership alive without taking messages. Called at least
    /// every second then.
    ///
    /// # Errors
    /// As [`Source::poll`].
    fn rest(&mut self) -> ConnectorResult<Polled> {
        Ok(Polled::Idle)
    }

    /// Leaves in good order: called once at the end, after the last commands. Takes no longer than `deadline`.
    fn close(&mut self, _deadline: std::time::Duration) {}
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

    /// After a [`Sink::flush`]: the messages since the flush before that will never be taken as they are. Each is kept as a
    /// rejected record, and the commit goes on.
    fn refused(&mut self) -> Vec<RefusedMessage> {
        Vec::new()
    }

    /// Whether what an uncommitted run appended is cut off when a run resumes.
    fn belongs_to_commit(&self) -> bool {
        true
    }

    /// What was appended since the last commit is void: it is taken back, where that can be done, and comes again.
    fn forget(&mut self) {}

    /// Whether messages are to come with their [`OutputBatch::ids`].
    fn wants_ids(&self) -> bool {
        false
    }
}

/// A stream or output as the plan names it.
#[derive(Clone, Debug)]
pub struct StreamRequest<'p> {
    /// What it is on.
    pub connector: &'p Connector,
    /// What the source is called in the store; empty for what is no source.
    pub id: &'p str,
    /// Names under which the user may give it another place: the stream's name with and without module, the topic.
    pub names: Vec<&'p str>,
    /// How it is cut into messages.
    pub framing: Framing,
    /// Whether this run writes it, so that more may come until the run's end.
    pub written: bool,
}

/// Builds the pieces that a plan names, for one profile. Nothing is opened before the pieces are asked to.
pub trait Connectors: Send + Sync {
    /// A stream to read.
    ///
    /// # Errors
    /// Where the kind cannot be read, or the place is not there.
    fn source(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>>;

    /// The streams that are read together, as one source that shares their partitions with other workers: for each of the
    /// requests whether it is one of them. None where there is no such source. Requests with one number in `groups` are
    /// merged by a flow: their partitions of one number must always come to one worker.
    ///
    /// # Errors
    /// As [`Connectors::source`].
    fn shared(&self, requests: &[StreamRequest<'_>], groups: &[u32]) -> ConnectorResult<Option<SharedSource>> {
        let _ = (requests, groups);
        Ok(None)
    }

    /// Rows that are read whole before the first record.
    ///
    /// # Errors
    /// As [`Connectors::source`].
    fn table(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>>;

    /// A table whose rows are looked up by key while the plan runs; none where it is read whole by
    /// [`Connectors::table`]. What the rows must have is looked at now: the key's members, and all that are wanted.
    ///
    /// # Errors
    /// Where the table is not there or is another.
    fn lookup(
        &self,
        request: &StreamRequest<'_>,
        key: &[LookupMember],
        members: &[LookupMember],
    ) -> ConnectorResult<Option<Arc<dyn Lookup>>> {
        let _ = (request, key, members);
        Ok(None)
    }

    /// A place to append messages to.
    ///
    /// # Errors
    /// Where the kind cannot be written.
    fn sink(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Sink>>;

    /// Where a dimension, a state or `rejected` is to be written whole at the end of a run, if the user asked for it.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn export(&self, names: &[&str]) -> ConnectorResult<Option<Box<dyn Export>>>;

    /// The store; opened, and locked against other processes.
    ///
    /// # Errors
    /// Where it cannot be opened.
    fn store(&self) -> ConnectorResult<Arc<dyn Store>>;

    /// How rows are written in the store.
    fn form(&self) -> Form {
        Form::Binary
    }

    /// Where rejected records go that their source names no topic for; none where the store keeps them.
    ///
    /// # Errors
    /// Where it cannot be written.
    fn rejected(&self) -> ConnectorResult<Option<Box<dyn Sink>>> {
        Ok(None)
    }
}

/// A source of several streams; see [`Connectors::shared`].
pub struct SharedSource {
    /// By request: its index among the source's streams ([`PartitionId::stream`]), none where it is not one of them.
    pub streams: Vec<Option<u32>>,
    /// The source.
    pub source: Box<dyn Source>,
}

/// A result that is written whole: what was there stays until [`Export::finish`].
pub trait Export: Send {
    /// Adds bytes.
    ///
    /// # Errors
    /// Where they cannot be written.
    fn write(&mut self, bytes: &[u8]) -> ConnectorResult<()>;

    /// Puts what was written in the place of what was there.
    ///
    /// # Errors
    /// Where it cannot be done; what was there is then as it was.
    fn finish(&mut self) -> ConnectorResult<()>;
}
