//! The graph as a picture: SVG that needs nothing else, for light pages and dark ones.
//!
//! A flow is a card with its steps below one another, as they are written; everything else is a box in the shape of its
//! kind. What is joined to a step leads from the step's own row. Each node has its place, its id and its kind, so that a
//! page or an editor can lead to it; the same graph gives the same bytes.

mod card;
mod label;
mod measure;
mod part;
mod style;

use std::collections::HashMap;

use card::Card;
use label::EdgeText;
use measure::escaped;
use nsf_diagnostics::Severity;
use part::Rect;

use super::step::Family;
use super::view::{View, ViewEdge, ViewNode};
use super::{edge_word, guarantee_words};
use crate::graph::EdgeKind;
use crate::graph::layout::{self, Block, End, Layout, Link, Path, Point};

/// Around everything.
const MARGIN: i32 = 24;
/// The room for the heading.
const HEADING: i32 = 56;
/// A line of the legend.
const LEGEND: i32 = 26;
/// What belongs to no node: lines at most.
const ELSEWHERE: usize = 8;
/// How round the corners of lines are.
const CORNER: i32 = 6;

/// The graph as SVG.
#[must_use]
pub fn svg(view: &View) -> String {
    let figures = Figures::of(view);
    let (links, texts) = figures.links(view);
    let layout = layout::layout(&figures.blocks, &links);
    let mut drawing = Drawing { view, out: String::new(), boxes: vec![None; view.nodes.len()] };
    drawing.cards(&figures, &layout);
    drawing.parts(&figures, &layout);
    let mut lines = Drawing { view, out: String::new(), boxes: drawing.boxes.clone() };
    for ((edge, text), path) in texts.iter().zip(&layout.paths) {
        lines.edge(*edge, text, path);
    }
    page(view, &layout, &lines.out, &drawing.out)
}

/// Nodes as blocks.
struct Figures {
    blocks: Vec<Block>,
    /// Flows by their clusters; their blocks are the first ones.
    cards: Vec<Card>,
    /// The other nodes, in the order of their blocks.
    parts: Vec<usize>,
    /// Block and row of each node.
    ends: HashMap<usize, End>,
}

impl Figures {
    fn of(view: &View) -> Self {
        let cards: Vec<Card> = (0..view.clusters.len()).map(|cluster| Card::of(view, cluster)).collect();
        let parts: Vec<usize> = (0..view.nodes.len()).filter(|node| view.nodes[*node].cluster.is_none()).collect();
        let mut blocks: Vec<Block> = cards.iter().map(|card| card.block.clone()).collect();
        let mut ends = HashMap::new();
        for (block, card) in cards.iter().enumerate() {
            ends.extend(card.rows.iter().enumerate().map(|(row, (node, _))| (*node, End { block, row })));
        }
        for node in &parts {
            ends.insert(*node, End { block: blocks.len(), row: 0 });
            blocks.push(part::block(&view.nodes[*node]));
        }
        Self { blocks, cards, parts, ends }
    }

    /// The edges between blocks, with their texts.
    fn links(&self, view: &View) -> (Vec<Link>, Vec<(usize, EdgeText)>) {
        let mut links = Vec::new();
        let mut texts = Vec::new();
        for (index, edge) in view.edges.iter().enumerate() {
            let (Some(from), Some(to)) = (self.ends.get(&edge.from), self.ends.get(&edge.to)) else { continue };
            if from.block == to.block {
                continue;
            }
            let text = EdgeText::of(view, edge);
            links.push(Link {
                from: *from,
                to: *to,
                label: text.room(),
                kind: edge.kind as u32,
                weight: weight(edge.kind),
            });
            texts.push((index, text));
        }
        (links, texts)
    }
}

