//! Topics as a source: starts, commands, and what messages carry.

use std::time::{Duration, Instant};

use nsf_engine::connector::{
    Change, Command, ConnectorErrorKind, KEPT_OF_OVERSIZED, LONGEST_MESSAGE, RawBatch, Source,
};
use nsf_kafka::{CreateTopics, KafkaSource, KafkaTopics, StartAt};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewPartitions, NewTopic, TopicReplication},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer},
    message::{Header, OwnedHeaders},
    producer::{BaseProducer, BaseRecord, Producer},
};

use crate::support::{BLOCK, Broker, CLOSE, Worker, broker, id};

fn admin(broker: &Broker) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", &broker.address).create().unwrap()
}

/// Runs a future of the administration client to its end.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn nothing_is_read_before_the_start_and_then_exactly_from_there() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(2);
    broker.fill(&topic, 0, 0..100);
    broker.fill(&topic, 1, 0..70);
    let mut worker = Worker::open(broker.settings(), &[&topic]);
    worker.until("both partitions", |worker| worker.assigned.len() == 2);
    worker.assigned.sort_by_key(|(partition, _)| *partition);
    let states: Vec<_> = worker.assigned.iter().map(|(_, state)| (state.low, state.high, state.committed)).collect();
    assert_eq!(states, [(0, 100, None), (0, 70, None)]);
    assert!(!worker.assigned[0].1.incarnation.is_empty());
    worker.for_a_while(Duration::from_secs(1));
    assert_eq!(worker.taken.len(), 0);
    worker.start(id(0, 0), 37, 5);
    worker.until("what is behind 37", |worker| worker.taken.len() >= 63);
    worker.for_a_while(Duration::from_millis(300));
    assert_eq!(worker.offsets(id(0, 0), 5), (37..100).collect::<Vec<_>>());
    assert_eq!(worker.taken.len(), 63, "the other partition was not started");
    assert_eq!(worker.taken[0].value, b"0:37");
    broker.fill(&topic, 0, 100..110);
    worker.until("new messages", |worker| worker.taken.len() >= 73);
    assert_eq!(worker.source.waiting(), Some(0));
    worker.source.close(CLOSE);
}

#[test]
fn a_start_further_back_loses_and_repeats_nothing() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    broker.fill(&topic, 0, 0..50_000);
    let mut worker = Worker::open(broker.settings(), &[&topic]);
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    // Forwards and backwards, while batches of the last generation are waiting in every queue.
    for (generation, next) in [(1, 0), (2, 10), (3, 40_000), (4, 5), (5, 49_990), (6, 0)] {
        let before = worker.taken.len();
        worker.start(id(0, 0), next, generation);
        worker.until("some messages", |worker| worker.taken.len() > before + 5);
        let news = &worker.taken[before..];
        assert!(news.iter().all(|taken| taken.generation == generation), "a batch of an older generation came late");
        let expected: Vec<u64> = (next..).take(news.len()).collect();
        assert_eq!(worker.offsets(id(0, 0), generation), expected);
    }
    worker.until("the end", |worker| worker.offsets(id(0, 0), 6).len() >= 50_000);
    assert_eq!(worker.offsets(id(0, 0), 6), (0..50_000).collect::<Vec<_>>());
    worker.source.close(CLOSE);
}

#[test]
fn a_pause_holds_until_the_next_start_and_commits_are_seen() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    broker.fill(&topic, 0, 0..10);
    let settings = broker.settings();
    let mut worker = Worker::open(settings.clone(), &[&topic]);
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    worker.start(id(0, 0), 0, 1);
    worker.until("ten messages", |worker| worker.taken.len() == 10);
    worker.source.command(Command::Pause(id(0, 0))).unwrap();
    broker.fill(&topic, 0, 10..20);
    worker.for_a_while(Duration::from_millis(700));
    assert_eq!(worker.taken.len(), 10);
    worker.start(id(0, 0), 15, 2);
    worker.until("the rest", |worker| worker.taken.len() == 15);
    assert_eq!(worker.offsets(id(0, 0), 2), (15..20).collect::<Vec<_>>());
    worker.source.command(Command::Commit(vec![(id(0, 0), 17)])).unwrap();
    // Of a partition that is not this worker's nothing is committed, and nothing breaks.
    worker.source.command(Command::Commit(vec![(id(0, 7), 17)])).unwrap();
    worker.for_a_while(Duration::from_millis(300));
    worker.source.close(CLOSE);
    let mut worker = Worker::open(settings, &[&topic]);
    worker.until("the partition again", |worker| worker.assigned.len() == 1);
    assert_eq!(worker.assigned[0].1.committed, Some(17));
    worker.source.close(CLOSE);
}

