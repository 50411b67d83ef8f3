//! Operands of the usual shapes: slots and constants are read in place instead of through a closure of their own.

use nsf_plan::{Expr, ExprKind, Literal};

use crate::{
    expression::{
        Build, Scope,
        code::{Bool, Code, Float, Integer, Kinded, Scalar, code, compile},
    },
    fault::Fallible,
    frame::Kind,
};

/// A scalar kind whose values borrow nothing.
pub trait Plain: Scalar + for<'b> Kinded<Out<'b> = Self::Rust> {
    /// The Rust type.
    type Rust: Copy + Send + Sync + 'static;
}

impl Plain for Integer {
    type Rust = i64;
}

impl Plain for Float {
    type Rust = f64;
}

impl Plain for Bool {
    type Rust = bool;
}

/// An operand of a scalar kind.
pub enum Operand<K: Plain> {
    /// A slot that is not null, by its index in the bank.
    Slot(u32),
    /// A constant.
    Constant(K::Rust),
    /// Anything else.
    Code(Code<K>),
}

fn slot_of(scope: &Scope<'_>, expression: &Expr, kinds: &[Kind]) -> Build<Option<u32>> {
    let slot = match &expression.kind {
        ExprKind::Slot(slot) if !expression.ty.is_nullable() => slot,
        ExprKind::NonNull(inner) => match &inner.kind {
            ExprKind::Slot(slot) => slot,
            _ => return Ok(None),
        },
        ExprKind::Widen(inner) if !expression.ty.is_nullable() && Kind::of(&inner.ty) == Kind::of(&expression.ty) => {
            return slot_of(scope, inner, kinds);
        }
        _ => return Ok(None),
    };
    let place = scope.place(*slot)?;
    Ok(kinds.contains(&place.kind).then_some(place.index))
}

/// An operand that is an integer.
pub fn integer(scope: &Scope<'_>, expression: &Expr) -> Build<Operand<Integer>> {
    if let Some(slot) = slot_of(scope, expression, &[Kind::Integer, Kind::Unsigned])? {
        return Ok(Operand::Slot(slot));
    }
    Ok(match &expression.kind {
        ExprKind::Literal(Literal::Integer(value)) => Operand::Constant(*value),
        ExprKind::Literal(Literal::Unsigned(value)) => Operand::Constant(value.cast_signed()),
        _ => Operand::Code(compile::<Integer>(scope, expression)?),
    })
}

/// An operand that is a float, or an integer made one by division.
pub fn float(scope: &Scope<'_>, expression: &Expr) -> Build<Operand<Float>> {
    if let Some(slot) = slot_of(scope, expression, &[Kind::Float])? {
        return Ok(Operand::Slot(slot));
    }
    Ok(match &expression.kind {
        ExprKind::Literal(Literal::Float(value)) => Operand::Constant(*value),
        _ => Operand::Code(compile::<Float>(scope, expression)?),
    })
}

/// The slot of a text that is read in place.
pub fn text_slot(scope: &Scope<'_>, expression: &Expr) -> Build<Option<u32>> {
    slot_of(scope, expression, &[Kind::Text])
}

/// An operand that is a bool.
pub fn boolean(scope: &Scope<'_>, expression: &Expr) -> Build<Operand<Bool>> {
    if let Some(slot) = slot_of(scope, expression, &[Kind::Bool])? {
        return Ok(Operand::Slot(slot));
    }
    Ok(match &expression.kind {
        ExprKind::Literal(Literal::Bool(value)) => Operand::Constant(*value),
        _ => Operand::Code(compile::<Bool>(scope, expression)?),
    })
}

/// Code over two operands, with the usual shapes fused.
pub fn pair<K: Plain, R: Plain>(
    left: Operand<K>,
    right: Operand<K>,
    apply: impl Fn(K::Rust, K::Rust) -> Fallible<R::Rust> + Send + Sync + 'static,
) -> Code<R> {
    match (left, right) {
        (Operand::Slot(left), Operand::Constant(right)) => {
            code::<R>(move |context| apply(K::slot(context, left), right))
        }
        (Operand::Slot(left), Operand::Slot(right)) => {
            code::<R>(move |context| apply(K::slot(context, left), K::slot(context, right)))
        }
        (Operand::Code(left), Operand::Constant(right)) => code::<R>(move |context| apply(left(context)?, right)),
        (Operand::Code(left), Operand::Slot(right)) => {
            code::<R>(move |context| apply(left(context)?, K::slot(context, right)))
        }
        (Operand::Slot(left), Operand::Code(right)) => code::<R>(move |context| {
            // The left operand first: a slot of a match or lambda may be set by the right one.
            let left = K::slot(context, left);
            apply(left, right(context)?)
        }),
        (Operand::Constant(left), Operand::Slot(right)) => {
            code::<R>(move |context| apply(left, K::slot(context, right)))
        }
        (Operand::Constant(left), Operand::Code(right)) => code::<R>(move |context| apply(left, right(context)?)),
        (Operand::Constant(left), Operand::Constant(right)) => code::<R>(move |_| apply(left, right)),
        (Operand::Code(left), Operand::Code(right)) => code::<R>(move |context| {
            let left = left(context)?;
            apply(left, right(context)?)
        }),
    }
}
