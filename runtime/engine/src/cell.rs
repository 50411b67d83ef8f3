//! Values that outlive a batch: fields of states, rows of tables and dimensions.

use std::{
    borrow::Borrow,
    cmp::Ordering,
    collections::BTreeMap,
    hash::{Hash, Hasher},
};

use bumpalo::{Bump, collections::Vec as ArenaVec};
use nsf_plan::{IntegerWidth, Literal, Type};
use rust_decimal::Decimal;

use crate::value::{Value, compare_floats};

/// An owned value. Cells of one place have one type, given by the plan; they order and compare like values.
#[derive(Clone, Debug, Default)]
pub enum Cell {
    /// Null.
    #[default]
    Null,
    /// `bool`.
    Bool(bool),
    /// See [`crate::value::Value::Integer`].
    Integer(i64),
    /// `uint64`.
    Unsigned(u64),
    /// Never NaN.
    Float(f64),
    /// `decimal`.
    Decimal(Decimal),
    /// `text`.
    Text(Box<str>),
    /// `bytes`.
    Bytes(Box<[u8]>),
    /// `list<T>`.
    List(Vec<Cell>),
    /// `set<T>` (also `multi<T>`) and `map<K, V>`: a set maps to nulls.
    Map(BTreeMap<Cell, Cell>),
    /// A record.
    Record(Box<[Cell]>),
    /// A JSON text.
    Json(Box<str>),
}

impl Cell {
    /// Whether it is null.
    #[inline]
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// About how many bytes it takes, with what it holds.
    #[must_use]
    pub fn memory(&self) -> usize {
        let held = match self {
            Self::Null | Self::Bool(_) | Self::Integer(_) | Self::Unsigned(_) | Self::Float(_) | Self::Decimal(_) => 0,
            Self::Text(text) | Self::Json(text) => text.len(),
            Self::Bytes(bytes) => bytes.len(),
            Self::List(items) => items.iter().map(Self::memory).sum(),
            Self::Map(pairs) => pairs.iter().map(|(key, value)| key.memory() + value.memory()).sum(),
            Self::Record(members) => members.iter().map(Self::memory).sum(),
        };
        size_of::<Self>() + held
    }

    /// An owned copy of a value of a type.
    #[must_use]
    pub fn from_value(ty: &Type, value: Value<'_>) -> Self {
        match (value, ty.non_null()) {
            (Value::Null, _) => Self::Null,
            (Value::Bool(value), _) => Self::Bool(value),
            (Value::Integer(value), _) => Self::Integer(value),
            (Value::Unsigned(value), _) => Self::Unsigned(value),
            (Value::Float(value), _) => Self::Float(value),
            (Value::Decimal(value), _) => Self::Decimal(value),
            (Value::Text(value), _) => Self::Text(value.into()),
            (Value::Bytes(value), _) => Self::Bytes(value.into()),
            (Value::Json(value), _) => Self::Json(value.into()),
            (Value::List(items), Type::Set(item) | Type::Multi(item)) => {
                Self::Map(items.iter().map(|value| (Self::from_value(item, *value), Self::Null)).collect())
            }
            (Value::List(items), ty) => {
                let item = element(ty);
                Self::List(items.iter().map(|value| Self::from_value(item, *value)).collect())
            }
            (Value::Map(pairs), ty) => {
                let (key, value) = entry(ty);
                let own =
                    |pair: &(Value<'_>, Value<'_>)| (Self::from_value(key, pair.0), Self::from_value(value, pair.1));
                Self::Map(pairs.iter().map(own).collect())
            }
            (Value::Record(members), ty) => Self::Record(
                members.iter().enumerate().map(|(index, value)| Self::from_value(member(ty, index), *value)).collect(),
            ),
        }
    }

