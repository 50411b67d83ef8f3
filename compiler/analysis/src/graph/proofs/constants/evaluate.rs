//! A small evaluator of constant expressions. It knows what can be told from literals alone, and says nothing of the
//! rest.

use std::cmp::Ordering;

use nsf_plan::{BinaryOperator, Expr, ExprKind, Literal, Type};

use super::call;
use crate::types::literal::integer_literal;

/// Why an operation always fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The reason, in words.
    pub why: String,
    /// What to do.
    pub help: &'static str,
    /// The sign or name by which the operation is found in its line.
    pub sign: &'static str,
}

/// Expressions deeper than this are not evaluated; nothing that is written as a constant is.
const DEEPEST: usize = 64;

/// The value of an expression, if it is a constant.
///
/// # Errors
/// When it always fails.
pub fn value(expression: &Expr) -> Result<Option<Literal>, Failure> {
    evaluate(expression, 0)
}

/// Why the outermost operation of an expression always fails, if it does and its operands do not.
pub(super) fn own_failure(expression: &Expr) -> Option<Failure> {
    let operands: Option<Vec<Option<Literal>>> = match &expression.kind {
        ExprKind::Binary(..) | ExprKind::Negate(_) | ExprKind::Index(..) | ExprKind::Call(..) => {
            expression.children().into_iter().map(|child| value(child).ok()).collect()
        }
        _ => None,
    };
    apply(expression, &operands?).err()
}

fn evaluate(expression: &Expr, depth: usize) -> Result<Option<Literal>, Failure> {
    if depth > DEEPEST {
        return Ok(None);
    }
    let inner = |expression: &Expr| evaluate(expression, depth + 1);
    match &expression.kind {
        ExprKind::Literal(value) => Ok(Some(value.clone())),
        ExprKind::Widen(operand) => Ok(inner(operand)?.map(|value| widened(value, &expression.ty))),
        ExprKind::NonNull(operand) => inner(operand),
        ExprKind::Not(operand) => match inner(operand)? {
            Some(Literal::Bool(value)) => Ok(Some(Literal::Bool(!value))),
            _ => Ok(None),
        },
        ExprKind::IsNull(operand) => Ok(inner(operand)?.map(|value| Literal::Bool(value == Literal::Null))),
        ExprKind::Binary(BinaryOperator::And, left, right) => shortcut(inner(left)?, || inner(right), false),
        ExprKind::Binary(BinaryOperator::Or, left, right) => shortcut(inner(left)?, || inner(right), true),
        ExprKind::If(condition, then, otherwise) => match inner(condition)? {
            Some(Literal::Bool(true)) => inner(then),
            Some(Literal::Bool(false)) => inner(otherwise),
            _ => Ok(None),
        },
        ExprKind::Catch(value, otherwise) => match inner(value) {
            Ok(value) => Ok(value),
            Err(_) => inner(otherwise),
        },
        ExprKind::Binary(..) | ExprKind::Negate(_) | ExprKind::Index(..) | ExprKind::Call(..) => {
            let operands: Vec<Option<Literal>> =
                expression.children().into_iter().map(inner).collect::<Result<_, Failure>>()?;
            apply(expression, &operands)
        }
        _ => Ok(None),
    }
}

/// `and`, `or`: the right side counts only where the left one does not decide.
fn shortcut(
    left: Option<Literal>,
    right: impl FnOnce() -> Result<Option<Literal>, Failure>,
    deciding: bool,
) -> Result<Option<Literal>, Failure> {
    match left {
        Some(Literal::Bool(left)) if left == deciding => Ok(Some(Literal::Bool(deciding))),
        Some(Literal::Bool(_)) => right(),
        // Not known: a failing right side may never be asked.
        _ => match right() {
            Ok(Some(Literal::Bool(right))) if right == deciding => Ok(Some(Literal::Bool(deciding))),
            _ => Ok(None),
        },
    }
}

/// The value of an operation on constants; none where an operand that matters is not known.
fn apply(expression: &Expr, operands: &[Option<Literal>]) -> Result<Option<Literal>, Failure> {
    match (&expression.kind, operands) {
        (ExprKind::Binary(operator, left, _), [first, second]) => {
            binary(*operator, first.as_ref(), second.as_ref(), &left.ty, &expression.ty)
        }
        (ExprKind::Negate(_), [Some(Literal::Integer(value))]) => {
            whole(i128::from(*value).checked_neg(), &expression.ty, "-")
        }
        (ExprKind::Index(object, _), [items, Some(Literal::Integer(at))])
            if matches!(object.ty.non_null(), Type::List(_)) =>
        {
            let length = match (&object.kind, items) {
                (ExprKind::List(items), _) => Some(items.len()),
                (_, Some(Literal::List(items))) => Some(items.len()),
                _ => None,
            };
            if *at < 0 {
                return Err(failure(format!("index {at} is before the first element"), "count from 0", "["));
            }
            match length {
                Some(length) if *at as usize >= length => {
                    Err(failure(format!("index {at} is behind the last of {length} elements"), "count from 0", "["))
                }
                _ => Ok(None),
            }
        }
        (ExprKind::Call(signature, _), operands) => call::check(signature, operands, &expression.ty),
        _ => Ok(None),
    }
}

