//! What a statement that cannot be read is known to mean: what other languages, and people in a hurry, write instead of what
//! NSF says.
//!
//! A file of this folder looks at the tokens of one kind of statement and says what is meant, with the edits that write it.
//! It is believed only if the statement can be read once they are made, so that a guess never leads on to the next mistake.
//! The statement is then read as it is meant, each token at its own place.

mod body;
mod head;
mod settings;
mod step;
mod test;
mod ty;

pub(crate) use head::block_without_braces;
pub(crate) use settings::{BLOCKS, colon_before_block};
pub(crate) use test::missing_comma;

use std::ops::Range;

use nsf_diagnostics::{Code, FileId, Span, codes};

use super::source::Source;
use super::{Failure, Recover};
use crate::error::{Habit, SyntaxError, SyntaxErrorKind};
use crate::grammar::{Pair, Rule};
use crate::lower::Lower;
use crate::token::TokenKind;

/// A text instead of what stands at a place of the source.
pub(crate) type Edit = (Span, String);

/// What is meant by a statement.
pub(crate) struct Meant {
    /// What is wrong.
    place: Span,
    habit: Habit,
    /// What makes it a statement that can be read; none where it is only known what is wrong.
    edits: Vec<Edit>,
}

impl Meant {
    fn new(place: Span, said: impl Into<String>, label: impl Into<String>) -> Self {
        let habit = Habit {
            code: &codes::E0101,
            said: said.into(),
            label: label.into(),
            help: None,
            fix: String::new(),
            edits: Vec::new(),
            sure: false,
        };
        Self { place, habit, edits: Vec::new() }
    }

    /// Sets a code other than E0101.
    fn code(mut self, code: &'static Code) -> Self {
        self.habit.code = code;
        self
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.habit.help = Some(help.into());
        self
    }

    /// A fix that can be applied without being looked at.
    fn fix(mut self, message: impl Into<String>, edits: Vec<Edit>) -> Self {
        (self.habit.fix, self.habit.sure) = (message.into(), true);
        self.edits = edits;
        self
    }

    /// A fix that is only offered.
    fn offer(mut self, message: impl Into<String>, edits: Vec<Edit>) -> Self {
        self = self.fix(message, edits);
        self.habit.sure = false;
        self
    }

    /// What is meant as a mistake of a file, where the source is the file.
    pub(crate) fn error(mut self, file: FileId) -> SyntaxError {
        self.habit.edits = self.edits;
        SyntaxError { location: self.place.in_file(file), kind: SyntaxErrorKind::Habit(Box::new(self.habit)) }
    }
}

/// A statement that cannot be read. Its tokens are counted from its first.
pub(crate) struct Statement<'s> {
    source: &'s Source,
    /// The text of the file.
    file: &'s str,
    range: &'s Range<usize>,
    /// The token where the parser stopped.
    at: usize,
    expected: &'s [Rule],
}

impl<'s> Statement<'s> {
    /// How many tokens there are.
    fn len(&self) -> usize {
        self.range.len()
    }

