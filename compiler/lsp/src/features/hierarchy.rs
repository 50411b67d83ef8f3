//! Call hierarchy over the graph: what feeds a part is what calls it, what it feeds is what it calls.

use gen_lsp_types as lsp;
use gen_lsp_types::{CallHierarchyIncomingCall, CallHierarchyItem, CallHierarchyOutgoingCall, SymbolKind};
use nsf_analysis::graph::{Dag, EdgeKind, Node};
use nsf_diagnostics::{Location, Span};
use nsf_plan::connector::Connector;
use petgraph::Direction;
use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;
use serde_json::{Value, json};

use crate::known::Known;
use crate::view::Place;

/// The parts under the cursor.
pub(crate) fn prepare(place: &Place<'_>, params: &lsp::CallHierarchyPrepareParams) -> Option<Vec<CallHierarchyItem>> {
    let offset = place.view.offset(params.text_document_position_params.position);
    let graph = Graph { place, dag: &place.analysis.dag };
    let index = &place.analysis.index;
    let known = Known { analysis: place.analysis, file: place.file };
    let named = index.at(place.file, offset).filter(|own| known.item_at(own.symbol).is_some());
    let at: Vec<Location> = named.map(|own| own.symbol).collect();
    let mut found: Vec<NodeIndex> =
        graph.parts().filter(|node| graph.name(*node).is_some_and(|own| at.contains(&own.0))).collect();
    if found.is_empty() {
        found.extend(graph.topic_at(offset));
    }
    let items: Vec<CallHierarchyItem> = found.into_iter().filter_map(|node| graph.item(node)).collect();
    (!items.is_empty()).then_some(items)
}

/// What feeds a part.
pub(crate) fn incoming(
    place: &Place<'_>,
    params: &lsp::CallHierarchyIncomingCallsParams,
) -> Vec<CallHierarchyIncomingCall> {
    let graph = Graph { place, dag: &place.analysis.dag };
    let found = graph.neighbours(&params.item, Direction::Incoming);
    found.into_iter().map(|(from, ranges)| CallHierarchyIncomingCall { from, from_ranges: ranges }).collect()
}

/// What a part feeds.
pub(crate) fn outgoing(
    place: &Place<'_>,
    params: &lsp::CallHierarchyOutgoingCallsParams,
) -> Vec<CallHierarchyOutgoingCall> {
    let graph = Graph { place, dag: &place.analysis.dag };
    let found = graph.neighbours(&params.item, Direction::Outgoing);
    found.into_iter().map(|(to, ranges)| CallHierarchyOutgoingCall { to, from_ranges: ranges }).collect()
}

struct Graph<'p, 's> {
    place: &'p Place<'s>,
    dag: &'s Dag,
}

