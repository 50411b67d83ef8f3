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
use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey as Api, RDKafkaRespErr as Answer},
};

use super::{
    Trial, store,
    storm::{end_of, feed, keep, words},
};
use crate::{
    bank::Dose,
    stage::{Outcome, PARTITIONS, Servers, Stage},
    worker::Worker,
};

type Mock = MockCluster<'static, DefaultProducerContext>;

/// How many errors one trial has at most: each trial has a cluster and topics of its own.
const ERRORS_A_TRIAL: u32 = 50;

/// What is asked of brokers, and what they may answer to it. The first ones are asked of the coordinator.
const REFUSALS: &[(Api, &[Answer])] = &[
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
    let (mut done, mut number, mut messages, mut repeated, mut differing) = (0, 0, 0, 0, 0);
    while done < trial.dose {
        number += 1;
        let errors = ERRORS_A_TRIAL.min(trial.dose - done);
        let dose = Dose { records: 2_000 * trial.percent, accounts: 50 * trial.percent, seed: random.number() };
        let own = one(trial, &mut servers, &format!("refusals{number}"), dose, &mut random, errors);
        let own = own.map_err(|wrong| format!("trial {number} of seed {}: {wrong}", trial.seed))?;
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
    Ok(format!("{done} errors in {number} trials; {messages} messages, {repeated} of them again with the same bytes"))
}

fn one(
    trial: &Trial<'_>,
    servers: &mut Servers,
    name: &str,
    dose: Dose,
    random: &mut Random,
    errors: u32,
) -> Result<Outcome, String> {
    let mock = Mock::new(3).map_err(words)?;
    let mut stage = Stage::new(servers, name, dose, trial.nsfc, trial.nsflow).map_err(words)?;
    stage.move_to(mock.bootstrap_servers());
    for topic in stage.topics() {
        mock.create_topic(&topic, PARTITIONS as i32, 3).map_err(words)?;
    }
    stage.workers.environment.extend(trial.environment.iter().cloned());
    let mut workers: Vec<Worker> = Vec::new();
    for _ in 0..2 {
        workers.push(stage.workers.start().map_err(words)?);
    }
    let failed = |wrong: String, stage: &Stage| format!("{wrong}\n{}", keep("refusals", &stage.workers.journals()));
    super::topics::reading(&workers).map_err(|wrong| failed(wrong, &stage))?;
    let hurry = Arc::new(AtomicBool::new(false));
    let feeder = feed(&stage, Duration::from_millis(700) * errors, &hurry);
    for _ in 0..errors {
        thread::sleep(Duration::from_millis(200 + random.below(1_000)));
        let (api, answers) = REFUSALS[random.below(REFUSALS.len() as u64) as usize];
        let answer = answers[random.below(answers.len() as u64) as usize];
        // What nobody asked for yet would pile up, until a group that is joined again needs minutes for it.
        mock.clear_request_errors(api);
        mock.request_errors(api, &vec![answer; 1 + random.below(2) as usize]);
    }
    for (api, _) in REFUSALS {
        mock.clear_request_errors(*api);
    }
    hurry.store(true, Ordering::Relaxed);
    feeder.join().map_err(|_| "the feeder broke off".to_owned())??;
    stage.wait(servers, Duration::from_secs(120)).map_err(|wrong| failed(wrong, &stage))?;
    for worker in &mut workers {
        if worker.stop(Duration::from_secs(30)).map_err(words)?.is_none() {
            return Err(format!("a worker did not end when it was told to:\n{}", end_of(&worker.text())));
        }
    }
    stage.check(servers).map_err(|wrong| failed(wrong, &stage))
}
