//! From a raw member to a value of the type that is due.
//!
//! | type | taken as it is | with `coerce: lenient` also, and counted |
//! |---|---|---|
//! | `bool` | `true`, `false` | 0, 1, `"0"`, `"1"`, `"true"`, `"false"` |
//! | integers, floats, `decimal` | a number | a number in quotes |
//! | `text` | a text | |
//! | `timestamp` | RFC 3339 with a zone; a number of up to 11 digits in seconds, of 12 to 14 in milliseconds | the number in quotes; `"2021-1-1"`, midnight in the tenant's zone |
//! | `date` | `"2021-01-01"` | `"2021-1-1"`; a number as for `timestamp`: the day in the tenant's zone |
//! | `duration` | a number of milliseconds | the number in quotes |
//! | `list<T>`, `set<T>`, `multi<T>` | a list | one value where a list is due |
//! | `link`, `attachment` | `{"name": …, "url": …}` | the standard form, `{"val":[name],"link":[url]}` |
//! | `json` | anything | |
//! | others | as in [`crate::encode`] | |
//!
//! Lenient, `{"val":[…]}` stands for its one value, or for its values where a list is due. A time given as a number
//! must lie in 2000 to 2100. A number is never taken for a text.

use bumpalo::{Bump, collections::Vec as ArenaVec};
use jiff::{Timestamp, civil, tz::TimeZone};
use nsf_plan::{Coerce, IntegerWidth, Type};

use crate::{
    decode::{
        number::{self, Whole},
        scan::Cursor,
        value_from_json,
    },
    fault::{Fallible, Fault, FaultCode},
    instant,
    value::Value,
};

use super::envelope::{each_element, each_member, raw as take_raw};

/// The first and last millisecond of a time that is given as a number: the years 2000 to 2100.
const TIMES: std::ops::Range<i64> = 946_684_800_000..4_133_980_800_000;

/// How much of a wrong value a message shows, in characters.
const SHOWN: usize = 60;

/// Converts the members of one message.
pub(super) struct Converter<'c, 'b> {
    pub coerce: Coerce,
    /// The tenant's.
    pub zone: &'c TimeZone,
    pub arena: &'b Bump,
    /// Whether the value that was last converted was not taken as it was.
    pub converted: bool,
}

/// A value that does not fit; the caller knows its name.
struct Misfit;

type Fits<T> = Result<T, Misfit>;

/// Values as JSON.
type Raws<'b> = ArenaVec<'b, &'b str>;

