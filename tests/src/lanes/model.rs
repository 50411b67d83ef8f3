//! Workers that are stopped, overtaken and cut off at random, whose saves arrive late or whose answers are lost, over a server
//! that loses its last writes: at the end every row is what an undisturbed run would have made, and no message was ever
//! computed from anything else.
//!
//! A row is a chain of hashes over the offsets that were added to it, so that a record that is added twice, never or in
//! another order is seen. Each store brings its servers.

use std::{collections::HashMap, time::Duration};

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind},
    store::{Changes, Held, LaneProgress, LaneStore, Saved},
};

use super::{
    loaded, partition,
    proxy::{Fate, Proxy},
};

/// A store's servers.
pub trait Servers {
    /// The proxies that workers see them through, one each.
    fn proxies(&self) -> &[Proxy];

    /// Makes the store of a round, empty.
    fn begin(&mut self, round: u64);

    /// The store of a round for the worker of a proxy. What takes long is to be given up soon.
    fn worker(&self, round: u64, proxy: usize) -> Box<dyn LaneStore>;

    /// Cuts all connections.
    fn cut(&mut self);

    /// Ends the server and starts it again without some of its last changes; `chance` is below 1500.
    fn lose_the_tail(&mut self, chance: u64);

    /// Whether an answer that was lost says that the save was done; none where it is no answer to a save.
    fn was_done(&self, answer: &str) -> Option<bool>;
}

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
    store: Box<dyn LaneStore>,
    held: Option<Held>,
    /// What it computed and has not saved yet.
    open: Option<(u64, HashMap<String, u64>)>,
}

/// What happened over all rounds.
#[derive(Debug, Default)]
struct Count {
    saved: u64,
    lost: u64,
    doubts: u64,
    cuts: u64,
    tails: u64,
    /// Saves whose answer was lost or that arrived late, and that were done.
    late: u64,
    /// The same that were void.
    void: u64,
}

fn passing(error: &ConnectorError) {
    assert!(matches!(error.kind, Kind::Unavailable | Kind::Lost), "{error}");
}

impl Worker {
    fn new(servers: &dyn Servers, proxy: usize, round: u64) -> Self {
        Self { store: servers.worker(round, proxy), held: None, open: None }
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
        let found = match loaded(&*self.store, LANE, std::slice::from_ref(held), &names) {
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
        match self.store.save(LANE, held, &changes, &progress) {
            Saved::Applied => {
                count.saved += 1;
                self.held = Some(Held { next: Some(next), ..held[0].clone() });
            }
            Saved::Lost => {
                count.lost += 1;
                self.held = None;
            }
            // The next step claims, and goes on from where the store stands then.
            Saved::Unknown(error) => {
                passing(&error);
                count.doubts += 1;
                self.held = None;
            }
        }
    }
}

/// Runs so many rounds.
///
/// # Panics
/// Where a row or what is told of a record is wrong, or one of the mishaps never happened.
pub fn rows_are_right_after_any_mishap(servers: &mut dyn Servers, rounds: u64) {
    let (told, rows) = model();
    let mut count = Count::default();
    for round in 0..rounds {
        servers.begin(round);
        let mut dice = Dice(0x5eed + round * 7919);
        let mut workers: Vec<Worker> = (0..3).map(|proxy| Worker::new(servers, proxy, round)).collect();
        let mut turn = 0;
        for _ in 0..120 {
            match dice.below(40) {
                0..=3 => turn = dice.below(3) as usize,
                4 | 5 => {
                    servers.cut();
                    count.cuts += 1;
                }
                6 if dice.below(3) == 0 => {
                    servers.lose_the_tail(dice.below(1500));
                    count.tails += 1;
                }
                7 => workers[turn] = Worker::new(servers, turn, round),
                8 | 12 | 13 => servers.proxies()[turn].next(Fate::Hold),
                9 => servers.proxies()[turn].next([Fate::LoseAnswer, Fate::LoseRequest][dice.below(2) as usize]),
                10 | 11 | 14 | 15 => {
                    servers.proxies()[dice.below(3) as usize].go_on();
                }
                _ => {}
            }
            workers[turn].step(&mut dice, &told, &mut count);
        }
        // One is left alone until all is done.
        let mut last = Worker::new(servers, 0, round);
        while last.held.as_ref().and_then(|held| held.next) != Some(RECORDS) {
            last.step(&mut dice, &told, &mut count);
        }
        // It may still have lost the lane to a claim that came late.
        let held = loop {
            let Some(held) = last.held.clone() else {
                last.step(&mut dice, &told, &mut count);
                continue;
            };
            match loaded(&*last.store, LANE, std::slice::from_ref(&held), &[]) {
                Ok(_) => break held,
                Err(error) => {
                    passing(&error);
                    last.held = None;
                }
            }
        };
        for (key, row) in &rows {
            let found = loaded(&*last.store, LANE, std::slice::from_ref(&held), &[key]).unwrap();
            assert_eq!(found, [Some(row.to_string())], "round {round}: {key}");
        }
    }
    for proxy in servers.proxies() {
        while proxy.go_on() {}
        std::thread::sleep(Duration::from_millis(200));
        for done in proxy.lost_answers().iter().filter_map(|answer| servers.was_done(answer)) {
            *(if done { &mut count.late } else { &mut count.void }) += 1;
        }
    }
    println!("{rounds} rounds: {count:?}");
    let all = [count.lost, count.doubts, count.tails, count.late, count.void];
    assert!(all.iter().all(|number| *number > 0), "the mishaps happened: {count:?}");
}
