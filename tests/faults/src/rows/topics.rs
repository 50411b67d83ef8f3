//! Topics that change under the workers: partitions are added, or a topic is made anew.

use std::{
    sync::atomic::AtomicBool,
    thread,
    time::{Duration, Instant},
};

use super::{
    Trial,
    storm::{Named, Weather, storm, words},
};
use crate::{
    bank::Dose,
    stage::{PARTITIONS, Servers, Stage},
    worker::Worker,
};

/// Both topics get one more partition, again and again, while input comes. Keys go to other partitions then, and what lies of
/// them in those that they were in is read at the same time, perhaps by the other worker.
pub(super) fn partitions(trial: &Trial<'_>) -> Result<String, String> {
    let mut environment = trial.environment.clone();
    environment.push(("REFRESH".to_owned(), "1000".to_owned()));
    let own = Trial { environment, nsfc: trial.nsfc, nsflow: trial.nsflow, ..*trial };
    let weather = Weather { calm: (2_500, 2_000), named: Named::Alternating, ordered: false, ..Weather::default() };
    let (mut stage, mut count) = (String::new(), PARTITIONS);
    storm(&own, "partitions", &weather, |scene| {
        let topics = ["movements", "logins"].map(|own| scene.stage.topic(own));
        if stage != topics[0] {
            (stage, count) = (topics[0].clone(), PARTITIONS);
        }
        // Partitions that are added before a worker has seen the topic are another matter.
        reading(&scene.workers)?;
        count += 1;
        for topic in &topics {
            scene.servers.kafka.add_partitions(topic, count).map_err(words)?;
        }
        Ok(())
    })
}

/// Waits until every worker has read a partition.
pub(super) fn reading(workers: &[Worker]) -> Result<(), String> {
    let begun = Instant::now();
    while !workers.iter().all(|worker| worker.text().contains(" started")) {
        if begun.elapsed() > PATIENCE {
            return Err("a worker has no partition".to_owned());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// How long a worker may take until it reads, or until it ends.
const PATIENCE: Duration = Duration::from_secs(120);

/// A topic is deleted and made anew: while workers read it, or while none runs. Its offsets mean other records then.
pub(super) fn recreated(trial: &Trial<'_>) -> Result<String, String> {
    let mut servers = trial.servers(super::store::options(nsf_tests::servers::redis::Fsync::EverySecond), false)?;
    let mut random = nsf_tests::random::Random::new(trial.seed);
    let mut slowest = Duration::ZERO;
    for number in 1..=trial.dose {
        let running = number % 2 == 1;
        let dose = Dose { records: 2_000 * trial.percent, accounts: 50 * trial.percent, seed: random.number() };
        let done = made_anew(trial, &mut servers, &format!("recreated{number}"), dose, running);
        let took = done.map_err(|wrong| format!("trial {number} of seed {}: {wrong}", trial.seed))?;
        slowest = slowest.max(took);
        let when = if running { "under the workers" } else { "while none ran" };
        println!("   trial {number}: made anew {when}, both stopped within {:.1} s", took.as_secs_f64());
    }
    Ok(format!(
        "{} topics made anew, both workers stopped with the message each time, at most {:.1} s after; rows and outputs are those \
         of the first topic",
        trial.dose,
        slowest.as_secs_f64()
    ))
}

fn made_anew(
    trial: &Trial<'_>,
    servers: &mut Servers,
    name: &str,
    dose: Dose,
    running: bool,
) -> Result<Duration, String> {
    let mut stage = Stage::new(servers, name, dose, trial.nsfc, trial.nsflow).map_err(words)?;
    stage.workers.environment.extend(trial.environment.iter().cloned());
    stage.workers.environment.push(("REFRESH".to_owned(), "1000".to_owned()));
    let mut workers = start(&mut stage)?;
    stage.feeder().run(Duration::ZERO, &AtomicBool::new(true))?;
    stage.wait(servers, PATIENCE)?;
    let outcome = |stage: &Stage, servers: &Servers| stage.check(servers).map_err(|wrong| format!("before: {wrong}"));
    if !running {
        for worker in &mut workers {
            worker.stop(Duration::from_secs(30)).map_err(words)?.ok_or("a worker did not end when it was told to")?;
        }
    }
    outcome(&stage, servers)?;
    let topic = stage.topic("movements");
    servers.kafka.delete_topic(&topic).map_err(words)?;
    make(servers, &topic)?;
    let begun = Instant::now();
    // As many records as before: every offset that was read is there again.
    stage.feeder().run(Duration::ZERO, &AtomicBool::new(true))?;
    if !running {
        workers = start(&mut stage)?;
    }
    for (at, worker) in workers.iter_mut().enumerate() {
        let stopped = stopped(worker, &topic);
        stopped.map_err(|wrong| format!("worker {at}: {wrong}\n{}", super::storm::end_of(&worker.text())))?;
    }
    let took = begun.elapsed();
    check_movements(servers, &stage, name)?;
    Ok(took)
}

fn start(stage: &mut Stage) -> Result<Vec<Worker>, String> {
    (0..2).map(|_| stage.workers.start().map_err(words)).collect()
}

/// Makes a topic whose name the broker may still know.
fn make(servers: &Servers, topic: &str) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        match servers.kafka.create_topic(topic, PARTITIONS, &[]) {
            // Its partitions have no leader at first.
            Ok(()) => return servers.kafka.end_offset(topic, 0).map(drop).map_err(words),
            Err(error) if begun.elapsed() > Duration::from_secs(60) => return Err(error.to_string()),
            Err(_) => thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// Waits until a worker has ended by itself, and looks at what it said.
fn stopped(worker: &mut Worker, topic: &str) -> Result<(), String> {
    let code = worker.ended(PATIENCE).ok_or("it did not stop")?;
    let text = worker.text();
    let clear = text.contains(topic) && text.contains("made anew");
    match code {
        0 => Err("it ended as if all were well".to_owned()),
        _ if clear => Ok(()),
        _ => Err("it does not say that the topic was made anew".to_owned()),
    }
}

/// Rows of the topic's states must be those of the first topic.
fn check_movements(servers: &Servers, stage: &Stage, name: &str) -> Result<(), String> {
    let of_topic = |key: &String| key.starts_with("bank.movements.");
    let mut rows = servers.redis.rows(name, "s").map_err(words)?;
    rows.retain(|key, _| of_topic(key));
    let mut expected = stage.expected.states.clone();
    expected.retain(|key, _| of_topic(key));
    let wrong = crate::bank::Expected::wrong_rows(&expected, &rows);
    wrong.first().map_or(Ok(()), |first| Err(format!("{} rows are not those of the first topic; {first}", wrong.len())))
}
