//! Rows of dimensions: one table a dimension, or several where its space has shards.
//!
//! A row's truth is `nsf_row`: the JSON of the engine, found by `nsf_key`. The other columns are for readers: keys and
//! fields with their `empty` values filled in, when the row was written, and whether it is deleted (then its fields are
//! null). A value that a column cannot hold is null there: days before year 1 and behind 9999, floats without end.

use std::{collections::HashMap, sync::Arc, thread, time::Duration};

use mysql::{Conn, IsolationLevel, Params, TxOpts, Value, prelude::Queryable};
use nsf_engine::{
    cell::Cell,
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult},
    store::{Changes, row_version},
};
use nsf_plan::{DimensionId, Plan};

use crate::{
    client::Client,
    database::MysqlDatabase,
    fault::{Cause, Failure},
    layout::{DimensionTable, EXPIRES, Layout, Placed},
    names::TableName,
    sweep::Sweeps,
    value::bound,
};

/// The longest key, in bytes.
const LONGEST_KEY: usize = 512;

/// How many rows a transaction writes, and about how many bytes.
const ROWS: usize = 128;
const BYTES: usize = 1024 * 1024;

/// How often a transaction is tried that meets others.
const TRIES: u64 = 12;

/// Dimensions of a plan on MySQL.
pub struct MysqlDimensions {
    pub(crate) client: Arc<Client>,
    pub(crate) layout: Layout,
    pub(crate) sweeps: Arc<Sweeps>,
}

/// A row to write.
#[derive(Clone, Copy)]
struct Row<'r> {
    index: usize,
    key: &'r [u8],
    value: Option<&'r [u8]>,
    expected: u64,
    shard: usize,
}

/// A row as it is stored: its key and its JSON.
type Stored = (Vec<u8>, Vec<u8>);

/// A row with the values of its columns, in the order of the statement that writes it.
type Bound = Vec<Value>;

impl MysqlDatabase {
    /// The dimensions of a plan that `wanted` gives a place; none of the plan's others is touched.
    ///
    /// # Errors
    /// Where names cannot be those of tables or columns.
    pub fn dimensions(
        &self,
        plan: &Plan,
        wanted: &dyn Fn(DimensionId) -> Option<Placed>,
    ) -> ConnectorResult<MysqlDimensions> {
        let layout = Layout::new(plan, &self.client.settings.database, wanted)?;
        Ok(MysqlDimensions { client: Arc::clone(&self.client), layout, sweeps: Arc::default() })
    }
}

impl MysqlDimensions {
    /// Whether a key, or the beginning of keys, is that of one of its dimensions.
    #[must_use]
    pub fn holds(&self, key: &[u8]) -> bool {
        self.layout.of_key(key).is_some()
    }

    /// What the keys of its rows begin with, by dimension.
    pub fn prefixes(&self) -> impl Iterator<Item = &[u8]> {
        self.layout.list.iter().map(|table| table.prefix.as_slice())
    }

    /// What is to be known of the deletion of rows whose time is over.
    #[must_use]
    pub fn sweeps(&self) -> Arc<Sweeps> {
        Arc::clone(&self.sweeps)
    }

    /// The tables with the dimension of each.
    pub(crate) fn tables(&self) -> impl Iterator<Item = (&str, &str)> {
        let list = self.layout.list.iter();
        list.flat_map(|own| own.tables.iter().map(|table| (own.name.as_str(), table.table.as_str())))
    }

    pub(crate) fn table_of(&self, key: &[u8]) -> ConnectorResult<&DimensionTable> {
        self.layout.of_key(key).ok_or_else(|| {
            let message =
                format!("the row `{}` is of no dimension that is kept on MySQL", String::from_utf8_lossy(key));
            ConnectorError::new(Kind::Other, message).with_help("report it: this is a fault of the runtime")
        })
    }

