//! Dimensions in two spaces, on real servers: workers end at each place around the writing of their rows, and each of the two
//! servers is killed for some seconds. In the end both spaces hold what the records say.
#![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use nsf_faults::{
    topic::Writer,
    worker::{Worker, Workers},
};
use nsf_tests::{
    servers::{kafka::Kafka, mariadb::MariaDb, redis, redis::Redis, shown},
    tool,
};
use serde_json::Value;

const ACCOUNTS: i64 = 60;

/// How many records each of the rounds has.
const ROUND: i64 = 600;

/// `card` is on MySQL first, `seen` on Redis first.
const PROGRAM: &str = r#"primary account: int64 #1
primary holder:  int64 #2

space table { store: mysql }
space keys  { store: redis  keep: 1d }
space first { store: redis }
space copy  { store: mysql  shards: 2  keep: 30d }

dimension card (account)         #1001 in table, keys
dimension mark (account, holder) #2001 in first, copy

fields card {
  total: int64 #100001 derived { empty: 0 }
  count: int64 #100002 derived { empty: 0 }
}

fields mark {
  last: int64 #100001 derived { empty: 0 }
}

source payments {
  from: kafka("payments")
  record { account: int64  holder: int64  amount: int64 }
  key:  account
}

state paid by (account) { keep: forever  value { total: int64 = 0  count: int64 = 0 } }

flow tell from payments {
  save   paid { total += amount  count += 1 }
  load   paid
  expand card { total: paid.total, count: paid.count }
  expand mark { last: amount }
}
"#;

const SETTINGS: &str = r#"name: kept
profiles:
  prod:
    kafka: { brokers: "${KAFKA_BROKERS}", properties: { session.timeout.ms: 6000 } }
    redis: { url: "${REDIS_URL}" }
    mysql: { url: "${MYSQL_URL}" }
    commit: { every: 200ms }
"#;

struct Bench {
    folder: tempfile::TempDir,
    kafka: Kafka,
    redis: Redis,
    maria: MariaDb,
    nsflow: std::path::PathBuf,
    workers: Workers,
    written: i64,
}

fn call(folder: &Path, program: &Path, environment: &[(String, String)], words: &[&str]) -> (bool, String) {
    let mut command = Command::new(program);
    command.current_dir(folder).args(words).envs(environment.iter().map(|(name, value)| (name, value)));
    let output = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.success(), text)
}

impl Bench {
    fn start(name: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let kafka = shown(name, Kafka::start(&folder.path().join("kafka")))?;
        let redis = shown(name, Redis::start(&folder.path().join("redis"), redis::Options::default()))?;
        let maria = shown(name, MariaDb::start(&folder.path().join("maria")))?;
        let (nsfc, nsflow) = (tool::build("nsfc"), tool::build_with("nsflow", &["faults"]));
        let environment = vec![
            ("KAFKA_BROKERS".to_owned(), kafka.bootstrap()),
            ("REDIS_URL".to_owned(), redis.url()),
            ("MYSQL_URL".to_owned(), maria.url()),
        ];
        fs::write(folder.path().join("kept.nsf"), PROGRAM).unwrap();
        fs::write(folder.path().join("nsf.yaml"), SETTINGS).unwrap();
        let (compiled, text) = call(folder.path(), &nsfc, &environment, &["compile", ".", "-o", "plan.yaml"]);
        assert!(compiled, "{text}");
        for topic in ["payments", "kept.rejected"] {
            kafka.create_topic(topic, 4, &[]).unwrap();
        }
        let workers = Workers::new(nsflow.clone(), folder.path().to_path_buf(), environment);
        Some(Self { folder, kafka, redis, maria, nsflow, workers, written: 0 })
    }

    fn nsflow(&self, words: &[&str]) -> (bool, String) {
        call(self.folder.path(), &self.nsflow, &self.workers.environment, words)
    }

