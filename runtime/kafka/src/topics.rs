//! Topics: whether they are there, and their creation.

use std::{
    cell::Cell,
    future::Future,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind, ConnectorResult};
use rdkafka::{
    ClientContext,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    client::Client,
    config::FromClientConfigAndContext,
    consumer::{BaseConsumer, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
};

use crate::{
    configuration,
    context::{Calls, GroupCalls},
    fault,
    settings::{CreateTopics, KafkaSettings},
    trouble::Trouble,
};

/// Longest single wait for metadata, so that a refused login is told when it is known.
const SLICE: Duration = Duration::from_millis(500);

/// What `nsflow check` finds of a cluster.
#[derive(Clone, Debug, Default)]
pub struct TopicsReport {
    /// How many brokers answer.
    pub brokers: usize,
    /// The topics that were asked for, in order: those to read, then those to write.
    pub topics: Vec<TopicReport>,
    /// Why the group cannot be joined, where that is known.
    pub group: Option<ConnectorError>,
}

/// What is known of a topic.
#[derive(Clone, Debug)]
pub struct TopicReport {
    /// Its name.
    pub name: String,
    /// How many partitions it has; what is wrong with it where it cannot be used.
    pub partitions: Result<u32, ConnectorError>,
    /// Whether it was created now.
    pub created: bool,
}

/// Questions about the topics of a cluster.
pub struct KafkaTopics {
    settings: Arc<KafkaSettings>,
    trouble: Arc<Trouble>,
}

impl KafkaTopics {
    /// For these settings; nothing is connected to yet.
    #[must_use]
    pub fn new(settings: impl Into<Arc<KafkaSettings>>) -> Self {
        Self { settings: settings.into(), trouble: Arc::default() }
    }

    /// Whether the cluster, the topics and the group can be used; creates topics where the settings allow it.
    ///
    /// # Errors
    /// Where no broker answers or lets this user in. What is wrong with one topic stands in the report.
    pub fn check(&self, read: &[&str], written: &[&str]) -> ConnectorResult<TopicsReport> {
        self.settings.check()?;
        let calls = GroupCalls::new(Calls::new(Arc::clone(&self.settings), Arc::clone(&self.trouble)));
        let consumer = BaseConsumer::from_config_and_context(&configuration::consumer(&self.settings), calls)
            .map_err(|error| fault::of(&self.settings, &error, "its topics could not be asked for"))?;
        let asking = Asking {
            client: consumer.client(),
            settings: &self.settings,
            trouble: &self.trouble,
            serve: &|| drop(consumer.poll(Duration::ZERO)),
            brokers: Cell::new(0),
        };
        let mut report = TopicsReport::default();
        // Those of the program's own are both.
        let written = written.iter().filter(|name| !read.contains(name));
        for name in read.iter().chain(written) {
            let mut topic = TopicReport { name: (*name).to_owned(), partitions: Ok(0), created: false };
            match asking.topic(name) {
                Ok(found) => {
                    topic.partitions = Ok(found.partitions);
                    topic.created = found.created;
                }
                Err(error) if error.kind == ConnectorErrorKind::Unavailable => return Err(error),
                Err(error) => topic.partitions = Err(error),
            }
            report.topics.push(topic);
        }
        report.brokers = asking.brokers.get();
        if let Some(topic) = read.first() {
            report.group = self.group(&consumer, topic);
        }
        Ok(report)
    }

    /// Whether this user may see the group: that it may also join it is only known when it does.
    fn group(&self, consumer: &BaseConsumer<GroupCalls>, topic: &str) -> Option<ConnectorError> {
        let until = Instant::now() + self.settings.open_timeout;
        let error = loop {
            let mut list = rdkafka::TopicPartitionList::new();
            list.add_partition(topic, 0);
            let error = consumer.committed_offsets(list, self.settings.open_timeout).err()?;
            // A cluster that has just started, or moves the group, says so for a moment.
            if !is_moving(&error) || Instant::now() >= until {
                break error;
            }
            thread::sleep(SLICE.min(Duration::from_millis(100)));
        };
        let doing = format!("the positions of group `{}` could not be read", self.settings.group);
        Some(fault::of(&self.settings, &error, &doing))
    }
}

/// Whether who looks after a group is just being found.
fn is_moving(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
        )
    )
}

/// Looks for a topic that is to be written. By a client of its own: a producer that asks for a topic may make the cluster
/// create it.
pub(crate) fn written(settings: &Arc<KafkaSettings>, trouble: &Arc<Trouble>, name: &str) -> ConnectorResult<()> {
    let calls = GroupCalls::new(Calls::new(Arc::clone(settings), Arc::clone(trouble)));
    let client = BaseConsumer::from_config_and_context(&configuration::administration(settings), calls)
        .map_err(|error| fault::of(settings, &error, &format!("topic `{name}` could not be asked for")))?;
    let serve = || drop(client.poll(Duration::ZERO));
    let asking = Asking { client: client.client(), settings, trouble, serve: &serve, brokers: Cell::new(0) };
    let found = asking.topic(name);
    // Its end waits for its threads; nobody waits for it.
    thread::spawn(move || drop(client));
    found.map(|_| ())
}

/// A topic that is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found {
    pub(crate) partitions: u32,
    pub(crate) created: bool,
}

/// Asks a client for topics.
pub(crate) struct Asking<'a, C: ClientContext> {
    pub(crate) client: &'a Client<C>,
    pub(crate) settings: &'a Arc<KafkaSettings>,
    pub(crate) trouble: &'a Arc<Trouble>,
    /// Lets the client tell what went wrong.
    pub(crate) serve: &'a dyn Fn(),
    /// How many brokers the last answer named.
    pub(crate) brokers: Cell<usize>,
}

