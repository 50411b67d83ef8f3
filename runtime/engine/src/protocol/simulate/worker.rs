//! A simulated worker: the state machine, rows in memory, and outputs that are not yet sent.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use super::{
    super::{Action, Event, First, Machine, Step},
    world::{DimensionRow, Ends, LANED, LANES, Record, Sound, WINDOW, World, add_to_window, apply, window_end},
};
use crate::{
    connector::{LogState, PartitionId},
    store::LaneProgress,
};

/// The lanes that a partition has positions in, as the machine sees it.
pub fn lanes_of(id: PartitionId) -> std::ops::Range<u16> {
    let one = (id.partition % u32::from(LANES)) as u16;
    if LANED[id.stream as usize] { 0..LANES } else { one..one + 1 }
}

/// A batch that is worked on, lane by lane.
struct Round {
    partition: PartitionId,
    records: Vec<Record>,
    lanes: VecDeque<u16>,
    failed: Vec<u16>,
}

pub struct Worker {
    pub id: u64,
    /// Steps for which it does nothing.
    pub paused: u32,
    machine: Machine,
    actions: VecDeque<Action>,
    /// By partition: the generation that is read, and the next offset that the log gives. Only a start sets it back.
    reading: BTreeMap<PartitionId, (u64, u64)>,
    round: Option<Round>,
    /// Rows in memory by lane; whether they changed since the last save.
    rows: Vec<BTreeMap<(u8, u64), (u64, bool)>>,
    outputs: Vec<(u16, (PartitionId, u64), u64)>,
    /// By lane: when windows of partitions end, once it was asked for.
    ends: Vec<Ends>,
    /// Windows that have ended, and what they held.
    ended: Vec<(u16, u64, u64)>,
    /// By partition: the watermark up to where it is read.
    watermarks: BTreeMap<PartitionId, i64>,
    /// Writes of the dimension since the last commit, and what they make of its rows as read.
    writes: Vec<(u16, PartitionId, Record)>,
    read: BTreeMap<u64, DimensionRow>,
    told: Vec<(PartitionId, u64)>,
    uncommitted: bool,
    news: VecDeque<Event>,
}

impl Worker {
    pub fn new(id: u64, sound: Sound) -> Self {
        Self {
            id,
            paused: 0,
            machine: Machine::new(LANES, sound.streams(), First::Earliest, sound.rules),
            actions: VecDeque::new(),
            reading: BTreeMap::new(),
            round: None,
            rows: vec![BTreeMap::new(); usize::from(LANES)],
            outputs: Vec::new(),
            ends: vec![Ends::new(); usize::from(LANES)],
            ended: Vec::new(),
            watermarks: BTreeMap::new(),
            writes: Vec::new(),
            read: BTreeMap::new(),
            told: Vec::new(),
            uncommitted: false,
            news: VecDeque::new(),
        }
    }

    pub fn assign(&mut self, id: PartitionId, log: LogState) {
        self.news.push_back(Event::Assigned(id, log));
    }

    pub fn revoke(&mut self, id: PartitionId) {
        self.news.push_back(Event::Revoked(id));
    }

    /// Whether it has nothing to do.
    pub fn rests(&self) -> bool {
        self.paused == 0 && self.actions.is_empty() && self.round.is_none() && !self.uncommitted && self.news.is_empty()
    }

    /// What it is about, for a seed that fails.
    pub fn words(&self) -> String {
        format!("{} {:?} waits for {:?} {:?}", self.id, self.machine, self.actions, self.news)
    }

    fn event(&mut self, event: Event) {
        let actions = self.machine.step(event);
        self.actions.extend(actions);
    }

    /// Does one thing.
    pub fn step(&mut self, world: &mut World) -> Result<(), String> {
        if self.paused > 0 {
            self.paused -= 1;
            return Ok(());
        }
        if let Some(action) = self.actions.pop_front() {
            return self.act(action, world);
        }
        if let Some(round) = self.round.take() {
            self.go_on(round, world);
            return Ok(());
        }
        self.poll(world);
        Ok(())
    }

