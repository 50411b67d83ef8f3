//! Walks over the steps of a plan.

use nsf_plan::{Block, Expr, SaveKind, Step, StepKind};

/// Calls `visit` for every step of a block and of the blocks in it, outer steps first.
pub fn steps<'p>(block: &'p Block, visit: &mut impl FnMut(&'p Step)) {
    for step in &block.steps {
        visit(step);
        match &step.kind {
            StepKind::When { arms, otherwise } => {
                for (_, block) in arms {
                    steps(block, visit);
                }
                steps(otherwise, visit);
            }
            StepKind::Each { body, .. } | StepKind::Flow { body, .. } => steps(body, visit),
            _ => {}
        }
    }
}

/// Calls `visit` for every expression of a block and of the blocks in it.
pub fn block_expressions<'p>(block: &'p Block, visit: &mut impl FnMut(&'p Expr)) {
    steps(block, &mut |step| step_expressions(step, visit));
}

/// Calls `visit` for the expressions of one step, not of the blocks in it.
pub fn step_expressions<'p>(step: &'p Step, visit: &mut impl FnMut(&'p Expr)) {
    match &step.kind {
        StepKind::Require { condition, .. } | StepKind::Drop { condition, .. } | StepKind::Reject { condition, .. } => {
            visit(condition);
        }
        StepKind::Unique { values, .. } => values.iter().for_each(visit),
        StepKind::Assign { value, .. } => visit(value),
        StepKind::Load { .. } | StepKind::Flow { .. } => {}
        StepKind::Save { operations, .. } => {
            for operation in operations {
                save_expressions(&operation.kind, visit);
            }
        }
        StepKind::ExpandDimension(expand) => {
            expand.keys.iter().chain(expand.fields.iter().map(|(_, value)| value)).for_each(visit);
        }
        StepKind::ExpandTopic(expand) => expand.key.iter().chain([&expand.message]).for_each(visit),
        StepKind::When { arms, .. } => arms.iter().for_each(|(condition, _)| visit(condition)),
        StepKind::Each { list, .. } => visit(list),
        StepKind::Stop { condition } | StepKind::Jump { condition, .. } => condition.iter().for_each(visit),
    }
}

fn save_expressions<'p>(kind: &'p SaveKind, visit: &mut impl FnMut(&'p Expr)) {
    match kind {
        SaveKind::Set { value, .. }
        | SaveKind::Add { value, .. }
        | SaveKind::Subtract { value, .. }
        | SaveKind::Max { value, .. }
        | SaveKind::Min { value, .. }
        | SaveKind::Insert { value, .. }
        | SaveKind::Remove { value, .. } => visit(value),
        SaveKind::SetEntry { key, value, .. } | SaveKind::AddEntry { key, value, .. } => {
            visit(key);
            visit(value);
        }
        SaveKind::Delete => {}
    }
}
