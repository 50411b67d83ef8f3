//! The compact form of cells in a store: the reader knows the type, so that nothing but the value is written.
//!
//! Integers are written seven bits a byte with the sign folded in; floats are eight bytes, decimals sixteen; texts and
//! lists have their length in front; a nullable value has a byte before it. A record without members is one byte, so that
//! no cell is empty and the bytes that are there bound every count that damage can name.

use std::collections::BTreeMap;

use nsf_plan::{IntegerWidth, Type};
use rust_decimal::Decimal;

use crate::cell::{Cell, element, entry, member};

/// Bytes that are not a cell of the type that was asked for: a damaged store, or another shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damaged;

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the stored bytes are damaged or of another shape")
    }
}

impl std::error::Error for Damaged {}

/// How deep cells may be nested, so that damaged bytes cannot exhaust the stack; types nest less.
const DEPTH: u32 = 300;

/// Appends a count or other number without sign.
pub fn write_number(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push((value & 0x7F) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads what [`write_number`] wrote.
///
/// # Errors
/// The bytes end, or the number is longer than 64 bits.
pub fn read_number(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(Damaged)?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7F);
        if shift == 63 && bits > 1 {
            return Err(Damaged);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err(Damaged)
}

fn fold(value: i64) -> u64 {
    (value << 1 ^ value >> 63).cast_unsigned()
}

fn unfold(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

fn write_run(bytes: &[u8], out: &mut Vec<u8>) {
    write_number(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Appends a cell of a type.
pub fn write_cell(ty: &Type, cell: &Cell, out: &mut Vec<u8>) {
    if ty.is_nullable() {
        out.push(u8::from(!cell.is_null()));
    }
    let ty = ty.non_null();
    match cell {
        Cell::Null => {}
        Cell::Bool(value) => out.push(u8::from(*value)),
        Cell::Integer(value) => write_number(fold(*value), out),
        Cell::Unsigned(value) => write_number(*value, out),
        Cell::Float(value) => out.extend_from_slice(&value.to_le_bytes()),
        Cell::Decimal(value) => out.extend_from_slice(&value.serialize()),
        Cell::Text(text) | Cell::Json(text) => write_run(text.as_bytes(), out),
        Cell::Bytes(bytes) => write_run(bytes, out),
        Cell::List(items) => {
            write_number(items.len() as u64, out);
            items.iter().for_each(|item| write_cell(element(ty), item, out));
        }
        Cell::Map(pairs) => {
            write_number(pairs.len() as u64, out);
            let is_map = matches!(ty, Type::Map(..));
            let (key_type, value_type) = entry(ty);
            for (key, value) in pairs {
                write_cell(key_type, key, out);
                if is_map {
                    write_cell(value_type, value, out);
                }
            }
        }
        Cell::Record(members) if members.is_empty() => out.push(0),
        Cell::Record(members) => {
            members.iter().enumerate().for_each(|(index, cell)| write_cell(member(ty, index), cell, out));
        }
    }
}

/// Reads a cell from the front of `bytes`, which then begins after it.
///
/// # Errors
/// The bytes are not such a cell.
pub fn read_cell(ty: &Type, bytes: &mut &[u8]) -> Result<Cell, Damaged> {
    read_inside(ty, bytes, 0)
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Result<&'b [u8], Damaged> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(Damaged)?;
    *bytes = rest;
    Ok(taken)
}

fn take_run<'b>(bytes: &mut &'b [u8]) -> Result<&'b [u8], Damaged> {
    let length = usize::try_from(read_number(bytes)?).map_err(|_| Damaged)?;
    take(bytes, length)
}

fn take_text(bytes: &mut &[u8]) -> Result<Box<str>, Damaged> {
    std::str::from_utf8(take_run(bytes)?).map(Into::into).map_err(|_| Damaged)
}

/// A count of cells, of which each needs at least one byte.
fn take_count(bytes: &mut &[u8]) -> Result<usize, Damaged> {
    let count = usize::try_from(read_number(bytes)?).map_err(|_| Damaged)?;
    if count > bytes.len() { Err(Damaged) } else { Ok(count) }
}

fn read_inside(ty: &Type, bytes: &mut &[u8], depth: u32) -> Result<Cell, Damaged> {
    if depth > DEPTH {
        return Err(Damaged);
    }
    if ty.is_nullable() {
        match take(bytes, 1)? {
            [0] => return Ok(Cell::Null),
            [1] => {}
            _ => return Err(Damaged),
        }
    }
    let depth = depth + 1;
    Ok(match ty.non_null() {
        Type::Bool => match take(bytes, 1)? {
            [0] => Cell::Bool(false),
            [1] => Cell::Bool(true),
            _ => return Err(Damaged),
        },
        Type::Integer(IntegerWidth::UInt64) => Cell::Unsigned(read_number(bytes)?),
        Type::Integer(width) => {
            let value = unfold(read_number(bytes)?);
            let (least, most) = width.range();
            if i128::from(value) < least || i128::from(value) > most {
                return Err(Damaged);
            }
            Cell::Integer(value)
        }
        Type::Timestamp | Type::Date | Type::Duration => Cell::Integer(unfold(read_number(bytes)?)),
        Type::Float32 | Type::Float64 => {
            let value = f64::from_le_bytes(take(bytes, 8)?.try_into().map_err(|_| Damaged)?);
            if !value.is_finite() {
                return Err(Damaged);
            }
            Cell::Float(value)
        }
        Type::Decimal => Cell::Decimal(take_decimal(bytes)?),
        Type::Text => Cell::Text(take_text(bytes)?),
        Type::Json => Cell::Json(take_text(bytes)?),
        Type::Bytes => Cell::Bytes(take_run(bytes)?.into()),
        Type::List(item) => {
            let count = take_count(bytes)?;
            Cell::List((0..count).map(|_| read_inside(item, bytes, depth)).collect::<Result<_, _>>()?)
        }
        ty @ (Type::Set(_) | Type::Multi(_) | Type::Map(..)) => Cell::Map(read_map(ty, bytes, depth)?),
        Type::Record(members) if members.is_empty() => match take(bytes, 1)? {
            [0] => Cell::Record(Box::default()),
            _ => return Err(Damaged),
        },
        ty @ (Type::Record(_) | Type::Link | Type::Attachment) => {
            let count = if let Type::Record(members) = ty { members.len() } else { 2 };
            Cell::Record(
                (0..count).map(|index| read_inside(member(ty, index), bytes, depth)).collect::<Result<_, _>>()?,
            )
        }
        Type::Select(inner) => read_inside(inner, bytes, depth)?,
        // `non_null` has taken it off.
        Type::Nullable(_) => return Err(Damaged),
    })
}

fn read_map(ty: &Type, bytes: &mut &[u8], depth: u32) -> Result<BTreeMap<Cell, Cell>, Damaged> {
    let (key_type, value_type) = entry(ty);
    let is_map = matches!(ty, Type::Map(..));
    let count = take_count(bytes)?;
    let mut pairs = BTreeMap::new();
    for _ in 0..count {
        let key = read_inside(key_type, bytes, depth)?;
        // Keys stand in order, each once.
        if pairs.last_key_value().is_some_and(|(last, _)| *last >= key) {
            return Err(Damaged);
        }
        let value = if is_map { read_inside(value_type, bytes, depth)? } else { Cell::Null };
        pairs.insert(key, value);
    }
    Ok(pairs)
}

fn take_decimal(bytes: &mut &[u8]) -> Result<Decimal, Damaged> {
    let raw: [u8; 16] = take(bytes, 16)?.try_into().map_err(|_| Damaged)?;
    let value = Decimal::deserialize(raw);
    // The library takes any bytes; those of a decimal read back the same.
    if value.scale() <= 28 && value.serialize() == raw { Ok(value) } else { Err(Damaged) }
}
