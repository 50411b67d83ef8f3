//! Values of any type: records, lists, maps, decimals, calls.

use bumpalo::collections::Vec as ArenaVec;
use nsf_plan::{BinaryOperator, Expr, ExprKind, IntegerWidth, Literal, Origin, Type};
use rust_decimal::Decimal;

use crate::{
    cell::Cell,
    cost::Cost,
    expression::{
        Build, Scope, arithmetic, call,
        code::{
            Bool, Code, Dynamic, Float, Integer, Nullable, Text, code, compile as compile_kind, unexpected_null, unfit,
            wrapped,
        },
        mapping,
        text::constant,
    },
    fault::{Fallible, Fault, FaultCode},
    frame::Kind,
    value::Value,
};

/// How many elements a range may have.
const LONGEST_RANGE: i64 = 1_000_000;

/// Compiles an expression of any type: scalars by their own kind.
pub fn operation(scope: &Scope<'_>, expression: &Expr) -> Build<Code<Dynamic>> {
    let direct = matches!(
        expression.kind,
        ExprKind::Call(..)
            | ExprKind::Field(..)
            | ExprKind::Index(..)
            | ExprKind::Mapping(..)
            | ExprKind::Slot(_)
            | ExprKind::Literal(_)
            | ExprKind::Loaded(..)
    );
    if direct && !converts(expression) {
        return compile(scope, expression);
    }
    match (Kind::of(&expression.ty), expression.ty.is_nullable()) {
        (Kind::Bool, false) => wrapped::<Bool>(scope, expression),
        (Kind::Bool, true) => wrapped::<Nullable<Bool>>(scope, expression),
        (Kind::Integer | Kind::Unsigned, false) => wrapped::<Integer>(scope, expression),
        (Kind::Integer | Kind::Unsigned, true) => wrapped::<Nullable<Integer>>(scope, expression),
        (Kind::Float, false) => wrapped::<Float>(scope, expression),
        (Kind::Float, true) => wrapped::<Nullable<Float>>(scope, expression),
        (Kind::Text, false) => wrapped::<Text>(scope, expression),
        (Kind::Text, true) => wrapped::<Nullable<Text>>(scope, expression),
        (Kind::Value, _) => compile(scope, expression),
    }
}

/// Whether a call is compiled without the call mechanism, as conversions of scalars are.
fn converts(expression: &Expr) -> bool {
    match &expression.kind {
        ExprKind::Call(signature, arguments) => {
            super::convert::is_direct(signature, arguments) && !expression.ty.is_nullable()
        }
        _ => false,
    }
}

/// Compiles what has no kind of its own.
pub fn compile(scope: &Scope<'_>, expression: &Expr) -> Build<Code<Dynamic>> {
    match &expression.kind {
        ExprKind::Literal(literal) => Ok(literal_code(&expression.ty, literal)),
        ExprKind::Slot(slot) => {
            let place = scope.place(*slot)?;
            Ok(code::<Dynamic>(move |context| Ok(context.frame.get(place))))
        }
        ExprKind::List(items) => list(scope, items, &expression.ty),
        ExprKind::Record(members) => {
            let members = compile_all(scope, members)?;
            Ok(code::<Dynamic>(move |context| {
                let mut values = ArenaVec::with_capacity_in(members.len(), context.arena);
                for member in &members {
                    values.push(member(context)?);
                }
                Ok(Value::Record(values.into_bump_slice()))
            }))
        }
        ExprKind::Field(object, member) => {
            let object = compile_kind::<Dynamic>(scope, object)?;
            let member = *member as usize;
            Ok(code::<Dynamic>(move |context| {
                Ok(match object(context)? {
                    Value::Record(members) => members.get(member).copied().unwrap_or(Value::Null),
                    _ => Value::Null,
                })
            }))
        }
        ExprKind::Index(list, index) => {
            let (list, index) = (compile_kind::<Dynamic>(scope, list)?, compile_kind::<Dynamic>(scope, index)?);
            let origin = expression.origin;
            Ok(code::<Dynamic>(move |context| {
                let list = list(context)?;
                entry(list, index(context)?, origin)
            }))
        }
        ExprKind::Call(signature, arguments) => call::compile(scope, signature, arguments, expression),
        ExprKind::Mapping(id, value) => mapping::compile(scope, *id, value, expression),
        ExprKind::Widen(inner) => widen(scope, inner, expression),
        ExprKind::NonNull(inner) => {
            let inner = compile_kind::<Dynamic>(scope, inner)?;
            let origin = expression.origin;
            Ok(code::<Dynamic>(move |context| match inner(context)? {
                Value::Null => Err(unexpected_null(origin)),
                value => Ok(value),
            }))
        }
        ExprKind::Negate(inner) => {
            let inner = compile_kind::<Dynamic>(scope, inner)?;
            let origin = expression.origin;
            Ok(code::<Dynamic>(move |context| match inner(context)? {
                Value::Decimal(value) => Ok(Value::Decimal(-value)),
                _ => Err(unexpected_null(origin)),
            }))
        }
        ExprKind::Binary(operator, left, right) => binary(scope, *operator, left, right, expression),
        _ => Err(unfit(expression, "a value")),
    }
}