    /// The value, with what is longer than a word copied into the arena.
    #[must_use]
    pub fn to_value<'b>(&self, ty: &Type, arena: &'b Bump) -> Value<'b> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Integer(value) => Value::Integer(*value),
            Self::Unsigned(value) => Value::Unsigned(*value),
            Self::Float(value) => Value::Float(*value),
            Self::Decimal(value) => Value::Decimal(*value),
            Self::Text(value) => Value::Text(arena.alloc_str(value)),
            Self::Bytes(value) => Value::Bytes(arena.alloc_slice_copy(value)),
            Self::Json(value) => Value::Json(arena.alloc_str(value)),
            Self::List(items) => {
                let item = element(ty.non_null());
                Value::List(arena.alloc_slice_fill_iter(items.iter().map(|cell| cell.to_value(item, arena))))
            }
            Self::Map(pairs) => map_value(pairs, ty.non_null(), arena),
            Self::Record(members) => {
                let ty = ty.non_null();
                let values = members.iter().enumerate().map(|(index, cell)| cell.to_value(member(ty, index), arena));
                Value::Record(arena.alloc_slice_fill_iter(values))
            }
        }
    }

    /// The cell of a literal of a type.
    #[must_use]
    pub fn from_literal(ty: &Type, literal: &Literal) -> Self {
        let ty = ty.non_null();
        match literal {
            Literal::Null => Self::Null,
            Literal::Bool(value) => Self::Bool(*value),
            Literal::Integer(value) => integer_literal(ty, *value),
            Literal::Unsigned(value) => Self::Unsigned(*value),
            Literal::Float(value) => Self::Float(*value),
            Literal::Decimal(value) => Self::Decimal(*value),
            Literal::Text(value) => match ty {
                Type::Json => Self::Json(value.as_str().into()),
                Type::Bytes => Self::Bytes(value.as_bytes().into()),
                _ => Self::Text(value.as_str().into()),
            },
            Literal::List(items) => match ty {
                Type::Set(item) | Type::Multi(item) => {
                    Self::Map(items.iter().map(|literal| (Self::from_literal(item, literal), Self::Null)).collect())
                }
                Type::Map(..) => Self::Map(BTreeMap::new()),
                _ => Self::List(items.iter().map(|literal| Self::from_literal(element(ty), literal)).collect()),
            },
            Literal::Map(pairs) => {
                let (key, value) = entry(ty);
                let own =
                    |pair: &(Literal, Literal)| (Self::from_literal(key, &pair.0), Self::from_literal(value, &pair.1));
                Self::Map(pairs.iter().map(own).collect())
            }
            Literal::Record(members) => Self::Record(
                members.iter().enumerate().map(|(index, cell)| Self::from_literal(member(ty, index), cell)).collect(),
            ),
        }
    }

    /// The value of a map's key (or the null that a set's element has), without owning the key.
    #[must_use]
    pub fn lookup<'m>(pairs: &'m BTreeMap<Self, Self>, key: Value<'_>) -> Option<&'m Self> {
        pairs.get(&key as &dyn Comparable)
    }

    const fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Integer(_) => 2,
            Self::Unsigned(_) => 3,
            Self::Float(_) => 4,
            Self::Decimal(_) => 5,
            Self::Text(_) => 6,
            Self::Bytes(_) => 7,
            Self::List(_) => 8,
            Self::Map(_) => 9,
            Self::Record(_) => 10,
            Self::Json(_) => 11,
        }
    }

    /// How a cell orders against a value of the same type.
    #[must_use]
    pub fn compare(&self, value: Value<'_>) -> Ordering {
        match (self, value) {
            (Self::Bool(left), Value::Bool(right)) => left.cmp(&right),
            (Self::Integer(left), Value::Integer(right)) => left.cmp(&right),
            (Self::Unsigned(left), Value::Unsigned(right)) => left.cmp(&right),
            (Self::Float(left), Value::Float(right)) => compare_floats(*left, right),
            (Self::Decimal(left), Value::Decimal(right)) => left.cmp(&right),
            (Self::Text(left), Value::Text(right)) | (Self::Json(left), Value::Json(right)) => (**left).cmp(right),
            (Self::Bytes(left), Value::Bytes(right)) => (**left).cmp(right),
            (Self::List(left), Value::List(right)) => compare_all(left.iter(), right),
            (Self::Record(left), Value::Record(right)) => compare_all(left.iter(), right),
            (Self::Map(left), Value::List(right)) => compare_all(left.keys(), right),
            (Self::Map(left), Value::Map(right)) => left
                .iter()
                .zip(right)
                .map(|(cell, pair)| cell.0.compare(pair.0).then_with(|| cell.1.compare(pair.1)))
                .find(|order| order.is_ne())
                .unwrap_or_else(|| left.len().cmp(&right.len())),
            _ => self.rank().cmp(&value.rank()),
        }
    }
}

fn compare_all<'m>(cells: impl ExactSizeIterator<Item = &'m Cell>, values: &[Value<'_>]) -> Ordering {
    let lengths = cells.len().cmp(&values.len());
    cells.zip(values).map(|(cell, value)| cell.compare(*value)).find(|order| order.is_ne()).unwrap_or(lengths)
}

fn integer_literal(ty: &Type, value: i64) -> Cell {
    match ty {
        Type::Integer(IntegerWidth::UInt64) => Cell::Unsigned(value.cast_unsigned()),
        Type::Float32 | Type::Float64 => Cell::Float(value as f64),
        Type::Decimal => Cell::Decimal(Decimal::from(value)),
        Type::Select(inner) => integer_literal(inner, value),
        _ => Cell::Integer(value),
    }
}

/// The type of a list's or set's elements; a text where the type has none, which a sound plan does not ask for.
pub(crate) fn element(ty: &Type) -> &Type {
    match ty.non_null() {
        Type::List(item) | Type::Set(item) | Type::Multi(item) => item,
        _ => &Type::Text,
    }
}

/// The types of a map's keys and values.
pub(crate) fn entry(ty: &Type) -> (&Type, &Type) {
    match ty.non_null() {
        Type::Map(key, value) => (key, value),
        other => (element(other), &Type::Text),
    }
}

