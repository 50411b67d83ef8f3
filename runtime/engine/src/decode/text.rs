//! Values of scalar types from plain text: CSV cells, headers, keys of messages and of maps, `format: text`.
//!
//! Numbers are written as in JSON (a leading `+` and blanks around are taken too), `bool` as `true` or `false`,
//! `timestamp` and `date` as in JSON or as a number, `duration` as a number of milliseconds or as in programs
//! (`1h30min`), `bytes` in base64, every other type as its JSON text.

use bumpalo::Bump;

use crate::{
    decode::{
        scan::Cursor,
        shape::{self, Form, Read, Reader, Shape, misfit, named},
    },
    encode::base64,
    instant,
    value::{Value, quoted},
};

/// Reads a text as a value of a shape.
///
/// # Errors
/// It is not one.
pub fn value<'b>(shape: &Shape, content: &'b str, arena: &'b Bump) -> Read<Value<'b>> {
    match &shape.form {
        Form::Text => return Ok(Value::Text(content)),
        Form::Json | Form::List(_) | Form::Set(_) | Form::Map(..) | Form::Record(_) => {
            return json(shape, content, arena);
        }
        _ => {}
    }
    let trimmed = content.trim();
    let found = match &shape.form {
        Form::Bool => match trimmed {
            "true" => Some(Value::Bool(true)),
            "false" => Some(Value::Bool(false)),
            _ => None,
        },
        Form::Timestamp => instant::parse_timestamp(trimmed).map(Value::Integer),
        Form::Date => instant::parse_date(trimmed).map(Value::Integer),
        Form::Duration => instant::parse_duration(trimmed).map(Value::Integer),
        Form::Bytes => base64::decode(trimmed, arena).map(Value::Bytes),
        _ => None,
    };
    if let Some(value) = found {
        return Ok(value);
    }
    let plain = trimmed.strip_prefix('+').unwrap_or(trimmed);
    if matches!(shape.form, Form::Bool | Form::Bytes | Form::Date) || !super::number::is_number(plain) {
        return Err(misfit(format!("must be {}, but is the text {}", named(&shape.ty), quoted(content))));
    }
    shape::number(shape, plain)
}

fn json<'b>(shape: &Shape, content: &'b str, arena: &'b Bump) -> Read<Value<'b>> {
    let mut cursor = Cursor::new(content);
    let mut reader = Reader { arena, lenient: false, strict: false, conversions: &mut 0 };
    let value = reader.value(shape, &mut cursor, 0)?;
    cursor.end()?;
    Ok(value)
}