/// How much it matters that a line is short, straight and leads to the right. What is loaded may come from the right: a
/// state stands behind the flow that saves to it.
const fn weight(kind: EdgeKind) -> i64 {
    match kind {
        EdgeKind::Read | EdgeKind::Feed | EdgeKind::Next => 6,
        EdgeKind::Write | EdgeKind::Publish => 4,
        EdgeKind::Notify | EdgeKind::Expire | EdgeKind::Store | EdgeKind::Save => 3,
        _ => 1,
    }
}

struct Drawing<'view> {
    view: &'view View,
    out: String,
    /// The box of each node.
    boxes: Vec<Option<Rect>>,
}

impl Drawing<'_> {
    fn cards(&mut self, figures: &Figures, layout: &Layout) {
        for (cluster, (card, corner)) in figures.cards.iter().zip(&layout.blocks).enumerate() {
            let flow = escaped(&self.view.clusters[cluster].flow);
            let Block { width, height, .. } = card.block;
            self.out.push_str(&format!(
                "<g class=\"cluster\" data-flow=\"{flow}\">\n<rect class=\"card\" x=\"{}\" y=\"{}\" width=\"{width}\" height=\"{height}\" rx=\"8\"/>\n",
                corner.x, corner.y
            ));
            for inner in &card.inner {
                let points = inner.points.iter().map(|(x, y)| Point { x: x + corner.x, y: y + corner.y }).collect();
                let edge = &self.view.edges[inner.edge];
                self.open_edge(inner.edge, edge);
                self.line(&Path { points, label: Point::default() });
                if let Some((text, (x, y))) = &inner.text {
                    self.text("added", x + corner.x, y + corner.y, text);
                }
                self.out.push_str("</g>\n");
            }
            for (row, (node, rect)) in card.rows.iter().enumerate() {
                let rect = rect.moved(corner.x, corner.y);
                if row == 0 { self.head(cluster, *node, rect) } else { self.step(*node, rect) }
            }
            self.out.push_str("</g>\n");
        }
    }

    fn parts(&mut self, figures: &Figures, layout: &Layout) {
        for (node, (block, corner)) in
            figures.parts.iter().zip(figures.blocks.iter().zip(&layout.blocks).skip(figures.cards.len()))
        {
            let rect = Rect { x: corner.x, y: corner.y, width: block.width, height: block.height };
            let value = &self.view.nodes[*node];
            self.open_node(*node, rect);
            self.out.push_str(&format!("<path class=\"outline\" d=\"{}\"/>", part::outline(value.kind, rect)));
            // The ring of a drum takes room above the texts.
            let down = part::height(value.kind) - part::HEIGHT;
            self.text("context", rect.x + 14, rect.y + 18 + down, &part::context(value));
            self.text("name", rect.x + 14, rect.y + 34 + down, &part::name(value));
            self.mark(value, rect);
            self.out.push_str("</g>\n");
        }
    }

    fn head(&mut self, cluster: usize, node: usize, rect: Rect) {
        let value = &self.view.nodes[node];
        let Rect { x, y, width, height } = rect;
        self.open_node(node, rect);
        self.out.push_str(&format!(
            "<path class=\"head\" d=\"M{x} {}V{}A8 8 0 0 1 {} {y}H{}A8 8 0 0 1 {} {}V{}Z\"/>",
            y + height,
            y + 8,
            x + 8,
            x + width - 8,
            x + width,
            y + 8,
            y + height
        ));
        self.text("context", x + 12, y + 18, &part::context(value));
        self.text("name", x + 12, y + 34, &part::name(value));
        if let Some(guarantee) = self.view.guarantee(cluster) {
            let words = guarantee_words(guarantee);
            let left = rect.right() - 12 - measure::width(words, card::SMALL) - part::mark_width(value);
            self.text(&format!("added {}", style::guarantee(guarantee)), left, y + 18, words);
        }
        self.mark(value, rect);
        self.out.push_str("</g>\n");
    }

    fn step(&mut self, node: usize, rect: Rect) {
        let value = &self.view.nodes[node];
        let Rect { x, y, width, height } = rect;
        self.open_node(node, rect);
        self.out.push_str(&format!(
            "<rect class=\"step\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"5\"/>{}",
            style::badge(value.kind, x + 7, y + 3)
        ));
        let label = measure::cut(&value.label, card::COLUMNS);
        let (word, rest) = label.split_at(label.find(' ').unwrap_or(label.len()));
        self.out.push_str(&format!(
            "<text class=\"text\" x=\"{}\" y=\"{}\"><tspan class=\"word\">{}</tspan>{}</text>",
            x + card::BADGE,
            y + 17,
            escaped(word),
            escaped(rest)
        ));
        self.mark(value, rect);
        self.out.push_str("</g>\n");
    }

    /// Opens the group of a node, with what a page needs to lead to its place.
    fn open_node(&mut self, node: usize, rect: Rect) {
        self.boxes[node] = Some(rect);
        let value = &self.view.nodes[node];
        let grave = match value.severity() {
            Some(Severity::Error) => " error",
            Some(Severity::Warning) => " warning",
            None => "",
        };
        let (mut place, mut title) = (String::new(), value.title());
        if let Some((file, line)) = &value.place {
            place = format!(" data-file=\"{}\" data-line=\"{line}\"", escaped(file));
            title.push_str(&format!("\n{file}:{line}"));
        }
        for found in &value.found {
            title.push_str(&format!("\n{}", found.line()));
        }
        let Rect { x, y, width, height } = rect;
        self.out.push_str(&format!(
            "<g class=\"node {kind}{grave}\" data-node=\"{node}\" data-id=\"{}\" data-kind=\"{kind}\"{place} data-box=\"{x} {y} {width} {height}\"><title>{}</title>",
            escaped(&value.id),
            escaped(&title),
            kind = value.kind,
        ));
    }

    /// The sign of a diagnostic at the right of a box.
    fn mark(&mut self, node: &ViewNode, rect: Rect) {
        let Some(mark) = part::mark(node) else { return };
        let width = measure::width(&mark, part::CONTEXT);
        let (x, y) = (rect.right() - width - 12, rect.middle() + 4);
        self.out.push_str(&format!("<path class=\"sign\" d=\"M{} {}l6 -11 6 11z\"/>", x - 15, y + 1));
        self.text("sign-text", x, y, &mark);
    }

    fn text(&mut self, class: &str, x: i32, y: i32, text: &str) {
        self.out.push_str(&format!("<text class=\"{class}\" x=\"{x}\" y=\"{y}\">{}</text>", escaped(text)));
    }

    fn open_edge(&mut self, index: usize, edge: &ViewEdge) {
        let title =
            format!("{} → {}\n{}", self.view.nodes[edge.from].title(), self.view.nodes[edge.to].title(), edge.label());
        self.out.push_str(&format!(
            "<g class=\"edge {}\" data-edge=\"{index}\" data-kind=\"{}\" data-from=\"{}\" data-to=\"{}\"><title>{}</title>",
            style::edge(edge.kind),
            edge_word(edge.kind),
            edge.from,
            edge.to,
            escaped(&title)
        ));
    }

    /// A line between blocks with its texts. It goes on from the border of a card to the row that is meant.
    fn edge(&mut self, index: usize, text: &EdgeText, path: &Path) {
        let edge = &self.view.edges[index];
        let mut path = path.clone();
        let count = path.points.len();
        for (node, at) in [(edge.from, 0), (edge.to, count.saturating_sub(1))] {
            if let (Some(rect), Some(point)) = (self.boxes[node], path.points.get_mut(at)) {
                point.x = if (point.x - rect.x).abs() < (point.x - rect.right()).abs() { rect.x } else { rect.right() };
            }
        }
        self.open_edge(index, edge);
        self.line(&path);
        let Point { x, y } = path.label;
        let first = y - label::GAP - (text.above.len() as i32 - 1) * label::LINE;
        for (line, words) in text.above.iter().enumerate() {
            let class = if line < text.heads { "label first" } else { "label" };
            self.text(class, x, first + line as i32 * label::LINE, words);
        }
        if let (Some(words), Some(guarantee)) = (text.below, edge.guarantee) {
            self.text(&format!("label {}", style::guarantee(guarantee)), x, y + label::LINE, words);
        }
        self.out.push_str("</g>\n");
    }

    /// A line with round corners and an arrow at its end.
    fn line(&mut self, path: &Path) {
        let points = corners(&path.points);
        let [first, .., before, last] = points[..] else {
            let [before, last] = points[..] else { return };
            self.out
                .push_str(&format!("<path class=\"line\" d=\"M{} {}L{} {}\"/>", before.x, before.y, last.x, last.y));
            self.arrow(before, last);
            return;
        };
        let mut d = format!("M{} {}", first.x, first.y);
        for three in points.windows(3) {
            let (before, corner, after) = (three[0], three[1], three[2]);
            let radius = CORNER.min(distance(before, corner) / 2).min(distance(corner, after) / 2);
            let (start, end) = (towards(corner, before, radius), towards(corner, after, radius));
            d.push_str(&format!("L{} {}Q{} {} {} {}", start.x, start.y, corner.x, corner.y, end.x, end.y));
        }
        d.push_str(&format!("L{} {}", last.x, last.y));
        self.out.push_str(&format!("<path class=\"line\" d=\"{d}\"/>"));
        self.arrow(before, last);
    }

    fn arrow(&mut self, before: Point, last: Point) {
        let (x, y) = (last.x, last.y);
        let sign = |to: i32, from: i32| (to - from).signum();
        let (right, down) = (sign(x, before.x), sign(y, before.y));
        let (back_x, back_y) = (x - 8 * right, y - 8 * down);
        let (side_x, side_y) = (4 * down, 4 * right);
        self.out.push_str(&format!(
            "<path class=\"arrow\" d=\"M{x} {y}L{} {}L{} {}Z\"/>",
            back_x + side_x,
            back_y + side_y,
            back_x - side_x,
            back_y - side_y
        ));
    }
}

