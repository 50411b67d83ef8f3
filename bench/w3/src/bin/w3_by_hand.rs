//! W3 as a Rust expert would write it for speed, without guarantees: one thread reads, folds and writes; rows stay in memory once
//! they were read; what changed goes to Redis in pipelines, in the batches of the product (a second, or 200,000 changed rows); the
//! group's position is committed behind it. A crash counts again or loses, a second program on the same rows corrupts them.

use ahash::AHashMap;
use rdkafka::client::ClientContext;
use rdkafka::config::{ClientConfig, FromClientConfigAndContext};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::{BaseRecord, Producer, ProducerContext, ThreadedProducer};
use serde::Deserialize;
use std::borrow::Cow;
use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use w3::{ORDERS, TOTALS};

/// How long changes are gathered.
const EVERY: Duration = Duration::from_secs(1);

/// How many changed rows are gathered.
const MOST: usize = 200_000;

/// Orders whose rows are read together.
const TOGETHER: usize = 4_000;

/// Rows that one command of Redis reads or writes.
const CHUNK: usize = 1_000;

static STOPPING: AtomicBool = AtomicBool::new(false);

extern "C" fn stop(_signal: libc::c_int) {
    STOPPING.store(true, Ordering::Relaxed);
}

#[derive(Deserialize)]
struct Order<'a> {
    #[serde(borrow)]
    order_id: Cow<'a, str>,
    sent: i64,
    customer: i64,
    #[serde(borrow)]
    kind: Cow<'a, str>,
    amount: i64,
}

#[derive(Clone, Copy, Default, Deserialize)]
struct Account {
    total: i64,
    orders: i64,
    #[serde(skip)]
    changed: bool,
}

struct Deliveries;

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            eprintln!("not delivered: {error}");
        }
    }
}

struct Job {
    redis: redis::Connection,
    prefix: String,
    accounts: AHashMap<i64, Account>,
    changed: Vec<i64>,
    producer: ThreadedProducer<Deliveries>,
    /// Orders whose rows are not yet in memory: id, sent, customer, amount.
    waiting: Vec<(String, i64, i64, i64)>,
    text: Vec<u8>,
}

type Done<T> = Result<T, Box<dyn Error>>;

impl Job {
    /// Takes an order, if it is one that counts.
    fn take(&mut self, payload: &[u8]) -> Done<()> {
        let order: Order<'_> = serde_json::from_slice(payload)?;
        if order.kind == "test" || order.amount < 0 {
            return Ok(());
        }
        // While a customer's first order waits for its row, the next ones find none in memory and wait behind it.
        if self.accounts.contains_key(&order.customer) {
            return self.count(&order.order_id, order.sent, order.customer, order.amount);
        }
        self.waiting.push((order.order_id.into_owned(), order.sent, order.customer, order.amount));
        Ok(())
    }

    fn key(text: &mut Vec<u8>, prefix: &str, customer: i64) {
        text.clear();
        text.extend_from_slice(prefix.as_bytes());
        text.extend_from_slice(itoa::Buffer::new().format(customer).as_bytes());
    }

    /// Reads the rows that the waiting orders need and that are not yet in memory.
    fn load(&mut self) -> Done<()> {
        let mut missing: Vec<i64> = self.waiting.iter().map(|order| order.2).collect();
        missing.retain(|customer| !self.accounts.contains_key(customer));
        missing.sort_unstable();
        missing.dedup();
        for chunk in missing.chunks(CHUNK) {
            let mut command = redis::cmd("MGET");
            for customer in chunk {
                Self::key(&mut self.text, &self.prefix, *customer);
                command.arg(self.text.as_slice());
            }
            let rows: Vec<Option<Vec<u8>>> = command.query(&mut self.redis)?;
            for (customer, row) in chunk.iter().zip(rows) {
                let account = row.map(|row| serde_json::from_slice(&row)).transpose()?.unwrap_or_default();
                self.accounts.insert(*customer, account);
            }
        }
        Ok(())
    }

    /// Works on what waits.
    fn work(&mut self) -> Done<()> {
        self.load()?;
        let mut waiting = std::mem::take(&mut self.waiting);
        for (order_id, sent, customer, amount) in waiting.drain(..) {
            self.count(&order_id, sent, customer, amount)?;
        }
        self.waiting = waiting;
        Ok(())
    }

