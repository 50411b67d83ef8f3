//! Takes the tokens of the text one by one, guided by the tree, and makes documents of them with their comments.

use nsf_diagnostics::Span;

use super::doc::{Doc, sequence};
use super::table::{Braces, Cells, Row, Style, in_columns, on_one_line};
use super::token::{Token, tokens};
use crate::ast::Name;

/// The tree and the tokens differ: the place where they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mismatch {
    /// Offset in the text.
    pub at: u32,
}

/// A document, or where it could not be made.
pub(super) type Made = Result<Doc, Mismatch>;

/// What stands between the ends of a bracket and what is in it, on one line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Inside {
    /// Nothing, as in `(a)`; what is in it is put on as few lines as fit.
    Tight,
    /// The same where no comma may end the list, as in `<a>`.
    TightWithoutComma,
    /// Nothing, as in `[a]`; stays open where the writer opened it onto a new line.
    TightOrOpen,
    /// A space, as in `{ a }`; stays open where the writer opened it onto a new line.
    SpacedOrOpen,
}

/// What makes documents of tokens.
pub(super) struct Writer<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    /// Of each opening bracket the index of the one that closes it.
    closing: Vec<usize>,
    /// The tokens taken so far and where they start, without commas that end a list.
    taken: Vec<(&'a str, u32)>,
    /// How many blocks are open.
    pub depth: usize,
}

/// The comments before a row.
pub(super) struct Above {
    /// The comments.
    pub comments: Doc,
    /// Whether one stands on its own line.
    pub comment: bool,
    /// Whether an empty line stands above the first of them, or above the row where there are none.
    pub blank: bool,
    /// Whether an empty line stands between two of them.
    pub blank_between: bool,
    /// Whether an empty line stands below the last of them.
    pub blank_below: bool,
}

impl<'a> Writer<'a> {
    pub fn new(text: &'a str) -> Self {
        let tokens = tokens(text);
        let closing = closing_brackets(&tokens);
        let taken = Vec::with_capacity(tokens.len());
        Self { tokens, next: 0, closing, taken, depth: 0 }
    }

    /// The tokens taken so far and where they start, without commas that end a list.
    pub fn taken(&self) -> &[(&'a str, u32)] {
        &self.taken
    }

    /// The next token; empty at the end.
    pub fn peek(&self) -> &'a str {
        self.tokens.get(self.next).map_or("", |token| token.text)
    }

    /// Where the next token starts.
    pub fn position(&self) -> u32 {
        self.tokens.get(self.next).map_or(u32::MAX, |token| token.start)
    }

    fn mismatch<T>(&self) -> Result<T, Mismatch> {
        Err(Mismatch { at: self.position() })
    }

    /// The next token with its comments.
    pub fn token(&mut self) -> Made {
        let comments = self.comments(false);
        let Some(token) = self.tokens.get(self.next).filter(|token| !token.text.is_empty()) else {
            return self.mismatch();
        };
        let text = Doc::text(token.text);
        self.taken.push((token.text, token.start));
        self.next += 1;
        Ok(if comments.is_nothing() { text } else { sequence![comments, text] })
    }

    /// The next token, which must be `text`; a sign that starts with it is divided.
    pub fn word(&mut self, text: &'static str) -> Made {
        let next = self.peek();
        if next == text {
            return self.token();
        }
        if text != ">" || !next.starts_with(text) {
            return self.mismatch();
        }
        let comments = self.comments(false);
        if let Some(token) = self.tokens.get_mut(self.next) {
            token.text = &token.text[text.len()..];
            token.start += 1;
            token.comments.clear();
            token.blank_before = false;
            token.line_before = false;
        }
        self.taken.push((text, self.position()));
        Ok(sequence![comments, Doc::text(text)])
    }

    /// The next token if it is `text`.
    pub fn optional(&mut self, text: &'static str) -> Result<Option<Doc>, Mismatch> {
        if self.peek() == text { self.token().map(Some) } else { Ok(None) }
    }