/// A failure.
pub(super) fn failure(why: impl Into<String>, help: &'static str, sign: &'static str) -> Failure {
    Failure { why: why.into(), help, sign }
}

/// A whole number of a type; fails where it does not fit.
fn whole(value: Option<i128>, ty: &Type, sign: &'static str) -> Result<Option<Literal>, Failure> {
    let (name, literal) = match ty.non_null() {
        Type::Integer(width) => (width.name(), value.and_then(|value| integer_literal(value, *width))),
        Type::Duration => ("duration", value.and_then(|value| i64::try_from(value).ok()).map(Literal::Integer)),
        _ => return Ok(None),
    };
    match literal {
        Some(literal) => Ok(Some(literal)),
        None => Err(failure(
            format!("the result does not fit {name}"),
            "convert to a wider type before, such as `int64(x)`",
            sign,
        )),
    }
}

fn binary(
    operator: BinaryOperator,
    left: Option<&Literal>,
    right: Option<&Literal>,
    operand: &Type,
    result: &Type,
) -> Result<Option<Literal>, Failure> {
    use BinaryOperator as B;
    let (sign, divides) = match operator {
        B::Divide => ("/", true),
        B::Remainder => ("%", true),
        B::Add => ("+", false),
        B::Subtract => ("-", false),
        B::Multiply => ("*", false),
        _ => ("", false),
    };
    if divides && right.is_some_and(is_zero) {
        return Err(failure("division by zero", "divide by something else, or say what is meant: `… catch 0`", sign));
    }
    let (Some(left), Some(right)) = (left, right) else { return Ok(None) };
    match (operator, left, right) {
        (B::Add | B::Subtract | B::Multiply | B::Remainder, Literal::Integer(a), Literal::Integer(b))
            if matches!(operand.non_null(), Type::Integer(_)) || (operand.non_null() == result.non_null()) =>
        {
            let (a, b) = (i128::from(*a), i128::from(*b));
            let value = match operator {
                B::Add => a.checked_add(b),
                B::Subtract => a.checked_sub(b),
                B::Multiply => a.checked_mul(b),
                _ => a.checked_rem(b),
            };
            whole(value, result, sign)
        }
        (B::Equal | B::NotEqual | B::Less | B::LessEqual | B::Greater | B::GreaterEqual, a, b) => Ok(compare(a, b)
            .map(|order| {
                Literal::Bool(match operator {
                    B::Equal => order == Ordering::Equal,
                    B::NotEqual => order != Ordering::Equal,
                    B::Less => order == Ordering::Less,
                    B::LessEqual => order != Ordering::Greater,
                    B::Greater => order == Ordering::Greater,
                    _ => order != Ordering::Less,
                })
            })),
        _ => Ok(None),
    }
}

pub(super) fn is_zero(value: &Literal) -> bool {
    match value {
        Literal::Integer(value) => *value == 0,
        Literal::Unsigned(value) => *value == 0,
        Literal::Float(value) => *value == 0.0,
        Literal::Decimal(value) => value.is_zero(),
        _ => false,
    }
}

/// The order of two constants of one type.
fn compare(left: &Literal, right: &Literal) -> Option<Ordering> {
    match (left, right) {
        (Literal::Bool(left), Literal::Bool(right)) => Some(left.cmp(right)),
        (Literal::Integer(left), Literal::Integer(right)) => Some(left.cmp(right)),
        (Literal::Unsigned(left), Literal::Unsigned(right)) => Some(left.cmp(right)),
        (Literal::Float(left), Literal::Float(right)) => left.partial_cmp(right),
        (Literal::Decimal(left), Literal::Decimal(right)) => Some(left.cmp(right)),
        (Literal::Text(left), Literal::Text(right)) => Some(left.cmp(right)),
        _ => None,
    }
}

/// A constant as one of a wider type.
fn widened(value: Literal, ty: &Type) -> Literal {
    match (value, ty.non_null()) {
        (Literal::Integer(value), Type::Decimal) => Literal::Decimal(value.into()),
        (Literal::Unsigned(value), Type::Decimal) => Literal::Decimal(value.into()),
        (value, _) => value,
    }
}