    /// Adds an order to its account and tells it on.
    fn count(&mut self, order_id: &str, sent: i64, customer: i64, amount: i64) -> Done<()> {
        let account = self.accounts.entry(customer).or_default();
        account.total += amount;
        account.orders += 1;
        if !account.changed {
            account.changed = true;
            self.changed.push(customer);
        }
        let text = &mut self.text;
        text.clear();
        text.extend_from_slice(b"{\"order_id\":");
        serde_json::to_writer(&mut *text, order_id)?;
        let members: [(&[u8], i64); 6] = [
            (b",\"sent\":", sent),
            (b",\"customer\":", customer),
            (b",\"amount\":", amount),
            (b",\"points\":", amount / 100),
            (b",\"total\":", account.total),
            (b",\"orders\":", account.orders),
        ];
        let mut number = itoa::Buffer::new();
        for (name, value) in members {
            text.extend_from_slice(name);
            text.extend_from_slice(number.format(value).as_bytes());
        }
        text.push(b'}');
        let key = number.format(customer);
        let mut record = BaseRecord::to(TOTALS).key(key).payload(text.as_slice());
        while let Err((error, back)) = self.producer.send(record) {
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(error.into());
            }
            record = back;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Writes what changed.
    fn save(&mut self) -> Done<()> {
        self.producer.flush(Duration::from_secs(30))?;
        let (mut key, mut number) = (Vec::new(), itoa::Buffer::new());
        let mut pipeline = redis::pipe();
        for chunk in self.changed.chunks(CHUNK) {
            let command = pipeline.cmd("MSET");
            for customer in chunk {
                let Some(account) = self.accounts.get_mut(customer) else { continue };
                account.changed = false;
                Self::key(&mut key, &self.prefix, *customer);
                command.arg(key.as_slice());
                self.text.clear();
                self.text.extend_from_slice(b"{\"total\":");
                self.text.extend_from_slice(number.format(account.total).as_bytes());
                self.text.extend_from_slice(b",\"orders\":");
                self.text.extend_from_slice(number.format(account.orders).as_bytes());
                self.text.push(b'}');
                command.arg(self.text.as_slice());
            }
            command.ignore();
        }
        if !self.changed.is_empty() {
            pipeline.query::<()>(&mut self.redis)?;
        }
        self.changed.clear();
        Ok(())
    }
}

fn main() -> Done<()> {
    let variable = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not given"));
    let (brokers, run) = (variable("KAFKA_BROKERS")?, variable("RUN")?);
    // SAFETY: the function only sets a flag.
    unsafe {
        libc::signal(libc::SIGTERM, stop as *const () as libc::sighandler_t);
    }
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &brokers)
        .set("group.id", &run)
        .set("enable.auto.commit", "false")
        .set("auto.offset.reset", variable("START")?)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("queued.min.messages", "10000")
        // Otherwise a full queue is looked at again only after a second.
        .set("fetch.queue.backoff.ms", "50")
        .create()?;
    consumer.subscribe(&[ORDERS])?;
    let mut producer = ClientConfig::new();
    producer
        .set("bootstrap.servers", &brokers)
        .set("acks", "1")
        .set("linger.ms", "5")
        .set("compression.type", "lz4")
        .set("partitioner", "murmur2_random")
        .set("queue.buffering.max.messages", "1000000");
    let mut job = Job {
        redis: redis::Client::open(variable("REDIS_URL")?)?.get_connection()?,
        prefix: format!("{run}:s:account:"),
        accounts: AHashMap::new(),
        changed: Vec::new(),
        producer: ThreadedProducer::from_config_and_context(&producer, Deliveries)?,
        waiting: Vec::new(),
        text: Vec::new(),
    };
    let (mut saved, mut any) = (Instant::now(), false);
    while !STOPPING.load(Ordering::Relaxed) {
        // What is there is taken at once; while nothing is, the orders that wait are worked on.
        let wait = if job.waiting.is_empty() { Duration::from_millis(20) } else { Duration::ZERO };
        let message = consumer.poll(wait);
        let idle = message.is_none();
        if let Some(message) = message {
            let message = message?;
            job.take(message.payload().unwrap_or_default())?;
            if !any {
                (any, saved) = (true, Instant::now());
            }
        }
        if idle && !job.waiting.is_empty() || job.waiting.len() >= TOGETHER {
            job.work()?;
        }
        if any && (saved.elapsed() >= EVERY || job.changed.len() >= MOST) {
            job.work()?;
            job.save()?;
            consumer.commit_consumer_state(CommitMode::Async)?;
            any = false;
        }
    }
    job.work()?;
    job.save()?;
    if any {
        consumer.commit_consumer_state(CommitMode::Sync)?;
    }
    Ok(())
}
