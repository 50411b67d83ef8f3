//! Connectors in memory: what a test feeds, what it publishes, and a store that keeps nothing. They outlive a run, so
//! that a run that was stopped can be gone on with.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nsf_plan::connector::Connector;

use crate::{
    cell::Cell,
    connector::{
        ConnectorError, ConnectorErrorKind, ConnectorResult, Connectors, Export, Lookup, LookupMember, Message,
        OutputBatch, Polled, Position, RawBatch, Sink, Source, StreamRequest,
    },
    store::{Store, StoreBatch, StoreTable},
};

/// A message that a test feeds.
#[derive(Clone, Debug)]
pub(super) struct Fed {
    /// Its place among all fed messages: they are read in this order.
    pub order: usize,
    /// Its offset in its stream, from 1.
    pub offset: u64,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its key; empty where it has none.
    pub key: Vec<u8>,
    /// Its own time in milliseconds.
    pub timestamp: Option<i64>,
}

/// Keys and messages of a topic.
pub(super) type Published = Vec<(Vec<u8>, Vec<u8>)>;

#[derive(Default)]
struct Shared {
    feeds: HashMap<String, Vec<Fed>>,
    tables: HashMap<String, Vec<Vec<u8>>>,
    topics: Mutex<HashMap<Connector, Published>>,
    /// Of streams that cannot be read again: how many messages were read of each, by all runs.
    gone: Mutex<HashMap<String, usize>>,
    /// Orders of messages that are still to be read. Each run has its own set: a reader of a run that was stopped may
    /// go on for a moment, and must not take anything from the next.
    waiting: Mutex<Arc<Mutex<BTreeSet<usize>>>>,
}

/// Connectors of one test, over all its runs.
#[derive(Clone)]
pub(super) struct Memory {
    shared: Arc<Shared>,
    store: Arc<MemoryStore>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// Connectors that feed streams by their names and tables by theirs.
    pub(super) fn new(feeds: HashMap<String, Vec<Fed>>, tables: HashMap<String, Vec<Vec<u8>>>) -> Self {
        let shared = Shared { feeds, tables, ..Shared::default() };
        let memory = Self { shared: Arc::new(shared), store: Arc::default() };
        memory.rewind();
        memory
    }

    /// The store.
    pub(super) fn store(&self) -> &MemoryStore {
        &self.store
    }

    /// Everything is read from the start again; streams skip what they are told that they have.
    pub(super) fn rewind(&self) {
        let orders = self.shared.feeds.values().flatten().map(|fed| fed.order);
        *locked(&self.shared.waiting) = Arc::new(Mutex::new(orders.collect()));
    }

    /// What was published to a topic.
    pub(super) fn published(&self, topic: &Connector) -> Published {
        locked(&self.shared.topics).get(topic).cloned().unwrap_or_default()
    }
}

/// A table that gives all its rows, whichever are asked for: the engine takes those that it wants.
struct MemoryTable(Vec<Vec<u8>>);

impl Lookup for MemoryTable {
    fn find(&self, _: &[Vec<Cell>], found: &mut dyn FnMut(&[u8])) -> ConnectorResult<()> {
        self.0.iter().for_each(|row| found(row));
        Ok(())
    }
}

