//! Mistakes that show in a single token: texts that are not closed, signs of other languages, numbers that are none.
//!
//! Where what was meant is certain, the part is also written anew in a copy of the text, at the same length, so that the
//! rest of the statement can be read and every place stays true.

use nsf_diagnostics::Span;
use pest::Parser;

use crate::error::{Form, SyntaxErrorKind};
use crate::grammar::{Grammar, Rule};
use crate::scan::{TextEnd, raw_text_start, text_end};
use crate::token::{Token, TokenKind};

/// A mistake in one token.
#[derive(Clone, Debug)]
pub(crate) struct LexicalMistake {
    /// Where.
    pub(crate) span: Span,
    /// What.
    pub(crate) kind: SyntaxErrorKind,
    /// Parts of the text and what to read there instead, of the same length; none where the statement is lost.
    pub(crate) patches: Vec<(Span, String)>,
}

/// Every mistake in the tokens of a part of `text`.
pub(crate) fn mistakes(text: &str, tokens: &[Token]) -> Vec<LexicalMistake> {
    let mut found = Vec::new();
    let mut done = vec![false; tokens.len()];
    // The brackets that are open.
    let mut open: Vec<&str> = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if done.get(index).is_some_and(|done| *done) {
            continue;
        }
        match token.text(text) {
            sign @ ("(" | "[" | "{") => open.push(sign),
            ")" | "]" | "}" => drop(open.pop()),
            _ => {}
        }
        if let Some(run) = super::runs::at(text, tokens, index, open.last().copied().unwrap_or("")) {
            for own in run.tokens {
                if let Some(done) = done.get_mut(own) {
                    *done = true;
                }
            }
            found.push(run.mistake);
            continue;
        }
        found.extend(in_token(text, tokens, index, *token));
    }
    found
}

fn in_token(text: &str, tokens: &[Token], index: usize, token: Token) -> Vec<LexicalMistake> {
    let previous = index.checked_sub(1).and_then(|previous| tokens.get(previous));
    let one = match token.kind {
        TokenKind::UnclosedText => Some(unclosed(text, tokens, index, token)),
        TokenKind::Foreign => foreign(text, token),
        TokenKind::Sign => sign(text, token, previous),
        TokenKind::Number => number(text, token),
        TokenKind::FieldNumber => field_number(text, token),
        TokenKind::Moment if !is_whole(Rule::moment, token.text(text)) => {
            Some(lost(token.span, SyntaxErrorKind::MalformedMoment))
        }
        TokenKind::Text => return text_parts(text, token),
        _ => None,
    };
    one.into_iter().collect()
}

pub(super) fn lost(span: Span, kind: SyntaxErrorKind) -> LexicalMistake {
    LexicalMistake { span, kind, patches: Vec::new() }
}

/// A mistake that is read as something else, padded with blanks; lost where there is no room for it.
pub(super) fn instead(span: Span, kind: SyntaxErrorKind, read_as: impl Into<String>) -> LexicalMistake {
    LexicalMistake { span, kind, patches: padded(span, read_as).into_iter().collect() }
}

/// What is read at a place, padded with blanks; none where there is no room for it.
pub(super) fn padded(span: Span, read_as: impl Into<String>) -> Option<(Span, String)> {
    let mut read_as = read_as.into();
    while read_as.len() < span.len() as usize {
        read_as.push(' ');
    }
    (read_as.len() == span.len() as usize).then_some((span, read_as))
}

/// Whether a rule matches all of `text`.
pub(super) fn is_whole(rule: Rule, text: &str) -> bool {
    Grammar::parse(rule, text)
        .is_ok_and(|mut pairs| pairs.next().is_some_and(|pair| pair.as_span().end() == text.len()))
}

