//! Numbers in text form, exactly.

use nsf_plan::IntegerWidth;
use rust_decimal::Decimal;

/// What a number's text is as a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whole {
    /// This one.
    Is(i128),
    /// It has a fraction that is not zero.
    Fraction,
    /// It is beyond every integer type.
    TooLarge,
    /// It is not a number.
    NotNumber,
}

/// The whole number that a JSON number means: `12`, `-0`, `12.0`, `1.2e1` and `120e-1` are all whole.
#[must_use]
pub fn whole(text: &str) -> Whole {
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        None => (text, "0"),
        Some(at) => (&text[..at], &text[at + 1..]),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa),
    };
    let (digits, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if digits.is_empty() || !digits.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
        return Whole::NotNumber;
    }
    let all = digits.bytes().chain(fraction.bytes());
    if all.clone().all(|digit| digit == b'0') {
        return Whole::Is(0);
    }
    let Some(exponent) = exponent_of(exponent) else { return Whole::NotNumber };
    // The point lies after this many digits.
    let point = digits.len() as i64 + exponent;
    let mut value = 0_i128;
    for (index, digit) in all.enumerate() {
        if index as i64 >= point {
            if digit != b'0' {
                return Whole::Fraction;
            }
            continue;
        }
        let Some(next) = value.checked_mul(10).and_then(|value| value.checked_add(i128::from(digit - b'0'))) else {
            return Whole::TooLarge;
        };
        value = next;
    }
    let missing = point - (digits.len() + fraction.len()) as i64;
    match u32::try_from(missing.max(0))
        .ok()
        .and_then(|zeros| 10_i128.checked_pow(zeros))
        .and_then(|power| value.checked_mul(power))
    {
        Some(value) => Whole::Is(if negative { -value } else { value }),
        None => Whole::TooLarge,
    }
}

/// An exponent, limited to what decides nothing more.
fn exponent_of(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let value = digits.parse::<i64>().unwrap_or(i64::MAX).min(1_000_000_000);
    Some(if text.starts_with('-') { -value } else { value })
}

/// A whole number within a width, as an `i64` (a `uint64` as its bits).
#[must_use]
pub fn within(value: i128, width: IntegerWidth) -> Option<i64> {
    let (least, most) = width.range();
    if value < least || value > most {
        return None;
    }
    i64::try_from(value).ok().or_else(|| u64::try_from(value).ok().map(u64::cast_signed))
}

/// A decimal from a number's text, exactly; none where it has more digits than a decimal holds or is no number.
#[must_use]
pub fn decimal(text: &str) -> Option<Decimal> {
    if text.contains(['e', 'E']) {
        let exact = Decimal::from_scientific(text).ok()?;
        return Some(exact);
    }
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-') {
        return None;
    }
    Decimal::from_str_exact(text).ok()
}

/// Whether a text is a number as JSON writes one.
#[must_use]
pub fn is_number(text: &str) -> bool {
    let mut cursor = super::scan::Cursor::new(text);
    text.bytes().next().is_some_and(|byte| byte == b'-' || byte.is_ascii_digit())
        && cursor.number().is_ok_and(|number| number.len() == text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_read_exactly_in_every_form() {
        for (text, wanted) in [
            ("0", Whole::Is(0)),
            ("-0", Whole::Is(0)),
            ("-0.0e99999999999999999999", Whole::Is(0)),
            ("12", Whole::Is(12)),
            ("-12.00", Whole::Is(-12)),
            ("1e3", Whole::Is(1000)),
            ("1.25E+2", Whole::Is(125)),
            ("1200e-2", Whole::Is(12)),
            ("1.5", Whole::Fraction),
            ("1e-1", Whole::Fraction),
            ("1e-99999999999999", Whole::Fraction),
            ("9223372036854775808", Whole::Is(9_223_372_036_854_775_808)),
            ("1e400", Whole::TooLarge),
            ("1e99999999999999999999", Whole::TooLarge),
            ("", Whole::NotNumber),
            ("1x", Whole::NotNumber),
            ("1e", Whole::NotNumber),
        ] {
            assert_eq!(whole(text), wanted, "{text}");
        }
    }

    #[test]
    fn a_width_holds_its_range_and_no_more() {
        assert_eq!(within(127, IntegerWidth::Int8), Some(127));
        assert_eq!(within(128, IntegerWidth::Int8), None);
        assert_eq!(within(-1, IntegerWidth::UInt8), None);
        assert_eq!(within(i128::from(u64::MAX), IntegerWidth::UInt64), Some(-1));
    }

    #[test]
    fn decimals_keep_their_digits_or_are_refused() {
        assert_eq!(decimal("12.50").map(|value| value.to_string()), Some("12.50".into()));
        assert_eq!(decimal("1e3").map(|value| value.to_string()), Some("1000".into()));
        assert_eq!(decimal("0.12345678901234567890123456789012"), None);
        assert_eq!(decimal("123456789012345678901234567890123"), None);
        assert_eq!(decimal("abc"), None);
        assert_eq!(decimal(" 1"), None);
    }
}
