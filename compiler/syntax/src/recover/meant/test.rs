//! Clauses of tests.

use nsf_diagnostics::{Span, codes};

use super::super::source::Source;
use super::{Meant, Statement};

pub(super) fn clause(statement: &Statement<'_>) -> Vec<Meant> {
    let all = [
        other_word(statement),
        reason_first(statement),
        source_in_brackets(statement),
        bare_topic(statement),
        rows_without_brackets(statement),
    ];
    all.into_iter().flatten().collect()
}

/// `assert`, `then`, `should`.
fn other_word(statement: &Statement<'_>) -> Option<Meant> {
    let word = statement.word(0);
    let meant = match word.to_ascii_lowercase().as_str() {
        "assert" | "should" | "check" | "ensure" | "verify" | "then" | "require" => "expect",
        "when" | "input" | "send" | "feed" => "given",
        "setup" | "fixture" | "before" | "having" => "with",
        _ => return None,
    };
    let said = format!("a clause of a test does not start with `{word}`");
    let meant_by = Meant::new(statement.place(0), said, format!("`{meant}` is meant")).code(&codes::E0107);
    Some(meant_by.fix(format!("write `{meant}`"), vec![statement.instead(0..1, meant)]))
}

fn is_count(statement: &Statement<'_>) -> bool {
    statement.word(0) == "expect" && matches!(statement.word(1), "dropped" | "rejected")
}

/// `expect dropped orders "why" 1`.
fn reason_first(statement: &Statement<'_>) -> Option<Meant> {
    let last = statement.len().checked_sub(1)?;
    let text = last.checked_sub(1)?;
    if !is_count(statement) || !statement.is_text(text) || !statement.is_number(last) {
        return None;
    }
    let (reason, count) = (statement.written(text..last), statement.written(last..last + 1));
    let said = format!("the number stands before the reason: `{count} {reason}`");
    let edits = vec![statement.instead(text..last, count), statement.instead(last..last + 1, reason)];
    Some(Meant::new(statement.place(text), said, "stands behind the number").fix("swap them", edits))
}

/// `expect dropped(orders) 1`.
fn source_in_brackets(statement: &Statement<'_>) -> Option<Meant> {
    let close = statement.partner(2).filter(|close| *close == 4 && statement.is_name(3))?;
    if !is_count(statement) || statement.word(2) != "(" {
        return None;
    }
    let (word, source) = (statement.word(1), statement.word(3));
    let said = format!("the source follows `{word}` at once: `{word} {source}`");
    let edits = vec![statement.instead(2..3, " "), statement.instead(close..close + 1, "")];
    Some(Meant::new(statement.place(2), said, "not needed").fix("take the parentheses out", edits))
}

/// `expect published "stays" […]`.
fn bare_topic(statement: &Statement<'_>) -> Option<Meant> {
    if statement.word(0) != "expect" || statement.word(1) != "published" || !statement.is_text(2) {
        return None;
    }
    Some(topic(statement, 2))
}

/// A topic that is named by a text alone.
pub(super) fn topic(statement: &Statement<'_>, at: usize) -> Meant {
    let written = statement.written(at..at + 1);
    let said = format!("a topic is named by its connector: `kafka({written})`");
    let edits = vec![statement.before(at, "kafka("), statement.after(at, ")")];
    Meant::new(statement.place(at), said, "a text alone names nothing")
        .offer(format!("write `kafka({written})`"), edits)
}

/// `given orders {…}, {…}`.
fn rows_without_brackets(statement: &Statement<'_>) -> Option<Meant> {
    let is_rows = matches!(statement.word(0), "given" | "with") && statement.word(2) == "{";
    let comma = statement.find(2, ",").filter(|_| is_rows)?;
    let edits = vec![statement.before(2, "["), statement.after(statement.len() - 1, "]")];
    let meant = Meant::new(statement.place(comma), "several rows stand in brackets: `[{ … }, { … }]`", "a second row");
    Some(meant.fix("write the brackets", edits))
}

/// The row at `at`, which no comma parts from the one before it.
pub(crate) fn missing_comma(source: &Source, at: usize) -> Meant {
    let before = source.span(&(at - 1..at));
    let meant = Meant::new(source.span(&(at..at + 1)), "a comma is missing between two rows", "the next row");
    meant.fix("write the comma", vec![(Span::at(before.end), ",".to_owned())])
}
