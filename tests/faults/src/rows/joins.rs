//! A worker joins or leaves every 3 s: partitions that stay where they are go on meanwhile.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nsf_tests::{random::Random, servers::redis::Fsync};

use super::{
    Trial, store,
    storm::{end_of, feed, keep, words},
};
use crate::{
    bank::Dose,
    stage::{Servers, Stage},
    topic,
    worker::Worker,
};

/// Between two workers that join or leave.
const BEAT: Duration = Duration::from_secs(3);

/// How long nobody joins or leaves at first: what stalls then is the machine's, and not the group's doing.
const CALM: Duration = Duration::from_secs(15);

/// How long a partition that stays may stall.
const STALL: Duration = Duration::from_secs(3);

/// A machine on which partitions stall for so long in the calm says nothing of the storm.
const STARVED: Duration = Duration::from_secs(1);

/// How many times a worker joins or leaves in one trial.
const TURNS: u32 = 40;

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    let mut servers = trial.servers(store::options(Fsync::EverySecond), false)?;
    let mut random = Random::new(trial.seed);
    let (mut done, mut number, mut calm, mut storm) = (0, 0, Duration::ZERO, Duration::ZERO);
    let (mut messages, mut repeated) = (0, 0);
    while done < trial.dose {
        number += 1;
        let turns = TURNS.min(trial.dose - done);
        let dose = Dose { records: 2_000 * trial.percent, accounts: 50 * trial.percent, seed: random.number() };
        let own = one(trial, &mut servers, &format!("joins{number}"), dose, turns);
        let own = own.map_err(|wrong| format!("trial {number} of seed {}: {wrong}", trial.seed))?;
        println!("   trial {number}: {turns} turns, {own:?}");
        (calm, storm) = (calm.max(own.calm), storm.max(own.storm));
        (messages, repeated) = (messages + own.messages, repeated + own.repeated);
        done += turns;
    }
    let judged = match (calm < STARVED, storm <= STALL) {
        (_, true) => "within 3 s",
        // The bar is one of optimised programs.
        (true, false) if cfg!(debug_assertions) => "NOT SHOWN whether within 3 s, for these programs are not optimised",
        (true, false) => return Err(format!("a partition that stayed stalled for {:.1} s", storm.as_secs_f64())),
        (false, false) => "NOT SHOWN whether within 3 s, for the machine stalled them in the calm too",
    };
    Ok(format!(
        "{done} joined or left in {number} trials; {messages} messages, {repeated} of them again with the same bytes; partitions \
         that stayed stalled for {:.1} s at most, in the calm before for {:.1} s: {judged}",
        storm.as_secs_f64(),
        calm.as_secs_f64()
    ))
}

/// What a trial came to.
#[derive(Debug, Default)]
struct Stalls {
    /// The longest between two outputs of a partition while nobody joined or left.
    calm: Duration,
    /// The same of partitions that stayed where they were, while workers joined and left.
    storm: Duration,
    messages: u64,
    repeated: u64,
}

fn one(trial: &Trial<'_>, servers: &mut Servers, name: &str, dose: Dose, turns: u32) -> Result<Stalls, String> {
    let mut stage = Stage::new(servers, name, dose, trial.nsfc, trial.nsflow).map_err(words)?;
    stage.workers.environment.extend(trial.environment.iter().cloned());
    let mut workers: Vec<Worker> = Vec::new();
    for _ in 0..2 {
        workers.push(stage.workers.start().map_err(words)?);
    }
    let hurry = Arc::new(AtomicBool::new(false));
    // They have joined when they work.
    let pace = CALM * 3 + BEAT * turns;
    let feeder = feed(&stage, pace, &hurry);
    thread::sleep(CALM);
    let began = now();
    thread::sleep(CALM);
    let stormed = now();
    let due = Instant::now();
    for turn in 1..=turns {
        if workers.len() > 2 {
            let mut worker = workers.pop().ok_or("there is no third worker")?;
            worker.stop(Duration::from_secs(30)).map_err(words)?.ok_or("a worker did not end when it was told to")?;
        } else {
            workers.push(stage.workers.start().map_err(words)?);
        }
        thread::sleep((BEAT * turn).saturating_sub(due.elapsed()));
    }
    let ended = now();
    hurry.store(true, Ordering::Relaxed);
    feeder.join().map_err(|_| "the feeder broke off".to_owned())??;
    let failed = |wrong: String, stage: &Stage| format!("{wrong}\n{}", keep(name, &stage.workers.journals()));
    stage.wait(servers, Duration::from_secs(120)).map_err(|wrong| failed(wrong, &stage))?;
    for worker in &mut workers {
        if worker.stop(Duration::from_secs(30)).map_err(words)?.is_none() {
            return Err(format!("a worker did not end when it was told to:\n{}", end_of(&worker.text())));
        }
    }
    let outcome = stage.check(servers).map_err(|wrong| failed(wrong, &stage))?;
    let mut stalls = Stalls::default();
    for (_, own) in &outcome.outputs {
        stalls.messages += own.messages;
        stalls.repeated += own.repeated;
    }
    let gaps = gaps(&stage)?;
    let moves = moves(&stage);
    let longest = |from: i64, to: i64, stayed: bool| {
        let within = gaps.iter().filter(|gap| gap.from >= from && gap.to <= to);
        let counted = within.filter(|gap| !stayed || !moves.iter().any(|moved| moved.touches(gap)));
        let longest = counted.map(|gap| gap.to - gap.from).max().unwrap_or_default();
        Duration::from_millis(longest.try_into().unwrap_or_default())
    };
    (stalls.calm, stalls.storm) = (longest(began, stormed, false), longest(stormed, ended, true));
    Ok(stalls)
}

