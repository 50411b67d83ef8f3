//! Values of a narrower type as those of a wider one: what [`nsf_plan::evolution`] says that can be read.

use std::collections::BTreeMap;

use nsf_plan::{IntegerWidth, Type};
use rust_decimal::Decimal;
use serde_json::value::RawValue;

use crate::{
    cell::{Cell, element, entry, member},
    decode::cell_from_json,
    encode::{cell::Damaged, json},
};

/// A cell of a type as one of a wider type.
pub(crate) fn widen(from: &Type, to: &Type, cell: Cell) -> Cell {
    if from == to {
        return cell;
    }
    let is_nullable = to.is_nullable() && !from.is_nullable();
    let (from, to) = (plain(from), plain(to));
    match (cell, to) {
        (Cell::Integer(value), Type::Decimal) => Cell::Decimal(Decimal::from(value)),
        (Cell::Unsigned(value), Type::Decimal) => Cell::Decimal(Decimal::from(value)),
        (Cell::Integer(value), Type::Integer(IntegerWidth::UInt64)) => Cell::Unsigned(value.cast_unsigned()),
        // Of a `json?` the JSON text `null` is no value.
        (Cell::Json(text), _) if is_nullable && text.trim() == "null" => Cell::Null,
        (Cell::List(items), _) => {
            let (own, wide) = (element(from), element(to));
            Cell::List(items.into_iter().map(|item| widen(own, wide, item)).collect())
        }
        (Cell::Map(pairs), _) => {
            let ((key, value), (wide_key, wide_value)) = (entry(from), entry(to));
            let pair = |(own, held)| (widen(key, wide_key, own), widen(value, wide_value, held));
            Cell::Map(pairs.into_iter().map(pair).collect())
        }
        (Cell::Record(cells), Type::Record(members)) => {
            let mut cells = cells.into_vec();
            let place = |name: &String| (0..cells.len()).find(|at| json::member_name(from, *at) == name);
            let places: Vec<Option<usize>> = members.iter().map(|(name, _)| place(name)).collect();
            let wide = members.iter().zip(places).map(|((_, ty), at)| {
                let taken = at.and_then(|at| Some((at, std::mem::take(cells.get_mut(at)?))));
                taken.map_or(Cell::Null, |(at, cell)| widen(member(from, at), ty, cell))
            });
            Cell::Record(wide.collect())
        }
        (cell, _) => cell,
    }
}

/// The type that says how a cell looks.
fn plain(ty: &Type) -> &Type {
    match ty {
        Type::Nullable(inner) | Type::Select(inner) => plain(inner),
        other => other,
    }
}

/// A field whose `float32` have become `float64`.
///
/// As JSON a `float32` has its shortest form, and read as a `float64` that is another number: 0.1 of a `float32` is
/// 0.10000000149011612. So rows say how many such changes they have seen, and older ones are read by the type of then.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Doubled {
    /// The name under which the field is stored.
    pub name: String,
    /// Its type before.
    pub from: Type,
}

impl Doubled {
    /// Appends the field's JSON with the numbers that it means.
    fn rewrite(&self, text: &str, out: &mut Vec<u8>) -> Result<(), Damaged> {
        let from = self.from.clone().nullable();
        let cell = cell_from_json(&from, text).map_err(|_| Damaged)?;
        json::write_cell(&doubled(&from), &cell, out);
        Ok(())
    }
}

/// A row as JSON from before the changes: with the numbers that its `float32` mean.
pub(super) fn rewrite(changes: &[Doubled], row: &[u8]) -> Result<Vec<u8>, Damaged> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_slice(row).map_err(|_| Damaged)?;
    let mut out = vec![b'{'];
    for (name, value) in &members {
        if out.len() > 1 {
            out.push(b',');
        }
        json::write_text(name, &mut out);
        out.push(b':');
        match changes.iter().find(|change| change.name == *name) {
            Some(change) => change.rewrite(value.get(), &mut out)?,
            None => out.extend_from_slice(value.get().as_bytes()),
        }
    }
    out.push(b'}');
    Ok(out)
}

/// A type with `float64` for each `float32`.
fn doubled(ty: &Type) -> Type {
    let inner = |ty: &Type| Box::new(doubled(ty));
    match ty {
        Type::Float32 => Type::Float64,
        Type::List(item) => Type::List(inner(item)),
        Type::Set(item) => Type::Set(inner(item)),
        Type::Map(key, value) => Type::Map(inner(key), inner(value)),
        Type::Record(members) => Type::Record(members.iter().map(|(name, ty)| (name.clone(), doubled(ty))).collect()),
        Type::Select(item) => Type::Select(inner(item)),
        Type::Multi(item) => Type::Multi(inner(item)),
        Type::Nullable(item) => Type::Nullable(inner(item)),
        other => other.clone(),
    }
}

/// Whether a `float32` of a type becomes a `float64` of another that reads it.
pub(crate) fn has_doubled(from: &Type, to: &Type) -> bool {
    match (plain(from), plain(to)) {
        (Type::Float32, Type::Float64) => true,
        (Type::List(from), Type::List(to)) => has_doubled(from, to),
        (Type::Map(_, from), Type::Map(_, to)) => has_doubled(from, to),
        (Type::Record(from), Type::Record(to)) => {
            from.iter().any(|(name, ty)| to.iter().any(|(own, to)| own == name && has_doubled(ty, to)))
        }
        _ => false,
    }
}
