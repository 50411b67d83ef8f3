//! Keys as bytes: injective, and ordered as the values are, part by part.
//!
//! Every part begins with a byte for its kind, so that a null is before everything. Integers are eight bytes with the
//! sign bit turned; floats likewise with negative ones turned whole; texts and bytes end in `00 00`, and a `00` in them
//! is written `00 FF`, so that no text is the beginning of another; lists, maps and records hold their parts between a
//! begin and an end that is less than any part.

use nsf_plan::{IntegerWidth, Type};
use rust_decimal::Decimal;

use crate::{
    cell::{Cell, element, entry, member},
    encode::cell::Damaged,
    value::Value,
};

const END: u8 = 0;
const NULL: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const INTEGER: u8 = 4;
const UNSIGNED: u8 = 5;
const FLOAT: u8 = 6;
const DECIMAL: u8 = 7;
const TEXT: u8 = 8;
const BYTES: u8 = 9;
const LIST: u8 = 10;
const MAP: u8 = 11;
const RECORD: u8 = 12;
const JSON: u8 = 13;

/// Appends an integer.
#[inline]
pub fn write_integer(value: i64, out: &mut Vec<u8>) {
    let mut bytes = [INTEGER; 9];
    bytes[1..].copy_from_slice(&(value ^ i64::MIN).to_be_bytes());
    out.extend_from_slice(&bytes);
}

fn write_unsigned(value: u64, out: &mut Vec<u8>) {
    out.push(UNSIGNED);
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends a text.
#[inline]
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(TEXT);
    write_run(text.as_bytes(), out);
}

fn write_float(value: f64, out: &mut Vec<u8>) {
    // The two zeros are one value.
    let bits = (value + 0.0).to_bits();
    let turned = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
    out.push(FLOAT);
    out.extend_from_slice(&turned.to_be_bytes());
}

fn read_float(turned: u64) -> f64 {
    f64::from_bits(if turned >> 63 == 1 { turned & !(1 << 63) } else { !turned })
}

/// How many digits a decimal can have after its point.
const SCALE: u32 = 28;

/// A decimal as its whole part and its fraction in units of 10^-28, both rounded down, so that the fraction is positive.
fn write_decimal(value: Decimal, out: &mut Vec<u8>) {
    let whole = value.floor();
    // Both are exact: the fraction has at most 28 digits.
    let fraction = (value - whole).normalize();
    let scaled = fraction.mantissa() * 10_i128.pow(SCALE - fraction.scale());
    out.push(DECIMAL);
    out.extend_from_slice(&(whole.normalize().mantissa() ^ i128::MIN).to_be_bytes());
    out.extend_from_slice(&scaled.to_be_bytes());
}

fn write_run(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(0, rest) {
        out.extend_from_slice(&rest[..=at]);
        out.push(0xFF);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.extend_from_slice(&[0, 0]);
}

/// Appends one part of a key.
pub fn write_part(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(NULL),
        Value::Bool(value) => out.push(if value { TRUE } else { FALSE }),
        Value::Integer(value) => write_integer(value, out),
        Value::Unsigned(value) => write_unsigned(value, out),
        Value::Float(value) => write_float(value, out),
        Value::Decimal(value) => write_decimal(value, out),
        Value::Text(text) => write_text(text, out),
        Value::Json(text) => {
            out.push(JSON);
            write_run(text.as_bytes(), out);
        }
        Value::Bytes(bytes) => {
            out.push(BYTES);
            write_run(bytes, out);
        }
        Value::List(items) => write_parts(LIST, items.iter(), out, |item, out| write_part(*item, out)),
        Value::Record(members) => write_parts(RECORD, members.iter(), out, |member, out| write_part(*member, out)),
        Value::Map(pairs) => write_parts(MAP, pairs.iter(), out, |pair, out| {
            write_part(pair.0, out);
            write_part(pair.1, out);
        }),
    }
}

/// Appends one part of a key from a cell of a type; the bytes are those of the same value.
pub fn write_cell_part(ty: &Type, cell: &Cell, out: &mut Vec<u8>) {
    match cell {
        Cell::Null => out.push(NULL),
        Cell::Bool(value) => write_part(Value::Bool(*value), out),
        Cell::Integer(value) => write_integer(*value, out),
        Cell::Unsigned(value) => write_unsigned(*value, out),
        Cell::Float(value) => write_float(*value, out),
        Cell::Decimal(value) => write_decimal(*value, out),
        Cell::Text(text) => write_text(text, out),
        Cell::Json(text) => write_part(Value::Json(text), out),
        Cell::Bytes(bytes) => write_part(Value::Bytes(bytes), out),
        Cell::List(items) => write_parts(LIST, items.iter(), out, |item, out| write_cell_part(element(ty), item, out)),
        Cell::Record(members) => write_parts(RECORD, members.iter().enumerate(), out, |(index, cell), out| {
            write_cell_part(member(ty, index), cell, out);
        }),
        Cell::Map(pairs) if matches!(plain(ty), Type::Map(..)) => {
            let (key, value) = entry(ty);
            write_parts(MAP, pairs.iter(), out, |pair, out| {
                write_cell_part(key, pair.0, out);
                write_cell_part(value, pair.1, out);
            });
        }
        Cell::Map(items) => write_parts(LIST, items.keys(), out, |item, out| write_cell_part(element(ty), item, out)),
    }
}

