//! Lines in columns: the settings, fields, steps, checks and items of a block, and which of their blocks stay on one line.

use super::doc::{Doc, sequence};
use super::render::{INDENT, LINE_WIDTH};

/// A cell wider than this stays out of its column.
const WIDEST_CELL: usize = 40;

/// The cells of a line; one that is not there leaves its column empty.
pub(super) type Cells = Vec<Option<Doc>>;

/// A line of a block, or an item.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// The comments above it (and the one at the end of the line before).
    pub comments: Doc,
    /// Whether one of them stands on a line of its own.
    pub comment_above: bool,
    /// Whether an empty line stands above it, comments included.
    pub blank_above: bool,
    /// Whether an empty line stands between its comments and it.
    pub blank_below_comments: bool,
    /// Rows of different kinds are not aligned with one another.
    pub kind: &'static str,
    /// The line without line ends; none where the writer broke its block over several lines.
    pub flat: Option<Cells>,
    /// The same with its block over several lines; none where it has no block.
    pub broken: Option<Cells>,
    /// Whether its block over several lines starts directly after its first cell, out of all columns.
    pub hanging: bool,
    /// Comments that stay between it and its comma.
    pub before_comma: Doc,
}

/// How the rows of a block are aligned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Style {
    /// Whether the second column is one over the whole block.
    pub one_operand_column: bool,
}

impl Style {
    /// Columns of groups only.
    pub const PLAIN: Self = Self { one_operand_column: false };
    /// The same, with the second column over the whole block.
    pub const STEPS: Self = Self { one_operand_column: true };
}

/// All rows on one line, two spaces between them; none where one of them cannot be.
pub(super) fn on_one_line(rows: &[Row], separator: &str) -> Option<Doc> {
    let mut parts = Vec::with_capacity(rows.len() * 2);
    for (index, row) in rows.iter().enumerate() {
        if !row.comments.is_nothing() || !row.before_comma.is_nothing() {
            return None;
        }
        if index > 0 {
            parts.push(Doc::text(separator));
            let label = rows[index - 1].kind == "label";
            parts.push(Doc::spaces(if separator.is_empty() && !label { 2 } else { 1 }));
        }
        let cells: Vec<&Doc> = row.flat.as_ref()?.iter().flatten().collect();
        for (index, cell) in cells.into_iter().enumerate() {
            if index > 0 {
                parts.push(Doc::space());
            }
            parts.push(cell.clone());
        }
    }
    let doc = Doc::sequence(parts);
    doc.width.map(|_| doc)
}

/// The rows below one another, each starting with a line end, in columns; `depth` is how far in they stand.
pub(super) fn in_columns(rows: &[Row], style: Style, depth: usize, separator: &str) -> Doc {
    let operand = style.one_operand_column.then(|| {
        let first = rows.iter().filter_map(|row| leading_width(row.cells(false)));
        first.max().unwrap_or(0)
    });
    let mut chosen: Vec<bool> = rows.iter().map(|row| row.flat.is_none()).collect();
    for group in groups(rows, &chosen) {
        let widths = widths(&rows[group.clone()], operand);
        for index in group {
            let row = &rows[index];
            if row.broken.is_some() && !chosen[index] {
                let line = align(row.cells(false), &widths, row.gap());
                let width = line.width.map(|width| width + depth * INDENT + separator.len());
                chosen[index] = width.is_none_or(|width| width > LINE_WIDTH);
            }
        }
    }
    let mut parts = Vec::with_capacity(rows.len() * 4);
    for group in groups(rows, &chosen) {
        let group_widths = widths(&rows[group.clone()], operand);
        for index in group {
            let (row, broken) = (&rows[index], chosen[index]);
            let widths: &[usize] = if broken && row.hanging { &[] } else { &group_widths };
            parts.push(Doc::newline(row.blank_above));
            parts.push(row.comments.clone());
            parts.push(Doc::newline(row.blank_below_comments));
            parts.push(align(row.cells(broken), widths, row.gap()));
            parts.push(row.before_comma.clone());
            parts.push(Doc::text(separator));
        }
    }
    Doc::sequence(parts)
}

