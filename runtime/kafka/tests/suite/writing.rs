//! Topics as sinks.

use std::time::Duration;

use nsf_engine::{
    connector::{ConnectorErrorKind, MessageId, OutputBatch, Placed, Sequence, Sink, Source},
    marks::Marks,
};
use nsf_kafka::{ID_HEADER, KafkaProducer, KafkaTopics, LANE_HEADER};

use crate::support::{CLOSE, Worker, broker, id};

fn batch(messages: &[(&[u8], &[u8])], offset: u64) -> OutputBatch {
    let mut batch = OutputBatch::default();
    for (index, (key, message)) in messages.iter().enumerate() {
        batch.push(key, message);
        // As a lane makes them, and as who makes none in order.
        let sequence = if index == 2 { Sequence::None } else { Sequence::Lane(5) };
        let (offset, incarnation) = (offset + index as u64, 0x1f);
        batch.ids.push(MessageId {
            stream: 1,
            partition: 2,
            offset,
            by: 3,
            ordinal: 4,
            sequence,
            ended: 0,
            incarnation,
        });
    }
    batch
}

#[test]
fn messages_arrive_with_key_value_and_id() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    let settings = broker.settings();
    let group = settings.group.clone();
    let producer = KafkaProducer::new(settings);
    let mut sink = producer.sink(&topic);
    assert!(sink.wants_ids() && !sink.belongs_to_commit());
    sink.open(None).unwrap();
    sink.append(&batch(&[(b"k", b"with a key"), (b"", b"without"), (b"k", b"")], 7)).unwrap();
    assert_eq!(sink.flush().unwrap(), b"");
    let mut worker = Worker::open(broker.settings(), &[&topic]);
    worker.keeps_batches = true;
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    assert_eq!(worker.assigned[0].1.high, 3, "a flush returns when everything is there");
    worker.start_all(1);
    worker.until("all", |worker| worker.taken.len() == 3);
    let all: Vec<_> =
        worker.batches.iter().flat_map(|batch| batch.messages.iter().map(move |message| (batch, message))).collect();
    let keys: Vec<_> = all.iter().map(|(batch, message)| batch.key(message)).collect();
    assert_eq!(keys, [Some(&b"k"[..]), None, Some(b"k")]);
    let values: Vec<_> = all.iter().map(|(batch, message)| (batch.message(message), message.tombstone)).collect();
    assert_eq!(values, [(&b"with a key"[..], false), (b"without", false), (b"", false)]);
    for (index, (batch, message)) in all.iter().enumerate() {
        let expected = format!("{group}/00000001/2/{}/00000003/4", index + 7);
        let headers: Vec<_> = batch.headers(message).collect();
        let lane = (index < 2).then_some((LANE_HEADER, &b"5/1f"[..]));
        assert_eq!(headers, [(ID_HEADER, expected.as_bytes())].into_iter().chain(lane).collect::<Vec<_>>());
        assert_eq!(Marks::of(batch, message).is_some(), index < 2, "whoever reads it knows it again");
    }
    worker.source.close(CLOSE);
}

#[test]
fn messages_that_wait_go_to_the_partition_of_their_number_with_headers() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(5);
    let mut sink = KafkaProducer::new(broker.settings()).sink(&topic);
    sink.open(None).unwrap();
    // Of one key, which has one partition by itself.
    let mut own = batch(&[(b"k", b"0"), (b"k", b"1"), (b"k", b"2")], 7);
    for (message, partition) in [(1, 0), (2, 4)] {
        let headers = vec![("unit".to_owned(), b"m".to_vec()), ("nsf-retry".to_owned(), b"s/4/9/1".to_vec())];
        own.placed.push(Placed { message, partition, headers });
    }
    sink.append(&own).unwrap();
    sink.flush().unwrap();
    let mut worker = Worker::open(broker.settings(), &[&topic]);
    worker.keeps_batches = true;
    worker.until("the partitions", |worker| worker.assigned.len() == 5);
    worker.start_all(1);
    worker.until("all", |worker| worker.taken.len() == 3);
    let all = worker.batches.iter().flat_map(|batch| batch.messages.iter().map(move |message| (batch, message)));
    for (batch, message) in all {
        let (value, headers): (_, Vec<_>) = (batch.message(message), batch.headers(message).collect());
        match value {
            b"0" => assert!(headers.iter().all(|(name, _)| [ID_HEADER, LANE_HEADER].contains(name))),
            _ => {
                assert_eq!(batch.partition, if value == b"1" { 0 } else { 4 });
                assert_eq!(headers[..2], [("unit", &b"m"[..]), ("nsf-retry", b"s/4/9/1")]);
                assert_eq!(headers[2].0, ID_HEADER);
            }
        }
    }
    worker.source.close(CLOSE);
}

