//! Names of tables and columns: only those that cannot be anything else in a statement.

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind, ConnectorResult};

/// The longest name that servers take, in characters.
const LONGEST: usize = 64;

/// A name in backquotes: letters, digits, `_`, `$` and inner `-` and blanks of any script, none of which ends a quoted name.
///
/// # Errors
/// Where it is no such name.
pub(crate) fn quoted(name: &str, what: &str) -> ConnectorResult<String> {
    let plain = |character: char| {
        // Servers take no character behind the first 65,536 in names.
        (character.is_alphanumeric() && u32::from(character) < 0x1_0000) || matches!(character, '_' | '$' | '-')
    };
    if !name.is_empty() && name.chars().count() <= LONGEST && name.chars().all(plain) {
        return Ok(format!("`{name}`"));
    }
    let message = format!("`{name}` cannot be the name of a {what} of MySQL");
    let help = format!("use at most {LONGEST} letters, digits, `_`, `$` and `-`");
    Err(ConnectorError::new(ConnectorErrorKind::Changed, message).with_help(help))
}

/// `database.table` or `table` as it stands in a program: its parts, and both in backquotes.
///
/// # Errors
/// Where it is no such name.
pub(crate) fn table(name: &str, database: &str) -> ConnectorResult<TableName> {
    let (database, table) = name.split_once('.').unwrap_or((database, name));
    let quoted = format!("{}.{}", quoted(database, "database")?, quoted(table, "table")?);
    Ok(TableName { database: database.to_owned(), table: table.to_owned(), quoted })
}

/// The name of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableName {
    pub(crate) database: String,
    pub(crate) table: String,
    /// As it stands in statements.
    pub(crate) quoted: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_end_their_quotes_are_refused() {
        for wrong in ["", "a`b", "a b", "a;b", "a\0", "a.b", &"x".repeat(65), "a\u{1F600}"] {
            assert!(quoted(wrong, "table").is_err(), "{wrong}");
        }
        assert_eq!(quoted("班级_$-1", "table").ok().as_deref(), Some("`班级_$-1`"));
    }

    #[test]
    fn a_table_may_name_its_database() {
        assert_eq!(table("shop.plan", "d").ok().map(|name| name.quoted).as_deref(), Some("`shop`.`plan`"));
        assert_eq!(table("plan", "d").ok().map(|name| name.quoted).as_deref(), Some("`d`.`plan`"));
        assert!(table("a.b.c", "d").is_err());
    }
}
