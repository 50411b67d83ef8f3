//! From the place where the parser stopped to what is wrong there.

use std::ops::Range;

use nsf_diagnostics::{Span, closest};

use super::Failure;
use super::source::{Source, is_operator_word};
use super::statement::STEPS;
use super::words::described;
use crate::error::{Form, SyntaxErrorKind};
use crate::grammar::Rule;
use crate::token::{Token, TokenKind, tokens_in};

/// What may be called with options by name.
const CONNECTORS: [&str; 6] = ["kafka", "redis", "redis_stream", "mysql", "file", "webhook"];

/// The first wrong token of `range` and what is wrong with it.
pub(crate) fn explain(source: &Source, failure: &Failure, range: &Range<usize>) -> (Span, SyntaxErrorKind) {
    let whole = source.span(range);
    if failure.too_deep {
        return (Span::new(whole.start, whole.start + 1), SyntaxErrorKind::TooDeepTree);
    }
    let last = range.end.saturating_sub(1).max(range.start)..range.end.max(range.start + 1);
    let index = source.tokens.partition_point(|token| token.span.end as usize <= failure.at);
    let mut rules = failure.expected.clone();
    if index == range.start + 1 && STEPS.contains(&source.word(range.start)) {
        // A step's keyword could be a label, but is not meant as one.
        rules.retain(|rule| *rule != Rule::colon);
    }
    let failure = &Failure { rule: failure.rule, at: failure.at, expected: rules, too_deep: false };
    let found = source.tokens.get(index).copied().filter(|_| failure.at < whole.end as usize);
    let Some(mut token) = found else {
        let kind = if source.word(last.start) == "," {
            SyntaxErrorKind::StrayComma
        } else {
            SyntaxErrorKind::Incomplete { expected: required(expected(&failure.expected)) }
        };
        return (source.span(&last), kind);
    };
    if (token.span.start as usize) < failure.at {
        // Inside an interpolation.
        let inner = tokens_in(&source.text, failure.at, token.span.end as usize);
        token = inner.first().copied().unwrap_or(token);
    }
    if source.word(index) == "{" && matches!(failure.expected.as_slice(), [Rule::flow_from]) && index > range.start {
        let expected = vec!["the name of a source, subscription or flow"];
        return (source.span(&(index - 1..index)), SyntaxErrorKind::Incomplete { expected });
    }
    let stopped = Stopped { source, failure, range, index, token };
    if let Some(misspelt) = stopped.misspelt_expired() {
        return misspelt;
    }
    if let Some(foreign) = stopped.typed_assignment().or_else(|| stopped.rewritten()).or_else(|| stopped.foreign_word())
    {
        return foreign;
    }
    (token.span, stopped.habit().unwrap_or_else(|| stopped.unexpected()))
}

/// The wrong token and what surrounds it.
pub(super) struct Stopped<'a> {
    pub(super) source: &'a Source,
    pub(super) failure: &'a Failure,
    pub(super) range: &'a Range<usize>,
    pub(super) index: usize,
    pub(super) token: Token,
}

