//! The partitions that are this worker's, and what was read of them and not yet taken.

use std::{
    collections::VecDeque,
    ffi::CString,
    time::{Duration, Instant},
};

use nsf_engine::connector::{Header, KEPT_OF_OVERSIZED, LONGEST_MESSAGE, Message, PartitionId, RawBatch};
use rdkafka::{Message as _, message::BorrowedMessage};

use crate::native;

/// A batch with room for few bytes a message is full by its messages.
const SHORTEST_MESSAGE: usize = 16;

/// How old what was read may get while fuller batches go before it.
const PATIENCE: Duration = Duration::from_millis(20);

/// How many empty buffers are kept for their memory.
const SPARE: usize = 4;

/// A stream's share of a partition: two streams of one topic read it at places of their own.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) stream: u32,
    /// Whether it was started, and not paused since.
    pub(crate) started: bool,
    /// Offset of the next message that it takes; messages before it were taken.
    pub(crate) next: u64,
    pub(crate) generation: u64,
    /// Batches that were read, are full and were not handed out, and since when there is something in them.
    full: VecDeque<(Instant, RawBatch)>,
    /// What was read behind them.
    buffer: RawBatch,
    /// Since when there is something in it.
    since: Option<Instant>,
    /// The last position that it was told to commit.
    pub(crate) committed: Option<u64>,
    /// Whether it may go.
    pub(crate) released: bool,
}

/// How far an assignment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The log is being asked where it stands.
    Asked,
    /// The engine knows it.
    Told,
    /// It is to go; the engine was told, if it knew it.
    Leaving,
}

/// A partition that is this worker's.
#[derive(Debug)]
pub(crate) struct Assigned {
    pub(crate) topic: String,
    /// The same for calls of the C library.
    pub(crate) name: CString,
    pub(crate) partition: i32,
    pub(crate) phase: Phase,
    /// Tells this assignment from an earlier one of the same partition.
    pub(crate) token: u64,
    pub(crate) readings: Vec<Reading>,
    /// Where it is to be read from, as soon as the client can.
    pub(crate) wanted: Option<u64>,
    /// Whether the client fetches it.
    pub(crate) running: bool,
    /// Bytes and messages that were read, for what a waiting message is likely to be long.
    bytes: u64,
    messages: u64,
}

impl Reading {
    fn new(stream: u32) -> Self {
        Self {
            stream,
            started: false,
            next: 0,
            generation: 0,
            full: VecDeque::new(),
            buffer: RawBatch::default(),
            since: None,
            committed: None,
            released: false,
        }
    }

    /// About how much memory what was not handed out takes.
    pub(crate) fn held(&self) -> usize {
        self.full.iter().map(|(_, batch)| memory(batch)).sum::<usize>() + filled(&self.buffer)
    }

    /// Whether it has a batch of so many bytes.
    fn is_full(&self, bytes: usize) -> bool {
        !self.full.is_empty() || is_full(&self.buffer, bytes)
    }

    /// Since when what is handed out next waits.
    fn waits_since(&self) -> Option<Instant> {
        self.full.front().map(|(since, _)| *since).or(self.since)
    }

    /// Throws away what was read and not handed out.
    fn forget(&mut self) {
        self.full.clear();
        self.buffer = RawBatch::default();
        self.since = None;
    }

    /// Takes a message. While nothing is handed out, what waits is kept in batches of so many bytes: one that holds all of it
    /// would be worked on, and take memory, as a whole.
    fn take(&mut self, message: &BorrowedMessage<'_>, offset: u64, filling: &mut Filling) -> usize {
        let mut kept = 0;
        if is_full(&self.buffer, filling.batch)
            && let Some(since) = self.since.take()
        {
            let full = std::mem::take(&mut self.buffer);
            kept += memory(&full).saturating_sub(filled(&full));
            self.full.push_back((since, full));
        }
        if self.since.is_none() {
            self.since = Some(Instant::now());
            if self.buffer.bytes.capacity() == 0
                && let Some(empty) = filling.spare.pop()
            {
                self.buffer = empty;
            }
        }
        let before = filled(&self.buffer);
        push(&mut self.buffer, message, offset);
        self.next = offset + 1;
        kept + filled(&self.buffer) - before
    }

    /// Gives what was read first for an empty batch.
    fn hand_out(&mut self, batch: &mut RawBatch) -> RawBatch {
        let first = match self.full.pop_front() {
            Some((_, full)) => full,
            None => {
                self.since = None;
                std::mem::take(&mut self.buffer)
            }
        };
        std::mem::replace(batch, first)
    }
}

