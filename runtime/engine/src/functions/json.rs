//! `std.json`.

use std::collections::{BTreeMap, HashMap};

use crate::{
    encode::json,
    fault::Fallible,
    functions::{
        Builtin, Call,
        digits::Written,
        json_scan::{elements, get, has_whole_characters, members, trimmed, unquoted},
        support::{argument, conversion, count, pure},
    },
    value::{Value, quoted},
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("get(json?, text)", |call| {
        let name = call.text(1)?;
        Ok(json_or_null(call)?.and_then(|text| get(text, name)).map_or(Value::Null, value))
    }),
    pure("get(json?, int64)", |call| {
        let Ok(index) = usize::try_from(call.integer(1)?) else { return Ok(Value::Null) };
        Ok(json_or_null(call)?.and_then(|text| elements(text).nth(index)).map_or(Value::Null, value))
    }),
    pure("at_path(json?, text)", at_path),
    pure("parse_json(text)", parse),
    pure("json(T)", |call| {
        let (ty, value) = (call.ty(0)?, call.value(0)?);
        Ok(call.new_json(|out| json::write_value(ty, value, out)))
    }),
    pure("kind(json)", |call| Ok(Value::Text(kind(call.json(0)?)))),
    pure("len(json)", |call| {
        let text = call.json(0)?;
        Ok(count(match kind(text) {
            "object" => members(text).count(),
            "list" => elements(text).count(),
            "text" => unquoted(trimmed(text)).chars().count(),
            _ => 1,
        }))
    }),
    pure("keys(json)", |call| {
        let names: Vec<Value<'_>> = members(call.json(0)?).map(|(name, _)| call.new_text(&unquoted(name))).collect();
        Ok(call.new_list(&names))
    }),
    pure("values(json)", |call| {
        let text = call.json(0)?;
        let values: Vec<Value<'_>> =
            members(text).map(|(_, value)| value).chain(elements(text)).map(Value::Json).collect();
        Ok(call.new_list(&values))
    }),
    pure("has(json, text)", |call| Ok(Value::Bool(get(call.json(0)?, call.text(1)?).is_some()))),
    pure("merge(json, json)", merge),
    pure("canonical(json)", |call| {
        let mut out = Vec::new();
        canonical(call.json(0)?, 0, &mut out)?;
        Ok(call.new_json(|written| written.append(&mut out)))
    }),
];

/// How deep JSON may be nested where a function has to go into it.
const DEEPEST: usize = 128;

fn json_or_null<'b>(call: &Call<'_, 'b>) -> Fallible<Option<&'b str>> {
    if call.value(0)?.is_null() { Ok(None) } else { call.json(0).map(Some) }
}

/// A part of a JSON value: a JSON null is null.
fn value(text: &str) -> Value<'_> {
    if text == "null" { Value::Null } else { Value::Json(text) }
}

/// What a JSON value is, by its first character.
pub(super) fn kind(text: &str) -> &'static str {
    match trimmed(text).as_bytes().first() {
        Some(b'{') => "object",
        Some(b'[') => "list",
        Some(b'"') => "text",
        Some(b't' | b'f') => "bool",
        Some(b'n') | None => "null",
        Some(_) => "number",
    }
}

fn at_path<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let path = call.text(1)?;
    if !path.is_empty() && !path.starts_with('/') {
        let path = quoted(path);
        return Err(argument(format!("{path} is no JSON Pointer: it must begin with `/`, like `/items/0/name`")));
    }
    let Some(mut found) = json_or_null(call)? else { return Ok(Value::Null) };
    for part in path.split('/').skip(1) {
        let name = part.replace("~1", "/").replace("~0", "~");
        let next = match kind(found) {
            "object" => get(found, &name),
            "list" => index(part).and_then(|index| elements(found).nth(index)),
            _ => None,
        };
        let Some(next) = next else { return Ok(Value::Null) };
        found = next;
    }
    Ok(value(trimmed(found)))
}

/// An index of a pointer: digits without a leading zero.
fn index(part: &str) -> Option<usize> {
    let plain = part == "0" || !part.starts_with(['0', '+']);
    part.parse().ok().filter(|_| plain)
}

fn parse<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let text = call.text(0)?;
    if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text) {
        let shown = quoted(text);
        return Err(conversion(if depth(text) > DEEPEST - 1 {
            format!("{shown} is not read as JSON: it is nested deeper than {DEEPEST}")
        } else if error.is_eof() {
            format!("{shown} is not JSON: it ends too early")
        } else {
            format!("{shown} is not JSON: it goes wrong at line {}, column {}", error.line(), error.column())
        }));
    }
    if !has_whole_characters(text) {
        let shown = quoted(text);
        return Err(conversion(format!("{shown} is not read as JSON: a `\\u` escape in it is half a surrogate pair")));
    }
    Ok(Value::Json(trimmed(text)))
}

/// The deepest nesting by brackets, those in texts too: it only chooses the words of a fault.
fn depth(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut deepest = 0;
    for byte in text.bytes() {
        match byte {
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

fn merge<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (left, right) = (call.json(0)?, call.json(1)?);
    for text in [left, right] {
        if kind(text) != "object" {
            return Err(argument(format!("`merge` joins JSON objects, and {} is none", quoted(text))));
        }
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut merged: Vec<(&str, &str)> = Vec::new();
    for (name, value) in members(left).chain(members(right)) {
        let place = *places.entry(unquoted(name).into_owned()).or_insert(merged.len());
        match merged.get_mut(place) {
            Some(member) => member.1 = value,
            None => merged.push((name, value)),
        }
    }
    let members: Vec<String> = merged.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    Ok(Value::Json(call.arena.alloc_str(&format!("{{{}}}", members.join(",")))))
}

/// Appends the canonical form: members in the order of their names, no blanks, numbers and texts in one form each.
fn canonical(text: &str, depth: usize, out: &mut Vec<u8>) -> Fallible<()> {
    if depth > DEEPEST {
        return Err(argument(format!("`canonical` takes no JSON that is nested deeper than {DEEPEST}")));
    }
    let text = trimmed(text);
    match kind(text) {
        "object" => {
            let sorted: BTreeMap<_, _> = members(text).map(|(name, value)| (unquoted(name), value)).collect();
            out.push(b'{');
            for (index, (name, value)) in sorted.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                json::write_text(name, out);
                out.push(b':');
                canonical(value, depth + 1, out)?;
            }
            out.push(b'}');
        }
        "list" => {
            out.push(b'[');
            for (index, value) in elements(text).enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                canonical(value, depth + 1, out)?;
            }
            out.push(b']');
        }
        "text" => json::write_text(&unquoted(text), out),
        "number" => match Written::read(text) {
            Some(number) => out.extend_from_slice(number.canonical().as_bytes()),
            None => out.extend_from_slice(text.as_bytes()),
        },
        _ => out.extend_from_slice(text.as_bytes()),
    }
    Ok(())
}
