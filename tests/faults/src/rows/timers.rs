//! Values that end while workers end too: many keys with minutes, hours of minutes, and runs of records without a pause; the
//! workers are restarted again and again, and their clocks jump. What their ends were told of is compared with an
//! independent computation over the very records that the topic holds: none lost, none twice, none early.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use nsf_tests::{random::Random, root, servers::redis::Options, tool::target_folder};
use serde_json::{Value, json};

use super::{Trial, storm::words};
use crate::{
    stage::{PARTITIONS, SESSION, Servers},
    topic::{self, Message, Writer},
    worker::{Worker, Workers},
};

/// Topics that the program writes.
const WRITTEN: [&str; 4] = ["minutes", "hours", "runs", "rejected"];

/// The first record's time, in milliseconds.
const START: i64 = 1_767_222_000_000;

/// Over how long the records' times go: about as many minutes a key.
const SPAN: i64 = 100 * MINUTE;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;

/// Between two restarts in a full dose.
const CALM: Duration = Duration::from_secs(30);

/// Runs the row.
pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    let servers = trial.servers(Options::default().into(), false)?;
    let clock = Clock::build(servers.folder());
    let mut scene = Scene::new(trial, &servers, "timers", clock)?;
    let calm = CALM.mul_f64(trial.percent as f64 / 100.0).max(Duration::from_secs(3));
    let beats = Beats { records: 2_000 * trial.percent, keys: 10 * trial.percent };
    let hurry = Arc::new(AtomicBool::new(false));
    let feeder = {
        let (brokers, topic, hurry) = (scene.brokers.clone(), scene.topic("beats"), Arc::clone(&hurry));
        let pace = calm * trial.dose;
        std::thread::spawn(move || beats.feed(&brokers, &topic, pace, &hurry))
    };
    let mut random = Random::new(trial.seed);
    for at in 0..trial.dose {
        std::thread::sleep(calm);
        // Every clock goes forward by an hour, back by an hour, or stands right; also while a worker lives.
        scene.clock.turn([0, 3_540, -3_600][at as usize % 3])?;
        scene.restart(at, random.below(2) == 0)?;
    }
    hurry.store(true, Ordering::Relaxed);
    feeder.join().map_err(|_| "the feeder broke off".to_owned())??;
    let model = Model::of(&scene.read("beats")?)?;
    scene.wait(&model, Duration::from_secs(120))?;
    scene.stop().map_err(|wrong| format!("{wrong}; {}", scene.keep()))?;
    let repeated = scene.check(&model)?;
    let Model { told, rejected, late, .. } = &model;
    let count = |topic: &str| told.get(topic).map_or(0, Vec::len);
    Ok(format!(
        "{} restarts, {}; {} minutes, {} hours and {} runs ended, none lost, twice or early ({repeated} messages came again \
         with the same bytes); {late} records were late, {rejected} too far ahead",
        trial.dose,
        scene.clock.words(),
        count("minutes"),
        count("hours"),
        count("runs"),
    ))
}

/// What is fed.
#[derive(Clone, Copy, Debug)]
struct Beats {
    records: u64,
    keys: u64,
}

impl Beats {
    /// The key and the message of a record. Some are behind, within `late` and beyond it; some are far ahead of the clock.
    fn record(&self, number: u64, now: i64) -> (u64, String) {
        let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let key = (mixed ^ (mixed >> 29)) % self.keys;
        let at = START + SPAN * number as i64 / self.records.max(1) as i64;
        let at = match number {
            number if number % 503 == 502 => now + HOUR,
            number if number % 211 == 210 => at - HOUR,
            number if number % 37 == 36 => at - 8 * SECOND,
            _ => at,
        };
        (key, message(key, number, at))
    }

    fn feed(&self, brokers: &str, topic: &str, pace: Duration, hurry: &AtomicBool) -> Result<(), String> {
        let mut writer = open(brokers, topic)?;
        let (begun, beats) = (Instant::now(), (pace.as_millis() / 100).max(1) as u64);
        for beat in 0..beats {
            let (from, to) = (self.records * beat / beats, self.records * (beat + 1) / beats);
            let records: Vec<(u64, String)> = (from..to).map(|number| self.record(number, now())).collect();
            let records = records.iter().map(|(key, message)| (key.to_string().into_bytes(), message.as_bytes()));
            writer.write(records).map_err(words)?;
            if !hurry.load(Ordering::Relaxed) {
                let due = Duration::from_millis(100 * (beat + 1));
                std::thread::sleep(due.saturating_sub(begun.elapsed()));
            }
        }
        writer.end().map_err(words)
    }
}

