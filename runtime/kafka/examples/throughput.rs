//! How fast a topic is read and written: `throughput BROKERS [MESSAGES] [BYTES]`. Writes a topic of its own, then reads it.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "an example that stops where it cannot go on")]

use std::time::{Duration, Instant, SystemTime};

use nsf_engine::connector::{Change, Command, MessageId, OutputBatch, Polled, RawBatch, Sink, Source};
use nsf_kafka::{CreateTopics, KafkaProducer, KafkaSettings, KafkaSource};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let brokers = arguments.next().unwrap_or_else(|| "localhost:9092".to_owned());
    let mut number = |otherwise: u64| arguments.next().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let (messages, bytes) = (number(1_000_000), number(300));
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis();
    let topic = format!("throughput-{now}");
    let mut settings = KafkaSettings::new(brokers, topic.clone(), "throughput");
    settings.create_topics = Some(CreateTopics { partitions: 4, replication: None });
    let begun = (Instant::now(), processor_time());
    write(&settings, &topic, messages, bytes);
    report("written", messages, bytes, begun);
    let mut source = KafkaSource::new(settings, vec![topic]);
    source.open(&[]).unwrap();
    let mut batch = RawBatch::default();
    let (mut taken, mut begun) = (0, None);
    while taken < messages {
        batch.clear();
        match source.poll(&mut batch, 1024 * 1024).unwrap() {
            Polled::Batch => {
                begun.get_or_insert_with(|| (Instant::now(), processor_time()));
                taken += batch.messages.len() as u64;
            }
            Polled::Changed => {
                for change in source.changes() {
                    if let Change::Assigned(partition, state) = change {
                        source.command(Command::Start { partition, next: state.low, generation: 1 }).unwrap();
                    }
                }
            }
            Polled::Idle | Polled::End => {}
        }
    }
    report("read", messages, bytes, begun.unwrap());
    source.close(Duration::from_secs(5));
}

fn write(settings: &KafkaSettings, topic: &str, messages: u64, bytes: u64) {
    let mut sink = KafkaProducer::new(settings.clone()).sink(topic);
    sink.open(None).unwrap();
    let mut batch = OutputBatch::default();
    for offset in 0..messages {
        let message = format!("{offset:0>width$}", width = bytes as usize);
        batch.push(&offset.to_le_bytes(), message.as_bytes());
        batch.ids.push(MessageId { offset, ..MessageId::default() });
        if batch.ids.len() == 5_000 || offset + 1 == messages {
            sink.append(&batch).unwrap();
            batch.clear();
        }
    }
    sink.flush().unwrap();
}

fn report(what: &str, messages: u64, bytes: u64, (begun, used): (Instant, Duration)) {
    let (wall, used) = (begun.elapsed().as_secs_f64(), (processor_time() - used).as_secs_f64());
    let count = messages as f64;
    println!(
        "{what} {messages} messages of {bytes} bytes: {:.0} a second, {:.0} a second of one core",
        count / wall,
        count / used
    );
}

/// What this process has used of the processors, all its threads together.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    // A tick is 10 ms on every Linux.
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
