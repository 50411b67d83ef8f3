//! Which partitions are this worker's, for who commits positions elsewhere than on the thread that polls: what is committed
//! must be of the assignment that it was read in, and the group must know the member by its generation still.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerGroupMetadata};

use crate::{context::GroupCalls, native};

/// What is known of the member; shared by the source and whoever commits.
#[derive(Clone, Default)]
pub(crate) struct Ownership(Arc<Mutex<Member>>);

#[derive(Default)]
struct Member {
    consumer: Weak<BaseConsumer<GroupCalls>>,
    /// By topic and partition: the assignment's token.
    owned: BTreeMap<(String, u32), u64>,
}

impl Ownership {
    fn member(&self) -> MutexGuard<'_, Member> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A member joins.
    pub(crate) fn join(&self, consumer: &Arc<BaseConsumer<GroupCalls>>) {
        *self.member() = Member { consumer: Arc::downgrade(consumer), owned: BTreeMap::new() };
    }

    /// Partitions are this worker's from now on.
    pub(crate) fn take(&self, topic: &str, partition: i32, token: u64) {
        self.member().owned.insert((topic.to_owned(), partition.unsigned_abs()), token);
    }

    /// Partitions are to be another's: told before the group is.
    pub(crate) fn give(&self, partitions: &[(String, i32)]) {
        let mut member = self.member();
        for (topic, partition) in partitions {
            member.owned.remove(&(topic.clone(), partition.unsigned_abs()));
        }
    }

    /// The token of a partition that is this worker's.
    pub(crate) fn token(&self, topic: &str, partition: u32) -> Option<u64> {
        self.member().owned.get(&(topic.to_owned(), partition)).copied()
    }

    /// The member's client.
    pub(crate) fn consumer(&self) -> Option<Arc<BaseConsumer<GroupCalls>>> {
        self.member().consumer.upgrade()
    }

    /// Who the member is to the group, if all these partitions are still of the assignments with these tokens; none where one
    /// is not.
    ///
    /// What is told to the brokers with it is refused by them where the group has gone on to another generation meanwhile. A
    /// member that the group has put out has no generation, and brokers take everything from one without; so it is looked at
    /// before and behind, as the call that gives it does not say which it has. In a newer generation the partitions are still
    /// this worker's: they go to others only after they were given back, and then they are not among the owned.
    pub(crate) fn metadata<'p>(
        &self,
        partitions: impl Iterator<Item = (&'p str, u32, u64)>,
    ) -> Option<ConsumerGroupMetadata> {
        let consumer = self.consumer()?;
        let before = native::generation(&consumer)?;
        let metadata = consumer.group_metadata()?;
        let behind = native::generation(&consumer)?;
        if before != behind || before < 0 {
            return None;
        }
        let member = self.member();
        let mut partitions = partitions;
        let owned = |(topic, partition, token): (&str, u32, u64)| {
            member.owned.get(&(topic.to_owned(), partition)) == Some(&token)
        };
        partitions.all(owned).then_some(metadata)
    }
}
