//! `std.time`.

use jiff::{Span, civil, fmt::strtime};

use crate::{
    fault::Fallible,
    functions::{
        Builtin, Call,
        json::kind,
        json_scan::{trimmed, unquoted},
        support::{argument, conversion, impure, not_a, overflow, pure},
        zone::{beyond, civil_date, day, day_of, known, local, midnight, moment, of_local, offset, zone, zoned},
    },
    instant::{self, DAY},
    value::{Value, quoted},
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("now()", |call| Ok(Value::Integer(call.now))),
    impure("clock()", |call| Ok(Value::Integer(call.clock.unwrap_or_else(|| jiff::Timestamp::now().as_millisecond())))),
    pure("timestamp(int64)", |call| call.value(0)),
    pure("timestamp(text)", |call| timestamp_of(call.text(0)?)),
    pure("timestamp(text, text)", |call| {
        let text = call.text(0)?;
        let shown = instant::parse_date(text).and_then(|days| days.checked_mul(DAY));
        let shown = shown.or_else(|| instant::parse_timestamp(&format!("{text}Z")));
        let Some(shown) = shown else {
            return Err(not_a(text, "a time without a zone, like `2023-05-21 08:00:00`"));
        };
        Ok(Value::Integer(of_local(&zone(call.text(1)?)?, shown)?))
    }),
    pure("timestamp(date, text)", |call| Ok(Value::Integer(midnight(&zone(call.text(1)?)?, call.integer(0)?)?))),
    pure("timestamp(json)", |call| {
        let text = trimmed(call.json(0)?);
        if kind(text) == "text" { timestamp_of(&unquoted(text)) } else { milliseconds(text, "a `timestamp`") }
    }),
    pure("date(timestamp, text)", |call| Ok(Value::Integer(day(local(&zone(call.text(1)?)?, call.integer(0)?)?)))),
    pure("date(text)", |call| date_of(call.text(0)?)),
    pure("date(int64, int64, int64)", |call| {
        let (year, month, day) = (call.integer(0)?, call.integer(1)?, call.integer(2)?);
        let days =
            Some(year).filter(|year| year.unsigned_abs() <= LAST_YEAR).and_then(|year| instant::days(year, month, day));
        let none = || argument(format!("there is no day {day} in month {month} of the year {year}"));
        days.map(Value::Integer).ok_or_else(none)
    }),
    pure("date(json)", |call| {
        let text = trimmed(call.json(0)?);
        if kind(text) == "text" { date_of(&unquoted(text)) } else { Err(not_a(text, "a `date`: it is no JSON text")) }
    }),
    pure("duration(int64)", |call| call.value(0)),
    pure("duration(text)", |call| duration_of(call.text(0)?)),
    pure("duration(json)", |call| {
        let text = trimmed(call.json(0)?);
        if kind(text) == "text" { duration_of(&unquoted(text)) } else { milliseconds(text, "a `duration`") }
    }),
    pure("hour(timestamp, text)", |call| clock_part(call, 3_600_000, 24)),
    pure("minute(timestamp, text)", |call| clock_part(call, 60_000, 60)),
    pure("second(timestamp)", |call| Ok(Value::Integer(call.integer(0)?.div_euclid(1_000).rem_euclid(60)))),
    pure("offset(timestamp, text)", |call| {
        Ok(Value::Integer(offset(&zone(call.text(1)?)?, call.integer(0)?)? * 1_000))
    }),
    pure("is_zone(text)", |call| Ok(Value::Bool(known(call.text(0)?).is_some()))),
    pure("add_days(timestamp, int64, text)", |call| {
        let days = call.integer(1)?;
        moved(call, Span::new().try_days(days).ok())
    }),
    pure("add_months(timestamp, int64, text)", |call| {
        let months = call.integer(1)?;
        moved(call, Span::new().try_months(months).ok())
    }),
    pure("start_of_day(timestamp, text)", |call| {
        let zone = zone(call.text(1)?)?;
        Ok(Value::Integer(midnight(&zone, day(local(&zone, call.integer(0)?)?))?))
    }),
    pure("truncate(timestamp, duration)", |call| {
        let (time, length) = (call.integer(0)?, span(call)?);
        let start = time.checked_sub(time.rem_euclid(length));
        start
            .map(Value::Integer)
            .ok_or_else(|| overflow("the start of the span lies before the first time that there is"))
    }),
    pure("truncate(duration, duration)", |call| {
        let (duration, length) = (call.integer(0)?, span(call)?);
        Ok(Value::Integer(duration - duration % length))
    }),
    pure("format_time(timestamp, text, text)", |call| {
        let format = call.text(1)?;
        let zoned = zoned(zone(call.text(2)?)?, call.integer(0)?)?;
        strtime::format(format, &zoned).map(|text| call.new_text(&text)).map_err(|_| bad_format(format, "a time"))
    }),
    pure("parse_time(text, text, text)", parse_time),
    pure("format_date(date, text)", |call| {
        let (date, format) = (civil_date(call.integer(0)?)?, call.text(1)?);
        strtime::format(format, date).map(|text| call.new_text(&text)).map_err(|_| bad_format(format, "a date"))
    }),
    pure("parse_date(text, text)", |call| {
        let (text, format) = (call.text(0)?, call.text(1)?);
        let date = strtime::parse(format, text).and_then(|parts| parts.to_date()).ok().and_then(day_of);
        date.map(Value::Integer).ok_or_else(|| bad_text(text, format, "a date"))
    }),
];

