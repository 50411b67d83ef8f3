//! The steps that are selected, and what is in them.

use nsf_diagnostics::Span;
use nsf_syntax::ast::{Block, ExpandTarget, FunctionKind, ItemKind, Name, Step, StepKind};
use nsf_syntax::{TokenKind, tokens};

use super::Refactor;
use crate::features::hover::blocks_of;

impl<'s> Refactor<'_, 's> {
    /// The steps that the range meets, which follow one another in one block: the innermost that has them all. A range between
    /// two steps of a block means the step that the block is of.
    pub(super) fn steps(&self) -> Option<&'s [Step]> {
        let asked = self.asked;
        let mut block = self.block(self.item()?)?;
        let mut outer: &[Step] = &[];
        let is_in = |span: Span| span.start <= asked.start && asked.end <= span.end;
        while let Some(index) = block.steps.iter().position(|step| is_in(step.span)) {
            outer = block.steps.get(index..=index)?;
            let Some(inner) = blocks_of(&block.steps[index]).into_iter().find(|own| is_in(own.span)) else { break };
            block = inner;
        }
        let meets = |step: &&Step| step.span.start < asked.end && asked.start < step.span.end;
        let first = block.steps.iter().position(|step| meets(&step));
        let steps = match first {
            Some(first) => block.steps.get(first..first + block.steps[first..].iter().take_while(meets).count())?,
            None => outer,
        };
        (!steps.is_empty()).then_some(steps)
    }
}

/// From the first token of some steps to the last.
pub(super) fn whole(steps: &[Step]) -> Option<Span> {
    Some(steps.first()?.span.to(steps.last()?.span))
}

/// Every step with those that are in it.
pub(super) fn every(steps: &[Step]) -> Vec<&Step> {
    let mut all: Vec<&Step> = Vec::new();
    let mut left: Vec<&Step> = steps.iter().rev().collect();
    while let Some(step) = left.pop() {
        all.push(step);
        let blocks: Vec<&Block> = blocks_of(step);
        left.extend(blocks.into_iter().rev().flat_map(|block| block.steps.iter().rev()));
    }
    all
}

/// Whether steps can stand in a function: no label is in them that a step could jump to, they jump to none, and nothing cuts the
/// flow. A label before the first stays where it is.
pub(super) fn can_move(steps: &[Step]) -> bool {
    let is_bound = |step: &&Step| {
        matches!(step.kind, StepKind::Error | StepKind::Jump(..) | StepKind::Repartition(_))
            || step.label.is_some() && steps.first().is_some_and(|first| first.span != step.span)
    };
    !every(steps).iter().any(is_bound)
}

/// Whether anything stays of the steps but fields.
pub(super) fn has_effect(steps: &[Step]) -> bool {
    every(steps).iter().any(|step| match &step.kind {
        StepKind::Save(_) | StepKind::Expand(_) => true,
        StepKind::Call(call) => matches!(call.keyword, FunctionKind::Save | FunctionKind::Expand),
        _ => false,
    })
}

/// Whether a part of a text holds a text of several lines, which would change where lines are moved.
pub(super) fn has_long_text(part: &str) -> bool {
    let is_text = |kind| matches!(kind, TokenKind::Text | TokenKind::RawText | TokenKind::UnclosedText);
    tokens(part).iter().any(|token| is_text(token.kind) && token.text(part).contains('\n'))
}

impl<'s> Refactor<'_, 's> {
    /// The names of the fields that steps make, those in their blocks among them.
    pub(super) fn made(&self, steps: &'s [Step]) -> Vec<&'s Name> {
        let mut names = Vec::new();
        for step in every(steps) {
            match &step.kind {
                StepKind::Calculate(statements) => {
                    names.extend(statements.iter().filter(|own| !own.local).map(|own| &own.name));
                }
                StepKind::Call(call) => {
                    names.extend(call.outputs.iter().map(|(_, name)| name));
                    if let Some(ItemKind::StepFunction(function)) =
                        self.known.item(&call.name.text).map(|own| &own.item.kind)
                    {
                        let is_renamed = |name: &Name| call.outputs.iter().any(|(own, _)| own.text == name.text);
                        let plain = function.outputs.iter().map(|own| &own.name);
                        names.extend(plain.filter(|name| !is_renamed(name)));
                    }
                }
                _ => {}
            }
        }
        names
    }

    /// The names of the rows that steps load.
    pub(super) fn loaded(&self, steps: &'s [Step]) -> Vec<&'s Name> {
        let calls = every(steps).into_iter().filter_map(|step| match &step.kind {
            StepKind::Call(call) if call.keyword == FunctionKind::Load => Some(call),
            _ => None,
        });
        let is_row = |name: &Name| self.known.row_named(&name.text).is_some();
        calls.filter(|call| is_row(&call.name)).map(|call| call.alias.as_ref().unwrap_or(&call.name)).collect()
    }
}

/// The names in steps that say which state, table, dimension or function is meant, and read nothing.
pub(super) fn targets(steps: &[Step]) -> Vec<Span> {
    let target = |step: &&Step| match &step.kind {
        StepKind::Call(call) => Some(call.name.span),
        StepKind::Save(save) => Some(save.state.span),
        StepKind::Expand(expand) => match &expand.target {
            ExpandTarget::Dimension(name, _) => Some(name.span),
            ExpandTarget::Connector(_) => None,
        },
        _ => None,
    };
    every(steps).iter().filter_map(target).collect()
}
