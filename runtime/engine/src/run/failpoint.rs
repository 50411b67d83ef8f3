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
pub const SERVE_FAILPOINTS: [&str; 26] = [
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
    "between-spaces",
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
#[derive(Default)]
pub struct Failpoints {
    armed: Mutex<Option<Armed>>,
    seen: Mutex<Vec<&'static str>>,
}

/// A failpoint at which something happens.
struct Armed {
    name: String,
    /// How often it is still to be come to.
    times: u64,
    /// What is done there, after which the run goes on; the run stops where there is nothing.
    then: Option<Box<dyn FnOnce() + Send>>,
}

impl std::fmt::Debug for Failpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Failpoints").field("seen", &self.seen).finish_non_exhaustive()
    }
}

impl Failpoints {
    /// Stops the run when it comes to the failpoint `name` for the `time`th time (from 1).
    pub fn arm(&self, name: &str, time: u64) {
        self.put(Armed { name: name.to_owned(), times: time.max(1), then: None });
    }

    /// Does something when the run comes to the failpoint `name` for the `time`th time (from 1); the run then goes on.
    pub fn arm_with(&self, name: &str, time: u64, then: impl FnOnce() + Send + 'static) {
        self.put(Armed { name: name.to_owned(), times: time.max(1), then: Some(Box::new(then)) });
    }

    fn put(&self, armed: Armed) {
        *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = Some(armed);
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
        let then = {
            let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(own) = armed.as_mut().filter(|own| own.name == name) else { return false };
            own.times -= 1;
            if own.times > 0 {
                return false;
            }
            armed.take().and_then(|own| own.then)
        };
        // Without the lock: it may take long.
        then.map(|then| then()).is_none()
    }
}
