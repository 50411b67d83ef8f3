//! The lines of a text that a diagnostic shows, short enough to be read and safe to be printed.
//!
//! Only the lines that a label touches are copied, so that the work for one diagnostic does not grow with the file; of
//! a line that is too wide only the neighbourhood of the labels stays.

use std::ops::Range;

use unicode_width::UnicodeWidthStr;

use crate::{LineColumn, SourceFile, Span};

/// Characters kept on either side of a labelled place in a line that is too wide.
const CONTEXT: usize = 36;
/// Lines shown after the one in which a label of many lines begins.
pub(super) const LINES_AFTER_START: usize = 3;
/// Lines shown before the one in which a label of many lines ends.
pub(super) const LINES_BEFORE_END: usize = 1;

/// How wide and in which characters.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    /// Columns a line may take before parts of it are left out.
    pub width: usize,
    /// Whether only ASCII signs may be added to the text.
    pub ascii: bool,
}

impl Shape {
    /// What stands for the part of a line that was left out.
    const fn ellipsis(self) -> &'static str {
        if self.ascii { "..." } else { "…" }
    }
}

/// A copy of some lines of a file.
pub(super) struct Excerpt {
    /// The path of the file.
    pub path: String,
    /// The copied lines, each with a line feed.
    pub text: String,
    /// Start of each line in `text`, and its number in the file, from 1.
    pub lines: Vec<(usize, usize)>,
    /// Where the labels stand in `text`, in the order of the spans they were made for.
    pub ranges: Vec<Range<usize>>,
    /// Start of each label in the file.
    pub places: Vec<LineColumn>,
}

/// The start and end of a span as offsets that exist in `text` and do not cut a character.
pub(super) fn bounds(span: Span, text: &str) -> (usize, usize) {
    let (low, high) = (span.start.min(span.end) as usize, span.start.max(span.end) as usize);
    (floor(text, low), floor(text, high))
}

/// The nearest character boundary at or before `offset`.
fn floor(text: &str, offset: usize) -> usize {
    let mut at = offset.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// The text with every character that a terminal would obey, or that would reorder the line, made visible.
pub(super) fn printable(text: &str, ascii: bool) -> String {
    text.chars().map(|character| shown(character, ascii)).collect()
}

fn shown(character: char, ascii: bool) -> char {
    match character {
        '\t' => '\t',
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' if ascii => '?',
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + character as u32).unwrap_or('?'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            if ascii {
                '?'
            } else {
                '\u{fffd}'
            }
        }
        _ => character,
    }
}

/// A line with what is too much left out, and where the marked offsets of the line came to stand.
pub(super) fn shorten(line: &str, marks: &[usize], shape: Shape) -> (String, Vec<usize>) {
    let windows = windows(line, marks, shape.width);
    let mut text = String::new();
    let mut pieces = Vec::with_capacity(windows.len());
    let mut at = 0;
    for window in windows {
        if window.start > at {
            text.push_str(shape.ellipsis());
        }
        at = window.end;
        pieces.push((window.clone(), text.len()));
        text.push_str(&printable(&line[window], shape.ascii));
    }
    if at < line.len() {
        text.push_str(shape.ellipsis());
    }
    let place = |mark: usize| {
        let mark = floor(line, mark);
        let piece = pieces.iter().find(|(window, _)| window.start <= mark && mark <= window.end);
        piece.map_or(text.len(), |(window, start)| start + printable(&line[window.start..mark], shape.ascii).len())
    };
    let places = marks.iter().map(|mark| place(*mark)).collect();
    (text, places)
}

