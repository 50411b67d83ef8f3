//! The log, the store and the group, and what must hold at the end.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    super::{Rules, StreamKind},
    random::Random,
    worker::Worker,
};
use crate::{
    connector::{LogState, PartitionId},
    store::LaneProgress,
};

pub const LANES: u16 = 3;
/// Streams 0 and 1 are spread over lanes, and a flow merges them; stream 2 only writes dimensions.
pub const LANED: [bool; 3] = [true, true, false];
const GROUPS: [u32; 3] = [0, 0, 2];
const PARTITIONS: u32 = 2;
const RECORDS: u64 = 14;
const KEYS: u64 = 9;
/// Rows of the dimension.
const ROWS: u64 = 3;

/// Which faults there are.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    pub kills: bool,
    pub pauses: bool,
    pub rollbacks: bool,
    pub lost_answers: bool,
}

impl Faults {
    pub const NONE: Self = Self { kills: false, pauses: false, rollbacks: false, lost_answers: false };
    pub const ALL: Self = Self { kills: true, pauses: true, rollbacks: true, lost_answers: true };
}

/// Which rules are kept.
#[derive(Clone, Copy, Debug)]
pub struct Sound {
    pub rules: Rules,
    /// A load is good only if the lane is as it is held.
    pub loads: bool,
    /// A save is made only if the lane is as it is held.
    pub saves: bool,
    /// Messages of subscriptions are sent before the rows that they tell of are written.
    pub messages_first: bool,
    /// A row of a dimension is written only if it is as it was read.
    pub compared: bool,
    /// Streams that touch the same rows are at one worker.
    pub together: bool,
    /// That a window has ended is saved with its row, and not as soon as it is told of.
    pub ends_with_rows: bool,
}

impl Sound {
    /// The streams as the machine is told of them.
    pub fn streams(self) -> Vec<StreamKind> {
        let group = |stream: usize| if self.together { GROUPS[stream] } else { stream as u32 };
        (0..LANED.len()).map(|stream| StreamKind { laned: LANED[stream], group: group(stream) }).collect()
    }

    /// The partitions that move together with one.
    pub fn peers(self, id: PartitionId) -> Vec<PartitionId> {
        let streams = self.streams();
        let group = |stream: u32| streams[stream as usize].group;
        let alike = (0..streams.len() as u32).filter(|stream| group(*stream) == group(id.stream));
        alike.map(|stream| PartitionId { stream, ..id }).collect()
    }
}

impl Default for Sound {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            loads: true,
            saves: true,
            messages_first: true,
            compared: true,
            together: true,
            ends_with_rows: true,
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Counts {
    pub commits: u64,
    pub kills: u64,
    pub pauses: u64,
    pub rollbacks: u64,
    pub lost_answers: u64,
    pub failed_lanes: u64,
    pub moves: u64,
}

impl Counts {
    pub fn add(&mut self, other: Self) {
        self.commits += other.commits;
        self.kills += other.kills;
        self.pauses += other.pauses;
        self.rollbacks += other.rollbacks;
        self.lost_answers += other.lost_answers;
        self.failed_lanes += other.failed_lanes;
        self.moves += other.moves;
    }
}

/// A record: its key decides its lane; it changes three rows of that lane, and one of the dimension.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    pub key: u64,
    pub offset: u64,
}

impl Record {
    pub fn lane(self) -> u16 {
        (mix(self.key) % u64::from(LANES)) as u16
    }

    /// Its rows: of one state by the key, of another that all keys of its partition and lane share, and of a third that
    /// both merged streams count in.
    pub fn rows(self, partition: PartitionId) -> [(u8, u64); 3] {
        let lane = u64::from(self.lane());
        let shared = u64::from(partition.stream * 100 + partition.partition) * 10 + lane;
        [(0, self.key), (1, shared), (2, u64::from(partition.partition) * 10 + lane)]
    }

    /// Its time: records are a little out of order.
    pub fn time(self) -> i64 {
        (self.offset * 3 + 4 - mix(self.offset ^ self.key) % 4) as i64
    }

    /// The window of its key that it counts in.
    pub fn window(self) -> u64 {
        self.key * WINDOWS + self.time() as u64 / WIDTH
    }

    pub fn dimension(self) -> u64 {
        self.key % ROWS
    }

    /// Which field of the dimension's row it writes. Rows of streams without lanes are written by one lane.
    pub fn writer(self, partition: PartitionId) -> Writer {
        (partition, if LANED[partition.stream as usize] { self.lane() } else { 0 })
    }
}

