//! What the built-in functions share: reading arguments, making results, words of faults.

use bumpalo::Bump;
use nsf_plan::{IntegerWidth, Type};
use rust_decimal::Decimal;

use crate::{
    fault::{Fallible, Fault, FaultCode},
    functions::{Argument, Builtin, Call, Function, Lambda},
    value::{Value, quoted},
};

/// The longest text that a function makes, in bytes.
pub(super) const LONGEST_TEXT: usize = 16 << 20;

/// The longest list that a function makes of others; nothing that is made of one list alone is longer than it.
pub(super) const LONGEST_LIST: usize = 16 << 20;

/// A function whose value depends on its arguments alone.
pub(super) const fn pure(signature: &'static str, function: Function) -> Builtin {
    Builtin { signature, function, pure: true }
}

/// A function whose value differs from call to call.
pub(super) const fn impure(signature: &'static str, function: Function) -> Builtin {
    Builtin { signature, function, pure: false }
}

/// A fault of a value that a function does not take.
pub(super) fn argument(message: impl Into<Box<str>>) -> Box<Fault> {
    Fault::new(FaultCode::Argument, message)
}

/// A fault of a text that is not what it is converted to.
pub(super) fn conversion(message: impl Into<Box<str>>) -> Box<Fault> {
    Fault::new(FaultCode::Conversion, message)
}

/// A fault of a result outside its type.
pub(super) fn overflow(message: impl Into<Box<str>>) -> Box<Fault> {
    Fault::new(FaultCode::Overflow, message)
}

/// A fault of a list over [`LONGEST_LIST`].
pub(super) fn too_many(function: &str) -> Box<Fault> {
    Fault::new(
        FaultCode::Limit,
        format!("the list that `{function}` makes would have more than {LONGEST_LIST} elements"),
    )
}

/// A fault of a text over [`LONGEST_TEXT`].
pub(super) fn too_long(function: &str) -> Box<Fault> {
    Fault::new(FaultCode::Limit, format!("the text that `{function}` makes would be longer than 16 MiB"))
}

/// What a plan that was not written by this compiler gets: an argument of a type that the signature does not name.
#[cold]
fn mismatch() -> Box<Fault> {
    argument("the plan gives a function a value of another type than the function takes: compile the program again")
}

