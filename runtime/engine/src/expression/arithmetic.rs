//! Checked arithmetic and the words of its faults.

use nsf_plan::{IntegerWidth, Origin, Type};
use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};

use crate::{
    fault::{Fallible, Fault, FaultCode},
    instant,
};

/// What a result of integer arithmetic must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bounds {
    /// `int64`, `timestamp`, `duration`, `date`.
    Long,
    /// `uint64`, as its bits.
    Unsigned,
    /// A narrower integer.
    Narrow(IntegerWidth, i64, i64),
    /// `duration`, for its words.
    Span,
    /// `timestamp`, for its words.
    Instant,
    /// `date`, for its words.
    Day,
}

impl Bounds {
    /// The bounds of a type.
    #[must_use]
    pub fn of(ty: &Type) -> Self {
        match ty {
            Type::Integer(IntegerWidth::Int64) => Self::Long,
            Type::Integer(IntegerWidth::UInt64) => Self::Unsigned,
            Type::Integer(width) => {
                let bound = |bound: i128| i64::try_from(bound).unwrap_or_default();
                Self::Narrow(*width, bound(width.range().0), bound(width.range().1))
            }
            Type::Duration => Self::Span,
            Type::Timestamp => Self::Instant,
            Type::Date => Self::Day,
            Type::Nullable(inner) | Type::Select(inner) => Self::of(inner),
            _ => Self::Long,
        }
    }

    fn fit(self, value: Option<i64>) -> Option<i64> {
        match self {
            Self::Narrow(_, least, most) => value.filter(|value| *value >= least && *value <= most),
            _ => value,
        }
    }

    /// The sum, if it fits.
    #[inline]
    #[must_use]
    pub fn add(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Self::Unsigned => left.cast_unsigned().checked_add(right.cast_unsigned()).map(u64::cast_signed),
            _ => self.fit(left.checked_add(right)),
        }
    }

    /// The difference, if it fits.
    #[inline]
    #[must_use]
    pub fn subtract(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Self::Unsigned => left.cast_unsigned().checked_sub(right.cast_unsigned()).map(u64::cast_signed),
            _ => self.fit(left.checked_sub(right)),
        }
    }

    /// The product, if it fits.
    #[inline]
    #[must_use]
    pub fn multiply(self, left: i64, right: i64) -> Option<i64> {
        match self {
            Self::Unsigned => left.cast_unsigned().checked_mul(right.cast_unsigned()).map(u64::cast_signed),
            _ => self.fit(left.checked_mul(right)),
        }
    }

    /// The remainder with the sign of the dividend; the divisor is not zero.
    #[inline]
    #[must_use]
    pub fn remainder(self, left: i64, right: i64) -> i64 {
        match self {
            Self::Unsigned => left.cast_unsigned().checked_rem(right.cast_unsigned()).unwrap_or(0).cast_signed(),
            // The one overflow, the least integer by -1, has the remainder 0.
            _ => left.checked_rem(right).unwrap_or(0),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Long => "int64",
            Self::Unsigned => "uint64",
            Self::Narrow(width, ..) => width.name(),
            Self::Span => "duration",
            Self::Instant => "timestamp",
            Self::Day => "date",
        }
    }

    fn range(self) -> String {
        match self {
            Self::Unsigned => format!("0 to {}", u64::MAX),
            Self::Narrow(_, least, most) => format!("{least} to {most}"),
            _ => format!("{} to {}", i64::MIN, i64::MAX),
        }
    }
}

/// An operand in a message.
#[must_use]
pub fn text(bounds: Bounds, value: i64) -> String {
    match bounds {
        Bounds::Unsigned => value.cast_unsigned().to_string(),
        Bounds::Span => {
            let mut out = String::new();
            instant::write_duration(value, &mut out);
            out
        }
        _ => value.to_string(),
    }
}

/// A float in a message: very large and very small ones with an exponent.
#[must_use]
pub fn float_text(value: f64) -> String {
    let plain = value == 0.0 || (1e-6..1e21).contains(&value.abs());
    if plain { format!("{value}") } else { format!("{value:e}") }
}

/// An operation of floats in a message.
#[must_use]
pub fn floats_text(left: f64, operator: &str, right: f64) -> String {
    format!("{} {operator} {}", float_text(left), float_text(right))
}

/// A result that does not fit.
#[cold]
#[inline(never)]
pub fn overflow(bounds: Bounds, left: i64, operator: &str, right: i64, origin: Option<Origin>) -> Box<Fault> {
    let (left, right) = (text(bounds, left), text(bounds, right));
    outside(bounds, &format!("{left} {operator} {right}"), origin)
}

/// A negation that does not fit.
#[cold]
#[inline(never)]
pub fn negation_overflow(bounds: Bounds, value: i64, origin: Option<Origin>) -> Box<Fault> {
    outside(bounds, &format!("-({})", text(bounds, value)), origin)
}

fn outside(bounds: Bounds, what: &str, origin: Option<Origin>) -> Box<Fault> {
    let message = format!("`{what}` is outside {}, which holds {}", bounds.name(), bounds.range());
    Box::new(Fault { code: FaultCode::Overflow, message: message.into(), origin })
}

/// A result with its own words that does not fit.
#[cold]
#[inline(never)]
pub fn too_large(what: &str, ty: &str, origin: Option<Origin>) -> Box<Fault> {
    let article = if ty.starts_with('i') { "an" } else { "a" };
    let message = format!("`{what}` is too large for {article} {ty}");
    Box::new(Fault { code: FaultCode::Overflow, message: message.into(), origin })
}

