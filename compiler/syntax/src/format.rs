//! The one format of `.nsf`.
//!
//! The tree says how tokens belong together; the tokens themselves, texts and comments are copied from the text by their
//! places. What is printed is read again before it is handed out: it has the same tokens, but for commas that end a list,
//! and the same comments in the same order, or nothing is handed out.
//!
//! Where the design page is silent:
//! - a cell that nothing follows on its line does not widen its column;
//! - the members (`from "x"`) of fields, the word `derived` and the reasons of checks stand in columns too; defaults,
//!   assignments and arms do not;
//! - a block over several lines ends a group below its first line; after `verify` and `calculate` it follows the word;
//! - a list, record or match stays open where the writer put its first part on a new line, a block where its braces are
//!   on different lines; brackets of calls and parameters are open only where they do not fit;
//! - what does not fit is broken at its loosest operators, each at the start of a line;
//! - items stand apart by one empty line; of `use const type fn builtin primary dimension fields space` neighbours of one
//!   kind may stand together;
//! - a label has a line of its own; a comment before a comma goes behind it, unless it would come to document what follows.

mod doc;
mod expressions;
mod items;
mod render;
mod settings;
mod steps;
mod table;
mod tests;
mod token;
mod types;
mod writer;

#[cfg(test)]
mod checks;

use std::fmt;

use nsf_diagnostics::FileId;

use crate::ast::File;
use crate::parse::{Parse, parse};
use render::render;
use token::{Token, tokens};
use writer::{Mismatch, Writer};

/// Why a text was not formatted. Nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FormatRefusal {
    /// The text has mistakes; the formatter only touches what the parser understands.
    Mistakes {
        /// How many.
        count: usize,
        /// The line, counted from 1, of the first.
        line: usize,
    },
    /// The formatter could not print the text without changing what it says.
    WouldChange {
        /// The line, counted from 1, where it noticed.
        line: usize,
    },
}

impl fmt::Display for FormatRefusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mistakes { count: 1, line } => write!(
                formatter,
                "not formatted, because the file has a mistake in line {line}; mend it first (`nsfc check` shows it)"
            ),
            Self::Mistakes { count, line } => write!(
                formatter,
                "not formatted, because the file has {count} mistakes, the first in line {line}; mend them first \
                 (`nsfc check` shows them)"
            ),
            Self::WouldChange { line } => write!(
                formatter,
                "not formatted, because the formatted file would not say the same from line {line} on; this is a \
                 mistake of the formatter, the file is left as it is"
            ),
        }
    }
}

impl std::error::Error for FormatRefusal {}

/// `text` in the one format.
///
/// # Errors
/// When `text` has mistakes, or when the result would not say the same as `text`.
pub fn format_text(text: &str) -> Result<String, FormatRefusal> {
    let Parse { file, errors } = parse(FileId::default(), text);
    match errors.first() {
        None => format(text, &file),
        Some(first) => {
            Err(FormatRefusal::Mistakes { count: errors.len(), line: line_of(text, first.location.span.start) })
        }
    }
}

/// `text` in the one format. `file` is its tree.
///
/// # Errors
/// When the tree has a part that could not be read, or when the result would not say the same as `text`.
pub fn format(text: &str, file: &File) -> Result<String, FormatRefusal> {
    crate::with_stack(|| format_here(text, file))
}

fn format_here(text: &str, file: &File) -> Result<String, FormatRefusal> {
    let refuse = |at: u32| FormatRefusal::WouldChange { line: line_of(text, at) };
    let mut writer = Writer::new(text);
    let doc = writer.file(file).map_err(|Mismatch { at }| refuse(at))?;
    let body = render(&doc, line_end(text));
    if let Some(at) = first_difference(text, &writer, &body) {
        return Err(refuse(at));
    }
    Ok(if text.starts_with('\u{feff}') { format!("\u{feff}{body}") } else { body })
}

/// The line of an offset, counted from 1.
fn line_of(text: &str, at: u32) -> usize {
    text.get(..at as usize).unwrap_or(text).matches('\n').count() + 1
}

/// How the lines of `text` end: as the first one does.
fn line_end(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Where in `text` what was printed starts to say something else; none if it says the same.
fn first_difference(text: &str, writer: &Writer<'_>, printed: &str) -> Option<u32> {
    let before = tokens(text);
    let after = tokens(printed);
    let end = u32::try_from(text.len()).unwrap_or(u32::MAX);
    let mut printed_tokens = without_last_commas(&after);
    for (taken, at) in writer.taken() {
        if printed_tokens.next() != Some(taken) {
            return Some(*at);
        }
    }
    if printed_tokens.next().is_some_and(|rest| !rest.is_empty()) {
        return Some(end);
    }
    let comments = |tokens: &[Token<'_>]| -> Vec<String> {
        tokens.iter().flat_map(|token| token.comments.iter().map(|comment| comment.text.to_owned())).collect()
    };
    (comments(&before) != comments(&after)).then_some(end)
}

/// The texts of the tokens but for commas before a closing bracket.
fn without_last_commas<'a>(tokens: &'a [Token<'a>]) -> impl Iterator<Item = &'a str> {
    tokens.iter().enumerate().filter_map(|(index, token)| {
        let closes = tokens.get(index + 1).is_some_and(|next| matches!(next.text, ")" | "]" | "}"));
        (!(token.text == "," && closes)).then_some(token.text)
    })
}
