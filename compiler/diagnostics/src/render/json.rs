//! One JSON object a line, for programs.
//!
//! Version 1 of the form: members may be added, none is renamed or removed while `version` is 1. Bytes count from 0,
//! lines and columns from 1; a column is a Unicode scalar value; an end is the place after the last character.

use serde::Serialize;

use super::{excerpt, note_word};
use crate::{Applicability, Diagnostic, LineColumn, Location, Severity, SourceMap, Stage, Suggestion};

#[derive(Serialize)]
struct Line<'a> {
    version: u32,
    code: &'a str,
    slug: &'a str,
    stage: Stage,
    severity: Severity,
    message: &'a str,
    /// There is no page on the web; `nsfc explain` shows the page of a code.
    url: Option<&'a str>,
    location: Option<Range<'a>>,
    labels: Vec<LabelLine<'a>>,
    notes: Vec<NoteLine<'a>>,
    suggestions: Vec<Fix<'a>>,
}

#[derive(Serialize)]
struct Range<'a> {
    path: &'a str,
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    byte: usize,
    line: u32,
    column: u32,
}

#[derive(Serialize)]
struct LabelLine<'a> {
    primary: bool,
    message: &'a str,
    location: Option<Range<'a>>,
}

#[derive(Serialize)]
struct NoteLine<'a> {
    kind: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct Fix<'a> {
    message: &'a str,
    applicability: &'static str,
    edits: Vec<Edit<'a>>,
}

#[derive(Serialize)]
struct Edit<'a> {
    location: Option<Range<'a>>,
    replacement: &'a str,
}

/// Every diagnostic as a line of JSON.
#[must_use]
pub fn json(diagnostics: &[Diagnostic], sources: &SourceMap) -> String {
    let mut output = String::new();
    for diagnostic in diagnostics {
        // Nothing here can fail to be written as JSON: no map with other keys than texts, no foreign serializer.
        if let Ok(line) = serde_json::to_string(&line(diagnostic, sources)) {
            output.push_str(&line);
            output.push('\n');
        }
    }
    output
}

/// One diagnostic as a JSON value, for output that holds diagnostics among other things.
#[must_use]
pub fn json_value(diagnostic: &Diagnostic, sources: &SourceMap) -> serde_json::Value {
    serde_json::to_value(line(diagnostic, sources)).unwrap_or_default()
}

fn line<'a>(diagnostic: &'a Diagnostic, sources: &'a SourceMap) -> Line<'a> {
    let labels = diagnostic.labels.iter().map(|label| LabelLine {
        primary: label.primary,
        message: &label.message,
        location: range(label.location, sources),
    });
    let notes = diagnostic.notes.iter().map(|note| NoteLine { kind: note_word(note.kind), text: &note.text });
    Line {
        version: 1,
        code: diagnostic.code.id,
        slug: diagnostic.code.slug,
        stage: diagnostic.code.stage,
        severity: diagnostic.severity(),
        message: &diagnostic.message,
        url: None,
        location: diagnostic.labels.first().and_then(|label| range(label.location, sources)),
        labels: labels.collect(),
        notes: notes.collect(),
        suggestions: diagnostic.suggestions.iter().map(|suggestion| fix(suggestion, sources)).collect(),
    }
}

fn fix<'a>(suggestion: &'a Suggestion, sources: &'a SourceMap) -> Fix<'a> {
    let edits = suggestion
        .edits
        .iter()
        .map(|edit| Edit { location: range(edit.location, sources), replacement: &edit.replacement });
    Fix {
        message: &suggestion.message,
        applicability: match suggestion.applicability {
            Applicability::Certain => "certain",
            Applicability::Likely => "likely",
        },
        edits: edits.collect(),
    }
}

fn range<'a>(location: Location, sources: &'a SourceMap) -> Option<Range<'a>> {
    let file = sources.get(location.file)?;
    let (start, end) = excerpt::bounds(location.span, &file.text);
    let position = |byte: usize| {
        let LineColumn { line, column } = file.line_column(byte as u32);
        Position { byte, line, column }
    };
    Some(Range { path: &file.path, start: position(start), end: position(end) })
}
