//! How long it takes from an order's append until its output can be read, at a part of the full load.

use crate::feed::{feed, now};
use crate::run::{Running, Variant};
use crate::stage::Stage;
use crate::{Done, PARTITIONS, TOTALS, words};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};
use serde::Deserialize;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The times of one program, in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// The half of them is shorter.
    pub half: u64,
    /// One in a hundred is longer.
    pub p99: u64,
    /// The longest.
    pub longest: u64,
}

#[derive(Deserialize)]
struct Total {
    sent: u64,
}

/// Feeds `each_second` orders for `seconds` and measures each.
pub fn measure(stage: &Stage, variant: Variant, name: &str, each_second: u64, seconds: u64) -> Done<Latency> {
    stage.empty()?;
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", stage.kafka.bootstrap())
        .set("group.id", format!("{name}-reader"))
        .set("enable.auto.commit", "false")
        .create()
        .map_err(words)?;
    let mut from = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let partition = i32::try_from(partition).map_err(words)?;
        let end = stage.kafka.end_offset(TOTALS, partition).map_err(words)?;
        from.add_partition_offset(TOTALS, partition, Offset::Offset(end)).map_err(words)?;
    }
    consumer.assign(&from).map_err(words)?;
    let mut running = Running::start(stage, variant, name, true)?;
    // A few orders first, so that all of it has begun before it is measured.
    let brokers = stage.kafka.bootstrap();
    std::thread::sleep(Duration::from_secs(6));
    wait_for_any(&consumer, &brokers, &mut running)?;
    let fed = AtomicBool::new(false);
    let times = std::thread::scope(|scope| {
        let feeder = scope.spawn(|| {
            let sums = feed(&brokers, 77, each_second * seconds, Some(each_second));
            fed.store(true, Ordering::Release);
            sums
        });
        let begun = now();
        let (mut times, mut last) = (Vec::new(), Instant::now());
        while !fed.load(Ordering::Acquire) || last.elapsed() < Duration::from_secs(3) {
            let Some(message) = consumer.poll(Duration::from_millis(100)) else { continue };
            let message = message.map_err(words)?;
            let total: Total = serde_json::from_slice(message.payload().unwrap_or_default()).map_err(words)?;
            if total.sent >= begun {
                times.push(now().saturating_sub(total.sent));
                last = Instant::now();
            }
        }
        let sums = feeder.join().map_err(|_| "the feeder broke off".to_owned())??;
        if times.len() as u64 == sums.orders {
            Ok(times)
        } else {
            Err(format!("{}: {} of {} outputs came", variant.name(), times.len(), sums.orders))
        }
    });
    running.stop()?;
    let mut times = times?;
    times.sort_unstable();
    let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied().unwrap_or_default();
    Ok(Latency { half: at(0.5), p99: at(0.99), longest: times.last().copied().unwrap_or_default() })
}

fn wait_for_any(consumer: &BaseConsumer, brokers: &str, running: &mut Running) -> Done<()> {
    for seed in 1_000..1_060 {
        running.check()?;
        feed(brokers, seed, 50, None)?;
        if let Some(message) = consumer.poll(Duration::from_secs(2)) {
            message.map_err(words)?;
            // The rest of the first ones.
            while consumer.poll(Duration::from_secs(2)).is_some() {}
            return Ok(());
        }
    }
    Err("no output comes".to_owned())
}
