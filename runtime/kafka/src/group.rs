//! Questions about a group and where its topics stand, by one who is no member of it.

use std::sync::{Arc, OnceLock};

use nsf_engine::connector::{ConnectorResult, LogState};
use rdkafka::{
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer},
};

use crate::{
    configuration,
    context::{Calls, GroupCalls},
    fault,
    settings::KafkaSettings,
    source, topics,
    trouble::Trouble,
};

/// A group that is looked at from outside.
pub struct KafkaGroup {
    settings: Arc<KafkaSettings>,
    consumer: BaseConsumer<GroupCalls>,
}

impl KafkaGroup {
    /// The group of these settings. It is not joined.
    ///
    /// # Errors
    /// Where the settings cannot be used.
    pub fn new(settings: impl Into<Arc<KafkaSettings>>) -> ConnectorResult<Self> {
        let settings = settings.into();
        settings.check()?;
        let calls = GroupCalls::new(Calls::new(Arc::clone(&settings), Arc::<Trouble>::default()));
        let consumer = BaseConsumer::from_config_and_context(&configuration::consumer(&settings), calls)
            .map_err(|error| fault::of(&settings, &error, "the group could not be asked for"))?;
        Ok(Self { settings, consumer })
    }

    /// How many members it has. One that was killed is among them until its session ends.
    ///
    /// # Errors
    /// Where the cluster does not say.
    pub fn members(&self) -> ConnectorResult<usize> {
        let group = &self.settings.group;
        let list =
            self.consumer.client().fetch_group_list(Some(group), self.settings.open_timeout).map_err(|error| {
                fault::of(&self.settings, &error, &format!("the group `{group}` could not be asked for"))
            })?;
        Ok(list.groups().iter().filter(|own| own.name() == group).map(|own| own.members().len()).sum())
    }

    /// Where each partition of a topic stands.
    ///
    /// # Errors
    /// Where there is no such topic, or the cluster does not say.
    pub fn stands(&self, topic: &str) -> ConnectorResult<Vec<(u32, LogState)>> {
        let doing = format!("topic `{topic}` could not be asked for");
        let metadata = self
            .consumer
            .fetch_metadata(Some(topic), self.settings.open_timeout)
            .map_err(|error| fault::of(&self.settings, &error, &doing))?;
        let found = metadata.topics().iter().find(|own| own.name() == topic);
        let partitions: Vec<i32> =
            found.map_or_else(Vec::new, |own| own.partitions().iter().map(|own| own.id()).collect());
        if partitions.is_empty() {
            return Err(topics::missing(&self.settings, topic));
        }
        let asked: Vec<source::Asked> =
            partitions.into_iter().map(|partition| (topic.to_owned(), partition, 0)).collect();
        let states = source::states(&self.consumer, &asked, &OnceLock::new());
        let states = states.map_err(|code| fault::of_code(&self.settings, code, &doing, None))?;
        Ok(states
            .into_iter()
            .filter_map(|((_, partition, _), state)| Some((u32::try_from(partition).ok()?, state)))
            .collect())
    }
}
