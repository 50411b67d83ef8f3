//! Partitions that come and go: the answers to the group.

use std::time::{Duration, Instant};

use nsf_engine::connector::Change;
use rdkafka::{Offset, consumer::Consumer};

use super::{
    asking::Asked,
    assigned::{Assigned, Phase},
    membership::{Membership, list_at},
};
use crate::context::Rebalance;

/// Partitions that are to go.
pub(super) struct Leaving {
    partitions: Vec<(String, i32)>,
    /// Until when they are waited for.
    until: Instant,
}

impl Membership {
    /// Partitions came. They are paused until they are started; until the pause is done they stand at the log's first
    /// message, so that no fault in between can make them jump over one: what comes too early is thrown away.
    pub(super) fn assign(&mut self, partitions: &[(String, i32)]) {
        self.trouble.over();
        self.seen.set_note(None);
        self.seen.set_joined(true);
        self.watch.joined(Instant::now());
        let list = list_at(partitions, Offset::Beginning);
        if let Err(error) = self.consumer.incremental_assign(&list) {
            self.note(&error, "partitions that the group gave could not be taken");
            return;
        }
        if let Err(error) = self.consumer.pause(&list) {
            self.note(&error, "partitions could not be paused");
        }
        let mut asked: Vec<Asked> = Vec::new();
        for (topic, partition) in partitions {
            self.tokens += 1;
            let streams: Vec<u32> =
                (0_u32..).zip(&self.streams).filter(|(_, name)| *name == topic).map(|(stream, _)| stream).collect();
            self.ownership.take(topic, *partition, self.tokens);
            self.assigned.list.push(Assigned::new(topic, *partition, &streams, self.tokens));
            asked.push((topic.clone(), *partition, self.tokens));
        }
        if !asked.is_empty() {
            self.asker.states(asked);
        }
        self.go_on();
    }

    /// Partitions are to go, or are gone.
    pub(super) fn revoke(&mut self, partitions: Vec<(String, i32)>, lost: bool) {
        if lost {
            self.seen.set_joined(false);
            self.ownership.give(&partitions);
        }
        if !lost && let Err(error) = self.consumer.pause(&list_at(&partitions, Offset::Invalid)) {
            self.note(&error, "partitions could not be paused");
        }
        for (topic, partition) in &partitions {
            let Some(assigned) = self.assigned.find(topic, *partition) else { continue };
            assigned.stop();
            let known = assigned.phase == Phase::Told;
            assigned.phase = Phase::Leaving;
            for reading in &mut assigned.readings {
                // The engine never heard of it.
                reading.released = !known;
            }
            if known && !lost {
                let revoked = assigned.readings.iter().map(|reading| Change::Revoked(assigned.id(reading)));
                self.changes.extend(revoked);
            }
        }
        // Given up at the next look where they are lost.
        let until = if lost { Instant::now() } else { Instant::now() + self.settings.drain() };
        self.leaving.push(Leaving { partitions, until });
        self.serve_leaving();
    }

    /// Lets go of partitions that were released, or that cannot be waited for any longer.
    pub(super) fn serve_leaving(&mut self) {
        // The group's session may end while they are waited for.
        let lost = !self.leaving.is_empty() && self.consumer.assignment_lost();
        let leaving = std::mem::take(&mut self.leaving);
        for event in leaving {
            let released = event.partitions.iter().all(|(topic, partition)| {
                let assigned = self.assigned.find(topic, *partition);
                assigned.is_none_or(|assigned| assigned.readings.iter().all(|reading| reading.released))
            });
            if released || lost || Instant::now() >= event.until {
                self.unassign(&event.partitions);
            } else {
                self.leaving.push(event);
            }
        }
    }

    /// Answers the group, and tells the engine of what went without being released.
    pub(super) fn unassign(&mut self, partitions: &[(String, i32)]) {
        self.ownership.give(partitions);
        if let Err(error) = self.consumer.incremental_unassign(&list_at(partitions, Offset::Invalid)) {
            self.note(&error, "partitions could not be given back");
        }
        let is_among = |assigned: &Assigned| {
            partitions.iter().any(|(topic, partition)| assigned.partition == *partition && assigned.topic == *topic)
        };
        for assigned in self.assigned.list.extract_if(.., |assigned| is_among(assigned)) {
            let unreleased = assigned.readings.iter().filter(|reading| !reading.released);
            self.changes.extend(unreleased.map(|reading| Change::Gone(assigned.id(reading))));
        }
        self.go_on();
    }

    /// Leaves the group. What is still this worker's is given back without being waited for: the engine has committed
    /// what it wanted to.
    pub(crate) fn leave(&mut self, deadline: Duration) {
        let until = Instant::now() + deadline;
        self.asker.end();
        // From here on the group is answered at once; what it has asked before is answered now.
        self.consumer.context().close();
        while let Some(rebalance) = self.consumer.context().next() {
            match rebalance {
                Rebalance::Assign(partitions) => self.assign(&self.followers.with(partitions)),
                Rebalance::Revoke { partitions, .. } => self.unassign(&self.followers.with(partitions)),
            }
        }
        for event in std::mem::take(&mut self.leaving) {
            self.unassign(&event.partitions);
        }
        if self.consumer.close_queue().is_err() {
            return;
        }
        // Closing while the group rebalances has hung (librdkafka#4312, #4527, #4792): not beyond the deadline.
        while !self.consumer.closed() && Instant::now() < until {
            drop(self.consumer.poll(Duration::from_millis(20)));
        }
    }
}
