//! A program over streams of Redis and a topic, its servers, and what must come of it.

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nsf_faults::{
    redis_servers::{Form, RedisServers},
    topic::Writer,
    worker::Workers,
};
use nsf_tests::{
    servers::{
        kafka::Kafka,
        resp::{Connection, Reply},
        shown,
    },
    tool,
};
use serde_json::Value;

/// The stream that others add to.
pub const CLICKS: &str = "streamed:stream:clicks";

/// The stream that one flow adds to and another reads.
pub const RELAY: &str = "streamed:stream:relay";

/// What a user needs for streams beside the rights of the store.
const RIGHTS: &str = " +xadd +xrange +xinfo +xgroup";

const ACCOUNTS: i64 = 40;

/// `clicks` is written by others; `relay` by a flow, and read by another.
const PROGRAM: &str = r#"source payments {
  from: kafka("payments")
  record { account: int64  amount: int64 }
  key:  account
}

source clicks {
  from: redis_stream("clicks")
  record { account: int64  n: int64 }
  key:  account
}

source relayed {
  from: redis_stream("relay")
  record { account: int64  amount: int64 }
  key:  account
}

state clicked by (account) { keep: forever  value { total: int64 = 0  count: int64 = 0 } }

state paid by (account) { keep: forever  value { total: int64 = 0  count: int64 = 0 } }

flow click from clicks {
  save clicked { total += n  count += 1 }
}

flow send from payments {
  expand redis_stream("relay", key: account) { account, amount }
}

flow pay from relayed {
  save paid { total += amount  count += 1 }
}
"#;

const SETTINGS: &str = r#"name: streamed
profiles:
  prod:
    kafka: { brokers: "${KAFKA_BROKERS}", properties: { session.timeout.ms: 6000 } }
    REDIS
    commit: { every: 200ms }
"#;

pub type Sums = BTreeMap<i64, (i64, i64)>;

pub struct Bench {
    folder: tempfile::TempDir,
    kafka: Kafka,
    pub redis: RedisServers,
    nsflow: std::path::PathBuf,
    pub workers: Workers,
    pub paid: i64,
    pub clicked: i64,
}

fn sums(numbers: i64) -> Sums {
    let mut all = Sums::new();
    for n in 0..numbers {
        let own = all.entry(n % ACCOUNTS).or_default();
        *own = (own.0 + n, own.1 + 1);
    }
    all
}

/// Writes records of these numbers, so long after each ten.
fn pay(brokers: &str, numbers: Range<i64>, pause: Duration) {
    let record = |n: &i64| {
        let account = n % ACCOUNTS;
        (account.to_string().into_bytes(), format!("{{\"account\":{account},\"amount\":{n}}}"))
    };
    let mut writer = Writer::open(brokers, "payments").unwrap();
    for some in numbers.collect::<Vec<_>>().chunks(10) {
        let records: Vec<_> = some.iter().map(record).collect();
        writer.write(records.iter().map(|(key, text)| (key.clone(), text.as_bytes()))).unwrap();
        thread::sleep(pause);
    }
    writer.end().unwrap();
}

