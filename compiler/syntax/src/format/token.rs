//! The words of a text as the formatter sees them: every token with its place, and the comments that stand before it.
//!
//! The formatter reads the text a second time, beside the tree, so that each token and each comment is printed by its
//! place in the text and none can be lost.

use unicode_ident::{is_xid_continue, is_xid_start};

use crate::scan::{raw_text_end, raw_text_start, text_end};

/// A comment of any kind (`//`, `///`, `//!`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Comment<'a> {
    /// From the sign to the last character that is not a blank.
    pub text: &'a str,
    /// Whether only blanks stand before it on its line.
    pub own_line: bool,
    /// Whether an empty line stands before it.
    pub blank_before: bool,
}

/// A token with the comments before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// As written; empty at the end of the text.
    pub text: &'a str,
    /// Offset of its first byte.
    pub start: u32,
    /// Its line, counted from 0.
    pub line: u32,
    /// The comments between the token before it and itself.
    pub comments: Vec<Comment<'a>>,
    /// Whether an empty line stands between it and the token or comment before it.
    pub blank_before: bool,
    /// Whether a line ends between the token before it and the first thing after that (comment or token).
    pub line_before: bool,
}

/// Reads `text` into tokens; the last one is empty and carries the comments at the end of the text.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut reader = Reader { text, position: if text.starts_with('\u{feff}') { 3 } else { 0 }, line: 0 };
    let mut tokens = Vec::with_capacity(text.len() / 4);
    let mut first = true;
    loop {
        let token = reader.token(first);
        let done = token.text.is_empty();
        tokens.push(token);
        if done {
            return tokens;
        }
        first = false;
    }
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
    line: u32,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.position..]
    }

    /// Skips blanks and returns how many lines ended.
    fn blanks(&mut self) -> u32 {
        let rest = self.rest();
        let trimmed = rest.trim_start();
        let skipped = &rest[..rest.len() - trimmed.len()];
        self.position += skipped.len();
        let lines = line_ends(skipped);
        self.line = self.line.saturating_add(lines);
        lines
    }

    fn token(&mut self, first: bool) -> Token<'a> {
        let mut comments = Vec::new();
        let mut line_before = first;
        loop {
            let lines = self.blanks();
            if comments.is_empty() {
                line_before |= lines > 0;
            }
            if self.rest().starts_with("//") {
                let line = self.rest().split('\n').next().unwrap_or("");
                self.position += line.len();
                comments.push(Comment {
                    text: line.trim_end(),
                    own_line: lines > 0 || first && comments.is_empty(),
                    blank_before: lines > 1,
                });
                continue;
            }
            let start = self.position;
            self.position += token_length(self.text, start);
            let text = &self.text[start..self.position];
            let line = self.line;
            self.line = line.saturating_add(line_ends(text));
            return Token {
                text,
                start: u32::try_from(start).unwrap_or(u32::MAX),
                line,
                comments,
                blank_before: lines > 1,
                line_before,
            };
        }
    }
}

/// How many lines end in `text`.
fn line_ends(text: &str) -> u32 {
    let lines = text.bytes().filter(|byte| *byte == b'\n').count();
    u32::try_from(lines).unwrap_or(u32::MAX)
}

/// Signs of more than one character; longer ones first.
const SIGNS: [&str; 12] = ["...", "..", "==", "=>", "!=", "<=", ">=", "->", "??", "?.", "+=", "-="];

/// Length in bytes of the token at `start`; 0 only at the end of `text`.
fn token_length(text: &str, start: usize) -> usize {
    let rest = &text[start..];
    let Some(first) = rest.chars().next() else {
        return 0;
    };
    if first == '"' {
        return text_end(text.as_bytes(), start).end() - start;
    }
    if let Some(hashes) = raw_text_start(text.as_bytes(), start) {
        return raw_text_end(text.as_bytes(), start, hashes).end() - start;
    }
    if first == '_' || is_xid_start(first) {
        return name_length(rest);
    }
    if first.is_ascii_digit() {
        return number_length(rest);
    }
    if first == '#' {
        return 1 + name_length(&rest[1..]);
    }
    if first == '@' {
        return 1 + instant_length(&rest[1..]);
    }
    SIGNS.iter().find(|sign| rest.starts_with(**sign)).map_or(first.len_utf8(), |sign| sign.len())
}

