//! Expressions.

use nsf_diagnostics::Span;
use smol_str::SmolStr;

use super::{Name, TextLiteral};

/// An expression with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where.
    pub span: Span,
}

/// The forms of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// Could not be read; reported already.
    Error,
    /// `name`.
    Name(SmolStr),
    /// A literal.
    Literal(Literal),
    /// `"text {expr}"` with at least one interpolation.
    Interpolation(Vec<TextPart>),
    /// `-e`, `not e`.
    Unary(UnaryOperator, Box<Expr>),
    /// `a op b`; the span is the operator's.
    Binary(BinaryOperator, Span, Box<Expr>, Box<Expr>),
    /// `e catch d`.
    Catch(Box<Expr>, Box<Expr>),
    /// `reject "why"`, only on the right of `??` or `catch`.
    Reject(TextLiteral),
    /// `e.name` and, with `optional`, `e?.name`.
    Member {
        /// What the member is read from.
        object: Box<Expr>,
        /// The member.
        name: Name,
        /// Whether written with `?.`.
        optional: bool,
    },
    /// `e[i]`.
    Index(Box<Expr>, Box<Expr>),
    /// `f(a, b)`, `x.f(a)` (a call of a member), `kafka("t", key: k)`.
    Call {
        /// What is called: a name or a member.
        function: Box<Expr>,
        /// The arguments.
        arguments: Vec<Argument>,
    },
    /// `if c then a else b`.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// `match x { … }`.
    Match(Box<Expr>, Vec<MatchArm>),
    /// `x => e`, `(a, b) => e`.
    Lambda(Vec<Name>, Box<Expr>),
    /// `[a, b]`.
    List(Vec<Expr>),
    /// `{ a, b: 1, ...r }`.
    Record(Vec<RecordEntry>),
    /// `(e)`, kept for the formatter.
    Paren(Box<Expr>),
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// `name:` before it.
    pub label: Option<Name>,
    /// The value.
    pub value: Expr,
}

/// A literal; its type is the one that its place needs.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// A number as written, underscores and a percent sign included.
    Number(SmolStr),
    /// A text without interpolation, escapes resolved.
    Text(SmolStr),
    /// A raw text, `r"…"`.
    RawText(SmolStr),
    /// A duration in milliseconds.
    Duration(i64),
    /// A timestamp in milliseconds since 1970-01-01T00:00Z.
    Timestamp(i64),
    /// A date in days since 1970-01-01.
    Date(i32),
}

/// A part of an interpolated text.
#[derive(Clone, Debug, PartialEq)]
pub enum TextPart {
    /// Text with escapes resolved.
    Text(SmolStr),
    /// `{expr}`.
    Expr(Expr),
}

/// An entry of a record expression.
#[derive(Clone, Debug, PartialEq)]
pub enum RecordEntry {
    /// `a` or `a: e` or `"text name": e`.
    Field {
        /// The field's name; for a text name the text.
        name: Name,
        /// Whether the name was written as a text.
        quoted: bool,
        /// The value; none where only the name stands.
        value: Option<Expr>,
    },
    /// `...r`.
    Spread(Expr),
}

/// `pattern => value` or `name if guard => value`.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchArm {
    /// What it matches.
    pub pattern: Pattern,
    /// `if guard`.
    pub guard: Option<Expr>,
    /// The value.
    pub value: Expr,
    /// The whole arm.
    pub span: Span,
}

/// A pattern of a match arm.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern {
    /// `1 | "a" | 3..9`.
    Values(Vec<PatternValue>),
    /// A bare name; binds the value.
    Name(Name),
    /// `else`.
    Else(Span),
}

/// One alternative of a pattern: a literal or a range, both ends included.
#[derive(Clone, Debug, PartialEq)]
pub enum PatternValue {
    /// A literal (a minus sign before a number included).
    Single(Expr),
    /// `a..b`.
    Range(Expr, Expr),
}

/// Operators before an operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOperator {
    /// `-`
    Negate,
    /// `not`
    Not,
}

/// Operators between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum BinaryOperator {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
    Range,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
    Coalesce,
}

impl BinaryOperator {
    /// The operator as written.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::In => "in",
            Self::NotIn => "not in",
            Self::Range => "..",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
            Self::Coalesce => "??",
        }
    }
}