/// `murmur2` of Java's client by its own test (`UtilsTest.testMurmur2`), and of what it makes partitions.
#[test]
fn keys_land_where_javas_client_puts_them() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(7);
    let known: [(&[u8], i32); 6] = [
        (b"21", -973_932_308),
        (b"foobar", -790_332_482),
        (b"a-little-bit-long-string", -985_981_536),
        (b"a-little-bit-longer-string", -1_486_304_829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58_897_971),
        (b"abc", 479_470_107),
    ];
    let mut sink = KafkaProducer::new(broker.settings()).sink(&topic);
    sink.open(None).unwrap();
    let messages: Vec<(&[u8], &[u8])> = known.iter().map(|(key, _)| (*key, *key)).collect();
    sink.append(&batch(&messages, 0)).unwrap();
    sink.flush().unwrap();
    let mut worker = Worker::open(broker.settings(), &[&topic]);
    worker.until("all partitions", |worker| worker.assigned.len() == 7);
    worker.start_all(1);
    worker.until("all", |worker| worker.taken.len() == known.len());
    for (key, hash) in known {
        let taken = worker.taken.iter().find(|taken| taken.value == key).unwrap();
        assert_eq!(taken.partition, id(0, ((hash & 0x7fff_ffff) % 7) as u32), "{}", String::from_utf8_lossy(key));
    }
    worker.source.close(CLOSE);
}

#[test]
fn more_than_the_producer_may_hold_goes_through_in_order() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    let mut settings = broker.settings();
    settings.producer_memory = 256 * 1024;
    let producer = KafkaProducer::new(settings);
    let (mut sink, mut other) = (producer.sink(&topic), producer.sink(broker.topic(1)));
    sink.open(None).unwrap();
    other.open(None).unwrap();
    const MESSAGES: u64 = 100_000;
    for from in (0..MESSAGES).step_by(5_000) {
        let values: Vec<String> = (from..from + 5_000).map(|number| format!("{number:0>100}")).collect();
        let messages: Vec<(&[u8], &[u8])> = values.iter().map(|value| (&b"k"[..], value.as_bytes())).collect();
        sink.append(&batch(&messages, from)).unwrap();
        other.append(&batch(&messages[..10], from)).unwrap();
        other.flush().unwrap();
    }
    sink.flush().unwrap();
    let mut worker = Worker::open(broker.settings(), &[&topic]);
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    worker.start_all(1);
    worker.until("all", |worker| worker.taken.len() as u64 >= MESSAGES);
    let numbers = worker.taken.iter().map(|taken| String::from_utf8_lossy(&taken.value).parse::<u64>().unwrap());
    assert!(numbers.eq(0..MESSAGES));
    worker.source.close(CLOSE);
}

#[test]
fn a_topic_that_is_missing_and_a_message_that_is_too_long_are_named() {
    let Some(broker) = broker() else { return };
    let missing = broker.name("missing");
    let mut settings = broker.settings();
    settings.properties.push(("compression.type".to_owned(), "none".to_owned()));
    let producer = KafkaProducer::new(settings.clone());
    let error = producer.sink(&missing).open(None).unwrap_err();
    assert!(error.kind == ConnectorErrorKind::NotFound && error.to_string().contains(&missing), "{error}");
    let small = broker.topic(1);
    limit(&broker.address, &small, "1000");
    let mut sink = producer.sink(&small);
    sink.open(None).unwrap();
    sink.append(&batch(&[(b"", &vec![b'x'; 2_000])], 0)).unwrap();
    let error = sink.flush().unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::Other);
    let words = error.to_string();
    assert!(words.contains(&format!("a message to topic `{small}` is longer than the topic allows")), "{words}");
    // The sink goes on, with another producer.
    sink.append(&batch(&[(b"", b"short")], 1)).unwrap();
    sink.flush().unwrap();
    let report = KafkaTopics::new(settings).check(&[&small], &[&small, &missing]).unwrap();
    // A topic that is read and written stands there once.
    let there: Vec<(&str, bool)> =
        report.topics.iter().map(|topic| (topic.name.as_str(), topic.partitions.is_ok())).collect();
    assert_eq!(there, [(small.as_str(), true), (missing.as_str(), false)]);
}

/// Sets how long a topic's messages may be.
fn limit(address: &str, topic: &str, bytes: &str) {
    use rdkafka::{
        ClientConfig,
        admin::{AdminClient, AdminOptions, AlterConfig, ResourceSpecifier},
        client::DefaultClientContext,
    };
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", address).create().unwrap();
    let change = AlterConfig::new(ResourceSpecifier::Topic(topic)).set("max.message.bytes", bytes);
    let results = crate::reading::block_on(admin.alter_configs([&change], &AdminOptions::new())).unwrap();
    assert!(results.iter().all(Result::is_ok));
    std::thread::sleep(Duration::from_millis(500));
}
