//! Where a partition is read from: when all its lanes are claimed, from the least that one of them has; for the first time
//! after its first position is saved in all of them.

use std::sync::Arc;

use super::{LaneState, Machine, Part, Phase};
use crate::{
    connector::PartitionId,
    protocol::event::{Action, First, Halt, Ready},
};

impl Machine {
    /// The partitions of the same number of streams that touch the same rows, this one among them.
    pub(super) fn peers(&self, partition: PartitionId) -> Vec<PartitionId> {
        let group = |stream: u32| self.streams.get(stream as usize).map(|stream| stream.group);
        let own = group(partition.stream);
        let alike =
            (0..self.streams.len() as u32).filter(|stream| *stream == partition.stream || group(*stream) == own);
        alike.map(|stream| PartitionId { stream, ..partition }).collect()
    }

    /// Whether a partition is this worker's, and all its lanes are claimed.
    pub(super) fn is_claimed(&self, partition: PartitionId) -> bool {
        let here = self.partitions.get(&partition);
        here.is_some_and(|own| matches!(own.phase, Phase::Claiming | Phase::Reading))
            && self.lanes_of(partition).all(|lane| self.lanes[usize::from(lane)].held.contains_key(&partition))
    }

    /// Reads a partition if all its lanes are claimed: for the first time, or again where a lane needs what was read.
    pub(super) fn try_start(&mut self, partition: PartitionId) {
        let Some(own) = self.partitions.get(&partition) else { return };
        if !matches!(own.phase, Phase::Claiming | Phase::Reading) {
            return;
        }
        let (reading, void) = (own.phase == Phase::Reading, own.void);
        if !reading && !self.peers(partition).into_iter().all(|peer| self.is_claimed(peer)) {
            return;
        }
        let mut parts = Vec::new();
        for lane in self.lanes_of(partition) {
            let lane = &self.lanes[usize::from(lane)];
            match lane.held.get(&partition) {
                Some(part) if lane.state == LaneState::Open => parts.push(part.clone()),
                // While it is read, lanes that fail come back one by one.
                _ if reading => {}
                _ => return,
            }
        }
        if parts.iter().any(|part| part.saved.is_none()) {
            self.begin_partition(partition, &parts);
            return;
        }
        // Of lanes that stand alike one may have saved that the partition is idle.
        let least = |part: &&Part| (part.applied, std::cmp::Reverse(part.applied_watermark));
        let Some(least) = parts.iter().min_by_key(least).cloned() else { return };
        if reading && !void && least.applied >= own.read {
            return;
        }
        self.start(partition, least);
    }

    pub(super) fn start(&mut self, partition: PartitionId, from: Part) {
        let Some(own) = self.partitions.get_mut(&partition) else { return };
        let next = from.applied;
        if next < own.log.low {
            let low = own.log.low;
            return self.halt(partition, Halt::Gap { next, low });
        }
        let reading = own.phase == Phase::Reading;
        let known = if reading { own.log.high.max(own.read) } else { own.log.high };
        if next > known {
            return self.halt(partition, Halt::Truncated { next, high: known });
        }
        let before = if reading { Some(own.read) } else { own.log.committed };
        if let Some(before) = before.filter(|before| *before > next && !reading) {
            self.actions.push(Action::RolledBack { partition, messages: before - next });
        }
        self.generations += 1;
        own.phase = Phase::Reading;
        own.void = false;
        own.read = next;
        own.generation = self.generations;
        let (watermark, marks) = (from.applied_watermark, from.applied_marks);
        self.actions.push(Action::Start(Ready { partition, next, generation: self.generations, watermark, marks }));
    }

    /// Saves the first position of a partition in the lanes that have none, before anything is read of it.
    pub(super) fn begin_partition(&mut self, partition: PartitionId, parts: &[Part]) {
        let Some(own) = self.partitions.get(&partition) else { return };
        let known = parts.iter().filter(|part| part.saved.is_some()).map(|part| part.first).min().or(own.began);
        let first = match (known, own.log.committed, self.first) {
            (Some(first), ..) => first,
            // What was there once can only be made anew from the very beginning.
            (None, Some(committed), first) if own.log.by_worker && (own.log.low > 0 || first == First::Latest) => {
                return self.halt(partition, Halt::Emptied { committed });
            }
            (None, _, First::Earliest) => own.log.low,
            (None, committed, First::Latest) => committed.unwrap_or(own.log.high),
        };
        for lane in self.lanes_of(partition) {
            let own = &mut self.lanes[usize::from(lane)];
            if own.state != LaneState::Open {
                continue;
            }
            if let Some(part) = own.held.get_mut(&partition).filter(|part| part.saved.is_none()) {
                (part.first, part.applied, part.wants_first) = (first, first, true);
                (part.watermark, part.applied_watermark) = (i64::MIN, i64::MIN);
                (part.marks, part.applied_marks) = (Arc::default(), Arc::default());
            }
            self.begin_lane(lane);
        }
    }

    /// Saves first positions in a lane, if none are being saved: a save says what the store has before it.
    pub(super) fn begin_lane(&mut self, lane: u16) {
        let own = &mut self.lanes[usize::from(lane)];
        let wanting = own.held.iter().filter(|(_, part)| part.wants_first).map(|(id, _)| *id);
        let wanting: Vec<PartitionId> = wanting.collect();
        if wanting.is_empty() || !own.beginning.is_empty() {
            return;
        }
        let step = |(id, part): (&PartitionId, &Part)| {
            let next = if part.wants_first { Some(part.first) } else { part.saved };
            part.step_at_saved(*id, next)
        };
        let progress = own.held.iter().map(step).collect();
        own.beginning = wanting;
        self.actions.push(Action::Begin { lane, progress });
    }

    pub(super) fn begun(&mut self, lane: u16) {
        let own = &mut self.lanes[usize::from(lane)];
        let begun = std::mem::take(&mut own.beginning);
        for id in &begun {
            if let Some(part) = own.held.get_mut(id) {
                (part.saved, part.wants_first) = (Some(part.first), false);
                if let Some(own) = self.partitions.get_mut(id) {
                    own.began = own.began.or(Some(part.first));
                }
            }
        }
        self.begin_lane(lane);
        for partition in begun {
            self.peers(partition).into_iter().for_each(|peer| self.try_start(peer));
        }
    }
}
