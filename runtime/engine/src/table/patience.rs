//! How long a table is asked that does not answer, where its records need not wait for it.
//!
//! A request is tried [`TRIES`] times, with pauses that double from [`FIRST_PAUSE`] on: about a second and a half; and not again
//! after [`LONGEST`], where the server lets its clients wait. A table that was tried in vain is asked once a request from then on,
//! and no more often than every [`PAUSE`], or five times as long as the last try took, until it answers again. So a server that
//! lets its clients wait takes a fifth of the time at most.

use std::{
    sync::{Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use crate::connector::{ConnectorError, ConnectorErrorKind, ConnectorResult};

/// How often a request is tried before a table counts as one that does not answer.
const TRIES: u32 = 5;

/// The pause behind the first try.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// After how long a request is not tried again.
const LONGEST: Duration = Duration::from_secs(3);

/// For how long a table that did not answer is not asked again.
const PAUSE: Duration = Duration::from_secs(1);

/// Whether a table answers.
#[derive(Debug, Default)]
pub(crate) struct Patience {
    away: Mutex<Option<Away>>,
}

/// That a table does not answer.
#[derive(Clone, Debug)]
struct Away {
    /// Until when it is not asked.
    until: Instant,
    error: ConnectorError,
}

impl Patience {
    /// Whether the last request was not answered.
    pub(crate) fn is_away(&self) -> bool {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Why the last request was not answered; none where it was.
    pub(crate) fn failure(&self) -> Option<ConnectorError> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|away| away.error.clone())
    }

    /// Asks, again where there is no answer.
    ///
    /// # Errors
    /// That there is no answer, or what else is wrong.
    pub(crate) fn ask<T>(&self, mut ask: impl FnMut() -> ConnectorResult<T>) -> ConnectorResult<T> {
        let away = self.away.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let mut left = match away {
            Some(Away { until, error }) if Instant::now() < until => return Err(error),
            Some(_) => 1,
            None => TRIES,
        };
        let (first, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            left -= 1;
            let begun = Instant::now();
            let answer = ask();
            match &answer {
                Err(error) if error.kind == ConnectorErrorKind::Unavailable => {
                    if left == 0 || first.elapsed() >= LONGEST {
                        let until = Instant::now() + PAUSE.max(begun.elapsed() * 4);
                        self.note(Some(Away { until, error: error.clone() }));
                        return answer;
                    }
                }
                _ => {
                    self.note(None);
                    return answer;
                }
            }
            thread::sleep(pause);
            pause *= 2;
        }
    }

    fn note(&self, away: Option<Away>) {
        *self.away.lock().unwrap_or_else(PoisonError::into_inner) = away;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn silent() -> ConnectorError {
        ConnectorError::new(ConnectorErrorKind::Unavailable, "no answer")
    }

    #[test]
    fn a_request_is_tried_again_before_it_is_given_up() {
        let (patience, asked) = (Patience::default(), Cell::new(0));
        let ask = |answers_at: u32| {
            asked.set(0);
            patience.ask(|| {
                asked.set(asked.get() + 1);
                if asked.get() == answers_at { Ok(7) } else { Err(silent()) }
            })
        };
        assert_eq!((ask(3), asked.get(), patience.is_away()), (Ok(7), 3, false));
        assert_eq!((ask(99), asked.get(), patience.is_away()), (Err(silent()), TRIES, true));
        assert_eq!((ask(1), asked.get()), (Err(silent()), 0), "it is not asked at once again");
        patience.note(Some(Away { until: Instant::now(), error: silent() }));
        assert_eq!((ask(99), asked.get(), patience.is_away()), (Err(silent()), 1, true), "one try a request");
        patience.note(Some(Away { until: Instant::now(), error: silent() }));
        assert_eq!((ask(1), asked.get(), patience.is_away()), (Ok(7), 1, false), "it answers again");
    }

    #[test]
    fn other_failures_are_told_at_once() {
        let (patience, other) =
            (Patience::default(), ConnectorError::new(ConnectorErrorKind::Damaged, "another table"));
        let asked = Cell::new(0);
        let answer: ConnectorResult<()> = patience.ask(|| {
            asked.set(asked.get() + 1);
            Err(other.clone())
        });
        assert_eq!((answer, asked.get(), patience.is_away()), (Err(other), 1, false));
    }
}
