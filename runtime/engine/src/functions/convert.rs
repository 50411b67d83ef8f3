//! `std.convert`: conversions between numbers, texts and JSON.

use nsf_plan::{IntegerWidth, Type};
use rust_decimal::Decimal;

use crate::{
    encode::json::write_decimal,
    fault::Fallible,
    functions::{
        Builtin, Call,
        digits::Written,
        json::kind,
        json_scan::{trimmed, unquoted},
        support::{conversion, count, fit, not_a, overflow, pure, whole},
    },
    instant,
    value::{Value, quoted},
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("int8(T)", integer_of_number),
    pure("int8(text)", integer_of_text),
    pure("int8(json)", integer_of_json),
    pure("int16(T)", integer_of_number),
    pure("int16(text)", integer_of_text),
    pure("int16(json)", integer_of_json),
    pure("int32(T)", integer_of_number),
    pure("int32(text)", integer_of_text),
    pure("int32(json)", integer_of_json),
    pure("int64(T)", integer_of_number),
    pure("int64(text)", integer_of_text),
    pure("int64(json)", integer_of_json),
    pure("int64(timestamp)", |call| call.value(0)),
    pure("uint8(T)", integer_of_number),
    pure("uint8(text)", integer_of_text),
    pure("uint8(json)", integer_of_json),
    pure("uint16(T)", integer_of_number),
    pure("uint16(text)", integer_of_text),
    pure("uint16(json)", integer_of_json),
    pure("uint32(T)", integer_of_number),
    pure("uint32(text)", integer_of_text),
    pure("uint32(json)", integer_of_json),
    pure("uint64(T)", integer_of_number),
    pure("uint64(text)", integer_of_text),
    pure("uint64(json)", integer_of_json),
    pure("float32(T)", |call| call.finite(number_as_float(call.value(0)?))),
    pure("float32(text)", float_of_text),
    pure("float32(json)", float_of_json),
    pure("float64(T)", |call| call.finite(number_as_float(call.value(0)?))),
    pure("float64(text)", float_of_text),
    pure("float64(json)", float_of_json),
    pure("decimal(T)", decimal_of_number),
    pure("decimal(text)", |call| decimal_of(call.text(0)?)),
    pure("decimal(json)", |call| decimal_of(json_number(call)?)),
    pure("bool(text)", |call| match call.text(0)? {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        other => Err(not_a(other, "a `bool`: only `true` and `false` are")),
    }),
    pure("bool(json)", |call| match trimmed(call.json(0)?) {
        "true" => Ok(Value::Bool(true)),
        "false" => Ok(Value::Bool(false)),
        other => Err(not_a(other, "a `bool`: only `true` and `false` are")),
    }),
    pure("text(T)", text_of_number),
    pure("text(bool)", |call| Ok(Value::Text(if call.bool(0)? { "true" } else { "false" }))),
    pure("text(text)", |call| call.value(0)),
    pure("text(timestamp)", |call| {
        let time = call.integer(0)?;
        Ok(call.new_written(|out| instant::write_timestamp(time, out)))
    }),
    pure("text(date)", |call| {
        let date = call.integer(0)?;
        Ok(call.new_written(|out| instant::write_date(date, out)))
    }),
    pure("text(json)", |call| {
        let text = trimmed(call.json(0)?);
        if kind(text) != "text" {
            return Ok(Value::Text(text));
        }
        Ok(match unquoted(text) {
            std::borrow::Cow::Borrowed(text) => Value::Text(text),
            std::borrow::Cow::Owned(text) => call.new_text(&text),
        })
    }),
    pure("text(bytes)", |call| match std::str::from_utf8(call.bytes(0)?) {
        Ok(text) => Ok(Value::Text(text)),
        Err(error) => Err(conversion(format!("the bytes are not UTF-8 from byte {} on", error.valid_up_to()))),
    }),
    pure("bytes(text)", |call| Ok(Value::Bytes(call.bytes(0)?))),
    pure("len(bytes)", |call| Ok(count(call.bytes(0)?.len()))),
];

/// The name of the result's type for a message: "an `int32`".
fn result_name(call: &Call<'_, '_>) -> String {
    let name = call.result.non_null().to_string();
    if name.starts_with('i') { format!("an `{name}`") } else { format!("a `{name}`") }
}

/// The range of the result's type.
fn result_range(call: &Call<'_, '_>) -> (i128, i128) {
    if let Type::Integer(width) = call.result.non_null() { width.range() } else { IntegerWidth::Int64.range() }
}

fn integer_of_number<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let value = call.value(0)?;
    let number = match value {
        Value::Float(number) if number.fract() == 0.0 => {
            // A number outside `i128` becomes its nearest end, which no integer type holds.
            #[allow(clippy::cast_possible_truncation)]
            let number = number as i128;
            Some(number)
        }
        Value::Decimal(number) if number.fract().is_zero() => Some(number.trunc().mantissa() / scale(number.trunc())),
        other => whole(other),
    };
    let Some(number) = number else {
        let shown = shown_number(value);
        let name = result_name(call);
        return Err(conversion(format!(
            "{shown} is not {name}: it has a fraction; `round` or `truncate` takes it away"
        )));
    };
    fit(call.result, number)
}

