//! A worker: decodes a batch and runs the steps that need no lane.

use bumpalo::Bump;
use nsf_plan::PipelineId;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    ended::Ended,
    lane::restore,
    output::{Sender, WorkOutput},
    pieces::Core,
    returned::{self, At as AtFirst},
    stage::IngestOutput,
    stream::{DecodeLayout, SourceWork, Stream, StreamWork},
};
use crate::{
    connector::{ConnectorError, Message, RawBatch, Sequence},
    decode::{Decoder, MessageMeta, Payload},
    fault::{Fault, FaultCode},
    frame::{Context, Frame, NoRows},
    observe::{Point, RecordId},
    steps::{Execution, LaneStates, Mode, Program, Record, Scratch},
    value::Value,
};

/// What a worker keeps between batches.
pub(crate) struct Worker {
    /// By stream; cloned when the stream's first batch comes.
    decoders: Vec<Option<Decoder>>,
    /// Committed rows and buffers.
    pub scratch: Scratch,
    /// The worker has no lane.
    lane: LaneStates,
    key: Vec<u8>,
}

/// A batch of a stream, with the stream's CSV header.
pub(crate) struct Taken {
    /// The stream, by its index.
    pub stream: usize,
    /// The messages.
    pub batch: RawBatch,
    /// The header row, where the stream's format has one.
    pub header: Option<std::sync::Arc<[u8]>>,
}

/// A record that goes on in a lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// The message, by its index in the batch.
    pub message: u32,
    /// The pipeline, by its index.
    pub program: u16,
    /// The lane.
    pub lane: u16,
    /// Where its carried values begin.
    pub values: u32,
    /// The record's time.
    pub time: i64,
}

/// Which record a message is, where its stream alone does not say.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caused {
    /// The record that caused it.
    pub id: RecordId,
    /// From where what comes of it is ordered.
    pub ordinal: u32,
    /// Where a value caused it that has ended: which.
    pub ended: u64,
    /// Its place among the values that the same record ended.
    pub turn: u32,
    /// The number of the write that a subscription told of.
    pub write: u32,
}

/// What a worker made of a batch.
#[derive(Debug, Default)]
pub(crate) struct Worked<'r> {
    /// What was given without lanes.
    pub output: WorkOutput,
    /// Records that go on in lanes, in order.
    pub entries: Vec<Entry>,
    /// Messages of a retry topic, by their index in the batch and in order, that cannot be read any more, and why. The lane
    /// where they wait rejects them.
    pub refused: Vec<(u32, Box<Fault>)>,
    /// Values that their steps read.
    pub values: Vec<Value<'r>>,
    /// By message: its time (the smallest where it was not decoded), later its watermark.
    pub times: Vec<i64>,
    /// By message: whether it is late; empty where none can be.
    pub late: Vec<bool>,
    /// By message: the record behind it, for records of subscriptions.
    pub caused: Vec<Caused>,
    /// Counts of an ingest's batch.
    pub ingest: IngestOutput,
    /// The run cannot go on.
    pub broken: Option<ConnectorError>,
}

impl Worker {
    pub(crate) fn new(core: &Core) -> Self {
        Self {
            decoders: core.streams.iter().map(|_| None).collect(),
            scratch: Scratch::default(),
            lane: LaneStates::new(core.shared.states.len(), false),
            key: Vec::new(),
        }
    }

