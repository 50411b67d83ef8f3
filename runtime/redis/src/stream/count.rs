//! How many entries were added to a stream before a place in it: what says whether trimming took away more than was taken.

use super::entries::{Look, Standing};

/// What is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ordinal {
    Known(u64),
    /// Entries between the place and one for which it is known are counted, a page at a time.
    Counting(Count),
    /// Entries went away meanwhile, perhaps those that were to be counted.
    Lost,
}

/// A count that is under way. Nothing but what a stream stands at is taken for known, so that it ends however much is added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Count {
    /// Where the next page begins.
    pub(super) from: u64,
    until: u64,
    /// How many lie between so far.
    seen: u64,
    /// How many were added before the place for which it is known.
    known: u64,
    /// Whether that place lies before the one that is asked for.
    onwards: bool,
    /// How many entries were gone when it began.
    removed: u64,
}

impl Ordinal {
    /// What a stream says of a place when it is assigned.
    pub(super) fn of(standing: &Standing, place: u64) -> Self {
        let removed = standing.removed();
        let noted = standing.noted.filter(|(_, taken)| removed <= *taken);
        if standing.first.is_none_or(|first| place <= first) {
            // Nothing is left before it.
            let taken = noted.filter(|(behind, _)| *behind <= place).map_or(0, |(_, taken)| taken);
            return Self::Known(removed.max(taken));
        }
        // From where it was noted or from the end, whichever is nearer by time.
        let end = (standing.last, standing.added);
        let nearer = noted.filter(|(behind, _)| behind.abs_diff(place) <= standing.last.abs_diff(place));
        let (at, known) = nearer.unwrap_or(end);
        if at == place {
            return Self::Known(known);
        }
        let (from, until) = (at.min(place), at.max(place));
        Self::Counting(Count { from, until, seen: 0, known, onwards: at < place, removed })
    }
}

impl Count {
    /// Goes on with a page of entries that were read from where it stands.
    pub(super) fn step(mut self, standing: &Standing, look: &Look) -> Ordinal {
        let removed = standing.removed();
        let is_whole = if self.onwards {
            removed <= self.known + self.seen
        } else {
            // What is left before the page says that trimming did not come up to it.
            removed == self.removed || standing.first.is_some_and(|first| first < self.from)
        };
        if !is_whole {
            return Ordinal::Lost;
        }
        self.seen += look.entries.iter().filter(|entry| entry.offset < self.until).count() as u64;
        self.from = match look.entries.last() {
            Some(last) if !look.whole => last.offset + 1,
            _ => self.until,
        };
        if self.from < self.until {
            return Ordinal::Counting(self);
        }
        Ordinal::Known(if self.onwards {
            self.known + self.seen
        } else {
            // Less is there than was noted where entries were taken, noted and trimmed: more are not missed than those.
            self.known.saturating_sub(self.seen).max(self.removed)
        })
    }
}

#[cfg(test)]
mod tests {
    use nsf_engine::timed;

    use super::{super::entries::Entry, *};

    /// Behind the entry of a number.
    fn behind(number: u64) -> u64 {
        timed::offset(number, 0).unwrap_or_default() + 1
    }

    /// Counts by pages of ten entries, with what the stream stands at before each; gives how many pages that took too.
    fn counted(began: &Standing, place: u64, then: impl Fn(u64) -> Standing) -> (Ordinal, u64) {
        let (mut ordinal, mut pages) = (Ordinal::of(began, place), 0);
        while let Ordinal::Counting(count) = ordinal {
            let standing = then(pages);
            pages += 1;
            let first = standing.removed() + 1;
            let numbers = (first..=standing.added).filter(|number| behind(*number) > count.from).take(10);
            let entries: Vec<Entry> = numbers.map(|number| Entry::at(behind(number) - 1)).collect();
            let look = Look { whole: entries.len() < 10, standing: None, entries };
            ordinal = count.step(&standing, &look);
        }
        (ordinal, pages)
    }

    #[test]
    fn what_is_known_is_not_counted() {
        for (standing, place, known) in [
            // Never read: from the first, and behind the last.
            (Standing::of(900, 0, Some((0, 0))), 0, 0),
            (Standing::of(900, 0, Some((0, 0))), behind(900), 900),
            (Standing::of(900, 300, Some((0, 0))), behind(300), 300),
            (Standing::of(900, 300, Some((behind(400), 400))), behind(400), 400),
            (Standing::of(900, 900, Some((behind(900), 900))), behind(900), 900),
        ] {
            assert_eq!(counted(&standing, place, |_| standing.clone()), (Ordinal::Known(known), 0));
        }
    }

    #[test]
    fn it_is_counted_from_what_is_nearer() {
        for noted in [Some((behind(400), 400)), Some((behind(10), 10)), None] {
            let standing = Standing::of(900, 0, noted);
            for place in [350, 395, 420, 880, 899] {
                let (ordinal, pages) = counted(&standing, behind(place), |_| standing.clone());
                let nearest = noted.map_or(u64::MAX, |(_, taken)| taken.abs_diff(place)).min(900 - place);
                assert_eq!((ordinal, pages <= nearest / 10 + 1), (Ordinal::Known(place), true), "{noted:?} {place}");
            }
        }
    }

    #[test]
    fn what_comes_and_what_is_trimmed_meanwhile_is_allowed_for() {
        let began = Standing::of(900, 100, Some((0, 0)));
        // Faster than it is counted, it grows, and is trimmed up to a little before the place.
        let grows = |pages: u64| Standing::of(900 + 100 * pages, (100 + 40 * pages).min(790), Some((0, 0)));
        assert_eq!(counted(&began, behind(800), grows), (Ordinal::Known(800), 10));
        let trimmed = |pages: u64| Standing::of(900, if pages < 3 { 100 } else { 850 }, Some((0, 0)));
        assert_eq!(counted(&began, behind(800), trimmed).0, Ordinal::Lost);
        // From a note on: what was noted may go, and what was counted since.
        let began = Standing::of(900, 100, Some((behind(400), 400)));
        for (removed, ordinal) in [(400, Ordinal::Known(450)), (410, Ordinal::Known(450)), (440, Ordinal::Lost)] {
            let then = |pages: u64| Standing::of(900, if pages < 2 { 100 } else { removed }, Some((0, 0)));
            assert_eq!(counted(&began, behind(450), then).0, ordinal, "{removed}");
        }
    }

    #[test]
    fn lanes_that_lost_what_was_noted_are_not_told_again_and_again() {
        // Taken up to 400, noted and trimmed to 390; the lanes have 380.
        let standing = Standing::of(900, 390, Some((behind(400), 400)));
        assert_eq!(counted(&standing, behind(380), |_| standing.clone()).0, Ordinal::Known(390));
        let standing = Standing::of(900, 100, Some((behind(400), 400)));
        assert_eq!(counted(&standing, behind(380), |_| standing.clone()).0, Ordinal::Known(380));
    }
}
