//! The state machine. While a commit is under way nothing is applied and no partition comes or goes: whoever drives it
//! carries a commit out between two rounds.

mod commit;
mod start;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::event::{Action, Event, First, Halt, Rules, Step, StreamKind};
use crate::{
    connector::{LogState, PartitionId},
    marks::Marks,
    store::LaneProgress,
};

/// What a worker knows of its lanes and partitions.
#[derive(Debug)]
pub struct Machine {
    lanes: Vec<Lane>,
    partitions: BTreeMap<PartitionId, Partition>,
    streams: Vec<StreamKind>,
    first: First,
    generations: u64,
    commit: Commit,
    /// Whether a commit is asked for that has not begun.
    due: bool,
    rules: Rules,
    actions: Vec<Action>,
}

#[derive(Debug)]
struct Lane {
    state: LaneState,
    held: BTreeMap<PartitionId, Part>,
    /// First positions that are being saved.
    beginning: Vec<PartitionId>,
    /// How often in a row it failed.
    tries: u32,
    /// Whether rows were changed of which no position tells.
    changed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LaneState {
    /// Works.
    Open,
    /// Everything in it is forgotten and asked for again.
    Claiming,
    /// Everything in it is forgotten, and it waits.
    Blocked,
}

/// A partition in a lane.
#[derive(Clone, Debug)]
struct Part {
    epoch: u64,
    /// What the store has.
    saved: Option<u64>,
    first: u64,
    /// The partition's watermark at `saved`.
    watermark: i64,
    /// What was taken of its messages at `saved`.
    marks: Arc<Marks>,
    /// What the rows in memory have.
    applied: u64,
    /// The partition's watermark at `applied`.
    applied_watermark: i64,
    /// What was taken of its messages at `applied`.
    applied_marks: Arc<Marks>,
    /// Whether its first position is to be saved.
    wants_first: bool,
}

#[derive(Debug)]
struct Partition {
    phase: Phase,
    log: LogState,
    /// The next offset that is taken.
    read: u64,
    /// The first offset that was ever read of it, as far as is known: what the store had of that may be lost while it is read.
    began: Option<u64>,
    /// Whether it must be read again whatever the lanes have, and nothing is taken of it before: batches behind `read` were taken and
    /// are void, or none of its lanes works.
    void: bool,
    generation: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Not all lanes are claimed.
    Claiming,
    /// It is read.
    Reading,
    /// It is to go after the next commit.
    Leaving,
    /// A person must look.
    Halted,
}

#[derive(Debug, PartialEq, Eq)]
enum Commit {
    None,
    Flushing,
    SavingDimensions,
    /// Lanes whose answer is awaited.
    Saving(BTreeSet<u16>),
}

/// The shortest and the longest time that a failed lane waits.
const WAITS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

impl Machine {
    /// A worker of such streams, without partitions.
    #[must_use]
    pub fn new(lanes: u16, streams: Vec<StreamKind>, first: First, rules: Rules) -> Self {
        let lane =
            || Lane { state: LaneState::Open, held: BTreeMap::new(), beginning: Vec::new(), tries: 0, changed: false };
        Self {
            lanes: (0..lanes.max(1)).map(|_| lane()).collect(),
            partitions: BTreeMap::new(),
            streams,
            first,
            generations: 0,
            commit: Commit::None,
            due: false,
            rules,
            actions: Vec::new(),
        }
    }

    /// Takes an event; gives what is to be done, in order.
    pub fn step(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Assigned(partition, log) => self.assigned(partition, log),
            Event::Revoked(partition) => self.revoked(partition),
            Event::Gone(partition) => self.gone(partition),
            Event::Claimed { lane, found } => self.claimed(lane, &found),
            Event::ClaimFailed { lane } | Event::LaneFailed { lane, .. } => self.fail_lane(lane),
            Event::Applied { partition, next, watermark, marks } => self.applied_to(partition, next, watermark, &marks),
            Event::Failed => self.fail_all(),
            Event::Idle { partition, watermark } => self.idle(partition, watermark),
            Event::Changed => self.lanes.iter_mut().for_each(|lane| lane.changed = lane.state == LaneState::Open),
            Event::Due => {
                self.due = true;
                self.begin_commit();
            }
            Event::Flushed => self.flushed(),
            Event::DimensionsSaved => self.save_lanes(),
            Event::Saved { lane } => self.saved(lane),
            Event::Begun { lane } => self.begun(lane),
            Event::Waited { lane } => self.claim_all(lane),
        }
        std::mem::take(&mut self.actions)
    }

    /// Whether a batch of this generation of a partition is to be worked on.
    #[must_use]
    pub fn accepts(&self, partition: PartitionId, generation: u64) -> bool {
        self.partitions.get(&partition).is_some_and(|own| {
            own.phase == Phase::Reading && !own.void && own.generation == generation && generation > 0
        })
    }

    /// Whether a partition that is read in this generation waits to be read again: what comes of it now lies behind what is void.
    #[must_use]
    pub fn is_void(&self, partition: PartitionId, generation: u64) -> bool {
        self.partitions.get(&partition).is_some_and(|own| own.void && own.generation == generation)
    }

