//! The producer that the sinks of a cluster share, and the sinks.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nsf_engine::connector::{
    ConnectorError, ConnectorErrorKind, ConnectorResult, MessageId, OutputBatch, Placed, Sink,
};
use rdkafka::{
    ClientContext, TopicPartitionList,
    client::OAuthToken,
    config::{FromClientConfigAndContext, RDKafkaLogLevel},
    consumer::ConsumerGroupMetadata,
    error::{KafkaError, RDKafkaErrorCode},
    message::{DeliveryResult, Header, OwnedHeaders},
    producer::{BaseRecord, Producer, ProducerContext, PurgeConfig, ThreadedProducer},
};

use super::{
    ID_HEADER, LANE_HEADER,
    account::{Account, Room},
};
use crate::{
    configuration,
    context::Calls,
    fault::{self, About},
    settings::KafkaSettings,
    topics,
    trouble::Trouble,
};

/// The producer of a cluster; clones share it.
#[derive(Clone)]
pub struct KafkaProducer {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<KafkaSettings>,
    trouble: Arc<Trouble>,
    running: Mutex<Option<Arc<Running>>>,
}

/// A producer that was made, until a fault breaks it.
struct Running {
    producer: Option<ThreadedProducer<Deliveries>>,
    room: Arc<Room>,
    broken: AtomicBool,
    /// Whether a transaction is begun.
    begun: AtomicBool,
}

impl Running {
    /// Nothing more is to be written by it. What is still on its way must not arrive behind what is sent again.
    fn give_up(&self) {
        self.broken.store(true, Ordering::Release);
        if let Some(producer) = &self.producer {
            producer.purge(PurgeConfig::default().queue().inflight());
        }
    }
}

impl Drop for Running {
    /// The producer's end waits for its threads; nobody waits for it.
    fn drop(&mut self) {
        self.give_up();
        if let Some(producer) = self.producer.take() {
            thread::spawn(move || drop(producer));
        }
    }
}

/// What the producer calls back.
struct Deliveries {
    calls: Calls,
    trouble: Arc<Trouble>,
    room: Arc<Room>,
}

impl ClientContext for Deliveries {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.calls.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.calls.error(error, reason);
    }

    fn generate_oauth_token(&self, configuration: Option<&str>) -> Result<OAuthToken, Box<dyn std::error::Error>> {
        self.calls.generate_oauth_token(configuration)
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = Arc<Account>;

    fn delivery(&self, result: &DeliveryResult<'_>, account: Self::DeliveryOpaque) {
        let (message, failure) = match result {
            Ok(message) => {
                if self.trouble.is_any() {
                    self.trouble.answered();
                }
                (message, None)
            }
            Err((error, message)) => (message, Some(fault::code(error).unwrap_or(RDKafkaErrorCode::Fail))),
        };
        self.room.give_back(message.payload_len() + message.key_len());
        account.done(failure);
    }
}

impl KafkaProducer {
    /// The producer for these settings; nothing is connected to yet.
    #[must_use]
    pub fn new(settings: impl Into<Arc<KafkaSettings>>) -> Self {
        let shared = Shared { settings: settings.into(), trouble: Arc::default(), running: Mutex::new(None) };
        Self { shared: Arc::new(shared) }
    }

    /// A topic as a sink; nothing is asked of the cluster before it is opened.
    #[must_use]
    pub fn sink(&self, topic: impl Into<String>) -> KafkaSink {
        KafkaSink {
            shared: Arc::clone(&self.shared),
            topic: topic.into(),
            account: Arc::default(),
            used: None,
            id: Vec::new(),
        }
    }

    /// What is wrong just now though messages are tried again; none where all is well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        let shared = &self.shared;
        shared.trouble.error(&shared.settings, "messages are not written meanwhile").map(|error| error.to_string())
    }
}