#[test]
fn two_streams_of_one_topic_read_it_at_places_of_their_own() {
    let Some(broker) = broker() else { return };
    let (topic, other) = (broker.topic(1), broker.topic(1));
    broker.fill(&topic, 0, 0..100);
    broker.fill(&other, 0, 0..5);
    let mut worker = Worker::open(broker.settings(), &[&topic, &other, &topic]);
    worker.until("three", |worker| worker.assigned.len() == 3);
    worker.start(id(0, 0), 90, 1);
    worker.until("the first", |worker| worker.taken.len() == 10);
    worker.start(id(2, 0), 50, 2);
    worker.start(id(1, 0), 0, 3);
    worker.until("all", |worker| worker.taken.len() == 65);
    worker.for_a_while(Duration::from_millis(300));
    assert_eq!(worker.offsets(id(0, 0), 1), (90..100).collect::<Vec<_>>());
    assert_eq!(worker.offsets(id(2, 0), 2), (50..100).collect::<Vec<_>>());
    assert_eq!(worker.offsets(id(1, 0), 3), (0..5).collect::<Vec<_>>());
    worker.source.command(Command::Pause(id(0, 0))).unwrap();
    broker.fill(&topic, 0, 100..110);
    worker.until("the third alone", |worker| worker.offsets(id(2, 0), 2).len() == 60);
    assert_eq!(worker.taken.len(), 75);
    worker.source.close(CLOSE);
}

#[test]
fn messages_carry_key_time_headers_and_tombstones() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    let producer = broker.producer();
    let headers = OwnedHeaders::new()
        .insert(Header { key: "trace", value: Some("abc") })
        .insert(Header { key: "empty", value: None::<&str> })
        .insert(Header { key: "bytes", value: Some(&[0_u8, 255][..]) });
    let record = BaseRecord::to(&topic).key("k1").payload("first").timestamp(1_700_000_000_123).headers(headers);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    let record: BaseRecord<'_, str, [u8]> = BaseRecord::to(&topic).key("k2");
    producer.send(record).map_err(|(error, _)| error).unwrap();
    let record: BaseRecord<'_, str, [u8]> = BaseRecord::to(&topic).payload(b"");
    producer.send(record).map_err(|(error, _)| error).unwrap();
    let long = vec![b'x'; LONGEST_MESSAGE + 1];
    let record: BaseRecord<'_, str, [u8]> = BaseRecord::to(&topic).payload(&long);
    producer.send(record).map_err(|(error, _)| error).unwrap();
    producer.flush(Duration::from_secs(30)).unwrap();
    let mut worker = Worker::open(broker.settings(), &[&topic]);
    worker.keeps_batches = true;
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    worker.start(id(0, 0), 0, 1);
    worker.until("all", |worker| worker.taken.len() == 4);
    let all: Vec<_> =
        worker.batches.iter().flat_map(|batch| batch.messages.iter().map(move |message| (batch, message))).collect();
    let (batch, first) = all[0];
    assert_eq!((batch.message(first), batch.key(first)), (&b"first"[..], Some(&b"k1"[..])));
    assert_eq!((first.timestamp, first.tombstone, first.oversized), (Some(1_700_000_000_123), false, None));
    let headers: Vec<_> = batch.headers(first).collect();
    assert_eq!(headers, [("trace", &b"abc"[..]), ("empty", b""), ("bytes", &[0, 255])]);
    let (batch, tombstone) = all[1];
    assert_eq!((batch.message(tombstone), batch.key(tombstone)), (&b""[..], Some(&b"k2"[..])));
    assert!(tombstone.tombstone && tombstone.start == tombstone.end && batch.headers(tombstone).next().is_none());
    let (batch, empty) = all[2];
    assert!(!empty.tombstone && batch.message(empty).is_empty() && batch.key(empty).is_none());
    let (batch, long) = all[3];
    assert_eq!(long.oversized, Some(LONGEST_MESSAGE as u64 + 1));
    assert_eq!(batch.message(long).len(), KEPT_OF_OVERSIZED);
    worker.source.close(CLOSE);
}

