//! Round trips: what is written in any form reads back as the same value, and damaged bytes are errors.

use std::collections::BTreeMap;

use bumpalo::Bump;
use nsf_plan::{IntegerWidth, Type};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::{
    cell::{Damaged, read_cell, write_cell, write_number},
    json, key,
};
use crate::{
    cell::Cell,
    decode::{cell_from_json, value_from_json},
};

/// A type and how its cells are made.
fn typed() -> impl Strategy<Value = (Type, Vec<Cell>)> {
    a_type().prop_flat_map(|ty| (Just(ty.clone()), prop::collection::vec(a_cell(ty), 1..4)))
}

pub(crate) fn a_type() -> impl Strategy<Value = Type> {
    let leaf = prop_oneof![
        Just(Type::Bool),
        Just(Type::INT64),
        Just(Type::Integer(IntegerWidth::Int8)),
        Just(Type::Integer(IntegerWidth::UInt64)),
        Just(Type::Float64),
        Just(Type::Float32),
        Just(Type::Decimal),
        Just(Type::Text),
        Just(Type::Bytes),
        Just(Type::Timestamp),
        Just(Type::Date),
        Just(Type::Duration),
        Just(Type::Json),
        Just(Type::Link),
        Just(Type::Select(Box::new(Type::INT64))),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(Type::nullable),
            inner.clone().prop_map(|ty| Type::List(Box::new(ty))),
            inner.clone().prop_map(|ty| Type::Set(Box::new(ty))),
            (inner.clone(), inner.clone()).prop_map(|(key, value)| Type::Map(Box::new(key), Box::new(value))),
            prop::collection::vec(inner, 0..3).prop_map(|types| {
                Type::Record(types.into_iter().enumerate().map(|(at, ty)| (format!("m\"{at}"), ty)).collect())
            }),
        ]
    })
}

pub(crate) fn a_cell(ty: Type) -> BoxedStrategy<Cell> {
    match ty {
        Type::Bool => any::<bool>().prop_map(Cell::Bool).boxed(),
        Type::Integer(IntegerWidth::UInt64) => any::<u64>().prop_map(Cell::Unsigned).boxed(),
        Type::Integer(IntegerWidth::Int8) => any::<i8>().prop_map(|value| Cell::Integer(value.into())).boxed(),
        Type::Integer(_) | Type::Timestamp | Type::Duration => {
            prop_oneof![any::<i64>(), -100..100_i64].prop_map(Cell::Integer).boxed()
        }
        Type::Date => (-10_000_000..10_000_000_i64).prop_map(Cell::Integer).boxed(),
        Type::Float32 => any::<f32>()
            .prop_filter("finite", |value| value.is_finite())
            .prop_map(|value| Cell::Float(value.into()))
            .boxed(),
        Type::Float64 => any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(Cell::Float).boxed(),
        Type::Decimal => (any::<i64>(), any::<bool>(), 0..29_u32)
            .prop_map(|(digits, large, scale)| {
                let mantissa = if large { i128::from(digits) * 4_000_000_000 } else { i128::from(digits) };
                Cell::Decimal(Decimal::from_i128_with_scale(mantissa, scale))
            })
            .boxed(),
        Type::Text => prop_oneof!["[a-c\\x00]{0,3}", "\\PC{0,8}", "[\\x00-\\x20\"\\\\é班]{0,20}"]
            .prop_map(|text| Cell::Text(text.into()))
            .boxed(),
        Type::Bytes => prop::collection::vec(prop_oneof![Just(0_u8), Just(255), any::<u8>()], 0..6)
            .prop_map(|bytes| Cell::Bytes(bytes.into()))
            .boxed(),
        Type::Json => prop_oneof![Just("null "), Just("{\"a\":[1, 2.50]}"), Just("\"x\"")]
            .prop_map(|text| Cell::Json(text.trim().into()))
            .boxed(),
        Type::Link | Type::Attachment => ("[a-z]{0,3}", "[a-z]{0,3}")
            .prop_map(|(name, url)| Cell::Record(Box::new([Cell::Text(name.into()), Cell::Text(url.into())])))
            .boxed(),
        Type::Select(inner) => a_cell(*inner),
        Type::Nullable(inner) => prop_oneof![Just(Cell::Null), a_cell(*inner)].boxed(),
        Type::List(item) => prop::collection::vec(a_cell(*item), 0..4).prop_map(Cell::List).boxed(),
        Type::Set(item) | Type::Multi(item) => prop::collection::vec(a_cell(*item), 0..4)
            .prop_map(|items| Cell::Map(items.into_iter().map(|item| (item, Cell::Null)).collect()))
            .boxed(),
        Type::Map(key, value) => prop::collection::vec((a_cell(*key), a_cell(*value)), 0..4)
            .prop_map(|pairs| Cell::Map(pairs.into_iter().collect::<BTreeMap<_, _>>()))
            .boxed(),
        Type::Record(members) => members
            .into_iter()
            .map(|(_, ty)| a_cell(ty))
            .collect::<Vec<_>>()
            .prop_map(|cells| Cell::Record(cells.into()))
            .boxed(),
    }
}

/// Whether null can be told from a JSON text `null` in it; of a nullable `json` only null comes back.
pub(crate) fn tells_null(ty: &Type) -> bool {
    match ty {
        Type::Nullable(inner) => !matches!(**inner, Type::Json) && tells_null(inner),
        Type::Json => false,
        Type::List(item) | Type::Set(item) => tells_null(item),
        Type::Map(key, value) => tells_null(key) && tells_null(value),
        Type::Record(members) => members.iter().all(|(_, ty)| tells_null(ty)),
        _ => true,
    }
}

