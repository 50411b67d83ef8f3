//! Arbitrary texts, types and literals.

use nsf_plan::{IntegerWidth, Literal, Origin, Type};
use proptest::prelude::*;
use rust_decimal::Decimal;

/// Names and texts, among them what YAML could take for something else.
pub fn text() -> impl Strategy<Value = String> {
    const ODD: &[&str] = &[
        "",
        " ",
        "~",
        "null",
        "Null",
        "true",
        "Yes",
        "on",
        "n",
        "1",
        "-0",
        "1e3",
        "0x1F",
        "1_000",
        "12:30",
        "2023-05-20",
        ".inf",
        ".nan",
        "a: b",
        "a #b",
        "# a",
        "- a",
        "a:",
        "? a",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "{",
        "}",
        "[",
        "]",
        ",",
        "'",
        "\"",
        "\\",
        "a\nb",
        "a\r\nb",
        "\t",
        "\0",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{feff}",
        "\u{fffe}",
        "\u{ffff}",
        "\u{10ffff}",
        "--- a",
        "...",
        "<<",
        "=",
        "已提交",
        "é\u{301}",
        "end: true",
    ];
    prop_oneof![
        4 => "[a-z_][a-z0-9_./-]{0,12}",
        2 => prop::sample::select(ODD).prop_map(str::to_owned),
        1 => any::<String>(),
        1 => prop::collection::vec(any::<char>(), 0..6).prop_map(|characters| characters.into_iter().collect()),
        1 => "[a-z ]{100,140}",
    ]
}

pub fn origin() -> impl Strategy<Value = Origin> {
    (0..3_u32, 1..100_000_u32).prop_map(|(file, line)| Origin { file, line })
}

pub fn ty() -> impl Strategy<Value = Type> {
    let scalar = prop_oneof![
        prop::sample::select(&IntegerWidth::ALL[..]).prop_map(Type::Integer),
        prop::sample::select(vec![
            Type::Bool,
            Type::Float32,
            Type::Float64,
            Type::Decimal,
            Type::Text,
            Type::Bytes,
            Type::Timestamp,
            Type::Date,
            Type::Duration,
            Type::Json,
            Type::Link,
            Type::Attachment,
        ]),
    ];
    scalar.prop_recursive(5, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|item| Type::List(Box::new(item))),
            inner.clone().prop_map(|item| Type::Set(Box::new(item))),
            inner.clone().prop_map(|item| Type::Select(Box::new(item))),
            inner.clone().prop_map(|item| Type::Multi(Box::new(item))),
            inner.clone().prop_map(Type::nullable),
            (inner.clone(), inner.clone()).prop_map(|(key, value)| Type::Map(Box::new(key), Box::new(value))),
            prop::collection::vec((text(), inner), 0..4).prop_map(Type::Record),
        ]
    })
}

/// Any float that a literal may be: infinities, subnormal ones and minus zero among them.
fn float() -> impl Strategy<Value = f64> {
    use prop::num::f64::{INFINITE, NEGATIVE, NORMAL, POSITIVE, SUBNORMAL, ZERO};
    POSITIVE | NEGATIVE | NORMAL | SUBNORMAL | ZERO | INFINITE
}

pub fn literal() -> impl Strategy<Value = Literal> {
    let scalar = prop_oneof![
        Just(Literal::Null),
        any::<bool>().prop_map(Literal::Bool),
        any::<i64>().prop_map(Literal::Integer),
        any::<u64>().prop_map(Literal::Unsigned),
        prop::sample::select(vec![i64::MIN, -1, 0, i64::MAX]).prop_map(Literal::Integer),
        float().prop_map(Literal::Float),
        prop::sample::select(vec![0.1, -0.0, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, 1e21])
            .prop_map(Literal::Float),
        (any::<i64>(), 0..29_u32).prop_map(|(digits, scale)| Literal::Decimal(Decimal::new(digits, scale))),
        Just(Literal::Decimal(Decimal::MAX)),
        text().prop_map(Literal::Text),
    ];
    scalar.prop_recursive(4, 10, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Literal::List),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Literal::Record),
            prop::collection::vec((inner.clone(), inner), 0..3).prop_map(Literal::Map),
        ]
    })
}
