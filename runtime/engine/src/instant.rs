//! Points and spans of time as text: `timestamp`, `date`, `duration`.
//!
//! A timestamp is written as RFC 3339 in UTC, seconds always, milliseconds where they are not zero. Years outside 0000
//! to 9999 have a sign and as many digits as they need, so that every timestamp can be written and read back.

/// Milliseconds of a day.
pub const DAY: i64 = 86_400_000;

/// Days since 1970-01-01 of a date in the proleptic Gregorian calendar; none where there is no such date.
#[must_use]
pub fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || day < 1 || day > month_length(year, month) {
        return None;
    }
    // Years begin in March, so that a leap day is a year's last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

fn month_length(year: i64, month: i64) -> i64 {
    match month {
        2 if year.rem_euclid(4) == 0 && (year.rem_euclid(100) != 0 || year.rem_euclid(400) == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Year, month and day of a number of days since 1970-01-01.
#[must_use]
pub fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

fn two_digits(value: i64, out: &mut Vec<u8>) {
    let value = value.rem_euclid(100).unsigned_abs() as u8;
    out.extend_from_slice(&[b'0' + value / 10, b'0' + value % 10]);
}

/// Appends `2023-05-21`.
pub fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil(days);
    if (0..10_000).contains(&year) {
        two_digits(year / 100, out);
        two_digits(year % 100, out);
    } else {
        out.extend_from_slice(format!("{year:+05}").as_bytes());
    }
    out.push(b'-');
    two_digits(month, out);
    out.push(b'-');
    two_digits(day, out);
}

/// Appends `2023-05-21T00:00:00Z`, or with `.250` after the seconds.
pub fn write_timestamp(milliseconds: i64, out: &mut Vec<u8>) {
    write_date(milliseconds.div_euclid(DAY), out);
    let rest = milliseconds.rem_euclid(DAY);
    out.push(b'T');
    two_digits(rest / 3_600_000, out);
    out.push(b':');
    two_digits(rest / 60_000 % 60, out);
    out.push(b':');
    two_digits(rest / 1_000 % 60, out);
    let part = rest % 1_000;
    if part != 0 {
        out.push(b'.');
        out.push(b'0' + (part / 100).unsigned_abs() as u8);
        two_digits(part % 100, out);
    }
    out.push(b'Z');
}

/// Takes digits from the front: at least `least`, at most `most`.
fn number(text: &mut &[u8], least: usize, most: usize) -> Option<i64> {
    let length = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    if length < least {
        return None;
    }
    let (digits, rest) = text.split_at(length);
    *text = rest;
    Some(digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

fn byte(text: &mut &[u8], wanted: u8) -> Option<()> {
    let (first, rest) = text.split_first()?;
    *text = rest;
    (*first == wanted).then_some(())
}

fn take_date(text: &mut &[u8]) -> Option<i64> {
    let (sign, digits) = match text.first()? {
        b'-' => (-1, 9),
        b'+' => (1, 9),
        _ => (0, 4),
    };
    if sign != 0 {
        *text = &text[1..];
    }
    let year = number(text, 4, digits)? * if sign == 0 { 1 } else { sign };
    byte(text, b'-')?;
    let month = number(text, 2, 2)?;
    byte(text, b'-')?;
    let day = number(text, 2, 2)?;
    days(year, month, day)
}

/// Reads `2023-05-21` as days since 1970-01-01.
#[must_use]
pub fn parse_date(text: &str) -> Option<i64> {
    let mut rest = text.as_bytes();
    let days = take_date(&mut rest)?;
    rest.is_empty().then_some(days)
}

/// Reads a timestamp as milliseconds since 1970-01-01T00:00Z: `2023-05-21T00:00:00.250+08:00`. A zone (`Z` or an offset)
/// is due; seconds may be left out; `t`, `z` and a blank for the `T` are taken too; digits of a second after the third
/// are cut off. A leap second counts as the second after it.
#[must_use]
pub fn parse_timestamp(text: &str) -> Option<i64> {
    let mut rest = text.as_bytes();
    let days = take_date(&mut rest)?;
    let (separator, after) = rest.split_first()?;
    if !matches!(separator, b'T' | b't' | b' ') {
        return None;
    }
    rest = after;
    let hour = number(&mut rest, 2, 2).filter(|hour| *hour < 24)?;
    byte(&mut rest, b':')?;
    let minute = number(&mut rest, 2, 2).filter(|minute| *minute < 60)?;
    let mut milliseconds = 0;
    if rest.first() == Some(&b':') {
        rest = &rest[1..];
        milliseconds = number(&mut rest, 2, 2).filter(|second| *second <= 60)? * 1_000;
        if rest.first() == Some(&b'.') {
            rest = &rest[1..];
            milliseconds += fraction(&mut rest)?;
        }
    }
    let offset = take_offset(&mut rest)?;
    if !rest.is_empty() {
        return None;
    }
    // In `i128`, because the first day that a timestamp can name begins before the first timestamp.
    let within = i128::from(hour * 3_600_000 + minute * 60_000 + milliseconds - offset);
    i64::try_from(i128::from(days) * i128::from(DAY) + within).ok()
}

/// Milliseconds from the digits after a second's point.
fn fraction(text: &mut &[u8]) -> Option<i64> {
    let before = text.len();
    let value = number(text, 1, 3)?;
    let digits = before - text.len();
    while text.first().is_some_and(u8::is_ascii_digit) {
        *text = &text[1..];
    }
    Some(value * [100, 10, 1].get(digits - 1)?)
}

fn take_offset(text: &mut &[u8]) -> Option<i64> {
    let (sign, rest) = text.split_first()?;
    *text = rest;
    let sign = match sign {
        b'Z' | b'z' => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let hours = number(text, 2, 2).filter(|hours| *hours < 24)?;
    if text.first() == Some(&b':') {
        *text = &text[1..];
    }
    let minutes = number(text, 2, 2).filter(|minutes| *minutes < 60)?;
    Some(sign * (hours * 3_600_000 + minutes * 60_000))
}

/// Units of a duration's text and their milliseconds; longer names first where one begins another.
const UNITS: [(&str, i64); 5] = [("ms", 1), ("min", 60_000), ("s", 1_000), ("h", 3_600_000), ("d", DAY)];

/// Reads a duration as `.nsf` files write it: `1h30min`, `-200ms`. Units need no order but come once each.
#[must_use]
pub fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut total = 0_i64;
    let mut seen = [false; UNITS.len()];
    while !rest.is_empty() {
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        let value: i64 = rest.get(..length)?.parse().ok()?;
        rest = &rest[length..];
        let index = UNITS.iter().position(|(unit, _)| rest.starts_with(unit))?;
        if std::mem::replace(&mut seen[index], true) {
            return None;
        }
        rest = &rest[UNITS[index].0.len()..];
        total = total.checked_add(value.checked_mul(UNITS[index].1)?)?;
    }
    if !seen.contains(&true) {
        return None;
    }
    Some(if negative { -total } else { total })
}

/// Appends a duration as `.nsf` files write it, in its largest units: `1h30min`, `0s`.
pub fn write_duration(milliseconds: i64, out: &mut String) {
    use std::fmt::Write as _;
    if milliseconds < 0 {
        out.push('-');
    }
    let mut rest = milliseconds.unsigned_abs();
    if rest == 0 {
        out.push_str("0s");
    }
    for (unit, length) in [("d", DAY), ("h", 3_600_000), ("min", 60_000), ("s", 1_000), ("ms", 1)] {
        let count = rest / length.unsigned_abs();
        rest %= length.unsigned_abs();
        if count > 0 {
            // Writing to a `String` cannot fail.
            let _ = write!(out, "{count}{unit}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(milliseconds: i64) -> String {
        let mut out = Vec::new();
        write_timestamp(milliseconds, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn timestamps_are_written_in_utc() {
        assert_eq!(written(0), "1970-01-01T00:00:00Z");
        assert_eq!(written(1_684_627_200_250), "2023-05-21T00:00:00.250Z");
        assert_eq!(written(-1), "1969-12-31T23:59:59.999Z");
        assert_eq!(written(253_402_300_800_000), "+10000-01-01T00:00:00Z");
    }

    #[test]
    fn every_timestamp_reads_back() {
        let mut value = 1_i64;
        for step in 0..20_000_i64 {
            value = value.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(step);
            let milliseconds = value >> (step % 40);
            assert_eq!(parse_timestamp(&written(milliseconds)), Some(milliseconds), "{milliseconds}");
        }
        for milliseconds in [i64::MIN, i64::MAX] {
            assert_eq!(parse_timestamp(&written(milliseconds)), Some(milliseconds));
        }
    }

    #[test]
    fn civil_dates_and_days_are_inverse() {
        for day in (-1_000_000..1_000_000).step_by(7) {
            let (year, month, date) = civil(day);
            assert_eq!(days(year, month, date), Some(day));
        }
        assert_eq!(days(2023, 2, 29), None);
        assert_eq!(days(2024, 2, 29), Some(19_782));
        assert_eq!(days(1900, 2, 29), None);
    }

    #[test]
    fn timestamps_are_read_with_their_zone() {
        assert_eq!(parse_timestamp("2023-05-20T23:30:00+08:00"), Some(1_684_596_600_000));
        assert_eq!(parse_timestamp("2023-05-20T15:30Z"), Some(1_684_596_600_000));
        assert_eq!(parse_timestamp("2023-05-20 15:30:00.1234567z"), Some(1_684_596_600_123));
        for wrong in
            ["2023-05-20T15:30", "2023-05-20", "2023-13-20T15:30Z", "2023-05-20T24:30Z", "2023-05-20T15:30ZZ", ""]
        {
            assert_eq!(parse_timestamp(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_are_read_and_written_as_in_programs() {
        for (text, value) in [("1h30min", 5_400_000), ("200ms", 200), ("-2s", -2_000), ("30d", 30 * DAY), ("0s", 0)] {
            assert_eq!(parse_duration(text), Some(value));
            let mut out = String::new();
            write_duration(value, &mut out);
            assert_eq!(out, text);
        }
        for wrong in ["", "-", "5", "h", "1h1h", "1x", "99999999999999999999ms"] {
            assert_eq!(parse_duration(wrong), None, "{wrong}");
        }
    }
}
