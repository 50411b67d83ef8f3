//! Servers, program and topics of one trial.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use nsf_tests::{
    root,
    servers::{
        Unavailable,
        frames::Protocol,
        kafka::{self, Kafka},
        mariadb::MariaDb,
        proxy::Proxy,
        redis,
    },
    tree,
};

use crate::{
    bank::{self, Dose, Expected, Fed, Outputs},
    mysql_states,
    redis_servers::{Form, RedisServers},
    tariffs::Tariffs,
    topic::{self, Writer},
    worker::Workers,
};

/// The servers of trials.
pub struct Servers {
    /// Kafka, of one broker.
    pub kafka: Kafka,
    /// Redis.
    pub redis: RedisServers,
    /// MariaDB.
    pub mariadb: MariaDb,
    /// What stands between workers and servers, if anything does.
    pub proxies: Option<Proxies>,
    folder: tempfile::TempDir,
}

/// Proxies between workers and servers; tests go past them.
#[derive(Debug)]
pub struct Proxies {
    /// Before Kafka.
    pub kafka: Proxy,
    /// Before Redis, a single one.
    pub redis: Proxy,
}

impl Servers {
    /// Starts them.
    ///
    /// # Errors
    /// Where one of them is not to be had, or does not start.
    pub fn start(redis: impl Into<Form>) -> Result<Self, Unavailable> {
        Self::begin(redis.into(), false)
    }

    /// The same with proxies before Kafka and before Redis, which is a single one.
    ///
    /// # Errors
    /// Where one of them is not to be had, or does not start.
    pub fn start_behind_proxies(redis: redis::Options) -> Result<Self, Unavailable> {
        Self::begin(Form::Single(redis), true)
    }

    fn begin(redis: Form, behind: bool) -> Result<Self, Unavailable> {
        let folder = nsf_tests::servers::install::folder();
        let made = std::fs::create_dir_all(&folder).and_then(|()| tempfile::tempdir_in(&folder));
        let failed = |error: io::Error| Unavailable::Failed {
            server: "the folder of trials",
            what: error.to_string(),
            log: String::new(),
        };
        let folder = made.map_err(failed)?;
        let redis = RedisServers::start(redis, folder.path())?;
        let mariadb = MariaDb::start(&folder.path().join("mariadb"))?;
        let of_kafka = folder.path().join("kafka");
        let (kafka, proxies) = if behind {
            let (kafka, proxy) = Kafka::start_behind_proxy(&of_kafka, &kafka::Options::default())?;
            let masters = redis.masters().map_err(failed)?;
            let proxies = Proxies { kafka: proxy, redis: Proxy::start(masters[0]).map_err(failed)? };
            proxies.kafka.count_requests(Protocol::Kafka);
            proxies.redis.count_requests(Protocol::Redis);
            (kafka, Some(proxies))
        } else {
            (Kafka::start(&of_kafka)?, None)
        };
        Ok(Self { kafka, redis, mariadb, proxies, folder })
    }

    /// All rows of states (`s`) or dimensions (`d`) of a trial, by the key's text.
    ///
    /// # Errors
    /// Where the server that has them does not answer.
    pub fn rows(&self, name: &str, kind: &str) -> io::Result<BTreeMap<String, String>> {
        match &self.redis {
            RedisServers::None => mysql_states::rows(&self.mariadb, name, kind),
            redis => redis.rows(name, kind),
        }
    }

    /// The folder that goes with them.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

/// One trial: a program with topics and a namespace of its own.
pub struct Stage {
    /// What is fed.
    pub dose: Dose,
    /// What must come of it.
    pub expected: Expected,
    /// Starts workers.
    pub workers: Workers,
    /// The brokers, as the feeder and the reader see them.
    pub brokers: String,
    /// The table that changes.
    pub tariffs: Tariffs,
    /// Whether the next version of the program was made.
    pub has_next: bool,
    redis_section: String,
    /// The brokers that the program's outputs are on.
    outputs: String,
    name: String,
}

/// What is other than usual in a trial.
pub struct Altered<'a> {
    /// Its folder.
    pub program: &'a str,
    /// How many partitions its topics have.
    pub partitions: u32,
    /// A cluster of its own for outputs.
    pub sink: Option<&'a Kafka>,
    /// What is done to each file of the program.
    pub alter: &'a dyn Fn(String) -> String,
}

/// What came of a trial.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Rows that were compared.
    pub rows: usize,
    /// By topic: messages, and repetitions.
    pub outputs: Vec<(&'static str, Outputs)>,
    /// How many changes of the table are seen in outputs.
    pub changes: usize,
}

