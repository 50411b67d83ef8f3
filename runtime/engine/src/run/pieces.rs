//! From a plan to the pieces that run it; all build errors come together.

use std::sync::{Arc, atomic::AtomicU32};

use nsf_plan::{IngestId, Plan, Source as PlanSource, SourceId, StateId, TopicId};

use super::{
    apart::Apart,
    error::BuildError,
    expiring::AllExpiring,
    not_run,
    options::Options,
    output::{Incarnations, WorkOutput},
    retries::{self, Waits},
    stream::{Returned, SourceWork, Stream, StreamWork, framing, topic_name},
};
use crate::{
    cell::Cell,
    connector::{Connectors, Export, Framing, Sink, Source, StreamRequest},
    decode::Payload,
    dimension::{Dimensions, Stage},
    ingest::Processor,
    stable,
    state::{Count, Origins, OwnStream, StateShape},
    steps::{Mode, Program, ProgramBuilder, Shared},
    store::{Form, Store},
    table::{
        TableReader, TableSource,
        looked_up::{LookedUp, LookupShape},
    },
};

/// What workers and lanes share and never change.
pub(crate) struct Core {
    /// Pipelines, by their index in the plan.
    pub programs: Vec<Program>,
    /// Sources, then ingests.
    pub streams: Vec<Stream>,
    /// Subscriptions as streams, behind the others.
    pub subscriptions: Vec<Stream>,
    /// States whose values flows are told of when they have ended.
    pub expiring: AllExpiring,
    /// States, tables, dimensions and the store.
    pub shared: Shared,
    /// Number of lanes.
    pub lanes: u16,
    /// By topic of the plan: whether this run reads it, so that what it writes there comes back.
    pub topics: Vec<bool>,
    /// By topic of the plan: whether its messages are told apart by ids.
    pub ids: Vec<bool>,
    /// By stream: which topic of its name it is, for the ids of what its records cause.
    pub incarnations: Incarnations,
}

impl Core {
    /// An empty output.
    pub(crate) fn output(&self) -> WorkOutput {
        WorkOutput::new(&self.topics, &self.ids, &self.incarnations, self.programs.len())
    }

    /// What is wrong with the header row of a stream that gave no message: with messages, each would be rejected for it.
    pub(crate) fn unread_header(&self, stream: usize, header: Option<&[u8]>) -> Option<String> {
        let stream = self.streams.get(stream)?;
        let StreamWork::Source(source) = &stream.work else { return None };
        let fault = source.decoder.clone().header(Payload::Bytes(header?)).err()?;
        Some(format!("`{}` has no rows, and {}", stream.id, fault.message))
    }

    /// How late a stream's records may be.
    pub(crate) fn late_of(&self, stream: usize) -> i64 {
        match self.streams.get(stream) {
            Some(stream) => stream.late(),
            None => 0,
        }
    }

    /// Whether a stream's records are spread over lanes.
    pub(crate) fn is_laned(&self, stream: usize) -> bool {
        match self.streams.get(stream).map(|stream| &stream.work) {
            Some(StreamWork::Source(source)) => {
                source.programs.iter().any(|feed| self.programs[feed.program].mode == Mode::Laned)
            }
            _ => false,
        }
    }

    /// A stream, or behind them a subscription.
    pub(crate) fn stream(&self, at: usize) -> &Stream {
        self.streams.get(at).unwrap_or_else(|| &self.subscriptions[at - self.streams.len()])
    }
}

/// A reader of a stream, or of several whose partitions are shared with other workers.
pub(crate) struct Reader {
    /// The streams, by their index, in the order in which the source numbers them.
    pub streams: Vec<usize>,
    /// By stream of a shared source: streams with one number are merged by a flow that keeps state.
    pub groups: Vec<u32>,
    /// Where they are read from.
    pub source: Box<dyn Source>,
    /// Whether this run writes it.
    pub written: bool,
    /// Whether partitions are assigned while it runs.
    pub shared: bool,
}

