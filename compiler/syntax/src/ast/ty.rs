//! Types as written.

use nsf_diagnostics::Span;

use super::{Expr, Name, TextLiteral};

/// A type with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct TypeExpr {
    /// What it is.
    pub kind: TypeExprKind,
    /// Where.
    pub span: Span,
}

/// The forms of types.
#[derive(Clone, Debug, PartialEq)]
pub enum TypeExprKind {
    /// Could not be read; reported already.
    Error,
    /// `int32`, `Money`, `list<T>`, `map<K, V>`: a name and its arguments.
    Named(Name, Vec<TypeExpr>),
    /// `T?`.
    Nullable(Box<TypeExpr>),
    /// `{ name: T, … }`.
    Record(Vec<FieldDeclaration>),
    /// `fn(A, B) -> C`, only in `builtin fn`.
    Function(Vec<TypeExpr>, Box<TypeExpr>),
}

/// `name: T from "member" = default` in records of sources, tables, states and types.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldDeclaration {
    /// Lines of `///` above it.
    pub docs: Vec<smol_str::SmolStr>,
    /// The field.
    pub name: Name,
    /// Its type.
    pub ty: TypeExpr,
    /// `from "member"`.
    pub from: Option<TextLiteral>,
    /// `= default`.
    pub default: Option<Expr>,
    /// The whole declaration.
    pub span: Span,
}
