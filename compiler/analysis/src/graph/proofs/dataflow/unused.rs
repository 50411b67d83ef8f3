//! Fields that a flow computes and that nothing uses afterwards.

use std::collections::HashSet;

use nsf_diagnostics::{Diagnostic, codes};
use nsf_plan::{Expr, ExprKind, HandleId, InputSource, SlotId, Step, StepKind};

use crate::graph::{Dag, FlowNode};

/// `idle` are the flows that do nothing at all, of which that is said.
pub(super) fn prove(dag: &Dag, idle: &HashSet<String>, found: &mut Vec<Diagnostic>) {
    let kept = kept_over_cuts(dag);
    for (_, flow) in dag.pipelines() {
        let read = reads(dag, flow, &kept);
        dag.walk(flow, &mut |outer, step| {
            let StepKind::Assign { slot, value } = &step.kind else { return };
            // Only what is written in the flow itself: a function's outputs and names are its own matter.
            let Some(place) = dag.place(&step.id).filter(|place| !place.parts.is_empty()) else { return };
            if idle.contains(&outer.flow) || read.contains(slot) || fails_on_purpose(value) {
                return;
            }
            let Some(name) = flow.part.value.slots.get(slot.index()).map(|slot| slot.name.as_str()) else { return };
            if name.starts_with('_') {
                return;
            }
            let text = format!("`{name}` is computed, but nothing uses it");
            let help = "use it in a later step, store or send it, or take it out";
            found.push(Diagnostic::new(&codes::W0403, place.target, text).help(help));
        });
    }
}

/// Whether a value is there for its rejection: `x = parse(s) ?? reject "why"`.
fn fails_on_purpose(value: &Expr) -> bool {
    let mut rejects = false;
    value.walk(&mut |part| rejects |= matches!(part.kind, ExprKind::Reject(_)));
    rejects
}

/// Ids of the internal topics' messages and, for each, the members that the flow behind the cut uses.
fn kept_over_cuts(dag: &Dag) -> HashSet<(nsf_plan::TopicId, String)> {
    let mut kept = HashSet::new();
    for (_, flow) in dag.pipelines() {
        for input in &flow.part.value.inputs {
            let InputSource::Source(id) = input.from else { continue };
            let Some(source) = dag.source(id) else { continue };
            if dag.topic(source.value.from).is_some_and(|topic| topic.value.internal) {
                let used = source.value.encoding.fields.iter().filter(|field| field.used);
                kept.extend(used.map(|field| (source.value.from, field.name.clone())));
            }
        }
    }
    kept
}

/// The slots that steps, row keys and the partition key read.
fn reads(dag: &Dag, flow: &FlowNode, kept: &HashSet<(nsf_plan::TopicId, String)>) -> HashSet<SlotId> {
    let mut read: HashSet<SlotId> = flow.part.value.key.iter().copied().collect();
    let mut handles: HashSet<HandleId> = HashSet::new();
    dag.walk(flow, &mut |_, step| {
        match &step.kind {
            StepKind::Load { handle, .. } | StepKind::Save { handle, .. } => drop(handles.insert(*handle)),
            _ => {}
        }
        for value in expressions(dag, step, kept) {
            note(value, &mut read);
        }
    });
    for handle in handles {
        for value in flow.part.value.handles.get(handle.index()).into_iter().flat_map(|handle| &handle.keys) {
            note(value, &mut read);
        }
    }
    read
}

/// The expressions of a step; of a cut's message only the members that are used behind it.
fn expressions<'step>(dag: &Dag, step: &'step Step, kept: &HashSet<(nsf_plan::TopicId, String)>) -> Vec<&'step Expr> {
    if let StepKind::ExpandTopic(expand) = &step.kind
        && dag.topic(expand.topic).is_some_and(|topic| topic.value.internal)
        && let (ExprKind::Record(values), nsf_plan::Type::Record(members)) = (&expand.message.kind, &expand.message.ty)
    {
        let used = members.iter().zip(values).filter(|((name, _), _)| kept.contains(&(expand.topic, name.clone())));
        return used.map(|(_, value)| value).chain(&expand.key).collect();
    }
    step.kind.expressions()
}

fn note(value: &Expr, read: &mut HashSet<SlotId>) {
    value.walk(&mut |part| {
        if let ExprKind::Slot(slot) | ExprKind::Match(slot, _) = &part.kind {
            read.insert(*slot);
        }
    });
}
