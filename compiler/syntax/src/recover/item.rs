//! Broken items: what the head says is kept, and the body is read statement by statement.

use std::ops::Range;

use nsf_diagnostics::Span;
use pest::Parser;

use super::source::{Source, is_operator_word};
use super::{Recover, habits, meant};
use crate::ast::{Fields, FunctionKind, Item, ItemKind, Name, StepFunctionBody, Test};
use crate::error::{Form, SyntaxErrorKind};
use crate::grammar::{Grammar, Pair, Rule};
use crate::lower::Lower;
use crate::scan::{ITEM_KEYWORDS, reads_as_item};

/// How many tokens the head of an item has at most.
const HEAD: usize = 64;

impl Recover<'_, '_> {
    /// All items of the source.
    pub(crate) fn chunk(&mut self) -> Vec<Item> {
        let starts = self.item_starts();
        let ends = starts.iter().skip(1).copied().chain([self.source.tokens.len()]);
        let ranges: Vec<Range<usize>> = starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect();
        ranges.iter().map(|range| self.item(range)).collect()
    }

    /// The first token, and every later one that can only be meant to start an item.
    fn item_starts(&self) -> Vec<usize> {
        let count = self.source.tokens.len();
        let mut starts = Vec::new();
        let mut unopened = None;
        let mut at = 0;
        let mut is_statement = false;
        while at < count {
            let goes_on = is_statement && is_in_capitals(self.source.word(at));
            let is_start = || self.starts_item(at) && (self.source.in_first_column(at) || unopened.is_none());
            if !goes_on && (at == 0 || is_start()) {
                is_statement = habits::STATEMENTS.contains(&self.source.word(at));
                starts.push(at);
                unopened = self.unopened_block(at);
            }
            at = self.source.skip(at);
        }
        starts
    }

    /// The first token of an item's lines below its head, if no brace opens the block that they are.
    fn unopened_block(&self, start: usize) -> Option<usize> {
        if !matches!(self.source.word(start), "flow" | "test" | "source" | "state" | "table") {
            return None;
        }
        let head = self.source.tokens.len().min(start + HEAD);
        let first = (start + 1..head).find(|at| self.source.is_first_on_line(*at))?;
        let is_head = (start..first).all(|at| self.source.word(at) != "{");
        (is_head && !self.source.in_first_column(first) && self.source.word(first) != "{").then_some(first)
    }

    /// An item whose block has no braces, read as if it had them.
    fn without_braces(&mut self, range: &Range<usize>, first: usize) -> Option<Item> {
        let meant = meant::block_without_braces(self.source, first - 1, range.end);
        let span = self.source.span(range);
        // Brace and blank have one length.
        let before = self.source.tokens.get(first)?.span.start.checked_sub(1)?;
        let head = self.source.text.get(span.start as usize..before as usize)?;
        let body = self.source.text.get(before as usize + 1..span.end as usize)?;
        let braced = Source::plain(format!("{head}{{{body}}}"), self.source.base + span.start as usize);
        self.report_meant(meant, &(first - 1..first));
        let tokens = 0..braced.tokens.len();
        let mut inner = Recover {
            lower: &mut *self.lower,
            source: &braced,
            limit: self.limit,
            is_unchanged: false,
            said: Vec::new(),
        };
        Some(inner.item(&tokens))
    }

    fn starts_item(&self, at: usize) -> bool {
        let word = self.source.word(at);
        if !self.source.is_first_on_line(at) || !self.source.is_word(at) || is_operator_word(word) {
            return false;
        }
        let goes_on = self.source.is_word(at + 1) || self.source.is_text(at + 1);
        let after_value = self.source.ends_operand(at - 1);
        if self.source.in_first_column(at) {
            let known = || habits::near(word, &ITEM_KEYWORDS).is_some() || habits::item(word).is_some();
            return goes_on || (after_value && known());
        }
        let start = self.source.tokens.get(at).map_or(0, |token| token.span.start as usize);
        let reads_as_item = reads_as_item(self.source.text.as_bytes(), start, word);
        ITEM_KEYWORDS.contains(&word) && goes_on && after_value && reads_as_item
    }

