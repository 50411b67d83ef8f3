//! Observers: told of every record's way through the engine. With none attached the engine only asks whether there is
//! one.

/// A record on its way: which message of which stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId {
    /// The stream's number, [`crate::stable::number`] of its id.
    pub stream: u32,
    /// Its partition.
    pub partition: u32,
    /// The message's offset.
    pub offset: u64,
}

/// Where a record is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Point<'p> {
    /// It was decoded and comes to a pipeline, named by its id.
    Entry(&'p str),
    /// A step, named by its id, was run on it.
    Step(&'p str),
    /// A step gave an output for it: a message or a dimension's row.
    Output(&'p str),
    /// It was dropped by a step, or as late where there is no step, for a reason.
    Dropped(&'p str, &'p str),
    /// It was rejected by a step, or could not be read where there is no step, with a code.
    Rejected(&'p str, &'static str),
    /// Its steps ended and what they did stands.
    Done(&'p str),
}

/// Told of records. Called by many threads; what it does takes the engine's time.
pub trait Observer: Send + Sync {
    /// A record came to a point.
    fn observe(&self, record: RecordId, point: Point<'_>);
}
