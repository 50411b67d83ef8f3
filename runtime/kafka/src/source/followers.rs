//! Topics whose partitions follow those of another: merged streams, whose records of one key must be worked on by one worker.
//!
//! The group shares out the partitions of the first topic of such a set alone. Whoever gets one of them takes the partitions
//! of the same number of the others too, without asking the group: no way of sharing out several topics that moves partitions
//! one by one keeps them together.

use std::collections::{BTreeMap, BTreeSet};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind, ConnectorResult};

use crate::settings::KafkaSettings;

/// Which topics follow which.
#[derive(Debug, Default)]
pub(super) struct Followers {
    /// By topic that leads: those that follow it.
    by_lead: BTreeMap<String, Vec<String>>,
}

impl Followers {
    /// From the topics of the streams and the numbers of their groups.
    pub(super) fn new(streams: &[String], groups: &[u32]) -> Self {
        // A topic of two groups makes them one.
        let mut sets: Vec<(BTreeSet<u32>, Vec<&String>)> = Vec::new();
        for (topic, group) in streams.iter().zip(groups) {
            let mut joined = (BTreeSet::from([*group]), vec![topic]);
            let (same, other) = std::mem::take(&mut sets)
                .into_iter()
                .partition::<Vec<_>, _>(|(groups, topics)| groups.contains(group) || topics.contains(&topic));
            sets = other;
            for (groups, topics) in same.into_iter().rev() {
                joined.0.extend(groups);
                joined.1.splice(0..0, topics);
            }
            sets.push(joined);
        }
        let mut by_lead = BTreeMap::new();
        for (_, topics) in sets {
            let Some((lead, rest)) = topics.split_first() else { continue };
            let mut followers: Vec<String> = Vec::new();
            for topic in rest.iter().filter(|topic| *topic != lead) {
                if !followers.contains(topic) {
                    followers.push((*topic).clone());
                }
            }
            if !followers.is_empty() {
                by_lead.insert((*lead).clone(), followers);
            }
        }
        Self { by_lead }
    }

    /// Whether a topic's partitions follow those of another.
    pub(super) fn follows(&self, topic: &str) -> bool {
        self.lead_of(topic).is_some()
    }

    /// The topic whose partitions those of a topic follow.
    pub(super) fn lead_of(&self, topic: &str) -> Option<&str> {
        let mut sets = self.by_lead.iter();
        sets.find_map(|(lead, own)| own.iter().any(|follower| follower == topic).then_some(lead.as_str()))
    }

    /// Partitions that the group gave or wants back, with those that follow them.
    pub(super) fn with(&self, mut partitions: Vec<(String, i32)>) -> Vec<(String, i32)> {
        let mut following = Vec::new();
        for (topic, partition) in &partitions {
            let followers = self.by_lead.get(topic).into_iter().flatten();
            following.extend(followers.map(|follower| (follower.clone(), *partition)));
        }
        partitions.append(&mut following);
        partitions
    }

    /// Refuses topics that cannot follow, for they have another number of partitions.
    pub(super) fn check(&self, partitions: &[(&str, u32)], settings: &KafkaSettings) -> ConnectorResult<()> {
        let count = |topic: &str| partitions.iter().find(|(own, _)| *own == topic).map_or(0, |(_, count)| *count);
        for (lead, followers) in &self.by_lead {
            let wanted = count(lead);
            if let Some(other) = followers.iter().find(|topic| count(topic) != wanted) {
                let message = format!(
                    "one flow reads the topics `{lead}` and `{other}` of Kafka at `{}` together, but they have {wanted} and {} \
                     partitions: records of one key would come to different workers",
                    settings.brokers,
                    count(other)
                );
                let help = "give both as many partitions; or copy one of them to a topic that has as many. Where one is the `retry` \
                            topic of the other, add partitions to it until it has as many, or name another topic while nothing \
                            waits there";
                return Err(ConnectorError::new(ConnectorErrorKind::Changed, message).with_help(help));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn topics_of_one_group_follow_the_first() {
        let followers = Followers::new(&names(&["a", "b", "c", "d"]), &[1, 2, 1, 3]);
        assert_eq!((followers.lead_of("c"), followers.lead_of("a")), (Some("a"), None));
        assert!(followers.follows("c") && !followers.follows("a") && !followers.follows("b"));
        let with = followers.with(vec![("a".to_owned(), 4), ("b".to_owned(), 0)]);
        assert_eq!(with, [("a".to_owned(), 4), ("b".to_owned(), 0), ("c".to_owned(), 4)]);
    }

    #[test]
    fn a_topic_of_two_groups_makes_them_one() {
        let followers = Followers::new(&names(&["a", "b", "b", "c"]), &[1, 1, 2, 2]);
        let with = followers.with(vec![("a".to_owned(), 1)]);
        assert_eq!(with, [("a".to_owned(), 1), ("b".to_owned(), 1), ("c".to_owned(), 1)]);
    }

    #[test]
    fn one_topic_read_twice_follows_nobody() {
        let followers = Followers::new(&names(&["a", "a"]), &[1, 1]);
        assert!(!followers.follows("a"));
        assert_eq!(followers.with(vec![("a".to_owned(), 1)]).len(), 1);
    }
}
