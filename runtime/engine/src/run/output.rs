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
    connector::{MessageId, OutputBatch, Sequence},
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
    incarnations: Arc<[AtomicU32]>,
    marks: Vec<Mark>,
    first_write: usize,
    ordinal: u32,
}

impl WorkOutput {
    /// Nothing yet, for a plan of such topics (whether the run reads them, and whether their messages have ids) and so
    /// many pipelines.
    pub(crate) fn new(topics: &[bool], ids: &[bool], incarnations: &Arc<[AtomicU32]>, pipelines: usize) -> Self {
        Self {
            incarnations: Arc::clone(incarnations),
            ids: ids.to_vec(),
            topics: topics.iter().map(|_| OutputBatch::default()).collect(),
            places: topics.iter().map(|read| read.then(Vec::new)).collect(),
            counts: vec![PipelineCounts::default(); pipelines],
            turn: RecordOrigin::ITSELF,
            ..Self::default()
        }
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

    /// Sets from where the record's outputs are counted.
    #[inline]
    pub(crate) const fn set_ordinal(&mut self, ordinal: u32) {
        self.ordinal = ordinal;
    }

    /// How the next output of the record is counted.
    pub(crate) const fn ordinal(&self) -> u32 {
        self.ordinal
    }

    /// Counts an output of the record.
    pub(crate) const fn next_ordinal(&mut self) -> u32 {
        let ordinal = self.ordinal;
        self.ordinal += 1;
        ordinal
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
            let (ordinal, sequence, ended) = (self.next_ordinal(), self.made_in, self.ended);
            let incarnation = incarnation(&self.incarnations, stream);
            self.topics[topic].ids.push(MessageId { stream, partition, offset, ordinal, sequence, ended, incarnation });
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

    /// Takes back what the record gave.
    pub(crate) fn undo_record(&mut self) {
        for mark in self.marks.drain(..).rev() {
            let batch = &mut self.topics[mark.topic];
            batch.bytes.truncate(mark.bytes);
            batch.keys.truncate(mark.keys);
            batch.ends.truncate(mark.ends);
            batch.ids.truncate(mark.ends);
            if let Some(places) = &mut self.places[mark.topic] {
                places.truncate(mark.ends);
            }
        }
        self.writes.truncate(self.first_write);
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

/// Which topic of its name a stream is.
pub(crate) fn incarnation(all: &[AtomicU32], stream: u32) -> u32 {
    all.get(stream as usize).map_or(0, |own| own.load(Ordering::Relaxed))
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
