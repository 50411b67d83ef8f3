//! Formatting: the one layout, or nothing where there are mistakes.

use gen_lsp_types::{
    DocumentFormattingParams, DocumentOnTypeFormattingParams, DocumentRangeFormattingParams, TextEdit,
};
use nsf_diagnostics::{FileId, Span};
use nsf_syntax::format::format_text;

use crate::view::View;

/// The edits that bring a text into its layout: the lines that differ, as one.
pub(crate) fn all(view: View<'_>, _: &DocumentFormattingParams) -> Vec<TextEdit> {
    let text = view.text();
    let whole = Span::new(0, text.len() as u32);
    format_text(text).map_or_else(|_| Vec::new(), |new| edits(view, whole, &new))
}

/// The same for the items that a range meets. Mistakes in other items are no hindrance.
pub(crate) fn range(view: View<'_>, params: &DocumentRangeFormattingParams) -> Vec<TextEdit> {
    items(view, view.span(params.range))
}

/// The same for the item whose closing brace has been typed.
pub(crate) fn typed(view: View<'_>, params: &DocumentOnTypeFormattingParams) -> Vec<TextEdit> {
    let offset = view.offset(params.position);
    let ends = view.tree().items.iter().any(|item| item.span.end == offset);
    if ends { items(view, Span::at(offset)) } else { Vec::new() }
}

fn items(view: View<'_>, asked: Span) -> Vec<TextEdit> {
    let items = &view.tree().items;
    let met = |item: &&nsf_syntax::ast::Item| item.span.start <= asked.end && asked.start <= item.span.end;
    let Some(first) = items.iter().position(|item| met(&item)) else { return Vec::new() };
    let count = items.iter().skip(first).take_while(met).count();
    let span_of = |items: &[nsf_syntax::ast::Item]| {
        let own = items.get(first..first + count)?;
        Some(own.first()?.span.to(own.last()?.span))
    };
    let Some(span) = span_of(items) else { return Vec::new() };
    // What stands in columns with neighbours does so in the layout of the whole, where that has one.
    let whole = format_text(view.text()).ok().and_then(|new| {
        let file = nsf_syntax::parse(FileId(0), &new).file;
        (file.items.len() == items.len()).then(|| span_of(&file.items).map(|own| own.text(&new).to_owned()))?
    });
    let alone = || format_text(span.text(view.text())).ok().map(|new| new.trim_end().to_owned());
    whole.or_else(alone).map_or_else(Vec::new, |new| edits(view, span, &new))
}

/// What makes a part of a text another one, as one edit of lines; none where they are alike.
fn edits(view: View<'_>, part: Span, new: &str) -> Vec<TextEdit> {
    let text = part.text(view.text());
    if new == text {
        return Vec::new();
    }
    // What is alike at both ends stays, so that the cursor and marks in it do.
    let start = text.split_inclusive('\n').zip(new.split_inclusive('\n')).take_while(|(one, other)| one == other);
    let start: usize = start.map(|(line, _)| line.len()).sum();
    let lines = text[start..].split_inclusive('\n').rev().zip(new[start..].split_inclusive('\n').rev());
    let end: usize = lines.take_while(|(one, other)| one == other).map(|(line, _)| line.len()).sum();
    let changed = Span::new(part.start + start as u32, part.end - end as u32);
    vec![TextEdit { range: view.range(changed), new_text: new[start..new.len() - end].to_owned() }]
}
