//! Rows that were written from elsewhere: what is told of them, and what is let through.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

use nsf_plan::{IntegerWidth, Literal, Order, State, StateField, Type};

use super::*;
use crate::{
    cell::Cell,
    state::{LaneRows, RowId, StateShape, hash_key},
    store::{Form, row_version},
};

const NOW: i64 = 1_764_000_000_000;

fn stream(id: &str, topic: &str, group: u32) -> Option<OwnStream> {
    let count = Count::default();
    count.set(|count| assert!(count.grow(12, NOW)));
    Some(OwnStream { id: id.to_owned(), topic: topic.into(), key: "account".to_owned(), group, count })
}

/// A state whose rows come from movements and logins, which are merged; bills are not.
fn shape() -> StateShape {
    let streams = vec![stream("a", "movements", 0), stream("b", "logins", 0), stream("c", "bills", 1)];
    let integer = || Type::Integer(IntegerWidth::Int64);
    let field = StateField { name: "count".to_owned(), ty: integer(), default: Literal::Integer(0), stored_as: None };
    let state = State {
        id: "bank.totals".to_owned(),
        name: "bank.totals".to_owned(),
        keys: vec![("account".to_owned(), integer())],
        store: None,
        keep: None,
        closes: None,
        order: Order::Flow,
        fields: vec![field],
        marks: false,
        origin: nsf_plan::Origin::default(),
    };
    let mut shape = StateShape::new(&crate::dimension::fixture::plan(), &state, 0, Form::Text).ok().unwrap();
    shape.origins = Some(Arc::new(Origins { streams }));
    shape
}

fn origins(shape: &StateShape) -> &Origins {
    shape.origins.as_deref().unwrap()
}

fn at(shape: &StateShape, stream: usize, partition: u32) -> Place {
    origins(shape).place(stream, partition, Some(NOW)).unwrap()
}

fn key() -> Vec<u8> {
    let mut key = Vec::new();
    crate::encode::key::write_cell_part(&Type::Integer(IntegerWidth::Int64), &Cell::Integer(42), &mut key);
    key
}

/// A row as the store has it.
fn stored(shape: &StateShape, text: &str) -> Row {
    Row::decode(shape, &key(), text.as_bytes()).ok().unwrap()
}

/// A record changes a row: how it is met, and what the save of its lane is.
fn change(shape: &StateShape, row: Row, place: Place) -> (Met, Changes, LaneRows, RowId) {
    let mut rows = LaneRows::default();
    let id = rows.insert(row, 0);
    let met = rows.row_mut(id).meet(place, origins(shape));
    let mut changes = Changes::default();
    if !matches!(met, Met::Foreign(_)) {
        rows.mark(id);
        let row = rows.row_mut(id);
        row.write_from(place, origins(shape));
        (row.exists, row.fields[0]) = (true, Cell::Integer(7));
        rows.collect(shape, &mut changes);
    }
    assert!(rows.find_hashed(hash_key(&key()), &key()).is_some());
    (met, changes, rows, id)
}

fn text(changes: &Changes) -> String {
    changes.rows().map(|(_, row)| String::from_utf8_lossy(row.unwrap_or_default()).into_owned()).collect()
}

