//! What is shown of a graph: all of it, or what lies within some steps of a part that is named.
//!
//! A step leads from one part to the next in the direction of the data, or against it. A flow counts as one part and is
//! shown whole.

use std::collections::{BTreeSet, HashMap};

use nsf_diagnostics::closest;

use super::make;
use super::view::{View, ViewNode};
use crate::Analysis;
use crate::graph::EdgeKind;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The name of a part, with or without its module; everything if none.
    pub of: Option<String>,
    /// Steps against the direction of the data.
    pub up: Option<Steps>,
    /// Steps in the direction of the data.
    pub down: Option<Steps>,
}

/// How many steps from part to part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Steps {
    /// At most so many.
    Number(u32),
    /// As far as it goes.
    All,
}

impl Scope {
    /// A part with what it touches.
    #[must_use]
    pub fn around(name: &str) -> Self {
        Self { of: Some(name.to_owned()), ..Self::default() }
    }

    /// How far it goes up and down. Where neither is said, one step each way.
    fn reach(&self) -> (Steps, Steps) {
        match (self.up, self.down) {
            (None, None) => (Steps::Number(1), Steps::Number(1)),
            (up, down) => (up.unwrap_or(Steps::Number(0)), down.unwrap_or(Steps::Number(0))),
        }
    }

    /// `2 steps up and 1 step down of shop.tell`
    fn words(&self, name: &str) -> String {
        let side = |steps: Steps, way: &str| match steps {
            Steps::All => format!("everything {way}"),
            Steps::Number(1) => format!("1 step {way}"),
            Steps::Number(number) => format!("{number} steps {way}"),
        };
        match (self.up, self.down) {
            (None, None) => format!("{name} and what it touches"),
            (Some(up), None) => format!("{} of {name}", side(up, "up")),
            (None, Some(down)) => format!("{} of {name}", side(down, "down")),
            (Some(up), Some(down)) => format!("{} and {} of {name}", side(up, "up"), side(down, "down")),
        }
    }
}

/// There is no part of the name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownPart {
    /// The name.
    pub name: String,
    /// A part of nearly this name.
    pub near: Option<String>,
    /// The flows that there are.
    pub flows: Vec<String>,
}

impl View {
    /// What is shown of a graph. A name that several parts have, such as a source and its topic, means all of them.
    ///
    /// # Errors
    /// When no part has the name.
    pub fn of(analysis: &Analysis, scope: &Scope) -> Result<Self, UnknownPart> {
        let view = make::make(&analysis.dag, &analysis.sources, &analysis.diagnostics);
        let Some(name) = &scope.of else { return Ok(view) };
        let parts = Parts::of(&view);
        let named = (0..view.nodes.len()).filter(|node| is_called(&view.nodes[*node], name));
        let named: BTreeSet<usize> = named.map(|node| parts.part[node]).collect();
        if named.is_empty() {
            return Err(unknown(&view, name));
        }
        let (up, down) = scope.reach();
        let mut kept = parts.within(&named, up, &parts.before);
        kept.extend(parts.within(&named, down, &parts.after));
        if (scope.up, scope.down) == (None, None) {
            // A stream is little without what it is read from.
            kept.extend(parts.topics_of(&view, &kept));
        }
        let mut view = keep(view, |node| kept.contains(&parts.part[node]));
        view.scope = Some(scope.words(name));
        Ok(view)
    }
}

/// The parts of a view: a flow with its steps is one, any other node is one.
struct Parts {
    /// The part of each node: the first of its nodes.
    part: Vec<usize>,
    /// Where the data of each part come from, by an edge of this kind.
    before: HashMap<usize, Vec<(usize, EdgeKind)>>,
    /// Where the data of each part go.
    after: HashMap<usize, Vec<(usize, EdgeKind)>>,
}