    fn item(&mut self, range: &Range<usize>) -> Item {
        let word = self.source.word(range.start);
        let span = self.place(self.source.span(range));
        if !ITEM_KEYWORDS.contains(&word) {
            if let Some(item) = self.foreign_statement(range, word) {
                return item;
            }
            return self.unknown_item(range);
        }
        if let Some(item) = self.item_of_another_form(range, word) {
            return item;
        }
        if self.is_indented(range.start) {
            let place = self.source.span(&(range.start..range.start + 1));
            self.report(place, SyntaxErrorKind::IndentedItem);
        }
        if let Some(first) = self.unopened_block(range.start).filter(|first| *first < range.end)
            && let Some(item) = self.without_braces(range, first)
        {
            return item;
        }
        let body = self.find(range, "{").filter(|_| has_body(word));
        let is_known_to_fail = body.is_some() && self.is_unchanged && range.len() == self.source.tokens.len();
        if !is_known_to_fail {
            let (rule, lower) = (crate::parse::entry(word), |lower: &mut Lower<'_>, pair: Pair<'_>| lower.item(pair));
            if body.is_none() {
                if let Some(item) = self.lowered_or_report(rule, range, lower) {
                    return item;
                }
            } else if let Ok(item) = self.lowered(rule, range, lower) {
                return item;
            }
        }
        let docs = self.lower.docs(span.start);
        let kind = body.and_then(|open| {
            let kind = self.with_body(range, open);
            self.report_rest(self.source.skip(open)..range.end, "an item, in column 0");
            kind
        });
        Item { docs, kind: kind.unwrap_or_else(|| self.error_kind(range)), span }
    }

    /// Whether blanks stand before an item on its line.
    fn is_indented(&self, at: usize) -> bool {
        if at > 0 {
            return !self.source.in_first_column(at);
        }
        let start = self.place(self.source.span(&(at..at + 1))).start as usize;
        let before = self.lower.text.get(..start).unwrap_or("");
        !before.is_empty() && before.ends_with([' ', '\t'])
    }

    /// An item as other languages lay it out: its steps below a colon, or what a function gives in braces.
    fn item_of_another_form(&mut self, range: &Range<usize>, word: &str) -> Option<Item> {
        let (form, marked, edits) = if word == "fn" {
            let (open, edits) = self.body_in_braces(range)?;
            (Form::BodyInBraces, open, edits)
        } else {
            let first_line = |at: &usize| *at == range.start || !self.source.is_first_on_line(*at);
            let colon = range.clone().take_while(first_line).last().filter(|at| self.source.word(*at) == ":")?;
            let is_body = has_body(word) && colon + 1 < range.end && self.source.column(colon + 1) > Some(0);
            // A colon in brackets that go on is that of an input.
            let is_inside = |at: usize| self.source.partner(at).is_some_and(|close| at < colon && close > colon);
            let mut head = range.clone().take_while(first_line);
            if !is_body || head.any(|at| self.source.word(at) == "{" || is_inside(at)) {
                return None;
            }
            let end = Span::at(self.source.span(range).end);
            let edits = vec![(self.source.span(&(colon..colon + 1)), " {".to_owned()), (end, "\n}".to_owned())];
            (Form::BodyByIndentation, colon, edits)
        };
        self.forget(range);
        self.report(self.source.span(&(marked..marked + 1)), SyntaxErrorKind::OtherForm { form, edits, sure: true });
        let whole = self.place(self.source.span(range));
        Some(Item { docs: self.lower.docs(whole.start), kind: self.error_kind(range), span: whole })
    }

    /// Takes back what was found in an item that is of another form as a whole: it is mended with it, or found again.
    fn forget(&mut self, range: &Range<usize>) {
        let whole = self.place(self.source.span(range));
        self.lower
            .errors
            .retain(|error| error.location.span.start < whole.start || error.location.span.start > whole.end);
    }

    /// `SELECT … FROM …`: one mistake up to the next item.
    fn foreign_statement(&mut self, range: &Range<usize>, word: &str) -> Option<Item> {
        let goes_on = || range.clone().skip(1).any(|at| is_in_capitals(self.source.word(at)));
        if !habits::STATEMENTS.contains(&word) || !goes_on() {
            return None;
        }
        self.forget(range);
        let kind = SyntaxErrorKind::OtherForm { form: Form::Statement, edits: Vec::new(), sure: false };
        self.report(self.source.span(&(range.start..range.start + 1)), kind);
        let span = self.place(self.source.span(range));
        let names = self.names_of_head(range);
        Some(Item { docs: self.lower.docs(span.start), kind: ItemKind::Error { keyword: None, names }, span })
    }

