//! Numbers as written, and which literal a type takes.

use nsf_plan::{IntegerWidth, Literal, Type};
use rust_decimal::Decimal;

/// A number as written, read exactly.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Its exact value if it is a whole number.
    pub integer: Option<i128>,
    /// Its text in decimal without underscores and percent sign.
    pub text: String,
    /// Whether a percent sign follows.
    pub percent: bool,
    /// Whether it has a point or an exponent.
    pub fraction: bool,
}

impl Number {
    /// Reads a number's text.
    #[must_use]
    pub fn read(written: &str) -> Self {
        let percent = written.ends_with('%');
        let text: String = written.trim_end_matches('%').chars().filter(|sign| *sign != '_').collect();
        if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            let integer = i128::from_str_radix(digits, 16).ok();
            let text = integer.map_or(text.clone(), |value| value.to_string());
            return Self { integer: integer.filter(|_| !percent), text, percent, fraction: false };
        }
        let fraction = text.contains(['.', 'e', 'E']);
        let integer = if fraction || percent { None } else { text.parse().ok() };
        Self { integer, text, percent, fraction }
    }

    /// The value as a float.
    #[must_use]
    pub fn float(&self) -> f64 {
        let value: f64 = self.text.parse().unwrap_or(f64::INFINITY);
        if self.percent { value / 100.0 } else { value }
    }

    /// The value as a decimal, if it fits.
    #[must_use]
    pub fn decimal(&self) -> Option<Decimal> {
        let value = Decimal::from_str_exact(&self.text).or_else(|_| Decimal::from_scientific(&self.text)).ok()?;
        if self.percent { value.checked_div(Decimal::ONE_HUNDRED) } else { Some(value) }
    }
}

/// The integer as a literal of a width, if it fits.
#[must_use]
pub fn integer_literal(value: i128, width: IntegerWidth) -> Option<Literal> {
    let (low, high) = width.range();
    if value < low || value > high {
        return None;
    }
    i64::try_from(value).map(Literal::Integer).ok().or_else(|| u64::try_from(value).map(Literal::Unsigned).ok())
}

/// The value that `+=` and the like start from where nothing is stored: zero of a number or duration.
#[must_use]
pub fn zero(ty: &Type) -> Option<Literal> {
    match ty {
        Type::Integer(_) | Type::Duration => Some(Literal::Integer(0)),
        Type::Float32 | Type::Float64 => Some(Literal::Float(0.0)),
        Type::Decimal => Some(Literal::Decimal(Decimal::ZERO)),
        _ => None,
    }
}

/// The value of a state's field that has no default: null, or an empty list, set or map.
#[must_use]
pub fn empty(ty: &Type) -> Option<Literal> {
    match ty {
        Type::Nullable(_) => Some(Literal::Null),
        Type::List(_) | Type::Set(_) | Type::Multi(_) => Some(Literal::List(Vec::new())),
        Type::Map(..) => Some(Literal::Map(Vec::new())),
        _ => None,
    }
}
