//! Values while a batch is worked on.
//!
//! A [`Value`] is small and `Copy`: everything longer than a word is a slice of the input buffer or of the batch's
//! arena (lifetime `'b`), so nothing is freed record by record. The hot path does not use it: where the type is known,
//! expressions work on plain `i64`, `f64`, `bool` and `&str` (see [`crate::expression`]). What outlives the batch is a
//! [`crate::cell::Cell`].
//!
//! Values of one type order totally: null first, `false` before `true`, numbers by size (`-0.0` equals `0.0`, NaN does
//! not occur), texts and bytes byte by byte, lists, maps and records member by member, `json` by its text.

use std::{
    cmp::Ordering,
    hash::{Hash, Hasher},
};

use bumpalo::Bump;
use nsf_plan::{Literal, Type};
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

impl<'b> Value<'b> {
    /// Whether it is null.
    #[inline]
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The place of its variant among others; values of one type have one variant, so this only makes the order total.
    #[must_use]
    pub(crate) const fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Integer(_) => 2,
            Self::Unsigned(_) => 3,
            Self::Float(_) => 4,
            Self::Decimal(_) => 5,
            Self::Text(_) => 6,
            Self::Bytes(_) => 7,
            Self::List(_) => 8,
            Self::Map(_) => 9,
            Self::Record(_) => 10,
            Self::Json(_) => 11,
        }
    }

    /// The value of a literal of a type, its texts copied into the arena.
    #[must_use]
    pub fn from_literal(ty: &Type, literal: &Literal, arena: &'b Bump) -> Self {
        crate::cell::Cell::from_literal(ty, literal).to_value(ty, arena)
    }

    /// The value of a map's key.
    #[must_use]
    pub fn lookup(pairs: &[(Self, Self)], key: Self) -> Option<Self> {
        pairs
            .binary_search_by(|(candidate, _)| candidate.cmp(&key))
            .ok()
            .and_then(|at| pairs.get(at))
            .map(|pair| pair.1)
    }
}

/// Orders two floats that are not NaN.
#[inline]
pub(crate) fn compare_floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.total_cmp(&right))
}

impl Ord for Value<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Integer(left), Self::Integer(right)) => left.cmp(right),
            (Self::Unsigned(left), Self::Unsigned(right)) => left.cmp(right),
            (Self::Float(left), Self::Float(right)) => compare_floats(*left, *right),
            (Self::Decimal(left), Self::Decimal(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) | (Self::Json(left), Self::Json(right)) => left.cmp(right),
            (Self::Bytes(left), Self::Bytes(right)) => left.cmp(right),
            (Self::List(left), Self::List(right)) | (Self::Record(left), Self::Record(right)) => left.cmp(right),
            (Self::Map(left), Self::Map(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value<'_> {}

impl Hash for Value<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Self::Null => {}
            Self::Bool(value) => value.hash(state),
            Self::Integer(value) => value.hash(state),
            Self::Unsigned(value) => value.hash(state),
            // The two zeros are equal and must meet in a hash table.
            Self::Float(value) => (value + 0.0).to_bits().hash(state),
            Self::Decimal(value) => value.hash(state),
            Self::Text(value) | Self::Json(value) => value.hash(state),
            Self::Bytes(value) => value.hash(state),
            Self::List(value) | Self::Record(value) => value.hash(state),
            Self::Map(value) => value.hash(state),
        }
    }
}

/// How many characters of a value a message shows.
const SHOWN: usize = 60;

/// A value for a message: its JSON form (a text without quotes), cut after a line's worth, in backquotes.
#[must_use]
pub fn shown(ty: &Type, value: Value<'_>) -> String {
    if let Value::Text(text) = value {
        return quoted(text);
    }
    let mut bytes = Vec::new();
    crate::encode::json::write_value(ty, value, &mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    quoted(text.trim_matches('"'))
}

/// A text for a message: in backquotes, cut after 60 characters, control characters escaped.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut short = String::with_capacity(text.len().min(SHOWN) + 8);
    short.push('`');
    for (index, character) in text.chars().enumerate() {
        if index == SHOWN {
            short.push('…');
            break;
        }
        if character.is_control() {
            short.extend(character.escape_default());
        } else {
            short.push(character);
        }
    }
    short.push('`');
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_zeros_are_equal_and_hash_alike() {
        let hash = |value: Value<'_>| {
            let mut hasher = std::hash::DefaultHasher::new();
            value.hash(&mut hasher);
            hasher.finish()
        };
        assert_eq!(Value::Float(0.0), Value::Float(-0.0));
        assert_eq!(hash(Value::Float(0.0)), hash(Value::Float(-0.0)));
    }

    #[test]
    fn values_of_one_type_order_as_the_language_says() {
        let ordered = [
            Value::Null,
            Value::Text(""),
            Value::Text("a"),
            Value::Text("ab"),
            Value::Text("b"),
            Value::Text("é"),
            Value::Text("班"),
        ];
        assert!(ordered.is_sorted_by(|left, right| left < right));
        let floats = [Value::Float(f64::NEG_INFINITY), Value::Float(-1.0), Value::Float(0.0), Value::Float(1e-300)];
        assert!(floats.is_sorted_by(|left, right| left < right));
        let short = [Value::Integer(1)];
        let long = [Value::Integer(1), Value::Integer(0)];
        assert!(Value::List(&short) < Value::List(&long));
    }

    #[test]
    fn a_shown_value_is_short_and_printable() {
        assert_eq!(shown(&Type::Text, Value::Text("a\nb")), "`a\\nb`");
        let long = "长".repeat(100);
        assert_eq!(shown(&Type::Text, Value::Text(&long)).chars().count(), 63);
        assert_eq!(shown(&Type::INT64, Value::Integer(-5)), "`-5`");
        assert_eq!(shown(&Type::Timestamp, Value::Integer(0)), "`1970-01-01T00:00:00Z`");
    }
}
