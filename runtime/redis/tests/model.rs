//! Workers that are stopped, overtaken and cut off at random, over a server that loses its last writes: at the end every
//! row is what an undisturbed run would have made, and no message was ever computed from anything else.
//!
//! A row is a chain of hashes over the offsets that were added to it, so that a record that is added twice, never or in
//! another order is seen. `NSF_REDIS_ROUNDS` sets how many rounds are run.
#![allow(clippy::unwrap_used, clippy::panic)]

mod support;

use std::{
    collections::HashMap,
    io::Write as _,
    process::{Command, Stdio},
};

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind},
    store::{Changes, Held, LaneProgress, LaneStore, Saved, Settled},
};
use nsf_redis::RedisStore;
use support::{Server, loaded, partition, there_is_redis};

const RECORDS: u64 = 120;
const KEYS: u64 = 7;
const LANE: u16 = 2;

/// Random numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, number: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % number
    }
}

/// The key of a record.
fn key(offset: u64) -> String {
    format!("row:{}", (offset * 2_654_435_761) % KEYS)
}

/// A row after a record.
fn chained(row: u64, offset: u64) -> u64 {
    (row ^ offset).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) ^ 1
}

/// By offset what an undisturbed run tells, and the rows at its end.
fn model() -> (Vec<u64>, HashMap<String, u64>) {
    let mut rows = HashMap::new();
    let mut told = Vec::new();
    for offset in 0..RECORDS {
        let row = rows.entry(key(offset)).or_insert(0);
        *row = chained(*row, offset);
        told.push(*row);
    }
    (told, rows)
}

struct Worker {
    store: RedisStore,
    held: Option<Held>,
    /// What it computed and has not saved yet.
    open: Option<(u64, HashMap<String, u64>)>,
}

/// What happened over all rounds.
#[derive(Debug, Default)]
struct Count {
    saved: u64,
    lost: u64,
    settled: u64,
    cuts: u64,
    tails: u64,
}

fn passing(error: &ConnectorError) {
    assert!(matches!(error.kind, Kind::Unavailable | Kind::Lost), "{error}");
}

impl Worker {
    fn new(server: &Server, round: u64) -> Self {
        let mut settings = server.settings();
        settings.namespace = format!("round{round}");
        Self { store: RedisStore::new(settings).unwrap(), held: None, open: None }
    }

    fn progress(next: u64) -> LaneProgress {
        LaneProgress { next: Some(next), ..LaneProgress::default() }
    }

    /// Takes the next step: claims, or reads and computes, or saves what it computed.
    fn step(&mut self, dice: &mut Dice, told: &[u64], count: &mut Count) {
        let Some(held) = self.held.clone() else {
            let name = partition(0);
            match self.store.claim(LANE, std::slice::from_ref(&name)) {
                Ok(claimed) => self.held = Some(Held { name, epoch: claimed[0].0, next: claimed[0].1.next }),
                Err(error) => passing(&error),
            }
            return;
        };
        match self.open.take() {
            Some((next, rows)) => self.save(&held, next, &rows, count),
            None => self.compute(&held, dice, told, count),
        }
    }

    fn compute(&mut self, held: &Held, dice: &mut Dice, told: &[u64], count: &mut Count) {
        let from = held.next.unwrap_or(0);
        let next = RECORDS.min(from + 1 + dice.below(6));
        let mut keys: Vec<String> = (from..next).map(key).collect();
        keys.sort();
        keys.dedup();
        let names: Vec<&str> = keys.iter().map(String::as_str).collect();
        let found = match loaded(&self.store, LANE, std::slice::from_ref(held), &names) {
            Ok(found) => found,
            Err(error) => {
                passing(&error);
                if error.kind == Kind::Lost {
                    self.held = None;
                    count.lost += 1;
                }
                return;
            }
        };
        let row = |row: Option<String>| row.map_or(0, |row| row.parse::<u64>().unwrap());
        let mut rows: HashMap<String, u64> = keys.into_iter().zip(found.into_iter().map(row)).collect();
        for offset in from..next {
            let row = rows.get_mut(&key(offset)).unwrap();
            *row = chained(*row, offset);
            // This is when messages go out: each copy must be right, whoever sends it.
            assert_eq!(*row, told[offset as usize], "what is told of offset {offset}");
        }
        self.open = Some((next, rows));
    }

