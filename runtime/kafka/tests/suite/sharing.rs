//! Several members of one group: partitions that move, members that die, and members that do not answer.

use std::{
    collections::BTreeMap,
    process::{Command as Program, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nsf_engine::connector::{Change, Command, ConnectorErrorKind, PartitionId, RawBatch, Source};
use nsf_kafka::{KafkaSettings, KafkaSource};
use rdkafka::producer::{BaseRecord, Producer};

use crate::support::{BLOCK, CLOSE, Worker, broker, id};

/// Steps several members by turns until something is true.
#[track_caller]
fn until(what: &str, workers: &mut [&mut Worker], mut is: impl FnMut(&mut [&mut Worker]) -> bool) {
    let until = Instant::now() + Duration::from_secs(40);
    while !is(workers) {
        assert!(
            Instant::now() < until,
            "{what}: {:?}",
            workers.iter().map(|worker| (&worker.changes, worker.source.trouble())).collect::<Vec<_>>()
        );
        for worker in workers.iter_mut() {
            worker.step();
        }
    }
}

fn next_of(worker: &Worker, partition: PartitionId) -> u64 {
    worker.taken.iter().rev().find(|taken| taken.partition == partition).map_or(0, |taken| taken.offset + 1)
}

/// Partitions that a member was told to give back.
fn revoked(worker: &Worker) -> Vec<PartitionId> {
    let revoked = worker.changes.iter().filter_map(|change| match change {
        Change::Revoked(partition) => Some(*partition),
        _ => None,
    });
    revoked.collect()
}

#[test]
fn partitions_move_cooperatively_and_the_others_never_stop() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(4);
    let settings = broker.settings();
    let over = Arc::new(AtomicBool::new(false));
    let filling = {
        let (over, topic, producer) = (Arc::clone(&over), topic.clone(), broker.producer());
        thread::spawn(move || {
            let mut sent = 0_u64;
            while !over.load(Ordering::Relaxed) {
                for partition in 0..4 {
                    let value = sent.to_string();
                    let record: BaseRecord<'_, str, str> = BaseRecord::to(&topic).partition(partition).payload(&value);
                    producer.send(record).map_err(|(error, _)| error).unwrap();
                }
                sent += 1;
                producer.poll(Duration::from_millis(2));
            }
            producer.flush(Duration::from_secs(20)).unwrap();
            sent
        })
    };
    let mut first = Worker::open(settings.clone(), &[&topic]);
    first.until("all partitions", |worker| worker.assigned.len() == 4);
    first.start_all(1);
    first.until("some messages", |worker| worker.taken.len() > 500);
    let mut second = Worker::open(settings, &[&topic]);
    // The first is asked for two; it takes its time, and nothing more of them comes.
    let mut longest: BTreeMap<PartitionId, (usize, Instant, Duration)> = BTreeMap::new();
    let mut pauses = |worker: &Worker| {
        for partition in (0..4).map(|partition| id(0, partition)) {
            let taken = worker.taken.iter().filter(|taken| taken.partition == partition).count();
            let entry = longest.entry(partition).or_insert((taken, Instant::now(), Duration::ZERO));
            entry.2 = entry.2.max(entry.1.elapsed());
            if taken > entry.0 {
                (entry.0, entry.1) = (taken, Instant::now());
            }
        }
    };
    until("a revocation", &mut [&mut first, &mut second], |workers| {
        pauses(workers[0]);
        revoked(workers[0]).len() == 2
    });
    let moving = revoked(&first);
    let ends: Vec<u64> = moving.iter().map(|partition| next_of(&first, *partition)).collect();
    let slow = Instant::now() + Duration::from_millis(800);
    until("a slow commit", &mut [&mut first, &mut second], |workers| {
        pauses(workers[0]);
        Instant::now() > slow
    });
    assert!(second.assigned.is_empty(), "the other member waits for the release");
    for (partition, end) in moving.iter().zip(&ends) {
        assert_eq!(next_of(&first, *partition), *end, "a message came behind the revocation");
        first.source.command(Command::Release(*partition)).unwrap();
    }
    until("the move", &mut [&mut first, &mut second], |workers| {
        pauses(workers[0]);
        workers[1].assigned.len() == 2
    });
    for (partition, end) in moving.iter().zip(&ends) {
        second.start(*partition, *end, 1);
    }
    let later = Instant::now() + Duration::from_secs(1);
    until("a second more", &mut [&mut first, &mut second], |workers| {
        pauses(workers[0]);
        Instant::now() > later
    });
    over.store(true, Ordering::Relaxed);
    let sent = filling.join().unwrap();
    until("everything", &mut [&mut first, &mut second], |workers| {
        workers[0].taken.len() + workers[1].taken.len() >= sent as usize * 4
    });
    for partition in (0..4).map(|partition| id(0, partition)) {
        let both = first.offsets(partition, 1).into_iter().chain(second.offsets(partition, 1));
        assert!(both.eq(0..sent), "{partition:?} is not whole");
        if !moving.contains(&partition) {
            let pause = longest[&partition].2;
            // The client pauses them too while the release is waited for, which here takes 800 ms.
            assert!(pause < Duration::from_millis(1300), "{partition:?} stopped for {pause:?}");
            eprintln!("{partition:?} stopped for {pause:?}");
        }
    }
    assert_eq!(first.changes.len(), 6, "{:?}", first.changes);
    // A member that leaves is replaced at once, not after its session.
    let left = Instant::now();
    second.source.close(CLOSE);
    first.until("the partitions again", |worker| worker.assigned.len() == 4);
    assert!(left.elapsed() < Duration::from_secs(5), "{:?}", left.elapsed());
    first.source.close(CLOSE);
}

#[test]
fn a_partition_that_is_not_released_is_gone_after_the_drain() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(2);
    let settings = broker.settings();
    let drain = settings.drain();
    let mut first = Worker::open(settings.clone(), &[&topic]);
    first.until("both", |worker| worker.assigned.len() == 2);
    first.start_all(1);
    let mut second = Worker::open(settings, &[&topic]);
    until("a revocation", &mut [&mut first, &mut second], |workers| revoked(workers[0]).len() == 1);
    let asked = Instant::now();
    let partition = revoked(&first)[0];
    until("its end", &mut [&mut first, &mut second], |workers| workers[0].changes.contains(&Change::Gone(partition)));
    assert!(asked.elapsed() + Duration::from_millis(200) >= drain, "{:?}", asked.elapsed());
    until("the move", &mut [&mut first, &mut second], |workers| workers[1].assigned.len() == 1);
    // What comes too late does nothing.
    first.source.command(Command::Release(partition)).unwrap();
    first.source.command(Command::Commit(vec![(partition, 1)])).unwrap();
    first.start(partition, 0, 2);
    first.for_a_while(Duration::from_millis(300));
    first.source.close(CLOSE);
    second.source.close(CLOSE);
}

