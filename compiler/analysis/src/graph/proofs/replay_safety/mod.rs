//! Replay safety: what holds for each output when a run is killed and its records are processed again, and the saves
//! that no store can make exact.
//!
//! The guarantee of an output is the worst of three: what its channel can keep, what came in, and whether its value
//! would be computed alike a second time ([`taint`]).

mod channel;
mod mixed;
mod taint;

use std::collections::{HashMap, HashSet, VecDeque};

use nsf_diagnostics::{Diagnostic, Location, SourceMap, codes};
use nsf_plan as plan;
use nsf_plan::{
    Block, Guarantee, HandleTarget, InputSource, Order, PipelineId, SaveKind, StateId, Step, StepKind, SubscriptionId,
    TopicId,
};

use super::{list, short};
use crate::graph::{Dag, FlowNode, Node};

/// What is known of the program so far; it only grows worse, so that cycles come to an end.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// How unsteady the values of each state are.
    states: HashMap<StateId, Guarantee>,
    /// What holds for the messages of each topic that the project writes.
    topics: HashMap<TopicId, Guarantee>,
}

/// Whether a built-in gives another value when it is called again.
pub(super) fn is_unstable(signature: &str) -> bool {
    matches!(signature.split('(').next(), Some("clock" | "random"))
}

/// Notes the guarantee of every output in the graph.
pub(super) fn note(dag: &mut Dag) {
    let mut known = Known::default();
    for index in 0..dag.index.subscriptions.len() as u32 {
        note_subscription(dag, SubscriptionId(index), &mut known);
    }
    let readers = Readers::of(dag);
    let mut queue: VecDeque<PipelineId> = dag.pipelines().map(|(id, _)| id).collect();
    let mut queued: HashSet<PipelineId> = queue.iter().copied().collect();
    while let Some(id) = queue.pop_front() {
        queued.remove(&id);
        let Some(flow) = dag.flow(id) else { continue };
        let found = taint::of(dag, flow, &known);
        let mut again: Vec<PipelineId> = Vec::new();
        for (state, level) in found.states {
            if raise(&mut known.states, state, level) {
                again.extend(readers.states.get(&state).into_iter().flatten());
            }
        }
        for (topic, level) in found.topics {
            if raise(&mut known.topics, topic, level) {
                again.extend(readers.topics.get(&topic).into_iter().flatten());
            }
        }
        write(dag, id, &found.steps);
        queue.extend(again.into_iter().filter(|id| queued.insert(*id)));
    }
}

/// Makes a level worse; says whether it was better before.
fn raise<Key: std::hash::Hash + Eq>(levels: &mut HashMap<Key, Guarantee>, key: Key, level: Guarantee) -> bool {
    let known = levels.entry(key).or_insert(Guarantee::ExactlyOnce);
    let worse = level > *known;
    *known = level.max(*known);
    worse
}

/// The pipelines that must be looked at again when a state or topic turns out worse.
#[derive(Default)]
struct Readers {
    states: HashMap<StateId, Vec<PipelineId>>,
    topics: HashMap<TopicId, Vec<PipelineId>>,
}

impl Readers {
    fn of(dag: &Dag) -> Self {
        let mut readers = Self::default();
        for (id, flow) in dag.pipelines() {
            let mut states: HashSet<StateId> = HashSet::new();
            for handle in &flow.part.value.handles {
                if let HandleTarget::State(state) = handle.target {
                    states.insert(state);
                }
            }
            for input in &flow.part.value.inputs {
                match input.from {
                    InputSource::Source(source) => {
                        if let Some(source) = dag.source(source) {
                            readers.topics.entry(source.value.from).or_default().push(id);
                        }
                    }
                    InputSource::Expired(state) => drop(states.insert(state)),
                    InputSource::Subscription(_) => {}
                }
            }
            for state in states {
                readers.states.entry(state).or_default().push(id);
            }
        }
        readers
    }
}

fn note_subscription(dag: &mut Dag, id: SubscriptionId, known: &mut Known) {
    let Some(subscription) = dag.subscription(id) else { return };
    let Some(topic) = subscription.value.to else { return };
    let kind = dag.topic(topic).map_or("", |topic| topic.value.connector.kind.as_str());
    // Its messages are computed from the old values that are stored, and have stable ids.
    let level = channel::keeps(kind).max(Guarantee::EffectivelyOnce);
    raise(&mut known.topics, topic, level);
    let Some(node) = dag.index.subscriptions.get(id.index()).copied() else { return };
    if let Some(Node::Subscription(subscription)) = dag.graph.node_weight_mut(node) {
        subscription.value.guarantee = level;
    }
    let edges: Vec<_> = dag.graph.edges(node).map(|edge| petgraph::visit::EdgeRef::id(&edge)).collect();
    for edge in edges {
        if let Some(edge) = dag.graph.edge_weight_mut(edge)
            && edge.guarantee.is_some()
        {
            edge.guarantee = Some(level);
        }
    }
}