impl Reader {
    /// Whether partitions are assigned while it runs.
    pub(crate) const fn is_shared(&self) -> bool {
        self.shared
    }

    /// The stream of a source that reads only one.
    pub(crate) fn stream(&self) -> usize {
        self.streams.first().copied().unwrap_or_default()
    }
}

/// An output.
pub(crate) struct Output {
    /// The topic, by its index in the plan.
    pub topic: usize,
    /// Its name.
    pub name: String,
    /// Key of its position in the store.
    pub key: Vec<u8>,
    /// Where it is written.
    pub sink: Box<dyn Sink>,
    /// Whether the run also reads it.
    pub read: bool,
}

/// What is written whole at the end.
pub(crate) struct Exported {
    /// Of what.
    pub what: ExportOf,
    /// Its name.
    pub name: String,
    /// Where to.
    pub export: Box<dyn Export>,
}

/// What can be written whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExportOf {
    /// A dimension, by its index.
    Dimension(u32),
    /// A state.
    State(StateId),
    /// All rejected records.
    Rejected,
}

/// A plan's pieces, ready to run.
pub struct Pieces {
    pub(crate) plan: Arc<Plan>,
    pub(crate) core: Core,
    pub(crate) dimensions: Arc<Dimensions>,
    pub(crate) stage: Stage,
    pub(crate) readers: Vec<Reader>,
    pub(crate) outputs: Vec<Output>,
    pub(crate) exports: Vec<Exported>,
    /// Where rejected records go that their source names no topic for.
    pub(crate) rejected: Option<Box<dyn Sink>>,
    pub(crate) options: Options,
}

/// Builds plans.
pub struct Engine;

impl Engine {
    /// Builds the pieces of a plan: opens the store, reads tables, finds inputs and outputs. Nothing is read or written
    /// of streams yet.
    ///
    /// # Errors
    /// Everything that keeps the plan from running.
    pub fn build(plan: Arc<Plan>, options: Options, connectors: &dyn Connectors) -> Result<Pieces, Vec<BuildError>> {
        let mut builder = Builder { plan: &plan, options: &options, connectors, errors: not_run::refused(&plan) };
        let mut states = builder.states();
        let programs = builder.programs();
        let streams = builder.streams(&programs);
        let dimensions = builder.dimensions();
        let tables = builder.tables();
        let readers = builder.readers();
        builder.numbers();
        let mut outputs = builder.outputs();
        let rejected = builder.rejected();
        let exports = builder.exports();
        let store = if builder.errors.is_empty() { builder.store() } else { None };
        let errors = builder.errors;
        let (Some(store), Some((dimensions, stage)), true) = (store, dimensions, errors.is_empty()) else {
            return Err(errors);
        };
        let late = |stream: usize| streams.get(stream).map_or(0, Stream::late);
        let expiring = AllExpiring::new(&plan, &programs, &mut states, streams.len(), &late);
        let origins = Arc::new(origins(&plan, &streams, &readers));
        if readers.iter().any(Reader::is_shared) {
            states.iter_mut().for_each(|shape| shape.origins = Some(Arc::clone(&origins)));
        }
        let shared = Shared {
            states,
            tables,
            dimensions: Arc::new(Arc::clone(&dimensions)),
            absent: plan.dimensions.iter().map(absent_row).collect(),
            store,
            observer: options.observer.clone(),
            clock: options.clock,
            origins,
        };
        let lanes = options.lanes.max(1);
        // What is written to a topic that several workers share comes back through the topic.
        let is_shared = readers.iter().any(Reader::is_shared);
        let topics = plan.topics.iter().map(|topic| topic.read && !is_shared).collect();
        outputs.iter_mut().for_each(|output| output.read &= !is_shared);
        let wants_ids = |topic| outputs.iter().any(|output| output.topic == topic && output.sink.wants_ids());
        let ids = (0..plan.topics.len()).map(wants_ids).collect();
        let subscriptions = subscription_streams(&plan);
        let incarnations = streams.iter().map(|stream| (stream.number, AtomicU32::new(0))).collect();
        let stage = stage.with_incarnations(&incarnations);
        let core = Core { programs, streams, subscriptions, expiring, shared, lanes, topics, ids, incarnations };
        Ok(Pieces { plan, core, dimensions, stage, readers, outputs, exports, rejected, options })
    }
}

