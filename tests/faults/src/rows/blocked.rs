//! A sink that stands still: outputs go to another cluster, whose broker is paused while records wait. The workers must not
//! gather them in memory, stay in their group, and go on when the sink does.

use std::{
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

use nsf_tests::{
    random::Random,
    servers::{kafka::Kafka, redis::Fsync},
};

use super::{
    Trial, store,
    storm::{end_of, keep, words},
};
use crate::{
    bank::Dose,
    stage::{Altered, Servers, Stage},
    worker::Worker,
};

/// How long the sink stands still in full.
const BLOCK: Duration = Duration::from_secs(300);

/// What a worker may use in full, in bytes.
const BUDGET: u64 = 256 * 1024 * 1024;

/// What it may use where less waits than fills that: half of it.
const fn budget(percent: u64) -> u64 {
    if percent < 20 { BUDGET / 2 } else { BUDGET }
}

/// How long everything may take to arrive when the sink goes on.
const PATIENCE: Duration = Duration::from_secs(3_600);

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    let mut servers = trial.servers(store::options(Fsync::EverySecond), false)?;
    let folder = tempfile::tempdir_in(nsf_tests::servers::install::folder()).map_err(words)?;
    let sink = Kafka::start(&folder.path().join("sink")).map_err(|error| format!("{error:?}"))?;
    let mut random = Random::new(trial.seed);
    let (mut told, budget) = (Vec::new(), budget(trial.percent));
    for number in 1..=trial.dose {
        let partitions = if number % 2 == 1 { 12 } else { 1 };
        let dose = Dose { records: 20_000 * trial.percent, accounts: 50 * trial.percent, seed: random.number() };
        let name = format!("blocked{number}");
        let peak = one(trial, &mut servers, &sink, &name, dose, partitions);
        let peak = peak.map_err(|wrong| format!("trial {number} of seed {}: {wrong}", trial.seed))?;
        let share = 100.0 * peak as f64 / budget as f64;
        println!("   trial {number}: {partitions} partitions, {} MiB at most, {share:.0} % of the budget", peak >> 20);
        if peak * 100 > budget * 115 {
            return Err(format!("a worker used {} MiB, and may use {}", peak >> 20, budget >> 20));
        }
        told.push(format!("{} records and {partitions} partitions: {share:.0} % of the memory budget", dose.records));
    }
    let block = BLOCK.mul_f64(trial.percent as f64 / 100.0);
    Ok(format!("the sink stood still for {} s; {}; all arrived", block.as_secs(), told.join("; ")))
}

/// Lets records wait behind a sink that stands still; gives the most memory that a worker used.
fn one(
    trial: &Trial<'_>,
    servers: &mut Servers,
    sink: &Kafka,
    name: &str,
    dose: Dose,
    partitions: u32,
) -> Result<u64, String> {
    let budget = budget(trial.percent);
    let alter = |text: String| {
        let text = text.replace("key: account) {", "key: account, cluster: \"sink\") {");
        let lines = format!("memory: {budget}B\n    kafka:\n      clusters: {{ sink: {{ brokers: \"${{SINK}}\" }} }}");
        text.replace("kafka:\n", &format!("{lines}\n"))
    };
    let altered = Altered { program: "program", partitions, sink: Some(sink), alter: &alter };
    let mut stage = Stage::altered(servers, name, dose, trial.nsfc, trial.nsflow, &altered).map_err(words)?;
    stage.workers.environment.extend(trial.environment.iter().cloned());
    stage.workers.environment.push(("SINK".to_owned(), sink.bootstrap()));
    let mut workers: Vec<Worker> = Vec::new();
    for _ in 0..2 {
        workers.push(stage.workers.start().map_err(words)?);
    }
    let begun = Instant::now();
    while !workers.iter().any(|worker| worker.text().contains(" started")) {
        if begun.elapsed() > Duration::from_secs(120) {
            return Err(format!("no partition was ever read:\n{}", end_of(&workers[0].text())));
        }
        thread::sleep(Duration::from_millis(100));
    }
    sink.suspend();
    let blocked = block(trial, &stage, &mut workers);
    // Whatever came of it, the broker must not stay paused.
    sink.resume();
    let mut peak = blocked?;
    let failed = |wrong: String, stage: &Stage| format!("{wrong}\n{}", keep(name, &stage.workers.journals()));
    stage.wait(servers, PATIENCE).map_err(|wrong| failed(wrong, &stage))?;
    for worker in &mut workers {
        peak = peak.max(worker.memory().1);
        worker.stop(Duration::from_secs(60)).map_err(words)?.ok_or("a worker did not end when it was told to")?;
    }
    stage.check(servers).map_err(|wrong| failed(wrong, &stage))?;
    Ok(peak)
}

/// Feeds everything and waits; gives the most memory that a worker used meanwhile.
fn block(trial: &Trial<'_>, stage: &Stage, workers: &mut [Worker]) -> Result<u64, String> {
    let before: Vec<usize> = workers.iter().map(|worker| leavings(&worker.text())).collect();
    stage.feeder().run(Duration::ZERO, &AtomicBool::new(true))?;
    let until = Instant::now() + BLOCK.mul_f64(trial.percent as f64 / 100.0);
    let mut peak = 0;
    while Instant::now() < until {
        for (at, worker) in workers.iter_mut().enumerate() {
            if !worker.is_running() {
                return Err(format!("worker {at} ended:\n{}", end_of(&worker.text())));
            }
            peak = peak.max(worker.memory().0);
        }
        thread::sleep(Duration::from_millis(200));
    }
    for (worker, before) in workers.iter().zip(before) {
        if leavings(&worker.text()) > before {
            return Err(format!("a worker was put out of its group:\n{}", end_of(&worker.text())));
        }
    }
    Ok(peak)
}

/// How often partitions were lost.
fn leavings(journal: &str) -> usize {
    journal.lines().filter(|line| line.contains(" partition ") && line.ends_with(" gone")).count()
}
