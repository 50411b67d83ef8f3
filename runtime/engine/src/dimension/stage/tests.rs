//! The stage over a store in memory, with ingested messages and a flow's writes.

use std::sync::Arc;

use nsf_plan::PipelineId;
use proptest::prelude::*;

use super::*;
use crate::{
    cell::Cell,
    connector::ConnectorErrorKind,
    dimension::fixture::{CLASS, CLASS_STU, CLASS_STU_PLAN, MemoryStore, ingested, message, plan, text},
    run::stage::{DimensionRows, RecordOrigin, WriteKind},
};

struct Bench {
    dimensions: Arc<Dimensions>,
    stage: Stage,
    store: MemoryStore,
}

impl Bench {
    fn new() -> Self {
        let dimensions = Arc::new(Dimensions::new(&plan()).unwrap());
        let stage = Stage::new(&plan(), Arc::clone(&dimensions)).unwrap();
        Self { dimensions, stage, store: MemoryStore::default() }
    }

    fn apply(&mut self, writes: &[DimensionWrite]) -> StageOutput {
        let mut output = StageOutput::default();
        self.stage.apply(writes, &self.store, &mut output).unwrap();
        output
    }

    fn commit(&mut self) -> usize {
        let mut batch = StoreBatch::default();
        self.stage.collect(&mut batch);
        batch.sort();
        self.store.commit(&batch).unwrap();
        self.stage.committed();
        batch.len()
    }

    /// What `load` would show.
    fn stored(&self, dimension: DimensionId, keys: &[i64]) -> Option<Vec<Cell>> {
        let mut key = Vec::new();
        let cells: Vec<Cell> = keys.iter().map(|key| Cell::Integer(*key)).collect();
        self.dimensions.key(dimension, &cells, &mut key);
        let row = self.store.row(StoreTable::Dimension, &key)?;
        self.dimensions.fields(dimension, &key, &row).unwrap()
    }

    fn asked(&self) -> Vec<usize> {
        std::mem::take(&mut *self.store.asked.lock().unwrap())
    }
}

