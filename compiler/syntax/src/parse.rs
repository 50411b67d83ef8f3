//! A whole file.

use std::borrow::Cow;

use nsf_diagnostics::{FileId, Span, codes};
use pest::Parser;
use smol_str::SmolStr;

use crate::ast::{Comment, File, Item, ItemKind, Name};
use crate::error::{SyntaxError, SyntaxErrorKind};
use crate::grammar::{Grammar, Rule};
use crate::lower::{Lower, doc_line};
use crate::split::{Chunk, split};

/// The largest file that is read.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

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
    crate::with_stack(|| parse_here(file, text))
}

fn parse_here(file: FileId, text: &str) -> Parse {
    if text.len() > MAX_FILE_BYTES {
        let kind = SyntaxErrorKind::FileTooLarge { bytes: text.len() as u64 };
        let errors = vec![SyntaxError { location: Span::at(0).in_file(file), kind }];
        return Parse { file: File::default(), errors };
    }
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let split = split(text, start);
    let mut lower = Lower::new(text, file, &split.comments);
    let mut items = Vec::with_capacity(split.chunks.len());
    for chunk in &split.chunks {
        read(&mut lower, chunk, &mut items);
    }
    let Lower { is_doc, mut errors, .. } = lower;
    errors.sort_by_key(|error| error.location);
    errors.dedup();
    only_the_cause(&mut errors);
    only_first_nul(&mut errors, file, text);
    let (docs, docs_span, file_docs) = file_docs(text, &split.comments);
    let comments = split.comments.into_iter().zip(is_doc).skip(file_docs);
    let comments = comments.filter(|(_, is_doc)| !is_doc).map(|(comment, _)| comment).collect();
    Parse { file: File { docs, docs_span, items, comments }, errors }
}

/// Where a sign is wrong in itself, that it stands in a wrong place, too, is the same mistake.
fn only_the_cause(errors: &mut Vec<SyntaxError>) {
    let is_number = |error: &SyntaxError| error.kind.code().id == codes::E0110.id;
    let numbers: Vec<Span> = errors.iter().filter(|error| is_number(error)).map(|error| error.location.span).collect();
    errors.retain(|error| {
        let start = error.location.span.start;
        let before = numbers.partition_point(|number| number.start <= start);
        let inside =
            before.checked_sub(1).and_then(|index| numbers.get(index)).is_some_and(|number| start < number.end);
        is_number(error) || !inside
    });
}

/// A file with NUL bytes is of another kind; the first one says so, wherever it stands.
fn only_first_nul(errors: &mut Vec<SyntaxError>, file: FileId, text: &str) {
    let Some(at) = text.find('\0') else { return };
    let kind = SyntaxErrorKind::InvisibleCharacter { character: '\0' };
    errors.retain(|error| error.kind != kind);
    let location = Span::new(at as u32, at as u32 + 1).in_file(file);
    let before = errors.partition_point(|error| error.location < location);
    errors.insert(before, SyntaxError { location, kind });
}

/// Parses one file as it was read from disk. Bytes that are not UTF-8 are one mistake; the rest is read as
/// [`decode`] gives it, and its places are those of that text.
#[must_use]
pub fn parse_bytes(file: FileId, bytes: &[u8]) -> Parse {
    let text = decode(bytes);
    let mut parse = parse(file, &text);
    if let Err(error) = std::str::from_utf8(bytes) {
        let place = Span::at(error.valid_up_to() as u32).in_file(file);
        let kind = SyntaxErrorKind::NotUtf8 { guess: guess_encoding(bytes) };
        if guess_encoding(bytes).is_some_and(|guess| guess == "UTF-16") {
            parse.errors.clear();
        }
        // What stands in for the bytes is no mistake of its own.
        let start = error.valid_up_to() as u32;
        parse.errors.retain(|error| error.location.span.start != start);
        parse.errors.insert(0, SyntaxError { location: place, kind });
    }
    parse
}

/// The text of a file; each byte that is not UTF-8 is read as `_`, so that every place stays where it is in the file.
#[must_use]
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let mut chunks = bytes.utf8_chunks();
    match chunks.next() {
        Some(first) if !first.invalid().is_empty() => {}
        _ => return String::from_utf8_lossy(bytes),
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '_'));
    }
    Cow::Owned(text)
}

fn guess_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] => Some("UTF-16"),
        _ => {
            let start = std::str::from_utf8(bytes).err()?.valid_up_to();
            let pair = bytes.get(start..start + 2)?;
            let is_gbk = matches!(pair, [0x81..=0xFE, 0x40..=0xFE]);
            is_gbk.then_some("GBK or another older encoding")
        }
    }
}

/// The `//!` lines at the head: their text, their place, how many.
fn file_docs(text: &str, comments: &[Comment]) -> (Vec<SmolStr>, Span, usize) {
    let mut lines: Vec<&Comment> = Vec::new();
    for comment in comments {
        let before = Span::new(lines.last().map_or(0, |last| last.span.end), comment.span.start).text(text);
        let is_doc = comment.span.text(text).starts_with("//!");
        if !is_doc || !before.trim_start_matches('\u{feff}').trim().is_empty() {
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
pub(crate) fn entry(keyword: &str) -> Rule {
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

fn read(lower: &mut Lower<'_>, chunk: &Chunk, items: &mut Vec<Item>) {
    if let Some(at) = chunk.too_deep {
        lower.error(Span::new(at as u32, at as u32 + 1), SyntaxErrorKind::TooDeep);
        let span = Span::new(chunk.start as u32, chunk.end as u32);
        let keyword = chunk.keyword.map(SmolStr::new);
        let names = names_of_head(lower.text, chunk);
        items.push(Item { docs: Vec::new(), kind: ItemKind::Error { keyword, names }, span });
        return;
    }
    if let Some(first) = chunk.column_zero.first().filter(|_| !chunk.broken) {
        let kind = SyntaxErrorKind::NotIndented { lines: chunk.column_zero.clone() };
        let end = crate::token::tokens_in(lower.text, *first as usize, chunk.end)
            .first()
            .map_or(*first, |token| token.span.end);
        lower.error(Span::new(*first, end), kind);
    }
    let slice = lower.text.get(chunk.start..chunk.end).unwrap_or("");
    let parsed = match chunk.keyword {
        Some(keyword) if !chunk.broken => Grammar::parse(entry(keyword), slice).ok().and_then(|mut pairs| pairs.next()),
        _ => None,
    };
    match parsed {
        Some(pair) => {
            lower.at(chunk.start);
            items.push(lower.item(pair));
            lower.finish_slice();
        }
        None => items.extend(crate::recover::items(lower, chunk)),
    }
}

/// The words of an item's first line: one of them is its name.
fn names_of_head(text: &str, chunk: &Chunk) -> Vec<Name> {
    let item = text.get(chunk.start..chunk.end).unwrap_or("");
    let end = chunk.start + item.find(['\n', '{']).unwrap_or(item.len());
    let words = crate::token::tokens_in(text, chunk.start, end).into_iter();
    let words = words.filter(|token| token.kind == crate::token::TokenKind::Word);
    words.map(|token| Name { text: token.text(text).into(), span: token.span }).collect()
}