    /// A partition that is read is to be read again from where it is taken: gives the generation of what is read then; none
    /// where it is not read in the generation given. Batches of older generations are void.
    pub fn read_again(&mut self, partition: PartitionId, generation: u64) -> Option<u64> {
        if !self.accepts(partition, generation) {
            return None;
        }
        self.generations += 1;
        let own = self.partitions.get_mut(&partition)?;
        own.generation = self.generations;
        Some(self.generations)
    }

    /// The next offset of a partition that is to be taken.
    #[must_use]
    pub fn position(&self, partition: PartitionId) -> u64 {
        self.partitions.get(&partition).map_or(0, |own| own.read)
    }

    /// Whether the offsets of a partition are names of entries.
    #[must_use]
    pub fn is_timed(&self, partition: PartitionId) -> bool {
        self.partitions.get(&partition).is_some_and(|own| own.log.timed)
    }

    /// Whether a lane works: records of others are passed over and read again later.
    #[must_use]
    pub fn is_open(&self, lane: u16) -> bool {
        self.lanes.get(usize::from(lane)).is_some_and(|lane| lane.state == LaneState::Open)
    }

    /// Whether any lane works, so that reading is of use.
    #[must_use]
    pub fn any_open(&self) -> bool {
        self.lanes.iter().any(|lane| lane.state == LaneState::Open)
    }

    /// Whether a commit is under way.
    #[must_use]
    pub fn is_committing(&self) -> bool {
        self.commit != Commit::None
    }

