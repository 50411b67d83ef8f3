//! What the protocol is told, and what it asks for.

use std::{sync::Arc, time::Duration};

use crate::{
    connector::{LogState, PartitionId},
    marks::Marks,
    store::LaneProgress,
};

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A partition is this worker's.
    Assigned(PartitionId, LogState),
    /// A partition is to go; it is still this worker's until it is released.
    Revoked(PartitionId),
    /// A partition is another's, perhaps for a while already.
    Gone(PartitionId),
    /// The store was claimed: by partition the number of the claim and the progress.
    Claimed {
        /// The lane.
        lane: u16,
        /// What the store said.
        found: Vec<(PartitionId, u64, LaneProgress)>,
    },
    /// The store did not answer; a claim may or may not be there.
    ClaimFailed {
        /// The lane.
        lane: u16,
    },
    /// Every record of a partition up to an offset was worked on, by all lanes that are open.
    Applied {
        /// The partition.
        partition: PartitionId,
        /// The first offset behind.
        next: u64,
        /// The partition's watermark there, in milliseconds.
        watermark: i64,
        /// What was taken of its messages there.
        marks: Arc<Marks>,
    },
    /// A lane is not as it is held, or its store did not answer while it worked: what it did since its last save is void.
    /// Told before the [`Event::Applied`] of what it failed at, and before any action is carried out.
    LaneFailed {
        /// The lane.
        lane: u16,
        /// Whether it was found to be another's, or not as it was left.
        lost: bool,
    },
    /// Something that all lanes stand on failed: what was done since the last commit is void.
    Failed,
    /// A partition had no record for long, so that its watermark goes to where others are; told right before
    /// [`Event::Due`]. It counts once the commit is whole.
    Idle {
        /// The partition.
        partition: PartitionId,
        /// The watermark, in milliseconds.
        watermark: i64,
    },
    /// Rows were changed that no record changed: values have ended by the watermark of a partition that is idle.
    Changed,
    /// It is time to commit.
    Due,
    /// Outputs are in the log.
    Flushed,
    /// Dimensions are written.
    DimensionsSaved,
    /// A lane's rows and progress are saved.
    Saved {
        /// The lane.
        lane: u16,
    },
    /// The first positions of partitions in a lane are saved.
    Begun {
        /// The lane.
        lane: u16,
    },
    /// The time that [`Action::Wait`] asked for is over.
    Waited {
        /// The lane.
        lane: u16,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Claim partitions in a lane; answered by [`Event::Claimed`] or [`Event::ClaimFailed`].
    Claim {
        /// The lane.
        lane: u16,
        /// The partitions.
        partitions: Vec<PartitionId>,
    },
    /// Read a partition from an offset on, again perhaps. Batches of older generations are void.
    Start(Ready),
    /// Forget a lane's rows in memory, and what it did since its last save.
    Forget {
        /// The lane.
        lane: u16,
    },
    /// Forget what the dimension stage and the outputs hold of since the last commit.
    ForgetShared,
    /// Wait, then tell [`Event::Waited`].
    Wait {
        /// The lane.
        lane: u16,
        /// How long.
        time: Duration,
    },
    /// Send outputs and wait until the log has them; answered by [`Event::Flushed`] or [`Event::Failed`].
    Flush,
    /// Write dimensions; answered by [`Event::DimensionsSaved`] or [`Event::Failed`].
    SaveDimensions,
    /// Save a lane's changed rows and its progress; answered by [`Event::Saved`] or [`Event::LaneFailed`].
    Save {
        /// The lane.
        lane: u16,
        /// By partition: the number of the claim, what the store has, and what it is to have.
        progress: Vec<Step>,
    },
    /// Save a lane's progress as it is, with the first positions of partitions that had none, and no rows; answered by
    /// [`Event::Begun`] or [`Event::LaneFailed`].
    Begin {
        /// The lane.
        lane: u16,
        /// As in [`Action::Save`].
        progress: Vec<Step>,
    },
    /// Tell the log how far partitions are.
    TellPositions(Vec<(PartitionId, u64)>),
    /// A revoked partition may go.
    Release(PartitionId),
    /// A commit is whole: everything up to here is safe, but for lanes that failed.
    Committed,
    /// Redis or another store lost what it had acknowledged; it heals by reading again.
    RolledBack {
        /// The partition.
        partition: PartitionId,
        /// How many messages are read again.
        messages: u64,
    },
    /// The worker cannot go on: a person must look.
    Halt(PartitionId, Halt),
}

/// A partition's step in the save of a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The partition.
    pub partition: PartitionId,
    /// The number of the claim.
    pub epoch: u64,
    /// What the store has: none where nothing was ever saved.
    pub from: Option<u64>,
    /// What it is to have.
    pub next: Option<u64>,
    /// The first offset that was ever to be read.
    pub first: u64,
    /// The partition's watermark there, in milliseconds.
    pub watermark: i64,
    /// What was taken of the partition's messages there.
    pub marks: Arc<Marks>,
}

/// A partition that is to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ready {
    /// The partition.
    pub partition: PartitionId,
    /// The first offset.
    pub next: u64,
    /// What batches are marked with.
    pub generation: u64,
    /// The partition's watermark there, in milliseconds.
    pub watermark: i64,
    /// What was taken of its messages there.
    pub marks: Arc<Marks>,
}

/// Why the worker stops.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Halt {
    /// Messages that were not yet counted are no longer in the log.
    Gap {
        /// The next one that is needed.
        next: u64,
        /// The first one that is there.
        low: u64,
    },
    /// The log ends before what was counted: it was truncated, or the topic was made anew.
    Truncated {
        /// The next one that is needed.
        next: u64,
        /// Where the log ends.
        high: u64,
    },
    /// The topic is another one of the same name.
    Recreated,
    /// The store has nothing of a partition that was read before.
    Emptied {
        /// How far the log says that it was read.
        committed: u64,
    },
}

/// What the protocol must know of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamKind {
    /// Whether its records are spread over lanes; the position of one that is not stands in a single lane.
    pub laned: bool,
    /// Streams with one number touch the same rows: a flow merges them.
    pub group: u32,
}

/// Where a partition begins that was never read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum First {
    /// At the first message that is there.
    #[default]
    Earliest,
    /// Behind the last one.
    Latest,
}

/// Rules of the protocol that a test may leave out, to see that it notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Outputs are sent before rows are saved.
    pub emit_first: bool,
    /// The store, and not the log, says where a partition is read from.
    pub start_from_store: bool,
    /// Messages that a worker sent again are passed over.
    pub pass_over_repetitions: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { emit_first: true, start_from_store: true, pass_over_repetitions: true }
    }
}
