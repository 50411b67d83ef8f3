//! Conditions: comparisons, `and`, `or`, `not`, `in`.

use std::cmp::Ordering;

use ahash::AHashSet;
use nsf_plan::{BinaryOperator, Expr, ExprKind, Literal};

use crate::{
    cell::Cell,
    cost::Cost,
    expression::{
        Build, Scope,
        alike::Texts,
        cells,
        code::{Bool, Code, Dynamic, Float, Integer, Nullable, Scalar, Text, by_value, code, compile, non_null, unfit},
        operand,
    },
    frame::Kind,
    value::{Value, compare_floats},
};

/// Compiles what gives a bool.
pub fn operation(scope: &Scope<'_>, expression: &Expr) -> Build<Code<Bool>> {
    match &expression.kind {
        ExprKind::Literal(Literal::Bool(value)) => {
            let value = *value;
            Ok(code::<Bool>(move |_| Ok(value)))
        }
        ExprKind::Slot(slot) => {
            let place = scope.place(*slot)?;
            if place.kind != Kind::Bool {
                return Err(unfit(expression, "a bool"));
            }
            Ok(code::<Bool>(move |context| Ok(context.frame.integer(place.index) != 0)))
        }
        ExprKind::Exists(handle) => {
            let handle = *handle;
            Ok(code::<Bool>(move |context| Ok(context.rows.exists(handle))))
        }
        ExprKind::Not(inner) => {
            let inner = compile::<Bool>(scope, inner)?;
            Ok(code::<Bool>(move |context| inner(context).map(|value| !value)))
        }
        ExprKind::IsNull(inner) => is_null(scope, inner),
        ExprKind::Widen(inner) => compile::<Bool>(scope, inner),
        ExprKind::NonNull(inner) => non_null::<Bool>(scope, inner),
        ExprKind::Binary(operator, left, right) => binary(scope, *operator, left, right, expression),
        ExprKind::Call(..) | ExprKind::Field(..) | ExprKind::Index(..) | ExprKind::Mapping(..) => {
            by_value::<Bool>(scope, expression)
        }
        _ => Err(unfit(expression, "a bool")),
    }
}

fn is_null(scope: &Scope<'_>, inner: &Expr) -> Build<Code<Bool>> {
    if let ExprKind::Slot(slot) = inner.kind {
        let place = scope.place(slot)?;
        return Ok(code::<Bool>(move |context| Ok(context.frame.is_null(place))));
    }
    if let Some(cell) = cells::compile(scope, inner)? {
        return Ok(code::<Bool>(move |context| Ok(cell(context)?.is_none_or(Cell::is_null))));
    }
    let value = compile::<Dynamic>(scope, inner)?;
    Ok(code::<Bool>(move |context| Ok(value(context)?.is_null())))
}

fn binary(
    scope: &Scope<'_>,
    operator: BinaryOperator,
    left: &Expr,
    right: &Expr,
    expression: &Expr,
) -> Build<Code<Bool>> {
    match operator {
        BinaryOperator::And => {
            let (left, right) = (compile::<Bool>(scope, left)?, compile::<Bool>(scope, right)?);
            Ok(code::<Bool>(move |context| Ok(left(context)? && right(context)?)))
        }
        BinaryOperator::Or => or(scope, left, right),
        BinaryOperator::In => contained(scope, left, right, true),
        BinaryOperator::NotIn => contained(scope, left, right, false),
        BinaryOperator::Equal
        | BinaryOperator::NotEqual
        | BinaryOperator::Less
        | BinaryOperator::LessEqual
        | BinaryOperator::Greater
        | BinaryOperator::GreaterEqual => comparison(scope, operator, left, right),
        _ => Err(unfit(expression, "a bool")),
    }
}

/// `a == "x" or a == "y" or …` is a look-up; anything else is evaluated from the left.
fn or(scope: &Scope<'_>, left: &Expr, right: &Expr) -> Build<Code<Bool>> {
    let mut texts = Vec::new();
    let mut subject = None;
    if alternatives(left, &mut subject, &mut texts)
        && alternatives(right, &mut subject, &mut texts)
        && let Some(subject) = subject
    {
        return one_of_texts(scope, subject, texts, true);
    }
    let (left, right) = (compile::<Bool>(scope, left)?, compile::<Bool>(scope, right)?);
    Ok(code::<Bool>(move |context| Ok(left(context)? || right(context)?)))
}

