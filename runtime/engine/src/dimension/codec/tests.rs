//! A row survives its bytes; damaged bytes are an error, never another row.

use proptest::prelude::*;

use super::*;
use crate::{
    cell::Cell,
    dimension::{Dimensions, fixture},
};

fn stamp(time: i64, by: WrittenBy, writer: &str) -> Stamp {
    Stamp { time, by, writer: writer.into(), partition: 3, offset: 1 << 40 }
}

fn row() -> Row {
    let mut row = Row::new(3);
    row.created = -5;
    row.updated = 1_684_540_800_000;
    row.written = Some(stamp(1_684_540_800_000, WrittenBy::Ingest, "live_class_stu"));
    row.deleted = Some(stamp(-1, WrittenBy::Flow, "plan_duration"));
    row.fields[0] = Field { value: fixture::text("已提交"), stamp: row.written.clone() };
    row.fields[1] = Field { value: Cell::Integer(3_000_000), stamp: row.deleted.clone() };
    row.fields[2] = Field { value: Cell::Null, stamp: row.deleted.clone() };
    row
}

fn dimensions() -> Dimensions {
    Dimensions::new(&fixture::plan()).unwrap()
}

fn bytes_of(dimensions: &Dimensions, row: &Row) -> Vec<u8> {
    let mut bytes = Vec::new();
    dimensions.write_row(fixture::CLASS_STU_PLAN, row, &mut bytes);
    bytes
}

#[test]
fn a_row_is_read_back() {
    let dimensions = dimensions();
    for row in [row(), Row::new(3)] {
        assert_eq!(dimensions.read_row(fixture::CLASS_STU_PLAN, &bytes_of(&dimensions, &row)), Ok(row));
    }
}

#[test]
fn a_field_that_a_program_no_longer_knows_is_kept() {
    let full = dimensions();
    let bytes = bytes_of(&full, &row());
    let mut plan = fixture::plan();
    plan.dimensions[2].fields.remove(1);
    plan.dimensions[2].fields.swap(0, 1);
    let fewer = Dimensions::new(&plan).unwrap();
    let shown = fewer.read_row(fixture::CLASS_STU_PLAN, &bytes).unwrap();
    assert_eq!((shown.fields.len(), shown.unknown.len()), (2, 1));
    assert_eq!(shown.value(1), &fixture::text("已提交"));
    let again = full.read_row(fixture::CLASS_STU_PLAN, &bytes_of(&fewer, &shown)).unwrap();
    assert_eq!(again, row());
}

#[test]
fn a_newer_format_is_told_apart_from_damage() {
    let dimensions = dimensions();
    let mut bytes = bytes_of(&dimensions, &row());
    bytes[0] = FORMAT + 1;
    let length = bytes.len() - 4;
    let sum = check_sum(&bytes[..length]);
    bytes[length..].copy_from_slice(&sum);
    assert_eq!(dimensions.read_row(fixture::CLASS_STU_PLAN, &bytes), Err(RowError::Newer));
}

#[test]
fn every_changed_or_missing_byte_is_an_error() {
    let dimensions = dimensions();
    let whole = bytes_of(&dimensions, &row());
    for at in 0..whole.len() {
        assert_eq!(dimensions.read_row(fixture::CLASS_STU_PLAN, &whole[..at]), Err(RowError::Damaged));
        for bit in 0..8 {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << bit;
            assert!(dimensions.read_row(fixture::CLASS_STU_PLAN, &bytes).is_err(), "byte {at}, bit {bit}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_with_a_good_check_sum_are_read_without_a_panic(mut body in proptest::collection::vec(any::<u8>(), 1..80)) {
        body[0] = FORMAT;
        let sum = check_sum(&body);
        body.extend_from_slice(&sum);
        let _ = dimensions().read_row(fixture::CLASS_STU_PLAN, &body);
    }

    #[test]
    fn numbers_are_read_back(unsigned in any::<u64>(), signed in any::<i64>()) {
        let mut bytes = Vec::new();
        put_unsigned(&mut bytes, unsigned);
        put_signed(&mut bytes, signed);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!((reader.unsigned(), reader.signed(), reader.is_empty()), (Some(unsigned), Some(signed), true));
    }
}
