//! Lines at right angles: each channel between two layers has tracks for what runs up or down in it.
//!
//! Lines of one port share a track. Tracks are in an order in which few lines cross, and no two lines lie upon each
//! other: of two lines at nearly one height, the one that comes from the left turns off before the other begins.

use std::collections::BTreeMap;

use super::cycles;
use super::items::{ItemKind, Joint, Layered};
use super::{Block, Layout, Link, Path, Point};

/// Between tracks.
const TRACK: i32 = 10;
/// Beside blocks: room for the head of an arrow and a bit of its line.
const AT_BLOCKS: i32 = 20;
/// Beside texts.
const AT_LABELS: i32 = 10;
/// Lines nearer than this lie upon each other.
const NEAR: i32 = 5;
/// What lying upon each other counts in crossings.
const OVERLAP: i64 = 1000;

/// What runs up or down in a channel: from a port to where its lines lead.
struct Net {
    lefts: Vec<i32>,
    rights: Vec<i32>,
    top: i32,
    bottom: i32,
}

impl Net {
    fn is_inside(&self, y: i32) -> bool {
        self.top < y && y < self.bottom
    }

    fn is_near(&self, other: &Self) -> bool {
        self.top < other.bottom + NEAR && other.top < self.bottom + NEAR
    }

    /// What it costs to have this net's track left of another's.
    fn cost_before(&self, other: &Self) -> i64 {
        let crossed = self.rights.iter().filter(|y| other.is_inside(**y)).count();
        let crossing = other.lefts.iter().filter(|y| self.is_inside(**y)).count();
        let upon =
            self.rights.iter().filter(|y| other.lefts.iter().any(|left| left.abs_diff(**y) < NEAR as u32)).count();
        (crossed + crossing) as i64 + upon as i64 * OVERLAP
    }
}

/// Rounds in which lines that would lie upon each other are moved apart.
const ROUNDS: usize = 8;

/// A channel: which track each segment takes, if it bends at all.
struct Channel {
    track: Vec<Option<i32>>,
    tracks: i32,
}

/// Puts everything in its place.
pub(super) fn route(layered: &Layered, heights: &[i32], blocks: &[&Block], links: &[Link], turned: &[bool]) -> Layout {
    let channels: Vec<Channel> = (0..layered.segments.len()).map(|index| channel(layered, heights, index)).collect();
    let mut left = 0;
    let mut columns: Vec<(i32, i32)> = Vec::with_capacity(layered.layers.len());
    let mut starts: Vec<i32> = Vec::with_capacity(channels.len());
    for (index, layer) in layered.layers.iter().enumerate() {
        let width = layer.iter().map(|item| layered.items[*item].width).max().unwrap_or(0);
        columns.push((left, width));
        left += width;
        if let Some(channel) = channels.get(index) {
            // Even layers hold blocks, odd ones texts.
            starts.push(left + if index % 2 == 0 { AT_BLOCKS } else { AT_LABELS });
            left += AT_BLOCKS + AT_LABELS + (channel.tracks - 1).max(0) * TRACK;
        }
    }
    let mut layout = Layout { width: left, ..Layout::default() };
    layout.blocks = vec![Point::default(); blocks.len()];
    layout.paths = vec![Path::default(); links.len()];
    for (layer, (left, width)) in layered.layers.iter().zip(&columns) {
        for index in layer {
            let item = layered.items[*index];
            layout.height = layout.height.max(heights[*index] + item.below);
            match item.kind {
                ItemKind::Block(block) => {
                    layout.blocks[block] = Point { x: left + (width - item.width) / 2, y: heights[*index] };
                }
                ItemKind::Label(link) => layout.paths[link].label = Point { x: *left, y: heights[*index] },
                ItemKind::Bend => {}
            }
        }
    }
    let height = |joint: &Joint| heights[joint.item] + joint.offset;
    for ((segments, channel), start) in layered.segments.iter().zip(&channels).zip(&starts) {
        for (segment, track) in segments.iter().zip(&channel.track) {
            let points = &mut layout.paths[segment.link].points;
            if let ItemKind::Block(block) = layered.items[segment.left.item].kind {
                points.push(Point { x: layout.blocks[block].x + blocks[block].width, y: height(&segment.left) });
            }
            if let Some(track) = track {
                let x = start + track * TRACK;
                points.push(Point { x, y: height(&segment.left) });
                points.push(Point { x, y: height(&segment.right) });
            }
            if let ItemKind::Block(block) = layered.items[segment.right.item].kind {
                points.push(Point { x: layout.blocks[block].x, y: height(&segment.right) });
            }
        }
    }
    for (path, turned) in layout.paths.iter_mut().zip(turned) {
        layout.height = layout.height.max(path.points.iter().map(|point| point.y).max().unwrap_or(0));
        if *turned {
            path.points.reverse();
        }
    }
    layout
}

