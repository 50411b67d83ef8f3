//! What the polling thread saw of the group and the logs, for those who look on from outside.

use std::sync::{
    Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};

/// The end of a partition, as the last fetch told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionEnd {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The offset that the next message will get.
    pub end: u64,
}

/// What was seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// A call of the client that should not fail did.
    note: Mutex<Option<String>>,
    /// Whether the group let this member in, be it without partitions.
    joined: AtomicBool,
    ends: Mutex<Vec<PartitionEnd>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Seen {
    pub(crate) fn note(&self) -> Option<String> {
        locked(&self.note).clone()
    }

    pub(crate) fn set_note(&self, note: Option<String>) {
        *locked(&self.note) = note;
    }

    pub(crate) fn is_joined(&self) -> bool {
        self.joined.load(Ordering::Relaxed)
    }

    pub(crate) fn set_joined(&self, joined: bool) {
        self.joined.store(joined, Ordering::Relaxed);
    }

    pub(crate) fn ends(&self) -> Vec<PartitionEnd> {
        locked(&self.ends).clone()
    }

    pub(crate) fn set_ends(&self, ends: Vec<PartitionEnd>) {
        *locked(&self.ends) = ends;
    }
}
