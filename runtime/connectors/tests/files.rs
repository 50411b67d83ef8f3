//! Files as sources, tables and stores: long lines, CSV, streams that feed one another, damage.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::sync::Arc;

use nsf_connectors::{
    embedded::EmbeddedStore,
    file::{FileSource, Waiting},
    local::{Local, LocalSettings},
};
use nsf_engine::{
    connector::{ConnectorErrorKind, Framing, LONGEST_MESSAGE, Polled, RawBatch, Source},
    run::{Engine, Options},
    store::{Store, StoreBatch, StoreTable},
};
use nsf_plan::{BinaryOperator, Format, HandleTarget, Literal, Missing, SaveKind, StepKind, Type};
use support::{
    Flow, Project, binary, expr, field, loaded, number, numbered, passed, passing, plan, source, state, table, topic,
};

/// All messages of a file, as (line, bytes), read in blocks of a size.
fn messages(project: &Project, text: &[u8], framing: Framing, block: usize) -> Vec<(u64, String)> {
    std::fs::write(project.path("f"), text).unwrap();
    let mut source = FileSource::new(project.path("f"), framing, Waiting::No, false);
    source.open(&[]).unwrap();
    let (mut batch, mut found) = (RawBatch::default(), Vec::new());
    loop {
        match source.poll(&mut batch, block).unwrap() {
            Polled::End => return found,
            Polled::Idle | Polled::Changed => {}
            Polled::Batch => {
                for message in &batch.messages {
                    let bytes = String::from_utf8_lossy(batch.message(message)).into_owned();
                    found.push((message.offset, bytes));
                }
            }
        }
        batch.clear();
    }
}

#[test]
fn blocks_of_any_size_give_the_same_lines() {
    let project = Project::default();
    let text = b"\xEF\xBB\xBFone\r\n\ntwo and more\nthree";
    for block in [1, 2, 3, 5, 100] {
        let json = messages(&project, text, Framing::Json, block);
        let expected = [(1, "one"), (3, "two and more"), (4, "three")];
        assert_eq!(json, expected.map(|(line, text)| (line, text.to_owned())), "block {block}");
        assert_eq!(messages(&project, text, Framing::Lines, block).len(), 4);
    }
}

#[test]
fn a_quoted_csv_cell_may_hold_line_ends_and_an_open_quote_spoils_its_line_alone() {
    let project = Project::default();
    let text = b"a,b\n1,\"x\ny\"\n2,\"say \"\"no\"\"\"\n3,5\" wide\n4,\"open\n5,z\n";
    for block in [1, 4, 1000] {
        let found = messages(&project, text, Framing::Csv, block);
        let expected = [(2, "1,\"x\ny\""), (4, "2,\"say \"\"no\"\"\""), (5, "3,5\" wide"), (6, "4,\"open"), (7, "5,z")];
        assert_eq!(found, expected.map(|(line, text)| (line, text.to_owned())), "block {block}");
    }
}

#[test]
fn a_line_of_64_mib_is_rejected_and_the_next_is_read() {
    let project = Project::default();
    let long = format!("{{\"n\":1,\"x\":\"{}\"}}\n", "y".repeat(4 * LONGEST_MESSAGE));
    project.write("in.ndjson", &format!("{}{long}{}", numbered(1..3), numbered(3..5)));
    let outputs = [("out", "out.ndjson"), ("rejected", "rejected.ndjson")];
    let summary = project.run(&passing(), &[("numbers", "in.ndjson")], &outputs, Options::default()).unwrap();
    assert_eq!(project.lines("out.ndjson"), passed(1..5));
    assert_eq!(summary.sources[0].rejected[0].code, "R0901");
    let rejected = project.lines("rejected.ndjson").concat();
    assert!(rejected.contains(&format!("\"length\":{}", long.len() - 1)), "{}", &rejected[..300]);
    assert!(rejected.len() < 2 * 1024 * 1024);
}