pub fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (value ^ (value >> 29)).wrapping_mul(0xBF58_476D_1CE4_E5B9) ^ (value >> 32)
}

/// The state of windows; a row of it that is 0 is none.
pub const WINDOW: u8 = 3;
/// How wide a window is, and more than there are of a key.
const WIDTH: u64 = 8;
const WINDOWS: u64 = 64;

/// The last watermark at which a window is there: no record comes later than that.
pub fn window_end(window: u64) -> i64 {
    ((window % WINDOWS + 1) * WIDTH + 4) as i64
}

/// A window's row with a record more.
pub fn add_to_window(row: u64, record: Record) -> u64 {
    mix(row ^ mix(record.offset + 1)) | 1
}

/// By partition: when windows end.
pub type Ends = BTreeMap<PartitionId, BTreeSet<(i64, u64)>>;

/// What a record makes of its rows; the value of the second is its output. The third is a sum, as the order in which merged
/// streams are worked on is not told.
pub fn apply(rows: [u64; 3], partition: PartitionId, record: Record) -> [u64; 3] {
    let id = u64::from(partition.stream) << 40 | u64::from(partition.partition) << 32 | record.offset;
    let first = mix(rows[0] ^ mix(id + 1));
    [first, mix(rows[1] ^ mix(first ^ id)), rows[2].wrapping_add(mix(id))]
}

/// The rows and the progress of a lane.
#[derive(Clone, Debug, Default)]
pub struct StoredLane {
    pub rows: BTreeMap<(u8, u64), u64>,
    pub progress: BTreeMap<PartitionId, (u64, LaneProgress)>,
    pub ends: Ends,
}

/// Who writes a field of a dimension's row: the records of a lane of a partition.
pub type Writer = (PartitionId, u16);

/// A row of the dimension: each writer's field is the greatest offset that it wrote.
pub type DimensionRow = BTreeMap<Writer, u64>;

#[derive(Clone, Debug, Default)]
pub struct Store {
    pub lanes: Vec<StoredLane>,
}

/// Whose a partition is.
#[derive(Clone, Copy, Debug, Default)]
struct Owner {
    worker: Option<u64>,
    /// The owner was told to let it go.
    leaves: bool,
}

pub struct World {
    pub random: Random,
    pub faults: Faults,
    pub sound: Sound,
    pub store: Store,
    /// Earlier states of the store, as its log of writes could be cut back to.
    history: Vec<Store>,
    /// The dimension's rows; their store never goes back.
    pub dimension: BTreeMap<u64, DimensionRow>,
    pub log: BTreeMap<PartitionId, Vec<Record>>,
    /// Positions that the log was told.
    pub committed: BTreeMap<PartitionId, u64>,
    /// Sent outputs: by partition and offset every value.
    pub outputs: BTreeMap<(PartitionId, u64), Vec<u64>>,
    /// Windows that were told of: what they held, each time.
    pub ended: BTreeMap<u64, Vec<u64>>,
    /// Sent messages of the subscription.
    pub told: BTreeSet<(PartitionId, u64)>,
    owners: BTreeMap<PartitionId, Owner>,
    workers: Vec<Worker>,
    next_worker: u64,
    faults_left: u32,
    pub counts: Counts,
}

impl World {
    pub fn new(mut random: Random, faults: Faults, sound: Sound) -> Self {
        let mut log = BTreeMap::new();
        for stream in 0..LANED.len() as u32 {
            for partition in 0..PARTITIONS {
                let id = PartitionId { stream, partition };
                // A key is always in the same partition.
                let key = |random: &mut Random| {
                    let key = random.below(KEYS as usize) as u64;
                    (u64::from(stream * PARTITIONS + partition) * KEYS) + key
                };
                let records = (0..RECORDS).map(|offset| Record { key: key(&mut random), offset });
                log.insert(id, records.collect::<Vec<_>>());
            }
        }
        let store = Store { lanes: vec![StoredLane::default(); usize::from(LANES)] };
        let owners = log.keys().map(|id| (*id, Owner::default())).collect();
        Self {
            random,
            faults,
            sound,
            history: vec![store.clone()],
            store,
            dimension: BTreeMap::new(),
            log,
            committed: BTreeMap::new(),
            outputs: BTreeMap::new(),
            ended: BTreeMap::new(),
            told: BTreeSet::new(),
            owners,
            workers: Vec::new(),
            next_worker: 0,
            faults_left: 10,
            counts: Counts::default(),
        }
    }

