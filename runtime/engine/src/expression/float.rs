//! Floats, in plain `f64`.

use nsf_plan::{BinaryOperator, Expr, ExprKind, IntegerWidth, Literal, Type};

use crate::{
    expression::{
        Build, Scope,
        arithmetic::{self, Bounds},
        code::{Code, Float, Integer, by_value, code, compile, non_null, unfit},
        convert, operand,
    },
    frame::Kind,
};

/// Compiles what gives a float.
pub fn operation(scope: &Scope<'_>, expression: &Expr) -> Build<Code<Float>> {
    match &expression.kind {
        ExprKind::Literal(literal) => {
            let value = match literal {
                Literal::Float(value) => *value,
                Literal::Integer(value) => *value as f64,
                _ => return Err(unfit(expression, "a float")),
            };
            Ok(code::<Float>(move |_| Ok(value)))
        }
        ExprKind::Slot(slot) => {
            let place = scope.place(*slot)?;
            if place.kind != Kind::Float {
                return Err(unfit(expression, "a float"));
            }
            Ok(code::<Float>(move |context| Ok(context.frame.float(place.index))))
        }
        ExprKind::Widen(inner) => compile::<Float>(scope, inner),
        ExprKind::NonNull(inner) => non_null::<Float>(scope, inner),
        ExprKind::Negate(inner) => {
            let inner = compile::<Float>(scope, inner)?;
            Ok(code::<Float>(move |context| inner(context).map(|value| -value)))
        }
        ExprKind::Binary(operator, left, right) => binary(scope, *operator, left, right, expression),
        ExprKind::Call(signature, arguments) => match convert::float(scope, signature, arguments)? {
            Some(code) => Ok(code),
            None => by_value::<Float>(scope, expression),
        },
        ExprKind::Field(..) | ExprKind::Index(..) | ExprKind::Mapping(..) => by_value::<Float>(scope, expression),
        _ => Err(unfit(expression, "a float")),
    }
}

fn binary(
    scope: &Scope<'_>,
    operator: BinaryOperator,
    left: &Expr,
    right: &Expr,
    expression: &Expr,
) -> Build<Code<Float>> {
    let origin = expression.origin;
    let single = matches!(expression.ty.non_null(), Type::Float32);
    if Kind::of(&left.ty) != Kind::Float {
        return quotient(scope, operator, left, right, expression);
    }
    let left = operand::float(scope, left)?;
    let right = operand::float(scope, right)?;
    Ok(match operator {
        BinaryOperator::Add => operand::pair::<Float, Float>(left, right, move |left, right| {
            arithmetic::finite(left + right, || arithmetic::floats_text(left, "+", right), single, origin)
        }),
        BinaryOperator::Subtract => operand::pair::<Float, Float>(left, right, move |left, right| {
            arithmetic::finite(left - right, || arithmetic::floats_text(left, "-", right), single, origin)
        }),
        BinaryOperator::Multiply => operand::pair::<Float, Float>(left, right, move |left, right| {
            arithmetic::finite(left * right, || arithmetic::floats_text(left, "*", right), single, origin)
        }),
        BinaryOperator::Divide => operand::pair::<Float, Float>(left, right, move |left, right| {
            if right == 0.0 {
                return Err(arithmetic::division_by_zero(&arithmetic::float_text(left), "/", origin));
            }
            arithmetic::finite(left / right, || arithmetic::floats_text(left, "/", right), single, origin)
        }),
        BinaryOperator::Remainder => operand::pair::<Float, Float>(left, right, move |left, right| {
            if right == 0.0 {
                return Err(arithmetic::division_by_zero(&arithmetic::float_text(left), "%", origin));
            }
            arithmetic::finite(left % right, || arithmetic::floats_text(left, "%", right), single, origin)
        }),
        _ => return Err(unfit(expression, "a float")),
    })
}

/// `/` of integers, and of durations.
fn quotient(
    scope: &Scope<'_>,
    operator: BinaryOperator,
    left: &Expr,
    right: &Expr,
    expression: &Expr,
) -> Build<Code<Float>> {
    if operator != BinaryOperator::Divide || !matches!(Kind::of(&left.ty), Kind::Integer | Kind::Unsigned) {
        return Err(unfit(expression, "a float"));
    }
    let bounds = Bounds::of(&left.ty);
    let origin = expression.origin;
    let unsigned = matches!(left.ty.non_null(), Type::Integer(IntegerWidth::UInt64));
    let float = move |value: i64| if unsigned { value.cast_unsigned() as f64 } else { value as f64 };
    let left = operand::integer(scope, left)?;
    let right = operand::integer(scope, right)?;
    Ok(operand::pair::<Integer, Float>(left, right, move |left, right| {
        if right == 0 {
            return Err(arithmetic::division_by_zero(&arithmetic::text(bounds, left), "/", origin));
        }
        Ok(float(left) / float(right))
    }))
}
