//! Topics: written with keys, and read whole.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use nsf_engine::connector::{
    Change, Command, ConnectorError, OutputBatch, PartitionId, Polled, RawBatch, Sink as _, Source as _,
};
use nsf_kafka::{ID_HEADER, KafkaProducer, KafkaSettings, KafkaSink, KafkaSource};

/// A message of a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The partition.
    pub partition: u32,
    /// Its offset.
    pub offset: u64,
    /// Its key.
    pub key: Vec<u8>,
    /// What tells it from others, where the runtime wrote it.
    pub id: String,
    /// Its value.
    pub value: Vec<u8>,
    /// When it was written, in milliseconds.
    pub time: i64,
}

/// Writes messages with their keys, in order.
pub struct Writer {
    sink: KafkaSink,
    batch: OutputBatch,
}

impl Writer {
    /// Opens a topic.
    ///
    /// # Errors
    /// Where it is not there or the broker does not answer.
    pub fn open(brokers: &str, topic: &str) -> Result<Self, ConnectorError> {
        let mut settings = KafkaSettings::new(brokers, "feeder", "feeder");
        // Partitions that are added are written to soon.
        settings.metadata_interval = Duration::from_secs(1);
        let producer = KafkaProducer::new(settings);
        let mut sink = producer.sink(topic);
        // A topic that was made just now may not be known yet.
        let begun = Instant::now();
        while let Err(error) = sink.open(None) {
            if !error.kind.may_heal() || begun.elapsed() > Duration::from_secs(60) {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(Self { sink, batch: OutputBatch::default() })
    }

    /// Writes messages.
    ///
    /// # Errors
    /// Where the broker does not take them.
    pub fn write<'m>(&mut self, messages: impl Iterator<Item = (Vec<u8>, &'m [u8])>) -> Result<(), ConnectorError> {
        for (key, message) in messages {
            self.batch.push(&key, message);
            if self.batch.bytes.len() > 1024 * 1024 {
                self.sink.append(&self.batch)?;
                self.batch.clear();
            }
        }
        self.sink.append(&self.batch)?;
        self.batch.clear();
        Ok(())
    }

    /// Waits until the broker has all of them.
    ///
    /// # Errors
    /// Where it does not take them.
    pub fn end(mut self) -> Result<(), ConnectorError> {
        self.sink.flush().map(drop)
    }
}

/// Reads a topic from its beginning until nothing more came for `quiet`.
///
/// # Errors
/// Where the broker does not answer.
pub fn read(brokers: &str, topic: &str, quiet: Duration) -> Result<Vec<Message>, ConnectorError> {
    let longest = Duration::from_secs(120);
    collect(brokers, topic, &|seen| seen.whole && seen.silent > quiet || seen.time > longest)
}

/// Reads a topic from its beginning until so many messages came and none more for a while, or for `longest`. The marks of
/// transactions stand in its log too, and those that are not ended hide what is behind them, so that its end says nothing.
///
/// # Errors
/// Where the broker does not answer.
pub fn read_at_least(
    brokers: &str,
    topic: &str,
    count: usize,
    longest: Duration,
) -> Result<Vec<Message>, ConnectorError> {
    let quiet = Duration::from_secs(3);
    collect(brokers, topic, &|seen| seen.count >= count && seen.silent > quiet || seen.time > longest)
}

/// How far a reader is.
struct Seen {
    /// Messages.
    count: usize,
    /// Whether it is at the end of all partitions as they were when it began.
    whole: bool,
    /// Since the last message.
    silent: Duration,
    /// Since it began.
    time: Duration,
}

fn collect(brokers: &str, topic: &str, is_enough: &dyn Fn(&Seen) -> bool) -> Result<Vec<Message>, ConnectorError> {
    // A group of its own: nobody shares the partitions with it.
    let group = format!("reader-{}-{:?}", std::process::id(), Instant::now());
    let group: String = group.chars().filter(|character| character.is_ascii_alphanumeric()).collect();
    let mut source = KafkaSource::new(KafkaSettings::new(brokers, group, "reader"), vec![topic.to_owned()]);
    source.open(&[])?;
    let (mut messages, mut batch) = (Vec::new(), RawBatch::default());
    let mut ends: BTreeMap<PartitionId, (u64, u64)> = BTreeMap::new();
    let mut last = Instant::now();
    let begun = Instant::now();
    loop {
        match source.poll(&mut batch, 1024 * 1024)? {
            Polled::Changed => {
                for change in source.changes() {
                    let Change::Assigned(partition, log) = change else { continue };
                    ends.insert(partition, (log.low, log.high));
                    source.command(Command::Start { partition, next: log.low, generation: 1 })?;
                }
                last = Instant::now();
            }
            Polled::Batch => {
                take(&batch, &mut messages);
                let partition = PartitionId { stream: 0, partition: batch.partition };
                if let Some(end) = ends.get_mut(&partition) {
                    end.0 = batch.end.next;
                }
                batch.clear();
                last = Instant::now();
            }
            Polled::Idle | Polled::End => {}
        }
        // Until all that was there is read, a broker that is slow is waited for.
        let whole = !ends.is_empty() && ends.values().all(|(next, high)| next >= high);
        let seen = Seen { count: messages.len(), whole, silent: last.elapsed(), time: begun.elapsed() };
        if is_enough(&seen) {
            source.close(Duration::from_secs(2));
            return Ok(messages);
        }
    }
}

fn take(batch: &RawBatch, messages: &mut Vec<Message>) {
    for message in &batch.messages {
        let id = batch.headers(message).find(|(name, _)| *name == ID_HEADER);
        messages.push(Message {
            partition: batch.partition,
            offset: message.offset,
            key: batch.key(message).unwrap_or_default().to_vec(),
            id: id.map(|(_, id)| String::from_utf8_lossy(id).into_owned()).unwrap_or_default(),
            value: batch.message(message).to_vec(),
            time: message.timestamp.unwrap_or_default(),
        });
    }
}