    pub fn run(&mut self) -> Result<Counts, String> {
        self.start_worker();
        for step in 0..60_000_u32 {
            if step % 16 == 0 && self.is_over() {
                self.check()?;
                return Ok(self.counts);
            }
            if step % 20 == 0 && self.faults.rollbacks {
                self.history.push(self.store.clone());
                let old = self.history.len().saturating_sub(5);
                self.history.drain(..old);
            }
            self.one_fault();
            self.rebalance();
            let at = self.random.below(self.workers.len());
            let mut worker = self.workers.swap_remove(at);
            worker.step(self)?;
            self.workers.push(worker);
        }
        let workers: Vec<String> = self.workers.iter().map(Worker::words).collect();
        Err(format!("it does not come to an end: owners {:?}, workers {workers:?}", self.owners))
    }

    fn start_worker(&mut self) {
        self.workers.push(Worker::new(self.next_worker, self.sound));
        self.next_worker += 1;
    }

    fn one_fault(&mut self) {
        if self.faults_left == 0 || !self.random.one_in(40) {
            return;
        }
        let at = self.random.below(self.workers.len());
        match self.random.below(4) {
            0 if self.faults.kills => {
                self.counts.kills += 1;
                let worker = self.workers.swap_remove(at);
                self.disown(worker.id);
                self.start_worker();
            }
            1 if self.faults.pauses && self.workers.len() < 4 => {
                self.counts.pauses += 1;
                let steps = 5 + self.random.below(80);
                self.workers[at].paused = steps as u32;
                // The group takes its partitions away; it learns of it when it polls next.
                let id = self.workers[at].id;
                self.disown(id);
                self.start_worker();
            }
            2 if self.faults.rollbacks => {
                self.counts.rollbacks += 1;
                let back = 1 + self.random.below(self.history.len().min(5));
                let at = self.history.len() - back;
                self.store = self.history[at].clone();
                self.history.truncate(at + 1);
                // Connections break with the store's restart, but a lane may have been read before.
            }
            _ if self.workers.len() < 3 => self.start_worker(),
            _ => return,
        }
        self.faults_left -= 1;
    }

    fn disown(&mut self, worker: u64) {
        for owner in self.owners.values_mut() {
            if owner.worker == Some(worker) {
                *owner = Owner::default();
            }
        }
    }

    /// Gives partitions without an owner to a worker; now and then lets one move.
    fn rebalance(&mut self) {
        if !self.random.one_in(6) {
            return;
        }
        let awake: Vec<u64> = self.workers.iter().filter(|worker| worker.paused == 0).map(|worker| worker.id).collect();
        if awake.is_empty() {
            return;
        }
        let ids: Vec<PartitionId> = self.owners.keys().copied().collect();
        let id = ids[self.random.below(ids.len())];
        // Partitions that move together are given out together, when all have come back.
        let owned: Vec<bool> = self.sound.peers(id).iter().map(|id| self.owners[id].worker.is_some()).collect();
        if owned.contains(&true) && owned.contains(&false) {
            return;
        }
        let to = awake[self.random.below(awake.len())];
        let owner = self.owners.get_mut(&id);
        let Some(owner) = owner else { return };
        match owner.worker {
            None => self.sound.peers(id).into_iter().for_each(|id| self.assign(id, to)),
            Some(from) if from != to && !owner.leaves && self.faults_left > 0 && self.random.one_in(8) => {
                self.counts.moves += 1;
                for id in self.sound.peers(id) {
                    if let Some(owner) = self.owners.get_mut(&id) {
                        owner.leaves = true;
                    }
                    self.tell(from, |worker| worker.revoke(id));
                }
            }
            Some(_) => {}
        }
    }

    fn assign(&mut self, id: PartitionId, to: u64) {
        let Some(owner) = self.owners.get_mut(&id).filter(|owner| owner.worker.is_none()) else { return };
        owner.worker = Some(to);
        let high = self.log[&id].len() as u64;
        let committed = self.committed.get(&id).copied();
        let log = LogState { low: 0, high, committed, by_worker: committed.is_some(), ..LogState::default() };
        self.tell(to, |worker| worker.assign(id, log));
    }

    fn tell(&mut self, worker: u64, what: impl FnOnce(&mut Worker)) {
        if let Some(worker) = self.workers.iter_mut().find(|own| own.id == worker) {
            what(worker);
        }
    }

    /// A worker lets a partition go.
    pub fn release(&mut self, worker: u64, id: PartitionId) {
        if let Some(owner) = self.owners.get_mut(&id)
            && owner.worker == Some(worker)
            // One that was taken from it, and given to it again meanwhile, is not the one that it lets go.
            && owner.leaves
        {
            *owner = Owner::default();
        }
    }

