//! The shapes of compiled code: one closure type for each kind of result, and what is common to all kinds.

use bumpalo::Bump;
use nsf_plan::{Expr, ExprKind, Literal, Type};

use crate::{
    cell::Cell,
    expression::{Build, BuildError, Scope, cells, compound, float, integer, logic, matching, text},
    fault::{Fallible, Fault, FaultCode},
    frame::{Context, Kind},
    value::Value,
};

/// A kind of result: which Rust type a value of it has while a batch is worked on.
pub trait Kinded: Sized + 'static {
    /// The Rust type.
    type Out<'b>: Copy;

    /// Compiles what is special to the kind: operators, slots, literals.
    ///
    /// # Errors
    /// The plan is damaged.
    fn operation(scope: &Scope<'_>, expression: &Expr) -> Build<Code<Self>>;

    /// A value of the kind; none where it has another type.
    fn from_value(value: Value<'_>) -> Option<Self::Out<'_>>;

    /// A cell of the kind, longer values copied into the arena; none where it has another type.
    fn from_cell<'b>(cell: &Cell, ty: &Type, arena: &'b Bump) -> Option<Self::Out<'b>> {
        Self::from_value(cell.to_value(ty, arena))
    }

    /// A result as a value of a type.
    fn to_value<'b>(out: Self::Out<'b>, kind: Kind) -> Value<'b>;

    /// Compiles `a ?? b`.
    ///
    /// # Errors
    /// The plan is damaged.
    fn coalesce(scope: &Scope<'_>, first: &Expr, second: &Expr) -> Build<Code<Self>>;
}

/// A kind that is never null by itself and has its own bank.
pub trait Scalar: Kinded {
    /// Reads a slot that is not null.
    fn slot<'b>(context: &Context<'_, 'b>, index: u32) -> Self::Out<'b>;
}

/// `bool`.
pub struct Bool;
/// Integers (`uint64` as its bits), `timestamp`, `date`, `duration`.
pub struct Integer;
/// `float32` and `float64`.
pub struct Float;
/// `text`.
pub struct Text;
/// Any type, null included.
pub struct Dynamic;
/// A scalar that may be null.
pub struct Nullable<K>(std::marker::PhantomData<K>);

/// A compiled expression of a kind.
pub type Code<K> = Box<dyn for<'c, 'b> Fn(&Context<'c, 'b>) -> Fallible<<K as Kinded>::Out<'b>> + Send + Sync>;

/// Boxes a closure as code; it only helps inference see the two lifetimes.
pub fn code<K: Kinded>(
    body: impl for<'c, 'b> Fn(&Context<'c, 'b>) -> Fallible<K::Out<'b>> + Send + Sync + 'static,
) -> Code<K> {
    Box::new(body)
}

/// Compiles an expression as a kind. A scalar kind is asked for only where the type is not nullable.
///
/// # Errors
/// The plan is damaged.
pub fn compile<K: Kinded>(scope: &Scope<'_>, expression: &Expr) -> Build<Code<K>> {
    match &expression.kind {
        ExprKind::If(condition, yes, no) => {
            let condition = compile::<Bool>(scope, condition)?;
            let (yes, no) = (compile::<K>(scope, yes)?, compile::<K>(scope, no)?);
            Ok(code::<K>(move |context| if condition(context)? { yes(context) } else { no(context) }))
        }
        ExprKind::Let(slot, value, body) => {
            let bind = scope.assignment(*slot, value)?;
            let body = compile::<K>(scope, body)?;
            Ok(code::<K>(move |context| {
                bind.run(context)?;
                body(context)
            }))
        }
        ExprKind::Match(slot, arms) => matching::compile_match::<K>(scope, *slot, arms, expression.origin),
        ExprKind::Coalesce(first, second) => K::coalesce(scope, first, second),
        ExprKind::Catch(first, second) => {
            let (first, second) = (compile::<K>(scope, first)?, compile::<K>(scope, second)?);
            Ok(code::<K>(move |context| match first(context) {
                // A written `reject` is the program's decision and not a failure.
                Err(fault) if fault.code != FaultCode::Rule => second(context),
                result => result,
            }))
        }
        ExprKind::Reject(reason) => {
            let fault = Fault { code: FaultCode::Rule, message: reason.as_str().into(), origin: expression.origin };
            Ok(code::<K>(move |_| Err(Box::new(fault.clone()))))
        }
        ExprKind::Loaded(..) | ExprKind::Field(..) | ExprKind::Index(..) => match cells::compile(scope, expression)? {
            Some(cell) => {
                let ty = expression.ty.clone();
                let origin = expression.origin;
                Ok(code::<K>(move |context| {
                    let read = match cell(context)? {
                        Some(cell) => K::from_cell(cell, &ty, context.arena),
                        None => K::from_value(Value::Null),
                    };
                    read.ok_or_else(|| unexpected_null(origin))
                }))
            }
            None => K::operation(scope, expression),
        },
        _ => K::operation(scope, expression),
    }
}

