//! What holds for the layout of any blocks and links, with cycles and without.

#![allow(clippy::unwrap_used)]

use nsf_analysis::graph::layout::{Block, End, Label, Layout, Link, Point, Row, layout};
use proptest::prelude::*;

/// Lines of different ports are at least so far from each other where they run side by side.
const APART: i32 = 3;

fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let block = (60..300_i32, 1..8_usize).prop_map(|(width, rows)| {
        let rows: Vec<Row> = (0..rows as i32).map(|row| Row { top: row * 40, height: 26 }).collect();
        Block { width, height: rows.len() as i32 * 40 - 14, rows }
    });
    prop::collection::vec(block, 1..25)
}

fn links(blocks: &[Block]) -> impl Strategy<Value = Vec<Link>> + use<> {
    let rows: Vec<usize> = blocks.iter().map(|block| block.rows.len()).collect();
    let count = rows.len();
    let link = (0..count, 0..8_usize, 0..count, 0..8_usize, 0..3_u32, 1..6_i64, (0..200_i32, 0..60_i32, 0..20_i32));
    let link = link.prop_map(move |(from, from_row, to, to_row, kind, weight, (width, above, below))| Link {
        from: End { block: from, row: from_row % rows[from] },
        to: End { block: to, row: to_row % rows[to] },
        label: Label { width, above, below },
        kind,
        weight,
    });
    prop::collection::vec(link, 0..40)
}

fn graph() -> impl Strategy<Value = (Vec<Block>, Vec<Link>)> {
    blocks().prop_flat_map(|blocks| {
        let links = links(&blocks);
        (Just(blocks), links)
    })
}

/// A rectangle: left, top, right, bottom.
#[derive(Clone, Copy, Debug)]
struct Area(i32, i32, i32, i32);

impl Area {
    fn meets(self, other: Self) -> bool {
        self.0 < other.2 && other.0 < self.2 && self.1 < other.3 && other.1 < self.3
    }

    fn of_line(one: Point, other: Point) -> Self {
        Self(one.x.min(other.x), one.y.min(other.y), one.x.max(other.x), one.y.max(other.y))
    }

    /// Whether a line runs through it, not along its border.
    fn is_crossed(self, line: Self) -> bool {
        let across = |from: i32, to: i32, start: i32, end: i32| from < end && start < to.max(from + 1);
        let upright = line.0 == line.2 && self.0 < line.0 && line.0 < self.2 && across(line.1, line.3, self.1, self.3);
        let flat = line.1 == line.3 && self.1 < line.1 && line.1 < self.3 && across(line.0, line.2, self.0, self.2);
        upright || flat
    }
}

fn areas(blocks: &[Block], layout: &Layout) -> Vec<Area> {
    let area = |(block, at): (&Block, &Point)| Area(at.x, at.y, at.x + block.width, at.y + block.height);
    blocks.iter().zip(&layout.blocks).map(area).collect()
}

fn lines(points: &[Point]) -> Vec<Area> {
    points.windows(2).map(|pair| Area::of_line(pair[0], pair[1])).collect()
}