impl Shared {
    /// The producer; made where there is none or a fault broke it.
    fn running(&self) -> ConnectorResult<Arc<Running>> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = running.as_ref().filter(|running| !running.broken.load(Ordering::Acquire)) {
            return Ok(Arc::clone(running));
        }
        *running = None;
        self.settings.check()?;
        let room = Room::new(self.settings.producer_memory.max(1));
        let deliveries = Deliveries {
            calls: Calls::new(Arc::clone(&self.settings), Arc::clone(&self.trouble)),
            trouble: Arc::clone(&self.trouble),
            room: Arc::clone(&room),
        };
        let producer = ThreadedProducer::from_config_and_context(&configuration::producer(&self.settings), deliveries)
            .map_err(|error| fault::of(&self.settings, &error, "the producer could not be made"))?;
        if self.settings.transactional_id.is_some() {
            // Ends what an earlier producer of the name has begun, and keeps it from going on.
            producer
                .init_transactions(ANSWER)
                .map_err(|error| self.transaction(&error, "transactions cannot be made"))?;
        }
        let made = Arc::new(Running {
            producer: Some(producer),
            room,
            broken: AtomicBool::new(false),
            begun: AtomicBool::default(),
        });
        *running = Some(Arc::clone(&made));
        Ok(made)
    }
}

/// How long a broker may take to answer what is asked of a transaction.
const ANSWER: Duration = Duration::from_secs(15);

impl Running {
    /// Begins a transaction, if none is.
    fn begin(&self, shared: &Shared) -> ConnectorResult<()> {
        let Some(producer) = self.producer.as_ref().filter(|_| shared.settings.transactional_id.is_some()) else {
            return Ok(());
        };
        if self.begun.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        producer.begin_transaction().map_err(|error| {
            self.give_up();
            shared.transaction(&error, "a transaction was not begun")
        })
    }
}

impl Shared {
    /// What went wrong with a transaction. Whatever it is, a new producer begins anew from what the group has.
    fn transaction(&self, error: &KafkaError, doing: &str) -> ConnectorError {
        let code = fault::code(error).unwrap_or(RDKafkaErrorCode::Fail);
        match code {
            RDKafkaErrorCode::TransactionalIdAuthorizationFailed => {
                let id = self.settings.transactional_id.as_deref().unwrap_or_default();
                let message =
                    format!("Kafka at `{}`: this user may not make transactions as `{id}`", self.settings.brokers);
                let help = "grant Write and Describe on transactional ids that begin with the group's name and a dot";
                ConnectorError::new(ConnectorErrorKind::Permission, message).with_help(help)
            }
            // Another has the partitions, or the name.
            RDKafkaErrorCode::IllegalGeneration
            | RDKafkaErrorCode::UnknownMemberId
            | RDKafkaErrorCode::FencedInstanceId
            | RDKafkaErrorCode::InvalidProducerEpoch
            | RDKafkaErrorCode::ProducerFenced
            | RDKafkaErrorCode::Fenced => {
                let message = format!("{doing}: another worker has taken over ({code})");
                ConnectorError::new(ConnectorErrorKind::Lost, message)
            }
            _ => match fault::about(code) {
                About::Other => {
                    let message = format!("Kafka at `{}`: {doing} ({code})", self.settings.brokers);
                    ConnectorError::new(ConnectorErrorKind::Unavailable, message)
                        .with_help("it is tried again from the last commit")
                }
                _ => {
                    self.trouble.error(&self.settings, doing).unwrap_or_else(|| fault::of(&self.settings, error, doing))
                }
            },
        }
    }
}

impl KafkaProducer {
    /// Makes the producer, where there is none: what one of its name had begun before is ended then.
    pub(crate) fn prepare(&self) -> ConnectorResult<()> {
        self.shared.running().map(drop)
    }

    /// Throws the producer away: what it has begun is void.
    pub(crate) fn abandon(&self) {
        let running = self.shared.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(running) = running {
            running.give_up();
        }
    }