#[test]
fn csv_is_read_by_its_header_also_when_resumed() {
    let project = Project::default();
    let mut plan = passing();
    plan.sources[0].encoding.format = Format::Csv;
    project.write("in.csv", "x,n\na,1\nb,2\n");
    let run = || project.run(&plan, &[("numbers", "in.csv")], &[("out", "out.ndjson")], Options::default()).unwrap();
    assert_eq!(run().records, 2);
    project.append("in.csv", "c,3\nd,seven\n");
    let summary = run();
    assert_eq!((summary.records, summary.rejected), (2, 1));
    assert_eq!(project.lines("out.ndjson"), passed(1..4));
}

#[test]
fn a_wrong_csv_header_is_told_also_where_no_row_follows_it() {
    let project = Project::default();
    let mut plan = passing();
    plan.sources[0].encoding.format = Format::Csv;
    project.write("in.csv", "x,m\n");
    let run = || project.run(&plan, &[("numbers", "in.csv")], &[("out", "out.ndjson")], Options::default()).unwrap();
    let notes = run().notes;
    assert_eq!(notes, ["`numbers` has no rows, and the header row has no column `n`; it has `x`, `m`"]);
    project.append("in.csv", "a,1\n");
    let summary = run();
    assert_eq!((summary.records, summary.rejected, summary.notes.len()), (1, 1, 0));
}

#[test]
fn flows_that_feed_one_another_through_a_topic_run_to_the_end_of_both() {
    let mut plan = passing();
    let middle = nsf_plan::TopicId(1);
    plan.topics[1].read = true;
    let last = topic(&mut plan, "kafka", "last", false, true);
    let fields = vec![field("n", "n", Type::INT64), field("twice", "twice", Type::INT64)];
    let second = source(&mut plan, "second", middle, Format::Json, fields, &[], None);
    let mut flow = Flow::from_source(&plan, "again", second);
    let sum = binary(BinaryOperator::Add, flow.get("n"), flow.get("twice"), Type::INT64);
    flow.assign("thrice", sum);
    let members = vec![("thrice", flow.get("thrice"))];
    flow.expand(last, members);
    flow.add(&mut plan);
    let project = Project::default();
    project.write("in.ndjson", &numbered(1..3000));
    let options = || Options { block: 500, ..Options::default() };
    let first = options();
    first.failpoints.arm("before-store-commit", 1);
    project.run(&plan, &[("numbers", "in.ndjson")], &[("last", "last.ndjson")], first).unwrap_err();
    project.run(&plan, &[("numbers", "in.ndjson")], &[("last", "last.ndjson")], options()).unwrap();
    let expected: Vec<String> =
        (1..3000_u64).filter(|n| n % 7 != 0 && n % 11 != 0).map(|n| format!("{{\"thrice\":{}}}", 3 * n)).collect();
    assert_eq!(project.lines("last.ndjson"), expected);
    assert_eq!(project.lines(".nsf/topics/out.ndjson").len(), expected.len());
}

#[test]
fn a_table_is_looked_up_by_key_and_its_last_row_wins() {
    let mut plan = plan();
    let input = topic(&mut plan, "kafka", "in", true, false);
    let rows = topic(&mut plan, "mysql", "prices", true, false);
    let out = topic(&mut plan, "kafka", "out", false, true);
    let numbers = source(&mut plan, "numbers", input, Format::Json, vec![field("n", "n", Type::INT64)], &[], None);
    let fields = vec![field("id", "id", Type::INT64), field("price", "price", Type::INT64)];
    let prices = table(&mut plan, "prices", rows, Format::Csv, fields, &[0]);
    let mut flow = Flow::from_source(&plan, "priced", numbers);
    let key = flow.get("n");
    let handle = flow.handle("prices", HandleTarget::Table(prices), vec![key]);
    flow.step(StepKind::Load { handle, missing: Missing::Reject("price unknown".into()) });
    let members = vec![("n", flow.get("n")), ("price", loaded(handle, 1, Type::INT64.nullable()))];
    flow.expand(out, members);
    flow.add(&mut plan);
    let project = Project::default();
    project.write("in.ndjson", &numbered(1..4));
    project.write("prices.csv", "id,price\n1,10\n2,20\n1,11\n");
    let inputs = [("numbers", "in.ndjson"), ("prices", "prices.csv")];
    let summary = project.run(&plan, &inputs, &[("out", "out.ndjson")], Options::default()).unwrap();
    assert_eq!(project.lines("out.ndjson"), ["{\"n\":1,\"price\":11}", "{\"n\":2,\"price\":20}"]);
    assert_eq!((summary.tables[0].rows, summary.tables[0].replaced), (2, 1));
    assert_eq!(summary.flows[0].rejected[0].reason, "price unknown");
    let plan = Arc::new(plan);
    // A wrong header is refused also where no row follows it.
    for (text, what) in [("id,price\n1,ten\n", "line 2"), ("id,prize\n", "the header row has no column `price`")] {
        project.write("prices.csv", text);
        let connectors = project.local(&inputs, &[]);
        let errors = Engine::build(Arc::clone(&plan), Options::default(), &connectors).err().unwrap();
        let message = errors[0].to_string();
        assert!(message.contains("`prices`") && message.contains(what), "{message}");
    }
}