/// The streams whose partitions are shared with other workers.
fn origins(plan: &Plan, streams: &[Stream], readers: &[Reader]) -> Origins {
    let mut origins = Origins::default();
    origins.streams.resize_with(streams.len(), || None);
    for reader in readers.iter().filter(|reader| reader.is_shared()) {
        for (at, group) in reader.streams.iter().zip(&reader.groups) {
            let Some(stream) = streams.get(*at) else { continue };
            let source = plan.sources.get(*at);
            let fields = |source: &nsf_plan::Source| {
                let names = source.key.iter().filter_map(|field| source.encoding.fields.get(*field as usize));
                names.map(|field| field.name.clone()).collect::<Vec<_>>().join(", ")
            };
            let key = source.map(fields).unwrap_or_default();
            let (id, topic) = (stream.id.clone(), stream.topic.as_str().into());
            origins.streams[*at] = Some(OwnStream { id, topic, key, group: *group, count: Count::default() });
        }
    }
    origins
}

/// Fields of a dimension where there is no row: their `empty` values, if there are any.
fn absent_row(dimension: &nsf_plan::Dimension) -> Option<Box<[Cell]>> {
    let empty = |field: &nsf_plan::DimensionField| {
        field.empty.as_ref().map_or(Cell::Null, |literal| Cell::from_literal(&field.ty, literal))
    };
    let fields: Box<[Cell]> = dimension.fields.iter().map(empty).collect();
    fields.iter().any(|field| !field.is_null()).then_some(fields)
}

/// Subscriptions as streams of records, for the records that are rejected.
fn subscription_streams(plan: &Plan) -> Vec<Stream> {
    let stream = |subscription: &nsf_plan::Subscription| Stream {
        id: subscription.id.clone(),
        number: stable::number(&subscription.id),
        name: subscription.name.clone(),
        topic: subscription.to.map_or_else(String::new, |topic| topic_name(plan, topic)),
        reject: None,
        apart: None,
        returned: None,
        work: StreamWork::Subscription,
    };
    plan.subscriptions.iter().map(stream).collect()
}

struct Builder<'p> {
    plan: &'p Plan,
    options: &'p Options,
    connectors: &'p dyn Connectors,
    errors: Vec<BuildError>,
}

/// A stream that is to be read.
struct Asked<'p> {
    stream: usize,
    name: &'p String,
    origin: nsf_plan::Origin,
    request: StreamRequest<'p>,
}

/// A name without its module.
pub(crate) fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

