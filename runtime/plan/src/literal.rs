//! Constant values.

use rust_decimal::Decimal;

/// A constant; its type stands beside it.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Literal {
    Null,
    Bool(bool),
    /// Any integer; also a timestamp or duration in milliseconds or a date in days, as the type beside it says.
    Integer(i64),
    /// An integer above `i64::MAX`.
    Unsigned(u64),
    /// Never NaN.
    Float(f64),
    Decimal(Decimal),
    Text(String),
    List(Vec<Literal>),
    /// Pairs of a map, in the order of their keys.
    Map(Vec<(Literal, Literal)>),
    /// Members of a record, in the order of its type.
    Record(Vec<Literal>),
}