impl Bench {
    pub fn start(name: &str, form: Form) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let kafka = shown(name, Kafka::start(&folder.path().join("kafka")))?;
        let redis = shown(name, RedisServers::start_with_rights(form, folder.path(), RIGHTS))?;
        let (nsfc, nsflow) = (tool::build("nsfc"), tool::build_with("nsflow", &["faults"]));
        let mut environment = redis.environment(None);
        environment.push(("KAFKA_BROKERS".to_owned(), kafka.bootstrap()));
        fs::write(folder.path().join("streamed.nsf"), PROGRAM).unwrap();
        fs::write(folder.path().join("nsf.yaml"), SETTINGS.replace("REDIS", &redis.section())).unwrap();
        for topic in ["payments", "streamed.rejected"] {
            kafka.create_topic(topic, 4, &[]).unwrap();
        }
        let workers = Workers::new(nsflow.clone(), folder.path().to_path_buf(), environment);
        let bench = Self { folder, kafka, redis, nsflow, workers, paid: 0, clicked: 0 };
        let (compiled, text) = bench.call(&nsfc, &["compile", ".", "-o", "plan.yaml"]);
        assert!(compiled, "{text}");
        Some(bench)
    }

    fn call(&self, program: &std::path::Path, words: &[&str]) -> (bool, String) {
        let mut command = Command::new(program);
        let environment = self.workers.environment.iter().map(|(name, value)| (name, value));
        let output = command.current_dir(self.folder.path()).args(words).envs(environment).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.success(), text)
    }

    pub fn nsflow(&self, words: &[&str]) -> (bool, String) {
        self.call(&self.nsflow, words)
    }

    /// A connection to the server that has a key.
    fn connection(&self, key: &str) -> Connection {
        self.redis.connection_of(key).unwrap()
    }

    /// A command about a stream.
    pub fn command(&self, words: &[&str]) -> Reply {
        self.connection(words[1]).command(words).unwrap()
    }

    /// Adds entries as others do, and writes records.
    pub fn write(&mut self, count: i64) {
        self.click(count);
        self.pay(count);
    }

    pub fn click(&mut self, count: i64) {
        let mut connection = self.connection(CLICKS);
        for n in self.clicked..self.clicked + count {
            let value = format!("{{\"account\":{},\"n\":{n}}}", n % ACCOUNTS);
            let added = connection.command(&["XADD", CLICKS, "*", "value", &value]).unwrap();
            assert!(!matches!(added, Reply::Error(_)), "{added:?}");
        }
        self.clicked += count;
    }

    pub fn pay(&mut self, count: i64) {
        let numbers = self.paid..self.paid + count;
        self.paid += count;
        pay(&self.kafka.bootstrap(), numbers, Duration::ZERO);
    }

    /// Writes records bit by bit while something else happens.
    pub fn pay_meanwhile<T>(&mut self, count: i64, work: impl FnOnce(&mut RedisServers) -> T) -> T {
        let numbers = self.paid..self.paid + count;
        self.paid += count;
        let (brokers, redis) = (self.kafka.bootstrap(), &mut self.redis);
        thread::scope(|scope| {
            scope.spawn(|| pay(&brokers, numbers, Duration::from_millis(10)));
            work(redis)
        })
    }

    pub fn rows(&self, state: &str) -> Option<Sums> {
        let start = format!("streamed.{state}:");
        let mut rows = Sums::new();
        for (key, row) in self.redis.rows("streamed", "s").ok()? {
            let Some(account) = key.strip_prefix(&start) else { continue };
            let row: Value = serde_json::from_str(&row).ok()?;
            rows.insert(account.parse().ok()?, (row["total"].as_i64()?, row["count"].as_i64()?));
        }
        Some(rows)
    }

    #[track_caller]
    pub fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            let told = || {
                let clicked = self.rows("clicked").unwrap_or_default().values().map(|own| own.1).sum::<i64>();
                let paid = self.rows("paid").unwrap_or_default().values().map(|own| own.1).sum::<i64>();
                format!("{clicked} of {} clicked, {paid} of {} paid", self.clicked, self.paid)
            };
            assert!(begun.elapsed() < Duration::from_secs(120), "{what}: {}\n{}", told(), self.workers.journals());
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until a replica has all that the server of a stream has: one that became a replica just now is behind.
    #[track_caller]
    pub fn until_replicated(&self, stream: &str) {
        self.until("a replica has everything", || {
            let mut connection = self.connection(stream);
            // What is waited for is this connection's own last change, which is behind all others.
            let key = format!("{{{stream}}}:replicated");
            connection.command(&["SET", &key, ""]).is_ok()
                && connection.command(&["WAIT", "1", "1000"]).is_ok_and(|reply| reply == Reply::Number(1))
        });
    }

    /// The name of the last entry of a stream.
    pub fn last_entry(&self, stream: &str) -> String {
        self.command(&["XINFO", "STREAM", stream]).field("last-generated-id")
    }

    /// Waits until what was paid is counted, wherever the state is just now.
    #[track_caller]
    pub fn until_paid(&self, what: &str) {
        self.until(what, || self.rows("paid") == Some(sums(self.paid)));
    }

    #[track_caller]
    pub fn until_all_is_counted(&self, what: &str) {
        self.until(what, || {
            self.rows("clicked") == Some(sums(self.clicked)) && self.rows("paid") == Some(sums(self.paid))
        });
    }

    /// Starts a worker that must end with words.
    #[track_caller]
    pub fn ends_with(&mut self, words: &str) {
        let mut worker = self.workers.start().unwrap();
        self.until("the worker ends", || !worker.is_running());
        assert!(worker.text().contains(words), "{}", worker.text());
    }
}