    /// Reads rows; calls `found` with the index of each key that has one.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub fn get_many(&self, keys: &[&[u8]], found: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        let mut places: Vec<(&TableName, &[u8], usize)> = Vec::with_capacity(keys.len());
        for (index, key) in keys.iter().enumerate() {
            let table = self.table_of(key)?;
            places.push((&table.tables[table.shard(key)], key, index));
        }
        places.sort_unstable_by(|a, b| (&a.0.table, a.1).cmp(&(&b.0.table, b.1)));
        let rows = self.client.run(|connection| {
            let mut rows = Vec::new();
            for group in places.chunk_by(|a, b| a.0 == b.0).flat_map(|group| group.chunks(512)) {
                let asked: Vec<&[u8]> = group.iter().map(|(_, key, _)| *key).collect();
                let found = select(connection, group[0].0, &asked, "")?;
                let at = |key: &[u8]| group.binary_search_by(|(_, own, _)| (*own).cmp(key)).ok();
                let place = |key: &[u8]| at(key).map(|at| group[at].2);
                rows.extend(found.into_iter().filter_map(|(key, row)| Some((place(&key)?, row))));
            }
            Ok(rows)
        })?;
        rows.iter().for_each(|(index, row)| found(*index, row));
        Ok(())
    }

    /// Writes rows (sorted), each only if it still is as it was read: see [`nsf_engine::store::LaneStore::swap`].
    ///
    /// # Errors
    /// Where the server does not answer; any of the rows may be written then.
    pub fn swap(&self, rows: &Changes, expected: &[u64]) -> ConnectorResult<Vec<usize>> {
        if rows.len() != expected.len() {
            let message = format!("{} rows of dimensions and {} versions were given", rows.len(), expected.len());
            return Err(ConnectorError::new(Kind::Other, message).with_help("report it: the runtime counts wrongly"));
        }
        let mut by_dimension: Vec<(usize, Row<'_>)> = Vec::with_capacity(rows.len());
        for (index, ((key, value), expected)) in rows.rows().zip(expected.iter().copied()).enumerate() {
            let table = self.table_of(key)?;
            if key.len() > LONGEST_KEY {
                return Err(too_long(table, key));
            }
            let row = Row { index, key, value, expected, shard: table.shard(key) };
            by_dimension.push((table.id.index(), row));
        }
        // In one order everywhere, so that two workers wait for each other as seldom as can be.
        by_dimension.sort_unstable_by(|(a, x), (b, y)| (a, x.shard, x.key).cmp(&(b, y.shard, y.key)));
        let mut changed = Vec::new();
        for group in by_dimension.chunk_by(|(a, x), (b, y)| a == b && x.shard == y.shard) {
            let table = self.table_of(group[0].1.key)?;
            let rows: Vec<Row<'_>> = group.iter().map(|(_, row)| *row).collect();
            let mut rest = rows.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(portion(rest));
                changed.extend(self.swap_portion(table, now)?);
                rest = later;
            }
        }
        self.sweep();
        changed.sort_unstable();
        Ok(changed)
    }

    /// One transaction; again where it meets another.
    fn swap_portion(&self, table: &DimensionTable, rows: &[Row<'_>]) -> ConnectorResult<Vec<usize>> {
        let bound = rows.iter().map(|row| self.bind(table, row)).collect::<ConnectorResult<Vec<Bound>>>()?;
        let mut tries = 0;
        loop {
            tries += 1;
            // Done twice it does no harm: what is written is no longer as it was expected, and the engine reads it anew.
            match self.client.run(|connection| transaction(connection, table, rows, &bound)) {
                Err(Failure { cause: Cause::Conflict, .. }) if tries < TRIES => {
                    // Two that met would meet again if they waited for the same time.
                    let own = row_version(Some(rows[0].key)) % 7;
                    thread::sleep(Duration::from_millis(tries * 3 + own));
                }
                done => return Ok(done?),
            }
        }
    }

    /// The values of a row's columns.
    fn bind(&self, table: &DimensionTable, row: &Row<'_>) -> ConnectorResult<Bound> {
        let Some(bytes) = row.value else { return Ok(Vec::new()) };
        let dimensions = &self.layout.dimensions;
        let unreadable = |error| dimensions.unreadable(table.id, row.key, error);
        let read = dimensions.read_row(table.id, bytes).map_err(unreadable)?;
        let keys = dimensions.read_key(table.id, row.key).unwrap_or_default();
        let fields = if read.exists() { dimensions.values(table.id, &read) } else { Vec::new() };
        let cells = keys.iter().chain(&fields).chain(std::iter::repeat(&Cell::Null));
        let updated = bound(&nsf_plan::Type::Timestamp, "datetime", &Cell::Integer(read.updated));
        let own = [text(row.key), text(bytes), updated, Value::Int(i64::from(!read.exists()))];
        let columns = table.columns.iter().zip(cells).map(|(column, cell)| bound(&column.ty, column.kind, cell));
        // Whole seconds, and not fewer.
        let seconds = Value::UInt(table.keep.div_ceil(1000));
        let expires = table.writes_expiry().then_some(if table.keep == 0 { Value::NULL } else { seconds });
        Ok(own.into_iter().chain(columns).chain(expires).collect())
    }
}

/// How many of the rows one transaction takes.
fn portion(rows: &[Row<'_>]) -> usize {
    let mut bytes = 0;
    let fits = |row: &&Row<'_>| {
        bytes += row.value.map_or(0, <[u8]>::len);
        bytes <= BYTES
    };
    rows.iter().take(ROWS).take_while(fits).count().max(1)
}

