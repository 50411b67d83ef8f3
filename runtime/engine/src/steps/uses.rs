//! Which slots and rows expressions and steps use: what must be carried from the decoding worker to the lane, and which
//! keys cannot change while a record's steps run.

use std::collections::BTreeSet;

use nsf_plan::{Block, Expr, ExprKind, Handle, SaveKind, SlotId, Step, StepKind};

/// Calls `visit` with an expression and everything inside it.
pub(crate) fn each_part<'e>(expression: &'e Expr, visit: &mut dyn FnMut(&'e Expr)) {
    visit(expression);
    let mut inner = |part: &'e Expr| each_part(part, visit);
    match &expression.kind {
        ExprKind::Literal(_)
        | ExprKind::Slot(_)
        | ExprKind::Loaded(..)
        | ExprKind::Exists(_)
        | ExprKind::Now
        | ExprKind::Reject(_) => {}
        ExprKind::Not(a)
        | ExprKind::Negate(a)
        | ExprKind::IsNull(a)
        | ExprKind::Lambda(_, a)
        | ExprKind::Field(a, _)
        | ExprKind::Mapping(_, a)
        | ExprKind::Widen(a)
        | ExprKind::NonNull(a) => inner(a),
        ExprKind::Binary(_, a, b)
        | ExprKind::Coalesce(a, b)
        | ExprKind::Catch(a, b)
        | ExprKind::Let(_, a, b)
        | ExprKind::Index(a, b) => {
            inner(a);
            inner(b);
        }
        ExprKind::If(a, b, c) => {
            inner(a);
            inner(b);
            inner(c);
        }
        ExprKind::Match(_, arms) => {
            for arm in arms {
                arm.guard.iter().for_each(&mut inner);
                inner(&arm.value);
            }
        }
        ExprKind::List(parts) | ExprKind::Record(parts) | ExprKind::Join(parts) | ExprKind::Call(_, parts) => {
            parts.iter().for_each(inner);
        }
    }
}

/// Calls `visit` with every expression that stands directly in a step; not with those of blocks inside it.
pub(crate) fn step_expressions<'e>(step: &'e Step, visit: &mut dyn FnMut(&'e Expr)) {
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
            expand.keys.iter().for_each(&mut *visit);
            expand.fields.iter().for_each(|(_, value)| visit(value));
        }
        StepKind::ExpandTopic(expand) => {
            expand.key.iter().for_each(&mut *visit);
            visit(&expand.message);
        }
        StepKind::When { arms, .. } => arms.iter().for_each(|(condition, _)| visit(condition)),
        StepKind::Each { list, .. } => visit(list),
        StepKind::Stop { condition } | StepKind::Jump { condition, .. } => condition.iter().for_each(visit),
    }
}

fn save_expressions<'e>(kind: &'e SaveKind, visit: &mut dyn FnMut(&'e Expr)) {
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

/// The blocks inside a step.
pub(crate) fn inner_blocks(step: &Step) -> Vec<&Block> {
    match &step.kind {
        StepKind::When { arms, otherwise } => arms.iter().map(|(_, block)| block).chain([otherwise]).collect(),
        StepKind::Each { body, .. } | StepKind::Flow { body, .. } => vec![body],
        _ => Vec::new(),
    }
}

/// Calls `visit` with every step of a block and of the blocks inside.
pub(crate) fn each_step<'s>(steps: &'s [Step], visit: &mut dyn FnMut(&'s Step)) {
    for step in steps {
        visit(step);
        for block in inner_blocks(step) {
            each_step(&block.steps, visit);
        }
    }
}

/// The slots that steps may read, by way of their expressions and of the keys of the rows they touch.
pub(crate) fn slots_read(steps: &[Step], handles: &[Handle]) -> BTreeSet<SlotId> {
    let mut slots = BTreeSet::new();
    each_step(steps, &mut |step| {
        step_expressions(step, &mut |expression| add_slots(expression, &mut slots));
        if let StepKind::Load { handle, .. } | StepKind::Save { handle, .. } = &step.kind
            && let Some(handle) = handles.get(handle.index())
        {
            handle.keys.iter().for_each(|key| add_slots(key, &mut slots));
        }
    });
    slots
}

/// The slots that steps put values into.
pub(crate) fn slots_assigned(steps: &[Step]) -> BTreeSet<SlotId> {
    let mut slots = BTreeSet::new();
    each_step(steps, &mut |step| match &step.kind {
        StepKind::Assign { slot, .. } | StepKind::Each { slot, .. } => {
            slots.insert(*slot);
        }
        _ => {}
    });
    slots
}

fn add_slots(expression: &Expr, slots: &mut BTreeSet<SlotId>) {
    each_part(expression, &mut |part| match &part.kind {
        ExprKind::Slot(slot) | ExprKind::Match(slot, _) => {
            slots.insert(*slot);
        }
        _ => {}
    });
}

/// Whether an expression reads nothing but the record: no loaded row.
pub(crate) fn reads_rows(expression: &Expr) -> bool {
    let mut reads = false;
    each_part(expression, &mut |part| reads |= matches!(part.kind, ExprKind::Loaded(..) | ExprKind::Exists(_)));
    reads
}

/// How many of the first steps touch no row and give no output: a worker can run them before the record's lane is known.
pub(crate) fn stateless_prefix(steps: &[Step]) -> usize {
    let targets = steps.iter().any(has_jump);
    if targets {
        // A jump may lead over the cut; such flows are run whole in the lane.
        return 0;
    }
    let pure = |step: &&Step| {
        let kind = matches!(
            step.kind,
            StepKind::Require { .. }
                | StepKind::Drop { .. }
                | StepKind::Reject { .. }
                | StepKind::Assign { .. }
                | StepKind::Stop { .. }
        );
        let mut rows = false;
        step_expressions(step, &mut |expression| rows |= reads_rows(expression));
        kind && !rows
    };
    steps.iter().take_while(pure).count()
}

fn has_jump(step: &Step) -> bool {
    matches!(step.kind, StepKind::Jump { .. })
        || inner_blocks(step).iter().any(|block| block.steps.iter().any(has_jump))
}