const MEMBER: &str = "NSF_KAFKA_TEST_MEMBER";

/// The other process of the test below; does nothing by itself.
#[test]
fn a_member_of_another_process() {
    let Ok(member) = std::env::var(MEMBER) else { return };
    let mut parts = member.split('|');
    let mut part = || parts.next().unwrap().to_owned();
    let mut settings = KafkaSettings::new(part(), part(), "shop");
    settings.session_timeout = Duration::from_secs(6);
    let mut worker = Worker::open(settings, &[&part()]);
    loop {
        worker.step();
    }
}

#[test]
fn partitions_of_a_killed_member_come_after_its_session() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(2);
    let settings = broker.settings();
    let mut first = Worker::open(settings.clone(), &[&topic]);
    first.until("both", |worker| worker.assigned.len() == 2);
    let mut other = Program::new(std::env::current_exe().unwrap())
        .args(["sharing::a_member_of_another_process", "--exact"])
        .env(MEMBER, format!("{}|{}|{topic}", settings.brokers, settings.group))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    first.until("the other member", |worker| !revoked(worker).is_empty());
    let partition = revoked(&first)[0];
    first.source.command(Command::Release(partition)).unwrap();
    first.for_a_while(Duration::from_secs(2));
    assert_eq!(first.assigned.len(), 1);
    other.kill().unwrap();
    other.wait().unwrap();
    let killed = Instant::now();
    first.until("its partition", |worker| worker.assigned.len() == 2);
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(6 + 5), "{took:?}");
    first.source.close(CLOSE);
}

