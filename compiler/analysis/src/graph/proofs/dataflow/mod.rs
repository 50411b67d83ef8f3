//! Dataflow: what is computed, declared or read and used by nothing; steps that no record reaches; flows that do
//! nothing. All of it is probably not meant, and none of it harms, so these are warnings.
//!
//! Storing or receiving a field counts as a use of it. In a project without flows, ingests and subscriptions nothing
//! is used yet, and nothing is reported.

mod reach;
mod reasons;
mod unread;
mod unused;
mod unwritten;

use std::collections::HashSet;

use nsf_diagnostics::{Diagnostic, Location, SourceMap, codes};
use nsf_plan::{HandleTarget, InputSource, SourceId, StateId, StepKind, SubscriptionId};

use super::short;
use crate::graph::Dag;
use crate::model::Definition;

pub(super) fn prove(dag: &Dag, _: &SourceMap, found: &mut Vec<Diagnostic>) {
    for (_, flow) in dag.pipelines() {
        reach::prove(dag, flow, found);
    }
    // What is not understood may be what uses a thing.
    if !dag.complete
        || (dag.index.flows.is_empty() && dag.index.ingests.is_empty() && dag.index.subscriptions.is_empty())
    {
        return;
    }
    let idle = without_effect(dag, found);
    unused::prove(dag, &idle, found);
    definitions(dag, found);
    never_saved(dag, found);
    streams(dag, found);
}

/// What is probably not meant in a program that has no errors: reasons that stand twice, what is not read, what cannot come to be.
pub(super) fn lints(dag: &Dag, sources: &SourceMap, found: &mut Vec<Diagnostic>) {
    reasons::prove(dag, sources, found);
    unread::prove(dag, found);
    unwritten::prove(dag, found);
}

/// Named things that nothing names.
fn definitions(dag: &Dag, found: &mut Vec<Diagnostic>) {
    for definition in dag.definitions.iter().filter(|definition| !definition.used) {
        let said = match definition.kind {
            "constant" | "type" | "function" | "mapping" => "nothing uses it",
            "verify function" | "load function" | "calculate function" | "save function" | "expand function" => {
                "no flow uses it"
            }
            "state" => "no flow loads or saves it",
            "table" => "no flow loads it",
            "tenant" | "space" | "primary" => "nothing names it",
            // Streams are looked at by what reads them; dimensions, flows, monitors and tests are there for others.
            _ => continue,
        };
        let text = format!("the {} `{}` is declared, but {said}", definition.kind, definition.name);
        found.push(Diagnostic::new(&codes::W0402, definition.location, text).help("use it, or take it out"));
    }
}

/// States that flows load and none saves.
fn never_saved(dag: &Dag, found: &mut Vec<Diagnostic>) {
    let mut saved: HashSet<StateId> = HashSet::new();
    for (_, flow) in dag.pipelines() {
        dag.walk(flow, &mut |_, step| {
            if let StepKind::Save { handle, .. } = &step.kind
                && let Some(handle) = flow.part.value.handles.get(handle.index())
                && let HandleTarget::State(id) = handle.target
            {
                saved.insert(id);
            }
        });
    }
    let places: HashSet<Location> = saved.iter().filter_map(|id| dag.state(*id)).map(|state| state.name).collect();
    let is_state = |definition: &&Definition| definition.kind == "state" && definition.used;
    for definition in dag.definitions.iter().filter(is_state).filter(|own| !places.contains(&own.location)) {
        let text = format!("the state `{}` is read, but no flow saves it: it always has its defaults", definition.name);
        let help = format!("save what it is to hold: `save {} {{ … }}`", definition.name);
        found.push(Diagnostic::new(&codes::W0402, definition.location, text).help(help));
    }
}

/// Sources that no flow reads, and subscriptions that send nowhere.
fn streams(dag: &Dag, found: &mut Vec<Diagnostic>) {
    let mut sources: HashSet<SourceId> = HashSet::new();
    let mut subscriptions: HashSet<SubscriptionId> = HashSet::new();
    for (_, flow) in dag.pipelines() {
        for input in &flow.part.value.inputs {
            match input.from {
                InputSource::Source(id) => drop(sources.insert(id)),
                InputSource::Subscription(id) => drop(subscriptions.insert(id)),
                InputSource::Expired(_) => {}
            }
        }
    }
    for index in 0..dag.index.sources.len() as u32 {
        let Some(source) = dag.source(SourceId(index)).filter(|_| !sources.contains(&SourceId(index))) else {
            continue;
        };
        let text = format!("no flow reads the source `{}`", short(&source.value.name));
        let help = format!("write `flow … from {}`, or take the source out", short(&source.value.name));
        found.push(Diagnostic::new(&codes::W0402, source.name, text).help(help));
    }
    for index in 0..dag.index.subscriptions.len() as u32 {
        let id = SubscriptionId(index);
        let Some(subscription) = dag.subscription(id).filter(|_| !subscriptions.contains(&id)) else { continue };
        if subscription.value.to.is_some() {
            continue;
        }
        let name = short(&subscription.value.name);
        let text = format!("the subscription `{name}` tells nobody: it has no `to`, and no flow reads it");
        let help = format!("add `to: kafka(\"…\")`, or read it with `flow … from {name}`");
        found.push(Diagnostic::new(&codes::W0402, subscription.name, text).help(help));
    }
}

/// Flows that keep, write and send nothing, reject nothing, and that no flow reads; gives their names.
fn without_effect(dag: &Dag, found: &mut Vec<Diagnostic>) -> HashSet<String> {
    let mut working: HashSet<&str> = HashSet::new();
    for (_, flow) in dag.pipelines() {
        dag.walk(flow, &mut |outer, step| {
            let works = matches!(
                step.kind,
                StepKind::Save { .. }
                    | StepKind::ExpandDimension(_)
                    | StepKind::ExpandTopic(_)
                    | StepKind::Require { .. }
                    | StepKind::Reject { .. }
                    | StepKind::Flow { .. }
            );
            if works {
                working.insert(outer.flow.as_str());
            }
        });
    }
    let mut idle = HashSet::new();
    for flow in dag.flows.iter().filter(|flow| flow.pipeline.is_some() && !working.contains(flow.name.as_str())) {
        let text = format!("the flow `{}` does nothing: it saves, expands and rejects nothing", short(&flow.name));
        let help = "end it with a `save` or an `expand`, or take it out";
        found.push(Diagnostic::new(&codes::W0405, flow.location, text).help(help));
        idle.insert(flow.name.clone());
    }
    idle
}
