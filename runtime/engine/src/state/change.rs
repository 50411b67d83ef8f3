//! The operations of a `save`, built: first their operands are evaluated, then the row is changed.

use std::collections::BTreeMap;

use nsf_plan::{IntegerWidth, Origin, SaveKind, SaveOperation, Type};
use rust_decimal::Decimal;

use super::{Row, Undo, row::FieldVersion};
use crate::{
    cell::Cell,
    expression::{AnyValue, Build, BuildError, Scope},
    fault::{Fallible, Fault, FaultCode},
    frame::Context,
    value::Value,
};

/// What an operation does with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Set,
    Add,
    Subtract,
    Max,
    Min,
    SetEntry,
    AddEntry,
    Insert,
    Remove,
    Delete,
}

/// An operation of a save, built.
pub(crate) struct Change {
    operator: Operator,
    field: u32,
    ty: Type,
    key: Option<AnyValue>,
    value: Option<AnyValue>,
    origin: Origin,
}

/// The operands of an operation.
#[derive(Clone, Copy)]
pub(crate) struct Operands<'b> {
    key: Value<'b>,
    value: Value<'b>,
}

impl Change {
    /// Builds an operation on a state whose fields have these types.
    ///
    /// # Errors
    /// The plan is damaged.
    pub(crate) fn new(operation: &SaveOperation, fields: &[Type], scope: &Scope<'_>) -> Build<Self> {
        let (operator, field, key, value) = match &operation.kind {
            SaveKind::Set { field, value } => (Operator::Set, *field, None, Some(value)),
            SaveKind::Add { field, value } => (Operator::Add, *field, None, Some(value)),
            SaveKind::Subtract { field, value } => (Operator::Subtract, *field, None, Some(value)),
            SaveKind::Max { field, value } => (Operator::Max, *field, None, Some(value)),
            SaveKind::Min { field, value } => (Operator::Min, *field, None, Some(value)),
            SaveKind::SetEntry { field, key, value } => (Operator::SetEntry, *field, Some(key), Some(value)),
            SaveKind::AddEntry { field, key, value } => (Operator::AddEntry, *field, Some(key), Some(value)),
            SaveKind::Insert { field, value } => (Operator::Insert, *field, None, Some(value)),
            SaveKind::Remove { field, value } => (Operator::Remove, *field, None, Some(value)),
            SaveKind::Delete => (Operator::Delete, 0, None, None),
        };
        let ty = match (operator, fields.get(field as usize)) {
            (Operator::Delete, _) => Type::Bool,
            (_, Some(ty)) => ty.clone(),
            (_, None) => {
                return Err(BuildError::new("a save names a field that its state has not", Some(operation.origin)));
            }
        };
        let key = key.map(|key| scope.any_value(key)).transpose()?;
        let value = value.map(|value| scope.any_value(value)).transpose()?;
        Ok(Self { operator, field, ty, key, value, origin: operation.origin })
    }

    /// Evaluates the operands.
    ///
    /// # Errors
    /// The fault of an expression.
    #[inline]
    pub(crate) fn operands<'b>(&self, context: &Context<'_, 'b>) -> Fallible<Operands<'b>> {
        let key = self.key.as_ref().map_or(Ok(Value::Null), |key| key.value(context))?;
        let value = self.value.as_ref().map_or(Ok(Value::Null), |value| value.value(context))?;
        Ok(Operands { key, value })
    }

    /// Changes a row and says how to undo it.
    ///
    /// # Errors
    /// Overflow, or an index outside its list.
    #[inline]
    pub(crate) fn apply(
        &self,
        row: &mut Row,
        operands: Operands<'_>,
        version: FieldVersion,
        undo: &mut impl FnMut(Undo),
    ) -> Fallible<()> {
        self.change(row, operands, version, undo).map_err(|mut fault| {
            fault.origin.get_or_insert(self.origin);
            fault
        })
    }

