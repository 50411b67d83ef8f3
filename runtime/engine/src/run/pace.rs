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
    /// Most records that a round takes: twice those of the largest before, so that the first rounds show what records make.
    most: usize,
}

impl Pace {
    /// For rounds of so many bytes.
    pub(crate) const fn new(room: usize) -> Self {
        Self { room, each: FIRST_GUESS, most: FEWEST }
    }

    /// Whether a round that has taken so many records and bytes may take more. It takes whole batches, so that the last of them
    /// may bring more than there was room for.
    pub(crate) fn has_room(&self, records: usize, bytes: usize) -> bool {
        records < (self.room / self.each).min(self.most).max(FEWEST) && bytes < self.room
    }

    /// Learns what a round made of its records. What is more than expected counts at once, what is less only by and by, and only of
    /// a round that was `whole`: one that failed made nothing of some. A few records say nothing of many.
    pub(crate) fn learn(&mut self, records: usize, made: usize, whole: bool) {
        if records < FEWEST {
            return;
        }
        let each = (made / records).max(1);
        self.each = if whole { each.max(self.each - self.each / 8) } else { each.max(self.each) };
        self.most = self.most.max(records.saturating_mul(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(pace: &Pace) -> usize {
        (0..10_000_000).step_by(64).find(|records| !pace.has_room(*records, 0)).unwrap()
    }

    /// One that has made large rounds of records that make as much as was guessed.
    fn grown(room: usize) -> Pace {
        let mut pace = Pace::new(room);
        pace.learn(5_000_000, 5_000_000 * FIRST_GUESS, true);
        pace
    }

    #[test]
    fn a_round_takes_fewer_records_at_once_when_they_make_more_and_more_of_them_slowly_when_they_make_less() {
        let mut pace = grown(16 << 20);
        assert_eq!(most(&pace), 16 * 1024);
        pace.learn(1_000, 8_192_000, true);
        assert_eq!(most(&pace), 2 * 1024);
        pace.learn(1_000, 64_000, true);
        assert!((2 * 1024 + 1..2 * 1024 + 512).contains(&most(&pace)));
        (0..100).for_each(|_| pace.learn(1_000, 64_000, true));
        assert_eq!(most(&pace), 256 * 1024);
    }

    #[test]
    fn a_round_that_failed_shows_that_records_make_more_and_never_that_they_make_less() {
        let mut pace = grown(16 << 20);
        (0..100).for_each(|_| pace.learn(1_000, 64_000, false));
        assert_eq!(most(&pace), 16 * 1024);
        pace.learn(1_000, 8_192_000, false);
        assert_eq!(most(&pace), 2 * 1024);
    }

    #[test]
    fn the_first_rounds_are_small() {
        let mut pace = Pace::new(16 << 20);
        for records in [256, 512, 1024, 2048] {
            assert_eq!(most(&pace), records);
            pace.learn(records, records * FIRST_GUESS, true);
        }
    }

    #[test]
    fn a_round_takes_some_records_whatever_they_make_and_no_more_bytes_than_it_may() {
        let mut pace = grown(1 << 20);
        assert!(pace.has_room(0, (1 << 20) - 1) && !pace.has_room(0, 1 << 20));
        pace.learn(0, 0, true);
        pace.learn(FEWEST - 1, usize::MAX, true);
        assert_eq!(most(&pace), 1024);
        pace.learn(FEWEST, usize::MAX, true);
        assert_eq!(most(&pace), FEWEST);
    }
}
