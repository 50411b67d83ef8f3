//! `std.pattern`: regular expressions.

use std::{cell::RefCell, collections::HashMap};

use regex::Regex;

use crate::{
    fault::Fallible,
    functions::{
        Builtin, Call,
        support::{LONGEST_TEXT, argument, count, pure, too_long},
    },
    value::{Value, quoted},
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("matches(text, text)", |call| {
        let text = call.text(0)?;
        with_pattern(call, |regex| Ok(Value::Bool(regex.is_match(text))))
    }),
    pure("find(text, text)", |call| {
        let text = call.text(0)?;
        with_pattern(call, |regex| Ok(regex.find(text).map_or(Value::Null, |found| Value::Text(found.as_str()))))
    }),
    pure("find_all(text, text)", |call| {
        let text = call.text(0)?;
        with_pattern(call, |regex| {
            let found: Vec<Value<'_>> = regex.find_iter(text).map(|found| Value::Text(found.as_str())).collect();
            Ok(call.new_list(&found))
        })
    }),
    pure("capture(text, text, int64)", capture),
    pure("captures(text, text)", |call| {
        let text = call.text(0)?;
        with_pattern(call, |regex| {
            let mut pairs = Vec::new();
            if let Some(found) = regex.captures(text) {
                for name in regex.capture_names().flatten() {
                    pairs.extend(found.name(name).map(|group| (call.new_text(name), Value::Text(group.as_str()))));
                }
            }
            Ok(call.new_map(pairs))
        })
    }),
    pure("replace_matches(text, text, text)", replace),
    pure("split_matches(text, text)", |call| {
        let text = call.text(0)?;
        with_pattern(call, |regex| {
            let parts: Vec<Value<'_>> = regex.split(text).map(Value::Text).collect();
            Ok(call.new_list(&parts))
        })
    }),
    pure("count_matches(text, text)", |call| {
        let text = call.text(0)?;
        with_pattern(call, |regex| Ok(count(regex.find_iter(text).count())))
    }),
    pure("escape_pattern(text)", |call| Ok(call.new_text(&regex::escape(call.text(0)?)))),
];

/// How many patterns a thread keeps ready. A program has fewer, unless it makes them from its data.
const KEPT: usize = 64;

thread_local! {
    static PATTERNS: RefCell<HashMap<Box<str>, Regex>> = RefCell::new(HashMap::new());
}

/// Does something with the pattern in the second argument, which is compiled once a thread.
fn with_pattern<'b>(call: &Call<'_, 'b>, run: impl FnOnce(&Regex) -> Fallible<Value<'b>>) -> Fallible<Value<'b>> {
    let pattern = call.text(1)?;
    PATTERNS.with_borrow_mut(|patterns| {
        if let Some(regex) = patterns.get(pattern) {
            return run(regex);
        }
        let regex = Regex::new(pattern).map_err(|error| {
            let why = match error {
                regex::Error::CompiledTooBig(_) => "it is too large",
                _ => "it cannot be read",
            };
            argument(format!("{} is no regular expression: {why}", quoted(pattern)))
        })?;
        if patterns.len() >= KEPT {
            patterns.clear();
        }
        run(patterns.entry(pattern.into()).or_insert(regex))
    })
}

fn capture<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (text, number) = (call.text(0)?, call.integer(2)?);
    with_pattern(call, |regex| {
        let Some(group) = usize::try_from(number).ok().filter(|group| *group < regex.captures_len()) else {
            let last = regex.captures_len() - 1;
            return Err(argument(format!("the regular expression has no group {number}: its groups are 0 to {last}")));
        };
        let found = regex.captures(text).and_then(|found| found.get(group));
        Ok(found.map_or(Value::Null, |group| Value::Text(group.as_str())))
    })
}

fn replace<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (text, replacement) = (call.text(0)?, call.text(2)?);
    with_pattern(call, |regex| {
        let mut result = String::new();
        let mut done = 0;
        for found in regex.captures_iter(text) {
            let Some(whole) = found.get(0) else { continue };
            result.push_str(text.get(done..whole.start()).unwrap_or(""));
            found.expand(replacement, &mut result);
            done = whole.end();
            if result.len() > LONGEST_TEXT {
                return Err(too_long("replace_matches"));
            }
        }
        if done == 0 && result.is_empty() && !regex.is_match(text) {
            return Ok(Value::Text(text));
        }
        result.push_str(text.get(done..).unwrap_or(""));
        Ok(call.new_text(&result))
    })
}
