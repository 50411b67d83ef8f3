//! Against a receiver that takes notes.

#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::mpsc::{Receiver, channel},
};

use nsf_engine::run::StopHandle;
use nsf_plan::{
    Plan,
    profile::{Environment, FileText, Manifest},
};
use serde_json::Value;

use super::*;
use crate::{JournalFormat, metrics::families};

fn url(text: &str) -> ServerUrl {
    let manifest = Manifest::parse("profiles:\n  prod:\n    telemetry: { otlp: \"${OTLP}\" }\n");
    let variable = |_: &str| Some(text.to_owned());
    let file = |_: &str| Ok(FileText { text: String::new().into(), mode: None });
    let environment = Environment { variable: &variable, file: &file };
    manifest.profiles["prod"].resolve("shop", &environment).unwrap().otlp.unwrap()
}

/// A request: its head and its body.
type Asked = (String, Value);

/// Answers every request and gives it on.
fn receiver(status: &'static str) -> (SocketAddr, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, asked) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut bytes = Vec::new();
            let request = loop {
                let mut part = [0; 64 * 1024];
                let length = stream.read(&mut part).unwrap();
                bytes.extend_from_slice(&part[..length]);
                let text = String::from_utf8_lossy(&bytes).into_owned();
                let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                let lower = head.to_lowercase();
                let wanted = lower.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
                if body.len() == wanted.trim().parse::<usize>().unwrap() {
                    break (head.to_owned(), serde_json::from_str(body).unwrap());
                }
            };
            stream.write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}").as_bytes()).unwrap();
            if sender.send(request).is_err() {
                return;
            }
        }
    });
    (address, asked)
}

fn board() -> Arc<Board> {
    Arc::new(Board::new(&Plan::new("shop"), "prod", StopHandle::default()))
}

const JOURNAL: Journal = Journal::new(JournalFormat::Text, false);

/// Of each metric its values.
fn by_name(body: &Value) -> BTreeMap<String, Value> {
    let metrics = body["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap();
    metrics.iter().map(|metric| (metric["name"].as_str().unwrap().to_owned(), metric.clone())).collect()
}

#[test]
fn a_collector_gets_the_metrics_by_their_names_and_commits_as_spans() {
    let (address, asked) = receiver("200 OK");
    let telemetry = Telemetry::default();
    let commit = |number| Committed { number, records: 7, rows: 3, milliseconds: 1_500.0 };
    telemetry.committed(commit(1));
    let url = url(&format!("http://canary%3A:canary@{address}/base/"));
    let sending = telemetry.start_every(&url, board(), JOURNAL, Duration::from_millis(50)).unwrap();
    telemetry.committed(commit(2));
    let patience = Duration::from_secs(60);
    let (head, body) = asked.recv_timeout(patience).unwrap();
    assert!(head.starts_with("POST /base/v1/metrics HTTP/1.1\r\n"), "{head}");
    // `canary::canary` in base 64: the login of the address, and nowhere else.
    assert!(head.to_lowercase().contains("authorization: basic y2fuyxj5ojpjyw5hcnk="), "{head}");
    assert!(!body.to_string().contains("canary"), "{body}");
    let resource = body["resourceMetrics"][0]["resource"].to_string();
    assert!(resource.contains(r#"{"key":"service.name","value":{"stringValue":"shop"}}"#), "{resource}");
    let metrics = by_name(&body);
    for name in metrics.keys() {
        assert!(families::ALL.iter().any(|family| family.name == name), "{name} is no metric of the page");
    }
    assert_eq!(metrics["nsflow_live"]["gauge"]["dataPoints"][0]["asInt"], "1");
    let commits = &metrics["nsflow_commits_total"]["sum"];
    assert_eq!((&commits["isMonotonic"], &commits["aggregationTemporality"]), (&true.into(), &2.into()));
    let reloads = metrics["nsflow_reloads_total"]["sum"]["dataPoints"].as_array().unwrap();
    assert_eq!(reloads[1]["attributes"][0]["value"]["stringValue"], "refused");
    let times = &metrics["nsflow_commit_seconds"]["histogram"]["dataPoints"][0];
    let (bounds, counts) = (times["explicitBounds"].as_array().unwrap(), times["bucketCounts"].as_array().unwrap());
    assert_eq!((bounds.len() + 1, times["count"].as_str().unwrap()), (counts.len(), "0"));

    let (head, body) = asked.recv_timeout(patience).unwrap();
    assert!(head.starts_with("POST /base/v1/traces HTTP/1.1\r\n"), "{head}");
    let spans = body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap();
    // The first was before anybody wanted it.
    assert_eq!((spans.len(), spans[0]["name"].as_str().unwrap()), (1, "commit"));
    let time = |name: &str| spans[0][name].as_str().unwrap().parse::<u128>().unwrap();
    assert_eq!(time("endTimeUnixNano") - time("startTimeUnixNano"), 1_500_000_000);
    let length = |name: &str| spans[0][name].as_str().unwrap().len();
    assert_eq!((length("traceId"), length("spanId")), (32, 16));
    drop(sending);
}

#[test]
fn a_collector_that_is_away_or_refuses_is_told_of_in_words() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let say = |text: &str| {
        let collector = Collector::new(&url(text)).unwrap();
        runtime.block_on(collector.send("/v1/metrics", b"{}".to_vec())).unwrap_err()
    };
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert_eq!(say(&format!("http://{nobody}")), "nobody listens there");
    let (wrong, _asked) = receiver("404 Not Found");
    assert_eq!(say(&format!("http://{wrong}")), "it has no path /v1/metrics: is it an OTLP receiver for HTTP?");
    let (full, _asked) = receiver("503 Service Unavailable");
    assert_eq!(say(&format!("http://{full}")), "it answers 503 Service Unavailable");
}

#[test]
fn a_collector_that_never_answers_keeps_nobody_waiting() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let telemetry = Telemetry::default();
    let url = url(&format!("http://{}", listener.local_addr().unwrap()));
    let sending = telemetry.start_every(&url, board(), JOURNAL, Duration::from_millis(1)).unwrap();
    let silent = listener.accept().unwrap();
    // More than is kept: what is too much is left out, and nobody waits.
    for number in 0..10 * MOST_SPANS as u64 {
        telemetry.committed(Committed { number, records: 1, rows: 1, milliseconds: 1.0 });
    }
    assert!(locked(&telemetry.0.spans).len() <= MOST_SPANS);
    drop(sending);
    drop(silent);
}
