//! Words of other languages for types, values and functions. They are looked for before near names are: what is meant counts
//! more than how it is spelt.

/// How a type of another language is called here.
pub fn type_name(name: &str) -> Option<&'static str> {
    Some(match name.to_ascii_lowercase().as_str() {
        "string" | "str" | "varchar" | "char" => "text",
        "int" | "integer" | "long" | "bigint" | "i64" => "int64",
        "i32" => "int32",
        "u64" => "uint64",
        "u32" => "uint32",
        "float" | "double" | "f64" | "number" | "real" => "float64",
        "f32" => "float32",
        "boolean" => "bool",
        "datetime" | "time" | "instant" => "timestamp",
        "array" | "vec" => "list",
        "object" | "any" => "json",
        "dict" | "hash" => "map",
        "interval" => "duration",
        "numeric" | "bigdecimal" => "decimal",
        "blob" | "binary" | "bytea" => "bytes",
        _ => return None,
    })
}

/// How a value of another language is written here.
pub fn value(name: &str) -> Option<&'static str> {
    Some(match name {
        "None" | "nil" | "Nil" | "NULL" | "Null" | "undefined" | "nothing" => "null",
        "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" => "true",
        "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" => "false",
        _ => return None,
    })
}

/// What a function of another language is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meant {
    /// It has another name, and takes the same.
    Named(&'static str),
    /// It is said otherwise; how.
    Said(&'static str),
}

/// How a call of another language is said here with its arguments; none where there are more or fewer than it takes.
pub fn said(name: &str, operands: &[String]) -> Option<String> {
    let plain: String = name.chars().filter(|own| *own != '_').flat_map(char::to_lowercase).collect();
    match (plain.as_str(), operands) {
        ("isnull" | "isnil" | "isnone", [value]) => Some(format!("{value} == null")),
        ("isnotnull" | "notnull", [value]) => Some(format!("{value} != null")),
        ("coalesce" | "ifnull" | "nvl" | "orelse" | "unwrapor" | "getordefault", [value, other]) => {
            Some(format!("{value} ?? {other}"))
        }
        _ => None,
    }
}

/// What a function of another language is here.
pub fn function(name: &str) -> Option<Meant> {
    use Meant::{Named, Said};
    let plain: String = name.chars().filter(|own| *own != '_').flat_map(char::to_lowercase).collect();
    Some(match plain.as_str() {
        "length" | "size" | "strlen" | "cardinality" | "arraylength" => Named("len"),
        "uppercase" | "touppercase" | "toupper" | "upcase" | "ucase" => Named("upper"),
        "lowercase" | "tolowercase" | "tolower" | "downcase" | "lcase" => Named("lower"),
        "strip" | "stripwhitespace" => Named("trim"),
        "pow" => Named("power"),
        "includes" => Named("contains"),
        "ceiling" => Named("ceil"),
        "average" | "mean" => Named("avg"),
        "regexpmatch" | "regexmatch" | "rematch" | "matchregex" => Named("matches"),
        "toint" | "parseint" | "tointeger" | "int" | "atoi" | "tonumber" | "number" | "tolong" => Named("int64"),
        "tostring" | "str" | "string" | "tochar" | "totext" => Named("text"),
        "tofloat" | "parsefloat" | "float" | "todouble" => Named("float64"),
        "todecimal" => Named("decimal"),
        "tobool" | "boolean" | "parsebool" => Named("bool"),
        "totimestamp" => Named("timestamp"),
        "todate" => Named("date"),
        "currenttimestamp" | "nowms" | "getdate" | "utcnow" => Named("now"),
        "isnull" | "isnil" | "isnone" => Said("write `… == null`"),
        "isnotnull" | "notnull" | "exists" => Said("write `… != null`"),
        "coalesce" | "ifnull" | "nvl" | "orelse" | "unwrapor" | "getordefault" => Said("write `a ?? b`"),
        "substr" | "substring" => {
            Said("`x.take(n)` and `x.skip(n)` cut from the left, `slice(x, from, to)` out of the middle")
        }
        "format" | "sprintf" | "printf" => Said("put values into a text: `\"{a} and {b}\"`"),
        "cast" | "convert" => Said("a conversion is named by its target: `int64(x)`, `text(x)`"),
        _ => return None,
    })
}
