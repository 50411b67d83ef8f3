//! Typed expressions.
//!
//! In memory they are trees; written down, a flat list of nodes in which operands stand before the node that uses
//! them, so that no reader needs deep recursion (`codec`).

use serde::{Deserialize, Serialize};

use crate::{HandleId, Literal, MappingId, Origin, SlotId, Type};

/// An expression with its type.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// The type of its value. A [`ExprKind::Reject`] has the type that its place needs.
    pub ty: Type,
    /// Where it was written; present at least where it may fail.
    pub origin: Option<Origin>,
}

/// The forms of expressions.
#[derive(Clone, Debug, PartialEq)]
pub enum ExprKind {
    /// A constant.
    Literal(Literal),
    /// A field of the record, or a local name.
    Slot(SlotId),
    /// A field of a loaded row, by its index in the value of a state, or in the fields of a table or dimension. Null
    /// where the row is missing.
    Loaded(HandleId, u32),
    /// Whether the loaded row is there.
    Exists(HandleId),
    /// The record's time, `now()`.
    Now,
    /// `not e`.
    Not(Box<Expr>),
    /// `-e`.
    Negate(Box<Expr>),
    /// Operands have equal types, but for duration × number, duration / number, timestamp ± duration, `in`, and null.
    /// `Add` on texts and lists joins them.
    Binary(BinaryOperator, Box<Expr>, Box<Expr>),
    /// Whether the value is null.
    IsNull(Box<Expr>),
    /// `a ?? b`.
    Coalesce(Box<Expr>, Box<Expr>),
    /// `e catch d`.
    Catch(Box<Expr>, Box<Expr>),
    /// Rejects the record with a reason.
    Reject(String),
    /// `if c then a else b`.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// The subject is in a slot (bound by a [`ExprKind::Let`] around it). The last arm catches all or `arms` is exhaustive.
    Match(SlotId, Vec<MatchArm>),
    /// Puts a value into a slot and gives the value of the body.
    Let(SlotId, Box<Expr>, Box<Expr>),
    /// `(a, b) => e`; only as an argument of a call.
    Lambda(Vec<SlotId>, Box<Expr>),
    /// `[a, b]`; the type is a list, or a set where a set is due.
    List(Vec<Expr>),
    /// A record; values in the order of the type's members.
    Record(Vec<Expr>),
    /// A member by its index. Null where the object is null.
    Field(Box<Expr>, u32),
    /// `list[i]` from 0, fails outside; `map[k]`, null where there is no such key.
    Index(Box<Expr>, Box<Expr>),
    /// Interpolated text: every part is a text.
    Join(Vec<Expr>),
    /// A built-in function by its signature, as `stdlib` declares it: `len(list<T>)`.
    Call(String, Vec<Expr>),
    /// The value of a mapping for a value.
    Mapping(MappingId, Box<Expr>),
    /// Widens an integer, `int → decimal`, `float32 → float64`, or `T → T?`; cannot fail.
    Widen(Box<Expr>),
    /// A nullable value known not to be null here.
    NonNull(Box<Expr>),
}

/// An arm of a match: the first whose patterns hold the subject and whose guard is true gives the value.
#[derive(Clone, Debug, PartialEq)]
pub struct MatchArm {
    /// Any of them; empty matches everything.
    pub patterns: Vec<Pattern>,
    /// A condition beside.
    pub guard: Option<Expr>,
    /// The value.
    pub value: Expr,
}

/// A literal, or a range with both ends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pattern {
    /// The literal, or the first of the range.
    pub low: Literal,
    /// The last of the range.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "crate::codec::present")]
    pub high: Option<Literal>,
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
    /// Element of a list or set, key of a map, text in a text.
    In,
    NotIn,
    /// A list of integers with both ends.
    Range,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}