impl<'b> Call<'_, 'b> {
    /// An argument's value.
    pub(super) fn value(&self, index: usize) -> Fallible<Value<'b>> {
        match self.arguments.get(index) {
            Some(Argument::Value(value)) => Ok(*value),
            _ => Err(mismatch()),
        }
    }

    /// An argument's lambda.
    pub(super) fn lambda(&self, index: usize) -> Fallible<&dyn Lambda<'b>> {
        match self.arguments.get(index) {
            Some(Argument::Lambda(lambda)) => Ok(*lambda),
            _ => Err(mismatch()),
        }
    }

    /// An argument's type.
    pub(super) fn ty(&self, index: usize) -> Fallible<&Type> {
        self.types.get(index).ok_or_else(mismatch)
    }

    /// A text.
    pub(super) fn text(&self, index: usize) -> Fallible<&'b str> {
        if let Value::Text(text) = self.value(index)? { Ok(text) } else { Err(mismatch()) }
    }

    /// Bytes, or a text's bytes.
    pub(super) fn bytes(&self, index: usize) -> Fallible<&'b [u8]> {
        match self.value(index)? {
            Value::Text(text) => Ok(text.as_bytes()),
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(mismatch()),
        }
    }

    /// An integer, a time, a date, a duration.
    pub(super) fn integer(&self, index: usize) -> Fallible<i64> {
        integer(self.value(index)?)
    }

    /// A float.
    pub(super) fn float(&self, index: usize) -> Fallible<f64> {
        float(self.value(index)?)
    }

    /// A decimal.
    pub(super) fn decimal(&self, index: usize) -> Fallible<Decimal> {
        if let Value::Decimal(value) = self.value(index)? { Ok(value) } else { Err(mismatch()) }
    }

    /// A bool.
    pub(super) fn bool(&self, index: usize) -> Fallible<bool> {
        bool(self.value(index)?)
    }

    /// JSON, by its text.
    pub(super) fn json(&self, index: usize) -> Fallible<&'b str> {
        if let Value::Json(text) = self.value(index)? { Ok(text) } else { Err(mismatch()) }
    }

    /// A list or a set.
    pub(super) fn list(&self, index: usize) -> Fallible<&'b [Value<'b>]> {
        list(self.value(index)?)
    }

    /// A map.
    pub(super) fn map(&self, index: usize) -> Fallible<&'b [(Value<'b>, Value<'b>)]> {
        if let Value::Map(pairs) = self.value(index)? { Ok(pairs) } else { Err(mismatch()) }
    }

    /// A text as a result.
    pub(super) fn new_text(&self, text: &str) -> Value<'b> {
        Value::Text(self.arena.alloc_str(text))
    }

    /// A text as a result, of what is written in UTF-8.
    pub(super) fn new_written(&self, write: impl FnOnce(&mut Vec<u8>)) -> Value<'b> {
        let mut out = Vec::new();
        write(&mut out);
        self.new_text(&String::from_utf8_lossy(&out))
    }

    /// JSON as a result, of what is written as JSON.
    pub(super) fn new_json(&self, write: impl FnOnce(&mut Vec<u8>)) -> Value<'b> {
        if let Value::Text(text) = self.new_written(write) { Value::Json(text) } else { Value::Null }
    }

    /// A list as a result.
    pub(super) fn new_list(&self, items: &[Value<'b>]) -> Value<'b> {
        Value::List(self.arena.alloc_slice_copy(items))
    }

    /// A set as a result, from elements in any order.
    pub(super) fn new_set(&self, mut items: Vec<Value<'b>>) -> Value<'b> {
        items.sort_unstable();
        items.dedup();
        self.new_list(&items)
    }

    /// A map as a result, from entries in any order; of equal keys the last counts.
    pub(super) fn new_map(&self, mut pairs: Vec<(Value<'b>, Value<'b>)>) -> Value<'b> {
        pairs.sort_by_key(|pair| pair.0);
        pairs.reverse();
        pairs.dedup_by_key(|pair| pair.0);
        pairs.reverse();
        Value::Map(self.arena.alloc_slice_copy(&pairs))
    }

    /// A record as a result.
    pub(super) fn new_record(&self, members: &[Value<'b>]) -> Value<'b> {
        record(self.arena, members)
    }

    /// A whole number of the result's type, if it fits.
    pub(super) fn fit(&self, value: i128) -> Fallible<Value<'b>> {
        fit(self.result, value)
    }

    /// A float of the result's type, if it is finite.
    pub(super) fn finite(&self, value: f64) -> Fallible<Value<'b>> {
        #[allow(clippy::cast_possible_truncation)]
        let value = if *self.result.non_null() == Type::Float32 { f64::from(value as f32) } else { value };
        finite(value)
    }
}

/// The integer of a value.
pub(super) fn integer(value: Value<'_>) -> Fallible<i64> {
    if let Value::Integer(value) = value { Ok(value) } else { Err(mismatch()) }
}

/// The float of a value.
pub(super) fn float(value: Value<'_>) -> Fallible<f64> {
    if let Value::Float(value) = value { Ok(value) } else { Err(mismatch()) }
}

/// The truth of a value.
pub(super) fn bool(value: Value<'_>) -> Fallible<bool> {
    if let Value::Bool(value) = value { Ok(value) } else { Err(mismatch()) }
}

/// The elements of a list or set.
pub(super) fn list(value: Value<'_>) -> Fallible<&[Value<'_>]> {
    if let Value::List(items) = value { Ok(items) } else { Err(mismatch()) }
}

/// A record.
pub(super) fn record<'b>(arena: &'b Bump, members: &[Value<'b>]) -> Value<'b> {
    Value::Record(arena.alloc_slice_copy(members))
}

/// A member of a record.
pub(super) fn member<'b>(value: Value<'b>, index: usize) -> Fallible<Value<'b>> {
    let Value::Record(members) = value else { return Err(mismatch()) };
    members.get(index).copied().ok_or_else(mismatch)
}

/// The whole number of an integer, a duration, or an unsigned one.
pub(super) fn whole(value: Value<'_>) -> Option<i128> {
    match value {
        Value::Integer(value) => Some(value.into()),
        Value::Unsigned(value) => Some(value.into()),
        _ => None,
    }
}

/// A number of things as `int64`.
pub(super) fn count(value: usize) -> Value<'static> {
    Value::Integer(i64::try_from(value).unwrap_or(i64::MAX))
}

/// A number of elements that is asked for: negative is none.
pub(super) fn length(value: i64) -> usize {
    usize::try_from(value.max(0)).unwrap_or(usize::MAX)
}

/// A whole number as a value of a type (an integer's, or a duration's), if it fits.
pub(super) fn fit<'b>(ty: &Type, value: i128) -> Fallible<Value<'b>> {
    let width = match ty.non_null() {
        Type::Integer(width) => *width,
        _ => IntegerWidth::Int64,
    };
    let (low, high) = width.range();
    if !(low..=high).contains(&value) {
        return Err(overflow(match ty.non_null() {
            Type::Integer(width) => format!("{value} does not fit `{}` ({low} to {high})", width.name()),
            other => format!("the result does not fit a `{other}`"),
        }));
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(if width == IntegerWidth::UInt64 { Value::Unsigned(value as u64) } else { Value::Integer(value as i64) })
}

/// A float that is neither infinite nor NaN; zero has no sign.
pub(super) fn finite<'b>(value: f64) -> Fallible<Value<'b>> {
    if value.is_finite() { Ok(Value::Float(value + 0.0)) } else { Err(overflow("the result is too large for a float")) }
}

/// "`abc` is not an `int32`", for a text that is converted to a type.
pub(super) fn not_a(text: &str, what: &str) -> Box<Fault> {
    conversion(format!("{} is not {what}", quoted(text)))
}
