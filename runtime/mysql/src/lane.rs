//! Lanes: rows and progress that change together, for whoever claimed them last.
//!
//! # The connection of a lane
//! What is held of a lane is held over one connection, which its claim makes and nothing else. Where that breaks, all that was
//! claimed over it is lost and claimed anew: the server that answers next may be another one, or the same after a crash, and
//! may lack rows of dimensions that were written since the claim.
//!
//! # Isolation
//! Connections of lanes read what is committed (`READ COMMITTED`): no lock is taken between rows, so that lanes and workers do
//! not wait for one another. A load compares the progress in the same statement that reads the rows, which has one view of
//! both; a save locks the progress first, by `SELECT … FOR UPDATE`, and compares it then.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use mysql::{
    Conn, Params, Value,
    prelude::{FromRow, Queryable as _},
};
use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult},
    store::{Changes, Held, LaneProgress, LaneStore, PartitionName, Saved},
};

use crate::{
    fault::{Cause, failure},
    states,
    store::MysqlStore,
};

/// How many keys are asked for or changed by one statement.
pub(crate) const CHUNK: usize = 512;

/// The largest step by which a claim raises its number.
const LARGEST_STEP: u64 = 1 << 20;

/// How often a transaction is tried that meets others.
const TRIES: u32 = 12;

/// How long it is tried again at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a connection may be idle outside a transaction, in seconds: a day.
const IDLE: u64 = 86_400;

/// How long a statement waits for what another transaction holds, in seconds. It must be less than the client waits.
const LOCK_WAIT: u64 = 7;

/// What a worker has of a lane beside its rows.
#[derive(Default)]
pub(crate) struct Lane {
    pub(crate) connection: Option<Conn>,
    /// What was claimed over the connection, with the number of the claim.
    pub(crate) claimed: HashMap<Arc<PartitionName>, u64>,
    /// When rows whose time is over were last looked for.
    pub(crate) swept: Option<Instant>,
}

impl Lane {
    /// Lets the connection go, and what was held over it.
    pub(crate) fn end(&mut self) {
        self.connection = None;
        self.claimed.clear();
    }
}

/// Why work over a connection stopped.
pub(crate) enum Stop {
    /// The server refused, or the connection broke.
    Server(mysql::Error),
    /// The lane is not as it is held, or what is asked for cannot be.
    Refused(ConnectorError),
}

impl From<mysql::Error> for Stop {
    fn from(error: mysql::Error) -> Self {
        Self::Server(error)
    }
}

impl From<ConnectorError> for Stop {
    fn from(error: ConnectorError) -> Self {
        Self::Refused(error)
    }
}

/// How far a lane is in a partition, as a reading shows it: the number of the claim and the next offset.
pub(crate) type Found = HashMap<Vec<u8>, (u64, Option<u64>)>;

/// A row of a reading: a key and what is there, or a partition's name, its claim and its next offset.
type Read<T> = (Vec<u8>, Option<T>, Option<u64>, Option<u64>);

/// What a reading found: keys with what is there, and how far the lane is.
type Reading<T> = (Vec<(Vec<u8>, T)>, Found);