fn unclosed(text: &str, tokens: &[Token], index: usize, token: Token) -> LexicalMistake {
    let (bytes, start) = (text.as_bytes(), token.span.start as usize);
    let hashes = raw_text_start(bytes, start);
    let end = match hashes {
        Some(_) => TextEnd::Unclosed { end: token.span.end as usize, brace: None },
        None => text_end(bytes, start),
    };
    let closers = closers_at_end(text, tokens, index, token);
    // What is left of the text without them, and without the blanks between.
    let written = token.text(text);
    let body = written.get(..written.len() - closers.len()).unwrap_or("").trim_end_matches(' ');
    let outside = if closers.is_empty() { 0 } else { written.len() - body.len() };
    let (span, kind) = match end {
        TextEnd::Unclosed { brace: Some(brace), .. } => {
            let brace = Span::new(brace as u32, brace as u32 + 1);
            (brace, SyntaxErrorKind::UnclosedInterpolation { text: token.span })
        }
        TextEnd::TooDeep { at, .. } => (Span::new(at as u32, at as u32 + 1), SyntaxErrorKind::TooDeep),
        _ => (token.span, SyntaxErrorKind::UnclosedText { raw: hashes.is_some(), closers: outside as u32 }),
    };
    let length = token.span.len() as usize;
    let patch = (length >= closers.len() + 2).then(|| {
        let body = "_".repeat(length - closers.len() - 2);
        (token.span, format!("\"{body}\"{closers}"))
    });
    LexicalMistake { span, kind, patches: patch.into_iter().collect() }
}

/// The brackets at the end of an unclosed text that close what was opened before it on its line: `kafka("topic)`.
fn closers_at_end<'t>(text: &'t str, tokens: &[Token], index: usize, token: Token) -> &'t str {
    let mut open = 0_usize;
    let mut below = token;
    for before in tokens.get(..index).unwrap_or_default().iter().rev() {
        if Span::new(before.span.end, below.span.start).text(text).contains('\n') {
            break;
        }
        match before.text(text) {
            "(" | "[" | "{" => open += 1,
            ")" | "]" | "}" => open = open.saturating_sub(1),
            _ => {}
        }
        below = *before;
    }
    let written = token.text(text);
    let (mut length, mut closing) = (0, 0);
    for (index, byte) in written.bytes().rev().enumerate() {
        match byte {
            b')' | b']' | b'}' if closing < open => {
                closing += 1;
                length = index + 1;
            }
            b' ' => {}
            _ => break,
        }
    }
    written.get(written.len() - length..).unwrap_or("")
}

/// Signs of other writing systems and the sign that is meant.
const FULL_WIDTH: [(char, &str); 32] = [
    ('：', ":"),
    ('，', ","),
    ('、', ","),
    ('（', "("),
    ('）', ")"),
    ('【', "["),
    ('】', "]"),
    ('［', "["),
    ('］', "]"),
    ('｛', "{"),
    ('｝', "}"),
    ('＝', "="),
    ('＋', "+"),
    ('－', "-"),
    ('—', "-"),
    ('＊', "*"),
    ('／', "/"),
    ('＜', "<"),
    ('＞', ">"),
    ('．', "."),
    ('。', "."),
    ('％', "%"),
    ('–', "-"),
    ('−', "-"),
    ('≤', "<="),
    ('≥', ">="),
    ('≠', "!="),
    ('×', "*"),
    ('÷', "/"),
    ('…', ".."),
    ('→', "->"),
    ('⇒', "=>"),
];

/// What a sign or digit of another keyboard is here.
pub(super) fn plain_sign(written: &str) -> Option<String> {
    let mut characters = written.chars();
    let (first, rest) = (characters.next()?, characters.next());
    if rest.is_some() {
        return None;
    }
    let listed = FULL_WIDTH.iter().find(|(sign, _)| *sign == first).map(|(_, meant)| (*meant).to_owned());
    // The full-width forms of ASCII stand in its order.
    let wide =
        u32::from(first).checked_sub(0xFEE0).filter(|plain| (0x21..=0x7E).contains(plain)).and_then(char::from_u32);
    listed.or_else(|| wide.filter(|plain| !plain.is_ascii_alphabetic()).map(String::from))
}