/// How much of its memory a batch uses.
const fn filled(batch: &RawBatch) -> usize {
    let RawBatch { bytes, messages, headers, .. } = batch;
    bytes.len() + size_of_val(messages.as_slice()) + size_of_val(headers.as_slice())
}

/// How much memory a batch takes.
const fn memory(batch: &RawBatch) -> usize {
    let RawBatch { bytes, messages, headers, .. } = batch;
    bytes.capacity() + messages.capacity() * size_of::<Message>() + headers.capacity() * size_of::<Header>()
}

/// Whether a batch has as much as one of so many bytes takes.
const fn is_full(batch: &RawBatch, bytes: usize) -> bool {
    let most = bytes / SHORTEST_MESSAGE;
    batch.bytes.len() >= bytes || batch.messages.len() >= if most == 0 { 1 } else { most }
}

/// Appends a message to a batch: its value, its key, then its headers.
fn push(batch: &mut RawBatch, message: &BorrowedMessage<'_>, offset: u64) {
    let RawBatch { bytes, messages, headers, end, .. } = batch;
    let copy = |bytes: &mut Vec<u8>, part: &[u8]| {
        let start = bytes.len() as u32;
        bytes.extend_from_slice(part);
        (start, bytes.len() as u32)
    };
    let value = message.payload();
    let length = value.map_or(0, <[u8]>::len);
    // What is longer comes from a topic with a limit of its own; it is to be rejected, not to fill the memory.
    let oversized = (length > LONGEST_MESSAGE).then_some(length as u64);
    let kept = value.unwrap_or_default().get(..if oversized.is_some() { KEPT_OF_OVERSIZED } else { length });
    let (start, stop) = copy(bytes, kept.unwrap_or_default());
    let key = message.key().map(|key| copy(bytes, key));
    let first = headers.len() as u32;
    native::headers(message, |name, value| {
        // Headers whose names are no text cannot be asked for; the message is none the worse for them.
        if std::str::from_utf8(name).is_ok() {
            let (name, value) = (copy(bytes, name), copy(bytes, value));
            headers.push(Header { name, value });
        }
    });
    messages.push(Message {
        start,
        end: stop,
        offset,
        timestamp: message.timestamp().to_millis(),
        key,
        oversized,
        headers: (first, headers.len() as u32),
        tombstone: value.is_none(),
    });
    end.next = offset + 1;
}

impl Assigned {
    pub(crate) fn new(topic: &str, partition: i32, streams: &[u32], token: u64) -> Self {
        Self {
            topic: topic.to_owned(),
            // Names of topics hold no zero bytes.
            name: CString::new(topic).unwrap_or_default(),
            partition,
            phase: Phase::Asked,
            token,
            readings: streams.iter().map(|stream| Reading::new(*stream)).collect(),
            wanted: None,
            running: false,
            bytes: 0,
            messages: 0,
        }
    }

    /// As the engine names the reading.
    pub(crate) fn id(&self, reading: &Reading) -> PartitionId {
        PartitionId { stream: reading.stream, partition: self.partition as u32 }
    }

    /// Starts a stream's reading at an offset.
    pub(crate) fn start(&mut self, stream: u32, next: u64, generation: u64) {
        let Some(reading) = self.readings.iter_mut().find(|reading| reading.stream == stream) else { return };
        reading.forget();
        (reading.started, reading.next, reading.generation) = (true, next, generation);
        // The other streams of the topic skip what they have.
        self.wanted = self.next();
    }

    /// The next offset that any of its streams takes, where one is started.
    pub(crate) fn next(&self) -> Option<u64> {
        self.readings.iter().filter(|reading| reading.started).map(|reading| reading.next).min()
    }

    /// Stops a stream's reading; whether nothing of the partition is read any more.
    pub(crate) fn pause(&mut self, stream: u32) -> bool {
        for reading in self.readings.iter_mut().filter(|reading| reading.stream == stream) {
            reading.forget();
            reading.started = false;
        }
        self.readings.iter().all(|reading| !reading.started)
    }

    /// Stops all its readings for good.
    pub(crate) fn stop(&mut self) {
        for reading in &mut self.readings {
            reading.forget();
            reading.started = false;
        }
        (self.wanted, self.running) = (None, false);
    }

    /// Gives a message to every stream that has not had it; how many bytes were kept.
    fn take(&mut self, message: &BorrowedMessage<'_>, filling: &mut Filling) -> usize {
        // What comes before the client went to the place it was told is of an older generation.
        if self.wanted.is_some() {
            return 0;
        }
        let Ok(offset) = u64::try_from(message.offset()) else { return 0 };
        let mut kept = 0;
        for reading in &mut self.readings {
            if reading.started && offset >= reading.next {
                kept += reading.take(message, offset, filling);
            }
        }
        if kept > 0 {
            self.messages += 1;
            self.bytes += (message.payload_len() + message.key_len()) as u64;
        }
        kept
    }

