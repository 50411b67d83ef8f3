//! Types of the language and columns of tables.
//!
//! | type | column of a dimension | columns of a table that is looked up |
//! | --- | --- | --- |
//! | `bool` | `TINYINT(1)` | whole numbers (0 is false), `BIT` |
//! | `int8` … `int64` | `BIGINT` | whole numbers, `YEAR`, `BIT` |
//! | `uint8` … `uint64` | `BIGINT UNSIGNED` | the same |
//! | `decimal` | `DECIMAL(56,28)` | `DECIMAL`, whole numbers |
//! | `float32`, `float64` | `FLOAT`, `DOUBLE` | the same, `DECIMAL`, whole numbers |
//! | `text` | `LONGTEXT` (keys: `VARCHAR(512)`) | all kinds of text, `ENUM`, `SET`, `UUID` |
//! | `bytes` | `LONGBLOB` (keys: `VARBINARY(512)`) | `BINARY`, `VARBINARY`, all kinds of `BLOB` |
//! | `timestamp` | `DATETIME(3)` | `DATETIME` and `TIMESTAMP`, both as UTC; whole numbers (milliseconds); text |
//! | `date` | `DATE` | `DATE`; text |
//! | `duration` | `BIGINT` (milliseconds) | whole numbers (milliseconds), `TIME`; text (`1h30min`) |
//! | `json`, lists, sets, maps, records, `multi`, `link`, `attachment` | `LONGTEXT` (JSON) | `JSON`, all kinds of text |
//! | `select<T>` | as `T` | as `T` |
//!
//! Microseconds are cut off; `0000-00-00` is null.

use nsf_plan::{IntegerWidth, Type};

/// What a column must be for a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    Bool,
    Signed,
    Unsigned,
    Decimal,
    Single,
    Double,
    Text,
    Bytes,
    Timestamp,
    Date,
    Duration,
    Json,
}

const WHOLE: &[&str] = &["tinyint", "smallint", "mediumint", "int", "bigint"];
const TEXTS: &[&str] = &["char", "varchar", "tinytext", "text", "mediumtext", "longtext"];

impl Family {
    /// The family of a type.
    pub(crate) fn of(ty: &Type) -> Self {
        match ty.non_null() {
            Type::Bool => Self::Bool,
            Type::Integer(IntegerWidth::UInt8 | IntegerWidth::UInt16 | IntegerWidth::UInt32 | IntegerWidth::UInt64) => {
                Self::Unsigned
            }
            Type::Integer(_) => Self::Signed,
            Type::Decimal => Self::Decimal,
            Type::Float32 => Self::Single,
            Type::Float64 => Self::Double,
            Type::Text => Self::Text,
            Type::Bytes => Self::Bytes,
            Type::Timestamp => Self::Timestamp,
            Type::Date => Self::Date,
            Type::Duration => Self::Duration,
            Type::Select(inner) => Self::of(inner),
            _ => Self::Json,
        }
    }

    /// The column that is made for it.
    pub(crate) const fn column(self, is_key: bool) -> &'static str {
        match self {
            Self::Bool => "TINYINT(1)",
            Self::Signed | Self::Duration => "BIGINT",
            Self::Unsigned => "BIGINT UNSIGNED",
            Self::Decimal => "DECIMAL(56,28)",
            Self::Single => "FLOAT",
            Self::Double => "DOUBLE",
            Self::Text if is_key => "VARCHAR(512) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            Self::Bytes if is_key => "VARBINARY(512)",
            Self::Text | Self::Json => "LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
            Self::Bytes => "LONGBLOB",
            Self::Timestamp => "DATETIME(3)",
            Self::Date => "DATE",
        }
    }

    /// Whether values can be read from a column of a kind (`DATA_TYPE` of `information_schema`).
    pub(crate) fn reads(self, kind: &str) -> bool {
        let any = |sets: &[&[&str]]| sets.iter().any(|set| set.contains(&kind));
        match self {
            Self::Bool => any(&[WHOLE, &["bit"]]),
            Self::Signed | Self::Unsigned => any(&[WHOLE, &["year", "bit"]]),
            Self::Decimal => any(&[WHOLE, &["decimal"]]),
            Self::Single | Self::Double => any(&[WHOLE, &["decimal", "float", "double"]]),
            Self::Text => any(&[TEXTS, &["enum", "set", "uuid"]]),
            Self::Bytes => any(&[&["binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"]]),
            Self::Timestamp => any(&[WHOLE, TEXTS, &["datetime", "timestamp"]]),
            Self::Date => any(&[TEXTS, &["date"]]),
            Self::Duration => any(&[WHOLE, TEXTS, &["time"]]),
            Self::Json => any(&[TEXTS, &["json"]]),
        }
    }

    /// Whether values can be written into a column without being changed: its kind, and its type in full.
    pub(crate) fn writes(self, kind: &str, full: &str) -> bool {
        match self {
            Self::Timestamp => matches!(full, "datetime(3)" | "datetime(4)" | "datetime(5)" | "datetime(6)"),
            Self::Date => kind == "date",
            Self::Signed | Self::Duration => kind == "bigint" && !full.contains("unsigned"),
            Self::Unsigned => kind == "bigint" && full.contains("unsigned"),
            // Digits that do not fit behind the point would be cut off without a word.
            Self::Decimal => full == "decimal(56,28)",
            Self::Single => matches!(kind, "float" | "double"),
            Self::Double => kind == "double",
            Self::Bool => WHOLE.contains(&kind),
            Self::Text => TEXTS.contains(&kind),
            Self::Bytes | Self::Json => self.reads(kind),
        }
    }
}
