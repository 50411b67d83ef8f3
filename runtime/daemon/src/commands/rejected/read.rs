//! Reads the topics of rejected records from their first message to what is their last one now, as a group of its own that
//! commits nothing.

use std::{
    collections::{BTreeMap, HashSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
    time::{Duration, Instant},
};

use nsf_engine::{
    connector::{Change, Command, ConnectorError, Message, PartitionId, Polled, RawBatch, Source as _},
    rejected::RejectedRecord,
};
use nsf_kafka::{ID_HEADER, KafkaSettings, KafkaSource, KafkaTopics, StartAt};
use nsf_plan::Plan;
use serde_json::{Value, json};

use super::Open;
use crate::{problem::Problem, settings};

/// How many bytes are asked for at once.
const BLOCK: usize = 1024 * 1024;

/// How long nothing may come while something is to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long nothing may come of partitions that all are assigned: what is missing to their ends are no messages then.
const QUIET: Duration = Duration::from_secs(5);

/// A rejected record that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// What it is.
    pub record: RejectedRecord,
    /// The same as it stands in the topic.
    whole: Value,
    /// When it was rejected, in milliseconds since 1970.
    pub time: Option<i64>,
}

impl Found {
    /// What it is named by: topic, partition and offset of the message that was rejected. What was told by a subscription
    /// comes from no topic, and has its source's name there.
    pub fn id(&self) -> String {
        let RejectedRecord { source, topic, partition, offset, .. } = &self.record;
        format!("{}/{partition}/{offset}", if topic.is_empty() { source } else { topic })
    }

    fn moment(&self) -> String {
        let moment = self.time.and_then(|time| jiff::Timestamp::from_millisecond(time).ok());
        moment.map_or_else(|| "-".to_owned(), |moment| moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string())
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let RejectedRecord { by, step, code, reason, .. } = &self.record;
        let step = if step.is_empty() { String::new() } else { format!(" in {step}") };
        format!("{}  {}  {code}  {by}{step}: {}", self.moment(), self.id(), reason.replace('\n', " "))
    }

    /// All of it, with its id and its time.
    pub fn json(&self) -> Value {
        let mut whole = json!({ "id": self.id(), "rejected": self.moment() });
        if let (Value::Object(whole), Value::Object(own)) = (&mut whole, &self.whole) {
            whole.extend(own.iter().map(|(name, value)| (name.clone(), value.clone())));
        }
        whole
    }
}

/// Calls `each` for every rejected record, once also where a fault made the worker send it again. Gives what is to be said
/// beside.
///
/// # Errors
/// Where a topic cannot be read, or `each` fails.
pub fn read(open: &Open, each: &mut dyn FnMut(Found) -> Result<(), Problem>) -> Result<Vec<String>, Problem> {
    let problem = |error: ConnectorError| Problem::connector("kafka", &error);
    let settings = settings(open)?;
    let mut notes = Vec::new();
    let (topics, partitions) = topics(open, &settings, &mut notes)?;
    if topics.is_empty() {
        return Ok(notes);
    }
    let mut source = KafkaSource::new(settings, topics);
    source.open(&[]).map_err(problem)?;
    let mut reading = Reading { ends: BTreeMap::new(), ids: HashSet::new(), odd: 0, last: Instant::now() };
    let (mut batch, mut result) = (RawBatch::default(), Ok(()));
    while result.is_ok() && !reading.is_over(partitions) {
        result = match source.poll(&mut batch, BLOCK) {
            Ok(Polled::Changed) => reading.changed(&mut source).map_err(problem),
            Ok(Polled::Batch) => reading.take(&batch, each),
            Ok(Polled::Idle | Polled::End) => reading.waits(&source),
            Err(error) => Err(problem(error)),
        };
        batch.clear();
    }
    source.close(Duration::from_secs(2));
    if reading.odd > 0 {
        notes.push(format!("{} messages of these topics are no rejected records and are left out", reading.odd));
    }
    result.map(|()| notes)
}

/// As the worker's, but for what makes a member of its group, moves positions or changes anything.
fn settings(open: &Open) -> Result<KafkaSettings, Problem> {
    let production = &open.production;
    let kafka = production.kafka();
    let cluster = kafka.cluster(None).ok_or_else(|| Problem::new("the profile names no brokers of Kafka"))?;
    let mut settings = settings::kafka(production.profile(), kafka, cluster);
    settings.group = format!("{}.rejected.{}", kafka.group, std::process::id());
    settings.instance = None;
    settings.create_topics = None;
    settings.start = StartAt::Earliest;
    Ok(settings)
}

