//! The text of a lock file: the same for the same contents.

use std::fmt::Write;

use nsf_plan::Type;

use super::{Lock, LockedState};

const HEAD: &str = "\
# nsf.lock: numbers and shapes that stored data depends on.
# Written by `nsfc check --fix`. Keep it under version control; the compiler compares the program with it.
version: 1
";

pub(super) fn write(lock: &Lock) -> String {
    let mut text = HEAD.to_owned();
    // Writing to a text cannot fail.
    let _ = write_dimensions(&mut text, lock);
    write_states(&mut text, lock);
    text
}

fn write_dimensions(text: &mut String, lock: &Lock) -> std::fmt::Result {
    if lock.dimensions.is_empty() {
        return Ok(());
    }
    text.push_str("dimensions:\n");
    for (name, dimension) in &lock.dimensions {
        writeln!(text, "  {}:\n    code: {}", quoted(name), dimension.code)?;
        if dimension.fields.is_empty() {
            continue;
        }
        text.push_str("    fields:\n");
        for (number, field) in &dimension.fields {
            let derived = if field.derived { " derived" } else { "" };
            let retired = if field.retired { " retired" } else { "" };
            let value = format!("{}: {}{derived}{retired}", field.name, field.ty);
            writeln!(text, "      {number}: {}", quoted(&value))?;
        }
    }
    Ok(())
}

fn write_states(text: &mut String, lock: &Lock) {
    if lock.states.is_empty() {
        return;
    }
    text.push_str("states:\n");
    lock.states.iter().for_each(|(name, state)| text.push_str(&self::state(name, state)));
}

/// The lines of a state.
pub(super) fn state(name: &str, state: &LockedState) -> String {
    let mut text = String::new();
    // Writing to a text cannot fail.
    let _ = write_state(&mut text, name, state);
    text
}

fn write_state(text: &mut String, name: &str, state: &LockedState) -> std::fmt::Result {
    let keys = Type::Record(state.keys.clone()).to_string();
    let value = Type::Record(state.value.clone()).to_string();
    writeln!(text, "  {}:\n    id: {}", quoted(name), quoted(&state.id))?;
    writeln!(text, "    keys: {}\n    value: {}", quoted(&keys), quoted(&value))?;
    if !state.stored_as.is_empty() {
        text.push_str("    stored_as:\n");
    }
    for (field, stored) in &state.stored_as {
        writeln!(text, "      {}: {}", quoted(field), quoted(stored))?;
    }
    Ok(())
}

/// A text in double quotes, on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
