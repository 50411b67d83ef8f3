//! Partitions without records. Their watermark stands still, and with it what ends by it, and what merged streams end
//! together. Where the source says how long that may last (`idle`), such a partition's watermark then goes to where the others
//! are: first that is saved with the lanes, and only then does anything come of it, so that a worker that takes over decides
//! the same.
//!
//! What ends by a watermark that no record moved is ended here: by that, and where a worker died between the two.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{
    super::{
        error::RunError,
        stream::StreamWork,
        work::{Taken, Worked},
    },
    EndedBy, Serve,
};
use crate::{
    connector::{Message, PartitionId, RawBatch},
    protocol,
};

/// What is known of partitions without records.
#[derive(Debug, Default)]
pub(super) struct Idle {
    /// When each had its last record, or began to be read.
    last: BTreeMap<PartitionId, Instant>,
    /// Watermarks that the commit at hand saves.
    raised: Vec<(PartitionId, i64)>,
    /// Whether values may have ended where no record came.
    may_end: bool,
}

impl Idle {
    pub(super) fn has_records(&mut self, partition: PartitionId) {
        self.last.insert(partition, Instant::now());
    }

    pub(super) fn started(&mut self, partition: PartitionId) {
        // Of a partition that was not read for a while it is not known whether records came.
        self.last.insert(partition, Instant::now());
        self.may_end = true;
    }

    pub(super) fn claimed(&mut self) {
        self.may_end = true;
    }

    /// The commit is void.
    pub(super) fn forget(&mut self) {
        self.raised.clear();
    }
}

/// A partition as it is looked at.
struct Seen {
    id: PartitionId,
    stream: usize,
    watermark: i64,
    idle: bool,
}

impl Serve {
    /// Asks for the watermarks of partitions that are idle to be saved with the commit that comes next; gives whether there
    /// are any.
    pub(super) fn raise_idle(&mut self) -> bool {
        let seen: Vec<Seen> = self.seen();
        let mut raised = Vec::new();
        for own in seen.iter().filter(|own| own.idle) {
            let goes_with = |other: &&Seen| !other.idle && self.go_together(own.stream, other.stream);
            let others = seen.iter().filter(goes_with).map(|other| other.watermark);
            // Where nobody has records, time stands still.
            let reached = others.filter(|watermark| *watermark != i64::MIN).min();
            raised.extend(reached.filter(|reached| *reached > own.watermark).map(|reached| (own.id, reached)));
        }
        for &(partition, watermark) in &raised {
            self.event(protocol::Event::Idle { partition, watermark });
        }
        self.idle.raised = raised;
        !self.idle.raised.is_empty()
    }

    /// Whether two streams are one, or save the same states.
    fn go_together(&self, one: usize, other: usize) -> bool {
        let groups = self.run.core.expiring.all.iter().map(|own| &own.streams);
        one == other || { groups }.any(|streams| streams.contains(&one) && streams.contains(&other))
    }

    /// The partitions that are read.
    fn seen(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        for (id, _, reading) in self.machine.partitions() {
            let stream = self.stream(id);
            let StreamWork::Source(source) = &self.run.core.streams[stream].work else { continue };
            let last = self.idle.last.get(&id).filter(|_| reading);
            let Some(last) = last else { continue };
            let patience = source.idle.map(|idle| Duration::from_millis(u64::try_from(idle).unwrap_or(0)));
            let progress = self.run.progress.partitions.get(&(stream, id.partition));
            let watermark = progress.map_or(i64::MIN, |progress| progress.watermark);
            seen.push(Seen {
                id,
                stream,
                watermark,
                idle: patience.is_some_and(|patience| last.elapsed() >= patience),
            });
        }
        seen
    }

    /// Watermarks that were to be saved are saved.
    pub(super) fn idle_is_stored(&mut self) {
        for (partition, watermark) in std::mem::take(&mut self.idle.raised) {
            let stream = self.stream(partition);
            let progress = self.run.progress.partition(stream, partition.partition);
            progress.watermark = watermark.max(progress.watermark);
            self.idle.may_end = true;
        }
    }

    /// Ends the values whose end the watermark of their partition has passed without a record.
    pub(super) fn end_without_records(&mut self) -> Result<(), RunError> {
        if self.run.core.expiring.is_empty() || !self.idle.may_end || self.machine.is_committing() {
            return Ok(());
        }
        self.idle.may_end = false;
        let mut batches = Vec::new();
        let mut watermarks = Vec::new();
        for (id, next, _) in self.machine.partitions().filter(|(.., reading)| *reading) {
            let stream = self.stream(id);
            let progress = self.run.progress.partitions.get(&(stream, id.partition));
            let watermark = progress.map_or(i64::MIN, |progress| progress.watermark);
            if watermark == i64::MIN || self.run.core.expiring.of(stream).is_empty() {
                continue;
            }
            // It stands for the record that is not yet there.
            let message = Message { offset: next, ..Message::default() };
            let mut batch = RawBatch { stream: id.stream, partition: id.partition, ..RawBatch::default() };
            batch.messages.push(message);
            batches.push(Taken { stream, batch, header: None });
            watermarks.push(watermark);
        }
        if batches.is_empty() {
            return Ok(());
        }
        self.open_lanes();
        let before = self.run.changed_rows();
        let output = || self.run.core.output();
        let worked = watermarks.into_iter().map(|watermark| Worked {
            output: output(),
            times: vec![watermark],
            ..Worked::default()
        });
        let worked: Vec<Worked<'_>> = worked.collect();
        match self.run.run_worked(&batches, worked) {
            Ok(worked) => {
                self.keep_writes(worked.writes);
                for (lane, error) in worked.failed {
                    self.lane_failed(lane, &error, EndedBy::Commit);
                }
                if self.run.changed_rows() != before {
                    self.run.uncommitted.since.get_or_insert_with(Instant::now);
                    self.event(protocol::Event::Changed);
                }
                Ok(())
            }
            Err(error) => self.failed(error),
        }
    }
}