/// The type of a record's member.
pub(crate) fn member(ty: &Type, index: usize) -> &Type {
    match ty.non_null() {
        Type::Record(members) => members.get(index).map_or(&Type::Text, |member| &member.1),
        _ => &Type::Text,
    }
}

/// A map of cells as a value: of pairs, or for a set of its elements.
pub(crate) fn map_value<'b>(pairs: &BTreeMap<Cell, Cell>, ty: &Type, arena: &'b Bump) -> Value<'b> {
    if let Type::Map(key, value) = ty {
        let mut list = ArenaVec::with_capacity_in(pairs.len(), arena);
        list.extend(pairs.iter().map(|pair| (pair.0.to_value(key, arena), pair.1.to_value(value, arena))));
        Value::Map(list.into_bump_slice())
    } else {
        let item = element(ty);
        let mut list = ArenaVec::with_capacity_in(pairs.len(), arena);
        list.extend(pairs.keys().map(|key| key.to_value(item, arena)));
        Value::List(list.into_bump_slice())
    }
}

impl Ord for Cell {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Integer(left), Self::Integer(right)) => left.cmp(right),
            (Self::Unsigned(left), Self::Unsigned(right)) => left.cmp(right),
            (Self::Float(left), Self::Float(right)) => compare_floats(*left, *right),
            (Self::Decimal(left), Self::Decimal(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) | (Self::Json(left), Self::Json(right)) => left.cmp(right),
            (Self::Bytes(left), Self::Bytes(right)) => left.cmp(right),
            (Self::List(left), Self::List(right)) => left.cmp(right),
            (Self::Record(left), Self::Record(right)) => left.cmp(right),
            (Self::Map(left), Self::Map(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Cell {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Cell {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Cell {}

impl Hash for Cell {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.rank().hash(state);
        match self {
            Self::Null => {}
            Self::Bool(value) => value.hash(state),
            Self::Integer(value) => value.hash(state),
            Self::Unsigned(value) => value.hash(state),
            // The two zeros are equal and must meet in a hash table.
            Self::Float(value) => (value + 0.0).to_bits().hash(state),
            Self::Decimal(value) => value.hash(state),
            Self::Text(value) | Self::Json(value) => value.hash(state),
            Self::Bytes(value) => value.hash(state),
            Self::List(value) => value.hash(state),
            Self::Record(value) => value.hash(state),
            Self::Map(value) => value.hash(state),
        }
    }
}

/// A cell or a value as the key of a look-up, so that a value finds its entry in a map of cells without being owned.
trait Comparable {
    fn side(&self) -> Side<'_>;
}

enum Side<'s> {
    Cell(&'s Cell),
    Value(Value<'s>),
}

impl Comparable for Cell {
    fn side(&self) -> Side<'_> {
        Side::Cell(self)
    }
}

impl Comparable for Value<'_> {
    fn side(&self) -> Side<'_> {
        Side::Value(*self)
    }
}

impl<'s> Borrow<dyn Comparable + 's> for Cell {
    fn borrow(&self) -> &(dyn Comparable + 's) {
        self
    }
}

impl Ord for dyn Comparable + '_ {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.side(), other.side()) {
            (Side::Cell(left), Side::Cell(right)) => left.cmp(right),
            (Side::Cell(left), Side::Value(right)) => left.compare(right),
            (Side::Value(left), Side::Cell(right)) => right.compare(left).reverse(),
            (Side::Value(left), Side::Value(right)) => left.cmp(&right),
        }
    }
}

impl PartialOrd for dyn Comparable + '_ {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for dyn Comparable + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for dyn Comparable + '_ {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_finds_its_entry_without_being_owned() {
        let pairs: BTreeMap<Cell, Cell> = ["b", "a", "班"]
            .iter()
            .enumerate()
            .map(|(at, key)| (Cell::Text((*key).into()), Cell::Integer(at as i64)))
            .collect();
        assert_eq!(Cell::lookup(&pairs, Value::Text("班")), Some(&Cell::Integer(2)));
        assert_eq!(Cell::lookup(&pairs, Value::Text("c")), None);
    }

    #[test]
    fn a_value_becomes_a_cell_and_back() {
        let arena = Bump::new();
        let ty = Type::Record(vec![
            ("tags".into(), Type::Set(Box::new(Type::Text))),
            ("by".into(), Type::Map(Box::new(Type::INT64), Box::new(Type::Float64)).nullable()),
            ("rest".into(), Type::List(Box::new(Type::Bytes))),
        ]);
        let tags = [Value::Text("a"), Value::Text("b")];
        let by = [(Value::Integer(-1), Value::Float(0.5)), (Value::Integer(7), Value::Float(2.0))];
        let rest = [Value::Bytes(b"\x00\xff")];
        let members = [Value::List(&tags), Value::Map(&by), Value::List(&rest)];
        let value = Value::Record(&members);
        let cell = Cell::from_value(&ty, value);
        assert_eq!(cell.to_value(&ty, &arena), value);
        assert_eq!(cell.compare(value), Ordering::Equal);
    }
}
