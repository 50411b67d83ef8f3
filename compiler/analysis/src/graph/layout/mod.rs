//! Where the boxes and lines of a drawing go: a layered layout from left to right, after Sugiyama, Tagawa and Toda, with
//! ports.
//!
//! It knows nothing of programs. Blocks have rows at which links end, so that a flow with its steps is one block, and
//! nothing else can come between its steps. The passes, in order: `cycles` turns links round that would lead back,
//! `layers` gives each block a layer, `items` cuts links into segments from layer to layer and makes their labels items
//! of layers of their own, `order` orders each layer with few crossings, `place` gives heights so that lines are straight
//! where they can be, `route` leads lines at right angles through the channels between layers, `pack` puts what is not
//! joined beside one another. All of them are deterministic and know whole numbers alone: the same blocks and links give
//! the same layout on every machine.

mod cycles;
mod items;
mod layers;
mod order;
mod pack;
mod place;
mod route;
mod simplex;

/// A point; `y` goes down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// From the left.
    pub x: i32,
    /// From the top.
    pub y: i32,
}

/// A part of a block at which links end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// From the top of the block.
    pub top: i32,
    /// Its height.
    pub height: i32,
}

/// A box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its width.
    pub width: i32,
    /// Its height.
    pub height: i32,
    /// Its rows from top to bottom; at least one.
    pub rows: Vec<Row>,
}

/// An end of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The block.
    pub block: usize,
    /// The row of it.
    pub row: usize,
}

/// The room for a text at a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// Its width; none for no text.
    pub width: i32,
    /// Its height above the line.
    pub above: i32,
    /// Its height below the line.
    pub below: i32,
}

/// A line from a block to another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Where it starts.
    pub from: End,
    /// Where it ends.
    pub to: End,
    /// The text at it.
    pub label: Label,
    /// Links of one kind that start or end at one row share a port there.
    pub kind: u32,
    /// How much it matters that it is short, straight and leads to the right.
    pub weight: i64,
}

/// Where a link and its text are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// From its start to its end, at right angles.
    pub points: Vec<Point>,
    /// The left end of the text, on the line.
    pub label: Point,
}

/// Where everything is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// The width of all.
    pub width: i32,
    /// The height of all.
    pub height: i32,
    /// The left upper corner of each block.
    pub blocks: Vec<Point>,
    /// The path of each link; of a link from a block to itself it is empty.
    pub paths: Vec<Path>,
}

/// Lays out blocks and links.
#[must_use]
pub fn layout(blocks: &[Block], links: &[Link]) -> Layout {
    let parts = pack::components(blocks.len(), links);
    let layouts: Vec<Layout> = parts.iter().map(|part| component(blocks, links, part)).collect();
    pack::pack(blocks.len(), links.len(), &parts, &layouts)
}

/// Lays out what is joined.
fn component(all_blocks: &[Block], all_links: &[Link], part: &pack::Component) -> Layout {
    let blocks: Vec<&Block> = part.blocks.iter().map(|block| &all_blocks[*block]).collect();
    let links: Vec<Link> = part.links.iter().map(|(link, from, to)| all_links[*link].between(*from, *to)).collect();
    let turned = cycles::turned(blocks.len(), &links);
    let layer = layers::assign(blocks.len(), &links, &turned);
    let mut layered = items::make(&blocks, &links, &turned, &layer);
    order::reduce_crossings(&mut layered);
    items::place_ports(&mut layered, &blocks);
    let mut heights = place::heights(&layered);
    route::settle(&layered, &mut heights);
    route::route(&layered, &heights, &blocks, &links, &turned)
}

impl Link {
    /// The same link between other blocks.
    fn between(&self, from: usize, to: usize) -> Self {
        Self { from: End { block: from, ..self.from }, to: End { block: to, ..self.to }, ..self.clone() }
    }
}
