//! A stream as the workers read it: how its messages become records, and which pipelines they go to.

use std::sync::Arc;

use bumpalo::Bump;
use nsf_plan::{Format, InputSource, Late, Plan, SlotId, Source, SourceId, TopicId, Type};

use super::{apart::Apart, retries::Waits, returned::At, stage::IngestProcessor};
use crate::{
    connector::{Framing, Message, RawBatch},
    decode::{AbsentMember, Decoder, Target},
    expression::Build,
    frame::{Frame, Layout, Place},
    rejected::Rejection,
    steps::Program,
    value::Value,
};

/// A source or ingest.
pub(crate) struct Stream {
    /// Stable identity, for progress.
    pub id: String,
    /// The number of it.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// The topic or file, for rejected records.
    pub topic: String,
    /// Where messages of it are sent that it rejects, beside the store.
    pub reject: Option<TopicId>,
    /// What becomes of records that need what does not answer; none where their lane waits.
    pub apart: Option<Apart>,
    /// The source whose retry topic it reads, if it reads one.
    pub returned: Option<Returned>,
    /// How it is worked on.
    pub work: StreamWork,
}

/// Of which source a stream reads the retry topic.
pub(crate) struct Returned {
    /// The stream that reads the source's topic, by its index.
    pub stream: usize,
    /// The source's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// What is kept of its records that wait.
    pub waits: Waits,
}

/// What is done with a stream's messages.
pub(crate) enum StreamWork {
    /// Records for pipelines.
    Source(Box<SourceWork>),
    /// Writes of dimensions.
    Ingest(Arc<dyn IngestProcessor>),
    /// Records that the dimension stage gives.
    Subscription,
    /// Values of a state that have ended.
    Ended,
}

/// How records are made of a source's messages.
pub(crate) struct SourceWork {
    /// Cloned by each worker.
    pub decoder: Decoder,
    /// Where the decoder puts fields: the only pipeline's own slots, or the stream's.
    pub layout: DecodeLayout,
    /// The place of the record's time in that layout.
    pub time: Option<Place>,
    /// How late a record may be; none where the source does not say.
    pub late: Option<i64>,
    /// What is done with later ones.
    pub late_else: Late,
    /// How far a record's time may be ahead of the message's own.
    pub max_skew: i64,
    /// After how long without a record a partition holds back nothing any more, in milliseconds.
    pub idle: Option<i64>,
    /// The pipelines that read it, by their index in the plan, with how they get their slots.
    pub programs: Vec<Feed>,
}

/// Where decoded fields are put.
pub(crate) enum DecodeLayout {
    /// Into the slots of the only pipeline.
    Program,
    /// Into slots of their own, one a field.
    Own(Layout),
}

/// How a pipeline gets a stream's record.
pub(crate) struct Feed {
    /// The pipeline, by its index.
    pub program: usize,
    /// Its slots and the stream's.
    pub copies: Vec<(Place, Place)>,
    /// Its slot of the record as read, and the stream's slots of the members.
    pub record: Option<(Place, Vec<Place>)>,
    /// Its slots for other streams' records, which are null.
    pub nulls: Vec<Place>,
}

/// How a source's or table's messages are framed.
pub(crate) const fn framing(format: Format) -> Framing {
    match format {
        Format::Json => Framing::Json,
        Format::Csv => Framing::Csv,
        Format::Text | Format::Bytes => Framing::Lines,
    }
}

impl SourceWork {
    /// Builds how a source is read for the programs of a plan.
    ///
    /// # Errors
    /// The plan is damaged.
    pub(crate) fn new(id: SourceId, source: &Source, programs: &[Program]) -> Build<Self> {
        let from = InputSource::Source(id);
        let reads = |(_, program): &(usize, &Program)| program.input(from).is_some();
        let readers: Vec<(usize, &Program)> = programs.iter().enumerate().filter(reads).collect();
        if let [(index, program)] = readers.as_slice()
            && let Some(work) = Self::direct(source, from, *index, program)?
        {
            return Ok(work);
        }
        let types = || source.encoding.fields.iter().map(|field| &field.ty);
        let layout = Layout::of_types(types());
        let mut wanted = vec![false; source.encoding.fields.len()];
        let mut want = |field: u32| {
            if let Some(wanted) = wanted.get_mut(field as usize) {
                *wanted = true;
            }
        };
        source.time.into_iter().for_each(&mut want);
        let mut feeds = Vec::new();
        for (index, program) in readers {
            let Some(input) = program.input(from) else { continue };
            input.fields.iter().for_each(|(field, _)| want(*field));
            let place = |field: u32| layout.place(SlotId(field));
            let copies = input.fields.iter().filter_map(|(field, to)| Some((*to, place(*field)?))).collect();
            let record = input.record.as_ref().map(|(to, ty)| {
                let fields = member_fields(source, ty);
                fields.iter().for_each(|field| want(*field));
                (*to, fields.into_iter().filter_map(place).collect())
            });
            let others = program.inputs.iter().filter(|other| other.from != from);
            let own = input.record.as_ref().map(|(place, _)| place.slot);
            let records = others.filter_map(|other| other.record.as_ref().map(|(place, _)| *place));
            // A source and its retry topic share one.
            let nulls = records.filter(|place| Some(place.slot) != own).collect();
            feeds.push(Feed { program: index, copies, record, nulls });
        }
        let target = |(field, _): (usize, &bool)| Target { field: field as u32, slot: SlotId(field as u32) };
        let targets: Vec<Target> = wanted.iter().enumerate().filter(|(_, wanted)| **wanted).map(target).collect();
        let decoder = Decoder::new(&source.encoding, &targets, &layout, AbsentMember::Reject)?;
        let time = source.time.and_then(|field| layout.place(SlotId(field)));
        Ok(Self::with(source, decoder, DecodeLayout::Own(layout), time, feeds))
    }

