//! Whether topics are still those that they were. One that is deleted and made anew under its name within a moment, and filled
//! again as far as it was read, looks to the client as it did before: the offsets that it holds are there, and mean other
//! records. Only the topic's id tells, so it is asked for from time to time.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind};

/// How often it is asked at most.
const LOOK: Duration = Duration::from_secs(5);

/// The ids of topics that are read.
pub(super) struct Incarnations {
    known: BTreeMap<String, String>,
    every: Duration,
    /// When it was asked last; none while the answer is awaited.
    asked: Option<Instant>,
}

impl Incarnations {
    /// None is known. The client asks for the partitions of its topics once in `interval`.
    pub(super) fn new(interval: Duration) -> Self {
        Self { known: BTreeMap::new(), every: interval.min(LOOK), asked: Some(Instant::now()) }
    }

    /// A topic has this id, as the engine was told; empty where the cluster has none.
    pub(super) fn note(&mut self, topic: &str, id: &str) {
        if !id.is_empty() && self.known.get(topic).is_none_or(|known| known != id) {
            self.known.insert(topic.to_owned(), id.to_owned());
        }
    }

    /// The topics to ask for, where it is time to.
    pub(super) fn due(&mut self) -> Option<Vec<String>> {
        if self.known.is_empty() || self.asked.is_none_or(|asked| asked.elapsed() < self.every) {
            return None;
        }
        self.asked = None;
        Some(self.known.keys().cloned().collect())
    }

    /// What the cluster says now. One that is not there may be on its way.
    ///
    /// # Errors
    /// A topic has another id.
    pub(super) fn answered(&mut self, ids: &[(String, String)], brokers: &str) -> Result<(), ConnectorError> {
        self.asked = Some(Instant::now());
        let is_other =
            |(topic, id): &&(String, String)| !id.is_empty() && self.known.get(topic).is_some_and(|known| known != id);
        let Some((topic, _)) = ids.iter().find(is_other) else { return Ok(()) };
        let message = format!(
            "the topic `{topic}` in Kafka at `{brokers}` is another one than the one that was read: it was made anew under its \
             name, and its offsets mean other records"
        );
        let help = "if it was made anew on purpose, run `nsflow reset` for this topic";
        Err(ConnectorError::new(ConnectorErrorKind::Changed, message).with_help(help))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

    use super::*;

    fn ids(id: &str) -> Vec<(String, String)> {
        vec![("orders".to_owned(), id.to_owned())]
    }

    #[test]
    fn a_topic_with_another_id_is_told_and_one_that_is_away_is_not() {
        let mut incarnations = Incarnations::new(Duration::ZERO);
        assert_eq!(incarnations.due(), None, "nothing is read");
        incarnations.note("orders", "one");
        assert_eq!(incarnations.due().unwrap(), ["orders"]);
        assert_eq!(incarnations.due(), None, "it is asked");
        incarnations.answered(&ids("one"), "here").unwrap();
        incarnations.answered(&[], "here").unwrap();
        incarnations.answered(&ids(""), "here").unwrap();
        let error = incarnations.answered(&ids("two"), "here").unwrap_err();
        assert_eq!(error.kind, ConnectorErrorKind::Changed);
        assert!(error.to_string().contains("`orders` in Kafka at `here` is another one"), "{error}");
        // Who goes on all the same does so on purpose.
        incarnations.note("orders", "two");
        incarnations.answered(&ids("two"), "here").unwrap();
    }

    #[test]
    fn a_cluster_without_ids_is_not_asked() {
        let mut incarnations = Incarnations::new(Duration::ZERO);
        incarnations.note("orders", "");
        assert_eq!(incarnations.due(), None);
    }
}