fn foreign(text: &str, token: Token) -> Option<LexicalMistake> {
    let written = token.text(text);
    let first = written.chars().next()?;
    if let Some((_, meant)) = FULL_WIDTH.iter().find(|(sign, _)| *sign == first) {
        return Some(instead(token.span, SyntaxErrorKind::FullWidthSign { meant }, *meant));
    }
    if matches!(first, ';' | '；') {
        return Some(instead(token.span, SyntaxErrorKind::Semicolon, ""));
    }
    if is_quote(first) {
        return Some(quoted(token, written, first));
    }
    if first.is_ascii_digit() {
        let has_zone = written.ends_with(['Z', 'z']) || written.get(11..).is_some_and(|time| time.contains(['+', '-']));
        let meant = format!("@{written}{}", if has_zone { "" } else { "Z" });
        let edits = vec![(token.span, meant)];
        let kind = SyntaxErrorKind::OtherForm { form: Form::BareMoment, edits, sure: has_zone };
        return Some(instead(token.span, kind, "@2000-01-01T00:00Z"));
    }
    if written.starts_with("/*") {
        let blank: String = written.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
        return Some(instead(token.span, SyntaxErrorKind::BlockComment, blank));
    }
    if first == '#' {
        let sign = Span::new(token.span.start, token.span.start + 1);
        let patches = vec![(token.span, " ".repeat(written.len()))];
        return Some(LexicalMistake { span: sign, kind: SyntaxErrorKind::HashComment, patches });
    }
    if first.is_whitespace() || first.is_control() || is_invisible(first) {
        return Some(instead(token.span, SyntaxErrorKind::InvisibleCharacter { character: first }, ""));
    }
    Some(lost(token.span, SyntaxErrorKind::ForeignCharacter))
}

/// Whether a text begins or ends with this in another language.
fn is_quote(character: char) -> bool {
    matches!(
        character,
        '\'' | '`' | '“' | '”' | '„' | '‘' | '’' | '‚' | '「' | '」' | '『' | '』' | '«' | '»' | '‹' | '›'
    )
}

/// A text in other quotes; a name in back quotes is a name.
fn quoted(token: Token, written: &str, quote: char) -> LexicalMistake {
    let body: String = written.chars().skip(1).collect();
    let Some(body) = body.strip_suffix(|last: char| is_quote(last) || last == '"') else {
        return lost(token.span, SyntaxErrorKind::ForeignQuote { meant: None });
    };
    if quote == '`' && is_whole(Rule::name, body) {
        let edits = vec![(token.span, body.to_owned())];
        return instead(token.span, SyntaxErrorKind::OtherForm { form: Form::QuotedName, edits, sure: true }, body);
    }
    let length = token.span.len().saturating_sub(2) as usize;
    let (body, read_as) = if quote == '`' {
        (body.replace("${", "{"), body.replace("${", " {").replace('"', "_"))
    } else {
        (body.to_owned(), "_".repeat(length))
    };
    let meant = format!("\"{}\"", body.replace('"', "\\\""));
    instead(token.span, SyntaxErrorKind::ForeignQuote { meant: Some(meant) }, format!("\"{read_as}\""))
}

/// Characters that take no room or change the direction of the text.
pub(super) fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn sign(text: &str, token: Token, previous: Option<&Token>) -> Option<LexicalMistake> {
    let foreign = |meant: &'static str| SyntaxErrorKind::ForeignOperator { meant };
    Some(match token.text(text) {
        "&&" => lost(token.span, foreign("and")),
        "||" => instead(token.span, foreign("or"), "or"),
        "&" => lost(token.span, foreign("and")),
        "!" => lost(token.span, foreign("not ")),
        "===" => instead(token.span, foreign("=="), "=="),
        "!==" => instead(token.span, foreign("!="), "!="),
        "<>" if !touches_word(token, previous) => instead(token.span, foreign("!="), "!="),
        ":=" => instead(token.span, foreign("="), "="),
        _ => return None,
    })
}

/// Whether a name stands directly before, as in `list<>`.
fn touches_word(token: Token, previous: Option<&Token>) -> bool {
    previous.is_some_and(|previous| previous.kind == TokenKind::Word && previous.span.end == token.span.start)
}

