//! Sends rejected messages back to the topics that they came from.

use std::{
    collections::{BTreeMap, HashSet},
    io::Write as _,
};

use nsf_engine::connector::{OutputBatch, Sink as _};
use nsf_kafka::KafkaSink;
use nsf_plan::{InputSource, Plan, Topic};

use super::{
    Choice, Open, printable,
    read::{self, Found},
};
use crate::{Deployment, problem::Problem};

/// After how many bytes messages are handed to Kafka.
const BLOCK: usize = 1024 * 1024;

#[derive(Debug, clap::Args)]
pub struct Replay {
    #[command(flatten)]
    deployment: Deployment,
    /// Records, as `list` names them: TOPIC/PARTITION/OFFSET.
    ids: Vec<String>,
    #[command(flatten)]
    choice: Choice,
    /// All rejected records; needed where neither records nor anything else says which.
    #[arg(long)]
    all: bool,
    /// How many are sent at most: the oldest.
    #[arg(long, short)]
    limit: Option<usize>,
    /// Says what would be sent, and sends nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What is sent, and what is not.
#[derive(Default)]
struct Account {
    /// Messages, by topic.
    sent: BTreeMap<String, u64>,
    /// Of them those without a key, which may get to any partition.
    keyless: u64,
    /// Those that cannot be sent, by the reason.
    left: BTreeMap<&'static str, u64>,
    /// Messages that were sent already: several may have rejected one.
    seen: HashSet<(String, u32, u64)>,
    /// Those beyond the limit.
    beyond: u64,
}

/// A topic that is written to.
struct Target {
    sink: Option<KafkaSink>,
    batch: OutputBatch,
}

impl Replay {
    pub fn run(self) -> Result<(), Vec<Problem>> {
        let filter = self.choice.filter(self.ids.clone());
        if filter.is_empty() && !self.all {
            let problem = Problem::new("it is not said which rejected records are to be sent back");
            return Err(vec![problem.with_help(
                "name them as `nsflow rejected list` does, or say --code, --source or --since; --all for all of them",
            )]);
        }
        let open = super::open(&self.deployment)?;
        let (mut account, mut targets) = (Account::default(), BTreeMap::new());
        let read = read::read(&open, &mut |found: Found| {
            if filter.wants(&found) { self.send(&open, &found, &mut account, &mut targets) } else { Ok(()) }
        });
        // What was handed over is on its way: that is waited for and said, also where reading broke off.
        let flushed = targets.into_iter().try_for_each(|(topic, target)| finish(&topic, target));
        account.say(self.dry_run, &open.plan);
        let mut problems: Vec<Problem> = Vec::new();
        match read {
            Ok(notes) => notes.iter().for_each(|note| eprintln!("note: {note}")),
            Err(problem) => problems.push(problem),
        }
        problems.extend(flushed.err());
        if problems.is_empty() && account.seen.is_empty() {
            problems.push(Problem::new("no rejected record is there that is meant"));
        }
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    fn send(
        &self,
        open: &Open,
        found: &Found,
        account: &mut Account,
        targets: &mut BTreeMap<String, Target>,
    ) -> Result<(), Problem> {
        let record = &found.record;
        if !account.seen.insert((record.topic.clone(), record.partition, record.offset)) {
            return Ok(());
        }
        let topic = match sendable(&open.plan, found) {
            Ok(topic) => topic,
            Err(reason) => {
                *account.left.entry(reason).or_default() += 1;
                return Ok(());
            }
        };
        if self.limit.is_some_and(|limit| account.sent.values().sum::<u64>() >= limit as u64) {
            account.beyond += 1;
            return Ok(());
        }
        let (key, raw) = (record.key().unwrap_or_default(), record.raw().unwrap_or_default());
        *account.sent.entry(record.topic.clone()).or_default() += 1;
        account.keyless += u64::from(key.is_empty());
        if self.dry_run {
            // Whoever reads may be gone, and needs no more of it then.
            let _ = writeln!(std::io::stdout(), "would send {}", printable(&found.line()));
            return Ok(());
        }
        if !targets.contains_key(&record.topic) {
            targets.insert(record.topic.clone(), Target::open(open, topic)?);
        }
        let Some(target) = targets.get_mut(&record.topic) else { return Ok(()) };
        target.batch.push(&key, &raw);
        if target.batch.bytes.len() >= BLOCK { target.append(&record.topic) } else { Ok(()) }
    }
}

/// The topic that a message may be sent back to: one that the plan reads, whatever stands in the record.
fn sendable<'p>(plan: &'p Plan, found: &Found) -> Result<&'p Topic, &'static str> {
    let record = &found.record;
    if record.topic.is_empty() {
        return Err("what a subscription could not tell, or a receiver refused, was no message of a topic");
    }
    if record.length.is_some() {
        return Err("only the beginning of a message that is too long was kept");
    }
    let is_it = |topic: &&Topic| topic.read && topic.connector.kind == "kafka" && topic.connector.name == record.topic;
    let is_stream = |topic: &Topic| topic.read && topic.connector.kind == "redis_stream";
    if plan.topics.iter().any(|topic| is_stream(topic) && topic.connector.name == record.topic) {
        return Err("it came from a stream of Redis, to which nothing is sent back: add the entry by hand");
    }
    plan.topics.iter().find(is_it).ok_or("this plan does not read the topic that the message came from")
}

impl Target {
    fn open(open: &Open, topic: &Topic) -> Result<Self, Problem> {
        let problem = |error| Problem::connector("kafka", &error);
        let producer = open.production.producer(topic.connector.cluster.as_deref()).map_err(problem)?;
        let mut sink = producer.sink(topic.connector.name.clone());
        sink.open(None).map_err(problem)?;
        Ok(Self { sink: Some(sink), batch: OutputBatch::default() })
    }

