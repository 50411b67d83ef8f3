//! The order of items in each layer, so that few lines cross: barycentres to and fro, then exchanges of neighbours.

use super::items::{Joint, Layered, Segment};

/// How often the layers are gone through to and fro.
const SWEEPS: usize = 16;

/// More rows than a block has.
const ROWS: usize = 1 << 20;

/// Orders the items of every layer.
pub(super) fn reduce_crossings(layered: &mut Layered) {
    let sides = Sides::of(layered);
    let mut best = layered.layers.clone();
    let mut least = usize::MAX;
    for start in starts(layered, &sides) {
        layered.layers = start;
        for sweep in 0..SWEEPS {
            sort(layered, &sides, sweep % 2 == 0);
            exchange(layered, &sides);
            let crossings = crossings(layered);
            if crossings < least {
                least = crossings;
                best.clone_from(&layered.layers);
            }
            if least == 0 {
                break;
            }
        }
    }
    layered.layers = best;
}

/// A line at an item: its own row, and the other end of it.
#[derive(Clone, Copy)]
struct Line {
    row: usize,
    other: Joint,
}

/// The lines at each item, to the left and to the right.
struct Sides {
    left: Vec<Vec<Line>>,
    right: Vec<Vec<Line>>,
}

impl Sides {
    fn of(layered: &Layered) -> Self {
        let mut sides =
            Self { left: vec![Vec::new(); layered.items.len()], right: vec![Vec::new(); layered.items.len()] };
        for Segment { left, right, .. } in layered.segments.iter().flatten() {
            sides.right[left.item].push(Line { row: left.row, other: *right });
            sides.left[right.item].push(Line { row: right.row, other: *left });
        }
        for lines in sides.left.iter_mut().chain(&mut sides.right) {
            lines.sort_by_key(|line| line.row);
        }
        sides
    }
}

/// Orders to begin with: that of the blocks as they were given, and those in which a walk from the blocks meets what
/// they lead to, from the first block on and from the last.
fn starts(layered: &Layered, sides: &Sides) -> [Vec<Vec<usize>>; 3] {
    let all: Vec<usize> = (0..layered.items.len()).collect();
    let backwards: Vec<usize> = all.iter().rev().copied().collect();
    [layered.layers.clone(), walk(layered, sides, &all), walk(layered, sides, &backwards)]
}

fn walk(layered: &Layered, sides: &Sides, roots: &[usize]) -> Vec<Vec<usize>> {
    let mut met = vec![usize::MAX; layered.items.len()];
    let mut next = 0;
    for root in roots {
        let mut open = vec![*root];
        while let Some(item) = open.pop() {
            if met[item] != usize::MAX {
                continue;
            }
            met[item] = next;
            next += 1;
            let lines = sides.left[item].iter().rev().chain(sides.right[item].iter().rev());
            open.extend(lines.map(|line| line.other.item));
        }
    }
    let mut layers = layered.layers.clone();
    for layer in &mut layers {
        layer.sort_by_key(|item| met[*item]);
    }
    layers
}

/// Sorts each layer by the mean position of what its items are joined to in the layer before.
fn sort(layered: &mut Layered, sides: &Sides, to_the_right: bool) {
    let count = layered.layers.len();
    let order: Vec<usize> =
        if to_the_right { (1..count).collect() } else { (0..count.saturating_sub(1)).rev().collect() };
    let lines = if to_the_right { &sides.left } else { &sides.right };
    let mut positions = layered.positions();
    for index in order {
        let layer = &mut layered.layers[index];
        let mean = |item: usize| -> Option<u64> {
            let own = &lines[item];
            // A block's rows stand in its height: what leads to a lower one may stand lower.
            let place = |line: &Line| (positions[line.other.item] * ROWS + line.other.row * (ROWS / 1024)) as u64;
            let sum: u64 = own.iter().map(place).sum();
            (!own.is_empty()).then(|| sum * 16 / own.len() as u64)
        };
        let mut moved: Vec<(u64, usize)> = layer.iter().filter_map(|item| Some((mean(*item)?, *item))).collect();
        // Items of equal means keep their order.
        moved.sort_by_key(|(mean, _)| *mean);
        let mut moved = moved.into_iter().map(|(_, item)| item);
        let joined: Vec<bool> = layer.iter().map(|item| !lines[*item].is_empty()).collect();
        for (slot, joined) in layer.iter_mut().zip(joined) {
            if joined && let Some(item) = moved.next() {
                *slot = item;
            }
        }
        for (position, item) in layer.iter().enumerate() {
            positions[*item] = position;
        }
    }
}

/// Exchanges neighbours as long as that takes crossings away.
fn exchange(layered: &mut Layered, sides: &Sides) {
    let mut positions = layered.positions();
    for _ in 0..8 {
        let mut changed = false;
        for layer in &mut layered.layers {
            for index in 1..layer.len() {
                let (upper, lower) = (layer[index - 1], layer[index]);
                let mut gain = 0_i64;
                for lines in [&sides.left, &sides.right] {
                    gain += pairs(&lines[upper], &lines[lower], &positions);
                    gain -= pairs(&lines[lower], &lines[upper], &positions);
                }
                if gain > 0 {
                    layer.swap(index - 1, index);
                    (positions[upper], positions[lower]) = (index, index - 1);
                    changed = true;
                }
            }
        }
        if !changed {
            return;
        }
    }
}

fn place(joint: &Joint, positions: &[usize]) -> usize {
    positions[joint.item] * ROWS + joint.row
}

/// How many lines of an upper item cross those of a lower one.
fn pairs(upper: &[Line], lower: &[Line], positions: &[usize]) -> i64 {
    let place = |line: &Line| place(&line.other, positions);
    let crossing = |line: &Line| lower.iter().filter(|other| place(other) < place(line)).count() as i64;
    upper.iter().map(crossing).sum()
}

/// All crossings between neighbouring layers.
fn crossings(layered: &Layered) -> usize {
    let positions = layered.positions();
    let between = |segments: &Vec<Segment>| {
        let ends = |segment: &Segment| (place(&segment.left, &positions), place(&segment.right, &positions));
        let mut ends: Vec<(usize, usize)> = segments.iter().map(ends).collect();
        ends.sort_unstable();
        // Inversions, counted while sorting by insertion.
        let mut sorted: Vec<usize> = Vec::with_capacity(ends.len());
        let mut count = 0;
        for (_, right) in ends {
            let at = sorted.partition_point(|other| *other <= right);
            count += sorted.len() - at;
            sorted.insert(at, right);
        }
        count
    };
    layered.segments.iter().map(between).sum()
}
