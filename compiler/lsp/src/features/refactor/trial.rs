//! A refactoring is tried out before it is offered: the program that comes out of it is checked, nothing may be told of it that
//! was not told before, and every name has to mean what it meant.

use std::collections::HashMap;

use nsf_analysis::index::{Implied, Symbol, SymbolKind, Use};
use nsf_analysis::{Analysis, check_parsed, rename};
use nsf_diagnostics::{Location, Span, TextEdit};

use super::draft::Draft;

/// A part of a text, and what shall stand there.
pub(super) struct Change {
    pub(super) place: Location,
    pub(super) draft: Draft,
}

/// A program before and after some changes.
pub(super) struct Trial<'a> {
    before: &'a Analysis,
    changes: &'a [Change],
    pub(super) after: Analysis,
    /// A name whose bindings are written in brackets where it is copied.
    pub(super) bound: Option<Location>,
}

/// What a symbol may be after the changes.
pub(super) enum Meant {
    /// What it was, wherever that stands now.
    Same,
    /// One of these.
    Other(Vec<Location>),
    /// Nothing: another text stands where it was named.
    Gone,
}

/// The edits that the changes are.
pub(super) fn edits(changes: &[Change]) -> Vec<TextEdit> {
    changes.iter().map(|own| TextEdit { location: own.place, replacement: own.draft.text.clone() }).collect()
}

impl<'a> Trial<'a> {
    /// Makes the changes, which are in the order of their places.
    pub(super) fn of(before: &'a Analysis, changes: &'a [Change]) -> Self {
        Self { before, changes, after: check_parsed(&rename::edited(before, &edits(changes))), bound: None }
    }

    /// Whether nothing is told that was not told before. `is_fine` is what may be.
    pub(super) fn is_clean(&self, is_fine: impl Fn(&str) -> bool) -> bool {
        let mut known: HashMap<(&str, &str), usize> = HashMap::new();
        for own in &self.before.diagnostics {
            *known.entry((own.code.id, &own.message)).or_default() += 1;
        }
        self.after.diagnostics.iter().all(|own| match known.get_mut(&(own.code.id, own.message.as_str())) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => is_fine(&own.message),
        })
    }

    /// Whether every name means what it meant, and so does what is bound by a name that nobody wrote. `meant` is given what was
    /// named and whether a copy names it.
    pub(super) fn keeps_names(&self, meant: impl Fn(Location, bool) -> Meant) -> bool {
        let files = self.before.sources.iter().map(|(file, _)| file);
        let files = files.filter(|file| (file.0 as usize) < self.before.files.len());
        files.into_iter().flat_map(|file| self.before.index.in_file(file)).all(|own| self.keeps(own, &meant))
            && self.before.index.implied().iter().all(|own| self.keeps_implied(own, &meant))
    }

    fn keeps(&self, own: &Use, meant: &impl Fn(Location, bool) -> Meant) -> bool {
        // The first record of a form declares its members, whichever that is.
        let is_member = |symbol: &Symbol| symbol.kind == SymbolKind::Member;
        if self.before.index.symbol(own.symbol).is_some_and(is_member) {
            return true;
        }
        let kept = self.kept(own.at).map(|at| (at, None)).into_iter();
        let copies = self.copies_of(own.at).map(|(at, copy)| (at, Some(copy)));
        kept.chain(copies).all(|(at, copy)| match self.now(own.symbol, copy, meant) {
            None => true,
            Some(now) => self.after.index.at(at.file, at.span.start).any(|other| {
                other.at == at && other.label == own.label && now.iter().any(|now| self.is_one(*now, other.symbol))
            }),
        })
    }

    fn keeps_implied(&self, own: &Implied, meant: &impl Fn(Location, bool) -> Meant) -> bool {
        let kept = self.kept(own.at).map(|at| (at, None)).into_iter();
        let copies = self.copies_of(own.at).filter(|_| self.bound != Some(own.at));
        let copies = copies.map(|(at, copy)| (at, Some(copy)));
        kept.chain(copies).all(|(at, copy)| {
            let Some(value) = own.value else { return true };
            let (Some(labels), Some(values)) = (self.now(own.label, None, meant), self.now(value, copy, meant)) else {
                return false;
            };
            self.after.index.implied().iter().any(|other| {
                let is_value = |now: &Location| other.value.is_some_and(|value| self.is_one(*now, value));
                other.at == at && labels.iter().any(|now| self.is_one(*now, other.label)) && values.iter().any(is_value)
            })
        })
    }

    fn is_one(&self, one: Location, other: Location) -> bool {
        self.after.index.root(one) == self.after.index.root(other)
    }

    /// What a symbol is after the changes, to what was there or to a copy; none where it is not named there any more.
    fn now(
        &self,
        symbol: Location,
        copy: Option<usize>,
        meant: &impl Fn(Location, bool) -> Meant,
    ) -> Option<Vec<Location>> {
        match meant(symbol, copy.is_some()) {
            Meant::Gone => None,
            Meant::Other(all) => Some(all),
            Meant::Same => {
                // What a copy declares is what the copy names.
                let copied = |copy: Option<usize>| {
                    let mut all = self.copies_of(symbol);
                    all.find(|(_, own)| copy.is_none_or(|copy| *own == copy)).map(|(at, _)| at)
                };
                let kept = self.kept(symbol);
                let own = copy.and_then(|copy| copied(Some(copy)).or_else(|| copied(None)));
                Some(own.or(kept).or_else(|| copied(None)).into_iter().collect())
            }
        }
    }

    /// Where a place is now; none where another text stands in its place.
    pub(super) fn kept(&self, at: Location) -> Option<Location> {
        let mut start = at.span.start;
        for own in self.changes.iter().filter(|own| own.place.file == at.file) {
            let place = own.place.span;
            if place.end <= at.span.start {
                start = start + own.draft.text.len() as u32 - place.len();
            } else if place.start < at.span.end {
                return None;
            }
        }
        Some(Span::new(start, start + at.span.len()).in_file(at.file))
    }

    /// The copies of a place, each with the number of the copy.
    pub(super) fn copies_of(&self, at: Location) -> impl Iterator<Item = (Location, usize)> {
        let copies = self
            .changes
            .iter()
            .enumerate()
            .flat_map(|(change, own)| own.draft.copies.iter().map(move |copy| (change, copy)));
        copies.enumerate().filter_map(move |(number, (change, copy))| {
            let from = copy.from;
            let is_in = from.file == at.file && from.span.start <= at.span.start && at.span.end <= from.span.end;
            let start = copy.at + at.span.start.checked_sub(from.span.start)?;
            let now = is_in.then(|| self.drafted(change, Span::new(start, start + at.span.len())))?;
            now.map(|now| (now, number))
        })
    }

    /// Where a part of the draft of a change stands.
    pub(super) fn drafted(&self, change: usize, span: Span) -> Option<Location> {
        let own = self.changes.get(change)?;
        let before = self.changes.iter().take(change).filter(|other| other.place.file == own.place.file);
        let start = before
            .fold(own.place.span.start, |start, other| start + other.draft.text.len() as u32 - other.place.span.len());
        Some(Span::new(start + span.start, start + span.end).in_file(own.place.file))
    }
}
