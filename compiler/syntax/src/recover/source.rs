//! The text of a broken item, mended where it is sure what was meant, with its tokens and the partners of its brackets.

use nsf_diagnostics::Span;

use super::brackets::{BracketMistake, check};
use super::lexical;
use crate::error::SyntaxErrorKind;
use crate::token::{Token, TokenKind, tokens_in};

/// A text that statements can be read from, and where it stands in the file.
pub(crate) struct Source {
    /// Offset of `text` in the file; wraps below zero where a word was replaced by a longer one.
    pub(crate) base: usize,
    /// The text, of the length of the original plus brackets that were missing at its end.
    pub(crate) text: String,
    /// Its tokens without comments.
    pub(crate) tokens: Vec<Token>,
    /// For each bracket the index of its partner.
    partner: Vec<usize>,
    /// For each token whether it is the first on its line.
    first_on_line: Vec<bool>,
    /// Parts in which a mistake was found that makes the statement around it unreadable.
    pub(crate) lost: Vec<Span>,
}

/// A mistake found on the way, at a place in the source's text.
pub(crate) type Found = (Span, SyntaxErrorKind);

impl Source {
    /// Reads `text`, which stands at `base` in the file; `end_shown_by` is what stands behind it, if anything.
    pub(crate) fn mended(text: &str, base: usize) -> (Self, Vec<Found>) {
        let mut found: Vec<Found> = Vec::new();
        let mut lost = Vec::new();
        let mut bytes = text.as_bytes().to_vec();
        for mistake in lexical::mistakes(text, &tokens_in(text, 0, text.len())) {
            if mistake.patches.is_empty() {
                lost.push(mistake.span);
            }
            for (span, read_as) in &mistake.patches {
                write(&mut bytes, span.start as usize, read_as.as_bytes());
            }
            // Instead of a semicolon a comma may be meant, a text may be unclosed long before its line ends, and nobody
            // knows what stood where a NUL byte stands.
            let is_doubtful = match mistake.kind {
                SyntaxErrorKind::Semicolon | SyntaxErrorKind::UnclosedText { .. } => true,
                SyntaxErrorKind::InvisibleCharacter { character } => character == '\0',
                _ => false,
            };
            if is_doubtful {
                lost.push(mistake.span);
            }
            found.push((mistake.span, mistake.kind));
        }
        let mended = String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned());
        let tokens = code_tokens(&mended);
        let (mended, brackets) = mend_brackets(mended, &tokens, &mut lost);
        found.extend(brackets);
        let mut source = Self::plain(mended, base);
        lost.sort_unstable();
        source.lost = lost;
        (source, found)
    }

    /// Reads a text whose mistakes were reported before.
    pub(crate) fn plain(text: String, base: usize) -> Self {
        let tokens = code_tokens(&text);
        let mut partner = vec![usize::MAX; tokens.len()];
        let mut open: Vec<usize> = Vec::new();
        let mut first_on_line = Vec::with_capacity(tokens.len());
        let mut previous_end = 0;
        for (index, token) in tokens.iter().enumerate() {
            let between = Span::new(previous_end, token.span.start).text(&text);
            first_on_line.push(index == 0 || between.contains('\n'));
            previous_end = token.span.end;
            match token.text(&text) {
                "(" | "[" | "{" if token.kind == TokenKind::Sign => open.push(index),
                ")" | "]" | "}" if token.kind == TokenKind::Sign => {
                    if let Some(opener) = open.pop() {
                        set(&mut partner, opener, index);
                        set(&mut partner, index, opener);
                    }
                }
                _ => {}
            }
        }
        Self { base, text, tokens, partner, first_on_line, lost: Vec::new() }
    }

    /// The word or sign at an index; empty beyond the end.
    pub(crate) fn word(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| token.text(&self.text))
    }

    pub(crate) fn is_word(&self, index: usize) -> bool {
        self.tokens.get(index).is_some_and(|token| token.kind == TokenKind::Word)
    }

    /// Whether a token can start a literal.
    pub(crate) fn is_literal(&self, index: usize) -> bool {
        let kind = self.tokens.get(index).map(|token| token.kind);
        self.is_text(index)
            || matches!(kind, Some(TokenKind::Number | TokenKind::Moment))
            || matches!(self.word(index), "-" | "true" | "false" | "null")
    }

    /// Whether a token is a text, closed or not.
    pub(crate) fn is_text(&self, index: usize) -> bool {
        let kind = self.tokens.get(index).map(|token| token.kind);
        matches!(kind, Some(TokenKind::Text | TokenKind::RawText | TokenKind::UnclosedText))
    }

    pub(crate) fn is_first_on_line(&self, index: usize) -> bool {
        self.first_on_line.get(index).copied().unwrap_or(false)
    }

    /// How many bytes stand before the first token of a line; none for any other token.
    pub(crate) fn column(&self, index: usize) -> Option<usize> {
        let start = self.tokens.get(index).filter(|_| self.is_first_on_line(index))?.span.start as usize;
        let before = self.text.get(..start)?;
        Some(before.len() - before.rfind('\n').map_or(0, |newline| newline + 1))
    }

    /// Whether nothing stands before a token on its line, not even blanks.
    pub(crate) fn in_first_column(&self, index: usize) -> bool {
        let Some(token) = self.tokens.get(index) else { return false };
        match (token.span.start as usize).checked_sub(1) {
            None => true,
            Some(before) => self.text.as_bytes().get(before) == Some(&b'\n'),
        }
    }

    /// Whether a token can be the end of a value, so that a word behind it starts something new.
    pub(crate) fn ends_operand(&self, index: usize) -> bool {
        self.tokens.get(index).is_some_and(|token| ends_operand(&self.text, *token))
    }

    /// The partner of a bracket.
    pub(crate) fn partner(&self, index: usize) -> Option<usize> {
        self.partner.get(index).copied().filter(|partner| *partner != usize::MAX)
    }

    /// The index behind a token, or behind the partner of an opening bracket.
    pub(crate) fn skip(&self, index: usize) -> usize {
        match self.partner(index) {
            Some(partner) if partner > index => partner + 1,
            _ => index + 1,
        }
    }

    /// From the first to the last of some tokens.
    pub(crate) fn span(&self, range: &std::ops::Range<usize>) -> Span {
        let first = self.tokens.get(range.start).map_or(Span::at(self.text.len() as u32), |token| token.span);
        let last = range.end.checked_sub(1).and_then(|last| self.tokens.get(last)).map_or(first, |token| token.span);
        if range.end <= range.start { Span::at(first.start) } else { first.to(last) }
    }

    /// Whether a mistake that was reported makes these tokens unreadable.
    pub(crate) fn is_lost(&self, span: Span) -> bool {
        let first = self.lost.partition_point(|lost| lost.end <= span.start);
        self.lost.get(first).is_some_and(|lost| lost.start < span.end.max(span.start + 1))
    }
}