/// Collects the texts that one slot is compared with; false where the expression is something else.
fn alternatives<'e>(expression: &'e Expr, subject: &mut Option<&'e Expr>, texts: &mut Vec<Box<str>>) -> bool {
    match &expression.kind {
        ExprKind::Binary(BinaryOperator::Or, left, right) => {
            alternatives(left, subject, texts) && alternatives(right, subject, texts)
        }
        ExprKind::Binary(BinaryOperator::Equal, left, right) => {
            let ExprKind::Literal(Literal::Text(text)) = &right.kind else { return false };
            let is_slot = matches!(left.kind, ExprKind::Slot(_)) && !left.ty.is_nullable();
            if !is_slot || subject.is_some_and(|subject| subject.kind != left.kind) {
                return false;
            }
            *subject = Some(left);
            texts.push(text.as_str().into());
            true
        }
        _ => false,
    }
}

/// Whether a text is one of some constants.
fn one_of_texts(scope: &Scope<'_>, expression: &Expr, texts: Vec<Box<str>>, wanted: bool) -> Build<Code<Bool>> {
    if texts.len() <= 6 {
        let texts = Texts::new(texts);
        if let Some(slot) = operand::text_slot(scope, expression)? {
            return Ok(code::<Bool>(move |context| Ok(texts.position(context.frame.text(slot)).is_some() == wanted)));
        }
        let subject = compile::<Text>(scope, expression)?;
        return Ok(code::<Bool>(move |context| Ok(texts.position(subject(context)?).is_some() == wanted)));
    }
    let subject = compile::<Text>(scope, expression)?;
    let texts: AHashSet<Box<str>> = texts.into_iter().collect();
    Ok(code::<Bool>(move |context| Ok(texts.contains(subject(context)?) == wanted)))
}

/// Whether an integer is one of some constants.
fn one_of_integers(scope: &Scope<'_>, subject: &Expr, values: Vec<i64>, wanted: bool) -> Build<Code<Bool>> {
    let subject = compile::<Integer>(scope, subject)?;
    if values.len() <= 8 {
        return Ok(code::<Bool>(move |context| {
            let subject = subject(context)?;
            Ok(values.contains(&subject) == wanted)
        }));
    }
    let values: AHashSet<i64> = values.into_iter().collect();
    Ok(code::<Bool>(move |context| Ok(values.contains(&subject(context)?) == wanted)))
}

fn test(operator: BinaryOperator) -> impl Fn(Ordering) -> bool + Copy + Send + Sync + 'static {
    move |order| match operator {
        BinaryOperator::Equal => order.is_eq(),
        BinaryOperator::NotEqual => order.is_ne(),
        BinaryOperator::Less => order.is_lt(),
        BinaryOperator::LessEqual => order.is_le(),
        BinaryOperator::Greater => order.is_gt(),
        _ => order.is_ge(),
    }
}

