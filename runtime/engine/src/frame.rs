//! The record while steps run over it: its slots in banks by machine type.
//!
//! Where a slot lies is fixed when the pipeline is built ([`Layout`]), so that reading one is an indexed load. A
//! [`Frame`] lives as long as a batch: texts are ranges of the batch's input or of its arena (lifetime `'b`), and
//! nothing is allocated record by record. Slots have interior mutability, because lambdas write their parameters
//! while the expression around them is being evaluated.

use std::cell::Cell as Held;

use nsf_plan::{HandleId, IntegerWidth, Slot, SlotId, Type};

use crate::{
    cell::Cell,
    cost::{self, Cost},
    fault::Fallible,
    value::Value,
};

/// How a value of a type is held: in which bank, and which [`Value`] it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// `bool`, as 0 and 1 in the integers.
    Bool,
    /// Integers but `uint64`, `timestamp`, `date`, `duration`.
    Integer,
    /// `uint64`, as its bits in the integers.
    Unsigned,
    /// `float32` and `float64`.
    Float,
    /// `text`.
    Text,
    /// Everything else.
    Value,
}

impl Kind {
    /// How values of a type are held; null apart.
    #[must_use]
    pub fn of(ty: &Type) -> Self {
        match ty {
            Type::Bool => Self::Bool,
            Type::Integer(IntegerWidth::UInt64) => Self::Unsigned,
            Type::Integer(_) | Type::Timestamp | Type::Date | Type::Duration => Self::Integer,
            Type::Float32 | Type::Float64 => Self::Float,
            Type::Text => Self::Text,
            Type::Select(inner) | Type::Nullable(inner) => Self::of(inner),
            _ => Self::Value,
        }
    }
}

/// Where a slot lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Its bank.
    pub kind: Kind,
    /// Whether it may be null. Slots of kind [`Kind::Value`] hold [`Value::Null`] themselves.
    pub nullable: bool,
    /// Its index in the bank.
    pub index: u32,
    /// Its index among the null marks, which is the slot's own.
    pub slot: u32,
}

/// Where every slot of a pipeline lies.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    places: Box<[Place]>,
    integers: u32,
    floats: u32,
    texts: u32,
    values: u32,
}

impl Layout {
    /// Gives every slot its place.
    #[must_use]
    pub fn new(slots: &[Slot]) -> Self {
        Self::of_types(slots.iter().map(|slot| &slot.ty))
    }

    /// The same for types alone, in slot order.
    #[must_use]
    pub fn of_types<'t>(types: impl Iterator<Item = &'t Type>) -> Self {
        let mut layout = Self::default();
        let places = types.enumerate().map(|(slot, ty)| layout.place_for(slot, ty)).collect();
        layout.places = places;
        layout
    }

    fn place_for(&mut self, slot: usize, ty: &Type) -> Place {
        let kind = Kind::of(ty);
        let next = match kind {
            Kind::Bool | Kind::Integer | Kind::Unsigned => &mut self.integers,
            Kind::Float => &mut self.floats,
            Kind::Text => &mut self.texts,
            Kind::Value => &mut self.values,
        };
        let index = *next;
        *next += 1;
        Place { kind, nullable: ty.is_nullable(), index, slot: u32::try_from(slot).unwrap_or(u32::MAX) }
    }

    /// Where a slot lies; none when the plan names a slot that is not there.
    #[must_use]
    pub fn place(&self, slot: SlotId) -> Option<Place> {
        self.places.get(slot.index()).copied()
    }

    /// How many slots there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is no slot.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// A record's slots. Made once a batch (or a lane and batch) and reused for every record of it: a slot keeps its old
