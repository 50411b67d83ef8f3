//! What is done with an item that the grammar does not accept: mistakes are found one by one, and what is whole is kept.
//!
//! [`source`] mends what shows in single tokens and brackets, in a copy of the same length. If the item then still does
//! not parse, its head and its statements are parsed each on its own, blocks inside blocks likewise, and each broken
//! statement gives one message at its first wrong token. Every token is parsed a fixed number of times, so the time stays
//! linear.

mod body;
mod brackets;
mod explain;
mod habits;
mod item;
mod lexical;
mod meant;
mod rewrite;
mod runs;
mod source;
mod statement;
mod step;
mod words;

use std::ops::Range;

use nsf_diagnostics::{FileId, Span};
use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};

use crate::ast::Item;
use crate::error::{SyntaxError, SyntaxErrorKind};
use crate::grammar::{Grammar, Pair, Rule};
use crate::lower::Lower;
use crate::split::Chunk;
use meant::ReadAs;
use source::Source;

/// Where the parser stopped and what it would have taken there.
pub(crate) struct Failure {
    /// The rule that was to be read.
    rule: Rule,
    /// Offset in the source's text.
    at: usize,
    /// The rules that were tried there.
    expected: Vec<Rule>,
    /// Whether the parser ran out of room.
    too_deep: bool,
}

/// The items of a chunk that the grammar does not accept.
pub(crate) fn items(lower: &mut Lower<'_>, chunk: &Chunk) -> Vec<Item> {
    let text = lower.text.get(chunk.start..chunk.end).unwrap_or("");
    let (source, found) = Source::mended(text, chunk.start);
    let before = lower.errors.len();
    lower.limit = chunk.end;
    let is_unchanged = found.is_empty() && chunk.keyword.is_some() && !chunk.broken;
    let mut recover = Recover { lower, source: &source, limit: chunk.end, is_unchanged, said: Vec::new() };
    for (span, kind) in found {
        if matches!(kind, SyntaxErrorKind::UnclosedText { .. }) {
            let start = recover.place(span).start;
            recover.lower.unclosed.push(start);
        }
        recover.report(span, kind);
    }
    let items = recover.chunk();
    lower.unclosed.clear();
    let found = lower.errors.split_off(before.min(lower.errors.len()));
    let text = lower.text;
    lower.limit = text.len();
    lower.errors.extend(one_a_bracket(text, found));
    items
}

/// A line with a bracket that has no partner has one mistake: the bracket where it is never closed, else the first wrong
/// token, since that is where the opening one is missing. What else was found on the line follows from it.
fn one_a_bracket(text: &str, mut errors: Vec<SyntaxError>) -> Vec<SyntaxError> {
    errors.sort_by_key(|error| error.location);
    let mut kept: Vec<SyntaxError> = Vec::with_capacity(errors.len());
    let mut rest = errors.into_iter().peekable();
    while let Some(first) = rest.next() {
        let mut at = first.location.span.start;
        let mut line = vec![first];
        while let Some(error) = rest.next_if(|error| {
            let between = Span::new(at, error.location.span.start);
            at = error.location.span.start;
            !between.text(text).contains('\n')
        }) {
            line.push(error);
        }
        let is_unclosed = |error: &SyntaxError| matches!(error.kind, SyntaxErrorKind::UnclosedBracket { .. });
        let is_effect = |error: &SyntaxError| {
            use SyntaxErrorKind as K;
            matches!(error.kind, K::UnexpectedToken { .. } | K::Incomplete { .. } | K::StrayBracket | K::StrayComma)
        };
        // A text that is not closed takes the brackets behind it with it.
        if line.iter().any(|error| matches!(error.kind, SyntaxErrorKind::UnclosedText { .. })) {
            line.retain(|error| !is_of_bracket(error));
        }
        let has_unclosed = line.iter().any(is_unclosed);
        if has_unclosed || line.iter().any(|error| error.kind == SyntaxErrorKind::StrayBracket) {
            let mut effects = 0;
            line.retain(|error| {
                effects += usize::from(is_effect(error));
                !is_effect(error) || (effects == 1 && !has_unclosed)
            });
        }
        kept.extend(line);
    }
    kept
}

/// Whether a bracket lacks its partner.
fn is_of_bracket(error: &SyntaxError) -> bool {
    use SyntaxErrorKind as K;
    matches!(error.kind, K::UnclosedBracket { .. } | K::OtherBracket { .. } | K::StrayBracket | K::UnopenedBlock { .. })
}

/// The settings whose value is a block without a colon.
pub(crate) const BLOCKS: [&str; 3] = meant::BLOCKS;

/// The mistake of a block that follows its name behind a colon: the signs that are to be taken out, the colon first.
pub(crate) fn colon_before_block(name: &str, signs: Vec<Span>, file: FileId) -> Option<SyntaxError> {
    let (colon, commas) = signs.split_first()?;
    Some(meant::colon_before_block(name, *colon, commas.to_vec()).error(file))
}

/// Recovery in one source.
struct Recover<'a, 't> {
    lower: &'a mut Lower<'t>,
    source: &'a Source,
    /// Offset in the file behind which nothing belongs to the item.
    limit: usize,
    /// Whether the source is a whole chunk as it was written, of which is known that it does not parse.
    is_unchanged: bool,
    /// Statements of which is said what is wrong.
    said: Vec<Span>,
}

