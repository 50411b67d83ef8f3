//! A worker that is given another plan while it runs: what it takes, what it refuses and why, and that the old plan goes on.

#![allow(clippy::unwrap_used)]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Output},
    sync::atomic::AtomicBool,
    time::{Duration, Instant},
};

use nsf_faults::{
    bank::Dose,
    stage::{Servers, Stage},
};
use nsf_tests::{
    servers::{ports, redis::Options, shown},
    tool,
};
use serde_json::Value;

fn ask(address: SocketAddr, path: &str) -> String {
    let Ok(mut stream) = TcpStream::connect(address) else { return String::new() };
    stream.set_read_timeout(Some(Duration::from_secs(12))).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n\r\n");
    let _ = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

fn status(address: SocketAddr) -> Value {
    serde_json::from_str(&ask(address, "/status")).unwrap_or_default()
}

fn reload(stage: &Stage, further: &[&str]) -> Output {
    Command::new(&stage.workers.program)
        .current_dir(&stage.workers.folder)
        .args(["reload", "plan.yaml", "--profile", "watched"])
        .args(further)
        .envs(stage.workers.environment.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_secs(120), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Compiles the program with a text of it changed, into the plan that the worker was started with.
fn change(stage: &Stage, nsfc: &Path, file: &str, from: &str, to: &str) {
    let folder = stage.workers.folder.join("next");
    let path = folder.join(file);
    let before = std::fs::read_to_string(&path).unwrap();
    let after = before.replace(from, to);
    assert_ne!(before, after, "{file} has no `{from}`");
    std::fs::write(&path, after).unwrap();
    let compiled =
        Command::new(nsfc).current_dir(&folder).args(["compile", ".", "-o", "../plan.yaml"]).output().unwrap();
    assert!(compiled.status.success(), "{}", text(&compiled));
    std::fs::write(&path, before).unwrap();
}

#[test]
fn a_plan_is_taken_while_the_worker_runs_and_a_bad_one_is_not() {
    let name = "a_plan_is_taken_while_the_worker_runs_and_a_bad_one_is_not";
    let Some(servers) = shown(name, Servers::start(Options::default())) else { return };
    let (nsfc, nsflow) = (tool::build("nsfc"), tool::build_with("nsflow", &["faults"]));
    let dose = Dose { records: 2_000, accounts: 50, seed: 11 };
    let mut stage = Stage::new(&servers, "reloaded", dose, &nsfc, &nsflow).unwrap();
    let (folder, address) = (stage.workers.folder.clone(), ports::loopback(ports::free()));
    let (plan, settings) = (folder.join("plan.yaml"), folder.join("nsf.yaml"));
    let first = std::fs::read(&plan).unwrap();
    let mut profiles = std::fs::read_to_string(&settings).unwrap();
    profiles.push_str(&format!(
        "  watched:\n    kafka: {{ brokers: \"${{KAFKA_BROKERS}}\", create_topics: {{ partitions: 12, replication: 1 }} }}\n    \
         redis: {{ url: \"${{REDIS_URL}}\" }}\n    mysql: {{ url: \"${{MYSQL_URL}}\" }}\n    commit: {{ every: 300ms }}\n    admin: {{ listen: \"{address}\" }}\n"
    ));
    std::fs::write(&settings, &profiles).unwrap();

    let nobody = reload(&stage, &[]);
    assert!(!nobody.status.success() && text(&nobody).contains("no worker of plan.yaml"), "{}", text(&nobody));

    let mut worker = stage.workers.start_as("watched", &[]).unwrap();
    eventually("the worker is ready", || ask(address, "/health/ready") == "ready\n");
    stage.feeder().run(Duration::ZERO, &AtomicBool::new(true)).unwrap();
    stage.wait(&servers, Duration::from_secs(120)).unwrap();
    let hash = status(address)["runs"]["hash"].as_str().unwrap().to_owned();

    // A file that is cut off, by signal: the old plan goes on, and says so everywhere.
    std::fs::write(&plan, &first[..first.len() / 2]).unwrap();
    worker.signal("HUP").unwrap();
    eventually("a damaged plan is refused", || status(address)["reloads"]["refused"] == 1);
    let told = status(address);
    let problem = told["reloads"]["last"]["problems"][0].as_str().unwrap();
    assert!(problem.contains("plan.yaml cannot be run"), "{problem}");
    assert_eq!(told["runs"]["hash"], hash.as_str());
    assert!(ask(address, "/metrics").contains("nsflow_reloads_total{result=\"refused\"} 1\n"));
    assert!(worker.text().contains("the new plan is not taken: the plan plan.yaml cannot be run"), "{}", worker.text());

    // The next version is there whole, and taken. It is all new to the worker but what both have.
    stage.compile_next(&nsfc).unwrap();
    let next = std::fs::read(folder.join("next.yaml")).unwrap();
    std::fs::write(&plan, &next).unwrap();
    let taken = reload(&stage, &[]);
    assert!(taken.status.success(), "{}\n{}", text(&taken), worker.text());
    let said = text(&taken);
    for words in [
        "note: the state `bank.audit.audits` is new",
        "note: the output kafka(\"reloaded.audited\") is new",
        "gained `weight`",
        "runs the plan",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let second = status(address)["runs"]["hash"].as_str().unwrap().to_owned();
    assert_ne!(second, hash);
    eventually("the new source is read from its beginning", || {
        let rows = stage.state_rows(&servers).unwrap();
        let counted = rows.iter().filter(|(key, _)| key.starts_with("bank.audit.audits:"));
        let counts = counted.map(|(_, row)| serde_json::from_str::<Value>(row).unwrap()["count"].as_u64().unwrap());
        counts.sum::<u64>() == 2_000
    });

    // What is gone is named, and taken only if that is said.
    std::fs::write(&plan, &first).unwrap();
    let lost = reload(&stage, &[]);
    let said = text(&lost);
    assert!(!lost.status.success() && said.contains("the state `bank.audit.audits` is not in the new plan"), "{said}");
    assert!(said.contains("--allow-loss") && said.contains(&format!("goes on with the plan {second}")), "{said}");

    // A field of another type is refused by what the store holds.
    change(&stage, &nsfc, "bank/audit.nsf", "count: int64 = 0", "count: int32 = 0");
    let said = text(&reload(&stage, &[]));
    assert!(said.contains("its field `count` was stored as int64, now it is int32"), "{said}");
    // So are settings that say whose the rows are, and a profile that cannot be read.
    std::fs::write(&plan, &next).unwrap();
    let lanes = profiles.replace("admin: { listen", "lanes: 3\n    admin: { listen");
    for (settings_now, words) in [
        (lanes.as_str(), "`lanes` of the profile was `8` and is now `3`"),
        (profiles.replace("${REDIS_URL}", "${NOT_SET}").as_str(), "NOT_SET"),
    ] {
        std::fs::write(&settings, settings_now).unwrap();
        let said = text(&reload(&stage, &[]));
        assert!(said.contains(words), "{words}: {said}");
    }
    std::fs::write(&settings, &profiles).unwrap();
    assert_eq!(status(address)["runs"]["hash"], second.as_str());

    // A wider type is taken: rows are read as they are, and counted on. It is not taken back.
    change(&stage, &nsfc, "bank/audit.nsf", "count: int64 = 0", "count: decimal = 0");
    let widened = reload(&stage, &[]);
    assert!(widened.status.success(), "{}\n{}", text(&widened), worker.text());
    assert!(
        text(&widened).contains("has `count` as decimal: the rows that earlier runs stored, as int64"),
        "{}",
        text(&widened)
    );
    stage.feeder().run(Duration::ZERO, &AtomicBool::new(true)).unwrap();
    eventually("what was counted is counted on", || {
        let rows = stage.state_rows(&servers).unwrap();
        let counted = rows.iter().filter(|(key, _)| key.starts_with("bank.audit.audits:"));
        let counts = counted.map(|(_, row)| serde_json::from_str::<Value>(row).unwrap()["count"].as_u64().unwrap());
        counts.sum::<u64>() == 4_000
    });
    std::fs::write(&plan, &next).unwrap();
    let said = text(&reload(&stage, &[]));
    assert!(said.contains("its field `count` was stored as decimal, now it is int64"), "{said}");

    // Back, with its consent; everything counted is there once, and carried along by a program that does not know it.
    std::fs::write(&plan, &first).unwrap();
    let back = reload(&stage, &["--allow-loss"]);
    assert!(back.status.success(), "{}", text(&back));
    assert!(text(&back).contains("the state `bank.audit.audits`"), "{}", text(&back));
    assert_eq!(status(address)["runs"]["hash"], hash.as_str());
    assert!(worker.is_running());
    assert!(worker.stop(Duration::from_secs(20)).unwrap().is_some(), "{}", worker.text());
    let gone = reload(&stage, &[]);
    assert!(text(&gone).contains("no worker of plan.yaml"), "its socket is gone with it: {}", text(&gone));
}
