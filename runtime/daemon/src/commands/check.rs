//! `nsflow check`: connects to everything that a plan needs and says whether it could run.

use std::collections::BTreeSet;

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind, ConnectorResult},
    lookup::Wanted,
};
use nsf_kafka::{KafkaTopics, TopicsReport};
use nsf_mysql::MysqlDimensions;
use nsf_plan::Plan;

use crate::{
    Deployment,
    configuration::{self, Configuration},
    problem::Problem,
    production::{Kept, Production},
    settings,
    spaces::{self, Place},
    transactions::Transactions,
};

/// Connects to everything that a plan needs and says whether it could run.
#[derive(Debug, clap::Args)]
pub struct Check {
    #[command(flatten)]
    deployment: Deployment,
}

impl Check {
    /// Runs the command.
    ///
    /// # Errors
    /// Everything that keeps the plan from being run.
    pub fn run(self) -> Result<(), Vec<Problem>> {
        let configuration = configuration::read(&self.deployment)?;
        let Configuration { plan, profile, folder } = configuration;
        let production = Production::new(&plan, profile, folder).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        println!("plan `{}`: can be read", plan.name);
        check_topics(&plan, &production, &mut problems);
        check_store(&production, &mut problems);
        check_mysql(&plan, &production, &mut problems);
        check_spaces(&production, &mut problems);
        check_streams(&plan, &production, &mut problems);
        check_webhooks(&plan, &production, &mut problems);
        if let Some(words) = Transactions::of(&plan, production.profile()).words() {
            println!("note: {words}");
        }
        if problems.is_empty() {
            println!("it can run");
            Ok(())
        } else {
            Err(problems)
        }
    }
}

fn check_topics(plan: &Plan, production: &Production, problems: &mut Vec<Problem>) {
    match topics(plan, production) {
        Some(Ok((report, creates))) => say_topics(&report, creates, problems),
        Some(Err(error)) => problems.push(Problem::connector("kafka", &error)),
        None => {}
    }
}

/// What is wrong with the topics of a plan and with the group; topics that a run creates are well.
pub fn wrong_topics(plan: &Plan, production: &Production) -> Vec<Problem> {
    match topics(plan, production) {
        Some(Ok((report, creates))) => {
            let is_wrong = |error: &ConnectorError| !(creates && error.kind == ConnectorErrorKind::NotFound);
            let topics = report.topics.iter().filter_map(|topic| topic.partitions.as_ref().err());
            let wrong = topics.filter(|error| is_wrong(error)).chain(report.group.as_ref());
            wrong.map(|error| Problem::connector("kafka", error)).collect()
        }
        Some(Err(error)) => vec![Problem::connector("kafka", &error)],
        None => Vec::new(),
    }
}

/// The topics of a plan as they are, and whether a run would create those that are missing.
fn topics(plan: &Plan, production: &Production) -> Option<ConnectorResult<(TopicsReport, bool)>> {
    let kafka = production.kafka();
    let cluster = kafka.cluster(None)?;
    let topics = |wanted: fn(&nsf_plan::Topic) -> bool| {
        let topics = plan.topics.iter().filter(move |topic| topic.connector.kind == "kafka" && wanted(topic));
        topics.map(|topic| topic.connector.name.as_str()).collect::<Vec<&str>>()
    };
    let read = topics(|topic| topic.read);
    let mut written = topics(|topic| topic.written);
    written.push(&kafka.rejected);
    let mut settings = settings::kafka(production.profile(), kafka, cluster);
    // Looking changes nothing: what a run would make is said.
    let creates = settings.create_topics.take().is_some();
    Some(KafkaTopics::new(settings).check(&read, &written).map(|report| (report, creates)))
}

fn say_topics(report: &TopicsReport, creates: bool, problems: &mut Vec<Problem>) {
    println!("kafka: {} brokers answer", report.brokers);
    for topic in &report.topics {
        match &topic.partitions {
            Ok(partitions) => println!("topic {}: {partitions} partitions", topic.name),
            Err(error) if creates && error.kind == ConnectorErrorKind::NotFound => {
                println!("topic {}: is not there; a run creates it", topic.name);
            }
            Err(error) => problems.push(Problem::connector("kafka", error)),
        }
    }
    problems.extend(report.group.as_ref().map(|error| Problem::connector("kafka", error)));
}

fn check_store(production: &Production, problems: &mut Vec<Problem>) {
    let redis = match production.kept() {
        Kept::Redis(redis) => redis,
        // With the other tables there.
        Kept::Mysql(_) => return,
        Kept::Nothing => {
            println!(
                "store: none is needed; messages and positions are committed in transactions of Kafka, exactly once"
            );
            return;
        }
    };
    match nsf_redis::check(redis) {
        Ok(report) => {
            for node in &report.nodes {
                println!(
                    "redis {}: version {}, {}, {} replicas, when full: {}",
                    node.node, node.version, node.role, node.replicas, node.memory_policy
                );
            }
            report.notes.iter().for_each(|note| println!("note: {note}"));
        }
        Err(error) => problems.push(Problem::connector("redis", &error)),
    }
}

