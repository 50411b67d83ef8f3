//! A name that is there, but not where it is read: a step below makes it, or one in a branch, or a function has no such input.

use nsf_diagnostics::{Diagnostic, Location, Span, codes};
use nsf_syntax::ast::{self, Block, FunctionKind, ItemKind, Step, StepFunctionBody, StepKind};

use super::expression::Expressions;
use crate::names::Resolution;

/// A step that makes a field.
struct Made {
    /// The name, where it is given its value.
    at: Span,
    /// The innermost block that the step is in, and what is known of it; none for the flow's own.
    within: Option<(Span, Branch)>,
}

/// Why a block may be left out.
#[derive(Clone, Copy)]
enum Branch {
    /// Its condition.
    When(Span),
    Else,
    Each,
}

impl Expressions<'_, '_> {
    /// A name that another step of this flow makes: one in a branch, or one below. Says whether it was reported.
    pub(super) fn is_made_elsewhere(&mut self, name: &str, span: Span) -> bool {
        let Some(block) = self.item_around(span).and_then(steps_of) else { return false };
        let mut found = Vec::new();
        self.makers(block, name, None, &mut found);
        let is_here =
            |made: &Made| made.within.is_none_or(|(block, _)| block.start <= span.start && span.end <= block.end);
        let location = self.at(span);
        let before = found.iter().find(|made| made.at.end <= span.start && !is_here(made));
        let below = found.iter().find(|made| made.at.start > span.end);
        let diagnostic = Diagnostic::new(&codes::E0204, location, format!("there is no field `{name}` here"));
        let diagnostic = match (before, below) {
            (Some(Made { at, within: Some((_, branch)) }), _) => self.only_in(diagnostic, name, *branch, self.at(*at)),
            (_, Some(Made { at, .. })) => diagnostic
                .label(format!("`{name}` is made only below"))
                .secondary(self.at(*at), "made here")
                .help("put this step behind the one that makes it"),
            _ => return false,
        };
        self.report(diagnostic);
        true
    }

    fn only_in(&self, diagnostic: Diagnostic, name: &str, branch: Branch, made: Location) -> Diagnostic {
        let diagnostic = diagnostic.secondary(made, "made here");
        match branch {
            Branch::When(condition) => diagnostic
                .label(format!("`{name}` is made only when `{}`", self.text(condition)))
                .help("make it in an `else { … }` too, or before the `when`"),
            Branch::Else => diagnostic
                .label(format!("`{name}` is made only in the `else`"))
                .help("make it in the `when` too, or before it"),
            Branch::Each => diagnostic
                .label(format!("`{name}` is made for each element, and is not there behind the `each`"))
                .help("read it inside of the `each`, or make one value of the whole list before"),
        }
    }

    /// What a function does not know, since it has no such input.
    pub(super) fn knows_inputs_alone(&self, diagnostic: Diagnostic, name: &str, span: Span) -> Diagnostic {
        match self.item_around(span).map(|item| &item.kind) {
            Some(ItemKind::Function(_)) => diagnostic
                .note(format!("a function knows its parameters and constants alone: add `{name}` to its parameters")),
            Some(ItemKind::StepFunction(function)) if function.kind != FunctionKind::Expand => diagnostic
                .note(format!("a function of steps knows its inputs and constants alone: add `{name}` to its inputs")),
            _ => diagnostic,
        }
    }

    fn item_around(&self, span: Span) -> Option<&ast::Item> {
        let items = &self.checker.names.modules.get(self.module as usize)?.ast.items;
        items.iter().find(|item| item.span.start <= span.start && span.end <= item.span.end)
    }

    fn makers(&self, block: &Block, name: &str, within: Option<(Span, Branch)>, found: &mut Vec<Made>) {
        for step in &block.steps {
            found.extend(self.maker(step, name).map(|at| Made { at, within }));
            let mut inner = |block: &Block, branch| self.makers(block, name, Some((block.span, branch)), found);
            match &step.kind {
                StepKind::When { arms, otherwise } => {
                    arms.iter().for_each(|(condition, block)| inner(block, Branch::When(condition.span)));
                    otherwise.iter().for_each(|block| inner(block, Branch::Else));
                }
                StepKind::Each { body, .. } => inner(body, Branch::Each),
                _ => {}
            }
        }
    }

    /// Where a step gives a field its value.
    fn maker(&self, step: &Step, name: &str) -> Option<Span> {
        match &step.kind {
            StepKind::Calculate(statements) => {
                statements.iter().find(|own| !own.local && own.name.text == name).map(|own| own.name.span)
            }
            StepKind::Call(call) => {
                let Resolution::Item(item) = self.checker.names.lookup(self.module, &call.name.text) else {
                    return None;
                };
                let ItemKind::StepFunction(function) = &self.checker.names.item(item).kind else { return None };
                function.outputs.iter().any(|own| own.name.text == name).then_some(call.name.span)
            }
            _ => None,
        }
    }
}

fn steps_of(item: &ast::Item) -> Option<&Block> {
    match &item.kind {
        ItemKind::Flow(flow) => Some(&flow.body),
        ItemKind::StepFunction(function) => match &function.body {
            StepFunctionBody::Expand(block) => Some(block),
            _ => None,
        },
        _ => None,
    }
}
