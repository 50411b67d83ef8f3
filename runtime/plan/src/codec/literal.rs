//! The serial form of literals: as short as YAML and JSON allow, and every value back as it was.
//!
//! `null`, `true`, `12`, `"text"` and `[1, 2]` stand for themselves; the rest is a mapping of one member that names
//! the form: `{ unsigned: 18446744073709551615 }`, `{ float: "0.1" }`, `{ decimal: "1.50" }`, `{ map: [[1, "a"]] }`,
//! `{ record: [1, "a"] }`. Floats are texts because JSON has no infinities and readers differ in rounding.

use std::fmt;

use rust_decimal::Decimal;
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
    ser::SerializeMap,
};

use crate::Literal;

impl Literal {
    /// How deeply literals may be nested in one another; deeper ones are refused when a plan is built or read.
    pub const MAX_DEPTH: usize = 40;
}

/// Reads a literal that may be left out, so that a null which stands there is a null and not no literal.
pub(crate) fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Literal>, D::Error> {
    Literal::deserialize(deserializer).map(Some)
}

const FORMS: &[&str] = &["unsigned", "float", "decimal", "map", "record"];

fn one<S: Serializer>(serializer: S, form: &str, value: &impl Serialize) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(1))?;
    map.serialize_entry(form, value)?;
    map.end()
}

impl Serialize for Literal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(items) => serializer.collect_seq(items),
            Self::Unsigned(value) => one(serializer, "unsigned", value),
            // The shortest text that reads back as the same bits.
            Self::Float(value) => one(serializer, "float", &format!("{value:?}")),
            Self::Decimal(value) => one(serializer, "decimal", &value.to_string()),
            Self::Map(pairs) => one(serializer, "map", pairs),
            Self::Record(members) => one(serializer, "record", members),
        }
    }
}

impl<'de> Deserialize<'de> for Literal {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LiteralVisitor)
    }
}

struct LiteralVisitor;

impl<'de> Visitor<'de> for LiteralVisitor {
    type Value = Literal;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a literal")
    }

    fn visit_unit<E: Error>(self) -> Result<Literal, E> {
        Ok(Literal::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Literal, E> {
        Ok(Literal::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Literal, E> {
        Ok(Literal::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Literal, E> {
        Ok(Literal::Integer(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Literal, E> {
        i64::try_from(value).map(Literal::Integer).map_err(|_| {
            E::custom(format!("the integer {value} is above the largest int64 and is not marked `unsigned`"))
        })
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Literal, E> {
        Err(E::custom("a number with a fraction is not marked `float` or `decimal`"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Literal, E> {
        Ok(Literal::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Literal, E> {
        Ok(Literal::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Literal, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Literal::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Literal, A::Error> {
        let Some(form) = map.next_key::<String>()? else {
            return Err(A::Error::custom("a literal is an empty mapping"));
        };
        let literal = match form.as_str() {
            "unsigned" => Literal::Unsigned(map.next_value()?),
            "float" => Literal::Float(read_float(&map.next_value::<String>()?)?),
            "decimal" => {
                let text: String = map.next_value()?;
                let value = text.parse::<Decimal>();
                Literal::Decimal(value.map_err(|_| A::Error::custom(format!("`{text}` is not a decimal number")))?)
            }
            "map" => Literal::Map(map.next_value()?),
            "record" => Literal::Record(map.next_value()?),
            other => return Err(A::Error::unknown_field(other, FORMS)),
        };
        match map.next_key::<String>()? {
            None => Ok(literal),
            Some(second) => Err(A::Error::custom(format!("a literal is marked `{form}` and `{second}`"))),
        }
    }
}

fn read_float<E: Error>(text: &str) -> Result<f64, E> {
    match text.parse::<f64>() {
        Ok(value) if !value.is_nan() => Ok(value),
        _ => Err(E::custom(format!("`{text}` is not a float"))),
    }
}
