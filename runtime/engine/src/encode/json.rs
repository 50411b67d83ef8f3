//! Values and cells as JSON, by the forms of [`crate::encode`].

use std::io::Write as _;

use nsf_plan::Type;
use rust_decimal::Decimal;

use crate::{
    cell::{Cell, element, entry, member},
    encode::{base64, escape},
    instant,
    value::Value,
};

/// Appends an integer.
#[inline]
pub fn write_integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a `uint64`.
#[inline]
pub fn write_unsigned(value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends a float in its shortest form that reads back the same; `12.0` for whole ones.
#[inline]
pub fn write_float(value: f64, out: &mut Vec<u8>) {
    if !write_tenths(value, out) {
        out.extend_from_slice(zmij::Buffer::new().format_finite(value).as_bytes());
    }
}

/// Appends a float that has at most one place after its point, as many have; false where it is another. A number of
/// tenths below 10^15 that reads back the same is the shortest form, because two numbers of so few digits never are
/// one float.
#[inline]
fn write_tenths(value: f64, out: &mut Vec<u8>) -> bool {
    if !(value < 1e14 && value.is_sign_positive()) {
        return false;
    }
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let tenths = (value * 10.0 + 0.5) as u64;
    if tenths as f64 / 10.0 != value {
        return false;
    }
    write_unsigned(tenths / 10, out);
    out.extend_from_slice(&[b'.', b'0' + (tenths % 10) as u8]);
    true
}

/// Appends a `float32` in its shortest form that reads back as the same `float32`.
#[inline]
pub fn write_single(value: f64, out: &mut Vec<u8>) {
    #[allow(clippy::cast_possible_truncation)]
    let single = value as f32;
    out.extend_from_slice(zmij::Buffer::new().format_finite(single).as_bytes());
}

/// Appends `true` or `false`.
#[inline]
pub fn write_bool(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends a text in quotes, with escapes.
#[inline]
pub fn write_text(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    escape::write(text, out);
    out.push(b'"');
}

/// Appends a decimal with all its digits.
pub fn write_decimal(value: Decimal, out: &mut Vec<u8>) {
    // Writing to a `Vec` cannot fail.
    let _ = write!(out, "{value}");
}

/// Appends an integer of a type that may be a point or span of time.
fn write_integer_of(ty: &Type, value: i64, out: &mut Vec<u8>) {
    match ty.non_null() {
        Type::Timestamp => quoted(out, |out| instant::write_timestamp(value, out)),
        Type::Date => quoted(out, |out| instant::write_date(value, out)),
        Type::Select(inner) => write_integer_of(inner, value, out),
        _ => write_integer(value, out),
    }
}

fn write_float_of(ty: &Type, value: f64, out: &mut Vec<u8>) {
    match ty.non_null() {
        Type::Float32 => write_single(value, out),
        Type::Select(inner) => write_float_of(inner, value, out),
        _ => write_float(value, out),
    }
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

/// Appends the JSON form of a value.
pub fn write_value(ty: &Type, value: Value<'_>, out: &mut Vec<u8>) {
    let ty = ty.non_null();
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(value) => write_bool(value, out),
        Value::Integer(value) => write_integer_of(ty, value, out),
        Value::Unsigned(value) => write_unsigned(value, out),
        Value::Float(value) => write_float_of(ty, value, out),
        Value::Decimal(value) => write_decimal(value, out),
        Value::Text(text) => write_text(text, out),
        Value::Bytes(bytes) => quoted(out, |out| base64::encode(bytes, out)),
        Value::Json(text) => out.extend_from_slice(text.as_bytes()),
        Value::List(items) => {
            let item = element(ty);
            write_list(items.iter(), out, |value, out| write_value(item, *value, out));
        }
        Value::Map(pairs) => {
            let (key_type, value_type) = entry(ty);
            let pairs = pairs.iter();
            if is_composite(key_type) {
                write_list(pairs, out, |pair, out| {
                    write_pair(
                        out,
                        |out| write_value(key_type, pair.0, out),
                        |out| write_value(value_type, pair.1, out),
                    );
                });
            } else {
                write_object(pairs, out, |pair, out| {
                    write_key(out, |out| write_value(key_type, pair.0, out));
                    write_value(value_type, pair.1, out);
                });
            }
        }
        Value::Record(values) => {
            write_object(values.iter().enumerate(), out, |(index, value), out| {
                write_text(member_name(ty, index), out);
                out.push(b':');
                write_value(member(ty, index), *value, out);
            });
        }
    }
}

/// Appends the JSON form of a cell.
pub fn write_cell(ty: &Type, cell: &Cell, out: &mut Vec<u8>) {
    let ty = ty.non_null();
    match cell {
        Cell::Null => out.extend_from_slice(b"null"),
        Cell::Bool(value) => write_bool(*value, out),
        Cell::Integer(value) => write_integer_of(ty, *value, out),
        Cell::Unsigned(value) => write_unsigned(*value, out),
        Cell::Float(value) => write_float_of(ty, *value, out),
        Cell::Decimal(value) => write_decimal(*value, out),
        Cell::Text(text) => write_text(text, out),
        Cell::Bytes(bytes) => quoted(out, |out| base64::encode(bytes, out)),
        Cell::Json(text) => out.extend_from_slice(text.as_bytes()),
        Cell::List(items) => {
            let item = element(ty);
            write_list(items.iter(), out, |cell, out| write_cell(item, cell, out));
        }
        Cell::Map(pairs) if matches!(ty, Type::Map(..)) => {
            let (key_type, value_type) = entry(ty);
            if is_composite(key_type) {
                write_list(pairs.iter(), out, |pair, out| {
                    write_pair(out, |out| write_cell(key_type, pair.0, out), |out| write_cell(value_type, pair.1, out));
                });
            } else {
                write_object(pairs.iter(), out, |pair, out| {
                    write_key(out, |out| write_cell(key_type, pair.0, out));
                    write_cell(value_type, pair.1, out);
                });
            }
        }
        Cell::Map(items) => {
            let item = element(ty);
            write_list(items.keys(), out, |cell, out| write_cell(item, cell, out));
        }
        Cell::Record(cells) => {
            write_object(cells.iter().enumerate(), out, |(index, cell), out| {
                write_text(member_name(ty, index), out);
                out.push(b':');
                write_cell(member(ty, index), cell, out);
            });
        }
    }
}

/// The name of a record's member, as it is written.
#[must_use]
pub fn member_name(ty: &Type, index: usize) -> &str {
    match ty.non_null() {
        Type::Record(members) => members.get(index).map_or("", |member| member.0.as_str()),
        _ if index == 0 => "name",
        _ => "url",
    }
}

/// Whether values of a type cannot be an object's member names.
fn is_composite(ty: &Type) -> bool {
    match ty {
        Type::Select(inner) => is_composite(inner),
        Type::List(_)
        | Type::Set(_)
        | Type::Multi(_)
        | Type::Map(..)
        | Type::Record(_)
        | Type::Link
        | Type::Attachment
        | Type::Json
        | Type::Nullable(_) => true,
        _ => false,
    }
}

fn write_list<T>(items: impl Iterator<Item = T>, out: &mut Vec<u8>, mut write: impl FnMut(T, &mut Vec<u8>)) {
    out.push(b'[');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn write_object<T>(items: impl Iterator<Item = T>, out: &mut Vec<u8>, mut write: impl FnMut(T, &mut Vec<u8>)) {
    out.push(b'{');
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b'}');
}

fn write_pair(out: &mut Vec<u8>, key: impl FnOnce(&mut Vec<u8>), value: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'[');
    key(out);
    out.push(b',');
    value(out);
    out.push(b']');
}

/// Appends a map's key and its colon: a key that is not a text gets quotes around its JSON form.
fn write_key(out: &mut Vec<u8>, key: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    key(out);
    if out.get(start) != Some(&b'"') {
        out.insert(start, b'"');
        out.push(b'"');
    }
    out.push(b':');
}