    fn change(
        &self,
        row: &mut Row,
        Operands { key, value }: Operands<'_>,
        version: FieldVersion,
        undo: &mut impl FnMut(Undo),
    ) -> Fallible<()> {
        let at = self.field as usize;
        if row.is_older(self.field, version) {
            return Ok(());
        }
        match self.operator {
            Operator::Set => {
                if let Some(versions) = &mut row.versions {
                    undo(Undo::Version(self.field, versions[at]));
                    versions[at] = version;
                }
                let new = Cell::from_value(&self.ty, value);
                undo(Undo::Field(self.field, std::mem::replace(&mut row.fields[at], new)));
            }
            Operator::Add | Operator::Subtract => {
                let new = sum(&self.ty, &row.fields[at], value, self.operator == Operator::Subtract)?;
                undo(Undo::Field(self.field, std::mem::replace(&mut row.fields[at], new)));
            }
            Operator::Max | Operator::Min => {
                if matches!(value, Value::Null) {
                    return Ok(());
                }
                let order = row.fields[at].compare(value);
                let wins = if self.operator == Operator::Max { order.is_lt() } else { order.is_gt() };
                if wins || row.fields[at].is_null() {
                    let new = Cell::from_value(&self.ty, value);
                    undo(Undo::Field(self.field, std::mem::replace(&mut row.fields[at], new)));
                }
            }
            Operator::SetEntry => self.set_entry(&mut row.fields[at], key, value, undo)?,
            Operator::AddEntry => self.add_entry(&mut row.fields[at], key, value, undo)?,
            Operator::Insert => self.insert(&mut row.fields[at], value, undo),
            Operator::Remove => self.remove(&mut row.fields[at], value, undo),
            // Done by the row, which knows its defaults.
            Operator::Delete => {}
        }
        Ok(())
    }

    /// Whether the operation does nothing to a row at a version, for something newer was written.
    pub(crate) fn is_too_old(&self, row: &Row, version: FieldVersion) -> bool {
        row.is_older(self.field, version)
    }

    /// Whether the operation deletes the row.
    pub(crate) fn deletes(&self) -> bool {
        self.operator == Operator::Delete
    }

    fn set_entry(
        &self,
        field: &mut Cell,
        key: Value<'_>,
        value: Value<'_>,
        undo: &mut impl FnMut(Undo),
    ) -> Fallible<()> {
        match (field, self.ty.non_null()) {
            (Cell::List(list), Type::List(item)) => {
                let (at, place) = item_at(list, key)?;
                undo(Undo::Item(self.field, at, std::mem::replace(place, Cell::from_value(item, value))));
            }
            (field, ty) => {
                let Some(map) = as_map(field, self.field, undo) else { return Ok(()) };
                let (key_type, value_type) = entry_types(ty);
                let key = Cell::from_value(key_type, key);
                let old = map.insert(key.clone(), Cell::from_value(value_type, value));
                undo(Undo::Entry(self.field, key, old));
            }
        }
        Ok(())
    }

    fn add_entry(
        &self,
        field: &mut Cell,
        key: Value<'_>,
        value: Value<'_>,
        undo: &mut impl FnMut(Undo),
    ) -> Fallible<()> {
        match (field, self.ty.non_null()) {
            (Cell::List(list), Type::List(item)) => {
                let (at, place) = item_at(list, key)?;
                let new = sum(item, place, value, false)?;
                undo(Undo::Item(self.field, at, std::mem::replace(place, new)));
            }
            (field, ty) => {
                let Some(map) = as_map(field, self.field, undo) else { return Ok(()) };
                let (key_type, value_type) = entry_types(ty);
                let old = Cell::lookup(map, key);
                let new = sum(value_type, old.unwrap_or(&Cell::Null), value, false)?;
                let key = Cell::from_value(key_type, key);
                let old = map.insert(key.clone(), new);
                undo(Undo::Entry(self.field, key, old));
            }
        }
        Ok(())
    }

    fn insert(&self, field: &mut Cell, value: Value<'_>, undo: &mut impl FnMut(Undo)) {
        match self.ty.non_null() {
            Type::List(item) => {
                if let Cell::Null = field {
                    undo(Undo::Field(self.field, std::mem::replace(field, Cell::List(Vec::new()))));
                }
                if let Cell::List(list) = field {
                    list.push(Cell::from_value(item, value));
                    undo(Undo::Pushed(self.field));
                }
            }
            ty => {
                let Some(map) = as_map(field, self.field, undo) else { return };
                let element = entry_types(ty).0;
                if Cell::lookup(map, value).is_none() {
                    let key = Cell::from_value(element, value);
                    map.insert(key.clone(), Cell::Null);
                    undo(Undo::Entry(self.field, key, None));
                }
            }
        }
    }

