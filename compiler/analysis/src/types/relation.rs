//! How types relate: widening, the common type of two branches, classes of types.

use nsf_plan::{IntegerWidth, Type};

/// Whether a value of `from` becomes one of `to` without loss and without being asked: equal types, wider integers,
/// `int → decimal`, `float32 → float64`, `T → T?`, and a mapping's value as `select` of it.
#[must_use]
pub fn widens(from: &Type, to: &Type) -> bool {
    match (from, to) {
        (from, to) if from == to => true,
        (Type::Nullable(from), Type::Nullable(to)) => widens(from, to),
        (from, Type::Nullable(to)) => widens(from, to),
        (Type::Integer(from), Type::Integer(to)) => from.fits(*to),
        (Type::Integer(_), Type::Decimal) | (Type::Float32, Type::Float64) => true,
        (Type::Select(from), to) => widens(from, to),
        (from, Type::Select(to)) => widens(from, to),
        (Type::Multi(from), Type::List(to)) | (Type::List(from), Type::Multi(to)) => from == to,
        _ => false,
    }
}

/// The type that both widen to.
#[must_use]
pub fn common(left: &Type, right: &Type) -> Option<Type> {
    if widens(left, right) {
        return Some(right.clone());
    }
    if widens(right, left) {
        return Some(left.clone());
    }
    if left.is_nullable() || right.is_nullable() {
        return common(left.non_null(), right.non_null()).map(Type::nullable);
    }
    if let (Type::Integer(left), Type::Integer(right)) = (left, right) {
        let wider = [IntegerWidth::Int16, IntegerWidth::Int32, IntegerWidth::Int64];
        let fits = wider.into_iter().find(|width| left.fits(*width) && right.fits(*width));
        return fits.map(Type::Integer);
    }
    None
}

/// Whether arithmetic is defined on it.
#[must_use]
pub const fn is_number(ty: &Type) -> bool {
    matches!(ty, Type::Integer(_) | Type::Float32 | Type::Float64 | Type::Decimal)
}

/// Whether `<` is defined on it.
#[must_use]
pub fn is_ordered(ty: &Type) -> bool {
    match ty {
        Type::Select(inner) => is_ordered(inner),
        Type::Text | Type::Bytes | Type::Timestamp | Type::Date | Type::Duration | Type::Bool => true,
        other => is_number(other),
    }
}

/// Whether it may be a map's key or a set's element, or a key of a state: floats, JSON and composites may not.
#[must_use]
pub fn is_key(ty: &Type) -> bool {
    match ty {
        Type::Select(inner) => is_key(inner),
        Type::Bool
        | Type::Integer(_)
        | Type::Decimal
        | Type::Text
        | Type::Bytes
        | Type::Timestamp
        | Type::Date
        | Type::Duration => true,
        _ => false,
    }
}

/// The classes that a type parameter of a built-in may be bound to.
pub const CLASSES: [&str; 5] = ["number", "integer", "ordered", "key", "nullable"];

/// Whether a type belongs to a class of [`CLASSES`].
#[must_use]
pub fn in_class(ty: &Type, class: &str) -> bool {
    match class {
        "number" => is_number(ty) || matches!(ty, Type::Duration),
        "integer" => matches!(ty, Type::Integer(_)),
        "ordered" => is_ordered(ty),
        "key" => is_key(ty),
        "nullable" => ty.is_nullable(),
        _ => true,
    }
}

/// "a text", "an int32", "a list of texts" is too clever; the type as written in backticks is what people search for.
#[must_use]
pub fn show(ty: &Type) -> String {
    format!("`{ty}`")
}
