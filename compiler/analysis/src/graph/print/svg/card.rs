//! A flow as a card: its head and its steps below one another, as they are written.

use std::collections::{HashMap, HashSet};

use super::measure;
use super::part::{self, Rect};
use crate::graph::EdgeKind;
use crate::graph::layout::{Block, Row};
use crate::graph::print::{View, guarantee_words};

/// The height of a step.
const STEP: i32 = 26;
/// Between steps: room for an arrow, or for one with a text.
const GAP: i32 = 14;
const GAP_WITH_TEXT: i32 = 22;
/// Beside the steps.
const MARGIN: i32 = 12;
/// Between lines of jumps.
const TRACK: i32 = 9;
/// From the left of a step to its text, and from the text to the right.
pub(super) const BADGE: i32 = 34;
const END: i32 = 10;
/// Columns of a step's text, and the size of its letters.
pub(super) const COLUMNS: usize = 44;
pub(super) const SIZE: i32 = 12;
/// Size of the letters between steps.
pub(super) const SMALL: i32 = 10;

/// A flow that is drawn; places count from its left upper corner.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) block: Block,
    /// The box of each of its nodes, the head's first.
    pub(super) rows: Vec<(usize, Rect)>,
    /// Edges from step to step.
    pub(super) inner: Vec<Inner>,
}

/// An edge inside of a card.
#[derive(Debug)]
pub(super) struct Inner {
    pub(super) edge: usize,
    pub(super) points: Vec<(i32, i32)>,
    /// A text with its place.
    pub(super) text: Option<(String, (i32, i32))>,
}

impl Card {
    pub(super) fn of(view: &View, cluster: usize) -> Self {
        let nodes = &view.clusters[cluster].nodes;
        let row_of: HashMap<usize, usize> = nodes.iter().enumerate().map(|(row, node)| (*node, row)).collect();
        let inner: Vec<usize> = (0..view.edges.len())
            .filter(|edge| row_of.contains_key(&view.edges[*edge].from) && row_of.contains_key(&view.edges[*edge].to))
            .collect();
        let is_next = |edge: &usize| row_of[&view.edges[*edge].to] == row_of[&view.edges[*edge].from] + 1;
        let straight = |edge: &usize| view.edges[*edge].kind == EdgeKind::Next && is_next(edge);
        let texts: HashMap<usize, String> = inner
            .iter()
            .filter(|edge| straight(edge))
            .filter_map(|edge| Some((row_of[&view.edges[*edge].from], added(view, *edge)?)))
            .collect();
        let jumps: Vec<usize> = inner.iter().copied().filter(|edge| !straight(edge)).collect();
        let spans: Vec<(usize, usize)> =
            jumps.iter().map(|edge| (row_of[&view.edges[*edge].from], row_of[&view.edges[*edge].to])).collect();
        let tracks = tracks(&spans);
        let left = MARGIN + tracks.iter().max().map_or(0, |last| (last + 1) as i32 * TRACK);
        let width = width(view, cluster, nodes, &texts, left);
        let rows = rows(nodes, &texts, left, width);
        let mut lines: Vec<Inner> = Vec::new();
        for edge in inner.iter().filter(|edge| straight(edge)) {
            let row = row_of[&view.edges[*edge].from];
            let (from, to) = (rows[row].1, rows[row + 1].1);
            let x = to.x + BADGE / 2;
            let text = texts.get(&row).map(|text| (text.clone(), (x + 10, (from.bottom() + to.y) / 2 + SMALL / 2 - 1)));
            lines.push(Inner { edge: *edge, points: vec![(x, from.bottom()), (x, to.y)], text });
        }
        for ((edge, (from, to)), track) in jumps.iter().zip(&spans).zip(&tracks) {
            let (from, to) = (rows[*from].1, rows[*to].1);
            let x = left - (*track as i32 + 1) * TRACK;
            // Beside the height at which lines from outside come in.
            let (start, end) = (from.middle() + STEP / 4, to.middle() - STEP / 4);
            lines.push(Inner {
                edge: *edge,
                points: vec![(from.x, start), (x, start), (x, end), (to.x, end)],
                text: None,
            });
        }
        let height = rows.last().map_or(0, |(_, rect)| rect.bottom()) + MARGIN;
        let ports = rows.iter().map(|(_, rect)| Row { top: rect.y, height: rect.height }).collect();
        Self { block: Block { width, height, rows: ports }, rows, inner: lines }
    }
}

/// The fields that a step adds to the record, as they stand below it.
fn added(view: &View, edge: usize) -> Option<String> {
    let edge = &view.edges[edge];
    let before = view.edges.iter().filter(|other| {
        other.to == edge.from
            && matches!(other.kind, EdgeKind::Next | EdgeKind::Jump | EdgeKind::Feed | EdgeKind::Expire)
    });
    let before: HashSet<&(String, String)> = before.flat_map(|other| &other.record).collect();
    let new = edge.record.iter().filter(|field| !before.contains(field));
    let new: Vec<String> = new.map(|(name, ty)| format!("{name}: {ty}")).collect();
    (!new.is_empty()).then(|| measure::cut(&format!("+ {}", new.join(", ")), COLUMNS))
}

/// A track for each jump, the innermost first: jumps that stand beside one another take different ones.
fn tracks(spans: &[(usize, usize)]) -> Vec<usize> {
    let reach = |index: usize| (spans[index].0.min(spans[index].1), spans[index].0.max(spans[index].1));
    let mut order: Vec<usize> = (0..spans.len()).collect();
    order.sort_by_key(|index| (reach(*index).1 - reach(*index).0, *index));
    let mut tracks = vec![0; spans.len()];
    for (position, index) in order.iter().enumerate() {
        let (top, bottom) = reach(*index);
        let beside = order[..position].iter().filter(|other| reach(**other).0 <= bottom && top <= reach(**other).1);
        tracks[*index] = beside.map(|other| tracks[*other] + 1).max().unwrap_or(0);
    }
    tracks
}

fn width(view: &View, cluster: usize, nodes: &[usize], texts: &HashMap<usize, String>, left: i32) -> i32 {
    let mut width = 0;
    for (row, node) in nodes.iter().enumerate() {
        let node = &view.nodes[*node];
        let mark = part::mark_width(node);
        width = width.max(if row == 0 {
            let guarantee = view.guarantee(cluster).map_or(0, |own| measure::width(guarantee_words(own), SMALL) + 24);
            part::text_width(node).max(measure::width(&part::context(node), SMALL) + guarantee) + mark + 2 * END
        } else {
            left + BADGE + measure::width(&measure::cut(&node.label, COLUMNS), SIZE) + mark + END + MARGIN
        });
        let below = texts.get(&row).map_or(0, |text| measure::width(text, SMALL) + left + BADGE + MARGIN);
        width = width.max(below);
    }
    width
}

fn rows(nodes: &[usize], texts: &HashMap<usize, String>, left: i32, width: i32) -> Vec<(usize, Rect)> {
    let mut y = 0;
    let mut rows = Vec::with_capacity(nodes.len());
    for (row, node) in nodes.iter().enumerate() {
        let rect = if row == 0 {
            Rect { x: 0, y, width, height: part::HEIGHT }
        } else {
            Rect { x: left, y, width: width - left - MARGIN, height: STEP }
        };
        rows.push((*node, rect));
        y = rect.bottom() + if texts.contains_key(&row) { GAP_WITH_TEXT } else { GAP };
    }
    rows
}
