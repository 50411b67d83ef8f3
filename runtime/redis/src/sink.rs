//! Outputs in Redis: values of keys, and entries of streams.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use nsf_engine::{
    connector::{ConnectorResult, MessageId, OutputBatch, Sink},
    marks::{ID_HEADER, LANE_HEADER},
};

use crate::{
    claims::Claims,
    fenced::{Content, Item, Writer},
    settings::RedisSettings,
};

/// Bytes that may wait for a flush.
const WAITING: usize = 4 * 1024 * 1024;

/// Keys that a program writes values of: `expand redis("latest:{customer}") { … }`. Each value is a plain text under
/// `<ns>:out:<key>`; the last one of a key stays.
pub struct RedisSink {
    writer: Writer,
    waiting: BTreeMap<Vec<u8>, Item>,
    bytes: usize,
}

impl RedisSink {
    /// Keys in the place of a store; connects to nothing yet. `streams` are the ids of the streams, by whose
    /// numbers [`MessageId::stream`] names them.
    ///
    /// # Errors
    /// Where the settings cannot be used.
    pub fn new(settings: RedisSettings, claims: Arc<Claims>, streams: Vec<String>) -> ConnectorResult<Self> {
        Ok(Self { writer: Writer::new(settings, claims, streams)?, waiting: BTreeMap::new(), bytes: 0 })
    }

    /// Writes what waits. Where that fails nothing waits any more: the engine gives it again.
    fn write(&mut self) -> ConnectorResult<()> {
        let waiting: Vec<Item> = std::mem::take(&mut self.waiting).into_values().collect();
        self.bytes = 0;
        self.writer.write(waiting)
    }
}

impl Sink for RedisSink {
    /// Looks whether a server answers. There is no position: a value stays until the next.
    fn open(&mut self, _position: Option<&[u8]>) -> ConnectorResult<()> {
        self.waiting.clear();
        self.bytes = 0;
        self.writer.open()
    }

    fn append(&mut self, batch: &OutputBatch) -> ConnectorResult<()> {
        for ((key, message), (origin, made)) in batch.messages().zip(self.writer.made_under(batch)) {
            let (key, content) = (self.writer.keys.output(key), Content::Value(message.to_vec()));
            let item = Item { key: key.clone(), content, origin, made };
            self.bytes += item.bytes();
            if let Some(before) = self.waiting.insert(key, item) {
                self.bytes = self.bytes.saturating_sub(before.bytes());
            }
        }
        if self.bytes > WAITING { self.write() } else { Ok(()) }
    }

    fn flush(&mut self) -> ConnectorResult<Vec<u8>> {
        self.write().map(|()| Vec::new())
    }

    fn belongs_to_commit(&self) -> bool {
        false
    }

    fn wants_ids(&self) -> bool {
        true
    }
}

/// A stream that messages are added to: `expand redis_stream("name") { … }`. An entry of `<ns>:stream:<name>` has the fields
/// `nsf-id`, `nsf-lane` where it comes in order with others, `key` where the message has one, and `value`.
pub struct RedisStreamSink {
    writer: Writer,
    key: Vec<u8>,
    group: String,
    waiting: Vec<Item>,
    /// Where each message waits: one that is given again after a fault elsewhere is added once.
    places: HashMap<MessageId, usize>,
    bytes: usize,
}

impl RedisStreamSink {
    /// A stream in the place of a store; connects to nothing yet.
    ///
    /// # Errors
    /// As [`RedisSink::new`].
    pub fn new(
        settings: RedisSettings,
        claims: Arc<Claims>,
        streams: Vec<String>,
        name: &str,
    ) -> ConnectorResult<Self> {
        let group = settings.group.clone();
        let writer = Writer::new(settings, claims, streams)?;
        Ok(Self { key: writer.keys.stream(name), writer, group, waiting: Vec::new(), places: HashMap::new(), bytes: 0 })
    }

    fn write(&mut self) -> ConnectorResult<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.places.clear();
        self.bytes = 0;
        self.writer.write(waiting)
    }
}

impl Sink for RedisStreamSink {
    /// Looks whether a server answers. There is no position: what was added stays.
    fn open(&mut self, _position: Option<&[u8]>) -> ConnectorResult<()> {
        self.waiting.clear();
        self.places.clear();
        self.bytes = 0;
        self.writer.open()
    }

    fn append(&mut self, batch: &OutputBatch) -> ConnectorResult<()> {
        for ((key, message), (origin, made)) in batch.messages().zip(self.writer.made_under(batch)) {
            let mut id = Vec::new();
            origin.write(&self.group, &mut id);
            let mut fields = vec![(ID_HEADER, id)];
            let mut lane = Vec::new();
            origin.write_lane(&mut lane);
            if !lane.is_empty() {
                fields.push((LANE_HEADER, lane));
            }
            if !key.is_empty() {
                fields.push(("key", key.to_vec()));
            }
            fields.push(("value", message.to_vec()));
            let item = Item { key: self.key.clone(), content: Content::Entry(fields), origin, made };
            self.bytes += item.bytes();
            match self.places.get(&origin) {
                Some(at) => self.waiting[*at] = item,
                None => {
                    self.places.insert(origin, self.waiting.len());
                    self.waiting.push(item);
                }
            }
        }
        if self.bytes > WAITING { self.write() } else { Ok(()) }
    }

    fn flush(&mut self) -> ConnectorResult<Vec<u8>> {
        self.write().map(|()| Vec::new())
    }

    fn belongs_to_commit(&self) -> bool {
        false
    }

    fn wants_ids(&self) -> bool {
        true
    }
}
