//! Named places between and inside commits where a run can be made to stop, for tests and for the `restart` law.

use std::sync::{Mutex, PoisonError};

/// Every failpoint, in the order in which a round comes to them.
pub const FAILPOINTS: [&str; 7] = [
    "after-read",
    "before-outputs",
    "after-outputs",
    "after-sink-flush",
    "before-store-commit",
    "after-store-commit",
    "after-commit",
];

/// The failpoints of a worker that serves, in the order in which it comes to them.
pub const SERVE_FAILPOINTS: [&str; 25] = [
    "after-assigned",
    "before-claim",
    "after-claim",
    "before-begin",
    "after-begin",
    "after-start",
    "after-read",
    "before-outputs",
    "after-outputs",
    "before-flush",
    "after-rejected-sent",
    "after-sink-flush",
    "before-dimensions",
    "after-dimensions",
    "before-store-commit",
    "between-lane-saves",
    "after-store-commit",
    "after-commit",
    "before-positions",
    "after-positions",
    "after-revoked",
    "before-release",
    "after-release",
    "before-drain",
    "after-drain",
];

/// The failpoints of a run: none stops it unless one is armed.
#[derive(Debug, Default)]
pub struct Failpoints {
    armed: Mutex<Option<(String, u64)>>,
    seen: Mutex<Vec<&'static str>>,
}

impl Failpoints {
    /// Stops the run when it comes to the failpoint `name` for the `time`th time (from 1).
    pub fn arm(&self, name: &str, time: u64) {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = Some((name.to_owned(), time.max(1)));
    }

    /// Lets the run go on.
    pub fn disarm(&self) {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The failpoints that were come to, each time once, since the last call.
    pub fn take_seen(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Says that the run came to a failpoint; gives whether it is to stop here.
    pub(crate) fn hit(&self, name: &'static str) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(name);
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        match &mut *armed {
            Some((wanted, times)) if wanted == name => {
                *times -= 1;
                let stop = *times == 0;
                if stop {
                    *armed = None;
                }
                stop
            }
            _ => false,
        }
    }
}
