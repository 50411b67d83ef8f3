//! A text that is put together of new words and of copies of what is written elsewhere. Where each copy is from stays known, so
//! that what its names mean can be compared with what they meant there.

use nsf_diagnostics::{FileId, Location, Span};

/// A text while it is put together.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) text: String,
    pub(super) copies: Vec<Copied>,
}

/// A part of a draft that stands elsewhere letter for letter.
pub(super) struct Copied {
    /// Where.
    pub(super) from: Location,
    /// Its offset in the draft.
    pub(super) at: u32,
}

/// Lines that are copied: they lose the margin that they have and get another one.
pub(super) struct Passage<'t> {
    pub(super) text: &'t str,
    pub(super) file: FileId,
    pub(super) span: Span,
    pub(super) before: usize,
    pub(super) after: &'t str,
}

/// What stands in the place of a part of a passage.
pub(super) enum Piece<'t> {
    /// New words.
    Own(String),
    /// A part of a text.
    Copy(&'t str, Location),
}

impl Draft {
    pub(super) fn write(&mut self, words: &str) {
        self.text.push_str(words);
    }

    /// Writes a name; gives the offset that it has in the draft.
    pub(super) fn mark(&mut self, name: &str) -> Span {
        let start = self.text.len() as u32;
        self.write(name);
        Span::new(start, self.text.len() as u32)
    }

    /// Copies a part of a text as it is.
    pub(super) fn copy(&mut self, text: &str, from: Location) {
        self.copies.push(Copied { from, at: self.text.len() as u32 });
        self.text.push_str(from.span.text(text));
    }

    /// Copies lines; of some parts, which are in order, others stand in their places.
    pub(super) fn copy_lines(&mut self, lines: &Passage<'_>, others: &[(Span, Vec<Piece<'_>>)]) {
        let mut at = lines.span.start;
        for (place, pieces) in others.iter().filter(|(place, _)| lines.span.start <= place.start) {
            if place.start < at || lines.span.end < place.end {
                continue;
            }
            self.lines(lines, Span::new(at, place.start));
            for piece in pieces {
                match piece {
                    Piece::Own(words) => self.write(words),
                    Piece::Copy(text, from) => self.copy(text, *from),
                }
            }
            at = place.end;
        }
        self.lines(lines, Span::new(at, lines.span.end));
    }

    fn lines(&mut self, lines: &Passage<'_>, span: Span) {
        let mut at = span.start;
        for (index, line) in span.text(lines.text).split('\n').enumerate() {
            let end = at + line.len() as u32;
            if index > 0 {
                let blank = line.len() - line.trim_start_matches(' ').len();
                at += blank.min(lines.before) as u32;
                // What stands in the place of the line's first words has the margin, too.
                let rest = Span::new(at, lines.span.end.max(at)).text(lines.text);
                let is_blank = rest.is_empty() || rest.starts_with(['\n', '\r']);
                self.write("\n");
                self.write(if is_blank { "" } else { lines.after });
            }
            self.copy(lines.text, Span::new(at, end).in_file(lines.file));
            at = end + 1;
        }
    }
}
