//! A program that is not the one of the last run: stored rows are brought to new fields, and what would be lost or counted
//! again is refused or said.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use nsf_connectors::embedded::EmbeddedStore;
use nsf_engine::{
    run::{Options, RunError},
    store::{Store, StoreBatch, StoreTable},
};
use nsf_plan::{Literal, Plan, StateField, Type};
use support::{Project, sum_records, summing};

const IN: &[(&str, &str)] = &[("feed", "in.ndjson")];
const OUT: &[(&str, &str)] = &[("out", "out.ndjson"), ("sums", "sums.ndjson")];

/// The plan with more fields in its state.
fn gained(fields: &[(&str, i64)]) -> Plan {
    let mut plan = summing();
    let new = fields.iter().map(|(name, default)| StateField {
        name: (*name).into(),
        ty: Type::INT64,
        default: Literal::Integer(*default),
        stored_as: None,
    });
    plan.states[0].fields.extend(new);
    plan
}

/// A project whose store holds the first half of its records, and what an undisturbed run of the first plan gives.
fn half_done(records: &str) -> (Project, Vec<String>, Vec<String>) {
    half_done_by(&summing(), records)
}

/// The same, the first half done by another plan.
fn half_done_by(plan: &Plan, records: &str) -> (Project, Vec<String>, Vec<String>) {
    let whole = Project::default();
    whole.write("in.ndjson", records);
    whole.run(&summing(), IN, OUT, Options::default()).unwrap();
    let project = Project::default();
    let lines: Vec<&str> = records.lines().collect();
    project.write("in.ndjson", &(lines[..lines.len() / 2].join("\n") + "\n"));
    project.run(plan, IN, OUT, Options::default()).unwrap();
    project.write("in.ndjson", records);
    (project, whole.sorted("out.ndjson"), whole.sorted("sums.ndjson"))
}

#[test]
fn a_state_that_gains_fields_goes_on_from_its_rows_wherever_the_change_is_stopped() {
    // More rows than one transaction brings over.
    let records = sum_records(30_000, 11_000, 7);
    let (project, out, sums) = half_done(&records);
    let stop = |plan: &Plan, time| {
        let options = Options::default();
        options.failpoints.arm("in-migration", time);
        project.run(plan, IN, OUT, options).unwrap_err()
    };
    let first = gained(&[("extra", 7)]);
    assert_eq!(stop(&first, 1), RunError::Failpoint("in-migration"));
    // The earlier program would lose the field.
    let error = project.run(&summing(), IN, OUT, Options::default()).unwrap_err().to_string();
    assert!(error.contains("its field `extra` is stored, but gone") && error.contains("--fresh"), "{error}");
    let second = gained(&[("extra", 7), ("more", 8)]);
    assert_eq!(stop(&second, 1), RunError::Failpoint("in-migration"));
    let summary = project.run(&second, IN, OUT, Options::default()).unwrap();
    assert!(summary.resumed);
    assert_eq!(project.sorted("out.ndjson"), out);
    let rows: Vec<serde_json::Value> =
        project.sorted("sums.ndjson").iter().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert!(rows.iter().all(|row| row["extra"] == 7 && row["more"] == 8));
    let expected: Vec<serde_json::Value> = sums.iter().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(&expected) {
        for member in ["k", "total", "count", "greatest", "last"] {
            assert_eq!(row[member], expected[member], "{row}");
        }
    }
}

#[test]
fn a_state_with_wider_and_renamed_fields_goes_on_from_its_rows_wherever_the_change_is_stopped() {
    let records = sum_records(30_000, 11_000, 11);
    // The same program with narrower numbers.
    let text = serde_json::to_string(&summing()).unwrap().replace("\"int64", "\"int32").replace("int64", "int32");
    let narrow: Plan = serde_json::from_str(&text).unwrap();
    let (project, out, sums) = half_done_by(&narrow, &records);
    let mut wide = summing();
    wide.states[0].fields[1].name = "counted".into();
    wide.states[0].fields[1].stored_as = Some("count".into());
    let options = Options::default();
    options.failpoints.arm("in-migration", 1);
    assert_eq!(project.run(&wide, IN, OUT, options).unwrap_err(), RunError::Failpoint("in-migration"));
    let error = project.run(&narrow, IN, OUT, Options::default()).unwrap_err().to_string();
    assert!(error.contains("its field `total` was stored as int64, now it is int32"), "{error}");
    let summary = project.run(&wide, IN, OUT, Options::default()).unwrap();
    assert!(summary.resumed);
    assert_eq!(project.sorted("out.ndjson"), out);
    let renamed: Vec<String> = sums.iter().map(|row| row.replace("\"count\":", "\"counted\":")).collect();
    assert_eq!(project.sorted("sums.ndjson"), renamed);
    // Nothing more is to be done, and a plan that does not know the field's first name is refused.
    assert!(project.run(&wide, IN, OUT, Options::default()).unwrap().notes.is_empty());
    wide.states[0].fields[1].stored_as = None;
    let error = project.run(&wide, IN, OUT, Options::default()).unwrap_err().to_string();
    assert!(error.contains("its field `count` is stored, but gone from the program"), "{error}");
}

