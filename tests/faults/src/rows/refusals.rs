//! Errors that brokers answer with: of the group's coordinator above all, but also of leaders, of the log and of producers.
//! They come from the mock cluster of librdkafka, which answers what it is told to; it knows no transactions. Redis and MariaDB
//! are real.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use nsf_tests::{random::Random, servers::redis::Fsync};
use rdkafka::types::{RDKafkaApiKey as Api, RDKafkaRespErr as Answer};

use super::{
    Trial, store,
    storm::{end_of, feed, keep, words},
};
use crate::{
    bank::Dose,
    mock::Mock,
    stage::{Outcome, PARTITIONS, Servers, Stage},
    worker::Worker,
};

/// How many errors one trial has at most: each trial has a cluster and topics of its own.
const ERRORS_A_TRIAL: u32 = 50;

/// In how many trials of a row the mock cluster may end by itself.
const VOID: u32 = 4;

/// What is asked of brokers, and what they may answer to it. The first ones are asked of the coordinator.
pub(crate) const REFUSALS: &[(Api, &[Answer])] = &[
    (
        Api::FindCoordinator,
        &[Answer::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, Answer::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS],
    ),
    (
        Api::JoinGroup,
        &[
            Answer::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            Answer::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
            Answer::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
            Answer::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        ],
    ),
    (
        Api::SyncGroup,
        &[
            Answer::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            Answer::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            Answer::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
            Answer::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        ],
    ),
    (
        Api::Heartbeat,
        &[
            Answer::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            Answer::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            Answer::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
            Answer::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        ],
    ),
    (
        Api::OffsetCommit,
        &[
            Answer::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            Answer::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
            Answer::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            Answer::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        ],
    ),
    (
        Api::OffsetFetch,
        &[Answer::RD_KAFKA_RESP_ERR_NOT_COORDINATOR, Answer::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS],
    ),
    (
        Api::Fetch,
        &[
            Answer::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            Answer::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
            Answer::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        ],
    ),
    (
        Api::ListOffsets,
        &[Answer::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, Answer::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE],
    ),
    (
        Api::Produce,
        &[
            Answer::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            Answer::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            Answer::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
            Answer::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            Answer::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        ],
    ),
    (
        Api::InitProducerId,
        &[Answer::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, Answer::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS],
    ),
    (Api::Metadata, &[Answer::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE]),
];

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    let mut servers = trial.servers(store::options(Fsync::EverySecond), false)?;
    let mut random = Random::new(trial.seed);
    let (mut done, mut number, mut void, mut messages, mut repeated, mut differing) = (0, 0, 0, 0, 0, 0);
    while done < trial.dose {
        number += 1;
        let errors = ERRORS_A_TRIAL.min(trial.dose - done);
        let dose = Dose { records: 2_000 * trial.percent, accounts: 50 * trial.percent, seed: random.number() };
        let own = one(trial, &mut servers, &format!("refusals{number}"), dose, &mut random, errors);
        let own = own.map_err(|wrong| format!("trial {number} of seed {}: {wrong}", trial.seed))?;
        let Some(own) = own else {
            void += 1;
            println!("   trial {number}: the mock cluster ended by an assertion of its own; it counts as nothing");
            if void > VOID {
                return Err(format!("the mock cluster ended by itself in {void} of {number} trials"));
            }
            continue;
        };
        println!("   trial {number}: {errors} errors, {} rows, {:?}", own.rows, own.outputs);
        for (_, own) in &own.outputs {
            messages += own.messages;
            repeated += own.repeated;
            differing += own.differing;
        }
        done += errors;
    }
    if differing > 0 {
        return Err(format!("{differing} messages came again with other bytes"));
    }
    let void = match void {
        0 => String::new(),
        void => format!("; {void} further trials ended with the mock cluster, by an assertion of its own"),
    };
    let trials = done.div_ceil(ERRORS_A_TRIAL);
    Ok(format!(
        "{done} errors in {trials} trials; {messages} messages, {repeated} of them again with the same bytes{void}"
    ))
}

/// One trial; none where the mock cluster ended by itself in it.
fn one(
    trial: &Trial<'_>,
    servers: &mut Servers,
    name: &str,
    dose: Dose,
    random: &mut Random,
    errors: u32,
) -> Result<Option<Outcome>, String> {
    let mut mock = Mock::start(trial.own).map_err(words)?;
    let mut stage = Stage::new(servers, name, dose, trial.nsfc, trial.nsflow).map_err(words)?;
    stage.move_to(mock.brokers.clone());
    for topic in stage.topics() {
        mock.create_topic(&topic, PARTITIONS as i32).map_err(words)?;
    }
    stage.workers.environment.extend(trial.environment.iter().cloned());
    let mut workers: Vec<Worker> = Vec::new();
    for _ in 0..2 {
        workers.push(stage.workers.start().map_err(words)?);
    }
    let done = refused(&mut mock, &stage, servers, &workers, random, errors);
    match done {
        Err(_) if !mock.is_up() => return Ok(None),
        done => done.map_err(|wrong| format!("{wrong}\n{}", keep("refusals", &stage.workers.journals())))?,
    }
    for worker in &mut workers {
        if worker.stop(Duration::from_secs(30)).map_err(words)?.is_none() {
            return Err(format!("a worker did not end when it was told to:\n{}", end_of(&worker.text())));
        }
    }
    let compared = stage.check(servers);
    compared.map(Some).map_err(|wrong| format!("{wrong}\n{}", keep("refusals", &stage.workers.journals())))
}

/// Feeds a dose while requests are refused, and waits until all is done.
fn refused(
    mock: &mut Mock,
    stage: &Stage,
    servers: &mut Servers,
    workers: &[Worker],
    random: &mut Random,
    errors: u32,
) -> Result<(), String> {
    super::topics::reading(workers)?;
    let hurry = Arc::new(AtomicBool::new(false));
    let feeder = feed(stage, Duration::from_millis(700) * errors, &hurry);
    for _ in 0..errors {
        thread::sleep(Duration::from_millis(200 + random.below(1_000)));
        let api = random.below(REFUSALS.len() as u64) as usize;
        let answer = random.below(REFUSALS[api].1.len() as u64) as usize;
        mock.refuse(api, answer, 1 + random.below(2)).map_err(words)?;
    }
    mock.relent().map_err(words)?;
    hurry.store(true, Ordering::Relaxed);
    while !feeder.is_finished() {
        if !mock.is_up() {
            return Err("the mock cluster has ended".to_owned());
        }
        thread::sleep(Duration::from_millis(50));
    }
    feeder.join().map_err(|_| "the feeder broke off".to_owned())??;
    stage.wait(servers, Duration::from_secs(120)).map(drop)
}
