//! The width of texts, as a font with letters of one width would have it. What a reader's font really is, nobody knows
//! here: the widths are those of the wider ones, and texts that are cut say so.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Thousandths of the font's size that a narrow letter takes: of the usual fonts none takes more.
const LETTER: i32 = 615;

/// The width of a text in pixels; wide letters count twice.
pub(super) fn width(text: &str, size: i32) -> i32 {
    (text.width() as i32 * size * LETTER + 999) / 1000
}

/// A text of at most so many columns, with a mark where something is left out.
pub(super) fn cut(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 1;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used > columns {
            break;
        }
        cut.push(character);
    }
    let mut cut = cut.trim_end().to_owned();
    cut.push('…');
    cut
}

/// Puts words into lines of at most so many columns; none is broken but cut where it is too long by itself.
pub(super) fn wrap(words: &[String], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= columns => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(cut(word, columns)),
        }
    }
    lines
}

/// A text as XML holds it. What XML cannot hold at all becomes a mark.
pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push(' '),
            '\u{FFFE}' | '\u{FFFF}' => escaped.push('\u{FFFD}'),
            other if other.is_control() => escaped.push('\u{FFFD}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_letters_count_twice_and_are_not_cut_in_half() {
        assert_eq!(width("班级", 10), width("abcd", 10));
        assert_eq!(cut("班级学生场次", 7), "班级学…");
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "abcd…");
    }

    #[test]
    fn lines_hold_whole_words() {
        let words = ["id: int64,", "city: text,", "a_very_long_name: text"].map(str::to_owned);
        assert_eq!(wrap(&words, 22), ["id: int64, city: text,", "a_very_long_name: text"]);
        assert_eq!(wrap(&words, 12), ["id: int64,", "city: text,", "a_very_long…"]);
    }

    #[test]
    fn what_means_something_in_xml_is_escaped() {
        assert_eq!(escaped("a < b && \"c\"\u{1}"), "a &lt; b &amp;&amp; &quot;c&quot;\u{FFFD}");
    }
}