impl<'b> Converter<'_, 'b> {
    /// The value of a member.
    ///
    /// # Errors
    /// [`FaultCode::Field`] where the value does not fit the type.
    pub(super) fn convert(&mut self, name: &str, ty: &Type, json: &'b str) -> Fallible<Value<'b>> {
        self.converted = false;
        self.value(ty, json).map_err(|Misfit| self.misfit(name, ty.non_null(), json))
    }

    fn misfit(&self, name: &str, ty: &Type, json: &'b str) -> Box<Fault> {
        let due = due(ty);
        if json == "null" {
            return Fault::new(FaultCode::Field, format!("`{name}` is null, but {due} is due"));
        }
        let digits = json.trim_matches('"').trim();
        let help = if self.coerce == Coerce::Strict && self.fits_leniently(ty, json) {
            "; `coerce: lenient` would take it"
        } else if matches!(ty, Type::Timestamp | Type::Date) && number::is_number(digits) {
            "; a number of up to 11 digits counts as seconds, else as milliseconds, and must lie in 2000 to 2100"
        } else {
            ""
        };
        Fault::new(FaultCode::Field, format!("`{name}` is {}, but {due} is due{help}", shown(json)))
    }

    fn fits_leniently(&self, ty: &Type, json: &'b str) -> bool {
        let mut lenient = Converter { coerce: Coerce::Lenient, zone: self.zone, arena: self.arena, converted: false };
        lenient.value(ty, json).is_ok()
    }

    fn value(&mut self, ty: &Type, json: &'b str) -> Fits<Value<'b>> {
        if let Type::Nullable(inner) = ty {
            if json == "null" {
                return Ok(Value::Null);
            }
            return self.value(inner, json).or_else(|Misfit| {
                let empty =
                    self.coerce == Coerce::Lenient && self.standard_form(json).is_some_and(|form| form.0.is_empty());
                self.note(empty.then_some(Value::Null))
            });
        }
        match ty {
            Type::Json => Ok(Value::Json(json)),
            Type::List(item) => self.list(item, json),
            Type::Set(item) | Type::Multi(item) => Ok(self.set(item, json)?),
            Type::Link | Type::Attachment => self.link(ty, json),
            Type::Bytes | Type::Map(..) | Type::Record(_) => value_from_json(ty, json, self.arena).map_err(|_| Misfit),
            Type::Select(inner) => self.value(inner, json),
            _ => self.scalar(ty, json),
        }
    }

    /// A converted value, if there is one and conversions are allowed.
    fn note<T>(&mut self, value: Option<T>) -> Fits<T> {
        if self.coerce == Coerce::Strict {
            return Err(Misfit);
        }
        self.converted |= value.is_some();
        value.ok_or(Misfit)
    }

    fn scalar(&mut self, ty: &Type, json: &'b str) -> Fits<Value<'b>> {
        match json.as_bytes().first() {
            Some(b'"') => {
                let text = Cursor::new(json).string().map_err(|_| Misfit)?.unescape(self.arena);
                match own_text(ty, text) {
                    Some(value) => Ok(value),
                    None => {
                        let value = self.lenient_text(ty, text);
                        self.note(value)
                    }
                }
            }
            Some(b't' | b'f') if *ty == Type::Bool => Ok(Value::Bool(json == "true")),
            Some(b'-' | b'0'..=b'9') => match own_number(ty, json) {
                Some(value) => Ok(value),
                None => {
                    let value = self.lenient_number(ty, json);
                    self.note(value)
                }
            },
            Some(b'{') => {
                let one = self.standard_form(json).filter(|form| form.0.len() == 1).map(|form| form.0[0]);
                let one = self.note(one)?;
                self.scalar(ty, one)
            }
            _ => Err(Misfit),
        }
    }

    fn lenient_text(&self, ty: &Type, text: &str) -> Option<Value<'b>> {
        let text = text.trim();
        match ty {
            Type::Bool => match text {
                "true" | "1" => Some(Value::Bool(true)),
                "false" | "0" => Some(Value::Bool(false)),
                _ => None,
            },
            Type::Timestamp => match civil_date(text) {
                Some(days) => self.midnight(days).map(Value::Integer),
                None => number::is_number(text).then(|| own_number(ty, text)).flatten(),
            },
            Type::Date => match civil_date(text) {
                Some(days) => Some(Value::Integer(days)),
                None => number::is_number(text).then(|| self.lenient_number(ty, text)).flatten(),
            },
            _ => number::is_number(text).then(|| own_number(ty, text)).flatten(),
        }
    }

    fn lenient_number(&self, ty: &Type, json: &str) -> Option<Value<'b>> {
        match ty {
            Type::Bool => match json {
                "1" => Some(Value::Bool(true)),
                "0" => Some(Value::Bool(false)),
                _ => None,
            },
            Type::Date => {
                let time = Timestamp::from_millisecond(time_of_number(json)?).ok()?;
                let date = self.zone.to_datetime(time).date();
                instant::days(date.year().into(), date.month().into(), date.day().into()).map(Value::Integer)
            }
            _ => None,
        }
    }

    /// The first moment of a day in the tenant's zone, in milliseconds.
    fn midnight(&self, days: i64) -> Option<i64> {
        let (year, month, day) = instant::civil(days);
        let date = civil::Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?);
        let start = date.ok()?.to_zoned(self.zone.clone()).ok()?;
        Some(start.timestamp().as_millisecond())
    }

    fn list(&mut self, item: &Type, json: &'b str) -> Fits<Value<'b>> {
        Ok(Value::List(self.elements(item, json)?.into_bump_slice()))
    }

    fn set(&mut self, item: &Type, json: &'b str) -> Fits<Value<'b>> {
        let mut elements = self.elements(item, json)?;
        elements.sort();
        elements.dedup();
        Ok(Value::List(elements.into_bump_slice()))
    }

    fn elements(&mut self, item: &Type, json: &'b str) -> Fits<ArenaVec<'b, Value<'b>>> {
        let raws = match json.as_bytes().first() {
            Some(b'[') => raw_elements(json, self.arena).ok_or(Misfit)?,
            Some(b'{')
                if !matches!(item.non_null(), Type::Link | Type::Attachment) && self.standard_form(json).is_some() =>
            {
                let form = self.standard_form(json).map(|form| form.0);
                self.note(form)?
            }
            _ => {
                let one = ArenaVec::from_iter_in([json], self.arena);
                self.note(Some(one))?
            }
        };
        let mut values = ArenaVec::with_capacity_in(raws.len(), self.arena);
        for raw in raws {
            values.push(self.value(item, raw)?);
        }
        Ok(values)
    }

    fn link(&mut self, ty: &Type, json: &'b str) -> Fits<Value<'b>> {
        if let Ok(value) = value_from_json(ty, json, self.arena) {
            return Ok(value);
        }
        let pair = self.standard_form(json).and_then(|(values, links)| {
            let text = |json: &&'b str| Some(Value::Text(Cursor::new(json).string().ok()?.unescape(self.arena)));
            match (&values[..], &links[..]) {
                ([name], [url]) => Some([text(name)?, text(url)?]),
                _ => None,
            }
        });
        let pair = self.note(pair)?;
        Ok(Value::Record(self.arena.alloc(pair)))
    }

    /// `val` and `link` of `{"val":[…],"detail":[…],"link":[…]}`, as JSON each.
    fn standard_form(&self, json: &'b str) -> Option<(Raws<'b>, Raws<'b>)> {
        if !json.starts_with('{') {
            return None;
        }
        let (mut values, mut links) = (None, ArenaVec::new_in(self.arena));
        each_member(&mut Cursor::new(json), self.arena, |cursor, name| {
            let raw = take_raw(cursor)?;
            match name {
                "val" => values = raw_elements(raw, self.arena),
                "link" => links = raw_elements(raw, self.arena).unwrap_or_else(|| ArenaVec::new_in(self.arena)),
                _ => {}
            }
            Ok(())
        })
        .ok()?;
        Some((values?, links))
    }
}

fn raw_elements<'b>(json: &'b str, arena: &'b Bump) -> Option<Raws<'b>> {
    let mut raws = ArenaVec::new_in(arena);
    let elements = each_element(&mut Cursor::new(json), |cursor| {
        raws.push(take_raw(cursor)?);
        Ok(())
    });
    elements.ok().map(|()| raws)
}

/// A text that a type is written as.
fn own_text<'b>(ty: &Type, text: &'b str) -> Option<Value<'b>> {
    match ty {
        Type::Text => Some(Value::Text(text)),
        Type::Timestamp => instant::parse_timestamp(text).map(Value::Integer),
        Type::Date => instant::parse_date(text).map(Value::Integer),
        _ => None,
    }
}

