//! A topic whose producer does not place its records by the declared key: records of one account come from all partitions,
//! and so to both workers. Nothing but a look at the rows can show it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use nsf_tests::{random::Random, servers::redis::Fsync};
use serde_json::Value;

use super::{Trial, store, storm::words};
use crate::{
    bank::{self, Dose},
    stage::{Servers, Stage},
    topic::{self, Message, Writer},
    worker::Worker,
};

/// How long a worker may take until it ends.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    let mut servers = trial.servers(store::options(Fsync::EverySecond), false)?;
    let mut random = Random::new(trial.seed);
    let (mut rows, mut slowest) = (0, Duration::ZERO);
    for number in 1..=trial.dose {
        // Every second topic is wrong from its first record on: then no row is stored that could give it away.
        let sound_first = number % 2 == 1;
        let dose = Dose { records: 2_000 * trial.percent, accounts: 50 * trial.percent, seed: random.number() };
        let done = one(trial, &mut servers, &format!("foreign{number}"), dose, sound_first);
        let (own, took) = done.map_err(|wrong| format!("trial {number} of seed {}: {wrong}", trial.seed))?;
        rows += own;
        slowest = slowest.max(took);
        println!("   trial {number}: stopped after {:.1} s, {own} rows are those of one partition", took.as_secs_f64());
    }
    Ok(format!(
        "{} topics, both workers stopped with the message each time, at most {:.1} s after the first record; each of {rows} \
         stored rows is that of one partition's records",
        trial.dose,
        slowest.as_secs_f64()
    ))
}

fn one(
    trial: &Trial<'_>,
    servers: &mut Servers,
    name: &str,
    dose: Dose,
    sound_first: bool,
) -> Result<(usize, Duration), String> {
    let mut stage = Stage::new(servers, name, dose, trial.nsfc, trial.nsflow).map_err(words)?;
    stage.workers.environment.extend(trial.environment.iter().cloned());
    let mut workers = Vec::new();
    for _ in 0..2 {
        workers.push(stage.workers.start().map_err(words)?);
    }
    // What lies in a topic before it is first seen may be placed by fewer partitions: that is another matter.
    super::topics::reading(&workers)?;
    if sound_first {
        stage.feeder().run(Duration::ZERO, &std::sync::atomic::AtomicBool::new(true))?;
        stage.wait(servers, PATIENCE)?;
    }
    let begun = Instant::now();
    write_misplaced(&stage, sound_first)?;
    for (at, worker) in workers.iter_mut().enumerate() {
        let stopped = stopped(worker, &stage.topic("movements"));
        stopped.map_err(|wrong| format!("worker {at}: {wrong}\n{}", worker.text()))?;
    }
    let took = begun.elapsed();
    Ok((check_rows(servers, &stage, name)?, took))
}

/// Writes movements whose messages have other keys than their accounts.
fn write_misplaced(stage: &Stage, after_others: bool) -> Result<(), String> {
    let error = |error: nsf_engine::connector::ConnectorError| error.to_string();
    let mut writer = Writer::open(&stage.brokers, &stage.topic("movements")).map_err(error)?;
    let fed: Vec<bank::Fed> = stage.dose.movements().collect();
    // Further records of the accounts, where all that is fed in its order is there already.
    let fed = if after_others { &fed[..fed.len() / 4] } else { &fed[..] };
    let messages = fed.iter().map(|fed| (format!("message-{}", fed.number).into_bytes(), fed.message.as_bytes()));
    writer.write(messages).map_err(error)?;
    writer.end().map_err(error)
}

/// Waits until a worker has ended by itself, and looks at what it said.
fn stopped(worker: &mut Worker, topic: &str) -> Result<(), String> {
    let code = worker.ended(PATIENCE).ok_or("it did not stop")?;
    let text = worker.text();
    let said = [
        format!("the topic `{topic}` is not partitioned by its declared key `account`"),
        "was last written from partition".to_owned(),
        "repartition by account".to_owned(),
    ];
    match said.iter().find(|said| !text.contains(*said)) {
        _ if code == 0 => Err("it ended as if all were well".to_owned()),
        Some(missing) => Err(format!("it does not say: {missing}")),
        None => Ok(()),
    }
}

/// Every row must be what the records of one partition make of it, up to some record.
fn check_rows(servers: &Servers, stage: &Stage, name: &str) -> Result<usize, String> {
    let found = topic::read(&stage.brokers, &stage.topic("movements"), Duration::from_millis(300)).map_err(words)?;
    let possible = possible(&found)?;
    let rows = servers.redis.rows(name, "s").map_err(words)?;
    let mut checked = 0;
    for (key, row) in rows {
        if !key.starts_with("bank.movements.") {
            continue;
        }
        let value: Value = serde_json::from_str(&row).map_err(words)?;
        let number = |field: &str| value.get(field).and_then(Value::as_i64).unwrap_or(-1);
        let partition = value.pointer("/@/from/1").and_then(Value::as_u64);
        let partition = partition.ok_or_else(|| format!("{key} does not say from where it was written: {row}"))?;
        let way = (key.clone(), partition as u32, number("count"), number("chain"));
        if !possible.contains(&way) {
            return Err(format!("{key} is {row}: no order of one partition's records gives that"));
        }
        checked += 1;
    }
    Ok(checked)
}

type Way = (String, u32, i64, i64);

/// All values that rows can have: key, partition, count and chain after each record.
fn possible(found: &[Message]) -> Result<BTreeSet<Way>, String> {
    let mut found: Vec<&Message> = found.iter().collect();
    found.sort_by_key(|message| (message.partition, message.offset));
    let mut possible = BTreeSet::new();
    let mut totals: BTreeMap<(u32, u64), (i64, i64)> = BTreeMap::new();
    let mut days: BTreeMap<(u32, u64, u64), (i64, i64)> = BTreeMap::new();
    for message in found {
        let value: Value = serde_json::from_slice(&message.value).map_err(words)?;
        let number = |field: &str| value.get(field).and_then(Value::as_u64).unwrap_or_default();
        let (account, own, partition) = (number("account"), number("number"), message.partition);
        if number("amount") == 0 {
            continue;
        }
        let total = totals.entry((partition, account)).or_insert((0, 7));
        *total = (total.0 + 1, (total.1 * 31 + own as i64) % 1_000_000_007);
        let day = days.entry((partition, account, own / 20)).or_insert((0, 3));
        *day = (day.0 + 1, (day.1 * 37 + total.1) % 1_000_000_009);
        possible.insert((format!("bank.movements.totals:{account}"), partition, total.0, total.1));
        possible.insert((format!("bank.movements.days:{account}:{}", own / 20), partition, day.0, day.1));
    }
    Ok(possible)
}
