//! What tables there are, from `information_schema`.

use std::collections::HashMap;

use mysql::{Conn, Params, Value, prelude::Queryable as _};

use crate::names::TableName;

/// A column as the server describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its name as the server writes it.
    pub(crate) name: String,
    /// Its kind without lengths: `varchar`.
    pub(crate) kind: String,
    /// Its type in full: `varchar(20)`.
    pub(crate) full: String,
}

/// The columns of a table by their names in lower case, since servers do not tell the cases apart.
pub(crate) type Columns = HashMap<String, Column>;

/// A name as it is compared with those of columns.
pub(crate) fn folded(name: &str) -> String {
    name.to_lowercase()
}

/// The columns of a table; none where it is not there, or may not be seen.
pub(crate) fn columns(connection: &mut Conn, table: &TableName) -> Result<Option<Columns>, mysql::Error> {
    let names = Params::Positional(vec![text(&table.database), text(&table.table)]);
    let found: Vec<(String, String, String)> = connection.exec(
        "SELECT COLUMN_NAME, DATA_TYPE, COLUMN_TYPE FROM information_schema.COLUMNS \
         WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?",
        names,
    )?;
    let column = |(name, kind, full): (String, String, String)| {
        (folded(&name), Column { name, kind: kind.to_lowercase(), full: full.to_lowercase() })
    };
    Ok((!found.is_empty()).then(|| found.into_iter().map(column).collect()))
}

/// A text as a bound value.
pub(crate) fn text(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}
