//! `nsflow reset`: lets a topic or stream be read anew, from its first or behind its last message.

use std::{collections::BTreeSet, sync::Arc};

use clap::ValueEnum;
use nsf_engine::{
    connector::{ConnectorErrorKind, LogState},
    run::{
        Engine, Options, Pieces,
        serve::reset::{Hanging, Reset as Job, RetryStart},
    },
    timed,
};
use nsf_kafka::KafkaGroup;
use nsf_plan::Plan;

use crate::{
    Deployment,
    configuration::{self, Configuration},
    problem::Problem,
    production::Production,
    settings,
};

/// Lets a topic be read anew. Says what it would do, and does it with `--yes`. No worker may run meanwhile.
#[derive(Debug, clap::Args)]
pub struct Reset {
    #[command(flatten)]
    deployment: Deployment,
    /// The topic, or the stream of Redis.
    #[arg(long, short)]
    topic: String,
    /// Where it is read from.
    #[arg(long, value_enum, default_value_t)]
    to: Place,
    /// Leaves the rows of states as they are: records that are read again are counted again in them.
    #[arg(long)]
    keep_states: bool,
    /// Does it.
    #[arg(long)]
    yes: bool,
}

/// Where a topic is read from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Place {
    /// Its first message that is still there.
    #[default]
    Earliest,
    /// Behind its last message.
    Latest,
}

