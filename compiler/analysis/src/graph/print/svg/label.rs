//! What stands at a line: what it does, by which key, with which fields, and what holds for it.

use std::collections::HashSet;

use super::measure;
use crate::graph::EdgeKind;
use crate::graph::layout;
use crate::graph::print::{View, ViewEdge, edge_word, guarantee_words};

/// Columns of a text at a line.
const COLUMNS: usize = 30;
/// Lines of word and key, and of fields.
const HEADS: usize = 2;
const LINES: usize = 3;
/// Size of the letters, and height of a line.
pub(super) const SIZE: i32 = 11;
pub(super) const LINE: i32 = 14;
/// Between a line and its texts.
pub(super) const GAP: i32 = 5;

/// Texts above and below a line.
#[derive(Debug, Default)]
pub(super) struct EdgeText {
    pub(super) above: Vec<String>,
    /// How many of the lines above are word and key.
    pub(super) heads: usize,
    pub(super) below: Option<&'static str>,
}

impl EdgeText {
    pub(super) fn of(view: &View, edge: &ViewEdge) -> Self {
        let mut above = head(edge);
        let heads = above.len();
        let mut fields = if is_told_before(view, edge) { Vec::new() } else { fields(edge) };
        if fields.len() > LINES {
            fields.truncate(LINES);
            if let Some(last) = fields.last_mut() {
                *last = measure::cut(&format!("{last} …"), COLUMNS);
            }
        }
        above.extend(fields);
        Self { above, heads, below: edge.guarantee.map(guarantee_words) }
    }

    /// The room that it takes.
    pub(super) fn room(&self) -> layout::Label {
        let texts = self.above.iter().map(String::as_str).chain(self.below);
        let width = texts.map(|text| measure::width(text, SIZE)).max().unwrap_or(0);
        let below = if self.below.is_some() { LINE + GAP } else { GAP };
        layout::Label { width, above: self.above.len() as i32 * LINE + GAP, below }
    }
}

/// `saves by (stu_id, plan_id)`
fn head(edge: &ViewEdge) -> Vec<String> {
    let word = edge_word(edge.kind);
    if edge.key.is_empty() {
        return vec![word.to_owned()];
    }
    let parts: Vec<String> = format!("{word} by ({})", edge.key.join(", ")).split(' ').map(str::to_owned).collect();
    let mut lines = measure::wrap(&parts, COLUMNS);
    if lines.len() > HEADS {
        lines.truncate(HEADS);
        if let Some(last) = lines.last_mut() {
            *last = measure::cut(&format!("{last} …"), COLUMNS);
        }
    }
    lines
}

fn fields(edge: &ViewEdge) -> Vec<String> {
    let last = edge.record.len().saturating_sub(1);
    let fields = edge.record.iter().enumerate();
    let fields: Vec<String> =
        fields.map(|(index, (name, ty))| format!("{name}: {ty}{}", if index == last { "" } else { "," })).collect();
    measure::wrap(&fields, COLUMNS)
}

/// Whether a stream's fields stand already where it reads its topic.
fn is_told_before(view: &View, edge: &ViewEdge) -> bool {
    let read = view.edges.iter().filter(|other| other.to == edge.from && other.kind == EdgeKind::Read);
    let read: HashSet<&(String, String)> = read.flat_map(|other| &other.record).collect();
    edge.kind == EdgeKind::Feed && edge.record.iter().all(|field| read.contains(field))
}