    /// Works on a batch. `output` is an empty one to be used again.
    pub(crate) fn work<'r>(
        &mut self,
        core: &Core,
        taken: &'r Taken,
        arena: &'r Bump,
        output: WorkOutput,
    ) -> Worked<'r> {
        let mut worked = Worked { output, ..Worked::default() };
        let stream = &core.streams[taken.stream];
        match &stream.work {
            StreamWork::Ingest(processor) => {
                for message in &taken.batch.messages {
                    processor.process(stream.number, &taken.batch, message, arena, &mut worked.ingest);
                }
                worked.output.writes.append(&mut worked.ingest.writes);
                for rejection in worked.ingest.rejected.drain(..) {
                    worked.output.reject_in_stream(rejection);
                }
            }
            StreamWork::Subscription | StreamWork::Ended => {}
            StreamWork::Source(source) => self.records(core, stream, source, taken, arena, &mut worked),
        }
        worked
    }

    fn records<'r>(
        &mut self,
        core: &Core,
        stream: &Stream,
        source: &SourceWork,
        taken: &'r Taken,
        arena: &'r Bump,
        worked: &mut Worked<'r>,
    ) {
        let mut decoder = self.decoders[taken.stream].take().unwrap_or_else(|| source.decoder.clone());
        if let Err(fault) = give_header(&mut decoder, taken) {
            // A wrong header makes every record unreadable; each is rejected for it.
            for (index, message) in taken.batch.messages.iter().enumerate() {
                if stream.at_first(&taken.batch, message).is_some() {
                    worked.refused.push((index as u32, fault.clone()));
                } else {
                    worked.output.reject_in_stream(stream.rejection(&stream.id, &taken.batch, message, &fault));
                }
            }
            return;
        }
        let own = match &source.layout {
            DecodeLayout::Own(layout) => Some(Frame::new(layout)),
            DecodeLayout::Program => None,
        };
        let program = |feed: &super::stream::Feed| &core.programs[feed.program];
        let frames: Vec<Frame<'r>> = source.programs.iter().map(|feed| Frame::new(&program(feed).layout)).collect();
        let text = simdutf8::basic::from_utf8(&taken.batch.bytes).ok();
        let laned = source.programs.iter().any(|feed| program(feed).mode == Mode::Laned);
        let mut batch = BatchWork {
            core,
            stream,
            source,
            taken,
            arena,
            own,
            frames,
            text,
            topic: arena.alloc_str(stream.returned.as_ref().map_or(&stream.topic, |returned| &returned.topic)),
            laned,
            deferred: Vec::new(),
        };
        for (index, message) in taken.batch.messages.iter().enumerate() {
            batch.record(self, &mut decoder, index, message, worked);
            if worked.broken.is_some() {
                break;
            }
        }
        if worked.broken.is_none() {
            batch.finish(self, worked);
        }
        self.decoders[taken.stream] = Some(decoder);
    }
}

fn give_header(decoder: &mut Decoder, taken: &Taken) -> Result<(), Box<Fault>> {
    match &taken.header {
        Some(header) if decoder.wants_header() => decoder.header(Payload::Bytes(header)),
        _ => Ok(()),
    }
}

/// A record with one of the pipelines that it comes to.
#[derive(Clone, Copy)]
struct At<'w, 'r> {
    /// The pipeline, by its index.
    index: usize,
    program: &'w Program,
    frame: &'w Frame<'r>,
    /// The message, by its index in the batch.
    message: usize,
    record: Record,
}

/// What stays the same over a batch.
struct BatchWork<'w, 'r> {
    core: &'w Core,
    stream: &'w Stream,
    source: &'w SourceWork,
    taken: &'r Taken,
    arena: &'r Bump,
    /// The stream's own slots.
    own: Option<Frame<'r>>,
    /// Slots of the pipelines, in the order of the source's feeds.
    frames: Vec<Frame<'r>>,
    /// The batch's bytes, where all are UTF-8.
    text: Option<&'r str>,
    topic: &'r str,
    laned: bool,
    /// Records of direct programs that wait for rows of tables, which are looked up for all of them together: the feed and
    /// the values that the steps read.
    deferred: Vec<(usize, Entry)>,
}

