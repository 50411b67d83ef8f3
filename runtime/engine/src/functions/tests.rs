//! The table of built-in functions as a whole.

use std::collections::BTreeSet;

use bumpalo::Bump;
use nsf_plan::{IntegerWidth, Type};
use rust_decimal::Decimal;

use super::{Argument, Call, TOPICS, find};
use crate::{
    fault::{Fallible, FaultCode},
    value::Value,
};

/// The value of a built-in for arguments of types.
fn call<'b>(arena: &'b Bump, signature: &str, arguments: &[(Type, Value<'b>)], result: &Type) -> Fallible<Value<'b>> {
    let builtin = find(signature).unwrap_or_else(|| panic!("no built-in `{signature}`"));
    let types: Vec<Type> = arguments.iter().map(|(ty, _)| ty.clone()).collect();
    let arguments: Vec<Argument<'_, 'b>> = arguments.iter().map(|(_, value)| Argument::Value(*value)).collect();
    (builtin.function)(&Call { arena, arguments: &arguments, types: &types, result, now: 0, clock: None })
}

#[test]
fn every_signature_stands_once_and_is_canonical() {
    let mut seen = BTreeSet::new();
    for builtin in TOPICS.iter().flat_map(|topic| topic.iter()) {
        let signature = builtin.signature;
        assert!(seen.insert(signature), "{signature} stands twice");
        assert!(signature.ends_with(')') && !signature.contains("  ") && !signature.contains(" ("), "{signature}");
        assert!(signature.split(',').skip(1).all(|part| part.starts_with(' ')), "{signature}");
    }
}

#[test]
fn only_clock_and_random_differ_from_call_to_call() {
    let impure: Vec<&str> =
        TOPICS.iter().flat_map(|topic| topic.iter()).filter(|builtin| !builtin.pure).map(|b| b.signature).collect();
    assert_eq!(impure, ["random()", "clock()"]);
}

#[test]
fn a_plan_with_wrong_arguments_gets_a_fault_and_no_panic() {
    let arena = Bump::new();
    let values = [
        Value::Null,
        Value::Bool(true),
        Value::Integer(-1),
        Value::Float(0.5),
        Value::Text("a"),
        Value::Json("{"),
        Value::List(&[Value::Null, Value::Integer(3), Value::Text("")]),
        Value::Map(&[(Value::Null, Value::Null)]),
        Value::Record(&[]),
    ];
    for builtin in TOPICS.iter().flat_map(|topic| topic.iter()) {
        for value in values {
            for count in 0..5 {
                let arguments = vec![Argument::Value(value); count];
                let types = vec![Type::Text; count];
                let call = Call {
                    arena: &arena,
                    arguments: &arguments,
                    types: &types,
                    result: &Type::Text,
                    now: 0,
                    clock: None,
                };
                if let Err(fault) = (builtin.function)(&call) {
                    assert!(!fault.message.is_empty(), "{}", builtin.signature);
                }
            }
        }
    }
}

#[test]
fn a_result_outside_a_narrow_type_is_a_fault() {
    let arena = Bump::new();
    let int8 = Type::Integer(IntegerWidth::Int8);
    let items = Type::List(Box::new(int8.clone()));
    let long = [Value::Integer(100), Value::Integer(100)];
    let sum = call(&arena, "sum(list<T>)", &[(items, Value::List(&long))], &int8);
    assert_eq!(sum.map_err(|fault| fault.code), Err(FaultCode::Overflow));
    let abs = call(&arena, "abs(T)", &[(int8.clone(), Value::Integer(-128))], &int8);
    assert_eq!(abs.map_err(|fault| fault.message.to_string()), Err("128 does not fit `int8` (-128 to 127)".to_owned()));
}

#[test]
fn no_function_of_floats_makes_nan_or_an_infinity() {
    let arena = Bump::new();
    let floats = [0.0, -0.0, 1.0, -1.0, 0.5, 2.5, -2.5, 1e300, -1e300, 1e-300, f64::MAX, f64::MIN, f64::MIN_POSITIVE];
    let is_of_floats = |signature: &str| {
        let types = signature.split(['(', ')']).nth(1).unwrap_or("");
        !types.is_empty() && types.split(", ").all(|ty| matches!(ty, "float64" | "int64"))
    };
    let mut called = 0;
    for builtin in TOPICS.iter().flat_map(|topic| topic.iter()).filter(|builtin| is_of_floats(builtin.signature)) {
        let types: Vec<&str> = builtin.signature.split(['(', ')']).nth(1).unwrap_or("").split(", ").collect();
        for first in floats {
            for second in floats {
                #[allow(clippy::cast_possible_truncation)]
                let argument = |index: usize, ty: &&str| {
                    let value = if index.is_multiple_of(2) { first } else { second };
                    Argument::Value(if *ty == "int64" { Value::Integer(value as i64) } else { Value::Float(value) })
                };
                let arguments: Vec<_> = types.iter().enumerate().map(|(index, ty)| argument(index, ty)).collect();
                let types = vec![Type::Float64; arguments.len()];
                let call = Call {
                    arena: &arena,
                    arguments: &arguments,
                    types: &types,
                    result: &Type::Float64,
                    now: 0,
                    clock: None,
                };
                if let Ok(Value::Float(result)) = (builtin.function)(&call) {
                    assert!(result.is_finite(), "{} of {first} and {second}", builtin.signature);
                }
                called += 1;
            }
        }
    }
    assert!(called > 2_000, "{called}");
}

#[test]
fn a_pattern_is_read_once_and_a_bad_one_is_named() {
    let arena = Bump::new();
    let matches = |pattern: &'static str| {
        let arguments = [(Type::Text, Value::Text("a1")), (Type::Text, Value::Text(pattern))];
        call(&arena, "matches(text, text)", &arguments, &Type::Bool)
    };
    for _ in 0..3 {
        assert_eq!(matches(r"\d$"), Ok(Value::Bool(true)));
        let message = matches("(").map_err(|fault| fault.message.to_string());
        assert_eq!(message, Err("`(` is no regular expression: it cannot be read".to_owned()));
    }
}

/// Values at the edges of a type; none for a type that this test does not make.
fn hostile<'b>(ty: &str) -> Vec<Value<'b>> {
    let far = crate::instant::days(999_999_999, 12, 31).unwrap();
    match ty {
        "text" => [
            "",
            "a",
            "班级\u{301}",
            "\0",
            "-9223372036854775808",
            "2024-02-29",
            "UTC",
            "%Y",
            "(",
            "1e999",
            "https://a/?b",
            "A👨‍👩‍👧",
        ]
        .map(Value::Text)
        .to_vec(),
        "int64" | "timestamp" | "duration" => {
            [i64::MIN, -86_400_001, -1, 0, 1, 7, 253_402_300_799_999, i64::MAX].map(Value::Integer).to_vec()
        }
        "date" => [-far, -719_529, -1, 0, 19_782, 2_932_896, far].map(Value::Integer).to_vec(),
        "float64" => [f64::MIN, -90.0, -0.0, 0.5, 1.0, 180.0, f64::MAX, f64::MIN_POSITIVE].map(Value::Float).to_vec(),
        "decimal" => [Decimal::MIN, Decimal::ZERO, Decimal::new(5, 1), Decimal::new(-1, 28), Decimal::MAX]
            .map(Value::Decimal)
            .to_vec(),
        "bool" => vec![Value::Bool(false), Value::Bool(true)],
        "bytes" => vec![Value::Bytes(b""), Value::Bytes(b"\xff\x00")],
        "json" | "json?" => [
            "null",
            "{}",
            "[]",
            "[1,{\"a\":null}]",
            "\"\\u00e9\"",
            "-1.5e-300",
            "1e999999999999",
            "{\"a\":1,\"a\":[2]}",
            "\"2021-1-1\"",
        ]
        .map(Value::Json)
        .to_vec(),
        _ => Vec::new(),
    }
}

#[test]
fn no_function_panics_on_values_at_the_edges_of_its_types() {
    let mut called = 0;
    for builtin in TOPICS.iter().flat_map(|topic| topic.iter()) {
        let types = builtin.signature.split_once('(').map_or("", |(_, types)| types.trim_end_matches(')'));
        let choices: Vec<Vec<Value<'_>>> = types.split(", ").map(hostile).collect();
        let total: usize = choices.iter().map(Vec::len).product();
        for number in 0..total.min(20_000) {
            let mut rest = number;
            let pick = |values: &Vec<Value<'static>>| {
                let value = values[rest % values.len()];
                rest /= values.len();
                Argument::Value(value)
            };
            let arguments: Vec<Argument<'_, '_>> = choices.iter().map(pick).collect();
            let types = vec![Type::Text; arguments.len()];
            let arena = Bump::new();
            for result in [Type::INT64, Type::Integer(IntegerWidth::UInt8), Type::Float64] {
                let call =
                    Call { arena: &arena, arguments: &arguments, types: &types, result: &result, now: 0, clock: None };
                let _ = (builtin.function)(&call);
                called += 1;
            }
        }
    }
    assert!(called > 50_000, "{called}");
}
