//! Termination: a record never makes itself come again. A cycle over topics and subscriptions is an error unless one
//! of its streams says `loop: allowed`. (Within a flow jumps lead forward only.)
//!
//! The proof looks at a graph of its own, in which a dimension's fields are nodes: a flow that writes a field which
//! no subscription of the cycle listens to closes none.

use std::collections::HashMap;

use nsf_diagnostics::{Diagnostic, Location, SourceMap, codes};
use nsf_plan::{
    DimensionExpand, DimensionId, Expr, ExprKind, IngestId, InputSource, Late, PipelineId, SourceId, StepKind,
    SubscriptionEvent, SubscriptionId, TopicId,
};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::short;
use crate::graph::{Dag, FlowNode};

/// Most stops of a circle that a message names.
const LONGEST: usize = 12;

/// What a record's way leads over.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Stop {
    Topic(TopicId),
    Source(SourceId),
    Ingest(IngestId),
    Flow(PipelineId),
    /// What a writer may do to rows of a dimension; the writer is none for any.
    Change(DimensionId, Change, Option<u32>),
    Subscription(SubscriptionId),
}

/// What may happen to a row.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Change {
    Field(u32),
    /// It is there for the first time.
    New,
    /// It is deleted or reset.
    Gone,
}

/// The ways; an edge's place is that of the step that sends.
struct Ways {
    graph: DiGraph<Stop, Option<Location>>,
    nodes: HashMap<Stop, NodeIndex>,
    /// Ingests and flows by full name.
    writers: HashMap<String, u32>,
}

pub(super) fn prove(dag: &Dag, _: &SourceMap, found: &mut Vec<Diagnostic>) {
    let mut ways = Ways { graph: DiGraph::new(), nodes: HashMap::new(), writers: HashMap::new() };
    streams(dag, &mut ways);
    flows(dag, &mut ways);
    for component in tarjan_scc(&ways.graph) {
        let alone = component.len() == 1 && component.iter().all(|node| !ways.graph.contains_edge(*node, *node));
        if !alone {
            found.extend(report(dag, &ways, &component));
        }
    }
}

impl Ways {
    fn node(&mut self, stop: Stop) -> NodeIndex {
        *self.nodes.entry(stop).or_insert_with(|| self.graph.add_node(stop))
    }

    fn join(&mut self, from: Stop, to: Stop, at: Option<Location>) {
        let (from, to) = (self.node(from), self.node(to));
        self.graph.add_edge(from, to, at);
    }

    fn writer(&mut self, name: &str) -> u32 {
        let next = self.writers.len() as u32;
        *self.writers.entry(name.to_owned()).or_insert(next)
    }

    /// A writer changes rows: those who listen to it are told, and those who listen to any.
    fn change(&mut self, from: Stop, writer: &str, dimension: DimensionId, change: Change, at: Option<Location>) {
        let writer = self.writer(writer);
        for listened in [None, Some(writer)] {
            self.join(from, Stop::Change(dimension, change, listened), at);
        }
    }
}