impl Parts {
    fn of(view: &View) -> Self {
        // The parts of a flow before and behind its `repartition` are shown together.
        let mut heads: HashMap<&str, usize> = HashMap::new();
        let nodes = view.nodes.iter().enumerate();
        let part: Vec<usize> = nodes
            .map(|(position, node)| match node.flow.as_deref() {
                Some(flow) => *heads.entry(flow).or_insert(position),
                None => position,
            })
            .collect();
        let (mut before, mut after): (HashMap<_, Vec<_>>, HashMap<_, Vec<_>>) = (HashMap::new(), HashMap::new());
        for edge in &view.edges {
            let (from, to) = (part[edge.from], part[edge.to]);
            if from != to {
                before.entry(to).or_default().push((from, edge.kind));
                after.entry(from).or_default().push((to, edge.kind));
            }
        }
        Self { part, before, after }
    }

    /// The parts within some steps.
    fn within(
        &self,
        named: &BTreeSet<usize>,
        steps: Steps,
        next: &HashMap<usize, Vec<(usize, EdgeKind)>>,
    ) -> BTreeSet<usize> {
        let mut kept = named.clone();
        let mut edge: Vec<usize> = named.iter().copied().collect();
        let mut left = match steps {
            Steps::All => self.part.len(),
            Steps::Number(number) => number as usize,
        };
        while left > 0 && !edge.is_empty() {
            left -= 1;
            let reached = edge.iter().flat_map(|part| next.get(part).into_iter().flatten()).map(|(part, _)| *part);
            edge = reached.filter(|part| kept.insert(*part)).collect();
        }
        kept
    }

    /// The topics that the sources and tables among some parts read.
    fn topics_of(&self, view: &View, kept: &BTreeSet<usize>) -> Vec<usize> {
        let streams = kept.iter().filter(|part| matches!(view.nodes[**part].kind, "source" | "table"));
        let read = streams.flat_map(|part| self.before.get(part).into_iter().flatten());
        read.filter(|(_, kind)| *kind == EdgeKind::Read).map(|(topic, _)| *topic).collect()
    }
}

/// Whether a part is meant by a name with or without module. Steps have no name.
fn is_called(node: &ViewNode, name: &str) -> bool {
    let flow = node.flow.as_deref();
    !node.is_step() && (node.label == name || node.name == name || flow.is_some_and(|flow| is_named(flow, name)))
}

/// Whether a full name is meant by a name with or without module.
fn is_named(full: &str, name: &str) -> bool {
    full == name || full.rsplit('.').next() == Some(name)
}

fn unknown(view: &View, name: &str) -> UnknownPart {
    let named = view.nodes.iter().filter(|node| !node.is_step());
    let names = named.flat_map(|node| [node.name.as_str(), node.label.as_str()]);
    let near = closest(name, names).map(str::to_owned);
    let mut flows: Vec<String> = Vec::new();
    for cluster in &view.clusters {
        if !flows.contains(&cluster.flow) {
            flows.push(cluster.flow.clone());
        }
    }
    UnknownPart { name: name.to_owned(), near, flows }
}

/// A view of some of the nodes.
fn keep(view: View, kept: impl Fn(usize) -> bool) -> View {
    let mut positions: HashMap<usize, usize> = HashMap::new();
    let mut clusters: HashMap<usize, usize> = HashMap::new();
    let mut shown = View { nodes: Vec::new(), clusters: Vec::new(), edges: Vec::new(), ..view };
    for (position, cluster) in view.clusters.into_iter().enumerate() {
        if cluster.nodes.first().is_some_and(|head| kept(*head)) {
            clusters.insert(position, shown.clusters.len());
            shown.clusters.push(cluster);
        }
    }
    for (position, mut node) in view.nodes.into_iter().enumerate() {
        if kept(position) {
            node.cluster = node.cluster.and_then(|cluster| clusters.get(&cluster).copied());
            positions.insert(position, shown.nodes.len());
            shown.nodes.push(node);
        }
    }
    for cluster in &mut shown.clusters {
        cluster.nodes = cluster.nodes.iter().filter_map(|node| positions.get(node).copied()).collect();
    }
    for mut edge in view.edges {
        if let (Some(from), Some(to)) = (positions.get(&edge.from), positions.get(&edge.to)) {
            (edge.from, edge.to) = (*from, *to);
            shown.edges.push(edge);
        }
    }
    shown
}