    /// `fn f(…) -> T { return x; }`: its brace, and what makes `= x` of it.
    fn body_in_braces(&self, range: &Range<usize>) -> Option<(usize, Vec<(Span, String)>)> {
        let arrow = self.find(range, "->")?;
        // A record's type has a colon behind its first name.
        let open = (arrow + 2..range.end).find(|at| self.source.word(*at) == "{")?;
        let close = self.source.partner(open).filter(|close| close + 1 == range.end)?;
        if self.find(range, "=").is_some_and(|equals| equals < open) || close < open + 2 {
            return None;
        }
        let returns = usize::from(self.source.word(open + 1) == "return");
        let value = open + 1 + returns..close;
        self.strict(Rule::expr_entry, &value).ok()?;
        let head = Span::new(self.source.span(&(open..open + 1)).start, self.source.span(&value).start);
        let tail = Span::new(self.source.span(&value).end, self.source.span(&(close..close + 1)).end);
        Some((open, vec![(head, "= ".to_owned()), (tail, String::new())]))
    }

    /// What is known of an item that could not be read.
    fn error_kind(&self, range: &Range<usize>) -> ItemKind {
        let names = self.names_of_head(&(range.start + 1..range.end));
        ItemKind::Error { keyword: Some(self.source.word(range.start).into()), names }
    }

    /// The words of an item's first line up to its block: one of them is its name.
    fn names_of_head(&self, range: &Range<usize>) -> Vec<Name> {
        let is_head = |at: &usize| {
            let word = self.source.word(*at);
            word != "{" && (*at == range.start || !self.source.is_first_on_line(*at))
        };
        range.clone().take_while(is_head).filter_map(|at| self.name_at(at)).collect()
    }