/// A state by `k` of times: each record publishes how many of its key there were, with `keep` and `closes` as given.
fn windows(keep: Option<i64>, closes: Option<i64>) -> nsf_plan::Plan {
    let mut plan = plan();
    let input = topic(&mut plan, "kafka", "in", true, false);
    let out = topic(&mut plan, "kafka", "out", false, true);
    let fields = vec![field("k", "k", Type::INT64), field("at", "at", Type::INT64)];
    let feed = source(&mut plan, "feed", input, Format::Json, fields, &[0], Some(1));
    let keys = [("k", Type::INT64)];
    let counts = state(&mut plan, "counts", &keys, &[("count", Type::INT64, Literal::Integer(0))]);
    plan.states[0].keep = keep;
    plan.states[0].closes = closes.map(|each| {
        let key = expr(nsf_plan::ExprKind::Slot(nsf_plan::SlotId(0)), Type::INT64);
        binary(BinaryOperator::Multiply, key, number(each), Type::INT64)
    });
    let mut flow = Flow::from_source(&plan, "count", feed);
    let key = flow.get("k");
    let handle = flow.handle("counts", HandleTarget::State(counts), vec![key]);
    flow.save(handle, vec![SaveKind::Add { field: 0, value: number(1) }]);
    let members = vec![("k", flow.get("k")), ("at", flow.get("at")), ("count", loaded(handle, 0, Type::INT64))];
    flow.expand(out, members);
    flow.add(&mut plan);
    plan
}

fn timed(records: &[(i64, i64)]) -> String {
    records.iter().map(|(k, at)| format!("{{\"k\":{k},\"at\":{at}}}\n")).collect()
}

#[test]
fn a_value_that_was_not_saved_for_longer_than_keep_begins_anew_by_record_time() {
    let project = Project::default();
    project.write("in.ndjson", &timed(&[(1, 100), (1, 200), (2, 1000), (1, 1001), (1, 1100), (2, 900)]));
    let one_by_one = Options { block: 1, blocks: 1, one_by_one: true, ..Options::default() };
    project.run(&windows(Some(500), None), &[("feed", "in.ndjson")], &[("out", "out.ndjson")], one_by_one).unwrap();
    let counts = [(1, 100, 1), (1, 200, 2), (2, 1000, 1), (1, 1001, 1), (1, 1100, 2), (2, 900, 2)];
    let expected: Vec<String> =
        counts.iter().map(|(k, at, count)| format!("{{\"k\":{k},\"at\":{at},\"count\":{count}}}")).collect();
    assert_eq!(project.lines("out.ndjson"), expected);
}

#[test]
fn a_record_for_a_value_that_has_closed_is_dropped_as_late() {
    let project = Project::default();
    project.write("in.ndjson", &timed(&[(1, 50), (1, 90), (2, 150), (1, 99), (2, 160)]));
    let options = Options { workers: 1, ..Options::default() };
    let inputs = [("feed", "in.ndjson")];
    let summary = project.run(&windows(None, Some(100)), &inputs, &[("out", "out.ndjson")], options).unwrap();
    assert_eq!(summary.flows[0].dropped["late"], 1);
    assert_eq!(project.lines("out.ndjson").len(), 4);
}

