//! Fixes as data: the same edits serve `--fix`, JSON output and an editor's quick fix.

use std::collections::HashMap;

use crate::{Diagnostic, FileId, Location};

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

    /// The fix of a misspelt name: certain where no other can be meant.
    #[must_use]
    pub fn name(location: Location, written: &str, near: &str) -> Self {
        let message = format!("write `{near}`");
        if crate::is_sure(written, near) {
            Self::certain(message, location, near)
        } else {
            Self::likely(message, location, near)
        }
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

/// Of every diagnostic the fix that is certain, if it has one. A fix is taken as a whole or not at all: one that touches what
/// another has changed waits until it is offered for the changed text.
#[must_use]
pub fn certain_fixes<'d>(diagnostics: impl IntoIterator<Item = &'d Diagnostic>) -> Vec<&'d Suggestion> {
    let is_certain = |fix: &&'d Suggestion| fix.applicability == Applicability::Certain && !fix.edits.is_empty();
    let mut taken: Vec<&'d Suggestion> = Vec::new();
    // A file may have thousands of mistakes.
    let mut edits: HashMap<FileId, Vec<&'d TextEdit>> = HashMap::new();
    for fix in diagnostics.into_iter().filter_map(|own| own.suggestions.iter().find(is_certain)) {
        let meets = |edit: &TextEdit| {
            let others = edits.get(&edit.location.file);
            others.is_some_and(|others| others.iter().any(|other| meet(other, edit)))
        };
        if !fix.edits.iter().any(meets) {
            fix.edits.iter().for_each(|edit| edits.entry(edit.location.file).or_default().push(edit));
            taken.push(fix);
        }
    }
    taken
}

/// Whether two edits of a file touch the same bytes, or insert at the same place.
fn meet(left: &TextEdit, right: &TextEdit) -> bool {
    let (left, right) = (left.location.span, right.location.span);
    left == right || (left.start < right.end && right.start < left.end)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FileId, Span};

    fn edit(start: u32, end: u32, replacement: &str) -> TextEdit {
        TextEdit { location: Span::new(start, end).in_file(FileId(0)), replacement: replacement.to_owned() }
    }

    #[test]
    fn edits_apply_in_the_order_of_their_places() {
        let edits = [edit(4, 5, "z"), edit(0, 1, "xy"), edit(2, 2, "+")];
        assert_eq!(apply_edits("a b c", &edits), "xy +b z");
    }

    #[test]
    fn an_edit_that_overlaps_an_earlier_one_is_left_out() {
        assert_eq!(apply_edits("abcdef", &[edit(0, 3, "1"), edit(2, 5, "2")]), "1def");
    }

    #[test]
    fn two_insertions_at_one_place_both_apply() {
        assert_eq!(apply_edits("ab", &[edit(1, 1, "x"), edit(1, 1, "y")]), "axyb");
    }

    #[test]
    fn wide_characters_around_an_edit_stay_whole() {
        assert_eq!(apply_edits("班级ID", &[edit(6, 8, "号")]), "班级号");
    }

    #[test]
    fn no_edits_change_nothing() {
        assert_eq!(apply_edits("abc", &[]), "abc");
    }
}