impl MysqlStore {
    /// A lane, for the one thread that uses it.
    pub(crate) fn lane(&self, number: u16) -> ConnectorResult<MutexGuard<'_, Lane>> {
        let Some(lane) = self.lanes.get(usize::from(number)) else {
            let message = format!("the store on MySQL has {} lanes, and lane {number} was asked for", self.lanes.len());
            return Err(ConnectorError::new(Kind::Other, message).with_help("report it: the runtime counts wrongly"));
        };
        Ok(lane.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Does work over the lane's connection, again where it meets other transactions. What it began is undone where it stops.
    /// Only a claim makes a connection (`connects`).
    pub(crate) fn over<T>(
        &self,
        lane: &mut Lane,
        connects: bool,
        mut work: impl FnMut(&mut Conn, &HashMap<Arc<PartitionName>, u64>) -> Result<T, Stop>,
    ) -> ConnectorResult<T> {
        let (begun, mut tries) = (Instant::now(), 0);
        loop {
            let (mut connection, fresh) = match lane.connection.take() {
                Some(connection) => (connection, false),
                None if connects => {
                    lane.end();
                    (self.connect()?, true)
                }
                None => return Err(self.gone()),
            };
            let (error, cause) = match work(&mut connection, &lane.claimed) {
                Ok(done) => {
                    lane.connection = Some(connection);
                    return Ok(done);
                }
                Err(Stop::Refused(error)) => (error, Cause::Refused),
                Err(Stop::Server(error)) => {
                    let failure = failure(&self.client.settings, &error);
                    (failure.error, failure.cause)
                }
            };
            if !matches!(cause, Cause::Refused | Cause::Conflict) {
                lane.end();
                if connects && !fresh && cause == Cause::Closed {
                    continue;
                }
                return Err(error);
            }
            if connection.query_drop("ROLLBACK").and_then(|()| self.may_idle(&mut connection)).is_err() {
                lane.end();
                return Err(error);
            }
            lane.connection = Some(connection);
            tries += 1;
            if cause != Cause::Conflict || tries >= TRIES || begun.elapsed() > PATIENCE {
                return Err(error);
            }
            // Two that met would meet again if they waited for the same time.
            thread::sleep(Duration::from_millis(u64::from(tries) * 3 + random() % 7));
        }
    }

    fn connect(&self) -> ConnectorResult<Conn> {
        let mut connection = self.client.connect()?;
        let lock_wait = LOCK_WAIT.min((self.client.settings.response_timeout.as_secs() * 2 / 3).max(1));
        let first = connection
            .query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            .and_then(|()| {
                connection
                    .query_drop(format!("SET SESSION innodb_lock_wait_timeout = {lock_wait}, wait_timeout = {IDLE}"))
            })
            .map_err(|error| failure(&self.client.settings, &error));
        first?;
        Ok(connection)
    }

    /// Begins a transaction. The server ends it where its next statement does not come in time: a worker that stands still
    /// must not keep others from its lanes.
    pub(crate) fn begin(&self, connection: &mut Conn) -> Result<(), mysql::Error> {
        let seconds = self.settings.idle_in_transaction.as_secs().max(1);
        connection.query_drop(format!("SET SESSION wait_timeout = {seconds}"))?;
        connection.query_drop("START TRANSACTION")
    }

    /// Ends a transaction.
    pub(crate) fn commit_transaction(&self, connection: &mut Conn) -> Result<(), mysql::Error> {
        connection.query_drop("COMMIT")
    }

    /// Lets a connection be without work for long, behind a transaction.
    pub(crate) fn may_idle(&self, connection: &mut Conn) -> Result<(), mysql::Error> {
        connection.query_drop(format!("SET SESSION wait_timeout = {IDLE}"))
    }

    /// The name of a partition in the table of progress.
    pub(crate) fn name(&self, name: &PartitionName) -> Vec<u8> {
        states::partition(&self.settings.group, name).into_bytes()
    }

    /// Compares what was read of the progress with what is held.
    pub(crate) fn verify(
        &self,
        lane: u16,
        held: &[Held],
        found: &Found,
        claimed: &HashMap<Arc<PartitionName>, u64>,
    ) -> ConnectorResult<()> {
        for held in held {
            let own = found.get(&self.name(&held.name)).copied();
            if own != Some((held.epoch, held.next)) {
                return Err(self.lost(lane, held, own));
            }
            if claimed.get(&held.name) != Some(&held.epoch) {
                return Err(self.gone());
            }
        }
        Ok(())
    }

    /// What is held was claimed over a connection that is not there any more.
    pub(crate) fn gone(&self) -> ConnectorError {
        let node = &self.client.settings.node;
        let message = format!("the connection to MySQL at `{node}` that the lane was claimed over is gone");
        let help = "the lane is claimed anew and its records are read again from where the store stands";
        ConnectorError::new(Kind::Lost, message).with_help(help)
    }

    fn lost(&self, lane: u16, held: &Held, found: Option<(u64, Option<u64>)>) -> ConnectorError {
        let PartitionName { topic, partition, .. } = &*held.name;
        let offset = |next: Option<u64>| next.map_or_else(|| "no offset".to_owned(), |next| format!("offset {next}"));
        let table = &self.tables.progress.table;
        let message = match found {
            Some((epoch, _)) if epoch > held.epoch => {
                format!(
                    "lane {lane} of `{topic}` partition {partition} was claimed by another worker (table `{table}`)"
                )
            }
            Some((epoch, next)) if epoch == held.epoch => format!(
                "lane {lane} of `{topic}` partition {partition} stands at {} in the table `{table}` and was left at {}",
                offset(next),
                offset(held.next)
            ),
            _ => format!(
                "the table `{table}` has lost what was written last: it does not know the claim of lane {lane} of `{topic}` \
                 partition {partition}"
            ),
        };
        let help = "the lane is claimed anew and its records are read again from where the store stands";
        ConnectorError::new(Kind::Lost, message).with_help(help)
    }

    pub(crate) fn damaged(&self) -> ConnectorError {
        let (table, node) = (&self.tables.progress.quoted, &self.client.settings.node);
        let message =
            format!("the table {table} of MySQL at `{node}` is damaged: it holds what this runtime did not write");
        let help = "put back a copy of the tables, or empty those of states to begin anew";
        ConnectorError::new(Kind::Damaged, message).with_help(help)
    }

    /// Reads something of a lane together with its progress, in one statement: both are of one moment. `select` gives a key,
    /// what is there, and two nulls.
    fn read_held<T>(
        &self,
        number: u16,
        held: &[Held],
        connection: &mut Conn,
        (select, values): (&str, Vec<Value>),
    ) -> Result<Reading<T>, Stop>
    where
        Read<T>: FromRow,
    {
        let (mut statement, mut all) = (String::new(), Vec::new());
        if !held.is_empty() {
            let names: Vec<Vec<u8>> = held.iter().map(|held| self.name(&held.name)).collect();
            let size = names.len().next_power_of_two();
            let (table, places) = (&self.tables.progress.quoted, places(size));
            statement = format!(
                "SELECT partition_name, NULL, epoch, next_offset FROM {table} \
                 WHERE lane = ? AND partition_name IN ({places})"
            );
            all.push(number.into());
            all.extend(filled(&names).map(|name| Value::Bytes(name.clone())));
            if !select.is_empty() {
                statement.push_str(" UNION ALL ");
            }
        }
        statement.push_str(select);
        all.extend(values);
        let (mut rows, mut found) = (Vec::new(), Found::new());
        if statement.is_empty() {
            return Ok((rows, found));
        }
        let read: Vec<mysql::Row> = connection.exec(statement, Params::Positional(all))?;
        for row in read {
            let (key, value, epoch, next): Read<T> = mysql::from_row_opt(row).map_err(|_| self.damaged())?;
            match (value, epoch) {
                (_, Some(epoch)) => drop(found.insert(key, (epoch, next))),
                (Some(value), None) => rows.push((key, value)),
                (None, None) => {}
            }
        }
        Ok((rows, found))
    }
}

/// So many places for values.
pub(crate) fn places(number: usize) -> String {
    vec!["?"; number].join(",")
}

/// Values, the last of them repeated up to a power of two: few lengths make few statements.
pub(crate) fn filled<T>(values: &[T]) -> impl Iterator<Item = &T> {
    let size = values.len().next_power_of_two();
    values.iter().chain(std::iter::repeat_n(values, size - values.len()).filter_map(|own| own.last()))
}

/// By how much the number of a claim goes up: one that is made again after the store has gone back is another one.
pub(crate) fn step() -> u64 {
    1 + random() % LARGEST_STEP
}

/// A number that no other worker has drawn.
fn random() -> u64 {
    // The hashers of the standard library begin with random keys.
    RandomState::new().build_hasher().finish()
}

impl LaneStore for MysqlStore {
    fn claim(&self, lane: u16, partitions: &[Arc<PartitionName>]) -> ConnectorResult<Vec<(u64, LaneProgress)>> {
        let mut guard = self.lane(lane)?;
        let claimed = self.over(&mut guard, true, |connection, _| self.claim_all(lane, partitions, connection))?;
        for (name, (epoch, _)) in partitions.iter().zip(&claimed) {
            guard.claimed.insert(Arc::clone(name), *epoch);
        }
        Ok(claimed)
    }