impl<'a> Recover<'a, '_> {
    /// Whether a mistake that was reported makes these tokens unreadable.
    fn is_lost(&self, span: Span) -> bool {
        let is_within = |said: &Span| said.start < span.end.max(span.start + 1) && span.start < said.end;
        self.source.is_lost(span) || self.said.iter().any(is_within)
    }

    /// A place of the source as a place of the file.
    fn place(&self, span: Span) -> Span {
        let absolute = |offset: u32| {
            let at = self.source.base.wrapping_add(offset as usize).min(self.limit);
            self.lower.text.ceil_char_boundary(at) as u32
        };
        Span::new(absolute(span.start), absolute(span.end))
    }

    fn report(&mut self, span: Span, mut kind: SyntaxErrorKind) {
        match &mut kind {
            SyntaxErrorKind::UnclosedBracket { shown_by: Some(other), .. }
            | SyntaxErrorKind::UnclosedInterpolation { text: other }
            | SyntaxErrorKind::CheckAsStep { whole: Some(other) }
            | SyntaxErrorKind::AssignmentAsStep { whole: Some(other) }
            | SyntaxErrorKind::OtherBracket { closed_by: other, .. }
            | SyntaxErrorKind::UnopenedBlock { closed_by: other } => *other = self.place(*other),
            SyntaxErrorKind::Habit(habit) => {
                for (span, _) in &mut habit.edits {
                    *span = self.place(*span);
                }
            }
            SyntaxErrorKind::OtherForm { edits, .. } => {
                for (span, _) in edits {
                    *span = self.place(*span);
                }
            }
            _ => {}
        }
        let span = self.place(span);
        self.lower.error(span, kind);
    }

    /// Parses some tokens by a rule, strictly.
    fn strict(&self, rule: Rule, range: &Range<usize>) -> Result<Pair<'a>, Failure> {
        let span = self.source.span(range);
        let slice = span.text(&self.source.text);
        let from = span.start as usize;
        match Grammar::parse(rule, slice) {
            Ok(mut pairs) => pairs.next().ok_or(Failure { rule, at: from, expected: Vec::new(), too_deep: false }),
            Err(error) => {
                let at = match error.location {
                    InputLocation::Pos(at) | InputLocation::Span((at, _)) => from + at,
                };
                Err(match error.variant {
                    ErrorVariant::ParsingError { positives, .. } => {
                        Failure { rule, at, expected: positives, too_deep: false }
                    }
                    ErrorVariant::CustomError { .. } => Failure { rule, at, expected: Vec::new(), too_deep: true },
                })
            }
        }
    }

    /// Parses and lowers some tokens.
    fn lowered<T>(
        &mut self,
        rule: Rule,
        range: &Range<usize>,
        lower: impl FnOnce(&mut Lower<'_>, Pair<'_>) -> T,
    ) -> Result<T, Failure> {
        let pair = self.strict(rule, range)?;
        let from = self.source.span(range).start as usize;
        self.lower.at(self.source.base.wrapping_add(from));
        let value = lower(self.lower, pair);
        self.lower.finish_slice();
        Ok(value)
    }

    /// Parses and lowers some tokens; a failure is reported, unless a mistake in these tokens was reported before. What is
    /// known to be meant is read as that.
    fn lowered_or_report<T>(
        &mut self,
        rule: Rule,
        range: &Range<usize>,
        mut lower: impl FnMut(&mut Lower<'_>, Pair<'_>) -> T,
    ) -> Option<T> {
        let failure = match self.lowered(rule, range, &mut lower) {
            Ok(value) => return Some(value),
            Err(failure) => failure,
        };
        match self.read_as_meant(rule, range, &failure, lower) {
            ReadAs::Value(value) => return Some(value),
            ReadAs::Said => {}
            ReadAs::Unknown => self.report_failure(&failure, range),
        }
        None
    }

    /// Reports a word that cannot start what stands at `range`, unless a mistake in it was reported before.
    fn report_word(&mut self, word: usize, range: &Range<usize>, kind: SyntaxErrorKind) {
        if !self.is_lost(self.source.span(range)) {
            self.report(self.source.span(&(word..word + 1)), kind);
        }
    }

    /// Reports where the parser stopped in some tokens.
    fn report_failure(&mut self, failure: &Failure, range: &Range<usize>) {
        // Up to the next statement, since a bracket that was blanked is no token.
        let next = self.source.tokens.get(range.end).map_or(self.source.text.len() as u32, |token| token.span.start);
        if self.is_lost(self.source.span(range).to(Span::at(next))) {
            return;
        }
        let (span, kind) = explain::explain(self.source, failure, range);
        self.report(span, kind);
    }

    /// The first token at `range` that is `sign` and outside of brackets.
    fn find(&self, range: &Range<usize>, sign: &str) -> Option<usize> {
        let mut at = range.start;
        while at < range.end {
            if self.source.word(at) == sign {
                return Some(at);
            }
            at = self.source.skip(at);
        }
        None
    }

    /// The tokens inside the brackets that open at `open`.
    fn inside(&self, open: usize, end: usize) -> Range<usize> {
        let close = self.source.partner(open).unwrap_or(end).min(end);
        open + 1..close.max(open + 1)
    }

    /// Reports the first of the tokens left over behind something that was complete.
    fn report_rest(&mut self, rest: Range<usize>, expected: &'static str) {
        if rest.start >= rest.end || self.is_lost(self.source.span(&rest)) {
            return;
        }
        let first = rest.start..rest.start + 1;
        let kind = SyntaxErrorKind::UnexpectedToken { expected: vec![expected], near: None, fix: None };
        self.report(self.source.span(&first), kind);
    }
}