/// Compiles several expressions.
pub fn compile_all(scope: &Scope<'_>, expressions: &[Expr]) -> Build<Vec<Code<Dynamic>>> {
    expressions.iter().map(|expression| compile_kind::<Dynamic>(scope, expression)).collect()
}

fn literal_code(ty: &Type, literal: &Literal) -> Code<Dynamic> {
    if let Some(value) = constant_value(ty, literal) {
        return code::<Dynamic>(move |_| Ok(value));
    }
    let cell = Cell::from_literal(ty, literal);
    let ty = ty.clone();
    code::<Dynamic>(move |context| Ok(cell.to_value(&ty, context.arena)))
}

/// A scalar constant as a value for as long as the process lives; none for lists, maps, records, bytes and JSON.
pub fn constant_value(ty: &Type, literal: &Literal) -> Option<Value<'static>> {
    Some(match (Cell::from_literal(ty, literal), literal) {
        (Cell::Null, _) => Value::Null,
        (Cell::Bool(value), _) => Value::Bool(value),
        (Cell::Integer(value), _) => Value::Integer(value),
        (Cell::Unsigned(value), _) => Value::Unsigned(value),
        (Cell::Float(value), _) => Value::Float(value),
        (Cell::Decimal(value), _) => Value::Decimal(value),
        (Cell::Text(_), Literal::Text(text)) => Value::Text(constant(text)),
        _ => return None,
    })
}

fn list(scope: &Scope<'_>, items: &[Expr], ty: &Type) -> Build<Code<Dynamic>> {
    let items = compile_all(scope, items)?;
    let set = matches!(ty.non_null(), Type::Set(_) | Type::Multi(_));
    Ok(code::<Dynamic>(move |context| {
        context.frame.spend(items.len(), Cost::Element)?;
        let mut values = ArenaVec::with_capacity_in(items.len(), context.arena);
        for item in &items {
            values.push(item(context)?);
        }
        if set {
            values.sort_unstable();
            values.dedup();
        }
        Ok(Value::List(values.into_bump_slice()))
    }))
}

/// An element of a list or the value of a map's key.
///
/// # Errors
/// The list has no such element.
pub fn entry<'b>(list: Value<'b>, index: Value<'b>, origin: Option<Origin>) -> Fallible<Value<'b>> {
    let at = match (list, index) {
        (Value::Map(pairs), key) => return Ok(Value::lookup(pairs, key).unwrap_or(Value::Null)),
        (Value::List(_), Value::Integer(at)) => i128::from(at),
        (Value::List(_), Value::Unsigned(at)) => i128::from(at),
        _ => return Ok(Value::Null),
    };
    let Value::List(items) = list else { return Ok(Value::Null) };
    let item = usize::try_from(at).ok().and_then(|at| items.get(at));
    item.copied().ok_or_else(|| outside(at, items.len(), origin))
}

