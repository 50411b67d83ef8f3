//! What is declared and can never come to be: fields that nothing writes, and subscriptions that can never fire.

use std::collections::HashSet;

use nsf_diagnostics::{Diagnostic, codes};
use nsf_plan::{
    DimensionId, Expr, ExprKind, HandleTarget, IngestId, Literal, SaveKind, StateId, StepKind, SubscriptionId,
};

use crate::graph::Dag;
use crate::graph::proofs::constants::value;
use crate::graph::proofs::short;

/// Who writes a field of a dimension: an ingest or a pipeline, by its id.
type Writers<'dag> = HashSet<(&'dag str, DimensionId, u32)>;

pub(super) fn prove(dag: &Dag, found: &mut Vec<Diagnostic>) {
    let (writers, readers) = (writers(dag), readers(dag));
    dimensions(dag, &writers, &readers, found);
    states(dag, &readers, found);
    subscriptions(dag, &writers, found);
}

/// Fields that a flow reads or a subscription listens to.
#[derive(Default)]
struct Readers {
    states: HashSet<(StateId, u32)>,
    dimensions: HashSet<(DimensionId, u32)>,
}

fn readers(dag: &Dag) -> Readers {
    let mut readers = Readers::default();
    for (_, flow) in dag.pipelines() {
        let handles = &flow.part.value.handles;
        let mut note = |expression: &Expr| {
            expression.walk(&mut |part| {
                let ExprKind::Loaded(handle, field) = &part.kind else { return };
                match handles.get(handle.index()).map(|handle| handle.target) {
                    Some(HandleTarget::State(id)) => drop(readers.states.insert((id, *field))),
                    Some(HandleTarget::Dimension(id)) => drop(readers.dimensions.insert((id, *field))),
                    _ => {}
                }
            });
        };
        dag.walk(flow, &mut |_, step| step.kind.expressions().into_iter().for_each(&mut note));
        handles.iter().flat_map(|handle| &handle.keys).for_each(&mut note);
    }
    for index in 0..dag.index.subscriptions.len() as u32 {
        let Some(subscription) = dag.subscription(SubscriptionId(index)) else { continue };
        let own = &subscription.value;
        readers.dimensions.extend(own.listen.iter().map(|(_, field)| (own.dimension, *field)));
    }
    readers
}

fn writers(dag: &Dag) -> Writers<'_> {
    let mut writers = Writers::new();
    for index in 0..dag.index.ingests.len() as u32 {
        let Some(ingest) = dag.ingest(IngestId(index)) else { continue };
        let assigned = ingest.value.assignments.iter();
        writers.extend(assigned.map(|own| (ingest.value.id.as_str(), own.dimension, own.field)));
    }
    for (_, flow) in dag.pipelines() {
        dag.walk(flow, &mut |_, step| {
            if let StepKind::ExpandDimension(expand) = &step.kind {
                let id = flow.part.value.id.as_str();
                writers.extend(expand.fields.iter().map(|(field, _)| (id, expand.dimension, *field)));
            }
        });
    }
    writers
}

/// Fields of dimensions that are read and never written. A derived field must be written, which is said
/// elsewhere.
fn dimensions(dag: &Dag, writers: &Writers<'_>, readers: &Readers, found: &mut Vec<Diagnostic>) {
    for index in 0..dag.index.dimensions.len() as u32 {
        let id = DimensionId(index);
        let Some(dimension) = dag.dimension(id) else { continue };
        for (field, declared) in dimension.part.value.fields.iter().enumerate().filter(|(_, field)| !field.derived) {
            let is_written = writers.iter().any(|(_, own, other)| *own == id && *other as usize == field);
            let Some(place) =
                dimension.fields.get(field).filter(|_| !is_written && readers.dimensions.contains(&(id, field as u32)))
            else {
                continue;
            };
            let text = format!("nothing writes `{}`: no ingest that accepts the dimension, and no flow", declared.name);
            let help = "let an ingest `accept` the dimension, write the field by `expand`, or take it out";
            found.push(Diagnostic::new(&codes::W0410, place.name, text).help(help));
        }
    }
}

/// Fields of states that are read, and that no save names though others are saved.
fn states(dag: &Dag, readers: &Readers, found: &mut Vec<Diagnostic>) {
    let mut written: HashSet<(StateId, u32)> = HashSet::new();
    for (_, flow) in dag.pipelines() {
        dag.walk(flow, &mut |_, step| {
            let StepKind::Save { handle, operations } = &step.kind else { return };
            let target = flow.part.value.handles.get(handle.index()).map(|handle| handle.target);
            let Some(HandleTarget::State(id)) = target else { return };
            written.extend(operations.iter().filter_map(|operation| Some((id, field(&operation.kind)?))));
        });
    }
    for index in 0..dag.index.states.len() as u32 {
        let id = StateId(index);
        let Some(state) = dag.state(id).filter(|state| !state.value.marks) else { continue };
        if !written.iter().any(|(own, _)| *own == id) {
            continue;
        }
        let unwritten = (0u32..)
            .zip(&state.value.fields)
            .filter(|(index, _)| !written.contains(&(id, *index)) && readers.states.contains(&(id, *index)));
        for (_, field) in unwritten {
            let text = format!("no save writes `{}` of the state `{}`", field.name, short(&state.value.name));
            let help = "write it in a `save`, or take it out: it always has its default";
            found.push(Diagnostic::new(&codes::W0410, state.name, text).help(help));
        }
    }
}

/// The field that an operation changes; none where it takes the row away.
fn field(kind: &SaveKind) -> Option<u32> {
    match kind {
        SaveKind::Set { field, .. }
        | SaveKind::Add { field, .. }
        | SaveKind::Subtract { field, .. }
        | SaveKind::Max { field, .. }
        | SaveKind::Min { field, .. }
        | SaveKind::SetEntry { field, .. }
        | SaveKind::AddEntry { field, .. }
        | SaveKind::Insert { field, .. }
        | SaveKind::Remove { field, .. } => Some(*field),
        SaveKind::Delete => None,
    }
}

/// Subscriptions whose condition is never true, or that listen only to writers that do not write what they listen to.
fn subscriptions(dag: &Dag, writers: &Writers<'_>, found: &mut Vec<Diagnostic>) {
    for index in 0..dag.index.subscriptions.len() as u32 {
        let Some(subscription) = dag.subscription(SubscriptionId(index)) else { continue };
        let (own, name) = (&subscription.value, short(&subscription.value.name));
        let never = own.when.as_ref().is_some_and(|when| matches!(value(when), Ok(Some(Literal::Bool(false)))));
        let writes = |writer: &str, field: u32| writers.contains(&(writer, own.dimension, field));
        let is_written = |field: u32| writers.iter().any(|(_, other, of)| *other == own.dimension && *of == field);
        // A field that nothing writes is told of where it is declared.
        let mut listened = own.listen.iter().map(|(writer, field)| (writer.as_deref(), *field));
        let elsewhere = !own.listen.is_empty()
            && listened.all(|(writer, field)| writer.is_some_and(|writer| !writes(writer, field) && is_written(field)));
        let text = if never {
            format!("the subscription `{name}` can never fire: its `when` is never true")
        } else if elsewhere {
            format!(
                "the subscription `{name}` can never fire: what it listens to is written by others than those it names"
            )
        } else {
            continue;
        };
        let help =
            if never { "mend its condition, or take the subscription out" } else { "listen to what writes the field" };
        found.push(Diagnostic::new(&codes::W0409, subscription.name, text).help(help));
    }
}