#[test]
fn a_record_later_than_the_source_allows_is_dropped_rejected_or_passed_on() {
    for (otherwise, rejected, late) in [(nsf_plan::Late::Drop, 0, 1), (nsf_plan::Late::Reject, 1, 0)] {
        let mut plan = windows(None, None);
        plan.sources[0].late = Some(10);
        plan.sources[0].late_else = otherwise;
        let project = Project::default();
        project.write("in.ndjson", &timed(&[(1, 100), (1, 90), (1, 89), (1, 101)]));
        let options = Options { block: 1, ..Options::default() };
        let summary = project.run(&plan, &[("feed", "in.ndjson")], &[("out", "out.ndjson")], options).unwrap();
        assert_eq!((summary.rejected, summary.sources[0].late), (rejected, late));
        assert_eq!(project.lines("out.ndjson").len(), 3);
    }
}

#[test]
fn unique_lets_the_first_of_equal_values_through_and_counts_the_others() {
    let mut plan = windows(None, None);
    let keys = [("k", Type::INT64), ("at", Type::INT64)];
    let marks = state(&mut plan, "marks", &keys, &[("at", Type::Timestamp, Literal::Integer(0))]);
    plan.states[1].marks = true;
    let at = expr(nsf_plan::ExprKind::Slot(nsf_plan::SlotId(1)), Type::INT64);
    let parity = binary(BinaryOperator::Remainder, at, number(2), Type::INT64);
    let kind = StepKind::Unique { values: vec![parity], within: 50, reason: "sent again".into(), marks };
    let step = nsf_plan::Step { id: "count/unique".into(), kind, origin: support::HERE };
    plan.pipelines[0].body.steps.insert(0, step);
    let project = Project::default();
    project.write("in.ndjson", &timed(&[(1, 100), (1, 102), (1, 103), (2, 104), (1, 149), (1, 150), (1, 152)]));
    let inputs = [("feed", "in.ndjson")];
    let summary = project.run(&plan, &inputs, &[("out", "out.ndjson")], Options::default()).unwrap();
    assert_eq!(summary.flows[0].dropped["sent again"], 3);
    assert_eq!(project.lines("out.ndjson").len(), 4);
}

#[test]
fn a_store_is_locked_checked_and_forgotten_on_request() {
    let project = Project::default();
    let path = project.path("store.redb");
    let mut batch = StoreBatch::default();
    for number in 0..2000_u32 {
        batch.table(StoreTable::State).put(&number.to_be_bytes(), &[7; 100]);
    }
    batch.sort();
    {
        let store = EmbeddedStore::open(&path, false).unwrap();
        store.commit(&batch).unwrap();
        let error = EmbeddedStore::open(&path, false).err().unwrap();
        assert_eq!(error.kind, ConnectorErrorKind::Locked);
        let error = EmbeddedStore::open(&path, true).err().unwrap();
        assert_eq!(error.kind, ConnectorErrorKind::Locked);
    }
    let mut bytes = std::fs::read(&path).unwrap();
    for at in (20_000..bytes.len()).step_by(8_000) {
        bytes[at] ^= 1;
    }
    std::fs::write(&path, &bytes).unwrap();
    let error = EmbeddedStore::open(&path, false).err().unwrap();
    assert_eq!(error.kind, ConnectorErrorKind::Damaged, "{error}");
    assert!(error.to_string().contains("is damaged") && error.to_string().contains("--fresh"), "{error}");
    std::fs::write(&path, b"this is another file altogether").unwrap();
    assert_eq!(EmbeddedStore::open(&path, false).err().unwrap().kind, ConnectorErrorKind::Damaged);
    let store = EmbeddedStore::open(&path, true).unwrap();
    let mut rows = 0;
    store
        .scan(StoreTable::State, b"", &mut |_, _| {
            rows += 1;
            true
        })
        .unwrap();
    assert_eq!(rows, 0);
}

