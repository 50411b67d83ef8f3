//! The standard output form of a value: always `{"val":[…],"detail":[],"link":[]}`.
//!
//! | type | `val` | `link` |
//! |---|---|---|
//! | null | `[]` | `[]` |
//! | `text`, `bytes` | the text (bytes in base64) | |
//! | numbers, `bool`, `decimal` | the number, `true` or `false` | |
//! | `select<T>`, `multi<T>`, `set<T>`, `list<T>` | the values, one or several | |
//! | `timestamp` | milliseconds since 1970 | |
//! | `date` | milliseconds of its midnight in the tenant's zone | |
//! | `duration` | milliseconds | |
//! | `link`, `attachment`, lists of them | the names | the URLs |
//! | `json`, `map<K, V>`, records | the one value as JSON | |

use jiff::{Timestamp, civil, tz::TimeZone};
use nsf_plan::Type;

use crate::{cell::Cell, encode::json};

/// Milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Appends the standard output form of a value. `zone` is the tenant's.
pub fn write_form(ty: &Type, cell: &Cell, zone: &TimeZone, out: &mut Vec<u8>) {
    let mut values = Vec::new();
    let mut links = Vec::new();
    let ty = ty.non_null();
    match (ty, cell) {
        (_, Cell::Null) => {}
        (Type::List(item), Cell::List(items)) => {
            items.iter().for_each(|item_cell| put(item.non_null(), item_cell, zone, &mut values, &mut links));
        }
        (Type::Set(item) | Type::Multi(item), Cell::Map(items)) => {
            items.keys().for_each(|item_cell| put(item.non_null(), item_cell, zone, &mut values, &mut links));
        }
        _ => put(ty, cell, zone, &mut values, &mut links),
    }
    out.extend_from_slice(b"{\"val\":[");
    out.append(&mut values);
    out.extend_from_slice(b"],\"detail\":[],\"link\":[");
    out.append(&mut links);
    out.extend_from_slice(b"]}");
}

fn put(ty: &Type, cell: &Cell, zone: &TimeZone, values: &mut Vec<u8>, links: &mut Vec<u8>) {
    match (ty, cell) {
        (Type::Select(inner), cell) => put(inner.non_null(), cell, zone, values, links),
        (Type::Timestamp, Cell::Integer(time)) => put_number(*time, values),
        (Type::Date, Cell::Integer(days)) => put_number(midnight(*days, zone), values),
        (Type::Link | Type::Attachment, Cell::Record(members)) => {
            put_text(members.first(), values);
            put_text(members.get(1), links);
        }
        _ => {
            separate(values);
            json::write_cell(ty, cell, values);
        }
    }
}

fn separate(list: &mut Vec<u8>) {
    if !list.is_empty() {
        list.push(b',');
    }
}

fn put_number(number: i64, list: &mut Vec<u8>) {
    separate(list);
    list.extend_from_slice(number.to_string().as_bytes());
}

fn put_text(cell: Option<&Cell>, list: &mut Vec<u8>) {
    separate(list);
    let text = if let Some(Cell::Text(text)) = cell { text } else { "" };
    json::write_text(text, list);
}

/// The first moment of a day in a zone, in milliseconds; in UTC where the zone does not reach so far.
fn midnight(days: i64, zone: &TimeZone) -> i64 {
    let utc = days.saturating_mul(DAY);
    let local = Timestamp::from_millisecond(utc).map(|time| TimeZone::UTC.to_datetime(time).date());
    let start = local.and_then(|date: civil::Date| date.to_zoned(zone.clone()));
    start.map_or(utc, |start| start.timestamp().as_millisecond())
}