/// The topics that are there, and how many partitions they have together.
fn topics(open: &Open, settings: &KafkaSettings, notes: &mut Vec<String>) -> Result<(Vec<String>, usize), Problem> {
    let named = named(&open.plan, &open.production.kafka().rejected, notes);
    let asked: Vec<&str> = named.iter().map(String::as_str).collect();
    let report = KafkaTopics::new(settings.clone()).check(&asked, &[]);
    let report = report.map_err(|error| Problem::connector("kafka", &error))?;
    let (mut topics, mut partitions) = (Vec::new(), 0);
    for topic in report.topics {
        match topic.partitions {
            Ok(count) => {
                partitions += count as usize;
                topics.push(topic.name);
            }
            Err(error) => notes.push(format!("{error}; nothing is read of it")),
        }
    }
    Ok((topics, partitions))
}

/// The topic of all that no source names one for, then those that sources name.
fn named(plan: &Plan, default: &str, notes: &mut Vec<String>) -> Vec<String> {
    let mut names = vec![default.to_owned()];
    for source in &plan.sources {
        let topic = source.reject.and_then(|topic| plan.topics.get(topic.index()));
        let Some(connector) = topic.map(|topic| &topic.connector).filter(|own| own.kind == "kafka") else { continue };
        if connector.cluster.is_some() {
            notes.push(format!("the topic `{}` is on another cluster; nothing is read of it", connector.name));
        } else if !names.contains(&connector.name) {
            names.push(connector.name.clone());
        }
    }
    names
}

/// How far it is read.
struct Reading {
    /// By partition: the next offset, and where it ends.
    ends: BTreeMap<PartitionId, (u64, u64)>,
    /// What tells rejections from each other, of all that were found.
    ids: HashSet<u64>,
    /// Messages that are none.
    odd: u64,
    /// When something last came.
    last: Instant,
}

impl Reading {
    fn is_over(&self, partitions: usize) -> bool {
        let all = self.ends.len() >= partitions;
        all && (self.ends.values().all(|(next, end)| next >= end) || self.last.elapsed() > QUIET)
    }

    fn changed(&mut self, source: &mut KafkaSource) -> Result<(), ConnectorError> {
        self.last = Instant::now();
        for change in source.changes() {
            match change {
                Change::Assigned(partition, log) => {
                    // One that comes back is gone on with.
                    let (next, _) = *self.ends.entry(partition).or_insert((log.low, log.high));
                    source.command(Command::Start { partition, next: next.max(log.low), generation: 1 })?;
                }
                Change::Revoked(partition) => source.command(Command::Release(partition))?,
                Change::Gone(_) | Change::Counted { .. } => {}
            }
        }
        Ok(())
    }

    fn take(&mut self, batch: &RawBatch, each: &mut dyn FnMut(Found) -> Result<(), Problem>) -> Result<(), Problem> {
        self.last = Instant::now();
        let partition = PartitionId { stream: batch.stream, partition: batch.partition };
        for message in &batch.messages {
            if self.is_repeated(partition, batch, message) {
                continue;
            }
            let bytes = batch.message(message);
            match (RejectedRecord::read(bytes), serde_json::from_slice(bytes)) {
                (Some(record), Ok(whole)) => each(Found { record, whole, time: message.timestamp })?,
                _ => self.odd += 1,
            }
        }
        if let Some((next, _)) = self.ends.get_mut(&partition) {
            *next = batch.end.next.max(*next);
        }
        Ok(())
    }

    /// Whether the message was there before, or lies behind what was the end when reading began.
    fn is_repeated(&mut self, partition: PartitionId, batch: &RawBatch, message: &Message) -> bool {
        if self.ends.get(&partition).is_none_or(|(next, end)| message.offset < *next || message.offset >= *end) {
            return true;
        }
        let id = batch.headers(message).find(|(name, _)| *name == ID_HEADER).map(|(_, id)| id);
        id.is_some_and(|id| {
            let mut hasher = DefaultHasher::new();
            (partition.stream, id).hash(&mut hasher);
            !self.ids.insert(hasher.finish())
        })
    }

    /// Nothing came: whether it is worth to wait on.
    fn waits(&self, source: &KafkaSource) -> Result<(), Problem> {
        if self.last.elapsed() < PATIENCE {
            return Ok(());
        }
        let why = source.trouble().unwrap_or_else(|| "nothing came for a minute".to_owned());
        Err(Problem::new(format!("the topics of rejected records cannot be read on: {why}"))
            .with_help("see that the brokers answer and that this user may read these topics, then try again"))
    }
}
