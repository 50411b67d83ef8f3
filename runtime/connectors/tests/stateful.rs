//! Flows with state: every record's changes are undone with it, and a run that is stopped anywhere, or killed, goes on to
//! the same end.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    collections::BTreeMap,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use nsf_engine::run::{FAILPOINTS, Options, RunError, event::Event};
use support::{Project, sum_records, summing};

const IN: &[(&str, &str)] = &[("feed", "in.ndjson")];
const OUT: &[(&str, &str)] = &[("out", "out.ndjson"), ("sums", "sums.ndjson"), ("rejected", "rejected.ndjson")];
const RESULTS: [&str; 3] = ["out.ndjson", "sums.ndjson", "rejected.ndjson"];

/// Total, count, greatest, and the last value by `t`.
type Sum = (i64, i64, Option<i64>, BTreeMap<i64, i64>);

/// What is to come out, computed without the engine.
fn expected(records: &str) -> (Vec<String>, BTreeMap<String, Sum>, usize) {
    let (mut out, mut rejected) = (Vec::new(), 0);
    let mut sums = BTreeMap::<String, Sum>::new();
    for line in records.lines() {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        let (k, v, t) = (record["k"].as_str().unwrap(), record["v"].as_i64().unwrap(), record["t"].as_i64().unwrap());
        match v {
            13 => rejected += 1,
            14 => {}
            _ => {
                let sum = sums.entry(k.to_owned()).or_default();
                *sum = (sum.0 + v, sum.1 + 1, sum.2.max(Some(v)), std::mem::take(&mut sum.3));
                sum.3.insert(t, v);
                out.push(format!("{{\"k\":\"{k}\",\"total\":{},\"count\":{}}}", sum.0, sum.1));
            }
        }
    }
    out.sort();
    (out, sums, rejected)
}

fn check(project: &Project, records: &str) {
    let (out, sums, rejected) = expected(records);
    assert_eq!(project.sorted("out.ndjson"), out);
    assert_eq!(project.lines("rejected.ndjson").len(), rejected);
    let stored = project.lines("sums.ndjson");
    assert_eq!(stored.len(), sums.len());
    for line in stored {
        let row: serde_json::Value = serde_json::from_str(&line).unwrap();
        let (total, count, greatest, last) = &sums[row["k"].as_str().unwrap()];
        assert_eq!((row["total"].as_i64(), row["count"].as_i64()), (Some(*total), Some(*count)), "{line}");
        assert_eq!(row["greatest"].as_i64(), *greatest, "{line}");
        let stored: BTreeMap<i64, i64> =
            row["last"].as_object().unwrap().iter().map(|(t, v)| (t.parse().unwrap(), v.as_i64().unwrap())).collect();
        assert_eq!(stored, *last, "{line}");
    }
}

#[test]
fn a_dropped_or_rejected_record_leaves_no_trace_in_the_state() {
    let project = Project::default();
    let records = sum_records(5000, 50, 1);
    project.write("in.ndjson", &records);
    let summary = project.run(&summing(), IN, OUT, Options::default()).unwrap();
    check(&project, &records);
    assert!(summary.flows[0].dropped["fourteen"] > 0);
}

#[test]
fn block_sizes_workers_and_lanes_do_not_change_the_result() {
    let records = sum_records(3000, 40, 2);
    for (block, workers, lanes) in [(1, 1, 1), (50, 2, 3), (1000, 3, 8), (100_000, 2, 16), (77, 4, 5)] {
        let project = Project::default();
        project.write("in.ndjson", &records);
        let options = Options { block, workers, lanes, commit_bytes: 5000, ..Options::default() };
        project.run(&summing(), IN, OUT, options).unwrap();
        check(&project, &records);
    }
}

#[test]
fn rows_that_do_not_fit_into_memory_are_read_again() {
    let records = sum_records(6000, 900, 3);
    let project = Project::default();
    project.write("in.ndjson", &records);
    let options = Options { block: 2000, state_bytes: 20_000, ..Options::default() };
    project.run(&summing(), IN, OUT, options).unwrap();
    check(&project, &records);
}