/// librdkafka#2703, #5343: a pause drops what was fetched ahead; nothing of it may be lost. And a worker that has no room
/// for longer than the poll interval stays a member.
#[test]
fn rest_keeps_the_membership_and_loses_nothing() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(2);
    broker.fill(&topic, 0, 0..60_000);
    broker.fill(&topic, 1, 0..60_000);
    let mut settings = broker.settings();
    settings.memory = 256 * 1024;
    settings.properties.push(("max.poll.interval.ms".to_owned(), "6000".to_owned()));
    let mut worker = Worker::open(settings, &[&topic]);
    worker.until("both partitions", |worker| worker.assigned.len() == 2);
    worker.start_all(1);
    worker.until("some", |worker| worker.taken.len() > 2_000);
    let until = Instant::now() + Duration::from_secs(9);
    while Instant::now() < until {
        worker.rest();
        std::thread::sleep(Duration::from_millis(200));
    }
    // Shorter rests go through the pause and its end again and again.
    while worker.taken.len() < 120_000 {
        let before = worker.taken.len();
        worker.until("more", |worker| worker.taken.len() > before);
        for _ in 0..20 {
            worker.rest();
        }
    }
    for partition in [id(0, 0), id(0, 1)] {
        assert_eq!(worker.offsets(partition, 1), (0..60_000).collect::<Vec<_>>());
    }
    assert_eq!(worker.changes.len(), 2, "no partition went: {:?}", worker.changes);
    worker.source.close(CLOSE);
}

/// What piles up while nothing is taken is worked on, and takes memory, batch by batch.
#[test]
fn what_was_read_at_rest_comes_in_batches_of_a_block() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    broker.fill(&topic, 0, 0..30_000);
    let mut settings = broker.settings();
    settings.memory = 64 * 1024 * 1024;
    let mut worker = Worker::open(settings, &[&topic]);
    worker.keeps_batches = true;
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    worker.start_all(1);
    worker.until("some", |worker| !worker.taken.is_empty());
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        worker.rest();
    }
    worker.until("all", |worker| worker.taken.len() == 30_000);
    assert_eq!(worker.offsets(id(0, 0), 1), (0..30_000).collect::<Vec<_>>());
    // Messages so short fill a batch by their number.
    let longest = worker.batches.iter().map(|batch| batch.messages.len()).max();
    assert_eq!(longest, Some(BLOCK / 16), "{} batches", worker.batches.len());
    worker.source.close(CLOSE);
}

#[test]
fn a_position_that_is_not_in_the_log_is_an_error_and_no_jump() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(2);
    broker.fill(&topic, 0, 0..100);
    broker.fill(&topic, 1, 0..100);
    let mut below = TopicPartitionList::new();
    below.add_partition_offset(&topic, 1, Offset::Offset(60)).unwrap();
    block_on(admin(broker).delete_records(&below, &AdminOptions::new())).unwrap();
    for (partition, next, words) in [
        (0, 101, "the log ends at 100"),
        (1, 59, "the log begins at 60: what was to be read next is not kept any more"),
    ] {
        let mut worker = Worker::open(broker.settings(), &[&topic]);
        worker.until("both", |worker| worker.assigned.len() == 2);
        worker.start(id(0, partition), next, 1);
        worker.start(id(0, 1 - partition), 100, 1);
        let until = Instant::now() + Duration::from_secs(20);
        let error = loop {
            let mut batch = RawBatch::default();
            match worker.source.poll(&mut batch, BLOCK) {
                Err(error) => break error,
                Ok(_) => assert!(batch.messages.is_empty() && Instant::now() < until, "{batch:?}"),
            }
        };
        assert_eq!(error.kind, ConnectorErrorKind::Changed);
        let shown = error.to_string();
        for part in [words, &format!("partition {partition} of topic `{topic}`"), &format!("from offset {next}")] {
            assert!(shown.contains(part), "{shown}");
        }
        worker.source.close(CLOSE);
    }
}

