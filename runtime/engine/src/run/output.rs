//! What a worker or a lane gives: messages by topic, writes of dimensions, rejected records and counts. What one record
//! gave can be taken back while the record's end is not known.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use nsf_plan::PipelineId;

use crate::{
    connector::{MessageId, OutputBatch, Placed, Sequence},
    fault::FaultCode,
    observe::RecordId,
    rejected::Rejection,
    run::stage::{DimensionWrite, RecordOrigin},
    summary::reason_words,
};

/// How records of one pipeline ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct PipelineCounts {
    /// Records that came to it.
    pub taken: u64,
    /// Dropped, by the program's reason.
    pub dropped: Vec<u64>,
    /// Rejected, by code and reason.
    pub rejected: BTreeMap<(FaultCode, String), u64>,
}

impl PipelineCounts {
    /// Counts a dropped record.
    pub(crate) fn drop_one(&mut self, reason: u32) {
        let at = reason as usize;
        if self.dropped.len() <= at {
            self.dropped.resize(at + 1, 0);
        }
        self.dropped[at] += 1;
    }

    /// Adds the counts of another worker.
    pub(crate) fn add(&mut self, other: &mut Self) {
        self.taken += std::mem::take(&mut other.taken);
        for (reason, count) in other.dropped.drain(..).enumerate() {
            if self.dropped.len() <= reason {
                self.dropped.resize(reason + 1, 0);
            }
            self.dropped[reason] += count;
        }
        for (key, count) in std::mem::take(&mut other.rejected) {
            *self.rejected.entry(key).or_default() += count;
        }
    }
}

/// Lengths of a topic's batch before a message.
#[derive(Clone, Copy, Debug)]
struct Mark {
    topic: usize,
    bytes: usize,
    keys: usize,
    ends: usize,
}

/// How much there is of messages and writes, to go back to.
#[derive(Debug)]
pub(crate) struct Savepoint {
    topics: Vec<Mark>,
    writes: usize,
}

/// The place of what is worked on in its round.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The record.
    pub record: u64,
    /// Values that it ended come before it.
    pub turn: Turn,
}

/// A value that a record ended, or the record itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Turn {
    /// A value: when it ended, its state's place among those whose ends flows are told of, and its key.
    Ended(i64, usize, std::sync::Arc<[u8]>),
    /// The record itself.
    #[default]
    Itself,
}

/// What work gave, in order.
#[derive(Debug, Default)]
pub(crate) struct WorkOutput {
    /// Messages, by the topic's index in the plan.
    pub topics: Vec<OutputBatch>,
    /// Writes of dimensions.
    pub writes: Vec<DimensionWrite>,
    /// Rejected records.
    pub rejected: Vec<Rejection>,
    /// Counts by the pipeline's index in the plan.
    pub counts: Vec<PipelineCounts>,
    /// Counts of the stream itself.
    pub stream: PipelineCounts,
    /// Which pipeline is running.
    pub pipeline: PipelineId,
    /// The place of the record at hand in its round; messages of topics that the run reads remember it.
    pub place: Place,
    /// The record at hand, for the ids of its messages.
    pub record: RecordId,
    /// For a value that has ended: what tells it from others; 0 for records.
    pub ended: u64,
    /// Its place among the values that the same record ended.
    pub turn: u32,
    /// By topic that the run reads: the places of the records that its messages come from.
    places: Vec<Option<Vec<Place>>>,
    /// Which messages of the record at hand come in order.
    pub made_in: Sequence,
    /// By topic: whether its messages are told apart by ids.
    ids: Vec<bool>,
    /// By stream: which topic of its name it is.
    incarnations: Incarnations,
    marks: Vec<Mark>,
    first_write: usize,
    sender: Sender,
    /// By topic: for which sender it was last sent to, and how many messages of that one it has.
    sent: Vec<(u64, u32)>,
}

/// Who sends and writes because of a record: a flow that runs on it, mostly.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sender {
    /// The flow's number; where a subscription told it, with why.
    pub by: u32,
    /// From where what it writes is ordered.
    pub ordinal: u32,
    /// From where what it sends to a topic and what it writes are counted. A flow that runs in two parts counts those of the
    /// second from [`SECOND_PART`] on.
    first: u32,
    /// Counts senders.
    number: u64,
    /// Counts what it wrote.
    written: u32,
    /// Counts what it sent and wrote.
    used: u32,
}

