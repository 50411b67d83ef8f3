//! Expressions of the plan, compiled once into typed closures.
//!
//! [`Scope`] compiles an expression of a pipeline by the kind of its result: a condition, an assignment to a slot, a
//! value, an owned cell, a key. A compiled expression knows where its slots lie and what type every operand has, so
//! evaluating it looks up no name and matches on no [`Value`] where the type is a scalar.

mod alike;
mod arithmetic;
mod call;
mod cells;
mod code;
mod compound;
mod convert;
mod float;
mod integer;
mod keys;
mod logic;
mod mapping;
mod matching;
mod message;
mod operand;
mod text;

use nsf_plan::{Expr, Handle, Origin, Plan, Slot, SlotId};

use crate::{
    cell::Cell,
    fault::Fallible,
    frame::{Context, Frame, Kind, Layout, Place},
    value::Value,
};

pub use code::{Bool, Code, Dynamic, Float, Integer, Kinded, Nullable, Text};
pub use text::constant;

use message::WriteCode;

/// Why a plan cannot be built: it is damaged or made for another runtime. The compiler never writes such a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildError {
    /// What is wrong.
    pub message: String,
    /// Where the part was written, if it is known.
    pub origin: Option<Origin>,
}

impl BuildError {
    /// An error with its words.
    #[must_use]
    pub fn new(message: impl Into<String>, origin: Option<Origin>) -> Self {
        Self { message: message.into(), origin }
    }
}

impl std::fmt::Display for BuildError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BuildError {}

/// The result of building.
pub type Build<T> = Result<T, BuildError>;

/// What the expressions of one pipeline (or ingest, subscription, state, test) may name.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'p> {
    /// The plan, for mappings.
    pub plan: &'p Plan,
    /// The slots.
    pub slots: &'p [Slot],
    /// Where they lie.
    pub layout: &'p Layout,
    /// The rows.
    pub handles: &'p [Handle],
}

/// A compiled condition.
pub struct Condition(Code<Bool>);

impl Condition {
    /// Whether it holds.
    ///
    /// # Errors
    /// The fault of an operation in it.
    #[inline]
    pub fn holds(&self, context: &Context<'_, '_>) -> Fallible<bool> {
        (self.0)(context)
    }
}

/// A compiled `slot = expression`.
pub struct Assignment(Run);

impl Assignment {
    /// Puts the value into the slot.
    ///
    /// # Errors
    /// The fault of an operation in the expression; the slot is then as it was.
    #[inline]
    pub fn run(&self, context: &Context<'_, '_>) -> Fallible<()> {
        (self.0)(context)
    }
}

/// A compiled expression of any type.
pub struct AnyValue(Code<Dynamic>);

impl AnyValue {
    /// Its value.
    ///
    /// # Errors
    /// The fault of an operation in it.
    #[inline]
    pub fn value<'b>(&self, context: &Context<'_, 'b>) -> Fallible<Value<'b>> {
        (self.0)(context)
    }
}

/// A compiled expression whose value outlives the batch.
pub struct AnyCell(OwnedCode);

impl AnyCell {
    /// Its value as an owned cell.
    ///
    /// # Errors
    /// The fault of an operation in it.
    #[inline]
    pub fn cell(&self, context: &Context<'_, '_>) -> Fallible<Cell> {
        (self.0)(context)
    }
}

/// A compiled key: several expressions written one after another in the order-preserving form of
/// [`crate::encode::key`].
pub struct Key(WriteCode);

impl Key {
    /// Appends the key's bytes.
    ///
    /// # Errors
    /// [`crate::fault::FaultCode::Key`] where a part is null, and the faults of the expressions.
    #[inline]
    pub fn write(&self, context: &Context<'_, '_>, out: &mut Vec<u8>) -> Fallible<()> {
        (self.0)(context, out)
    }
}

/// A compiled message: writes its JSON object.
pub struct Message(WriteCode);

impl Message {
    /// Appends the message, without a newline. What is appended before a fault is for the caller to cut off.
    ///
    /// # Errors
    /// The fault of an operation in it.
    #[inline]
    pub fn write(&self, context: &Context<'_, '_>, out: &mut Vec<u8>) -> Fallible<()> {
        (self.0)(context, out)
    }
}