/// After how long without a sign of life a worker's partitions go to others. Programs that are not optimised, on a machine that
/// does other things too, need more time to leave in good order, which is a third of it.
pub const SESSION: Duration = Duration::from_secs(if cfg!(debug_assertions) { 12 } else { 6 });

/// The password and the key of the workers. Nowhere may it be seen.
pub const CANARY: &str = "canary-4711";

/// Topics that the program reads, and those that it writes.
const READ: [&str; 2] = ["movements", "logins"];
const WRITTEN: [&str; 6] = ["moved", "visited", "bucketed", "charged", "balance_changed", "rejected"];

/// Outputs that may be on a cluster of their own.
const ELSEWHERE: [&str; 3] = ["moved", "visited", "charged"];

/// The partitions of every topic.
pub const PARTITIONS: u32 = 12;

impl Stage {
    /// Makes the program of a trial, named `name`: its topics and keys in Redis begin with that name.
    ///
    /// # Errors
    /// Where the program cannot be compiled or topics cannot be made.
    pub fn new(servers: &Servers, name: &str, dose: Dose, nsfc: &Path, nsflow: &Path) -> io::Result<Self> {
        Self::of(servers, "program", name, dose, (nsfc, nsflow))
    }

    /// The same of another program that reads the same topics, in this folder; what must come of it is the caller's to say.
    ///
    /// # Errors
    /// Where the program cannot be compiled or topics cannot be made.
    pub fn of(
        servers: &Servers,
        program: &str,
        name: &str,
        dose: Dose,
        (nsfc, nsflow): (&Path, &Path),
    ) -> io::Result<Self> {
        let altered = Altered { program, partitions: PARTITIONS, sink: None, alter: &|text| text };
        Self::altered(servers, name, dose, nsfc, nsflow, &altered)
    }

