//! Lines and columns of the protocol, and offsets in texts.

use gen_lsp_types::{Position, Range};
use nsf_diagnostics::{SourceText, Span};

/// What columns count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Bytes.
    Utf8,
    /// Units of UTF-16, which every client knows.
    #[default]
    Utf16,
}

/// The position of an offset; one inside of a character is that of the character.
pub(crate) fn position(text: &SourceText, offset: u32, encoding: Encoding) -> Position {
    let offset = (offset as usize).min(text.len());
    let line = text.line_index(offset as u32);
    let before = text.get(text.line_span(line).start as usize..floor(text, offset)).unwrap_or_default();
    let character = match encoding {
        Encoding::Utf16 if !before.is_ascii() => before.encode_utf16().count() as u32,
        Encoding::Utf8 | Encoding::Utf16 => before.len() as u32,
    };
    Position { line: line as u32, character }
}

pub(crate) fn range(text: &SourceText, span: Span, encoding: Encoding) -> Range {
    Range { start: position(text, span.start, encoding), end: position(text, span.end, encoding) }
}

/// The offset of a position; one behind the end of its line is the end of the line, one behind the last line is the end of the
/// text, as the protocol wants it.
pub(crate) fn offset(text: &SourceText, position: Position, encoding: Encoding) -> u32 {
    let span = text.line_span(position.line as usize);
    let line = span.text(text);
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
    span.start + within as u32
}

pub(crate) fn span(text: &SourceText, range: Range, encoding: Encoding) -> Span {
    Span::new(offset(text, range.start, encoding), offset(text, range.end, encoding))
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
        let text = SourceText::new(TEXT);
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            for (offset, _) in TEXT.char_indices().filter(|(_, character)| *character != '\r' && *character != '\n') {
                let there = position(&text, offset as u32, encoding);
                assert_eq!(super::offset(&text, there, encoding), offset as u32, "{encoding:?} {there:?}");
            }
        }
        assert_eq!(position(&text, 7, Encoding::Utf16), at(1, 2));
        assert_eq!(position(&text, 11, Encoding::Utf16), at(1, 4));
        assert_eq!(position(&text, 11, Encoding::Utf8), at(1, 8));
    }

    #[test]
    fn a_position_that_is_not_there_is_the_nearest_before_it() {
        let text = SourceText::new(TEXT);
        assert_eq!(offset(&text, at(0, 99), Encoding::Utf16), 2);
        assert_eq!(offset(&text, at(1, 99), Encoding::Utf16), 12, "before the line's end");
        assert_eq!(offset(&text, at(9, 0), Encoding::Utf8), TEXT.len() as u32);
        // In the middle of a character.
        assert_eq!(offset(&text, at(1, 1), Encoding::Utf8), 3);
        assert_eq!(offset(&text, at(1, 3), Encoding::Utf16), 7);
        assert_eq!(position(&text, 4, Encoding::Utf8), at(1, 0));
    }
}
