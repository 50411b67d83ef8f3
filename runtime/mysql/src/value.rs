//! Values of columns as JSON, in the forms of the engine, and cells as bound values.

use mysql::Value;
use nsf_engine::{
    cell::Cell,
    encode::{base64, json},
    instant,
};
use nsf_plan::Type;

use crate::column::Family;

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Appends the JSON of a column's value for a type.
///
/// # Errors
/// What the value is, where it is none of the type.
pub(crate) fn write_json(family: Family, kind: &str, value: &Value, out: &mut Vec<u8>) -> Result<(), String> {
    match (value, family) {
        (Value::NULL, _) => out.extend_from_slice(b"null"),
        (Value::Int(value), Family::Bool) => json::write_bool(*value != 0, out),
        (Value::UInt(value), Family::Bool) => json::write_bool(*value != 0, out),
        (Value::Int(value), _) => json::write_integer(*value, out),
        (Value::UInt(value), _) => json::write_unsigned(*value, out),
        (Value::Float(value), Family::Double | Family::Single) if value.is_finite() => {
            json::write_single(f64::from(*value), out);
        }
        (Value::Double(value), Family::Double | Family::Single) if value.is_finite() => json::write_float(*value, out),
        (Value::Date(0, ..) | Value::Date(_, 0, ..) | Value::Date(_, _, 0, ..), _) => out.extend_from_slice(b"null"),
        (Value::Date(year, month, day, ..), Family::Date) => {
            let days = days(*year, *month, *day)?;
            quoted(out, |out| instant::write_date(days, out));
        }
        (Value::Date(year, month, day, hour, minute, second, micros), Family::Timestamp) => {
            let days = days(*year, *month, *day)?;
            let seconds = i64::from(*hour) * 3600 + i64::from(*minute) * 60 + i64::from(*second);
            let milliseconds = days * DAY + seconds * 1000 + i64::from(*micros) / 1000;
            quoted(out, |out| instant::write_timestamp(milliseconds, out));
        }
        (Value::Time(negative, days, hours, minutes, seconds, micros), Family::Duration) => {
            let seconds = i64::from(*hours) * 3600 + i64::from(*minutes) * 60 + i64::from(*seconds);
            let span = i64::from(*days) * DAY + seconds * 1000 + i64::from(*micros) / 1000;
            json::write_integer(if *negative { -span } else { span }, out);
        }
        (Value::Bytes(bytes), _) => return write_bytes(family, kind, bytes, out),
        _ => return Err(format!("a value of `{kind}`")),
    }
    Ok(())
}

fn write_bytes(family: Family, kind: &str, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    if kind == "bit" {
        let number = bytes.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        match family {
            Family::Bool => json::write_bool(number != 0, out),
            _ => json::write_unsigned(number, out),
        }
        return Ok(());
    }
    if family == Family::Bytes {
        quoted(out, |out| base64::encode(bytes, out));
        return Ok(());
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "bytes that are no UTF-8".to_owned())?;
    match family {
        Family::Json => {
            let raw: &serde_json::value::RawValue =
                serde_json::from_str(text).map_err(|_| "a text that is no JSON".to_owned())?;
            out.extend_from_slice(raw.get().as_bytes());
        }
        // The digits of the server are a number of JSON as they are.
        Family::Decimal | Family::Single | Family::Double | Family::Signed | Family::Unsigned => {
            let number = text.strip_prefix('+').unwrap_or(text);
            serde_json::from_str::<&serde_json::value::RawValue>(number).map_err(|_| "no number".to_owned())?;
            out.extend_from_slice(number.as_bytes());
        }
        _ => json::write_text(text, out),
    }
    Ok(())
}

fn days(year: u16, month: u8, day: u8) -> Result<i64, String> {
    instant::days(year.into(), month.into(), day.into()).ok_or_else(|| "no day of the calendar".to_owned())
}

fn quoted(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    write(out);
    out.push(b'"');
}

/// A cell of a type as a bound value for a column of a kind; NULL where the column cannot hold it.
pub(crate) fn bound(ty: &Type, kind: &str, cell: &Cell) -> Value {
    let family = Family::of(ty);
    match (cell, family) {
        (Cell::Null, _) => Value::NULL,
        (Cell::Bool(value), _) => Value::Int(i64::from(*value)),
        (Cell::Integer(value), Family::Date) if kind == "date" => date(*value, 0),
        (Cell::Integer(value), Family::Timestamp) if matches!(kind, "datetime" | "timestamp") => {
            date(value.div_euclid(DAY), value.rem_euclid(DAY))
        }
        (Cell::Integer(value), Family::Duration) if kind == "time" => span(*value),
        (Cell::Integer(value), Family::Date | Family::Timestamp | Family::Duration) if !is_whole(kind) => {
            text_of(family, *value)
        }
        (Cell::Integer(value), _) => Value::Int(*value),
        (Cell::Unsigned(value), _) => Value::UInt(*value),
        #[allow(clippy::cast_possible_truncation)]
        (Cell::Float(value), Family::Single) if (*value as f32).is_finite() => Value::Float(*value as f32),
        (Cell::Float(value), Family::Double) if value.is_finite() => Value::Double(*value),
        (Cell::Float(_), _) => Value::NULL,
        (Cell::Decimal(value), _) => Value::Bytes(value.to_string().into_bytes()),
        (Cell::Text(text), _) => Value::Bytes(text.as_bytes().to_vec()),
        (Cell::Bytes(bytes), _) => Value::Bytes(bytes.to_vec()),
        (cell, _) => {
            let mut text = Vec::new();
            json::write_cell(ty, cell, &mut text);
            Value::Bytes(text)
        }
    }
}

fn is_whole(kind: &str) -> bool {
    matches!(kind, "tinyint" | "smallint" | "mediumint" | "int" | "bigint")
}

/// A day, or none where servers have no such day.
fn date(days: i64, milliseconds: i64) -> Value {
    let (year, month, day) = instant::civil(days);
    let (Ok(year @ 1..=9999), Ok(month), Ok(day)) = (u16::try_from(year), u8::try_from(month), u8::try_from(day))
    else {
        return Value::NULL;
    };
    let part = |of: i64, most: i64| u8::try_from(milliseconds / of % most).unwrap_or(0);
    let micros = u32::try_from(milliseconds % 1000 * 1000).unwrap_or(0);
    Value::Date(year, month, day, part(3_600_000, 24), part(60_000, 60), part(1000, 60), micros)
}

fn span(milliseconds: i64) -> Value {
    let length = milliseconds.unsigned_abs();
    let part = |of: u64, most: u64| u8::try_from(length / of % most).unwrap_or(0);
    let days = u32::try_from(length / 86_400_000).unwrap_or(u32::MAX);
    let micros = u32::try_from(length % 1000 * 1000).unwrap_or(0);
    Value::Time(milliseconds < 0, days, part(3_600_000, 24), part(60_000, 60), part(1000, 60), micros)
}

fn text_of(family: Family, value: i64) -> Value {
    let mut text = Vec::new();
    match family {
        Family::Date => instant::write_date(value, &mut text),
        Family::Timestamp => instant::write_timestamp(value, &mut text),
        _ => {
            let mut words = String::new();
            instant::write_duration(value, &mut words);
            text = words.into_bytes();
        }
    }
    Value::Bytes(text)
}