    /// The same with a program that is changed before it is compiled.
    ///
    /// # Errors
    /// As [`Stage::new`].
    pub fn altered(
        servers: &Servers,
        name: &str,
        dose: Dose,
        nsfc: &Path,
        nsflow: &Path,
        altered: &Altered<'_>,
    ) -> io::Result<Self> {
        let folder = servers.folder.path().join(name);
        let brokers = servers.kafka.bootstrap();
        let from = root().join("tests/faults").join(altered.program);
        copy_program(&from, &folder, name, &servers.redis.section(), altered.alter)?;
        let compiled = Command::new(nsfc).current_dir(&folder).args(["compile", ".", "-o", "plan.yaml"]).output()?;
        if !compiled.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&compiled.stderr).into_owned()));
        }
        for own in READ.iter().chain(&WRITTEN) {
            let elsewhere = altered.sink.filter(|_| ELSEWHERE.contains(own));
            let kafka = elsewhere.unwrap_or(&servers.kafka);
            let topic = format!("{name}.{own}");
            kafka.create_topic(&topic, altered.partitions, &[("max.message.bytes", "33554432")])?;
            // The broker may take a moment until it says that it has it.
            kafka.end_offset(&topic, 0)?;
        }
        let tariffs = Tariffs::create(servers.mariadb.client(), name)?;
        let proxies = servers.proxies.as_ref();
        let mut environment = servers.redis.environment(proxies.map(|proxies| proxies.redis.address()));
        let seen_by_workers = proxies.map_or_else(|| brokers.clone(), |proxies| proxies.kafka.address().to_string());
        let mysql = servers.mariadb.url();
        let mysql = mysql.rsplit_once('/').map_or(mysql.as_str(), |(server, _)| server);
        environment.extend([
            ("KAFKA_BROKERS".to_owned(), seen_by_workers),
            ("MYSQL_URL".to_owned(), format!("{mysql}/{name}")),
            ("BANK_APP_KEY".to_owned(), CANARY.to_owned()),
            ("SESSION".to_owned(), SESSION.as_millis().to_string()),
            ("LINGER".to_owned(), "5".to_owned()),
            ("REFRESH".to_owned(), "30000".to_owned()),
        ]);
        if let RedisServers::None = servers.redis {
            let url = mysql_states::prepare(&servers.mariadb, name, (nsflow, &folder), &environment)?;
            environment.push(("MYSQL_URL".to_owned(), url));
        }
        let workers = Workers::new(nsflow.to_path_buf(), folder, environment);
        let (expected, name, has_next) = (bank::expected(&dose), name.to_owned(), false);
        let redis_section = servers.redis.section();
        let outputs = altered.sink.map_or_else(|| brokers.clone(), Kafka::bootstrap);
        Ok(Self { expected, dose, workers, brokers, tariffs, has_next, redis_section, outputs, name })
    }

    /// What its keys in Redis begin with.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.name
    }

    /// Compiles the next version of the program, into `next.yaml` beside the plan.
    ///
    /// # Errors
    /// Where it cannot be compiled.
    pub fn compile_next(&self, nsfc: &Path) -> io::Result<()> {
        let folder = self.workers.folder.join("next");
        copy_program(&root().join("tests/faults/program"), &folder, &self.name, &self.redis_section, &|text| text)?;
        copy_program(&root().join("tests/faults/program-next"), &folder, &self.name, &self.redis_section, &|text| {
            text
        })?;
        let path = folder.join("bank/movements.nsf");
        let text = std::fs::read_to_string(&path)?;
        let gained = text
            .replace("chain: int64 = 7 }", "chain: int64 = 7  weight: int64 = 0 }")
            .replace("save      totals { count += 1", "save      totals { weight += 1  count += 1");
        std::fs::write(&path, &gained)?;
        if gained.matches("weight").count() != 2 {
            return Err(io::Error::other("the program is not as the next version of it expects"));
        }
        let compiled = Command::new(nsfc).current_dir(&folder).args(["compile", ".", "-o", "../next.yaml"]).output()?;
        if compiled.status.success() {
            return Ok(());
        }
        Err(io::Error::other(String::from_utf8_lossy(&compiled.stderr).into_owned()))
    }

    /// Rows of states by their keys.
    ///
    /// # Errors
    /// Where Redis does not answer.
    pub fn state_rows(&self, servers: &Servers) -> io::Result<std::collections::BTreeMap<String, String>> {
        servers.rows(&self.name, "s")
    }

    /// The name of a topic of this trial.
    #[must_use]
    pub fn topic(&self, own: &str) -> String {
        format!("{}.{own}", self.name)
    }

    /// All topics of the program, also the one between the halves of the flow that is cut.
    #[must_use]
    pub fn topics(&self) -> Vec<String> {
        let own = READ.iter().chain(&WRITTEN).copied();
        own.chain(["bank.buckets.count_buckets.repartitioned.repartition"]).map(|own| self.topic(own)).collect()
    }

    /// The program runs at other brokers than those of the servers.
    pub fn move_to(&mut self, brokers: String) {
        self.workers.environment.push(("KAFKA_BROKERS".to_owned(), brokers.clone()));
        self.outputs.clone_from(&brokers);
        self.brokers = brokers;
    }

    /// What writes the input.
    #[must_use]
    pub fn feeder(&self) -> Feeder {
        let topics = READ.map(|own| self.topic(own));
        Feeder { brokers: self.brokers.clone(), topics, dose: self.dose }
    }

    /// Waits until the rows in Redis count every record, without looking whether they are right.
    ///
    /// # Errors
    /// Where that takes longer than `deadline`, with what the workers said.
    pub fn wait(&self, servers: &Servers, deadline: Duration) -> Result<Duration, String> {
        let begun = Instant::now();
        loop {
            let missing = self.missing(servers);
            match missing {
                Ok(0) => return Ok(begun.elapsed()),
                // A store that lost its last changes may count again what it lost, never more than that.
                Ok(missing) if missing < 0 => return Err(format!("{} records are counted twice", -missing)),
                _ => {}
            }
            if begun.elapsed() > deadline {
                return Err(format!("{missing:?} records are missing after {deadline:?}"));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// How many records the rows of states do not yet count.
    ///
    /// # Errors
    /// Where Redis does not answer.
    pub fn missing(&self, servers: &Servers) -> io::Result<i64> {
        let rows = self.state_rows(servers)?;
        let counted = |row: &String| {
            let row: serde_json::Value = serde_json::from_str(row).unwrap_or_default();
            row.get("count").and_then(serde_json::Value::as_i64).unwrap_or(0)
        };
        let count = |rows: &mut dyn Iterator<Item = &String>| rows.map(counted).sum::<i64>();
        let wanted = self.expected.states.values().filter_map(|row| row.get("count")?.as_i64()).sum::<i64>();
        Ok(wanted - count(&mut rows.values()))
    }

    /// Compares rows and outputs with what they must be.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn check(&self, servers: &Servers) -> Result<Outcome, String> {
        let mut outcome = Outcome::default();
        for (kind, expected) in [("s", &self.expected.states), ("d", &self.expected.dimensions)] {
            let rows = servers.rows(&self.name, kind).map_err(|error| error.to_string())?;
            let wrong = Expected::wrong_rows(expected, &rows);
            if let Some(first) = wrong.first() {
                return Err(format!("{} of {} rows are wrong; {first}", wrong.len(), expected.len()));
            }
            outcome.rows += rows.len();
        }
        let further = self.has_next.then_some("audited");
        let read = |own: &str| {
            let brokers = if ELSEWHERE.contains(&own) { &self.outputs } else { &self.brokers };
            topic::read(brokers, &self.topic(own), Duration::from_millis(300)).map_err(|error| error.to_string())
        };
        for own in ["moved", "visited", "bucketed"].into_iter().chain(further) {
            outcome.outputs.push((own, self.expected.compare(own, &read(own)?)?));
        }
        let (outputs, changes) = self.expected.compare_but_rates("charged", &read("charged")?, &self.tariffs)?;
        outcome.outputs.push(("charged", outputs));
        outcome.changes = changes;
        self.check_rejected()?;
        Ok(outcome)
    }

    /// Every rejected record must be there, and nothing else.
    fn check_rejected(&self) -> Result<(), String> {
        let found = topic::read(&self.brokers, &self.topic("rejected"), Duration::from_millis(300));
        let found = found.map_err(|error| error.to_string())?;
        let places = found.iter().filter_map(|message| {
            let value: serde_json::Value = serde_json::from_slice(&message.value).ok()?;
            Some((value.get("partition")?.as_u64()?, value.get("offset")?.as_u64()?))
        });
        let places: std::collections::BTreeSet<(u64, u64)> = places.collect();
        if places.len() as u64 == self.expected.rejected {
            Ok(())
        } else {
            Err(format!("{} records were rejected, not {}", places.len(), self.expected.rejected))
        }
    }
}

/// Writes the input of a trial.
pub struct Feeder {
    brokers: String,
    topics: [String; 2],
    dose: Dose,
}

/// How often a feeder writes while it goes at a pace.
const BEAT: Duration = Duration::from_millis(100);

impl Feeder {
    /// Writes all input, spread over about `pace`; what is left at once when `hurry` says so.
    ///
    /// # Errors
    /// Where the broker does not take it.
    pub fn run(&self, pace: Duration, hurry: &AtomicBool) -> Result<(), String> {
        let words = |error: nsf_engine::connector::ConnectorError| error.to_string();
        let beats = (pace.as_millis() / BEAT.as_millis()).max(1) as usize;
        let movements: Vec<Fed> = self.dose.movements().collect();
        let logins: Vec<Fed> = self.dose.logins().collect();
        let mut writers = Vec::new();
        for (name, fed) in self.topics.iter().zip([movements, logins]) {
            writers.push((Writer::open(&self.brokers, name).map_err(words)?, fed));
        }
        let begun = Instant::now();
        for beat in 0..beats {
            for (writer, fed) in &mut writers {
                let (from, to) = (fed.len() * beat / beats, fed.len() * (beat + 1) / beats);
                let messages = fed[from..to].iter();
                let messages = messages.map(|fed| (fed.account.to_string().into_bytes(), fed.message.as_bytes()));
                writer.write(messages).map_err(words)?;
            }
            let due = BEAT * (beat as u32 + 1);
            if beats > 1 && !hurry.load(Ordering::Relaxed) {
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
            }
        }
        writers.into_iter().try_for_each(|(writer, _)| writer.end().map_err(words))
    }
}

/// Copies a program, with topics and keys of its own.
fn copy_program(
    from: &Path,
    folder: &Path,
    name: &str,
    redis: &str,
    alter: &dyn Fn(String) -> String,
) -> io::Result<()> {
    let sources: Vec<PathBuf> = tree::files(from, "nsf");
    for path in sources.into_iter().chain([from.join("nsf.yaml")]).filter(|path| path.exists()) {
        let Ok(relative) = path.strip_prefix(from) else { continue };
        let to = folder.join(relative);
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let text = std::fs::read_to_string(&path)?;
        let text = text.replace("kafka(\"", &format!("kafka(\"{name}."));
        let named = |text: String, own: &str| text.replace(&format!("name: {own}\n"), &format!("name: {name}\n"));
        let text = named(named(text, "bank"), "relay");
        let text = text.replace("redis: { url: \"${REDIS_URL}\" }", redis);
        std::fs::write(to, alter(text))?;
    }
    Ok(())
}
