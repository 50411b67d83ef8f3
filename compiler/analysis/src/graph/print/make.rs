//! Makes what is shown of the graph: steps that one written step became are one node.

use std::collections::HashMap;

use nsf_diagnostics::{Diagnostic, Location, SourceMap};
use nsf_plan as plan;
use nsf_plan::connector::Connector;
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;

use super::view::{Cluster, Found, View, ViewEdge, ViewNode};
use crate::graph::{Dag, FlowNode, Node, StepNode};

/// Longest text of a step in a label, in characters.
const LONGEST: usize = 72;

/// All of a graph.
pub(super) fn make(dag: &Dag, sources: &SourceMap, diagnostics: &[Diagnostic]) -> View {
    let view = View { project: dag.project.clone(), complete: dag.complete, ..View::default() };
    let mut maker = Maker { dag, sources, shown: HashMap::new(), extents: Vec::new(), view };
    for index in &dag.index.flows {
        if let Some(Node::Flow(pipeline)) = dag.graph.node_weight(*index) {
            maker.pipeline(*index, pipeline);
        }
    }
    maker.others();
    maker.edges();
    maker.found(diagnostics);
    maker.view
}

struct Maker<'dag> {
    dag: &'dag Dag,
    sources: &'dag SourceMap,
    /// Nodes of the graph by their position in the view.
    shown: HashMap<NodeIndex, usize>,
    /// The text that each node of the view stands for.
    extents: Vec<Option<Location>>,
    view: View,
}

