//! The tokens of a text, with their places. The parser does not need them; what explains mistakes and what compares
//! texts does.

use nsf_diagnostics::Span;
use unicode_ident::{is_xid_continue, is_xid_start};

use crate::scan::{RawTexts, TextEnd, line_end, raw_text_start, text_end};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// A name or keyword.
    Word,
    /// A number or duration, well formed or not.
    Number,
    /// `#1001`.
    FieldNumber,
    /// A date or timestamp, well formed or not.
    Moment,
    /// `"…"`, interpolations included.
    Text,
    /// `r"…"`.
    RawText,
    /// A text that is not closed, to the end of its line.
    UnclosedText,
    /// An operator, bracket or other sign.
    Sign,
    /// `//` to the end of the line.
    Comment,
    /// What the language does not have: `'text'`, `/* … */`, `；`, a NUL byte.
    Foreign,
}

/// A token with its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where.
    pub span: Span,
}

impl Token {
    /// The token as written.
    #[must_use]
    pub fn text(self, text: &str) -> &str {
        self.span.text(text)
    }
}

/// All tokens of a text, comments among them. Every byte that is no blank belongs to exactly one.
#[must_use]
pub fn tokens(text: &str) -> Vec<Token> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    tokens_in(text, start, text.len())
}

/// The tokens of a part of a text.
pub(crate) fn tokens_in(text: &str, start: usize, end: usize) -> Vec<Token> {
    let Some(part) = text.get(..end) else { return Vec::new() };
    let mut tokens = Vec::new();
    let mut raw_texts = RawTexts::default();
    let mut at = start;
    while let Some(character) = part.get(at..).and_then(|rest| rest.chars().next()) {
        if matches!(character, ' ' | '\t' | '\n' | '\r') {
            at += 1;
            continue;
        }
        let (kind, next) = token_at(part, at, character, &mut raw_texts);
        let next = next.clamp(at + character.len_utf8(), part.len());
        tokens.push(Token { kind, span: Span::new(at as u32, next as u32) });
        at = next;
    }
    tokens
}

/// Signs of more than one byte, longest first; those of other languages are known so that they can be named.
const SIGNS: [&str; 24] = [
    "===", "!==", "...", "=>", "->", "==", "!=", "<=", ">=", "??", "?.", "..", "+=", "-=", "*=", "/=", "&&", "||",
    "<>", ":=", "++", "**", "::", "--",
];

fn token_at(text: &str, at: usize, character: char, raw_texts: &mut RawTexts) -> (TokenKind, usize) {
    let bytes = text.as_bytes();
    let rest = text.get(at..).unwrap_or("");
    match character {
        '/' if rest.starts_with("//") => (TokenKind::Comment, trimmed_line_end(bytes, at)),
        '/' if rest.starts_with("/*") => {
            (TokenKind::Foreign, rest.find("*/").map_or(line_end(bytes, at), |close| at + close + 2))
        }
        '"' => text_token(text_end(bytes, at), TokenKind::Text),
        'r' if raw_text_start(bytes, at).is_some() => {
            let hashes = raw_text_start(bytes, at).unwrap_or(0);
            text_token(raw_texts.end(bytes, at, hashes), TokenKind::RawText)
        }
        '_' => (TokenKind::Word, word_end(text, at)),
        first if is_xid_start(first) => (TokenKind::Word, word_end(text, at)),
        // A timestamp that lacks its sign.
        '0'..='9' if is_bare_moment(rest) => (TokenKind::Foreign, moment_end(bytes, at)),
        '0'..='9' => (TokenKind::Number, number_end(text, at)),
        '@' => (TokenKind::Moment, moment_end(bytes, at)),
        '#' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => (TokenKind::FieldNumber, word_end(text, at + 1)),
        '#' => (TokenKind::Foreign, trimmed_line_end(bytes, at)),
        '\'' | '`' | '“' | '„' | '‘' | '‚' | '「' | '『' | '«' | '‹' => {
            (TokenKind::Foreign, foreign_text_end(text, at, character))
        }
        '{' | '}' | '[' | ']' | '(' | ')' | ',' | ':' | '.' | '=' | '<' | '>' | '+' | '-' | '*' | '/' | '%' | '?'
        | '|' | '!' | '&' => {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            (TokenKind::Sign, at + sign.map_or(1, |sign| sign.len()))
        }
        _ => (TokenKind::Foreign, at + character.len_utf8()),
    }
}

fn text_token(end: TextEnd, kind: TokenKind) -> (TokenKind, usize) {
    match end {
        TextEnd::Closed(end) => (kind, end),
        TextEnd::Unclosed { end, .. } | TextEnd::TooDeep { end, .. } => (TokenKind::UnclosedText, end),
    }
}

fn trimmed_line_end(bytes: &[u8], at: usize) -> usize {
    let end = line_end(bytes, at);
    if end > at && bytes.get(end - 1) == Some(&b'\r') { end - 1 } else { end }
}

