//! Broken blocks of steps: blocks inside them are opened and their steps read one by one.

use std::ops::Range;

use super::source::Source;
use super::statement::{CHECKS, STEPS, Statements};
use super::{Failure, Recover, habits};
use crate::ast::{Block, ExpandMode, ExpandStep, ExpandTarget, Expr, SaveStep, Step, StepKind};
use crate::error::SyntaxErrorKind;
use crate::grammar::{Pair, Rule};
use crate::lower::Lower;

impl Recover<'_, '_> {
    /// The block whose brace opens at `open`.
    pub(crate) fn block(&mut self, open: usize, end: usize) -> Block {
        let region = self.inside(open, end);
        let close = self.source.partner(open).unwrap_or(open);
        let span = self.place(self.source.span(&(open..close + 1)));
        let read = |lower: &mut Lower<'_>, pair: Pair<'_>| lower.step(pair);
        let steps = self.each_statement(&region, Statements::Steps, Rule::step_entry, read, |this, range, failure| {
            Some(match failure {
                Some(failure) => this.broken_step(range, failure),
                None => this.step_with_blocks(range),
            })
        });
        Block { steps, span }
    }

    /// Where the keyword of a step stands: behind its label, if it has one.
    fn keyword_of_step(&self, range: &Range<usize>) -> usize {
        let has_label = self.source.word(range.start + 1) == ":" && range.start + 2 < range.end;
        if has_label { range.start + 2 } else { range.start }
    }

    /// `when` and `each` are never parsed whole, so that blocks in blocks are read once.
    pub(crate) fn holds_blocks(&self, range: &Range<usize>) -> bool {
        let keyword = self.keyword_of_step(range);
        matches!(self.source.word(keyword), "when" | "each" | "if" | "for")
            && self.find(&(keyword..range.end), "{").is_some()
    }

    fn step_with_blocks(&mut self, range: &Range<usize>) -> Step {
        let keyword = self.keyword_of_step(range);
        let label = if keyword > range.start { self.name_at(range.start) } else { None };
        let span = self.place(self.source.span(&(keyword..range.end)));
        let word = self.source.word(keyword);
        if let Some(meant) = habits::statement(word, &STEPS) {
            let place = self.source.span(&(keyword..keyword + 1));
            self.report(place, SyntaxErrorKind::UnknownWord { what: "a step", near: Some(meant), sure: true });
        }
        let rest = keyword..range.end;
        let kind = if matches!(word, "each" | "for") { self.each_step(&rest) } else { self.when_step(&rest) };
        Step { label, kind, span }
    }

    fn each_step(&mut self, range: &Range<usize>) -> StepKind {
        let Some(open) = self.block_brace(range.start + 1, range.end) else { return StepKind::Error };
        let is_each = self.source.word(range.start) == "each";
        let head = if is_each {
            self.lowered_or_report(Rule::each_head_entry, &(range.start..open + 1), |lower, pair| lower.each_head(pair))
        } else {
            None
        };
        let body = self.block(open, range.end);
        self.report_rest(self.source.skip(open)..range.end, "a step");
        match head.flatten() {
            Some((name, list)) => StepKind::Each { name, list, body },
            None => StepKind::Error,
        }
    }

    fn when_step(&mut self, range: &Range<usize>) -> StepKind {
        let (mut arms, mut otherwise) = (Vec::new(), None);
        // Behind `when`, and behind each `else when`.
        let mut at = range.start + 1;
        loop {
            let Some(open) = self.block_brace(at, range.end) else {
                self.report_rest(at.saturating_sub(1)..range.end, "a condition and a block in braces");
                break;
            };
            let condition = self.condition(at..open);
            arms.push((condition, self.block(open, range.end)));
            at = self.source.skip(open);
            if at < range.end && matches!(self.source.word(at), "elif" | "elsif" | "elseif") {
                let kind = SyntaxErrorKind::UnknownWord { what: "a branch", near: Some("else when"), sure: true };
                self.report(self.source.span(&(at..at + 1)), kind);
                at += 1;
                continue;
            }
            if self.source.word(at) != "else" || at >= range.end {
                break;
            }
            let (next, after) = (self.source.word(at + 1), at + 2);
            if next == "{" {
                otherwise = Some(self.block(at + 1, range.end));
                at = self.source.skip(at + 1);
                break;
            }
            if next == "if" {
                let place = self.source.span(&(at + 1..after));
                let kind = SyntaxErrorKind::UnknownWord { what: "a branch", near: Some("when"), sure: true };
                self.report(place, kind);
            } else if next != "when" {
                self.report_rest(at + 1..range.end, "`when` or `{`");
                return StepKind::Error;
            }
            at = after;
        }
        self.report_rest(at..range.end, "a step");
        StepKind::When { arms, otherwise }
    }