    /// Commits what was sent and these positions together. Everything that was sent must have been confirmed.
    pub(crate) fn commit(&self, positions: &TopicPartitionList, group: &ConsumerGroupMetadata) -> ConnectorResult<()> {
        // A new producer would commit the positions without what the one before it had sent.
        let running = self.shared.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let running = running.filter(|running| !running.broken.load(Ordering::Acquire));
        let Some((running, producer)) = running.as_ref().and_then(|own| Some((own, own.producer.as_ref()?))) else {
            let message =
                format!("Kafka at `{}`: a transaction was void before it was committed", self.shared.settings.brokers);
            return Err(ConnectorError::new(ConnectorErrorKind::Unavailable, message));
        };
        running.begin(&self.shared)?;
        let until = Instant::now() + ANSWER;
        let again = |doing: &str, call: &dyn Fn() -> Result<(), KafkaError>| {
            loop {
                let Err(error) = call() else { return Ok(()) };
                let passing = matches!(&error, KafkaError::Transaction(error) if error.is_retriable());
                if !passing || Instant::now() >= until {
                    return Err(self.shared.transaction(&error, doing));
                }
            }
        };
        again("positions were not taken into a transaction", &|| {
            producer.send_offsets_to_transaction(positions, group, ANSWER)
        })?;
        again("a transaction was not committed", &|| producer.commit_transaction(ANSWER))?;
        running.begun.store(false, Ordering::Release);
        Ok(())
    }
}

/// A topic that messages are appended to.
///
/// What was appended before a fault may have been written; the engine sends it again with the same bytes and ids. After a
/// fault the producer is thrown away and made anew (librdkafka lacks KIP-890, #5423): nothing of it that came behind what
/// failed may be written, and nothing old behind what is sent again. Other sinks then fail too and are sent again with it.
pub struct KafkaSink {
    shared: Arc<Shared>,
    topic: String,
    /// The messages since the last fault.
    account: Arc<Account>,
    /// The producer that has them.
    used: Option<Arc<Running>>,
    /// Scratch for the headers.
    id: Vec<u8>,
}

impl KafkaSink {
    fn send(
        &mut self,
        running: &Running,
        (key, message): (&[u8], &[u8]),
        (id, placed): (Option<&MessageId>, Option<&Placed>),
        until: Instant,
    ) -> ConnectorResult<()> {
        let Some(producer) = &running.producer else { return Ok(()) };
        let size = key.len() + message.len();
        if !running.room.take(size, until) {
            return Err(self.unconfirmed());
        }
        self.account.sent();
        let mut record = BaseRecord::with_opaque_to(&self.topic, Arc::clone(&self.account)).payload(message);
        // An empty key is none: the message may go to any partition.
        if !key.is_empty() {
            record = record.key(key);
        }
        let own = placed.map_or(&[][..], |placed| &placed.headers);
        let mut headers = OwnedHeaders::new_with_capacity(2 + own.len());
        for (name, value) in own {
            headers = headers.insert(Header { key: name, value: Some(value) });
        }
        if let Some(placed) = placed {
            record = record.partition(i32::try_from(placed.partition).unwrap_or(i32::MAX));
        }
        if let Some(id) = id {
            self.id.clear();
            id.write(&self.shared.settings.group, &mut self.id);
            let header = Header { key: ID_HEADER, value: Some(&self.id) };
            headers = headers.insert(header);
            self.id.clear();
            id.write_lane(&mut self.id);
            if !self.id.is_empty() {
                headers = headers.insert(Header { key: LANE_HEADER, value: Some(&self.id) });
            }
        }
        if id.is_some() || placed.is_some() {
            record = record.headers(headers);
        }
        loop {
            match producer.send(record) {
                Ok(()) => return Ok(()),
                Err((error, back)) => {
                    let code = fault::code(&error).unwrap_or(RDKafkaErrorCode::Fail);
                    if code != RDKafkaErrorCode::QueueFull || Instant::now() >= until {
                        drop(back);
                        running.room.give_back(size);
                        self.account.done(Some(code));
                        return Err(self.fault(code));
                    }
                    record = back;
                    // The producer's thread takes confirmations; this lets it.
                    producer.poll(Duration::from_millis(1));
                }
            }
        }
    }

    /// Forgets what was not confirmed; the engine sends it again.
    fn start_over(&mut self) {
        self.account = Arc::default();
        self.used = None;
    }

    /// A failure that ends what was appended so far.
    fn fault(&mut self, code: RDKafkaErrorCode) -> ConnectorError {
        let error = self.words(code);
        // It lets nothing in behind what failed, not even where it is certain that the message was refused.
        if let Some(running) = &self.used {
            running.give_up();
        }
        self.start_over();
        error
    }