impl Connectors for Memory {
    fn source(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>> {
        let feed = request.names.iter().find_map(|name| self.shared.feeds.get(*name)).cloned().unwrap_or_default();
        let topic = request.written.then(|| request.connector.clone());
        let waiting = Arc::clone(&locked(&self.shared.waiting));
        let shared = Arc::clone(&self.shared);
        // Standard input gives each message once and without an offset, whoever reads it.
        let once = (request.connector.kind == "stdin").then(|| (*request.names.first().unwrap_or(&"")).to_owned());
        Ok(Box::new(MemorySource { shared, waiting, feed, at: 0, given: None, topic, taken: 0, once }))
    }

    fn table(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>> {
        let rows = request.names.iter().find_map(|name| self.shared.tables.get(*name)).cloned().unwrap_or_default();
        let row = |(index, bytes): (usize, Vec<u8>)| Fed {
            order: index,
            offset: index as u64 + 1,
            bytes,
            key: Vec::new(),
            timestamp: None,
        };
        let feed = rows.into_iter().enumerate().map(row).collect();
        // A table's rows wait for nobody.
        let alone = Arc::new(Shared::default());
        let waiting = Arc::default();
        let (topic, once) = (None, None);
        Ok(Box::new(MemorySource { shared: alone, waiting, feed, at: 0, given: None, topic, taken: 0, once }))
    }

    /// Tables of servers are looked up, as outside of tests.
    fn lookup(
        &self,
        request: &StreamRequest<'_>,
        _: &[LookupMember],
        _: &[LookupMember],
    ) -> ConnectorResult<Option<Arc<dyn Lookup>>> {
        if request.connector.kind == "file" {
            return Ok(None);
        }
        let rows = request.names.iter().find_map(|name| self.shared.tables.get(*name)).cloned().unwrap_or_default();
        Ok(Some(Arc::new(MemoryTable(rows))))
    }

    fn sink(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Sink>> {
        Ok(Box::new(MemorySink { shared: Arc::clone(&self.shared), topic: request.connector.clone() }))
    }

    fn export(&self, _: &[&str]) -> ConnectorResult<Option<Box<dyn Export>>> {
        Ok(None)
    }

    fn store(&self) -> ConnectorResult<Arc<dyn Store>> {
        Ok(Arc::clone(&self.store) as Arc<dyn Store>)
    }
}

/// Gives one message a poll, when it is its turn among all streams.
struct MemorySource {
    shared: Arc<Shared>,
    /// The orders that this run has still to read.
    waiting: Arc<Mutex<BTreeSet<usize>>>,
    feed: Vec<Fed>,
    at: usize,
    /// The order of the message given last: the next may be read once this source is polled again, for then the
    /// message has been handed over.
    given: Option<usize>,
    /// The topic that is read behind the feed, where the run writes it.
    topic: Option<Connector>,
    taken: usize,
    /// Its name, where it cannot be read again.
    once: Option<String>,
}

impl MemorySource {
    fn give(&mut self, batch: &mut RawBatch, fed: &Fed) -> Polled {
        batch.bytes.extend_from_slice(&fed.bytes);
        let end = batch.bytes.len() as u32;
        batch.bytes.extend_from_slice(&fed.key);
        let key = (!fed.key.is_empty()).then_some((end, batch.bytes.len() as u32));
        let (offset, timestamp) = (fed.offset, fed.timestamp);
        batch.messages.push(Message { start: 0, end, offset, timestamp, key, oversized: None, ..Message::default() });
        batch.end = Position { next: offset + 1, detail: Vec::new() };
        Polled::Batch
    }

    fn poll_topic(&mut self, batch: &mut RawBatch) -> Polled {
        let Some(topic) = &self.topic else { return Polled::End };
        let found = locked(&self.shared.topics).get(topic).and_then(|messages| messages.get(self.taken)).cloned();
        match found {
            Some((key, bytes)) => {
                self.taken += 1;
                let offset = (self.feed.len() + self.taken) as u64;
                self.give(batch, &Fed { order: 0, offset, bytes, key, timestamp: None })
            }
            None => {
                std::thread::sleep(Duration::from_micros(200));
                Polled::Idle
            }
        }
    }
}

impl Source for MemorySource {
    fn open(&mut self, positions: &[(u32, Position)]) -> ConnectorResult<()> {
        let next = positions.iter().map(|(_, position)| position.next).max().unwrap_or(0);
        let gone = self.once.as_ref().map(|name| locked(&self.shared.gone).get(name).copied().unwrap_or(0));
        let mut waiting = locked(&self.waiting);
        let is_over = |at: usize, fed: &Fed| gone.map_or(fed.offset < next, |gone| at < gone);
        while let Some(fed) = self.feed.get(self.at).filter(|fed| is_over(self.at, fed)) {
            waiting.remove(&fed.order);
            self.at += 1;
        }
        self.taken = next.saturating_sub(self.feed.len() as u64 + 1) as usize;
        Ok(())
    }

    fn poll(&mut self, batch: &mut RawBatch, _: usize) -> ConnectorResult<Polled> {
        if let Some(given) = self.given.take() {
            locked(&self.waiting).remove(&given);
        }
        let Some(mut fed) = self.feed.get(self.at).cloned() else { return Ok(self.poll_topic(batch)) };
        let turn = locked(&self.waiting).first().is_none_or(|first| *first == fed.order);
        if !turn {
            std::thread::sleep(Duration::from_micros(50));
            return Ok(Polled::Idle);
        }
        self.at += 1;
        self.given = Some(fed.order);
        if let Some(name) = &self.once {
            fed.offset = self.at as u64;
            locked(&self.shared.gone).insert(name.clone(), self.at);
        }
        Ok(self.give(batch, &fed))
    }

    fn resumable(&self) -> bool {
        self.once.is_none()
    }
}

struct MemorySink {
    shared: Arc<Shared>,
    topic: Connector,
}

impl Sink for MemorySink {
    fn open(&mut self, position: Option<&[u8]>) -> ConnectorResult<()> {
        if !self.belongs_to_commit() {
            return Ok(());
        }
        let length = position.and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
        locked(&self.shared.topics).entry(self.topic.clone()).or_default().truncate(length as usize);
        Ok(())
    }

    fn append(&mut self, batch: &OutputBatch) -> ConnectorResult<()> {
        let mut topics = locked(&self.shared.topics);
        let messages = topics.entry(self.topic.clone()).or_default();
        messages.extend(batch.messages().map(|(key, message)| (key.to_vec(), message.to_vec())));
        Ok(())
    }

    fn flush(&mut self) -> ConnectorResult<Vec<u8>> {
        let length = locked(&self.shared.topics).get(&self.topic).map_or(0, Vec::len);
        Ok((length as u64).to_le_bytes().to_vec())
    }

    /// What stands on standard output cannot be taken back.
    fn belongs_to_commit(&self) -> bool {
        self.topic.kind != "stdout"
    }
}

/// A store in memory.
#[derive(Default)]
pub(super) struct MemoryStore {
    tables: Mutex<[BTreeMap<Vec<u8>, Vec<u8>>; 6]>,
}

impl MemoryStore {
    /// The row of a key.
    pub(super) fn get(&self, table: StoreTable, key: &[u8]) -> Option<Vec<u8>> {
        locked(&self.tables)[table.index()].get(key).cloned()
    }
}

impl Store for MemoryStore {
    fn get_many(&self, table: StoreTable, keys: &[&[u8]], found: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        let tables = locked(&self.tables);
        for (index, key) in keys.iter().enumerate() {
            if let Some(value) = tables[table.index()].get(*key) {
                found(index, value);
            }
        }
        Ok(())
    }

    fn scan(&self, table: StoreTable, prefix: &[u8], row: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> ConnectorResult<()> {
        let tables = locked(&self.tables);
        for (key, value) in tables[table.index()].range(prefix.to_vec()..) {
            if !key.starts_with(prefix) || !row(key, value) {
                break;
            }
        }
        Ok(())
    }

    fn commit(&self, batch: &StoreBatch) -> ConnectorResult<()> {
        let mut tables = self
            .tables
            .lock()
            .map_err(|_| ConnectorError::new(ConnectorErrorKind::Other, "the test's store was left half-written"))?;
        for (table, changes) in batch.tables() {
            for (key, value) in changes.rows() {
                match value {
                    Some(value) => tables[table.index()].insert(key.to_vec(), value.to_vec()),
                    None => tables[table.index()].remove(key),
                };
            }
        }
        Ok(())
    }
}