proptest! {
    #[test]
    fn every_cell_reads_back_from_its_compact_form((ty, cells) in typed()) {
        let mut bytes = Vec::new();
        cells.iter().for_each(|cell| write_cell(&ty, cell, &mut bytes));
        let mut rest = bytes.as_slice();
        for cell in &cells {
            prop_assert_eq!(&read_cell(&ty, &mut rest).unwrap(), cell);
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn every_cell_reads_back_from_json((ty, cells) in typed()) {
        let arena = Bump::new();
        for cell in cells.iter().filter(|_| tells_null(&ty)) {
            let (mut by_cell, mut by_value) = (Vec::new(), Vec::new());
            json::write_cell(&ty, cell, &mut by_cell);
            json::write_value(&ty, cell.to_value(&ty, &arena), &mut by_value);
            prop_assert_eq!(&by_cell, &by_value);
            let text = String::from_utf8(by_cell).unwrap();
            prop_assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{}", text);
            prop_assert_eq!(&cell_from_json(&ty, &text).map_err(|fault| format!("{fault:?} {text}")).unwrap(), cell);
        }
    }

    #[test]
    fn keys_order_as_values_and_read_back((ty, cells) in typed()) {
        let arena = Bump::new();
        let bytes_of = |cell: &Cell| {
            let (mut by_cell, mut by_value) = (Vec::new(), Vec::new());
            key::write_cell_part(&ty, cell, &mut by_cell);
            key::write_part(cell.to_value(&ty, &arena), &mut by_value);
            assert_eq!(by_cell, by_value);
            by_cell
        };
        for left in &cells {
            let mut bytes = bytes_of(left);
            bytes.extend_from_slice(b"rest");
            let mut rest = bytes.as_slice();
            prop_assert_eq!(&key::read_part(&ty, &mut rest).unwrap(), left);
            prop_assert_eq!(rest, b"rest");
            for right in &cells {
                prop_assert_eq!(bytes_of(left).cmp(&bytes_of(right)), left.cmp(right), "{:?} {:?}", left, right);
            }
        }
    }

    #[test]
    fn damaged_bytes_are_errors_or_other_cells_and_never_panics(ty in a_type(), bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        if let Ok(cell) = read_cell(&ty, &mut bytes.as_slice()) {
            let mut again = Vec::new();
            write_cell(&ty, &cell, &mut again);
            prop_assert_eq!(read_cell(&ty, &mut again.as_slice()), Ok(cell));
        }
        let _ = key::read_part(&ty, &mut bytes.as_slice());
    }

    #[test]
    fn a_cut_cell_is_damaged((ty, cells) in typed(), cut in 0..1000_usize) {
        let mut bytes = Vec::new();
        write_cell(&ty, &cells[0], &mut bytes);
        if !bytes.is_empty() {
            let cut = cut % bytes.len();
            let mut rest = &bytes[..cut];
            let whole = read_cell(&ty, &mut rest);
            // A shorter cell may stand at the beginning only if nothing of it was read past the cut.
            prop_assert!(whole.is_err() || rest.is_empty());
        }
    }
}

#[test]
fn a_count_that_damage_made_up_takes_no_memory() {
    let empty = Type::Record(Vec::new());
    let nested = Type::Record(vec![("m".to_owned(), empty.clone())]);
    for item in [empty, nested, Type::Bool, Type::nullable(Type::Text)] {
        let mut bytes = Vec::new();
        write_number(u64::MAX >> 1, &mut bytes);
        bytes.extend_from_slice(&[0; 64]);
        for ty in [Type::List(Box::new(item.clone())), Type::Set(Box::new(item.clone()))] {
            assert_eq!(read_cell(&ty, &mut bytes.as_slice()), Err(Damaged), "{ty}");
        }
    }
}

#[test]
fn the_forms_are_those_of_the_table() {
    let arena = Bump::new();
    for (ty, text) in [
        (Type::INT64, "9223372036854775807"),
        (Type::Float64, "12.0"),
        (Type::Float64, "1e+300"),
        (Type::Float32, "0.1"),
        (Type::Decimal, "12.50"),
        (Type::Bytes, "\"aGk=\""),
        (Type::Timestamp, "\"2023-05-21T00:00:00Z\""),
        (Type::Date, "\"2023-05-21\""),
        (Type::Duration, "3000000"),
        (Type::Map(Box::new(Type::Timestamp), Box::new(Type::INT64)), "{\"2023-05-21T00:00:00Z\":1}"),
        (Type::Map(Box::new(Type::List(Box::new(Type::INT64))), Box::new(Type::INT64)), "[[[1],2]]"),
        (Type::Attachment, "{\"name\":\"n\",\"url\":\"u\"}"),
    ] {
        let mut out = Vec::new();
        json::write_value(&ty, value_from_json(&ty, text, &arena).unwrap(), &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), text, "{ty}");
    }
}

#[test]
fn floats_are_written_in_their_shortest_form() {
    let mut bits = 1_u64;
    let check = |value: f64| {
        let mut out = Vec::new();
        json::write_float(value, &mut out);
        assert_eq!(std::str::from_utf8(&out).unwrap(), zmij::Buffer::new().format_finite(value));
    };
    for step in 0..200_000_u64 {
        bits = bits.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let value = f64::from_bits(bits ^ step);
        if value.is_finite() {
            check(value);
        }
        let tenths = (bits >> (step % 60)) as f64 / 10.0;
        for value in [tenths, tenths.next_up(), tenths.next_down(), -tenths, (bits >> 40) as f64 / 60.0] {
            check(value);
        }
    }
    for value in [0.0, -0.0, 0.05, 0.1, 1e14, 99_999_999_999_999.9, f64::MAX, f64::MIN_POSITIVE] {
        check(value);
    }
}