impl Scope<'_> {
    /// Compiles a `bool`.
    ///
    /// # Errors
    /// The plan is damaged.
    pub fn condition(&self, expression: &Expr) -> Build<Condition> {
        code::compile::<Bool>(self, expression).map(Condition)
    }

    /// Compiles `slot = expression`.
    ///
    /// # Errors
    /// The plan is damaged.
    pub fn assignment(&self, slot: SlotId, expression: &Expr) -> Build<Assignment> {
        let place = self.place(slot)?;
        let run = match (place.kind, place.nullable) {
            (Kind::Bool, false) => {
                assign::<Bool>(self, expression, move |frame, value| frame.set_integer(place, value.into()))?
            }
            (Kind::Integer | Kind::Unsigned, false) => {
                assign::<Integer>(self, expression, move |frame, value| frame.set_integer(place, value))?
            }
            (Kind::Float, false) => {
                assign::<Float>(self, expression, move |frame, value| frame.set_float(place, value))?
            }
            (Kind::Text, false) => assign::<Text>(self, expression, move |frame, value| frame.set_text(place, value))?,
            (Kind::Bool, true) => assign::<Nullable<Bool>>(self, expression, move |frame, value| match value {
                Some(value) => frame.set_integer(place, value.into()),
                None => frame.set_null(place),
            })?,
            (Kind::Integer | Kind::Unsigned, true) => {
                assign::<Nullable<Integer>>(self, expression, move |frame, value| match value {
                    Some(value) => frame.set_integer(place, value),
                    None => frame.set_null(place),
                })?
            }
            (Kind::Float, true) => assign::<Nullable<Float>>(self, expression, move |frame, value| match value {
                Some(value) => frame.set_float(place, value),
                None => frame.set_null(place),
            })?,
            (Kind::Text, true) => assign::<Nullable<Text>>(self, expression, move |frame, value| match value {
                Some(value) => frame.set_text(place, value),
                None => frame.set_null(place),
            })?,
            (Kind::Value, _) => assign::<Dynamic>(self, expression, move |frame, value| frame.set_value(place, value))?,
        };
        Ok(Assignment(run))
    }

    /// Compiles an expression of any type.
    ///
    /// # Errors
    /// The plan is damaged.
    pub fn any_value(&self, expression: &Expr) -> Build<AnyValue> {
        code::compile::<Dynamic>(self, expression).map(AnyValue)
    }

    /// Compiles an expression whose value is kept.
    ///
    /// # Errors
    /// The plan is damaged.
    pub fn any_cell(&self, expression: &Expr) -> Build<AnyCell> {
        let ty = expression.ty.clone();
        if let Some(place) = cells::compile(self, expression)? {
            return Ok(AnyCell(Box::new(move |context| Ok(place(context)?.cloned().unwrap_or_default()))));
        }
        let value = code::compile::<Dynamic>(self, expression)?;
        Ok(AnyCell(Box::new(move |context| value(context).map(|value| Cell::from_value(&ty, value)))))
    }

    /// Compiles a non-null integer (also `timestamp`, `duration`, `date`; a `uint64` as its bits).
    ///
    /// # Errors
    /// The plan is damaged.
    pub fn integer(&self, expression: &Expr) -> Build<Code<Integer>> {
        code::compile::<Integer>(self, expression)
    }

    /// Compiles a key from its parts.
    ///
    /// # Errors
    /// The plan is damaged.
    pub fn key(&self, parts: &[Expr]) -> Build<Key> {
        keys::compile_key(self, parts).map(Key)
    }

    /// Compiles a message: an expression of a record type, or (as `expand f` may give) of any type, that is written
    /// as JSON.
    ///
    /// # Errors
    /// The plan is damaged.
    pub fn message(&self, expression: &Expr) -> Build<Message> {
        message::compile_message(self, expression).map(Message)
    }

    /// Where a slot lies.
    ///
    /// # Errors
    /// The plan has no such slot.
    pub fn place(&self, slot: SlotId) -> Build<Place> {
        let place = self.layout.place(slot);
        place.ok_or_else(|| BuildError::new(format!("the plan is damaged: there is no slot {}", slot.0), None))
    }
}

/// Code that puts a value into its slot.
type Run = Box<dyn for<'c, 'b> Fn(&Context<'c, 'b>) -> Fallible<()> + Send + Sync>;

/// Code that gives an owned cell.
type OwnedCode = Box<dyn for<'c, 'b> Fn(&Context<'c, 'b>) -> Fallible<Cell> + Send + Sync>;

fn assign<K: Kinded>(
    scope: &Scope<'_>,
    expression: &Expr,
    set: impl for<'b> Fn(&Frame<'b>, K::Out<'b>) + Send + Sync + 'static,
) -> Build<Run> {
    let value = code::compile::<K>(scope, expression)?;
    Ok(Box::new(move |context| {
        set(context.frame, value(context)?);
        Ok(())
    }))
}

#[cfg(test)]
mod tests;
