//! `std.text`.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

use crate::{
    fault::Fallible,
    functions::{
        Builtin, Call,
        support::{LONGEST_TEXT, argument, count, integer, length, pure, too_long},
    },
    value::{Value, quoted},
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("upper(text)", |call| Ok(call.new_text(&call.text(0)?.to_uppercase()))),
    pure("lower(text)", |call| Ok(call.new_text(&call.text(0)?.to_lowercase()))),
    pure("capitalize(text)", capitalize),
    pure("same_ignoring_case(text, text)", |call| Ok(Value::Bool(folded(call.text(0)?) == folded(call.text(1)?)))),
    pure("trim(text)", |call| Ok(Value::Text(call.text(0)?.trim()))),
    pure("trim_start(text)", |call| Ok(Value::Text(call.text(0)?.trim_start()))),
    pure("trim_end(text)", |call| Ok(Value::Text(call.text(0)?.trim_end()))),
    pure("squeeze(text)", |call| {
        let words: Vec<&str> = call.text(0)?.split_whitespace().collect();
        Ok(call.new_text(&words.join(" ")))
    }),
    pure("len(text)", |call| Ok(count(call.text(0)?.chars().count()))),
    pure("is_blank(text)", |call| Ok(Value::Bool(call.text(0)?.trim().is_empty()))),
    pure("contains(text, text)", |call| Ok(Value::Bool(call.text(0)?.contains(call.text(1)?)))),
    pure("starts_with(text, text)", |call| Ok(Value::Bool(call.text(0)?.starts_with(call.text(1)?)))),
    pure("ends_with(text, text)", |call| Ok(Value::Bool(call.text(0)?.ends_with(call.text(1)?)))),
    pure("index_of(text, text)", |call| Ok(position(call.text(0)?, call.text(0)?.find(call.text(1)?)))),
    pure("last_index_of(text, text)", |call| Ok(position(call.text(0)?, call.text(0)?.rfind(call.text(1)?)))),
    pure("count(text, text)", |call| {
        let (text, part) = (call.text(0)?, call.text(1)?);
        Ok(count(if part.is_empty() { 0 } else { text.matches(part).count() }))
    }),
    pure("slice(text, int64, int64)", slice),
    pure("take(text, int64)", |call| Ok(Value::Text(split_at(call.text(0)?, length(call.integer(1)?)).0))),
    pure("skip(text, int64)", |call| Ok(Value::Text(split_at(call.text(0)?, length(call.integer(1)?)).1))),
    pure("before(text, text)", |call| {
        Ok(call.text(0)?.split_once(call.text(1)?).map_or(Value::Null, |(before, _)| Value::Text(before)))
    }),
    pure("after(text, text)", |call| {
        Ok(call.text(0)?.split_once(call.text(1)?).map_or(Value::Null, |(_, after)| Value::Text(after)))
    }),
    pure("remove_prefix(text, text)", |call| {
        let text = call.text(0)?;
        Ok(Value::Text(text.strip_prefix(call.text(1)?).unwrap_or(text)))
    }),
    pure("remove_suffix(text, text)", |call| {
        let text = call.text(0)?;
        Ok(Value::Text(text.strip_suffix(call.text(1)?).unwrap_or(text)))
    }),
    pure("replace(text, text, text)", replace),
    pure("split(text, text)", |call| {
        let (text, separator) = (call.text(0)?, call.text(1)?);
        if separator.is_empty() {
            return Ok(call.new_list(&[Value::Text(text)]));
        }
        Ok(texts(call, text.split(separator)))
    }),
    pure("lines(text)", |call| Ok(texts(call, call.text(0)?.lines()))),
    pure("words(text)", |call| Ok(texts(call, call.text(0)?.split_whitespace()))),
    pure("join(list<text>, text)", join),
    pure("repeat(text, int64)", repeat),
    pure("reverse(text)", |call| Ok(call.new_text(&call.text(0)?.graphemes(true).rev().collect::<String>()))),
    pure("pad_start(text, int64, text)", |call| pad(call, "pad_start", |text, fill| fill + text)),
    pure("pad_end(text, int64, text)", |call| pad(call, "pad_end", |text, fill| text.to_owned() + &fill)),
    pure("shorten(text, int64)", shorten),
    pure("mask(text, int64, int64)", mask),
    pure("normalize(text, text)", normalize),
    pure("graphemes(text)", |call| Ok(texts(call, call.text(0)?.graphemes(true)))),
    pure("code_points(text)", |call| {
        let points: Vec<Value<'_>> =
            call.text(0)?.chars().map(|point| Value::Integer(u32::from(point).into())).collect();
        Ok(call.new_list(&points))
    }),
    pure("from_code_points(list<int64>)", from_code_points),
    pure("edit_distance(text, text)", edit_distance),
];

/// A list of parts of an argument.
fn texts<'b>(call: &Call<'_, 'b>, parts: impl Iterator<Item = &'b str>) -> Value<'b> {
    let parts: Vec<Value<'b>> = parts.map(Value::Text).collect();
    call.new_list(&parts)
}

/// A form in which texts are equal that differ in case only: upper case first, so that `ß` meets `SS`.
fn folded(text: &str) -> String {
    text.to_uppercase().to_lowercase()
}

fn capitalize<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let text = call.text(0)?;
    let mut rest = text.chars();
    let Some(first) = rest.next() else { return Ok(Value::Text("")) };
    let mut result: String = first.to_uppercase().collect();
    result.push_str(rest.as_str());
    Ok(call.new_text(&result))
}

/// The position in characters of a place in bytes.
fn position(text: &str, place: Option<usize>) -> Value<'static> {
    let before = place.and_then(|place| text.get(..place));
    before.map_or(Value::Null, |before| count(before.chars().count()))
}

