//! Where a cursor stands, from the tokens before it: what is typed is broken there more often than not, and no tree tells.

use nsf_diagnostics::Span;
use nsf_plan::connector::descriptor;
use nsf_syntax::{Token, TokenKind, tokens};

use super::frames::{Frame, Kind, frames};

/// What a cursor is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inside {
    Code,
    /// A comment, or a number or moment that is being typed.
    Nothing,
    /// A text whose first character stands there.
    Text(u32),
}

/// A cursor in a text.
#[derive(Debug)]
pub(crate) struct Context<'t> {
    pub(crate) text: &'t str,
    /// The tokens of its item before the word at the cursor, without comments.
    pub(crate) tokens: Vec<Token>,
    /// The word at the cursor, which is replaced; empty where there is none.
    pub(crate) word: Span,
    /// What of it stands before the cursor.
    pub(crate) typed: &'t str,
    pub(crate) inside: Inside,
    /// The brackets that are open, the item's head first.
    pub(crate) frames: Vec<Frame>,
}

impl<'t> Context<'t> {
    pub(crate) fn of(text: &'t str, offset: u32) -> Self {
        let start = item_start(text, offset as usize);
        let mut own = Self::read(text, start, offset as usize);
        // A text may hold expressions.
        if let Inside::Text(start) = own.inside
            && let Some(open) = interpolation(text, start as usize, offset as usize)
        {
            let inner = Self::read(text, open, offset as usize);
            (own.inside, own.word, own.typed) = (inner.inside, inner.word, inner.typed);
            let frame = Frame { kind: Kind::Paren, open: own.tokens.len(), statement: own.tokens.len() };
            own.tokens.extend(inner.tokens);
            own.frames.push(frame);
        }
        own
    }

    fn read(text: &'t str, start: usize, offset: usize) -> Self {
        let before = text.get(start..offset).unwrap_or_default();
        let moved = |span: Span| Span::new(span.start + start as u32, span.end + start as u32);
        let mut tokens: Vec<Token> = tokens(before);
        tokens.iter_mut().for_each(|token| token.span = moved(token.span));
        let end = offset as u32;
        let last = tokens.last().copied().filter(|last| last.span.end == end);
        let mut word = Span::at(end);
        let inside = match last.map(|last| (last.kind, last.span.start)) {
            Some((TokenKind::Comment | TokenKind::Foreign | TokenKind::Moment, _)) => Inside::Nothing,
            Some((TokenKind::Number | TokenKind::FieldNumber, _)) => Inside::Nothing,
            Some((TokenKind::UnclosedText, start)) => Inside::Text(start),
            Some((TokenKind::Word, start)) => {
                let rest = text.get(offset..).unwrap_or_default();
                let more = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                word = Span::new(start, end + more as u32);
                Inside::Code
            }
            _ => Inside::Code,
        };
        if inside != Inside::Code || !word.is_empty() {
            tokens.pop();
        }
        tokens.retain(|token| token.kind != TokenKind::Comment);
        let frames = frames(text, &tokens);
        let typed = text.get(word.start as usize..offset).unwrap_or_default();
        Self { text, tokens, word, typed, inside, frames }
    }

    /// A token as written; empty where there is none.
    pub(crate) fn at(&self, index: usize) -> &'t str {
        self.tokens.get(index).map_or("", |token| token.text(self.text))
    }

    /// The token before the word at the cursor, or one before that.
    pub(crate) fn before(&self, back: usize) -> &'t str {
        self.tokens.len().checked_sub(back + 1).map_or("", |index| self.at(index))
    }

    pub(crate) fn frame(&self) -> Frame {
        self.frames.last().copied().unwrap_or(Frame { kind: Kind::Head, open: 0, statement: 0 })
    }

    /// The bracket around the innermost one.
    pub(crate) fn outer(&self) -> Frame {
        self.frames.len().checked_sub(2).map_or_else(|| self.frame(), |index| self.frames[index])
    }

    /// The keyword of the item.
    pub(crate) fn keyword(&self) -> &'t str {
        self.at(0)
    }

    /// The first token of the statement that the cursor is in.
    pub(crate) fn statement(&self) -> usize {
        self.frame().statement
    }

    /// Whether nothing but blanks stands before the word on its line.
    pub(crate) fn is_first_on_line(&self) -> bool {
        is_first_on_line(self.text, self.word.start)
    }

    /// Whether a statement begins at the cursor, or may begin there.
    pub(crate) fn begins(&self) -> bool {
        let Some(last) = self.tokens.last() else { return true };
        self.frame().open + 1 == self.tokens.len() && self.frame().kind != Kind::Head
            || self.is_first_on_line() && ends_operand(self.text, *last)
    }

    /// Whether the token before ends a value, so that an operator or the next statement may follow.
    pub(crate) fn follows_operand(&self) -> bool {
        self.tokens.last().is_some_and(|last| ends_operand(self.text, *last))
    }

    /// Which argument or entry of its bracket the cursor is in.
    pub(crate) fn place_in_list(&self) -> usize {
        let mut depth = 0_usize;
        let inner = self.tokens.get(self.frame().open + 1..).unwrap_or_default();
        let is_comma = |token: &&Token| match token.text(self.text) {
            "(" | "[" | "{" => {
                depth += 1;
                false
            }
            ")" | "]" | "}" => {
                depth = depth.saturating_sub(1);
                false
            }
            word => word == "," && depth == 0,
        };
        inner.iter().filter(is_comma).count()
    }

    /// The text of the value that ends with a token: a name with what follows it.
    pub(crate) fn operand_before(&self, end: usize) -> Option<&'t str> {
        let start = operand_start(self.text, &self.tokens, end)?;
        let (start, end) = (self.tokens.get(start)?.span, self.tokens.get(end)?.span);
        Some(start.to(end).text(self.text))
    }
}