impl Maker<'_> {
    fn pipeline(&mut self, index: NodeIndex, pipeline: &FlowNode) {
        let value = &pipeline.part.value;
        let cluster = self.cluster(&value.name);
        let node = ViewNode {
            kind: "flow",
            label: value.id.clone(),
            name: short(&value.id).to_owned(),
            flow: Some(value.name.clone()),
            cluster: Some(cluster),
            id: value.id.clone(),
            place: self.place(pipeline.part.name),
            found: Vec::new(),
        };
        self.add(index, node, Some(pipeline.part.item));
        self.steps(&pipeline.steps, cluster);
    }

    fn cluster(&mut self, flow: &str) -> usize {
        self.view.clusters.push(Cluster { flow: flow.to_owned(), nodes: Vec::new() });
        self.view.clusters.len() - 1
    }

    /// Shows steps; those that one written step became are one node.
    fn steps(&mut self, nodes: &[NodeIndex], cluster: usize) {
        let mut last: Option<(Location, usize)> = None;
        for node in nodes {
            let Some(step) = self.dag.step(*node) else { continue };
            let location = self.dag.place(&step.step.id).map(|place| place.location);
            if let plan::StepKind::Flow { name, .. } = &step.step.kind {
                let inner = self.cluster(name);
                let head = self.step_node(step, name, inner, location);
                let item = self.dag.flows.iter().find(|flow| flow.name == *name).map(|flow| flow.item);
                self.add(*node, head, item.or(location));
                self.steps(&step.steps, inner);
                last = None;
                continue;
            }
            match (location, last) {
                (Some(location), Some((other, position))) if location == other => {
                    self.shown.insert(*node, position);
                }
                _ => {
                    let shown = self.step_node(step, &step.flow, cluster, location);
                    let position = self.add(*node, shown, location);
                    last = location.map(|location| (location, position));
                }
            }
        }
    }

    fn step_node(&self, step: &StepNode, flow: &str, cluster: usize, location: Option<Location>) -> ViewNode {
        let keyword = self.dag.place(&step.step.id).map_or("step", |place| place.keyword);
        let text = location.map_or("", |location| self.sources.text(location));
        let (label, name) = match &step.step.kind {
            plan::StepKind::Flow { name, .. } => (name.clone(), short(name).to_owned()),
            _ => (label(keyword, text), label(keyword, text)),
        };
        ViewNode {
            kind: keyword,
            label,
            name,
            flow: Some(flow.to_owned()),
            cluster: Some(cluster),
            id: step.step.id.clone(),
            place: location.and_then(|location| self.place(location)),
            found: Vec::new(),
        }
    }

    fn add(&mut self, index: NodeIndex, node: ViewNode, extent: Option<Location>) -> usize {
        let position = self.view.nodes.len();
        if let Some(cluster) = node.cluster.and_then(|cluster| self.view.clusters.get_mut(cluster)) {
            cluster.nodes.push(position);
        }
        self.view.nodes.push(node);
        self.extents.push(extent);
        self.shown.insert(index, position);
        position
    }

    fn place(&self, location: Location) -> Option<(String, u32)> {
        self.sources.place(location).map(|(path, place)| (path.to_owned(), place.line))
    }

    /// Streams, topics and what is stored.
    fn others(&mut self) {
        for index in self.dag.graph.node_indices() {
            if let Some((node, extent)) = self.other(&self.dag.graph[index]) {
                self.add(index, node, Some(extent));
            }
        }
    }

    fn other(&self, node: &Node) -> Option<(ViewNode, Location)> {
        let (kind, label, at, item) = match node {
            Node::Topic(topic) => ("topic", connector(&topic.value.connector), topic.name, topic.item),
            Node::Source(source) => ("source", source.value.name.clone(), source.name, source.item),
            Node::Ingest(ingest) => ("ingest", ingest.value.name.clone(), ingest.name, ingest.item),
            Node::Table(table) => ("table", table.value.name.clone(), table.name, table.item),
            Node::State(state) => {
                let kind = if state.value.marks { "marks" } else { "state" };
                (kind, state.value.name.clone(), state.name, state.item)
            }
            Node::Space(space) => {
                ("space", format!("{} ({})", space.value.name, space.value.store), space.name, space.item)
            }
            Node::Dimension(dimension) => {
                let part = &dimension.part;
                ("dimension", part.value.name.clone(), part.name, part.item)
            }
            Node::Subscription(part) => ("subscription", part.value.name.clone(), part.name, part.item),
            Node::Tenant(_)
            | Node::Mapping(_)
            | Node::Primary(_)
            | Node::Monitor(_)
            | Node::Flow(_)
            | Node::Step(_) => return None,
        };
        let name = match node {
            Node::Topic(topic) if topic.value.connector.name.is_empty() => topic.value.connector.kind.clone(),
            Node::Topic(topic) => topic.value.connector.name.clone(),
            Node::Space(space) => space.value.name.clone(),
            // `shop.spending/marks.verify.sane.unique.id`
            Node::State(state) if state.value.marks => {
                let (_, own) = label.split_once("/marks.").unwrap_or(("", &label));
                own.replace('.', " ")
            }
            _ => short(&label).to_owned(),
        };
        let place = self.place(at);
        Some((ViewNode { kind, id: label.clone(), label, name, place, ..ViewNode::default() }, item))
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

    /// Puts each diagnostic at the node whose text holds it most closely.
    fn found(&mut self, diagnostics: &[Diagnostic]) {
        for diagnostic in diagnostics {
            let at = diagnostic.location();
            let found = Found {
                severity: diagnostic.severity(),
                code: diagnostic.code.id,
                message: diagnostic.message.clone(),
                place: self.place(at),
            };
            let extents = self.extents.iter().enumerate();
            let holding = extents.filter_map(|(position, extent)| {
                let extent = (*extent)?;
                let holds =
                    extent.file == at.file && extent.span.start <= at.span.start && at.span.end <= extent.span.end;
                holds.then_some((extent.span.len(), position))
            });
            match holding.min().and_then(|(_, position)| self.view.nodes.get_mut(position)) {
                Some(node) => node.found.push(found),
                None => self.view.elsewhere.push(found),
            }
        }
    }
}

/// A name without its module.
fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
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