/// What the mantissa of a decimal without a fraction is to be divided by.
fn scale(number: Decimal) -> i128 {
    10_i128.checked_pow(number.scale()).unwrap_or(1)
}

fn shown_number(value: Value<'_>) -> String {
    match value {
        Value::Float(number) => number.to_string(),
        Value::Decimal(number) => number.to_string(),
        value => whole(value).unwrap_or(0).to_string(),
    }
}

fn integer_of_text<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let text = call.text(0)?;
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(not_a(text, &result_name(call)));
    }
    let (low, high) = result_range(call);
    // What is too long even for `i128` fits no integer type.
    let value: Option<i128> = text.parse().ok().filter(|value| (low..=high).contains(value));
    let Some(value) = value else {
        let name = call.result.non_null();
        return Err(conversion(format!("{} does not fit `{name}` ({low} to {high})", quoted(text))));
    };
    fit(call.result, value)
}

/// The text of a JSON number.
fn json_number<'b>(call: &Call<'_, 'b>) -> Fallible<&'b str> {
    let text = trimmed(call.json(0)?);
    if kind(text) == "number" {
        Ok(text)
    } else {
        Err(not_a(text, &format!("{}: it is no JSON number", result_name(call))))
    }
}

fn integer_of_json<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let text = json_number(call)?;
    let Some(value) = Written::read(text).and_then(|number| number.whole()) else {
        return Err(not_a(text, &result_name(call)));
    };
    let (low, high) = result_range(call);
    if !(low..=high).contains(&value) {
        let name = call.result.non_null();
        return Err(conversion(format!("{} does not fit `{name}` ({low} to {high})", quoted(text))));
    }
    fit(call.result, value)
}

fn number_as_float(value: Value<'_>) -> f64 {
    #[allow(clippy::cast_precision_loss)]
    match value {
        Value::Float(number) => number,
        // The text of a decimal is read to the nearest float; arithmetic on its parts would round twice.
        Value::Decimal(number) => number.to_string().parse().unwrap_or(0.0),
        Value::Unsigned(number) => number as f64,
        value => whole(value).unwrap_or(0) as f64,
    }
}

fn float_from<'b>(call: &Call<'_, 'b>, text: &str) -> Fallible<Value<'b>> {
    // `Written` knows what a number is here; Rust's own reader takes `inf` and `.5` too.
    let number: Option<f64> = Written::read(text).and_then(|_| text.parse().ok());
    let Some(number) = number else { return Err(not_a(text, &result_name(call))) };
    call.finite(number).map_err(|_| overflow(format!("{} is too large for {}", quoted(text), result_name(call))))
}

fn float_of_text<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    float_from(call, call.text(0)?)
}

fn float_of_json<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    float_from(call, json_number(call)?)
}

fn decimal_of_number<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    match call.value(0)? {
        value @ Value::Decimal(_) => Ok(value),
        Value::Float(number) if *call.ty(0)? == Type::Float32 => {
            #[allow(clippy::cast_possible_truncation)]
            let number = number as f32;
            decimal_of(&format!("{number:e}"))
        }
        Value::Float(number) => decimal_of(&format!("{number:e}")),
        value => Ok(Value::Decimal(Decimal::from_i128_with_scale(whole(value).unwrap_or(0), 0))),
    }
}

fn decimal_of<'b>(text: &str) -> Fallible<Value<'b>> {
    let Some(number) = Written::read(text) else { return Err(not_a(text, "a `decimal`")) };
    let value = number.decimal().map(Value::Decimal);
    value.ok_or_else(|| overflow(format!("{} does not fit `decimal`: it has more than 28 digits", quoted(text))))
}

fn text_of_number<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let text = match call.value(0)? {
        Value::Float(number) if *call.ty(0)? == Type::Float32 => {
            #[allow(clippy::cast_possible_truncation)]
            let number = number as f32;
            let plain = number == 0.0 || (1e-6..1e21).contains(&number.abs());
            if plain { (number + 0.0).to_string() } else { format!("{number:e}") }
        }
        Value::Float(number) => {
            let plain = number == 0.0 || (1e-6..1e21).contains(&number.abs());
            if plain { (number + 0.0).to_string() } else { format!("{number:e}") }
        }
        Value::Decimal(number) => return Ok(call.new_written(|out| write_decimal(number, out))),
        Value::Integer(milliseconds) if *call.ty(0)? == Type::Duration => {
            let mut text = String::new();
            instant::write_duration(milliseconds, &mut text);
            text
        }
        value => whole(value).unwrap_or(0).to_string(),
    };
    Ok(call.new_text(&text))
}
