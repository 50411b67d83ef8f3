//! The graph as text, a picture, DOT, Mermaid and JSON, for `nsfc graph`: types, keys and guarantees on the edges, a cluster a
//! flow, what was found at its node. The same graph gives the same text.

mod dot;
mod json;
mod make;
mod mermaid;
mod scope;
mod step;
mod svg;
mod text;
mod view;

use nsf_plan::Guarantee;

pub use dot::dot;
pub use json::json;
pub use mermaid::mermaid;
pub use scope::{Scope, Steps, UnknownPart};
pub use svg::svg;
pub use text::text;
pub use view::{Cluster, Found, View, ViewEdge, ViewNode};

use super::EdgeKind;

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