    /// Gives the workers a user who may do what the reference says and no more; first one who may not delete where a space has
    /// `keep`, which `check` tells.
    fn logs_in_as_documented(&mut self) {
        self.maria.root("CREATE USER 'worker'@'%' IDENTIFIED BY 'pw'").unwrap();
        for table in ["kept_card", "kept_mark_0", "kept_mark_1"] {
            self.maria.root(&format!("GRANT SELECT, INSERT, UPDATE ON tests.{table} TO 'worker'@'%'")).unwrap();
        }
        let url = format!("mysql://worker:pw@{}/tests", self.maria.address());
        let own = self.workers.environment.iter_mut().find(|(name, _)| name == "MYSQL_URL").unwrap();
        own.1 = url;
        let (done, text) = self.nsflow(&["check", "plan.yaml"]);
        let lacks = "the user `worker` may not DELETE from the table `tests`.`kept_mark_0` of MySQL at";
        let help = "GRANT SELECT, INSERT, UPDATE, DELETE ON `tests`.`kept_mark_0` TO 'worker'";
        assert!(!done && text.contains(lacks) && text.contains(help), "{text}");
        for table in ["kept_mark_0", "kept_mark_1"] {
            self.maria.root(&format!("GRANT DELETE ON tests.{table} TO 'worker'@'%'")).unwrap();
        }
    }

    /// Writes the records of one more round.
    fn write(&mut self) {
        let mut writer = Writer::open(&self.kafka.bootstrap(), "payments").unwrap();
        let record = |n: i64| {
            let account = n % ACCOUNTS;
            (account.to_string().into_bytes(), format!("{{\"account\":{account},\"holder\":{account},\"amount\":{n}}}"))
        };
        let records: Vec<_> = (self.written..self.written + ROUND).map(record).collect();
        writer.write(records.iter().map(|(key, text)| (key.clone(), text.as_bytes()))).unwrap();
        writer.end().unwrap();
        self.written += ROUND;
    }

    /// What the records say of each account: their sum, their number, the last of them.
    fn wanted(&self) -> BTreeMap<i64, (i64, i64, i64)> {
        let mut all: BTreeMap<i64, (i64, i64, i64)> = BTreeMap::new();
        for n in 0..self.written {
            let own = all.entry(n % ACCOUNTS).or_default();
            *own = (own.0 + n, own.1 + 1, n);
        }
        all
    }

    /// Rows of a dimension in Redis: its keys, and the members that are asked for.
    fn on_redis(&self, dimension: &str, members: &[&str]) -> Option<BTreeMap<i64, Vec<i64>>> {
        let keys = self.redis.command(&["KEYS", &format!("kept:*:d:kept.{dimension}:*")]).ok()?;
        let mut rows = BTreeMap::new();
        for key in keys.parts() {
            let key = key.text();
            let row: Value = serde_json::from_str(&self.redis.command(&["GET", &key]).ok()?.text()).ok()?;
            let values = members.iter().map(|member| row[member].as_i64()).collect::<Option<_>>()?;
            rows.insert(key.rsplit(':').next()?.parse().ok()?, values);
        }
        Some(rows)
    }

    /// Rows of a table.
    fn on_mysql(&self, query: &str) -> Option<BTreeMap<i64, Vec<i64>>> {
        let rows = self.maria.query(query).ok()?;
        let numbers = |line: &str| line.split('\t').map(|cell| cell.parse().ok()).collect::<Option<Vec<i64>>>();
        rows.lines().map(|line| Some((*numbers(line)?.first()?, numbers(line)?[1..].to_vec()))).collect()
    }

    /// What is not yet as the records say, in any of the spaces.
    fn differs(&self) -> Option<&'static str> {
        let wanted = self.wanted();
        let cards: BTreeMap<i64, Vec<i64>> = wanted.iter().map(|(key, own)| (*key, vec![own.0, own.1])).collect();
        let marks: BTreeMap<i64, Vec<i64>> = wanted.iter().map(|(key, own)| (*key, vec![own.2])).collect();
        let halves = "SELECT account, last FROM kept_mark_0 UNION SELECT account, last FROM kept_mark_1";
        if self.on_mysql("SELECT account, total, count FROM kept_card") != Some(cards.clone()) {
            return Some("card on MySQL, its first space");
        }
        if self.on_redis("card", &["total", "count"]) != Some(cards) {
            return Some("card on Redis, its further space");
        }
        if self.on_redis("mark", &["last"]) != Some(marks.clone()) {
            return Some("mark on Redis, its first space");
        }
        (self.on_mysql(halves) != Some(marks)).then_some("mark on MySQL, its further space")
    }

    #[track_caller]
    fn until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !holds() {
            let differs = self.differs();
            assert!(begun.elapsed() < Duration::from_secs(180), "{what}: {differs:?}\n{}", self.workers.journals());
            thread::sleep(Duration::from_millis(50));
        }
    }
}