    /// The keyword that an item's first word is near: of several, the first that what follows fits.
    fn near_item(&self, range: &Range<usize>, word: &str) -> Option<&'static str> {
        let nearest = habits::near(word, &ITEM_KEYWORDS)?;
        let head = range.start..self.find(range, "{").filter(|_| has_body(nearest)).map_or(range.end, |open| open + 1);
        let fits = |keyword: &&'static str| {
            let rule = match *keyword {
                "mapping" => Rule::mapping_head_entry,
                "fields" => Rule::fields_head_entry,
                "flow" => Rule::flow_head_entry,
                "test" => Rule::test_head_entry,
                "verify" | "calculate" | "load" | "save" | "expand" => Rule::step_function_head_entry,
                other if has_body(other) => Rule::settings_head_entry,
                other => crate::parse::entry(other),
            };
            let tokens = |source: &Source| 0..source.tokens.len();
            self.with_word(&head, keyword).is_some_and(|source| {
                let range = tokens(&source);
                let span = source.span(&range);
                Grammar::parse(rule, span.text(&source.text)).is_ok()
            })
        };
        let near = |keyword: &&'static str| *keyword == nearest || habits::near(word, &[keyword]).is_some();
        if fits(&nearest) {
            return Some(nearest);
        }
        ITEM_KEYWORDS.iter().copied().filter(near).find(fits).or(Some(nearest))
    }

    /// An item whose first word starts no item.
    fn unknown_item(&mut self, range: &Range<usize>) -> Item {
        let span = self.place(self.source.span(range));
        let word = self.source.word(range.start);
        let first = self.source.span(&(range.start..range.start + 1));
        let error =
            Item { docs: Vec::new(), kind: ItemKind::Error { keyword: None, names: self.names_of_head(range) }, span };
        if self.is_lost(first) {
            return error;
        }
        if !self.source.is_word(range.start) {
            let kind = SyntaxErrorKind::UnexpectedToken { expected: vec!["an item"], near: None, fix: None };
            self.report(first, kind);
            return error;
        }
        let near = self.near_item(range, word);
        let habit = habits::item(word).filter(|_| near.is_none());
        self.report(first, SyntaxErrorKind::UnknownItem { near: near.or(habit), sure: near.is_some() });
        let Some(corrected) = near.and_then(|near| self.with_word(range, near)) else { return error };
        let docs = self.lower.docs(span.start);
        let tokens = 0..corrected.tokens.len();
        let mut inner = Recover {
            lower: &mut *self.lower,
            source: &corrected,
            limit: self.limit,
            is_unchanged: false,
            said: Vec::new(),
        };
        let before = inner.lower.errors.len();
        let item = inner.item(&tokens);
        // What is wrong directly behind the word shows only that another one was meant.
        let next = self.place(self.source.span(&(range.start + 1..range.start + 2)));
        let found = self.lower.errors.split_off(before.min(self.lower.errors.len()));
        self.lower.errors.extend(found.into_iter().filter(|error| error.location.span != next));
        Item { docs, kind: item.kind, span }
    }

    /// An item that is a head and a body in braces. None where the head cannot be read; the body is looked at anyway.
    fn with_body(&mut self, range: &Range<usize>, open: usize) -> Option<ItemKind> {
        let head = range.start..open + 1;
        let region = self.inside(open, range.end);
        match self.source.word(range.start) {
            "mapping" => {
                let head = self.head(Rule::mapping_head_entry, &head, |lower, pair| lower.mapping_head(pair));
                let (arms, otherwise) = self.mapping_arms(&region);
                head.map(|head| ItemKind::Mapping(crate::ast::Mapping { arms, otherwise, ..head }))
            }
            "fields" => {
                let dimension = self.head(Rule::fields_head_entry, &head, |lower, pair| lower.first_name(pair));
                let fields = self.dimension_fields(&region);
                dimension.map(|dimension| ItemKind::Fields(Fields { dimension, fields }))
            }
            "flow" => {
                let head = self.head(Rule::flow_head_entry, &head, |lower, pair| lower.flow_head(pair));
                let body = self.block(open, range.end);
                head.map(|head| ItemKind::Flow(crate::ast::Flow { body, ..head }))
            }
            "test" => {
                let title = self.head(Rule::test_head_entry, &head, |lower, pair| lower.text_in(pair));
                let clauses = self.test_clauses(&region);
                title.flatten().map(|title| ItemKind::Test(Test { title, clauses }))
            }
            "verify" | "calculate" | "load" | "save" | "expand" => self.step_function(&head, open, &region, range.end),
            _ => {
                let head = self.head(Rule::settings_head_entry, &head, |lower, pair| lower.settings_head(pair));
                let settings = self.settings(&region);
                head.flatten().map(|head| ItemKind::Settings(crate::ast::SettingsItem { settings, ..head }))
            }
        }
    }

    fn head<T>(
        &mut self,
        rule: Rule,
        range: &Range<usize>,
        lower: impl FnMut(&mut Lower<'_>, Pair<'_>) -> T,
    ) -> Option<T> {
        self.lowered_or_report(rule, range, lower)
    }

    fn step_function(
        &mut self,
        head: &Range<usize>,
        open: usize,
        region: &Range<usize>,
        end: usize,
    ) -> Option<ItemKind> {
        let rule = Rule::step_function_head_entry;
        let found = self.head(rule, head, |lower, pair| lower.step_function_head(pair)).flatten();
        let kind = match self.source.word(head.start) {
            "verify" => FunctionKind::Verify,
            "save" => FunctionKind::Save,
            "expand" => FunctionKind::Expand,
            _ => FunctionKind::Calculate,
        };
        let body = match kind {
            FunctionKind::Verify => StepFunctionBody::Verify(self.checks(region)),
            FunctionKind::Save => StepFunctionBody::Save(self.save_operations(region)),
            FunctionKind::Expand => StepFunctionBody::Expand(self.block(open, end)),
            FunctionKind::Calculate | FunctionKind::Load => {
                StepFunctionBody::Calculate(self.calculate_statements(region))
            }
        };
        found.map(|head| ItemKind::StepFunction(crate::ast::StepFunction { body, ..head }))
    }
}

/// Whether an item's braces hold statements; the braces of a `type` or a `const` are part of a value.
fn has_body(keyword: &str) -> bool {
    !matches!(keyword, "use" | "const" | "type" | "fn" | "builtin" | "primary" | "dimension")
}

/// Whether a word is written as SQL writes its own.
fn is_in_capitals(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase())
}
