//! What is written for people reads back as the same value; what is damaged is an error.

use nsf_plan::{IntegerWidth, Type};
use proptest::prelude::*;

use super::*;
use crate::encode::tests::{a_cell, a_type, tells_null};

/// The types that a key may have.
fn a_key_type() -> impl Strategy<Value = Type> {
    prop_oneof![
        Just(Type::Bool),
        Just(Type::INT64),
        Just(Type::Integer(IntegerWidth::UInt64)),
        Just(Type::Decimal),
        Just(Type::Text),
        Just(Type::Bytes),
        Just(Type::Timestamp),
        Just(Type::Date),
        Just(Type::Duration),
        Just(Type::nullable(Type::Text)),
        Just(Type::Select(Box::new(Type::INT64))),
    ]
}

fn a_key() -> impl Strategy<Value = (Vec<Type>, Vec<Vec<Cell>>)> {
    prop::collection::vec(a_key_type(), 1..4).prop_flat_map(|types| {
        let cells: Vec<BoxedStrategy<Cell>> = types.iter().cloned().map(a_cell).collect();
        (Just(types), prop::collection::vec(cells, 2))
    })
}

/// Whether two keys of a map in it could be one in JSON: null and the JSON text `null`.
fn has_two_nulls(ty: &Type) -> bool {
    match ty {
        Type::Nullable(inner) => matches!(**inner, Type::Json) || has_two_nulls(inner),
        Type::List(item) | Type::Set(item) => has_two_nulls(item),
        Type::Map(key, value) => has_two_nulls(key) || has_two_nulls(value),
        Type::Record(members) => members.iter().any(|(_, ty)| has_two_nulls(ty)),
        _ => false,
    }
}

fn a_row() -> impl Strategy<Value = Vec<(Type, Cell)>> {
    let field =
        a_type().prop_filter("one null", |ty| !has_two_nulls(ty)).prop_flat_map(|ty| (Just(ty.clone()), a_cell(ty)));
    prop::collection::vec(field, 0..5)
}

fn parts(types: &[Type], cells: &[Cell]) -> Vec<u8> {
    let mut parts = Vec::new();
    types.iter().zip(cells).for_each(|(ty, cell)| key::write_cell_part(ty, cell, &mut parts));
    parts
}

proptest! {
    #[test]
    fn every_key_reads_back_and_no_two_are_alike((types, keys) in a_key(), name in "[a-z.:%{}/]{1,8}") {
        let mut texts = Vec::new();
        for cells in &keys {
            let parts = parts(&types, cells);
            let mut text = Vec::new();
            prop_assert!(write_key(&name, types.iter(), &parts, &mut text).is_ok());
            prop_assert!(text.starts_with(&prefix(&name)));
            prop_assert!(!text.iter().any(|byte| *byte <= b' ' || b"{}*?[]\\".contains(byte)), "{:?}", text);
            let read = read_key(&name, types.iter(), &text);
            prop_assert_eq!(read, Some(parts), "{}", String::from_utf8_lossy(&text));
            texts.push(text);
        }
        prop_assert_eq!(texts[0] == texts[1], parts(&types, &keys[0]) == parts(&types, &keys[1]));
    }

    #[test]
    fn every_row_reads_back(fields in a_row(), beside in any::<bool>()) {
        let names: Vec<String> = (0..fields.len()).map(|at| format!("f{at}")).collect();
        let row = TextRow::new(names.iter().map(String::as_str).zip(fields.iter().map(|(ty, _)| ty))).unwrap();
        let mut text = Vec::new();
        row.write(fields.iter().map(|(_, cell)| Some(cell)), beside.then_some("{\"saved\":1}"), &mut text);
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok());
        let Ok(read) = row.read(&text) else {
            return Err(TestCaseError::fail(format!("{fields:?} cannot be read: {}", String::from_utf8_lossy(&text))));
        };
        prop_assert_eq!(read.beside.is_some(), beside);
        for ((ty, cell), found) in fields.iter().zip(&read.fields).filter(|((ty, _), _)| tells_null(ty)) {
            prop_assert_eq!(found.as_ref(), Some(cell), "{}", ty);
        }
    }

    #[test]
    fn damaged_keys_and_rows_are_no_panics(bytes in prop::collection::vec(any::<u8>(), 0..60), ty in a_type()) {
        let _ = read_key("n", [&ty].into_iter(), &bytes);
        let row = TextRow::new([("a", &ty)].into_iter()).unwrap();
        let _ = row.read(&bytes);
    }
}

#[test]
fn a_field_that_a_row_does_not_have_is_none() {
    let row = TextRow::new([("a", &Type::INT64), ("b", &Type::Text)].into_iter()).unwrap();
    let read = row.read(b"{\"b\":\"x\",\"gone\":[1,{}]}").ok().unwrap();
    assert_eq!(read.fields, [None, Some(Cell::Text("x".into()))]);
    assert!(row.read(b"{\"a\":\"one\"}").is_err(), "another type");
    assert!(row.read(b"{\"a\":null}").is_err(), "null where none may be");
    assert!(row.read(b"{\"a\":1").is_err(), "cut off");
}

#[test]
fn keys_look_as_the_module_says() {
    let types = [Type::INT64, Type::Text, Type::nullable(Type::Text), Type::Timestamp];
    let cells = [Cell::Integer(-7), Cell::Text("~a:b {c}%".into()), Cell::Null, Cell::Integer(1_684_627_200_000)];
    let mut text = Vec::new();
    write_key("live.totals", types.iter(), &parts(&types, &cells), &mut text).ok().unwrap();
    let wanted = "live.totals:-7:%7Ea%3Ab%20%7Bc%7D%25:~:2023-05-21T00%3A00%3A00Z";
    assert_eq!(String::from_utf8(text).unwrap(), wanted);
}

#[test]
fn members_of_another_version_are_carried_along() {
    let fields = [("a", &Type::INT64), ("b", &Type::Text)];
    let row = TextRow::carrying(fields.into_iter()).ok().unwrap();
    let own = row.read(br#"{"a":1,"b":"x","@":{"saved":7}}"#).ok().unwrap();
    assert_eq!(own.further, None);
    let read = row.read(br#"{"z":{"deep":[1,"2"]},"a":1,"b":"x","y":null,"@":{"saved":7}}"#).ok().unwrap();
    assert_eq!(read.further.as_deref(), Some(r#""y":null,"z":{"deep":[1,"2"]}"#));
    assert_eq!(read.beside.as_deref(), Some(r#"{"saved":7}"#));
    let cells: Vec<Cell> = read.fields.into_iter().map(Option::unwrap).collect();
    let mut out = Vec::new();
    row.write_carrying(cells.iter().map(Some), read.further.as_deref(), read.beside.as_deref(), &mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text, r#"{"a":1,"b":"x","@":{"saved":7},"y":null,"z":{"deep":[1,"2"]}}"#);
    assert_eq!(row.read(text.as_bytes()).ok().unwrap().further, read.further);
    // What is no row is none, be there more members or not.
    for damaged in [&br#"{"a":"1","z":1}"#[..], b"[]", br#"{"z":1"#] {
        assert!(row.read(damaged).is_err(), "{}", String::from_utf8_lossy(damaged));
    }
}
