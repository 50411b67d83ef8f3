//! What the source tells: batches, and partitions that come and go.

use std::{
    sync::{Arc, atomic::Ordering, mpsc::RecvTimeoutError},
    time::Duration,
};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    super::{
        drive::{Run, Size},
        error::RunError,
        event::{Event, PartitionMoved},
        reader::{News, Report},
        work::Taken,
    },
    Serve,
};
use crate::{
    connector::{Change, Command, Message, PartitionId, RawBatch},
    marks::Marks,
    protocol,
    store::PartitionName,
};

/// The reader of the shared source: there is only one.
pub(super) const READER: usize = 0;

/// Whether a message is not one that was taken already and sent again by who wrote it.
fn is_first(batch: &RawBatch, message: &Message, marks: &mut Arc<Marks>) -> bool {
    let Some((origin, place)) = Marks::of(batch, message) else { return true };
    let new = marks.is_new(origin, place);
    if new {
        Arc::make_mut(marks).take(origin, place);
    }
    new
}

impl Serve {
    /// Takes what the reader has, without waiting longer than until something else is due.
    pub(super) fn take(&mut self) -> Result<Vec<(usize, Taken)>, RunError> {
        let most = self.run.options.blocks.max(1);
        let mut taken = Vec::new();
        let has_room = |run: &Run, taken: &[(usize, Taken)]| {
            let size = Size::of(taken.iter().map(|(_, taken)| taken));
            taken.len() < most && run.pace.has_room(size.records, size.bytes)
        };
        if self.machine.any_open() {
            while has_room(&self.run, &taken)
                && let Some(held) = self.held_back.pop_front()
            {
                self.accept(held, &mut taken);
            }
        }
        let mut wait = if taken.is_empty() { self.patience() } else { Duration::ZERO };
        while has_room(&self.run, &taken) {
            let report = match self.readers.reports.recv_timeout(wait) {
                Ok(report) => report,
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(RunError::Internal("the reader of the inputs broke off".to_owned()));
                }
            };
            wait = Duration::ZERO;
            if self.news(report, &mut taken)? {
                break;
            }
        }
        Ok(taken)
    }

    /// How long to wait for news: until a commit or the end of a lane's waiting is due.
    fn patience(&self) -> Duration {
        let now = std::time::Instant::now();
        let waits = self.waits.iter().map(|(until, _)| until.saturating_duration_since(now));
        let nothing_to_do = self.queue.is_empty();
        let longest = if nothing_to_do { Duration::from_millis(100) } else { Duration::ZERO };
        waits.chain([self.run.until_commit()]).min().unwrap_or(longest).min(longest)
    }

    /// Takes news; gives whether something is to be done before more is taken.
    fn news(&mut self, report: Report, taken: &mut Vec<(usize, Taken)>) -> Result<bool, RunError> {
        match report.news {
            News::Batch(batch, header, waiting) => {
                self.run.lag[READER] = waiting;
                let stream = self.streams.get(batch.stream as usize).copied().unwrap_or_default();
                let own = Taken { stream, batch, header };
                if self.machine.any_open() {
                    self.accept(own, taken);
                } else {
                    self.held_back.push_back(own);
                }
                Ok(false)
            }
            News::Changed(changes) => {
                for change in changes {
                    let failpoint = match &change {
                        Change::Assigned(..) => "after-assigned",
                        Change::Revoked(_) | Change::Gone(_) => "after-revoked",
                        Change::Counted { stream, partitions } => {
                            self.counted(*stream, *partitions)?;
                            continue;
                        }
                    };
                    self.changed(change);
                    self.run.stop_at(failpoint)?;
                }
                Ok(true)
            }
            News::Failed(error) => Err(RunError::connector("source", error)),
            News::Idle(_) => Ok(false),
            News::End(_) => Err(RunError::Internal("the source of the inputs ended".to_owned())),
        }
    }

    /// Takes a batch, if it is of what is read now; leaves out messages that were taken before.
    fn accept(&mut self, mut own: Taken, taken: &mut Vec<(usize, Taken)>) {
        let partition = PartitionId { stream: own.batch.stream, partition: own.batch.partition };
        let generation = own.batch.generation;
        if !self.machine.accepts(partition, generation) {
            if self.machine.is_void(partition, generation) {
                // Until a lane of it works again, which may take long.
                self.readers.command(READER, Command::Pause(partition));
            }
            self.readers.give_back(READER, own.batch);
            return;
        }
        if self.rests(&own) {
            self.readers.give_back(READER, own.batch);
            return;
        }
        self.date_back(&mut own);
        let progress = self.run.progress.partition(own.stream, partition.partition);
        let mut next = progress.position.next;
        let before = own.batch.messages.len();
        let mut messages = std::mem::take(&mut own.batch.messages);
        messages.retain(|message| {
            let new = message.offset >= next;
            next = next.max(message.offset + 1);
            new && (!self.options.rules.pass_over_repetitions || is_first(&own.batch, message, &mut progress.marks))
        });
        own.batch.messages = messages;
        progress.position.next = next.max(own.batch.end.next);
        own.batch.end.next = progress.position.next;
        if !own.batch.messages.is_empty() {
            self.idle.has_records(partition);
        }
        self.run.tally.streams[own.stream].repeated += (before - own.batch.messages.len()) as u64;
        taken.push((READER, own));
    }

    /// Messages that come back from a retry topic have the time that they had at first.
    fn date_back(&self, own: &mut Taken) {
        let stream = &self.run.core.streams[own.stream];
        if stream.returned.is_none() {
            return;
        }
        for at in 0..own.batch.messages.len() {
            if let Some(first) = stream.at_first(&own.batch, &own.batch.messages[at]) {
                own.batch.messages[at].timestamp = first.timestamp;
            }
        }
    }

    fn changed(&mut self, change: Change) {
        match change {
            Change::Assigned(partition, log) => {
                let stream = &self.run.core.streams[self.stream(partition)];
                let name = PartitionName {
                    stream: stream.id.clone(),
                    topic: stream.topic.clone(),
                    partition: partition.partition,
                };
                self.names.insert(partition, Arc::new(name));
                let (stream, partitions) = (self.stream(partition), log.partitions);
                self.run.core.shared.origins.count(stream, partitions, super::act::now());
                self.incarnations.insert(partition, log.incarnation.clone());
                let hash = xxh3_64(log.incarnation.as_bytes()) as u32;
                self.run.core.incarnations[self.stream(partition)].1.store(hash, Ordering::Relaxed);
                self.moved(partition, "assigned");
                self.event(protocol::Event::Assigned(partition, log));
            }
            Change::Revoked(partition) => {
                self.moved(partition, "revoked");
                self.event(protocol::Event::Revoked(partition));
            }
            Change::Gone(partition) => {
                self.moved(partition, "gone");
                self.event(protocol::Event::Gone(partition));
            }
            Change::Counted { .. } => {}
        }
    }

    pub(super) fn moved(&self, partition: PartitionId, what: &'static str) {
        let Some(name) = self.names.get(&partition) else { return };
        let (topic, partition) = (name.topic.clone(), name.partition);
        self.run.tell(|| Event::Partition(PartitionMoved { what, topic, partition }));
    }
}