/// value until it is set, which no step can see, because the compiler proves that what is read was set.
#[derive(Debug)]
pub struct Frame<'b> {
    integers: Box<[Held<i64>]>,
    floats: Box<[Held<f64>]>,
    texts: Box<[Held<&'b str>]>,
    values: Box<[Held<Value<'b>>]>,
    nulls: Box<[Held<bool>]>,
    now: Held<i64>,
    clock: Held<Option<i64>>,
    /// What the record may still cost.
    work: Held<u64>,
}

fn bank<T: Copy>(length: u32, value: T) -> Box<[Held<T>]> {
    (0..length).map(|_| Held::new(value)).collect()
}

impl<'b> Frame<'b> {
    /// Slots without values: zero, empty, null.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        Self {
            integers: bank(layout.integers, 0),
            floats: bank(layout.floats, 0.0),
            texts: bank(layout.texts, ""),
            values: bank(layout.values, Value::Null),
            nulls: bank(u32::try_from(layout.len()).unwrap_or(u32::MAX), true),
            now: Held::new(0),
            clock: Held::new(None),
            work: Held::new(cost::MOST),
        }
    }

    /// The record's time in milliseconds: `now()`.
    #[inline]
    #[must_use]
    pub fn now(&self) -> i64 {
        self.now.get()
    }

    /// Begins a record, of this time.
    #[inline]
    pub fn begin(&self, now: i64) {
        self.now.set(now);
        self.work.set(cost::MOST);
    }

    /// Takes the cost of `count` things from what the record may cost.
    ///
    /// # Errors
    /// [`FaultCode::Limit`](crate::fault::FaultCode::Limit) when nothing is left.
    #[inline]
    pub fn spend(&self, count: usize, of: Cost) -> Fallible<()> {
        match self.work.get().checked_sub(of.times(count)) {
            Some(left) => {
                self.work.set(left);
                Ok(())
            }
            None => Err(cost::too_much()),
        }
    }

    /// What `clock()` gives, in milliseconds; none: the machine's time.
    #[inline]
    #[must_use]
    pub fn clock(&self) -> Option<i64> {
        self.clock.get()
    }

    /// Sets what `clock()` gives.
    #[inline]
    pub fn set_clock(&self, clock: i64) {
        self.clock.set(Some(clock));
    }

    /// A slot of the integers by its place's index; `bool` as 0 and 1, `uint64` as its bits.
    #[inline(always)]
    #[must_use]
    pub fn integer(&self, index: u32) -> i64 {
        self.integers[index as usize].get()
    }

    /// A slot of the floats by its place's index.
    #[inline(always)]
    #[must_use]
    pub fn float(&self, index: u32) -> f64 {
        self.floats[index as usize].get()
    }

    /// A slot of the texts by its place's index.
    #[inline(always)]
    #[must_use]
    pub fn text(&self, index: u32) -> &'b str {
        self.texts[index as usize].get()
    }

    /// A slot of the values by its place's index.
    #[inline(always)]
    #[must_use]
    pub fn value(&self, index: u32) -> Value<'b> {
        self.values[index as usize].get()
    }

    /// Whether a slot that is not of [`Kind::Value`] is null, by its slot number.
    #[inline(always)]
    #[must_use]
    pub fn null(&self, slot: u32) -> bool {
        self.nulls[slot as usize].get()
    }

    /// Sets a slot of the integers.
    #[inline(always)]
    pub fn set_integer(&self, place: Place, value: i64) {
        self.integers[place.index as usize].set(value);
        self.nulls[place.slot as usize].set(false);
    }

    /// Sets a slot of the floats.
    #[inline(always)]
    pub fn set_float(&self, place: Place, value: f64) {
        self.floats[place.index as usize].set(value);
        self.nulls[place.slot as usize].set(false);
    }

    /// Sets a slot of the texts.
    #[inline(always)]
    pub fn set_text(&self, place: Place, value: &'b str) {
        self.texts[place.index as usize].set(value);
        self.nulls[place.slot as usize].set(false);
    }

    /// Sets a slot of the values; null too.
    #[inline(always)]
    pub fn set_value(&self, place: Place, value: Value<'b>) {
        self.values[place.index as usize].set(value);
        self.nulls[place.slot as usize].set(matches!(value, Value::Null));
    }

    /// Makes a slot null.
    #[inline(always)]
    pub fn set_null(&self, place: Place) {
        if place.kind == Kind::Value {
            self.values[place.index as usize].set(Value::Null);
        }
        self.nulls[place.slot as usize].set(true);
    }

    /// Whether any slot is null.
    #[inline]
    #[must_use]
    pub fn is_null(&self, place: Place) -> bool {
        self.nulls[place.slot as usize].get()
    }

    /// The value of any slot.
    #[inline]
    #[must_use]
    pub fn get(&self, place: Place) -> Value<'b> {
        if self.nulls[place.slot as usize].get() {
            return Value::Null;
        }
        match place.kind {
            Kind::Bool => Value::Bool(self.integer(place.index) != 0),
            Kind::Integer => Value::Integer(self.integer(place.index)),
            Kind::Unsigned => Value::Unsigned(self.integer(place.index).cast_unsigned()),
            Kind::Float => Value::Float(self.float(place.index)),
            Kind::Text => Value::Text(self.text(place.index)),
            Kind::Value => self.value(place.index),
        }
    }

    /// Sets any slot; a value of another type than the slot's makes it null.
    #[inline]
    pub fn set(&self, place: Place, value: Value<'b>) {
        match (place.kind, value) {
            (Kind::Value, value) => self.set_value(place, value),
            (Kind::Bool, Value::Bool(value)) => self.set_integer(place, i64::from(value)),
            (Kind::Integer, Value::Integer(value)) => self.set_integer(place, value),
            (Kind::Unsigned, Value::Unsigned(value)) => self.set_integer(place, value.cast_signed()),
            (Kind::Float, Value::Float(value)) => self.set_float(place, value),
            (Kind::Text, Value::Text(value)) => self.set_text(place, value),
            _ => self.set_null(place),
        }
    }

    /// Copies a slot of another frame with the same kind of place, as when one decoded record feeds several flows.
    #[inline]
    pub fn copy_slot(&self, place: Place, from: &Self, from_place: Place) {
        if place.kind == from_place.kind && !from.is_null(from_place) {
            match place.kind {
                Kind::Bool | Kind::Integer | Kind::Unsigned => self.set_integer(place, from.integer(from_place.index)),
                Kind::Float => self.set_float(place, from.float(from_place.index)),
                Kind::Text => self.set_text(place, from.text(from_place.index)),
                Kind::Value => self.set_value(place, from.value(from_place.index)),
            }
        } else {
            self.set(place, from.get(from_place));
        }
    }
}

/// The rows that a record's steps have loaded, filled by whoever loads them. Borrowed only while one expression is
/// evaluated, so that steps may change rows between two expressions.
pub trait Rows {
    /// The fields of a row by their index. A state that is not there gives its defaults, a dimension's row that is not
    /// there its fields' `empty` values where it has any; `None` makes every field null.
    fn fields(&self, handle: HandleId) -> Option<&[Cell]>;

    /// Whether the row is there.
    fn exists(&self, handle: HandleId) -> bool;
}

/// The rows of a pipeline that loads none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRows;

impl Rows for NoRows {
    fn fields(&self, _: HandleId) -> Option<&[Cell]> {
        None
    }

    fn exists(&self, _: HandleId) -> bool {
        false
    }
}

/// What an expression is evaluated over. Cheap to make; make one for each expression or group of them.
#[derive(Clone, Copy)]
pub struct Context<'c, 'b> {
    /// The record.
    pub frame: &'c Frame<'b>,
    /// Where results longer than a word are put; reset between batches.
    pub arena: &'b bumpalo::Bump,
    /// The loaded rows.
    pub rows: &'c dyn Rows,
}
