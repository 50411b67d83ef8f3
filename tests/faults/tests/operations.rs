//! A worker as who operates it sees it: health, metrics, status, systemd, rows, rejected records; and no secret in any of it.

#![allow(clippy::unwrap_used)]

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixDatagram,
    path::Path,
    process::{Command, Output},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use nsf_faults::{
    bank::Dose,
    stage::{Servers, Stage},
    topic,
};
use nsf_tests::{
    servers::{ports, redis::Options, shown},
    tool,
};
use serde_json::Value;

/// What no output may hold.
const CANARY: &str = "canary";

/// The secrets of the worker; all of them hold the canary.
const TOKEN: &str = "canary-of-the-admin";

fn ask(address: SocketAddr, path: &str, token: &str) -> (u16, String) {
    let Ok(mut stream) = TcpStream::connect(address) else { return (0, String::new()) };
    stream.set_read_timeout(Some(Duration::from_secs(12))).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n");
    let _ = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// The sum of a metric over all its labels.
fn sum(page: &str, name: &str) -> f64 {
    let is_it = |line: &&str| line.starts_with(&format!("{name}{{")) || line.starts_with(&format!("{name} "));
    page.lines().filter(is_it).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> Result<(), String>) {
    let begun = Instant::now();
    loop {
        let Err(not_yet) = holds() else { return };
        assert!(begun.elapsed() < Duration::from_secs(60), "{what}: {not_yet}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[track_caller]
fn keeps_secrets(what: &str, text: &str) {
    let at = text.find(CANARY);
    assert!(at.is_none(), "{what} shows a secret: {}", &text[at.unwrap_or(0).saturating_sub(100)..]);
}

/// The profile of the trial, with an admin endpoint.
fn watched(folder: &Path, address: SocketAddr) {
    let path = folder.join("nsf.yaml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text.push_str(&format!(
        "  watched:\n    kafka:\n      brokers: \"${{KAFKA_BROKERS}}\"\n      create_topics: {{ partitions: 12, replication: 1 }}\n      \
         properties: {{ session.timeout.ms: 6000 }}\n    \
         redis: {{ url: \"${{REDIS_URL}}\" }}\n    mysql: {{ url: \"${{MYSQL_URL}}\" }}\n    commit: {{ every: 300ms }}\n    \
         admin: {{ listen: \"{address}\", token: \"${{ADMIN_TOKEN}}\" }}\n  \
         broken:\n    kafka: {{ brokers: \"${{KAFKA_BROKERS}}\" }}\n    redis: {{ url: \"${{BAD_URL}}\" }}\n    mysql: {{ url: \"${{MYSQL_URL}}\" }}\n    \
         admin: {{ listen: \"0.0.0.0:9600\", token: \"${{ADMIN_TOKEN}}\" }}\n",
    ));
    std::fs::write(path, text).unwrap();
}

/// Calls `nsflow` on the trial's plan; no call may show a secret.
fn call(stage: &Stage, words: &[&str]) -> Output {
    let output = Command::new(&stage.workers.program)
        .current_dir(&stage.workers.folder)
        .args(words)
        .envs(stage.workers.environment.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    keeps_secrets(&format!("{words:?}"), &text(&output));
    output
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn done(stage: &Stage, words: &[&str]) -> (String, String) {
    let output = call(stage, words);
    assert!(output.status.success(), "{words:?}: {}", text(&output));
    (String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[track_caller]
fn refused(stage: &Stage, words: &[&str]) -> String {
    let output = call(stage, words);
    assert!(!output.status.success(), "{words:?}: {}", text(&output));
    text(&output)
}

#[test]
fn a_worker_can_be_operated_and_shows_no_secret() {
    let name = "a_worker_can_be_operated_and_shows_no_secret";
    let Some(mut servers) = shown(name, Servers::start(Options::default())) else { return };
    let (nsfc, nsflow) = (tool::build("nsfc"), tool::build_with("nsflow", &["faults"]));
    let dose = Dose { records: 2_000, accounts: 50, seed: 5 };
    let mut stage = Stage::new(&servers, "operated", dose, &nsfc, &nsflow).unwrap();
    let address = ports::loopback(ports::free());
    watched(&stage.workers.folder, address);
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(length) = manager.recv(&mut bytes) {
            hears.lock().unwrap().push(String::from_utf8_lossy(&bytes[..length]).into_owned());
        }
    });
    let socket = socket.display().to_string();
    for (name, value) in [("ADMIN_TOKEN", TOKEN), ("BAD_URL", "redis://:canary-of-redis@127.0.0.1:port/0")] {
        stage.workers.environment.push((name.to_owned(), value.to_owned()));
    }
    let mut worker =
        stage.workers.start_as("watched", &[("NOTIFY_SOCKET", &socket), ("WATCHDOG_USEC", "2000000")]).unwrap();
    stage.feeder().run(Duration::ZERO, &false.into()).unwrap();
    stage.wait(&servers, Duration::from_secs(60)).unwrap();

    health_and_metrics(&stage, address);
    told_systemd(&heard);
    commands_on_rows(&stage);
    commands_on_rejected(&stage);
    mistakes(&stage, address);
    a_store_that_is_gone(&mut servers, &stage, address);

    assert!(worker.stop(Duration::from_secs(20)).unwrap().is_some(), "{}", worker.text());
    keeps_secrets("the journal", &stage.workers.journals());
    let heard = heard.lock().unwrap().clone();
    assert!(heard.iter().any(|words| words == "STOPPING=1"), "{heard:?}");
    keeps_secrets("what systemd is told", &heard.concat());
    a_topic_that_is_read_anew(&servers, &mut stage);
}

/// Rows of states that are not as they must be.
fn wrong_rows(servers: &Servers, stage: &Stage) -> Vec<String> {
    let fields = |(key, row): (String, String)| {
        let mut row: Value = serde_json::from_str(&row).unwrap();
        // What the runtime keeps beside the fields says from where the row was last written.
        row.as_object_mut().unwrap().remove("@");
        (key, row.to_string())
    };
    let rows = servers.redis.rows("operated", "s").unwrap().into_iter().map(fields).collect();
    nsf_faults::bank::Expected::wrong_rows(&stage.expected.states, &rows)
}

fn a_topic_that_is_read_anew(servers: &Servers, stage: &mut Stage) {
    // The flows that do not reject what was sent back had taken it before, and count it twice, as they were told.
    let before = wrong_rows(servers, stage);
    let counted_twice = ["bank.activity.activity:", "bank.buckets.buckets:", "bank.charges.charges:"];
    let all_are_those = before.iter().zip(counted_twice).all(|(row, start)| row.starts_with(start));
    assert!(before.len() == 3 && all_are_those, "{before:?}");
    let (movements, logins) = (stage.topic("movements"), stage.topic("logins"));
    let reset = ["reset", "plan.yaml", "--profile", "watched", "--topic"];
    let (said, _) = done(stage, &[&reset[..], &[&movements]].concat());
    assert!(said.contains("state `bank.movements.totals`: all of its rows are deleted"), "{said}");
    assert!(said.contains(&format!("these states are also made of {logins}, which are not read again")), "{said}");
    assert!(said.contains("from offset 0 on") && said.ends_with("nothing was done; give --yes to do it\n"), "{said}");
    assert_eq!(wrong_rows(servers, stage), before, "it was done all the same");
    let words = refused(stage, &[&reset[..], &["movments"]].concat());
    assert!(words.contains("nothing in the plan reads the topic `movments`"), "{words}");
    assert!(words.contains("name a topic or a stream that it reads: ") && words.contains(&movements), "{words}");

    let rows = |modules: &[&str]| {
        let is_of = |key: &&String| modules.iter().any(|module| key.starts_with(module));
        stage.expected.states.keys().filter(is_of).count()
    };
    for (topic, rows) in [
        (&movements, rows(&["bank.movements.", "bank.activity.", "bank.charges."])),
        (&logins, rows(&["bank.logins."])),
    ] {
        let (said, _) = done(stage, &[&reset[..], &[topic, "--to", "earliest", "--yes"]].concat());
        assert!(said.ends_with(&format!("done: 12 partitions, {rows} rows deleted\n")), "{said}");
    }
    // What stands behind the cut is not made of the topic itself, and passes over what is sent to it again.
    let behind = rows(&["bank.buckets."]) - 1;
    assert_eq!(wrong_rows(servers, stage).len(), stage.expected.states.len() - behind);
    let mut worker = stage.workers.start_as("watched", &[]).unwrap();
    eventually("all is read anew", || match wrong_rows(servers, stage) {
        wrong if wrong == before => Ok(()),
        wrong => Err(format!("{} rows are wrong, {:?}", wrong.len(), wrong.first())),
    });
    let words = refused(stage, &[&reset[..], &[&movements]].concat());
    assert!(words.contains("has 1 members: workers run"), "{words}");
    assert!(worker.stop(Duration::from_secs(20)).unwrap().is_some(), "{}", worker.text());

    // What was read stays as it is, and the topic is gone on with at its end.
    let (said, _) = done(stage, &[&reset[..], &[&movements, "--to", "latest", "--keep-states", "--yes"]].concat());
    assert!(said.contains("rows of states stay") && said.ends_with("0 rows deleted\n"), "{said}");
    let mut worker = stage.workers.start_as("watched", &[]).unwrap();
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(wrong_rows(servers, stage), before);
    assert!(worker.stop(Duration::from_secs(20)).unwrap().is_some(), "{}", worker.text());
    keeps_secrets("the journal", &stage.workers.journals());
}

fn health_and_metrics(stage: &Stage, address: SocketAddr) {
    assert_eq!(ask(address, "/metrics", "canary").0, 401);
    eventually("it is ready", || match ask(address, "/health/ready", TOKEN) {
        (200, _) => Ok(()),
        (status, body) => Err(format!("{status} {body}")),
    });
    assert_eq!(ask(address, "/health/live", TOKEN), (200, "live\n".to_owned()));
    let records = stage.dose.records as f64;
    let mut last = String::new();
    eventually("all of it is committed", || {
        last = ask(address, "/metrics", TOKEN).1;
        let taken = ["nsflow_records_total", "nsflow_position"].map(|name| sum(&last, name));
        let lag = sum(&last, "nsflow_lag_messages");
        // Movements, a quarter as many logins, and the movements once more behind the cut.
        let all = taken.iter().all(|taken| *taken == records * 2.25) && lag == 0.0;
        if all { Ok(()) } else { Err(format!("{taken:?} taken, {lag} behind: {last}")) }
    });
    for (name, value) in [
        ("nsflow_rejected_records_total", stage.expected.rejected as f64),
        ("nsflow_messages_total", f64::NAN),
        ("nsflow_partition_reading", 36.0),
        ("nsflow_lanes", 8.0),
        ("nsflow_lanes_open", 8.0),
        ("nsflow_ready", 1.0),
        ("nsflow_lanes_lost_total", 0.0),
    ] {
        let found = sum(&last, name);
        assert!(found == value || value.is_nan() && found >= records, "{name} is {found}, not {value}: {last}");
    }
    for name in [
        "nsflow_commits_total",
        "nsflow_commit_seconds_count",
        "nsflow_save_seconds_count",
        "nsflow_round_seconds_count",
        "nsflow_flush_seconds_count",
        "process_open_fds",
        "process_resident_memory_bytes",
    ] {
        assert!(sum(&last, name) > 0.0, "{name}: {last}");
    }
    let (_, status) = ask(address, "/status", TOKEN);
    let parsed: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(parsed["worker"]["ready"], true, "{status}");
    assert_eq!(parsed["worker"]["partitions"].as_array().unwrap().len(), 36, "{status}");
    assert_eq!(parsed["committed"]["records"], stage.dose.records * 9 / 4, "{status}");
    let (_, plan) = ask(address, "/plan", TOKEN);
    for (what, body) in [("/metrics", &last), ("/status", &status), ("/plan", &plan)] {
        keeps_secrets(what, body);
    }
}

fn told_systemd(heard: &Mutex<Vec<String>>) {
    eventually("systemd hears of it", || {
        let heard = heard.lock().unwrap();
        let count = |what: &str| heard.iter().filter(|words| *words == what).count();
        let (ready, watchdogs) = (count("READY=1"), count("WATCHDOG=1"));
        if ready == 1 && watchdogs > 2 { Ok(()) } else { Err(format!("{ready} times ready, {watchdogs} watchdogs")) }
    });
}

fn commands_on_rows(stage: &Stage) {
    let (key, fields) = stage.expected.states.iter().find(|(key, _)| key.contains("totals:")).unwrap();
    let account = key.rsplit(':').next().unwrap();
    let profile = ["--profile", "watched"];
    let with = |words: &[&'static str], more: &[&str]| {
        let all: Vec<String> =
            words.iter().copied().chain(more.iter().copied()).chain(profile).map(str::to_owned).collect();
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        done(stage, &all)
    };
    let (line, _) = with(&["state", "get", "plan.yaml", "totals"], &[account]);
    let row: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(row["key"]["account"].to_string(), account, "{line}");
    assert_eq!(row["row"]["chain"], fields["chain"], "{line}");
    let (line, _) = with(&["state", "get", "plan.yaml", "holder"], &[account]);
    let row: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(row["row"]["balance"], fields["sum"], "{line}");
    let (lines, _) = with(&["state", "scan", "plan.yaml", "bank.movements.totals", "--limit", "1000"], &[]);
    let wanted = stage.expected.states.keys().filter(|key| key.starts_with("bank.movements.totals:")).count();
    assert_eq!(lines.lines().count(), wanted);
    let (lines, note) = with(&["state", "scan", "plan.yaml", "totals", "--limit", "3"], &[]);
    assert!(lines.lines().count() == 3 && note.contains("more than 3 rows"), "{note}");
    let words = refused(stage, &["state", "get", "plan.yaml", "totls", account, "--profile", "watched"]);
    assert!(words.contains("did you mean `bank.movements.totals`?"), "{words}");
    let words = refused(stage, &["state", "get", "plan.yaml", "totals", "x", "--profile", "watched"]);
    assert!(words.contains("`account` is of type int64"), "{words}");
    let words = refused(stage, &["state", "get", "plan.yaml", "totals", "-1", "--profile", "watched"]);
    assert!(words.contains("has no row of the key -1"), "{words}");
}

fn commands_on_rejected(stage: &Stage) {
    let all = stage.expected.rejected as usize;
    let list = ["rejected", "list", "plan.yaml", "--profile", "watched"];
    let (lines, _) = done(stage, &[&list[..], &["--limit", "1000", "--since", "1h"]].concat());
    assert_eq!(lines.lines().count(), all, "{lines}");
    let (lines, notes) = done(stage, &[&list[..], &["--limit", "3", "--json", "--source", "movement"]].concat());
    assert!(lines.lines().count() == 3 && notes.contains(&format!("{all} rejected records")), "{lines}{notes}");
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["reason"], "no amount", "{first}");
    let raw: Value = serde_json::from_str(first["raw"].as_str().unwrap()).unwrap();
    assert_eq!(first["key"], raw["account"].to_string(), "{first}");
    let (nothing, note) = done(stage, &[&list[..], &["--code", "R9999"]].concat());
    assert!(nothing.is_empty() && note.contains("no rejected record"), "{note}");

    let id = first["id"].as_str().unwrap();
    let (shown, _) = done(stage, &["rejected", "show", "plan.yaml", id, "--profile", "watched"]);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown, first);

    let replay = ["rejected", "replay", "plan.yaml", "--profile", "watched"];
    let words = refused(stage, &replay);
    assert!(words.contains("not said which"), "{words}");
    let movements = stage.topic("movements");
    let before = topic::read(&stage.brokers, &movements, Duration::from_millis(300)).unwrap();
    let (lines, said) = done(stage, &[&replay[..], &[id, "--dry-run"]].concat());
    assert!(
        lines.contains(id) && said.contains(&format!("would send 1 messages to the topic `{movements}`")),
        "{said}"
    );
    let (_, said) = done(stage, &[&replay[..], &[id]].concat());
    assert!(
        said.contains(&format!("sent 1 messages to the topic `{movements}`")) && !said.contains("no key"),
        "{said}"
    );
    let after = topic::read(&stage.brokers, &movements, Duration::from_millis(300)).unwrap();
    assert_eq!(after.len(), before.len() + 1);
    let new = after.iter().find(|message| !before.contains(message)).unwrap();
    assert_eq!(String::from_utf8_lossy(&new.key), first["key"].as_str().unwrap());
    assert_eq!(String::from_utf8_lossy(&new.value), first["raw"].as_str().unwrap());
    assert_eq!(u64::from(new.partition), first["partition"].as_u64().unwrap());
}

fn mistakes(stage: &Stage, address: SocketAddr) {
    // A second worker cannot have the same endpoint, and says so.
    let words = refused(stage, &["run", "plan.yaml", "--profile", "watched"]);
    assert!(words.contains(&format!("cannot listen at {address}: another program listens there")), "{words}");
    let words = refused(stage, &["run", "plan.yaml", "--profile", "broken"]);
    assert!(words.contains("admin") && words.contains("redis"), "{words}");
    let words = refused(stage, &["state", "scan", "plan.yaml", "totals", "--profile", "broken"]);
    assert!(words.contains("error:"), "{words}");
}

fn a_store_that_is_gone(servers: &mut Servers, stage: &Stage, address: SocketAddr) {
    servers.redis.single().unwrap().kill();
    eventually("the trouble is told", || match ask(address, "/health/ready", TOKEN) {
        (503, body) if body.contains("store") => {
            keeps_secrets("/health/ready", &body);
            Ok(())
        }
        (status, body) => Err(format!("{status} {body}")),
    });
    assert_eq!(ask(address, "/health/live", TOKEN).0, 200);
    let before = ask(address, "/metrics", TOKEN).1;
    keeps_secrets("/metrics", &before);
    servers.redis.single().unwrap().restart().unwrap();
    eventually("it is ready again", || match ask(address, "/health/ready", TOKEN) {
        (200, _) => Ok(()),
        (status, body) => Err(format!("{status} {body} {}", stage.workers.journals())),
    });
    let after = ask(address, "/metrics", TOKEN).1;
    for line in before.lines().filter(|line| line.contains("_total")) {
        let Some((name, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) else { continue };
        let (before, after) = (value.parse::<f64>().unwrap(), sum_of_sample(&after, name));
        assert!(after >= before, "{name} went from {before} to {after}");
    }
    let status = ask(address, "/status", TOKEN).1;
    keeps_secrets("/status", &status);
}

/// The value of one sample; none is nothing.
fn sum_of_sample(page: &str, sample: &str) -> f64 {
    let found = page.lines().find_map(|line| line.strip_prefix(sample)?.trim().parse().ok());
    found.unwrap_or(f64::NEG_INFINITY)
}