#[test]
fn a_run_stopped_at_any_failpoint_goes_on_to_the_same_end() {
    let records = sum_records(2000, 30, 4);
    for failpoint in FAILPOINTS {
        for time in [1, 2, 5] {
            let project = Project::default();
            project.write("in.ndjson", &records);
            let options = || Options { block: 1000, blocks: 2, commit_bytes: 4000, ..Options::default() };
            let first = options();
            first.failpoints.arm(failpoint, time);
            let error = project.run(&summing(), IN, OUT, first).unwrap_err();
            assert_eq!(error, RunError::Failpoint(failpoint));
            let rest = project.run(&summing(), IN, OUT, options()).unwrap();
            let committed = matches!(failpoint, "after-store-commit" | "after-commit");
            assert!(rest.resumed || !committed, "{failpoint} {time}");
            check(&project, &records);
        }
    }
}

#[test]
fn a_run_that_is_told_to_stop_goes_on_to_the_same_end() {
    let project = Project::default();
    let records = sum_records(60_000, 20_000, 8);
    project.write("in.ndjson", &records);
    for _ in 0..3 {
        let options = Options { block: 4000, blocks: 2, commit_bytes: 100_000, ..Options::default() };
        let stop = options.stop.clone();
        let events = Arc::new(move |event: &Event| {
            if matches!(event, Event::Committed(commit) if commit.number == 3) {
                stop.stop();
            }
        });
        let out = [("out", "out.ndjson"), ("rejected", "rejected.ndjson")];
        let summary = project.run(&summing(), IN, &out, Options { events: Some(events), ..options }).unwrap();
        assert!(summary.stopped && summary.records < 60_000);
    }
    assert!(project.run(&summing(), IN, OUT, Options::default()).unwrap().resumed);
    check(&project, &records);
}

#[test]
fn another_number_of_lanes_or_another_shape_of_a_state_is_refused() {
    let project = Project::default();
    project.write("in.ndjson", &sum_records(10, 3, 5));
    project.run(&summing(), IN, OUT, Options::default()).unwrap();
    let lanes = Options { lanes: 4, ..Options::default() };
    let message = project.run(&summing(), IN, OUT, lanes).unwrap_err().to_string();
    assert!(message.contains("8 lanes") && message.contains("--fresh"), "{message}");
    let mut other = summing();
    other.states[0].fields[0].name = "sum".into();
    let message = project.run(&other, IN, OUT, Options::default()).unwrap_err().to_string();
    assert!(message.contains("its field `total` is stored, but gone from the program"), "{message}");
}

/// Not a test of its own: the process that [`a_killed_run_goes_on_to_the_same_end`] kills.
#[test]
fn child() {
    let Ok(folder) = std::env::var("NSF_KILLED_RUN") else { return };
    let folder = std::path::PathBuf::from(folder);
    let given = |names: &[(&str, &str)]| {
        names.iter().map(|(name, file)| ((*name).to_owned(), folder.join(file))).collect::<Vec<_>>()
    };
    let settings = nsf_connectors::local::LocalSettings {
        project: folder.clone(),
        inputs: given(IN),
        outputs: given(OUT),
        follow: false,
        fresh: false,
    };
    let connectors = nsf_connectors::local::Local::new(settings);
    let options = Options { block: 4000, commit_bytes: 20_000, ..Options::default() };
    let plan = std::sync::Arc::new(summing());
    nsf_engine::run::Engine::build(plan, options, &connectors).unwrap().run().unwrap();
}

#[test]
fn a_killed_run_goes_on_to_the_same_end() {
    let project = Project::default();
    let records = sum_records(60_000, 500, 6);
    project.write("in.ndjson", &records);
    let start = || {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child"])
            .env("NSF_KILLED_RUN", project.folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut killed = 0;
    for time in 0..12 {
        let mut child = start();
        std::thread::sleep(Duration::from_millis(60 + time * 23));
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
    }
    assert!(killed >= 3, "only {killed} runs were killed before their end");
    assert!(start().wait().unwrap().success());
    check(&project, &records);
    let before: Vec<Vec<String>> = RESULTS.iter().map(|name| project.sorted(name)).collect();
    assert!(start().wait().unwrap().success());
    let after: Vec<Vec<String>> = RESULTS.iter().map(|name| project.sorted(name)).collect();
    assert_eq!(before, after);
}
