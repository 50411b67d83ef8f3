//! Blocks, labels and bends as items of layers, and the segments between them.
//!
//! Even layers hold blocks, odd ones labels: a text gets a place of its own, so that nothing else can be there.

use std::collections::BTreeMap;

use super::{Block, Label, Link};

/// Something in a layer. Its height is counted from the point that `place` gives: of a block its top, of others their line.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) kind: ItemKind,
    pub(super) width: i32,
    pub(super) above: i32,
    pub(super) below: i32,
}

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    Block(usize),
    Label(usize),
    Bend,
}

/// A part of a link between neighbouring layers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) link: usize,
    pub(super) left: Joint,
    pub(super) right: Joint,
    /// How much it matters that it is straight.
    pub(super) weight: i64,
}

/// Where a segment ends at an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Joint {
    pub(super) item: usize,
    /// The row, for the order of lines at a block.
    pub(super) row: usize,
    /// Links of one kind and direction share a port.
    pub(super) port: Port,
    /// From the item's point.
    pub(super) offset: i32,
}

/// Layers of items and the segments from each layer to the next.
#[derive(Debug, Default)]
pub(super) struct Layered {
    pub(super) items: Vec<Item>,
    pub(super) layers: Vec<Vec<usize>>,
    pub(super) segments: Vec<Vec<Segment>>,
}

/// Weights of segments: to a block, to a label, between bends. Long lines matter most.
const TO_BLOCK: i64 = 2;
const TO_LABEL: i64 = 3;
const BENDS: i64 = 8;

/// Cuts links into segments.
pub(super) fn make(blocks: &[&Block], links: &[Link], turned: &[bool], layer: &[usize]) -> Layered {
    let count = layer.iter().max().map_or(0, |last| last * 2 + 1);
    let mut layered = Layered {
        items: Vec::new(),
        layers: vec![Vec::new(); count],
        segments: vec![Vec::new(); count.saturating_sub(1)],
    };
    for (index, block) in blocks.iter().enumerate() {
        let item = Item { kind: ItemKind::Block(index), width: block.width, above: 0, below: block.height };
        layered.add(layer[index] * 2, item);
    }
    let crowds = crowds(links);
    for (index, (link, turned)) in links.iter().zip(turned).enumerate() {
        let (start, end) = if *turned { (link.to, link.from) } else { (link.from, link.to) };
        let (first, last) = (layer[start.block] * 2, layer[end.block] * 2);
        // The text stands where fewer lines are: at the end that is not a crowd.
        let crowd = |end: super::End| crowds.get(&(end.block, end.row, link.kind)).copied().unwrap_or(0);
        let at = if crowd(start) > crowd(end) { last - 1 } else { first + 1 };
        let mut left = Joint { item: start.block, row: start.row, port: (link.kind, !turned), offset: 0 };
        for position in first + 1..=last {
            let right = if position == last {
                Joint { item: end.block, row: end.row, port: (link.kind, *turned), offset: 0 }
            } else {
                let item = layered.add(position, item(index, link.label, position == at));
                Joint { item, row: 0, port: (0, false), offset: 0 }
            };
            let weight = link.weight * layered.weight(left.item, right.item);
            layered.segments[position - 1].push(Segment { link: index, left, right, weight });
            left = right;
        }
    }
    layered
}

fn item(link: usize, label: Label, here: bool) -> Item {
    if here && label.width > 0 {
        Item { kind: ItemKind::Label(link), width: label.width, above: label.above, below: label.below }
    } else {
        Item { kind: ItemKind::Bend, width: 0, above: 0, below: 0 }
    }
}

/// How many links end at each row, by their kind.
fn crowds(links: &[Link]) -> BTreeMap<(usize, usize, u32), usize> {
    let mut crowds = BTreeMap::new();
    for link in links {
        for end in [link.from, link.to] {
            *crowds.entry((end.block, end.row, link.kind)).or_default() += 1;
        }
    }
    crowds
}

impl Layered {
    fn add(&mut self, layer: usize, item: Item) -> usize {
        self.items.push(item);
        self.layers[layer].push(self.items.len() - 1);
        self.items.len() - 1
    }

    fn weight(&self, left: usize, right: usize) -> i64 {
        match (self.items[left].kind, self.items[right].kind) {
            (ItemKind::Block(_), _) | (_, ItemKind::Block(_)) => TO_BLOCK,
            (ItemKind::Label(_), _) | (_, ItemKind::Label(_)) => TO_LABEL,
            (ItemKind::Bend, ItemKind::Bend) => BENDS,
        }
    }

    /// The position of each item in its layer.
    pub(super) fn positions(&self) -> Vec<usize> {
        let mut positions = vec![0; self.items.len()];
        for layer in &self.layers {
            for (position, item) in layer.iter().enumerate() {
                positions[*item] = position;
            }
        }
        positions
    }
}

/// A side of a row: item, row, whether it is the right one.
type Side = (usize, usize, bool);

/// A port of a side: kind and direction of its links.
type Port = (u32, bool);

/// Gives each port its height: those of a row and side share it evenly, in the order of where their lines lead.
pub(super) fn place_ports(layered: &mut Layered, blocks: &[&Block]) {
    let positions = layered.positions();
    // Sums and numbers of the positions of the other ends.
    let mut others: BTreeMap<(Side, Port), (usize, usize)> = BTreeMap::new();
    for segment in layered.segments.iter().flatten() {
        for (own, other, right) in [(segment.left, segment.right, true), (segment.right, segment.left, false)] {
            let entry = others.entry(((own.item, own.row, right), own.port)).or_default();
            entry.0 += positions[other.item];
            entry.1 += 1;
        }
    }
    let mut sides: BTreeMap<Side, Vec<(usize, Port)>> = BTreeMap::new();
    for ((side, port), (sum, number)) in others {
        sides.entry(side).or_default().push((sum * 1000 / number, port));
    }
    for side in sides.values_mut() {
        side.sort_unstable();
    }
    let items = &layered.items;
    for segment in layered.segments.iter_mut().flatten() {
        for (joint, right) in [(&mut segment.left, true), (&mut segment.right, false)] {
            let ItemKind::Block(block) = items[joint.item].kind else { continue };
            let Some(side) = sides.get(&(joint.item, joint.row, right)) else { continue };
            let Some(row) = blocks[block].rows.get(joint.row) else { continue };
            let index = side.iter().position(|(_, port)| *port == joint.port).unwrap_or(0) as i32;
            joint.offset = row.top + row.height * (index + 1) / (side.len() as i32 + 1);
        }
    }
}