impl Stopped<'_> {
    pub(super) fn expects(&self, rule: Rule) -> bool {
        self.failure.expected.contains(&rule)
    }

    pub(super) fn word(&self) -> &str {
        self.token.text(&self.source.text)
    }

    /// A type between a field and its value, as other languages have it, up to the sign behind it.
    fn typed_assignment(&self) -> Option<(Span, SyntaxErrorKind)> {
        if self.word() != ":" || !self.expects(Rule::equals) {
            return None;
        }
        let end = (self.index + 1..self.range.end).find(|at| self.source.word(*at) == "=")?;
        let is_type = |at: usize| self.source.is_word(at) || matches!(self.source.word(at), "<" | ">" | "," | "?");
        if end == self.index + 1 || !(self.index + 1..end).all(is_type) {
            return None;
        }
        Some((self.source.span(&(self.index..end)), SyntaxErrorKind::TypedAssignment))
    }

    /// `flow f from expried s`: the word before the state is near `expired`.
    fn misspelt_expired(&self) -> Option<(Span, SyntaxErrorKind)> {
        let before = self.index.checked_sub(1).filter(|_| self.failure.rule == Rule::flow_head_entry)?;
        let follows_from = before > 0 && self.source.word(before - 1) == "from" && self.token.kind == TokenKind::Word;
        closest(self.source.word(before), ["expired"]).filter(|_| follows_from)?;
        let expected = vec!["the name of a source, subscription or flow", "`expired`"];
        let kind = SyntaxErrorKind::UnexpectedToken { expected, near: Some(("expired", true)), fix: None };
        Some((self.source.span(&(before..self.index)), kind))
    }

    /// A word for an operator, or one in capitals, where an operator or just that word can stand: SQL and Python write so.
    fn foreign_word(&self) -> Option<(Span, SyntaxErrorKind)> {
        let at = |index: usize| self.source.word(index);
        let operator = self.expects(Rule::infix);
        if operator && self.index > self.range.start && at(self.index - 1) == "NOT" {
            // It was read as a name.
            return Some(self.written(self.index - 1..self.index, "not"));
        }
        let word = self.word();
        if operator && word.eq_ignore_ascii_case("is") {
            let negated = at(self.index + 1).eq_ignore_ascii_case("not");
            let behind = self.index + 1 + usize::from(negated);
            let null = matches!(at(behind), "NULL" | "None" | "nil" | "undefined");
            let meant = match (negated, null) {
                (false, false) => "==",
                (true, false) => "!=",
                (false, true) => "== null",
                (true, true) => "!= null",
            };
            return Some(self.written(self.index..behind + usize::from(null), meant));
        }
        if word.len() < 2 || !word.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        if operator && word == "NOT" && at(self.index + 1).eq_ignore_ascii_case("in") {
            return Some(self.written(self.index..self.index + 2, "not in"));
        }
        let lower = word.to_ascii_lowercase();
        let operators: &[&'static str] = if operator { &["and", "or", "in", "catch"] } else { &[] };
        let keywords = self.failure.expected.iter().filter_map(|rule| keyword(*rule));
        let meant = operators.iter().copied().chain(keywords).find(|known| *known == lower)?;
        Some(self.written(self.index..self.index + 1, meant))
    }

    fn written(&self, tokens: Range<usize>, meant: &'static str) -> (Span, SyntaxErrorKind) {
        (self.source.span(&tokens), SyntaxErrorKind::ForeignOperator { meant })
    }

    /// What is known to be meant, because other languages write it so.
    fn habit(&self) -> Option<SyntaxErrorKind> {
        let assigns = self.expects(Rule::equals) || self.expects(Rule::save_operator);
        let operator = self.expects(Rule::infix);
        match self.word() {
            "=" if (self.expects(Rule::colon) && !operator) || self.is_option() => Some(self.instead(":")),
            "=" if operator => Some(SyntaxErrorKind::EqualsInCondition { sure: self.in_condition() }),
            "==" if assigns => Some(self.instead("=")),
            ":" if assigns => Some(self.instead("=")),
            "->" if self.expects(Rule::fat_arrow) => Some(self.instead("=>")),
            "=>" if self.expects(Rule::arrow) => Some(self.instead("->")),
            "," if self.is_stray_comma() => Some(SyntaxErrorKind::StrayComma),
            "?" if operator => Some(SyntaxErrorKind::OtherForm { form: Form::Ternary, edits: Vec::new(), sure: false }),
            "if" if self.expects(Rule::k_when) || self.expects(Rule::stop_when) => Some(self.instead("when")),
            word if self.token.kind == TokenKind::Word => self.wrong_word(word),
            _ => None,
        }
    }

    /// Whether the word before names an option of a connector, as in `kafka("t", key=customer)`.
    fn is_option(&self) -> bool {
        let Some(comma) = self.index.checked_sub(2).filter(|comma| self.source.word(*comma) == ",") else {
            return false;
        };
        let open = (self.range.start..comma).rev().find(|at| {
            self.source.word(*at) == "(" && self.source.partner(*at).is_some_and(|close| close > self.index)
        });
        let connector = open.and_then(|open| open.checked_sub(1)).map_or("", |at| self.source.word(at));
        self.source.is_word(self.index - 1) && CONNECTORS.contains(&connector)
    }

    fn wrong_word(&self, word: &str) -> Option<SyntaxErrorKind> {
        let is_member = self.failure.rule == Rule::record_entry && self.index == self.range.start;
        if is_member && is_reserved(word) && self.source.word(self.index + 1) == ":" {
            return Some(SyntaxErrorKind::ReservedWord);
        }
        let takes_value = self.expects(Rule::numeral) || self.expects(Rule::expr);
        if self.expects(Rule::name) && !takes_value && (is_reserved(word)) {
            return Some(SyntaxErrorKind::ReservedWord);
        }
        let mut candidates: Vec<&'static str> =
            self.failure.expected.iter().filter_map(|rule| keyword(*rule)).collect();
        if self.expects(Rule::infix) {
            candidates.extend(["and", "or", "not", "in", "catch"]);
        }
        let near = closest(word, candidates)?;
        // Where no name and no value can stand, a word can only be a keyword.
        let is_keyword = !takes_value && !self.expects(Rule::name) && !self.source.is_first_on_line(self.index);
        let sure = is_keyword && is_surely(word, near);
        let expected = expected(&self.failure.expected);
        Some(SyntaxErrorKind::UnexpectedToken { expected, near: Some((near, sure)), fix: None })
    }

    /// A sign that is surely meant to be another one.
    fn instead(&self, sign: &'static str) -> SyntaxErrorKind {
        SyntaxErrorKind::UnexpectedToken { expected: expected(&self.failure.expected), near: None, fix: Some(sign) }
    }

    /// Whether what is read is a condition, where `=` can only mean `==`.
    fn in_condition(&self) -> bool {
        let first = self.source.word(self.range.start);
        let asks = matches!(first, "when" | "stop" | "jump" | "require" | "drop" | "reject" | "expect");
        let is_expression = self.failure.expected.len() < 6 && !asks;
        asks || is_expression || (self.range.start..self.index).any(|at| self.source.word(at) == "if")
    }

    /// A comma behind the last value of a statement.
    fn is_stray_comma(&self) -> bool {
        let next_is_new = self.index + 1 >= self.range.end || self.source.is_first_on_line(self.index + 1);
        self.source.ends_operand(self.index.wrapping_sub(1)) && next_is_new
    }

    fn unexpected(&self) -> SyntaxErrorKind {
        SyntaxErrorKind::UnexpectedToken { expected: expected(&self.failure.expected), near: None, fix: None }
    }
}