/// Moves bends and texts a little where no order of tracks keeps lines apart: each of two lines at one height would have
/// to turn off before the other begins.
pub(super) fn settle(layered: &Layered, heights: &mut [i32]) {
    for _ in 0..ROUNDS {
        let mut moved = false;
        for index in 0..layered.segments.len() {
            moved |= settle_channel(layered, heights, index);
        }
        if !moved {
            return;
        }
    }
}

fn settle_channel(layered: &Layered, heights: &mut [i32], index: usize) -> bool {
    let tracks = channel(layered, heights, index).track;
    let segments: Vec<_> =
        layered.segments[index].iter().zip(tracks).filter_map(|(own, track)| Some((own, track?))).collect();
    let mut moved = false;
    for (one, one_track) in &segments {
        for (other, _) in segments.iter().filter(|(_, other_track)| one_track < other_track) {
            let (right, left) =
                (heights[one.right.item] + one.right.offset, heights[other.left.item] + other.left.offset);
            if (right - left).abs() >= NEAR {
                continue;
            }
            // In every channel one side is a layer of texts and bends, which may move: the room between them is larger.
            let (item, own, fixed) =
                if index.is_multiple_of(2) { (one.right.item, right, left) } else { (other.left.item, left, right) };
            heights[item] += if own >= fixed { fixed + NEAR - own } else { fixed - NEAR - own };
            moved = true;
        }
    }
    moved
}

/// Gives the nets of a channel their tracks.
fn channel(layered: &Layered, heights: &[i32], index: usize) -> Channel {
    let segments = &layered.segments[index];
    let height = |joint: &Joint| heights[joint.item] + joint.offset;
    // In front of texts lines part, behind them they meet.
    let center = |left: Joint, right: Joint| if index.is_multiple_of(2) { left } else { right };
    let mut members: BTreeMap<Joint, Vec<usize>> = BTreeMap::new();
    for (position, segment) in segments.iter().enumerate() {
        members.entry(center(segment.left, segment.right)).or_default().push(position);
    }
    let mut nets: Vec<(Net, Vec<usize>)> = Vec::new();
    for members in members.into_values() {
        let mut lefts: Vec<i32> = members.iter().map(|member| height(&segments[*member].left)).collect();
        let mut rights: Vec<i32> = members.iter().map(|member| height(&segments[*member].right)).collect();
        for side in [&mut lefts, &mut rights] {
            side.sort_unstable();
            side.dedup();
        }
        let all = || lefts.iter().chain(&rights).copied();
        let (top, bottom) = (all().min().unwrap_or(0), all().max().unwrap_or(0));
        if top < bottom {
            nets.push((Net { lefts, rights, top, bottom }, members));
        }
    }
    nets.sort_by_key(|(net, members)| (net.top, net.bottom, members.first().copied()));
    let mut track = vec![None; segments.len()];
    let mut tracks = 0;
    let mut taken: Vec<(usize, i32)> = Vec::new();
    for index in in_order(&nets) {
        let (net, members) = &nets[index];
        let near = taken.iter().filter(|(other, _)| nets[*other].0.is_near(net));
        let own = near.map(|(_, track)| track + 1).max().unwrap_or(0);
        taken.push((index, own));
        tracks = tracks.max(own + 1);
        for member in members {
            if height(&segments[*member].left) != height(&segments[*member].right) {
                track[*member] = Some(own);
            }
        }
    }
    Channel { track, tracks }
}

/// The nets from left to right.
fn in_order(nets: &[(Net, Vec<usize>)]) -> Vec<usize> {
    let mut before = Vec::new();
    for (index, (net, _)) in nets.iter().enumerate() {
        for (other_index, (other, _)) in nets.iter().enumerate().skip(index + 1) {
            if !net.is_near(other) {
                continue;
            }
            let (first, second) = (net.cost_before(other), other.cost_before(net));
            match first.cmp(&second) {
                std::cmp::Ordering::Less => before.push((index, other_index, second - first)),
                std::cmp::Ordering::Greater => before.push((other_index, index, first - second)),
                std::cmp::Ordering::Equal => {}
            }
        }
    }
    cycles::sequence(nets.len(), &before)
}