/// A division by zero.
#[cold]
#[inline(never)]
pub fn division_by_zero(left: &str, operator: &str, origin: Option<Origin>) -> Box<Fault> {
    let message = format!("`{left} {operator} 0` divides by zero");
    Box::new(Fault { code: FaultCode::DivisionByZero, message: message.into(), origin })
}

fn span_text(span: i64, divide: bool, number: &dyn std::fmt::Display) -> String {
    format!("{} {} {number}", text(Bounds::Span, span), if divide { "/" } else { "*" })
}

/// A duration times or divided by a whole number.
pub fn scale_span(span: i64, number: i128, divide: bool, origin: Option<Origin>) -> Fallible<i64> {
    let exact = if divide {
        if number == 0 {
            return Err(division_by_zero(&text(Bounds::Span, span), "/", origin));
        }
        Some(half_even(i128::from(span), number))
    } else {
        i128::from(span).checked_mul(number)
    };
    let fits = exact.and_then(|value| i64::try_from(value).ok());
    fits.ok_or_else(|| too_large(&span_text(span, divide, &number), "duration", origin))
}

/// A quotient rounded half to even; the divisor is not zero.
fn half_even(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend.div_euclid(divisor), dividend.rem_euclid(divisor));
    // The rest is positive, so the exact value lies above the quotient for a positive divisor and below it otherwise.
    let step = divisor.signum();
    match (rest * 2).cmp(&divisor.abs()) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Greater => quotient + step,
        std::cmp::Ordering::Equal => quotient + if quotient % 2 == 0 { 0 } else { step },
    }
}

/// A duration times or divided by a float.
pub fn scale_span_by_float(span: i64, number: f64, divide: bool, origin: Option<Origin>) -> Fallible<i64> {
    if divide && number == 0.0 {
        return Err(division_by_zero(&text(Bounds::Span, span), "/", origin));
    }
    let exact = if divide { span as f64 / number } else { span as f64 * number };
    let rounded = exact.round_ties_even();
    // 2^63 as a float is the first that does not fit.
    if (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&rounded) {
        #[allow(clippy::cast_possible_truncation)]
        return Ok(rounded as i64);
    }
    Err(too_large(&span_text(span, divide, &float_text(number)), "duration", origin))
}

/// A duration times or divided by a decimal.
pub fn scale_span_by_decimal(span: i64, number: Decimal, divide: bool, origin: Option<Origin>) -> Fallible<i64> {
    if divide && number.is_zero() {
        return Err(division_by_zero(&text(Bounds::Span, span), "/", origin));
    }
    let (over, under) = (number.mantissa(), 10_i128.pow(number.scale()));
    let (over, under) = if divide { (under, over) } else { (over, under) };
    let fits = match i128::from(span).checked_mul(over) {
        Some(product) => i64::try_from(half_even(product, under)).ok(),
        None => {
            let span = Decimal::from(span);
            let value = if divide { span.checked_div(number) } else { span.checked_mul(number) };
            let rounded = value.map(|value| value.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven));
            rounded.and_then(|value| value.to_i64())
        }
    };
    fits.ok_or_else(|| too_large(&span_text(span, divide, &number), "duration", origin))
}

/// A float that may be given on.
#[inline(always)]
pub fn finite(value: f64, words: impl FnOnce() -> String, single: bool, origin: Option<Origin>) -> Fallible<f64> {
    #[allow(clippy::cast_possible_truncation)]
    let value = if single { f64::from(value as f32) } else { value };
    if value.is_finite() {
        Ok(value)
    } else {
        Err(too_large(&words(), if single { "float32" } else { "float64" }, origin))
    }
}

/// A sum, difference, product, quotient or remainder of decimals.
///
/// # Errors
/// Division by zero, or more digits before the point than a decimal holds.
pub fn decimals(
    operator: nsf_plan::BinaryOperator,
    left: Decimal,
    right: Decimal,
    origin: Option<Origin>,
) -> Fallible<Decimal> {
    use nsf_plan::BinaryOperator as Operator;
    let (sign, result) = match operator {
        Operator::Add => ("+", left.checked_add(right)),
        Operator::Subtract => ("-", left.checked_sub(right)),
        Operator::Multiply => ("*", left.checked_mul(right)),
        Operator::Divide if right.is_zero() => return Err(division_by_zero(&left.to_string(), "/", origin)),
        Operator::Divide => ("/", left.checked_div(right)),
        _ if right.is_zero() => return Err(division_by_zero(&left.to_string(), "%", origin)),
        _ => ("%", left.checked_rem(right)),
    };
    result.ok_or_else(|| too_large(&format!("{left} {sign} {right}"), "decimal", origin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_round_half_to_even_whatever_the_signs() {
        for (dividend, divisor, wanted) in [
            (5, 2, 2),
            (7, 2, 4),
            (-5, 2, -2),
            (-7, 2, -4),
            (5, -2, -2),
            (7, -2, -4),
            (-5, -2, 2),
            (1, 3, 0),
            (2, 3, 1),
            (-2, 3, -1),
            (9, 3, 3),
        ] {
            assert_eq!(half_even(dividend, divisor), wanted, "{dividend} / {divisor}");
        }
    }

    #[test]
    fn a_narrow_result_must_fit_its_own_width() {
        let bounds = Bounds::of(&Type::Integer(IntegerWidth::Int8));
        assert_eq!(bounds.add(100, 27), Some(127));
        assert_eq!(bounds.add(100, 28), None);
        assert_eq!(Bounds::Unsigned.subtract(1, 2), None);
        assert_eq!(Bounds::Unsigned.add(-2, 1), Some(-1));
        assert_eq!(Bounds::Unsigned.add(-1, 1), None);
        assert_eq!(Bounds::Long.remainder(i64::MIN, -1), 0);
    }
}