/// The streams of Redis that the plan reads.
fn check_streams(plan: &Plan, production: &Production, problems: &mut Vec<Problem>) {
    let Some(redis) = production.redis() else { return };
    let is_read = |topic: &&nsf_plan::Topic| topic.read && topic.connector.kind == "redis_stream";
    for topic in plan.topics.iter().filter(is_read) {
        let name = &topic.connector.name;
        match nsf_redis::stream_length(redis, name) {
            Ok(Some(length)) => println!("stream {name}: {length} entries"),
            Ok(None) => println!("stream {name}: is not there; a run makes it, without entries"),
            // A server that is not reached was told of.
            Err(error) if error.kind == ConnectorErrorKind::Unavailable => {}
            Err(error) => problems.push(Problem::connector(&format!("stream {name}"), &error)),
        }
    }
}

/// Where the webhooks that the plan writes would send to. Nothing is sent.
fn check_webhooks(plan: &Plan, production: &Production, problems: &mut Vec<Problem>) {
    let names: BTreeSet<&str> = plan
        .topics
        .iter()
        .filter(|topic| topic.connector.kind == "webhook")
        .map(|topic| topic.connector.name.as_str())
        .collect();
    for name in names {
        match production.webhook(name).and_then(|webhook| webhook.check()) {
            Ok(report) => {
                let addresses: Vec<String> = report.addresses.iter().map(ToString::to_string).collect();
                println!("webhook {name}: sends to {} ({})", report.target, addresses.join(", "));
            }
            Err(error) => problems.push(Problem::connector("webhook", &error)),
        }
    }
}

/// Which dimensions are in more than one place, or kept for a time.
fn check_spaces(production: &Production, problems: &mut Vec<Problem>) {
    let spaces = match production.spaces() {
        Ok(spaces) => spaces,
        Err(error) => return problems.push(Problem::connector("dimensions", &error)),
    };
    spaces.list.iter().filter_map(places).for_each(|words| println!("{words}"));
    spaces.notes.iter().for_each(|note| println!("note: {note}"));
}

/// The places of a dimension, where there is something to say of them.
fn places(kept: &spaces::Kept) -> Option<String> {
    if kept.further.is_empty() && kept.first.keep == 0 {
        return None;
    }
    let words = |place: &Place| match place.keep_words() {
        Some(keep) => format!("{}, rows {keep}", place.words()),
        None => place.words(),
    };
    let mut all = format!("dimension {}: in {}", kept.name, words(&kept.first));
    if !kept.further.is_empty() {
        let further: Vec<String> = kept.further.iter().map(words).collect();
        all.push_str(&format!("; brought to {}", further.join("; ")));
    }
    Some(all)
}

/// The servers of MySQL, the tables that are looked up there, and those of dimensions.
fn check_mysql(plan: &Plan, production: &Production, problems: &mut Vec<Problem>) {
    let before = problems.len();
    for database in production.mysql().databases() {
        match database.check() {
            Ok(report) => {
                let encrypted = if report.encrypted { ", encrypted" } else { "" };
                println!("mysql {}/{}: version {}{encrypted}", report.node, report.database, report.version);
            }
            Err(error) => problems.push(Problem::connector("mysql", &error)),
        }
    }
    // A server that is not reached would be told of once more for each of its tables.
    if problems.len() > before {
        return;
    }
    for table in &plan.tables {
        let Some(topic) = plan.topics.get(table.from.index()).filter(|topic| topic.connector.kind == "mysql") else {
            continue;
        };
        let connector = &topic.connector;
        let Wanted { key, members } = Wanted::of(table);
        match production.mysql().database(connector.cluster.as_deref()) {
            None => problems.push(
                Problem::new(format!(
                    "table {}: the profile names no server for `mysql(\"{}\")`",
                    table.name, connector.name
                ))
                .with_help("write `mysql:` in the profile, or the cluster under `mysql.clusters`"),
            ),
            Some(database) => match database.lookup(&connector.name, &key, &members) {
                Ok(_) => println!("table {}: looked up in {} by key", table.name, connector.name),
                Err(error) => problems.push(Problem::connector(&format!("table {}", table.name), &error)),
            },
        }
    }
    let checked = check_tables(production);
    problems.extend(checked.err().map(|error| Problem::connector("mysql", &error)));
}

/// The tables of states and dimensions that are kept on MySQL.
fn check_tables(production: &Production) -> ConnectorResult<()> {
    let of_dimensions = |dimensions: &MysqlDimensions| {
        println!("mysql: the tables of {} dimensions are there", dimensions.prefixes().count());
    };
    if let Some(store) = production.mysql_store()? {
        store.check()?;
        println!("mysql: the tables of states and positions are there, and may be read and written");
        store.dimensions().into_iter().for_each(of_dimensions);
        store.notes()?.iter().for_each(|note| println!("note: {note}"));
    } else if let Some(dimensions) = production.mysql_dimensions()? {
        dimensions.check()?;
        of_dimensions(&dimensions);
    }
    Ok(())
}