fn number(text: &str, token: Token) -> Option<LexicalMistake> {
    let written = token.text(text);
    if is_whole(Rule::numeral, written) {
        return None;
    }
    let plain: String = written.chars().map(|own| plain_sign(&own.to_string()).unwrap_or_else(|| own.into())).collect();
    if plain != written && is_whole(Rule::numeral, &plain) {
        let edits = vec![(token.span, plain.clone())];
        return Some(instead(token.span, SyntaxErrorKind::OtherForm { form: Form::Digits, edits, sure: true }, plain));
    }
    let meant = meant_number(written);
    // Elsewhere months are so called, too.
    let sure = !written.ends_with(['m', 'M']);
    // Any number of its kind and length keeps the rest of the statement readable.
    let read_as = if meant.is_some() { "0s" } else { "0" };
    Some(instead(token.span, SyntaxErrorKind::MalformedNumber { meant, sure }, read_as))
}

/// A number that is read as the digits that it begins with.
fn field_number(text: &str, token: Token) -> Option<LexicalMistake> {
    let written = token.text(text);
    let digits = written.bytes().skip(1).take_while(u8::is_ascii_digit).count();
    let read_as = written.get(..=digits).unwrap_or("#0");
    (read_as != written).then(|| instead(token.span, SyntaxErrorKind::MalformedFieldNumber, read_as))
}

/// A duration in the words of other languages.
pub(super) fn meant_number(written: &str) -> Option<String> {
    let digits = written.find(|c: char| !c.is_ascii_digit() && c != '_')?;
    let (number, unit) = written.split_at(digits);
    let unit = match unit.to_ascii_lowercase().as_str() {
        "m" | "mins" | "minute" | "minutes" => "min",
        "sec" | "secs" | "second" | "seconds" => "s",
        "hr" | "hrs" | "hour" | "hours" => "h",
        "day" | "days" => "d",
        "msec" | "millis" | "millisecond" | "milliseconds" => "ms",
        "w" | "week" | "weeks" => return number.parse::<u32>().ok().map(|weeks| format!("{}d", u64::from(weeks) * 7)),
        _ => return half_duration(written),
    };
    Some(format!("{number}{unit}"))
}

/// `1.5h` is `1h30min`.
fn half_duration(written: &str) -> Option<String> {
    let (whole, rest) = written.split_once('.')?;
    let whole: u64 = whole.parse().ok()?;
    let (unit, smaller) = match rest.strip_prefix('5')? {
        "d" => ("d", "12h"),
        "h" => ("h", "30min"),
        "min" => ("min", "30s"),
        "s" => ("s", "500ms"),
        _ => return None,
    };
    Some(if whole == 0 { smaller.to_owned() } else { format!("{whole}{unit}{smaller}") })
}

/// Escapes that do not exist and braces that are not escaped, outside interpolations.
fn text_parts(text: &str, token: Token) -> Vec<LexicalMistake> {
    let written = token.text(text);
    let mut found = Vec::new();
    let mut depth = 0_u32;
    let mut characters = written.char_indices().peekable();
    characters.next();
    while let Some((at, character)) = characters.next() {
        let place = |length: usize| {
            let start = token.span.start + at as u32;
            Span::new(start, start + length as u32)
        };
        match character {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' => found.push(instead(place(1), SyntaxErrorKind::LoneBrace, "_")),
            '\\' if depth == 0 => {
                let Some((_, escaped)) = characters.next() else { break };
                let rest = written.get(at..).unwrap_or("");
                if escaped == 'u' {
                    let end = rest.find('}').map_or(2, |close| close + 1);
                    if !is_whole(Rule::text_escape, rest.get(..end).unwrap_or("")) {
                        found.push(instead(place(end), SyntaxErrorKind::UnknownEscape, "_".repeat(end)));
                    }
                    while characters.peek().is_some_and(|(next, _)| *next < at + end) {
                        characters.next();
                    }
                } else if !matches!(escaped, 'n' | 't' | 'r' | '\\' | '"' | '{' | '}') {
                    let length = 1 + escaped.len_utf8();
                    found.push(instead(place(length), SyntaxErrorKind::UnknownEscape, "_".repeat(length)));
                }
            }
            _ => {}
        }
    }
    found
}
