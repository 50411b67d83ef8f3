//! Sums, means and the like of `std.list`.

use nsf_plan::Type;
use rust_decimal::Decimal;

use crate::{
    fault::Fallible,
    functions::{
        Builtin, Call,
        support::{argument, finite, float, overflow, pure, whole},
    },
    value::Value,
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("sum(list<T>)", sum),
    pure("avg(list<T>)", |call| {
        let items = call.list(0)?;
        if items.is_empty() {
            return Ok(Value::Null);
        }
        #[allow(clippy::cast_precision_loss)]
        finite(exact_sum(items) as f64 / items.len() as f64)
    }),
    pure("avg(list<float64>)", |call| {
        let items = call.list(0)?;
        #[allow(clippy::cast_precision_loss)]
        if items.is_empty() { Ok(Value::Null) } else { finite(float_sum(items)? / items.len() as f64) }
    }),
    pure("avg(list<decimal>)", |call| {
        let items = call.list(0)?;
        if items.is_empty() {
            return Ok(Value::Null);
        }
        let mean = decimal_sum(items).and_then(|sum| sum.checked_div(Decimal::from(items.len())));
        mean.map(Value::Decimal).ok_or_else(too_large)
    }),
    pure("avg(list<duration>)", |call| {
        let items = call.list(0)?;
        let Ok(number) = i128::try_from(items.len()) else { return Ok(Value::Null) };
        if number == 0 { Ok(Value::Null) } else { call.fit(divided(exact_sum(items), number)) }
    }),
    pure("standard_deviation(list<float64>)", |call| {
        let items = call.list(0)?;
        if items.is_empty() {
            return Ok(Value::Null);
        }
        #[allow(clippy::cast_precision_loss)]
        let number = items.len() as f64;
        let mean = float_sum(items)? / number;
        let mut squares = 0.0;
        for item in items {
            squares += (float(*item)? - mean).powi(2);
        }
        finite((squares / number).sqrt())
    }),
    pure("percentile(list<T>, float64)", |call| {
        let share = call.float(1)?;
        if !(0.0..=1.0).contains(&share) {
            return Err(argument(format!("a share is within 0 and 1 (0% and 100%), not {share}")));
        }
        let mut items = call.list(0)?.to_vec();
        items.sort_unstable();
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let rank = (items.len() as f64 * share).ceil() as usize;
        Ok(items.get(rank.saturating_sub(1)).copied().unwrap_or(Value::Null))
    }),
];

fn too_large() -> Box<crate::fault::Fault> {
    overflow("the sum is too large for its type")
}

/// The sum of a list or set.
pub(super) fn sum<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let items = call.list(0)?;
    match call.result.non_null() {
        Type::Float32 | Type::Float64 => call.finite(float_sum(items)?).map_err(|_| too_large()),
        Type::Decimal => decimal_sum(items).map(Value::Decimal).ok_or_else(too_large),
        _ => call.fit(exact_sum(items)),
    }
}

/// The sum of whole numbers. No list is long enough for it to leave `i128`.
fn exact_sum(items: &[Value<'_>]) -> i128 {
    items.iter().filter_map(|item| whole(*item)).sum()
}

fn float_sum(items: &[Value<'_>]) -> Fallible<f64> {
    let mut sum = 0.0;
    for item in items {
        sum += float(*item)?;
    }
    // Infinities of both signs would make NaN of the mean.
    if f64::is_finite(sum) { Ok(sum) } else { Err(too_large()) }
}

fn decimal_sum(items: &[Value<'_>]) -> Option<Decimal> {
    items.iter().try_fold(Decimal::ZERO, |sum, item| match item {
        Value::Decimal(value) => sum.checked_add(*value),
        _ => None,
    })
}

/// A quotient rounded half to even; the divisor is positive.
fn divided(value: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (value.div_euclid(divisor), value.rem_euclid(divisor));
    let up = match (rest * 2).cmp(&divisor) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Equal => quotient % 2 != 0,
        std::cmp::Ordering::Greater => true,
    };
    quotient + i128::from(up)
}

#[cfg(test)]
mod tests {
    use super::divided;

    #[test]
    fn quotients_round_half_to_even() {
        for (value, divisor, result) in
            [(3, 2, 2), (5, 2, 2), (-3, 2, -2), (-5, 2, -2), (7, 3, 2), (8, 3, 3), (-1, 3, 0)]
        {
            assert_eq!(divided(value, divisor), result);
        }
    }
}