/// Topics to streams, ingests to fields, fields to subscriptions, subscriptions to topics. What says `loop: allowed`
/// is left out, and with it every cycle over it.
fn streams(dag: &Dag, ways: &mut Ways) {
    let allowed = |id: &str| dag.loops_allowed.contains(id);
    for index in 0..dag.index.sources.len() as u32 {
        let Some(source) = dag.source(SourceId(index)).filter(|source| !allowed(&source.value.id)) else { continue };
        let stream = Stop::Source(SourceId(index));
        ways.join(Stop::Topic(source.value.from), stream, None);
        let late = match source.value.late_else {
            Late::Topic(topic) => Some(topic),
            Late::Drop | Late::Reject => None,
        };
        // What is late or cannot be read is so again when it comes back.
        for topic in [late, source.value.reject, source.value.retry].into_iter().flatten() {
            ways.join(stream, Stop::Topic(topic), Some(source.name));
        }
    }
    for index in 0..dag.index.ingests.len() as u32 {
        let Some(ingest) = dag.ingest(IngestId(index)).filter(|ingest| !allowed(&ingest.value.id)) else { continue };
        ways.join(Stop::Topic(ingest.value.from), Stop::Ingest(IngestId(index)), None);
        for topic in [ingest.value.reject, ingest.value.retry].into_iter().flatten() {
            ways.join(Stop::Ingest(IngestId(index)), Stop::Topic(topic), Some(ingest.name));
        }
        let (from, name) = (Stop::Ingest(IngestId(index)), ingest.value.name.as_str());
        for assignment in &ingest.value.assignments {
            ways.change(from, name, assignment.dimension, Change::Field(assignment.field), None);
        }
        for dimension in &ingest.value.accept {
            ways.change(from, name, *dimension, Change::New, None);
            ways.change(from, name, *dimension, Change::Gone, None);
        }
    }
    for index in 0..dag.index.subscriptions.len() as u32 {
        let id = SubscriptionId(index);
        let Some(subscription) = dag.subscription(id).filter(|found| !allowed(&found.value.id)) else { continue };
        let value = &subscription.value;
        for (writer, field) in &value.listen {
            let writer = writer.as_ref().map(|writer| ways.writer(writer));
            let told = |change| (Stop::Change(value.dimension, change, writer), Stop::Subscription(id));
            let mut events = Vec::new();
            if value.on.iter().any(|event| matches!(event, SubscriptionEvent::Binlog | SubscriptionEvent::Datain)) {
                events.push(told(Change::Field(*field)));
            }
            if value.on.contains(&SubscriptionEvent::Create) {
                events.push(told(Change::New));
            }
            if value.on.contains(&SubscriptionEvent::Reset) {
                events.push(told(Change::Gone));
            }
            events.into_iter().for_each(|(from, to)| ways.join(from, to, None));
        }
        if let Some(topic) = value.to {
            ways.join(Stop::Subscription(id), Stop::Topic(topic), Some(subscription.name));
        }
    }
}

/// Streams to flows, flows to topics and fields.
fn flows(dag: &Dag, ways: &mut Ways) {
    for (id, flow) in dag.pipelines() {
        for input in &flow.part.value.inputs {
            match input.from {
                InputSource::Source(source) => ways.join(Stop::Source(source), Stop::Flow(id), None),
                InputSource::Subscription(from) => ways.join(Stop::Subscription(from), Stop::Flow(id), None),
                // What has ended comes by time and not by records.
                InputSource::Expired(_) => {}
            }
        }
        dag.walk(flow, &mut |outer, step| {
            let at = dag.place(&step.id).map(|place| place.target);
            match &step.kind {
                StepKind::ExpandTopic(expand) => ways.join(Stop::Flow(id), Stop::Topic(expand.topic), at),
                StepKind::ExpandDimension(expand) => {
                    for (field, _) in &expand.fields {
                        let change = Change::Field(*field);
                        ways.change(Stop::Flow(id), &outer.flow, expand.dimension, change, at);
                    }
                    if expand.delete || expand.reset {
                        ways.change(Stop::Flow(id), &outer.flow, expand.dimension, Change::Gone, at);
                    }
                    if !expand.delete && !is_same_row(dag, flow, expand) {
                        ways.change(Stop::Flow(id), &outer.flow, expand.dimension, Change::New, at);
                    }
                }
                _ => {}
            }
        });
    }
}

/// Whether a flow that reads a subscription writes the very row that it was told of, which is there already.
fn is_same_row(dag: &Dag, flow: &FlowNode, expand: &DimensionExpand) -> bool {
    let pipeline = &flow.part.value;
    pipeline.inputs.iter().all(|input| {
        let InputSource::Subscription(id) = input.from else { return false };
        let told = dag.subscription(id).map(|subscription| subscription.value.dimension);
        let slot_of =
            |field: usize| input.fields.iter().find(|(index, _)| *index as usize == field).map(|(_, slot)| *slot);
        let same =
            |(index, key): (usize, &Expr)| matches!(key.kind, ExprKind::Slot(slot) if slot_of(index) == Some(slot));
        told == Some(expand.dimension) && expand.keys.iter().enumerate().all(same)
    })
}