    /// The word or sign at an index; empty outside of the statement.
    fn word(&self, index: usize) -> &'s str {
        if index < self.len() { self.source.word(self.range.start + index) } else { "" }
    }

    fn is_word(&self, index: usize) -> bool {
        index < self.len() && self.source.is_word(self.range.start + index)
    }

    /// Whether a name of the program can stand at an index.
    fn is_name(&self, index: usize) -> bool {
        let word = self.word(index);
        self.is_word(index) && !super::source::is_operator_word(word) && !matches!(word, "true" | "false" | "null")
    }

    fn is_text(&self, index: usize) -> bool {
        index < self.len() && self.source.is_text(self.range.start + index)
    }

    fn kind(&self, index: usize) -> Option<TokenKind> {
        let token = self.source.tokens.get(self.range.start + index).filter(|_| index < self.len());
        token.map(|token| token.kind)
    }

    fn is_number(&self, index: usize) -> bool {
        self.kind(index) == Some(TokenKind::Number)
    }

    fn expects(&self, rule: Rule) -> bool {
        self.expected.contains(&rule)
    }

    /// The place of some tokens.
    fn span(&self, tokens: Range<usize>) -> Span {
        self.source.span(&(self.range.start + tokens.start..self.range.start + tokens.end.min(self.len())))
    }

    /// The place of one token.
    fn place(&self, index: usize) -> Span {
        self.span(index..index + 1)
    }

    /// Some tokens as they are written in the file.
    fn written(&self, tokens: Range<usize>) -> String {
        let span = self.span(tokens);
        let at = |offset: u32| self.source.base.wrapping_add(offset as usize);
        self.file.get(at(span.start)..at(span.end)).unwrap_or_default().to_owned()
    }

    /// The first token from an index on that is `sign` and outside of brackets.
    fn find(&self, from: usize, sign: &str) -> Option<usize> {
        let mut at = from;
        while at < self.len() {
            if self.word(at) == sign {
                return Some(at);
            }
            at = self.skip(at);
        }
        None
    }

    /// The index behind a token, or behind the partner of an opening bracket.
    fn skip(&self, index: usize) -> usize {
        self.source.skip(self.range.start + index) - self.range.start
    }

    /// The partner of an opening bracket.
    fn partner(&self, index: usize) -> Option<usize> {
        let partner = self.source.partner(self.range.start + index)?.checked_sub(self.range.start)?;
        (partner > index && partner < self.len()).then_some(partner)
    }

    /// Whether the tokens are names with commas between them.
    fn are_names(&self, tokens: Range<usize>) -> bool {
        let is_due = |index: usize| {
            if (index - tokens.start).is_multiple_of(2) { self.is_name(index) } else { self.word(index) == "," }
        };
        !tokens.is_empty() && tokens.len() % 2 == 1 && tokens.clone().all(is_due)
    }

    /// A text put before a token.
    fn before(&self, index: usize, text: impl Into<String>) -> Edit {
        (Span::at(self.place(index).start), text.into())
    }

    /// A text put behind a token.
    fn after(&self, index: usize, text: impl Into<String>) -> Edit {
        (Span::at(self.place(index).end), text.into())
    }

    /// A text instead of some tokens.
    fn instead(&self, tokens: Range<usize>, text: impl Into<String>) -> Edit {
        (self.span(tokens), text.into())
    }

    /// Some tokens taken out with the blank behind them.
    fn without(&self, tokens: Range<usize>) -> Edit {
        let (span, next) = (self.span(tokens.clone()), self.place(tokens.end));
        let end = if tokens.end < self.len() { next.start } else { span.end };
        (Span::new(span.start, end), String::new())
    }

    /// Some tokens taken out with the blank before them.
    fn without_from(&self, tokens: Range<usize>) -> Edit {
        let start = tokens.start.checked_sub(1).map_or(self.place(0).start, |before| self.place(before).end);
        (Span::new(start, self.span(tokens).end), String::new())
    }

    /// The brackets that open at an index, taken out.
    fn without_brackets(&self, open: usize) -> Option<Vec<Edit>> {
        let close = self.partner(open)?;
        Some(vec![(self.place(open), String::new()), (self.place(close), String::new())])
    }

    /// The word before the brace of the block around the statement.
    fn enclosing_word(&self) -> &'s str {
        self.enclosing_brace().and_then(|open| open.checked_sub(1)).map_or("", |before| self.source.word(before))
    }

    /// The brace of the block around the statement, counted from the source's first token.
    fn enclosing_brace(&self) -> Option<usize> {
        let is_around = |at: &usize| {
            self.source.word(*at) == "{" && self.source.partner(*at).is_none_or(|close| close >= self.range.end)
        };
        (0..self.range.start).rev().find(is_around)
    }

    /// The one output of the function whose body the statement stands in.
    fn only_output(&self) -> Option<&'s str> {
        let close = self.enclosing_brace()?.checked_sub(1)?;
        let open = self.source.partner(close).filter(|open| *open < close)?;
        let is_outputs = open >= 1 && self.source.word(open - 1) == "->" && self.source.word(open + 2) == ":";
        let is_one = !(open..close).any(|at| self.source.word(at) == ",");
        (is_outputs && is_one).then(|| self.source.word(open + 1))
    }

    /// The source of the file that reads from a connector.
    fn reader_of(&self, connector: &str) -> Option<&'s str> {
        let (before, _) = self.file.split_once(&format!("from: {connector}"))?;
        let item = before.rsplit("\nsource ").next().filter(|item| item.len() < before.len())?;
        item.split(|sign: char| sign.is_whitespace() || sign == '{').find(|word| !word.is_empty())
    }

    /// Whether the file declares an item of a keyword and a name.
    fn declares(&self, keyword: &str, name: &str) -> bool {
        self.declaration(keyword, name).is_some()
    }

    /// What stands in the file behind an item's keyword and name.
    fn declaration(&self, keyword: &str, name: &str) -> Option<&'s str> {
        let mut at = 0;
        for line in self.file.split_inclusive('\n') {
            let rest = line.strip_prefix(keyword).map(str::trim_start).and_then(|rest| rest.strip_prefix(name));
            if rest.is_some_and(|rest| !rest.starts_with(|sign: char| sign.is_alphanumeric() || sign == '_')) {
                let skipped = line.len() - rest.map_or(0, str::len);
                return self.file.get(at + skipped..);
            }
            at += line.len();
        }
        None
    }
}

/// What came of reading a statement as it is meant.
pub(crate) enum ReadAs<T> {
    /// It is said what is wrong, and this was read.
    Value(T),
    /// It is said what is wrong, and nothing can be read.
    Said,
    /// Nobody knows what is meant.
    Unknown,
}