    /// Learns what the group decided, or takes a batch, or commits.
    fn poll(&mut self, world: &mut World) {
        let gone: Vec<PartitionId> =
            self.machine.partitions().map(|(id, ..)| id).filter(|id| !world.owns(self.id, *id)).collect();
        if let Some(id) = gone.first() {
            return self.event(Event::Gone(*id));
        }
        if let Some(event) = self.news.pop_front() {
            let own = match &event {
                Event::Assigned(id, _) | Event::Revoked(id) => world.owns(self.id, *id),
                _ => true,
            };
            return if own { self.event(event) } else { Default::default() };
        }
        if self.uncommitted && world.random.one_in(4) {
            return self.event(Event::Due);
        }
        let has_more = |(id, (_, next)): &(&PartitionId, &(u64, u64))| *next < world.log[*id].len() as u64;
        let readable: Vec<PartitionId> = self.reading.iter().filter(has_more).map(|(id, _)| *id).collect();
        if readable.is_empty() || !self.machine.any_open() {
            return if self.uncommitted { self.event(Event::Due) } else { self.look(world) };
        }
        let partition = readable[world.random.below(readable.len())];
        let size = 1 + world.random.below(4);
        let Some((generation, position)) = self.reading.get_mut(&partition) else { return };
        let next = *position;
        *position = (next + size as u64).min(world.log[&partition].len() as u64);
        if !self.machine.accepts(partition, *generation) {
            return;
        }
        let records = world.log[&partition].iter().skip(next as usize).take(size).copied().collect();
        self.uncommitted = true;
        self.round = Some(Round { partition, records, lanes: lanes_of(partition).collect(), failed: Vec::new() });
    }

    /// While it has nothing to do it looks now and then whether its lanes are as they were left.
    fn look(&mut self, world: &World) {
        let changed = (0..LANES).find(|lane| self.machine.is_open(*lane) && !self.holds(*lane, world));
        if let Some(lane) = changed {
            self.event(Event::LaneFailed { lane, lost: true });
        }
    }

    fn go_on(&mut self, mut round: Round, world: &mut World) {
        if world.faults.lost_answers && world.random.one_in(60) {
            // What all lanes stand on did not answer: the batch is gone, and nothing was said of how far it came.
            return self.event(Event::Failed);
        }
        let Some(lane) = round.lanes.pop_front() else {
            let next = round.records.last().map_or(0, |record| record.offset + 1);
            let watermark = self.watermark(&round, u64::MAX);
            for lane in round.failed {
                self.event(Event::LaneFailed { lane, lost: true });
            }
            self.watermarks.insert(round.partition, watermark);
            return self.event(Event::Applied { partition: round.partition, next, watermark, marks: Arc::default() });
        };
        if self.machine.is_open(lane) && self.work(lane, &round, world).is_none() {
            world.counts.failed_lanes += 1;
            self.void(lane);
            round.failed.push(lane);
        }
        self.round = Some(round);
    }

    /// Works on a lane's records of a batch; nothing where the lane is not as it is held.
    fn work(&mut self, lane: u16, round: &Round, world: &mut World) -> Option<()> {
        let partition = round.partition;
        let applied = self.machine.applied(lane).find(|(id, ..)| *id == partition)?.1;
        let laned = LANED[partition.stream as usize];
        for record in round.records.iter().filter(|record| record.offset >= applied) {
            if laned {
                // A record ends windows in every lane, before it is itself worked on.
                let watermark = self.watermark(round, record.offset);
                self.end_windows(lane, partition, watermark, world)?;
            }
            if laned && record.lane() != lane {
                continue;
            }
            if laned {
                self.count_in_window(lane, partition, *record, world)?;
                let keys = record.rows(partition);
                let mut before = [0; 3];
                for (key, value) in keys.into_iter().zip(&mut before) {
                    *value = self.load(lane, key, world)?;
                }
                let after = apply(before, partition, *record);
                for (key, value) in keys.into_iter().zip(after) {
                    self.rows[usize::from(lane)].insert(key, (value, true));
                }
                self.outputs.push((lane, (partition, record.offset), after[1]));
            }
            self.writes.push((lane, partition, *record));
        }
        Some(())
    }

    /// The watermark of a batch's partition behind its record of an offset.
    fn watermark(&self, round: &Round, offset: u64) -> i64 {
        let before = self.watermarks.get(&round.partition).copied().unwrap_or(i64::MIN);
        let times = round.records.iter().filter(|record| record.offset <= offset).map(|record| record.time());
        times.max().map_or(before, |time| time.max(before))
    }

    /// The ends of a partition's windows in a lane; nothing where the lane is not as it is held.
    fn lane_ends(&mut self, lane: u16, id: PartitionId, world: &World) -> Option<&mut BTreeSet<(i64, u64)>> {
        let at = usize::from(lane);
        if !self.ends[at].contains_key(&id) {
            if world.sound.loads && !self.holds(lane, world) {
                return None;
            }
            let stored = world.store.lanes[at].ends.get(&id).cloned().unwrap_or_default();
            self.ends[at].insert(id, stored);
        }
        self.ends[at].get_mut(&id)
    }