/// The parts of a line that are kept: all of it when it is narrow enough, otherwise what is near a mark.
fn windows(line: &str, marks: &[usize], width: usize) -> Vec<Range<usize>> {
    // A character takes at most four bytes and at most two columns, so most lines need not be measured.
    if line.len() <= width || (line.len() <= width * 4 && line.width() <= width) {
        return std::iter::once(0..line.len()).collect();
    }
    if marks.is_empty() {
        return std::iter::once(0..after(line, 0, width)).collect();
    }
    let mut around: Vec<Range<usize>> = marks
        .iter()
        .map(|mark| floor(line, *mark))
        .map(|mark| before(line, mark, CONTEXT)..after(line, mark, CONTEXT))
        .collect();
    around.sort_by_key(|window| (window.start, window.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(around.len());
    for window in around {
        match merged.last_mut() {
            Some(last) if window.start <= last.end + 3 => last.end = last.end.max(window.end),
            _ => merged.push(window),
        }
    }
    merged
}

fn before(line: &str, at: usize, characters: usize) -> usize {
    line[..at].char_indices().rev().nth(characters.saturating_sub(1)).map_or(0, |(index, _)| index)
}

fn after(line: &str, at: usize, characters: usize) -> usize {
    line[at..].char_indices().nth(characters).map_or(line.len(), |(index, _)| at + index)
}

impl Excerpt {
    /// Copies what `spans` touch.
    pub(super) fn new(file: &SourceFile, spans: &[Span], shape: Shape) -> Self {
        let bounds: Vec<(usize, usize)> = spans.iter().map(|span| label_bounds(*span, file)).collect();
        let mut excerpt = Self {
            path: file.path.clone(),
            text: String::new(),
            lines: Vec::new(),
            ranges: vec![0..0; spans.len()],
            places: bounds.iter().map(|(start, _)| file.line_column(*start as u32)).collect(),
        };
        let mut previous: Option<usize> = None;
        for line in touched_lines(&bounds, file) {
            if previous.is_some_and(|previous| previous + 1 < line) {
                excerpt.skip(previous.unwrap_or(0));
            }
            excerpt.copy_line(file, line, &bounds, shape);
            previous = Some(line);
        }
        excerpt
    }

    /// Two empty lines make the renderer show a break instead of pretending that neighbours were neighbours.
    fn skip(&mut self, previous: usize) {
        for line in [previous + 2, previous + 3] {
            self.lines.push((self.text.len(), line));
            self.text.push('\n');
        }
    }

    fn copy_line(&mut self, file: &SourceFile, line: usize, bounds: &[(usize, usize)], shape: Shape) {
        let span = file.line_span(line).range();
        let here = |offset: usize| file.line_index(offset as u32) == line;
        let mut marks = Vec::new();
        let mut owners = Vec::new();
        for (label, (start, end)) in bounds.iter().enumerate() {
            for (offset, is_start) in [(*start, true), (*end, false)] {
                if here(offset) {
                    marks.push(offset.saturating_sub(span.start).min(span.len()));
                    owners.push((label, is_start));
                }
            }
        }
        let source = file.text.get(span).unwrap_or("");
        let (text, places) = shorten(source, &marks, shape);
        let base = self.text.len();
        for ((label, is_start), place) in owners.into_iter().zip(places) {
            let range = &mut self.ranges[label];
            if is_start {
                range.start = base + place;
            } else {
                range.end = base + place;
            }
        }
        self.lines.push((base, line + 1));
        self.text.push_str(&text);
        self.text.push('\n');
    }
}

/// The bounds of a label; one that ends with its line's line feed ends before it, so that the next line stays out.
fn label_bounds(span: Span, file: &SourceFile) -> (usize, usize) {
    let (start, mut end) = bounds(span, &file.text);
    if end > start && file.text.as_bytes().get(end - 1) == Some(&b'\n') {
        end -= 1;
    }
    (start, end)
}

/// The zero-based lines to copy, in order, each once. A single line between two of them comes along.
fn touched_lines(bounds: &[(usize, usize)], file: &SourceFile) -> Vec<usize> {
    let mut lines = Vec::new();
    for (start, end) in bounds {
        let (first, last) = (file.line_index(*start as u32), file.line_index(*end as u32));
        lines.extend(first..=last.min(first + LINES_AFTER_START));
        lines.extend(last.saturating_sub(LINES_BEFORE_END).max(first)..=last);
    }
    lines.sort_unstable();
    lines.dedup();
    let gaps: Vec<usize> = lines.windows(2).filter(|pair| pair[1] - pair[0] == 2).map(|pair| pair[0] + 1).collect();
    lines.extend(gaps);
    lines.sort_unstable();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const NARROW: Shape = Shape { width: 80, ascii: false };

    #[test]
    fn a_narrow_line_stays_as_it_is() {
        assert_eq!(shorten("a b", &[2], NARROW), ("a b".to_owned(), vec![2]));
    }

    #[test]
    fn a_wide_line_keeps_what_is_near_its_marks() {
        let line = format!("{}here{}", "a".repeat(50_000), "b".repeat(50_000));
        let (text, places) = shorten(&line, &[50_000, 50_004], NARROW);
        assert_eq!(&text[places[0]..places[1]], "here");
        assert!(text.starts_with('…') && text.ends_with('…'));
        assert!(text.chars().count() < 100, "{text}");
    }

    #[test]
    fn marks_inside_wide_characters_fall_on_their_start() {
        let line = "学".repeat(4_000);
        let (text, places) = shorten(&line, &[3_001], NARROW);
        assert!(text.is_char_boundary(places[0]));
    }

    #[test]
    fn control_and_direction_characters_become_visible() {
        assert_eq!(printable("a\u{1b}[31m\u{202e}\u{0}\tb", false), "a\u{241b}[31m\u{fffd}\u{2400}\tb");
        assert_eq!(printable("a\u{1b}\u{202e}", true), "a??");
    }

    #[test]
    fn reversed_and_overlong_spans_are_held_inside_the_text() {
        assert_eq!(bounds(Span { start: 900, end: 1 }, "学生"), (0, 6));
    }
}
