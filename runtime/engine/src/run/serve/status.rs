//! What a worker tells of itself while it serves: for health checks, metrics and whoever looks at it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use serde::Serialize;

use super::super::{drive::Run, event::Trouble};
use crate::{connector::PartitionId, protocol::Machine, store::PartitionName, summary::Summary};

/// What a worker tells of itself.
#[derive(Debug, Default)]
pub struct Status {
    view: Mutex<View>,
    updated: Mutex<Option<Instant>>,
    lost: AtomicU64,
    in_doubt: AtomicU64,
    conflicts: AtomicU64,
    rollbacks: AtomicU64,
    rolled_back: AtomicU64,
    commits: AtomicU64,
    commit_microseconds: AtomicU64,
}

/// A worker as it was when it was last looked at.
#[derive(Clone, Debug, Default, Serialize)]
pub struct View {
    /// Partitions that it has.
    pub partitions: Vec<PartitionView>,
    /// By lane: whether it works.
    pub lanes: Vec<bool>,
    /// What is wrong at the moment.
    pub trouble: Option<Trouble>,
    /// What it did, by source, flow and output.
    pub summary: Summary,
}

/// A partition of a worker.
#[derive(Clone, Debug, Serialize)]
pub struct PartitionView {
    /// The stream's stable id.
    pub stream: String,
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The next offset that is taken.
    pub position: u64,
    /// Whether it is read.
    pub reading: bool,
}

/// Counters of a worker, since it began.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counters {
    /// Lanes that were found to be another worker's, or not as they were left.
    pub lanes_lost: u64,
    /// Saves whose answer did not come.
    pub saves_in_doubt: u64,
    /// Rows of dimensions that another worker changed meanwhile.
    pub row_conflicts: u64,
    /// Partitions found behind what had been saved: the store lost what it had acknowledged.
    pub rollbacks: u64,
    /// Messages that were read again for that.
    pub rolled_back_messages: u64,
    /// Commits.
    pub commits: u64,
    /// Time from the first record of a commit until it was whole, summed, in seconds.
    pub commit_seconds: f64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often the view is made anew at most, in milliseconds.
const EVERY: u128 = 500;

impl Status {
    /// The worker as it was less than a second ago.
    #[must_use]
    pub fn view(&self) -> View {
        locked(&self.view).clone()
    }

    /// Counters.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            lanes_lost: of(&self.lost),
            saves_in_doubt: of(&self.in_doubt),
            row_conflicts: of(&self.conflicts),
            rollbacks: of(&self.rollbacks),
            rolled_back_messages: of(&self.rolled_back),
            commits: of(&self.commits),
            commit_seconds: of(&self.commit_microseconds) as f64 / 1e6,
        }
    }

    /// When the worker last showed that it goes on.
    #[must_use]
    pub fn updated(&self) -> Option<Instant> {
        *locked(&self.updated)
    }

    pub(super) fn count_lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_in_doubt(&self) {
        self.in_doubt.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_conflicts(&self, rows: u64) {
        self.conflicts.fetch_add(rows, Ordering::Relaxed);
    }

    pub(super) fn count_rollback(&self, messages: u64) {
        self.rollbacks.fetch_add(1, Ordering::Relaxed);
        self.rolled_back.fetch_add(messages, Ordering::Relaxed);
    }

    pub(super) fn count_commit(&self, _records: u64, since: Option<Instant>) {
        self.commits.fetch_add(1, Ordering::Relaxed);
        let microseconds = since.map_or(0, |since| since.elapsed().as_micros());
        self.commit_microseconds.fetch_add(u64::try_from(microseconds).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(super) fn set_trouble(&self, trouble: Option<Trouble>) {
        locked(&self.view).trouble = trouble;
    }

    /// Takes the worker's view, if the last is old enough.
    pub(super) fn update(&self, run: &Run, machine: &Machine, names: &BTreeMap<PartitionId, Arc<PartitionName>>) {
        let mut updated = locked(&self.updated);
        if updated.is_some_and(|last| last.elapsed().as_millis() < EVERY) {
            return;
        }
        *updated = Some(Instant::now());
        let partition = |(id, position, reading): (PartitionId, u64, bool)| {
            let name = names.get(&id)?;
            let (stream, topic) = (name.stream.clone(), name.topic.clone());
            Some(PartitionView { stream, topic, partition: name.partition, position, reading })
        };
        let mut view = locked(&self.view);
        view.partitions = machine.partitions().filter_map(partition).collect();
        view.lanes = (0..run.core.lanes).map(|lane| machine.is_open(lane)).collect();
        view.summary = run.summary(false, &[]);
    }
}