#[test]
fn a_new_row_says_where_it_comes_from_and_must_not_be_there_yet() {
    let shape = shape();
    let (met, changes, mut rows, id) = change(&shape, Row::absent(&shape, &key()), at(&shape, 0, 3));
    assert_eq!(met, Met::Own);
    assert_eq!(text(&changes), r#"{"count":7,"@":{"from":["movements",3,12]}}"#);
    assert_eq!(changes.guards()[0].version, 0);
    assert_eq!(changes.guards()[0].key, b"bank.totals:42".as_slice().into());
    // From then on it is this worker's.
    let mut changes = Changes::default();
    rows.mark(id);
    rows.collect(&shape, &mut changes);
    assert_eq!((changes.len(), changes.guards().len(), changes.fences().len()), (1, 0, 0));
}

#[test]
fn a_row_of_the_same_partition_is_changed_without_further_ado_whichever_merged_topic_wrote_it() {
    let shape = shape();
    let text = r#"{"count":1,"@":{"from":["movements",3,12]}}"#;
    for stream in [0, 1] {
        let (met, changes, ..) = change(&shape, stored(&shape, text), at(&shape, stream, 3));
        assert_eq!((met, changes.guards().len(), changes.fences().len()), (Met::Own, 0, 0));
    }
}

#[test]
fn a_row_of_another_partition_is_foreign_as_long_as_no_partition_was_added() {
    let shape = shape();
    let text = r#"{"count":1,"@":{"from":["movements",3,12]}}"#;
    for stream in [0, 1] {
        let (met, changes, ..) = change(&shape, stored(&shape, text), at(&shape, stream, 5));
        let Met::Foreign(origin) = met else { panic!("{met:?}") };
        assert_eq!((&*origin.topic, origin.partition, changes.len()), ("movements", 3, 0));
    }
    // So is one that this worker has in memory.
    let (_, _, mut rows, id) = change(&shape, Row::absent(&shape, &key()), at(&shape, 0, 3));
    assert!(matches!(rows.row_mut(id).meet(at(&shape, 0, 4), origins(&shape)), Met::Foreign(_)));
}

#[test]
fn a_key_that_moved_with_added_partitions_is_taken_over_and_whoever_read_it_before_is_fenced() {
    let shape = shape();
    let before = r#"{"count":1,"@":{"from":["movements",3,12]}}"#;
    assert!(origins(&shape).count(0, 13, NOW));
    let (met, changes, ..) = change(&shape, stored(&shape, before), at(&shape, 0, 12));
    assert_eq!(met, Met::Taken);
    let after = r#"{"count":7,"@":{"from":["movements",12,12],"earlier":[3]}}"#;
    assert_eq!(text(&changes), after);
    assert_eq!(changes.guards()[0].version, row_version(Some(before.as_bytes())));
    let fenced: Vec<(&str, u32)> = changes.fences().iter().map(|name| (&*name.topic, name.partition)).collect();
    assert_eq!(fenced, [("movements", 3), ("logins", 3)]);
    // What still lay in the partition that it was in before is no fault, and fences in its turn.
    let (met, changes, ..) = change(&shape, stored(&shape, after), at(&shape, 0, 3));
    assert_eq!(met, Met::Taken);
    assert_eq!(text(&changes), r#"{"count":7,"@":{"from":["movements",3,12],"earlier":[12]}}"#);
    assert_eq!(changes.fences()[0].partition, 12);
    // One partition was added: a third one is too many.
    assert!(matches!(change(&shape, stored(&shape, after), at(&shape, 0, 5)).0, Met::Foreign(_)));
}

#[test]
fn a_row_made_while_producers_learn_of_partitions_may_still_move() {
    let shape = shape();
    assert!(origins(&shape).count(0, 13, NOW));
    // Written with all 13 known, but perhaps placed by 12.
    let (_, changes, ..) = change(&shape, Row::absent(&shape, &key()), at(&shape, 0, 3));
    let first = text(&changes);
    assert_eq!(first, r#"{"count":7,"@":{"from":["movements",3,12]}}"#);
    assert_eq!(change(&shape, stored(&shape, &first), at(&shape, 0, 12)).0, Met::Taken);
    // Later nobody places records by 12 any more.
    let later = origins(&shape).place(0, 3, Some(NOW + GRACE)).unwrap();
    assert_eq!((later.partitions, later.placed_by), (13, 13));
    // Without a time of its own a record may be of any.
    assert_eq!(origins(&shape).place(0, 3, None).unwrap().placed_by, 9);
}

#[test]
fn what_lies_in_a_topic_from_before_it_was_first_seen_may_be_placed_by_fewer_partitions() {
    let shape = shape();
    let old = origins(&shape).place(0, 3, Some(NOW - 1)).unwrap();
    assert_eq!((old.partitions, old.placed_by), (12, 12 - UNSEEN));
    let (_, changes, ..) = change(&shape, Row::absent(&shape, &key()), old);
    let mut row = text(&changes);
    for partition in 0..UNSEEN {
        let (met, changes, ..) = change(&shape, stored(&shape, &row), at(&shape, 0, 4 + partition));
        assert_eq!(met, Met::Taken);
        row = text(&changes);
    }
    assert!(matches!(change(&shape, stored(&shape, &row), at(&shape, 0, 9)).0, Met::Foreign(_)));
}

#[test]
fn what_was_counted_outlives_the_worker() {
    const LONG_AGO: i64 = NOW - 100 * GRACE;
    let settled = Counted { partitions: 12, before: 12, since: i64::MIN, first: LONG_AGO };
    let mut now = Counted::default();
    assert!(now.grow(13, NOW));
    // Partitions were added while no worker looked.
    now.merge(settled, NOW);
    assert_eq!(now, Counted { partitions: 13, before: 12, since: NOW, first: LONG_AGO });
    // Another worker saw it a minute ago.
    let mut other = Counted::default();
    other.grow(13, NOW + 60_000);
    other.merge(now, NOW + 60_000);
    assert_eq!(other, now);
    // Long ago: all producers know by now.
    let mut later = Counted::default();
    later.grow(13, NOW + GRACE);
    later.merge(now, NOW + GRACE);
    assert_eq!(later.before, 13);
    // Several additions in a short time count from before the first.
    now.grow(14, NOW + 1000);
    assert_eq!(now, Counted { partitions: 14, before: 12, since: NOW + 1000, first: LONG_AGO });
    // What is older than what is known says nothing new.
    assert!(!now.grow(13, NOW + 2000));
    now.merge(Counted::default(), NOW + 2000);
    assert_eq!(now, Counted { partitions: 14, before: 12, since: NOW + 1000, first: LONG_AGO });
}

#[test]
fn rows_of_other_topics_and_of_earlier_versions_are_taken_over_as_they_were_read() {
    let shape = shape();
    for text in
        [r#"{"count":1}"#, r#"{"count":1,"@":{"from":["bills",5,12]}}"#, r#"{"count":1,"@":{"from":["gone",5,6]}}"#]
    {
        let (met, changes, ..) = change(&shape, stored(&shape, text), at(&shape, 0, 3));
        assert_eq!((met, changes.fences().len()), (Met::Taken, 0), "{text}");
        assert_eq!(changes.guards()[0].version, row_version(Some(text.as_bytes())));
    }
}

#[test]
fn a_row_that_was_deleted_must_not_be_there_when_it_is_made_anew() {
    let shape = shape();
    let (_, _, mut rows, id) = change(&shape, Row::absent(&shape, &key()), at(&shape, 0, 3));
    let mut changes = Changes::default();
    rows.mark(id);
    rows.row_mut(id).exists = false;
    rows.collect(&shape, &mut changes);
    assert_eq!(changes.rows().next().unwrap().1, None);
    assert!(changes.guards().is_empty());
    rows.mark(id);
    let row = rows.row_mut(id);
    assert_eq!(row.meet(at(&shape, 0, 9), origins(&shape)), Met::Own);
    row.write_from(at(&shape, 0, 9), origins(&shape));
    row.exists = true;
    let mut changes = Changes::default();
    rows.collect(&shape, &mut changes);
    assert_eq!(changes.guards()[0].version, 0);
}
