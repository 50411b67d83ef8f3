//! Zones of the built-in database, and moments on their clocks.

use std::cell::RefCell;

use jiff::{Timestamp, Zoned, civil, tz};

use crate::{
    fault::{Fallible, Fault},
    functions::support::{argument, overflow},
    instant::{self, DAY},
    value::quoted,
};

/// How many zones a thread keeps at hand. Programs name few; one whose data names them goes to the database.
const KEPT: usize = 16;

thread_local! {
    static ZONES: RefCell<Vec<(Box<str>, tz::TimeZone)>> = const { RefCell::new(Vec::new()) };
}

/// The zone of a name or offset.
pub(super) fn zone(name: &str) -> Fallible<tz::TimeZone> {
    known(name).ok_or_else(|| {
        let name = quoted(name);
        argument(format!("there is no zone {name}: write one like `Asia/Shanghai`, `UTC` or `+08:00`"))
    })
}

/// The zone of a name or offset, if there is one.
pub(super) fn known(name: &str) -> Option<tz::TimeZone> {
    ZONES.with_borrow_mut(|zones| {
        if let Some((_, zone)) = zones.iter().find(|(kept, _)| **kept == *name) {
            return Some(zone.clone());
        }
        let zone = if name.starts_with(['+', '-']) { fixed(name)? } else { tz::TimeZone::get(name).ok()? };
        if zones.len() >= KEPT {
            zones.clear();
        }
        zones.push((name.into(), zone.clone()));
        Some(zone)
    })
}

/// The zone of an offset: `+08:00`.
fn fixed(name: &str) -> Option<tz::TimeZone> {
    let (hours, minutes) = name.get(1..)?.split_once(':')?;
    let number = |digits: &str, below: i32| {
        let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<i32>().ok().filter(|value| two && *value < below)
    };
    let seconds = number(hours, 24)? * 3_600 + number(minutes, 60)? * 60;
    let offset = tz::Offset::from_seconds(if name.starts_with('-') { -seconds } else { seconds }).ok()?;
    Some(tz::TimeZone::fixed(offset))
}

/// The fault of a moment that zones know nothing of.
pub(super) fn too_far() -> Box<Fault> {
    argument("the time lies outside the years -9999 to 9999, for which zones are known")
}

/// The fault of calendar arithmetic that leaves the calendar.
pub(super) fn beyond() -> Box<Fault> {
    overflow("the result lies outside the years -9999 to 9999")
}

/// A moment of milliseconds.
pub(super) fn moment(milliseconds: i64) -> Fallible<Timestamp> {
    Timestamp::from_millisecond(milliseconds).map_err(|_| too_far())
}

/// How many seconds the clocks of a zone are before UTC.
pub(super) fn offset(zone: &tz::TimeZone, milliseconds: i64) -> Fallible<i64> {
    Ok(zone.to_offset(moment(milliseconds)?).seconds().into())
}

/// What the clocks of a zone show, in milliseconds as if they were those of UTC.
pub(super) fn local(zone: &tz::TimeZone, milliseconds: i64) -> Fallible<i64> {
    let shift = offset(zone, milliseconds)? * 1_000;
    milliseconds.checked_add(shift).ok_or_else(too_far)
}

/// The moment at which the clocks of a zone show a time: what they pass over is moved on, of two moments the first.
pub(super) fn of_local(zone: &tz::TimeZone, local: i64) -> Fallible<i64> {
    let datetime = tz::TimeZone::UTC.to_datetime(moment(local)?);
    Ok(zone.to_timestamp(datetime).map_err(|_| too_far())?.as_millisecond())
}

/// The first moment of a day in a zone.
pub(super) fn midnight(zone: &tz::TimeZone, days: i64) -> Fallible<i64> {
    let start = civil_date(days)?.to_zoned(zone.clone()).map_err(|_| too_far())?;
    Ok(start.timestamp().as_millisecond())
}

/// A moment on the clocks of a zone.
pub(super) fn zoned(zone: tz::TimeZone, milliseconds: i64) -> Fallible<Zoned> {
    Ok(moment(milliseconds)?.to_zoned(zone))
}

/// A date of the library that knows calendars.
pub(super) fn civil_date(days: i64) -> Fallible<civil::Date> {
    let (year, month, day) = instant::civil(days);
    let date = (i16::try_from(year), i8::try_from(month), i8::try_from(day));
    let (Ok(year), Ok(month), Ok(day)) = date else { return Err(too_far()) };
    civil::Date::new(year, month, day).map_err(|_| too_far())
}

/// The day of a date of that library.
pub(super) fn day_of(date: civil::Date) -> Option<i64> {
    instant::days(date.year().into(), date.month().into(), date.day().into())
}

/// The day on which a time of clocks falls.
pub(super) const fn day(local: i64) -> i64 {
    local.div_euclid(DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> i64 {
        instant::parse_timestamp(text).unwrap()
    }

    #[test]
    fn a_time_that_clocks_pass_over_is_moved_on_and_the_first_of_two_counts() {
        let zone = zone("America/New_York").unwrap();
        assert_eq!(of_local(&zone, at("2024-03-10T02:30Z")), Ok(at("2024-03-10T03:30-04:00")));
        assert_eq!(of_local(&zone, at("2024-11-03T01:30Z")), Ok(at("2024-11-03T01:30-04:00")));
        assert_eq!(offset(&zone, at("2024-03-10T06:59:59Z")), Ok(-18_000));
        assert_eq!(offset(&zone, at("2024-03-10T07:00:00Z")), Ok(-14_400));
    }

    #[test]
    fn a_day_without_a_midnight_begins_when_its_clocks_do() {
        let zone = zone("America/Sao_Paulo").unwrap();
        let day = instant::parse_date("2018-11-04").unwrap();
        assert_eq!(midnight(&zone, day), Ok(at("2018-11-04T03:00Z")));
    }

    #[test]
    fn moments_before_zones_were_made_have_their_local_mean_time() {
        let zone = zone("Asia/Shanghai").unwrap();
        assert_eq!(offset(&zone, at("1890-01-01T00:00Z")), Ok(29_143));
    }

    #[test]
    fn what_no_zone_knows_is_a_fault_and_not_a_wrong_time() {
        let zone = zone("UTC").unwrap();
        for milliseconds in [i64::MIN, i64::MAX, -377_705_203_200_001, 253_402_300_800_000] {
            assert!(local(&zone, milliseconds).is_err() && of_local(&zone, milliseconds).is_err());
        }
        assert!(midnight(&zone, i64::MAX / 2).is_err() && civil_date(i64::MIN / 2).is_err());
    }

    #[test]
    fn offsets_are_zones_and_paths_are_none() {
        assert_eq!(offset(&zone("-09:30").unwrap(), 0), Ok(-34_200));
        for name in [
            "",
            "+8",
            "+08",
            "+0800",
            "+24:00",
            "+08:60",
            "+0a:00",
            "+",
            "Asia",
            "../UTC",
            "/etc/localtime",
            "Etc/Nowhere",
        ] {
            assert!(known(name).is_none(), "{name}");
        }
    }
}
