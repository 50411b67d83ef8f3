//! Which types fit which, and which literals.

use crate::{IntegerWidth, Literal, Type};

impl Literal {
    /// How deeply it is nested; a scalar is 1 deep.
    #[must_use]
    pub fn depth(&self) -> usize {
        let mut deepest = 0;
        let mut open = vec![(self, 1)];
        while let Some((literal, depth)) = open.pop() {
            deepest = deepest.max(depth);
            match literal {
                Self::List(items) | Self::Record(items) => open.extend(items.iter().map(|item| (item, depth + 1))),
                Self::Map(pairs) => {
                    open.extend(pairs.iter().flat_map(|(key, value)| [(key, depth + 1), (value, depth + 1)]));
                }
                _ => {}
            }
        }
        deepest
    }

    /// Whether it is a value of a type. Null is a value of every type here: whether it may stand in a place is for
    /// the compiler to prove.
    #[must_use]
    pub fn is_of(&self, ty: &Type) -> bool {
        match (self, bare(ty)) {
            (Self::Null, _)
            | (Self::Bool(_), Type::Bool)
            | (Self::Integer(_), Type::Timestamp | Type::Date | Type::Duration)
            | (Self::Unsigned(_), Type::Integer(IntegerWidth::UInt64))
            | (Self::Float(_), Type::Float32 | Type::Float64)
            | (Self::Decimal(_), Type::Decimal)
            | (Self::Text(_), Type::Text | Type::Bytes)
            // A JSON value is kept as its text, and may also be written as a literal of another form.
            | (_, Type::Json) => true,
            (Self::Integer(value), Type::Integer(width)) => {
                let (low, high) = width.range();
                (low..=high).contains(&i128::from(*value))
            }
            (Self::List(items), Type::List(item) | Type::Set(item) | Type::Multi(item)) => {
                items.iter().all(|literal| literal.is_of(item))
            }
            (Self::Map(pairs), Type::Map(key, value)) => {
                pairs.iter().all(|(entry_key, entry)| entry_key.is_of(key) && entry.is_of(value))
            }
            (Self::Record(values), Type::Record(members)) => {
                values.len() == members.len() && values.iter().zip(members).all(|(value, (_, ty))| value.is_of(ty))
            }
            (Self::Record(values), Type::Link | Type::Attachment) => {
                values.len() == 2 && values.iter().all(|value| value.is_of(&Type::Text))
            }
            _ => false,
        }
    }
}

/// The type whose values a type's values are: without `?` and without `select`.
pub(super) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Nullable(inner) | Type::Select(inner) => bare(inner),
        other => other,
    }
}

/// The type of the elements of a list or set.
pub(super) fn element(ty: &Type) -> Option<&Type> {
    match bare(ty) {
        Type::List(item) | Type::Set(item) | Type::Multi(item) => Some(item),
        _ => None,
    }
}

/// Whether a value of one type may go where another is due: the same but for `?`, `select`, and `multi` for `set`.
pub(super) fn fits(value: &Type, place: &Type) -> bool {
    match (bare(value), bare(place)) {
        (Type::List(value), Type::List(place)) => fits(value, place),
        (Type::Set(value) | Type::Multi(value), Type::Set(place) | Type::Multi(place)) => fits(value, place),
        (Type::Map(value_key, value), Type::Map(place_key, place)) => fits(value_key, place_key) && fits(value, place),
        (Type::Record(value), Type::Record(place)) => {
            value.len() == place.len()
                && value.iter().zip(place).all(|(value, place)| value.0 == place.0 && fits(&value.1, &place.1))
        }
        (value, place) => value == place,
    }
}

pub(super) fn is_number(ty: &Type) -> bool {
    matches!(bare(ty), Type::Integer(_) | Type::Float32 | Type::Float64 | Type::Decimal)
}

/// Whether a number of one type may be widened to another.
pub(super) fn widens(from: &Type, to: &Type) -> bool {
    match (bare(from), bare(to)) {
        (Type::Integer(from), Type::Integer(to)) => {
            let ((from_low, from_high), (to_low, to_high)) = (from.range(), to.range());
            to_low <= from_low && from_high <= to_high
        }
        (Type::Integer(_), Type::Decimal) | (Type::Float32, Type::Float64) => true,
        (from, to) => fits(from, to),
    }
}

/// A type with its article: "an `int64`".
pub(super) fn an(ty: &Type) -> String {
    let text = ty.to_string();
    let article = if text.starts_with(['a', 'i']) { "an" } else { "a" };
    format!("{article} `{text}`")
}
