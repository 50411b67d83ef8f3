//! What is shown: nodes with labels, edges with text, steps that one written step became as one node.

use std::collections::HashMap;

use nsf_diagnostics::{Location, SourceMap};
use nsf_plan as plan;
use nsf_plan::Guarantee;
use nsf_plan::connector::Connector;
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;

use crate::graph::{Dag, EdgeKind, Node};

/// Longest text of a step in a label, in characters.
const LONGEST: usize = 72;

/// A node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewNode {
    /// `source`, `flow`, `verify`, `state`, …
    pub kind: &'static str,
    /// Its name, or for a step its text.
    pub label: String,
    /// The flow whose step it is.
    pub flow: Option<String>,
    /// The stable id: of a step that in the plan.
    pub id: String,
    /// Path and line.
    pub place: Option<(String, u32)>,
}

/// An edge between nodes by their positions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewEdge {
    /// From.
    pub from: usize,
    /// To.
    pub to: usize,
    /// What goes along it.
    pub kind: EdgeKind,
    /// Names and types.
    pub record: Vec<(String, String)>,
    /// Parts of the key.
    pub key: Vec<String>,
    /// What holds for it.
    pub guarantee: Option<Guarantee>,
}

/// A graph as it is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The project.
    pub project: String,
    /// Nodes: flows with their steps first, in order, then the others.
    pub nodes: Vec<ViewNode>,
    /// Edges.
    pub edges: Vec<ViewEdge>,
}

/// Whether a full name is meant by a name with or without module.
pub(super) fn is_named(full: &str, name: &str) -> bool {
    full == name || full.rsplit('.').next() == Some(name)
}

/// Makes what is shown.
pub(super) fn make(dag: &Dag, sources: &SourceMap, flow: Option<&str>) -> View {
    let mut maker = Maker { dag, sources, shown: HashMap::new(), view: View::default() };
    maker.view.project.clone_from(&dag.project);
    for index in &dag.index.flows {
        if let Some(Node::Flow(pipeline)) = dag.graph.node_weight(*index) {
            maker.pipeline(*index, pipeline, flow);
        }
    }
    maker.others(flow);
    maker.edges();
    maker.view
}

struct Maker<'dag> {
    dag: &'dag Dag,
    sources: &'dag SourceMap,
    /// Nodes of the graph by their position in the view.
    shown: HashMap<NodeIndex, usize>,
    view: View,
}

