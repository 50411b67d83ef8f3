//! The syntax tree of one file: what was written, with the place of every part, and nothing that was not written.
//!
//! No name is resolved here. A part that could not be read is an error node ([`ItemKind::Error`], [`ExprKind::Error`],
//! [`StepKind::Error`]); whoever meets one stays silent, since the mistake has been reported.

mod expression;
mod item;
mod step;
mod ty;

pub use expression::*;
pub use item::*;
pub use step::*;
pub use ty::*;

use nsf_diagnostics::Span;
use smol_str::SmolStr;

/// A name with its place.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The name as written.
    pub text: SmolStr,
    /// Where.
    pub span: Span,
}

/// A constant text with its place: escapes resolved, no interpolation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextLiteral {
    /// The value.
    pub value: SmolStr,
    /// Where, quotes included.
    pub span: Span,
}

/// A comment; doc comments (`///`) are kept at their item or field, all others here, for the formatter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The comment from `//` to the end of its line.
    pub span: Span,
    /// Whether only blanks stand before it on its line.
    pub own_line: bool,
    /// Whether a blank line stands before it.
    pub blank_before: bool,
}

/// One file.
#[derive(Clone, Debug, Default)]
pub struct File {
    /// The lines of `//!` at the head, without the sign and one blank.
    pub docs: Vec<SmolStr>,
    /// Where the file's doc comment stands.
    pub docs_span: Span,
    /// The items in order, error items among them.
    pub items: Vec<Item>,
    /// Comments that are not docs, in order.
    pub comments: Vec<Comment>,
}
