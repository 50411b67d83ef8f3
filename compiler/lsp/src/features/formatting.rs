//! Formatting of a document: the one layout, or nothing where the text has mistakes.

use gen_lsp_types::{DocumentFormattingParams, TextEdit};
use nsf_diagnostics::Span;

use crate::view::View;

/// The edits that bring a text into its layout: the lines that differ, as one.
pub(crate) fn format(view: View<'_>, _: &DocumentFormattingParams) -> Vec<TextEdit> {
    let text: &str = view.text();
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
    vec![TextEdit { range: view.range(changed), new_text: new[start..new.len() - end].to_owned() }]
}