#[test]
fn a_store_that_was_not_finished_is_made_anew_and_an_empty_one_is_refused() {
    let project = Project::default();
    let path = project.path("store.redb");
    // What a run leaves that is killed while it creates its store.
    project.write("store.redb.new-1", "");
    let store = EmbeddedStore::open(&path, false).unwrap();
    assert!(!project.path("store.redb.new-1").exists());
    drop(store);
    let names: Vec<_> =
        std::fs::read_dir(project.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["store.redb"]);
    std::fs::write(&path, b"").unwrap();
    let error = EmbeddedStore::open(&path, false).err().unwrap();
    assert!(error.to_string().contains("is not a store") && error.to_string().contains("--fresh"), "{error}");
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_eq!(EmbeddedStore::open(&path, false).err().unwrap().kind, ConnectorErrorKind::Damaged);
}

#[test]
fn everything_that_keeps_a_plan_from_running_is_told_at_once() {
    let mut plan = passing();
    plan.topics[0].connector.kind = "file".into();
    plan.topics[0].connector.name = "missing.ndjson".into();
    plan.topics[1].connector.kind = "pigeon".into();
    let rows = topic(&mut plan, "file", "rows.csv", true, false);
    table(&mut plan, "rows", rows, Format::Csv, vec![field("id", "id", Type::INT64)], &[0]);
    let project = Project::default();
    let local = Local::new(LocalSettings { project: project.folder.path().to_path_buf(), ..LocalSettings::default() });
    let errors = Engine::build(Arc::new(plan), Options::default(), &local).err().unwrap();
    let all = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    assert!(all.contains("`pigeon` is checked and kept in the plan, but not yet run"), "{all}");
    assert!(all.contains("rows.csv"), "{all}");
}

#[test]
fn rows_that_have_ended_are_deleted_from_the_store() {
    let project = Project::default();
    let records: Vec<(i64, i64)> = (0..3000).map(|at| (at, at)).collect();
    project.write("in.ndjson", &timed(&records));
    let options = Options { block: 2000, blocks: 2, commit_bytes: 2000, ..Options::default() };
    let outputs = [("out", "out.ndjson"), ("counts", "counts.ndjson")];
    project.run(&windows(Some(100), None), &[("feed", "in.ndjson")], &outputs, options).unwrap();
    assert_eq!(project.lines("out.ndjson").len(), 3000);
    assert_eq!(project.lines("counts.ndjson").len(), 101);
    let store = EmbeddedStore::open(project.path(".nsf/store.redb"), false).unwrap();
    let mut rows = 0;
    let mut count = |_: &[u8], _: &[u8]| {
        rows += 1;
        true
    };
    store.scan(StoreTable::State, b"", &mut count).unwrap();
    assert!(rows < 400, "{rows} of 3000 rows are still stored");
}

#[test]
fn two_outputs_in_one_file_are_refused() {
    let project = Project::default();
    let local = project.local(&[], &[("out", "same.ndjson"), ("rejected", "same.ndjson")]);
    let errors = Engine::build(Arc::new(passing()), Options::default(), &local).err().unwrap();
    assert!(errors[0].to_string().contains("is named for two outputs"), "{}", errors[0]);
}

#[test]
fn an_output_over_what_is_read_is_refused_and_the_file_stays() {
    let project = Project::default();
    project.write("in.ndjson", "{\"id\":1}\n");
    for (inputs, outputs) in [
        (vec![("in", "in.ndjson")], vec![("out", "in.ndjson")]),
        (vec![("in", "in.ndjson")], vec![("out", "folder/../in.ndjson")]),
        (vec![], vec![("out", ".nsf/topics/in.ndjson")]),
    ] {
        std::fs::create_dir_all(project.path("folder")).unwrap();
        std::fs::create_dir_all(project.path(".nsf/topics")).unwrap();
        let local = project.local(&inputs, &outputs);
        let errors = Engine::build(Arc::new(passing()), Options::default(), &local).err().unwrap();
        assert!(errors[0].to_string().contains("is read by this run"), "{}", errors[0]);
    }
    assert_eq!(std::fs::read_to_string(project.path("in.ndjson")).unwrap(), "{\"id\":1}\n");
}

