//! What may be given to a parameter, before and without typing it.

use nsf_plan::Type;
use nsf_syntax::ast;

use super::library::{Signature, SignatureType};
use super::relation;

pub(super) fn takes_null(parameter: &SignatureType, signature: &Signature) -> bool {
    match parameter {
        SignatureType::Nullable(_) => true,
        SignatureType::Known(ty) => ty.is_nullable(),
        SignatureType::Variable(name) => {
            signature.generics.iter().any(|(generic, class)| generic == name && class.is_none())
        }
        _ => false,
    }
}

/// Whether what was written may be a value of a parameter's type, before it is typed.
pub(super) fn written_fits(expr: &ast::Expr, parameter: &SignatureType, exact: bool) -> bool {
    match (&expr.kind, parameter) {
        (ast::ExprKind::Paren(inner) | ast::ExprKind::Unary(_, inner), parameter) => {
            written_fits(inner, parameter, exact)
        }
        (ast::ExprKind::Lambda(names, _), SignatureType::Function(parameters, _)) => names.len() == parameters.len(),
        (ast::ExprKind::Lambda(..), _) | (_, SignatureType::Function(..)) => false,
        (ast::ExprKind::Literal(ast::Literal::Number(text)), SignatureType::Known(ty)) => match ty.non_null() {
            Type::Integer(_) => !text.contains(['.', '%']),
            other => relation::is_number(other),
        },
        (ast::ExprKind::Literal(ast::Literal::Number(_)), SignatureType::Variable(_)) => true,
        (ast::ExprKind::Literal(ast::Literal::Null), parameter) => {
            matches!(parameter, SignatureType::Nullable(_))
                || matches!(parameter, SignatureType::Known(ty) if ty.is_nullable())
        }
        (ast::ExprKind::List(_), SignatureType::List(_) | SignatureType::Set(_) | SignatureType::Variable(_)) => true,
        (ast::ExprKind::List(_), SignatureType::Known(ty)) => matches!(ty.non_null(), Type::List(_) | Type::Set(_)),
        (ast::ExprKind::Record(_), SignatureType::Record(_) | SignatureType::Variable(_)) => true,
        (ast::ExprKind::Record(_), SignatureType::Known(ty)) => matches!(ty.non_null(), Type::Record(_)),
        // A raw member of an ingest: as JSON where there is such a form.
        (ast::ExprKind::Name(_), parameter) => !exact || *parameter == SignatureType::Known(Type::Json),
        _ => false,
    }
}

pub(super) fn count(least: usize, most: usize) -> String {
    let word = |count: usize| match count {
        0 => "no argument".to_owned(),
        1 => "one argument".to_owned(),
        2 => "two arguments".to_owned(),
        3 => "three arguments".to_owned(),
        more => format!("{more} arguments"),
    };
    if least == most { word(most) } else { format!("{least} to {most} arguments") }
}

/// Whether an argument has no type of its own: it takes the one that its place gives.
pub(super) fn waits_for_type(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ast::ExprKind::Lambda(..) | ast::ExprKind::Literal(ast::Literal::Number(_) | ast::Literal::Null) => true,
        ast::ExprKind::List(_) | ast::ExprKind::Record(_) => true,
        ast::ExprKind::Unary(ast::UnaryOperator::Negate, inner) | ast::ExprKind::Paren(inner) => waits_for_type(inner),
        _ => false,
    }
}

/// Whether an argument is a bare name.
pub(super) fn is_name(expr: &ast::Expr) -> bool {
    matches!(expr.kind, ast::ExprKind::Name(_))
}