fn too_long(table: &DimensionTable, key: &[u8]) -> ConnectorError {
    let shown: String = String::from_utf8_lossy(key).chars().take(60).collect();
    let message = format!(
        "the key of a row of the dimension `{}` is {} bytes long, and MySQL keeps at most {LONGEST_KEY}: it begins with {shown}",
        table.name,
        key.len()
    );
    ConnectorError::new(Kind::Other, message)
        .with_help("reject records with such keys in the program, or keep the dimension in a space on Redis")
}

fn text(bytes: &[u8]) -> Value {
    Value::Bytes(bytes.to_vec())
}

/// Rows of a table by their keys.
fn select(
    connection: &mut impl Queryable,
    table: &TableName,
    keys: &[&[u8]],
    end: &str,
) -> Result<Vec<Stored>, mysql::Error> {
    // Few lengths make few statements: the last key fills up.
    let size = keys.len().next_power_of_two();
    let filled = keys.iter().chain(std::iter::repeat(&keys[keys.len() - 1])).take(size);
    let values = Params::Positional(filled.map(|key| text(key)).collect());
    let places = vec!["?"; size].join(",");
    let statement = format!("SELECT nsf_key, nsf_row FROM {} WHERE nsf_key IN ({places}){end}", table.quoted);
    connection.exec(statement, values)
}

/// Compares and writes rows; gives the indices of those that are not as expected.
fn transaction(
    connection: &mut Conn,
    table: &DimensionTable,
    rows: &[Row<'_>],
    bound: &[Bound],
) -> Result<Vec<usize>, mysql::Error> {
    let name = &table.tables[rows[0].shard];
    // What is not there cannot be locked for sure on all servers: it is put in by an `INSERT` that fails where another
    // came first. So nothing but the rows themselves needs a lock.
    let options = TxOpts::default().set_isolation_level(Some(IsolationLevel::ReadCommitted));
    let mut transaction = connection.start_transaction(options)?;
    let keys: Vec<&[u8]> = rows.iter().map(|row| row.key).collect();
    let current: HashMap<Vec<u8>, Vec<u8>> =
        select(&mut transaction, name, &keys, " ORDER BY nsf_key FOR UPDATE")?.into_iter().collect();
    let version = |row: &Row<'_>| row_version(current.get(row.key).map(Vec::as_slice));
    let (mut changed, mut new, mut known, mut gone) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (row, bound) in rows.iter().zip(bound) {
        match (version(row), row.value) {
            (version, _) if version != row.expected => changed.push(row.index),
            (0, Some(_)) => new.push(bound),
            (0, None) => {}
            (_, Some(_)) => known.push(bound),
            (_, None) => gone.push(text(row.key)),
        }
    }
    insert(&mut transaction, table, name, &new, false)?;
    insert(&mut transaction, table, name, &known, true)?;
    for key in gone {
        transaction.exec_drop(format!("DELETE FROM {} WHERE nsf_key = ?", name.quoted), (key,))?;
    }
    transaction.commit()?;
    Ok(changed)
}

/// Puts rows in, or in the place of those that are there.
fn insert(
    transaction: &mut mysql::Transaction<'_>,
    table: &DimensionTable,
    name: &TableName,
    rows: &[&Bound],
    replaces: bool,
) -> Result<(), mysql::Error> {
    let own = ["nsf_key", "nsf_row", "nsf_updated", "nsf_deleted"].into_iter();
    let expires = table.writes_expiry().then_some(EXPIRES.0);
    let columns = own.chain(table.columns.iter().map(|column| column.quoted.as_str())).chain(expires);
    let columns: Vec<&str> = columns.collect();
    let place = |column: &&str| if *column == EXPIRES.0 { "TIMESTAMPADD(SECOND,?,UTC_TIMESTAMP(3))" } else { "?" };
    let one = format!("({})", columns.iter().map(place).collect::<Vec<&str>>().join(","));
    // A statement has at most 65,535 values.
    let most = (60_000 / columns.len()).max(1);
    let mut rest = rows;
    while !rest.is_empty() {
        // Powers of two make few statements.
        let size = (1 << rest.len().ilog2()).min(1 << most.ilog2());
        let (now, later) = rest.split_at(size);
        let places = vec![one.as_str(); size].join(",");
        let mut statement = format!("INSERT INTO {} ({}) VALUES {places}", name.quoted, columns.join(", "));
        if replaces {
            let set: Vec<String> =
                columns.iter().skip(1).map(|column| format!("{column} = VALUES({column})")).collect();
            statement.push_str(&format!(" ON DUPLICATE KEY UPDATE {}", set.join(", ")));
        }
        let values = now.iter().flat_map(|row| row.iter().cloned()).collect();
        transaction.exec_drop(statement, Params::Positional(values))?;
        rest = later;
    }
    Ok(())
}
