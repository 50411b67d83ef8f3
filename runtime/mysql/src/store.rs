//! The store of states, and of the dimensions beside them.

use std::sync::{Arc, Mutex};

use mysql::{Params, Value, prelude::Queryable as _};
use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult},
    store::{Changes, LaneStore, Store, StoreBatch, StoreTable},
};

use crate::{
    client::Client,
    database::MysqlDatabase,
    dimension::MysqlDimensions,
    lane::{CHUNK, Lane, filled, lanes, places},
    migrate::{self, Migration, Statement},
    scan::{Cursor, merged},
    settings::LaneSettings,
    states::{self, StateTables},
};

/// A store on MySQL: lanes, progress, what the store says of itself, and dimensions where a plan has some.
///
/// Each lane has a connection of its own, which is made when the lane is claimed.
pub struct MysqlStore {
    pub(crate) client: Arc<Client>,
    pub(crate) settings: LaneSettings,
    pub(crate) tables: StateTables,
    pub(crate) lanes: Vec<Mutex<Lane>>,
    pub(crate) dimensions: Option<MysqlDimensions>,
}

impl MysqlDatabase {
    /// A store of states, with the dimensions that are kept there too; connects to nothing yet.
    ///
    /// # Errors
    /// Where the settings cannot be used, or a dimension would have a table of the states.
    pub fn store(&self, settings: LaneSettings, dimensions: Option<MysqlDimensions>) -> ConnectorResult<MysqlStore> {
        let tables = StateTables::new(&settings, &self.client.settings.database)?;
        let is_own = |table: &str| tables.wanted().iter().any(|own| own.table.table.eq_ignore_ascii_case(table));
        let mut taken = dimensions.iter().flat_map(MysqlDimensions::tables);
        if let Some((dimension, table)) = taken.find(|(_, table)| is_own(table)) {
            let message = format!("the dimension `{dimension}` and the states would have one table, `{table}`");
            return Err(ConnectorError::new(Kind::Changed, message)
                .with_help("write another `mysql: { namespace: … }` in the profile"));
        }
        drop(taken);
        let lanes = lanes(settings.lanes);
        Ok(MysqlStore { client: Arc::clone(&self.client), settings, tables, lanes, dimensions })
    }
}

impl MysqlStore {
    /// Compares the tables with what is needed, those of dimensions too; changes nothing.
    ///
    /// # Errors
    /// Where the server is not reached.
    pub fn migration(&self) -> ConnectorResult<Migration> {
        let mut migration = Migration::default();
        for wanted in self.tables.wanted() {
            let found = self.client.run(|connection| states::found(connection, wanted.table))?;
            let statement = |sql| Statement { of: "states".to_owned(), table: wanted.table.table.clone(), sql };
            match found {
                None => migration.statements.push(statement(wanted.create())),
                Some(found) => {
                    migration.statements.extend(wanted.widen(&found.columns).map(statement));
                    migration.problems.extend(wanted.problems(&found));
                }
            }
        }
        if let Some(dimensions) = &self.dimensions {
            let own = dimensions.migration()?;
            migration.statements.extend(own.statements);
            migration.problems.extend(own.problems);
        }
        Ok(migration)
    }

    /// Runs statements one after the other. Those that were run stand where a later one fails.
    ///
    /// # Errors
    /// Where one is refused.
    pub fn apply(&self, statements: &[Statement]) -> ConnectorResult<()> {
        migrate::apply(&self.client, statements)
    }