fn comparison(scope: &Scope<'_>, operator: BinaryOperator, left: &Expr, right: &Expr) -> Build<Code<Bool>> {
    let kind = Kind::of(&left.ty);
    let equality = matches!(operator, BinaryOperator::Equal | BinaryOperator::NotEqual);
    for (one, other) in [(left, right), (right, left)] {
        if equality && matches!(other.kind, ExprKind::Literal(Literal::Null)) {
            let null = is_null(scope, one)?;
            let wanted = operator == BinaryOperator::Equal;
            return Ok(code::<Bool>(move |context| Ok(null(context)? == wanted)));
        }
    }
    if kind != Kind::of(&right.ty) {
        return dynamic_comparison(scope, operator, left, right);
    }
    if left.ty.is_nullable() || right.ty.is_nullable() {
        return match kind {
            Kind::Integer => {
                nullable_comparison::<Integer>(scope, operator, left, right, |left, right| left.cmp(&right))
            }
            Kind::Float => nullable_comparison::<Float>(scope, operator, left, right, compare_floats),
            Kind::Text => nullable_comparison::<Text>(scope, operator, left, right, |left, right| left.cmp(right)),
            _ => dynamic_comparison(scope, operator, left, right),
        };
    }
    match kind {
        Kind::Integer => integers(scope, operator, left, right),
        Kind::Unsigned => {
            let test = test(operator);
            let (left, right) = (operand::integer(scope, left)?, operand::integer(scope, right)?);
            Ok(operand::pair::<Integer, Bool>(left, right, move |left, right| {
                Ok(test(left.cast_unsigned().cmp(&right.cast_unsigned())))
            }))
        }
        Kind::Float => floats(scope, operator, left, right),
        Kind::Bool => {
            let test = test(operator);
            let (left, right) = (operand::boolean(scope, left)?, operand::boolean(scope, right)?);
            Ok(operand::pair::<Bool, Bool>(left, right, move |left, right| Ok(test(left.cmp(&right)))))
        }
        Kind::Text => texts(scope, operator, left, right),
        Kind::Value => dynamic_comparison(scope, operator, left, right),
    }
}

fn integers(scope: &Scope<'_>, operator: BinaryOperator, left: &Expr, right: &Expr) -> Build<Code<Bool>> {
    let (left, right) = (operand::integer(scope, left)?, operand::integer(scope, right)?);
    Ok(match operator {
        BinaryOperator::Equal => operand::pair::<Integer, Bool>(left, right, |left, right| Ok(left == right)),
        BinaryOperator::NotEqual => operand::pair::<Integer, Bool>(left, right, |left, right| Ok(left != right)),
        BinaryOperator::Less => operand::pair::<Integer, Bool>(left, right, |left, right| Ok(left < right)),
        BinaryOperator::LessEqual => operand::pair::<Integer, Bool>(left, right, |left, right| Ok(left <= right)),
        BinaryOperator::Greater => operand::pair::<Integer, Bool>(left, right, |left, right| Ok(left > right)),
        _ => operand::pair::<Integer, Bool>(left, right, |left, right| Ok(left >= right)),
    })
}

fn floats(scope: &Scope<'_>, operator: BinaryOperator, left: &Expr, right: &Expr) -> Build<Code<Bool>> {
    let test = test(operator);
    let (left, right) = (operand::float(scope, left)?, operand::float(scope, right)?);
    Ok(operand::pair::<Float, Bool>(left, right, move |left, right| Ok(test(compare_floats(left, right)))))
}

fn texts(scope: &Scope<'_>, operator: BinaryOperator, left: &Expr, right: &Expr) -> Build<Code<Bool>> {
    if let (ExprKind::Literal(Literal::Text(constant)), BinaryOperator::Equal | BinaryOperator::NotEqual) =
        (&right.kind, operator)
    {
        return one_of_texts(scope, left, vec![constant.as_str().into()], operator == BinaryOperator::Equal);
    }
    let test = test(operator);
    let (left, right) = (compile::<Text>(scope, left)?, compile::<Text>(scope, right)?);
    Ok(code::<Bool>(move |context| {
        let left = left(context)?;
        Ok(test(left.cmp(right(context)?)))
    }))
}

