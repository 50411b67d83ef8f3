//! Formatting of a document: the one layout, or nothing where the text has mistakes.

use gen_lsp_types::TextEdit;
use nsf_diagnostics::Span;

use crate::position::{Encoding, Lines};

/// The edits that bring a text into its layout: the lines that differ, as one.
pub(crate) fn format(text: &str, encoding: Encoding) -> Vec<TextEdit> {
    let Ok(new) = nsf_syntax::format::format_text(text) else { return Vec::new() };
    if new == text {
        return Vec::new();
    }
    // What is alike at both ends stays, so that the cursor and marks in it do.
    let start = text.split_inclusive('\n').zip(new.split_inclusive('\n')).take_while(|(one, other)| one == other);
    let start: usize = start.map(|(line, _)| line.len()).sum();
    let lines = text[start..].split_inclusive('\n').rev().zip(new[start..].split_inclusive('\n').rev());
    let end: usize = lines.take_while(|(one, other)| one == other).map(|(line, _)| line.len()).sum();
    let changed = Span::new(start as u32, (text.len() - end) as u32);
    let range = Lines::of(text).range(text, changed, encoding);
    vec![TextEdit { range, new_text: new[start..new.len() - end].to_owned() }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_changed() {
        let text = "const a: int32 = 5\n\nconst   b: int32=5\n\nconst c: int32 = 5\n";
        let edits = format(text, Encoding::Utf16);
        assert_eq!(edits.len(), 1);
        assert_eq!((edits[0].range.start.line, edits[0].range.end.line), (2, 3));
        assert_eq!(edits[0].new_text, "const b: int32 = 5\n");
        assert!(format("const b: int32 = 5\n", Encoding::Utf16).is_empty());
        assert!(format("const b: int32 = = 5\n", Encoding::Utf16).is_empty(), "what has mistakes is left alone");
    }
}