    /// Decodes straight into the only pipeline's slots, where these hold all that the stream needs.
    fn direct(source: &Source, from: InputSource, index: usize, program: &Program) -> Build<Option<Self>> {
        let Some(input) = program.input(from) else { return Ok(None) };
        let place = |field: u32| input.fields.iter().find(|(own, _)| *own == field).map(|(_, place)| *place);
        let time = source.time.map(place);
        if input.record.is_some() || program.inputs.iter().any(|input| input.record.is_some()) || time == Some(None) {
            return Ok(None);
        }
        let target = |(field, place): &(u32, Place)| Target { field: *field, slot: SlotId(place.slot) };
        let targets: Vec<Target> = input.fields.iter().map(target).collect();
        let decoder = Decoder::new(&source.encoding, &targets, &program.layout, AbsentMember::Reject)?;
        let feed = Feed { program: index, copies: Vec::new(), record: None, nulls: Vec::new() };
        Ok(Some(Self::with(source, decoder, DecodeLayout::Program, time.flatten(), vec![feed])))
    }

    fn with(source: &Source, decoder: Decoder, layout: DecodeLayout, time: Option<Place>, programs: Vec<Feed>) -> Self {
        Self {
            decoder,
            layout,
            time,
            late: source.late,
            late_else: source.late_else.clone(),
            max_skew: source.max_skew,
            idle: source.idle,
            programs,
        }
    }
}

/// The fields of a source that make the members of its record as read.
fn member_fields(source: &Source, ty: &Type) -> Vec<u32> {
    let Type::Record(members) = ty.non_null() else { return Vec::new() };
    let field = |(name, _): &(String, Type)| source.encoding.fields.iter().position(|field| field.name == *name);
    members.iter().filter_map(field).map(|at| at as u32).collect()
}

impl Feed {
    /// Puts a decoded record into the pipeline's slots.
    pub(crate) fn fill<'b>(&self, to: &Frame<'b>, from: &Frame<'b>, arena: &'b Bump) {
        for &(place, from_place) in &self.copies {
            to.copy_slot(place, from, from_place);
        }
        if let Some((place, members)) = &self.record {
            let values = arena.alloc_slice_fill_iter(members.iter().map(|member| from.get(*member)));
            to.set(*place, Value::Record(values));
        }
        self.nulls.iter().for_each(|place| to.set_null(*place));
    }
}

/// The topic's name for messages: the topic or path, or the kind of a standard stream.
pub(crate) fn topic_name(plan: &Plan, topic: TopicId) -> String {
    plan.topics.get(topic.index()).map_or_else(String::new, |topic| {
        let connector = &topic.connector;
        if connector.name.is_empty() { connector.kind.clone() } else { connector.name.clone() }
    })
}

impl Stream {
    /// How late its records may be, in milliseconds.
    pub(crate) fn late(&self) -> i64 {
        match &self.work {
            StreamWork::Source(source) => source.late.unwrap_or(0),
            StreamWork::Ingest(_) | StreamWork::Subscription | StreamWork::Ended => 0,
        }
    }

    /// Whether its records are run whole, or set apart.
    pub(crate) const fn sets_apart(&self) -> bool {
        self.apart.is_some() || self.returned.is_some()
    }

    /// Where a message of a retry topic was at first, if it is one of the source's.
    pub(crate) fn at_first<'b>(&self, batch: &'b RawBatch, message: &Message) -> Option<At<'b>> {
        let returned = self.returned.as_ref()?;
        At::of(batch, message).filter(|at| at.source == returned.id)
    }

    /// A rejected message of this stream, without code and reason.
    pub(crate) fn rejection(
        &self,
        by: &str,
        batch: &RawBatch,
        message: &Message,
        fault: &crate::fault::Fault,
    ) -> Rejection {
        let at = self.at_first(batch, message);
        let first = at.as_ref().zip(self.returned.as_ref());
        let mut rejection = Rejection {
            by: by.to_owned(),
            source: first.map_or(&self.name, |(_, returned)| &returned.name).clone(),
            topic: first.map_or(&self.topic, |(_, returned)| &returned.topic).clone(),
            partition: at.map_or(batch.partition, |at| at.partition),
            offset: at.map_or(message.offset, |at| at.offset),
            step: String::new(),
            origin: None,
            code: fault.code,
            reason: Box::default(),
            key: batch.key(message).map(Into::into),
            raw: batch.message(message).into(),
            oversized: message.oversized,
            message: None,
        };
        rejection.set_fault(fault);
        rejection
    }
}
