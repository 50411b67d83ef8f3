//! Values that outlive a batch: fields of states, rows of tables and dimensions.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

/// An owned value. Cells of one place have one type, given by the plan; they order and compare like values.
#[derive(Clone, Debug, Default)]
pub enum Cell {
    /// Null.
    #[default]
    Null,
    /// `bool`.
    Bool(bool),
    /// See [`crate::value::Value::Integer`].
    Integer(i64),
    /// `uint64`.
    Unsigned(u64),
    /// Never NaN.
    Float(f64),
    /// `decimal`.
    Decimal(Decimal),
    /// `text`.
    Text(Box<str>),
    /// `bytes`.
    Bytes(Box<[u8]>),
    /// `list<T>`.
    List(Vec<Cell>),
    /// `set<T>` and `map<K, V>`: a set maps to nulls.
    Map(BTreeMap<Cell, Cell>),
    /// A record.
    Record(Box<[Cell]>),
    /// A JSON text.
    Json(Box<str>),
}