#[test]
fn the_summary_says_that_a_state_gained_fields_and_that_parts_of_the_program_are_new_or_gone() {
    let (project, ..) = half_done(&sum_records(200, 20, 8));
    let summary = project.run(&gained(&[("extra", 7)]), IN, OUT, Options::default()).unwrap();
    assert!(summary.notes[0].contains("state `sums` gained `extra`"), "{:?}", summary.notes);
    let mut renamed = gained(&[("extra", 7)]);
    renamed.pipelines[0].id = "other".into();
    renamed.pipelines[0].name = "other".into();
    renamed.states[0].id = "others".into();
    renamed.states[0].name = "others".into();
    let notes = project.run(&renamed, IN, &[("out", "out.ndjson")], Options::default()).unwrap().notes.join("\n");
    assert!(notes.contains("flow `other` is new: it does not see"), "{notes}");
    assert!(notes.contains("state `others` is new: it holds nothing of the records that earlier runs took"), "{notes}");
    assert!(notes.contains("state `sums` is no longer in the program; its rows stay"), "{notes}");
    let notes = project.run(&gained(&[("extra", 7)]), IN, OUT, Options::default()).unwrap().notes.join("\n");
    assert!(notes.contains("state `sums` was not in the program of an earlier run"), "{notes}");
    assert!(project.run(&gained(&[("extra", 7)]), IN, OUT, Options::default()).unwrap().notes.is_empty());
}

#[test]
fn what_cannot_be_brought_over_is_refused_with_what_to_do() {
    let (project, ..) = half_done(&sum_records(200, 20, 9));
    let refused = |change: fn(&mut Plan), words: &str| {
        let mut plan = summing();
        change(&mut plan);
        let error = project.run(&plan, IN, OUT, Options::default()).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("--fresh"), "{error}");
    };
    refused(
        |plan| plan.states[0].fields[0].ty = Type::Float64,
        "its field `total` was stored as int64, now it is float64",
    );
    refused(|plan| plan.states[0].fields[0].name = "sum".into(), "its field `total` is stored, but gone");
    refused(|plan| plan.states[0].keys[0].0 = "j".into(), "it was stored by (k: text), now it is by (j: text)");
    refused(|plan| plan.states[0].keep = Some(1), "its `keep` was added or taken away");
    refused(|plan| plan.states[0].order = nsf_plan::Order::Time, "its `order: time` was added or taken away");
    refused(|plan| plan.sources[0].id = "fed".into(), "what they took would be counted again");
    // None of them has changed anything.
    assert!(project.run(&summing(), IN, OUT, Options::default()).unwrap().notes.is_empty());
}

#[test]
fn a_store_that_was_edited_by_hand_is_refused() {
    for (table, key) in [
        (StoreTable::Meta, "state/sums"),
        (StoreTable::Meta, "stream/feed"),
        (StoreTable::Meta, "lanes"),
        (StoreTable::Meta, "migration/00001"),
        (StoreTable::Progress, "source/feed\0\0\0\0\0"),
    ] {
        let (project, ..) = half_done(&sum_records(200, 20, 10));
        {
            let store = EmbeddedStore::open(project.path(".nsf/store.redb"), false).unwrap();
            let mut batch = StoreBatch::default();
            batch.table(table).put(key.as_bytes(), b"?");
            store.commit(&batch).unwrap();
        }
        let error = project.run(&summing(), IN, OUT, Options::default()).unwrap_err().to_string();
        assert!(error.contains("damaged") && error.contains("--fresh"), "{key}: {error}");
    }
}
