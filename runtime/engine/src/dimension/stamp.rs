//! When and by whom a field was last written: what decides which of two writes stays.

use std::{cmp::Ordering, sync::Arc};

/// Whether an ingest or a flow wrote. At the same time a flow's write stays, because it was computed from what was
/// there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WrittenBy {
    /// An ingest: ordered by its message's time.
    Ingest,
    /// A flow: ordered as the flow took its records.
    Flow,
}

/// The version of a stored field or deletion. Orders by time, then flow above ingest, then writer, partition, offset.
///
/// An ingest's stamp carries its message's time, so any order of its messages leaves the same stamps. A flow's stamp
/// carries the record's time or, where that is older than what the flow replaces, the time of the replaced: the flow's
/// later write always stays, and a later ingest's write still has to be newer than all that the flow knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Milliseconds.
    pub time: i64,
    /// Who.
    pub by: WrittenBy,
    /// The stable id of the ingest; of a flow its id and a number of the topic that the causing record came from.
    pub writer: Arc<str>,
    /// The partition that the causing record came from.
    pub partition: u32,
    /// Its offset there.
    pub offset: u64,
}

impl Stamp {
    /// Whether a flow's write is one that it made before this one: after a fault records are taken again from the last
    /// commit on, and what came of later ones may stand in the row already.
    #[must_use]
    pub fn is_repeated_by(&self, later: &Self) -> bool {
        self.by == WrittenBy::Flow
            && self.writer == later.writer
            && self.partition == later.partition
            && self.offset > later.offset
    }
}

impl Ord for Stamp {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = self.time.cmp(&other.time).then(self.by.cmp(&other.by));
        order
            .then_with(|| self.writer.cmp(&other.writer))
            .then(self.partition.cmp(&other.partition))
            .then(self.offset.cmp(&other.offset))
    }
}

impl PartialOrd for Stamp {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