impl<C: ClientContext> Asking<'_, C> {
    /// A topic; created where it is not there and the settings allow it.
    pub(crate) fn topic(&self, name: &str) -> ConnectorResult<Found> {
        self.topic_of(name, None)
    }

    /// The same; one that is created gets so many partitions, where that is given.
    pub(crate) fn topic_of(&self, name: &str, partitions: Option<u32>) -> ConnectorResult<Found> {
        let until = Instant::now() + self.settings.open_timeout;
        match self.described(name, until)? {
            Some(found) => Ok(found),
            None => match self.settings.create_topics {
                Some(how) => {
                    let how = CreateTopics { partitions: partitions.unwrap_or(how.partitions), ..how };
                    create(self.settings, self.trouble, name, how)?;
                    self.awaited(name)
                }
                None => Err(missing(self.settings, name)),
            },
        }
    }

    /// A topic that was just created is known to every broker a little later.
    fn awaited(&self, name: &str) -> ConnectorResult<Found> {
        let until = Instant::now() + self.settings.open_timeout;
        loop {
            if let Some(found) = self.described(name, until)? {
                return Ok(Found { created: true, ..found });
            }
            if Instant::now() >= until {
                let message =
                    format!("topic `{name}` was created at `{}` and is not known there yet", self.settings.brokers);
                return Err(ConnectorError::new(ConnectorErrorKind::Unavailable, message));
            }
            thread::sleep(Duration::from_millis(50));
        }
    }

    /// A topic, none where it is not there.
    fn described(&self, name: &str, until: Instant) -> ConnectorResult<Option<Found>> {
        let doing = format!("topic `{name}` could not be asked for");
        loop {
            let answer = self.client.fetch_metadata(Some(name), SLICE);
            (self.serve)();
            let metadata = match answer {
                Ok(metadata) => metadata,
                Err(error) => {
                    self.give_up(&error, &doing, until)?;
                    continue;
                }
            };
            self.trouble.answered();
            self.brokers.set(metadata.brokers().len());
            let Some(topic) = metadata.topics().iter().find(|topic| topic.name() == name) else { return Ok(None) };
            let found = Found { partitions: topic.partitions().len() as u32, created: false };
            match topic.error().map(RDKafkaErrorCode::from) {
                None if found.partitions > 0 => return Ok(Some(found)),
                None | Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => {
                    return Ok(None);
                }
                Some(RDKafkaErrorCode::LeaderNotAvailable) if Instant::now() < until => {
                    thread::sleep(Duration::from_millis(50));
                }
                Some(code) => return Err(fault::of_code(self.settings, code, &doing, None)),
            }
        }
    }

    /// Whether asking again is of no use, by what the client told meanwhile.
    fn give_up(&self, error: &KafkaError, doing: &str, until: Instant) -> ConnectorResult<()> {
        let told = self.trouble.error(self.settings, doing);
        let lasting = told.as_ref().is_some_and(|told| told.kind != ConnectorErrorKind::Unavailable);
        let error = told.unwrap_or_else(|| fault::of(self.settings, error, doing));
        if lasting || error.kind != ConnectorErrorKind::Unavailable || Instant::now() >= until {
            return Err(error);
        }
        // A refused connection is told at once; the next try is to wait a little.
        thread::sleep(Duration::from_millis(50));
        Ok(())
    }
}

/// That a topic is not there.
pub(crate) fn missing(settings: &KafkaSettings, name: &str) -> ConnectorError {
    let message = format!("there is no topic `{name}` in Kafka at `{}`", settings.brokers);
    ConnectorError::new(ConnectorErrorKind::NotFound, message).with_help(
        "create it with the number of partitions that it is to have, let the profile create topics, \
         or grant the right to describe it",
    )
}

fn create(settings: &Arc<KafkaSettings>, trouble: &Arc<Trouble>, name: &str, how: CreateTopics) -> ConnectorResult<()> {
    let doing = format!("topic `{name}` could not be created");
    let calls = Calls::new(Arc::clone(settings), Arc::clone(trouble));
    let admin = AdminClient::from_config_and_context(&configuration::administration(settings), calls)
        .map_err(|error| fault::of(settings, &error, &doing))?;
    let partitions = if how.partitions == 0 { -1 } else { i32::try_from(how.partitions).unwrap_or(i32::MAX) };
    let replication = how.replication.map_or(-1, |copies| i32::try_from(copies).unwrap_or(i32::MAX));
    let topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replication));
    let options =
        AdminOptions::new().request_timeout(Some(settings.open_timeout)).operation_timeout(Some(settings.open_timeout));
    let created = wait(admin.create_topics([&topic], &options));
    let results = created.map_err(|error| fault::of(settings, &error, &doing))?;
    for result in results {
        match result {
            // Another worker was quicker.
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, RDKafkaErrorCode::InvalidReplicationFactor)) => {
                let message = format!(
                    "topic `{name}` could not be created at `{}`: it has fewer brokers than copies are asked for",
                    settings.brokers
                );
                return Err(ConnectorError::new(ConnectorErrorKind::Other, message)
                    .with_help("lower the replication in the profile"));
            }
            Err((_, code)) => return Err(fault::of_code(settings, code, &doing, None)),
        }
    }
    Ok(())
}

/// Waits for a future that other threads complete: the client's own thread does.
fn wait<F: Future>(future: F) -> F::Output {
    struct Parked(Thread);
    impl Wake for Parked {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Parked(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}
