//! Constants: the value of an expression that reads nothing.

use nsf_plan::{BinaryOperator, Expr, ExprKind, Literal, Type};

use super::literal::integer_literal;

/// The value of a constant expression.
#[must_use]
pub fn constant(expr: &Expr) -> Option<Literal> {
    match &expr.kind {
        ExprKind::Literal(literal) => Some(literal.clone()),
        ExprKind::Widen(inner) => widen(constant(inner)?, &expr.ty),
        ExprKind::Negate(inner) => match constant(inner)? {
            Literal::Integer(value) => {
                let value = value.checked_neg()?;
                match expr.ty.non_null() {
                    Type::Integer(width) => integer_literal(i128::from(value), *width),
                    _ => Some(Literal::Integer(value)),
                }
            }
            Literal::Float(value) => Some(Literal::Float(-value)),
            Literal::Decimal(value) => Some(Literal::Decimal(-value)),
            _ => None,
        },
        ExprKind::Not(inner) => match constant(inner)? {
            Literal::Bool(value) => Some(Literal::Bool(!value)),
            _ => None,
        },
        ExprKind::Binary(operator, left, right) => {
            binary(*operator, constant(left)?, constant(right)?, &left.ty, &expr.ty)
        }
        ExprKind::Join(parts) => {
            let mut text = String::new();
            for part in parts {
                match constant(part)? {
                    Literal::Text(part) => text.push_str(&part),
                    _ => return None,
                }
            }
            Some(Literal::Text(text))
        }
        ExprKind::Field(record, member) => match constant(record)? {
            Literal::Record(mut members) if (*member as usize) < members.len() => {
                Some(members.swap_remove(*member as usize))
            }
            _ => None,
        },
        ExprKind::List(items) => Some(Literal::List(items.iter().map(constant).collect::<Option<_>>()?)),
        ExprKind::Record(items) => Some(Literal::Record(items.iter().map(constant).collect::<Option<_>>()?)),
        _ => None,
    }
}

/// The expression as a literal, if it is constant and a plan can hold it as one.
#[must_use]
pub fn fold(expr: &Expr) -> Option<Expr> {
    if matches!(expr.kind, ExprKind::Literal(_)) {
        return None;
    }
    let literal = constant(expr).filter(|literal| literal.depth() <= Literal::MAX_DEPTH)?;
    Some(Expr { kind: ExprKind::Literal(literal), ty: expr.ty.clone(), origin: expr.origin })
}

fn widen(literal: Literal, ty: &Type) -> Option<Literal> {
    Some(match (literal, ty.non_null()) {
        (Literal::Integer(value), Type::Decimal) => Literal::Decimal(value.into()),
        (Literal::Unsigned(value), Type::Decimal) => Literal::Decimal(value.into()),
        (literal, _) => literal,
    })
}

fn binary(operator: BinaryOperator, left: Literal, right: Literal, operand: &Type, result: &Type) -> Option<Literal> {
    match (left, right) {
        (Literal::Integer(left), Literal::Integer(right)) => {
            let value = match operator {
                BinaryOperator::Add => left.checked_add(right)?,
                BinaryOperator::Subtract => left.checked_sub(right)?,
                BinaryOperator::Multiply => left.checked_mul(right)?,
                BinaryOperator::Remainder => left.checked_rem(right)?,
                _ => return None,
            };
            match (operand, result) {
                // The difference of dates is a duration.
                (Type::Date, _) | (_, Type::Date) => None,
                (_, Type::Integer(width)) => integer_literal(i128::from(value), *width),
                _ => Some(Literal::Integer(value)),
            }
        }
        (Literal::Decimal(left), Literal::Decimal(right)) if *result == Type::Decimal => {
            let value = match operator {
                BinaryOperator::Add => left.checked_add(right)?,
                BinaryOperator::Subtract => left.checked_sub(right)?,
                BinaryOperator::Multiply => left.checked_mul(right)?,
                _ => return None,
            };
            Some(Literal::Decimal(value))
        }
        (Literal::Float(left), Literal::Float(right)) if *result == Type::Float64 => {
            let value = match operator {
                BinaryOperator::Add => left + right,
                BinaryOperator::Subtract => left - right,
                BinaryOperator::Multiply => left * right,
                BinaryOperator::Divide if right != 0.0 => left / right,
                _ => return None,
            };
            value.is_finite().then_some(Literal::Float(value))
        }
        _ => None,
    }
}
