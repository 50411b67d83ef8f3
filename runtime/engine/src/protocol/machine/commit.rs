//! Commits: outputs, dimensions, lanes, positions, one after the other; then revoked partitions may go.

use std::{collections::BTreeSet, sync::Arc};

use super::{Commit, LaneState, Machine, Part, Phase};
use crate::{connector::PartitionId, protocol::event::Action};

impl Machine {
    pub(super) fn begin_commit(&mut self) {
        if self.commit != Commit::None || !self.due {
            return;
        }
        self.due = false;
        if self.rules.emit_first {
            self.commit = Commit::Flushing;
            self.actions.push(Action::Flush);
        } else {
            self.commit = Commit::SavingDimensions;
            self.actions.push(Action::SaveDimensions);
        }
    }

    pub(super) fn flushed(&mut self) {
        match self.commit {
            Commit::Flushing if self.rules.emit_first => {
                self.commit = Commit::SavingDimensions;
                self.actions.push(Action::SaveDimensions);
            }
            Commit::Flushing => self.end_commit(),
            _ => {}
        }
    }

    pub(super) fn save_lanes(&mut self) {
        if self.commit != Commit::SavingDimensions {
            return;
        }
        let mut waiting = BTreeSet::new();
        for (lane, own) in (0..).zip(&self.lanes) {
            let newer = |part: &Part| {
                part.saved.is_some_and(|saved| saved < part.applied || part.watermark < part.applied_watermark)
            };
            let changed = own.changed && own.held.values().all(|part| part.saved.is_some());
            if own.state == LaneState::Open && (changed || own.held.values().any(newer)) {
                let step = |(id, part): (&PartitionId, &Part)| part.step_to_applied(*id);
                let progress = own.held.iter().map(step).collect();
                self.actions.push(Action::Save { lane, progress });
                waiting.insert(lane);
            }
        }
        self.commit = Commit::Saving(waiting);
        self.end_if_saved();
    }

    pub(super) fn saved(&mut self, lane: u16) {
        let own = &mut self.lanes[usize::from(lane)];
        if own.state != LaneState::Open {
            return;
        }
        own.tries = 0;
        own.changed = false;
        for part in own.held.values_mut().filter(|part| part.saved.is_some()) {
            (part.saved, part.watermark) = (Some(part.applied), part.applied_watermark);
            part.marks = Arc::clone(&part.applied_marks);
        }
        self.answered(lane);
    }

    pub(super) fn answered(&mut self, lane: u16) {
        if let Commit::Saving(waiting) = &mut self.commit {
            waiting.remove(&lane);
            self.end_if_saved();
        }
    }

    pub(super) fn end_if_saved(&mut self) {
        if self.commit != Commit::Saving(BTreeSet::new()) {
            return;
        }
        if self.rules.emit_first {
            self.end_commit();
        } else {
            self.commit = Commit::Flushing;
            self.actions.push(Action::Flush);
        }
    }

    pub(super) fn end_commit(&mut self) {
        self.commit = Commit::None;
        self.actions.push(Action::Committed);
        let reading = self.partitions.iter().filter(|(_, own)| matches!(own.phase, Phase::Reading | Phase::Leaving));
        let positions = reading.filter_map(|(id, _)| Some((*id, self.saved_everywhere(*id)?))).collect::<Vec<_>>();
        if !positions.is_empty() {
            self.actions.push(Action::TellPositions(positions));
        }
        self.release_leaving();
        self.begin_commit();
    }

    /// How far all lanes have saved a partition.
    pub(super) fn saved_everywhere(&self, partition: PartitionId) -> Option<u64> {
        let saved = |lane: u16| self.lanes[usize::from(lane)].held.get(&partition).and_then(|part| part.saved);
        self.lanes_of(partition).map(saved).collect::<Option<Vec<u64>>>()?.into_iter().min()
    }

    /// Lets revoked partitions go. What is in memory of their rows is forgotten: another worker may change them.
    pub(super) fn release_leaving(&mut self) {
        let leaving = self.partitions.iter().filter(|(_, own)| own.phase == Phase::Leaving);
        let leaving: Vec<PartitionId> = leaving.map(|(id, _)| *id).collect();
        if leaving.is_empty() {
            return;
        }
        for partition in &leaving {
            self.partitions.remove(partition);
            for lane in &mut self.lanes {
                lane.held.remove(partition);
            }
        }
        for lane in 0..self.lanes.len() as u16 {
            self.actions.push(Action::Forget { lane });
        }
        self.actions.extend(leaving.into_iter().map(Action::Release));
    }
}
