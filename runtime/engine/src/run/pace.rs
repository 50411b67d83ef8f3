//! How much a round may take. What it makes of a record depends on the program: a flow may send ten messages for each, and
//! subscriptions may tell of every write. So it is learned from the rounds before, and the next one takes no more records than
//! fit into its share of the memory.

/// What a record takes before any round has shown it, in bytes.
const FIRST_GUESS: usize = 1024;

/// Fewest records that a round takes, whatever they make: smaller rounds cost more than they save.
const FEWEST: usize = 256;

/// How much a round may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How many bytes a round may take, and how many it may make of them.
    room: usize,
    /// How many bytes a record makes.
    each: usize,
}

impl Pace {
    /// For rounds of so many bytes.
    pub(crate) const fn new(room: usize) -> Self {
        Self { room, each: FIRST_GUESS }
    }

    /// Whether a round that has taken so many records and bytes may take more.
    pub(crate) fn has_room(&self, records: usize, bytes: usize) -> bool {
        records < (self.room / self.each).max(FEWEST) && bytes < self.room
    }

    /// Learns what a round made of its records. What is more than expected counts at once, what is less only by and by. A few
    /// records say nothing of many.
    pub(crate) fn learn(&mut self, records: usize, made: usize) {
        if records >= FEWEST {
            self.each = (made / records).max(self.each - self.each / 8).max(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(pace: &Pace) -> usize {
        (0..10_000_000).step_by(64).find(|records| !pace.has_room(*records, 0)).unwrap()
    }

    #[test]
    fn a_round_takes_fewer_records_at_once_when_they_make_more_and_more_of_them_slowly_when_they_make_less() {
        let mut pace = Pace::new(16 << 20);
        assert_eq!(most(&pace), 16 * 1024);
        pace.learn(1_000, 8_192_000);
        assert_eq!(most(&pace), 2 * 1024);
        pace.learn(1_000, 64_000);
        assert!((2 * 1024 + 1..2 * 1024 + 512).contains(&most(&pace)));
        (0..100).for_each(|_| pace.learn(1_000, 64_000));
        assert_eq!(most(&pace), 256 * 1024);
    }

    #[test]
    fn a_round_takes_some_records_whatever_they_make_and_no_more_bytes_than_it_may() {
        let mut pace = Pace::new(1 << 20);
        assert!(pace.has_room(0, (1 << 20) - 1) && !pace.has_room(0, 1 << 20));
        pace.learn(0, 0);
        pace.learn(FEWEST - 1, usize::MAX);
        assert_eq!(most(&pace), 1024);
        pace.learn(FEWEST, usize::MAX);
        assert_eq!(most(&pace), FEWEST);
    }
}
