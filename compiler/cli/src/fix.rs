//! `--fix`: which of the offered fixes are applied, and what the files then hold.

use std::collections::BTreeMap;

use nsf_diagnostics::{Diagnostic, FileId, SourceMap, TextEdit, apply_edits, certain_fixes};

/// The files that change.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// New texts by file.
    pub files: BTreeMap<FileId, String>,
    /// How many mistakes were mended.
    pub count: usize,
}

/// Applies [`certain_fixes`]; what waits is offered in the next round, for the changed text.
pub fn apply(diagnostics: &[Diagnostic], sources: &SourceMap) -> Fixed {
    let fixes = certain_fixes(diagnostics);
    let mut taken: BTreeMap<FileId, Vec<TextEdit>> = BTreeMap::new();
    for edit in fixes.iter().flat_map(|fix| &fix.edits) {
        taken.entry(edit.location.file).or_default().push(edit.clone());
    }
    let changed = |(file, edits): (FileId, Vec<TextEdit>)| {
        let text = &sources.get(file)?.text;
        let new = apply_edits(text, &edits);
        (new != **text).then_some((file, new))
    };
    Fixed { files: taken.into_iter().filter_map(changed).collect(), count: fixes.len() }
}

#[cfg(test)]
mod tests {
    use nsf_diagnostics::{Applicability, Span, Suggestion, codes};

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
