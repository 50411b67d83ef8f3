//! A row survives its JSON, also under a program that renamed or forgot a field.

use proptest::prelude::*;

use super::*;
use crate::{
    dimension::{Dimensions, fixture},
    store::Form,
};

fn stamp_of(time: i64, by: WrittenBy, writer: &str) -> Stamp {
    Stamp { time, by, writer: writer.into(), partition: 3, offset: 1 << 40 }
}

fn row() -> Row {
    let mut row = Row::new(3);
    row.created = -5;
    row.updated = 1_684_540_800_000;
    row.written = Some(stamp_of(1_684_540_800_000, WrittenBy::Ingest, "live_class_stu"));
    row.deleted = Some(stamp_of(-1, WrittenBy::Flow, "plan_duration"));
    row.fields[0] = Field { value: fixture::text("已提交"), stamp: row.written.clone() };
    row.fields[1] = Field { value: Cell::Integer(3_000_000), stamp: row.deleted.clone() };
    row.fields[2] = Field { value: Cell::Null, stamp: row.deleted.clone() };
    row
}

fn dimensions(plan: &nsf_plan::Plan) -> Dimensions {
    Dimensions::in_form(plan, Form::Text).unwrap()
}

fn text_of(dimensions: &Dimensions, row: &Row) -> Vec<u8> {
    let mut bytes = Vec::new();
    dimensions.write_row(fixture::CLASS_STU_PLAN, row, &mut bytes);
    bytes
}

#[test]
fn a_row_is_read_back() {
    let dimensions = dimensions(&fixture::plan());
    for row in [row(), Row::new(3)] {
        assert_eq!(dimensions.read_row(fixture::CLASS_STU_PLAN, &text_of(&dimensions, &row)), Ok(row));
    }
}

#[test]
fn a_field_that_a_program_no_longer_knows_is_kept() {
    let full = dimensions(&fixture::plan());
    let mut plan = fixture::plan();
    plan.dimensions[2].fields.remove(1);
    plan.dimensions[2].fields.swap(0, 1);
    let fewer = dimensions(&plan);
    let shown = fewer.read_row(fixture::CLASS_STU_PLAN, &text_of(&full, &row())).unwrap();
    assert_eq!((shown.fields.len(), shown.unknown.len()), (2, 1));
    assert_eq!(shown.value(1), &fixture::text("已提交"));
    let again = full.read_row(fixture::CLASS_STU_PLAN, &text_of(&fewer, &shown)).unwrap();
    assert_eq!(again, row());
}

#[test]
fn a_renamed_field_is_found_by_its_id() {
    let before = dimensions(&fixture::plan());
    let mut plan = fixture::plan();
    plan.dimensions[2].fields[0].name = "another".to_owned();
    let after = dimensions(&plan);
    let read = after.read_row(fixture::CLASS_STU_PLAN, &text_of(&before, &row())).unwrap();
    assert_eq!(read, row());
    let text = String::from_utf8(text_of(&after, &read)).unwrap();
    assert!(text.contains("\"another\":\"已提交\""), "{text}");
}

#[test]
fn a_newer_format_is_told_apart_from_damage() {
    let dimensions = dimensions(&fixture::plan());
    let text = String::from_utf8(text_of(&dimensions, &row())).unwrap();
    let newer = text.replace("\"format\":1", "\"format\":2");
    assert_ne!(newer, text);
    assert_eq!(dimensions.read_row(fixture::CLASS_STU_PLAN, newer.as_bytes()), Err(RowError::Newer));
    for cut in 0..text.len() {
        let read = dimensions.read_row(fixture::CLASS_STU_PLAN, &text.as_bytes()[..cut]);
        assert_eq!(read, Err(RowError::Damaged), "cut at {cut}");
    }
}

proptest! {
    #[test]
    fn damaged_rows_are_no_panics(at in 0..400_usize, byte in any::<u8>()) {
        let dimensions = dimensions(&fixture::plan());
        let mut text = text_of(&dimensions, &row());
        let at = at % text.len();
        text[at] = byte;
        let _ = dimensions.read_row(fixture::CLASS_STU_PLAN, &text);
    }
}
