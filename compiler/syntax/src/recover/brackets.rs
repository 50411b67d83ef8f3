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
    /// A bracket that one of another kind closes.
    Other { open: usize, close: usize },
    /// A closing bracket that nothing opened.
    Stray { close: usize },
    /// A line that the brace at `close` is indented like, and that lacks the opening brace at its end.
    Unopened { last: usize, close: usize },
}

/// A bracket that is not there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Missing {
    /// The token that it belongs before.
    pub(crate) before: usize,
    /// The bracket.
    pub(crate) sign: u8,
    /// The bracket that it would close, if it is a closing one.
    pub(crate) closes: Option<usize>,
}

/// The mistakes, as indices of tokens, and the brackets that are missing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Brackets {
    pub(crate) mistakes: Vec<BracketMistake>,
    pub(crate) missing: Vec<Missing>,
}

impl Brackets {
    /// How many brackets have no partner.
    fn count(&self) -> usize {
        let brackets = |mistake: &BracketMistake| match mistake {
            BracketMistake::Unclosed { more, .. } => 1 + more,
            BracketMistake::Other { .. } | BracketMistake::Stray { .. } | BracketMistake::Unopened { .. } => 1,
        };
        self.mistakes.iter().map(brackets).sum()
    }
}

/// Matches all brackets among `tokens` (comments left out).
pub(crate) fn check(text: &str, tokens: &[Token]) -> Brackets {
    let mut matcher = Matcher { text, tokens, columns: Vec::with_capacity(tokens.len()), found: Brackets::default() };
    matcher.find_columns();
    let plain = matcher.plain();
    if plain.mistakes.is_empty() {
        return plain;
    }
    let by_layout = matcher.by_layout();
    // Layout may tell one block more apart; where it tells many, the text is not laid out.
    let apart = by_layout.mistakes.len().saturating_sub(plain.mistakes.len());
    let is_better = apart == 0 || (apart == 1 && by_layout.count() <= plain.count());
    if is_better { by_layout } else { plain }
}

struct Matcher<'t> {
    text: &'t str,
    tokens: &'t [Token],
    /// The column of each token that is the first on its line.
    columns: Vec<Option<usize>>,
    found: Brackets,
}

/// A bracket that is open: its token and the column where its line starts.
#[derive(Clone, Copy)]
struct Open {
    token: usize,
    indent: usize,
}

impl<'t> Matcher<'t> {
    fn find_columns(&mut self) {
        let mut previous_end = 0;
        for (index, token) in self.tokens.iter().enumerate() {
            let between = Span::new(previous_end, token.span.start).text(self.text);
            let column = match between.rfind('\n') {
                Some(newline) => Some(between.len() - newline - 1),
                None => (index == 0).then_some(0),
            };
            self.columns.push(column);
            previous_end = token.span.end;
        }
    }

    fn column(&self, index: usize) -> Option<usize> {
        self.columns.get(index).copied().flatten()
    }