/// Opens a topic that was made just now: a broker that has much to do tells of it a little later.
fn open(brokers: &str, topic: &str) -> Result<Writer, String> {
    let begun = Instant::now();
    loop {
        match Writer::open(brokers, topic) {
            Err(_) if begun.elapsed() < Duration::from_secs(30) => std::thread::sleep(Duration::from_millis(200)),
            opened => return opened.map_err(words),
        }
    }
}

fn message(key: u64, number: u64, at: i64) -> String {
    json!({"key": key, "number": number, "at": form(at)}).to_string()
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

/// A time in its JSON form.
fn form(at: i64) -> String {
    let mut text = Vec::new();
    nsf_engine::instant::write_timestamp(at, &mut text);
    String::from_utf8_lossy(&text).trim_matches('"').to_owned()
}

/// What must come of the records, partition by partition in their order.
#[derive(Debug, Default)]
struct Model {
    /// By topic: what is told of values that have ended.
    told: BTreeMap<&'static str, Vec<Value>>,
    /// Rows of values that are there at the end.
    open: BTreeMap<String, Value>,
    rejected: u64,
    late: u64,
}

/// The values of a partition.
#[derive(Debug, Default)]
struct Part {
    watermark: Option<i64>,
    minutes: BTreeMap<(u64, i64), (u64, u64)>,
    hours: BTreeMap<(u64, i64), (u64, u64)>,
    /// With the watermark at the last save.
    runs: BTreeMap<u64, (u64, u64, i64)>,
}

const LATE: i64 = 10 * SECOND;
const PAUSE: i64 = 20 * SECOND;

impl Model {
    fn of(beats: &[Message]) -> Result<Self, String> {
        let mut model = Self::default();
        let mut parts: BTreeMap<u32, Part> = BTreeMap::new();
        let mut ordered: Vec<&Message> = beats.iter().collect();
        ordered.sort_by_key(|message| (message.partition, message.offset));
        for message in ordered {
            let record: Value = serde_json::from_slice(&message.value).map_err(words)?;
            let number = |name: &str| record.get(name).and_then(Value::as_u64).ok_or_else(|| format!("no {name}"));
            let at = record.get("at").and_then(Value::as_str).and_then(nsf_engine::instant::parse_timestamp);
            let at = at.ok_or("no time")?;
            model.record(parts.entry(message.partition).or_default(), number("key")?, number("number")?, at);
        }
        for part in parts.into_values() {
            for ((key, minute), (count, chain)) in part.minutes {
                let row = json!({"count": count, "chain": chain});
                model.open.insert(format!("timers.minutes:{key}:{}", escaped(minute)), row);
            }
            for ((key, hour), (windows, chain)) in part.hours {
                let row = json!({"windows": windows, "chain": chain});
                model.open.insert(format!("timers.hours:{key}:{}", escaped(hour)), row);
            }
            for (key, (count, chain, _)) in part.runs {
                model.open.insert(format!("timers.runs:{key}"), json!({"count": count, "chain": chain}));
            }
        }
        Ok(model)
    }

    fn record(&mut self, part: &mut Part, key: u64, number: u64, at: i64) {
        // What is ahead of its message by more than five minutes is rejected, and moves nothing.
        if at > START + 2 * SPAN {
            self.rejected += 1;
            return;
        }
        if part.watermark.is_some_and(|watermark| at < watermark - LATE) {
            self.late += 1;
            return;
        }
        let watermark = part.watermark.map_or(at, |watermark| watermark.max(at));
        part.watermark = Some(watermark);
        self.end(part, watermark);
        let minute = at - at.rem_euclid(MINUTE);
        let own = part.minutes.entry((key, minute)).or_insert((0, 7));
        *own = (own.0 + 1, (own.1 * 31 + number) % 1_000_000_007);
        let own = part.runs.entry(key).or_insert((0, 11, watermark));
        *own = (own.0 + 1, (own.1 * 37 + number) % 1_000_000_007, watermark);
    }

    /// What the watermark has passed is told of: minutes before the hours that they count in.
    fn end(&mut self, part: &mut Part, watermark: i64) {
        let passed = |closes: i64| watermark > closes + LATE;
        let minutes: Vec<_> = part.minutes.keys().copied().filter(|(_, minute)| passed(minute + MINUTE)).collect();
        // In the order of their ends; of one key no two end at once.
        let minutes: BTreeSet<_> = minutes.into_iter().map(|(key, minute)| (minute, key)).collect();
        for (minute, key) in minutes {
            let Some((count, chain)) = part.minutes.remove(&(key, minute)) else { continue };
            let (minute_form, closed) = (form(minute), form(minute + MINUTE));
            let told = json!({"key": key, "minute": minute_form, "count": count, "chain": chain, "closed": closed});
            self.told.entry("minutes").or_default().push(told);
            let hour = minute - minute.rem_euclid(HOUR);
            let own = part.hours.entry((key, hour)).or_insert((0, 3));
            *own = (own.0 + 1, (own.1 * 41 + chain) % 1_000_000_007);
        }
        let hours: Vec<_> = part.hours.keys().copied().filter(|(_, hour)| passed(hour + HOUR)).collect();
        for (key, hour) in hours {
            let Some((windows, chain)) = part.hours.remove(&(key, hour)) else { continue };
            let closed = form(hour + HOUR);
            let told = json!({"key": key, "hour": form(hour), "windows": windows, "chain": chain, "closed": closed});
            self.told.entry("hours").or_default().push(told);
        }
        let over = |(_, (_, _, saved)): &(&u64, &(u64, u64, i64))| watermark - saved > PAUSE;
        let runs: Vec<u64> = part.runs.iter().filter(over).map(|(key, _)| *key).collect();
        for key in runs {
            let Some((count, chain, saved)) = part.runs.remove(&key) else { continue };
            let told = json!({"key": key, "count": count, "chain": chain, "closed": form(saved + PAUSE)});
            self.told.entry("runs").or_default().push(told);
        }
    }
}

/// A time as part of a row's key.
fn escaped(at: i64) -> String {
    form(at).replace(':', "%3A")
}

/// The program and its workers.
struct Scene<'s> {
    servers: &'s Servers,
    name: String,
    brokers: String,
    workers: Workers,
    running: Vec<Worker>,
    clock: Clock,
}

