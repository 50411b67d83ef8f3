//! Any order of ingests' writes leaves the same row; a flow's write always stays.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

fn stamp(time: i64, by: WrittenBy, writer: &str, offset: u64) -> Stamp {
    Stamp { time, by, writer: Arc::from(writer), partition: 0, offset }
}

fn text(value: &str) -> Cell {
    Cell::Text(value.into())
}

/// A write with its own fields, so that tests can hold many.
#[derive(Clone, Debug)]
struct Write {
    kind: WriteKind,
    fields: Vec<(u32, Cell)>,
    stamp: Stamp,
}

impl Write {
    fn apply(&self, row: &mut Row) -> Change {
        row.apply(&RowWrite { kind: self.kind, fields: &self.fields, stamp: self.stamp.clone() })
    }
}

fn ingest(kind: WriteKind, time: i64, fields: &[(u32, Cell)]) -> Write {
    Write { kind, fields: fields.to_vec(), stamp: stamp(time, WrittenBy::Ingest, "live", time as u64) }
}

fn flow(kind: WriteKind, time: i64, fields: &[(u32, Cell)]) -> Write {
    Write { kind, fields: fields.to_vec(), stamp: stamp(time, WrittenBy::Flow, "duration", 0) }
}

fn applied(writes: &[Write]) -> Row {
    let mut row = Row::new(3);
    writes.iter().for_each(|write| drop(write.apply(&mut row)));
    row
}

#[test]
fn the_later_time_wins_field_by_field() {
    let old = ingest(WriteKind::Assign, 1, &[(0, text("a")), (1, text("b"))]);
    let new = ingest(WriteKind::Assign, 2, &[(0, text("c"))]);
    for order in [[&old, &new], [&new, &old]] {
        let row = applied(&order.map(Clone::clone));
        assert_eq!([row.value(0), row.value(1), row.value(2)], [&text("c"), &text("b"), &Cell::Null]);
        assert_eq!(row.updated, 2);
    }
}

#[test]
fn a_flow_that_takes_records_again_does_not_step_back() {
    let at = |offset, kind, fields: &[(u32, Cell)]| Write {
        kind,
        fields: fields.to_vec(),
        stamp: stamp(5, WrittenBy::Flow, "duration", offset),
    };
    let first = at(5, WriteKind::Delete, &[]);
    let second = at(6, WriteKind::Assign, &[(0, text("a")), (1, text("b"))]);
    let third = at(8, WriteKind::Assign, &[(0, text("c"))]);
    let once = applied(&[first.clone(), second.clone(), third.clone()]);
    let mut row = once.clone();
    for write in [&first, &second, &third] {
        let change = write.apply(&mut row);
        assert!(!change.is_visible(), "{change:?}");
        assert_eq!(row, once);
    }
    // Another partition of the flow, or another flow, is no repetition.
    let other = Write { stamp: Stamp { partition: 7, ..second.stamp.clone() }, ..second };
    other.apply(&mut row);
    assert_eq!(row.value(0), &text("a"));
}

#[test]
fn writes_of_one_time_are_ordered_by_writer_partition_and_offset() {
    let of = |writer: &str, partition: u32, offset: u64| Write {
        kind: WriteKind::Assign,
        fields: vec![(0, text(&format!("{writer}/{partition}/{offset}")))],
        stamp: Stamp { partition, ..stamp(5, WrittenBy::Ingest, writer, offset) },
    };
    for (less, more) in [(of("a", 9, 9), of("b", 0, 0)), (of("a", 0, 9), of("a", 1, 0)), (of("a", 0, 8), of("a", 0, 9))]
    {
        assert_eq!(applied(&[less.clone(), more.clone()]).value(0), &more.fields[0].1);
        assert_eq!(applied(&[more.clone(), less]).value(0), &more.fields[0].1);
    }
}

#[test]
fn a_deleted_row_stays_deleted_for_older_writes_and_comes_back_with_newer_ones() {
    let write = ingest(WriteKind::Assign, 1, &[(0, text("a")), (1, text("b"))]);
    let delete = ingest(WriteKind::Delete, 2, &[]);
    let mut row = applied(&[delete.clone(), write.clone()]);
    assert!(!row.exists());
    assert_eq!(row.value(0), &Cell::Null);
    let again = ingest(WriteKind::Assign, 3, &[(1, text("c"))]);
    let change = again.apply(&mut row);
    assert!(change.created && row.exists());
    assert_eq!([row.value(0), row.value(1)], [&Cell::Null, &text("c")]);
    let other_way = applied(&[again, write, delete]);
    assert_eq!((&other_way.fields, other_way.exists()), (&row.fields, true));
}

#[test]
fn a_reset_clears_and_does_not_make_a_row() {
    let mut row = applied(&[ingest(WriteKind::Assign, 1, &[(0, text("a")), (1, text("b"))])]);
    let change = ingest(WriteKind::Reset, 2, &[(0, Cell::Null)]).apply(&mut row);
    assert_eq!(change.before, [(0, text("a"))]);
    assert_eq!([row.value(0), row.value(1)], [&Cell::Null, &text("b")]);
    assert!(!ingest(WriteKind::Reset, 2, &[]).apply(&mut Row::new(3)).created);
    let change = ingest(WriteKind::Reset, 3, &[]).apply(&mut row);
    assert_eq!(change.before, [(1, text("b"))]);
    assert_eq!(change.taken, [0, 1, 2]);
    assert!(row.exists());
}

