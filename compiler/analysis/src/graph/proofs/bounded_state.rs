//! Bounded state: a value that is kept for ever must not grow for ever. (That a state says how long its keys are kept
//! is checked with its settings.)

use std::collections::{HashMap, HashSet};

use nsf_diagnostics::{Diagnostic, Location, SourceMap, codes};
use nsf_plan::{Expr, ExprKind, HandleTarget, SaveKind, StateId, StepKind, Type};

use super::short;
use crate::graph::Dag;

/// What flows do to the fields of a state.
#[derive(Default)]
struct Uses {
    /// The first place where each field grows.
    grows: HashMap<u32, Location>,
    /// Fields from which something is taken, or which are set whole.
    shrinks: HashSet<u32>,
    /// Whether a flow deletes the row.
    deleted: bool,
}

pub(super) fn prove(dag: &Dag, _: &SourceMap, found: &mut Vec<Diagnostic>) {
    let uses = uses(dag);
    for index in 0..dag.index.states.len() as u32 {
        let Some(state) = dag.state(StateId(index)) else { continue };
        let kept = &state.value;
        let Some(uses) = uses.get(&StateId(index)) else { continue };
        // Without `keep` the state itself was reported.
        if !dag.kept_forever.contains(&kept.name) || kept.closes.is_some() || uses.deleted {
            continue;
        }
        for (field, value) in kept.fields.iter().enumerate() {
            let Some(at) = uses.grows.get(&(field as u32)) else { continue };
            if uses.shrinks.contains(&(field as u32)) {
                continue;
            }
            let (what, how) = match value.ty.non_null() {
                Type::Map(..) => ("map", format!("take entries out with `remove … from {}`", value.name)),
                Type::Text => ("text", format!("keep a part of `{}`", value.name)),
                Type::List(_) => ("list", format!("take elements out with `remove … from {}`", value.name)),
                _ => ("set", format!("take elements out with `remove … from {}`", value.name)),
            };
            let text = format!(
                "the {what} `{}` of `{}` grows for ever: nothing is taken out of it",
                value.name,
                short(&kept.name)
            );
            found.push(
                Diagnostic::new(&codes::W0401, *at, text)
                    .secondary(state.name, "this state is kept for ever")
                    .help(format!("{how}, or say how long the state is kept: `keep: 60d`")),
            );
        }
    }
}

/// Functions of the library that give what they are given and more.
const ADDING: [&str; 4] = ["concat(", "put(", "merge(", "union("];

/// Whether an expression is a value that `is_self` knows with something put to it.
fn is_more(expr: &Expr, is_self: &impl Fn(&Expr) -> bool) -> bool {
    match &expr.kind {
        ExprKind::Call(signature, arguments) if ADDING.iter().any(|adding| signature.starts_with(adding)) => {
            arguments.iter().any(|argument| holds(argument, is_self))
        }
        ExprKind::Join(parts) => parts.len() > 1 && parts.iter().any(|part| holds(part, is_self)),
        ExprKind::Widen(inner) | ExprKind::NonNull(inner) => is_more(inner, is_self),
        _ => false,
    }
}

/// Whether a whole value that `is_self` knows is in the value of an expression.
fn holds(expr: &Expr, is_self: &impl Fn(&Expr) -> bool) -> bool {
    match &expr.kind {
        ExprKind::List(items) => items.iter().any(|item| holds(item, is_self)),
        ExprKind::Coalesce(value, _) | ExprKind::Widen(value) | ExprKind::NonNull(value) => holds(value, is_self),
        _ => is_self(expr) || is_more(expr, is_self),
    }
}

fn uses(dag: &Dag) -> HashMap<StateId, Uses> {
    let mut uses: HashMap<StateId, Uses> = HashMap::new();
    for (_, flow) in dag.pipelines() {
        dag.walk(flow, &mut |_, step| {
            let StepKind::Save { handle, operations } = &step.kind else { return };
            let target = flow.part.value.handles.get(handle.index()).map(|handle| handle.target);
            let Some(HandleTarget::State(id)) = target else { return };
            let Some(place) = dag.place(&step.id) else { return };
            let uses = uses.entry(id).or_default();
            let fields = dag.state(id).map_or(&[][..], |state| &state.value.fields);
            for (index, operation) in operations.iter().enumerate() {
                let at = place.parts.get(index).copied().unwrap_or(place.target);
                let is_list = |field: u32| {
                    fields.get(field as usize).is_some_and(|field| matches!(field.ty.non_null(), Type::List(_)))
                };
                let is_self = |expr: &Expr, field: u32| match &expr.kind {
                    ExprKind::Loaded(loaded, index) => {
                        let loaded = flow.part.value.handles.get(loaded.index()).map(|handle| handle.target);
                        *index == field && loaded == target
                    }
                    _ => false,
                };
                match &operation.kind {
                    // `f = put(S.f, …)`: what was there, and more.
                    SaveKind::Set { field, value } if is_more(value, &|expr| is_self(expr, *field)) => {
                        let known = uses.grows.entry(*field).or_insert(at);
                        *known = at.min(*known);
                    }
                    // An element of a list is replaced.
                    SaveKind::SetEntry { field, .. } if is_list(*field) => {}
                    SaveKind::SetEntry { field, .. }
                    | SaveKind::AddEntry { field, .. }
                    | SaveKind::Insert { field, .. } => {
                        let known = uses.grows.entry(*field).or_insert(at);
                        *known = at.min(*known);
                    }
                    SaveKind::Remove { field, .. } | SaveKind::Set { field, .. } => drop(uses.shrinks.insert(*field)),
                    SaveKind::Delete => uses.deleted = true,
                    _ => {}
                }
            }
        });
    }
    uses
}