/// The text before and from a position in characters.
pub(super) fn split_at(text: &str, characters: usize) -> (&str, &str) {
    let place = text.char_indices().nth(characters).map_or(text.len(), |(place, _)| place);
    text.split_at(place)
}

/// Where a slice begins: a negative start counts from the end, and not past the beginning.
pub(super) fn slice_start(start: i64, length: impl FnOnce() -> usize) -> usize {
    if start >= 0 {
        return self::length(start);
    }
    length().saturating_sub(usize::try_from(start.unsigned_abs()).unwrap_or(usize::MAX))
}

fn slice<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let text = call.text(0)?;
    let start = slice_start(call.integer(1)?, || text.chars().count());
    let rest = split_at(text, start).1;
    Ok(Value::Text(split_at(rest, length(call.integer(2)?)).0))
}

fn replace<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (text, part, replacement) = (call.text(0)?, call.text(1)?, call.text(2)?);
    if part.is_empty() || !text.contains(part) {
        return Ok(Value::Text(text));
    }
    if replacement.len() > part.len() {
        let grown = (replacement.len() - part.len()).saturating_mul(text.matches(part).count());
        if grown.saturating_add(text.len()) > LONGEST_TEXT {
            return Err(too_long("replace"));
        }
    }
    Ok(call.new_text(&text.replace(part, replacement)))
}

fn join<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let separator = call.text(1)?;
    let mut result = String::new();
    for (index, item) in call.list(0)?.iter().enumerate() {
        if index > 0 {
            result.push_str(separator);
        }
        if let Value::Text(text) = item {
            result.push_str(text);
        }
        if result.len() > LONGEST_TEXT {
            return Err(too_long("join"));
        }
    }
    Ok(call.new_text(&result))
}

fn repeat<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (text, times) = (call.text(0)?, call.integer(1)?);
    let Ok(times) = usize::try_from(times) else {
        return Err(argument(format!("a text cannot be repeated {times} times")));
    };
    if text.is_empty() {
        return Ok(Value::Text(""));
    }
    if text.len().saturating_mul(times) > LONGEST_TEXT {
        return Err(too_long("repeat"));
    }
    Ok(call.new_text(&text.repeat(times)))
}

fn pad<'b>(call: &Call<'_, 'b>, name: &str, joined: impl FnOnce(&str, String) -> String) -> Fallible<Value<'b>> {
    let (text, fill) = (call.text(0)?, call.text(2)?);
    let missing = length(call.integer(1)?).saturating_sub(text.chars().count());
    if missing == 0 {
        return Ok(Value::Text(text));
    }
    if fill.is_empty() {
        return Err(argument(format!("`{name}` has nothing to fill up with: its last argument is an empty text")));
    }
    if missing > LONGEST_TEXT {
        return Err(too_long(name));
    }
    let result = joined(text, fill.chars().cycle().take(missing).collect());
    if result.len() > LONGEST_TEXT {
        return Err(too_long(name));
    }
    Ok(call.new_text(&result))
}

fn shorten<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (text, most) = (call.text(0)?, length(call.integer(1)?));
    let (kept, cut) = split_at(text, most);
    if cut.is_empty() {
        return Ok(Value::Text(text));
    }
    if most == 0 {
        return Ok(Value::Text(""));
    }
    Ok(call.new_text(&format!("{}…", split_at(kept, most - 1).0)))
}

fn mask<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (text, first, last) = (call.text(0)?, length(call.integer(1)?), length(call.integer(2)?));
    let total = text.chars().count();
    // A text that is too short to hide anything of is hidden whole.
    let (first, last) = if first.saturating_add(last) >= total { (0, 0) } else { (first, last) };
    let result: String = text
        .chars()
        .enumerate()
        .map(|(index, character)| if index < first || index >= total - last { character } else { '*' })
        .collect();
    Ok(call.new_text(&result))
}

fn normalize<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let text = call.text(0)?;
    let result: String = match call.text(1)? {
        "NFC" => text.nfc().collect(),
        "NFD" => text.nfd().collect(),
        "NFKC" => text.nfkc().collect(),
        "NFKD" => text.nfkd().collect(),
        other => {
            let other = quoted(other);
            return Err(argument(format!("{other} is no normal form of Unicode: there are NFC, NFD, NFKC and NFKD")));
        }
    };
    Ok(call.new_text(&result))
}

fn from_code_points<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let mut result = String::new();
    for item in call.list(0)? {
        let point = integer(*item)?;
        let character = u32::try_from(point).ok().and_then(char::from_u32);
        result.push(character.ok_or_else(|| argument(format!("Unicode has no character with the number {point}")))?);
    }
    Ok(call.new_text(&result))
}

/// Two texts longer than this are not compared: the time grows with the product of their lengths.
const LONGEST_COMPARED: usize = 10_000;

fn edit_distance<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let (left, right) = (call.text(0)?, call.text(1)?);
    if left.chars().count().min(right.chars().count()) > LONGEST_COMPARED {
        return Err(argument("`edit_distance` compares no two texts that are both longer than 10,000 characters"));
    }
    Ok(count(strsim::levenshtein(left, right)))
}

#[cfg(test)]
mod tests {
    use super::{slice_start, split_at};

    #[test]
    fn positions_count_characters_and_never_split_one() {
        assert_eq!(split_at("a班b", 2), ("a班", "b"));
        assert_eq!(split_at("班", 9), ("班", ""));
        assert_eq!(slice_start(-1, || 3), 2);
        assert_eq!(slice_start(i64::MIN, || 3), 0);
        assert_eq!(slice_start(i64::MAX, || 3), usize::try_from(i64::MAX).unwrap());
    }
}
