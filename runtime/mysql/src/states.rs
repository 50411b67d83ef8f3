//! The tables of states: rows, how far lanes have come, when values end, and what the store says of itself.

use mysql::{Conn, Params, prelude::Queryable as _};
use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult},
    store::PartitionName,
};

use crate::{
    names::{self, TableName},
    schema::{self, Columns, text},
    settings::LaneSettings,
};

/// The longest key of a row, in bytes: an index of InnoDB holds 3072 in all.
pub(crate) const LONGEST_KEY: usize = 2048;

/// The longest name of a partition or of a set of ends, in bytes.
pub(crate) const LONGEST_NAME: usize = 512;

/// A column: its name, its definition, and its type without lengths.
type Definition = (&'static str, &'static str, &'static str);

/// Keys are bytes: no collation finds two of them alike, and their order is that of the engine.
const STATE: &[Definition] = &[
    ("lane", "SMALLINT UNSIGNED NOT NULL", "smallint"),
    ("nsf_key", "VARBINARY(2048) NOT NULL", "varbinary"),
    ("nsf_row", "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL", "longtext"),
    ("expires", "DATETIME(3) NULL", "datetime"),
];

const PROGRESS: &[Definition] = &[
    ("lane", "SMALLINT UNSIGNED NOT NULL", "smallint"),
    ("partition_name", "VARBINARY(512) NOT NULL", "varbinary"),
    ("epoch", "BIGINT UNSIGNED NOT NULL", "bigint"),
    ("next_offset", "BIGINT UNSIGNED NULL", "bigint"),
    ("first_offset", "BIGINT UNSIGNED NOT NULL DEFAULT 0", "bigint"),
    ("watermark", "BIGINT NOT NULL DEFAULT 0", "bigint"),
    ("incarnation", "VARBINARY(255) NOT NULL DEFAULT ''", "varbinary"),
    ("plan", "VARBINARY(255) NOT NULL DEFAULT ''", "varbinary"),
    ("marks", "LONGBLOB NULL", "longblob"),
    ("counted", "VARBINARY(255) NOT NULL DEFAULT ''", "varbinary"),
];

const ENDS: &[Definition] = &[
    ("lane", "SMALLINT UNSIGNED NOT NULL", "smallint"),
    ("set_name", "VARBINARY(512) NOT NULL", "varbinary"),
    ("nsf_key", "VARBINARY(2048) NOT NULL", "varbinary"),
    ("due", "BIGINT NOT NULL", "bigint"),
];

const META: &[Definition] = &[
    ("part", "VARBINARY(16) NOT NULL", "varbinary"),
    ("nsf_key", "VARBINARY(1024) NOT NULL", "varbinary"),
    ("content", "LONGBLOB NOT NULL", "longblob"),
];

/// The tables of a namespace.
pub(crate) struct StateTables {
    pub(crate) state: TableName,
    pub(crate) progress: TableName,
    pub(crate) ends: TableName,
    pub(crate) meta: TableName,
}

/// A table as it should be.
pub(crate) struct Wanted<'t> {
    pub(crate) table: &'t TableName,
    columns: &'static [Definition],
    /// The columns of its primary key.
    primary: &'static str,
    /// What stands behind the primary key, with a comma before it.
    further: &'static str,
}

/// A table as it is.
pub(crate) struct Found {
    pub(crate) columns: Columns,
    engine: String,
    /// The columns of its primary key, as [`Wanted::primary`].
    primary: String,
}

impl StateTables {
    /// # Errors
    /// Where the namespace cannot be part of the names of tables.
    pub(crate) fn new(settings: &LaneSettings, database: &str) -> ConnectorResult<Self> {
        let namespace = &settings.namespace;
        let refused = || {
            let message = format!("`{namespace}` cannot be part of the names of tables of MySQL");
            ConnectorError::new(Kind::Changed, message).with_help(
                "write `mysql: { namespace: … }` in the profile: at most 48 letters, digits, `_`, `$` and `-`",
            )
        };
        if namespace.is_empty() || namespace.contains('.') {
            return Err(refused());
        }
        let named = |what: &str| names::table(&format!("nsf_{namespace}_{what}"), database).map_err(|_| refused());
        Ok(Self { state: named("state")?, progress: named("progress")?, ends: named("ends")?, meta: named("meta")? })
    }

    /// All of them as they should be.
    pub(crate) fn wanted(&self) -> [Wanted<'_>; 4] {
        let wanted = |table, columns, primary, further| Wanted { table, columns, primary, further };
        [
            wanted(&self.state, STATE, "lane, nsf_key", ",\n  KEY expires (lane, expires)"),
            wanted(&self.progress, PROGRESS, "lane, partition_name", ""),
            wanted(&self.ends, ENDS, "lane, set_name, nsf_key", ",\n  KEY due (lane, set_name, due)"),
            wanted(&self.meta, META, "part, nsf_key", ""),
        ]
    }
}