impl Recover<'_, '_> {
    /// Says what is meant by tokens that a rule does not accept, if that is known, and reads them so.
    pub(crate) fn read_as_meant<T>(
        &mut self,
        rule: Rule,
        range: &Range<usize>,
        failure: &Failure,
        lower: impl FnOnce(&mut Lower<'_>, Pair<'_>) -> T,
    ) -> ReadAs<T> {
        if failure.too_deep || range.is_empty() || self.is_lost(self.source.span(range)) {
            return ReadAs::Unknown;
        }
        let index = self.source.tokens.partition_point(|token| token.span.end as usize <= failure.at);
        let is_within = |token: nsf_diagnostics::Span| failure.at <= token.start as usize;
        if self.source.tokens.get(index).is_some_and(|token| !is_within(token.span)) {
            // Inside of a text.
            return ReadAs::Unknown;
        }
        let statement = Statement {
            source: self.source,
            file: self.lower.text,
            range,
            at: index.saturating_sub(range.start),
            expected: &failure.expected,
        };
        let Some((meant, read)) = candidates(&statement, rule)
            .into_iter()
            .map(|meant| {
                let read = if meant.edits.is_empty() { None } else { self.edited(range, &meant.edits) };
                (meant, read)
            })
            .find(|(meant, read)| meant.edits.is_empty() || read.as_ref().is_some_and(|read| read.fits(rule)))
        else {
            return ReadAs::Unknown;
        };
        self.report_meant(meant, range);
        match read.and_then(|read| self.lower_edited(&read, rule, lower)) {
            Some(value) => ReadAs::Value(value),
            None => ReadAs::Said,
        }
    }

    /// Reports what is meant by some tokens, of which nothing else is said from then on.
    pub(crate) fn report_meant(&mut self, mut meant: Meant, range: &Range<usize>) {
        if !meant.habit.fix.is_empty() {
            meant.habit.edits = meant.edits;
        }
        if !range.is_empty() {
            self.said.push(self.source.span(range));
        }
        self.report(meant.place, SyntaxErrorKind::Habit(Box::new(meant.habit)));
    }

    /// Some tokens after edits.
    fn edited(&self, range: &Range<usize>, edits: &[Edit]) -> Option<Edited> {
        let whole = self.source.span(range);
        let mut edits: Vec<&Edit> = edits.iter().collect();
        edits.sort_by_key(|(span, _)| span.start);
        let mut edited = Edited { text: String::new(), places: Vec::new() };
        let mut at = whole.start;
        for (span, text) in edits {
            edited.keep(Span::new(at, span.start), &self.source.text)?;
            edited.places.push((edited.text.len(), span.start, false));
            edited.text.push_str(text);
            at = span.end;
        }
        edited.keep(Span::new(at, whole.end.max(at)), &self.source.text)?;
        Some(edited)
    }

    /// Reads edited tokens, each at the place where it stands in the file.
    fn lower_edited<T>(
        &mut self,
        edited: &Edited,
        rule: Rule,
        lower: impl FnOnce(&mut Lower<'_>, Pair<'_>) -> T,
    ) -> Option<T> {
        let pair = edited.parse(rule)?;
        let base = self.source.base;
        let places = edited.places.iter().map(|(from, at, kept)| (*from, base.wrapping_add(*at as usize), *kept));
        self.lower.at_places(places.collect());
        let value = lower(self.lower, pair);
        self.lower.finish_slice();
        self.lower.at(base);
        Some(value)
    }
}

/// Tokens after edits, and where they come from.
struct Edited {
    text: String,
    /// Parts of the text, by where they begin: their place in the source, and whether they were kept as they are.
    places: Vec<(usize, u32, bool)>,
}

impl Edited {
    fn keep(&mut self, span: Span, source: &str) -> Option<()> {
        self.places.push((self.text.len(), span.start, true));
        self.text.push_str(source.get(span.start as usize..span.end as usize)?);
        Some(())
    }

    fn parse(&self, rule: Rule) -> Option<Pair<'_>> {
        use pest::Parser;
        crate::grammar::Grammar::parse(rule, &self.text).ok()?.next()
    }

    fn fits(&self, rule: Rule) -> bool {
        self.parse(rule).is_some()
    }
}

/// What may be meant by a statement, most telling first.
fn candidates(statement: &Statement<'_>, rule: Rule) -> Vec<Meant> {
    let mut all = match rule {
        Rule::setting_entry => settings::setting(statement),
        Rule::field_entry => settings::field(statement),
        Rule::dimension_field_entry => settings::dimension_field(statement),
        Rule::assignment_entry => settings::assignment(statement),
        Rule::mapping_arm_entry => settings::mapping_arm(statement),
        Rule::step_entry => step::step(statement),
        Rule::each_head_entry => step::each_head(statement),
        Rule::record_entry => step::member(statement),
        Rule::check_entry => body::check(statement),
        Rule::calculate_statement_entry => body::calculate(statement),
        Rule::save_operation_entry => body::save(statement),
        Rule::test_clause_entry => test::clause(statement),
        _ => head::item(statement, rule),
    };
    if !matches!(rule, Rule::step_entry | Rule::record_entry | Rule::check_entry | Rule::expr_entry) {
        all.extend(ty::types(statement));
    }
    all
}