/// What piled up at rest is handed out for seconds, and the group must not wait for its end.
#[test]
fn a_member_that_hands_out_what_piled_up_lets_partitions_go_meanwhile() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(2);
    // A producer holds no more than 100,000 messages.
    for partition in [0, 1] {
        broker.fill(&topic, partition, 0..60_000);
        broker.fill(&topic, partition, 60_000..120_000);
    }
    let mut settings = broker.settings();
    settings.memory = 128 * 1024 * 1024;
    let mut first = Worker::open(settings.clone(), &[&topic]);
    first.until("both", |worker| worker.assigned.len() == 2);
    first.start_all(1);
    first.until("some", |worker| !worker.taken.is_empty());
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        first.rest();
    }
    let mut second = Worker::open(settings, &[&topic]);
    // One batch is a tiny part of it.
    while revoked(&first).is_empty() {
        first.step();
        second.for_a_while(Duration::from_millis(400));
        assert!(first.taken.len() < 200_000, "everything was handed out before the group was heard");
    }
    first.source.close(CLOSE);
    second.source.close(CLOSE);
}

/// A member that was not polled for longer than it may has lost its partitions: nothing of them may be committed.
#[test]
fn partitions_of_a_member_that_slept_are_gone_at_once() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    broker.fill(&topic, 0, 0..100);
    let mut settings = broker.settings();
    settings.properties.push(("max.poll.interval.ms".to_owned(), "6000".to_owned()));
    let mut worker = Worker::open(settings, &[&topic]);
    worker.until("the partition", |worker| worker.assigned.len() == 1);
    worker.start_all(1);
    worker.until("messages", |worker| worker.taken.len() == 100);
    thread::sleep(Duration::from_secs(8));
    worker.until("its end and its return", |worker| worker.changes.len() >= 3);
    assert!(
        matches!(worker.changes[..], [Change::Assigned(..), Change::Gone(_), Change::Assigned(..)]),
        "{:?}",
        worker.changes
    );
    worker.start_all(2);
    worker.until("messages again", |worker| worker.offsets(id(0, 0), 2).len() == 100);
    worker.source.close(CLOSE);
}

/// librdkafka#4312, #4527, #4792: closing while the group rebalances.
#[test]
fn a_member_leaves_in_time_while_the_group_rebalances() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(4);
    let settings = broker.settings();
    let mut first = Worker::open(settings.clone(), &[&topic]);
    first.until("all", |worker| worker.assigned.len() == 4);
    for _ in 0..3 {
        let mut second = Worker::open(settings.clone(), &[&topic]);
        second.for_a_while(Duration::from_millis(150));
        first.for_a_while(Duration::from_millis(150));
        let begun = Instant::now();
        second.source.close(CLOSE);
        assert!(begun.elapsed() < CLOSE + Duration::from_secs(1), "{:?}", begun.elapsed());
    }
    let mut second = Worker::open(settings, &[&topic]);
    until("a revocation", &mut [&mut first, &mut second], |workers| !revoked(workers[0]).is_empty());
    // With partitions that were asked for and not released.
    let begun = Instant::now();
    first.source.close(CLOSE);
    assert!(begun.elapsed() < CLOSE + Duration::from_secs(1), "{:?}", begun.elapsed());
    second.until("all", |worker| worker.assigned.len() == 4);
    second.source.close(CLOSE);
}

/// The engine may drop a source after a failure without closing it.
#[test]
fn a_source_that_is_dropped_leaves_its_group() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(2);
    let mut settings = broker.settings();
    settings.session_timeout = Duration::from_secs(30);
    let mut first = Worker::open(settings.clone(), &[&topic]);
    first.until("both", |worker| worker.assigned.len() == 2);
    first.start_all(1);
    let mut second = Worker::open(settings, &[&topic]);
    until("a revocation", &mut [&mut first, &mut second], |workers| !revoked(workers[0]).is_empty());
    let dropped = Instant::now();
    drop(first);
    second.until("both", |worker| worker.assigned.len() == 2);
    assert!(dropped.elapsed() < Duration::from_secs(12), "{:?}", dropped.elapsed());
    second.source.close(CLOSE);
}