impl Wanted<'_> {
    /// The statement that makes it.
    pub(crate) fn create(&self) -> String {
        let columns: Vec<String> =
            self.columns.iter().map(|(name, definition, _)| format!("  {name} {definition}")).collect();
        let (table, columns, primary) = (&self.table.quoted, columns.join(",\n"), self.primary);
        let keys = format!("PRIMARY KEY ({primary}){}", self.further);
        format!("CREATE TABLE {table} (\n{columns},\n  {keys}\n) ENGINE=InnoDB ROW_FORMAT=DYNAMIC")
    }

    /// The statement that adds what is missing.
    pub(crate) fn widen(&self, columns: &Columns) -> Option<String> {
        let missing = self.columns.iter().filter(|(name, ..)| !columns.contains_key(*name));
        let parts: Vec<String> =
            missing.map(|(name, definition, _)| format!("ADD COLUMN {name} {definition}")).collect();
        (!parts.is_empty()).then(|| format!("ALTER TABLE {} {}", self.table.quoted, parts.join(", ")))
    }

    /// What is there and cannot be used: columns of other types, a table without transactions or without its key.
    pub(crate) fn problems(&self, found: &Found) -> Vec<ConnectorError> {
        let Found { columns, engine, primary } = found;
        let table = &self.table.quoted;
        let mut problems = Vec::new();
        for (name, definition, kind) in self.columns {
            if let Some(found) = columns.get(*name).filter(|found| found.kind != *kind) {
                let message = format!(
                    "the column `{name}` of the table {table} (states) is `{}` and must be `{kind}`",
                    found.full
                );
                let help = format!("change it by hand: ALTER TABLE {table} MODIFY COLUMN {name} {definition}");
                problems.push(ConnectorError::new(Kind::NotFound, message).with_help(help));
            }
        }
        if !engine.eq_ignore_ascii_case("innodb") {
            let message = format!(
                "the table {table} is one of the engine {engine}, which has no transactions: states and how far they are would \
                 come apart when the server dies"
            );
            let help = format!("change it by hand: ALTER TABLE {table} ENGINE=InnoDB");
            problems.push(ConnectorError::new(Kind::NotFound, message).with_help(help));
        }
        if primary != self.primary {
            let message = format!(
                "the table {table} (states) must have the primary key ({}), and has {}: two rows of one key would stand there",
                self.primary,
                if primary.is_empty() { "none".to_owned() } else { format!("({primary})") }
            );
            let drop = if primary.is_empty() { "" } else { "DROP PRIMARY KEY, " };
            let help = format!(
                "delete what stands there twice, then change it by hand: ALTER TABLE {table} {drop}ADD PRIMARY KEY ({})",
                self.primary
            );
            problems.push(ConnectorError::new(Kind::NotFound, message).with_help(help));
        }
        problems
    }

    /// Statements that are refused to a user who may not do what a worker does, and change nothing.
    pub(crate) fn tries(&self) -> Vec<(&'static str, String)> {
        let table = &self.table.quoted;
        let names: Vec<&str> = self.columns.iter().map(|(name, ..)| *name).collect();
        let (names, last) = (names.join(", "), self.columns[self.columns.len() - 1].0);
        vec![
            ("SELECT", format!("SELECT {names} FROM {table} WHERE 1 = 0")),
            ("INSERT", format!("INSERT INTO {table} ({names}) SELECT {names} FROM {table} WHERE 1 = 0")),
            ("UPDATE", format!("UPDATE {table} SET {last} = {last} WHERE 1 = 0")),
            ("DELETE", format!("DELETE FROM {table} WHERE 1 = 0")),
        ]
    }
}

/// A table as it is; none where it is not there, or may not be seen.
pub(crate) fn found(connection: &mut Conn, table: &TableName) -> Result<Option<Found>, mysql::Error> {
    let Some(columns) = schema::columns(connection, table)? else { return Ok(None) };
    let names = Params::Positional(vec![text(&table.database), text(&table.table)]);
    let engine: Option<Option<String>> = connection.exec_first(
        "SELECT ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?",
        names.clone(),
    )?;
    let primary: Vec<String> = connection.exec(
        "SELECT COLUMN_NAME FROM information_schema.STATISTICS \
         WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX",
        names,
    )?;
    Ok(Some(Found { columns, engine: engine.flatten().unwrap_or_default(), primary: primary.join(", ") }))
}

/// The name of a partition, as it stands in the table of progress.
pub(crate) fn partition(group: &str, name: &PartitionName) -> String {
    let (group, stream, topic) = (escaped(group), escaped(&name.stream), escaped(&name.topic));
    format!("{group}:{stream}:{topic}:{}", name.partition)
}

/// The name under which it stands when values of a state end that were saved from partitions of a number.
pub(crate) fn ends(group: &str, state: &str, partition: u32) -> String {
    format!("{}:{}:{partition}", escaped(group), escaped(state))
}

/// A name as part of a longer one: `:` and `%` are `%` and their number.
fn escaped(name: &str) -> String {
    name.replace('%', "%25").replace(':', "%3A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_run_into_each_other() {
        let name =
            |stream: &str, topic: &str| PartitionName { stream: stream.into(), topic: topic.into(), partition: 7 };
        assert_eq!(partition("billing", &name("shop.orders", "orders:eu")), "billing:shop.orders:orders%3Aeu:7");
        assert_ne!(partition("g", &name("a:b", "c")), partition("g", &name("a", "b:c")));
        assert_ne!(partition("g", &name("a%3Ab", "c")), partition("g", &name("a:b", "c")));
        assert_eq!(ends("g", "shop.hourly", 7), "g:shop.hourly:7");
    }

    #[test]
    fn namespaces_that_are_no_names_are_refused() {
        let tables = |namespace: &str| StateTables::new(&LaneSettings::new(namespace, "g"), "d");
        assert_eq!(tables("class-room").ok().unwrap().ends.quoted, "`d`.`nsf_class-room_ends`");
        for wrong in ["", "a b", "a`b", "a.b", &"x".repeat(60)] {
            let error = tables(wrong).err().unwrap();
            assert!(error.message.contains("cannot be part of the names of tables"), "{error}");
            assert!(error.help.unwrap().contains("mysql: { namespace: … }"));
        }
    }
}