    fn condition(&mut self, range: Range<usize>) -> Expr {
        if range.start >= range.end {
            let keyword = range.start.saturating_sub(1)..range.start;
            self.report(self.source.span(&keyword), SyntaxErrorKind::Incomplete { expected: vec!["a condition"] });
            return self.error_expression(&range);
        }
        let lower = |lower: &mut Lower<'_>, pair: Pair<'_>| lower.expression(pair);
        self.lowered_or_report(Rule::expr_entry, &range, lower).unwrap_or_else(|| self.error_expression(&range))
    }

    /// The brace that opens the block of a `when` or `each`: not that of a record or `match`, unless there is no other.
    fn block_brace(&self, from: usize, end: usize) -> Option<usize> {
        self.certain_block_brace(from, end).or_else(|| self.find(&(from..end), "{"))
    }

    fn certain_block_brace(&self, from: usize, end: usize) -> Option<usize> {
        let (mut at, mut matches, mut choices) = (from, 0_usize, 0_usize);
        while at < end {
            match self.source.word(at) {
                "match" => matches += 1,
                "if" => choices += 1,
                // Not the `else` of a choice, so that of the step.
                "else" if choices == 0 => return None,
                "else" => choices -= 1,
                "{" if at == from || self.source.ends_operand(at - 1) => {
                    if matches == 0 {
                        return Some(at);
                    }
                    matches -= 1;
                }
                _ => {}
            }
            at = self.source.skip(at);
        }
        None
    }

    /// A step without blocks of steps that does not parse.
    fn broken_step(&mut self, range: &Range<usize>, failure: &Failure) -> Step {
        let keyword = self.keyword_of_step(range);
        let span = self.place(self.source.span(&(keyword..range.end)));
        if let Some(step) = self.misspelt_step(range, keyword) {
            return step;
        }
        let label = if keyword > range.start { self.name_at(range.start) } else { None };
        let open = self.find(&(keyword..range.end), "{");
        let kind = match (self.source.word(keyword), open) {
            ("verify", Some(open)) if open == keyword + 1 => {
                StepKind::Verify(self.checks(&self.inside(open, range.end)))
            }
            ("calculate", Some(open)) if open == keyword + 1 => {
                StepKind::Calculate(self.calculate_statements(&self.inside(open, range.end)))
            }
            ("save", Some(open)) => self.broken_save(keyword..open + 1, self.inside(open, range.end)),
            ("expand", Some(open)) => self.broken_expand(keyword..open + 1, self.inside(open, range.end)),
            (word, _) if CHECKS.contains(&word) => {
                let kind = self.check_as_step(keyword, range);
                return Step { label, kind, span };
            }
            (word, _) if self.source.is_word(keyword) && !STEPS.contains(&word) => {
                // It was read as a label, which no `:` follows.
                let kind = if self.source.word(keyword + 1) == "=" {
                    self.assignment_as_step(keyword, range)
                } else {
                    self.report_word(
                        keyword,
                        range,
                        SyntaxErrorKind::UnknownWord { what: "a step", near: None, sure: false },
                    );
                    StepKind::Error
                };
                return Step { label, kind, span };
            }
            _ => {
                self.report_failure(failure, range);
                return Step { label, kind: StepKind::Error, span };
            }
        };
        if let Some(open) = open {
            self.report_rest(self.source.skip(open)..range.end, "a step");
        }
        Step { label, kind, span }
    }

    /// A check that is written as a step: read as a `verify` step where it is a whole one.
    fn check_as_step(&mut self, keyword: usize, range: &Range<usize>) -> StepKind {
        let check = keyword..range.end;
        let read = self.lowered(Rule::check_entry, &check, |lower, pair| lower.check(pair));
        let whole = read.is_ok().then(|| self.source.span(&check));
        self.report_word(keyword, range, SyntaxErrorKind::CheckAsStep { whole });
        read.map_or(StepKind::Error, |check| StepKind::Verify(vec![check]))
    }