fn now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_millis()).unwrap_or_default()
}

/// Between two outputs of one partition of the input, in milliseconds.
struct Gap {
    partition: u32,
    from: i64,
    to: i64,
}

/// A partition that went from one worker to another.
struct Moved {
    partition: u32,
    time: i64,
}

impl Moved {
    /// Whether the partition was on its way in a gap, or a moment before or after it.
    fn touches(&self, gap: &Gap) -> bool {
        const MOMENT: i64 = 1_000;
        self.partition == gap.partition && (gap.from - MOMENT..=gap.to + MOMENT).contains(&self.time)
    }
}

/// The time between outputs, by partition. Input comes to every partition at every tenth of a second.
fn gaps(stage: &Stage) -> Result<Vec<Gap>, String> {
    let found = topic::read(&stage.brokers, &stage.topic("moved"), Duration::from_millis(300)).map_err(words)?;
    let mut times: BTreeMap<u32, Vec<i64>> = BTreeMap::new();
    for message in found {
        let partition = partition_of(&message.id).ok_or_else(|| format!("the id {} names no partition", message.id))?;
        times.entry(partition).or_default().push(message.time);
    }
    let mut gaps = Vec::new();
    for (partition, mut times) in times {
        times.sort_unstable();
        gaps.extend(times.windows(2).map(|pair| Gap { partition, from: pair[0], to: pair[1] }));
    }
    Ok(gaps)
}

/// The partition that an id of a message names: `GROUP/STREAM/PARTITION/OFFSET/BY/ORDINAL`.
fn partition_of(id: &str) -> Option<u32> {
    id.rsplit('/').nth(3)?.parse().ok()
}

/// When partitions of the topic went from one worker to another, as the workers said.
fn moves(stage: &Stage) -> Vec<Moved> {
    let topic = stage.topic("movements");
    let journals = stage.workers.journals();
    let moved = journals.lines().filter_map(|line| {
        let (before, behind) = line.split_once("  partition ")?;
        let (partition, rest) = behind.split_once(" of topic ")?;
        let what = rest.strip_prefix(&topic)?.trim();
        let is_move = matches!(what, "assigned" | "revoked" | "released" | "gone");
        let time = milliseconds(before.split(' ').next()?)?;
        is_move.then_some(Moved { partition: partition.parse().ok()?, time })
    });
    moved.collect()
}

/// A time such as `2026-11-27T22:47:10.130Z`, in milliseconds.
fn milliseconds(text: &str) -> Option<i64> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    // Years are counted from March, so that a leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1 - 719_468;
    let seconds = days * 86_400 + number(11, 13)? * 3_600 + number(14, 16)? * 60 + number(17, 19)?;
    Some(seconds * 1_000 + number(20, 23)?)
}

#[cfg(test)]
mod tests {
    use nsf_engine::connector::MessageId;

    use super::*;

    #[test]
    fn an_id_names_its_partition() {
        let id = MessageId { stream: 7, partition: 11, offset: 900, by: 5, ordinal: 4_096, ..MessageId::default() };
        let mut text = Vec::new();
        id.write("a/group", &mut text);
        assert_eq!(partition_of(&String::from_utf8(text).unwrap()), Some(11));
    }

    #[test]
    fn times_of_journals_are_read() {
        assert_eq!(milliseconds("1970-01-01T00:00:00.000Z"), Some(0));
        assert_eq!(milliseconds("2000-03-01T00:00:00.001Z"), Some(951_868_800_001));
        assert_eq!(milliseconds("2026-11-27T22:47:10.130Z"), Some(1_795_819_630_130));
        assert_eq!(milliseconds("no time"), None);
    }

    #[test]
    fn a_gap_counts_only_for_partitions_that_stayed() {
        let gap = Gap { partition: 3, from: 10_000, to: 15_000 };
        assert!(Moved { partition: 3, time: 9_500 }.touches(&gap));
        assert!(Moved { partition: 3, time: 12_000 }.touches(&gap));
        assert!(!Moved { partition: 3, time: 17_000 }.touches(&gap));
        assert!(!Moved { partition: 4, time: 12_000 }.touches(&gap));
    }
}
