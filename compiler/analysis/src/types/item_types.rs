//! Types as written to types of the plan.

use nsf_plan::{IntegerWidth, Type};
use nsf_syntax::ast::{TypeExpr, TypeExprKind};

/// Names of the built-in types that take no argument.
pub const SIMPLE: [(&str, Type); 19] = [
    ("bool", Type::Bool),
    ("int8", Type::Integer(IntegerWidth::Int8)),
    ("int16", Type::Integer(IntegerWidth::Int16)),
    ("int32", Type::Integer(IntegerWidth::Int32)),
    ("int64", Type::Integer(IntegerWidth::Int64)),
    ("uint8", Type::Integer(IntegerWidth::UInt8)),
    ("uint16", Type::Integer(IntegerWidth::UInt16)),
    ("uint32", Type::Integer(IntegerWidth::UInt32)),
    ("uint64", Type::Integer(IntegerWidth::UInt64)),
    ("float32", Type::Float32),
    ("float64", Type::Float64),
    ("decimal", Type::Decimal),
    ("text", Type::Text),
    ("bytes", Type::Bytes),
    ("timestamp", Type::Timestamp),
    ("date", Type::Date),
    ("duration", Type::Duration),
    ("json", Type::Json),
    ("link", Type::Link),
];

/// Names of the built-in types that take arguments, with how many.
pub const GENERIC: [(&str, usize); 5] = [("list", 1), ("set", 1), ("map", 2), ("select", 1), ("multi", 1)];

/// The built-in type of a name without arguments.
#[must_use]
pub fn simple_name(name: &str) -> Option<Type> {
    if name == "attachment" {
        return Some(Type::Attachment);
    }
    SIMPLE.iter().find(|(simple, _)| *simple == name).map(|(_, ty)| ty.clone())
}

/// Every built-in type's name, for "did you mean".
pub fn names() -> impl Iterator<Item = &'static str> {
    SIMPLE.iter().map(|(name, _)| *name).chain(GENERIC.iter().map(|(name, _)| *name)).chain(["attachment"])
}

/// Puts arguments to a generic type's name.
#[must_use]
pub fn generic(name: &str, mut arguments: Vec<Type>) -> Option<Type> {
    let last = Box::new(arguments.pop()?);
    Some(match (name, arguments.pop()) {
        ("list", None) => Type::List(last),
        ("set", None) => Type::Set(last),
        ("select", None) => Type::Select(last),
        ("multi", None) => Type::Multi(last),
        ("map", Some(key)) => Type::Map(Box::new(key), last),
        _ => return None,
    })
}

/// The type, where only built-in names stand in it; used for the standard library's signatures.
#[must_use]
pub fn simple_type(ty: &TypeExpr) -> Option<Type> {
    match &ty.kind {
        TypeExprKind::Named(name, arguments) if arguments.is_empty() => simple_name(&name.text),
        TypeExprKind::Named(name, arguments) => {
            generic(&name.text, arguments.iter().map(simple_type).collect::<Option<Vec<_>>>()?)
        }
        TypeExprKind::Nullable(inner) => Some(simple_type(inner)?.nullable()),
        TypeExprKind::Record(fields) => {
            let field = |field: &nsf_syntax::ast::FieldDeclaration| {
                Some((field.name.text.to_string(), simple_type(&field.ty)?))
            };
            Some(Type::Record(fields.iter().map(field).collect::<Option<Vec<_>>>()?))
        }
        TypeExprKind::Function(..) | TypeExprKind::Error => None,
    }
}