fn set(list: &mut [usize], index: usize, value: usize) {
    if let Some(slot) = list.get_mut(index) {
        *slot = value;
    }
}

fn code_tokens(text: &str) -> Vec<Token> {
    let mut tokens = tokens_in(text, 0, text.len());
    tokens.retain(|token| token.kind != TokenKind::Comment);
    tokens
}

fn write(bytes: &mut [u8], at: usize, what: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + what.len()) {
        place.copy_from_slice(what);
    }
}

/// Blanks stray brackets and writes missing ones into the blanks before the token they belong before.
fn mend_brackets(text: String, tokens: &[Token], lost: &mut Vec<Span>) -> (String, Vec<Found>) {
    let brackets = check(&text, tokens);
    let mut found = Vec::new();
    let span_of = |index: usize| tokens.get(index).map_or(Span::at(text.len() as u32), |token| token.span);
    let (mut stray, mut others) = (Vec::new(), Vec::new());
    for mistake in &brackets.mistakes {
        match *mistake {
            BracketMistake::Other { open, close } => {
                let meant = if span_of(open).text(&text) == "(" { ")" } else { "]" };
                others.push((span_of(close), meant));
                found.push((span_of(open), SyntaxErrorKind::OtherBracket { closed_by: span_of(close), meant }));
            }
            BracketMistake::Stray { close } => {
                stray.push(span_of(close));
                lost.push(span_of(close));
                found.push((span_of(close), SyntaxErrorKind::StrayBracket));
            }
            BracketMistake::Unopened { last, close } => {
                lost.push(span_of(last));
                let kind = SyntaxErrorKind::UnopenedBlock { closed_by: span_of(close) };
                found.push((span_of(last), kind));
            }
            BracketMistake::Unclosed { open, more, shown_by } => {
                // Where a bracket in the middle of a line should have been closed is a guess.
                let behind = Span::new(span_of(open).end, span_of(open + 1).start).text(&text);
                let is_block = span_of(open).text(&text) == "{" && behind.contains('\n');
                lost.extend((!is_block).then(|| span_of(open)));
                let shown_by = shown_by.map(span_of);
                found.push((span_of(open), SyntaxErrorKind::UnclosedBracket { more: more as u32, shown_by }));
            }
        }
    }
    let mut bytes = text.clone().into_bytes();
    for (span, meant) in others {
        write(&mut bytes, span.start as usize, meant.as_bytes());
    }
    for span in stray {
        write(&mut bytes, span.start as usize, b" ");
    }
    // Later brackets were opened inside earlier ones, so they are closed first.
    for missing in brackets.missing.iter().rev() {
        let (before, closer) = (missing.before, missing.sign);
        let Some(token) = tokens.get(before) else {
            bytes.push(closer);
            continue;
        };
        let from = before.checked_sub(1).map_or(0, |previous| span_of(previous).end as usize);
        let gap = bytes.get(from..token.span.start as usize).unwrap_or_default();
        let blank = match closer {
            // At the start of the line that follows, so that it stays one.
            b'{' => gap.iter().rposition(u8::is_ascii_whitespace),
            _ => gap.iter().position(u8::is_ascii_whitespace),
        };
        match blank {
            Some(blank) => write(&mut bytes, from + blank, &[closer]),
            None => {
                // Without room to close it, it is as if it had not been opened.
                if let Some(open) = missing.closes {
                    write(&mut bytes, span_of(open).start as usize, b" ");
                }
                lost.push(span_of(before));
            }
        }
    }
    (String::from_utf8(bytes).unwrap_or(text), found)
}

/// Whether a token can be the end of a value.
pub(crate) fn ends_operand(text: &str, token: Token) -> bool {
    match token.kind {
        TokenKind::Word => !is_operator_word(token.text(text)),
        TokenKind::Sign => matches!(token.text(text), ")" | "]" | "}" | "?"),
        TokenKind::Comment => false,
        _ => true,
    }
}

/// Words that stand between values or before one, so that the next word belongs to the same statement.
pub(crate) fn is_operator_word(word: &str) -> bool {
    matches!(word, "and" | "or" | "not" | "in" | "if" | "then" | "else" | "match" | "catch")
}