impl<'r> BatchWork<'_, 'r> {
    #[inline]
    fn record(
        &mut self,
        worker: &mut Worker,
        decoder: &mut Decoder,
        index: usize,
        message: &Message,
        worked: &mut Worked<'r>,
    ) {
        worked.output.stream.taken += 1;
        if self.is_of_others(message) {
            if self.laned {
                worked.times.push(i64::MIN);
            }
            return;
        }
        let time = match self.decode(decoder, message) {
            Ok(time) => time,
            Err(fault) => {
                self.reject_in_stream(index, fault, worked);
                return;
            }
        };
        if self.laned {
            worked.times.push(time);
        }
        let record = self.record_of(message, time);
        worked.output.record = record.id;
        worked.output.made_in = Sequence::Partition;
        for (at_feed, feed) in self.source.programs.iter().enumerate() {
            let frame = &self.frames[at_feed];
            if let Some(own) = &self.own {
                feed.fill(frame, own, self.arena);
            }
            frame.begin(time);
            self.core.shared.clock.set(frame, time);
            let program = &self.core.programs[feed.program];
            worked.output.pipeline = PipelineId(feed.program as u32);
            worked.output.set_sender(Sender::first_part(program.number, feed.program as u32));
            let direct = program.mode == Mode::Direct;
            let waits = direct && program.looks_up(&self.core.shared);
            let to = if direct && !waits { program.steps.len() } else { program.prefix };
            let at = At { index: feed.program, program, frame, message: index, record };
            let goes_on = self.run(worker, at, to, worked);
            if goes_on && waits {
                let entry = keep(at, 0, worked);
                self.deferred.push((at_feed, entry));
            } else if goes_on && !direct {
                self.stage(worker, at, worked);
            }
        }
    }

    /// Whether a message of a retry topic is one of another source, whose records wait there too.
    fn is_of_others(&self, message: &Message) -> bool {
        let Some(own) = &self.stream.returned else { return false };
        AtFirst::of(&self.taken.batch, message).is_some_and(|at| at.source != own.id)
    }

    fn decode(&self, decoder: &mut Decoder, message: &Message) -> Result<i64, Box<Fault>> {
        if let Some(length) = message.oversized {
            let words = format!("the message is {length} bytes long; at most 16 MiB are read");
            return Err(Fault::new(FaultCode::Limit, words));
        }
        let batch = &self.taken.batch;
        let payload = self
            .text
            .and_then(|text| text.get(message.start as usize..message.end as usize))
            .map_or_else(|| Payload::Bytes(batch.message(message)), Payload::Text);
        if message.tombstone {
            return Err(Fault::new(FaultCode::Malformed, "the message has no value (a tombstone)"));
        }
        let at = match &self.stream.returned {
            None => None,
            Some(returned) => {
                let words = || format!("the message came to the retry topic of `{}` from elsewhere", returned.name);
                let at = AtFirst::of(batch, message);
                Some(at.ok_or_else(|| Fault::new(FaultCode::Malformed, words()))?)
            }
        };
        let headers: Vec<(&str, &[u8])> = match at {
            Some(_) => returned::kept_headers(batch, message).collect(),
            None if batch.headers.is_empty() => Vec::new(),
            None => batch.headers(message).collect(),
        };
        let meta = MessageMeta {
            key: batch.key(message),
            headers: self.arena.alloc_slice_copy(&headers),
            topic: self.topic,
            partition: at.map_or(batch.partition, |at| at.partition).cast_signed(),
            offset: at.map_or(message.offset, |at| at.offset).cast_signed(),
            timestamp: message.timestamp,
        };
        let frame = self.own.as_ref().unwrap_or(&self.frames[0]);
        decoder.decode(payload, &meta, frame, self.arena)?;
        let time = match self.source.time {
            Some(place) if !frame.is_null(place) => frame.integer(place.index),
            _ => message.timestamp.unwrap_or(0),
        };
        match message.timestamp {
            Some(own) if time > own.saturating_add(self.source.max_skew) => {
                let words = "the record's time is ahead of its message's by more than `max_skew`";
                Err(Fault::new(FaultCode::Future, words))
            }
            _ => Ok(time),
        }
    }

    /// Runs a program's steps up to `to`; gives whether the record goes on behind them.
    fn run(&self, worker: &mut Worker, at: At<'_, 'r>, to: usize, worked: &mut Worked<'r>) -> bool {
        let At { program, record, .. } = at;
        let observer = self.core.shared.observer.as_deref();
        if let Some(observer) = observer {
            observer.observe(record.id, Point::Entry(&program.id));
        }
        worked.output.count().taken += 1;
        self.steps(worker, at, (0, to), worked)
    }

    /// Runs the steps of records that waited for rows of tables.
    fn finish(&self, worker: &mut Worker, worked: &mut Worked<'r>) {
        if self.deferred.is_empty() {
            return;
        }
        let programs = &self.core.programs;
        for (feed, entry) in &self.deferred {
            let (program, frame) = (&programs[entry.program as usize], &self.frames[*feed]);
            restore(program, frame, &worked.values, entry);
            worker.scratch.wanted.add(&self.core.shared, program, frame, self.arena);
        }
        if let Err(error) = worker.scratch.look_up(&self.core.shared) {
            worked.broken = Some(error);
            return;
        }
        for (feed, entry) in &self.deferred {
            let (program, frame) = (&programs[entry.program as usize], &self.frames[*feed]);
            restore(program, frame, &worked.values, entry);
            frame.begin(entry.time);
            self.core.shared.clock.set(frame, entry.time);
            let (message, time) = (entry.message as usize, entry.time);
            let record = self.record_of(&self.taken.batch.messages[message], time);
            worked.output.record = record.id;
            worked.output.pipeline = PipelineId(u32::from(entry.program));
            // Apart from what the steps before have made, which may have come before messages of earlier records.
            worked.output.set_sender(Sender::second_part(program.number, u32::from(entry.program), 0));
            let at = At { index: entry.program as usize, program, frame, message, record };
            self.steps(worker, at, (program.prefix, program.steps.len()), worked);
            if worked.broken.is_some() {
                return;
            }
        }
    }

    /// Runs some of a program's steps; gives whether the record goes on behind them.
    fn steps(&self, worker: &mut Worker, at: At<'_, 'r>, (from, to): (usize, usize), worked: &mut Worked<'r>) -> bool {
        let At { program, frame, record, message, .. } = at;
        worker.scratch.bind_none(program.handles.len());
        let mut execution = Execution {
            shared: &self.core.shared,
            program,
            frame,
            arena: self.arena,
            lane: &mut worker.lane,
            scratch: &mut worker.scratch,
            output: &mut worked.output,
            record,
        };
        match execution.run(from, to) {
            Ok(goes_on) => {
                let done = program.mode == Mode::Direct && (!goes_on || to == program.steps.len());
                if let (Some(observer), true) = (self.core.shared.observer.as_deref(), done) {
                    observer.observe(record.id, Point::Done(&program.id));
                }
                goes_on
            }
            Err(ending) => {
                let ended = Ended { program, stream: self.stream, batch: &self.taken.batch, message, record };
                if let Some(error) = ended.report(self.core, ending, &mut worked.output) {
                    worked.broken = Some(error);
                }
                false
            }
        }
    }

    /// Keeps what the lane's steps need of a record.
    fn stage(&self, worker: &mut Worker, at: At<'_, 'r>, worked: &mut Worked<'r>) {
        let At { program, frame, message, .. } = at;
        let lane = match &program.key {
            None => 0,
            Some(key) => {
                worker.key.clear();
                let context = Context { frame, arena: self.arena, rows: &NoRows };
                if let Err(fault) = key.write(&context, &mut worker.key) {
                    self.reject_in_stream(message, fault, worked);
                    return;
                }
                lane_of(&worker.key, self.core.lanes)
            }
        };
        let entry = keep(at, lane, worked);
        worked.entries.push(entry);
    }

    /// What is known of a record beside its slots.
    fn record_of(&self, message: &Message, time: i64) -> Record {
        let id = RecordId { stream: self.stream.number, partition: self.taken.batch.partition, offset: message.offset };
        Record { id, time, watermark: time, late: self.source.late.unwrap_or(0), place: None }
    }

    fn reject_in_stream(&self, index: usize, fault: Box<Fault>, worked: &mut Worked<'r>) {
        if self.laned && worked.times.len() < worked.output.stream.taken as usize {
            worked.times.push(i64::MIN);
        }
        let (batch, message) = (&self.taken.batch, &self.taken.batch.messages[index]);
        if self.stream.at_first(batch, message).is_some() {
            // All flows have the same key, which cannot be written for any of them.
            if worked.refused.last().is_none_or(|(last, _)| *last as usize != index) {
                worked.refused.push((index as u32, fault));
            }
            return;
        }
        let partition = batch.partition;
        worked.output.reject_in_stream(self.stream.rejection(&self.stream.id, batch, message, &fault));
        if let Some(observer) = &self.core.shared.observer {
            let id = RecordId { stream: self.stream.number, partition, offset: message.offset };
            observer.observe(id, Point::Rejected("", fault.code.id()));
        }
    }
}

/// Keeps what the steps behind the prefix read of a record.
fn keep<'r>(at: At<'_, 'r>, lane: u16, worked: &mut Worked<'r>) -> Entry {
    let At { index, program, frame, message, record } = at;
    let values = worked.values.len() as u32;
    worked.values.extend(program.carry.iter().map(|place| frame.get(*place)));
    Entry { message: message as u32, program: index as u16, lane, values, time: record.time }
}

/// The lane of a partition key.
pub(crate) fn lane_of(key: &[u8], lanes: u16) -> u16 {
    (xxh3_64(key) % u64::from(lanes.max(1))) as u16
}