    fn save(&mut self, held: &Held, next: u64, rows: &HashMap<String, u64>, count: &mut Count) {
        let mut changes = Changes::default();
        for (key, row) in rows {
            changes.put(key.as_bytes(), row.to_string().as_bytes());
        }
        changes.sort();
        let (held, progress) = (std::slice::from_ref(held), [Self::progress(next)]);
        let settled = match self.store.save(LANE, held, &changes, &progress) {
            Saved::Applied => Ok(Settled::Applied),
            Saved::Lost => Ok(Settled::Lost),
            Saved::Unknown(error) => {
                passing(&error);
                count.settled += 1;
                self.store.settle(LANE, held, &progress)
            }
        };
        match settled {
            Ok(Settled::Applied) => {
                count.saved += 1;
                self.held = Some(Held { next: Some(next), ..held[0].clone() });
            }
            Ok(Settled::NotApplied) => self.open = Some((next, rows.clone())),
            Ok(Settled::Lost) => {
                count.lost += 1;
                self.held = None;
            }
            Err(error) => {
                passing(&error);
                self.held = None;
            }
        }
    }
}

/// Ends the server and takes the end of its file away.
///
/// What is left of a transaction is taken away too, as `redis-check-aof` does it. A server that mends its file by itself
/// (`aof-load-truncated yes`) leaves whole commands of a cut transaction in it (Redis 7.0.15; Valkey has mended it since,
/// pull request 4342): the next start does them together with a later transaction, and a row is ahead of its progress.
/// These rounds found it.
fn lose_the_tail(server: &mut Server, bytes: u64) {
    server.kill();
    let folder = server.folder.path().join("appendonlydir");
    let files = std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    let path = files.into_iter().find(|path| path.to_str().unwrap().ends_with(".incr.aof")).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let length = file.metadata().unwrap().len();
    file.set_len(length.saturating_sub(bytes)).unwrap();
    let mut mend = Command::new("redis-check-aof");
    let mend = mend.arg("--fix").arg(&path);
    let mut mend = mend.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // It asks before it writes, if it has something to write.
    let _ = mend.stdin.take().unwrap().write_all(b"y\n");
    mend.wait().unwrap();
    server.run();
}

#[test]
fn rows_are_right_after_any_mishap() {
    if !there_is_redis("rows after mishaps at random") {
        return;
    }
    let rounds = std::env::var("NSF_REDIS_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(12_u64);
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "no"]);
    let (told, rows) = model();
    let mut count = Count::default();
    for round in 0..rounds {
        let mut dice = Dice(0x5eed + round * 7919);
        let mut workers: Vec<Worker> = (0..3).map(|_| Worker::new(&server, round)).collect();
        let mut turn = 0;
        for _ in 0..120 {
            match dice.below(40) {
                0..=3 => turn = dice.below(3) as usize,
                4 | 5 => {
                    server.cli(&["CLIENT", "KILL", "TYPE", "normal"]);
                    count.cuts += 1;
                }
                6 if dice.below(3) == 0 => {
                    lose_the_tail(&mut server, dice.below(1500));
                    count.tails += 1;
                }
                7 => workers[turn] = Worker::new(&server, round),
                _ => {}
            }
            workers[turn].step(&mut dice, &told, &mut count);
        }
        // One is left alone until all is done.
        let mut last = Worker::new(&server, round);
        while last.held.as_ref().and_then(|held| held.next) != Some(RECORDS) {
            last.step(&mut dice, &told, &mut count);
        }
        let held = last.held.clone().unwrap();
        for (key, row) in &rows {
            let found = loaded(&last.store, LANE, std::slice::from_ref(&held), &[key]).unwrap();
            assert_eq!(found, [Some(row.to_string())], "round {round}: {key}");
        }
    }
    println!("{rounds} rounds: {count:?}");
    assert!(count.lost > 0 && count.settled > 0 && count.tails > 0, "the mishaps happened: {count:?}");
}