    /// The bracket at an index; empty for any other token.
    fn bracket(&self, index: usize) -> &'t str {
        match self.tokens.get(index) {
            Some(token) if token.kind == TokenKind::Sign => match token.text(self.text) {
                sign @ ("(" | "[" | "{" | ")" | "]" | "}") => sign,
                _ => "",
            },
            _ => "",
        }
    }

    /// By kind alone.
    fn plain(&mut self) -> Brackets {
        let mut stack: Vec<Open> = Vec::new();
        for index in 0..self.tokens.len() {
            match self.bracket(index) {
                "(" | "[" | "{" => stack.push(Open { token: index, indent: 0 }),
                "" => {}
                closer => match self.partner(closer, &stack) {
                    Some(partner) => {
                        let inner = stack.split_off(partner + 1);
                        self.unclosed(&inner, |this, open| this.joint(open.token, index));
                        stack.pop();
                    }
                    None => match stack.pop_if(|open| self.is_meant(open.token, index)) {
                        Some(open) => {
                            self.found.mistakes.push(BracketMistake::Other { open: open.token, close: index })
                        }
                        None => self.found.mistakes.push(BracketMistake::Stray { close: index }),
                    },
                },
            }
        }
        let end = self.tokens.len();
        self.unclosed(&stack, |this, open| this.joint(open.token, end));
        std::mem::take(&mut self.found)
    }

    /// Whether a closing bracket of another kind was meant to close `open`: both stand on one line, and nothing behind it there
    /// closes it.
    fn is_meant(&self, open: usize, close: usize) -> bool {
        let opener = self.bracket(open);
        if opener == "{" || self.bracket(close) == "}" || (open + 1..=close).any(|index| self.column(index).is_some()) {
            return false;
        }
        let mut depth = 0_i32;
        for index in close + 1..self.tokens.len() {
            if self.column(index).is_some() {
                break;
            }
            match self.bracket(index) {
                sign if sign == opener => depth += 1,
                sign if !sign.is_empty() && opener_of(sign) == opener && sign != "{" && sign != "(" && sign != "[" => {
                    depth -= 1
                }
                _ => {}
            }
            if depth < 0 {
                return false;
            }
        }
        true
    }

    fn partner(&self, closer: &str, stack: &[Open]) -> Option<usize> {
        stack.iter().rposition(|open| self.bracket(open.token) == opener_of(closer))
    }

    /// By kind and layout: a bracket that is not the last of its line is closed on it, and one that is, by the first token
    /// of a line that is indented like its own.
    fn by_layout(&mut self) -> Brackets {
        let mut stack: Vec<Open> = Vec::new();
        let mut start = 0;
        while start < self.tokens.len() {
            let end = (start + 1..self.tokens.len()).find(|index| self.column(*index).is_some());
            let end = end.unwrap_or(self.tokens.len());
            self.line(start, end, &mut stack);
            start = end;
        }
        self.unclosed(&stack, |this, open| this.outdented(*open, this.tokens.len()));
        std::mem::take(&mut self.found)
    }

    fn line(&mut self, start: usize, end: usize, stack: &mut Vec<Open>) {
        let indent = self.column(start).unwrap_or(0);
        let mut local: Vec<Open> = Vec::new();
        let mut leads = true;
        for index in start..end {
            match self.bracket(index) {
                "(" | "[" | "{" => local.push(Open { token: index, indent }),
                "" => {}
                closer => {
                    if let Some(partner) = self.partner(closer, &local) {
                        let inner = local.split_off(partner + 1);
                        self.unclosed(&inner, |_, _| index);
                        local.pop();
                    } else if leads {
                        self.close(index, closer, indent, stack);
                        continue;
                    } else if let Some(open) = local.pop_if(|open| self.is_meant(open.token, index)) {
                        self.found.mistakes.push(BracketMistake::Other { open: open.token, close: index });
                    } else {
                        self.found.mistakes.push(BracketMistake::Stray { close: index });
                    }
                }
            }
            leads = false;
        }
        // Only brackets at the very end of the line stay open.
        let mut last = end;
        while local.last().is_some_and(|open| open.token + 1 == last) {
            last -= 1;
            local.pop();
        }
        self.unclosed(&local, |_, _| end);
        stack.extend((last..end).map(|token| Open { token, indent }));
    }

    /// Closes what a bracket at the start of a line belongs to; what was opened after that is not closed.
    fn close(&mut self, index: usize, closer: &str, indent: usize, stack: &mut Vec<Open>) {
        let opener = opener_of(closer);
        let same = |open: &Open| self.bracket(open.token) == opener && open.indent == indent;
        let deeper = |open: &Open| self.bracket(open.token) == opener && open.indent > indent;
        let partner = stack.iter().rposition(same).or_else(|| stack.iter().rposition(deeper));
        if let Some(partner) = partner {
            let inner = stack.split_off(partner + 1);
            self.unclosed(&inner, |this, open| this.outdented(*open, index));
            stack.pop();
        } else if let Some(last) = self.line_without_brace(index, indent).filter(|_| opener == "{") {
            self.found.missing.push(Missing { before: last + 1, sign: b'{', closes: None });
            self.found.mistakes.push(BracketMistake::Unopened { last, close: index });
        } else {
            self.found.mistakes.push(BracketMistake::Stray { close: index });
        }
    }

    /// The last token of the line that the closing brace at `close` belongs to by its indentation: lines between them are
    /// indented deeper.
    fn line_without_brace(&self, close: usize, indent: usize) -> Option<usize> {
        self.column(close)?;
        let mut next_line = None;
        for index in (0..close).rev() {
            let Some(column) = self.column(index) else { continue };
            if column > indent {
                next_line = Some(index);
                continue;
            }
            let last = next_line?.checked_sub(1)?;
            let is_word = self.tokens.get(index).is_some_and(|token| token.kind == TokenKind::Word);
            return (column == indent && is_word && self.bracket(last) != "{").then_some(last);
        }
        None
    }

    /// Notes brackets as not closed; `place` says before which token each should have been.
    fn unclosed(&mut self, open: &[Open], place: impl Fn(&Self, &Open) -> usize) {
        let mut group: Option<(usize, usize, usize)> = None;
        for open in open {
            let place = place(self, open);
            let closer = match self.bracket(open.token) {
                "(" => b')',
                "[" => b']',
                _ => b'}',
            };
            self.found.missing.push(Missing { before: place, sign: closer, closes: Some(open.token) });
            group = match group {
                Some((first, more, same)) if same == place => Some((first, more + 1, place)),
                other => {
                    self.note_group(other);
                    Some((open.token, 0, place))
                }
            };
        }
        self.note_group(group);
    }

    fn note_group(&mut self, group: Option<(usize, usize, usize)>) {
        if let Some((open, more, place)) = group {
            let shown_by = (place < self.tokens.len()).then_some(place);
            self.found.mistakes.push(BracketMistake::Unclosed { open, more, shown_by });
        }
    }

    /// The first line behind an opening bracket that is not indented deeper than its own.
    fn outdented(&self, open: Open, before: usize) -> usize {
        let is_outside = |index: &usize| self.column(*index).is_some_and(|column| column <= open.indent);
        (open.token + 1..before).find(is_outside).unwrap_or(before)
    }

    /// The line behind a round or square bracket that starts with a word though nothing joins it to what stands before; for
    /// a brace `before`.
    fn joint(&self, open: usize, before: usize) -> usize {
        if self.bracket(open) == "{" {
            return before;
        }
        let starts_statement = |index: &usize| {
            let word = self.tokens.get(*index).filter(|token| token.kind == TokenKind::Word);
            let previous = self.tokens.get(*index - 1);
            self.column(*index).is_some()
                && word.is_some_and(|word| !super::source::is_operator_word(word.text(self.text)))
                && (*index - 1 == open || previous.is_some_and(|token| super::source::ends_operand(self.text, *token)))
        };
        (open + 1..before).find(starts_statement).unwrap_or(before)
    }
}

fn opener_of(closer: &str) -> &'static str {
    match closer {
        ")" => "(",
        "]" => "[",
        _ => "{",
    }
}