/// Length of the characters at the start of `rest` that may continue a name.
fn name_length(rest: &str) -> usize {
    rest.find(|character| !is_xid_continue(character)).unwrap_or(rest.len())
}

/// Length of a number, a percentage or a duration.
fn number_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let digit = |index: usize| bytes.get(index).is_some_and(u8::is_ascii_digit);
    let mut end = 0;
    let hexadecimal = rest.starts_with("0x") || rest.starts_with("0X");
    loop {
        let word = name_length(&rest[end..]);
        end += word;
        let exponent = !hexadecimal
            && word > 0
            && matches!(bytes[end - 1], b'e' | b'E')
            && matches!(bytes.get(end), Some(b'+' | b'-'))
            && digit(end + 1);
        let fraction = !hexadecimal && bytes.get(end) == Some(&b'.') && digit(end + 1);
        if !exponent && !fraction {
            break;
        }
        end += 1;
    }
    let whole = rest[..end]
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'e' | b'E' | b'+' | b'-'));
    if whole && bytes.get(end) == Some(&b'%') {
        let after = rest[end + 1..].chars().next();
        let operand = after.is_some_and(|c| is_xid_continue(c) || matches!(c, '(' | '[' | '{'));
        if !operand {
            return end + 1;
        }
    }
    end
}

/// Length of a date or timestamp after its `@`.
fn instant_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let run = |from: usize, accept: fn(u8) -> bool| {
        bytes[from.min(bytes.len())..].iter().take_while(|byte| accept(**byte)).count()
    };
    let date = run(0, |byte| byte.is_ascii_digit() || byte == b'-').min(10);
    if !matches!(bytes.get(date), Some(b'T' | b't')) {
        return date;
    }
    let mut end = date + 1;
    end += run(end, |byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'));
    match bytes.get(end) {
        Some(b'Z' | b'z') => end + 1,
        Some(b'+' | b'-') => end + 1 + run(end + 1, |byte| byte.is_ascii_digit() || byte == b':'),
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        let mut all: Vec<&str> = tokens(text).iter().map(|token| token.text).collect();
        assert_eq!(all.pop(), Some(""));
        all
    }

    #[test]
    fn numbers_percentages_and_ranges_are_told_apart() {
        assert_eq!(texts("1_000 0x1F 1.5 2e-3 80% 1h30min"), ["1_000", "0x1F", "1.5", "2e-3", "80%", "1h30min"]);
        assert_eq!(
            texts("3..9 a%b 80 % y 8%y 0xe-1"),
            ["3", "..", "9", "a", "%", "b", "80", "%", "y", "8", "%", "y", "0xe", "-", "1"]
        );
    }

    #[test]
    fn instants_end_before_an_operator() {
        assert_eq!(
            texts("@2023-05-20-1d @2023-05-20T23:30:00+08:00 @2023-05-20T23:30Z..x"),
            ["@2023-05-20", "-", "1d", "@2023-05-20T23:30:00+08:00", "@2023-05-20T23:30Z", "..", "x"]
        );
    }

    #[test]
    fn a_text_holds_its_interpolations_and_escapes() {
        let text = r###"["a {f("x}")} // no \" \u{41}", r"\", r##"a"#"##, r]"###;
        assert_eq!(
            texts(text),
            ["[", r#""a {f("x}")} // no \" \u{41}""#, ",", "r\"\\\"", ",", "r##\"a\"#\"##", ",", "r", "]"]
        );
    }

    #[test]
    fn a_raw_text_may_span_lines() {
        let all = tokens("r\"a\n  b\" x");
        assert_eq!(all[0].text, "r\"a\n  b\"");
        assert_eq!((all[0].line, all[1].line), (0, 1));
        assert!(!all[1].line_before);
    }

    #[test]
    fn comments_belong_to_the_token_after_them() {
        let all = tokens("// a\nx // b\n\n// c\ny");
        assert_eq!(all[0].comments.len(), 1);
        assert!(all[0].comments[0].own_line);
        assert!(!all[1].comments[0].own_line && all[1].comments[1].blank_before);
        assert!(!all[1].line_before && !all[1].blank_before);
    }
}
