//! What becomes of records while a table that they load does not answer, on real servers: MariaDB is killed under records of
//! sources with each `on_error`, and comes back.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
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

/// Each source has a flow without the table and one with it: both count a record, or none. Only accounts up to 7 need the table,
/// after the flow has saved something already.
const SOURCE: &str = r#"
source NAME {
  from:     kafka("waiting.NAME")
  record    { account: int64  number: int64  at: timestamp }
  key:      account
  time:     at
  on_error: POLICYRETRY
}

state NAME_seen by (account) {
  keep: forever
  value { count: int64 = 0  chain: int64 = 7  sum: int64 = 0 }
}

state NAME_charged by (account) {
  keep: forever
  value { count: int64 = 0  chain: int64 = 7  sum: int64 = 0 }
}

flow NAME_see from NAME {
  load   NAME_seen
  save   NAME_seen { count += 1  chain = (NAME_seen.chain * 31 + number) % 1_000_000_007  sum += number }
  expand kafka("waiting.told", key: account) { source: "NAME", account, number, at: now() }
}

flow NAME_charge from NAME {
  calculate { rate = account % 4 }
  load      NAME_charged
  save      NAME_charged {
    count += 1
    chain = (NAME_charged.chain * 31 + number) % 1_000_000_007
  }
  when account < 8 {
    load rates else reject "no rate"
    save NAME_charged { sum += number * rates.factor }
  } else {
    save NAME_charged { sum += number }
  }
}
"#;

const TABLE: &str = r#"
table rates {
  from:  mysql("rates")
  record { rate: int64  factor: int64 }
  key:   rate
  cache: 10ms
}
"#;

const SETTINGS: &str = r#"
name: waiting
profiles:
  prod:
    kafka:
      brokers: "${KAFKA_BROKERS}"
      create_topics: { partitions: 2, replication: 1 }
      properties: { session.timeout.ms: "${SESSION}", linger.ms: "5" }
    redis: { url: "${REDIS_URL}" }
    mysql: { url: "${MYSQL_URL}" }
    commit: { every: 200ms }
"#;

/// The sources and what they say.
const SOURCES: [(&str, &str); 3] = [("lettered", "dead_letter"), ("skipped", "skip_order"), ("parked", "park_key")];

/// How long anything may take on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(180);

const ACCOUNTS: u64 = 12;

/// The topics and what writes them.
struct Feeder {
    end: Arc<AtomicBool>,
    /// Gives how many records each account of each source has.
    thread: JoinHandle<u64>,
}

impl Feeder {
    /// Writes records of all accounts to all sources until it is told to end.
    fn start(brokers: &str) -> Self {
        let end = Arc::new(AtomicBool::new(false));
        let mut writers = SOURCES.map(|(name, _)| Writer::open(brokers, &format!("waiting.{name}")).unwrap());
        let told = Arc::clone(&end);
        let thread = std::thread::spawn(move || {
            let mut number = 0;
            while !told.load(Ordering::Relaxed) {
                let at = format!("2026-03-01T10:{:02}:{:02}Z", number / 60 % 60, number % 60);
                let records = (0..ACCOUNTS).map(|account| {
                    (account, json!({"account": account, "number": number, "at": at.clone()}).to_string())
                });
                let records: Vec<(u64, String)> = records.collect();
                for writer in &mut writers {
                    let messages = records.iter().map(|(account, text)| (account.to_string(), text.as_bytes()));
                    writer.write(messages.map(|(key, text)| (key.into_bytes(), text))).unwrap();
                }
                number += 1;
                std::thread::sleep(Duration::from_millis(20));
            }
            writers.into_iter().for_each(|writer| writer.end().unwrap());
            number
        });
        Self { end, thread }
    }