    fn end_windows(&mut self, lane: u16, partition: PartitionId, watermark: i64, world: &mut World) -> Option<()> {
        loop {
            let own = self.lane_ends(lane, partition, world)?;
            let Some((due, window)) = own.first().copied().filter(|(due, _)| *due < watermark) else { return Some(()) };
            own.remove(&(due, window));
            if !world.sound.ends_with_rows {
                world.store.lanes[usize::from(lane)].ends.entry(partition).or_default().remove(&(due, window));
            }
            let value = self.load(lane, (WINDOW, window), world)?;
            self.rows[usize::from(lane)].insert((WINDOW, window), (0, true));
            self.ended.push((lane, window, value));
        }
    }

    fn count_in_window(&mut self, lane: u16, partition: PartitionId, record: Record, world: &mut World) -> Option<()> {
        let window = record.window();
        let before = self.load(lane, (WINDOW, window), world)?;
        self.rows[usize::from(lane)].insert((WINDOW, window), (add_to_window(before, record), true));
        self.lane_ends(lane, partition, world)?.insert((window_end(window), window));
        Some(())
    }

    fn load(&mut self, lane: u16, key: (u8, u64), world: &mut World) -> Option<u64> {
        if let Some((value, _)) = self.rows[usize::from(lane)].get(&key) {
            return Some(*value);
        }
        if world.faults.lost_answers && world.random.one_in(200) {
            return None;
        }
        if world.sound.loads && !self.holds(lane, world) {
            return None;
        }
        let value = world.store.lanes[usize::from(lane)].rows.get(&key).copied().unwrap_or(0);
        self.rows[usize::from(lane)].insert(key, (value, false));
        Some(value)
    }

    /// Whether the store's lane is as this worker holds it.
    fn holds(&self, lane: u16, world: &World) -> bool {
        let stored = &world.store.lanes[usize::from(lane)].progress;
        self.machine.held(lane).all(|(id, epoch, saved)| {
            stored.get(&id).is_some_and(|(own, progress)| *own == epoch && progress.next == saved)
        })
    }

    /// Outputs and writes of a lane that failed are void.
    fn void(&mut self, lane: u16) {
        self.outputs.retain(|(own, ..)| *own != lane);
        self.ended.retain(|(own, ..)| *own != lane);
        self.writes.retain(|(own, ..)| *own != lane);
    }

    fn act(&mut self, action: Action, world: &mut World) -> Result<(), String> {
        match action {
            Action::Claim { lane, partitions } => self.claim(lane, &partitions, world),
            Action::Start(ready) => {
                self.reading.insert(ready.partition, (ready.generation, ready.next));
                self.watermarks.insert(ready.partition, ready.watermark);
            }
            Action::Forget { lane } => {
                self.rows[usize::from(lane)].clear();
                self.ends[usize::from(lane)].clear();
                self.void(lane);
            }
            Action::ForgetShared => {
                self.outputs.clear();
                self.ended.clear();
                self.writes.clear();
                self.round = None;
            }
            Action::Wait { lane, .. } => {
                if world.random.one_in(6) {
                    self.event(Event::Waited { lane });
                } else {
                    self.actions.push_back(action);
                }
            }
            Action::Flush => self.flush(world),
            Action::SaveDimensions => self.save_dimensions(world),
            Action::Begin { lane, progress } => {
                let saved = self.save(lane, &progress, false, world);
                self.event(if saved { Event::Begun { lane } } else { Event::LaneFailed { lane, lost: true } });
            }
            Action::Save { lane, progress } => {
                let saved = self.save(lane, &progress, true, world);
                self.event(if saved { Event::Saved { lane } } else { Event::LaneFailed { lane, lost: true } });
            }
            Action::TellPositions(positions) => {
                for (id, next) in positions {
                    if world.owns(self.id, id) {
                        world.committed.insert(id, next);
                    }
                }
            }
            Action::Release(id) => world.release(self.id, id),
            Action::Committed => {
                world.counts.commits += 1;
                self.uncommitted = false;
            }
            Action::RolledBack { .. } => {}
            Action::Halt(id, why) => return Err(format!("worker {} halts at {id:?}: {why:?}", self.id)),
        }
        Ok(())
    }