#[test]
fn an_output_never_takes_the_place_of_an_input_and_a_device_stays_one() {
    let project = Project::default();
    project.write("in.ndjson", "{}\n");
    std::os::unix::fs::symlink(project.path("in.ndjson"), project.path("link")).unwrap();
    std::fs::hard_link(project.path("in.ndjson"), project.path("other")).unwrap();
    for (name, file) in [("out", "in.ndjson"), ("rejected", "link"), ("rejected", "other")] {
        let local = project.local(&[("numbers", "in.ndjson")], &[(name, file)]);
        let errors = Engine::build(Arc::new(passing()), Options::default(), &local).err().unwrap();
        assert!(errors[0].to_string().contains("is read by this run"), "{}", errors[0]);
        assert_eq!(project.lines("in.ndjson"), ["{}"]);
    }
    let device = [("out", "/dev/null"), ("rejected", "/dev/null")];
    let summary = project.run(&passing(), &[("numbers", "in.ndjson")], &device, Options::default()).unwrap();
    assert!(summary.outputs[0].may_repeat);
    assert!(!std::fs::metadata("/dev/null").unwrap().is_file());
    // Behind a link, the file is replaced and not the link.
    project.write("real", "old");
    std::os::unix::fs::symlink(project.path("real"), project.path("named")).unwrap();
    project.write("in.ndjson", "{}\n{bad\n");
    let outputs = [("rejected", "named")];
    project.run(&passing(), &[("numbers", "in.ndjson")], &outputs, Options::default()).unwrap();
    assert!(project.path("named").symlink_metadata().unwrap().is_symlink());
    assert!(project.lines("real").last().unwrap().contains("{bad"), "{:?}", project.lines("real"));
}

#[test]
fn a_followed_file_that_is_cut_replaced_or_deleted_is_told() {
    type Change = (&'static str, fn(&Project));
    let changes: [Change; 3] = [
        ("was cut", |project| project.write("in", "")),
        ("was replaced", |project| {
            project.write("new", "{}\n{}\n{}\n");
            std::fs::rename(project.path("new"), project.path("in")).unwrap();
        }),
        ("was deleted", |project| std::fs::remove_file(project.path("in")).unwrap()),
    ];
    for (words, change) in changes {
        let project = Project::default();
        project.write("in", "{}\n{}\n");
        let mut source = FileSource::new(project.path("in"), Framing::Json, Waiting::ForMore, false);
        source.open(&[]).unwrap();
        let mut batch = RawBatch::default();
        assert!(matches!(source.poll(&mut batch, 1000).unwrap(), Polled::Batch));
        assert_eq!(batch.messages.len(), 2);
        batch.clear();
        assert!(matches!(source.poll(&mut batch, 1000).unwrap(), Polled::Idle));
        change(&project);
        let error = source.poll(&mut batch, 1000).err().unwrap();
        assert_eq!(error.kind, ConnectorErrorKind::Changed);
        assert!(error.to_string().contains(words) && error.to_string().contains("--fresh"), "{error}");
    }
}

#[test]
fn a_file_whose_lines_moved_under_the_position_is_refused() {
    let project = Project::default();
    let line = |at: usize| format!("{{\"pad\":\"{}\"}}\n", "x".repeat(at % 50 + 1));
    let all: Vec<String> = (0..2000).map(line).collect();
    project.write("in.ndjson", &all[..1000].concat());
    let given = [("numbers", "in.ndjson")];
    project.run(&passing(), &given, &[("out", "out.ndjson")], Options::default()).unwrap();
    // The beginning is the same and the file is longer, but a line in the middle is gone.
    project.write("in.ndjson", &[&all[..703], &all[705..]].concat().concat());
    let error = project.run(&passing(), &given, &[("out", "out.ndjson")], Options::default()).unwrap_err().to_string();
    assert!(error.contains("has other lines than when it was last read") && error.contains("--fresh"), "{error}");
}