/// The last year of the calendar, before and after the beginning of years.
const LAST_YEAR: u64 = 999_999_999;

fn timestamp_of<'b>(text: &str) -> Fallible<Value<'b>> {
    let time = instant::parse_timestamp(text);
    time.map(Value::Integer).ok_or_else(|| not_a(text, "a time with a zone, like `2023-05-21T08:00:00+08:00`"))
}

fn date_of<'b>(text: &str) -> Fallible<Value<'b>> {
    instant::parse_date(text).map(Value::Integer).ok_or_else(|| not_a(text, "a date, like `2023-05-21`"))
}

fn duration_of<'b>(text: &str) -> Fallible<Value<'b>> {
    instant::parse_duration(text).map(Value::Integer).ok_or_else(|| not_a(text, "a duration, like `1h30min`"))
}

/// The milliseconds that a JSON number says.
fn milliseconds<'b>(text: &str, what: &str) -> Fallible<Value<'b>> {
    let number = super::digits::Written::read(text).and_then(|number| number.whole());
    let number = number.and_then(|number| i64::try_from(number).ok());
    number
        .map(Value::Integer)
        .ok_or_else(|| not_a(text, &format!("{what}: it is no JSON text and no number of milliseconds")))
}

/// A part of what the clocks of a zone show.
fn clock_part<'b>(call: &Call<'_, 'b>, length: i64, most: i64) -> Fallible<Value<'b>> {
    let shown = local(&zone(call.text(1)?)?, call.integer(0)?)?;
    Ok(Value::Integer(shown.div_euclid(length).rem_euclid(most)))
}

/// A time moved by calendar units on the clocks of a zone.
fn moved<'b>(call: &Call<'_, 'b>, span: Option<Span>) -> Fallible<Value<'b>> {
    let from = zoned(zone(call.text(2)?)?, call.integer(0)?)?;
    let to = span.and_then(|span| from.checked_add(span).ok()).ok_or_else(beyond)?;
    Ok(Value::Integer(to.timestamp().as_millisecond()))
}

/// A length that time is cut into.
fn span(call: &Call<'_, '_>) -> Fallible<i64> {
    let length = call.integer(1)?;
    if length > 0 { Ok(length) } else { Err(argument("`truncate` needs a length above `0s`")) }
}

fn bad_format(format: &str, what: &str) -> Box<crate::fault::Fault> {
    argument(format!("{} is no format of {what}: it names something that {what} does not have", quoted(format)))
}

fn bad_text(text: &str, format: &str, what: &str) -> Box<crate::fault::Fault> {
    conversion(format!("{} is not {what} in the format {}", quoted(text), quoted(format)))
}

fn parse_time<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (text, format) = (call.text(0)?, call.text(1)?);
    let bad = || bad_text(text, format, "a time");
    let parts = strtime::parse(format, text).map_err(|_| bad())?;
    // An offset in the text says which moment is meant; without one the zone does.
    if let Ok(time) = parts.to_timestamp() {
        return Ok(Value::Integer(time.as_millisecond()));
    }
    let date = parts.to_date().map_err(|_| bad())?;
    let time = parts.to_time().unwrap_or(civil::Time::midnight());
    let shown = jiff::tz::TimeZone::UTC.to_timestamp(date.to_datetime(time)).map_err(|_| bad())?;
    let time = of_local(&zone(call.text(2)?)?, shown.as_millisecond())?;
    moment(time)?;
    Ok(Value::Integer(time))
}