impl Maker<'_> {
    fn pipeline(&mut self, index: NodeIndex, pipeline: &crate::graph::FlowNode, flow: Option<&str>) {
        let value = &pipeline.part.value;
        let wanted = |name: &str| flow.is_none_or(|flow| is_named(name, flow));
        if wanted(&value.name) {
            let place = self.place(pipeline.part.name);
            let label = value.id.clone();
            let node = ViewNode { kind: "flow", label, flow: Some(value.name.clone()), id: value.id.clone(), place };
            self.add(index, node);
        }
        self.steps(&pipeline.steps, &wanted);
    }

    /// Shows steps; those that one written step became are one node.
    fn steps(&mut self, nodes: &[NodeIndex], wanted: &impl Fn(&str) -> bool) {
        let mut last: Option<(Location, usize)> = None;
        for node in nodes {
            let Some(step) = self.dag.step(*node) else { continue };
            let nested = matches!(step.step.kind, plan::StepKind::Flow { .. });
            let name = match &step.step.kind {
                plan::StepKind::Flow { name, .. } => name.as_str(),
                _ => step.flow.as_str(),
            };
            if wanted(name) {
                let location = self.dag.place(&step.step.id).map(|place| place.location);
                match (location, last) {
                    (Some(location), Some((other, position))) if location == other => {
                        self.shown.insert(*node, position);
                    }
                    _ => {
                        let node_view = self.step_node(step, name, location);
                        let position = self.add(*node, node_view);
                        last = location.filter(|_| !nested).map(|location| (location, position));
                    }
                }
            }
            self.steps(&step.steps, wanted);
        }
    }

    fn step_node(&self, step: &crate::graph::StepNode, flow: &str, location: Option<Location>) -> ViewNode {
        let place = self.dag.place(&step.step.id);
        let keyword = place.map_or("step", |place| place.keyword);
        let text = location.map_or("", |location| self.sources.text(location));
        let label = match &step.step.kind {
            plan::StepKind::Flow { name, .. } => name.clone(),
            _ => label(keyword, text),
        };
        ViewNode {
            kind: keyword,
            label,
            flow: Some(flow.to_owned()),
            id: step.step.id.clone(),
            place: location.and_then(|location| self.place(location)),
        }
    }

    fn add(&mut self, index: NodeIndex, node: ViewNode) -> usize {
        let position = self.view.nodes.len();
        self.view.nodes.push(node);
        self.shown.insert(index, position);
        position
    }

    fn place(&self, location: Location) -> Option<(String, u32)> {
        self.sources.place(location).map(|(path, place)| (path.to_owned(), place.line))
    }

    /// Streams, topics and what is stored: all of them, or those that a flow touches, with the topics of its streams.
    fn others(&mut self, flow: Option<&str>) {
        let graph = &self.dag.graph;
        let mut near: HashMap<NodeIndex, bool> = HashMap::new();
        if flow.is_some() {
            for node in self.shown.keys() {
                for other in graph.neighbors_undirected(*node) {
                    near.insert(other, true);
                }
            }
            let streams: Vec<NodeIndex> = near.keys().copied().collect();
            for stream in streams {
                if matches!(graph[stream], Node::Source(_) | Node::Table(_)) {
                    let read = graph.edges_directed(stream, petgraph::Direction::Incoming);
                    near.extend(read.map(|edge| (edge.source(), true)));
                }
            }
        }
        for index in graph.node_indices() {
            if (flow.is_some() && !near.contains_key(&index)) || self.shown.contains_key(&index) {
                continue;
            }
            if let Some(node) = self.other(&graph[index]) {
                self.add(index, node);
            }
        }
    }

    fn other(&self, node: &Node) -> Option<ViewNode> {
        let (kind, label, name) = match node {
            Node::Topic(topic) => ("topic", connector(&topic.value.connector), topic.name),
            Node::Source(source) => ("source", source.value.name.clone(), source.name),
            Node::Ingest(ingest) => ("ingest", ingest.value.name.clone(), ingest.name),
            Node::Table(table) => ("table", table.value.name.clone(), table.name),
            Node::State(state) => {
                let kind = if state.value.marks { "marks" } else { "state" };
                (kind, state.value.name.clone(), state.name)
            }
            Node::Space(space) => ("space", format!("{} ({})", space.value.name, space.value.store), space.name),
            Node::Dimension(dimension) => ("dimension", dimension.part.value.name.clone(), dimension.part.name),
            Node::Subscription(subscription) => ("subscription", subscription.value.name.clone(), subscription.name),
            Node::Tenant(_)
            | Node::Mapping(_)
            | Node::Primary(_)
            | Node::Monitor(_)
            | Node::Flow(_)
            | Node::Step(_) => return None,
        };
        Some(ViewNode { kind, id: label.clone(), label, flow: None, place: self.place(name) })
    }

    fn edges(&mut self) {
        for edge in self.dag.graph.edge_references() {
            let ends = (self.shown.get(&edge.source()), self.shown.get(&edge.target()));
            let (Some(from), Some(to)) = ends else { continue };
            if from == to {
                continue;
            }
            let value = edge.weight();
            let record = self.dag.records.fields(value.record);
            self.view.edges.push(ViewEdge {
                from: *from,
                to: *to,
                kind: value.kind,
                record: record.into_iter().map(|(name, ty)| (name.to_owned(), ty.to_string())).collect(),
                key: value.key.clone(),
                guarantee: value.guarantee,
            });
        }
        self.view.edges.sort_by_key(|edge| (edge.from, edge.to, edge.kind));
        self.view.edges.dedup();
    }
}

/// `kafka("orders")`
fn connector(connector: &Connector) -> String {
    match (&connector.cluster, connector.name.as_str()) {
        (None, "") => connector.kind.clone(),
        (None, name) => format!("{}(\"{name}\")", connector.kind),
        (Some(cluster), "") => format!("{}(cluster: \"{cluster}\")", connector.kind),
        (Some(cluster), name) => format!("{}(\"{name}\", cluster: \"{cluster}\")", connector.kind),
    }
}

/// The text of a step on one line, without its block.
fn label(keyword: &str, text: &str) -> String {
    let text = match keyword {
        "save" | "expand" | "when" | "each" => text.split('{').next().unwrap_or(text),
        _ => text,
    };
    let mut words: Vec<&str> = text.split_whitespace().collect();
    if words.first() != Some(&keyword) {
        words.insert(0, keyword);
    }
    let line = words.join(" ");
    if line.chars().count() <= LONGEST {
        return line;
    }
    let mut short: String = line.chars().take(LONGEST - 1).collect();
    short.push('…');
    short
}