impl Reset {
    /// Runs the command.
    ///
    /// # Errors
    /// What keeps the topic from being reset.
    pub fn run(self) -> Result<(), Vec<Problem>> {
        let Configuration { plan, profile, folder } = configuration::read(&self.deployment)?;
        let one = |problem| vec![problem];
        let is_read = |topic: &&nsf_plan::Topic| topic.read && topic.connector.name == self.topic;
        let mut kinds: Vec<String> =
            plan.topics.iter().filter(is_read).map(|topic| topic.connector.kind.clone()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        if kinds.len() != 1 {
            let problem = match kinds.as_slice() {
                [] => Problem::new(format!("nothing in the plan reads the topic `{}`", self.topic))
                    .with_help(format!("name a topic or a stream that it reads: {}", read_by(&plan))),
                _ => Problem::new(format!("the plan reads a topic and a stream that are called `{}`", self.topic))
                    .with_help("give one of them another name: they cannot be told apart here"),
            };
            return Err(vec![problem]);
        }
        let options = Options { lanes: profile.lanes.unwrap_or(settings::LANES), ..Options::default() };
        let options = Options { secrets: Arc::new(super::run::secret), ..options };
        let production = Production::new(&plan, profile, folder).map_err(one)?;
        if production.is_transactional() {
            let group = &production.kafka().group;
            let problem =
                Problem::new("the positions of this plan are the group's own, since `kafka.transactions` is on");
            return Err(vec![problem.with_help(format!(
                "set them by Kafka's own tool: kafka-consumer-groups.sh --group {group} --topic {} --reset-offsets",
                self.topic
            ))]);
        }
        let pieces = Engine::build(plan, options, &production);
        let mut pieces = pieces.map_err(|errors| errors.iter().map(Problem::build).collect::<Vec<Problem>>())?;
        let hanging = pieces.hanging(&self.topic);
        let mut retries = Vec::new();
        let stands = if kinds[0] == "redis_stream" {
            self.of_stream(&production, &hanging).map_err(one)?
        } else {
            let group = group(&production).map_err(one)?;
            self.refuse_workers(&production, &group).map_err(one)?;
            for topic in &hanging.retries {
                retries.extend(retry_start(&group, topic).map_err(one)?);
            }
            group.stands(&self.topic).map_err(|error| vec![Problem::connector("kafka", &error)])?
        };
        let waiting = pieces.waiting(&self.topic).map_err(|error| vec![Problem::run(&error)])?;
        self.say(&hanging, &stands);
        self.say_waiting(&hanging, &waiting);
        if !self.yes {
            println!("nothing was done; give --yes to do it");
            return Ok(());
        }
        self.perform(&mut pieces, &stands, retries).map_err(one)
    }

    /// Where a stream of Redis stands, which no worker reads. What tells it from others of its name is made where it is to be
    /// written down, and not for who only looks.
    fn of_stream(&self, production: &Production, hanging: &Hanging) -> Result<Vec<(u32, LogState)>, Problem> {
        let Some(redis) = production.redis() else { return Err(Problem::new("the profile names no redis")) };
        let stands = nsf_redis::stream_stands(redis, &self.topic, &hanging.ids, self.yes);
        let (state, is_read) = stands.map_err(|error| Problem::connector("redis", &error))?;
        if is_read {
            return Err(Problem::new(format!("a worker reads the stream `{}`", self.topic))
                .with_help("stop all workers first; what one that was killed had is free some seconds later"));
        }
        Ok(vec![(0, state)])
    }

    fn refuse_workers(&self, production: &Production, group: &KafkaGroup) -> Result<(), Problem> {
        let members = group.members().map_err(|error| Problem::connector("kafka", &error))?;
        if members == 0 {
            return Ok(());
        }
        let name = &production.kafka().group;
        Err(Problem::new(format!("the group `{name}` has {members} members: workers run")).with_help(
            "stop all of them first; one that was killed stays a member until its session ends, some seconds later",
        ))
    }

    fn next(&self, state: &LogState) -> u64 {
        match self.to {
            Place::Earliest => state.low,
            Place::Latest => state.high,
        }
    }

    fn say(&self, hanging: &Hanging, stands: &[(u32, LogState)]) {
        let is_stream = stands.iter().any(|(_, state)| state.timed);
        let kind = if is_stream { "stream" } else { "topic" };
        println!("the {kind} `{}` is read by {}", self.topic, hanging.streams.join(", "));
        for (partition, state) in stands {
            if state.timed {
                // Offsets are those of the entry that could come next.
                let behind = |next: u64| next.checked_sub(1).map_or_else(|| "0-0".to_owned(), timed::name);
                match state.high {
                    0 => println!("it had no entries yet: from its first on"),
                    high => {
                        println!("entries: from behind {} on; the last is {}", behind(self.next(state)), behind(high))
                    }
                }
                continue;
            }
            println!(
                "partition {partition}: from offset {} on; the log has {} to {}",
                self.next(state),
                state.low,
                state.high
            );
        }
        if hanging.is_retry {
            // What comes of a record that waits counts when it is done.
            return;
        }
        if self.keep_states {
            println!("rows of states stay as they are");
            return;
        }
        for state in &hanging.states {
            println!("state `{state}`: all of its rows are deleted");
        }
        if !hanging.others.is_empty() {
            let others = hanging.others.join(", ");
            println!("note: these states are also made of {others}, which are not read again");
        }
        let outputs = if is_stream { "topics and streams" } else { "topics" };
        println!("note: dimensions and what was written to {outputs} stay as they are");
    }

    /// What becomes of records that wait in a retry topic.
    fn say_waiting(&self, hanging: &Hanging, waiting: &[String]) {
        if waiting.is_empty() {
            return;
        }
        let count = waiting.len();
        if !hanging.is_retry {
            let topics = hanging.retries.join(", ");
            println!(
                "{count} records wait in {topics}: they wait no longer, and that topic is read on behind its last message; \
                 those that are read again here are taken as any others"
            );
        } else if self.to == Place::Earliest {
            println!(
                "{count} records wait there: those that are still in the topic are taken, each once; a key that waits for one \
                 that is not keeps its new records there too, in order, until `--to latest` gives it up. States stay as they are"
            );
            return;
        } else {
            println!("{count} records wait there and are given up: they are in no state. States stay as they are");
        }
        for place in waiting.iter().take(SHOWN) {
            println!("  {place}");
        }
        if count > SHOWN {
            println!("  and {} more, which `nsflow state scan` of `SOURCE/waiting` lists", count - SHOWN);
        }
    }

    fn perform(
        &self,
        pieces: &mut Pieces,
        stands: &[(u32, LogState)],
        retries: Vec<RetryStart>,
    ) -> Result<(), Problem> {
        let job = Job {
            topic: self.topic.clone(),
            starts: stands.iter().map(|(partition, state)| (*partition, self.next(state))).collect(),
            incarnation: stands.first().map(|(_, state)| state.incarnation.clone()).unwrap_or_default(),
            keep_states: self.keep_states,
            passes_over: self.to == Place::Latest,
            retries,
        };
        let done = pieces.reset(&job).map_err(|error| {
            let problem = Problem::run(&error);
            let help = problem.help.clone().unwrap_or_else(|| "mend it".to_owned());
            problem.with_help(format!("{help}; then run the same command again, before any worker starts"))
        })?;
        let rows = done.rows;
        match stands {
            [(_, state)] if state.timed => println!("done: the stream is read from there on, {rows} rows deleted"),
            _ => println!("done: {} partitions, {rows} rows deleted", stands.len()),
        }
        if !done.given_up.is_empty() {
            println!("{} records wait no longer", done.given_up.len());
        }
        Ok(())
    }
}

/// The topics and streams that a plan reads, in words.
fn read_by(plan: &Plan) -> String {
    let is_topic = |topic: &&nsf_plan::Topic| topic.read && matches!(&*topic.connector.kind, "kafka" | "redis_stream");
    let names: BTreeSet<String> =
        plan.topics.iter().filter(is_topic).map(|topic| format!("`{}`", topic.connector.name)).collect();
    if names.is_empty() { "there is none".to_owned() } else { names.into_iter().collect::<Vec<_>>().join(", ") }
}

/// How many records are named that wait.
const SHOWN: usize = 20;

/// Behind the last message of a retry topic; none where it is not there yet.
fn retry_start(group: &KafkaGroup, topic: &str) -> Result<Option<RetryStart>, Problem> {
    match group.stands(topic) {
        Ok(stands) => Ok(Some(RetryStart {
            topic: topic.to_owned(),
            starts: stands.iter().map(|(partition, state)| (*partition, state.high)).collect(),
            incarnation: stands.first().map(|(_, state)| state.incarnation.clone()).unwrap_or_default(),
        })),
        Err(error) if error.kind == ConnectorErrorKind::NotFound => Ok(None),
        Err(error) => Err(Problem::connector("kafka", &error)),
    }
}

fn group(production: &Production) -> Result<KafkaGroup, Problem> {
    let kafka = production.kafka();
    let cluster = kafka.cluster(None).ok_or_else(|| Problem::new("the profile names no brokers of Kafka"))?;
    let settings = settings::kafka(production.profile(), kafka, cluster);
    KafkaGroup::new(settings).map_err(|error| Problem::connector("kafka", &error))
}