    fn append(&mut self, topic: &str) -> Result<(), Problem> {
        if let Some(sink) = &mut self.sink {
            sink.append(&self.batch).map_err(|error| not_all(topic, &error))?;
        }
        self.batch.clear();
        Ok(())
    }
}

/// Hands over the rest and waits until Kafka has all of it.
fn finish(topic: &str, mut target: Target) -> Result<(), Problem> {
    target.append(topic)?;
    match target.sink.take() {
        Some(mut sink) => sink.flush().map(drop).map_err(|error| not_all(topic, &error)),
        None => Ok(()),
    }
}

fn not_all(topic: &str, error: &nsf_engine::connector::ConnectorError) -> Problem {
    let message =
        format!("not all messages were sent to the topic `{topic}`, and some may have been: {}", error.message);
    Problem::new(message)
        .with_help("look at the topic's end before they are sent again: what is sent twice is taken twice")
}

impl Account {
    fn say(&self, dry_run: bool, plan: &Plan) {
        let verb = if dry_run { "would send" } else { "sent" };
        for (topic, count) in &self.sent {
            eprintln!("{verb} {count} messages to the topic `{topic}`");
            let readers = readers(plan, topic);
            if readers > 1 {
                eprintln!("note: {readers} flows read `{topic}`; those that had taken a message take it again");
            }
        }
        if self.keyless > 0 {
            eprintln!("note: {} of them have no key that was kept, and may get to another partition", self.keyless);
        }
        for (reason, count) in &self.left {
            eprintln!("left out {count}: {reason}");
        }
        if self.beyond > 0 {
            eprintln!("left out {}: beyond --limit", self.beyond);
        }
    }
}

/// How many flows read a topic.
fn readers(plan: &Plan, topic: &str) -> usize {
    let reads = |input: &nsf_plan::Input| match input.from {
        InputSource::Source(source) => plan
            .sources
            .get(source.index())
            .and_then(|source| plan.topics.get(source.from.index()))
            .is_some_and(|own| own.connector.name == topic),
        _ => false,
    };
    plan.pipelines.iter().filter(|pipeline| pipeline.inputs.iter().any(reads)).count()
}
