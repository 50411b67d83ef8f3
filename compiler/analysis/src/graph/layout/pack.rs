//! What is not joined stands beside one another, in rows.

use super::{Layout, Link, Path, Point};

/// Between parts.
const BETWEEN: i32 = 48;
/// Width to height that is aimed at.
const ASPECT: (i64, i64) = (16, 10);

/// Blocks that are joined, and the links between them.
#[derive(Debug, Default)]
pub(super) struct Component {
    pub(super) blocks: Vec<usize>,
    /// Each link with the positions of its blocks in `blocks`.
    pub(super) links: Vec<(usize, usize, usize)>,
}

/// What is joined, by the first block of each.
pub(super) fn components(blocks: usize, links: &[Link]) -> Vec<Component> {
    let mut at: Vec<Vec<usize>> = vec![Vec::new(); blocks];
    for (index, link) in links.iter().enumerate() {
        at[link.from.block].push(index);
        at[link.to.block].push(index);
    }
    let mut component = vec![usize::MAX; blocks];
    let mut count = 0;
    for first in 0..blocks {
        let mut open = vec![first];
        let mut is_new = false;
        while let Some(block) = open.pop() {
            if component[block] != usize::MAX {
                continue;
            }
            is_new = true;
            component[block] = count;
            open.extend(at[block].iter().flat_map(|link| [links[*link].from.block, links[*link].to.block]));
        }
        count += usize::from(is_new);
    }
    let mut found: Vec<Component> = (0..count).map(|_| Component::default()).collect();
    let mut inner = vec![0; blocks];
    for block in 0..blocks {
        let own = &mut found[component[block]];
        inner[block] = own.blocks.len();
        own.blocks.push(block);
    }
    for (index, link) in links.iter().enumerate().filter(|(_, link)| link.from.block != link.to.block) {
        let (from, to) = (link.from.block, link.to.block);
        found[component[from]].links.push((index, inner[from], inner[to]));
    }
    found
}

/// Puts the parts together.
pub(super) fn pack(blocks: usize, links: usize, parts: &[Component], layouts: &[Layout]) -> Layout {
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|part| std::cmp::Reverse(layouts[*part].height));
    let widest = layouts.iter().map(|layout| layout.width).max().unwrap_or(0);
    let all: i32 = layouts.iter().map(|layout| layout.width + BETWEEN).sum();
    let steps = 0..=24;
    let rows = steps.map(|step| rows(&order, layouts, widest + (all - widest).max(0) / 24 * step));
    let Some(best) = rows.min_by_key(Rows::unfit) else { return Layout::default() };
    let mut layout = Layout {
        width: best.width,
        height: best.height,
        blocks: vec![Point::default(); blocks],
        paths: vec![Path::default(); links],
    };
    for (part, corner) in best.corners {
        let moved = |point: Point| Point { x: point.x + corner.x, y: point.y + corner.y };
        for (block, point) in parts[part].blocks.iter().zip(&layouts[part].blocks) {
            layout.blocks[*block] = moved(*point);
        }
        for ((link, ..), path) in parts[part].links.iter().zip(&layouts[part].paths) {
            let points = path.points.iter().map(|point| moved(*point)).collect();
            layout.paths[*link] = Path { points, label: moved(path.label) };
        }
    }
    layout
}

/// Parts in rows of columns.
struct Rows {
    width: i32,
    height: i32,
    corners: Vec<(usize, Point)>,
}

/// A column of a row: where the next part would stand, and the room there.
struct Column {
    next: Point,
    width: i32,
    bottom: i32,
}

impl Rows {
    /// How many thousandths the width to the height, or the height to the width, is of what is aimed at.
    fn unfit(&self) -> i64 {
        let (width, height) = (i64::from(self.width).max(1) * ASPECT.1, i64::from(self.height).max(1) * ASPECT.0);
        width.max(height) * 1000 / width.min(height)
    }
}

/// The highest parts first: each below another one where there is room, else beside it, else in a row of its own.
fn rows(order: &[usize], layouts: &[Layout], limit: i32) -> Rows {
    let mut rows = Rows { width: 0, height: 0, corners: Vec::with_capacity(order.len()) };
    let mut columns: Vec<Column> = Vec::new();
    // The right end, top and height of the row that is being filled.
    let (mut right, mut top, mut height) = (0, 0, 0);
    for part in order {
        let layout = &layouts[*part];
        let fits =
            |column: &&mut Column| layout.width <= column.width && column.next.y + layout.height <= column.bottom;
        let corner = if let Some(column) = columns.iter_mut().find(fits) {
            let corner = column.next;
            column.next.y += layout.height + BETWEEN;
            corner
        } else {
            if right > 0 && right + layout.width > limit {
                (right, top, height) = (0, top + height + BETWEEN, 0);
            }
            height = height.max(layout.height);
            let corner = Point { x: right, y: top };
            let next = Point { x: right, y: top + layout.height + BETWEEN };
            columns.push(Column { next, width: layout.width, bottom: top + height });
            right += layout.width + BETWEEN;
            corner
        };
        rows.corners.push((*part, corner));
        rows.width = rows.width.max(corner.x + layout.width);
        rows.height = rows.height.max(corner.y + layout.height);
    }
    rows
}