/// An index outside its list.
#[cold]
pub fn outside(at: i128, length: usize, origin: Option<Origin>) -> Box<Fault> {
    let elements = match length {
        0 => "an empty list".to_owned(),
        1 => "a list of 1 element".to_owned(),
        more => format!("a list of {more} elements"),
    };
    let message = format!("`[{at}]` is outside {elements}; the first is `[0]`");
    Box::new(Fault { code: FaultCode::Index, message: message.into(), origin })
}

fn widen(scope: &Scope<'_>, inner: &Expr, expression: &Expr) -> Build<Code<Dynamic>> {
    let value = compile_kind::<Dynamic>(scope, inner)?;
    if !matches!(expression.ty.non_null(), Type::Decimal) || matches!(inner.ty.non_null(), Type::Decimal) {
        return Ok(value);
    }
    Ok(code::<Dynamic>(move |context| {
        Ok(match value(context)? {
            Value::Integer(value) => Value::Decimal(Decimal::from(value)),
            Value::Unsigned(value) => Value::Decimal(Decimal::from(value)),
            other => other,
        })
    }))
}

fn binary(
    scope: &Scope<'_>,
    operator: BinaryOperator,
    left: &Expr,
    right: &Expr,
    expression: &Expr,
) -> Build<Code<Dynamic>> {
    let origin = expression.origin;
    if operator == BinaryOperator::Range {
        return range(scope, left, right, origin);
    }
    let decimal = matches!(expression.ty.non_null(), Type::Decimal);
    let joins = matches!(expression.ty.non_null(), Type::List(_) | Type::Set(_)) && operator == BinaryOperator::Add;
    if !decimal && !joins {
        return Err(unfit(expression, "a value"));
    }
    let set = matches!(expression.ty.non_null(), Type::Set(_));
    let (left, right) = (compile_kind::<Dynamic>(scope, left)?, compile_kind::<Dynamic>(scope, right)?);
    Ok(code::<Dynamic>(move |context| {
        let left = left(context)?;
        match (left, right(context)?) {
            (Value::Decimal(left), Value::Decimal(right)) => {
                arithmetic::decimals(operator, left, right, origin).map(Value::Decimal)
            }
            (Value::List(left), Value::List(right)) => {
                context.frame.spend(left.len() + right.len(), Cost::Element)?;
                let mut items = ArenaVec::with_capacity_in(left.len() + right.len(), context.arena);
                items.extend_from_slice(left);
                items.extend_from_slice(right);
                if set {
                    items.sort_unstable();
                    items.dedup();
                }
                Ok(Value::List(items.into_bump_slice()))
            }
            _ => Err(unexpected_null(origin)),
        }
    }))
}

/// `a..b` as a list with both ends; empty where a is greater than b.
fn range(scope: &Scope<'_>, low: &Expr, high: &Expr, origin: Option<Origin>) -> Build<Code<Dynamic>> {
    let unsigned = matches!(low.ty.non_null(), Type::Integer(IntegerWidth::UInt64));
    let (low, high) = (compile_kind::<Integer>(scope, low)?, compile_kind::<Integer>(scope, high)?);
    Ok(code::<Dynamic>(move |context| {
        let wide = |value: i64| if unsigned { i128::from(value.cast_unsigned()) } else { i128::from(value) };
        let (low, high) = (low(context)?, high(context)?);
        let count = wide(high) - wide(low) + 1;
        if count > i128::from(LONGEST_RANGE) {
            let message =
                format!("`{}..{}` has {count} elements; a range may have {LONGEST_RANGE}", wide(low), wide(high));
            return Err(Box::new(Fault { code: FaultCode::Limit, message: message.into(), origin }));
        }
        let count = usize::try_from(count).unwrap_or(0);
        context.frame.spend(count, Cost::Element)?;
        let mut items = ArenaVec::with_capacity_in(count, context.arena);
        for step in 0..count as i64 {
            let value = low.wrapping_add(step);
            items.push(if unsigned { Value::Unsigned(value.cast_unsigned()) } else { Value::Integer(value) });
        }
        Ok(Value::List(items.into_bump_slice()))
    }))
}