/// The points at which a line turns, with its ends.
fn corners(points: &[Point]) -> Vec<Point> {
    let mut corners: Vec<Point> = Vec::with_capacity(points.len());
    for point in points {
        if corners.last() == Some(point) {
            continue;
        }
        if let [.., before, last] = corners[..]
            && ((before.x == last.x && last.x == point.x) || (before.y == last.y && last.y == point.y))
        {
            corners.pop();
        }
        corners.push(*point);
    }
    corners
}

fn distance(one: Point, other: Point) -> i32 {
    (one.x - other.x).abs() + (one.y - other.y).abs()
}

fn towards(from: Point, to: Point, steps: i32) -> Point {
    Point { x: from.x + (to.x - from.x).signum() * steps, y: from.y + (to.y - from.y).signum() * steps }
}

/// Heading, picture, legend and what was found elsewhere.
fn page(view: &View, layout: &Layout, lines: &str, nodes: &str) -> String {
    let heading = format!("Graph of {}", view.project);
    let mut notes: Vec<String> = view.scope.iter().cloned().collect();
    if !view.complete {
        notes.push("errors: what was not understood is not shown".to_owned());
    }
    if view.nodes.is_empty() {
        notes.push("there is nothing in it yet".to_owned());
    }
    let notes = notes.join("; ");
    let (legend, legend_width) = legend(view);
    let shown = view.elsewhere.iter().take(ELSEWHERE).map(|found| {
        let place = found.place.as_ref().map_or_else(String::new, |(file, line)| format!("  {file}:{line}"));
        measure::cut(&format!("{}{place}", found.line()), 120)
    });
    let mut elsewhere: Vec<String> = shown.collect();
    if view.elsewhere.len() > ELSEWHERE {
        elsewhere.push(format!("and {} more, which `nsfc check` shows", view.elsewhere.len() - ELSEWHERE));
    }
    let widths = [measure::width(&heading, 16), measure::width(&notes, 11), legend_width, layout.width];
    let listed = elsewhere.iter().map(|line| measure::width(line, 11));
    let width = widths.into_iter().chain(listed).max().unwrap_or(0) + 2 * MARGIN;
    let below = HEADING + layout.height + MARGIN;
    let height = below + LEGEND + elsewhere.len() as i32 * 16 + MARGIN;
    let left = ((width - 2 * MARGIN - layout.width) / 2).min(0) + MARGIN;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"graph-title graph-description\">\n<title id=\"graph-title\">{}</title>\n<desc id=\"graph-description\">{}</desc>\n<style>{}</style>\n<rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n",
        escaped(&heading),
        escaped(&description(view)),
        style::SHEET
    );
    out.push_str(&format!("<text class=\"heading\" x=\"{MARGIN}\" y=\"30\">{}</text>\n", escaped(&heading)));
    if !notes.is_empty() {
        out.push_str(&format!("<text class=\"small\" x=\"{MARGIN}\" y=\"47\">{}</text>\n", escaped(&notes)));
    }
    out.push_str(&format!("<g transform=\"translate({left} {HEADING})\">\n{nodes}{lines}</g>\n"));
    out.push_str(&format!("<g class=\"legend\" transform=\"translate({MARGIN} {below})\">\n{legend}</g>\n"));
    for (index, line) in elsewhere.iter().enumerate() {
        let y = below + LEGEND + 12 + index as i32 * 16;
        out.push_str(&format!("<text class=\"small\" x=\"{MARGIN}\" y=\"{y}\">{}</text>\n", escaped(line)));
    }
    out.push_str("</svg>\n");
    out
}

