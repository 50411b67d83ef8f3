//! The graph as text, DOT, Mermaid and JSON, for `nsfc graph`: types, keys and guarantees on the edges, a cluster a
//! flow. The same graph gives the same text.

mod dot;
mod json;
mod mermaid;
mod text;
mod view;

use nsf_diagnostics::{SourceMap, closest};
use nsf_plan::Guarantee;

pub use dot::dot;
pub use json::json;
pub use mermaid::mermaid;
pub use text::text;
pub use view::{View, ViewEdge, ViewNode};

use super::{Dag, EdgeKind};

/// There is no flow of the name that was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownFlow {
    /// The name.
    pub name: String,
    /// A flow of nearly this name.
    pub near: Option<String>,
    /// The flows that there are.
    pub flows: Vec<String>,
}

impl View {
    /// What is shown of a graph: everything, or a flow with all that it touches. A flow is named with or without its
    /// module.
    ///
    /// # Errors
    /// When there is no such flow.
    pub fn of(dag: &Dag, sources: &SourceMap, flow: Option<&str>) -> Result<Self, UnknownFlow> {
        if let Some(name) = flow
            && !dag.flows.iter().any(|known| view::is_named(&known.name, name))
        {
            let flows: Vec<String> = dag.flows.iter().map(|flow| flow.name.clone()).collect();
            let names = flows.iter().flat_map(|flow| [flow.as_str(), flow.rsplit('.').next().unwrap_or(flow)]);
            let near = closest(name, names).map(str::to_owned);
            return Err(UnknownFlow { name: name.to_owned(), near, flows });
        }
        Ok(view::make(dag, sources, flow))
    }
}

/// A guarantee in words.
#[must_use]
pub const fn guarantee_words(guarantee: Guarantee) -> &'static str {
    match guarantee {
        Guarantee::ExactlyOnce => "exactly once",
        Guarantee::EffectivelyOnce => "effectively once",
        Guarantee::AtLeastOnce => "at least once",
        Guarantee::MayDiffer => "may differ on replay",
    }
}

/// What goes along an edge, in a word.
#[must_use]
pub const fn edge_word(kind: EdgeKind) -> &'static str {
    match kind {
        EdgeKind::Read => "reads",
        EdgeKind::Feed => "feeds",
        EdgeKind::Next => "then",
        EdgeKind::Jump => "jumps",
        EdgeKind::Load => "loads",
        EdgeKind::Save => "saves",
        EdgeKind::Mark => "keeps",
        EdgeKind::Write => "writes",
        EdgeKind::Publish => "publishes",
        EdgeKind::Notify => "notifies",
        EdgeKind::Expire => "expires",
        EdgeKind::Store => "stores",
        EdgeKind::Late => "late",
        EdgeKind::Retry => "retry",
        EdgeKind::Reject => "reject",
        EdgeKind::Own => "owns",
        EdgeKind::Identify => "identifies",
    }
}

impl ViewEdge {
    /// Word, key, shape and guarantee on one line.
    #[must_use]
    pub fn label(&self) -> String {
        let mut label = edge_word(self.kind).to_owned();
        if !self.key.is_empty() {
            label.push_str(&format!(" by ({})", self.key.join(", ")));
        }
        if !self.record.is_empty() {
            label.push_str(": ");
            label.push_str(&self.shape());
        }
        if let Some(guarantee) = self.guarantee {
            label.push_str(", ");
            label.push_str(guarantee_words(guarantee));
        }
        label
    }

    /// `{ name: type, … }`
    #[must_use]
    pub fn shape(&self) -> String {
        let fields: Vec<String> = self.record.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
        format!("{{ {} }}", fields.join(", "))
    }
}
