//! Questions to the cluster that take their time: each is asked by a thread of its own, so that the thread that polls goes
//! on polling.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use nsf_engine::connector::LogState;
use rdkafka::{
    Offset, TopicPartitionList,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};

use super::unowned::{self, Division};
use crate::{context::GroupCalls, fault, native, trouble::Trouble};

/// How long one question may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What the id of a cluster begins with that librdkafka plays.
const MOCK: &str = "mockCluster";

/// How long after a failure it is asked again.
const AGAIN: Duration = Duration::from_millis(300);

/// A partition in a question: topic, partition, the assignment's token.
pub(crate) type Asked = (String, i32, u64);

/// A position that is not in the log.
pub(crate) struct OutOfRange {
    pub(crate) topic: String,
    pub(crate) partition: i32,
    pub(crate) next: u64,
    /// The log's first offset.
    pub(crate) low: u64,
    /// The log's end.
    pub(crate) high: u64,
}

/// What was found out.
pub(crate) enum Answer {
    /// Where partitions stand that came.
    States(Vec<(Asked, LogState)>),
    /// A position that is not in the log. None where all are in it now.
    OutOfRange(Option<OutOfRange>),
    /// How the group has shared out the topics. None where it did not say.
    Division(Option<Division>),
    /// How many partitions a topic has.
    Count(String, u32),
    /// The ids of topics, as far as the cluster says them.
    Ids(Vec<(String, String)>),
    /// The cluster answers.
    Alive,
    /// The cluster does not answer.
    Silent,
}

/// Asks questions.
pub(crate) struct Asker {
    consumer: Arc<BaseConsumer<GroupCalls>>,
    trouble: Arc<Trouble>,
    over: Arc<AtomicBool>,
    /// Whether the cluster is one that may know ids of topics; none as long as that is not known.
    knows_ids: Arc<OnceLock<bool>>,
    sender: Sender<Answer>,
    answers: Receiver<Answer>,
}

impl Asker {
    pub(crate) fn new(consumer: Arc<BaseConsumer<GroupCalls>>, trouble: Arc<Trouble>) -> Self {
        let (sender, answers) = channel();
        Self { consumer, trouble, over: Arc::default(), knows_ids: Arc::default(), sender, answers }
    }

    /// The next answer, if there is one.
    pub(crate) fn answer(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }

    /// No answers are waited for any more.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Asks where partitions stand, until the cluster says it.
    pub(crate) fn states(&self, partitions: Vec<Asked>) {
        let knows_ids = Arc::clone(&self.knows_ids);
        self.ask(move |consumer, trouble, over| {
            while !over.load(Ordering::Acquire) {
                match states(consumer, &partitions, &knows_ids) {
                    Ok(states) => return Some(Answer::States(states)),
                    Err(code) => trouble.tell(code, ""),
                }
                thread::sleep(AGAIN);
            }
            None
        });
    }

    /// Asks which of these positions is not in the log.
    pub(crate) fn out_of_range(&self, positions: Vec<(String, i32, u64)>) {
        self.ask(move |consumer, _, over| {
            while !over.load(Ordering::Acquire) {
                match out_of_range(consumer, &positions) {
                    Ok(found) => return Some(Answer::OutOfRange(found)),
                    Err(_) => thread::sleep(AGAIN),
                }
            }
            None
        });
    }

    /// Asks whether the cluster answers and has the topics.
    pub(crate) fn alive(&self, topics: Vec<String>) {
        self.ask(move |consumer, _, _| {
            let is_there = |topic: &String| {
                let metadata = consumer.fetch_metadata(Some(topic), PATIENCE);
                metadata.is_ok_and(|metadata| metadata.topics().iter().all(|topic| topic.error().is_none()))
            };
            Some(if topics.iter().all(is_there) { Answer::Alive } else { Answer::Silent })
        });
    }

    /// Asks how the group has shared out topics.
    pub(crate) fn division(&self, group: String, topics: Vec<String>) {
        self.ask(move |consumer, _, _| Some(Answer::Division(unowned::division(consumer, &group, &topics).ok())));
    }

    /// Asks how many partitions a topic has, until the cluster says it.
    pub(crate) fn count(&self, topic: String) {
        self.ask(move |consumer, _, over| {
            while !over.load(Ordering::Acquire) {
                match count(consumer, &topic) {
                    Ok(partitions) if partitions > 0 => return Some(Answer::Count(topic, partitions)),
                    _ => thread::sleep(AGAIN),
                }
            }
            None
        });
    }

    /// Asks for the ids of topics, once; not where the cluster is known to have none.
    pub(crate) fn ids(&self, topics: Vec<String>) {
        let knows_ids = Arc::clone(&self.knows_ids);
        self.ask(move |consumer, _, _| {
            let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
            Some(Answer::Ids(ids(consumer, topics, &knows_ids).unwrap_or_default()))
        });
    }