/// Whether links may share a line: they begin or end alike.
fn share(one: &Link, other: &Link) -> bool {
    one.kind == other.kind && (one.from == other.from || one.to == other.to)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn boxes_texts_and_lines_keep_apart((blocks, links) in graph()) {
        let layout = layout(&blocks, &links);
        let areas = areas(&blocks, &layout);
        for (index, area) in areas.iter().enumerate() {
            prop_assert!(area.0 >= 0 && area.1 >= 0 && area.2 <= layout.width && area.3 <= layout.height);
            for other in &areas[..index] {
                prop_assert!(!area.meets(*other), "boxes overlap: {area:?} {other:?}");
            }
        }
        let mut texts: Vec<(usize, Area)> = Vec::new();
        for (index, (link, path)) in links.iter().zip(&layout.paths).enumerate() {
            if link.label.width > 0 && !path.points.is_empty() {
                let Label { width, above, below } = link.label;
                let Point { x, y } = path.label;
                let area = Area(x, y - above, x + width, y + below);
                for (_, other) in &texts {
                    prop_assert!(!area.meets(*other), "texts overlap: {area:?} {other:?}");
                }
                for other in &areas {
                    prop_assert!(!area.meets(*other), "a text lies on a box: {area:?} {other:?}");
                }
                texts.push((index, area));
            }
        }
        for (index, (link, path)) in links.iter().zip(&layout.paths).enumerate() {
            if link.from.block == link.to.block {
                prop_assert!(path.points.is_empty());
                continue;
            }
            for (end, point) in [(link.from, path.points[0]), (link.to, *path.points.last().unwrap())] {
                let (area, row) = (areas[end.block], blocks[end.block].rows[end.row]);
                prop_assert!(point.x == area.0 || point.x == area.2, "{point:?} is not at the border of {area:?}");
                let (top, bottom) = (area.1 + row.top, area.1 + row.top + row.height);
                prop_assert!(top < point.y && point.y < bottom, "{point:?} is not in its row");
            }
            for line in lines(&path.points) {
                prop_assert!(line.0 == line.2 || line.1 == line.3, "a line is not at right angles: {line:?}");
                for area in &areas {
                    prop_assert!(!area.is_crossed(line), "a line runs through a box: {line:?} {area:?}");
                }
                for (other, area) in &texts {
                    prop_assert!(*other == index || !area.is_crossed(line), "a line runs through a text: {line:?} {area:?}");
                }
            }
        }
    }

    #[test]
    fn lines_of_different_ports_do_not_lie_upon_each_other((blocks, links) in graph()) {
        let layout = layout(&blocks, &links);
        for (index, (link, path)) in links.iter().zip(&layout.paths).enumerate() {
            for (other, other_path) in links[..index].iter().zip(&layout.paths) {
                if share(link, other) || link == other {
                    continue;
                }
                for one in lines(&path.points) {
                    for two in lines(&other_path.points) {
                        let flat = one.1 == one.3 && two.1 == two.3 && (one.1 - two.1).abs() < APART;
                        let upright = one.0 == one.2 && two.0 == two.2 && (one.0 - two.0).abs() < APART;
                        let beside = one.2.min(two.2) - one.0.max(two.0);
                        let along = one.3.min(two.3) - one.1.max(two.1);
                        prop_assert!(!(flat && beside > 0), "lines overlap: {one:?} {two:?}");
                        prop_assert!(!(upright && along > 0), "lines overlap: {one:?} {two:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_same_graph_is_laid_out_alike((blocks, links) in graph()) {
        prop_assert_eq!(layout(&blocks, &links), layout(&blocks, &links));
    }
}

fn block(width: i32, height: i32) -> Block {
    Block { width, height, rows: vec![Row { top: 0, height }] }
}

fn link(from: usize, to: usize) -> Link {
    let end = |block| End { block, row: 0 };
    Link { from: end(from), to: end(to), label: Label::default(), kind: 0, weight: 1 }
}

#[test]
fn a_chain_is_one_straight_line() {
    let layout = layout(&[block(80, 30), block(60, 90), block(80, 30)], &[link(0, 1), link(1, 2)]);
    assert!(layout.blocks[0].x < layout.blocks[1].x && layout.blocks[1].x < layout.blocks[2].x);
    let heights: Vec<i32> = layout.paths.iter().flat_map(|path| path.points.iter().map(|point| point.y)).collect();
    assert!(heights.iter().all(|height| *height == heights[0]), "{layout:?}");
}

#[test]
fn what_leads_back_leaves_at_the_left_and_arrives_at_the_right() {
    let mut back = link(1, 0);
    back.kind = 1;
    let layout = layout(&[block(80, 30), block(60, 30)], &[Link { weight: 2, ..link(0, 1) }, back]);
    let points = &layout.paths[1].points;
    assert_eq!(points[0].x, layout.blocks[1].x);
    assert_eq!(points.last().unwrap().x, layout.blocks[0].x + 80);
}

#[test]
fn two_lines_that_could_cross_do_not() {
    // The first block leads to the fourth, the second to the third.
    let blocks = [block(50, 30), block(50, 30), block(50, 30), block(50, 30), block(50, 30)];
    let links = [link(4, 0), link(4, 1), link(0, 3), link(1, 2)];
    let layout = layout(&blocks, &links);
    let above = |one: usize, other: usize| layout.blocks[one].y < layout.blocks[other].y;
    assert_eq!(above(0, 1), above(3, 2));
}

#[test]
fn nothing_is_laid_out_as_nothing() {
    assert_eq!(layout(&[], &[]), Layout::default());
}
