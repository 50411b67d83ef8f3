//! The store.

use std::sync::{Arc, Mutex};

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult},
    store::{Changes, LaneStore, Store, StoreBatch, StoreTable},
};
use redis::Value;

use crate::{
    claims::Claims,
    fault::Failure,
    keys::Keys,
    lane::{Lane, end_window, lanes},
    scan::Group,
    settings::RedisSettings,
    tags::slot,
    topology::Topology,
    watch,
    wire::{Requests, bytes},
};

/// Rows with their keys.
type Rows = Vec<(Vec<u8>, Vec<u8>)>;

/// A store on Redis.
///
/// Each lane has a connection of its own, which is made when the lane is first used. Failures that may pass are
/// [`Kind::Unavailable`]; the next call finds the servers and connects anew by itself.
pub struct RedisStore {
    pub(crate) keys: Keys,
    pub(crate) topology: Arc<Topology>,
    pub(crate) lanes: Vec<Mutex<Lane>>,
    pub(crate) claims: Arc<Claims>,
}

impl RedisStore {
    /// A store; connects to nothing yet. [`crate::check`] tells beforehand whether the servers are fit for it.
    ///
    /// # Errors
    /// Where the settings cannot be used.
    pub fn new(settings: RedisSettings) -> ConnectorResult<Self> {
        let keys = Keys::new(&settings)?;
        let lanes = lanes(keys.lanes());
        let topology = Arc::new(Topology::new(Arc::new(settings)));
        watch::begin(&topology);
        Ok(Self { keys, topology, lanes, claims: Arc::default() })
    }

    /// The same that notes its claims where outputs find them, and shares what it knows of the servers with them.
    #[must_use]
    pub fn with_claims(mut self, claims: Arc<Claims>) -> Self {
        claims.share(&self.topology);
        self.claims = claims;
        self
    }

    /// Reads a table that is one hash.
    fn read_hash(&self, table: StoreTable) -> Result<Rows, Failure> {
        let key = self.keys.table(table.name());
        let mut requests = Requests::default();
        requests.command("HGETALL", &[key.as_bytes()]);
        let reply = self.at_slot(slot(key.as_bytes()), &requests)?.pop();
        let Some(Value::Array(items)) = reply else { return Ok(Vec::new()) };
        let pair = |pair: &[Value]| Some((bytes(&pair[0])?.to_vec(), bytes(&pair[1])?.to_vec()));
        let mut rows: Vec<_> = items.chunks_exact(2).filter_map(pair).collect();
        rows.sort();
        Ok(rows)
    }

    /// Reads rows of a table that is one hash.
    fn read_fields(&self, table: StoreTable, keys: &[&[u8]]) -> Result<Vec<(usize, Vec<u8>)>, Failure> {
        let key = self.keys.table(table.name());
        let mut requests = Requests::default();
        requests.begin("HMGET", 1 + keys.len()).argument(key.as_bytes());
        for key in keys {
            requests.argument(key);
        }
        let Some(Value::Array(items)) = self.at_slot(slot(key.as_bytes()), &requests)?.pop() else {
            return Ok(Vec::new());
        };
        let rows = items.iter().enumerate();
        Ok(rows.filter_map(|(index, row)| bytes(row).map(|row| (index, row.to_vec()))).collect())
    }

    /// Changes rows of a table that is one hash.
    fn write_hash(&self, table: StoreTable, changes: &Changes) -> Result<(), Failure> {
        let key = self.keys.table(table.name());
        let put: Vec<_> = changes.rows().filter_map(|(key, value)| value.map(|value| (key, value))).collect();
        let deleted: Vec<_> = changes.rows().filter(|(_, value)| value.is_none()).map(|(key, _)| key).collect();
        let mut requests = Requests::default();
        // What an earlier user of the connection had under `WATCH` must not void this.
        end_window(&mut requests);
        requests.command("MULTI", &[]);
        if !put.is_empty() {
            requests.begin("HSET", 1 + 2 * put.len()).argument(key.as_bytes());
            for (field, value) in put {
                requests.argument(field).argument(value);
            }
        }
        if !deleted.is_empty() {
            requests.begin("HDEL", 1 + deleted.len()).argument(key.as_bytes());
            for field in deleted {
                requests.argument(field);
            }
        }
        requests.command("EXEC", &[]);
        self.at_slot(slot(key.as_bytes()), &requests).map(|_| ())
    }