fn write_parts<T>(kind: u8, parts: impl Iterator<Item = T>, out: &mut Vec<u8>, mut write: impl FnMut(T, &mut Vec<u8>)) {
    out.push(kind);
    parts.for_each(|part| write(part, out));
    out.push(END);
}

fn take<'b>(bytes: &mut &'b [u8], count: usize) -> Result<&'b [u8], Damaged> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(Damaged)?;
    *bytes = rest;
    Ok(taken)
}

fn take_byte(bytes: &mut &[u8]) -> Result<u8, Damaged> {
    take(bytes, 1).map(|taken| taken[0])
}

fn take_long(bytes: &mut &[u8]) -> Result<u64, Damaged> {
    take(bytes, 8)?.try_into().map(u64::from_be_bytes).map_err(|_| Damaged)
}

fn take_wide(bytes: &mut &[u8]) -> Result<i128, Damaged> {
    take(bytes, 16)?.try_into().map(i128::from_be_bytes).map_err(|_| Damaged)
}

fn take_run(bytes: &mut &[u8]) -> Result<Vec<u8>, Damaged> {
    let mut run = Vec::new();
    loop {
        let at = memchr::memchr(0, bytes).ok_or(Damaged)?;
        run.extend_from_slice(take(bytes, at)?);
        match take(bytes, 2)? {
            [0, 0xFF] => run.push(0),
            [0, 0] => return Ok(run),
            _ => return Err(Damaged),
        }
    }
}

fn take_text(bytes: &mut &[u8]) -> Result<Box<str>, Damaged> {
    String::from_utf8(take_run(bytes)?).map(Into::into).map_err(|_| Damaged)
}

fn take_decimal(bytes: &mut &[u8]) -> Result<Decimal, Damaged> {
    let whole = take_wide(bytes)? ^ i128::MIN;
    let scaled = take_wide(bytes)?;
    let whole = Decimal::try_from_i128_with_scale(whole, 0).map_err(|_| Damaged)?;
    let fraction = Decimal::try_from_i128_with_scale(scaled, SCALE).map_err(|_| Damaged)?.normalize();
    whole.checked_add(fraction).ok_or(Damaged)
}

/// Reads one part of a key from the front of `bytes`.
///
/// # Errors
/// The bytes are not such a part.
pub fn read_part(ty: &Type, bytes: &mut &[u8]) -> Result<Cell, Damaged> {
    let (ty, nullable) = (plain(ty), ty.is_nullable());
    let kind = take_byte(bytes)?;
    Ok(match (kind, ty) {
        (NULL, _) if nullable => Cell::Null,
        (FALSE, Type::Bool) => Cell::Bool(false),
        (TRUE, Type::Bool) => Cell::Bool(true),
        (UNSIGNED, Type::Integer(IntegerWidth::UInt64)) => Cell::Unsigned(take_long(bytes)?),
        (INTEGER, Type::Integer(_) | Type::Timestamp | Type::Date | Type::Duration) => {
            Cell::Integer(take_long(bytes)?.cast_signed() ^ i64::MIN)
        }
        (FLOAT, Type::Float32 | Type::Float64) => {
            let value = read_float(take_long(bytes)?);
            if value.is_nan() {
                return Err(Damaged);
            }
            Cell::Float(value)
        }
        (DECIMAL, Type::Decimal) => Cell::Decimal(take_decimal(bytes)?),
        (TEXT, Type::Text) => Cell::Text(take_text(bytes)?),
        (JSON, Type::Json) => Cell::Json(take_text(bytes)?),
        (BYTES, Type::Bytes) => Cell::Bytes(take_run(bytes)?.into()),
        (LIST, Type::List(item)) => Cell::List(until_end(bytes, |bytes| read_part(item, bytes))?),
        (LIST, Type::Set(_) | Type::Multi(_)) => {
            let item = element(ty);
            Cell::Map(until_end(bytes, |bytes| Ok((read_part(item, bytes)?, Cell::Null)))?.into_iter().collect())
        }
        (MAP, Type::Map(..)) => {
            let (key, value) = entry(ty);
            let pairs = until_end(bytes, |bytes| Ok((read_part(key, bytes)?, read_part(value, bytes)?)))?;
            Cell::Map(pairs.into_iter().collect())
        }
        (RECORD, Type::Record(_) | Type::Link | Type::Attachment) => {
            let mut index = 0;
            let members = until_end(bytes, |bytes| {
                index += 1;
                read_part(member(ty, index - 1), bytes)
            })?;
            Cell::Record(members.into())
        }
        _ => return Err(Damaged),
    })
}

/// A type without what does not change its bytes.
fn plain(ty: &Type) -> &Type {
    match ty {
        Type::Nullable(inner) | Type::Select(inner) => plain(inner),
        other => other,
    }
}

fn until_end<T>(bytes: &mut &[u8], mut read: impl FnMut(&mut &[u8]) -> Result<T, Damaged>) -> Result<Vec<T>, Damaged> {
    let mut parts = Vec::new();
    while bytes.first() != Some(&END) {
        parts.push(read(bytes)?);
    }
    take_byte(bytes)?;
    Ok(parts)
}