    /// Whether the tables are there as they must be, and whether the user may read and write those of states.
    ///
    /// # Errors
    /// Where the server is not reached, a table is missing or is another, or a right is missing.
    pub fn check(&self) -> ConnectorResult<()> {
        migrate::complete(&self.client, "states and dimensions", self.migration()?)?;
        for wanted in self.tables.wanted() {
            for (right, statement) in wanted.tries() {
                self.client.run(|connection| connection.query_drop(&statement)).map_err(|failure| {
                    if failure.error.kind != Kind::Permission {
                        return failure.error;
                    }
                    let user = &self.client.settings.user;
                    let message = format!(
                        "the user `{user}` may not {right} at the table {} of MySQL at `{}`, where states are kept",
                        wanted.table.quoted, self.client.settings.node
                    );
                    let table = &wanted.table.quoted;
                    let help =
                        format!("give it at the server: GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO '{user}'");
                    ConnectorError::new(Kind::Permission, message).with_help(help)
                })?;
            }
        }
        self.dimensions.as_ref().map_or(Ok(()), MysqlDimensions::may_sweep)
    }

    /// What a person should know of the server: settings that let it lose what it has confirmed.
    ///
    /// # Errors
    /// Where the server is not reached.
    pub fn notes(&self) -> ConnectorResult<Vec<String>> {
        let found: Vec<(String, String)> = self.client.run(|connection| {
            connection.query(
                "SHOW VARIABLES WHERE Variable_name IN ('innodb_flush_log_at_trx_commit', 'log_bin', 'sync_binlog')",
            )
        })?;
        // What is confirmed with a binary log is whole again after a crash only as far as that was written.
        let logs = found.iter().any(|(name, value)| name == "log_bin" && value == "ON");
        let counts = |name: &str| name == "innodb_flush_log_at_trx_commit" || (logs && name == "sync_binlog");
        let careless = found.iter().filter(|(name, value)| counts(name) && value != "1").map(|(name, value)| {
            format!(
                "MySQL at `{}` has `{name} = {value}`: when its machine dies it may forget what it confirmed last; records \
                 are then read again from where its tables stand, and who reads them meanwhile sees them go back",
                self.client.settings.node
            )
        });
        Ok(careless.collect())
    }

    /// The dimensions, if any are kept there.
    #[must_use]
    pub const fn dimensions(&self) -> Option<&MysqlDimensions> {
        self.dimensions.as_ref()
    }

    pub(crate) fn no_dimensions() -> ConnectorError {
        let message = "a row of a dimension was to be written, and none is kept on MySQL";
        ConnectorError::new(Kind::Other, message).with_help("report it: this is a fault of the runtime")
    }

    /// Rows of a part of what the store says of itself, in order.
    fn read_meta(&self, table: StoreTable) -> ConnectorResult<Vec<(Vec<u8>, Vec<u8>)>> {
        let statement =
            format!("SELECT nsf_key, content FROM {} WHERE part = ? ORDER BY nsf_key", self.tables.meta.quoted);
        Ok(self.client.run(|connection| connection.exec(&statement, (table.name(),)))?)
    }

    fn write_meta(&self, batch: &StoreBatch) -> ConnectorResult<()> {
        let table = &self.tables.meta.quoted;
        // Done twice it is as done once.
        let done = self.client.run(|connection| {
            let mut transaction = connection.start_transaction(mysql::TxOpts::default())?;
            for (part, changes) in batch.tables() {
                for (key, value) in changes.rows() {
                    match value {
                        Some(value) => transaction.exec_drop(
                            format!(
                                "INSERT INTO {table} (part, nsf_key, content) VALUES (?, ?, ?) \
                                 ON DUPLICATE KEY UPDATE content = VALUES(content)"
                            ),
                            (part.name(), key, value),
                        )?,
                        None => transaction.exec_drop(
                            format!("DELETE FROM {table} WHERE part = ? AND nsf_key = ?"),
                            (part.name(), key),
                        )?,
                    }
                }
            }
            transaction.commit()
        });
        Ok(done?)
    }

