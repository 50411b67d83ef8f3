//! Flows that keep state of what subscriptions tell. A telling comes from wherever the record was that changed the row, so
//! the keys of such a state are not spread over workers by any topic; a `repartition by` gives them one.

use nsf_diagnostics::{Diagnostic, Span, Suggestion, codes};
use nsf_plan::{HandleTarget, InputSource, StepKind};

use super::partition_key;
use crate::graph::proofs::{key, short};
use crate::graph::{Dag, FlowNode};

/// Warnings (W0692) of flows that keep state of what a subscription tells, which one process can run and workers cannot.
#[must_use]
pub fn states_of_tellings(dag: &Dag) -> Vec<Diagnostic> {
    dag.pipelines().filter_map(|(_, flow)| state_of_tellings(dag, flow)).collect()
}

fn state_of_tellings(dag: &Dag, flow: &FlowNode) -> Option<Diagnostic> {
    let pipeline = &flow.part.value;
    let subscription = pipeline.inputs.iter().find_map(|input| match input.from {
        InputSource::Subscription(id) => dag.subscription(id),
        _ => None,
    })?;
    let mut first = None;
    dag.walk(flow, &mut |outer, step| {
        let touches = match &step.kind {
            StepKind::Load { handle, .. } | StepKind::Save { handle, .. } => {
                let handle = pipeline.handles.get(handle.index());
                handle.is_some_and(|handle| matches!(handle.target, HandleTarget::State(_)))
            }
            StepKind::Unique { .. } => true,
            _ => false,
        };
        if touches && first.is_none() {
            first = dag.place(&step.id).map(|place| (outer, place.location));
        }
    });
    let (outer, at) = first?;
    let told = short(&subscription.value.name);
    let text = format!(
        "`{}` keeps state of what `{told}` tells: one process can do that, workers that share it cannot",
        short(&pipeline.name)
    );
    let fields = partition_key(pipeline);
    let line = format!("repartition by {}", fields.join(", "));
    let diagnostic = Diagnostic::new(&codes::W0692, at, text)
        .label("the first step over a state")
        .secondary(subscription.name, "its messages come from every worker that changes a row")
        .help(format!(
            "put `{line}` before it: a topic of the program's own then spreads the messages by {}",
            key(&fields)
        ));
    // Neither a step of a named function nor one of a `verify` has a place of its own before which a line could stand.
    let own = outer.flow == pipeline.name && !matches!(outer.step.kind, StepKind::Unique { .. });
    let before = dag.place(&outer.step.id).filter(|_| own);
    let Some(before) = before.map(|place| place.location) else { return Some(diagnostic) };
    let at = Span::at(before.span.start).in_file(before.file);
    Some(diagnostic.suggest(Suggestion::likely(format!("insert `{line}`"), at, format!("{line}\n  "))))
}