fn named(class: i64, name: &str, time: i64) -> String {
    message(&format!(r#""time":{time},"cmd":"insert","fields":{{"class_id":{class},"class_name":"{name}"}}"#))
}

fn writes(messages: &[String]) -> Vec<DimensionWrite> {
    ingested(&plan(), messages).writes
}

#[test]
fn a_row_is_shown_to_loads_only_after_its_commit() {
    let mut bench = Bench::new();
    let output = bench.apply(&writes(&[named(1, "a", 1_684_540_800_000)]));
    assert_eq!(output.stored, [(CLASS, 1)]);
    assert_eq!(bench.stored(CLASS, &[1]), None);
    assert_eq!(bench.commit(), 1);
    assert_eq!(bench.stored(CLASS, &[1]), Some(vec![text("a")]));
    assert_eq!(bench.commit(), 0);
}

#[test]
fn each_row_is_loaded_once_a_round_and_kept() {
    let mut bench = Bench::new();
    let time = 1_684_540_800_000;
    bench.apply(&writes(&[named(2, "a", time), named(1, "b", time), named(2, "c", time + 1)]));
    assert_eq!(bench.asked(), [2]);
    bench.apply(&writes(&[named(1, "d", time + 2), named(3, "e", time)]));
    assert_eq!(bench.asked(), [1]);
    bench.commit();
    bench.apply(&writes(&[named(1, "f", time + 3)]));
    assert_eq!(bench.asked(), [0; 0]);
}

#[test]
fn a_cache_that_is_too_small_forgets_rows_and_reads_them_again() {
    let mut bench = Bench::new();
    bench.stage = Stage::new(&plan(), Arc::clone(&bench.dimensions)).unwrap().with_capacity(4);
    let time = 1_684_540_800_000;
    for round in 0..10 {
        bench.apply(&writes(&[named(round, "a", time), named(round + 1, "b", time + 1)]));
        bench.commit();
        assert!(bench.stage.rows.len() <= 4);
    }
    for class in 0..10 {
        let name = if class == 0 { "a" } else { "b" };
        assert_eq!(bench.stored(CLASS, &[class]), Some(vec![text(name)]), "{class}");
    }
}

#[test]
fn rows_changed_while_a_commit_is_on_its_way_are_collected_again() {
    let mut bench = Bench::new();
    let time = 1_684_540_800_000;
    bench.apply(&writes(&[named(1, "a", time), named(2, "a", time)]));
    let mut batch = StoreBatch::default();
    bench.stage.collect(&mut batch);
    bench.apply(&writes(&[named(1, "b", time + 1)]));
    batch.sort();
    bench.store.commit(&batch).unwrap();
    bench.stage.committed();
    assert_eq!(bench.stored(CLASS, &[1]), Some(vec![text("a")]));
    assert_eq!(bench.commit(), 1);
    assert_eq!(bench.stored(CLASS, &[1]), Some(vec![text("b")]));
}

/// A worker that ended between two spaces left the row in the first alone: the same write, taken again, must bring it on.
#[test]
fn a_repeated_write_gives_the_row_again_where_there_are_further_places() {
    let repeated = |spaces: u32, spread: bool| {
        let mut plan = plan();
        plan.dimensions[CLASS.index()].spaces = (0..spaces).map(nsf_plan::SpaceId).collect();
        let mut bench = Bench::new();
        bench.store.spread = spread;
        let first = writes(&[named(1, "a", 1_684_540_800_000)]);
        bench.apply(&first);
        bench.commit();
        let before = bench.store.values(StoreTable::Dimension);
        bench.stage = Stage::new(&plan, Arc::clone(&bench.dimensions)).unwrap();
        bench.apply(&first);
        let given = bench.commit();
        assert_eq!(bench.store.values(StoreTable::Dimension), before);
        given
    };
    assert_eq!(repeated(2, true), 1);
    // Several spaces may be one place, and are without servers: nothing is to be brought then.
    assert_eq!((repeated(0, false), repeated(1, false), repeated(2, false)), (0, 0, 0));
}

#[test]
fn a_deleted_row_is_gone_for_loads_and_outputs() {
    let mut bench = Bench::new();
    bench.apply(&writes(&[named(1, "a", 1_684_540_800_000)]));
    let delete = message(r#""time":1684540800001,"cmd":"delete","fields":{"class_id":1}"#);
    let output = bench.apply(&writes(&[delete]));
    assert_eq!(output.stored, [(CLASS, 1)]);
    bench.commit();
    assert_eq!(bench.stored(CLASS, &[1]), None);
    bench.apply(&writes(&[named(1, "late", 1_684_540_800_000)]));
    bench.commit();
    assert_eq!(bench.stored(CLASS, &[1]), None);
}

#[test]
fn a_flow_and_an_ingest_fill_fields_of_one_row() {
    let mut bench = Bench::new();
    let status =
        message(r#""time":1684540800000,"cmd":"insert","fields":{"class_id":1,"stu_id":7,"plan_id":3,"status":1}"#);
    let origin = RecordOrigin::of_record(1, 0, 4, 10);
    let stay = |minutes: i64| DimensionWrite {
        dimension: CLASS_STU_PLAN,
        keys: [1, 7, 3].map(Cell::Integer).into(),
        fields: vec![(1, Cell::Integer(minutes * 60_000)), (2, Cell::Bool(minutes > 20))],
        kind: WriteKind::Assign,
        order: WriteOrder::Flow,
        writer: Writer::Pipeline(PipelineId(0)),
        origin,
    };
    let mut all = writes(&[status]);
    all.insert(0, stay(30));
    all.push(stay(10));
    bench.apply(&all);
    bench.commit();
    let wanted = vec![text("已提交"), Cell::Integer(600_000), Cell::Bool(false)];
    assert_eq!(bench.stored(CLASS_STU_PLAN, &[1, 7, 3]), Some(wanted));
}

#[test]
fn a_damaged_row_stops_the_round_and_names_it() {
    let mut bench = Bench::new();
    bench.apply(&writes(&[named(7, "a", 1_684_540_800_000)]));
    bench.commit();
    bench.store.rows.lock().unwrap().values_mut().for_each(|row| row[3] ^= 1);
    bench.stage = Stage::new(&plan(), Arc::clone(&bench.dimensions)).unwrap();
    let mut output = StageOutput::default();
    let error = bench.stage.apply(&writes(&[named(7, "b", 1_684_540_800_001)]), &bench.store, &mut output).unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Damaged);
    let wanted = "a row of the dimension `fields.class` (class_id 7) cannot be read: its stored bytes are damaged";
    assert_eq!(error.message, wanted);
    assert!(error.help.is_some());
    let row = bench.store.values(StoreTable::Dimension).remove(0);
    let mut key = Vec::new();
    bench.dimensions.write_key(CLASS, &[Cell::Integer(7)], &mut key);
    assert_eq!(bench.dimensions.fields(CLASS, &key, &row), Err(error));
}

#[test]
fn the_output_form_of_a_row_has_its_keys_and_fields() {
    let bench = Bench::new();
    let mut out = Vec::new();
    let keys = [1, 7, 3].map(Cell::Integer);
    let values = [text("已提交"), Cell::Integer(600_000), Cell::Null];
    bench.dimensions.write_json(CLASS_STU_PLAN, &keys, &values, &mut out);
    let wanted = r#"{"class_id":1,"stu_id":7,"plan_id":3,"status_name":"已提交","stay":600000,"finished":null}"#;
    assert_eq!(String::from_utf8(out).unwrap(), wanted);
}

/// Messages about two classes and one student, of every command, with times that meet.
fn any_message() -> impl Strategy<Value = String> {
    (0..3_i64, 0..2_i64, 0..4_u8, 0..3_u8, any::<bool>()).prop_map(|(time, class, command, name, student)| {
        let time = 1_684_540_800_000 + time;
        let (command, changed) = match command {
            0 => ("insert", ""),
            1 => ("update", r#","change_fields":["class_name"]"#),
            2 => ("reset", ""),
            _ => ("delete", ""),
        };
        let student = if student { r#","stu_id":7,"stu_refund_rate_so":1.5"# } else { "" };
        let fields = format!(r#""class_id":{class},"class_name":"{name}"{student}"#);
        message(&format!(r#""time":{time},"cmd":"{command}","fields":{{{fields}}}{changed}"#))
    })
}

/// Everything that is stored of the first two dimensions, as loads would show it.
fn shown(bench: &Bench) -> Vec<Option<Vec<Cell>>> {
    let classes = (0..2).map(|class| bench.stored(CLASS, &[class]));
    classes.chain((0..2).map(|class| bench.stored(CLASS_STU, &[class, 7]))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_order_of_messages_in_any_rounds_and_commits_stores_the_same(
        messages in proptest::collection::vec(any_message(), 1..12),
        order in any::<u64>(),
        round in 1..5_usize,
    ) {
        let all = writes(&messages);
        let mut straight = Bench::new();
        straight.apply(&all);
        straight.commit();

        let mut offsets: Vec<u64> = (1..=messages.len() as u64).chain(1..=messages.len() as u64).collect();
        offsets.sort_by_key(|offset| (offset ^ order).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ order));
        let mut shuffled = Bench::new();
        shuffled.stage = shuffled.stage.with_capacity(1);
        for offsets in offsets.chunks(round) {
            let of = |offset: &u64| all.iter().filter(|write| write.origin.offset == *offset).cloned().collect::<Vec<_>>();
            shuffled.apply(&offsets.iter().flat_map(of).collect::<Vec<_>>());
            shuffled.commit();
        }
        prop_assert_eq!(shown(&straight), shown(&shuffled));
    }
}