    fn remove(&self, field: &mut Cell, value: Value<'_>, undo: &mut impl FnMut(Undo)) {
        match field {
            Cell::List(list) if list.iter().any(|item| item.compare(value).is_eq()) => {
                let kept = list.iter().filter(|item| item.compare(value).is_ne()).cloned().collect();
                undo(Undo::Field(self.field, std::mem::replace(field, Cell::List(kept))));
            }
            Cell::Map(map) if Cell::lookup(map, value).is_some() => {
                let key = Cell::from_value(entry_types(self.ty.non_null()).0, value);
                let old = map.remove(&key);
                undo(Undo::Entry(self.field, key, old));
            }
            _ => {}
        }
    }
}

/// The map or set of a field; a null becomes an empty one.
fn as_map<'f>(field: &'f mut Cell, index: u32, undo: &mut impl FnMut(Undo)) -> Option<&'f mut BTreeMap<Cell, Cell>> {
    if !matches!(field, Cell::Map(_)) {
        undo(Undo::Field(index, std::mem::replace(field, Cell::Map(BTreeMap::new()))));
    }
    if let Cell::Map(map) = field { Some(map) } else { None }
}

/// Types of keys and values of a map; of elements and nothing of a set.
const fn entry_types(ty: &Type) -> (&Type, &Type) {
    match ty {
        Type::Map(key, value) => (key, value),
        Type::Set(item) | Type::Multi(item) | Type::List(item) => (item, item),
        other => (other, other),
    }
}

fn item_at<'l>(list: &'l mut [Cell], index: Value<'_>) -> Fallible<(usize, &'l mut Cell)> {
    let length = list.len();
    let given = match index {
        Value::Integer(index) => i128::from(index),
        Value::Unsigned(index) => i128::from(index),
        _ => -1,
    };
    let at = usize::try_from(given).unwrap_or(usize::MAX);
    let outside = || Fault::new(FaultCode::Index, format!("there is no element {given} in a list of {length}"));
    list.get_mut(at).map(|item| (at, item)).ok_or_else(outside)
}

/// `current + value` (or `-`) in a type; a null is zero.
fn sum(ty: &Type, current: &Cell, value: Value<'_>, subtract: bool) -> Fallible<Cell> {
    let ty = ty.non_null();
    let result = match (current, value) {
        (_, Value::Null) => return Ok(current.clone()),
        (Cell::Integer(_) | Cell::Null, Value::Integer(right)) => {
            let left = if let Cell::Integer(left) = current { *left } else { 0 };
            let result = if subtract { left.checked_sub(right) } else { left.checked_add(right) };
            result.filter(|result| in_range(ty, *result)).map(Cell::Integer)
        }
        (Cell::Unsigned(_) | Cell::Null, Value::Unsigned(right)) => {
            let left = if let Cell::Unsigned(left) = current { *left } else { 0 };
            (if subtract { left.checked_sub(right) } else { left.checked_add(right) }).map(Cell::Unsigned)
        }
        (Cell::Float(_) | Cell::Null, Value::Float(right)) => {
            let left = if let Cell::Float(left) = current { *left } else { 0.0 };
            let result = if subtract { left - right } else { left + right };
            let result = if *ty == Type::Float32 { f64::from(result as f32) } else { result };
            result.is_finite().then_some(Cell::Float(result))
        }
        (Cell::Decimal(_) | Cell::Null, Value::Decimal(right)) => {
            let left = if let Cell::Decimal(left) = current { *left } else { Decimal::ZERO };
            (if subtract { left.checked_sub(right) } else { left.checked_add(right) }).map(Cell::Decimal)
        }
        (Cell::Text(left), Value::Text(right)) if !subtract => Some(Cell::Text(format!("{left}{right}").into())),
        (Cell::List(left), Value::List(_)) if !subtract => match Cell::from_value(ty, value) {
            Cell::List(right) => Some(Cell::List(left.iter().cloned().chain(right).collect())),
            _ => None,
        },
        (Cell::Null, _) if !subtract => Some(Cell::from_value(ty, value)),
        _ => None,
    };
    result.ok_or_else(|| Fault::new(FaultCode::Overflow, format!("the sum is outside {ty}")))
}

fn in_range(ty: &Type, value: i64) -> bool {
    match ty {
        Type::Integer(IntegerWidth::Int64) => true,
        Type::Integer(width) => {
            let (low, high) = width.range();
            (low..=high).contains(&i128::from(value))
        }
        _ => true,
    }
}
