//! Whether a plan's outputs and positions are committed in transactions of Kafka: where the profile asks for it and the whole
//! plan keeps nothing but positions.

use std::collections::BTreeSet;

use nsf_engine::run::waits_in_words;
use nsf_plan::{Plan, profile::ResolvedProfile};

/// How a plan is committed under a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Transactions {
    /// The profile does not ask for transactions.
    NotAsked,
    /// In transactions.
    Used,
    /// Without, though the profile asks for them: why.
    Without(String),
}

impl Transactions {
    /// How a plan is committed under a profile.
    pub fn of(plan: &Plan, profile: &ResolvedProfile) -> Self {
        if !profile.kafka.as_ref().is_some_and(|kafka| kafka.transactions) {
            return Self::NotAsked;
        }
        hindrance(plan).map_or(Self::Used, Self::Without)
    }

    /// Whether they are used.
    pub fn are_used(&self) -> bool {
        *self == Self::Used
    }

    /// What a person who asked for them should know.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Without(why) => Some(format!(
                "`kafka.transactions` of the profile has no effect: {why}; states are exact all the same, and messages come at \
                 least once"
            )),
            Self::NotAsked | Self::Used => None,
        }
    }
}

/// What keeps a plan from being committed in transactions alone.
fn hindrance(plan: &Plan) -> Option<String> {
    if let Some(words) = plan.states.iter().find_map(|state| waits_in_words(&state.id)) {
        return Some(format!(
            "`on_error` lets records wait, and {words} is kept in another store, which no transaction of Kafka reaches"
        ));
    }
    if let Some(state) = plan.states.first() {
        return Some(format!(
            "the state `{}` is kept in another store, which no transaction of Kafka reaches",
            state.name
        ));
    }
    if let Some(dimension) = plan.dimensions.first() {
        let name = &dimension.name;
        return Some(format!("the dimension `{name}` is kept in another store, which no transaction of Kafka reaches"));
    }
    let tables: BTreeSet<usize> = plan.tables.iter().map(|table| table.from.index()).collect();
    let topics = plan.topics.iter().enumerate();
    for (_, topic) in topics.filter(|(index, topic)| topic.written || (topic.read && !tables.contains(index))) {
        let connector = &topic.connector;
        let shown = format!("`{}(\"{}\")`", connector.kind, connector.name);
        if connector.kind != "kafka" {
            return Some(format!("{shown} is no topic of Kafka"));
        }
        if let Some(cluster) = &connector.cluster {
            return Some(format!(
                "{shown} is on the cluster `{cluster}`, and a transaction reaches only one, the default"
            ));
        }
    }
    let mut read = BTreeSet::new();
    let twice = plan.sources.iter().find(|source| !read.insert(source.from))?;
    let topic = plan.topics.get(twice.from.index()).map_or("", |topic| &topic.connector.name);
    Some(format!("two sources read the topic `{topic}`, and the group has one position for both"))
}

#[cfg(test)]
mod tests {
    use nsf_plan::{Topic, connector::Connector};

    use super::*;

    fn topic(kind: &str, cluster: Option<&str>) -> Topic {
        let connector = Connector { cluster: cluster.map(str::to_owned), ..Connector::new(kind, "out") };
        Topic { connector, read: false, written: true, internal: false }
    }

    #[test]
    fn only_topics_of_one_cluster_are_in_a_transaction() {
        let mut plan = Plan::new("shop");
        plan.topics.push(topic("kafka", None));
        assert_eq!(hindrance(&plan), None);
        plan.topics.push(topic("kafka", Some("west")));
        assert!(hindrance(&plan).unwrap().contains("on the cluster `west`"));
        plan.topics[1] = topic("webhook", None);
        assert_eq!(hindrance(&plan).unwrap(), "`webhook(\"out\")` is no topic of Kafka");
        let words = Transactions::Without("so".to_owned()).words().unwrap();
        assert!(words.starts_with("`kafka.transactions` of the profile has no effect: so;"), "{words}");
    }
}
