//! Writes the input.

use crate::records::{Orders, Sums};
use crate::{Done, ORDERS, words};
use rdkafka::config::ClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer, ThreadedProducer};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Microseconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Writes `count` orders, all at once or so many a second, and gives what they come to.
pub fn feed(brokers: &str, seed: u64, count: u64, each_second: Option<u64>) -> Done<Sums> {
    let producer: ThreadedProducer<DefaultProducerContext> = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("enable.idempotence", "true")
        .set("compression.type", "lz4")
        .set("partitioner", "murmur2_random")
        // A load that is to be measured for its latency goes out at once.
        .set("linger.ms", if each_second.is_some() { "0" } else { "20" })
        .create()
        .map_err(words)?;
    let mut orders = Orders::new(seed);
    let mut text = Vec::new();
    let begun = Instant::now();
    for number in 0..count {
        if let Some(each_second) = each_second {
            let due = Duration::from_secs_f64(number as f64 / each_second as f64);
            let early = due.saturating_sub(begun.elapsed());
            if early > Duration::from_millis(1) {
                std::thread::sleep(early);
            }
        }
        let customer = orders.next(&mut text, now()).to_string();
        let mut record = BaseRecord::to(ORDERS).key(&customer).payload(text.as_slice());
        while let Err((error, back)) = producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(words(error));
            }
            record = back;
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    producer.flush(Duration::from_secs(120)).map_err(words)?;
    Ok(orders.sums)
}