/// What the picture shows, for those who cannot see it.
fn description(view: &View) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for node in view.nodes.iter().filter(|node| !node.is_step()) {
        match kinds.iter_mut().find(|(kind, _)| *kind == node.kind) {
            Some((_, count)) => *count += 1,
            None => kinds.push((node.kind, 1)),
        }
    }
    let kinds: Vec<String> = kinds.iter().map(|(kind, count)| format!("{kind}: {count}")).collect();
    format!("How the parts of the program hang together. {}.", kinds.join(", "))
}

/// The signs that the picture has, in a line, with its width.
fn legend(view: &View) -> (String, i32) {
    let mut out = String::new();
    let mut x = 0;
    let mut entry = |sign: &dyn Fn(i32) -> String, class: &str, words: &str| {
        out.push_str(&format!("{}<text class=\"{class}\" x=\"{}\" y=\"15\">{words}</text>\n", sign(x), x + 26));
        x += 26 + measure::width(words, label::SIZE) + 18;
    };
    for family in Family::ALL {
        if view.nodes.iter().any(|node| Family::of(node.kind) == Some(family)) {
            let badge = |x: i32| format!("<g class=\"{0}\">{1}</g>", family.word(), style::badge(family.word(), x, 1));
            entry(&badge, "small", family.word());
        }
    }
    let mut guarantees: Vec<_> = view.edges.iter().filter_map(|edge| edge.guarantee).collect();
    guarantees.sort_unstable();
    guarantees.dedup();
    for guarantee in guarantees {
        let class = style::guarantee(guarantee);
        let dot = |x: i32| format!("<circle class=\"{class}\" cx=\"{}\" cy=\"11\" r=\"5\"/>", x + 15);
        entry(&dot, "small", guarantee_words(guarantee));
    }
    for (severity, class, words) in [(Severity::Error, "error", "error"), (Severity::Warning, "warning", "warning")] {
        if view.nodes.iter().any(|node| node.severity() == Some(severity)) {
            let sign =
                |x: i32| format!("<g class=\"{class}\"><path class=\"sign\" d=\"M{} 16l6 -11 6 11z\"/></g>", x + 9);
            entry(&sign, "small", words);
        }
    }
    (out, x)
}
