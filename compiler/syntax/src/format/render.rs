//! Decides which lines end where, and prints a document.
//!
//! Spaces and line ends are held back until the next text comes, so that no line ends with a blank, a comment at the end
//! of a line goes before the line end that was due, and whatever follows a comment starts on a new line.

use unicode_width::UnicodeWidthStr;

use super::doc::{Doc, Kind};

/// Columns a line may have.
pub(super) const LINE_WIDTH: usize = 110;
/// Columns of one step further in.
pub(super) const INDENT: usize = 2;

/// Prints `doc`; every line ends with `line_end`.
pub(super) fn render(doc: &Doc, line_end: &'static str) -> String {
    let mut printer = Printer {
        line_end,
        output: String::new(),
        column: 0,
        due: Due::Nothing,
        after_comment: false,
        work: vec![Work { indent: 0, broken: true, doc: doc.clone() }],
    };
    while let Some(work) = printer.work.pop() {
        printer.print(work);
    }
    let mut output = printer.output;
    if !output.is_empty() {
        output.push_str(line_end);
    }
    output
}

/// What is printed before the next text.
#[derive(Clone, Copy)]
enum Due {
    Nothing,
    Spaces(usize),
    Newline { indent: usize, blank: bool },
}

struct Work {
    indent: usize,
    broken: bool,
    doc: Doc,
}

struct Printer {
    line_end: &'static str,
    output: String,
    column: usize,
    due: Due,
    /// Whether the last thing printed is a comment.
    after_comment: bool,
    /// What is still to be printed, the next at the end.
    work: Vec<Work>,
}

impl Printer {
    fn print(&mut self, work: Work) {
        let Work { indent, broken, doc } = work;
        match &*doc.kind {
            Kind::Text(text) => self.text(text),
            Kind::Spaces(count) => self.spaces(*count),
            Kind::Line { blank, .. } if broken => self.newline(indent, *blank),
            Kind::Line { flat, .. } => self.spaces(*flat),
            Kind::Newline { blank } => self.newline(indent, *blank),
            Kind::Nest(inner) => self.push(indent + INDENT, broken, inner),
            Kind::IfBroken(text) if broken => self.text(text),
            Kind::IfBroken(_) => {}
            Kind::Group(inner) => {
                let broken = broken && !self.fits(&doc);
                self.push(indent, broken, inner);
            }
            Kind::Choice(flat, other) => {
                if !broken || self.fits(flat) {
                    self.push(indent, false, flat);
                } else {
                    self.push(indent, true, other);
                }
            }
            Kind::Sequence(parts) => {
                for part in parts.iter().rev() {
                    self.push(indent, broken, part);
                }
            }
            Kind::Comment { text, own_line, blank } => self.comment(text, *own_line, *blank, indent),
        }
    }

    fn push(&mut self, indent: usize, broken: bool, doc: &Doc) {
        self.work.push(Work { indent, broken, doc: doc.clone() });
    }

    fn spaces(&mut self, count: usize) {
        match self.due {
            Due::Newline { .. } => {}
            Due::Spaces(due) => self.due = Due::Spaces(due.max(count)),
            Due::Nothing => self.due = Due::Spaces(count),
        }
    }

    fn newline(&mut self, indent: usize, blank: bool) {
        let earlier = matches!(self.due, Due::Newline { blank: true, .. });
        self.due = Due::Newline { indent, blank: blank || earlier };
    }

    fn text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.flush();
        self.output.push_str(text);
        self.column = match text.rsplit_once('\n') {
            Some((_, last)) => last.width(),
            None => self.column + text.width(),
        };
        self.after_comment = false;
    }

    /// Prints what is due.
    fn flush(&mut self) {
        match self.due {
            Due::Nothing => {}
            Due::Spaces(count) => {
                self.output.extend(std::iter::repeat_n(' ', count));
                self.column += count;
            }
            Due::Newline { indent, blank } => {
                if !self.output.is_empty() {
                    self.output.push_str(self.line_end);
                    self.output.push_str(if blank { self.line_end } else { "" });
                }
                self.output.extend(std::iter::repeat_n(' ', indent));
                self.column = indent;
            }
        }
        self.due = Due::Nothing;
    }

    fn comment(&mut self, text: &str, own_line: bool, blank: bool, indent: usize) {
        let inner = indent + INDENT;
        if !own_line && !self.after_comment && !self.output.is_empty() {
            self.output.push(' ');
            self.output.push_str(text);
            if !matches!(self.due, Due::Newline { .. }) {
                self.due = Due::Newline { indent: inner, blank: false };
            }
        } else {
            let place = match self.due {
                Due::Newline { indent, .. } => indent,
                _ if self.output.is_empty() => 0,
                _ => inner,
            };
            self.newline(place, blank);
            self.flush();
            self.output.push_str(text);
            self.due = Due::Newline { indent: place, blank: false };
        }
        self.after_comment = true;
    }

    /// Whether `doc` and what follows it up to the next place where a line may end fit on this line.
    fn fits(&self, doc: &Doc) -> bool {
        let Some(width) = doc.width else {
            return false;
        };
        let column = match self.due {
            Due::Nothing => self.column,
            Due::Spaces(count) => self.column + count,
            Due::Newline { indent, .. } => indent,
        };
        let Some(mut room) = LINE_WIDTH.checked_sub(column + width) else {
            return false;
        };
        let mut parts: Vec<(bool, &Doc)> = Vec::new();
        for work in self.work.iter().rev() {
            parts.push((work.broken, &work.doc));
            while let Some((broken, part)) = parts.pop() {
                match &*part.kind {
                    Kind::Newline { .. } | Kind::Comment { .. } => return true,
                    Kind::Line { .. } if broken => return true,
                    Kind::Choice(_, other) if broken => parts.push((true, other)),
                    Kind::Nest(inner) | Kind::Group(inner) | Kind::Choice(inner, _) => {
                        parts.push((broken, inner));
                    }
                    Kind::Sequence(inner) => {
                        parts.extend(inner.iter().rev().map(|part| (broken, part)));
                    }
                    Kind::IfBroken(text) if broken => match room.checked_sub(text.width()) {
                        Some(left) => room = left,
                        None => return false,
                    },
                    Kind::IfBroken(_) => {}
                    Kind::Text(_) if part.width.is_none() => return true,
                    Kind::Text(_) | Kind::Spaces(_) | Kind::Line { .. } => {
                        match room.checked_sub(part.width.unwrap_or(0)) {
                            Some(left) => room = left,
                            None => return false,
                        }
                    }
                }
            }
        }
        true
    }
}