/// From where the outputs of a flow's second part are counted.
const SECOND_PART: u32 = 1 << 12;

impl Sender {
    /// The first part of a program, by its index in the plan.
    pub(crate) const fn first_part(by: u32, program: u32) -> Self {
        Self { by, ordinal: program << 16, first: 0, number: 0, written: 0, used: 0 }
    }

    /// The second part of it, that has sent and written so much before.
    pub(crate) const fn second_part(by: u32, program: u32, before: u32) -> Self {
        let first = SECOND_PART + before;
        Self { by, ordinal: (program << 16) + first, first, number: 0, written: 0, used: 0 }
    }
}

impl WorkOutput {
    /// Nothing yet, for a plan of such topics (whether the run reads them, and whether their messages have ids) and so
    /// many pipelines.
    pub(crate) fn new(topics: &[bool], ids: &[bool], incarnations: &Incarnations, pipelines: usize) -> Self {
        Self {
            incarnations: Arc::clone(incarnations),
            ids: ids.to_vec(),
            topics: topics.iter().map(|_| OutputBatch::default()).collect(),
            places: topics.iter().map(|read| read.then(Vec::new)).collect(),
            counts: vec![PipelineCounts::default(); pipelines],
            turn: RecordOrigin::ITSELF,
            sent: vec![(0, 0); topics.len()],
            ..Self::default()
        }
    }

    /// About how many bytes its messages and writes take.
    pub(crate) fn memory(&self) -> usize {
        let sent: usize = self.topics.iter().map(OutputBatch::memory).sum();
        sent + self.writes.iter().map(DimensionWrite::memory).sum::<usize>()
    }

