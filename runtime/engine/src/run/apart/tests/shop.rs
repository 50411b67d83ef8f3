//! The shop: its orders, the table that they load, and what comes of them.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use nsf_plan::{OnError, document};
use serde_json::Value;

use crate::{
    cell::Cell,
    connector::{
        ConnectorError, ConnectorErrorKind, ConnectorResult, Connectors, Export, Header, Message, OutputBatch, Placed,
        Polled, Position, RawBatch, SharedSource, Sink, Source, StreamRequest,
    },
    dimension::fixture::MemoryStore,
    lookup::{Lookup, LookupMember},
    run::{
        Engine, Options,
        drive::{Begun, Run},
        error::RunError,
        layout,
        retries::with_retries,
        tally::Tally,
        work::Taken,
    },
    store::{Form, Store, StoreBatch, StoreTable},
    table::TableSource,
};

/// What `nsfc compile` wrote of `shop.nsf`.
const PLAN: &str = include_str!("shop.yaml");

/// A record of the orders: its account, its offset, which is its number too, and its time in milliseconds.
pub(super) type Order = (i64, u64, i64);

/// Records of one account.
pub(super) fn records<const N: usize>(account: i64, records: [(u64, i64); N]) -> Vec<Order> {
    records.into_iter().map(|(offset, at)| (account, offset, at)).collect()
}

/// A message as it was sent.
#[derive(Clone)]
struct Sent {
    key: Vec<u8>,
    bytes: Vec<u8>,
    placed: Option<Placed>,
}

/// What is outside of the engine.
#[derive(Clone, Default)]
struct World {
    store: Arc<Rows>,
    away: Arc<AtomicBool>,
    sent: Arc<Mutex<BTreeMap<String, Vec<Sent>>>>,
}

/// The store. Those that write rows as text, as it does, get keys in any order.
#[derive(Default)]
struct Rows(MemoryStore);

impl Store for Rows {
    fn get_many(&self, table: StoreTable, keys: &[&[u8]], found: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        self.0.asked.lock().unwrap().push(keys.len());
        let rows = keys.iter().enumerate().filter_map(|(at, key)| Some((at, self.0.row(table, key)?)));
        rows.for_each(|(at, row)| found(at, &row));
        Ok(())
    }

    fn scan(&self, table: StoreTable, prefix: &[u8], row: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> ConnectorResult<()> {
        self.0.scan(table, prefix, row)
    }

    fn commit(&self, batch: &StoreBatch) -> ConnectorResult<()> {
        self.0.commit(batch)
    }
}

struct Nothing;

impl Source for Nothing {
    fn open(&mut self, _: &[(u32, Position)]) -> ConnectorResult<()> {
        Ok(())
    }

