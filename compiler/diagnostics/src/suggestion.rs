//! Fixes as data: the same edits serve `--fix`, JSON output and an editor's quick fix.

use crate::Location;

/// How sure a fix is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applicability {
    /// It is what the writer meant; `--fix` applies it.
    Certain,
    /// It is likely; it is offered.
    Likely,
}

/// Replaces a range by a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextEdit {
    /// What is replaced; an empty range inserts.
    pub location: Location,
    /// The new text.
    pub replacement: String,
}

/// One fix, made of one or more edits that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suggestion {
    /// What the fix does, in the imperative: "write `==`".
    pub message: String,
    /// The edits; they do not overlap.
    pub edits: Vec<TextEdit>,
    /// How sure it is.
    pub applicability: Applicability,
}

impl Suggestion {
    /// A certain fix of one edit.
    #[must_use]
    pub fn certain(message: impl Into<String>, location: Location, replacement: impl Into<String>) -> Self {
        Self::one(message, location, replacement, Applicability::Certain)
    }

    /// A likely fix of one edit.
    #[must_use]
    pub fn likely(message: impl Into<String>, location: Location, replacement: impl Into<String>) -> Self {
        Self::one(message, location, replacement, Applicability::Likely)
    }

    fn one(
        message: impl Into<String>,
        location: Location,
        replacement: impl Into<String>,
        applicability: Applicability,
    ) -> Self {
        let edit = TextEdit { location, replacement: replacement.into() };
        Self { message: message.into(), edits: vec![edit], applicability }
    }
}

/// Applies edits of one file to its text. Edits that overlap an earlier one are left out, so that a second run can
/// apply them to the changed text.
#[must_use]
pub fn apply_edits(text: &str, edits: &[TextEdit]) -> String {
    let mut sorted: Vec<&TextEdit> = edits.iter().collect();
    sorted.sort_by_key(|edit| (edit.location.span.start, edit.location.span.end));
    let mut result = String::with_capacity(text.len());
    let mut at = 0;
    for edit in sorted {
        let range = edit.location.span.range();
        if range.start < at {
            continue;
        }
        result.push_str(text.get(at..range.start).unwrap_or(""));
        result.push_str(&edit.replacement);
        at = range.end;
    }
    result.push_str(text.get(at..).unwrap_or(""));
    result
}