    /// The words with a space between them.
    pub fn words(&mut self, words: &[&'static str]) -> Made {
        let mut parts = Vec::with_capacity(words.len() * 2);
        for (index, word) in words.iter().enumerate() {
            if index > 0 {
                parts.push(Doc::space());
            }
            parts.push(self.word(word)?);
        }
        Ok(Doc::sequence(parts))
    }

    /// What stands at `span`, its tokens side by side.
    pub fn atom(&mut self, span: Span) -> Made {
        if self.position() != span.start {
            return self.mismatch();
        }
        let mut parts = vec![self.token()?];
        while self.position() < span.end && !self.peek().is_empty() {
            parts.push(self.token()?);
        }
        Ok(Doc::sequence(parts))
    }

    /// A name.
    pub fn name(&mut self, name: &Name) -> Made {
        self.atom(name.span)
    }

    /// The comments before the next token; they are not printed again. `first` ones leave no empty line above.
    pub fn comments(&mut self, first: bool) -> Doc {
        let Some(token) = self.tokens.get_mut(self.next) else {
            return Doc::nothing();
        };
        let comments = std::mem::take(&mut token.comments);
        let comments = comments.iter().enumerate().map(|(index, comment)| {
            let blank = comment.blank_before && !(first && index == 0);
            Doc::comment(comment.text, comment.own_line, blank)
        });
        Doc::sequence(comments.collect())
    }

    /// What stands above a row, taken from its first token.
    pub fn above(&mut self, first: bool) -> Above {
        let Some(token) = self.tokens.get_mut(self.next) else {
            return Above {
                comments: Doc::nothing(),
                comment: false,
                blank: false,
                blank_between: false,
                blank_below: false,
            };
        };
        let own = token.comments.iter().position(|comment| comment.own_line);
        let blank_below = token.blank_before;
        let mut above = Above {
            comments: Doc::nothing(),
            comment: own.is_some(),
            blank: blank_below && !first,
            blank_between: false,
            blank_below: false,
        };
        if let Some(own) = own {
            let trailing = own > 0;
            above.blank = std::mem::take(&mut token.comments[own].blank_before) && (!first || trailing);
            above.blank_between = token.comments[own + 1..].iter().any(|comment| comment.blank_before);
            above.blank_below = blank_below;
        }
        above.comments = self.comments(false);
        above
    }

    /// Whether the next token, or a comment before it, stands on a line below the token before it.
    pub fn line_before(&self) -> bool {
        self.tokens.get(self.next).is_some_and(|token| token.line_before)
    }

    /// Whether the brace that comes next is closed on its line.
    fn closes_on_its_line(&self) -> bool {
        let close = self.closing.get(self.next).copied().unwrap_or(0);
        match (self.tokens.get(self.next), self.tokens.get(close)) {
            (Some(open), Some(close)) => close.start > open.start && open.line == close.line,
            _ => false,
        }
    }

    /// A comma that does not end a list; comments before it go behind it, unless they would document what follows.
    pub fn comma(&mut self) -> Made {
        if self.peek() != "," {
            return self.mismatch();
        }
        if !self.may_become_docs() {
            self.pass_comments_on();
        }
        self.token()
    }

    /// Whether comments before the comma that comes next, put before what follows it, could make documentation of
    /// themselves or of those that stand there already.
    fn may_become_docs(&self) -> bool {
        let comments = |index: usize| self.tokens.get(index).map_or(&[][..], |token| &token.comments);
        let (own, after) = (comments(self.next), comments(self.next + 1));
        !own.is_empty() && own.iter().chain(after).any(|comment| comment.text.starts_with("///"))
    }

    /// Takes a comma that ends a list, if there is one.
    pub fn last_comma(&mut self) {
        if self.peek() == "," {
            self.pass_comments_on();
            self.next += 1;
        }
    }

    /// Gives the comments of the next token to the one after it.
    fn pass_comments_on(&mut self) {
        let Some(token) = self.tokens.get_mut(self.next) else {
            return;
        };
        let mut comments = std::mem::take(&mut token.comments);
        let line_before = token.line_before;
        if let Some(after) = self.tokens.get_mut(self.next + 1) {
            if !comments.is_empty() {
                after.line_before |= line_before;
            }
            comments.append(&mut after.comments);
            for comment in comments.iter_mut().skip(1) {
                comment.own_line = true;
            }
            after.comments = comments;
        }
    }

    /// Items with commas between brackets.
    pub fn bracketed<T>(
        &mut self,
        ends: (&'static str, &'static str),
        inside: Inside,
        items: &[T],
        mut each: impl FnMut(&mut Self, &T) -> Made,
    ) -> Made {
        let open = self.word(ends.0)?;
        let opened = matches!(inside, Inside::TightOrOpen | Inside::SpacedOrOpen) && self.line_before();
        let pad = usize::from(inside == Inside::SpacedOrOpen);
        let mut parts = Vec::with_capacity(items.len() * 4);
        for (index, item) in items.iter().enumerate() {
            let above = self.above(index == 0);
            let flat = if index == 0 { pad } else { 1 };
            parts.push(Doc::line(flat, above.blank));
            parts.push(above.comments);
            parts.push(each(self, item)?);
            if index + 1 < items.len() {
                parts.push(self.comma()?);
            }
        }
        self.last_comma();
        if !items.is_empty() && inside != Inside::TightWithoutComma {
            parts.push(Doc::if_broken(","));
        }
        let comments = self.above(items.is_empty());
        if !comments.comments.is_nothing() {
            parts.push(Doc::line(0, comments.blank && comments.comment));
            parts.push(comments.comments);
        }
        let close = self.word(ends.1)?;
        if parts.is_empty() {
            return Ok(sequence![open, close]);
        }
        let line = Doc::line(pad, false);
        let all = sequence![open, Doc::nest(Doc::sequence(parts)), line, close];
        Ok(if opened { Doc::broken_group(all) } else { Doc::group(all) })
    }

    /// Rows in braces. `commas` says that they are divided by commas.
    pub fn braces<T>(
        &mut self,
        style: Style,
        commas: bool,
        items: &[T],
        mut each: impl FnMut(&mut Self, &T) -> Result<RowForms, Mismatch>,
    ) -> Result<Braces, Mismatch> {
        let one_line = self.closes_on_its_line();
        let open = self.word("{")?;
        let opened = self.line_before();
        self.depth += 1;
        let mut rows = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let above = self.above(index == 0);
            let forms = each(self, item)?;
            rows.push(forms.below(above));
            let last = index + 1 == items.len();
            if let Some(row) = rows.last_mut().filter(|_| commas && !last) {
                row.before_comma = self.comma_of_row()?;
            }
        }
        self.depth -= 1;
        if commas {
            self.last_comma();
        }
        let below = self.above(items.is_empty());
        let close = self.word("}")?;
        let bare = below.comments.is_nothing();
        if rows.is_empty() && bare {
            let empty = sequence![open, close];
            return Ok(Braces { flat: Some(empty.clone()), columns: vec![Some(empty.clone())], broken: empty });
        }
        let separator = if commas { "," } else { "" };
        let stays = if commas { !opened } else { one_line };
        let flat = on_one_line(&rows, separator)
            .filter(|_| stays && bare)
            .map(|rows| sequence![open.clone(), Doc::space(), rows, Doc::space(), close.clone()]);
        let columns = flat.as_ref().map(|_| columns(&open, &rows, &close)).unwrap_or_default();
        let mut parts = vec![in_columns(&rows, style, self.depth + 1, separator)];
        if !bare {
            parts.push(Doc::newline(below.blank && below.comment));
            parts.push(below.comments);
        }
        let inner = Doc::nest(Doc::sequence(parts));
        let broken = sequence![open, inner, Doc::newline(false), close];
        Ok(Braces { flat, columns, broken })
    }