/// Whether a misspelt word can be no other than `near`: short words are near too many, as `end` and `nor` are near `and`
/// and `not`, unless their letters are only swapped, doubled or left out.
fn is_surely(word: &str, near: &str) -> bool {
    let letters = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    let is_replaced = word.len() == near.len() && letters(word) != letters(near);
    word.len().min(near.len()) > 2 && (near.len() > 3 || !is_replaced)
}

fn is_reserved(word: &str) -> bool {
    is_operator_word(word) || matches!(word, "true" | "false" | "null")
}

/// The keyword that a rule asks for.
fn keyword(rule: Rule) -> Option<&'static str> {
    let word = described(rule)?.strip_prefix('`')?.strip_suffix('`')?;
    word.bytes().all(|byte| byte.is_ascii_lowercase()).then_some(word)
}

/// Of what may follow, what must: an operator or a comma never has to.
fn required(expected: Vec<&'static str>) -> Vec<&'static str> {
    let must = |word: &&&str| !matches!(**word, "an operator" | "`,`" | "`?`" | "`<`");
    if expected.iter().any(|word| must(&word)) { expected.iter().filter(must).copied().collect() } else { expected }
}

/// What rules stand for, in words, most telling first, each once, at most five.
fn expected(rules: &[Rule]) -> Vec<&'static str> {
    let (goes_on, takes_value) = (rules.contains(&Rule::infix), rules.contains(&Rule::numeral));
    let mut words: Vec<&'static str> = Vec::new();
    for rule in rules {
        // What can follow any value, or be the start of one, says nothing beside the rest.
        let says_nothing = match rule {
            Rule::open_bracket | Rule::open_paren => goes_on || takes_value,
            Rule::member | Rule::member_sign | Rule::index | Rule::call | Rule::postfix => goes_on,
            Rule::open_brace | Rule::name | Rule::minus | Rule::k_if | Rule::k_match | Rule::k_reject => takes_value,
            _ => false,
        };
        let is_text = matches!(rule, Rule::plain_text | Rule::rich_text | Rule::raw_text | Rule::text);
        let described = if is_text && !takes_value { Some("a text") } else { described(*rule) };
        if let Some(word) = described.filter(|word| !says_nothing && !words.contains(word)) {
            words.push(word);
        }
    }
    let rank = |word: &&str| match *word {
        "an operator" => 4,
        "`,`" => 3,
        word if word.starts_with('a') => 0,
        word if word.as_bytes().get(1).is_some_and(u8::is_ascii_lowercase) => 1,
        _ => 2,
    };
    words.sort_by_key(rank);
    words.truncate(5);
    words
}