/// A comparison in which a null is less than everything and equal to itself.
fn nullable_comparison<K: Scalar>(
    scope: &Scope<'_>,
    operator: BinaryOperator,
    left: &Expr,
    right: &Expr,
    compare: impl for<'b> Fn(K::Out<'b>, K::Out<'b>) -> Ordering + Send + Sync + 'static,
) -> Build<Code<Bool>> {
    let test = test(operator);
    let (left, right) = (compile::<Nullable<K>>(scope, left)?, compile::<Nullable<K>>(scope, right)?);
    Ok(code::<Bool>(move |context| {
        let left = left(context)?;
        Ok(test(match (left, right(context)?) {
            (Some(left), Some(right)) => compare(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        }))
    }))
}

fn dynamic_comparison(scope: &Scope<'_>, operator: BinaryOperator, left: &Expr, right: &Expr) -> Build<Code<Bool>> {
    let test = test(operator);
    let (left, right) = (compile::<Dynamic>(scope, left)?, compile::<Dynamic>(scope, right)?);
    Ok(code::<Bool>(move |context| {
        let left = left(context)?;
        Ok(test(left.cmp(&right(context)?)))
    }))
}

/// `x in list`, `key in map`, `text in text`, `x in 1..9`.
fn contained(scope: &Scope<'_>, item: &Expr, list: &Expr, wanted: bool) -> Build<Code<Bool>> {
    match &list.kind {
        ExprKind::Binary(BinaryOperator::Range, low, high) if !item.ty.is_nullable() => {
            let unsigned = Kind::of(&item.ty) == Kind::Unsigned;
            let item = compile::<Integer>(scope, item)?;
            let (low, high) = (compile::<Integer>(scope, low)?, compile::<Integer>(scope, high)?);
            // Moves a `uint64` to where signed comparison orders it.
            let flip = if unsigned { i64::MIN } else { 0 };
            return Ok(code::<Bool>(move |context| {
                let (item, low, high) = (item(context)?, low(context)?, high(context)?);
                Ok(((low ^ flip) <= (item ^ flip) && (item ^ flip) <= (high ^ flip)) == wanted)
            }));
        }
        ExprKind::List(elements) if !item.ty.is_nullable() => {
            if let Some(texts) = constants(elements, |literal| match literal {
                Literal::Text(text) => Some(text.as_str().into()),
                _ => None,
            }) {
                return one_of_texts(scope, item, texts, wanted);
            }
            if let Some(values) = constants(elements, integer_of).filter(|_| Kind::of(&item.ty) == Kind::Integer) {
                return one_of_integers(scope, item, values, wanted);
            }
        }
        ExprKind::Literal(Literal::List(elements)) if !item.ty.is_nullable() => {
            let texts = elements.iter().map(|literal| match literal {
                Literal::Text(text) => Some(text.as_str().into()),
                _ => None,
            });
            if let Some(texts) = texts.collect::<Option<Vec<Box<str>>>>() {
                return one_of_texts(scope, item, texts, wanted);
            }
            if let Some(values) = elements.iter().map(integer_of).collect::<Option<Vec<i64>>>()
                && Kind::of(&item.ty) == Kind::Integer
            {
                return one_of_integers(scope, item, values, wanted);
            }
        }
        _ => {}
    }
    if let Some(cell) = cells::compile(scope, list)? {
        let item = compile::<Dynamic>(scope, item)?;
        return Ok(code::<Bool>(move |context| {
            let item = item(context)?;
            let found = match cell(context)? {
                Some(Cell::Map(entries)) => Cell::lookup(entries, item).is_some(),
                Some(Cell::List(items)) => items.iter().any(|cell| cell.compare(item).is_eq()),
                Some(Cell::Text(text)) => matches!(item, Value::Text(part) if text.contains(part)),
                _ => false,
            };
            Ok(found == wanted)
        }));
    }
    let (item, list) = (compile::<Dynamic>(scope, item)?, compile::<Dynamic>(scope, list)?);
    Ok(code::<Bool>(move |context| {
        let item = item(context)?;
        let found = match list(context)? {
            Value::List(items) => {
                context.frame.spend(items.len(), Cost::Look)?;
                items.contains(&item)
            }
            Value::Map(pairs) => Value::lookup(pairs, item).is_some(),
            Value::Text(text) => matches!(item, Value::Text(part) if text.contains(part)),
            _ => false,
        };
        Ok(found == wanted)
    }))
}

fn constants<T>(elements: &[Expr], of: impl Fn(&Literal) -> Option<T>) -> Option<Vec<T>> {
    elements
        .iter()
        .map(|element| if let ExprKind::Literal(literal) = &element.kind { of(literal) } else { None })
        .collect()
}

fn integer_of(literal: &Literal) -> Option<i64> {
    match literal {
        Literal::Integer(value) => Some(*value),
        _ => None,
    }
}
