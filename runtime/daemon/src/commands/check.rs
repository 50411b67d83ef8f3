//! `nsflow check`: connects to everything that a plan needs and says whether it could run.

use nsf_kafka::{KafkaTopics, TopicsReport};
use nsf_plan::Plan;

use crate::{
    Deployment,
    configuration::{self, Configuration},
    problem::Problem,
    production::Production,
    settings,
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
        let production = Production::new(profile, folder).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        println!("plan `{}`: can be read", plan.name);
        check_topics(&plan, &production, &mut problems);
        check_store(&production, &mut problems);
        if problems.is_empty() {
            println!("it can run");
            Ok(())
        } else {
            Err(problems)
        }
    }
}

fn check_topics(plan: &Plan, production: &Production, problems: &mut Vec<Problem>) {
    let kafka = production.kafka();
    let Some(cluster) = kafka.cluster(None) else { return };
    let topics = |wanted: fn(&nsf_plan::Topic) -> bool| {
        let topics = plan.topics.iter().filter(move |topic| topic.connector.kind == "kafka" && wanted(topic));
        topics.map(|topic| topic.connector.name.as_str()).collect::<Vec<&str>>()
    };
    let read = topics(|topic| topic.read);
    let mut written = topics(|topic| topic.written);
    written.push(&kafka.rejected);
    let topics = KafkaTopics::new(settings::kafka(production.profile(), kafka, cluster));
    match topics.check(&read, &written) {
        Ok(report) => say_topics(&report, problems),
        Err(error) => problems.push(Problem::connector("kafka", &error)),
    }
}

fn say_topics(report: &TopicsReport, problems: &mut Vec<Problem>) {
    println!("kafka: {} brokers answer", report.brokers);
    for topic in &report.topics {
        match &topic.partitions {
            Ok(partitions) => {
                let created = if topic.created { ", created now" } else { "" };
                println!("topic {}: {partitions} partitions{created}", topic.name);
            }
            Err(error) => problems.push(Problem::connector("kafka", error)),
        }
    }
    problems.extend(report.group.as_ref().map(|error| Problem::connector("kafka", error)));
}

fn check_store(production: &Production, problems: &mut Vec<Problem>) {
    match nsf_redis::check(production.redis()) {
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
