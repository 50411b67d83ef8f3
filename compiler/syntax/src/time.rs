//! The values of duration, date and timestamp literals.

use crate::ast::Literal;

/// Why a date or timestamp literal has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MomentError {
    /// A timestamp that does not say its zone.
    ZoneMissing,
    /// A month or day that the calendar does not have.
    DateUnknown,
    /// An hour, minute, second or zone that no clock shows.
    TimeUnknown,
}

/// The milliseconds of `1h30min`; none where they pass 64 bits.
pub(crate) fn duration_milliseconds(text: &str) -> Option<i64> {
    let mut total: i64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '_')?;
        let (number, tail) = rest.split_at(digits);
        let unit_length = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(unit_length);
        let factor = match unit {
            "ms" => 1,
            "s" => 1_000,
            "min" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        let number: i64 = number.replace('_', "").parse().ok()?;
        total = total.checked_add(number.checked_mul(factor)?)?;
        rest = tail;
    }
    Some(total)
}

/// The value of `@2023-05-20` or `@2023-05-20T23:30:00.5+08:00`.
pub(crate) fn moment(text: &str) -> Result<Literal, MomentError> {
    let body = text.strip_prefix('@').unwrap_or(text);
    let days = days_since_1970(number(body, 0, 4), number(body, 5, 7), number(body, 8, 10))?;
    let Some(time) = body.get(10..).filter(|time| !time.is_empty()) else {
        return Ok(Literal::Date(days));
    };
    let (clock, zone) = match time.get(1..).unwrap_or("").find(['Z', '+', '-']) {
        Some(at) => time.get(1..).unwrap_or("").split_at(at),
        None => return Err(MomentError::ZoneMissing),
    };
    let seconds = if clock.len() > 5 { number(clock, 6, 8) } else { 0 };
    let milliseconds = clock.get(9..).map_or(0, fraction_milliseconds);
    let (hours, minutes) = (number(clock, 0, 2), number(clock, 3, 5));
    let (zone_hours, zone_minutes) = if zone == "Z" { (0, 0) } else { (number(zone, 1, 3), number(zone, 4, 6)) };
    if hours > 23 || minutes > 59 || seconds > 59 || zone_hours > 18 || zone_minutes > 59 {
        return Err(MomentError::TimeUnknown);
    }
    let offset = (zone_hours * 60 + zone_minutes) * if zone.starts_with('-') { -1 } else { 1 };
    let minutes = i64::from(days) * 1_440 + hours * 60 + minutes - offset;
    Ok(Literal::Timestamp((minutes * 60 + seconds) * 1_000 + milliseconds))
}

fn number(text: &str, from: usize, to: usize) -> i64 {
    text.get(from..to).and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

/// Digits after the point of the seconds, cut to milliseconds.
fn fraction_milliseconds(digits: &str) -> i64 {
    let padded: String = digits.chars().chain("000".chars()).take(3).collect();
    padded.parse().unwrap_or(0)
}

fn days_since_1970(year: i64, month: i64, day: i64) -> Result<i32, MomentError> {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return Err(MomentError::DateUnknown),
    };
    if !(1..=length).contains(&day) || year == 0 {
        return Err(MomentError::DateUnknown);
    }
    // Years are counted from March, so that the leap day is the last one.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    i32::try_from(era * 146_097 + day_of_era - 719_468).map_err(|_| MomentError::DateUnknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_their_units() {
        assert_eq!(duration_milliseconds("200ms"), Some(200));
        assert_eq!(duration_milliseconds("1h30min"), Some(5_400_000));
        assert_eq!(duration_milliseconds("1_000d"), Some(86_400_000_000));
        assert_eq!(duration_milliseconds("0s"), Some(0));
        assert_eq!(duration_milliseconds("99999999999999d"), None);
    }

    #[test]
    fn timestamps_are_milliseconds_in_utc() {
        assert_eq!(moment("@1970-01-01T00:00Z"), Ok(Literal::Timestamp(0)));
        assert_eq!(moment("@2023-05-20T23:30:00+08:00"), Ok(Literal::Timestamp(1_684_596_600_000)));
        assert_eq!(moment("@2023-05-20T15:30:00.25Z"), Ok(Literal::Timestamp(1_684_596_600_250)));
        assert_eq!(moment("@1969-12-31T23:59:59Z"), Ok(Literal::Timestamp(-1_000)));
    }

    #[test]
    fn dates_are_days() {
        assert_eq!(moment("@1970-01-02"), Ok(Literal::Date(1)));
        assert_eq!(moment("@2024-02-29"), Ok(Literal::Date(19_782)));
        assert_eq!(moment("@2023-02-29"), Err(MomentError::DateUnknown));
        assert_eq!(moment("@2023-13-01"), Err(MomentError::DateUnknown));
    }

    #[test]
    fn a_timestamp_needs_a_zone_and_a_time_that_exists() {
        assert_eq!(moment("@2023-05-20T23:30"), Err(MomentError::ZoneMissing));
        assert_eq!(moment("@2023-05-20T24:30Z"), Err(MomentError::TimeUnknown));
    }
}