impl<'s> Scene<'s> {
    fn new(trial: &Trial<'_>, servers: &'s Servers, name: &str, clock: Clock) -> Result<Self, String> {
        let folder = servers.folder().join(name);
        std::fs::create_dir_all(&folder).map_err(words)?;
        for file in ["timers.nsf", "nsf.yaml"] {
            let from = root().join("tests/faults/timers").join(file);
            let text = std::fs::read_to_string(from).map_err(words)?;
            let text = text.replace("kafka(\"", &format!("kafka(\"{name}."));
            std::fs::write(folder.join(file), text).map_err(words)?;
        }
        let compiled = Command::new(trial.nsfc).current_dir(&folder).args(["compile", ".", "-o", "plan.yaml"]).output();
        let compiled = compiled.map_err(words)?;
        if !compiled.status.success() {
            return Err(String::from_utf8_lossy(&compiled.stderr).into_owned());
        }
        for own in WRITTEN.iter().chain(&["beats"]) {
            servers.kafka.create_topic(&format!("{name}.{own}"), PARTITIONS, &[]).map_err(words)?;
        }
        let brokers = servers.kafka.bootstrap();
        let mut environment = vec![
            ("KAFKA_BROKERS".to_owned(), brokers.clone()),
            ("SESSION".to_owned(), SESSION.as_millis().to_string()),
        ];
        environment.extend(servers.redis.environment(None));
        environment.extend(trial.environment.iter().cloned());
        environment.extend(clock.environment());
        let mut workers = Workers::new(trial.nsflow.clone(), folder, environment);
        let running = (0..2).map(|_| workers.start()).collect::<Result<_, _>>().map_err(words)?;
        Ok(Self { servers, name: name.to_owned(), brokers, workers, running, clock })
    }

    fn topic(&self, own: &str) -> String {
        format!("{}.{own}", self.name)
    }

    fn read(&self, own: &str) -> Result<Vec<Message>, String> {
        topic::read(&self.brokers, &self.topic(own), Duration::from_millis(300)).map_err(words)
    }

    /// Restarts one of the workers: it is killed, or told to stop.
    fn restart(&mut self, at: u32, kill: bool) -> Result<(), String> {
        let own = &mut self.running[at as usize % 2];
        if kill {
            own.kill();
        } else {
            own.stop(Duration::from_secs(15)).map_err(words)?;
        }
        self.running[at as usize % 2] = self.workers.start().map_err(words)?;
        Ok(())
    }