    fn poll(&mut self, _: &mut RawBatch, _: usize) -> ConnectorResult<Polled> {
        Ok(Polled::End)
    }
}

struct Rates(Arc<AtomicBool>);

impl Lookup for Rates {
    fn find(&self, keys: &[Vec<Cell>], found: &mut dyn FnMut(&[u8])) -> ConnectorResult<()> {
        if self.0.load(Ordering::Relaxed) {
            return Err(ConnectorError::new(ConnectorErrorKind::Unavailable, "the server is away"));
        }
        for key in keys {
            let Cell::Integer(account) = key[0] else { panic!("{key:?}") };
            found(format!(r#"{{"account":{account},"factor":1}}"#).as_bytes());
        }
        Ok(())
    }
}

struct Topic(String, Arc<Mutex<BTreeMap<String, Vec<Sent>>>>);

impl Sink for Topic {
    fn open(&mut self, _: Option<&[u8]>) -> ConnectorResult<()> {
        Ok(())
    }

    fn append(&mut self, batch: &OutputBatch) -> ConnectorResult<()> {
        let mut sent = self.1.lock().unwrap();
        let own = sent.entry(self.0.clone()).or_default();
        let (mut start, mut key_start) = (0, 0);
        for (at, &(end, key_end)) in batch.ends.iter().enumerate() {
            own.push(Sent {
                key: batch.keys[key_start..key_end as usize].into(),
                bytes: batch.bytes[start..end as usize - 1].into(),
                placed: batch.placed.iter().find(|placed| placed.message as usize == at).cloned(),
            });
            (start, key_start) = (end as usize, key_end as usize);
        }
        Ok(())
    }

    fn flush(&mut self) -> ConnectorResult<Vec<u8>> {
        Ok(Vec::new())
    }
}

impl Connectors for World {
    fn source(&self, _: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>> {
        Ok(Box::new(Nothing))
    }

    fn shared(&self, requests: &[StreamRequest<'_>], _: &[u32]) -> ConnectorResult<Option<SharedSource>> {
        let streams = (0..requests.len() as u32).map(Some).collect();
        Ok(Some(SharedSource { streams, source: Box::new(Nothing) }))
    }

    fn table(&self, _: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Source>> {
        Err(ConnectorError::new(ConnectorErrorKind::NotFound, "no table is read whole"))
    }

    fn lookup(
        &self,
        _: &StreamRequest<'_>,
        _: &[LookupMember],
        _: &[LookupMember],
    ) -> ConnectorResult<Option<Arc<dyn Lookup>>> {
        Ok(Some(Arc::new(Rates(Arc::clone(&self.away)))))
    }

    fn sink(&self, request: &StreamRequest<'_>) -> ConnectorResult<Box<dyn Sink>> {
        Ok(Box::new(Topic(request.connector.name.clone(), Arc::clone(&self.sent))))
    }

    fn export(&self, _: &[&str]) -> ConnectorResult<Option<Box<dyn Export>>> {
        Ok(None)
    }

    fn store(&self) -> ConnectorResult<Arc<dyn Store>> {
        Ok(Arc::clone(&self.store) as Arc<dyn Store>)
    }

    fn form(&self) -> Form {
        Form::Text
    }
}

/// A worker of the shop.
pub(super) struct Shop {
    world: World,
    run: Run,
    /// How many messages of the retry topic were taken, by partition.
    taken: BTreeMap<u32, usize>,
}

impl Shop {
    /// With such an `on_error`, from nothing.
    pub(super) fn new(on_error: OnError) -> Self {
        Self::start(on_error, World::default(), BTreeMap::new())
    }

    fn start(on_error: OnError, world: World, taken: BTreeMap<u32, usize>) -> Self {
        let mut plan = document::from_text(PLAN).unwrap();
        plan.sources[0].on_error = on_error;
        let options = Options { workers: 1, ..Options::default() };
        let pieces = Engine::build(Arc::new(with_retries(plan)), options, &world);
        let Ok(mut pieces) = pieces else { panic!("the plan is damaged") };
        let mut first = StoreBatch::default();
        layout::check(&mut pieces.core, &pieces.plan, &mut first).unwrap();
        first.sort();
        pieces.core.shared.store.commit(&first).unwrap();
        for stream in 0..2 {
            pieces.core.shared.origins.count(stream, 3, 0);
        }
        let tally = Tally::new(&pieces.core, &pieces.plan);
        let (run, _) = Run::assemble(pieces, Begun { tally, ..Begun::default() });
        Self { world, run, taken }
    }

    /// A fourth partition is added to the source's topic and to the retry topic.
    pub(super) fn add_partition(&self) {
        for stream in 0..2 {
            assert!(self.run.core.shared.origins.count(stream, 4, 0));
        }
    }

    /// Commits, and looks whether a program with such an `on_error` can go on; gives why it cannot.
    pub(super) fn refusal(mut self, on_error: OnError) -> Option<(String, String)> {
        self.commit();
        let mut plan = document::from_text(PLAN).unwrap();
        plan.sources[0].on_error = on_error;
        let pieces = Engine::build(Arc::new(with_retries(plan)), Options::default(), &self.world);
        let Ok(mut pieces) = pieces else { panic!("the plan is damaged") };
        match layout::check(&mut pieces.core, &pieces.plan, &mut StoreBatch::default()) {
            Err(RunError::Connector { error, .. }) => Some((error.message, error.help.unwrap())),
            Err(error) => panic!("{error:?}"),
            Ok(_) => None,
        }
    }

    /// Commits, and goes on with another version of the program.
    pub(super) fn go_on(mut self, on_error: OnError) -> Self {
        self.commit();
        Self::start(on_error, self.world, self.taken)
    }

    fn commit(&mut self) {
        let mut batch = StoreBatch::default();
        let Run { core, lanes, .. } = &mut self.run;
        for lane in lanes {
            for (rows, shape) in lane.states.states.iter_mut().zip(&core.shared.states) {
                rows.collect(shape, batch.table(StoreTable::State));
            }
            lane.scratch.committed.clear();
        }
        batch.sort();
        core.shared.store.commit(&batch).unwrap();
    }

    /// The table does not answer from now on, and what it answered before is not known any more.
    pub(super) fn go_away(&mut self) {
        self.commit();
        self.world.away.store(true, Ordering::Relaxed);
    }

    /// It answers again, and that is known.
    pub(super) fn come_back(&self) {
        self.world.away.store(false, Ordering::Relaxed);
        let TableSource::LookedUp(table) = &self.run.core.shared.tables[0] else { panic!("a table at a server") };
        while !table.answers() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Takes records of a partition.
    pub(super) fn take(&mut self, partition: u32, orders: &[Order]) {
        let mut batch = RawBatch { partition, ..RawBatch::default() };
        for &(account, offset, at) in orders {
            let time = timestamp(at);
            let text = format!(r#"{{"account":{account},"number":{offset},"at":"{time}"}}"#);
            let message = Message { offset, timestamp: Some(at), ..Message::default() };
            push(&mut batch, message, account.to_string().as_bytes(), text.as_bytes(), &[]);
        }
        self.work(0, batch);
    }

    /// Takes what waits in the retry topic until nothing new comes to it.
    pub(super) fn take_waiting(&mut self) {
        while (0..4).any(|partition| self.take_waiting_of(partition)) {}
    }

    /// Takes what is new in a partition of the retry topic; gives whether there was anything.
    pub(super) fn take_waiting_of(&mut self, partition: u32) -> bool {
        let own = self.waiting_in(partition);
        let from = self.taken.insert(partition, own.len()).unwrap_or(0);
        let mut batch = RawBatch { partition, ..RawBatch::default() };
        for (offset, sent) in own.iter().enumerate().skip(from) {
            let headers = sent.placed.as_ref().map_or(&[][..], |placed| &placed.headers);
            let message = Message { offset: offset as u64, ..Message::default() };
            push(&mut batch, message, &sent.key, &sent.bytes, headers);
        }
        let stream = &self.run.core.streams[1];
        for at in 0..batch.messages.len() {
            let first = stream.at_first(&batch, &batch.messages[at]).unwrap().timestamp;
            batch.messages[at].timestamp = first;
        }
        let is_some = !batch.messages.is_empty();
        if is_some {
            self.work(1, batch);
        }
        is_some
    }

    fn waiting_in(&self, partition: u32) -> Vec<Sent> {
        let sent = self.sent("orders.retry");
        sent.into_iter().filter(|sent| sent.placed.as_ref().unwrap().partition == partition).collect()
    }

    /// Makes a message of the retry topic one that cannot be read.
    pub(super) fn spoil(&self, at: usize) {
        self.world.sent.lock().unwrap().get_mut("orders.retry").unwrap()[at].bytes = b"{}".into();
    }

    /// Sends a message of the retry topic there a second time.
    pub(super) fn repeat(&self, at: usize) {
        let mut sent = self.world.sent.lock().unwrap();
        let own = sent.get_mut("orders.retry").unwrap();
        let again = own[at].clone();
        own.push(again);
    }

    fn work(&mut self, stream: usize, batch: RawBatch) {
        let done = self.run.work_laned(&[Taken { stream, batch, header: None }]).unwrap();
        assert!(done.failed.is_empty(), "{:?}", done.failed);
    }

    fn sent(&self, topic: &str) -> Vec<Sent> {
        self.world.sent.lock().unwrap().get(topic).cloned().unwrap_or_default()
    }

    /// What was told of records.
    pub(super) fn told(&self) -> Vec<String> {
        self.sent("told").into_iter().map(|sent| String::from_utf8(sent.bytes).unwrap()).collect()
    }

    /// The accounts whose totals ended.
    pub(super) fn ended(&self) -> Vec<i64> {
        let account = |sent: Sent| {
            let value: Value = serde_json::from_slice(&sent.bytes).unwrap();
            value["account"].as_i64().unwrap()
        };
        self.sent("ended").into_iter().map(account).collect()
    }

    /// Partitions and offsets of rejected records.
    pub(super) fn rejected(&self) -> Vec<(u32, u64)> {
        self.run.rejected.iter().map(|rejection| (rejection.partition, rejection.offset)).collect()
    }

    /// How often the store was asked for rows.
    pub(super) fn asked(&self) -> usize {
        self.world.store.0.asked.lock().unwrap().len()
    }

    fn rows(&mut self, state: &str) -> Vec<(String, Value)> {
        self.commit();
        let rows = self.world.store.0.rows.lock().unwrap();
        let own = rows.iter().filter_map(|((table, key), value)| {
            let key = String::from_utf8(key.clone()).ok().filter(|_| *table == StoreTable::State)?;
            let key = key.strip_prefix(&format!("{state}:"))?.to_owned();
            Some((key, serde_json::from_slice(value).unwrap()))
        });
        own.collect()
    }

    /// The total of an account: its count and its chain.
    pub(super) fn totals(&mut self, account: i64) -> Option<(i64, i64)> {
        let (_, row) = self.rows("shop.totals").into_iter().find(|(key, _)| *key == account.to_string())?;
        Some((row["count"].as_i64().unwrap(), row["chain"].as_i64().unwrap()))
    }

    /// Partitions and offsets of what waits.
    pub(super) fn notes(&mut self) -> Vec<(u32, u64)> {
        let spot = |(key, _): (String, Value)| {
            let (partition, offset) = key.split_once(':').unwrap();
            (partition.parse().unwrap(), offset.parse().unwrap())
        };
        self.rows("shop.orders/waiting").into_iter().map(spot).collect()
    }

    /// The row of a key with records that wait.
    pub(super) fn parked(&mut self, account: i64) -> Option<Value> {
        let rows = self.rows("shop.orders/parked");
        rows.into_iter().find(|(key, _)| *key == account.to_string()).map(|(_, row)| row)
    }
}

/// A time in milliseconds of the first days of 1970, as a text.
fn timestamp(at: i64) -> String {
    let (seconds, milliseconds) = (at / 1_000, at % 1_000);
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
    format!("1970-01-01T{hours:02}:{minutes:02}:{:02}.{milliseconds:03}Z", seconds % 60)
}

fn push(batch: &mut RawBatch, message: Message, key: &[u8], text: &[u8], headers: &[(String, Vec<u8>)]) {
    let mut range = |bytes: &[u8]| {
        let start = batch.bytes.len() as u32;
        batch.bytes.extend_from_slice(bytes);
        (start, batch.bytes.len() as u32)
    };
    let (start, end) = range(text);
    let key = range(key);
    let first = batch.headers.len() as u32;
    let own: Vec<Header> =
        headers.iter().map(|(name, value)| Header { name: range(name.as_bytes()), value: range(value) }).collect();
    batch.headers.extend(own);
    let headers = (first, batch.headers.len() as u32);
    batch.messages.push(Message { start, end, key: Some(key), headers, ..message });
}
