//! Calls of built-ins that fail for what they are given, whatever the record: conversions of constants, divisions by
//! zero, dates that do not exist. What each takes is said in `stdlib`.

use nsf_plan::{IntegerWidth, Literal, Type};

use super::evaluate::{Failure, failure, is_zero};

/// Whether a call of constants always fails. Its value is not reckoned.
pub(super) fn check(signature: &str, operands: &[Option<Literal>], result: &Type) -> Result<Option<Literal>, Failure> {
    let name = signature.split('(').next().unwrap_or_default();
    match (name, operands) {
        ("div" | "mod", [_, Some(divisor)]) if is_zero(divisor) => {
            let sign = if name == "div" { "div" } else { "mod" };
            Err(failure("division by zero", "divide by something else, or say what is meant: `… catch 0`", sign))
        }
        ("date", [Some(Literal::Integer(year)), Some(Literal::Integer(month)), Some(Literal::Integer(day))])
            if !is_date(*year, *month, *day) =>
        {
            Err(failure(format!("there is no day {year}-{month:02}-{day:02}"), "write a day that exists", "date"))
        }
        (_, [Some(value)]) => conversion(name, value, result),
        _ => Ok(None),
    }
}

fn conversion(name: &str, value: &Literal, result: &Type) -> Result<Option<Literal>, Failure> {
    if let Type::Integer(width) = result.non_null()
        && name == width.name()
    {
        return integer(*width, value);
    }
    let Literal::Text(text) = value else { return Ok(None) };
    let (fits, sign, example) = match name {
        "float32" => (is_number(text), "float32", "a number such as `1.5`"),
        "float64" => (is_number(text), "float64", "a number such as `1.5`"),
        "decimal" => (is_number(text), "decimal", "a number such as `1.5`"),
        "bool" => (matches!(text.as_str(), "true" | "false"), "bool", "`true` or `false`"),
        "date" => (is_date_text(text), "date", "a day such as `2024-02-29`"),
        "timestamp" => (has_digit(text), "timestamp", "a time such as `2024-02-29T12:00:00Z`"),
        "duration" => (has_digit(text), "duration", "a duration such as `1h30min`"),
        _ => return Ok(None),
    };
    if fits { Ok(None) } else { Err(failure(format!("`{text}` is not {example}"), "write the value itself", sign)) }
}

fn integer(width: IntegerWidth, value: &Literal) -> Result<Option<Literal>, Failure> {
    let (low, high) = width.range();
    let fits = |value: i128| (low..=high).contains(&value);
    let (shown, problem) = match value {
        Literal::Integer(value) => (value.to_string(), (!fits(i128::from(*value))).then_some("does not fit")),
        Literal::Unsigned(value) => (value.to_string(), (!fits(i128::from(*value))).then_some("does not fit")),
        Literal::Float(value) if value.fract() != 0.0 => (value.to_string(), Some("has a fraction, so it is no")),
        Literal::Float(value) => (value.to_string(), (!fits(*value as i128)).then_some("does not fit")),
        Literal::Decimal(value) => (value.to_string(), (!value.is_integer()).then_some("has a fraction, so it is no")),
        Literal::Text(text) => {
            let problem = match text.parse::<i128>() {
                Ok(value) => (!fits(value)).then_some("does not fit"),
                Err(_) => Some("is not a whole number, so it is no"),
            };
            (text.clone(), problem)
        }
        _ => return Ok(None),
    };
    match problem {
        None => Ok(None),
        Some(problem) => {
            let help = "write a value that the type holds, or convert to another type";
            Err(failure(format!("`{shown}` {problem} {}", width.name()), help, width.name()))
        }
    }
}

fn is_number(text: &str) -> bool {
    has_digit(text) && text.parse::<f64>().is_ok()
}

fn has_digit(text: &str) -> bool {
    text.bytes().any(|byte| byte.is_ascii_digit())
}

/// `2024-02-29`
fn is_date_text(text: &str) -> bool {
    let parts: Vec<Option<i64>> = text.split('-').map(|part| part.parse().ok()).collect();
    match parts.as_slice() {
        [Some(year), Some(month), Some(day)] => text.len() == 10 && is_date(*year, *month, *day),
        _ => false,
    }
}

fn is_date(year: i64, month: i64, day: i64) -> bool {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 => 28 + i64::from(leap),
        _ => return false,
    };
    (1..=days).contains(&day)
}