#[test]
fn a_topic_that_is_missing_is_named_or_created() {
    let Some(broker) = broker() else { return };
    let topic = broker.name("missing");
    let mut settings = broker.settings();
    let error = KafkaSource::new(settings.clone(), vec![topic.clone()]).open(&[]).unwrap_err();
    assert_eq!(error.kind, ConnectorErrorKind::NotFound);
    let shown = error.to_string();
    for part in [&format!("there is no topic `{topic}`"), &broker.address, "let the profile create topics"] {
        assert!(shown.contains(part), "{shown}");
    }
    let report = KafkaTopics::new(settings.clone()).check(&[&topic], &[]).unwrap();
    assert!(report.topics[0].partitions.is_err(), "asking for a topic creates none");
    assert!(report.brokers == 1 && report.group.is_none(), "{report:?}");
    settings.create_topics = Some(CreateTopics { partitions: 3, replication: None });
    let mut worker = Worker::open(settings.clone(), &[&topic]);
    worker.until("its partitions", |worker| worker.assigned.len() == 3);
    worker.source.close(CLOSE);
    settings.create_topics = Some(CreateTopics { partitions: 3, replication: Some(2) });
    let error = KafkaSource::new(settings, vec![broker.name("missing")]).open(&[]).unwrap_err().to_string();
    assert!(error.contains("fewer brokers than copies"), "{error}");
}

#[test]
fn a_group_that_begins_with_the_latest_keeps_its_beginning() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    broker.fill(&topic, 0, 0..10);
    let mut settings = broker.settings();
    settings.start = StartAt::Latest;
    let mut worker = Worker::open(settings.clone(), &[&topic]);
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    assert_eq!(worker.assigned[0].1.committed, Some(10));
    worker.for_a_while(Duration::from_millis(300));
    worker.source.close(CLOSE);
    // What came before anything was committed is not passed over.
    broker.fill(&topic, 0, 10..20);
    let mut worker = Worker::open(settings, &[&topic]);
    worker.until("the partition again", |worker| worker.assigned.len() == 1);
    assert_eq!(worker.assigned[0].1.committed, Some(10));
    worker.source.close(CLOSE);
}

#[test]
fn a_topic_that_was_made_anew_is_another_and_new_partitions_come() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    let mut settings = broker.settings();
    settings.create_topics = Some(CreateTopics { partitions: 1, replication: None });
    let mut worker = Worker::open(settings.clone(), &[&topic]);
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    let first = worker.assigned[0].1.incarnation.clone();
    block_on(admin(broker).create_partitions([&NewPartitions::new(&topic, 3)], &AdminOptions::new())).unwrap();
    worker.until("new partitions", |worker| {
        worker.changes.iter().filter(|change| matches!(change, Change::Assigned(..))).count() == 3
    });
    assert!(worker.assigned.iter().all(|(_, state)| state.incarnation == first));
    worker.source.close(CLOSE);
    block_on(admin(broker).delete_topics(&[&topic], &AdminOptions::new())).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    let mut worker = Worker::open(settings, &[&topic]);
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    let second = &worker.assigned[0].1.incarnation;
    assert!(!second.is_empty() && *second != first, "{first} {second}");
    worker.source.close(CLOSE);
}

/// One that is there again at once and as long as before looks to the client as it did: only its id tells.
#[test]
fn a_topic_that_was_made_anew_under_its_reader_is_told() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    broker.fill(&topic, 0, 0..10);
    let mut settings = broker.settings();
    settings.create_topics = Some(CreateTopics { partitions: 1, replication: None });
    let mut worker = Worker::open(settings, &[&topic]);
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    let first = worker.assigned[0].1.incarnation.clone();
    worker.start_all(1);
    worker.until("messages", |worker| worker.taken.len() == 10);
    block_on(admin(broker).delete_topics(&[&topic], &AdminOptions::new())).unwrap();
    let begun = std::time::Instant::now();
    loop {
        let made = admin(broker);
        let made =
            block_on(made.create_topics([&NewTopic::new(&topic, 1, TopicReplication::Fixed(1))], &AdminOptions::new()));
        if made.is_ok_and(|made| made.iter().all(Result::is_ok)) {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "the topic cannot be made again");
    }
    broker.fill(&topic, 0, 0..10);
    // The client may also see that the topic is away for a moment; the partition then comes anew, with another incarnation.
    let begun = std::time::Instant::now();
    loop {
        let mut batch = RawBatch::default();
        match worker.source.poll(&mut batch, BLOCK) {
            Err(error) => {
                let words = error.to_string();
                assert!(
                    words.contains(&topic) && words.contains("made anew") && words.contains("nsflow reset"),
                    "{words}"
                );
                break;
            }
            Ok(_) => assert!(begun.elapsed() < Duration::from_secs(40), "nobody noticed"),
        }
        let is_other = |change: &Change| matches!(change, Change::Assigned(_, state) if state.incarnation != first);
        if worker.source.changes().iter().any(is_other) {
            break;
        }
    }
    worker.source.close(CLOSE);
}

