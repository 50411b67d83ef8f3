//! The layer of each block: links lead to later layers, and all of them together are as short as can be.

use super::Link;
use super::simplex::{self, Constraint};

/// The layer of each block, counted from the left. The blocks are joined.
pub(super) fn assign(blocks: usize, links: &[Link], turned: &[bool]) -> Vec<usize> {
    let mut constraints: Vec<Constraint> = Vec::with_capacity(links.len());
    for (link, turned) in links.iter().zip(turned) {
        let (from, to) = if *turned { (link.to.block, link.from.block) } else { (link.from.block, link.to.block) };
        constraints.push(Constraint { from, to, least: 1, weight: link.weight });
    }
    simplex::solve(blocks, &constraints).into_iter().map(|layer| layer as usize).collect()
}
