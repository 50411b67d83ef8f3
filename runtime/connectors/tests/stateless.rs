//! A flow without state over local files: order, resuming, what was changed meanwhile.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use nsf_engine::run::{Options, RunError};
use support::{Project, numbered, passed, passing};

const IN: &[(&str, &str)] = &[("numbers", "in.ndjson")];
const OUT: &[(&str, &str)] = &[("out", "out.ndjson"), ("rejected", "rejected.ndjson")];

fn small() -> Options {
    Options { block: 100, blocks: 3, ..Options::default() }
}

#[test]
fn outputs_keep_the_order_of_the_input() {
    let project = Project::default();
    project.write("in.ndjson", &numbered(1..5000));
    let summary = project.run(&passing(), IN, OUT, Options { block: 700, workers: 3, ..Options::default() }).unwrap();
    assert_eq!(project.lines("out.ndjson"), passed(1..5000));
    assert_eq!(summary.records, 4999);
    assert_eq!(summary.flows[0].dropped["a seventh"], 714);
    assert_eq!(summary.flows[0].rejected[0].reason, "an eleventh");
    assert_eq!(summary.flows[0].rejected[0].count, 390);
    assert_eq!(project.lines("rejected.ndjson").len(), 390);
}

#[test]
fn a_rejected_record_says_where_it_came_from_and_why() {
    let project = Project::default();
    project.write("in.ndjson", "{\"n\":1}\n{\"n\":11}\n{\"n\":\"x\"}\n{\"n\":\n");
    project.run(&passing(), IN, OUT, small()).unwrap();
    let rejected = project.lines("rejected.ndjson");
    assert_eq!(rejected.len(), 3);
    assert_eq!(
        rejected[0],
        "{\"source\":\"numbers\",\"topic\":\"in\",\"partition\":0,\"offset\":2,\"by\":\"pass\",\"step\":\"pass/1\",\
         \"place\":\"built.nsf:11\",\"code\":\"R0301\",\"reason\":\"an eleventh\",\"raw\":\"{\\\"n\\\":11}\"}"
    );
    assert!(rejected[1].contains("\"offset\":3,\"by\":\"numbers\",\"code\":\"R0102\""), "{}", rejected[1]);
    assert!(rejected[2].contains("\"offset\":4,\"by\":\"numbers\",\"code\":\"R0101\""), "{}", rejected[2]);
}

#[test]
fn a_second_run_changes_nothing_and_appended_lines_are_read_on() {
    let project = Project::default();
    project.write("in.ndjson", &numbered(1..1000));
    project.run(&passing(), IN, OUT, small()).unwrap();
    let again = project.run(&passing(), IN, OUT, small()).unwrap();
    assert!(again.unchanged && again.resumed && again.commits == 0);
    assert_eq!(again.sources[0].resumed_from, Some(1000));
    project.append("in.ndjson", &numbered(1000..1500));
    let more = project.run(&passing(), IN, OUT, small()).unwrap();
    assert_eq!(more.records, 500);
    assert_eq!(project.lines("out.ndjson"), passed(1..1500));
}

#[test]
fn a_last_line_without_a_line_end_is_a_record_once() {
    let project = Project::default();
    project.write("in.ndjson", "{\"n\":1}\n{\"n\":2}");
    assert_eq!(project.run(&passing(), IN, OUT, small()).unwrap().records, 2);
    project.append("in.ndjson", "\n{\"n\":3}\n");
    assert_eq!(project.run(&passing(), IN, OUT, small()).unwrap().records, 1);
    assert_eq!(project.lines("out.ndjson"), passed(1..4));
}

#[test]
fn a_truncated_or_changed_input_is_refused() {
    let project = Project::default();
    project.write("in.ndjson", &numbered(1..1000));
    project.run(&passing(), IN, OUT, small()).unwrap();
    project.write("in.ndjson", &numbered(1..500));
    let message = project.run(&passing(), IN, OUT, small()).unwrap_err().to_string();
    assert!(message.contains("shorter than when it was last read") && message.contains("--fresh"), "{message}");
    project.write("in.ndjson", &numbered(2..2000));
    let message = project.run(&passing(), IN, OUT, small()).unwrap_err().to_string();
    assert!(message.contains("another beginning"), "{message}");
}

#[test]
fn what_an_uncommitted_run_wrote_is_cut_off() {
    let project = Project::default();
    project.write("in.ndjson", &numbered(1..1000));
    let options = small();
    options.failpoints.arm("after-outputs", 3);
    let error = project.run(&passing(), IN, OUT, options).unwrap_err();
    assert_eq!(error, RunError::Failpoint("after-outputs"));
    project.append("out.ndjson", "not a line of ours");
    project.run(&passing(), IN, OUT, small()).unwrap();
    assert_eq!(project.lines("out.ndjson"), passed(1..1000));
}

#[test]
fn an_output_that_lost_lines_is_refused() {
    let project = Project::default();
    project.write("in.ndjson", &numbered(1..1000));
    project.run(&passing(), IN, OUT, small()).unwrap();
    project.write("out.ndjson", "{}\n");
    project.append("in.ndjson", &numbered(1000..1001));
    let message = project.run(&passing(), IN, OUT, small()).unwrap_err().to_string();
    assert!(message.contains("shorter than what was committed to it"), "{message}");
}

#[test]
fn a_run_that_is_told_to_stop_commits_and_goes_on_later() {
    let project = Project::default();
    project.write("in.ndjson", &numbered(1..200_000));
    let options = small();
    let stop = options.stop.clone();
    let told = options.stop.clone();
    let events: nsf_engine::run::options::EventListener = std::sync::Arc::new(move |_| {
        told.stop();
    });
    let first = Options { events: Some(events), commit_bytes: 1000, ..options };
    let summary = project.run(&passing(), IN, OUT, first).unwrap();
    assert!(stop.is_stopping() && summary.stopped && summary.records < 199_999);
    let rest = project.run(&passing(), IN, OUT, Options::default()).unwrap();
    assert_eq!(summary.records + rest.records, 199_999);
    assert_eq!(project.lines("out.ndjson"), passed(1..200_000));
}

#[test]
fn a_followed_input_is_read_on_as_it_grows_and_half_a_line_waits() {
    let project = Project::default();
    project.write("in.ndjson", "{\"n\":1}\n{\"n\":");
    let settings = nsf_connectors::local::LocalSettings {
        project: project.folder.path().to_path_buf(),
        inputs: vec![("numbers".into(), project.path("in.ndjson"))],
        outputs: vec![("out".into(), project.path("out.ndjson"))],
        follow: true,
        fresh: false,
    };
    let connectors = nsf_connectors::local::Local::new(settings);
    let options = Options { commit_every: std::time::Duration::from_millis(20), ..Options::default() };
    let stop = options.stop.clone();
    let pieces = nsf_engine::run::Engine::build(std::sync::Arc::new(passing()), options, &connectors)
        .unwrap_or_else(|_| panic!());
    let run = std::thread::spawn(move || pieces.run());
    let wait_for = |count: usize| {
        for _ in 0..500 {
            if project.lines("out.ndjson").len() == count {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{count} lines did not come: {:?}", project.lines("out.ndjson"));
    };
    wait_for(1);
    project.append("in.ndjson", "2}\n{\"n\":3}\n");
    wait_for(3);
    stop.stop();
    let summary = run.join().unwrap().unwrap();
    assert!(summary.stopped && summary.records == 3);
    assert_eq!(project.lines("out.ndjson"), passed(1..4));
}