    /// Whether the worker has no partition.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.partitions.is_empty()
    }

    /// The partitions, with the next offset to be taken and whether they are read.
    pub fn partitions(&self) -> impl Iterator<Item = (PartitionId, u64, bool)> {
        self.partitions.iter().map(|(id, own)| (*id, own.read, own.phase == Phase::Reading))
    }

    /// By partition of a lane: the first offset that its rows in memory do not have, and the watermark there.
    pub fn applied(&self, lane: u16) -> impl Iterator<Item = (PartitionId, u64, i64)> {
        self.lanes
            .get(usize::from(lane))
            .into_iter()
            .flat_map(|lane| lane.held.iter().map(|(id, part)| (*id, part.applied, part.applied_watermark)))
    }

    /// What is held of a lane: by partition the number of the claim and what the store has.
    pub fn held(&self, lane: u16) -> impl Iterator<Item = (PartitionId, u64, Option<u64>)> {
        let lane = self.lanes.get(usize::from(lane)).into_iter();
        lane.flat_map(|lane| lane.held.iter().map(|(id, part)| (*id, part.epoch, part.saved)))
    }

    /// The lanes that a partition has a position in.
    fn lanes_of(&self, partition: PartitionId) -> std::ops::Range<u16> {
        let all = self.lanes.len() as u16;
        if self.streams.get(partition.stream as usize).is_none_or(|stream| stream.laned) {
            0..all
        } else {
            let one = (partition.partition % u32::from(all)) as u16;
            one..one + 1
        }
    }

    fn assigned(&mut self, partition: PartitionId, log: LogState) {
        // What is known of it may be from before another worker had it.
        self.gone(partition);
        let own = Partition { phase: Phase::Claiming, log, read: 0, began: None, void: false, generation: 0 };
        self.partitions.insert(partition, own);
        for lane in self.lanes_of(partition) {
            // One that is blocked claims everything when its time has come.
            if self.lanes[usize::from(lane)].state != LaneState::Blocked {
                self.actions.push(Action::Claim { lane, partitions: vec![partition] });
            }
        }
    }

    fn revoked(&mut self, partition: PartitionId) {
        let Some(own) = self.partitions.get_mut(&partition) else {
            self.actions.push(Action::Release(partition));
            return;
        };
        own.phase = Phase::Leaving;
        self.due = true;
        self.begin_commit();
    }

    /// What was done of a partition is mixed with what was done of others, so all of it is void.
    fn gone(&mut self, partition: PartitionId) {
        if self.partitions.remove(&partition).is_none() {
            return;
        }
        for lane in &mut self.lanes {
            lane.held.remove(&partition);
        }
        self.fail_all();
    }

    fn claim_all(&mut self, lane: u16) {
        let here = |id: &PartitionId| self.lanes_of(*id).contains(&lane);
        let partitions: Vec<PartitionId> = self.partitions.keys().copied().filter(here).collect();
        let own = &mut self.lanes[usize::from(lane)];
        if own.state != LaneState::Blocked {
            return;
        }
        own.held.clear();
        if partitions.is_empty() {
            own.state = LaneState::Open;
            return;
        }
        own.state = LaneState::Claiming;
        self.actions.push(Action::Claim { lane, partitions });
    }

    fn claimed(&mut self, lane: u16, found: &[(PartitionId, u64, LaneProgress)]) {
        if self.lanes[usize::from(lane)].state == LaneState::Blocked {
            return;
        }
        for (partition, epoch, progress) in found {
            let log = self.partitions.get(partition).map(|own| &own.log);
            let committed = log.and_then(|log| log.committed).filter(|_| !self.rules.start_from_store);
            let applied = committed.or(progress.next).unwrap_or(progress.first);
            let part = Part {
                epoch: *epoch,
                saved: progress.next,
                first: progress.first,
                watermark: progress.watermark,
                marks: Arc::clone(&progress.marks),
                applied,
                applied_watermark: progress.watermark,
                applied_marks: Arc::clone(&progress.marks),
                wants_first: false,
            };
            if let Some(own) = self.partitions.get_mut(partition) {
                if progress.next.is_some() {
                    own.began = Some(own.began.map_or(progress.first, |began| began.min(progress.first)));
                }
                self.lanes[usize::from(lane)].held.insert(*partition, part);
            }
        }
        // A lane that claims everything again is open when it has all, also what came meanwhile.
        let missing = self.partitions.keys().any(|id| {
            let (range, held) = (self.lanes_of(*id), &self.lanes[usize::from(lane)].held);
            range.contains(&lane) && !held.contains_key(id)
        });
        let own = &mut self.lanes[usize::from(lane)];
        if own.state == LaneState::Claiming && !missing {
            own.state = LaneState::Open;
        }
        for (partition, _, progress) in found {
            self.check_topic(*partition, progress);
            self.peers(*partition).into_iter().for_each(|peer| self.try_start(peer));
        }
    }

    fn check_topic(&mut self, partition: PartitionId, progress: &LaneProgress) {
        let Some(own) = self.partitions.get(&partition) else { return };
        let (now, then) = (&own.log.incarnation, &progress.incarnation);
        if progress.next.is_some() && !now.is_empty() && !then.is_empty() && now != then {
            self.halt(partition, Halt::Recreated);
        }
    }

    fn halt(&mut self, partition: PartitionId, why: Halt) {
        if let Some(own) = self.partitions.get_mut(&partition)
            && own.phase != Phase::Halted
        {
            own.phase = Phase::Halted;
            self.actions.push(Action::Halt(partition, why));
        }
    }

    fn applied_to(&mut self, partition: PartitionId, next: u64, watermark: i64, marks: &Arc<Marks>) {
        let lanes = self.lanes_of(partition);
        let Some(own) = self.partitions.get_mut(&partition) else { return };
        own.read = own.read.max(next);
        own.log.high = own.log.high.max(next);
        for lane in lanes {
            let lane = &mut self.lanes[usize::from(lane)];
            if let (LaneState::Open, Some(part)) = (lane.state, lane.held.get_mut(&partition))
                && next > part.applied
            {
                (part.applied, part.applied_watermark) = (next, watermark);
                part.applied_marks = Arc::clone(marks);
            }
        }
    }

    fn idle(&mut self, partition: PartitionId, watermark: i64) {
        for lane in self.lanes_of(partition) {
            let lane = &mut self.lanes[usize::from(lane)];
            if let (LaneState::Open, Some(part)) = (lane.state, lane.held.get_mut(&partition)) {
                part.applied_watermark = watermark.max(part.applied_watermark);
            }
        }
    }

    /// A lane forgets everything since its last save and waits until it is claimed again.
    fn fail_lane(&mut self, lane: u16) {
        let own = &mut self.lanes[usize::from(lane)];
        if own.state == LaneState::Blocked {
            return;
        }
        own.state = LaneState::Blocked;
        own.held.clear();
        own.beginning.clear();
        own.changed = false;
        own.tries += 1;
        let time = WAITS.0.saturating_mul(1 << own.tries.min(10)).min(WAITS.1);
        self.void_where_nobody_works();
        self.actions.push(Action::Forget { lane });
        self.actions.push(Action::Wait { lane, time });
        self.answered(lane);
    }

    /// What is read while no lane of a partition works is not worked on, so it must be read again.
    fn void_where_nobody_works(&mut self) {
        let works = |id: PartitionId| self.lanes_of(id).any(|lane| self.is_open(lane));
        let void: Vec<PartitionId> = self.partitions.keys().copied().filter(|id| !works(*id)).collect();
        for partition in void {
            self.partitions.entry(partition).and_modify(|own| own.void = true);
        }
    }

    fn fail_all(&mut self) {
        self.commit = Commit::None;
        self.partitions.values_mut().for_each(|own| own.void = true);
        self.actions.push(Action::ForgetShared);
        for lane in 0..self.lanes.len() as u16 {
            self.fail_lane(lane);
        }
        self.release_leaving();
    }
}

impl Part {
    /// The step that leaves a partition as it is saved; `next` for the first time.
    fn step_at_saved(&self, partition: PartitionId, next: Option<u64>) -> Step {
        let (watermark, marks) = (self.watermark, Arc::clone(&self.marks));
        Step { partition, epoch: self.epoch, from: self.saved, next, first: self.first, watermark, marks }
    }

    /// The step to what the rows in memory have.
    fn step_to_applied(&self, partition: PartitionId) -> Step {
        let (watermark, marks) = (self.applied_watermark, Arc::clone(&self.applied_marks));
        let next = self.saved.map(|_| self.applied);
        Step { partition, epoch: self.epoch, from: self.saved, next, first: self.first, watermark, marks }
    }
}