    fn words(&self, code: RDKafkaErrorCode) -> ConnectorError {
        let (topic, settings) = (&self.topic, &self.shared.settings);
        let doing = format!("a message to topic `{topic}` was not written");
        match code {
            RDKafkaErrorCode::MessageSizeTooLarge | RDKafkaErrorCode::InvalidMessageSize => {
                let message = format!(
                    "Kafka at `{}`: a message to topic `{topic}` is longer than the topic allows",
                    settings.brokers
                );
                ConnectorError::new(ConnectorErrorKind::Other, message)
                    .with_help("raise the topic's `max.message.bytes`, or send less in a message")
            }
            RDKafkaErrorCode::InvalidRecord
            | RDKafkaErrorCode::PolicyViolation
            | RDKafkaErrorCode::InvalidTimestamp => {
                let message = format!(
                    "Kafka at `{}`: topic `{topic}` does not accept a message as it is ({code})",
                    settings.brokers
                );
                ConnectorError::new(ConnectorErrorKind::Other, message)
                    .with_help("a compacted topic needs a key in every message; see what the topic is set to")
            }
            code => match fault::about(code) {
                About::TopicMissing => topics::missing(settings, topic),
                // All else may be over at the next try, with a producer that knows nothing of this one's fate.
                About::Other => ConnectorError::new(
                    ConnectorErrorKind::Unavailable,
                    format!("Kafka at `{}`: {doing} ({code})", settings.brokers),
                )
                .with_help("it is tried again from the last commit"),
                _ => self
                    .shared
                    .trouble
                    .error(settings, &doing)
                    .unwrap_or_else(|| fault::of_code(settings, code, &doing, None)),
            },
        }
    }

    /// That messages were not confirmed in time.
    fn unconfirmed(&mut self) -> ConnectorError {
        let waiting = self.account.outstanding();
        let doing = format!("{waiting} messages to topic `{}` were not confirmed", self.topic);
        let told = self.shared.trouble.error(&self.shared.settings, &doing);
        let error = told
            .unwrap_or_else(|| fault::of_code(&self.shared.settings, RDKafkaErrorCode::MessageTimedOut, &doing, None));
        let _ = self.fault(RDKafkaErrorCode::MessageTimedOut);
        error
    }
}

impl Sink for KafkaSink {
    /// Looks for the topic. There is no position: what was written stays.
    fn open(&mut self, _position: Option<&[u8]>) -> ConnectorResult<()> {
        self.start_over();
        self.shared.settings.check()?;
        topics::written(&self.shared.settings, &self.shared.trouble, &self.topic)
    }

    fn append(&mut self, batch: &OutputBatch) -> ConnectorResult<()> {
        if let Some(code) = self.account.failure() {
            return Err(self.fault(code));
        }
        let running = match &self.used {
            Some(running) => Arc::clone(running),
            None => self.shared.running()?,
        };
        running.begin(&self.shared)?;
        self.used = Some(Arc::clone(&running));
        let until = Instant::now() + self.shared.settings.delivery_timeout;
        let mut placed = batch.placed.iter().peekable();
        for (index, message) in batch.messages().enumerate() {
            let placed = placed.next_if(|placed| placed.message as usize == index);
            self.send(&running, message, (batch.ids.get(index), placed), until)?;
        }
        Ok(())
    }

    /// Waits until every message that this sink appended is confirmed by all replicas in sync.
    fn flush(&mut self) -> ConnectorResult<Vec<u8>> {
        let settled = self.account.settled(Instant::now() + self.shared.settings.delivery_timeout);
        if let Some(code) = self.account.failure() {
            return Err(self.fault(code));
        }
        if !settled {
            return Err(self.unconfirmed());
        }
        self.used = None;
        Ok(Vec::new())
    }

    fn belongs_to_commit(&self) -> bool {
        false
    }

    /// What a transaction holds is void with it; without transactions it stays, and is sent again with the same ids.
    fn forget(&mut self) {
        if self.shared.settings.transactional_id.is_some() {
            // Where nothing was begun, it is as good as new.
            let running = self.shared.running.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if running.is_some_and(|running| running.begun.load(Ordering::Acquire)) {
                KafkaProducer { shared: Arc::clone(&self.shared) }.abandon();
            }
            self.start_over();
        }
    }

    fn wants_ids(&self) -> bool {
        true
    }
}