fn word_end(text: &str, at: usize) -> usize {
    let rest = text.get(at..).unwrap_or("");
    at + rest.find(|c: char| c != '_' && !is_xid_continue(c)).unwrap_or(rest.len())
}

/// A number goes on over a point and digits, and over the sign of an exponent; a percent sign belongs to it unless what
/// follows makes it the operator.
fn number_end(text: &str, at: usize) -> usize {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is_hex = text.get(at..).is_some_and(|rest| rest.starts_with("0x"));
    let mut end = word_end(text, at);
    if bytes.get(end) == Some(&b'.') && is_digit(end + 1) {
        end = word_end(text, end + 1);
    }
    let exponent = matches!(bytes.get(end - 1), Some(b'e' | b'E')) && !is_hex;
    if exponent && matches!(bytes.get(end), Some(b'+' | b'-')) && is_digit(end + 1) {
        end = word_end(text, end + 1);
    }
    if bytes.get(end) == Some(&b'%') {
        let after = text.get(end + 1..).and_then(|rest| rest.chars().next());
        let is_operator = after.is_some_and(|c| matches!(c, '(' | '[' | '{' | '_') || is_xid_continue(c));
        end += usize::from(!is_operator);
    }
    end
}

pub(crate) fn moment_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(&byte) = bytes.get(end) {
        let goes_on = match byte {
            b'0'..=b'9' | b'T' | b'Z' | b't' | b'z' | b':' => true,
            b'-' | b'+' | b'.' => bytes.get(end + 1).is_some_and(u8::is_ascii_digit),
            _ => byte.is_ascii_alphabetic(),
        };
        if !goes_on {
            break;
        }
        end += 1;
    }
    end
}

/// Whether a date with a time stands here: without its time it is a subtraction.
fn is_bare_moment(text: &str) -> bool {
    const FORM: &[u8] = b"0000-00-00T00:00";
    text.len() >= FORM.len()
        && text.bytes().zip(FORM).all(|(own, form)| if *form == b'0' { own.is_ascii_digit() } else { own == *form })
}

/// `'text'` or `“text”` on one line; only the quote where nothing closes it.
fn foreign_text_end(text: &str, at: usize, quote: char) -> usize {
    let after = at + quote.len_utf8();
    let line = text.get(after..line_end(text.as_bytes(), at)).unwrap_or("");
    let closes = |c: char| match quote {
        '“' | '„' => matches!(c, '”' | '“' | '"'),
        '‘' | '‚' => matches!(c, '’' | '‘'),
        '「' => c == '」',
        '『' => c == '』',
        '«' => c == '»',
        '‹' => c == '›',
        _ => c == quote,
    };
    let closing: Vec<(usize, char)> = line.char_indices().filter(|(_, c)| closes(*c)).collect();
    // Between letters it is an apostrophe, if the text ends behind it.
    let is_apostrophe = |(found, c): &&(usize, char)| {
        let letter = |own: Option<char>| own.is_some_and(char::is_alphabetic);
        let before = line.get(..*found).and_then(|before| before.chars().next_back());
        let behind = line.get(found + c.len_utf8()..).and_then(|behind| behind.chars().next());
        quote == '\'' && letter(before) && letter(behind)
    };
    let end = closing.iter().find(|own| !is_apostrophe(own)).or(closing.first());
    end.map_or(after, |(found, c)| after + found + c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Vec<(TokenKind, &str)> {
        tokens(text).into_iter().map(|token| (token.kind, token.text(text))).collect()
    }

    #[test]
    fn a_line_is_cut_into_its_tokens() {
        use TokenKind as K;
        let found = listed("a?.b ?? 1.5e-3 + r#\"x\"y\"# .. \"t{\"u\"}\" // end");
        let texts: Vec<&str> = found.iter().map(|(_, text)| *text).collect();
        assert_eq!(texts, ["a", "?.", "b", "??", "1.5e-3", "+", "r#\"x\"y\"#", "..", "\"t{\"u\"}\"", "// end"]);
        assert_eq!(found[4].0, K::Number);
        assert_eq!(found[6].0, K::RawText);
        assert_eq!(found[8].0, K::Text);
    }

    #[test]
    fn a_percent_sign_belongs_to_its_number_only_where_it_can() {
        assert_eq!(listed("80%)").len(), 2);
        assert_eq!(listed("80%(a").len(), 4);
        assert_eq!(listed("80 %3").len(), 3);
    }

    #[test]
    fn moments_end_before_a_range() {
        let texts: Vec<&str> = listed("@2023-05-20..@2023-05-21T10:00:00.5+08:00").iter().map(|(_, t)| *t).collect();
        assert_eq!(texts, ["@2023-05-20", "..", "@2023-05-21T10:00:00.5+08:00"]);
    }

    #[test]
    fn what_the_language_does_not_have_is_foreign() {
        let found = listed("'a b' ； “x” /* no */ `");
        assert!(found.iter().all(|(kind, _)| *kind == TokenKind::Foreign), "{found:?}");
        assert_eq!(found.len(), 5);
    }
}