    fn ask(
        &self,
        question: impl FnOnce(&BaseConsumer<GroupCalls>, &Trouble, &AtomicBool) -> Option<Answer> + Send + 'static,
    ) {
        let (consumer, trouble) = (Arc::clone(&self.consumer), Arc::clone(&self.trouble));
        let (over, sender) = (Arc::clone(&self.over), self.sender.clone());
        thread::spawn(move || {
            if let Some(answer) = question(&consumer, &trouble, &over) {
                // Nobody waits for it where the source is closed.
                let _ = sender.send(answer);
            }
        });
    }
}

fn code_of(error: &KafkaError) -> RDKafkaErrorCode {
    fault::code(error).unwrap_or(RDKafkaErrorCode::Fail)
}

/// What stands beside a position that a worker committed; behind a blank there may be more.
pub(super) const BY_WORKER: &str = "nsf";

/// Where partitions stand.
pub(crate) fn states(
    consumer: &BaseConsumer<GroupCalls>,
    partitions: &[Asked],
    knows_ids: &OnceLock<bool>,
) -> Result<Vec<(Asked, LogState)>, RDKafkaErrorCode> {
    let mut list = TopicPartitionList::new();
    for (topic, partition, _) in partitions {
        list.add_partition(topic, *partition);
    }
    let committed = consumer.committed_offsets(list, PATIENCE).map_err(|error| code_of(&error))?;
    let ids = ids(consumer, partitions.iter().map(|(topic, ..)| topic.as_str()).collect(), knows_ids)?;
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for (topic, ..) in partitions {
        if !counts.contains_key(topic.as_str()) {
            counts.insert(topic, count(consumer, topic).map_err(|error| code_of(&error))?);
        }
    }
    let mut states = Vec::with_capacity(partitions.len());
    for asked in partitions {
        let (topic, partition, _) = asked;
        let (low, high) = consumer.fetch_watermarks(topic, *partition, PATIENCE).map_err(|error| code_of(&error))?;
        let element = committed.find_partition(topic, *partition);
        let by_worker = element.as_ref().is_some_and(|element| element.metadata().split(' ').next() == Some(BY_WORKER));
        let committed = element.and_then(|element| match element.offset() {
            Offset::Offset(offset) => u64::try_from(offset).ok(),
            _ => None,
        });
        let incarnation = ids.iter().find(|(name, _)| name == topic).map(|(_, id)| id.clone()).unwrap_or_default();
        let unsigned = |offset: i64| u64::try_from(offset).unwrap_or(0);
        let (low, high) = (unsigned(low), unsigned(high));
        let partitions = counts.get(topic.as_str()).copied().unwrap_or_default();
        states
            .push((asked.clone(), LogState { low, high, committed, by_worker, incarnation, partitions, timed: false }));
    }
    Ok(states)
}

/// How many partitions a topic has.
fn count(consumer: &BaseConsumer<GroupCalls>, topic: &str) -> Result<u32, KafkaError> {
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE)?;
    let own = metadata.topics().iter().find(|own| own.name() == topic);
    Ok(own.map_or(0, |own| own.partitions().len() as u32))
}

/// The ids of the topics; empty where the cluster knows none.
///
/// Old brokers refuse the question, and librdkafka's mock of a cluster never answers it. Of any other a silence says only that
/// it is slow: who took it for one without ids would not notice a topic that is made anew.
fn ids(
    consumer: &BaseConsumer<GroupCalls>,
    mut topics: Vec<&str>,
    knows_ids: &OnceLock<bool>,
) -> Result<Vec<(String, String)>, RDKafkaErrorCode> {
    if knows_ids.get().is_none() {
        let cluster = consumer.client().fetch_cluster_id(PATIENCE).ok_or(RDKafkaErrorCode::OperationTimedOut)?;
        knows_ids.get_or_init(|| !cluster.starts_with(MOCK));
    }
    if knows_ids.get() == Some(&false) {
        return Ok(Vec::new());
    }
    topics.sort_unstable();
    topics.dedup();
    match native::topic_ids(consumer, &topics, PATIENCE) {
        Err(RDKafkaErrorCode::UnsupportedFeature) => Ok(Vec::new()),
        answered => answered,
    }
}

/// The first of some positions that is not in the log.
fn out_of_range(
    consumer: &BaseConsumer<GroupCalls>,
    positions: &[(String, i32, u64)],
) -> Result<Option<OutOfRange>, KafkaError> {
    for (topic, partition, next) in positions {
        let (low, high) = consumer.fetch_watermarks(topic, *partition, PATIENCE)?;
        let (low, high) = (u64::try_from(low).unwrap_or(0), u64::try_from(high).unwrap_or(0));
        if *next < low || *next > high {
            return Ok(Some(OutOfRange { topic: topic.clone(), partition: *partition, next: *next, low, high }));
        }
    }
    Ok(None)
}
