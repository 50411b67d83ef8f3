//! Where places of a text are in the text that was made of it.

use nsf_diagnostics::SourceText;

/// Two texts of a document, of which all is alike but for one stretch.
pub(crate) struct Moved {
    /// Bytes that are alike at the beginning, and at the end.
    before: usize,
    behind: usize,
    from: usize,
    to: usize,
}

impl Moved {
    pub(crate) fn between(from: &SourceText, to: &SourceText) -> Self {
        let alike = |(one, other): &(u8, u8)| one == other;
        if from.is(to) {
            return Self { before: from.len(), behind: 0, from: from.len(), to: to.len() };
        }
        let before = from.bytes().zip(to.bytes()).take_while(alike).count();
        let most = from.len().min(to.len()) - before;
        let behind = from.bytes().rev().zip(to.bytes().rev()).take(most).take_while(alike).count();
        Self { before, behind, from: from.len(), to: to.len() }
    }

    /// Where an offset is now; none for one inside of what has changed.
    pub(crate) fn offset(&self, offset: u32) -> Option<u32> {
        let own = offset as usize;
        if own <= self.before {
            Some(offset)
        } else if own >= self.from - self.behind {
            Some((own + self.to - self.from) as u32)
        } else {
            None
        }
    }

    /// The same, where one inside of what has changed is where that begins.
    pub(crate) fn nearest(&self, offset: u32) -> u32 {
        self.offset(offset).unwrap_or(self.before as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_around_a_change_are_known_and_those_in_it_are_not() {
        let moved = |from: &str, to: &str| Moved::between(&SourceText::new(from), &SourceText::new(to));
        let typed = moved("load a\nsave b\n", "load abc\nsave b\n");
        assert_eq!([0, 6, 7, 14].map(|at| typed.offset(at)), [Some(0), Some(6), Some(9), Some(16)]);
        let taken = moved("load abc\nsave b\n", "load \nsave b\n");
        assert_eq!([5, 6, 7, 8, 9].map(|at| taken.offset(at)), [Some(5), None, None, Some(5), Some(6)]);
        assert_eq!(taken.nearest(6), 5);
        // What is twice is not counted twice.
        assert_eq!(moved("aa", "aaa").offset(2), Some(2));
        assert_eq!(moved("", "a").offset(0), Some(0));
        assert_eq!(moved("a", "a").offset(1), Some(1));
    }
}
