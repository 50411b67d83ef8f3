//! Fields of a state with `order: time` that are changed in two ways. Each way alone gives the same value in whichever
//! order the records come: the latest wins, or the largest, or the set has all. Two of them on one field do not: a value
//! that was set at 10:00 takes part in a `max=` of 9:00 if it came first, and hides it if it came last.

use nsf_diagnostics::{Diagnostic, Location, codes};
use nsf_plan as plan;
use nsf_plan::{HandleTarget, Order, SaveKind, StateId, StepKind, Type};

use super::short;
use crate::graph::Dag;

/// A field, and how it is changed: as it is written, and where.
struct Change {
    state: StateId,
    field: u32,
    at: Location,
    sign: &'static str,
}

/// The field that an operation changes as a whole or gathers into, and how; none for what is refused on its own.
fn way(kind: &SaveKind, state: &plan::State) -> Option<(u32, &'static str)> {
    match kind {
        SaveKind::Set { field, .. } => Some((*field, "=")),
        SaveKind::Max { field, .. } => Some((*field, "max=")),
        SaveKind::Min { field, .. } => Some((*field, "min=")),
        SaveKind::Insert { field, .. } => {
            let is_set = state.fields.get(*field as usize).is_some_and(|field| matches!(field.ty, Type::Set(_)));
            is_set.then_some((*field, "insert"))
        }
        _ => None,
    }
}

/// The changes of fields of states with `order: time`, in the order in which they stand in the files.
fn changes(dag: &Dag) -> Vec<Change> {
    let mut changes = Vec::new();
    for (_, flow) in dag.pipelines() {
        dag.walk(flow, &mut |_, step| {
            let StepKind::Save { handle, operations } = &step.kind else { return };
            let target = flow.part.value.handles.get(handle.index()).map(|handle| handle.target);
            let Some(HandleTarget::State(id)) = target else { return };
            let (Some(state), Some(place)) = (dag.state(id), dag.place(&step.id)) else { return };
            if state.value.order != Order::Time {
                return;
            }
            for (index, operation) in operations.iter().enumerate() {
                let Some((field, sign)) = way(&operation.kind, &state.value) else { continue };
                let at = place.parts.get(index).copied().unwrap_or(place.target);
                changes.push(Change { state: id, field, at, sign });
            }
        });
    }
    changes.sort_by_key(|change| (change.state, change.field, change.at));
    changes
}

/// Reports each field that is changed in two ways, by one flow or by several, at the first that differs.
pub(super) fn prove(dag: &Dag, found: &mut Vec<Diagnostic>) {
    let changes = changes(dag);
    for field in changes.chunk_by(|one, next| (one.state, one.field) == (next.state, next.field)) {
        let Some(first) = field.first() else { continue };
        let other = field.iter().find(|change| change.sign != first.sign);
        let (Some(other), Some(state)) = (other, dag.state(first.state)) else { continue };
        let name = state.value.fields.get(first.field as usize).map_or("", |field| field.name.as_str());
        found.push(refused(name, first, other, (short(&state.value.name), state.name)));
    }
}

fn refused(field: &str, first: &Change, other: &Change, (state, declared): (&str, Location)) -> Diagnostic {
    let text = format!(
        "`{field}` of `{state}` is changed by `{}` and by `{}`, which `order: time` cannot order: its value would depend on which record comes first",
        first.sign, other.sign
    );
    Diagnostic::new(&codes::E0408, other.at, text)
        .label(format!("changed by `{}` here", other.sign))
        .secondary(first.at, format!("and by `{}` here", first.sign))
        .secondary(declared, "this state has `order: time`")
        .help(format!("change `{field}` in one way, with a field of its own for the other, or take `order: time` away"))
}
