//! A partition without records on real servers: it holds back what ends with it until its source's `idle` is over, and
//! whoever takes it over afterwards decides the same.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

use std::{
    process::Command,
    time::{Duration, Instant},
};

use nsf_faults::{
    stage::{SESSION, Servers},
    topic::{self, Writer},
    worker::Workers,
};
use nsf_tests::{
    servers::{redis::Options, shown},
    tool,
};
use serde_json::{Value, json};

const PROGRAM: &str = r#"
source entry {
  from: kafka("idle.entries")
  record { room: int64  at: timestamp }
  key:  room
  time: at
}

source exit {
  from: kafka("idle.exits")
  record { room: int64  at: timestamp }
  key:  room
  time: at
  late: 1min
  idle: 3s
}

state traffic by (room, hour) {
  closes: hour + 1h
  value { moves: int64 = 0 }
}

flow count from entry, exit {
  calculate { hour = truncate(at, 1h) }
  save      traffic { moves += 1 }
}

flow told from expired traffic {
  expand kafka("idle.traffic", key: room) { room, hour, moves, ended: now() }
}
"#;

const SETTINGS: &str = r#"
name: idle
profiles:
  prod:
    kafka:
      brokers: "${KAFKA_BROKERS}"
      properties: { session.timeout.ms: "${SESSION}", linger.ms: "5" }
    redis: { url: "${REDIS_URL}" }
    commit: { every: 200ms }
"#;

/// How long anything may take on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(120);

/// Writes records of a room at such minutes past ten.
fn feed(brokers: &str, topic: &str, minutes: &[u32]) {
    let begun = Instant::now();
    let mut writer = loop {
        match Writer::open(brokers, topic) {
            Err(_) if begun.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(200)),
            opened => break opened.unwrap(),
        }
    };
    let records = minutes.iter().map(|minute| {
        let at = format!("2026-03-01T{:02}:{:02}:00Z", 10 + minute / 60, minute % 60);
        json!({"room": 7, "at": at}).to_string()
    });
    let records: Vec<String> = records.collect();
    writer.write(records.iter().map(|record| (b"7".to_vec(), record.as_bytes()))).unwrap();
    writer.end().unwrap();
}

/// What was told, once so much of it is there, each id once.
fn told(brokers: &str, count: usize) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let messages = topic::read(brokers, "idle.traffic", Duration::from_millis(300)).unwrap();
        let by_id: std::collections::BTreeMap<String, Vec<u8>> =
            messages.into_iter().map(|message| (message.id, message.value)).collect();
        if by_id.len() >= count {
            let mut told: Vec<Value> = by_id.values().map(|value| serde_json::from_slice(value).unwrap()).collect();
            told.sort_by_key(|value| value["hour"].to_string());
            return told;
        }
        assert!(begun.elapsed() < PATIENCE, "{} of {count} were told", by_id.len());
        std::thread::sleep(Duration::from_millis(500));
    }
}

fn hour(hour: u32, moves: u32) -> Value {
    json!({
        "room": 7, "hour": format!("2026-03-01T{hour:02}:00:00Z"), "moves": moves,
        "ended": format!("2026-03-01T{:02}:00:00Z", hour + 1)
    })
}

#[test]
fn a_partition_without_records_holds_others_back_no_longer_than_it_may() {
    let Some(servers) = shown("a partition without records", Servers::start(Options::default())) else { return };
    let (nsfc, nsflow) = (tool::build("nsfc"), tool::build_with("nsflow", &["faults"]));
    let folder = servers.folder().join("idle");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("idle.nsf"), PROGRAM).unwrap();
    std::fs::write(folder.join("nsf.yaml"), SETTINGS).unwrap();
    let compiled = Command::new(nsfc).current_dir(&folder).args(["compile", ".", "-o", "plan.yaml"]).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    for own in ["entries", "exits", "traffic", "rejected"] {
        servers.kafka.create_topic(&format!("idle.{own}"), 2, &[]).unwrap();
    }
    let brokers = servers.kafka.bootstrap();
    let mut environment =
        vec![("KAFKA_BROKERS".to_owned(), brokers.clone()), ("SESSION".to_owned(), SESSION.as_millis().to_string())];
    environment.extend(servers.redis.environment(None));
    let mut workers = Workers::new(nsflow, folder, environment);
    let mut worker = workers.start().unwrap();
    // Both streams pass ten o'clock; then only one has records, which pass eleven.
    feed(&brokers, "idle.exits", &[5]);
    feed(&brokers, "idle.entries", &[6, 7]);
    let begun = Instant::now();
    let told_first = loop {
        // The other stream must have records all the while, or time stands still.
        feed(&brokers, "idle.entries", &[125]);
        let messages = topic::read(&brokers, "idle.traffic", Duration::from_millis(300)).unwrap();
        if !messages.is_empty() {
            break told(&brokers, 1);
        }
        assert!(begun.elapsed() < PATIENCE, "nothing was told:\n{}", workers.journals());
    };
    assert_eq!(told_first, [hour(10, 3)]);
    // Another worker finds what was decided: a record of the hour that has ended is late for it.
    worker.kill();
    let mut worker = workers.start().unwrap();
    feed(&brokers, "idle.exits", &[20, 130, 200]);
    feed(&brokers, "idle.entries", &[200]);
    let all = told(&brokers, 2);
    assert_eq!(all[0], hour(10, 3), "{all:?}");
    assert_eq!(all[1]["hour"], hour(12, 0)["hour"], "{all:?}");
    assert_eq!(all.len(), 2);
    assert!(worker.stop(Duration::from_secs(60)).unwrap().is_some(), "{}", worker.text());
}