    /// About how many bytes wait in the log behind what was handed out, given where it ends.
    pub(crate) fn waiting(&self, end: u64) -> u64 {
        let behind = self.next().map_or(0, |next| end.saturating_sub(next));
        let batches = self.readings.iter().flat_map(|own| own.full.iter().map(|(_, full)| full).chain([&own.buffer]));
        let held: usize = batches.map(|batch| batch.bytes.len()).sum();
        behind * self.bytes.checked_div(self.messages).unwrap_or(0) + held as u64
    }

    /// The position that may be committed for the group: all streams are behind it.
    pub(crate) fn committable(&self) -> Option<u64> {
        self.readings.iter().filter_map(|reading| reading.committed).min()
    }
}

/// All partitions that are this worker's.
#[derive(Debug, Default)]
pub(crate) struct AllAssigned {
    pub(crate) list: Vec<Assigned>,
    /// Where the last message belonged: a fetch brings many of one partition.
    last: usize,
    filling: Filling,
}

/// How batches are filled.
#[derive(Debug, Default)]
struct Filling {
    /// How many bytes make a batch full.
    batch: usize,
    /// Empty batches.
    spare: Vec<RawBatch>,
}

impl AllAssigned {
    pub(crate) fn find(&mut self, topic: &str, partition: i32) -> Option<&mut Assigned> {
        let is = |assigned: &Assigned| assigned.partition == partition && assigned.topic == topic;
        if !self.list.get(self.last).is_some_and(is) {
            self.last = self.list.iter().position(is)?;
        }
        self.list.get_mut(self.last)
    }

    /// By the engine's name.
    pub(crate) fn find_id(&mut self, id: PartitionId) -> Option<&mut Assigned> {
        self.list.iter_mut().find(|assigned| {
            assigned.partition as u32 == id.partition
                && assigned.readings.iter().any(|reading| reading.stream == id.stream)
        })
    }

    /// Keeps a message for the streams that read its partition.
    pub(crate) fn take(&mut self, message: &BorrowedMessage<'_>) -> usize {
        let mut filling = std::mem::take(&mut self.filling);
        let kept =
            self.find(message.topic(), message.partition()).map_or(0, |assigned| assigned.take(message, &mut filling));
        self.filling = filling;
        kept
    }

    /// Lets batches be full that have so many bytes.
    pub(crate) const fn fill_batches_to(&mut self, bytes: usize) {
        self.filling.batch = bytes;
    }

    /// Bytes that were read and not handed out.
    pub(crate) fn held(&self) -> usize {
        self.list.iter().flat_map(|assigned| &assigned.readings).map(Reading::held).sum()
    }

    /// Whether the partition of the last message has as much as a batch takes.
    pub(crate) fn last_is_full(&self, bytes: usize) -> bool {
        let last = self.list.get(self.last);
        last.is_some_and(|assigned| assigned.readings.iter().any(|reading| reading.is_full(bytes)))
    }

    /// Whether any partition has.
    pub(crate) fn any_full(&self, bytes: usize) -> bool {
        self.list.iter().flat_map(|assigned| &assigned.readings).any(|reading| reading.is_full(bytes))
    }

    /// Hands out the fullest buffer, or the oldest where it waited for too long; whether there was any.
    pub(crate) fn hand_out(&mut self, batch: &mut RawBatch) -> bool {
        let mut best: Option<(bool, Duration, usize, usize, usize)> = None;
        for (index, assigned) in self.list.iter().enumerate() {
            for (place, reading) in assigned.readings.iter().enumerate() {
                let Some(since) = reading.waits_since() else { continue };
                let age = since.elapsed();
                let late = age > PATIENCE;
                let rank = (late, if late { age } else { Duration::ZERO }, reading.held(), index, place);
                best = best.max(Some(rank));
            }
        }
        let Some((.., index, place)) = best else { return false };
        let Some(assigned) = self.list.get_mut(index) else { return false };
        let partition = assigned.partition as u32;
        let Some(reading) = assigned.readings.get_mut(place) else { return false };
        let mut empty = reading.hand_out(batch);
        (batch.stream, batch.partition, batch.generation) = (reading.stream, partition, reading.generation);
        if self.filling.spare.len() < SPARE {
            empty.clear();
            self.filling.spare.push(empty);
        }
        true
    }
}
