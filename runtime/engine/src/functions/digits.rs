//! Numbers as they are written: digits and a power of ten, rounded half to even.

use rust_decimal::Decimal;

/// A written number: `digits` (without leading zeros, empty for zero) times ten to the power of `exponent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Written {
    negative: bool,
    digits: Vec<u8>,
    exponent: i64,
}

/// Digits past which a number is not looked at closer: no type has as many.
const MANY: i64 = 1_000;

/// Decimals hold this many digits after the point.
pub(super) const MOST_PLACES: i64 = 28;

impl Written {
    /// Reads `-12.50e3`: a sign may stand before, digits must stand before and after a point. None for anything else.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (negative, rest) = match text.as_bytes() {
            [b'-', rest @ ..] => (true, rest),
            [b'+', rest @ ..] => (false, rest),
            rest => (false, rest),
        };
        let (whole, rest) = take_digits(rest)?;
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => take_digits(rest)?,
            rest => (&rest[..0], rest),
        };
        let exponent = match rest {
            [] => 0,
            [b'e' | b'E', rest @ ..] => take_exponent(rest)?,
            _ => return None,
        };
        let leading = whole.iter().chain(fraction).take_while(|digit| **digit == b'0').count();
        let digits: Vec<u8> = whole.iter().chain(fraction).skip(leading).copied().collect();
        let places = i64::try_from(fraction.len()).ok()?;
        Some(Self { negative, digits, exponent: exponent - places })
    }

    /// The whole number, if it is one and has at most 38 digits.
    pub(super) fn whole(&self) -> Option<i128> {
        let mut digits = self.digits.as_slice();
        let mut exponent = self.exponent;
        while exponent < 0
            && let [rest @ .., b'0'] = digits
        {
            digits = rest;
            exponent += 1;
        }
        if digits.is_empty() {
            return Some(0);
        }
        if !(0..=38).contains(&exponent) {
            return None;
        }
        let mut value: i128 = std::str::from_utf8(digits).ok()?.parse().ok()?;
        for _ in 0..exponent {
            value = value.checked_mul(10)?;
        }
        Some(if self.negative { -value } else { value })
    }

    /// The decimal, rounded half to even to the digits that it can hold; none where it is too large.
    pub(super) fn decimal(&self) -> Option<Decimal> {
        let length = i64::try_from(self.digits.len()).ok()?;
        if self.digits.is_empty() || length + self.exponent < -MOST_PLACES {
            return Some(Decimal::ZERO);
        }
        if length + self.exponent > MOST_PLACES + 1 {
            return None;
        }
        let mut digits = self.digits.clone();
        digits.extend(std::iter::repeat_n(b'0', usize::try_from(self.exponent).unwrap_or(0)));
        let places = (-self.exponent).max(0);
        let mut dropped = (places - MOST_PLACES).max(0);
        while dropped <= places {
            let rounded = round(&digits, usize::try_from(dropped).ok()?);
            let scale = u32::try_from(places - dropped).ok()?;
            if let Some(mut value) = decimal_of(&rounded, scale) {
                value.set_sign_negative(self.negative && !value.is_zero());
                return Some(value);
            }
            dropped += 1;
        }
        None
    }

    /// The number rounded half to even to a number of digits after the point, as text that `f64` reads.
    pub(super) fn round(&self, places: i64) -> String {
        let sign = if self.negative { "-" } else { "" };
        let dropped = usize::try_from(-self.exponent - places).unwrap_or(0);
        if dropped > self.digits.len() {
            return "0".to_owned();
        }
        let kept = round(&self.digits, dropped);
        let kept = std::str::from_utf8(&kept).unwrap_or("0");
        let dropped = i64::try_from(dropped).unwrap_or(0);
        format!("{sign}{}e{}", if kept.is_empty() { "0" } else { kept }, self.exponent + dropped)
    }

    /// A form that equal numbers share: `-12.5`, or with an exponent for many digits.
    pub(super) fn canonical(&self) -> String {
        let kept = self.digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1);
        let digits = std::str::from_utf8(self.digits.get(..kept).unwrap_or(&[])).unwrap_or("");
        if digits.is_empty() {
            return "0".to_owned();
        }
        let sign = if self.negative { "-" } else { "" };
        let dropped = i64::try_from(self.digits.len() - kept).unwrap_or(0);
        let exponent = self.exponent.saturating_add(dropped);
        let point = i64::try_from(kept).unwrap_or(0).saturating_add(exponent);
        if !(-5..=21).contains(&point) {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            return format!("{sign}{first}{dot}{rest}e{}", point - 1);
        }
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
        match usize::try_from(point) {
            Ok(point) if point >= kept => format!("{sign}{digits}{}", zeros(exponent)),
            Ok(point) if point > 0 => {
                let (whole, fraction) = digits.split_at(point);
                format!("{sign}{whole}.{fraction}")
            }
            _ => format!("{sign}0.{}{digits}", zeros(-point)),
        }
    }
}

