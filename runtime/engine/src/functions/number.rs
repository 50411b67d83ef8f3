//! `std.number`.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::{
    fault::{Fallible, Fault, FaultCode},
    functions::{
        Builtin, Call,
        digits::{MOST_PLACES, Written},
        support::{argument, finite, impure, not_a, overflow, pure, whole},
    },
    value::Value,
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("abs(T)", |call| match call.value(0)? {
        Value::Float(value) => finite(value.abs()),
        Value::Decimal(value) => Ok(Value::Decimal(value.abs())),
        value => call.fit(whole(value).unwrap_or(0).abs()),
    }),
    pure("sign(T)", |call| Ok(Value::Integer(sign(call.value(0)?)))),
    pure("min(T, T)", |call| Ok(if call.value(1)? < call.value(0)? { call.value(1)? } else { call.value(0)? })),
    pure("max(T, T)", |call| Ok(if call.value(1)? > call.value(0)? { call.value(1)? } else { call.value(0)? })),
    pure("clamp(T, T, T)", |call| {
        let (value, low, high) = (call.value(0)?, call.value(1)?, call.value(2)?);
        if low > high {
            return Err(argument("`clamp` has a lower bound above its upper bound"));
        }
        Ok(value.max(low).min(high))
    }),
    pure("floor(float64)", |call| finite(call.float(0)?.floor())),
    pure("floor(decimal)", |call| Ok(Value::Decimal(call.decimal(0)?.floor()))),
    pure("ceil(float64)", |call| finite(call.float(0)?.ceil())),
    pure("ceil(decimal)", |call| Ok(Value::Decimal(call.decimal(0)?.ceil()))),
    pure("truncate(float64)", |call| finite(call.float(0)?.trunc())),
    pure("truncate(decimal)", |call| Ok(Value::Decimal(call.decimal(0)?.trunc()))),
    pure("round(float64, int64)", |call| round_float(call.float(0)?, places(call.integer(1)?)?)),
    pure("round(decimal, int64)", |call| {
        let places = u32::try_from(places(call.integer(1)?)?).unwrap_or(0);
        Ok(Value::Decimal(call.decimal(0)?.round_dp_with_strategy(places, RoundingStrategy::MidpointNearestEven)))
    }),
    pure("div(T, T)", |call| divide(call, |left, right| left / right)),
    pure("div(duration, duration)", |call| divide(call, |left, right| left / right)),
    pure("mod(T, T)", |call| {
        divide(call, |left, right| {
            let rest = left % right;
            if rest != 0 && (rest < 0) != (right < 0) { rest + right } else { rest }
        })
    }),
    pure("power(int64, int64)", power),
    pure("power(float64, float64)", |call| {
        let (base, exponent) = (call.float(0)?, call.float(1)?);
        if base == 0.0 && exponent < 0.0 {
            return Err(argument("zero has no power with a negative exponent"));
        }
        if base < 0.0 && exponent.fract() != 0.0 {
            return Err(argument("a negative number has no power with a fraction as exponent"));
        }
        finite(base.powf(exponent))
    }),
    pure("sqrt(float64)", |call| {
        let value = call.float(0)?;
        if value < 0.0 { Err(argument("a negative number has no square root")) } else { finite(value.sqrt()) }
    }),
    pure("exp(float64)", |call| finite(call.float(0)?.exp())),
    pure("ln(float64)", |call| finite(positive(call.float(0)?)?.ln())),
    pure("log(float64, float64)", logarithm),
    pure("gcd(int64, int64)", |call| {
        let (mut left, mut right) = (call.integer(0)?.unsigned_abs(), call.integer(1)?.unsigned_abs());
        while right != 0 {
            (left, right) = (right, left % right);
        }
        call.fit(left.into())
    }),
    pure("bit_and(int64, int64)", |call| Ok(Value::Integer(call.integer(0)? & call.integer(1)?))),
    pure("bit_or(int64, int64)", |call| Ok(Value::Integer(call.integer(0)? | call.integer(1)?))),
    pure("bit_xor(int64, int64)", |call| Ok(Value::Integer(call.integer(0)? ^ call.integer(1)?))),
    pure("bit_shift(int64, int64)", |call| {
        let (bits, places) = (call.integer(0)?.cast_unsigned(), call.integer(1)?);
        let by = u32::try_from(places.unsigned_abs()).unwrap_or(u32::MAX);
        let shifted = if places < 0 { bits.checked_shr(by) } else { bits.checked_shl(by) };
        Ok(Value::Integer(shifted.unwrap_or(0).cast_signed()))
    }),
    pure("sin(float64)", |call| finite(call.float(0)?.sin())),
    pure("cos(float64)", |call| finite(call.float(0)?.cos())),
    pure("atan2(float64, float64)", |call| finite(call.float(0)?.atan2(call.float(1)?))),
    pure("fixed(decimal, int64, text)", fixed),
    pure("to_base(int64, int64)", to_base),
    pure("from_base(text, int64)", from_base),
    impure("random()", |_| Ok(Value::Float(random()))),
];