    /// Gives how many records each account of each source has.
    fn end(self) -> u64 {
        self.end.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// A state's row: how many records it counts, their chain, and the sum of their numbers.
fn row(rows: &BTreeMap<String, String>, state: &str, account: u64) -> (u64, u64, u64) {
    let text = rows.get(&format!("waiting.{state}:{account}")).map_or("{}", String::as_str);
    let row: Value = serde_json::from_str(text).unwrap();
    let member = |name: &str, none: u64| row.get(name).map_or(none, |value| value.as_u64().unwrap());
    (member("count", 0), member("chain", 7), member("sum", 0))
}

fn chain(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(7, |chain, number| (chain * 31 + number) % 1_000_000_007)
}

/// The numbers of rejected records by source and account.
fn rejected(brokers: &str) -> BTreeMap<(String, u64), BTreeSet<u64>> {
    let mut rejected: BTreeMap<(String, u64), BTreeSet<u64>> = BTreeMap::new();
    for message in topic::read(brokers, "waiting.rejected", Duration::from_millis(100)).unwrap() {
        let value: Value = serde_json::from_slice(&message.value).unwrap();
        assert_eq!(value["code"], "R0602", "{value}");
        assert!(value["reason"].as_str().unwrap().starts_with("a store did not answer: "), "{value}");
        let (topic, source) = (value["topic"].as_str().unwrap(), value["source"].as_str().unwrap());
        assert_eq!(topic.rsplit('.').next(), source.rsplit('.').next(), "{value}");
        let raw: Value = serde_json::from_str(value["raw"].as_str().unwrap()).unwrap();
        assert_eq!(value["key"], raw["account"].to_string(), "{value}");
        let name = source.rsplit('.').next().unwrap().to_owned();
        let numbers = rejected.entry((name, raw["account"].as_u64().unwrap())).or_default();
        numbers.insert(raw["number"].as_u64().unwrap());
    }
    rejected
}

/// How many records of a source rows and rejected records count.
fn counted(servers: &Servers, brokers: &str, name: &str) -> u64 {
    let rows = servers.redis.rows("waiting", "s").unwrap();
    let kept: u64 = (0..ACCOUNTS).map(|account| row(&rows, &format!("{name}_charged"), account).0).sum();
    let gone: usize = rejected(brokers).iter().filter(|((own, _), _)| own == name).map(|(_, all)| all.len()).sum();
    kept + gone as u64
}

/// How many records are counted of each account of each source that needs no table.
fn others(servers: &Servers) -> Vec<u64> {
    let rows = servers.redis.rows("waiting", "s").unwrap();
    let of = |name: &str| {
        let state = format!("{name}_charged");
        (8..ACCOUNTS).map(|account| row(&rows, &state, account).0).collect::<Vec<u64>>()
    };
    SOURCES.iter().flat_map(|(name, _)| of(name)).collect()
}

/// By source and account, the numbers of the records that were told of; each by messages of one id.
fn told(brokers: &str) -> BTreeMap<(String, u64), BTreeSet<u64>> {
    let mut ids: BTreeMap<(String, u64, u64), String> = BTreeMap::new();
    for message in topic::read(brokers, "waiting.told", Duration::from_millis(300)).unwrap() {
        let value: Value = serde_json::from_slice(&message.value).unwrap();
        let number = |name: &str| value[name].as_u64().unwrap();
        let record = (value["source"].as_str().unwrap().to_owned(), number("account"), number("number"));
        let id = ids.entry(record).or_insert_with(|| message.id.clone());
        assert_eq!(*id, message.id, "{value}");
    }
    let mut told: BTreeMap<(String, u64), BTreeSet<u64>> = BTreeMap::new();
    for (source, account, number) in ids.into_keys() {
        told.entry((source, account)).or_default().insert(number);
    }
    told
}

/// What `nsflow` prints where the workers run.
fn printed(workers: &Workers, arguments: &[&str]) -> String {
    let environment = workers.environment.iter().map(|(name, value)| (name, value));
    let printed =
        Command::new(&workers.program).current_dir(&workers.folder).args(arguments).envs(environment).output();
    let printed = printed.unwrap();
    assert!(printed.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&printed.stderr));
    String::from_utf8_lossy(&printed.stdout).into_owned()
}

/// Waits until something holds.
fn wait(what: &str, workers: &Workers, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}\n{}", workers.journals());
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn a_table_that_does_not_answer_holds_nothing_back_where_its_source_says_so() {
    let title = "what becomes of records while a table does not answer";
    let Some(mut servers) = shown(title, Servers::start(Options::default())) else { return };
    let (nsfc, nsflow) = (tool::build("nsfc"), tool::build_with("nsflow", &["faults"]));
    let folder = servers.folder().join("waiting");
    std::fs::create_dir_all(&folder).unwrap();
    let sources = SOURCES.map(|(name, policy)| {
        let retry = if policy == "dead_letter" { "" } else { "\n  retry:    kafka(\"waiting.NAME.retry\")" };
        SOURCE.replace("RETRY", retry).replace("NAME", name).replace("POLICY", policy)
    });
    std::fs::write(folder.join("waiting.nsf"), format!("{TABLE}{}", sources.concat())).unwrap();
    std::fs::write(folder.join("nsf.yaml"), SETTINGS).unwrap();
    let compiled = Command::new(nsfc).current_dir(&folder).args(["compile", ".", "-o", "plan.yaml"]).output().unwrap();
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let brokers = servers.kafka.bootstrap();
    for name in SOURCES.map(|(name, _)| name).into_iter().chain(["told", "rejected"]) {
        servers.kafka.create_topic(&format!("waiting.{name}"), 3, &[]).unwrap();
    }
    let table = "CREATE DATABASE waiting; \
                 CREATE TABLE waiting.rates (rate BIGINT NOT NULL PRIMARY KEY, factor BIGINT NOT NULL); \
                 INSERT INTO waiting.rates VALUES (0, 1), (1, 1), (2, 1), (3, 1)";
    servers.mariadb.query(table).unwrap();
    let mysql = servers.mariadb.url();
    let mysql = mysql.rsplit_once('/').map_or(mysql.as_str(), |(server, _)| server);
    let mut environment = vec![
        ("KAFKA_BROKERS".to_owned(), brokers.clone()),
        ("MYSQL_URL".to_owned(), format!("{mysql}/waiting")),
        ("SESSION".to_owned(), SESSION.as_millis().to_string()),
    ];
    environment.extend(servers.redis.environment(None));
    let mut workers = Workers::new(nsflow, folder, environment);
    let (mut worker, mut other) = (workers.start().unwrap(), workers.start().unwrap());
    let feeder = Feeder::start(&brokers);
    let all =
        |servers: &Servers, at_least: u64| SOURCES.iter().all(|(name, _)| counted(servers, &brokers, name) >= at_least);
    wait("records are counted", &workers, || all(&servers, 100));
    servers.mariadb.kill();
    let before = others(&servers);
    let all_rejected = || rejected(&brokers).values().map(BTreeSet::len).sum::<usize>();
    wait("records are rejected while the table is away", &workers, || all_rejected() > 300);
    wait("records that need no table go on meanwhile", &workers, || {
        others(&servers).iter().zip(&before).all(|(now, before)| *now > before + 100)
    });
    // Other commands know what waits, and where.
    let waiting = printed(&workers, &["state", "scan", "plan.yaml", "skipped/waiting", "--limit", "5"]);
    assert_eq!(waiting.lines().filter(|line| line.contains("\"offset\":")).count(), 5, "{waiting}");
    let parked = printed(&workers, &["state", "scan", "plan.yaml", "parked/parked", "--limit", "1"]);
    let parked: Value = serde_json::from_str(parked.lines().next().unwrap()).unwrap();
    let (account, count) = (&parked["key"]["account"], &parked["row"]["count"]);
    assert!(account.as_u64().unwrap() < 8 && count.as_u64().unwrap() > 0, "{parked}");
    // Whoever takes over knows what waits, and what was sent to the topics and not committed.
    other.kill();
    let before = others(&servers);
    wait("the other worker takes over all partitions", &workers, || {
        others(&servers).iter().zip(&before).all(|(now, before)| *now > before + 300)
    });
    servers.mariadb.restart().unwrap();
    std::thread::sleep(Duration::from_secs(2));
    let records = feeder.end();
    wait("all records are counted", &workers, || all(&servers, records * ACCOUNTS));
    assert!(worker.stop(Duration::from_secs(60)).unwrap().is_some(), "{}", worker.text());
    let journal = worker.text();
    assert!(journal.contains("table `waiting.rates` does not answer"), "{journal}");
    assert!(journal.contains("all tables answer again"), "{journal}");
    // They were created with as many as their sources' topics, whatever the profile says.
    let checked = printed(&workers, &["check", "plan.yaml"]);
    assert!(checked.contains("topic waiting.parked.retry: 3 partitions"), "{checked}");
    check(&servers, &brokers, records);
    begin_anew(&mut servers, &mut workers, &brokers, records);
}

/// A source's topic is read anew while records of it wait: all are taken again, each once and in order.
fn begin_anew(servers: &mut Servers, workers: &mut Workers, brokers: &str, records: u64) {
    let scan = ["state", "scan", "plan.yaml", "parked/waiting", "--limit", "5"];
    let waiting =
        |workers: &Workers| printed(workers, &scan).lines().filter(|line| line.contains("\"offset\":")).count();
    assert_eq!(waiting(workers), 0);
    let mut worker = workers.start().unwrap();
    let feeder = Feeder::start(brokers);
    let count = |servers: &Servers| counted(servers, brokers, "parked");
    wait("records are counted again", workers, || count(servers) > records * ACCOUNTS);
    servers.mariadb.kill();
    wait("records wait again", workers, || waiting(workers) == 5);
    let all = records + feeder.end();
    assert!(worker.stop(Duration::from_secs(60)).unwrap().is_some(), "{}", worker.text());
    servers.mariadb.restart().unwrap();
    let said = printed(workers, &["reset", "plan.yaml", "--topic", "waiting.parked.retry", "--to", "latest"]);
    assert!(said.contains("records wait there and are given up: they are in no state"), "{said}");
    assert!(said.contains("\n  waiting.parked/") && said.contains("nothing was done"), "{said}");
    assert!(!said.contains("rows are deleted"), "{said}");
    let said = printed(workers, &["reset", "plan.yaml", "--topic", "waiting.parked", "--yes"]);
    assert!(said.contains("records wait in waiting.parked.retry: they wait no longer"), "{said}");
    assert_eq!(waiting(workers), 0, "{said}");
    let mut worker = workers.start().unwrap();
    wait("all is counted anew", workers, || count(servers) >= all * ACCOUNTS);
    assert!(worker.stop(Duration::from_secs(60)).unwrap().is_some(), "{}", worker.text());
    let rows = servers.redis.rows("waiting", "s").unwrap();
    for account in 0..ACCOUNTS {
        let numbers = (0..records).chain(0..all - records);
        let wanted = (all, chain(numbers.clone()), numbers.sum());
        assert_eq!(row(&rows, "parked_seen", account), wanted, "{account}");
        assert_eq!(row(&rows, "parked_charged", account), wanted, "{account}");
    }
    println!("parked: {all} records of each account, counted anew");
}

/// Every record is in both states or among the rejected records, and what is in the states is there in its order.
fn check(servers: &Servers, brokers: &str, records: u64) {
    let rows = servers.redis.rows("waiting", "s").unwrap();
    let (rejected, told) = (rejected(brokers), told(brokers));
    for (name, policy) in SOURCES {
        let mut gone = 0;
        for account in 0..ACCOUNTS {
            let none = BTreeSet::new();
            let without = rejected.get(&(name.to_owned(), account)).unwrap_or(&none);
            let (seen, charged) =
                (row(&rows, &format!("{name}_seen"), account), row(&rows, &format!("{name}_charged"), account));
            assert_eq!(seen, charged, "{name} {account}: both flows have the same records in the same order");
            assert_eq!(seen.0 + without.len() as u64, records, "{name} {account}: {without:?}");
            let kept = || (0..records).filter(|number| !without.contains(number));
            assert_eq!(seen.2, kept().sum::<u64>(), "{name} {account}: each once");
            assert_eq!(told[&(name.to_owned(), account)], kept().collect(), "{name} {account}: what was told");
            assert!(account < 8 || without.is_empty(), "{name} {account} needs no table");
            if policy != "skip_order" || account >= 8 {
                assert_eq!(seen.1, chain(kept()), "{name} {account}: the chain");
            }
            gone += without.len();
        }
        assert_eq!(policy == "dead_letter", gone > 0, "{name}: {gone} rejected");
        println!("{name} ({policy}): {} records of {ACCOUNTS} accounts, {gone} rejected", records * ACCOUNTS);
    }
}