impl Graph<'_, '_> {
    /// The nodes that stand for a part: all but steps.
    fn parts(&self) -> impl Iterator<Item = NodeIndex> + '_ {
        let nodes = self.dag.graph.node_indices();
        nodes.filter(|node| !matches!(self.dag.graph.node_weight(*node), Some(Node::Step(_))))
    }

    /// The place of a part's name and of all of it, its name and kind.
    fn name(&self, node: NodeIndex) -> Option<(Location, Location, String, SymbolKind, &'static str)> {
        let short = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
        Some(match self.dag.graph.node_weight(node)? {
            Node::Topic(own) => {
                let Connector { kind, name, .. } = &own.value.connector;
                let title = if name.is_empty() { kind.clone() } else { format!("{kind}(\"{name}\")") };
                (own.name, own.name, title, SymbolKind::Interface, "topic")
            }
            Node::Source(own) => (own.name, own.item, short(&own.value.name), SymbolKind::Interface, "source"),
            Node::Ingest(own) => (own.name, own.item, short(&own.value.name), SymbolKind::Interface, "ingest"),
            Node::Table(own) => (own.name, own.item, short(&own.value.name), SymbolKind::Array, "table"),
            Node::State(own) if !own.value.marks => {
                (own.name, own.item, short(&own.value.name), SymbolKind::Object, "state")
            }
            Node::Dimension(own) => {
                (own.part.name, own.part.item, short(&own.part.value.name), SymbolKind::Class, "dimension")
            }
            Node::Subscription(own) => (own.name, own.item, short(&own.value.name), SymbolKind::Event, "subscription"),
            Node::Flow(own) => {
                (own.part.name, own.part.item, short(&own.part.value.name), SymbolKind::Function, "flow")
            }
            _ => return None,
        })
    }

    fn item(&self, node: NodeIndex) -> Option<CallHierarchyItem> {
        let (at, item, name, kind, detail) = self.name(node)?;
        let texts = self.place.texts();
        let lsp::Location { uri, range } = texts.location(at)?;
        let whole = texts.range(item.file, item.span.to(at.span)).filter(|_| item.file == at.file).unwrap_or(range);
        Some(CallHierarchyItem {
            name: name.clone(),
            kind,
            tags: None,
            detail: Some(detail.to_owned()),
            uri,
            range: whole,
            selection_range: range,
            data: Some(json!({ "kind": detail, "name": name })),
        })
    }

    /// The topic that a text at an offset names.
    fn topic_at(&self, offset: u32) -> Vec<NodeIndex> {
        let text: &str = self.place.view.text();
        let line_start = text.get(..offset as usize).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let line_end =
            text.get(offset as usize..).and_then(|rest| rest.find('\n')).map_or(text.len(), |at| offset as usize + at);
        let line = text.get(line_start..line_end).unwrap_or_default();
        let touches = |needle: &str| {
            line.match_indices(needle).any(|(at, found)| {
                let start = (line_start + at) as u32;
                Span::new(start, start + found.len() as u32).touches(offset)
            })
        };
        let is_named = |node: &NodeIndex| match self.dag.graph.node_weight(*node) {
            Some(Node::Topic(own)) => {
                let Connector { kind, name, .. } = &own.value.connector;
                !name.is_empty() && touches(&format!("{kind}(\"{name}\""))
            }
            _ => false,
        };
        self.parts().filter(is_named).collect()
    }

    /// The part that a node is of: a step is of its flow.
    fn part_of(&self, node: NodeIndex) -> Option<NodeIndex> {
        match self.dag.graph.node_weight(node)? {
            Node::Step(step) => self.dag.index.flows.get(step.pipeline.index()).copied(),
            _ => Some(node),
        }
    }

    /// The parts next to an item, with the places in this document or the item's where they meet.
    fn neighbours(&self, item: &CallHierarchyItem, way: Direction) -> Vec<(CallHierarchyItem, Vec<lsp::Range>)> {
        let is_own = |data: &Option<Value>| *data == item.data;
        let parts = self.parts();
        let own: Vec<NodeIndex> =
            parts.filter(|node| self.item(*node).is_some_and(|other| is_own(&other.data))).collect();
        let mut found: Vec<(NodeIndex, Vec<(Location, NodeIndex)>)> = Vec::new();
        for edge in self.dag.graph.edge_references() {
            if !is_data(edge.weight().kind) {
                continue;
            }
            let (Some(from), Some(to)) = (self.part_of(edge.source()), self.part_of(edge.target())) else { continue };
            let (here, there) = if way == Direction::Incoming { (to, from) } else { (from, to) };
            if !own.contains(&here) || from == to {
                continue;
            }
            let at = self.met(edge.source(), edge.target());
            match found.iter_mut().find(|(part, _)| *part == there) {
                Some((_, places)) => places.extend(at),
                None => found.push((there, at.into_iter().collect())),
            }
        }
        let texts = self.place.texts();
        let ranges = |places: Vec<(Location, NodeIndex)>, caller: &str| {
            let mut ranges: Vec<lsp::Range> = places
                .into_iter()
                .filter_map(|(at, _)| texts.location(at))
                .filter(|at| at.uri.to_string() == caller)
                .map(|at| at.range)
                .collect();
            ranges.dedup();
            ranges
        };
        let mut items: Vec<(CallHierarchyItem, Vec<lsp::Range>)> = found
            .into_iter()
            .filter_map(|(part, places)| {
                let other = self.item(part)?;
                // The places are of the caller, which is what feeds.
                let caller = if way == Direction::Incoming { other.uri.to_string() } else { item.uri.to_string() };
                let ranges = ranges(places, &caller);
                Some((other, ranges))
            })
            .collect();
        items.sort_by(|(one, _), (other, _)| (&one.detail, &one.name).cmp(&(&other.detail, &other.name)));
        items
    }

    /// Where two nodes meet: at the step, where one of them is.
    fn met(&self, from: NodeIndex, to: NodeIndex) -> Option<(Location, NodeIndex)> {
        let step = |node: NodeIndex| Some((self.dag.place(&self.dag.step(node)?.step.id)?.target, node));
        step(from).or_else(|| step(to))
    }
}

/// Whether data go along an edge from one part to another.
const fn is_data(kind: EdgeKind) -> bool {
    !matches!(kind, EdgeKind::Own | EdgeKind::Identify | EdgeKind::Mark | EdgeKind::Store)
}
