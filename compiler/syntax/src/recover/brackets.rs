//! Brackets that do not match. Which bracket is to blame is found by kind and, where that does not tell, by indentation;
//! what is missing is then written into the blanks of a copy of the text, so that the rest of the item can be read.

use nsf_diagnostics::Span;

use crate::token::{Token, TokenKind};

/// Brackets that lack their partner for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BracketMistake {
    /// Opened and never closed: the outermost and how many more inside it; where it shows: at a closing bracket of
    /// another one, at the statement that starts, or nowhere (the item ends).
    Unclosed { open: usize, more: usize, shown_by: Option<usize> },
    /// A closing bracket that nothing opened.
    Stray { close: usize },
}

/// The mistakes, as indices of tokens, and where each missing bracket belongs: before which token, and which one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brackets {
    pub(crate) mistakes: Vec<BracketMistake>,
    pub(crate) missing: Vec<(usize, u8)>,
}

/// Matches all brackets among `tokens` (comments left out).
pub(crate) fn check(text: &str, tokens: &[Token]) -> Brackets {
    let matcher = Matcher { text, tokens };
    let plain = matcher.run(false);
    if plain.mistakes.is_empty() {
        return plain;
    }
    let indented = matcher.run(true);
    if indented.mistakes.len() <= plain.mistakes.len() { indented } else { plain }
}

struct Matcher<'t> {
    text: &'t str,
    tokens: &'t [Token],
}

/// A bracket that is open: its token and the column where its line starts.
#[derive(Clone, Copy)]
struct Open {
    token: usize,
    indent: usize,
}

impl Matcher<'_> {
    fn run(&self, by_indentation: bool) -> Brackets {
        let mut found = Brackets::default();
        let mut stack: Vec<Open> = Vec::new();
        let mut line_indent = 0;
        for (index, token) in self.tokens.iter().enumerate() {
            let first_on_line = self.first_on_line(index);
            if first_on_line {
                line_indent = self.column(*token);
            }
            if token.kind != TokenKind::Sign {
                continue;
            }
            match token.text(self.text) {
                "(" | "[" | "{" => stack.push(Open { token: index, indent: line_indent }),
                sign @ (")" | "]" | "}") => {
                    let indent = (by_indentation && first_on_line && sign == "}").then_some(line_indent);
                    self.close(index, sign, indent, &mut stack, &mut found);
                }
                _ => {}
            }
        }
        self.unclosed(&stack, self.tokens.len(), &mut found);
        found
    }

    /// Closes the bracket that `sign` belongs to; those opened after it are not closed.
    fn close(&self, index: usize, sign: &str, indent: Option<usize>, stack: &mut Vec<Open>, found: &mut Brackets) {
        let opener = match sign {
            ")" => "(",
            "]" => "[",
            _ => "{",
        };
        let matches = |open: &Open| self.tokens.get(open.token).is_some_and(|token| token.text(self.text) == opener);
        let mut partner = stack.iter().rposition(matches);
        if let Some(indent) = indent {
            partner = match stack.iter().rposition(|open| matches(open) && open.indent == indent) {
                Some(same) => Some(same),
                None => partner.filter(|top| stack.get(*top).is_some_and(|open| open.indent > indent)),
            };
        }
        match partner {
            Some(partner) => {
                let inner = stack.split_off(partner + 1);
                self.unclosed(&inner, index, found);
                stack.pop();
            }
            None => found.mistakes.push(BracketMistake::Stray { close: index }),
        }
    }

    /// Notes the brackets of `open` as not closed before token `before`.
    fn unclosed(&self, open: &[Open], before: usize, found: &mut Brackets) {
        let mut group: Option<(usize, usize, usize)> = None;
        for open in open {
            let place = self.place_of_closer(open.token, before);
            let closer = match self.tokens.get(open.token).map(|token| token.text(self.text)) {
                Some("(") => b')',
                Some("[") => b']',
                _ => b'}',
            };
            found.missing.push((place, closer));
            group = match group {
                Some((first, more, same)) if same == place => Some((first, more + 1, place)),
                other => {
                    Self::note_group(other, self.tokens.len(), found);
                    Some((open.token, 0, place))
                }
            };
        }
        Self::note_group(group, self.tokens.len(), found);
    }

    fn note_group(group: Option<(usize, usize, usize)>, count: usize, found: &mut Brackets) {
        if let Some((open, more, place)) = group {
            let shown_by = (place < count).then_some(place);
            found.mistakes.push(BracketMistake::Unclosed { open, more, shown_by });
        }
    }

    /// Before which token an unclosed bracket should have been closed: a round or square one before the line that starts
    /// with a word though nothing joins it to what stands before; a brace where it shows.
    fn place_of_closer(&self, open: usize, before: usize) -> usize {
        if self.tokens.get(open).is_some_and(|token| token.text(self.text) == "{") {
            return before;
        }
        let starts_statement = |index: &usize| {
            self.first_on_line(*index)
                && self.tokens.get(*index).is_some_and(|token| token.kind == TokenKind::Word)
                && self
                    .tokens
                    .get(*index - 1)
                    .is_some_and(|token| super::source::ends_operand(self.text, *token) || *index - 1 == open)
                && self.tokens.get(*index).is_some_and(|token| !super::source::is_operator_word(token.text(self.text)))
        };
        (open + 1..before).find(starts_statement).unwrap_or(before)
    }

    fn first_on_line(&self, index: usize) -> bool {
        let Some(token) = self.tokens.get(index) else { return false };
        let Some(previous) = index.checked_sub(1).and_then(|previous| self.tokens.get(previous)) else { return true };
        Span::new(previous.span.end, token.span.start).text(self.text).contains('\n')
    }

    fn column(&self, token: Token) -> usize {
        let before = self.text.get(..token.span.start as usize).unwrap_or("");
        before.len() - before.rfind('\n').map_or(0, |newline| newline + 1)
    }
}