impl Builder<'_> {
    fn keep<T>(&mut self, part: &str, built: crate::expression::Build<T>) -> Option<T> {
        built.map_err(|error| self.errors.push(BuildError::plan(self.plan, part, error))).ok()
    }

    /// Names whose numbers are the same by chance could not be told apart in ids of messages.
    fn numbers(&mut self) {
        let plan = self.plan;
        let streams = || {
            let ingests = plan.ingests.iter().map(|ingest| ingest.id.as_str());
            plan.sources.iter().map(|source| source.id.as_str()).chain(ingests)
        };
        let flows = plan.pipelines.iter().map(|pipeline| pipeline.id.as_str());
        let senders = flows.chain(plan.subscriptions.iter().map(|own| own.id.as_str())).chain(streams());
        if let Some((one, other)) = stable::alike(senders) {
            let message = format!("its name and `{other}` have the same number, by which messages are told apart");
            let help = Some("give one of the two another name".to_owned());
            self.errors.push(BuildError { part: one.to_owned(), place: None, message, help, heals: false });
        }
    }

    fn states(&mut self) -> Vec<StateShape> {
        let mut shapes = Vec::new();
        for (number, state) in self.plan.states.iter().enumerate() {
            let shape = StateShape::new(self.plan, state, number as u16, self.connectors.form());
            shapes.extend(self.keep(&state.name, shape));
        }
        shapes
    }

    fn programs(&mut self) -> Vec<Program> {
        let builder = ProgramBuilder::new(self.plan);
        let mut programs = Vec::new();
        for pipeline in &self.plan.pipelines {
            let sources = pipeline.inputs.iter().filter_map(|input| input.from.source());
            let mut sources = sources.filter_map(|source| self.plan.sources.get(source.index()));
            let whole = sources
                .any(|source| source.late.is_some() || self.apart(source).is_some() || self.returned(source).is_some());
            programs.extend(self.keep(&pipeline.name, builder.build(pipeline, whole)));
        }
        programs
    }

    /// What becomes of a source's records that need what does not answer. Where there are no servers, nothing is waited for.
    fn apart(&self, source: &PlanSource) -> Option<Apart> {
        Apart::of(self.plan, source).filter(|_| self.connectors.form() == Form::Text)
    }

    /// Of which source a source reads the retry topic.
    fn returned(&self, source: &PlanSource) -> Option<Returned> {
        let of = retries::returned_of(self.plan, source)?;
        // Streams of sources come first, in their order.
        let stream = self.plan.sources.iter().position(|own| own.id == of.id)?;
        let (id, name, topic) = (of.id.clone(), of.name.clone(), topic_name(self.plan, of.from));
        Some(Returned { stream, id, name, topic, waits: Waits::of(self.plan, of)? })
    }

    fn streams(&mut self, programs: &[Program]) -> Vec<Stream> {
        let mut streams = Vec::new();
        for (index, source) in self.plan.sources.iter().enumerate() {
            let work = SourceWork::new(SourceId(index as u32), source, programs);
            let Some(work) = self.keep(&source.name, work) else { continue };
            streams.push(Stream {
                id: source.id.clone(),
                number: stable::number(&source.id),
                name: source.name.clone(),
                topic: topic_name(self.plan, source.from),
                reject: source.reject,
                apart: self.apart(source),
                returned: self.returned(source),
                work: StreamWork::Source(Box::new(work)),
            });
        }
        for (index, ingest) in self.plan.ingests.iter().enumerate() {
            let secrets = Arc::clone(&self.options.secrets);
            let processor = Processor::new(self.plan, IngestId(index as u32), &|name| secrets(name));
            let built = processor.map_err(|error| {
                let place = error.origin.map(|origin| self.plan.place(origin));
                self.errors.push(BuildError {
                    part: ingest.name.clone(),
                    place,
                    message: error.message,
                    help: None,
                    heals: false,
                });
            });
            let Ok(processor) = built else { continue };
            streams.push(Stream {
                id: ingest.id.clone(),
                number: stable::number(&ingest.id),
                name: ingest.name.clone(),
                topic: topic_name(self.plan, ingest.from),
                reject: ingest.reject,
                apart: None,
                returned: None,
                work: StreamWork::Ingest(Arc::new(processor)),
            });
        }
        streams
    }

    fn dimensions(&mut self) -> Option<(Arc<Dimensions>, Stage)> {
        let dimensions = Dimensions::in_form(self.plan, self.connectors.form());
        let dimensions = Arc::new(self.keep("dimensions", dimensions)?);
        let stage = Stage::new(self.plan, Arc::clone(&dimensions));
        let stage = self.keep("subscriptions", stage)?;
        Some((dimensions, stage))
    }

    /// What is asked of the connector of a topic; none where this version does not run it, which was said already.
    fn request<'n>(&'n self, topic: TopicId, name: Option<&'n str>, framing: Framing) -> Option<StreamRequest<'n>> {
        if !not_run::is_run(self.plan, topic) {
            return None;
        }
        let topic = self.plan.topics.get(topic.index())?;
        let own = name.into_iter().flat_map(|name| [name, short(name)]);
        let place = (!topic.connector.name.is_empty()).then_some(topic.connector.name.as_str());
        let written = topic.written && topic.read;
        Some(StreamRequest { connector: &topic.connector, id: "", names: own.chain(place).collect(), framing, written })
    }

    fn tables(&mut self) -> Vec<TableSource> {
        let mut tables = Vec::new();
        for table in &self.plan.tables {
            let built =
                TableReader::new(self.plan, table).and_then(|reader| Ok((reader, LookupShape::new(self.plan, table)?)));
            let Some((mut reader, shape)) = self.keep(&table.name, built) else { continue };
            let Some(request) = self.request(table.from, Some(&table.name), framing(table.encoding.format)) else {
                continue;
            };
            let looked_up = self.connectors.lookup(&request, &shape.key, &shape.members);
            let source = looked_up.and_then(|lookup| match lookup {
                Some(lookup) => Ok(TableSource::LookedUp(Box::new(LookedUp::new(shape, lookup)))),
                None => {
                    let mut source = self.connectors.table(&request)?;
                    Ok(TableSource::Whole(reader.read(&mut *source)?))
                }
            });
            match source {
                Ok(source) => tables.push(source),
                Err(error) => {
                    self.errors.push(BuildError::connector(self.plan, &table.name, Some(table.origin), error));
                }
            }
        }
        tables
    }

    fn readers(&mut self) -> Vec<Reader> {
        let sources =
            self.plan.sources.iter().map(|own| (&own.id, &own.name, own.from, own.encoding.format, own.origin));
        let ingests =
            self.plan.ingests.iter().map(|own| (&own.id, &own.name, own.from, nsf_plan::Format::Json, own.origin));
        let mut asked = Vec::new();
        for (stream, (id, name, from, format, origin)) in sources.chain(ingests).enumerate() {
            if let Some(request) = self.request(from, Some(name), framing(format)) {
                asked.push(Asked { stream, name, origin, request: StreamRequest { id, ..request } });
            }
        }
        let (readers, errors) = self.open_readers(&asked);
        drop(asked);
        self.errors.extend(errors);
        readers
    }

    /// By stream that is to be read: a number, the same for streams that a flow which keeps state merges.
    fn groups(&self, asked: &[Asked<'_>]) -> Vec<u32> {
        let mut groups: Vec<u32> = (0..).take(asked.len()).collect();
        for pipeline in self.plan.pipelines.iter().filter(|pipeline| pipeline.stateful) {
            let sources = pipeline.inputs.iter().filter_map(|input| input.from.source());
            let streams: Vec<usize> = sources.map(SourceId::index).collect();
            let among = |asked: &Asked<'_>| streams.contains(&asked.stream);
            let own: Vec<u32> =
                asked.iter().zip(&groups).filter(|(asked, _)| among(asked)).map(|(_, group)| *group).collect();
            let Some(first) = own.iter().min().copied() else { continue };
            groups.iter_mut().filter(|group| own.contains(group)).for_each(|group| *group = first);
        }
        groups
    }

    /// The sources of the streams: those that are shared with other workers as one, the others one by one.
    fn open_readers(&self, asked: &[Asked<'_>]) -> (Vec<Reader>, Vec<BuildError>) {
        let (mut readers, mut errors) = (Vec::new(), Vec::new());
        let requests: Vec<StreamRequest<'_>> = asked.iter().map(|asked| asked.request.clone()).collect();
        let mut together = vec![None; asked.len()];
        let groups = self.groups(asked);
        match self.connectors.shared(&requests, &groups) {
            Err(error) => {
                // It is said of the first of them; they stand on one connection.
                let first = asked.first().map_or("sources", |asked| asked.name.as_str());
                errors.push(BuildError::connector(self.plan, first, asked.first().map(|asked| asked.origin), error));
                return (readers, errors);
            }
            Ok(None) => {}
            Ok(Some(shared)) => {
                together = shared.streams;
                let mut streams: Vec<(u32, usize, u32)> = Vec::new();
                for ((asked, number), group) in asked.iter().zip(&together).zip(&groups) {
                    streams.extend(number.map(|number| (number, asked.stream, *group)));
                }
                streams.sort_unstable();
                let groups = streams.iter().map(|(.., group)| *group).collect();
                let streams = streams.into_iter().map(|(_, stream, _)| stream).collect();
                readers.push(Reader { streams, groups, source: shared.source, written: false, shared: true });
            }
        }
        for (asked, _) in asked.iter().zip(&together).filter(|(_, number)| number.is_none()) {
            match self.connectors.source(&asked.request) {
                Ok(source) => {
                    let (streams, written) = (vec![asked.stream], asked.request.written);
                    readers.push(Reader { streams, groups: Vec::new(), source, written, shared: false });
                }
                Err(error) => errors.push(BuildError::connector(self.plan, asked.name, Some(asked.origin), error)),
            }
        }
        (readers, errors)
    }

    fn outputs(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        let named = self.named_outputs();
        let is_output = |(index, topic): &(usize, &nsf_plan::Topic)| {
            let written = topic.written && !not_run::is_retry_alone(self.plan, TopicId(*index as u32));
            written || named.contains(index)
        };
        for (index, topic) in self.plan.topics.iter().enumerate().filter(is_output) {
            let Some(request) = self.request(TopicId(index as u32), None, Framing::Json) else { continue };
            let name = topic_name(self.plan, TopicId(index as u32));
            let cluster = topic.connector.cluster.as_deref().unwrap_or_default();
            let key = format!("sink/{}/{cluster}/{name}", topic.connector.kind).into_bytes();
            match self.connectors.sink(&request) {
                Ok(sink) => outputs.push(Output { topic: index, name, key, sink, read: topic.read }),
                Err(error) => self.errors.push(BuildError::connector(self.plan, &name, None, error)),
            }
        }
        outputs
    }

    /// Topics that rejected and late records and messages of subscriptions go to.
    fn named_outputs(&self) -> Vec<usize> {
        let sources = self.plan.sources.iter().flat_map(|source| {
            let late = if let nsf_plan::Late::Topic(topic) = source.late_else { Some(topic) } else { None };
            [source.reject, late]
        });
        let ingests = self.plan.ingests.iter().map(|ingest| ingest.reject);
        let subscriptions = self.plan.subscriptions.iter().map(|subscription| subscription.to);
        sources.chain(ingests).chain(subscriptions).flatten().map(TopicId::index).collect()
    }

    fn exports(&mut self) -> Vec<Exported> {
        let dimensions = self.plan.dimensions.iter().enumerate();
        let dimensions = dimensions.map(|(index, own)| (ExportOf::Dimension(index as u32), own.name.as_str()));
        let states = self.plan.states.iter().enumerate().filter(|(_, state)| !state.marks);
        let states = states.map(|(index, own)| (ExportOf::State(StateId(index as u32)), own.name.as_str()));
        let wanted: Vec<_> = dimensions.chain(states).chain([(ExportOf::Rejected, "rejected")]).collect();
        let mut exports = Vec::new();
        for (what, name) in wanted {
            match self.connectors.export(&[name, short(name)]) {
                Ok(None) => {}
                Ok(Some(export)) => exports.push(Exported { what, name: name.to_owned(), export }),
                Err(error) => self.errors.push(BuildError::connector(self.plan, name, None, error)),
            }
        }
        exports
    }

    fn rejected(&mut self) -> Option<Box<dyn Sink>> {
        let rejected = self.connectors.rejected();
        rejected.map_err(|error| self.errors.push(BuildError::connector(self.plan, "rejected", None, error))).ok()?
    }

    fn store(&mut self) -> Option<Arc<dyn Store>> {
        let store = self.connectors.store();
        store.map_err(|error| self.errors.push(BuildError::connector(self.plan, "store", None, error))).ok()
    }
}
