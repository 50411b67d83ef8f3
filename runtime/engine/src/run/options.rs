//! How a plan is run, and how a run is told to stop.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use super::{event::Event, failpoint::Failpoints};
use crate::{frame::Frame, ingest::Secret, observe::Observer};

/// Told of what happens in a run. Called by the thread that drives it.
pub type EventListener = Arc<dyn Fn(&Event) + Send + Sync>;

/// Gives the secret of a name.
pub type Secrets = Arc<dyn Fn(&str) -> Secret + Send + Sync>;

/// How a plan is run.
#[derive(Clone)]
pub struct Options {
    /// Threads that decode and run steps.
    pub workers: usize,
    /// Lanes that the records of stateful flows are spread over; part of what is stored.
    pub lanes: u16,
    /// About how many bytes are read at once.
    pub block: usize,
    /// How many blocks one round takes at most.
    pub blocks: usize,
    /// A commit is made at least this often while there is something to commit.
    pub commit_every: Duration,
    /// A commit is made at least after this many bytes of input.
    pub commit_bytes: u64,
    /// A commit is made at least after this many records.
    pub commit_records: u64,
    /// About how many bytes of states' rows are kept in memory.
    pub state_bytes: usize,
    /// About how many bytes one round takes, and about how many it makes of them.
    pub round_bytes: usize,
    /// A commit is made at least when about so many bytes wait for it: rejected records, and writes of dimensions.
    pub kept_bytes: usize,
    /// A commit is made at least after this many changed rows of states.
    pub changed_rows: u64,
    /// Lets the batches and lanes of every round run in an order that this seed gives, for tests: no order may matter.
    pub interleaving: Option<u64>,
    /// Whether every block is a round and a commit of its own, in the order in which sources gave them.
    pub one_by_one: bool,
    /// Whether Ctrl-C and SIGTERM end the run.
    pub signals: bool,
    /// Where a run can be made to stop.
    pub failpoints: Arc<Failpoints>,
    /// Who is told of records.
    pub observer: Option<Arc<dyn Observer>>,
    /// Who is told of the run.
    pub events: Option<EventListener>,
    /// Gives secrets.
    pub secrets: Secrets,
    /// What `clock()` gives.
    pub clock: Clock,
    /// Stops the run.
    pub stop: StopHandle,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            lanes: 8,
            block: 256 * 1024,
            blocks: 16,
            commit_every: Duration::from_secs(1),
            commit_bytes: 256 * 1024 * 1024,
            commit_records: u64::MAX,
            state_bytes: 256 * 1024 * 1024,
            round_bytes: 64 * 1024 * 1024,
            kept_bytes: 256 * 1024 * 1024,
            changed_rows: 200_000,
            interleaving: None,
            one_by_one: false,
            signals: false,
            failpoints: Arc::default(),
            observer: None,
            events: None,
            secrets: Arc::new(|_| Secret::Unset),
            clock: Clock::Machine,
            stop: StopHandle::default(),
        }
    }
}

/// What `clock()` gives to the steps of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The machine's time.
    Machine,
    /// The time of the record at hand and so many milliseconds, as in tests.
    Records {
        /// Milliseconds.
        ahead: i64,
    },
}

impl Clock {
    /// Sets a record's clock.
    #[inline]
    pub(crate) fn set(self, frame: &Frame<'_>, time: i64) {
        if let Self::Records { ahead } = self {
            frame.set_clock(time.saturating_add(ahead));
        }
    }
}

/// Tells a run to stop: at first after what it has taken is committed, at the second call at once.
#[derive(Clone, Debug, Default)]
pub struct StopHandle(Arc<AtomicU8>);

impl StopHandle {
    /// Tells it; gives how often it was told before.
    pub fn stop(&self) -> u8 {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |times| times.checked_add(1)).unwrap_or(u8::MAX)
    }

    /// Whether the run is to end.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }

    /// Whether it is to end without a commit.
    #[must_use]
    pub fn is_aborting(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 1
    }
}