#[test]
fn a_restarted_instance_gets_its_own_partitions_and_a_second_one_ends_the_first() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(2);
    let mut settings = broker.settings();
    let mut other = Worker::open(settings.clone(), &[&topic]);
    other.until("both", |worker| worker.assigned.len() == 2);
    settings.instance = Some("worker-1".to_owned());
    let mut first = Worker::open(settings.clone(), &[&topic]);
    until("a revocation", &mut [&mut other, &mut first], |workers| revoked(workers[0]).len() == 1);
    other.source.command(Command::Release(revoked(&other)[0])).unwrap();
    until("the move", &mut [&mut other, &mut first], |workers| workers[1].assigned.len() == 1);
    let own = first.assigned[0].0;
    let before = other.changes.len();
    first.source.close(CLOSE);
    let mut again = Worker::open(settings.clone(), &[&topic]);
    until("its partition", &mut [&mut other, &mut again], |workers| workers[1].assigned.len() == 1);
    assert_eq!(again.assigned[0].0, own);
    assert_eq!(other.changes.len(), before, "nobody else was disturbed");
    let mut second = KafkaSource::new(settings, vec![topic]);
    second.open(&[]).unwrap();
    let until = Instant::now() + Duration::from_secs(20);
    let error = loop {
        let mut batch = RawBatch::default();
        second.poll(&mut batch, BLOCK).unwrap();
        if let Err(error) = again.source.poll(&mut batch, BLOCK) {
            break error;
        }
        again.source.changes();
        other.step();
        assert!(Instant::now() < until, "the first member goes on");
    };
    assert_eq!(error.kind, ConnectorErrorKind::Locked, "{error}");
    assert!(error.to_string().contains("same instance name"), "{error}");
    again.source.close(CLOSE);
    second.close(CLOSE);
    other.source.close(CLOSE);
}

/// The group writes down for nobody what is on its way, and gives a member with an instance name what it wrote down.
#[test]
fn partitions_on_their_way_from_an_instance_that_restarts_do_not_stay_nobodys() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(4);
    let mut settings = broker.settings();
    settings.session_timeout = Duration::from_secs(30);
    let named = |name: &str| KafkaSettings { instance: Some(name.to_owned()), ..settings.clone() };
    let mut first = Worker::open(named("first"), &[&topic]);
    first.until("all", |worker| worker.assigned.len() == 4);
    let mut second = Worker::open(named("second"), &[&topic]);
    until("two on their way", &mut [&mut first, &mut second], |workers| revoked(workers[0]).len() == 2);
    first.source.close(CLOSE);
    let mut again = Worker::open(named("first"), &[&topic]);
    until("what was written down", &mut [&mut again, &mut second], |workers| workers[0].assigned.len() == 2);
    assert!(second.assigned.is_empty());
    until("all are somebody's", &mut [&mut again, &mut second], |workers| {
        for worker in workers.iter_mut() {
            for partition in revoked(worker) {
                worker.source.command(Command::Release(partition)).unwrap();
            }
        }
        workers.iter().all(|worker| worker.assigned.len() == 2)
    });
    again.source.close(CLOSE);
    second.source.close(CLOSE);
}

#[test]
fn a_member_without_partitions_knows_that_it_is_in_and_ends_are_seen() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1);
    broker.fill(&topic, 0, 0..100);
    let settings = broker.settings();
    let mut one = Worker::open(settings.clone(), &[&topic]);
    assert!(!one.source.status().is_joined());
    until("the first is in", &mut [&mut one], |workers| workers[0].source.status().is_joined());
    let mut other = Worker::open(settings, &[&topic]);
    until("both are in", &mut [&mut one, &mut other], |workers| {
        workers.iter().all(|worker| worker.source.status().is_joined())
    });
    one.start_all(1);
    other.start_all(1);
    until("the end is seen", &mut [&mut one, &mut other], |workers| {
        let ends = workers.iter().flat_map(|worker| worker.source.status().ends());
        ends.map(|end| (end.topic, end.partition, end.end)).any(|end| end == (topic.clone(), 0, 100))
    });
    one.source.close(CLOSE);
    assert!(!one.source.status().is_joined());
    other.source.close(CLOSE);
}