    /// Rows of states by their keys, wherever they are.
    fn read_states(&self, keys: &[&[u8]], found: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        let table = &self.tables.state.quoted;
        let lanes: Vec<u16> = (0..self.settings.lanes).collect();
        for (at, chunk) in keys.chunks(CHUNK).enumerate() {
            let statement = format!(
                "SELECT nsf_key, nsf_row FROM {table} WHERE lane IN ({}) AND nsf_key IN ({})",
                places(lanes.len()),
                places(chunk.len().next_power_of_two())
            );
            let values = lanes.iter().map(|lane| (*lane).into());
            let values: Vec<Value> = values.chain(filled(chunk).map(|key| Value::Bytes(key.to_vec()))).collect();
            let rows: Vec<(Vec<u8>, Vec<u8>)> =
                self.client.run(|connection| connection.exec(&statement, Params::Positional(values.clone())))?;
            for (index, key) in chunk.iter().enumerate() {
                rows.iter().filter(|(own, _)| own == key).for_each(|(_, row)| found(at * CHUNK + index, row));
            }
        }
        Ok(())
    }
}

/// What is asked of the store that is only there lane by lane, or not at all.
fn misused(table: StoreTable) -> ConnectorError {
    let message = format!("the table `{}` of a store on MySQL is not read or written as a whole", table.name());
    ConnectorError::new(Kind::Other, message).with_help("report it: this is a fault of the runtime")
}

impl Store for MysqlStore {
    /// Rows of states are looked for in every lane, since their keys do not tell theirs. Work that knows the lane uses
    /// [`LaneStore::load`].
    fn get_many(&self, table: StoreTable, keys: &[&[u8]], found: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        if keys.is_empty() {
            return Ok(());
        }
        match table {
            StoreTable::Meta | StoreTable::Counters => {
                let rows = self.read_meta(table)?;
                for (index, key) in keys.iter().enumerate() {
                    rows.iter().filter(|(own, _)| own == key).for_each(|(_, value)| found(index, value));
                }
                Ok(())
            }
            StoreTable::State => self.read_states(keys, found),
            StoreTable::Dimension => match &self.dimensions {
                Some(dimensions) => dimensions.get_many(keys, found),
                None => Ok(()),
            },
            // It keeps none: rejected records go to a topic.
            StoreTable::Rejected => Ok(()),
            StoreTable::Progress => Err(misused(table)),
        }
    }

    fn scan(&self, table: StoreTable, prefix: &[u8], row: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> ConnectorResult<()> {
        self.scan_from(table, prefix, prefix, row)
    }

    fn scan_from(
        &self,
        table: StoreTable,
        prefix: &[u8],
        from: &[u8],
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> ConnectorResult<()> {
        match table {
            StoreTable::Meta | StoreTable::Counters => {
                let rows = self.read_meta(table)?;
                let wanted = rows.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_slice() >= from);
                let _ = { wanted }.all(|(key, value)| row(key, value));
                Ok(())
            }
            StoreTable::State => {
                let lanes = 0..self.settings.lanes;
                let cursors = lanes.map(|lane| Cursor::of(&self.tables.state, Some(lane), from.max(prefix)));
                merged(&self.client, cursors.collect(), prefix, row)
            }
            StoreTable::Dimension => match &self.dimensions {
                Some(dimensions) => dimensions.scan_from(prefix, from, row),
                None => Ok(()),
            },
            StoreTable::Rejected => Ok(()),
            StoreTable::Progress => Err(misused(table)),
        }
    }

    /// Only layout, plan and counters are written so; everything else changes lane by lane or row by row.
    fn commit(&self, batch: &StoreBatch) -> ConnectorResult<()> {
        let is_whole = |table| matches!(table, StoreTable::Meta | StoreTable::Counters);
        let wrong = batch.tables().find(|(table, changes)| !changes.is_empty() && !is_whole(*table));
        match wrong.map(|(table, _): (StoreTable, &Changes)| table) {
            Some(table) => Err(misused(table)),
            None => self.write_meta(batch),
        }
    }

    fn lanes(&self) -> Option<&dyn LaneStore> {
        Some(self)
    }
}