fn sign(value: Value<'_>) -> i64 {
    match value {
        Value::Float(value) => i64::from(value > 0.0) - i64::from(value < 0.0),
        Value::Decimal(value) => i64::from(value > Decimal::ZERO) - i64::from(value < Decimal::ZERO),
        value => whole(value).map_or(0, |value| i64::from(value > 0) - i64::from(value < 0)),
    }
}

/// A number of digits after the point that a function takes.
fn places(digits: i64) -> Fallible<i64> {
    if (0..=MOST_PLACES).contains(&digits) {
        return Ok(digits);
    }
    Err(argument(format!("a number is rounded to 0 to 28 digits after the point, not to {digits}")))
}

fn round_float<'b>(value: f64, places: i64) -> Fallible<Value<'b>> {
    if places == 0 {
        return finite(value.round_ties_even());
    }
    let rounded = Written::read(&format!("{value:e}")).and_then(|written| written.round(places).parse().ok());
    finite(rounded.unwrap_or(value))
}

fn divide<'b>(call: &Call<'_, 'b>, operation: impl FnOnce(i128, i128) -> i128) -> Fallible<Value<'b>> {
    let (left, right) = (whole(call.value(0)?).unwrap_or(0), whole(call.value(1)?).unwrap_or(0));
    if right == 0 {
        return Err(Fault::new(FaultCode::DivisionByZero, "division by zero"));
    }
    call.fit(operation(left, right))
}

fn power<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (base, exponent) = (call.integer(0)?, call.integer(1)?);
    if exponent < 0 {
        return Err(argument(format!("a whole number has no power with the negative exponent {exponent}")));
    }
    let value = match (base, u32::try_from(exponent)) {
        (_, Ok(exponent)) => base.checked_pow(exponent),
        (0 | 1, _) => Some(base),
        (-1, _) => Some(if exponent % 2 == 0 { 1 } else { -1 }),
        _ => None,
    };
    value.map(Value::Integer).ok_or_else(|| overflow(format!("{base} to the power of {exponent} does not fit `int64`")))
}

/// A number that has a logarithm.
fn positive(value: f64) -> Fallible<f64> {
    if value > 0.0 {
        Ok(value)
    } else {
        Err(argument(format!("{value} has no logarithm: only numbers above zero have one")))
    }
}

fn logarithm<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (value, base) = (positive(call.float(0)?)?, call.float(1)?);
    if base <= 0.0 || base == 1.0 {
        return Err(argument(format!("{base} is no base of logarithms: a base is above zero and not one")));
    }
    // The two common bases have functions of their own that are exact for their powers.
    if base == 10.0 {
        return finite(value.log10());
    }
    if base == 2.0 {
        return finite(value.log2());
    }
    finite(value.ln() / base.ln())
}

fn fixed<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let places = places(call.integer(1)?)?;
    let value = call.decimal(0)?;
    let digits = u32::try_from(places).unwrap_or(0);
    let value = value.round_dp_with_strategy(digits, RoundingStrategy::MidpointNearestEven);
    let text = value.abs().to_string();
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut result = String::from(if value.is_sign_negative() && !value.is_zero() { "-" } else { "" });
    let group = call.text(2)?;
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            result.push_str(group);
        }
        result.push(digit);
    }
    if places > 0 {
        result.push('.');
        let wide = usize::try_from(places).unwrap_or(0);
        result.push_str(&format!("{fraction:0<wide$}"));
    }
    Ok(call.new_text(&result))
}

/// A base that numbers are written in.
fn base(value: i64) -> Fallible<u32> {
    u32::try_from(value)
        .ok()
        .filter(|base| (2..=36).contains(base))
        .ok_or_else(|| argument(format!("numbers are written in a base from 2 to 36, not {value}")))
}

fn to_base<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (value, base) = (call.integer(0)?, base(call.integer(1)?)?);
    let mut rest = value.unsigned_abs();
    let mut digits = Vec::new();
    loop {
        let digit = u32::try_from(rest % u64::from(base)).unwrap_or(0);
        digits.extend(char::from_digit(digit, base));
        rest /= u64::from(base);
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        digits.push('-');
    }
    Ok(call.new_text(&digits.iter().rev().collect::<String>()))
}

fn from_base<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (text, base) = (call.text(0)?, base(call.integer(1)?)?);
    i64::from_str_radix(text, base).map(Value::Integer).map_err(|_| not_a(text, &format!("an `int64` in base {base}")))
}

/// A number from 0 up to 1, by a generator of this thread that is seeded from the system.
fn random() -> f64 {
    use std::{
        cell::Cell,
        hash::{BuildHasher, RandomState},
    };
    thread_local! {
        static STATE: Cell<u64> = Cell::new(RandomState::new().hash_one(0));
    }
    // SplitMix64; 53 of its bits are the fraction.
    let state = STATE.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
    STATE.set(state);
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    #[allow(clippy::cast_precision_loss)]
    let fraction = ((mixed ^ (mixed >> 31)) >> 11) as f64;
    fraction / 9_007_199_254_740_992.0
}
