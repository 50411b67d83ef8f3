//! What a worker tells of itself while it serves: for health checks, metrics and whoever looks at it.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{
    super::event::Trouble,
    durations::{Counted, Durations},
};
use crate::{connector::PartitionId, protocol::Machine, store::PartitionName, summary::Summary};

/// What a worker tells of itself. It may outlive a worker: what is counted goes on from one to the next.
#[derive(Debug, Default)]
pub struct Status {
    view: Mutex<View>,
    life: Mutex<Option<Life>>,
    viewed: Mutex<Option<Instant>>,
    committed: Mutex<Committed>,
    lost: AtomicU64,
    in_doubt: AtomicU64,
    conflicts: AtomicU64,
    rollbacks: AtomicU64,
    rolled_back: AtomicU64,
    commits: AtomicU64,
    commit_microseconds: AtomicU64,
    pub(super) rounds: Durations,
    pub(super) flushes: Durations,
    pub(super) saves: Durations,
    pub(super) whole: Durations,
}

/// A sign of life, and how long it holds.
#[derive(Clone, Copy, Debug)]
struct Life {
    shown: Instant,
    holds: Duration,
}

/// What was committed.
#[derive(Debug, Default)]
struct Committed {
    /// By workers that have ended.
    earlier: Summary,
    /// By the one that serves now.
    now: Summary,
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

/// How long what the worker does over and over takes.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Times {
    /// Working on the batches of a round.
    pub rounds: Counted,
    /// Waiting until the log has all that was sent to it.
    pub flushes: Counted,
    /// Saving one lane in the store.
    pub saves: Counted,
    /// A commit, from its begin until all of it is durable.
    pub commits: Counted,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How often the view is made anew at most.
const EVERY: Duration = Duration::from_millis(500);

/// How long a sign of life holds: the loop goes round many times a second.
const LIFE: Duration = Duration::from_secs(30);

/// The same while a server is waited for that does not answer. Each of these calls ends by a time limit of its own, at most
/// twice half a minute; a worker that is killed for it would only wait for the same server again.
const PATIENT_LIFE: Duration = Duration::from_secs(90);

impl Status {
    /// The worker as it was less than a second ago.
    #[must_use]
    pub fn view(&self) -> View {
        locked(&self.view).clone()
    }

    /// What was committed, by source, flow and output, in this worker and those before it in this process. No number in it
    /// ever goes down: what a fault makes void was not counted here.
    #[must_use]
    pub fn committed(&self) -> Summary {
        let committed = locked(&self.committed);
        let mut all = committed.earlier.clone();
        all.add(&committed.now);
        all
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

    /// How long what it does over and over takes.
    #[must_use]
    pub fn times(&self) -> Times {
        Times {
            rounds: self.rounds.counted(),
            flushes: self.flushes.counted(),
            saves: self.saves.counted(),
            commits: self.whole.counted(),
        }
    }

    /// How long ago the worker last showed that it goes on; none before it began.
    #[must_use]
    pub fn silent_for(&self) -> Option<Duration> {
        locked(&self.life).map(|life| life.shown.elapsed())
    }

    /// Whether the worker goes on: it showed so lately, or waits for a server and is not yet overdue.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        locked(&self.life).is_some_and(|life| life.shown.elapsed() <= life.holds)
    }

    /// Shows that the worker goes on.
    pub fn show_life(&self) {
        *locked(&self.life) = Some(Life { shown: Instant::now(), holds: LIFE });
    }

    /// The same, before a server is asked that may not answer.
    pub(super) fn show_patient_life(&self) {
        *locked(&self.life) = Some(Life { shown: Instant::now(), holds: PATIENT_LIFE });
    }

    /// A worker begins.
    pub(super) fn begin(&self) {
        self.show_life();
        self.end();
    }

    /// A worker has ended: nothing is its own any more, and what it committed stays counted.
    pub(super) fn end(&self) {
        let mut committed = locked(&self.committed);
        let now = std::mem::take(&mut committed.now);
        committed.earlier.add(&now);
        *locked(&self.view) = View::default();
        *locked(&self.viewed) = None;
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

    /// A commit is whole: `all` is what this worker has committed by now.
    pub(super) fn count_commit(&self, all: Summary, since: Option<Instant>, begun: Option<Instant>) {
        locked(&self.committed).now = all;
        self.commits.fetch_add(1, Ordering::Relaxed);
        let microseconds = since.map_or(0, |since| since.elapsed().as_micros());
        self.commit_microseconds.fetch_add(u64::try_from(microseconds).unwrap_or(u64::MAX), Ordering::Relaxed);
        if let Some(begun) = begun {
            self.whole.add(begun.elapsed());
        }
    }

    pub(super) fn set_trouble(&self, trouble: Option<Trouble>) {
        locked(&self.view).trouble = trouble;
    }

    /// Takes the worker's view, if the last is old enough.
    pub(super) fn update(&self, lanes: u16, machine: &Machine, names: &BTreeMap<PartitionId, Arc<PartitionName>>) {
        let mut viewed = locked(&self.viewed);
        if viewed.is_some_and(|last| last.elapsed() < EVERY) {
            return;
        }
        *viewed = Some(Instant::now());
        self.show_life();
        let partition = |(id, position, reading): (PartitionId, u64, bool)| {
            let name = names.get(&id)?;
            let (stream, topic) = (name.stream.clone(), name.topic.clone());
            Some(PartitionView { stream, topic, partition: name.partition, position, reading })
        };
        let mut view = locked(&self.view);
        view.partitions = machine.partitions().filter_map(partition).collect();
        view.lanes = (0..lanes).map(|lane| machine.is_open(lane)).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::SourceSummary;

    fn summary(records: u64) -> Summary {
        let source = SourceSummary { name: "orders".to_owned(), records, ..SourceSummary::default() };
        Summary { sources: vec![source], records, ..Summary::default() }
    }

    #[test]
    fn what_is_committed_never_goes_down() {
        let status = Status::default();
        status.begin();
        status.count_commit(summary(10), None, None);
        status.count_commit(summary(15), None, None);
        assert_eq!(status.committed().records, 15);
        // The next worker of the process counts from nothing.
        status.begin();
        assert_eq!(status.committed().records, 15);
        status.count_commit(summary(1), None, None);
        assert_eq!((status.committed().records, status.committed().sources[0].records), (16, 16));
        status.end();
        status.end();
        assert_eq!(status.committed().records, 16);
    }

    #[test]
    fn life_is_shown_and_ends() {
        let status = Status::default();
        assert!(!status.is_alive() && status.silent_for().is_none());
        status.show_life();
        assert!(status.is_alive());
        let long_ago = Instant::now().checked_sub(Duration::from_secs(60)).unwrap();
        *locked(&status.life) = Some(Life { shown: long_ago, holds: LIFE });
        assert!(!status.is_alive());
        *locked(&status.life) = Some(Life { shown: long_ago, holds: PATIENT_LIFE });
        assert!(status.is_alive());
    }
}
