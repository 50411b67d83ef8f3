//! From pest's tree to the syntax tree, item by item, with absolute places. What the grammar lets pass but the language
//! does not (a date that does not exist, an interpolation in a constant text) is found here.

mod expression;
mod item;
mod literal;
mod settings;
mod step;
mod ty;

use nsf_diagnostics::{FileId, Span};
use smol_str::SmolStr;

use crate::ast::{Comment, Expr, ExprKind, Name};
use crate::error::{SyntaxError, SyntaxErrorKind};
use crate::grammar::{Pair, Rule};

/// The deepest tree of an expression or type that later passes must walk.
const MAX_TREE: u32 = 320;

/// Turns the parsed items of one file into its syntax tree.
pub(crate) struct Lower<'t> {
    /// The whole file.
    pub(crate) text: &'t str,
    file: FileId,
    /// Where the parsed slice starts in the file.
    base: usize,
    /// Where parts of the parsed slice stand in the file, if it was edited: offset in the slice, place, and whether the part
    /// is as it stands there.
    places: Vec<(usize, usize, bool)>,
    /// Where the item ends in the file: brackets that were missing are read behind it.
    pub(crate) limit: usize,
    comments: &'t [Comment],
    /// Which comments became docs.
    pub(crate) is_doc: Vec<bool>,
    has_docs: bool,
    /// What was found wrong.
    pub(crate) errors: Vec<SyntaxError>,
    /// Where texts start that are not closed, so that nobody knows what they say; in their order.
    pub(crate) unclosed: Vec<u32>,
    /// How many expressions and types are being lowered.
    nesting: u32,
    /// Height of the tree of the expression lowered last.
    height: u32,
    /// Whether the limit of nesting was reported for this slice.
    is_too_deep: bool,
    /// Every `reject "why"` that was not yet seen to stand where it may.
    rejects: Vec<Span>,
}

impl<'t> Lower<'t> {
    pub(crate) fn new(text: &'t str, file: FileId, comments: &'t [Comment]) -> Self {
        let has_docs = comments.iter().any(|comment| is_doc(comment, text));
        Self {
            text,
            file,
            base: 0,
            places: Vec::new(),
            limit: text.len(),
            comments,
            is_doc: vec![false; comments.len()],
            has_docs,
            errors: Vec::new(),
            unclosed: Vec::new(),
            nesting: 0,
            height: 0,
            is_too_deep: false,
            rejects: Vec::new(),
        }
    }

    /// Sets where the next pairs' slice starts in the file.
    pub(crate) fn at(&mut self, base: usize) {
        self.base = base;
        self.places.clear();
        self.nesting = 0;
        self.is_too_deep = false;
    }

    /// Says where the parts of the next slice, which was edited, stand in the file.
    pub(crate) fn at_places(&mut self, places: Vec<(usize, usize, bool)>) {
        self.at(places.first().map_or(0, |(_, place, _)| *place));
        self.places = places;
    }

    /// Reports the limit of nesting, once a slice.
    fn report_too_deep(&mut self, span: Span) {
        if !std::mem::replace(&mut self.is_too_deep, true) {
            self.error(span, SyntaxErrorKind::TooDeepTree);
        }
    }

    /// Reports what only the whole item shows: a `reject` in the middle of an expression.
    pub(crate) fn finish_slice(&mut self) {
        for span in std::mem::take(&mut self.rejects) {
            self.error(span, SyntaxErrorKind::MisplacedReject);
        }
    }

    pub(crate) fn error(&mut self, span: Span, kind: SyntaxErrorKind) {
        self.errors.push(SyntaxError { location: span.in_file(self.file), kind });
    }

    /// The span of a node without the blanks and comments that the parser took behind it.
    fn span(&self, pair: &Pair<'_>) -> Span {
        let span = pair.as_span();
        let (start, end) = (self.absolute(span.start()), self.absolute(span.end()));
        let end = crate::trim::trimmed_end(self.text.as_bytes(), self.comments, start, end);
        Span::new(start as u32, end as u32)
    }

    /// The span of a node that ends with a token.
    fn token_span(&self, pair: &Pair<'_>) -> Span {
        let span = pair.as_span();
        Span::new(self.absolute(span.start()) as u32, self.absolute(span.end()) as u32)
    }

    /// An offset of the parsed slice as one of the file. Behind a sign that was read as a shorter one, it is the end of
    /// that sign.
    fn absolute(&self, offset: usize) -> usize {
        let before = self.places.partition_point(|(from, _, _)| *from <= offset);
        let place = match before.checked_sub(1).and_then(|index| self.places.get(index)) {
            Some((from, place, true)) => place.wrapping_add(offset - from),
            Some((_, place, false)) => *place,
            None => self.base.wrapping_add(offset),
        };
        let at = place.min(self.limit);
        if self.text.is_char_boundary(at) { at } else { self.text.ceil_char_boundary(at) }
    }

    fn name(&self, pair: &Pair<'_>) -> Name {
        Name { text: SmolStr::new(pair.as_str()), span: self.token_span(pair) }
    }

    /// The first name among a node's children.
    fn name_in(&self, pair: Pair<'_>) -> Name {
        let fallback = self.missing_name(&pair);
        pair.into_inner().find(|child| child.as_rule() == Rule::name).map_or(fallback, |child| self.name(&child))
    }

    /// The name that a head is about.
    pub(crate) fn first_name(&mut self, pair: Pair<'_>) -> Name {
        self.name_in(pair)
    }

    /// All names among a node's children.
    fn names_in(&self, pair: Pair<'_>) -> Vec<Name> {
        pair.into_inner().filter(|child| child.as_rule() == Rule::name).map(|child| self.name(&child)).collect()
    }

    /// Stands for a name that the grammar promises; never seen by a user.
    fn missing_name(&self, pair: &Pair<'_>) -> Name {
        Name { text: SmolStr::default(), span: Span::at(self.absolute(pair.as_span().start()) as u32) }
    }

    fn error_expression(span: Span) -> Expr {
        Expr { kind: ExprKind::Error, span }
    }

    /// The doc comment that ends directly above `start`.
    pub(crate) fn docs(&mut self, start: u32) -> Vec<SmolStr> {
        if !self.has_docs {
            return Vec::new();
        }
        let mut lines = Vec::new();
        let mut below = start;
        let mut index = self.comments.partition_point(|comment| comment.span.end <= start);
        while let Some(previous) = index.checked_sub(1) {
            let Some(comment) = self.comments.get(previous).filter(|comment| is_doc(comment, self.text)) else { break };
            let between = Span::new(comment.span.end, below).text(self.text);
            if !comment.own_line || !between.trim().is_empty() || between.matches('\n').count() != 1 {
                break;
            }
            if let Some(mark) = self.is_doc.get_mut(previous) {
                *mark = true;
            }
            lines.push(doc_line(comment.span.text(self.text)));
            below = comment.span.start;
            index = previous;
        }
        lines.reverse();
        lines
    }
}

/// Whether a comment is written `///`.
fn is_doc(comment: &Comment, text: &str) -> bool {
    let text = comment.span.text(text);
    text.starts_with("///") && !text.starts_with("////")
}

/// A doc comment without its sign and one blank.
pub(crate) fn doc_line(comment: &str) -> SmolStr {
    let body = comment.get(3..).unwrap_or("");
    SmolStr::new(body.strip_prefix(' ').unwrap_or(body).trim_end())
}