#[test]
fn a_change_says_what_was_before_and_nothing_where_the_value_is_the_same() {
    let mut row = applied(&[ingest(WriteKind::Assign, 1, &[(0, text("a"))])]);
    let same = ingest(WriteKind::Assign, 2, &[(0, text("a"))]).apply(&mut row);
    assert!(same.stored && !same.is_visible());
    let late = ingest(WriteKind::Assign, 1, &[(0, text("z"))]).apply(&mut row);
    assert_eq!(late, Change::default());
    let repeated = ingest(WriteKind::Assign, 2, &[(0, text("a"))]).apply(&mut row);
    assert!(!repeated.stored && !repeated.is_visible());
    let other = ingest(WriteKind::Assign, 3, &[(0, Cell::Null), (1, text("b"))]).apply(&mut row);
    assert_eq!(other.before, [(0, text("a")), (1, Cell::Null)]);
    let deleted = ingest(WriteKind::Delete, 4, &[]).apply(&mut row);
    assert!(deleted.deleted && deleted.before == [(1, text("b"))]);
}

#[test]
fn a_flow_is_ordered_by_itself_and_never_by_time() {
    let mut row = Row::new(3);
    flow(WriteKind::Assign, 100, &[(0, text("first"))]).apply(&mut row);
    let change = flow(WriteKind::Assign, 50, &[(0, text("second"))]).apply(&mut row);
    assert_eq!(change.before, [(0, text("first"))]);
    assert_eq!(row.value(0), &text("second"));
    flow(WriteKind::Delete, 10, &[]).apply(&mut row);
    assert!(!row.exists());
    let change = flow(WriteKind::Assign, 5, &[(0, text("third"))]).apply(&mut row);
    assert!(change.created);
    assert_eq!(row.value(0), &text("third"));
}

#[test]
fn an_ingest_replaces_a_flow_only_with_what_is_newer_than_all_the_flow_knew() {
    let mut row = applied(&[ingest(WriteKind::Assign, 7, &[(0, text("ingest"))])]);
    flow(WriteKind::Assign, 3, &[(0, text("flow"))]).apply(&mut row);
    assert_eq!(row.value(0), &text("flow"));
    ingest(WriteKind::Assign, 7, &[(0, text("ingest"))]).apply(&mut row);
    assert_eq!(row.value(0), &text("flow"));
    ingest(WriteKind::Assign, 8, &[(0, text("later"))]).apply(&mut row);
    assert_eq!(row.value(0), &text("later"));
}

fn any_write() -> impl Strategy<Value = Write> {
    let kind = prop_oneof![
        6 => Just(WriteKind::Assign),
        1 => Just(WriteKind::Reset),
        1 => Just(WriteKind::Delete),
    ];
    let value = prop_oneof![Just(Cell::Null), (0..3_i64).prop_map(Cell::Integer)];
    let fields = proptest::collection::btree_map(0..3_u32, value, 0..3);
    let version = (0..6_i64, 0..2_u8, 0..2_u32, 0..3_u64);
    (kind, fields, version).prop_map(|(kind, fields, (time, writer, partition, offset))| {
        let fields = match kind {
            WriteKind::Assign => fields.into_iter().collect(),
            WriteKind::Reset => fields.into_keys().map(|field| (field, Cell::Null)).collect(),
            WriteKind::Delete => Vec::new(),
        };
        let writer = if writer == 0 { "live" } else { "course" };
        let stamp = Stamp { partition, ..stamp(time, WrittenBy::Ingest, writer, offset) };
        Write { kind, fields, stamp }
    })
}

/// Writes of which no two have one stamp, as no two messages have one place.
fn any_writes() -> impl Strategy<Value = Vec<Write>> {
    proptest::collection::vec(any_write(), 0..12).prop_map(|mut writes| {
        writes.sort_by(|a, b| a.stamp.cmp(&b.stamp));
        writes.dedup_by(|a, b| a.stamp == b.stamp);
        writes
    })
}

/// Everything but `created`, which tells when the row came to be here.
fn joined(mut row: Row) -> Row {
    row.created = 0;
    row
}

proptest! {
    #[test]
    fn any_order_of_messages_each_any_number_of_times_leaves_the_same_row(
        (writes, shuffled) in any_writes().prop_flat_map(|writes| {
            let twice: Vec<Write> = writes.iter().chain(writes.iter().step_by(2)).cloned().collect();
            (Just(writes), Just(twice).prop_shuffle())
        })
    ) {
        prop_assert_eq!(joined(applied(&writes)), joined(applied(&shuffled)));
    }

    #[test]
    fn a_message_that_comes_again_changes_nothing(writes in any_writes(), again in any::<prop::sample::Index>()) {
        let mut row = applied(&writes);
        if !writes.is_empty() {
            let before = row.clone();
            let change = writes[again.index(writes.len())].apply(&mut row);
            prop_assert!(!change.stored && !change.is_visible());
            prop_assert_eq!(row, before);
        }
    }

    #[test]
    fn what_a_change_says_is_what_a_reader_sees(writes in any_writes().prop_shuffle()) {
        let mut row = Row::new(3);
        for write in writes {
            let before = row.clone();
            let change = write.apply(&mut row);
            prop_assert_eq!(change.created, !before.exists() && row.exists());
            prop_assert_eq!(change.deleted, before.exists() && !row.exists());
            for field in 0..3 {
                let said = change.before.iter().find(|(of, _)| *of == field).map(|(_, value)| value);
                let other = before.value(field) != row.value(field);
                prop_assert_eq!(said, other.then(|| before.value(field)));
            }
            prop_assert_eq!(change.stored, row != before);
        }
    }
}