    /// Waits until the rows in Redis are those that must be there at the end.
    fn wait(&mut self, model: &Model, deadline: Duration) -> Result<(), String> {
        let begun = Instant::now();
        loop {
            let rows = self.rows()?;
            let Some(wrong) = crate::bank::Expected::wrong_rows(&model.open, &rows).into_iter().next() else {
                return Ok(());
            };
            if begun.elapsed() > deadline {
                return Err(format!("after {deadline:?} {wrong}; {}", self.keep()));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn rows(&self) -> Result<BTreeMap<String, String>, String> {
        self.servers.redis.rows(&self.name, "s").map_err(words)
    }

    fn stop(&mut self) -> Result<(), String> {
        for worker in &mut self.running {
            if worker.stop(Duration::from_secs(30)).map_err(words)?.is_none() {
                return Err("a worker did not end when it was told to".to_owned());
            }
        }
        Ok(())
    }

    /// Compares what was told with what must have been; gives how many messages came again.
    fn check(&self, model: &Model) -> Result<u64, String> {
        let mut repeated = 0;
        for own in ["minutes", "hours", "runs"] {
            let expected = crate::bank::Expected {
                messages: BTreeMap::from([(own, model.told.get(own).cloned().unwrap_or_default())]),
                ..crate::bank::Expected::default()
            };
            let found = self.read(own)?;
            repeated += expected.compare(own, &found).map_err(|wrong| format!("{wrong}; {}", self.keep()))?.repeated;
        }
        let rejected: BTreeSet<String> = self.read("rejected")?.into_iter().map(|message| message.id).collect();
        if rejected.len() as u64 != model.rejected {
            return Err(format!("{} records were rejected, not {}", rejected.len(), model.rejected));
        }
        self.check_ends(model)?;
        Ok(repeated)
    }

    /// What is still to end is noted once, and nothing else is.
    fn check_ends(&self, model: &Model) -> Result<(), String> {
        let mut connections = self.servers.redis.connections().map_err(words)?;
        let Some(connection) = connections.first_mut() else { return Err("Redis has no server".to_owned()) };
        let keys = connection.command(&["KEYS", &format!("{}:{{*}}:t:*", self.name)]).map_err(words)?;
        let mut noted = BTreeMap::new();
        for key in keys.parts() {
            let members = connection.command(&["ZRANGE", &key.text(), "0", "-1"]).map_err(words)?;
            for member in members.parts() {
                *noted.entry(member.text()).or_insert(0) += 1;
            }
        }
        let twice = noted.iter().find(|(key, times)| **times != 1 || !model.open.contains_key(*key));
        let missing = model.open.keys().find(|key| !noted.contains_key(*key));
        match (twice, missing) {
            (Some((key, times)), _) => Err(format!("the end of {key} is noted {times} times")),
            (_, Some(key)) => Err(format!("the end of {key} is not noted")),
            (None, None) => Ok(()),
        }
    }

    /// Keeps what the workers said; gives where, in words.
    fn keep(&self) -> String {
        let path = target_folder().join("faults-journals/timers.log");
        let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
        match made.and_then(|()| std::fs::write(&path, self.workers.journals())) {
            Ok(()) => format!("the journals are in {}", path.display()),
            Err(error) => format!("the journals could not be kept: {error}"),
        }
    }
}

/// The workers' clock, moved by a library that is loaded before all others; none where there is no compiler for it.
struct Clock {
    moved: Option<(PathBuf, PathBuf)>,
}

impl Clock {
    fn build(folder: &Path) -> Self {
        let (library, file) = (folder.join("clock.so"), folder.join("clock"));
        let source = root().join("tests/faults/timers/clock.c");
        let built =
            Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl").output();
        let built = built.is_ok_and(|output| output.status.success()) && std::fs::write(&file, "0").is_ok();
        if !built {
            println!("NOT SHOWN: a clock that jumps, for there is no C compiler (`cc`) to build what moves it");
        }
        Self { moved: built.then_some((library, file)) }
    }

    fn environment(&self) -> Vec<(String, String)> {
        let Some((library, file)) = &self.moved else { return Vec::new() };
        let text = |path: &PathBuf| path.display().to_string();
        vec![("LD_PRELOAD".to_owned(), text(library)), ("CLOCK_FILE".to_owned(), text(file))]
    }

    /// Moves the clock to so many seconds from the right time.
    fn turn(&self, seconds: i64) -> Result<(), String> {
        let Some((_, file)) = &self.moved else { return Ok(()) };
        // Written beside and moved, so that nobody reads half of it.
        let beside = file.with_extension("new");
        std::fs::write(&beside, seconds.to_string()).and_then(|()| std::fs::rename(&beside, file)).map_err(words)
    }

    const fn words(&self) -> &'static str {
        if self.moved.is_some() {
            "clocks forward and back by an hour"
        } else {
            "clocks right (NOT SHOWN that they jump)"
        }
    }
}
