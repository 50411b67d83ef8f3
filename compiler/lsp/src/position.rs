//! Lines and columns of the protocol, and offsets in texts.

use gen_lsp_types::{Position, Range};
use nsf_diagnostics::Span;

/// What columns count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Bytes.
    Utf8,
    /// Units of UTF-16, which every client knows.
    #[default]
    Utf16,
}

/// Where the lines of a text start.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    starts: Vec<u32>,
}

impl Lines {
    pub(crate) fn of(text: &str) -> Self {
        let after = text.bytes().zip(1..).filter(|(byte, _)| *byte == b'\n').map(|(_, next)| next);
        Self { starts: std::iter::once(0).chain(after).collect() }
    }

    /// The position of an offset; one inside of a character is that of the character.
    pub(crate) fn position(&self, text: &str, offset: u32, encoding: Encoding) -> Position {
        let offset = (offset as usize).min(text.len());
        let line = self.starts.partition_point(|start| *start as usize <= offset) - 1;
        let before = text.get(self.starts[line] as usize..floor(text, offset)).unwrap_or_default();
        let character = match encoding {
            Encoding::Utf8 => before.len() as u32,
            Encoding::Utf16 => before.encode_utf16().count() as u32,
        };
        Position { line: line as u32, character }
    }

    pub(crate) fn range(&self, text: &str, span: Span, encoding: Encoding) -> Range {
        Range { start: self.position(text, span.start, encoding), end: self.position(text, span.end, encoding) }
    }

    /// The offset of a position; one behind the end of its line is the end of the line, one behind the last line is the end of
    /// the text, as the protocol wants it.
    pub(crate) fn offset(&self, text: &str, position: Position, encoding: Encoding) -> u32 {
        let Some(start) = self.starts.get(position.line as usize).copied() else { return text.len() as u32 };
        let rest = text.get(start as usize..).unwrap_or_default();
        let line = rest.lines().next().unwrap_or_default();
        let wanted = position.character as usize;
        let within = match encoding {
            Encoding::Utf8 => floor(line, wanted.min(line.len())),
            Encoding::Utf16 => {
                let mut units = 0;
                let behind = line.char_indices().find(|(_, character)| {
                    units += character.len_utf16();
                    units > wanted
                });
                behind.map_or(line.len(), |(at, _)| at)
            }
        };
        start + within as u32
    }

    pub(crate) fn span(&self, text: &str, range: Range, encoding: Encoding) -> Span {
        let (start, end) = (self.offset(text, range.start, encoding), self.offset(text, range.end, encoding));
        Span::new(start.min(end), start.max(end))
    }
}

/// The start of the character that an offset is in.
fn floor(text: &str, mut offset: usize) -> usize {
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "ab\n班a😀b\r\nlast";

    fn at(line: u32, character: u32) -> Position {
        Position { line, character }
    }

    #[test]
    fn every_offset_has_its_position_and_back() {
        let lines = Lines::of(TEXT);
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            for (offset, _) in TEXT.char_indices().filter(|(_, character)| *character != '\r' && *character != '\n') {
                let position = lines.position(TEXT, offset as u32, encoding);
                assert_eq!(lines.offset(TEXT, position, encoding), offset as u32, "{encoding:?} {position:?}");
            }
        }
        assert_eq!(lines.position(TEXT, 7, Encoding::Utf16), at(1, 2));
        assert_eq!(lines.position(TEXT, 11, Encoding::Utf16), at(1, 4));
        assert_eq!(lines.position(TEXT, 11, Encoding::Utf8), at(1, 8));
    }

    #[test]
    fn a_position_that_is_not_there_is_the_nearest_before_it() {
        let lines = Lines::of(TEXT);
        assert_eq!(lines.offset(TEXT, at(0, 99), Encoding::Utf16), 2);
        assert_eq!(lines.offset(TEXT, at(1, 99), Encoding::Utf16), 12, "before the line's end");
        assert_eq!(lines.offset(TEXT, at(9, 0), Encoding::Utf8), TEXT.len() as u32);
        // In the middle of a character.
        assert_eq!(lines.offset(TEXT, at(1, 1), Encoding::Utf8), 3);
        assert_eq!(lines.offset(TEXT, at(1, 3), Encoding::Utf16), 7);
        assert_eq!(lines.position(TEXT, 4, Encoding::Utf8), at(1, 0));
    }
}
