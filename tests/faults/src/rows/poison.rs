//! Records that cannot be worked on, one in a hundred, of ten kinds: each must be in the topic of rejected records with where it
//! came from and its bytes, and the others must be counted as if there were none.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use nsf_engine::rejected::RejectedRecord;
use nsf_tests::{random::Random, servers::redis::Fsync};

use super::{Trial, store, storm::words};
use crate::{
    bank::{Dose, Fed},
    stage::{PARTITIONS, Servers, Stage},
    topic::{self, Writer},
};

/// How long everything may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// One record in so many is poison.
const EVERY: u64 = 100;

/// As many messages of 10 MB, at most: they are 10 MB in the topic of rejected records again.
const LARGE: u64 = 20;

const KINDS: [&str; 10] = [
    "bad JSON",
    "nesting of 10,000",
    "10 MB",
    "wrong type",
    "null",
    "bad UTF-8",
    "duplicate members",
    "number overflow",
    "empty",
    "tombstone",
];

/// What the keys of poison begin with.
const MARK: &str = "poison-";

/// The `number`th poison: its kind, and its bytes; none for a tombstone.
fn poison(number: u64) -> (usize, Option<Vec<u8>>) {
    let mut kind = (number % 10) as usize;
    if KINDS[kind] == "10 MB" && number / 10 >= LARGE {
        kind = 0;
    }
    let at = "2026-01-01T00:00:00Z";
    let bytes = match KINDS[kind] {
        "bad JSON" => format!(r#"{{"account":{number},"number":1,"amount":"#).into_bytes(),
        "nesting of 10,000" => {
            let nested = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
            format!(r#"{{"account":{number},"number":1,"amount":{nested},"at":"{at}"}}"#).into_bytes()
        }
        "10 MB" => {
            let long = "x".repeat(10 * 1024 * 1024);
            format!(r#"{{"account":"{long}","number":1,"amount":1,"at":"{at}"}}"#).into_bytes()
        }
        "wrong type" => format!(r#"{{"account":{number},"number":"one","amount":1,"at":"{at}"}}"#).into_bytes(),
        "null" => b"null".to_vec(),
        "bad UTF-8" => {
            let mut bytes = format!(r#"{{"account":{number},"number":1,"amount":1,"at":"{at}","by":""#).into_bytes();
            bytes.extend_from_slice(b"\xff\xfe\"}");
            bytes
        }
        "duplicate members" => {
            format!(r#"{{"account":{number},"number":1,"amount":1,"at":"{at}","account":2}}"#).into_bytes()
        }
        "number overflow" => {
            format!(r#"{{"account":{number},"number":1,"amount":99999999999999999999,"at":"{at}"}}"#).into_bytes()
        }
        "empty" => Vec::new(),
        _ => return (kind, None),
    };
    (kind, Some(bytes))
}

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    let mut servers = trial.servers(store::options(Fsync::EverySecond), false)?;
    let mut random = Random::new(trial.seed);
    let (mut spent, mut poisoned, mut records) = ([Duration::ZERO; 2], 0, 0);
    for number in 1..=trial.dose {
        let dose = Dose { records: 10_000 * trial.percent, accounts: 50 * trial.percent, seed: random.number() };
        let poisons = dose.records / EVERY;
        // Each begins every second time: what runs first may find the machine otherwise than what follows.
        let mut kinds = [("sound", 0), ("poison", poisons)];
        kinds.rotate_left((number as usize + 1) % 2);
        for (kind, poisons) in kinds {
            let time = one(trial, &mut servers, &format!("{kind}{number}"), dose, poisons)?;
            println!("   trial {number}: {:.1} s of CPU with {poisons} poison", time.as_secs_f64());
            spent[usize::from(poisons > 0)] += time;
        }
        (poisoned, records) = (poisoned + poisons, records + dose.records);
    }
    let [without, with] = spent.map(|spent| spent.as_secs_f64());
    Ok(format!(
        "{poisoned} poison among {records} records, each rejected with its place and bytes; the others at {:.0} % of their \
         speed by CPU ({with:.1} s with poison, {without:.1} s without, over {} pairs of runs)",
        100.0 * without / with.max(0.001),
        trial.dose
    ))
}

/// Feeds a dose with so much poison; gives the CPU time of the workers.
fn one(trial: &Trial<'_>, servers: &mut Servers, name: &str, dose: Dose, poisons: u64) -> Result<Duration, String> {
    let mut stage = Stage::new(servers, name, dose, trial.nsfc, trial.nsflow).map_err(words)?;
    stage.workers.environment.extend(trial.environment.iter().cloned());
    stage.expected.rejected += poisons;
    write(servers, &stage, poisons)?;
    let mut workers = Vec::new();
    for _ in 0..2 {
        workers.push(stage.workers.start().map_err(words)?);
    }
    let last = |workers: &[crate::worker::Worker]| {
        workers.iter().map(|worker| super::storm::end_of(&worker.text()).to_owned()).collect::<String>()
    };
    stage.wait(servers, PATIENCE).map_err(|wrong| format!("{name}: {wrong}\n{}", last(&workers)))?;
    let mut spent = Duration::ZERO;
    for worker in &mut workers {
        spent += worker.cpu();
        worker.stop(Duration::from_secs(60)).map_err(words)?.ok_or("a worker did not end when it was told to")?;
    }
    stage.check(servers).map_err(|wrong| format!("{name}: {wrong}"))?;
    check_places(&stage, poisons)?;
    Ok(spent)
}

/// Writes the input, with poison spread over it.
fn write(servers: &Servers, stage: &Stage, poisons: u64) -> Result<(), String> {
    let mut writer = Writer::open(&stage.brokers, &stage.topic("movements")).map_err(words)?;
    let fed: Vec<Fed> = stage.dose.movements().collect();
    for (number, chunk) in (0_u64..).zip(fed.chunks(EVERY as usize)) {
        let messages = chunk.iter().map(|fed| (fed.account.to_string().into_bytes(), fed.message.as_bytes()));
        writer.write(messages).map_err(words)?;
        if number >= poisons {
            continue;
        }
        let key = format!("{MARK}{number}");
        match poison(number).1 {
            Some(bytes) => writer.write(std::iter::once((key.into_bytes(), bytes.as_slice()))).map_err(words)?,
            None => {
                let partition = (number / 10 % u64::from(PARTITIONS)) as i32;
                servers.kafka.delete_key(&stage.topic("movements"), partition, &key).map_err(words)?;
            }
        }
    }
    writer.end().map_err(words)?;
    let mut writer = Writer::open(&stage.brokers, &stage.topic("logins")).map_err(words)?;
    let fed: Vec<Fed> = stage.dose.logins().collect();
    let messages = fed.iter().map(|fed| (fed.account.to_string().into_bytes(), fed.message.as_bytes()));
    writer.write(messages).map_err(words)?;
    writer.end().map_err(words)
}

/// Every poison must be among the rejected records, with topic, partition, offset and bytes.
fn check_places(stage: &Stage, poisons: u64) -> Result<(), String> {
    let topic = stage.topic("movements");
    let quiet = Duration::from_millis(300);
    let mut written = BTreeMap::new();
    for message in topic::read(&stage.brokers, &topic, quiet).map_err(words)? {
        let key = String::from_utf8_lossy(&message.key).into_owned();
        if let Some(number) = key.strip_prefix(MARK).and_then(|number| number.parse::<u64>().ok()) {
            written.insert((message.partition, message.offset), number);
        }
    }
    if written.len() as u64 != poisons {
        return Err(format!("{} poisons are in the topic, not {poisons}", written.len()));
    }
    let mut found = BTreeSet::new();
    for message in topic::read(&stage.brokers, &stage.topic("rejected"), quiet).map_err(words)? {
        let record = RejectedRecord::read(&message.value).ok_or("a rejected record cannot be read")?;
        let place = (record.partition, record.offset);
        let Some(number) = written.get(&place) else { continue };
        let (kind, bytes) = poison(*number);
        let same = record.topic == topic && record.raw().unwrap_or_default() == bytes.unwrap_or_default();
        if !same {
            return Err(format!("{} at {place:?}: the rejected record has not its bytes and place", KINDS[kind]));
        }
        found.insert(place);
    }
    match written.iter().find(|(place, _)| !found.contains(place)) {
        None => Ok(()),
        Some((place, number)) => Err(format!("{} at {place:?} was not rejected", KINDS[poison(*number).0])),
    }
}