/// A number that a type is written as.
fn own_number<'b>(ty: &Type, json: &str) -> Option<Value<'b>> {
    let whole = |width: IntegerWidth| match number::whole(json) {
        Whole::Is(value) => number::within(value, width),
        _ => None,
    };
    match ty {
        Type::Integer(IntegerWidth::UInt64) => {
            whole(IntegerWidth::UInt64).map(|value| Value::Unsigned(value.cast_unsigned()))
        }
        Type::Integer(width) => whole(*width).map(Value::Integer),
        Type::Duration => whole(IntegerWidth::Int64).map(Value::Integer),
        Type::Timestamp => time_of_number(json).map(Value::Integer),
        Type::Float32 => {
            json.parse::<f32>().ok().filter(|value| value.is_finite()).map(|value| Value::Float(value.into()))
        }
        Type::Float64 => json.parse::<f64>().ok().filter(|value| value.is_finite()).map(Value::Float),
        Type::Decimal => number::decimal(json).map(Value::Decimal),
        _ => None,
    }
}

/// Milliseconds of a time given as a number: up to 11 digits are seconds, 12 to 14 milliseconds.
pub(super) fn time_of_number(json: &str) -> Option<i64> {
    let Whole::Is(value) = number::whole(json) else { return None };
    let value = i64::try_from(value).ok()?;
    let time = if value.unsigned_abs() < 100_000_000_000 { value.checked_mul(1000)? } else { value };
    TIMES.contains(&time).then_some(time)
}

/// `2021-1-1` as days since 1970-01-01.
fn civil_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let mut part = |digits: std::ops::RangeInclusive<usize>| {
        let part = parts.next().filter(|part| digits.contains(&part.len()))?;
        part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i64>().ok()).flatten()
    };
    let (year, month, day) = (part(4..=4)?, part(1..=2)?, part(1..=2)?);
    if parts.next().is_some() { None } else { instant::days(year, month, day) }
}

/// `an int32`, with the type as the program writes it.
fn due(ty: &Type) -> String {
    let name = ty.to_string();
    let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} `{name}`")
}

/// A value as a message shows it, cut where it is long.
fn shown(json: &str) -> String {
    match json.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("`{}…`", &json[..end]),
        None => format!("`{json}`"),
    }
}