    fn claim(&mut self, lane: u16, partitions: &[PartitionId], world: &mut World) {
        let lost = world.faults.lost_answers && world.random.one_in(30);
        let mut found = Vec::new();
        for id in partitions {
            let stored = world.store.lanes[usize::from(lane)].progress.entry(*id).or_default();
            stored.0 += 1;
            found.push((*id, stored.0, stored.1.clone()));
        }
        if lost {
            world.counts.lost_answers += 1;
            return self.event(Event::ClaimFailed { lane });
        }
        self.event(Event::Claimed { lane, found });
    }

    /// Sends what there is; a worker may be killed half-way, since each message is a step of its own.
    fn flush(&mut self, world: &mut World) {
        if world.sound.messages_first {
            self.tell_changes(world);
        }
        if world.faults.lost_answers && world.random.one_in(30) {
            world.counts.lost_answers += 1;
            let some = world.random.below(self.outputs.len() + 1);
            self.outputs.drain(..some).for_each(|(_, id, value)| world.outputs.entry(id).or_default().push(value));
            return self.event(Event::Failed);
        }
        for (_, id, value) in self.outputs.drain(..) {
            world.outputs.entry(id).or_default().push(value);
        }
        for (_, window, value) in self.ended.drain(..) {
            world.ended.entry(window).or_default().push(value);
        }
        world.told.extend(self.told.drain(..));
        self.event(Event::Flushed);
    }

    /// Finds what the writes change, from rows as they are now.
    fn tell_changes(&mut self, world: &World) {
        self.read.clear();
        self.told.clear();
        for (_, id, record) in &self.writes {
            let row = record.dimension();
            let own = self.read.entry(row).or_insert_with(|| world.dimension.get(&row).cloned().unwrap_or_default());
            let writer = record.writer(*id);
            if own.get(&writer).is_none_or(|offset| *offset < record.offset) {
                own.insert(writer, record.offset);
                self.told.push((*id, record.offset));
            }
        }
    }

    fn save_dimensions(&mut self, world: &mut World) {
        if !world.sound.messages_first {
            self.tell_changes(world);
        }
        let before: BTreeMap<u64, DimensionRow> = self.read.clone();
        // What was read may have been changed since by another worker: then messages are made anew.
        let mut fresh = BTreeMap::new();
        for (_, id, record) in &self.writes {
            let row = record.dimension();
            let now = || world.dimension.get(&row).cloned().unwrap_or_default();
            let own: &mut DimensionRow = fresh.entry(row).or_insert_with(now);
            let offset = own.entry(record.writer(*id)).or_insert(record.offset);
            *offset = record.offset.max(*offset);
        }
        if world.sound.compared && fresh != before && world.sound.messages_first {
            self.actions.push_front(Action::SaveDimensions);
            self.tell_changes(world);
            world.told.extend(self.told.drain(..));
            return;
        }
        world.dimension.extend(if world.sound.compared { fresh } else { before });
        if !world.sound.messages_first {
            // Sent in a step of its own, after the rows were written.
            self.actions.push_front(Action::Flush);
        }
        self.writes.clear();
        self.read.clear();
        self.event(Event::DimensionsSaved);
    }

    fn save(&mut self, lane: u16, progress: &[Step], with_rows: bool, world: &mut World) -> bool {
        let lost = world.faults.lost_answers && world.random.one_in(30);
        if lost {
            world.counts.lost_answers += 1;
            if world.random.one_in(2) {
                return false;
            }
        }
        let stored = &mut world.store.lanes[usize::from(lane)];
        let as_held = progress.iter().all(|step| {
            let own = stored.progress.get(&step.partition);
            own.is_some_and(|(epoch, progress)| *epoch == step.epoch && progress.next == step.from)
        });
        if world.sound.saves && !as_held {
            return false;
        }
        if with_rows {
            for (key, (value, changed)) in &mut self.rows[usize::from(lane)] {
                match std::mem::take(changed) {
                    true if key.0 == WINDOW && *value == 0 => drop(stored.rows.remove(key)),
                    true => drop(stored.rows.insert(*key, *value)),
                    false => {}
                }
            }
            for step in progress {
                if let Some(ends) = self.ends[usize::from(lane)].get(&step.partition) {
                    stored.ends.insert(step.partition, ends.clone());
                }
            }
        }
        for step in progress {
            let (next, first, watermark) = (step.next, step.first, step.watermark);
            let own = LaneProgress { next, first, watermark, ..LaneProgress::default() };
            stored.progress.entry(step.partition).or_default().1 = own;
        }
        !lost
    }
}
