//! Refactorings: each leaves a program that means the same, or adds what is missing.
//!
//! | file | offers |
//! |---|---|
//! | `extract` | a step function of the steps that are selected |
//! | `inline` | the body of a step function in the place of its call |
//! | `bindings` | keys and inputs written out |
//! | `arms` | the arms that a `match` or a `mapping` lacks |
//! | `missing` | a field that a dimension lacks, a test for a flow |
//!
//! What moves parts of a program is put together in a `draft`, which knows where each part is from, and goes through a `trial`
//! before it is offered. `selection` says which steps are meant and what is in them, `order` when a step function evaluates its
//! inputs, `values` which values there are.

mod arms;
mod bindings;
mod draft;
mod extract;
mod inline;
mod missing;
mod order;
mod selection;
mod trial;
mod values;

use gen_lsp_types::{CodeAction, CodeActionKind};
use nsf_diagnostics::{Applicability, Location, Span, Suggestion, TextEdit};
use nsf_syntax::ast::{Block, Item, ItemKind, Step, StepFunctionBody};

use crate::features::hover::blocks_of;
use crate::known::Known;
use crate::view::Place;

/// What can be done with a range of a document.
pub(crate) fn actions(place: &Place<'_>, asked: Span) -> Vec<CodeAction> {
    let refactor = Refactor { place, known: Known { analysis: place.analysis, file: place.file }, asked };
    let mut found = Vec::new();
    found.extend(refactor.extract());
    found.extend(refactor.inline());
    found.extend(refactor.bindings());
    found.extend(refactor.arms());
    found.extend(refactor.missing_field());
    found.extend(refactor.missing_test());
    found
}

struct Refactor<'p, 's> {
    place: &'p Place<'s>,
    known: Known<'s>,
    asked: Span,
}

impl<'s> Refactor<'_, 's> {
    fn text(&self) -> &'s str {
        self.place.view.text()
    }

    /// The item that the range is in.
    fn item(&self) -> Option<&'s Item> {
        let items = &self.place.view.tree().items;
        items.iter().find(|item| item.span.start <= self.asked.start && self.asked.end <= item.span.end)
    }

    /// The steps of an item.
    fn block(&self, item: &'s Item) -> Option<&'s Block> {
        match &item.kind {
            ItemKind::Flow(flow) => Some(&flow.body),
            ItemKind::StepFunction(function) => match &function.body {
                StepFunctionBody::Expand(block) => Some(block),
                _ => None,
            },
            _ => None,
        }
    }

    /// The innermost step that the range is in.
    fn step(&self) -> Option<&'s Step> {
        let mut block = self.block(self.item()?)?;
        let mut found = None;
        loop {
            let holds = |step: &&Step| step.span.start <= self.asked.start && self.asked.end <= step.span.end;
            let Some(step) = block.steps.iter().find(holds) else { return found };
            found = Some(step);
            let inner = blocks_of(step)
                .into_iter()
                .find(|block| block.span.start <= self.asked.start && self.asked.end <= block.span.end);
            match inner {
                Some(inner) => block = inner,
                None => return found,
            }
        }
    }

    fn at(&self, span: Span) -> Location {
        span.in_file(self.known.file)
    }

    fn edit(&self, span: Span, text: impl Into<String>) -> TextEdit {
        TextEdit { location: self.at(span), replacement: text.into() }
    }

    fn action(&self, title: String, kind: CodeActionKind, edits: Vec<TextEdit>) -> Option<CodeAction> {
        let fix = Suggestion { message: title, edits, applicability: Applicability::Likely };
        let edit = self.place.texts().edit(&fix)?;
        Some(CodeAction { title: fix.message, kind: Some(kind), edit: Some(edit), ..CodeAction::default() })
    }
}

/// How far a line is moved in.
fn indent(text: &str, at: u32) -> &str {
    let start = text.get(..at as usize).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line = text.get(start..).unwrap_or_default();
    &line[..line.len() - line.trim_start_matches(' ').len()]
}

/// What is inside of braces, without the blanks around it.
fn inside(text: &str, braces: Span) -> Span {
    let inner = Span::new(braces.start + 1, braces.end - 1);
    let words = inner.text(text);
    let start = inner.start + (words.len() - words.trim_start().len()) as u32;
    Span::new(start, start + words.trim().len() as u32)
}