    fn load(
        &self,
        lane: u16,
        held: &[Held],
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, &[u8]),
    ) -> ConnectorResult<()> {
        let mut guard = self.lane(lane)?;
        let table = &self.tables.state.quoted;
        // A lane is looked at even where nothing is read of it.
        let chunks: Vec<&[&[u8]]> = if keys.is_empty() { vec![&[]] } else { keys.chunks(CHUNK).collect() };
        let rows = self.over(&mut guard, false, |connection, claimed| {
            let mut rows = Vec::with_capacity(chunks.len());
            for chunk in &chunks {
                let (mut select, mut values) = (String::new(), Vec::new());
                if !chunk.is_empty() {
                    let places = places(chunk.len().next_power_of_two());
                    select = format!(
                        "SELECT nsf_key, nsf_row, NULL, NULL FROM {table} WHERE lane = ? AND nsf_key IN ({places})"
                    );
                    values.push(lane.into());
                    values.extend(filled(chunk).map(|key| Value::Bytes(key.to_vec())));
                }
                let (own, progress) = self.read_held::<Vec<u8>>(lane, held, connection, (&select, values))?;
                self.verify(lane, held, &progress, claimed)?;
                rows.push(own.into_iter().collect::<HashMap<_, _>>());
            }
            Ok(rows)
        })?;
        for (at, key) in keys.iter().enumerate() {
            if let Some(row) = rows[at / CHUNK].get(*key) {
                found(at, row);
            }
        }
        Ok(())
    }

