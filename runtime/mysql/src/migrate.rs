//! The tables of dimensions: what is missing, and the SQL that makes it. Nothing is ever deleted.

use std::sync::atomic::Ordering;

use mysql::prelude::Queryable as _;
use nsf_engine::connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult};

use crate::{
    client::Client,
    column::Family,
    dimension::MysqlDimensions,
    layout::{DimensionTable, EXPIRES},
    names::TableName,
    schema::{self, Columns, folded},
};

/// A statement that makes or widens a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Whose table it is: `dimension NAME`, or `states`.
    pub of: String,
    /// The table.
    pub table: String,
    /// The SQL, without a semicolon.
    pub sql: String,
}

/// What there is for the dimensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migration {
    /// What would make or widen the tables; nothing where all is there.
    pub statements: Vec<Statement>,
    /// What cannot be mended by adding: columns of another type.
    pub problems: Vec<ConnectorError>,
}

impl MysqlDimensions {
    /// Compares the tables with the plan; changes nothing.
    ///
    /// # Errors
    /// Where the server is not reached.
    pub fn migration(&self) -> ConnectorResult<Migration> {
        let mut migration = Migration::default();
        for own in &self.layout.list {
            for table in &own.tables {
                let columns = self.client.run(|connection| schema::columns(connection, table))?;
                let statement =
                    |sql| Statement { of: format!("dimension {}", own.name), table: table.table.clone(), sql };
                match columns {
                    None => migration.statements.push(statement(create(own, table))),
                    Some(columns) => {
                        if own.keep == 0 && columns.contains_key(EXPIRES.0) {
                            own.kept_before.store(true, Ordering::Relaxed);
                        }
                        migration.statements.extend(widen(own, table, &columns).map(statement));
                        migration.problems.extend(others(own, table, &columns));
                    }
                }
            }
        }
        Ok(migration)
    }

    /// Runs statements one after the other. Those that were run stand where a later one fails.
    ///
    /// # Errors
    /// Where one is refused.
    pub fn apply(&self, statements: &[Statement]) -> ConnectorResult<()> {
        apply(&self.client, statements)
    }

    /// Whether the tables are as the plan needs them, and rows may be deleted where their space keeps them for a time.
    ///
    /// # Errors
    /// Where the server is not reached, or something is missing or is another.
    pub fn check(&self) -> ConnectorResult<()> {
        complete(&self.client, "dimensions", self.migration()?)?;
        self.may_sweep()
    }
}

/// Runs statements one after the other.
pub(crate) fn apply(client: &Client, statements: &[Statement]) -> ConnectorResult<()> {
    for statement in statements {
        let done = client.run(|connection| connection.query_drop(&statement.sql));
        done.map_err(|failure| {
            let message = format!("the table `{}` cannot be changed: {}", statement.table, failure.error.message);
            ConnectorError { message, ..failure.error }
        })?;
    }
    Ok(())
}

/// Refuses where something is missing or cannot be used. `of` is whose tables these are.
pub(crate) fn complete(client: &Client, of: &str, migration: Migration) -> ConnectorResult<()> {
    if let Some(problem) = migration.problems.into_iter().next() {
        return Err(problem);
    }
    let Some(first) = migration.statements.first() else { return Ok(()) };
    let node = &client.settings.node;
    let tables: Vec<String> = migration.statements.iter().map(|statement| format!("`{}`", statement.table)).collect();
    let message = format!(
        "MySQL at `{node}` lacks tables or columns of {of} in the database `{}`, or the user `{}` may not see them: {}",
        client.settings.database,
        client.settings.user,
        tables.join(", ")
    );
    let help = format!("make them with `nsflow migrate PLAN --apply`, which begins with: {}", first.sql);
    Err(ConnectorError::new(Kind::NotFound, message).with_help(help))
}

fn create(own: &DimensionTable, table: &TableName) -> String {
    let mut parts: Vec<String> =
        own.columns.iter().map(|column| format!("{} {}", column.quoted, column.definition)).collect();
    parts.extend(own.own().map(|(name, definition, _)| format!("{name} {definition}")));
    parts.push("PRIMARY KEY (nsf_key)".to_owned());
    parts.extend((own.keep > 0).then(|| format!("KEY ({})", EXPIRES.0)));
    format!("CREATE TABLE {} (\n  {}\n) DEFAULT CHARACTER SET utf8mb4", table.quoted, parts.join(",\n  "))
}

/// The statement that adds what is missing.
fn widen(own: &DimensionTable, table: &TableName, columns: &Columns) -> Option<String> {
    let of_fields = own.columns.iter().filter(|column| !columns.contains_key(&folded(&column.name)));
    let of_fields = of_fields.map(|column| {
        // Rows that are there have no value for a new column, a key's among them.
        format!("ADD COLUMN {} {}", column.quoted, column.definition.replace(" NOT NULL", " NULL"))
    });
    let of_own = own.own().filter(|(name, ..)| !columns.contains_key(*name));
    let of_own = of_own.map(|(name, definition, _)| {
        let key = if name == EXPIRES.0 { format!(", ADD KEY ({name})") } else { String::new() };
        format!("ADD COLUMN {name} {definition}{key}")
    });
    let parts: Vec<String> = of_fields.chain(of_own).collect();
    (!parts.is_empty()).then(|| format!("ALTER TABLE {} {}", table.quoted, parts.join(", ")))
}

/// Columns of another type than the plan needs.
fn others(own: &DimensionTable, table: &TableName, columns: &Columns) -> Vec<ConnectorError> {
    let wrong = |name: &str, full: &str, needs: &str, definition: &str| {
        let message = format!(
            "the column `{name}` of the table {} (dimension `{}`) is `{full}`, which does not hold every `{needs}`",
            table.quoted, own.name
        );
        let help = format!("change it by hand: ALTER TABLE {} MODIFY COLUMN `{name}` {definition}", table.quoted);
        ConnectorError::new(Kind::NotFound, message).with_help(help)
    };
    let mut problems = Vec::new();
    for column in &own.columns {
        if let Some(found) =
            columns.get(&folded(&column.name)).filter(|found| !Family::of(&column.ty).writes(&found.kind, &found.full))
        {
            problems.push(wrong(&found.name, &found.full, &column.ty.to_string(), &column.definition));
        }
    }
    for (name, definition, kind) in own.own() {
        if let Some(found) = columns.get(name).filter(|found| found.kind != kind) {
            problems.push(wrong(name, &found.full, kind, definition));
        }
    }
    problems
}