pub(crate) fn is_first_on_line(text: &str, offset: u32) -> bool {
    let before = text.get(..offset as usize).unwrap_or_default();
    before.rsplit('\n').next().is_some_and(|line| line.trim().is_empty())
}

/// Whether a value may end with a token.
pub(crate) fn ends_operand(text: &str, token: Token) -> bool {
    match token.kind {
        TokenKind::Number | TokenKind::Text | TokenKind::RawText | TokenKind::Moment | TokenKind::FieldNumber => true,
        TokenKind::Word => !OPERATORS.contains(&token.text(text)),
        TokenKind::Sign => match token.text(text) {
            ")" | "]" | "}" | "?" => true,
            // Of `list<text>`; the operator has a blank before it.
            ">" => !text.get(..token.span.start as usize).unwrap_or_default().ends_with(' '),
            _ => false,
        },
        _ => false,
    }
}

/// Words that something must follow.
const OPERATORS: [&str; 22] = [
    "and", "or", "not", "in", "if", "then", "else", "match", "catch", "when", "require", "unique", "let", "within",
    "by", "from", "into", "on", "as", "insert", "remove", "reject",
];

/// The first token of a value that ends with a token: `a.b(c)[d]`.
fn operand_start(text: &str, tokens: &[Token], end: usize) -> Option<usize> {
    let at = |index: usize| tokens.get(index).map_or("", |token| token.text(text));
    let mut start = end;
    loop {
        let token = tokens.get(start)?;
        match token.text(text) {
            ")" | "]" => {
                let open = partner(text, tokens, start)?;
                let is_call = open > 0 && tokens.get(open - 1).is_some_and(|before| ends_operand(text, *before));
                if !is_call {
                    return Some(open);
                }
                start = open - 1;
                continue;
            }
            _ if token.kind == TokenKind::Sign => return None,
            _ => {}
        }
        if start >= 2 && matches!(at(start - 1), "." | "?.") {
            start -= 2;
            continue;
        }
        return Some(start);
    }
}

fn partner(text: &str, tokens: &[Token], close: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for index in (0..=close).rev() {
        match tokens[index].text(text) {
            ")" | "]" | "}" => depth += 1,
            "(" | "[" | "{" => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(index);
                }
            }
            _ => {}
        }
    }
    None
}

/// The start of the item that an offset is in: the last word in column 0 that starts one.
fn item_start(text: &str, offset: usize) -> usize {
    let mut end = offset;
    while let Some(before) = text.get(..end) {
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = text.get(start..offset).unwrap_or_default();
        let word = line.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        // The word that is being typed starts nothing yet.
        let is_item = nsf_syntax::ITEM_KEYWORDS.contains(&word);
        if (is_item && start + word.len() < offset) || start == 0 {
            return start;
        }
        end = start - 1;
    }
    0
}

/// Where the innermost open `{expr` of a text begins, behind its brace.
fn interpolation(text: &str, start: usize, offset: usize) -> Option<usize> {
    let bytes = text.as_bytes().get(..offset)?;
    let mut open = Vec::new();
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 1,
            b'{' => open.push(at + 1),
            b'}' => {
                open.pop();
            }
            _ => {}
        }
        at += 1;
    }
    open.last().copied().filter(|_| text.as_bytes().get(start) == Some(&b'"'))
}

/// Whether a word names a connector.
pub(crate) fn is_connector(word: &str) -> bool {
    descriptor(word).is_some()
}