    /// Asks the server that holds a slot; once more if it turns out to hold it no longer. What is asked may be done twice.
    fn at_slot(&self, slot: u16, requests: &Requests) -> Result<Vec<Value>, Failure> {
        let attempt = || {
            let node = self.topology.node(slot)?;
            self.reading(&node, |link| {
                let replies = link.ask_all(requests)?;
                // What failed inside a transaction stands inside its answer.
                let inner =
                    replies.iter().filter_map(|reply| if let Value::Array(items) = reply { Some(items) } else { None });
                inner.flatten().try_for_each(|reply| link.accepted(reply))?;
                Ok(replies)
            })
        };
        attempt().or_else(|failure| if failure.passing() { attempt() } else { Err(failure) })
    }

    /// Where rows of a table may lie: of a state in any lane, of a dimension by their keys.
    fn groups<'k>(&self, table: StoreTable, keys: &[&'k [u8]]) -> Vec<Group<'k>> {
        if table == StoreTable::State {
            let lanes = (0..self.lanes.len()).map(|lane| lane as u16);
            let group = |lane| Group {
                slot: self.keys.lane_slot(lane),
                prefix: self.keys.state(lane),
                keys: keys.iter().copied().enumerate().collect(),
            };
            return lanes.map(group).collect();
        }
        let mut tagged: Vec<(usize, usize)> =
            keys.iter().enumerate().map(|(index, key)| (self.keys.dimension_tag(key), index)).collect();
        tagged.sort_unstable();
        let group = |chunk: &[(usize, usize)]| Group {
            slot: self.keys.dimension_slot(chunk[0].0),
            prefix: self.keys.dimension(chunk[0].0),
            keys: chunk.iter().map(|(_, index)| (*index, keys[*index])).collect(),
        };
        tagged.chunk_by(|a, b| a.0 == b.0).map(group).collect()
    }
}

/// What is asked of the store that is only there lane by lane, or not at all.
fn misused(table: StoreTable) -> ConnectorError {
    let message = format!("the table `{}` of a store on Redis is not read or written as a whole", table.name());
    ConnectorError::new(Kind::Other, message).with_help("report it: this is a fault of the runtime")
}

impl Store for RedisStore {
    /// Rows of states are looked for in every lane, since their keys do not tell theirs: this costs as many reads as there
    /// are lanes. Work that knows the lane uses [`LaneStore::load`].
    fn get_many(&self, table: StoreTable, keys: &[&[u8]], found: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        if keys.is_empty() {
            return Ok(());
        }
        let rows = match table {
            StoreTable::Meta | StoreTable::Counters => self.read_fields(table, keys)?,
            StoreTable::State | StoreTable::Dimension => self.fetch(&self.groups(table, keys))?,
            // It keeps none: rejected records go to a topic.
            StoreTable::Rejected => return Ok(()),
            StoreTable::Progress => return Err(misused(table)),
        };
        rows.iter().for_each(|(index, row)| found(*index, row));
        Ok(())
    }

    /// Rows of states and dimensions are found by going through all keys of all servers: for tools, not for work.
    fn scan(&self, table: StoreTable, prefix: &[u8], row: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> ConnectorResult<()> {
        match table {
            StoreTable::Meta | StoreTable::Counters => {
                let rows = self.read_hash(table)?;
                for (key, value) in rows.iter().filter(|(key, _)| key.starts_with(prefix)) {
                    if !row(key, value) {
                        break;
                    }
                }
                Ok(())
            }
            StoreTable::State => self.scan_rows("s", prefix, row),
            StoreTable::Dimension => self.scan_rows("d", prefix, row),
            StoreTable::Rejected => Ok(()),
            StoreTable::Progress => Err(misused(table)),
        }
    }

    /// Only layout, plan and counters are written so, each table at once; everything else changes lane by lane or row by
    /// row.
    fn commit(&self, batch: &StoreBatch) -> ConnectorResult<()> {
        for (table, changes) in batch.tables() {
            if !changes.is_empty() && !matches!(table, StoreTable::Meta | StoreTable::Counters) {
                return Err(misused(table));
            }
        }
        for (table, changes) in batch.tables() {
            if !changes.is_empty() {
                self.write_hash(table, changes)?;
            }
        }
        Ok(())
    }

    fn lanes(&self) -> Option<&dyn LaneStore> {
        Some(self)
    }
}