/// The fault of a null where the compiler proved that there is none; the record is rejected rather than computed wrongly.
#[cold]
pub fn unexpected_null(origin: Option<nsf_plan::Origin>) -> Box<Fault> {
    let message = "a value that may not be null is null";
    Box::new(Fault { code: FaultCode::Field, message: message.into(), origin })
}

/// Compiles by way of a value of any type.
pub fn by_value<K: Kinded>(scope: &Scope<'_>, expression: &Expr) -> Build<Code<K>> {
    let value = compound::compile(scope, expression)?;
    let origin = expression.origin;
    Ok(code::<K>(move |context| K::from_value(value(context)?).ok_or_else(|| unexpected_null(origin))))
}

/// Compiles a scalar from a nullable expression that is known not to be null.
pub fn non_null<K: Scalar>(scope: &Scope<'_>, inner: &Expr) -> Build<Code<K>>
where
    for<'b> Option<K::Out<'b>>: Copy,
{
    if let ExprKind::Slot(slot) = inner.kind {
        let place = scope.place(slot)?;
        if place.kind != Kind::Value {
            return Ok(code::<K>(move |context| Ok(K::slot(context, place.index))));
        }
    }
    let value = compile::<Nullable<K>>(scope, inner)?;
    let origin = inner.origin;
    Ok(code::<K>(move |context| value(context)?.ok_or_else(|| unexpected_null(origin))))
}

/// `a ?? b` where b is a scalar.
fn coalesce_scalar<K: Scalar>(scope: &Scope<'_>, first: &Expr, second: &Expr) -> Build<Code<K>> {
    let (first, second) = (compile::<Nullable<K>>(scope, first)?, compile::<K>(scope, second)?);
    Ok(code::<K>(move |context| match first(context)? {
        Some(value) => Ok(value),
        None => second(context),
    }))
}

macro_rules! scalar {
    ($kind:ident, $out:ty, $operation:path, $from:pat => $value:expr, |$context:ident, $index:ident| $slot:expr, |$result:ident, $held:ident| $to:expr) => {
        impl Kinded for $kind {
            type Out<'b> = $out;

            fn operation(scope: &Scope<'_>, expression: &Expr) -> Build<Code<Self>> {
                $operation(scope, expression)
            }

            #[inline]
            fn from_value(value: Value<'_>) -> Option<Self::Out<'_>> {
                match value {
                    $from => Some($value),
                    _ => None,
                }
            }

            #[inline]
            fn to_value<'b>($result: Self::Out<'b>, $held: Kind) -> Value<'b> {
                $to
            }

            fn coalesce(scope: &Scope<'_>, first: &Expr, second: &Expr) -> Build<Code<Self>> {
                coalesce_scalar::<Self>(scope, first, second)
            }
        }

        impl Scalar for $kind {
            #[inline(always)]
            fn slot<'b>($context: &Context<'_, 'b>, $index: u32) -> Self::Out<'b> {
                $slot
            }
        }
    };
}

scalar!(Bool, bool, logic::operation, Value::Bool(value) => value,
    |context, index| context.frame.integer(index) != 0, |out, _kind| Value::Bool(out));
scalar!(Float, f64, float::operation, Value::Float(value) => value,
    |context, index| context.frame.float(index), |out, _kind| Value::Float(out));
scalar!(Text, &'b str, text::operation, Value::Text(value) => value,
    |context, index| context.frame.text(index), |out, _kind| Value::Text(out));

impl Kinded for Integer {
    type Out<'b> = i64;