/// The message of a cycle: its place is the last step that sends in it, in the order of the files.
fn report(dag: &Dag, ways: &Ways, component: &[NodeIndex]) -> Option<Diagnostic> {
    let inside: std::collections::HashSet<NodeIndex> = component.iter().copied().collect();
    let edges =
        component.iter().flat_map(|node| ways.graph.edges(*node)).filter(|edge| inside.contains(&edge.target()));
    let sends = edges.filter_map(|edge| edge.weight().map(|at| (at, edge.source(), edge.target())));
    let (at, from, to) = sends.max_by_key(|(at, ..)| *at)?;
    let way = way(ways, &inside, to, from)?;
    let stops = [from].into_iter().chain(way.iter().copied()).map(|node| ways.graph[node]);
    let stops: Vec<Stop> = stops.filter(|stop| !is_internal(dag, *stop)).collect();
    let mut names: Vec<String> = stops.iter().map(|stop| stop_words(dag, *stop)).collect();
    // A flow that was cut stands on both sides of its `repartition`.
    names.dedup();
    if names.len() > LONGEST {
        // Where it begins and where it ends is what matters.
        names.splice(LONGEST / 2..names.len() - LONGEST / 2, ["…".to_owned()]);
    }
    let text = format!("a record can make itself come again for ever: {}", names.join(" → "));
    let mut diagnostic = Diagnostic::new(&codes::E0409, at, text).label("this closes the circle");
    let mut entry = None;
    for (location, words) in stops.iter().filter_map(|stop| stream(dag, *stop)).take(LONGEST) {
        diagnostic = diagnostic.secondary(location, "and comes in again here");
        entry.get_or_insert(words);
    }
    let stream = entry.unwrap_or_else(|| "the source that reads the topic".to_owned());
    Some(
        diagnostic
            .help(format!("send to another topic; if the circle is meant and ends, say `loop: allowed` in {stream}")),
    )
}

/// The shortest way between two stops of a cycle, both ends included.
fn way(
    ways: &Ways,
    inside: &std::collections::HashSet<NodeIndex>,
    from: NodeIndex,
    to: NodeIndex,
) -> Option<Vec<NodeIndex>> {
    let mut came: HashMap<NodeIndex, NodeIndex> = HashMap::new();
    let mut open = std::collections::VecDeque::from([from]);
    while let Some(node) = open.pop_front() {
        if node == to {
            let mut way = vec![node];
            let mut at = node;
            while at != from {
                at = *came.get(&at)?;
                way.push(at);
            }
            way.reverse();
            return Some(way);
        }
        let mut next: Vec<NodeIndex> = ways.graph.neighbors(node).filter(|next| inside.contains(next)).collect();
        next.sort_unstable();
        for next in next {
            if next != from && !came.contains_key(&next) {
                came.insert(next, node);
                open.push_back(next);
            }
        }
    }
    None
}

/// Whether the compiler made it, for `repartition by`.
fn is_internal(dag: &Dag, stop: Stop) -> bool {
    let topic = match stop {
        Stop::Topic(id) => Some(id),
        Stop::Source(id) => dag.source(id).map(|source| source.value.from),
        _ => None,
    };
    topic.and_then(|topic| dag.topic(topic)).is_some_and(|topic| topic.value.internal)
}

fn stop_words(dag: &Dag, stop: Stop) -> String {
    let name = match stop {
        Stop::Topic(id) => dag.topic(id).map(|topic| topic.value.connector.name.clone()),
        Stop::Source(id) => dag.source(id).map(|source| short(&source.value.name).to_owned()),
        Stop::Ingest(id) => dag.ingest(id).map(|ingest| short(&ingest.value.name).to_owned()),
        Stop::Flow(id) => dag.flow(id).map(|flow| short(&flow.part.value.name).to_owned()),
        Stop::Change(id, change, _) => dag.dimension(id).map(|dimension| {
            let owner = short(&dimension.part.value.name);
            let field = match change {
                Change::Field(field) => dimension.part.value.fields.get(field as usize),
                Change::New | Change::Gone => None,
            };
            field.map_or_else(|| owner.to_owned(), |field| format!("{owner}.{}", field.name))
        }),
        Stop::Subscription(id) => dag.subscription(id).map(|found| short(&found.value.name).to_owned()),
    };
    format!("`{}`", name.unwrap_or_default())
}

/// The place of a stream over which records come in, and its name in words.
fn stream(dag: &Dag, stop: Stop) -> Option<(Location, String)> {
    match stop {
        Stop::Source(id) => {
            dag.source(id).map(|source| (source.name, format!("source `{}`", short(&source.value.name))))
        }
        Stop::Ingest(id) => {
            dag.ingest(id).map(|ingest| (ingest.name, format!("ingest `{}`", short(&ingest.value.name))))
        }
        Stop::Subscription(id) => {
            dag.subscription(id).map(|found| (found.name, format!("subscription `{}`", short(&found.value.name))))
        }
        _ => None,
    }
}
