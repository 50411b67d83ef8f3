//! Data types, and their text form, which is the one of `.nsf` files: `map<text, { start: timestamp }>`.

use serde::{Deserialize, Serialize};

mod parse;

pub use parse::TypeError;

/// Width and sign of an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum IntegerWidth {
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
}

impl IntegerWidth {
    /// Every width, signed before unsigned, narrow before wide.
    pub const ALL: [Self; 8] =
        [Self::Int8, Self::Int16, Self::Int32, Self::Int64, Self::UInt8, Self::UInt16, Self::UInt32, Self::UInt64];

    /// Smallest and largest value.
    #[must_use]
    pub const fn range(self) -> (i128, i128) {
        match self {
            Self::Int8 => (i8::MIN as i128, i8::MAX as i128),
            Self::Int16 => (i16::MIN as i128, i16::MAX as i128),
            Self::Int32 => (i32::MIN as i128, i32::MAX as i128),
            Self::Int64 => (i64::MIN as i128, i64::MAX as i128),
            Self::UInt8 => (0, u8::MAX as i128),
            Self::UInt16 => (0, u16::MAX as i128),
            Self::UInt32 => (0, u32::MAX as i128),
            Self::UInt64 => (0, u64::MAX as i128),
        }
    }

    /// Whether every integer of this width is one of another.
    #[must_use]
    pub const fn fits(self, other: Self) -> bool {
        let ((low, high), (other_low, other_high)) = (self.range(), other.range());
        other_low <= low && high <= other_high
    }

    /// `int8` … `uint64`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int8 => "int8",
            Self::Int16 => "int16",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::UInt8 => "uint8",
            Self::UInt16 => "uint16",
            Self::UInt32 => "uint32",
            Self::UInt64 => "uint64",
        }
    }
}

/// Names and types of a record's members, in order.
pub type RecordType = Vec<(String, Type)>;

/// The type of a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[allow(missing_docs)]
pub enum Type {
    Bool,
    Integer(IntegerWidth),
    Float32,
    Float64,
    /// 28 significant digits.
    Decimal,
    Text,
    Bytes,
    /// Milliseconds since 1970-01-01T00:00Z.
    Timestamp,
    /// Days since 1970-01-01.
    Date,
    /// Milliseconds.
    Duration,
    /// Any JSON value, kept as its text.
    Json,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>, Box<Type>),
    Record(RecordType),
    /// One of a mapping's values.
    Select(Box<Type>),
    /// Several of a mapping's values.
    Multi(Box<Type>),
    /// A name and a URL.
    Link,
    /// A file's name and its URL.
    Attachment,
    /// `T?`: may be null. Never nested.
    Nullable(Box<Type>),
}

impl Type {
    /// `int64`.
    pub const INT64: Self = Self::Integer(IntegerWidth::Int64);

    /// `T?`; a nullable type stays as it is.
    #[must_use]
    pub fn nullable(self) -> Self {
        match self {
            Self::Nullable(_) => self,
            other => Self::Nullable(Box::new(other)),
        }
    }

    /// `T` of `T?`; another type is itself.
    #[must_use]
    pub fn non_null(&self) -> &Self {
        match self {
            Self::Nullable(inner) => inner,
            other => other,
        }
    }

    /// Whether null is a value of it.
    #[must_use]
    pub const fn is_nullable(&self) -> bool {
        matches!(self, Self::Nullable(_))
    }
}

impl std::fmt::Display for Type {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Integer(width) => f.write_str(width.name()),
            Self::Float32 => f.write_str("float32"),
            Self::Float64 => f.write_str("float64"),
            Self::Decimal => f.write_str("decimal"),
            Self::Text => f.write_str("text"),
            Self::Bytes => f.write_str("bytes"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Date => f.write_str("date"),
            Self::Duration => f.write_str("duration"),
            Self::Json => f.write_str("json"),
            Self::List(item) => write!(f, "list<{item}>"),
            Self::Set(item) => write!(f, "set<{item}>"),
            Self::Map(key, value) => write!(f, "map<{key}, {value}>"),
            Self::Record(fields) if fields.is_empty() => f.write_str("{}"),
            Self::Record(fields) => {
                f.write_str("{ ")?;
                for (index, (name, ty)) in fields.iter().enumerate() {
                    let comma = if index == 0 { "" } else { ", " };
                    f.write_str(comma)?;
                    write_name(f, name)?;
                    write!(f, ": {ty}")?;
                }
                f.write_str(" }")
            }
            Self::Select(item) => write!(f, "select<{item}>"),
            Self::Multi(item) => write!(f, "multi<{item}>"),
            Self::Link => f.write_str("link"),
            Self::Attachment => f.write_str("attachment"),
            Self::Nullable(inner) => write!(f, "{inner}?"),
        }
    }
}

impl From<Type> for String {
    fn from(ty: Type) -> Self {
        ty.to_string()
    }
}

/// Whether a character may stand in a member's name without quotes.
fn is_plain(character: char) -> bool {
    character.is_alphanumeric()
        || character == '_'
        || (!character.is_ascii() && !character.is_whitespace() && !character.is_control())
}

/// Writes a member's name, in quotes where it is not a plain one.
fn write_name(f: &mut std::fmt::Formatter<'_>, name: &str) -> std::fmt::Result {
    if !name.is_empty() && name.chars().all(is_plain) {
        return f.write_str(name);
    }
    f.write_str("\"")?;
    for character in name.chars() {
        if matches!(character, '"' | '\\') {
            f.write_str("\\")?;
        }
        write!(f, "{character}")?;
    }
    f.write_str("\"")
}
