//! Integers, points and spans of time, in plain `i64`.

use nsf_plan::{BinaryOperator, Expr, ExprKind, IntegerWidth, Literal, Origin, Type};

use crate::{
    expression::{
        Build, Scope,
        arithmetic::{self, Bounds},
        code::{Code, Dynamic, Float, Integer, by_value, code, compile, non_null, unfit},
        convert, operand,
    },
    frame::Kind,
    instant::DAY,
    value::Value,
};

/// Compiles what gives an integer.
pub fn operation(scope: &Scope<'_>, expression: &Expr) -> Build<Code<Integer>> {
    match &expression.kind {
        ExprKind::Literal(literal) => {
            let value = match literal {
                Literal::Integer(value) => *value,
                Literal::Unsigned(value) => value.cast_signed(),
                _ => return Err(unfit(expression, "an integer")),
            };
            Ok(code::<Integer>(move |_| Ok(value)))
        }
        ExprKind::Slot(slot) => {
            let place = scope.place(*slot)?;
            if !matches!(place.kind, Kind::Integer | Kind::Unsigned) {
                return Err(unfit(expression, "an integer"));
            }
            Ok(code::<Integer>(move |context| Ok(context.frame.integer(place.index))))
        }
        ExprKind::Now => Ok(code::<Integer>(|context| Ok(context.frame.now()))),
        ExprKind::Widen(inner) => compile::<Integer>(scope, inner),
        ExprKind::NonNull(inner) => non_null::<Integer>(scope, inner),
        ExprKind::Negate(inner) => negate(scope, inner, expression),
        ExprKind::Binary(operator, left, right) => binary(scope, *operator, left, right, expression),
        ExprKind::Call(signature, arguments) => match convert::integer(scope, signature, arguments, expression)? {
            Some(code) => Ok(code),
            None => by_value::<Integer>(scope, expression),
        },
        ExprKind::Field(..) | ExprKind::Index(..) | ExprKind::Mapping(..) => by_value::<Integer>(scope, expression),
        _ => Err(unfit(expression, "an integer")),
    }
}

fn negate(scope: &Scope<'_>, inner: &Expr, expression: &Expr) -> Build<Code<Integer>> {
    let bounds = Bounds::of(&expression.ty);
    let origin = expression.origin;
    let inner = compile::<Integer>(scope, inner)?;
    Ok(code::<Integer>(move |context| {
        let value = inner(context)?;
        bounds.subtract(0, value).ok_or_else(|| arithmetic::negation_overflow(bounds, value, origin))
    }))
}

fn binary(
    scope: &Scope<'_>,
    operator: BinaryOperator,
    left: &Expr,
    right: &Expr,
    expression: &Expr,
) -> Build<Code<Integer>> {
    let span = |ty: &Type| matches!(ty.non_null(), Type::Duration);
    match operator {
        BinaryOperator::Multiply if span(&left.ty) => return scaled(scope, left, right, false, expression.origin),
        BinaryOperator::Multiply if span(&right.ty) => return scaled(scope, right, left, false, expression.origin),
        BinaryOperator::Divide if span(&left.ty) => return scaled(scope, left, right, true, expression.origin),
        _ => {}
    }
    let bounds = Bounds::of(&expression.ty);
    let origin = expression.origin;
    // Dates count days, and their difference is a duration, which counts milliseconds.
    let days = matches!(left.ty.non_null(), Type::Date);
    let left = operand::integer(scope, left)?;
    let right = operand::integer(scope, right)?;
    Ok(match operator {
        BinaryOperator::Add if bounds == Bounds::Long => {
            operand::pair::<Integer, Integer>(left, right, move |left, right| {
                left.checked_add(right).ok_or_else(|| arithmetic::overflow(bounds, left, "+", right, origin))
            })
        }
        BinaryOperator::Add => operand::pair::<Integer, Integer>(left, right, move |left, right| {
            bounds.add(left, right).ok_or_else(|| arithmetic::overflow(bounds, left, "+", right, origin))
        }),
        BinaryOperator::Subtract if days => operand::pair::<Integer, Integer>(left, right, move |left, right| {
            let span = left.checked_sub(right).and_then(|days| days.checked_mul(DAY));
            span.ok_or_else(|| arithmetic::overflow(bounds, left, "-", right, origin))
        }),
        BinaryOperator::Subtract => operand::pair::<Integer, Integer>(left, right, move |left, right| {
            bounds.subtract(left, right).ok_or_else(|| arithmetic::overflow(bounds, left, "-", right, origin))
        }),
        BinaryOperator::Multiply => operand::pair::<Integer, Integer>(left, right, move |left, right| {
            bounds.multiply(left, right).ok_or_else(|| arithmetic::overflow(bounds, left, "*", right, origin))
        }),
        BinaryOperator::Remainder => operand::pair::<Integer, Integer>(left, right, move |left, right| {
            if right == 0 {
                return Err(arithmetic::division_by_zero(&arithmetic::text(bounds, left), "%", origin));
            }
            Ok(bounds.remainder(left, right))
        }),
        _ => return Err(unfit(expression, "an integer")),
    })
}

/// A duration times or divided by a number, rounded half to even.
fn scaled(scope: &Scope<'_>, span: &Expr, number: &Expr, divide: bool, origin: Option<Origin>) -> Build<Code<Integer>> {
    let span = compile::<Integer>(scope, span)?;
    match Kind::of(&number.ty) {
        Kind::Integer | Kind::Unsigned => {
            let unsigned = matches!(number.ty.non_null(), Type::Integer(IntegerWidth::UInt64));
            let number = compile::<Integer>(scope, number)?;
            Ok(code::<Integer>(move |context| {
                let (span, number) = (span(context)?, number(context)?);
                let number = if unsigned { i128::from(number.cast_unsigned()) } else { i128::from(number) };
                arithmetic::scale_span(span, number, divide, origin)
            }))
        }
        Kind::Float => {
            let number = compile::<Float>(scope, number)?;
            Ok(code::<Integer>(move |context| {
                let (span, number) = (span(context)?, number(context)?);
                arithmetic::scale_span_by_float(span, number, divide, origin)
            }))
        }
        _ if matches!(number.kind, ExprKind::Literal(Literal::Decimal(_))) => {
            let ExprKind::Literal(Literal::Decimal(number)) = number.kind else {
                return Err(unfit(number, "a number"));
            };
            Ok(code::<Integer>(move |context| {
                arithmetic::scale_span_by_decimal(span(context)?, number, divide, origin)
            }))
        }
        _ => {
            let number = compile::<Dynamic>(scope, number)?;
            Ok(code::<Integer>(move |context| {
                let (span, number) = (span(context)?, number(context)?);
                let Value::Decimal(number) = number else {
                    return Err(crate::expression::code::unexpected_null(origin));
                };
                arithmetic::scale_span_by_decimal(span, number, divide, origin)
            }))
        }
    }
}
