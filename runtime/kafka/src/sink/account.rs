//! Counting what was given to the producer and what the brokers confirmed.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rdkafka::error::RDKafkaErrorCode;

/// What a message costs the producer beside its bytes: what the client keeps of it, its headers, its place in a request.
const EACH: usize = 512;

/// The messages of one sink since its last fault.
#[derive(Debug, Default)]
pub(crate) struct Account {
    outstanding: AtomicU64,
    state: Mutex<Option<RDKafkaErrorCode>>,
    changed: Condvar,
}

impl Account {
    /// A message is on its way.
    pub(crate) fn sent(&self) {
        self.outstanding.fetch_add(1, Ordering::AcqRel);
    }

    /// A message is not on its way any more: it was confirmed, or failed.
    pub(crate) fn done(&self, failure: Option<RDKafkaErrorCode>) {
        if let Some(code) = failure {
            // The first failure is the cause; what follows it are its consequences.
            self.state().get_or_insert(code);
        }
        if self.outstanding.fetch_sub(1, Ordering::AcqRel) == 1 || failure.is_some() {
            // Under the lock, so that it is not missed between a look and the wait.
            drop(self.state());
            self.changed.notify_all();
        }
    }

    /// The first failure.
    pub(crate) fn failure(&self) -> Option<RDKafkaErrorCode> {
        *self.state()
    }

    /// Waits until every message was confirmed or one failed; whether it came to that in time.
    pub(crate) fn settled(&self, until: Instant) -> bool {
        let mut state = self.state();
        loop {
            if state.is_some() || self.outstanding.load(Ordering::Acquire) == 0 {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    pub(crate) fn outstanding(&self) -> u64 {
        self.outstanding.load(Ordering::Acquire)
    }

    fn state(&self) -> MutexGuard<'_, Option<RDKafkaErrorCode>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much a producer may hold that is not confirmed: below its own limits, whose refusal the binding's own ways meet with
/// sleeps of 100 ms (rust-rdkafka 0.39, `FutureProducer::send`).
#[derive(Debug)]
pub(crate) struct Room {
    limit: usize,
    used: AtomicUsize,
    waiting: Mutex<usize>,
    changed: Condvar,
}

impl Room {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, used: AtomicUsize::new(0), waiting: Mutex::new(0), changed: Condvar::new() })
    }

    /// Takes room for a message of `bytes`; whether there was some in time. A message longer than all the room gets it
    /// when nothing else has any.
    pub(crate) fn take(&self, bytes: usize, until: Instant) -> bool {
        let bytes = bytes + EACH;
        if self.try_take(bytes) {
            return true;
        }
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting += 1;
        let taken = loop {
            if self.try_take(bytes) {
                break true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break false;
            }
            // A little at a time: room that is given back does not always take the lock.
            let slice = left.min(Duration::from_millis(10));
            waiting = self.changed.wait_timeout(waiting, slice).unwrap_or_else(PoisonError::into_inner).0;
        };
        *waiting -= 1;
        taken
    }

    fn try_take(&self, bytes: usize) -> bool {
        let fits = |used: usize| (used == 0 || used + bytes <= self.limit).then_some(used + bytes);
        self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).is_ok()
    }

    /// Gives room back. Those who wait are woken when there is some for more than one message.
    pub(crate) fn give_back(&self, bytes: usize) {
        let before = self.used.fetch_sub(bytes + EACH, Ordering::AcqRel);
        let crossed = |mark: usize| before >= mark && before.saturating_sub(bytes + EACH) < mark;
        if crossed(self.limit / 2) || before == bytes + EACH {
            self.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn room_is_given_when_there_is_some() {
        let room = Room::new(1000);
        let soon = || Instant::now() + Duration::from_millis(30);
        assert!(room.take(400, soon()));
        assert!(!room.take(600, soon()));
        let other = Arc::clone(&room);
        let waiting = thread::spawn(move || other.take(600, Instant::now() + Duration::from_secs(10)));
        thread::sleep(Duration::from_millis(20));
        room.give_back(400);
        assert!(waiting.join().unwrap());
        room.give_back(600);
        assert!(room.take(5000, soon()), "a message longer than all the room has it alone");
    }

    #[test]
    fn an_account_is_settled_by_the_last_message_or_a_failure() {
        let account = Arc::new(Account::default());
        account.sent();
        account.sent();
        assert!(!account.settled(Instant::now() + Duration::from_millis(10)));
        let other = Arc::clone(&account);
        let waiting = thread::spawn(move || other.settled(Instant::now() + Duration::from_secs(10)));
        account.done(None);
        account.done(None);
        assert!(waiting.join().unwrap() && account.failure().is_none());
        account.sent();
        account.sent();
        account.done(Some(RDKafkaErrorCode::MessageTimedOut));
        account.done(Some(RDKafkaErrorCode::PurgeQueue));
        assert_eq!(account.failure(), Some(RDKafkaErrorCode::MessageTimedOut));
    }
}
