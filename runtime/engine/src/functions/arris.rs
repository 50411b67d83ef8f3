//! `std.arris`.

use jiff::tz::TimeZone;
use nsf_plan::field_id::{FieldId, FieldKind};

use crate::{
    cell::Cell,
    fault::Fallible,
    functions::{
        Builtin, Call,
        json::kind,
        json_scan::{elements, get, trimmed, unquoted},
        support::{argument, not_a, pure},
        zone::{midnight, zone},
    },
    instant,
    subscription::form::write_form,
    value::{Value, quoted},
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("link(text, text)", |call| Ok(call.new_record(&[call.value(0)?, call.value(1)?]))),
    pure("attachment(text, text)", |call| Ok(call.new_record(&[call.value(0)?, call.value(1)?]))),
    pure("arris_form(T)", |call| {
        let ty = call.ty(0)?;
        let cell = Cell::from_value(ty, call.value(0)?);
        Ok(call.new_json(|out| write_form(ty, &cell, &TimeZone::UTC, out)))
    }),
    pure("arris_values(json)", |call| {
        let values: Vec<Value<'_>> = values(call.json(0)?).into_iter().map(Value::Json).collect();
        Ok(call.new_list(&values))
    }),
    pure("arris_value(json)", |call| {
        Ok(match values(call.json(0)?).first() {
            Some(value) if *value != "null" => Value::Json(value),
            _ => Value::Null,
        })
    }),
    pure("arris_date(json, text)", arris_date),
    pure("field_id_parts(text)", |call| {
        let text = call.text(0)?;
        let digits = text.len() == 14 && text.bytes().all(|byte| byte.is_ascii_digit());
        let id = text.parse().ok().filter(|_| digits).and_then(FieldId::of_u64);
        let Some(id) = id else { return Err(not_a(text, "a field id of 14 digits")) };
        let number = |value: u32| Value::Integer(value.into());
        let kind = Value::Integer(i64::try_from(id.kind.code()).unwrap_or(0));
        Ok(call.new_record(&[kind, number(id.data_type.into()), number(id.dimension), number(id.number)]))
    }),
    pure("field_id(int64, int64, int64, int64)", field_id),
    pure("is_arris_id(text)", |call| Ok(Value::Bool(is_arris_id(call.text(0)?)))),
    pure("unique_id_day(text)", |call| {
        let text = call.text(0)?;
        let day = text.len().checked_sub(8).and_then(|start| text.get(start..)).and_then(compact_date);
        day.map(Value::Integer).ok_or_else(|| not_a(text, "a unique id that ends in a day, like `…20210828`"))
    }),
];

/// The values of a standard output form, or the one value without it.
fn values(text: &str) -> Vec<&str> {
    let text = trimmed(text);
    match kind(text) {
        "null" => Vec::new(),
        "object" => get(text, "val").map_or_else(|| vec![text], |values| elements(values).collect()),
        _ => vec![text],
    }
}

/// The first and the last moment (not included) of an Arris date: 2000-01-01 and 2100-01-01 in UTC.
const YEARS: std::ops::Range<i64> = 946_684_800_000..4_102_444_800_000;

fn arris_date<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let given = call.json(0)?;
    let zone = zone(call.text(1)?)?;
    let value = values(given).first().copied().unwrap_or("null");
    let written = if kind(value) == "text" { unquoted(value) } else { value.into() };
    let time = match moment(&written) {
        Some(Date::Moment(time)) => Some(time),
        Some(Date::Day(day)) => Some(midnight(&zone, day)?),
        None => None,
    };
    let Some(time) = time else {
        return Err(not_a(given, "a date: it is no number of seconds or milliseconds and no `2021-1-1`"));
    };
    if !YEARS.contains(&time) {
        let mut shown = Vec::new();
        instant::write_timestamp(time, &mut shown);
        let shown = String::from_utf8_lossy(&shown);
        return Err(argument(format!("the date {} means {shown}, outside the years 2000 to 2100", quoted(given))));
    }
    Ok(Value::Integer(time))
}

/// What a written date names.
enum Date {
    /// Milliseconds since 1970.
    Moment(i64),
    /// A day since 1970.
    Day(i64),
}

fn moment(text: &str) -> Option<Date> {
    if let Some(day) = calendar_date(text) {
        return Some(Date::Day(day));
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number: i64 = text.parse().ok()?;
    match text.len() {
        1..=11 => Some(Date::Moment(number * 1_000)),
        12..=14 => Some(Date::Moment(number)),
        _ => None,
    }
}

/// The day of `2021-1-1`.
fn calendar_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-').map(|part| {
        let digits = (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<i64>().ok().filter(|_| digits)
    });
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() { None } else { instant::days(year, month, day) }
}

/// The day of `20210828`.
fn compact_date(text: &str) -> Option<i64> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse().ok();
    instant::days(number(0..4)?, number(4..6)?, number(6..8)?)
}

fn field_id<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let part = |index: usize, name: &str, range: std::ops::RangeInclusive<i64>| {
        let value = call.integer(index)?;
        let (low, high) = (*range.start(), *range.end());
        let fits = u32::try_from(value).ok().filter(|_| range.contains(&value));
        fits.ok_or_else(|| argument(format!("the {name} of a field id is a number from {low} to {high}, not {value}")))
    };
    let kind = part(0, "kind", 1..=4)?;
    let data_type = part(1, "data type", 10..=39)?;
    let dimension = part(2, "dimension", 0..=9_999)?;
    let number = part(3, "number", 0..=999_999)?;
    let kind = FieldKind::of_code(kind.into()).ok_or_else(|| argument("there is no such kind of field"))?;
    let id = FieldId { kind, data_type: u8::try_from(data_type).unwrap_or(0), dimension, number };
    Ok(call.new_text(&id.to_string()))
}

/// Whether a text is the id of an ingest.
fn is_arris_id(text: &str) -> bool {
    let opaque = text.strip_prefix("ARRIS-f").unwrap_or("");
    (8..=40).contains(&text.len())
        && !opaque.is_empty()
        && opaque.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_read_by_its_digits() {
        let milliseconds = |text: &str| match moment(text) {
            Some(Date::Moment(time)) => Some(time),
            Some(Date::Day(day)) => Some(day * instant::DAY),
            None => None,
        };
        assert_eq!(milliseconds("1684627200"), Some(1_684_627_200_000));
        assert_eq!(milliseconds("1684627200000"), Some(1_684_627_200_000));
        assert_eq!(milliseconds("2021-1-1"), Some(1_609_459_200_000));
        for wrong in ["", "-5", "1.5", "2021-1", "2021-1-1-1", "2021-+1-1", "123456789012345", "2021-02-29", "null"] {
            assert_eq!(milliseconds(wrong), None, "{wrong}");
        }
    }
}
