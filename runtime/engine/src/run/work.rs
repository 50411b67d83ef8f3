//! A worker: decodes a batch and runs the steps that need no lane.

use bumpalo::Bump;
use nsf_plan::{Late, PipelineId};
use xxhash_rust::xxh3::xxh3_64;

use super::{
    output::WorkOutput,
    pieces::Core,
    stage::IngestOutput,
    stream::{DecodeLayout, SourceWork, Stream, StreamWork},
};
use crate::{
    connector::{ConnectorError, Message, RawBatch},
    decode::{Decoder, MessageMeta, Payload},
    fault::{Fault, FaultCode},
    frame::{Context, Frame, NoRows},
    observe::{Point, RecordId},
    steps::{Ending, Execution, LaneStates, Mode, Program, Record, Scratch},
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
    /// From where its outputs are counted.
    pub ordinal: u32,
}

/// What a worker made of a batch.
#[derive(Debug, Default)]
pub(crate) struct Worked<'r> {
    /// What was given without lanes.
    pub output: WorkOutput,
    /// Records that go on in lanes, in order.
    pub entries: Vec<Entry>,
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
            lane: LaneStates::new(core.shared.states.len()),
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
                    processor.process(taken.stream as u32, &taken.batch, message, arena, &mut worked.ingest);
                }
                worked.output.writes.append(&mut worked.ingest.writes);
                for rejection in worked.ingest.rejected.drain(..) {
                    worked.output.reject_in_stream(rejection);
                }
            }
            StreamWork::Subscription => {}
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
            for message in &taken.batch.messages {
                worked.output.reject_in_stream(stream.rejection(&stream.id, &taken.batch, message, &fault));
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
            topic: arena.alloc_str(&stream.topic),
            laned,
        };
        for (index, message) in taken.batch.messages.iter().enumerate() {
            batch.record(self, &mut decoder, index, message, worked);
            if worked.broken.is_some() {
                break;
            }
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
        let time = match self.decode(decoder, message) {
            Ok(time) => time,
            Err(fault) => {
                self.reject_in_stream(message, &fault, worked);
                return;
            }
        };
        if self.laned {
            worked.times.push(time);
        }
        let id = RecordId {
            stream: self.taken.stream as u32,
            partition: self.taken.batch.partition,
            offset: message.offset,
        };
        let record = Record { id, time, watermark: time, late: self.source.late.unwrap_or(0) };
        worked.output.record = id;
        for (feed, frame) in self.source.programs.iter().zip(&self.frames) {
            if let Some(own) = &self.own {
                feed.fill(frame, own, self.arena);
            }
            frame.begin(time);
            self.core.shared.clock.set(frame, time);
            let program = &self.core.programs[feed.program];
            worked.output.pipeline = PipelineId(feed.program as u32);
            worked.output.set_ordinal((feed.program as u32) << 16);
            let to = if program.mode == Mode::Direct { program.steps.len() } else { program.prefix };
            let at = At { index: feed.program, program, frame, message: index, record };
            let goes_on = self.run(worker, at, to, worked);
            if goes_on && program.mode == Mode::Laned {
                self.stage(worker, at, worked);
            }
        }
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
        let headers: Vec<(&str, &[u8])> =
            if batch.headers.is_empty() { Vec::new() } else { batch.headers(message).collect() };
        let meta = MessageMeta {
            key: batch.key(message),
            headers: self.arena.alloc_slice_copy(&headers),
            topic: self.topic,
            partition: batch.partition.cast_signed(),
            offset: message.offset.cast_signed(),
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
        let At { program, frame, record, message, .. } = at;
        let observer = self.core.shared.observer.as_deref();
        if let Some(observer) = observer {
            observer.observe(record.id, Point::Entry(&program.id));
        }
        worked.output.count().taken += 1;
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
        match execution.run(0, to) {
            Ok(goes_on) => {
                if let (Some(observer), Mode::Direct) = (observer, program.mode) {
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
        let At { index, program, frame, message, record } = at;
        let lane = match &program.key {
            None => 0,
            Some(key) => {
                worker.key.clear();
                let context = Context { frame, arena: self.arena, rows: &NoRows };
                if let Err(fault) = key.write(&context, &mut worker.key) {
                    self.reject_in_stream(&self.taken.batch.messages[message], &fault, worked);
                    return;
                }
                lane_of(&worker.key, self.core.lanes)
            }
        };
        let values = worked.values.len() as u32;
        worked.values.extend(program.carry.iter().map(|place| frame.get(*place)));
        let (message, program, time) = (message as u32, index as u16, record.time);
        worked.entries.push(Entry { message, program, lane, values, time });
    }

    fn reject_in_stream(&self, message: &Message, fault: &Fault, worked: &mut Worked<'r>) {
        if self.laned && worked.times.len() < worked.output.stream.taken as usize {
            worked.times.push(i64::MIN);
        }
        let partition = self.taken.batch.partition;
        worked.output.reject_in_stream(self.stream.rejection(&self.stream.id, &self.taken.batch, message, fault));
        if let Some(observer) = &self.core.shared.observer {
            let id = RecordId { stream: self.taken.stream as u32, partition, offset: message.offset };
            observer.observe(id, Point::Rejected("", fault.code.id()));
        }
    }
}

/// The lane of a partition key.
pub(crate) fn lane_of(key: &[u8], lanes: u16) -> u16 {
    (xxh3_64(key) % u64::from(lanes.max(1))) as u16
}

/// A record that did not come to its last step.
pub(crate) struct Ended<'e> {
    /// The pipeline.
    pub program: &'e Program,
    /// The stream that the record came from.
    pub stream: &'e Stream,
    /// The batch that its message is in, and which message of it.
    pub batch: &'e RawBatch,
    pub message: usize,
    /// The record.
    pub record: Record,
}

impl Ended<'_> {
    /// Counts and reports it; gives what keeps the run from going on.
    pub(crate) fn report(self, core: &Core, ending: Ending, output: &mut WorkOutput) -> Option<ConnectorError> {
        let Self { program, stream, batch, message, record } = self;
        let observer = core.shared.observer.as_deref();
        let step = |point: u32| program.points[point as usize].id.as_str();
        match ending {
            Ending::Broken(error) => return Some(error),
            Ending::Dropped(reason, point) => {
                output.count().drop_one(reason);
                if let Some(observer) = observer {
                    observer.observe(record.id, Point::Dropped(step(point), &program.reasons[reason as usize]));
                }
            }
            Ending::Late(point) => return self.late(core, point, output),
            Ending::Rejected(fault, point) => {
                let message = &batch.messages[message];
                let mut rejection = stream.rejection(&program.id, batch, message, &fault);
                rejection.step = step(point).to_owned();
                rejection.origin.get_or_insert(program.points[point as usize].origin);
                if let Some(observer) = observer {
                    observer.observe(record.id, Point::Rejected(step(point), fault.code.id()));
                }
                output.reject(rejection);
            }
        }
        None
    }

    /// The record would save to a value that has ended for good: dropped, rejected or sent on, as its source says.
    fn late(self, core: &Core, point: u32, output: &mut WorkOutput) -> Option<ConnectorError> {
        let otherwise = match &self.stream.work {
            StreamWork::Source(source) => source.late_else.clone(),
            StreamWork::Ingest(_) | StreamWork::Subscription => Late::Drop,
        };
        match otherwise {
            Late::Drop => {}
            Late::Reject => {
                let fault = Fault::new(FaultCode::Late, "the value that the record would change has ended");
                return self.report(core, Ending::Rejected(fault, point), output);
            }
            Late::Topic(topic) => {
                let message = &self.batch.messages[self.message];
                output.send(topic.index(), self.batch.key(message).unwrap_or_default(), self.batch.message(message));
            }
        }
        // The first reason of every program.
        self.report(core, Ending::Dropped(0, point), output)
    }
}
