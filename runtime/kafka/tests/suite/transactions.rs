//! Outputs and positions in one transaction.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use nsf_engine::{
    connector::{Change, Command, MessageId, OutputBatch, Sink, Source},
    store::{Changes, Held, LaneProgress, LaneStore, PartitionName, Saved},
};
use nsf_kafka::{KafkaSettings, KafkaSink, KafkaSource, KafkaTransactions};

use crate::support::{Broker, CLOSE, Worker, broker};

/// A worker that reads a topic and writes another.
struct Member {
    transactions: KafkaTransactions,
    worker: Worker,
    sink: KafkaSink,
    topic: String,
}

impl Member {
    fn open(settings: &KafkaSettings, from: &str, to: &str) -> Self {
        let transactions = KafkaTransactions::new(settings.clone());
        let source = KafkaSource::new(transactions.settings(), vec![from.to_owned()]).in_transactions(&transactions);
        let mut sink = transactions.producer().sink(to);
        sink.open(None).unwrap();
        Self { worker: Worker::of(source), transactions, sink, topic: from.to_owned() }
    }

    /// Claims partitions.
    fn claim(&self, partitions: &[u32]) -> Vec<(Held, LaneProgress)> {
        let name = |partition: &u32| {
            Arc::new(PartitionName { stream: "in".to_owned(), topic: self.topic.clone(), partition: *partition })
        };
        let names: Vec<Arc<PartitionName>> = partitions.iter().map(name).collect();
        let claimed = self.transactions.claim(0, &names).unwrap();
        let held = |(name, (epoch, progress)): (Arc<PartitionName>, (u64, LaneProgress))| {
            (Held { name, epoch, next: progress.next.or(Some(0)) }, progress)
        };
        names.into_iter().zip(claimed).map(held).collect()
    }

    fn send(&mut self, text: &str) {
        let mut batch = OutputBatch::default();
        batch.push(b"", text.as_bytes());
        batch.ids.push(MessageId::default());
        self.sink.append(&batch).unwrap();
        self.sink.flush().unwrap();
    }

    fn save(&self, held: &[(Held, LaneProgress)], next: u64) -> Saved {
        let progress: Vec<LaneProgress> =
            held.iter().map(|_| LaneProgress { next: Some(next), watermark: 77, ..LaneProgress::default() }).collect();
        let held: Vec<Held> = held.iter().map(|(held, _)| held.clone()).collect();
        self.transactions.save(0, &held, &Changes::default(), &progress)
    }
}

/// What a reader of what is committed sees of a topic, when there are so many messages.
fn seen(broker: &Broker, topic: &str, count: usize) -> Vec<String> {
    let mut reader = Worker::open(broker.settings(), &[topic]);
    reader.until("the partition of the outputs", |reader| reader.assigned.len() == 1);
    reader.start_all(1);
    reader.until("the outputs", |reader| reader.taken.len() >= count);
    reader.for_a_while(Duration::from_millis(500));
    let texts = reader.taken.iter().map(|taken| String::from_utf8_lossy(&taken.value).into_owned()).collect();
    reader.source.close(CLOSE);
    texts
}

#[test]
fn a_worker_that_lost_a_partition_commits_nothing_of_its_transaction() {
    let Some(broker) = broker() else { return };
    let (from, to, settings) = (broker.topic(2), broker.topic(1), broker.settings());
    let mut first = Member::open(&settings, &from, &to);
    first.worker.until("both partitions", |worker| worker.assigned.len() == 2);
    let held = first.claim(&[0, 1]);
    assert!(held.iter().all(|(_, progress)| progress.next.is_none()), "{held:?}");
    first.send("of the first");

    let mut second = Member::open(&settings, &from, &to);
    let until = Instant::now() + Duration::from_secs(60);
    while second.worker.assigned.is_empty() {
        assert!(Instant::now() < until, "{:?} {:?}", first.worker.changes, second.worker.changes);
        first.worker.step();
        for change in std::mem::take(&mut first.worker.changes) {
            if let Change::Revoked(partition) = change {
                first.worker.source.command(Command::Release(partition)).unwrap();
            }
        }
        second.worker.step();
    }
    // It still believes that it holds both.
    assert_eq!(first.save(&held, 5), Saved::Lost);

    let partition = second.worker.assigned[0].0.partition;
    let held = second.claim(&[partition]);
    assert_eq!(held[0].1.next, None, "nothing was committed");
    second.send("of the second");
    assert_eq!(second.save(&held, 5), Saved::Applied);
    assert_eq!(seen(broker, &to, 1), ["of the second"]);

    // The first goes on with what is left to it, by a producer that is new.
    let left = 1 - partition;
    first.sink.forget();
    let held = first.claim(&[left]);
    assert_eq!(held[0].1.next, None);
    first.send("of the first, later");
    assert_eq!(first.save(&held, 3), Saved::Applied);
    let again = first.claim(&[left]);
    assert_eq!((again[0].1.next, again[0].1.watermark), (Some(3), 77), "the position and what stands beside it");
    let mut texts = seen(broker, &to, 2);
    texts.sort();
    assert_eq!(texts, ["of the first, later", "of the second"]);
    first.worker.source.close(CLOSE);
    second.worker.source.close(CLOSE);
}

#[test]
fn a_worker_that_comes_again_ends_what_it_had_begun() {
    let Some(broker) = broker() else { return };
    let (from, to) = (broker.topic(1), broker.topic(1));
    let mut settings = broker.settings();
    settings.instance = Some("slot-1".to_owned());
    let mut killed = Member::open(&settings, &from, &to);
    killed.worker.until("the partition", |worker| worker.assigned.len() == 1);
    let held = killed.claim(&[0]);
    killed.send("committed");
    assert_eq!(killed.save(&held, 4), Saved::Applied);
    killed.send("never committed");

    let mut again = Member::open(&settings, &from, &to);
    again.worker.until("the partition", |worker| worker.assigned.len() == 1);
    let killed_held = held[0].0.clone();
    let held = again.claim(&[0]);
    assert_eq!(held[0].1.next, Some(4));
    again.send("from there");
    assert_eq!(again.save(&held, 6), Saved::Applied);
    assert_eq!(seen(broker, &to, 2), ["committed", "from there"]);
    // The one before it can do nothing any more.
    let late = [(Held { next: Some(4), ..killed_held }, LaneProgress::default())];
    assert_ne!(killed.save(&late, 9), Saved::Applied);
    assert_eq!(again.claim(&[0])[0].1.next, Some(6));
    again.worker.source.close(CLOSE);
}
