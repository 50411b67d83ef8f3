//! Termination: a record never makes itself come again. A cycle over topics and subscriptions is an error unless one
//! of its streams says `loop: allowed`. (Within a flow jumps lead forward only.)
//!
//! The proof looks at a graph of its own, in which a dimension's fields are nodes: a flow that writes a field which
//! no subscription of the cycle listens to closes none.

use std::collections::HashMap;

use nsf_diagnostics::{Diagnostic, Location, SourceMap, codes};
use nsf_plan::{
    DimensionId, IngestId, InputSource, PipelineId, SourceId, StepKind, SubscriptionEvent, SubscriptionId, TopicId,
};
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;

use super::short;
use crate::graph::Dag;

/// What a record's way leads over.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Stop {
    Topic(TopicId),
    Source(SourceId),
    Ingest(IngestId),
    Flow(PipelineId),
    /// A field; none for the row being deleted or reset.
    Field(DimensionId, Option<u32>),
    Subscription(SubscriptionId),
}

/// The ways; an edge's place is that of the step that sends.
struct Ways {
    graph: DiGraph<Stop, Option<Location>>,
    nodes: HashMap<Stop, NodeIndex>,
}

pub(super) fn prove(dag: &Dag, _: &SourceMap, found: &mut Vec<Diagnostic>) {
    let mut ways = Ways { graph: DiGraph::new(), nodes: HashMap::new() };
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
}

/// Topics to streams, ingests to fields, fields to subscriptions, subscriptions to topics. What says `loop: allowed`
/// is left out, and with it every cycle over it.
fn streams(dag: &Dag, ways: &mut Ways) {
    let allowed = |id: &str| dag.loops_allowed.contains(id);
    for index in 0..dag.index.sources.len() as u32 {
        let Some(source) = dag.source(SourceId(index)).filter(|source| !allowed(&source.value.id)) else { continue };
        ways.join(Stop::Topic(source.value.from), Stop::Source(SourceId(index)), None);
    }
    for index in 0..dag.index.ingests.len() as u32 {
        let Some(ingest) = dag.ingest(IngestId(index)).filter(|ingest| !allowed(&ingest.value.id)) else { continue };
        ways.join(Stop::Topic(ingest.value.from), Stop::Ingest(IngestId(index)), None);
        for assignment in &ingest.value.assignments {
            ways.join(Stop::Ingest(IngestId(index)), Stop::Field(assignment.dimension, Some(assignment.field)), None);
        }
    }
    for index in 0..dag.index.subscriptions.len() as u32 {
        let id = SubscriptionId(index);
        let Some(subscription) = dag.subscription(id).filter(|found| !allowed(&found.value.id)) else { continue };
        let value = &subscription.value;
        for (_, field) in &value.listen {
            ways.join(Stop::Field(value.dimension, Some(*field)), Stop::Subscription(id), None);
        }
        if value.on.contains(&SubscriptionEvent::Reset) {
            ways.join(Stop::Field(value.dimension, None), Stop::Subscription(id), None);
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
        dag.walk(flow, &mut |_, step| {
            let at = dag.place(&step.id).map(|place| place.target);
            match &step.kind {
                StepKind::ExpandTopic(expand) => ways.join(Stop::Flow(id), Stop::Topic(expand.topic), at),
                StepKind::ExpandDimension(expand) => {
                    for (field, _) in &expand.fields {
                        ways.join(Stop::Flow(id), Stop::Field(expand.dimension, Some(*field)), at);
                    }
                    if expand.delete || expand.reset {
                        ways.join(Stop::Flow(id), Stop::Field(expand.dimension, None), at);
                    }
                }
                _ => {}
            }
        });
    }
}

/// The message of a cycle: its place is the last step that sends in it, in the order of the files.
fn report(dag: &Dag, ways: &Ways, component: &[NodeIndex]) -> Option<Diagnostic> {
    let inside: std::collections::HashSet<NodeIndex> = component.iter().copied().collect();
    let edges =
        component.iter().flat_map(|node| ways.graph.edges(*node)).filter(|edge| inside.contains(&edge.target()));
    let sends = edges.filter_map(|edge| edge.weight().map(|at| (at, edge.source(), edge.target())));
    let (at, from, to) = sends.max_by_key(|(at, ..)| *at)?;
    let way = way(ways, &inside, to, from)?;
    let names: Vec<String> =
        [from].iter().chain(&way).map(|node| stop_words(dag, ways.graph[*node])).collect::<Vec<String>>();
    let text = format!("a record can make itself come again for ever: {}", names.join(" → "));
    let mut diagnostic = Diagnostic::new(&codes::E0409, at, text).label("this closes the circle");
    let mut entry = None;
    for node in &way {
        if let Some((location, words)) = stream(dag, ways.graph[*node]) {
            diagnostic = diagnostic.secondary(location, "and comes in again here");
            entry.get_or_insert(words);
        }
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

fn stop_words(dag: &Dag, stop: Stop) -> String {
    let name = match stop {
        Stop::Topic(id) => dag.topic(id).map(|topic| topic.value.connector.name.clone()),
        Stop::Source(id) => dag.source(id).map(|source| short(&source.value.name).to_owned()),
        Stop::Ingest(id) => dag.ingest(id).map(|ingest| short(&ingest.value.name).to_owned()),
        Stop::Flow(id) => dag.flow(id).map(|flow| short(&flow.part.value.name).to_owned()),
        Stop::Field(id, field) => dag.dimension(id).map(|dimension| {
            let owner = short(&dimension.part.value.name);
            let field = field.and_then(|field| dimension.part.value.fields.get(field as usize));
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
