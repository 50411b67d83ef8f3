//! A source, topic, state, … as a box with two lines of text, in a shape that tells its kind.

use super::measure;
use crate::graph::layout::{Block, Row};
use crate::graph::print::ViewNode;

/// The height of a part.
pub(super) const HEIGHT: i32 = 46;
/// Beside the text.
const MARGIN: i32 = 14;
/// Sizes of the letters of the name and of what stands above it.
pub(super) const NAME: i32 = 13;
pub(super) const CONTEXT: i32 = 10;
/// Columns of the name.
const COLUMNS: usize = 32;

/// A rectangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rect {
    pub(super) x: i32,
    pub(super) y: i32,
    pub(super) width: i32,
    pub(super) height: i32,
}

impl Rect {
    pub(super) const fn right(self) -> i32 {
        self.x + self.width
    }

    pub(super) const fn bottom(self) -> i32 {
        self.y + self.height
    }

    pub(super) const fn middle(self) -> i32 {
        self.y + self.height / 2
    }

    pub(super) const fn moved(self, x: i32, y: i32) -> Self {
        Self { x: self.x + x, y: self.y + y, ..self }
    }
}

/// What stands above a name: its kind and where it is from.
pub(super) fn context(node: &ViewNode) -> String {
    let from = match node.kind {
        // `kafka("orders", cluster: "other")`
        "topic" => {
            let cluster = node.label.split_once("cluster: \"").and_then(|(_, rest)| rest.split('"').next());
            let connector = node.label.split('(').next().unwrap_or_default();
            cluster.map_or_else(|| connector.to_owned(), |cluster| format!("{connector} {cluster}"))
        }
        // `main (mysql)`
        "space" => node.label.rsplit_once(" (").map_or("", |(_, store)| store.trim_end_matches(')')).to_owned(),
        "marks" => node.label.split("/marks.").next().unwrap_or_default().to_owned(),
        _ => node.label.strip_suffix(node.name.as_str()).unwrap_or_default().trim_end_matches('.').to_owned(),
    };
    let from = measure::cut(&from, COLUMNS);
    if from.is_empty() { node.kind.to_owned() } else { format!("{} · {from}", node.kind) }
}

/// A name as it is shown.
pub(super) fn name(node: &ViewNode) -> String {
    measure::cut(&node.name, COLUMNS)
}

/// The width of name and context.
pub(super) fn text_width(node: &ViewNode) -> i32 {
    measure::width(&name(node), NAME).max(measure::width(&context(node), CONTEXT))
}

/// What the mark of a diagnostic says.
pub(super) fn mark(node: &ViewNode) -> Option<String> {
    let first = node.found.iter().min_by_key(|found| found.severity != nsf_diagnostics::Severity::Error)?;
    let more = node.found.len() - 1;
    Some(if more == 0 { first.code.to_owned() } else { format!("{} +{more}", first.code) })
}

/// The width that a mark takes, with the room beside it.
pub(super) fn mark_width(node: &ViewNode) -> i32 {
    mark(node).map_or(0, |mark| measure::width(&mark, CONTEXT) + 30)
}

/// The height of a part: a drum has a ring above its text, one for spaces two.
pub(super) fn height(kind: &str) -> i32 {
    HEIGHT
        + match kind {
            "state" | "marks" => 6,
            "space" => 9,
            _ => 0,
        }
}

/// The block of a part.
pub(super) fn block(node: &ViewNode) -> Block {
    // The open end of a pipe.
    let end = if node.kind == "topic" { 8 } else { 0 };
    let (width, height) = (text_width(node) + mark_width(node) + 2 * MARGIN + end, height(node.kind));
    Block { width, height, rows: vec![Row { top: 0, height }] }
}

/// The outline of a part; its sides reach the box where lines may end.
pub(super) fn outline(kind: &str, rect: Rect) -> String {
    let Rect { x, y, width, height } = rect;
    let (right, bottom) = (rect.right(), rect.bottom());
    match kind {
        // A pipe.
        "topic" => format!(
            "M{} {y}H{}A6 {r} 0 0 1 {} {bottom}H{}A6 {r} 0 0 1 {} {y}ZM{} {y}A6 {r} 0 0 0 {} {bottom}",
            x + 6,
            right - 6,
            right - 6,
            x + 6,
            x + 6,
            right - 6,
            right - 6,
            r = height / 2
        ),
        // A drum.
        "state" | "marks" | "space" => {
            let half = width / 2;
            let ring = |at: i32| format!("M{x} {at}A{half} 5 0 0 0 {right} {at}");
            let rings = if kind == "space" { format!("{}{}", ring(y + 5), ring(y + 9)) } else { ring(y + 5) };
            format!(
                "M{x} {}A{half} 5 0 0 1 {right} {}V{}A{half} 5 0 0 1 {x} {}Z{rings}",
                y + 5,
                y + 5,
                bottom - 5,
                bottom - 5
            )
        }
        // A sheet with lines.
        "table" => format!("M{x} {y}H{right}V{bottom}H{x}ZM{x} {}H{right}M{} {y}V{bottom}", y + 4, x + 5),
        // A box with cut corners.
        "dimension" => format!(
            "M{} {y}H{}L{right} {}V{}L{} {bottom}H{}L{x} {}V{}Z",
            x + 7,
            right - 7,
            y + 7,
            bottom - 7,
            right - 7,
            x + 7,
            bottom - 7,
            y + 7
        ),
        // A capsule; one that the protocol gives its form has a second line.
        _ => {
            let r = 14;
            let capsule = |x: i32, right: i32, y: i32, bottom: i32, r: i32| {
                format!(
                    "M{} {y}H{}A{r} {r} 0 0 1 {right} {}V{}A{r} {r} 0 0 1 {} {bottom}H{}A{r} {r} 0 0 1 {x} {}V{}A{r} {r} 0 0 1 {} {y}Z",
                    x + r,
                    right - r,
                    y + r,
                    bottom - r,
                    right - r,
                    x + r,
                    bottom - r,
                    y + r,
                    x + r
                )
            };
            let outer = capsule(x, right, y, bottom, r);
            if kind == "source" { outer } else { outer + &capsule(x + 3, right - 3, y + 3, bottom - 3, r - 3) }
        }
    }
}