#[test]
fn both_spaces_of_a_dimension_hold_the_same_whatever_dies() {
    let Some(mut bench) = Bench::start("both_spaces_of_a_dimension_hold_the_same_whatever_dies") else { return };
    // Both dimensions have tables, whichever space is the first.
    let (done, text) = bench.nsflow(&["check", "plan.yaml"]);
    assert!(!done && text.contains("lacks tables or columns of dimensions"), "{text}");
    let (done, text) = bench.nsflow(&["migrate", "plan.yaml", "--apply"]);
    assert!(done && text.contains("kept_card`") && text.contains("kept_mark_1`"), "{text}");
    bench.logs_in_as_documented();
    bench.until("the broker knows its topics", || bench.nsflow(&["check", "plan.yaml"]).0);
    let (_, text) = bench.nsflow(&["check", "plan.yaml"]);
    let places = "dimension kept.card: in `table` (MySQL); brought to `keys` (Redis), rows kept for 1d after their last write\n\
                  dimension kept.mark: in `first` (Redis); brought to `copy` (MySQL), rows kept for 30d after their last write\n";
    assert!(text.contains(places) && text.contains("mysql: the tables of 2 dimensions are there"), "{text}");

    for failpoint in ["before-dimensions", "between-spaces", "after-dimensions"] {
        bench.write();
        let armed = format!("{failpoint}:1");
        let mut ending: Worker = bench.workers.start_as("prod", &[("NSFLOW_FAILPOINT", &armed)]).unwrap();
        bench.until("the worker ends", || !ending.is_running());
        assert!(ending.text().contains(&format!("failpoint {failpoint}")), "{}", ending.text());
        if failpoint == "between-spaces" {
            let cards = bench.on_mysql("SELECT account, total, count FROM kept_card");
            assert_ne!(cards, bench.on_redis("card", &["total", "count"]), "it ended between the two");
        }
        // The next one takes the records again. In the first space it finds its rows written: the others need them still.
        let next = bench.workers.start().unwrap();
        bench.until("all is there after the end of a worker", || bench.differs().is_none());
        drop(next);
    }
    let mut steady = bench.workers.start().unwrap();

    // Each server is away for some seconds, under a worker and under load.
    let further = bench.workers.start().unwrap();
    bench.write();
    bench.maria.kill();
    bench.write();
    bench.until("a worker says that MySQL is away", || bench.workers.journals().contains("MySQL"));
    thread::sleep(Duration::from_secs(3));
    bench.maria.restart().unwrap();
    bench.until("all is there after MySQL came back", || bench.differs().is_none());
    bench.write();
    bench.redis.kill();
    bench.write();
    thread::sleep(Duration::from_secs(3));
    bench.redis.restart().unwrap();
    bench.until("all is there after Redis came back", || bench.differs().is_none());
    drop(further);
    let (done, text) = bench.nsflow(&["heal", "plan.yaml"]);
    assert!(done && text.ends_with("nothing is missing\n"), "{text}");

    // A space that loses rows is filled again, under the worker.
    for key in bench.redis.command(&["KEYS", "kept:*:d:kept.card:*"]).unwrap().parts() {
        bench.redis.command(&["DEL", &key.text()]).unwrap();
    }
    bench.maria.query("DELETE FROM kept_mark_0").unwrap();
    let (done, text) = bench.nsflow(&["heal", "plan.yaml"]);
    let lost = "dimension kept.card: of 60 rows in `table` (MySQL), 60 are missing in `keys` (Redis) and 0 are there in another version";
    let help = "`nsflow heal plan.yaml --profile prod --apply` brings them there";
    assert!(!done && text.contains(lost) && text.contains(help), "it ends as a fault while rows differ: {text}");
    let (done, text) = bench.nsflow(&["heal", "plan.yaml", "--apply"]);
    assert!(done && text.ends_with("was brought there\n"), "{text}");
    assert_eq!(bench.differs(), None, "{text}");
    println!("{} records, {} accounts", bench.written, ACCOUNTS);
    assert!(steady.stop(Duration::from_secs(30)).unwrap().is_some(), "{}", steady.text());
    let journals = bench.workers.journals();
    assert!(!journals.contains("kept in the plan"), "{journals}");
}
