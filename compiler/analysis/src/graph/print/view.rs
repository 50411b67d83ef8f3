//! What is shown: nodes with labels and with what was found at them, edges with text, a cluster a flow.

use nsf_diagnostics::Severity;
use nsf_plan::Guarantee;

use crate::graph::EdgeKind;

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewNode {
    /// `source`, `flow`, `verify`, `state`, …
    pub kind: &'static str,
    /// Its name, or for a step its text.
    pub label: String,
    /// Its name without its module; of a step its text again.
    pub name: String,
    /// The flow whose step it is.
    pub flow: Option<String>,
    /// The cluster that it is in, by its position in [`View::clusters`].
    pub cluster: Option<usize>,
    /// The stable id: of a step that in the plan.
    pub id: String,
    /// Path and line.
    pub place: Option<(String, u32)>,
    /// What was found in it, in the order of the text.
    pub found: Vec<Found>,
}

/// A diagnostic, as it stands at a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// An error or a warning.
    pub severity: Severity,
    /// `W0404`
    pub code: &'static str,
    /// What it says.
    pub message: String,
    /// Path and line.
    pub place: Option<(String, u32)>,
}

/// A flow, or the part of one behind a `repartition`: a head and its steps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// The flow's name.
    pub flow: String,
    /// Its nodes in order, the head first.
    pub nodes: Vec<usize>,
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
    /// What is shown of it, in words; nothing where all of it is.
    pub scope: Option<String>,
    /// Nodes: flows with their steps first, in order, then the others.
    pub nodes: Vec<ViewNode>,
    /// Flows.
    pub clusters: Vec<Cluster>,
    /// Edges.
    pub edges: Vec<ViewEdge>,
    /// What was found in texts that no node stands for.
    pub elsewhere: Vec<Found>,
    /// Whether every item was understood; what was not is not shown.
    pub complete: bool,
}

impl View {
    /// The worst guarantee of what a cluster puts out.
    #[must_use]
    pub fn guarantee(&self, cluster: usize) -> Option<Guarantee> {
        let inside = |edge: &&ViewEdge| self.nodes.get(edge.from).is_some_and(|node| node.cluster == Some(cluster));
        self.edges.iter().filter(inside).filter_map(|edge| edge.guarantee).max()
    }
}

impl ViewNode {
    /// The gravest of what was found in it.
    #[must_use]
    pub fn severity(&self) -> Option<Severity> {
        if self.found.iter().any(|found| found.severity == Severity::Error) {
            return Some(Severity::Error);
        }
        self.found.first().map(|found| found.severity)
    }

    /// Kind and name, as a person would say it; a step's text says both already.
    #[must_use]
    pub fn title(&self) -> String {
        if self.is_step() { self.label.clone() } else { format!("{} {}", self.kind, self.label) }
    }

    /// Whether it is a step of a flow, not its head.
    #[must_use]
    pub fn is_step(&self) -> bool {
        self.flow.is_some() && self.kind != "flow"
    }
}

impl Found {
    /// `warning W0404: …`
    #[must_use]
    pub fn line(&self) -> String {
        let word = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        format!("{word} {}: {}", self.code, self.message)
    }
}
