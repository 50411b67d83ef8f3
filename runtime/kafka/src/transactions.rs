//! Outputs and positions in one transaction of Kafka: for plans that keep no state, whose only progress is the group's own.
//!
//! It is a store without rows, of a single lane. The lane's progress in a partition is the position that the group committed;
//! a claim sees to it that there is a producer (a new one ends whatever one of its name had begun) and then reads it; a save gives the
//! positions to the transaction that holds the outputs, and commits it. Brokers refuse the positions of a worker that the
//! group does not count as a member of its generation any more, so a worker that paused or was cut off commits nothing.
//!
//! What fails in between, or is not known to be done, voids the transaction: the producer is thrown away, and work goes on
//! from what the group has. librdkafka does not know KIP-890 (confluentinc/librdkafka#5423): a request of the old producer that
//! is held up in the network and comes after its transaction was ended can still make the brokers begin one that nobody
//! ends, or that takes one message too many. A new producer for every doubt makes that rare; it does not rule it out.

use std::{
    hash::{BuildHasher as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind, ConnectorResult},
    marks::Marks,
    store::{Changes, Held, LaneProgress, LaneStore, PartitionName, Saved, Store, StoreBatch, StoreTable},
};
use rdkafka::{Offset, TopicPartitionList, consumer::Consumer as _};

use crate::{fault, settings::KafkaSettings, sink::KafkaProducer, source::Ownership};

/// How long brokers keep a transaction whose worker is silent. Readers that read only what is committed wait for it.
pub const TRANSACTION: Duration = Duration::from_secs(30);

/// The longest time between two commits: well below the 30 s after which brokers end a transaction.
pub const LONGEST_COMMIT: Duration = Duration::from_secs(5);

/// How long a message may take until it is confirmed: well below [`TRANSACTION`].
const DELIVERY: Duration = Duration::from_secs(15);

/// How long the group's positions may take.
const POSITIONS: Duration = Duration::from_secs(10);

/// Outputs and positions of a plan without state.
#[derive(Clone)]
pub struct KafkaTransactions {
    settings: Arc<KafkaSettings>,
    producer: KafkaProducer,
    ownership: Ownership,
}

impl KafkaTransactions {
    /// The producer and the store of a worker; nothing is connected to yet. The settings are those of the source too.
    #[must_use]
    pub fn new(settings: KafkaSettings) -> Self {
        let settings = Arc::new(transactional(settings));
        let producer = KafkaProducer::new(Arc::clone(&settings));
        Self { settings, producer, ownership: Ownership::default() }
    }

    /// The settings that source and sinks have.
    #[must_use]
    pub fn settings(&self) -> Arc<KafkaSettings> {
        Arc::clone(&self.settings)
    }

    /// The producer of all outputs.
    #[must_use]
    pub fn producer(&self) -> KafkaProducer {
        self.producer.clone()
    }

    pub(crate) fn ownership(&self) -> Ownership {
        self.ownership.clone()
    }

    fn lost() -> ConnectorError {
        ConnectorError::new(ConnectorErrorKind::Lost, "its partitions are not this worker's any more")
    }

    fn are_owned(&self, held: &[Held]) -> bool {
        held.iter().all(|held| self.ownership.token(&held.name.topic, held.name.partition) == Some(held.epoch))
    }

    fn commit(&self, held: &[Held], progress: &[LaneProgress]) -> Result<(), ConnectorError> {
        let partitions = held.iter().map(|held| (held.name.topic.as_str(), held.name.partition, held.epoch));
        let metadata = self.ownership.metadata(partitions).ok_or_else(Self::lost)?;
        let mut positions = TopicPartitionList::new();
        for (held, progress) in held.iter().zip(progress).filter(|(held, progress)| held.next != progress.next) {
            let PartitionName { topic, partition, .. } = &*held.name;
            let Some(next) = progress.next.and_then(|next| i64::try_from(next).ok()) else { continue };
            let mut element = positions.add_partition(topic, partition.cast_signed());
            // Only offsets that Kafka has not refuse it.
            let _ = element.set_offset(Offset::Offset(next));
            element.set_metadata(beside(progress));
        }
        if positions.count() == 0 {
            return Ok(());
        }
        self.producer.commit(&positions, &metadata)
    }
}

/// Settings with a name for transactions, and times that fit.
fn transactional(settings: KafkaSettings) -> KafkaSettings {
    // A worker without a name of its own has one by chance: nothing of an earlier process has to be ended by it.
    let chance = || format!("{:016x}", std::collections::hash_map::RandomState::new().build_hasher().finish());
    let slot = settings.instance.clone().unwrap_or_else(chance);
    let transactional_id = Some(format!("{}.{slot}", settings.group));
    KafkaSettings { transactional_id, delivery_timeout: settings.delivery_timeout.min(DELIVERY), ..settings }
}

/// The longest text that may stand beside a position, in bytes: below `offset.metadata.max.bytes` of the brokers.
const BESIDE: usize = 3_500;

/// What stands beside a position: that a worker committed it, the watermark, which topic it was, and how far the messages of
/// each origin were taken. Marks of more than about a hundred origins have no room, and are left out.
fn beside(progress: &LaneProgress) -> String {
    let LaneProgress { watermark, incarnation, marks, .. } = progress;
    let short = format!("nsf {watermark} {incarnation}");
    let long = format!("{short} {marks}");
    if marks.is_empty() || long.len() > BESIDE { short } else { long }
}

