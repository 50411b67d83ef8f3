//! NDJSON files compared by what their records say: as multisets, numbers by value, members in any order.

use serde_json::{Map, Number, Value};

use crate::lines;

/// What differs between the records expected and those that came; nothing when they agree. Members that no expected
/// record names are not compared.
///
/// # Errors
/// A line that is not JSON.
pub fn difference(expected: &str, actual: &str) -> Result<Option<String>, String> {
    let expected = parse(expected)?;
    let mut names: Vec<&String> = expected.iter().filter_map(Value::as_object).flat_map(Map::keys).collect();
    names.sort();
    names.dedup();
    let project = |record: &Value| match record {
        Value::Object(members) => {
            let named = names.iter().filter_map(|name| Some(((*name).clone(), members.get(*name)?.clone())));
            named.collect()
        }
        other => other.clone(),
    };
    let text = |records: &[Value]| {
        let mut text = String::new();
        for record in records {
            text.push_str(&plain(&project(record)).to_string());
            text.push('\n');
        }
        text
    };
    Ok(lines::difference(&text(&expected), &text(&parse(actual)?)))
}

fn parse(text: &str) -> Result<Vec<Value>, String> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines.map(|line| serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))).collect()
}

/// A value with its members sorted and its numbers in one form.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => plain_number(number),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => {
            let mut sorted: Vec<_> = members.iter().map(|(name, value)| (name.clone(), plain(value))).collect();
            sorted.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(sorted.into_iter().collect())
        }
        other => other.clone(),
    }
}

/// `5`, `5.0` and `5.00` are one number.
fn plain_number(number: &Number) -> Value {
    match (number.as_i64(), number.as_f64()) {
        (Some(_), _) => Value::Number(number.clone()),
        (None, Some(float)) if float.fract() == 0.0 && float.abs() < 9e15 => Value::from(float as i64),
        _ => Value::Number(number.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::difference;

    #[test]
    fn records_agree_by_what_they_say() {
        let same = difference("{\"a\":1,\"b\":[2.0]}\n", "{\"b\":[2],\"a\":1.00,\"c\":3}\n");
        assert_eq!(same, Ok(None));
        assert!(difference("{\"a\":1}\n", "{\"a\":2}\n").unwrap().is_some());
        assert!(difference("{\"a\":1}\n", "{\"a\":1}\n{\"a\":1}\n").unwrap().is_some());
        assert!(difference("{\"a\":1}\n", "{\"a\":").is_err());
    }
}
