//! How long things take, counted by fixed bounds: what a histogram of a metric is made of.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use serde::Serialize;

/// The bounds in seconds; what took longer than the last is counted behind it.
pub const BOUNDS: [f64; 14] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Counts how long something took. Counting takes no lock.
#[derive(Debug, Default)]
pub struct Durations {
    counts: [AtomicU64; BOUNDS.len() + 1],
    microseconds: AtomicU64,
}

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Counted {
    /// By bound of [`BOUNDS`]: how often it took at most so long, and longer than the bound before. The last is without a
    /// bound.
    pub counts: Vec<u64>,
    /// All of them together, in seconds.
    pub seconds: f64,
}

impl Durations {
    /// Counts one.
    pub fn add(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let place = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.microseconds.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// What was counted so far.
    #[must_use]
    pub fn counted(&self) -> Counted {
        Counted {
            counts: self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            seconds: self.microseconds.load(Ordering::Relaxed) as f64 / 1e6,
        }
    }
}

impl Counted {
    /// How many there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_counted_once_at_its_bound() {
        let durations = Durations::default();
        for milliseconds in [0, 1, 2, 1_000, 1_001, 60_000] {
            durations.add(Duration::from_millis(milliseconds));
        }
        let counted = durations.counted();
        assert_eq!((counted.counts[0], counted.counts[1], counted.counts[9], counted.counts[10]), (2, 1, 1, 1));
        assert_eq!((counted.counts[BOUNDS.len()], counted.total()), (1, 6));
        assert!((counted.seconds - 62.004).abs() < 1e-9, "{}", counted.seconds);
    }
}
