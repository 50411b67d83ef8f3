//! What surrounds a place: the name, the expressions, statement, step, blocks and item that it is in, and the file.

use gen_lsp_types::{SelectionRange, SelectionRangeParams};
use nsf_diagnostics::Span;
use nsf_syntax::walk::walk;
use nsf_syntax::{TokenKind, tokens};

use crate::view::View;

/// For each position what surrounds it, the nearest first.
pub(crate) fn selections(view: View<'_>, params: &SelectionRangeParams) -> Vec<SelectionRange> {
    params.positions.iter().map(|at| around(view, view.offset(*at))).collect()
}

fn around(view: View<'_>, offset: u32) -> SelectionRange {
    let text = view.text();
    let whole = Span::new(0, text.len() as u32);
    let mut spans = vec![whole];
    walk(view.tree(), &mut |part| {
        if part.span.touches(offset) && !part.span.is_empty() {
            spans.push(part.span);
        }
    });
    // The word itself, a comment, or a text: what is no part of the tree, too.
    let token = tokens(text).into_iter().find(|token| token.span.touches(offset) && token.kind != TokenKind::Sign);
    spans.extend(token.map(|token| token.span));
    spans.sort_by_key(|span| (std::cmp::Reverse(span.len()), span.start));
    spans.dedup();
    let mut outer: Option<SelectionRange> = None;
    let mut inside = whole;
    for span in spans {
        // At a border two parts may touch that are not in each other: the one behind the cursor is meant.
        if inside.start <= span.start && span.end <= inside.end {
            outer = Some(SelectionRange { range: view.range(span), parent: outer.map(Box::new) });
            inside = span;
        }
    }
    outer.unwrap_or(SelectionRange { range: view.range(whole), parent: None })
}
