//! What other languages write with the same words and signs in another order. Each form is rewritten, and the fix is given where
//! the parser then takes the statement.

use nsf_diagnostics::Span;
use pest::Parser;

use super::explain::Stopped;
use crate::error::{Form, SyntaxErrorKind};
use crate::grammar::{Grammar, Rule};
use crate::token::TokenKind;

/// A form of another language: where it shows and what to write instead.
struct Rewrite {
    marked: Span,
    form: Form,
    edits: Vec<(Span, String)>,
    sure: bool,
}

impl Stopped<'_> {
    /// The form of another language that the parser stopped in.
    pub(super) fn rewritten(&self) -> Option<(Span, SyntaxErrorKind)> {
        let forms = [
            Self::ternary,
            Self::choice_in_braces,
            Self::fallback_as_call,
            Self::name_behind,
            Self::list_in_parentheses,
            Self::optional_name,
            Self::condition_as_pattern,
            Self::like,
            Self::missing_comma,
        ];
        let found = forms.iter().filter_map(|form| form(self)).find(|rewrite| self.parses(&rewrite.edits))?;
        let Rewrite { marked, form, edits, sure } = found;
        Some((marked, SyntaxErrorKind::OtherForm { form, edits, sure }))
    }

    /// Whether the statement can be read with these changes.
    fn parses(&self, edits: &[(Span, String)]) -> bool {
        let whole = self.source.span(self.range);
        let text = whole.text(&self.source.text);
        let mut edits: Vec<&(Span, String)> = edits.iter().collect();
        edits.sort_by_key(|(span, _)| *span);
        let (mut changed, mut at) = (String::with_capacity(text.len()), whole.start);
        for (span, meant) in edits {
            changed.push_str(Span::new(at, span.start.max(at)).text(&self.source.text));
            changed.push_str(meant);
            at = span.end;
        }
        changed.push_str(Span::new(at, whole.end.max(at)).text(&self.source.text));
        // An entry of a record stands between others.
        if self.failure.rule == Rule::record_entry {
            return Grammar::parse(Rule::expr_entry, &format!("{{ {changed} }}")).is_ok();
        }
        Grammar::parse(self.failure.rule, &changed).is_ok()
    }

    fn at(&self, index: usize) -> &str {
        self.source.word(index)
    }

    fn place(&self, index: usize) -> Span {
        self.source.span(&(index..index + 1))
    }

    /// A token together with the blanks before it on its line.
    fn with_blanks_before(&self, index: usize) -> Span {
        let own = self.place(index);
        let before = Span::new(0, own.start).text(&self.source.text);
        Span::new(before.trim_end_matches([' ', '\t']).len() as u32, own.end)
    }

    /// A token together with the blanks behind it on its line.
    fn with_blanks_behind(&self, index: usize) -> Span {
        let own = self.place(index);
        let behind = self.source.text.get(own.end as usize..).unwrap_or("");
        Span::new(own.start, own.end + (behind.len() - behind.trim_start_matches([' ', '\t']).len()) as u32)
    }

    /// Where the expression begins that ends before `end`.
    fn expression_start(&self, end: usize) -> usize {
        let mut at = end;
        while at > self.range.start {
            let before = at - 1;
            match self.source.partner(before) {
                Some(partner) if partner < before => at = partner.max(self.range.start),
                Some(_) => break,
                None => {
                    let opens = matches!(
                        self.at(before),
                        "=" | ":"
                            | ","
                            | "+="
                            | "-="
                            | "=>"
                            | "->"
                            | "when"
                            | "require"
                            | "expect"
                            | "then"
                            | "else"
                            | "unique"
                    );
                    if opens {
                        break;
                    }
                    at = before;
                }
            }
        }
        at
    }

    /// The first token behind `from` that is `sign` and outside of brackets.
    fn behind(&self, from: usize, sign: &str) -> Option<usize> {
        let mut at = from;
        while at < self.range.end {
            if self.at(at) == sign {
                return Some(at);
            }
            at = self.source.skip(at);
        }
        None
    }

    /// The bracket that is open before a token.
    fn open_bracket(&self, index: usize) -> Option<usize> {
        let mut at = index;
        while at > self.range.start {
            at -= 1;
            match self.source.partner(at) {
                Some(partner) if partner < at => at = partner,
                Some(_) => return Some(at),
                None => {}
            }
        }
        None
    }

    /// `c ? a : b`
    fn ternary(&self) -> Option<Rewrite> {
        if self.word() != "?" || !self.expects(Rule::infix) {
            return None;
        }
        let (start, colon) = (self.expression_start(self.index), self.behind(self.index + 1, ":")?);
        let condition = self.place(start).start;
        let edits = vec![
            (Span::at(condition), "if ".to_owned()),
            (self.token.span, "then".to_owned()),
            (self.place(colon), "else".to_owned()),
        ];
        Some(Rewrite { marked: self.token.span, form: Form::Ternary, edits, sure: true })
    }

    /// `if c { a } else { b }`
    fn choice_in_braces(&self) -> Option<Rewrite> {
        if self.word() != "{" || !self.expects(Rule::infix) {
            return None;
        }
        // Without an `if` before it on this level it is something else.
        let mut at = self.index;
        while self.at(at) != "if" {
            at = at.checked_sub(1).filter(|before| *before >= self.range.start)?;
            at = self.source.partner(at).filter(|partner| *partner < at).unwrap_or(at);
        }
        let (mut edits, mut open) = (Vec::new(), self.index);
        loop {
            let close = self.source.partner(open)?;
            edits.push((self.place(open), "then".to_owned()));
            edits.push((self.with_blanks_before(close), String::new()));
            if self.at(close + 1) != "else" {
                return None;
            }
            if self.at(close + 2) == "if" {
                open = self.behind(close + 3, "{")?;
                continue;
            }
            let last = close + 2;
            if self.at(last) != "{" {
                return None;
            }
            edits.push((self.with_blanks_behind(last), String::new()));
            edits.push((self.with_blanks_before(self.source.partner(last)?), String::new()));
            return Some(Rewrite { marked: self.token.span, form: Form::ChoiceInBraces, edits, sure: true });
        }
    }

    /// `f(x).catch(y)`, `x.or(y)`
    fn fallback_as_call(&self) -> Option<Rewrite> {
        let operator = match self.word() {
            "catch" => "catch",
            "or" => "??",
            _ => return None,
        };
        let dot = self.index.checked_sub(1).filter(|before| self.at(*before) == ".")?;
        let open = self.index + 1;
        let close = self.source.partner(open).filter(|_| self.at(open) == "(")?;
        if close < open + 2 || self.at(close + 1) == "." {
            return None;
        }
        let is_simple = close == open + 2;
        let head = self.place(dot).to(if is_simple { self.place(open) } else { self.place(self.index) });
        let blank = if is_simple { " " } else { "" };
        let mut edits = vec![(head, format!(" {operator}{blank}"))];
        if is_simple {
            edits.push((self.place(close), String::new()));
        } else {
            edits.push((Span::at(self.place(open).start), " ".to_owned()));
        }
        let sure = operator == "catch";
        Some(Rewrite { marked: self.token.span, form: Form::FallbackAsCall, edits, sure })
    }

    /// `amount AS total` among the members of a message.
    fn name_behind(&self) -> Option<Rewrite> {
        if self.failure.rule != Rule::record_entry || !self.word().eq_ignore_ascii_case("as") {
            return None;
        }
        let name = self.index + 1;
        if !self.source.is_word(name) || name + 1 != self.range.end {
            return None;
        }
        let start = self.source.span(self.range).start;
        let rest = self.with_blanks_before(self.index).to(self.place(name));
        let edits = vec![(Span::at(start), format!("{}: ", self.at(name))), (rest, String::new())];
        Some(Rewrite { marked: self.token.span, form: Form::NameBehind, edits, sure: true })
    }

    /// `x in (a, b)`
    fn list_in_parentheses(&self) -> Option<Rewrite> {
        if self.word() != "," {
            return None;
        }
        let open = self.open_bracket(self.index)?;
        let before = open.checked_sub(1)?;
        if self.at(open) != "(" || !self.at(before).eq_ignore_ascii_case("in") {
            return None;
        }
        let edits = vec![(self.place(open), "[".to_owned()), (self.place(self.source.partner(open)?), "]".to_owned())];
        Some(Rewrite { marked: self.place(open), form: Form::ListInParentheses, edits, sure: true })
    }

    /// `nick?: text`
    fn optional_name(&self) -> Option<Rewrite> {
        let (question, colon) = if self.word() == "?" { (self.index, self.index + 1) } else { return None };
        let is_member =
            question > self.range.start && self.source.is_word(question - 1) && self.source.is_word(colon + 1);
        if self.at(colon) != ":" || !is_member || !self.expects(Rule::colon) {
            return None;
        }
        let mut last = colon + 1;
        if self.at(last + 1) == "<" {
            last = (last + 1..self.range.end).take_while(|at| !matches!(self.at(*at), "=" | "," | ":")).last()?;
        }
        let edits = vec![(self.token.span, String::new()), (Span::at(self.place(last).end), "?".to_owned())];
        Some(Rewrite { marked: self.token.span, form: Form::OptionalName, edits, sure: true })
    }

    /// `match n { n < 60 => a, … }`
    fn condition_as_pattern(&self) -> Option<Rewrite> {
        if !self.expects(Rule::fat_arrow) || !matches!(self.word(), "<" | ">" | "<=" | ">=" | "==" | "!=") {
            return None;
        }
        let name = self.index.checked_sub(1).filter(|before| self.source.is_word(*before))?;
        let open = self.open_bracket(self.index)?;
        let of_match = (self.range.start..open).rev().find(|at| self.at(*at) == "match")?;
        // Each arm of this form is rewritten alike.
        let (mut edits, mut arm, close) = (Vec::new(), open + 1, self.source.partner(open)?);
        while arm < close {
            if self.at(arm) == self.at(name) && matches!(self.at(arm + 1), "<" | ">" | "<=" | ">=" | "==" | "!=") {
                edits.push((Span::at(self.place(arm).start), format!("{} if ", self.at(name))));
            }
            arm = self.behind(arm, ",").map_or(close, |comma| comma + 1);
        }
        let is_subject = of_match + 2 == open && self.at(of_match + 1) == self.at(name);
        Some(Rewrite { marked: self.token.span, form: Form::ConditionAsPattern, edits, sure: is_subject })
    }

    /// `x LIKE "a%"`
    fn like(&self) -> Option<Rewrite> {
        let at = if self.at(self.index) == "NOT" { self.index + 1 } else { self.index };
        if !self.at(at).eq_ignore_ascii_case("like") || !self.expects(Rule::infix) {
            return None;
        }
        let pattern = at + 1;
        let text = self.at(pattern).strip_prefix('"')?.strip_suffix('"')?;
        let (front, back) = (text.strip_prefix('%'), text.strip_suffix('%'));
        let (function, part) = match (front, back) {
            (Some(_), Some(_)) => ("contains", text.trim_matches('%')),
            (None, Some(part)) => ("starts_with", part),
            (Some(part), None) => ("ends_with", part),
            (None, None) => return None,
        };
        let mut start = self.index;
        while start > self.range.start
            && !matches!(
                self.at(start - 1),
                "and" | "or" | "not" | "when" | "require" | "=" | ":" | "," | "(" | "if" | "{"
            )
        {
            start = self.source.partner(start - 1).filter(|partner| *partner < start).unwrap_or(start - 1);
        }
        if part.contains(['%', '_']) || start == self.index {
            return None;
        }
        let head = if at > self.index { format!("not {function}(") } else { format!("{function}(") };
        let middle = Span::new(self.place(self.index - 1).end, self.place(pattern).end);
        let edits = vec![(Span::at(self.place(start).start), head), (middle, format!(", \"{part}\")"))];
        Some(Rewrite { marked: self.place(at), form: Form::Like, edits, sure: false })
    }

    /// A member, value or argument without the comma before it.
    fn missing_comma(&self) -> Option<Rewrite> {
        let before = self.index.checked_sub(1).filter(|before| *before >= self.range.start)?;
        let is_entry = self.failure.rule == Rule::record_entry;
        let begins =
            self.source.is_word(self.index) || self.source.is_literal(self.index) || matches!(self.word(), "{" | "[");
        if !(is_entry || self.expects(Rule::comma))
            || !begins
            || !self.source.ends_operand(before)
            || self.word() == "-"
        {
            return None;
        }
        let is_on_next_line = self.source.is_first_on_line(self.index);
        // On one line two words side by side may be of another language, or lack a colon.
        let bracket = self.open_bracket(self.index).map_or("", |open| self.at(open));
        if !is_on_next_line && !is_entry && (bracket.is_empty() || self.expects(Rule::colon)) {
            return None;
        }
        let is_word = self.source.tokens.get(self.index).is_some_and(|token| token.kind == TokenKind::Word);
        let end = self.place(before).end;
        let edits = vec![(Span::at(end), ",".to_owned())];
        Some(Rewrite { marked: self.token.span, form: Form::MissingComma, edits, sure: is_on_next_line || !is_word })
    }
}
