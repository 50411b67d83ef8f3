//! What happens in a run, as data: a live line, a log line and a metric are all made from these.

use serde::Serialize;

/// Something that happened in a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// About once a second.
    Progress(Progress),
    /// A commit is durable.
    Committed(Committed),
    /// Something that the user should know of the program: what it holds that is not run, how it differs from the last one.
    Note(Note),
    /// A partition came to this worker or left it.
    Partition(PartitionMoved),
    /// A lane is not as it was left, or its store does not answer; it is claimed again.
    LaneFailed(LaneFailed),
    /// The store lost what it had acknowledged; the messages are read again.
    RolledBack(RolledBack),
    /// Something does not work that is waited for.
    Trouble(Trouble),
    /// It works again.
    Healed,
    /// The run was told to stop and ends after a last commit.
    Stopping,
    /// It was told so again some time ago and is still in the middle of something that cannot be broken off: who listens may
    /// end the process, which is as safe as any other moment.
    Overdue,
}

/// How far the run is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Progress {
    /// Records taken in this run.
    pub records: u64,
    /// Records a second since the last event.
    pub rate: f64,
    /// Records rejected in this run.
    pub rejected: u64,
    /// Bytes known to wait in the inputs.
    pub lag: u64,
    /// Seconds since the run began.
    pub seconds: f64,
}

/// A commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Committed {
    /// Which, from 1, in this run.
    pub number: u64,
    /// Records that it holds.
    pub records: u64,
    /// Rows that it changed in the store.
    pub rows: u64,
    /// How long it took, in milliseconds.
    pub milliseconds: f64,
}

/// Something to know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// In words.
    pub message: String,
}

/// A partition that came or left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PartitionMoved {
    /// `assigned`, `started`, `revoked`, `released` or `gone`.
    pub what: &'static str,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
}

/// A lane that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LaneFailed {
    /// The lane.
    pub lane: u16,
    /// Whether it was found to be another worker's, or not as it was left.
    pub lost: bool,
    /// What happened.
    pub message: String,
}

/// A partition whose saved position went back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RolledBack {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// How many messages are read again.
    pub messages: u64,
}

/// Something that does not work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What: `store`, `source`, or an output by its name.
    pub part: String,
    /// What happened and where.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}