    fn ends(
        &self,
        lane: u16,
        held: &[Held],
        state: &str,
        partition: u32,
        after: i64,
        most: usize,
    ) -> ConnectorResult<Vec<(i64, Vec<u8>)>> {
        let set = states::ends(&self.settings.group, state, partition).into_bytes();
        let than = if after == i64::MIN { ">=" } else { ">" };
        let select = format!(
            "(SELECT nsf_key, due, NULL, NULL FROM {} WHERE lane = ? AND set_name = ? AND due {than} ? \
             ORDER BY due, nsf_key LIMIT ?)",
            self.tables.ends.quoted
        );
        let values = [lane.into(), Value::Bytes(set), after.into(), (most as u64).into()];
        let mut guard = self.lane(lane)?;
        let rows = self.over(&mut guard, false, |connection, claimed| {
            let (rows, progress) = self.read_held::<i64>(lane, held, connection, (&select, values.to_vec()))?;
            self.verify(lane, held, &progress, claimed)?;
            Ok(rows)
        })?;
        let mut ends: Vec<(i64, Vec<u8>)> = rows.into_iter().map(|(key, due)| (due, key)).collect();
        ends.sort_unstable();
        Ok(ends)
    }

    fn save(&self, lane: u16, held: &[Held], rows: &Changes, progress: &[LaneProgress]) -> Saved {
        match self.try_save(lane, held, rows, progress) {
            Ok(()) => Saved::Applied,
            Err(error) if error.kind == Kind::Lost => Saved::Lost,
            Err(error) => Saved::Unknown(error),
        }
    }

    fn swap(&self, rows: &Changes, expected: &[u64]) -> ConnectorResult<Vec<usize>> {
        match &self.dimensions {
            Some(dimensions) => dimensions.swap(rows, expected),
            None if rows.is_empty() => Ok(Vec::new()),
            None => Err(MysqlStore::no_dimensions()),
        }
    }
}

/// Lanes of a number.
pub(crate) fn lanes(number: u16) -> Vec<Mutex<Lane>> {
    (0..number).map(|_| Mutex::default()).collect()
}