    /// Makes it empty and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.topics.iter_mut().for_each(OutputBatch::clear);
        self.places.iter_mut().flatten().for_each(Vec::clear);
        self.writes.clear();
        self.rejected.clear();
        self.marks.clear();
        (self.turn, self.ended) = (RecordOrigin::ITSELF, 0);
    }

    /// A record begins: what comes now can be taken back.
    #[inline]
    pub(crate) fn begin_record(&mut self) {
        self.marks.clear();
        self.first_write = self.writes.len();
    }

    /// A flow begins to run on the record at hand, or who else sends something because of it.
    #[inline]
    pub(crate) const fn set_sender(&mut self, sender: Sender) {
        let number = self.sender.number + 1;
        self.sender = Sender { number, ..sender };
    }

    /// Who writes because of the record: its order among all that the record causes, its number, and which of its writes.
    pub(crate) const fn next_write(&mut self) -> (u32, u32, u32) {
        let Sender { by, ordinal, first, written, .. } = self.sender;
        self.sender.written += 1;
        self.sender.used += 1;
        (ordinal + written, by, first + written)
    }

    /// How much the sender at hand has sent and written.
    pub(crate) const fn used(&self) -> u32 {
        self.sender.used
    }

    /// Counts what is sent to a topic.
    fn next_sent(&mut self, topic: usize) -> u32 {
        let Sender { number, first, .. } = self.sender;
        self.sender.used += 1;
        let Some(sent) = self.sent.get_mut(topic) else { return first };
        if sent.0 != number {
            *sent = (number, 0);
        }
        sent.1 += 1;
        first + sent.1 - 1
    }

    /// A message to a topic begins.
    #[inline]
    pub(crate) fn begin_message(&mut self, topic: usize) {
        let batch = &self.topics[topic];
        let mark = Mark { topic, bytes: batch.bytes.len(), keys: batch.keys.len(), ends: batch.ends.len() };
        self.marks.push(mark);
    }

    /// The message to a topic is whole.
    #[inline]
    pub(crate) fn end_message(&mut self, topic: usize) {
        self.topics[topic].end_message();
        if let Some(places) = &mut self.places[topic] {
            places.push(self.place.clone());
        }
        if self.ids.get(topic).copied().unwrap_or(false) {
            let RecordId { stream, partition, offset } = self.record;
            let (by, ordinal) = (self.sender.by, self.next_sent(topic));
            let (sequence, ended) = (self.made_in, self.ended);
            let incarnation = incarnation(&self.incarnations, stream);
            let id = MessageId { stream, partition, offset, by, ordinal, sequence, ended, incarnation };
            self.topics[topic].ids.push(id);
        }
    }

    /// Sends a whole message to a topic.
    pub(crate) fn send(&mut self, topic: usize, key: &[u8], message: &[u8]) {
        if topic < self.topics.len() {
            let batch = &mut self.topics[topic];
            batch.keys.extend_from_slice(key);
            batch.bytes.extend_from_slice(message);
            self.end_message(topic);
        }
    }

    /// Sends a message to a topic's partition of its number, with headers.
    pub(crate) fn send_placed(&mut self, topic: usize, (key, message): (&[u8], &[u8]), placed: Placed) {
        if let Some(batch) = self.topics.get_mut(topic) {
            batch.placed.push(Placed { message: batch.ends.len() as u32, ..placed });
            self.send(topic, key, message);
        }
    }

    /// Takes back what the record gave.
    pub(crate) fn undo_record(&mut self) {
        for mark in self.marks.drain(..).rev() {
            let batch = &mut self.topics[mark.topic];
            batch.bytes.truncate(mark.bytes);
            batch.keys.truncate(mark.keys);
            batch.ends.truncate(mark.ends);
            batch.ids.truncate(mark.ends);
            while batch.placed.last().is_some_and(|placed| placed.message as usize >= mark.ends) {
                batch.placed.pop();
            }
            if let Some(places) = &mut self.places[mark.topic] {
                places.truncate(mark.ends);
            }
        }
        self.writes.truncate(self.first_write);
    }

    /// What is there now, of all flows of a record.
    pub(crate) fn savepoint(&self) -> Savepoint {
        let mark = |(topic, batch): (usize, &OutputBatch)| Mark {
            topic,
            bytes: batch.bytes.len(),
            keys: batch.keys.len(),
            ends: batch.ends.len(),
        };
        Savepoint { topics: self.topics.iter().enumerate().map(mark).collect(), writes: self.writes.len() }
    }

    /// Takes back the messages and writes that came since.
    pub(crate) fn go_back_to(&mut self, point: Savepoint) {
        (self.marks, self.first_write) = (point.topics, point.writes);
        self.undo_record();
    }

    /// Keeps and counts a record that the running pipeline rejected.
    pub(crate) fn reject(&mut self, rejection: Rejection) {
        let words = reason_words(rejection.code, &rejection.reason);
        *self.count().rejected.entry((rejection.code, words)).or_default() += 1;
        self.rejected.push(rejection);
    }

    /// Keeps and counts a message that the stream itself rejected.
    pub(crate) fn reject_in_stream(&mut self, rejection: Rejection) {
        let words = reason_words(rejection.code, &rejection.reason);
        *self.stream.rejected.entry((rejection.code, words)).or_default() += 1;
        self.rejected.push(rejection);
    }

    /// Counts of the running pipeline.
    #[inline]
    pub(crate) fn count(&mut self) -> &mut PipelineCounts {
        let at = self.pipeline.index();
        &mut self.counts[at]
    }
}

/// By stream: its number, and which topic of its name it is.
pub(crate) type Incarnations = Arc<[(u32, AtomicU32)]>;

/// Which topic of its name the stream of a number is.
pub(crate) fn incarnation(all: &[(u32, AtomicU32)], stream: u32) -> u32 {
    all.iter().find(|(number, _)| *number == stream).map_or(0, |(_, own)| own.load(Ordering::Relaxed))
}

/// Takes the messages of a topic that the run reads out of the lanes' outputs, in the order of the records that they
/// come from: how records are spread over lanes must not be seen behind the topic.
pub(crate) fn take_in_order<'o>(topic: usize, outputs: impl Iterator<Item = &'o mut WorkOutput>) -> OutputBatch {
    let mut taken: Vec<(OutputBatch, Vec<Place>)> = Vec::new();
    for output in outputs {
        let Some(places) = output.places[topic].as_mut().map(std::mem::take) else { continue };
        taken.push((std::mem::take(&mut output.topics[topic]), places));
    }
    let mut messages: Vec<(&Place, &[u8], &[u8])> = Vec::new();
    for (batch, places) in &taken {
        let of_lane = batch.messages().zip(places).map(|((key, message), place)| (place, key, message));
        messages.extend(of_lane);
    }
    // Stable: what one record sent stays in its order.
    messages.sort_by_key(|(place, ..)| *place);
    let mut ordered = OutputBatch::default();
    for (_, key, message) in messages {
        ordered.push(key, message);
    }
    ordered
}
