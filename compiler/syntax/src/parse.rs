//! A whole file.

use nsf_diagnostics::{FileId, Span};
use pest::Parser;
use pest::error::{ErrorVariant, InputLocation};
use smol_str::SmolStr;

use crate::ast::{Comment, File, Item, ItemKind};
use crate::error::{SyntaxError, SyntaxErrorKind};
use crate::grammar::{Grammar, Rule};
use crate::lower::{Lower, doc_line};
use crate::split::{Chunk, split};

/// What [`parse`] found.
#[derive(Clone, Debug)]
pub struct Parse {
    /// The syntax tree.
    pub file: File,
    /// Every mistake, in the order of the text.
    pub errors: Vec<SyntaxError>,
}

/// Parses one file. Never fails: what cannot be read is an error node in the tree and an error in the list.
#[must_use]
pub fn parse(file: FileId, text: &str) -> Parse {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let split = split(text, start);
    let mut lower = Lower::new(text, file, &split.comments);
    let items = split.chunks.iter().map(|chunk| item(&mut lower, chunk)).collect();
    let Lower { is_doc, mut errors, .. } = lower;
    errors.sort_by_key(|error| error.location);
    let (docs, docs_span, file_docs) = file_docs(text, &split.comments);
    let comments = split.comments.into_iter().zip(is_doc).skip(file_docs);
    let comments = comments.filter(|(_, is_doc)| !is_doc).map(|(comment, _)| comment).collect();
    Parse { file: File { docs, docs_span, items, comments }, errors }
}

/// The `//!` lines at the head: their text, their place, how many.
fn file_docs(text: &str, comments: &[Comment]) -> (Vec<SmolStr>, Span, usize) {
    let is_doc = |comment: &&Comment| comment.span.text(text).starts_with("//!");
    let at_head = |span: Span| {
        text.get(..span.start as usize).is_some_and(|before| before.trim_start_matches('\u{feff}').trim().is_empty())
    };
    let mut lines: Vec<&Comment> = Vec::new();
    for comment in comments.iter().take_while(is_doc) {
        let follows = match lines.last() {
            Some(last) => Span::new(last.span.end, comment.span.start).text(text).trim().is_empty(),
            None => at_head(comment.span),
        };
        if !follows {
            break;
        }
        lines.push(comment);
    }
    let span = match (lines.first(), lines.last()) {
        (Some(first), Some(last)) => first.span.to(last.span),
        _ => Span::default(),
    };
    (lines.iter().map(|line| doc_line(line.span.text(text))).collect(), span, lines.len())
}

/// The rule that a keyword's item follows.
fn entry(keyword: &str) -> Rule {
    match keyword {
        "use" => Rule::use_entry,
        "const" => Rule::const_entry,
        "type" => Rule::type_entry,
        "fn" => Rule::fn_entry,
        "builtin" => Rule::builtin_entry,
        "mapping" => Rule::mapping_entry,
        "primary" => Rule::primary_entry,
        "dimension" => Rule::dimension_entry,
        "fields" => Rule::fields_entry,
        "verify" | "calculate" | "load" | "save" | "expand" => Rule::step_function_entry,
        "flow" => Rule::flow_entry,
        "test" => Rule::test_entry,
        _ => Rule::settings_entry,
    }
}

fn item(lower: &mut Lower<'_>, chunk: &Chunk) -> Item {
    let slice = lower.text.get(chunk.start..chunk.end).unwrap_or("");
    let span = Span::new(chunk.start as u32, chunk.end as u32);
    let rule = chunk.keyword.map_or(Rule::settings_entry, entry);
    match Grammar::parse(rule, slice) {
        Ok(mut pairs) => {
            lower.at(chunk.start);
            let parsed = pairs.next().map(|pair| lower.item(pair));
            lower.finish_slice();
            parsed.unwrap_or_else(|| broken(span))
        }
        Err(error) => {
            let at = match error.location {
                InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
            };
            let place = Span::at((chunk.start + at) as u32);
            let _expected = match error.variant {
                ErrorVariant::ParsingError { positives, .. } => positives,
                ErrorVariant::CustomError { .. } => Vec::new(),
            };
            lower.error(place, SyntaxErrorKind::UnexpectedToken { expected: Vec::new() });
            broken(span)
        }
    }
}

fn broken(span: Span) -> Item {
    Item { docs: Vec::new(), kind: ItemKind::Error { keyword: None, name: None }, span }
}
