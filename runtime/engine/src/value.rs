//! Values while a batch is worked on.
//!
//! A [`Value`] is small and `Copy`: everything longer than a word is a slice of the input buffer or of the batch's
//! arena (lifetime `'b`), so nothing is freed record by record. The hot path does not use it: where the type is known,
//! expressions work on plain `i64`, `f64`, `bool` and `&str` (see `expression`). What outlives the batch is a
//! [`crate::cell::Cell`].

use rust_decimal::Decimal;

/// A value of any type. Which variants can stand in a place follows from the place's type in the plan.
#[derive(Clone, Copy, Debug)]
pub enum Value<'b> {
    /// Null, of a nullable type.
    Null,
    /// `bool`.
    Bool(bool),
    /// Integers but `uint64`; `timestamp` and `duration` in milliseconds; `date` in days.
    Integer(i64),
    /// `uint64`.
    Unsigned(u64),
    /// `float32` (rounded to it) and `float64`; never NaN.
    Float(f64),
    /// `decimal`.
    Decimal(Decimal),
    /// `text`.
    Text(&'b str),
    /// `bytes`.
    Bytes(&'b [u8]),
    /// `list<T>`; `set<T>` and `multi<T>` as a list without repetition in the order of their elements.
    List(&'b [Value<'b>]),
    /// `map<K, V>`, in the order of its keys.
    Map(&'b [(Value<'b>, Value<'b>)]),
    /// A record, members in the order of its type; `link` and `attachment` are (name, url).
    Record(&'b [Value<'b>]),
    /// `json`: one valid JSON text, as it came.
    Json(&'b str),
}