    /// Whether a partition is a worker's, as the group sees it.
    pub fn owns(&self, worker: u64, id: PartitionId) -> bool {
        self.owners.get(&id).is_some_and(|owner| owner.worker == Some(worker))
    }

    /// Whether everything is saved in every lane, and nothing is under way.
    fn is_over(&self) -> bool {
        let saved = |id: &PartitionId, records: &Vec<Record>| {
            super::worker::lanes_of(*id).all(|lane| {
                let progress = self.store.lanes[usize::from(lane)].progress.get(id);
                progress.and_then(|(_, progress)| progress.next) == Some(records.len() as u64)
            })
        };
        self.log.iter().all(|(id, records)| saved(id, records)) && self.workers.iter().all(Worker::rests)
    }

    /// What one worker without faults would have made.
    fn check(&self) -> Result<(), String> {
        let mut rows: BTreeMap<(u8, u64), u64> = BTreeMap::new();
        for (id, records) in self.log.iter().filter(|(id, _)| LANED[id.stream as usize]) {
            for record in records {
                let keys = record.rows(*id);
                let before = keys.map(|key| rows.get(&key).copied().unwrap_or(0));
                let after = apply(before, *id, *record);
                rows.extend(keys.into_iter().zip(after));
                let copies = self.outputs.get(&(*id, record.offset)).map(Vec::as_slice).unwrap_or_default();
                if copies.is_empty() {
                    return Err(format!("the output of {id:?} {} is missing", record.offset));
                }
                if copies.iter().any(|copy| *copy != after[1]) {
                    return Err(format!("outputs of {id:?} {} differ: {copies:?}, not {}", record.offset, after[1]));
                }
            }
        }
        rows.extend(self.check_windows()?);
        for (key, value) in &rows {
            let stored: Vec<u64> = self.store.lanes.iter().filter_map(|lane| lane.rows.get(key).copied()).collect();
            if stored != [*value] {
                return Err(format!("row {key:?} is {stored:?}, not {value}"));
            }
        }
        let windows = |rows: &mut dyn Iterator<Item = &(u8, u64)>| rows.filter(|key| key.0 == WINDOW).count();
        let (stored, open) =
            (windows(&mut self.store.lanes.iter().flat_map(|lane| lane.rows.keys())), windows(&mut rows.keys()));
        let noted: usize = self.store.lanes.iter().flat_map(|lane| lane.ends.values()).map(BTreeSet::len).sum();
        if (stored, noted) != (open, open) {
            return Err(format!("{stored} windows are stored and {noted} ends noted, of {open} that are open"));
        }
        self.check_dimension()
    }

    /// What must have been told of windows that have ended; gives those that are still open.
    fn check_windows(&self) -> Result<BTreeMap<(u8, u64), u64>, String> {
        let mut open = BTreeMap::new();
        for (id, records) in self.log.iter().filter(|(id, _)| LANED[id.stream as usize]) {
            let mut windows: BTreeMap<u64, u64> = BTreeMap::new();
            let mut watermark = i64::MIN;
            for record in records {
                watermark = watermark.max(record.time());
                let over: Vec<u64> = windows.keys().copied().filter(|window| window_end(*window) < watermark).collect();
                for window in over {
                    let value = windows.remove(&window).unwrap_or_default();
                    let copies = self.ended.get(&window).map(Vec::as_slice).unwrap_or_default();
                    if copies.is_empty() || copies.iter().any(|copy| *copy != value) {
                        return Err(format!("window {window} of {id:?} ended as {copies:?}, not as {value}"));
                    }
                }
                let own = windows.entry(record.window()).or_default();
                *own = add_to_window(*own, *record);
            }
            if let Some(early) = windows.keys().find(|window| self.ended.contains_key(*window)) {
                return Err(format!("window {early} of {id:?} was told of and has not ended"));
            }
            open.extend(windows.into_iter().map(|(window, value)| ((WINDOW, window), value)));
        }
        Ok(open)
    }

    fn check_dimension(&self) -> Result<(), String> {
        let mut expected: BTreeMap<u64, DimensionRow> = BTreeMap::new();
        for (id, records) in &self.log {
            for record in records {
                expected.entry(record.dimension()).or_default().insert(record.writer(*id), record.offset);
                if !self.told.contains(&(*id, record.offset)) {
                    return Err(format!("nobody was told of what {id:?} {} changed", record.offset));
                }
            }
        }
        if expected == self.dimension { Ok(()) } else { Err(format!("the dimension is {:?}", self.dimension)) }
    }
}