    /// An assignment that is written as a step: read as a `calculate` step where it is a whole one.
    fn assignment_as_step(&mut self, keyword: usize, range: &Range<usize>) -> StepKind {
        let whole = keyword..range.end;
        let lower = |lower: &mut Lower<'_>, pair: Pair<'_>| lower.calculate_statement(pair);
        let read = self.lowered(Rule::calculate_statement_entry, &whole, lower);
        let span = read.is_ok().then(|| self.source.span(&whole));
        self.report_word(keyword, range, SyntaxErrorKind::AssignmentAsStep { whole: span });
        read.map_or(StepKind::Error, |statement| StepKind::Calculate(vec![statement]))
    }

    fn broken_save(&mut self, head: Range<usize>, body: Range<usize>) -> StepKind {
        let step = self.lowered_or_report(Rule::save_step_head_entry, &head, |lower, pair| lower.save_step_head(pair));
        let operations = self.save_operations(&body);
        step.map_or(StepKind::Error, |(state, keys)| StepKind::Save(SaveStep { state, keys, operations }))
    }

    fn broken_expand(&mut self, head: Range<usize>, body: Range<usize>) -> StepKind {
        let step = self.lowered_or_report(Rule::expand_step_head_entry, &head, |lower, pair| lower.expand_step(pair));
        let entries = Some(self.record_entries(&body));
        match step {
            Some(StepKind::Expand(step)) => StepKind::Expand(ExpandStep { entries, ..step }),
            Some(StepKind::Call(call)) => {
                let target = ExpandTarget::Dimension(call.name, call.arguments);
                StepKind::Expand(ExpandStep { mode: ExpandMode::Put, target, entries })
            }
            _ => StepKind::Error,
        }
    }

    /// A step whose first word is nearly that of a step: reported, and read as what was meant.
    fn misspelt_step(&mut self, range: &Range<usize>, keyword: usize) -> Option<Step> {
        let whole = keyword..range.end;
        let read = self.unknown_word(&whole, &STEPS, "a step", Rule::step_entry, |lower, pair| lower.step(pair))?;
        let span = self.place(self.source.span(&whole));
        let label = if keyword > range.start { self.name_at(range.start) } else { None };
        let kind = read.map_or(StepKind::Error, |step| step.kind);
        Some(Step { label, kind, span })
    }

    /// If the first word is not one of `known` but nearly, or is what another language says: reports it and reads the
    /// statement with the word that was meant.
    pub(crate) fn unknown_word<T>(
        &mut self,
        range: &Range<usize>,
        known: &[&'static str],
        what: &'static str,
        rule: Rule,
        lower: impl FnOnce(&mut Lower<'_>, Pair<'_>) -> T,
    ) -> Option<Option<T>> {
        let first = range.start..range.start + 1;
        let word = self.source.word(range.start);
        if known.contains(&word) || !self.source.is_word(range.start) || self.is_lost(self.source.span(range)) {
            return None;
        }
        let habit = habits::statement(word, known);
        let near = habit.or_else(|| habits::near(word, known))?;
        let place = self.source.span(&first);
        self.report(place, SyntaxErrorKind::UnknownWord { what, near: Some(near), sure: habit.is_none() });
        let corrected = self.with_word(range, near)?;
        Some(self.read_corrected(&corrected, rule, lower))
    }

    /// Reads a statement in which a word was replaced.
    pub(crate) fn read_corrected<T>(
        &mut self,
        corrected: &Source,
        rule: Rule,
        lower: impl FnOnce(&mut Lower<'_>, Pair<'_>) -> T,
    ) -> Option<T> {
        let tokens = 0..corrected.tokens.len();
        let mut inner = Recover {
            lower: &mut *self.lower,
            source: corrected,
            limit: self.limit,
            is_unchanged: false,
            said: Vec::new(),
        };
        inner.lowered(rule, &tokens, lower).ok()
    }

    /// Some tokens with their first word replaced, so that every other token keeps its place.
    pub(crate) fn with_word(&self, range: &Range<usize>, word: &str) -> Option<Source> {
        self.with_word_at(range.start, range, word)
    }

    /// Some tokens with the word at `at` replaced, so that every token behind it keeps its place.
    pub(crate) fn with_word_at(&self, at: usize, range: &Range<usize>, word: &str) -> Option<Source> {
        let span = self.source.span(range);
        let wrong = self.source.tokens.get(at)?.span;
        let before = self.source.text.get(span.start as usize..wrong.start as usize)?;
        let rest = self.source.text.get(wrong.end as usize..span.end as usize)?;
        let base = (self.source.base + wrong.end as usize).checked_sub(before.len() + word.len())?;
        Some(Source::plain(format!("{before}{word}{rest}"), base))
    }
}
