//! What can be folded: items, blocks, settings, lists over several lines, comments in a row, and `use` lines in a row.

use std::collections::BTreeMap;

use gen_lsp_types::{FoldingRange, FoldingRangeKind, FoldingRangeParams};
use nsf_diagnostics::Span;
use nsf_syntax::ast::{ExprKind, ItemKind};
use nsf_syntax::walk::{PartKind, walk};
use nsf_syntax::{TokenKind, tokens};

use crate::view::View;

/// One range a line to fold at, the outermost: an editor shows one mark a line.
pub(crate) fn folds(view: View<'_>, _: &FoldingRangeParams) -> Vec<FoldingRange> {
    let mut folds = Folds { view, by_line: BTreeMap::new() };
    folds.tree();
    folds.comments();
    folds.uses();
    let mut all: Vec<FoldingRange> = folds.by_line.into_values().collect();
    if all.len() > view.client.most_folds {
        // What is outside matters more than what is in it.
        all.sort_by_key(|fold| fold.start_character.unwrap_or(0));
        all.truncate(view.client.most_folds);
        all.sort_by_key(|fold| fold.start_line);
    }
    all
}

struct Folds<'s> {
    view: View<'s>,
    by_line: BTreeMap<u32, FoldingRange>,
}

impl Folds<'_> {
    fn tree(&mut self) {
        walk(self.view.tree(), &mut |part| match part.kind {
            PartKind::Item | PartKind::Setting | PartKind::Step | PartKind::Block | PartKind::Field => {
                self.add(part.span, None);
            }
            PartKind::Expression(expr) => {
                if matches!(expr.kind, ExprKind::Match(..) | ExprKind::List(_) | ExprKind::Record(_)) {
                    self.add(part.span, None);
                }
            }
            _ => {}
        });
    }

    /// Comments that stand in a row, each on a line of its own, docs among them.
    fn comments(&mut self) {
        let text = self.view.text();
        let mut row: Option<Span> = None;
        for token in tokens(text).into_iter().filter(|token| token.kind == TokenKind::Comment) {
            let line = text.line_span(text.line_index(token.span.start));
            let is_own_line = Span::new(line.start, token.span.start).text(text).trim().is_empty();
            let follows = |row: &Span| text.line_index(row.end) + 1 == text.line_index(token.span.start);
            match row.take() {
                Some(before) if is_own_line && follows(&before) => row = Some(before.to(token.span)),
                before => {
                    before.iter().for_each(|row| self.add(*row, Some(FoldingRangeKind::Comment)));
                    row = is_own_line.then_some(token.span);
                }
            }
        }
        row.iter().for_each(|row| self.add(*row, Some(FoldingRangeKind::Comment)));
    }

    fn uses(&mut self) {
        let items = &self.view.tree().items;
        for group in items.chunk_by(|one, other| is_use(&one.kind) && is_use(&other.kind)) {
            if let ([first, .., last], true) = (group, group.iter().all(|item| is_use(&item.kind))) {
                self.add(first.span.to(last.span), Some(FoldingRangeKind::Imports));
            }
        }
    }

    fn add(&mut self, span: Span, kind: Option<FoldingRangeKind>) {
        let range = self.view.range(span);
        if range.start.line >= range.end.line {
            return;
        }
        let closes = self.view.text().get(..span.end as usize).is_some_and(|text| text.ends_with(['}', ']', ')']));
        // Where whole lines are folded, the one that closes stays to be seen.
        let hidden = if closes && self.view.client.folds_lines { range.end.line - 1 } else { range.end.line };
        if hidden <= range.start.line {
            return;
        }
        self.by_line.entry(range.start.line).or_insert(FoldingRange {
            start_line: range.start.line,
            start_character: Some(range.start.character),
            end_line: hidden,
            end_character: (hidden == range.end.line).then_some(range.end.character),
            kind,
            collapsed_text: None,
        });
    }
}

const fn is_use(kind: &ItemKind) -> bool {
    matches!(kind, ItemKind::Use(_))
}
