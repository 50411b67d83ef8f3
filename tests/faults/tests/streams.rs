//! Streams of Redis as a source, on real servers: each entry is counted once, whatever dies, whoever wrote it; what was trimmed
//! away or made anew is told.
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nsf_faults::{
    topic::Writer,
    worker::{Worker, Workers},
};
use nsf_tests::{
    servers::{kafka::Kafka, redis, redis::Redis, shown},
    tool,
};
use serde_json::Value;

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
    redis: { url: "${REDIS_URL}" }
    commit: { every: 200ms }
"#;

type Sums = BTreeMap<i64, (i64, i64)>;

struct Bench {
    folder: tempfile::TempDir,
    kafka: Kafka,
    redis: Redis,
    nsflow: std::path::PathBuf,
    workers: Workers,
    paid: i64,
    clicked: i64,
}

fn sums(numbers: i64) -> Sums {
    let mut all = Sums::new();
    for n in 0..numbers {
        let own = all.entry(n % ACCOUNTS).or_default();
        *own = (own.0 + n, own.1 + 1);
    }
    all
}

impl Bench {
    fn start(name: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let kafka = shown(name, Kafka::start(&folder.path().join("kafka")))?;
        let redis = shown(name, Redis::start(&folder.path().join("redis"), redis::Options::default()))?;
        let (nsfc, nsflow) = (tool::build("nsfc"), tool::build_with("nsflow", &["faults"]));
        let environment = vec![("KAFKA_BROKERS".to_owned(), kafka.bootstrap()), ("REDIS_URL".to_owned(), redis.url())];
        fs::write(folder.path().join("streamed.nsf"), PROGRAM).unwrap();
        fs::write(folder.path().join("nsf.yaml"), SETTINGS).unwrap();
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

    fn nsflow(&self, words: &[&str]) -> (bool, String) {
        self.call(&self.nsflow, words)
    }

    /// Adds entries as others do, and writes records.
    fn write(&mut self, count: i64) {
        self.click(count);
        self.pay(count);
    }

    fn click(&mut self, count: i64) {
        let mut connection = self.redis.connection().unwrap();
        for n in self.clicked..self.clicked + count {
            let value = format!("{{\"account\":{},\"n\":{n}}}", n % ACCOUNTS);
            connection.command(&["XADD", "streamed:stream:clicks", "*", "value", &value]).unwrap();
        }
        self.clicked += count;
    }

    fn pay(&mut self, count: i64) {
        let record = |n: i64| {
            let account = n % ACCOUNTS;
            (account.to_string().into_bytes(), format!("{{\"account\":{account},\"amount\":{n}}}"))
        };
        let mut writer = Writer::open(&self.kafka.bootstrap(), "payments").unwrap();
        let records: Vec<_> = (self.paid..self.paid + count).map(record).collect();
        writer.write(records.iter().map(|(key, text)| (key.clone(), text.as_bytes()))).unwrap();
        writer.end().unwrap();
        self.paid += count;
    }

    fn rows(&self, state: &str) -> Option<Sums> {
        let keys = self.redis.command(&["KEYS", &format!("streamed:*:s:streamed.{state}:*")]).ok()?;
        let mut rows = Sums::new();
        for key in keys.parts() {
            let key = key.text();
            let row: Value = serde_json::from_str(&self.redis.command(&["GET", &key]).ok()?.text()).ok()?;
            rows.insert(key.rsplit(':').next()?.parse().ok()?, (row["total"].as_i64()?, row["count"].as_i64()?));
        }
        Some(rows)
    }

    #[track_caller]
    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
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

    #[track_caller]
    fn until_all_is_counted(&self, what: &str) {
        self.until(what, || {
            self.rows("clicked") == Some(sums(self.clicked)) && self.rows("paid") == Some(sums(self.paid))
        });
    }

    /// Starts a worker that must end with words.
    #[track_caller]
    fn ends_with(&mut self, words: &str) {
        let mut worker = self.workers.start().unwrap();
        self.until("the worker ends", || !worker.is_running());
        assert!(worker.text().contains(words), "{}", worker.text());
    }
}

#[test]
fn entries_are_counted_once_whatever_dies() {
    let Some(mut bench) = Bench::start("entries_are_counted_once_whatever_dies") else { return };
    bench.until("the broker knows its topics", || bench.nsflow(&["check", "plan.yaml"]).0);
    let (_, text) = bench.nsflow(&["check", "plan.yaml"]);
    assert!(text.contains("stream clicks: is not there; a run makes it, without entries\n"), "{text}");
    // Who only asks what a reset would do makes nothing.
    let (done, text) = bench.nsflow(&["reset", "plan.yaml", "--topic", "clicks"]);
    let words = "the stream `clicks` is read by streamed.clicks\nit had no entries yet: from its first on\n";
    assert!(done && text.contains(words) && text.contains("nothing was done"), "{text}");
    assert_eq!(bench.redis.command(&["EXISTS", "streamed:stream:clicks"]).unwrap().text(), "0");
    let mut workers: Vec<Worker> = (0..2).map(|_| bench.workers.start().unwrap()).collect();
    // Each worker dies while entries come, so that whoever reads them does.
    for turn in 0..4 {
        bench.write(400);
        thread::sleep(Duration::from_millis(700));
        workers[turn % 2].kill();
        workers[turn % 2] = bench.workers.start().unwrap();
    }
    bench.until_all_is_counted("all is counted after the ends of workers");
    // Entries that a worker adds and does not commit are added again: who reads them passes over those.
    workers.clear();
    bench.pay(400);
    let mut ending = bench.workers.start_as("prod", &[("NSFLOW_FAILPOINT", "after-sink-flush:1")]).unwrap();
    bench.until("a worker ends between its outputs and its save", || !ending.is_running());
    workers.push(bench.workers.start().unwrap());
    bench.until_all_is_counted("repetitions are passed over");
    let relayed: i64 =
        bench.redis.command(&["XRANGE", "streamed:stream:relay", "-", "+"]).unwrap().parts().len() as i64;
    assert!(relayed > bench.paid, "{relayed} entries of {} records: none came twice", bench.paid);
    println!("{relayed} entries of {} records in the relay", bench.paid);
    // Redis dies under them.
    workers.push(bench.workers.start().unwrap());
    bench.write(400);
    bench.redis.kill();
    thread::sleep(Duration::from_secs(2));
    bench.redis.restart().unwrap();
    bench.write(400);
    bench.until_all_is_counted("all is counted after Redis came back");
    // Each is held up for longer than its lease, and comes back to find the stream another's.
    for worker in &workers {
        bench.write(100);
        worker.signal("STOP").unwrap();
        bench.write(100);
        thread::sleep(Duration::from_secs(13));
        worker.signal("CONT").unwrap();
        bench.write(100);
    }
    bench.until_all_is_counted("all is counted after workers were held up");
    println!("{} entries and {} records, each once", bench.clicked, bench.paid);
    let (done, text) = bench.nsflow(&["reset", "plan.yaml", "--topic", "clicks"]);
    assert!(!done && text.contains("a worker reads the stream `clicks`"), "{text}");
    for mut worker in workers {
        assert!(worker.stop(Duration::from_secs(30)).unwrap().is_some(), "{}", worker.text());
    }
}

#[test]
fn a_stream_that_was_trimmed_or_made_anew_is_told() {
    let Some(mut bench) = Bench::start("a_stream_that_was_trimmed_or_made_anew_is_told") else { return };
    bench.until("the broker knows its topics", || bench.nsflow(&["check", "plan.yaml"]).0);
    let mut worker = bench.workers.start().unwrap();
    bench.write(100);
    bench.until_all_is_counted("all is counted");
    assert!(worker.stop(Duration::from_secs(30)).unwrap().is_some(), "{}", worker.text());
    // What was counted may be trimmed away.
    bench.redis.command(&["XTRIM", "streamed:stream:clicks", "MAXLEN", "0"]).unwrap();
    bench.write(80);
    worker = bench.workers.start().unwrap();
    bench.until_all_is_counted("a stream that is trimmed behind is read on");
    assert!(worker.stop(Duration::from_secs(30)).unwrap().is_some(), "{}", worker.text());
    // What was not, may not.
    bench.write(80);
    bench.redis.command(&["XTRIM", "streamed:stream:clicks", "MAXLEN", "40"]).unwrap();
    bench.ends_with("the stream `clicks`: entries are gone that were not yet counted: the next is behind `");
    bench.ends_with("(`XDEL`) only after they were counted; to go on without them, run `nsflow reset --topic clicks`");
    let reset = ["reset", "plan.yaml", "--topic", "clicks", "--keep-states", "--yes"];
    let mut told = String::new();
    bench.until("nobody reads the stream any more", || {
        let (done, text) = bench.nsflow(&reset);
        told = text;
        done
    });
    assert!(told.contains("\nentries: from behind "), "{told}");
    assert!(told.contains("done: the stream is read from there on, 0 rows deleted"), "{told}");
    assert!(!told.contains("partition") && !told.contains("topic "), "{told}");
    worker = bench.workers.start().unwrap();
    let counted = |bench: &Bench| bench.rows("clicked").unwrap_or_default().values().map(|own| own.1).sum::<i64>();
    bench.until("it goes on with what is there", || counted(&bench) == 180 + 40);
    // Under the worker it is made anew.
    bench.redis.command(&["DEL", "streamed:stream:clicks"]).unwrap();
    bench.redis.command(&["XADD", "streamed:stream:clicks", "*", "account", "1", "n", "1"]).unwrap();
    bench.until("the worker ends", || !worker.is_running());
    let words = "the stream `clicks` is another one than the one that was read before: it was deleted and made anew";
    assert!(worker.text().contains(words), "{}", worker.text());
}
