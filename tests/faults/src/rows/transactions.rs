//! A program without state, in transactions: workers and the broker are killed, and who reads what is committed sees every
//! output once.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicBool},
    thread,
    time::{Duration, Instant},
};

use nsf_tests::{random::Random, servers::redis::Options};
use serde_json::Value;

use super::{Trial, storm::words};
use crate::{
    bank::Dose,
    stage::{Servers, Stage},
    topic,
    worker::Worker,
};

/// Faults in one trial.
const FAULTS_A_TRIAL: u32 = 20;

/// How long it may take until all is there: a transaction of a worker that was killed keeps readers waiting for half a minute,
/// and more until the brokers have noticed.
const PATIENCE: Duration = Duration::from_secs(240);

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    let mut servers = trial.servers(Options::default().into(), false)?;
    let mut random = Random::new(trial.seed);
    let (mut faults, mut trials, mut messages, mut slowest) = (0, 0, 0, Duration::ZERO);
    while faults < trial.dose {
        let dose = Dose { records: 2_000 * trial.percent, accounts: 50 * trial.percent, seed: random.number() };
        let name = format!("relay{trials}");
        let mut stage = Stage::of(&servers, "program-relay", &name, dose, (trial.nsfc, trial.nsflow)).map_err(words)?;
        stage.workers.environment.extend(trial.environment.iter().cloned());
        let count = FAULTS_A_TRIAL.min(trial.dose - faults);
        // Every second trial, workers have a name of their own.
        let profile = if trials % 2 == 0 { "prod" } else { "named" };
        let done = one(&mut servers, &mut stage, profile, count, &mut random);
        let (sent, waited) = done.map_err(|wrong| {
            let folder = nsf_tests::tool::target_folder().join("faults-journals");
            let _ = std::fs::create_dir_all(&folder);
            let _ = std::fs::write(folder.join("transactions.log"), stage.workers.journals());
            format!("trial {trials} of seed {}: {wrong}; the journals are in {}", trial.seed, folder.display())
        })?;
        println!(
            "   trial {trials} ({profile}): {count} faults, {sent} messages once, whole {waited:?} after the last fault"
        );
        (faults, trials, messages, slowest) = (faults + count, trials + 1, messages + sent, slowest.max(waited));
    }
    Ok(format!(
        "{faults} faults in {trials} trials, every sixth of the broker; {messages} messages, each once for who reads what is \
         committed; whole at most {:.1} s after the last fault",
        slowest.as_secs_f64()
    ))
}

fn one(
    servers: &mut Servers,
    stage: &mut Stage,
    profile: &str,
    faults: u32,
    random: &mut Random,
) -> Result<(u64, Duration), String> {
    let start = |stage: &mut Stage, at: usize| {
        stage.workers.start_as(profile, &[("INSTANCE", &format!("worker-{at}"))]).map_err(words)
    };
    let mut workers: Vec<Worker> = vec![start(stage, 0)?, start(stage, 1)?];
    let (feeder, hurry) = (stage.feeder(), Arc::new(AtomicBool::new(false)));
    let hurries = Arc::clone(&hurry);
    let pace = Duration::from_secs(600);
    let feeding = thread::spawn(move || feeder.run(pace, &hurries));
    for fault in 0..faults {
        thread::sleep(Duration::from_millis(500 + random.below(2_500)));
        if fault % 6 == 5 {
            servers.kafka.kill();
            thread::sleep(Duration::from_millis(random.below(1_500)));
            servers.kafka.restart().map_err(|error| format!("{error:?}"))?;
        } else {
            let at = random.below(2) as usize;
            workers[at].kill();
            workers[at] = start(stage, at)?;
        }
    }
    let broken = Instant::now();
    hurry.store(true, std::sync::atomic::Ordering::Relaxed);
    feeding.join().map_err(|_| "the feeder broke off".to_owned())??;
    let sent = compare(stage)?;
    let waited = broken.elapsed();
    for mut worker in workers {
        if worker.stop(Duration::from_secs(20)).map_err(words)?.is_none() {
            return Err(format!("a worker did not end when it was told to:\n{}", worker.text()));
        }
    }
    Ok((sent, waited))
}

/// Every message must be there once, and no other.
fn compare(stage: &Stage) -> Result<u64, String> {
    let (mut doubled, mut seen, mut rejected) = (BTreeSet::new(), BTreeSet::new(), 0_usize);
    for fed in stage.dose.movements() {
        let mut record: Value = serde_json::from_str(&fed.message).map_err(words)?;
        let amount = record.get("amount").and_then(Value::as_i64).unwrap_or(0);
        if amount == 0 {
            rejected += 1;
            continue;
        }
        let record = record.as_object_mut().ok_or("a record is no object")?;
        record.retain(|name, _| name == "account" || name == "number");
        seen.insert(Value::Object(record.clone()).to_string());
        record.insert("twice".to_owned(), (amount * 2).into());
        doubled.insert(Value::Object(record.clone()).to_string());
    }
    let mut sent = 0;
    for (own, wanted) in [("doubled", &doubled), ("seen", &seen)] {
        let found = read(stage, own, wanted.len())?;
        let mut left = wanted.clone();
        for value in found {
            let value: Value = serde_json::from_slice(&value).map_err(words)?;
            if !left.remove(&value.to_string()) {
                return Err(format!("{own} has {value} twice, or it should not be there"));
            }
        }
        if let Some(first) = left.first() {
            return Err(format!("{own} lacks {} messages, {first} among them", left.len()));
        }
        sent += wanted.len() as u64;
    }
    let mut places = BTreeSet::new();
    for value in read(stage, "rejected", rejected)? {
        let value: Value = serde_json::from_slice(&value).map_err(words)?;
        if !places.insert((value["partition"].to_string(), value["offset"].to_string())) {
            return Err(format!("a record was rejected twice: {value}"));
        }
    }
    if places.len() == rejected {
        Ok(sent + rejected as u64)
    } else {
        Err(format!("{} records were rejected, not {rejected}", places.len()))
    }
}

fn read(stage: &Stage, own: &str, count: usize) -> Result<Vec<Vec<u8>>, String> {
    let found = topic::read_at_least(&stage.brokers, &stage.topic(own), count, PATIENCE).map_err(words)?;
    Ok(found.into_iter().map(|message| message.value).collect())
}