/// Writes guarantees into the steps of a pipeline and onto their edges.
fn write(dag: &mut Dag, id: PipelineId, levels: &HashMap<String, Guarantee>) {
    let Some(flow) = dag.flow(id) else { return };
    let mut open = flow.steps.clone();
    while let Some(node) = open.pop() {
        let Some(Node::Step(outer)) = dag.graph.node_weight_mut(node) else { continue };
        open.extend(&outer.steps);
        let mut found = Vec::with_capacity(outer.expands.len());
        write_step(&mut outer.step, levels, &mut found);
        let edges = outer.expands.clone();
        for (edge, level) in edges.into_iter().zip(found) {
            if let Some(edge) = dag.graph.edge_weight_mut(edge) {
                edge.guarantee = Some(level);
            }
        }
    }
}

/// Writes the guarantees of a step and its blocks; `found` gets them in the order of [`Block::walk`].
fn write_step(step: &mut Step, levels: &HashMap<String, Guarantee>, found: &mut Vec<Guarantee>) {
    let level = levels.get(&step.id).copied();
    match &mut step.kind {
        StepKind::ExpandTopic(expand) => {
            expand.guarantee = level.unwrap_or(expand.guarantee);
            found.push(expand.guarantee);
        }
        StepKind::ExpandDimension(expand) => {
            expand.guarantee = level.unwrap_or(expand.guarantee);
            found.push(expand.guarantee);
        }
        StepKind::When { arms, otherwise } => {
            let blocks = arms.iter_mut().map(|(_, block)| block).chain([otherwise]);
            blocks.flat_map(|block: &mut Block| &mut block.steps).for_each(|step| write_step(step, levels, found));
        }
        StepKind::Each { body, .. } | StepKind::Flow { body, .. } => {
            body.steps.iter_mut().for_each(|step| write_step(step, levels, found));
        }
        _ => {}
    }
}

/// Reports saves that cannot be made exact.
pub(super) fn prove(dag: &Dag, _: &SourceMap, found: &mut Vec<Diagnostic>) {
    for (_, flow) in dag.pipelines() {
        timed_sums(dag, flow, found);
        two_stores(dag, flow, found);
    }
    timed_deletions(dag, found);
    mixed::prove(dag, found);
}

/// The operation of a save that depends on what was there before, as it is written.
const fn accumulates(kind: &SaveKind) -> Option<&'static str> {
    match kind {
        SaveKind::Add { .. } | SaveKind::AddEntry { .. } => Some("+="),
        SaveKind::Subtract { .. } => Some("-="),
        _ => None,
    }
}

/// The operation of a save whose result is that of the record that came last, whatever its time, as it is written.
fn arrives(kind: &SaveKind, state: &plan::State) -> Option<&'static str> {
    match kind {
        SaveKind::SetEntry { .. } => Some("[…] ="),
        SaveKind::Remove { .. } => Some("remove"),
        SaveKind::Insert { field, .. } => {
            let list = state.fields.get(*field as usize).is_some_and(|field| matches!(field.ty, plan::Type::List(_)));
            list.then_some("insert")
        }
        _ => None,
    }
}

/// The operation of a save that gathers something over all records, in any order, as it is written.
const fn gathers(kind: &SaveKind) -> Option<&'static str> {
    match kind {
        SaveKind::Max { .. } => Some("max="),
        SaveKind::Min { .. } => Some("min="),
        SaveKind::Insert { .. } => Some("insert"),
        _ => None,
    }
}

