//! Dates of `std.time`.

use crate::{
    fault::Fallible,
    functions::{
        Builtin, Call,
        support::{overflow, pure},
    },
    instant::{civil, days},
    value::Value,
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("year(date)", |call| Ok(Value::Integer(civil(call.integer(0)?).0))),
    pure("quarter(date)", |call| Ok(Value::Integer((civil(call.integer(0)?).1 - 1) / 3 + 1))),
    pure("month(date)", |call| Ok(Value::Integer(civil(call.integer(0)?).1))),
    pure("week(date)", |call| Ok(Value::Integer(week(call.integer(0)?).1))),
    pure("week_year(date)", |call| Ok(Value::Integer(week(call.integer(0)?).0))),
    pure("day(date)", |call| Ok(Value::Integer(civil(call.integer(0)?).2))),
    pure("weekday(date)", |call| Ok(Value::Integer(weekday(call.integer(0)?)))),
    pure("day_of_year(date)", |call| {
        let date = call.integer(0)?;
        Ok(Value::Integer(date - first_of(civil(date).0, 1) + 1))
    }),
    pure("days_in_month(date)", |call| {
        let (year, month, _) = civil(call.integer(0)?);
        Ok(Value::Integer(month_length(year, month)))
    }),
    pure("is_leap_year(int64)", |call| {
        let year = call.integer(0)?;
        let divides = |number| year.rem_euclid(number) == 0;
        Ok(Value::Bool(divides(4) && (!divides(100) || divides(400))))
    }),
    pure("add_days(date, int64)", |call| {
        let date = call.integer(0)?.checked_add(call.integer(1)?);
        date.filter(|date| (-LAST_DAY..=LAST_DAY).contains(date)).map(Value::Integer).ok_or_else(beyond)
    }),
    pure("add_months(date, int64)", |call| {
        add_months(call.integer(0)?, call.integer(1)?).map(Value::Integer).ok_or_else(beyond)
    }),
    pure("days_between(date, date)", |call| Ok(Value::Integer(call.integer(1)?.saturating_sub(call.integer(0)?)))),
    pure("months_between(date, date)", months_between),
    pure("start_of_week(date)", |call| {
        let date = call.integer(0)?;
        Ok(Value::Integer(date - (weekday(date) - 1)))
    }),
    pure("start_of_month(date)", |call| {
        let (year, month, _) = civil(call.integer(0)?);
        Ok(Value::Integer(first_of(year, month)))
    }),
    pure("end_of_month(date)", |call| {
        let (year, month, _) = civil(call.integer(0)?);
        Ok(Value::Integer(first_of(year, month) + month_length(year, month) - 1))
    }),
];

/// The last day of the calendar, before and after 1970: about 999,999,999 years of 365.2425 days.
const LAST_DAY: i64 = 365_242_499_634;

fn beyond() -> Box<crate::fault::Fault> {
    overflow("the date lies outside the years -999,999,999 to 999,999,999")
}

/// The first day of a month.
fn first_of(year: i64, month: i64) -> i64 {
    days(year, month, 1).unwrap_or(0)
}

fn month_length(year: i64, month: i64) -> i64 {
    let next = if month == 12 { first_of(year + 1, 1) } else { first_of(year, month + 1) };
    next - first_of(year, month)
}

/// The day of the week, 1 for Monday.
fn weekday(date: i64) -> i64 {
    // 1970-01-01 was a Thursday.
    (date.rem_euclid(7) + 3).rem_euclid(7) + 1
}

/// The ISO 8601 week with its year: those of the week's Thursday.
fn week(date: i64) -> (i64, i64) {
    let thursday = date - weekday(date) + 4;
    let year = civil(thursday).0;
    (year, (thursday - first_of(year, 1)) / 7 + 1)
}

/// The date some months later, on the month's last day where it has no such day.
fn add_months(date: i64, months: i64) -> Option<i64> {
    let (year, month, day) = civil(date);
    let index = year.checked_mul(12)?.checked_add(month - 1)?.checked_add(months)?;
    let (year, month) = (index.div_euclid(12), index.rem_euclid(12) + 1);
    if !(-999_999_999..=999_999_999).contains(&year) {
        return None;
    }
    days(year, month, day.min(month_length(year, month)))
}

fn months_between<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (first, second) = (call.integer(0)?, call.integer(1)?);
    let index = |date| {
        let (year, month, _) = civil(date);
        year * 12 + month
    };
    let months = index(second) - index(first);
    let reached = add_months(first, months).unwrap_or(second);
    Ok(Value::Integer(match (first <= second, reached.cmp(&second)) {
        (true, std::cmp::Ordering::Greater) => months - 1,
        (false, std::cmp::Ordering::Less) => months + 1,
        _ => months,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instant::parse_date;

    fn date(text: &str) -> i64 {
        parse_date(text).unwrap()
    }

    #[test]
    fn weeks_are_those_of_iso_8601() {
        for (text, expected) in [
            ("2021-01-03", (2020, 53)),
            ("2021-01-04", (2021, 1)),
            ("2018-12-31", (2019, 1)),
            ("2016-01-03", (2015, 53)),
            ("2024-12-30", (2025, 1)),
            ("1969-12-29", (1970, 1)),
        ] {
            assert_eq!(week(date(text)), expected, "{text}");
        }
    }

    #[test]
    fn every_day_of_some_years_is_in_its_month_and_week() {
        for day in date("1895-01-01")..date("1905-01-01") {
            let (year, month, number) = civil(day);
            assert_eq!(first_of(year, month) + number - 1, day);
            assert!((1..=month_length(year, month)).contains(&number));
            assert_eq!(weekday(day + 1), weekday(day) % 7 + 1);
        }
    }

    #[test]
    fn months_are_added_on_the_calendar() {
        for (from, months, to) in [
            ("2024-01-31", 1, "2024-02-29"),
            ("2023-01-31", 1, "2023-02-28"),
            ("2024-02-29", 12, "2025-02-28"),
            ("2024-03-31", -1, "2024-02-29"),
            ("2024-01-15", -13, "2022-12-15"),
        ] {
            assert_eq!(add_months(date(from), months), Some(date(to)), "{from} {months}");
        }
        assert_eq!(add_months(0, i64::MAX), None);
        assert_eq!(add_months(0, 12_000_000_000), None);
    }
}
