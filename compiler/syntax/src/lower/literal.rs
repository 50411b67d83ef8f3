//! Literals: texts with their escapes, numbers, durations, dates and timestamps.

use nsf_diagnostics::Span;
use smol_str::{SmolStr, SmolStrBuilder};

use super::Lower;
use crate::ast::{Expr, ExprKind, Literal, TextLiteral, TextPart, UnaryOperator};
use crate::error::SyntaxErrorKind;
use crate::grammar::{Pair, Rule};
use crate::time::{MomentError, duration_milliseconds, moment};

impl Lower<'_> {
    /// A text that must be constant; an interpolation in it is reported and left out.
    pub(crate) fn constant_text(&mut self, pair: Pair<'_>) -> TextLiteral {
        let span = self.token_span(&pair);
        let value = match self.text(pair) {
            ExprKind::Literal(Literal::Text(value) | Literal::RawText(value)) => value,
            ExprKind::Error if self.is_unclosed(span) => SmolStr::new_static("_"),
            _ => {
                self.error(span, SyntaxErrorKind::InterpolationInConstantText);
                SmolStr::default()
            }
        };
        TextLiteral { value, span }
    }

    fn is_unclosed(&self, text: Span) -> bool {
        self.unclosed.binary_search(&text.start).is_ok()
    }

    /// A text of any kind.
    pub(crate) fn text(&mut self, pair: Pair<'_>) -> ExprKind {
        // Nobody knows what a text says that is not closed.
        if self.is_unclosed(self.token_span(&pair)) {
            return ExprKind::Error;
        }
        match pair.as_rule() {
            Rule::plain_text => ExprKind::Literal(Literal::Text(SmolStr::new(unquoted(pair.as_str(), 1)))),
            Rule::raw_text => {
                let hashes = pair.as_str().bytes().skip(1).take_while(|byte| *byte == b'#').count();
                let body = pair.as_str().get(1..).unwrap_or("");
                ExprKind::Literal(Literal::RawText(SmolStr::new(unquoted(body, hashes + 1))))
            }
            _ => self.rich_text(pair),
        }
    }

    fn rich_text(&mut self, pair: Pair<'_>) -> ExprKind {
        let mut parts = Vec::new();
        let mut literal = SmolStrBuilder::new();
        let mut height = 0;
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::text_chars => literal.push_str(child.as_str()),
                Rule::text_escape => {
                    if let Some(character) = self.escape(&child) {
                        literal.push(character);
                    }
                }
                Rule::interpolation => {
                    let text = std::mem::take(&mut literal).finish();
                    if !text.is_empty() {
                        parts.push(TextPart::Text(text));
                    }
                    if let Some(expression) = self.expression_in(child) {
                        parts.push(TextPart::Expr(expression));
                        height = height.max(self.height);
                    }
                }
                _ => {}
            }
        }
        self.height = height;
        let text = literal.finish();
        if parts.is_empty() {
            return ExprKind::Literal(Literal::Text(text));
        }
        if !text.is_empty() {
            parts.push(TextPart::Text(text));
        }
        ExprKind::Interpolation(parts)
    }

    fn escape(&mut self, pair: &Pair<'_>) -> Option<char> {
        let text = pair.as_str();
        let character = match text.as_bytes().get(1)? {
            b'n' => '\n',
            b't' => '\t',
            b'r' => '\r',
            b'u' => {
                let digits = text.get(3..text.len().saturating_sub(1)).unwrap_or("");
                let found = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                if found.is_none() {
                    self.error(self.token_span(pair), SyntaxErrorKind::NoSuchCharacter);
                }
                return found;
            }
            other => char::from(*other),
        };
        Some(character)
    }

    /// A number or a duration.
    pub(crate) fn numeral(&mut self, pair: &Pair<'_>) -> ExprKind {
        let text = pair.as_str();
        let is_duration = !text.starts_with("0x") && text.ends_with(|last: char| last.is_ascii_alphabetic());
        if !is_duration {
            return ExprKind::Literal(Literal::Number(SmolStr::new(text)));
        }
        match duration_milliseconds(text) {
            Some(milliseconds) => ExprKind::Literal(Literal::Duration(milliseconds)),
            None => {
                self.error(self.token_span(pair), SyntaxErrorKind::DurationTooLong);
                ExprKind::Error
            }
        }
    }

    /// A date or a timestamp.
    pub(crate) fn moment(&mut self, pair: &Pair<'_>) -> ExprKind {
        match moment(pair.as_str()) {
            Ok(literal) => ExprKind::Literal(literal),
            Err(error) => {
                let span = self.token_span(pair);
                self.error(
                    span,
                    match error {
                        MomentError::ZoneMissing => SyntaxErrorKind::TimestampWithoutZone,
                        MomentError::DateUnknown => SyntaxErrorKind::NoSuchDate,
                        MomentError::TimeUnknown => SyntaxErrorKind::NoSuchTime,
                    },
                );
                ExprKind::Error
            }
        }
    }

    /// A literal of a pattern or mapping: no interpolation, a minus sign before a number allowed.
    pub(crate) fn literal(&mut self, pair: Pair<'_>) -> Expr {
        let span = self.token_span(&pair);
        let mut negative: Option<Span> = None;
        let mut kind = ExprKind::Error;
        for child in pair.into_inner() {
            kind = match child.as_rule() {
                Rule::minus => {
                    negative = Some(self.token_span(&child));
                    continue;
                }
                Rule::numeral => {
                    let number = self.numeral(&child);
                    if negative.is_some() {
                        let operand = Expr { kind: number, span: self.token_span(&child) };
                        ExprKind::Unary(UnaryOperator::Negate, Box::new(operand))
                    } else {
                        number
                    }
                }
                Rule::moment => self.moment(&child),
                Rule::k_true => ExprKind::Literal(Literal::Bool(true)),
                Rule::k_false => ExprKind::Literal(Literal::Bool(false)),
                Rule::k_null => ExprKind::Literal(Literal::Null),
                Rule::raw_text => self.text(child),
                _ => ExprKind::Literal(Literal::Text(self.constant_text(child).value)),
            };
        }
        Expr { kind, span }
    }
}

/// A text without `count` bytes at either end.
fn unquoted(text: &str, count: usize) -> &str {
    text.get(count..text.len().saturating_sub(count)).unwrap_or("")
}
