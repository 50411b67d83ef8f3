//! Heads of items, and items without a body.

use nsf_diagnostics::{Span, codes};

use super::super::source::Source;
use super::step::is_connector;
use super::{Edit, Meant, Statement};
use crate::grammar::Rule;
use crate::token::TokenKind;

pub(super) fn item(statement: &Statement<'_>, rule: Rule) -> Vec<Meant> {
    let all = match rule {
        Rule::dimension_entry | Rule::primary_entry => vec![
            number_without_sign(statement),
            super::settings::label_before_number(statement),
            typed_names(statement),
        ],
        Rule::settings_head_entry => vec![bare_keys(statement), typed_names(statement)],
        Rule::flow_head_entry => vec![flow_from_topic(statement)],
        Rule::test_head_entry => vec![bare_title(statement)],
        _ => Vec::new(),
    };
    all.into_iter().flatten().collect()
}

/// `dimension d (p) 1052`.
pub(super) fn number_without_sign(statement: &Statement<'_>) -> Option<Meant> {
    let at = statement.at;
    let number = statement.word(at);
    if statement.kind(at) != Some(TokenKind::Number) || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let what = if statement.word(0) == "dimension" { "code" } else { "number" };
    let said = format!("the {what} stands behind `#`: `#{number}`");
    let meant = Meant::new(statement.place(at), said, "`#` must stand before it");
    Some(meant.fix(format!("write `#{number}`"), vec![statement.before(at, "#")]))
}

/// `by (customer: int64)`, `dimension d (customer: int64)`.
fn typed_names(statement: &Statement<'_>) -> Option<Meant> {
    let open = (0..statement.at).rev().find(|at| statement.word(*at) == "(")?;
    let close = statement.partner(open).filter(|close| statement.word(statement.at) == ":" && statement.at < *close)?;
    let mut edits: Vec<Edit> = Vec::new();
    let mut at = open + 1;
    while at < close {
        let end = (at..close).find(|at| statement.word(*at) == ",").unwrap_or(close);
        if statement.word(at + 1) == ":" {
            edits.push(statement.without_from(at + 1..end));
        }
        at = end + 1;
    }
    let said = "a key has the type of the primary or field of its name: none is written";
    let meant = Meant::new(statement.place(statement.at), said, "leave the type out");
    Some(meant.fix("take it out", edits))
}

/// `state s by customer {`.
fn bare_keys(statement: &Statement<'_>) -> Option<Meant> {
    let by = statement.find(0, "by")?;
    let end = statement.len().checked_sub(1)?;
    if !statement.are_names(by + 1..end) {
        return None;
    }
    let said = format!("the keys stand in parentheses: `by ({})`", statement.written(by + 1..end));
    let edits = vec![statement.before(by + 1, "("), statement.after(end - 1, ")")];
    let meant = Meant::new(statement.place(by + 1), said, "`(` and `)` must stand around the keys");
    Some(meant.fix("write the parentheses", edits))
}

/// `flow f from kafka("t") {`.
fn flow_from_topic(statement: &Statement<'_>) -> Option<Meant> {
    let from = statement.find(0, "from")?;
    let connector = from + 1;
    if !is_connector(statement.word(connector)) || statement.word(connector + 1) != "(" {
        return None;
    }
    let close = statement.partner(connector + 1)?;
    let written = statement.written(connector..close + 1);
    let meant = Meant::new(
        statement.place(connector),
        "a flow reads a `source`, which says what the topic holds",
        "the name of a source, subscription or flow is due here",
    );
    Some(match statement.reader_of(&written) {
        Some(source) => meant.help(format!("`{source}` reads it: `from {source}`")),
        None => meant.help(format!("declare one: `source … {{ from: {written}  record {{ … }} }}`")),
    })
}

/// `test adds up {`.
fn bare_title(statement: &Statement<'_>) -> Option<Meant> {
    let end = statement.len().checked_sub(1)?;
    if end < 2 || !(1..end).all(|at| statement.is_word(at)) {
        return None;
    }
    let meant = Meant::new(statement.span(1..end), "the name of a test is a text", "quotes must stand around it");
    Some(meant.fix("put it in quotes", vec![statement.before(1, "\""), statement.after(end - 1, "\"")]))
}

/// An item whose block has no braces: behind the token `last`, up to the token `end`.
pub(crate) fn block_without_braces(source: &Source, last: usize, end: usize) -> Meant {
    let place = source.span(&(last..last + 1));
    let written = place.text(&source.text);
    let meant = Meant::new(place, format!("after `{written}` `{{` is missing"), "`{` must follow").code(&codes::E0102);
    let behind = source.span(&(end - 1..end)).end;
    let edits = vec![(Span::at(place.end), " {".to_owned()), (Span::at(behind), "\n}".to_owned())];
    meant.offer("put braces around the lines below", edits)
}