#[test]
fn messages_of_aborted_transactions_are_not_read() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &broker.address)
        .set("transactional.id", broker.name("transaction"))
        .create()
        .unwrap();
    producer.init_transactions(Duration::from_secs(20)).unwrap();
    for commits in [true, false, true] {
        producer.begin_transaction().unwrap();
        for _ in 0..10 {
            let record: BaseRecord<'_, str, str> =
                BaseRecord::to(&topic).payload(if commits { "committed" } else { "aborted" });
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
        producer.flush(Duration::from_secs(20)).unwrap();
        if commits {
            producer.commit_transaction(Duration::from_secs(20)).unwrap();
        } else {
            producer.abort_transaction(Duration::from_secs(20)).unwrap();
        }
    }
    let mut worker = Worker::open(broker.settings(), &[&topic]);
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    assert_eq!(worker.assigned[0].1.high, 33, "three markers");
    worker.start_all(1);
    worker.until("all", |worker| worker.taken.len() >= 20);
    worker.for_a_while(Duration::from_millis(300));
    assert!(worker.taken.len() == 20 && worker.taken.iter().all(|taken| taken.value == b"committed"));
    worker.source.close(CLOSE);
}

/// The names of headers come from whoever writes the topic; the binding's own way to read them panics at this one.
#[test]
fn a_header_whose_name_is_no_text_stops_nobody() {
    use rdkafka::bindings as native;
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    let producer = broker.producer();
    let (name, key, value) = (c"\xff\xfe", c"fine", b"value");
    let topic_name = std::ffi::CString::new(topic.as_str()).unwrap();
    // SAFETY: the producer lives, the texts end with a zero byte, and the message owns the headers behind the call.
    unsafe {
        let headers = native::rd_kafka_headers_new(2);
        native::rd_kafka_header_add(headers, name.as_ptr(), -1, value.as_ptr().cast(), 5);
        native::rd_kafka_header_add(headers, key.as_ptr(), -1, value.as_ptr().cast(), 5);
        let error = native::rd_kafka_producev(
            producer.client().native_ptr(),
            native::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
            topic_name.as_ptr(),
            native::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS,
            headers,
            native::rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
        );
        assert_eq!(error, rdkafka::types::RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    producer.flush(Duration::from_secs(20)).unwrap();
    let mut worker = Worker::open(broker.settings(), &[&topic]);
    worker.keeps_batches = true;
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    worker.start_all(1);
    worker.until("the message", |worker| worker.taken.len() == 1);
    let batch = &worker.batches[0];
    let headers: Vec<_> = batch.headers(&batch.messages[0]).collect();
    assert_eq!(headers, [("fine", &b"value"[..])]);
    worker.source.close(CLOSE);
}

#[test]
fn another_consumer_sees_the_group() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    let settings = broker.settings();
    let mut worker = Worker::open(settings.clone(), &[&topic]);
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    worker.source.command(Command::Commit(vec![(id(0, 0), 0)])).unwrap();
    worker.for_a_while(Duration::from_millis(500));
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &broker.address)
        .set("group.id", &settings.group)
        .create()
        .unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition(&topic, 0);
    let committed = consumer.committed_offsets(list, Duration::from_secs(10)).unwrap();
    assert_eq!(committed.elements()[0].offset(), Offset::Offset(0));
    worker.source.close(CLOSE);
}

/// The client's thread of a broker sleeps for up to a second when it has nothing to fetch; a start does not wait for it.
#[test]
fn a_start_is_quick() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    broker.fill(&topic, 0, 0..100);
    let mut worker = Worker::open(broker.settings(), &[&topic]);
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    let mut quick = 0;
    for generation in 1..=6 {
        worker.source.command(Command::Pause(id(0, 0))).unwrap();
        worker.for_a_while(Duration::from_millis(generation * 250));
        let (begun, before) = (Instant::now(), worker.taken.len());
        worker.start(id(0, 0), 50, generation);
        worker.until("a message", |worker| worker.taken.len() > before);
        quick += usize::from(begun.elapsed() < Duration::from_millis(250));
    }
    assert!(quick >= 4, "{quick} of 6");
    worker.source.close(CLOSE);
}
