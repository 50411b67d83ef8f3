//! The heights of items: in the order of their layers, apart from one another, lines as straight as can be.

use super::items::{ItemKind, Layered};
use super::simplex::{self, Constraint};

/// Between the boxes of neighbours in a layer.
const BETWEEN_BLOCKS: i32 = 26;
/// Between a box and a line that passes it, and between texts.
const BETWEEN_OTHERS: i32 = 12;

/// The height of each item's point.
pub(super) fn heights(layered: &Layered) -> Vec<i32> {
    let items = layered.items.len();
    let mut constraints = Vec::new();
    for layer in &layered.layers {
        for pair in layer.windows(2) {
            let (upper, lower) = (&layered.items[pair[0]], &layered.items[pair[1]]);
            let gap = match (upper.kind, lower.kind) {
                (ItemKind::Block(_), ItemKind::Block(_)) => BETWEEN_BLOCKS,
                _ => BETWEEN_OTHERS,
            };
            let least = i64::from(upper.below + gap + lower.above);
            constraints.push(Constraint { from: pair[0], to: pair[1], least, weight: 0 });
        }
    }
    // A segment's height is the distance of a node of its own, below both ends, to each of them.
    let mut nodes = items;
    for segment in layered.segments.iter().flatten() {
        let slope = i64::from(segment.right.offset - segment.left.offset);
        let weight = segment.weight;
        constraints.push(Constraint { from: nodes, to: segment.left.item, least: slope.max(0), weight });
        constraints.push(Constraint { from: nodes, to: segment.right.item, least: (-slope).max(0), weight });
        nodes += 1;
    }
    let positions = simplex::solve(nodes, &constraints);
    let top = |item: usize| positions[item] - i64::from(layered.items[item].above);
    let least = (0..items).map(top).min().unwrap_or(0);
    positions.into_iter().take(items).map(|position| (position - least) as i32).collect()
}