impl Row {
    /// Spaces before the third and later columns: those of a space are settings.
    fn gap(&self) -> usize {
        if self.kind == "space" { 2 } else { 1 }
    }

    /// The cells of the wanted form, or of the only form there is.
    fn cells(&self, broken: bool) -> &[Option<Doc>] {
        let (first, second) = if broken { (&self.broken, &self.flat) } else { (&self.flat, &self.broken) };
        first.as_ref().or(second.as_ref()).map_or(&[], Vec::as_slice)
    }
}

/// Width of the first of several cells, if it may be aligned.
fn leading_width(cells: &[Option<Doc>]) -> Option<usize> {
    let mut present = cells.iter().flatten();
    let first = present.next()?;
    present.next()?;
    first.width.filter(|width| *width <= WIDEST_CELL)
}

/// Ranges of neighbouring rows that share columns; a broken row is the last of its range.
fn groups(rows: &[Row], broken: &[bool]) -> Vec<std::ops::Range<usize>> {
    let mut groups = Vec::new();
    let mut start = 0;
    for index in 1..=rows.len() {
        let ends = rows.get(index).is_none_or(|row| {
            row.comment_above
                || row.blank_above
                || row.blank_below_comments
                || row.kind != rows[index - 1].kind
                || broken[index - 1]
        });
        if ends {
            groups.push(start..index);
            start = index;
        }
    }
    if rows.is_empty() { Vec::new() } else { groups }
}

/// The widths of the columns of a group; only cells that something follows in their row count.
fn widths(rows: &[Row], operand: Option<usize>) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        let cells = row.cells(false);
        let last = cells.iter().rposition(Option::is_some).unwrap_or(0);
        for (column, cell) in cells[..last.min(cells.len())].iter().enumerate() {
            if widths.len() <= column {
                widths.push(0);
            }
            let Some(cell) = cell else { continue };
            let Some(width) = cell.width.filter(|width| *width <= WIDEST_CELL) else {
                break;
            };
            widths[column] = widths[column].max(width);
        }
    }
    if let (Some(operand), Some(first)) = (operand, widths.first_mut()) {
        *first = operand;
    }
    widths
}

/// A line with its cells padded to `widths`; after a cell that is wider nothing is padded.
fn align(cells: &[Option<Doc>], widths: &[usize], row_gap: usize) -> Doc {
    let last = cells.iter().rposition(Option::is_some).unwrap_or(0);
    let mut parts = Vec::with_capacity(cells.len() * 2);
    let mut padded = true;
    let mut missing = 0;
    let mut started = false;
    for (column, cell) in cells.iter().enumerate().take(last + 1) {
        let gap = if column > 1 { row_gap } else { 1 };
        let width = widths.get(column).copied().unwrap_or(0);
        let Some(cell) = cell else {
            missing += if width > 0 { width + gap } else { 0 };
            continue;
        };
        if started {
            parts.push(Doc::spaces(gap + if padded { missing } else { 0 }));
        }
        missing = 0;
        started = true;
        parts.push(cell.clone());
        padded = padded && cell.width.is_some_and(|own| own <= WIDEST_CELL);
        if padded && column < last {
            missing = width.saturating_sub(cell.width.unwrap_or(0));
        }
    }
    Doc::sequence(parts)
}

/// A block in braces in both forms.
#[derive(Clone, Debug)]
pub(super) struct Braces {
    /// On one line; none where the writer broke it over several lines.
    pub flat: Option<Doc>,
    /// The same in cells, one for each row in it.
    pub columns: Cells,
    /// Over several lines.
    pub broken: Doc,
}

impl Braces {
    /// The row of a block after other cells.
    pub fn after(self, cells: &[Option<Doc>], head: Option<&Doc>) -> (Option<Cells>, Option<Cells>) {
        let with = |block: Doc| {
            let mut all = cells.to_vec();
            all.push(Some(match head {
                Some(head) => sequence![head.clone(), Doc::space(), block],
                None => block,
            }));
            all
        };
        (self.flat.map(with), Some(with(self.broken)))
    }
}