/// Watermark, topic's id and marks beside a position.
fn read_beside(text: &str) -> (i64, String, Arc<Marks>) {
    let Some(text) = text.strip_prefix("nsf ") else { return (i64::MIN, String::new(), Arc::default()) };
    let mut parts = text.splitn(3, ' ');
    let watermark = parts.next().and_then(|text| text.parse().ok()).unwrap_or(i64::MIN);
    let incarnation = parts.next().unwrap_or_default().to_owned();
    let marks = parts.next().and_then(|text| text.parse().ok()).unwrap_or_default();
    (watermark, incarnation, Arc::new(marks))
}

impl Store for KafkaTransactions {
    fn get_many(&self, _: StoreTable, _: &[&[u8]], _: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        Ok(())
    }

    fn scan(&self, _: StoreTable, _: &[u8], _: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> ConnectorResult<()> {
        Ok(())
    }

    /// Keeps nothing: there are no rows, and positions are not committed here.
    fn commit(&self, _: &StoreBatch) -> ConnectorResult<()> {
        Ok(())
    }

    fn lanes(&self) -> Option<&dyn LaneStore> {
        Some(self)
    }
}

impl LaneStore for KafkaTransactions {
    /// The number of a claim is the token of the assignment. It is taken before the positions are read: whoever commits them
    /// must hold it.
    fn claim(&self, _: u16, partitions: &[Arc<PartitionName>]) -> ConnectorResult<Vec<(u64, LaneProgress)>> {
        // First the producer: what it had begun before is ended, and then the positions stand.
        self.producer.prepare()?;
        let gone = || ConnectorError::new(ConnectorErrorKind::Unavailable, "partitions of this worker are moving");
        let consumer = self.ownership.consumer().ok_or_else(gone)?;
        let (mut tokens, mut list) = (Vec::new(), TopicPartitionList::new());
        for name in partitions {
            tokens.push(self.ownership.token(&name.topic, name.partition).ok_or_else(gone)?);
            list.add_partition(&name.topic, name.partition.cast_signed());
        }
        let failed = |error| fault::of(&self.settings, &error, "the positions of the group were not told");
        let committed = consumer.committed_offsets(list, POSITIONS).map_err(failed)?;
        let found = partitions.iter().zip(tokens).map(|(name, token)| {
            let element = committed.find_partition(&name.topic, name.partition.cast_signed());
            let element = element.ok_or_else(gone)?;
            element.error().map_err(failed)?;
            let next = match element.offset() {
                Offset::Offset(next) => u64::try_from(next).ok(),
                _ => None,
            };
            let (watermark, incarnation, marks) = read_beside(element.metadata());
            let progress = LaneProgress { next, watermark, incarnation, marks, ..LaneProgress::default() };
            Ok((token, progress))
        });
        found.collect()
    }

    fn load(&self, _: u16, held: &[Held], _: &[&[u8]], _: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        if self.are_owned(held) { Ok(()) } else { Err(Self::lost()) }
    }

    fn ends(&self, _: u16, _: &[Held], _: &str, _: u32, _: i64, _: usize) -> ConnectorResult<Vec<(i64, Vec<u8>)>> {
        Ok(Vec::new())
    }

    fn save(&self, _: u16, held: &[Held], _: &Changes, progress: &[LaneProgress]) -> Saved {
        // First positions need not be kept: until the first commit a partition begins where it did. They are saved by
        // themselves, while a transaction may hold outputs whose positions are not among them.
        if held.iter().zip(progress).any(|(held, progress)| held.next.is_none() && progress.next.is_some()) {
            return Saved::Applied;
        }
        match self.commit(held, progress) {
            Ok(()) => Saved::Applied,
            Err(error) if error.kind == ConnectorErrorKind::Lost => {
                self.producer.abandon();
                Saved::Lost
            }
            Err(error) => {
                self.producer.abandon();
                Saved::Unknown(error)
            }
        }
    }

    fn swap(&self, _: &Changes, _: &[u64]) -> ConnectorResult<Vec<usize>> {
        let message = "a plan without state writes no rows";
        Err(ConnectorError::new(ConnectorErrorKind::Damaged, message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_a_position_reads_back() {
        let mut marks = Marks::default();
        let of = |marks: &Marks| {
            let (watermark, incarnation, marks) = (-5, "aBc".to_owned(), Arc::new(marks.clone()));
            LaneProgress { watermark, incarnation, marks, ..LaneProgress::default() }
        };
        let read = |marks: &Marks| read_beside(&beside(&of(marks)));
        assert_eq!(read(&marks), (-5, "aBc".to_owned(), Arc::default()));
        marks.take(7, (8, 9));
        marks.take(1, (2, 3));
        assert_eq!(read(&marks), (-5, "aBc".to_owned(), Arc::new(marks.clone())));
        (0..1_000).for_each(|origin| marks.take(origin, (u64::MAX, 0)));
        assert_eq!(read(&marks), (-5, "aBc".to_owned(), Arc::default()), "too many to be kept");
        for other in ["nsf", "", "other 7 x"] {
            assert_eq!(read_beside(other), (i64::MIN, String::new(), Arc::default()));
        }
    }

    #[test]
    fn a_named_worker_has_the_same_transactions_after_a_restart_and_others_have_not() {
        let mut settings = KafkaSettings::new("localhost:9092", "shop", "prod");
        let id =
            |settings: &KafkaSettings| KafkaTransactions::new(settings.clone()).settings().transactional_id.clone();
        assert_ne!(id(&settings), id(&settings));
        settings.instance = Some("worker-1".to_owned());
        assert_eq!(id(&settings).as_deref(), Some("shop.worker-1"));
        assert!(KafkaTransactions::new(settings).settings().delivery_timeout < TRANSACTION);
    }
}
