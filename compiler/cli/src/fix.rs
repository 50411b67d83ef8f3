//! `--fix`: which of the offered fixes are applied, and what the files then hold.

use std::collections::BTreeMap;

use nsf_diagnostics::{Applicability, Diagnostic, FileId, SourceMap, Suggestion, TextEdit, apply_edits};

/// The files that change.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// New texts by file.
    pub files: BTreeMap<FileId, String>,
    /// How many mistakes were mended.
    pub count: usize,
}

/// Applies the fix of every diagnostic that has one that is certain. A fix is applied as a whole or not at all; one
/// that touches what another has changed waits for the next round, when it is offered for the changed text.
pub fn apply(diagnostics: &[Diagnostic], sources: &SourceMap) -> Fixed {
    let mut taken: BTreeMap<FileId, Vec<TextEdit>> = BTreeMap::new();
    let mut count = 0;
    for suggestion in diagnostics.iter().filter_map(certain) {
        let free = suggestion.edits.iter().all(|edit| {
            let others = taken.get(&edit.location.file);
            others.is_none_or(|others| !others.iter().any(|other| meet(other, edit)))
        });
        if free && !suggestion.edits.is_empty() {
            count += 1;
            for edit in &suggestion.edits {
                taken.entry(edit.location.file).or_default().push(edit.clone());
            }
        }
    }
    let changed = |(file, edits): (FileId, Vec<TextEdit>)| {
        let text = &sources.get(file)?.text;
        let new = apply_edits(text, &edits);
        (new != *text).then_some((file, new))
    };
    Fixed { files: taken.into_iter().filter_map(changed).collect(), count }
}

fn certain(diagnostic: &Diagnostic) -> Option<&Suggestion> {
    diagnostic.suggestions.iter().find(|suggestion| suggestion.applicability == Applicability::Certain)
}

/// Whether two edits of a file touch the same bytes, or insert at the same place.
fn meet(left: &TextEdit, right: &TextEdit) -> bool {
    let (left, right) = (left.location.span, right.location.span);
    left == right || (left.start < right.end && right.start < left.end)
}

#[cfg(test)]
mod tests {
    use nsf_diagnostics::{Span, codes};

    use super::*;

    fn diagnostic(edits: &[(u32, u32, &str)], applicability: Applicability) -> Diagnostic {
        let location = |start, end| Span::new(start, end).in_file(FileId(0));
        let edits = edits.iter().map(|(start, end, replacement)| TextEdit {
            location: location(*start, *end),
            replacement: (*replacement).to_owned(),
        });
        let suggestion = Suggestion { message: "mend".to_owned(), edits: edits.collect(), applicability };
        Diagnostic::new(&codes::E0101, location(0, 0), "wrong").suggest(suggestion)
    }

    fn fixed(diagnostics: &[Diagnostic]) -> (Option<String>, usize) {
        let mut sources = SourceMap::default();
        let file = sources.add("a.nsf", "abcdef");
        let mut fixed = apply(diagnostics, &sources);
        (fixed.files.remove(&file), fixed.count)
    }

    #[test]
    fn certain_fixes_are_applied_and_likely_ones_are_not() {
        let certain = diagnostic(&[(0, 1, "A")], Applicability::Certain);
        let likely = diagnostic(&[(3, 4, "D")], Applicability::Likely);
        assert_eq!(fixed(&[certain, likely]), (Some("Abcdef".to_owned()), 1));
    }

    #[test]
    fn a_fix_that_meets_another_waits_as_a_whole() {
        let first = diagnostic(&[(0, 2, "x")], Applicability::Certain);
        let second = diagnostic(&[(1, 3, "y"), (5, 6, "z")], Applicability::Certain);
        assert_eq!(fixed(&[first, second]), (Some("xcdef".to_owned()), 1));
    }

    #[test]
    fn without_a_fix_nothing_changes() {
        assert_eq!(fixed(&[]), (None, 0));
    }
}