    fn operation(scope: &Scope<'_>, expression: &Expr) -> Build<Code<Self>> {
        integer::operation(scope, expression)
    }

    #[inline]
    fn from_value(value: Value<'_>) -> Option<i64> {
        match value {
            Value::Integer(value) => Some(value),
            Value::Unsigned(value) => Some(value.cast_signed()),
            _ => None,
        }
    }

    #[inline]
    fn to_value<'b>(out: i64, kind: Kind) -> Value<'b> {
        if kind == Kind::Unsigned { Value::Unsigned(out.cast_unsigned()) } else { Value::Integer(out) }
    }

    fn coalesce(scope: &Scope<'_>, first: &Expr, second: &Expr) -> Build<Code<Self>> {
        coalesce_scalar::<Self>(scope, first, second)
    }
}

impl Scalar for Integer {
    #[inline(always)]
    fn slot<'b>(context: &Context<'_, 'b>, index: u32) -> i64 {
        context.frame.integer(index)
    }
}

impl<K: Scalar> Kinded for Nullable<K> {
    type Out<'b> = Option<K::Out<'b>>;

    fn operation(scope: &Scope<'_>, expression: &Expr) -> Build<Code<Self>> {
        match &expression.kind {
            ExprKind::Literal(Literal::Null) => return Ok(code::<Self>(|_| Ok(None))),
            ExprKind::Slot(slot) => {
                let place = scope.place(*slot)?;
                if place.nullable && place.kind != Kind::Value {
                    return Ok(code::<Self>(move |context| {
                        Ok(if context.frame.null(place.slot) { None } else { Some(K::slot(context, place.index)) })
                    }));
                }
            }
            ExprKind::Widen(inner) if Kind::of(&inner.ty) == Kind::of(&expression.ty) => {
                return compile::<Self>(scope, inner);
            }
            _ if !expression.ty.is_nullable() => {}
            _ => return by_value::<Self>(scope, expression),
        }
        let inner = compile::<K>(scope, expression)?;
        Ok(code::<Self>(move |context| inner(context).map(Some)))
    }

    #[inline]
    fn from_value(value: Value<'_>) -> Option<Self::Out<'_>> {
        match value {
            Value::Null => Some(None),
            value => K::from_value(value).map(Some),
        }
    }

    fn to_value<'b>(out: Self::Out<'b>, kind: Kind) -> Value<'b> {
        out.map_or(Value::Null, |out| K::to_value(out, kind))
    }

    fn coalesce(scope: &Scope<'_>, first: &Expr, second: &Expr) -> Build<Code<Self>> {
        let (first, second) = (compile::<Self>(scope, first)?, compile::<Self>(scope, second)?);
        Ok(code::<Self>(move |context| match first(context)? {
            None => second(context),
            value => Ok(value),
        }))
    }
}

impl Kinded for Dynamic {
    type Out<'b> = Value<'b>;

    fn operation(scope: &Scope<'_>, expression: &Expr) -> Build<Code<Self>> {
        compound::operation(scope, expression)
    }

    #[inline]
    fn from_value(value: Value<'_>) -> Option<Value<'_>> {
        Some(value)
    }

    fn to_value<'b>(out: Self::Out<'b>, _: Kind) -> Value<'b> {
        out
    }

    fn coalesce(scope: &Scope<'_>, first: &Expr, second: &Expr) -> Build<Code<Self>> {
        let (first, second) = (compile::<Self>(scope, first)?, compile::<Self>(scope, second)?);
        Ok(code::<Self>(move |context| match first(context)? {
            Value::Null => second(context),
            value => Ok(value),
        }))
    }
}

/// Compiles an expression as its own kind and gives a value of any type.
pub fn wrapped<K: Kinded>(scope: &Scope<'_>, expression: &Expr) -> Build<Code<Dynamic>> {
    let kind = Kind::of(&expression.ty);
    let inner = compile::<K>(scope, expression)?;
    Ok(code::<Dynamic>(move |context| inner(context).map(|out| K::to_value(out, kind))))
}

/// Tells that an expression has no value of the kind that its place needs.
#[cold]
pub fn unfit(expression: &Expr, wanted: &str) -> BuildError {
    BuildError::new(
        format!("the plan is damaged: an expression of type `{}` stands where {wanted} is needed", expression.ty),
        expression.origin,
    )
}