fn decimal_of(digits: &[u8], scale: u32) -> Option<Decimal> {
    let mantissa: i128 = if digits.is_empty() { 0 } else { std::str::from_utf8(digits).ok()?.parse().ok()? };
    Decimal::try_from_i128_with_scale(mantissa, scale).ok()
}

/// At least one digit from the front.
fn take_digits(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = bytes.iter().take_while(|byte| byte.is_ascii_digit()).count();
    (length > 0).then(|| bytes.split_at(length))
}

/// The power of ten to the end; one of very many digits is as good as [`MANY`] thousand.
fn take_exponent(bytes: &[u8]) -> Option<i64> {
    let (sign, bytes) = match bytes {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        rest => (1, rest),
    };
    let (digits, rest) = take_digits(bytes)?;
    let value = digits.iter().fold(0, |value: i64, digit| (value * 10 + i64::from(digit - b'0')).min(MANY * MANY));
    rest.is_empty().then_some(sign * value)
}

/// Digits without the last `dropped`, rounded half to even.
fn round(digits: &[u8], dropped: usize) -> Vec<u8> {
    if dropped == 0 {
        return digits.to_vec();
    }
    if dropped > digits.len() {
        return Vec::new();
    }
    let (kept, rest) = digits.split_at(digits.len() - dropped);
    let mut kept = kept.to_vec();
    let half = rest.first().copied().unwrap_or(b'0').cmp(&b'5');
    let exact = rest.iter().skip(1).all(|digit| *digit == b'0');
    let odd = kept.last().is_some_and(|digit| digit % 2 == 1);
    let up = half.is_gt() || (half.is_eq() && (!exact || odd));
    if up {
        for digit in kept.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                return kept;
            }
            *digit = b'0';
        }
        kept.insert(0, b'1');
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_a_whole_or_not_at_all() {
        for wrong in ["", "-", "+", ".5", "1.", "1e", "1e+", "1.5.2", " 1", "1 ", "NaN", "inf", "0x1F", "1_000", "１"]
        {
            assert_eq!(Written::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn whole_numbers_are_known_in_every_form() {
        for (text, value) in
            [("0", 0), ("-0.0", 0), ("007", 7), ("7.0", 7), ("1.5e1", 15), ("-120e-1", -12), ("0e999999999", 0)]
        {
            assert_eq!(Written::read(text).and_then(|written| written.whole()), Some(value), "{text}");
        }
        for text in ["7.5", "1e39", "1e999999999999999999", "1e-1"] {
            assert_eq!(Written::read(text).and_then(|written| written.whole()), None, "{text}");
        }
    }

    #[test]
    fn decimals_round_half_to_even_once() {
        let decimal =
            |text: &str| Written::read(text).and_then(|written| written.decimal()).map(|value| value.to_string());
        assert_eq!(decimal("1.50").as_deref(), Some("1.50"));
        assert_eq!(decimal("-0.00").as_deref(), Some("0"));
        assert_eq!(decimal("79228162514264337593543950335").as_deref(), Some("79228162514264337593543950335"));
        assert_eq!(decimal("79228162514264337593543950336"), None);
        assert_eq!(decimal("1e99"), None);
        assert_eq!(decimal("0.00000000000000000000000000025").as_deref(), Some("0.0000000000000000000000000002"));
        assert_eq!(decimal("0.00000000000000000000000000035").as_deref(), Some("0.0000000000000000000000000004"));
        assert_eq!(decimal("0.000000000000000000000000000249999").as_deref(), Some("0.0000000000000000000000000002"));
        assert_eq!(decimal("9999999999999999999999999999.95").as_deref(), Some("10000000000000000000000000000"));
        assert_eq!(decimal("1e-999999999").as_deref(), Some("0"));
    }

    #[test]
    fn floats_round_by_their_shortest_form() {
        let rounded = |text: &str, places| Written::read(text).map(|written| written.round(places).parse::<f64>());
        for (text, places, value) in [
            ("2.5", 0, 2.0),
            ("3.5", 0, 4.0),
            ("2.675", 2, 2.68),
            ("0.5", 0, 0.0),
            ("0.51", 0, 1.0),
            ("999.9", 0, 1000.0),
            ("1e300", 2, 1e300),
            ("4e-10", 2, 0.0),
            ("-1.5", 0, -2.0),
        ] {
            assert_eq!(rounded(text, places), Some(Ok(value)), "{text}");
        }
    }

    #[test]
    fn equal_numbers_have_one_canonical_form() {
        for (text, form) in [
            ("1.0", "1"),
            ("-0", "0"),
            ("100", "100"),
            ("1e2", "100"),
            ("12.50", "12.5"),
            ("0.001", "0.001"),
            ("1e-9", "1e-9"),
            ("123e30", "1.23e32"),
        ] {
            assert_eq!(Written::read(text).map(|written| written.canonical()).as_deref(), Some(form));
        }
    }
}
