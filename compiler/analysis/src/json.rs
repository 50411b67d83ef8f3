//! JSON texts of tests' records, in the forms that the runtime reads.

use std::fmt::{self, Write};

use nsf_plan::{Literal, Tenant, Type};

/// A JSON value that is written once.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// A number, `true`, `false`: as it is.
    Raw(String),
    /// A text.
    Text(String),
    /// An array.
    Array(Vec<Json>),
    /// An object, members in order.
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Puts a value under a path of member names, making the objects between.
    pub fn put(&mut self, path: &[String], value: Self) {
        let (Self::Object(members), [name, rest @ ..]) = (self, path) else { return };
        if rest.is_empty() {
            members.push((name.clone(), value));
            return;
        }
        let index = members.iter().position(|(member, _)| member == name).unwrap_or_else(|| {
            members.push((name.clone(), Self::Object(Vec::new())));
            members.len() - 1
        });
        members[index].1.put(rest, value);
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Raw(text) => f.write_str(text),
            Self::Text(text) => quote(f, text),
            Self::Array(items) => {
                f.write_char('[')?;
                for (index, item) in items.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    write!(f, "{item}")?;
                }
                f.write_char(']')
            }
            Self::Object(members) => {
                f.write_char('{')?;
                for (index, (name, value)) in members.iter().enumerate() {
                    f.write_str(if index == 0 { "" } else { "," })?;
                    quote(f, name)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for sign in text.chars() {
        match sign {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            sign if (sign as u32) < 0x20 => write!(f, "\\u{:04x}", sign as u32)?,
            sign => f.write_char(sign)?,
        }
    }
    f.write_char('"')
}

/// The JSON form of a constant. `renames` gives nested members the names that a source reads them by.
#[must_use]
pub fn of_literal(literal: &Literal, ty: &Type, renames: &[(Vec<String>, String)]) -> Json {
    of_nested(literal, ty, renames, &mut Vec::new())
}

fn of_nested(literal: &Literal, ty: &Type, renames: &[(Vec<String>, String)], at: &mut Vec<String>) -> Json {
    match (literal, ty.non_null()) {
        (Literal::Null, _) => Json::Null,
        (Literal::Bool(value), _) => Json::Raw(value.to_string()),
        (Literal::Integer(value), Type::Timestamp) => Json::Text(timestamp(*value)),
        (Literal::Integer(value), Type::Date) => Json::Text(date(*value)),
        (Literal::Integer(value), _) => Json::Raw(value.to_string()),
        (Literal::Unsigned(value), _) => Json::Raw(value.to_string()),
        (Literal::Float(value), _) => Json::Raw(format!("{value:?}")),
        (Literal::Decimal(value), _) => Json::Raw(value.to_string()),
        (Literal::Text(value), Type::Json) => Json::Raw(value.clone()),
        (Literal::Text(value), _) => Json::Text(value.clone()),
        (Literal::List(items), Type::List(item) | Type::Set(item) | Type::Multi(item)) => {
            Json::Array(items.iter().map(|value| of_nested(value, item, renames, at)).collect())
        }
        (Literal::Map(pairs), Type::Map(key, value)) => Json::Object(
            pairs
                .iter()
                .map(|(name, item)| {
                    let name = match of_nested(name, key, &[], &mut Vec::new()) {
                        Json::Text(text) | Json::Raw(text) => text,
                        other => other.to_string(),
                    };
                    (name, of_nested(item, value, renames, at))
                })
                .collect(),
        ),
        (Literal::Record(values), Type::Record(fields)) => Json::Object(
            values
                .iter()
                .zip(fields)
                .map(|(value, (name, ty))| {
                    at.push(name.clone());
                    let renamed = renames.iter().find(|(path, _)| path.ends_with(at)).map(|(_, member)| member.clone());
                    let value = of_nested(value, ty, renames, at);
                    at.pop();
                    (renamed.unwrap_or_else(|| name.clone()), value)
                })
                .collect(),
        ),
        (Literal::List(items) | Literal::Record(items), _) => {
            Json::Array(items.iter().map(|value| of_nested(value, &Type::Json, renames, at)).collect())
        }
        (Literal::Map(_), _) => Json::Null,
    }
}

/// The v1.0 envelope of the ingest protocol around a test's members. `time` defaults to 2020-01-01, `cmd` to insert.
#[must_use]
pub fn ingest_envelope(
    arris_id: &str,
    tenant: Option<&Tenant>,
    body: Vec<(String, Json)>,
    fields: Vec<(String, Json)>,
) -> Json {
    let given = |name: &str| body.iter().find(|(member, _)| member == name).map(|(_, value)| value.clone());
    let names = fields.iter().map(|(name, _)| Json::Text(name.clone())).collect();
    let message = vec![
        ("time".to_owned(), given("time").unwrap_or_else(|| Json::Raw("1577836800000".to_owned()))),
        ("cmd".to_owned(), given("cmd").unwrap_or_else(|| Json::Text("insert".to_owned()))),
        ("fields".to_owned(), Json::Object(fields)),
        ("change_fields".to_owned(), given("change_fields").unwrap_or(Json::Array(names))),
    ];
    let app_id = tenant.map(|tenant| tenant.app_id.clone()).unwrap_or_default();
    let app_key = tenant.and_then(|tenant| tenant.app_key.clone()).unwrap_or_default();
    Json::Object(vec![
        ("version".to_owned(), Json::Text("v1.0".to_owned())),
        ("arris_id".to_owned(), Json::Text(arris_id.to_owned())),
        ("app_id".to_owned(), Json::Text(app_id)),
        // In tests a secret's value is its own name.
        ("app_key".to_owned(), Json::Text(app_key)),
        ("arris_message".to_owned(), Json::Object(message)),
    ])
}

/// RFC 3339 in UTC.
fn timestamp(milliseconds: i64) -> String {
    let days = milliseconds.div_euclid(86_400_000);
    let rest = milliseconds.rem_euclid(86_400_000);
    let (hours, minutes, seconds, parts) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    let fraction = if parts == 0 { String::new() } else { format!(".{parts:03}") };
    format!("{}T{hours:02}:{minutes:02}:{seconds:02}{fraction}Z", date(days))
}

/// `YYYY-MM-DD` of a number of days since 1970-01-01, by the civil calendar.
#[must_use]
pub fn date(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_index + 2) / 5 + 1;
    let month = if month_index < 10 { month_index + 3 } else { month_index - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}