/// A save of a pipeline.
struct Saved<'dag> {
    state: &'dag plan::State,
    declared: Location,
    /// The save's target.
    target: Location,
    /// The first operation that accumulates.
    sum: Option<(&'static str, Location)>,
    /// The first operation that takes the order in which records come.
    arrival: Option<(&'static str, Location)>,
    /// The first that gathers over records, so that a deletion cannot take away what is older alone.
    gathers: Option<(&'static str, Location)>,
    /// The deletion.
    deletes: Option<Location>,
}

fn saves<'dag>(dag: &'dag Dag, flow: &'dag FlowNode) -> Vec<Saved<'dag>> {
    let mut saves = Vec::new();
    dag.walk(flow, &mut |_, step| {
        let StepKind::Save { handle, operations } = &step.kind else { return };
        let target = flow.part.value.handles.get(handle.index()).map(|handle| handle.target);
        let Some(HandleTarget::State(id)) = target else { return };
        let (Some(state), Some(place)) = (dag.state(id), dag.place(&step.id)) else { return };
        let first = |find: &dyn Fn(&SaveKind) -> Option<&'static str>| {
            operations.iter().enumerate().find_map(|(index, operation)| {
                let at = place.parts.get(index).copied().unwrap_or(place.target);
                find(&operation.kind).map(|sign| (sign, at))
            })
        };
        saves.push(Saved {
            state: &state.value,
            declared: state.name,
            target: place.target,
            sum: first(&accumulates),
            arrival: first(&|kind| arrives(kind, &state.value)),
            gathers: first(&gathers),
            deletes: first(&|kind| matches!(kind, SaveKind::Delete).then_some("delete")).map(|(_, at)| at),
        });
    });
    saves
}

/// In a state with `order: time` a late record's sum would be thrown away whole.
fn timed_sums(dag: &Dag, flow: &FlowNode, found: &mut Vec<Diagnostic>) {
    for save in saves(dag, flow).into_iter().filter(|save| save.state.order == Order::Time) {
        if let Some((sign, at)) = save.sum {
            let name = short(&save.state.name);
            let text = format!(
                "`{sign}` cannot be exact in `{name}`: with `order: time` the latest record alone gives a field's value"
            );
            found.push(
                Diagnostic::new(&codes::E0408, at, text)
                    .secondary(save.declared, "this state has `order: time`")
                    .help("take `order: time` away, or keep the sum in a state of its own"),
            );
        } else if let Some((sign, at)) = save.arrival {
            let name = short(&save.state.name);
            let text = format!(
                "`{sign}` takes the order in which records come, and `{name}` has `order: time`, which orders whole fields"
            );
            found.push(
                Diagnostic::new(&codes::E0408, at, text)
                    .secondary(save.declared, "this state has `order: time`")
                    .help("set the field whole, insert into a set, or keep it in a state without `order: time`"),
            );
        }
    }
}

/// What is deleted by time cannot be taken out of what was gathered over records: which of them were older is not known.
fn timed_deletions(dag: &Dag, found: &mut Vec<Diagnostic>) {
    let all: Vec<Saved<'_>> = dag.pipelines().flat_map(|(_, flow)| saves(dag, flow)).collect();
    let timed = || all.iter().filter(|save| save.state.order == Order::Time);
    for save in timed() {
        let Some(at) = save.deletes else { continue };
        let same = timed().find(|other| other.state.id == save.state.id && other.gathers.is_some());
        let Some((sign, gathered)) = same.and_then(|other| other.gathers) else { continue };
        let name = short(&save.state.name);
        let text = format!(
            "`delete` cannot be ordered by time in `{name}`, for `{sign}` gathers over older and newer records"
        );
        found.push(
            Diagnostic::new(&codes::E0408, at, text)
                .secondary(gathered, "gathered here")
                .secondary(save.declared, "this state has `order: time`")
                .help("take `order: time` away, or keep what is gathered in a state of its own"),
        );
    }
}

/// States of one flow in two stores: they cannot be committed together, so after a failure between the two commits a
/// sum would count a record twice.
fn two_stores(dag: &Dag, flow: &FlowNode, found: &mut Vec<Diagnostic>) {
    let saves: Vec<Saved<'_>> = saves(dag, flow).into_iter().filter(|save| save.state.store.is_some()).collect();
    let Some(first) = saves.first() else { return };
    let store = |save: &Saved<'_>| save.state.store.as_ref().map(|store| (store.kind.clone(), store.cluster.clone()));
    let other = saves.iter().find(|save| store(save) != store(first));
    let Some(other) = other else { return };
    let sum = saves.iter().filter_map(|save| save.sum.map(|sum| (save, sum))).next_back();
    let Some((save, (sign, at))) = sum else { return };
    // Of the two stores, that of the state that does not hold the sum.
    let beside = if store(save) == store(first) { other } else { first };
    let text = format!(
        "`{sign}` cannot be exact here: {} are saved by one flow and kept in {} and {}, which cannot commit together",
        list(&[short(&save.state.name).to_owned(), short(&beside.state.name).to_owned()]),
        channel::store_words(save.state.store.as_ref()),
        channel::store_words(beside.state.store.as_ref()),
    );
    found.push(
        Diagnostic::new(&codes::E0408, at, text)
            .label("after a failure between the two commits this would count a record twice")
            .secondary(beside.target, "saved in another store here")
            .secondary(beside.declared, format!("kept in {}", channel::store_words(beside.state.store.as_ref())))
            .help("keep both states in one store"),
    );
}
