//! Program texts: the parser and the formatter.

use nsf_diagnostics::FileId;
use nsf_syntax::format::{FormatRefusal, format_text};
use nsf_syntax::{TokenKind, decode, parse, parse_bytes, tokens};

/// How many mistakes one byte of text may give at most. More would mean that one mistake is told again and again.
const MISTAKES_PER_BYTE: usize = 4;

/// The parser reads any bytes, gives the same for the same, and every mistake has a place in the text.
pub fn parser(bytes: &[u8]) {
    let first = parse_bytes(FileId::default(), bytes);
    let text = decode(bytes);
    assert!(first.errors.len() <= 8 + text.len() * MISTAKES_PER_BYTE, "{} mistakes", first.errors.len());
    for error in &first.errors {
        let span = error.location.span;
        let (start, end) = (span.start as usize, span.end as usize);
        assert!(start <= end && end <= text.len(), "the place {start}..{end} lies outside of the text");
        assert!(
            text.is_char_boundary(start) && text.is_char_boundary(end),
            "the place {start}..{end} cuts a character"
        );
    }
    let second = parse_bytes(FileId::default(), bytes);
    assert_eq!(first.errors, second.errors, "the second time the mistakes differ");
    every_byte_belongs_to_one_token(&text);
}

fn every_byte_belongs_to_one_token(text: &str) {
    let mut end = 0;
    for token in tokens(text) {
        let span = token.span;
        assert!(span.start as usize >= end && span.end > span.start, "tokens overlap or are empty at {}", span.start);
        end = span.end as usize;
        assert!(text.get(span.start as usize..end).is_some(), "a token cuts a character");
    }
}

/// What the formatter takes, it takes again and leaves as it is; the tokens stay, but for commas that end a list.
pub fn formatter(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let once = match format_text(text) {
        Ok(once) => once,
        Err(FormatRefusal::Mistakes { .. }) => return,
        Err(refusal) => panic!("{refusal}\n{text}"),
    };
    assert!(parse(FileId::default(), &once).errors.is_empty(), "what was printed has mistakes\n{text}\n→\n{once}");
    match format_text(&once) {
        Ok(twice) => assert_eq!(once, twice, "the second time it prints something else\n{text}"),
        Err(refusal) => panic!("the second time: {refusal}\n{text}\n→\n{once}"),
    }
    assert_eq!(words(text), words(&once), "the tokens differ\n{text}\n→\n{once}");
}

/// The tokens of a text without comments and without commas.
fn words(text: &str) -> Vec<&str> {
    let all = tokens(text).into_iter().filter(|token| token.kind != TokenKind::Comment);
    all.map(|token| token.text(text)).filter(|token| *token != ",").collect()
}