    /// The comma between rows: its text is printed by the table. Gives the comments that stay before it.
    fn comma_of_row(&mut self) -> Made {
        let comments = if self.may_become_docs() { self.comments(false) } else { Doc::nothing() };
        self.comma().map(|_| comments)
    }

    /// Whether everything has been taken.
    pub fn at_end(&self) -> Result<(), Mismatch> {
        if self.peek().is_empty() { Ok(()) } else { self.mismatch() }
    }
}

/// The one or two forms of a row, before it is known what stands above it.
pub(super) struct RowForms {
    /// Rows of different kinds are not aligned.
    pub kind: &'static str,
    /// On one line.
    pub flat: Option<Vec<Option<Doc>>>,
    /// With its block over several lines.
    pub broken: Option<Vec<Option<Doc>>>,
    /// Whether its block over several lines starts directly after its first cell, out of all columns.
    pub hanging: bool,
}

impl RowForms {
    /// Cells without a block.
    pub fn cells(kind: &'static str, cells: Vec<Option<Doc>>) -> Self {
        Self { kind, flat: Some(cells), broken: None, hanging: false }
    }

    /// Cells, then `head` and a block in one cell.
    pub fn block(kind: &'static str, cells: &[Option<Doc>], head: Option<Doc>, block: Braces) -> Self {
        let (flat, broken) = block.after(cells, head.as_ref());
        Self { kind, flat, broken, hanging: head.is_none() && cells.len() == 1 }
    }

    /// The row with what stands above it.
    pub fn below(self, above: Above) -> Row {
        Row {
            comments: above.comments,
            comment_above: above.comment,
            blank_above: above.blank,
            blank_below_comments: above.blank_below,
            kind: self.kind,
            flat: self.flat,
            broken: self.broken,
            hanging: self.hanging,
            before_comma: Doc::nothing(),
        }
    }
}

/// The cells of a block on one line, one for each row: the brackets stand at the first and the last.
fn columns(open: &Doc, rows: &[Row], close: &Doc) -> Cells {
    let texts = rows.iter().filter_map(|row| on_one_line(std::slice::from_ref(row), ""));
    let mut texts: Vec<Doc> = texts.collect();
    if let Some(first) = texts.first_mut() {
        *first = sequence![open.clone(), Doc::space(), first.clone()];
    }
    if let Some(last) = texts.last_mut() {
        *last = sequence![last.clone(), Doc::space(), close.clone()];
    }
    texts.into_iter().map(Some).collect()
}

/// Of each opening bracket the index of its closing one, else 0.
fn closing_brackets(tokens: &[Token<'_>]) -> Vec<usize> {
    let mut closing = vec![0; tokens.len()];
    let mut open = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        match token.text {
            "(" | "[" | "{" => open.push(index),
            ")" | "]" | "}" => {
                if let Some(start) = open.pop() {
                    closing[start] = index;
                }
            }
            _ => {}
        }
    }
    closing
}
