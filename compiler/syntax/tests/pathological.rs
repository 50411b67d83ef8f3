//! Texts made to be slow: they are read in time that grows with their length. The limits here only tell a hang from
//! slowness; `examples/parse_speed.rs` measures.
#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use nsf_diagnostics::FileId;
use nsf_syntax::{Parse, parse, parse_bytes};

/// Parses and fails on a hang.
fn in_time(what: &str, text: &str) -> Parse {
    let start = Instant::now();
    let parsed = parse(FileId(0), text);
    let took = start.elapsed();
    assert!(took < Duration::from_secs(60), "{what}: {} bytes took {took:?}", text.len());
    parsed
}

fn codes(parsed: &Parse) -> Vec<&'static str> {
    parsed.errors.iter().map(|error| error.kind.code().id).collect()
}

/// What is said of `text`, followed by an item with a mistake of its own.
fn codes_before_another(text: &str) -> Vec<&'static str> {
    let parsed = in_time(text.get(..20).unwrap_or(text), &format!("{text}\nconst after: int32 == 5\n"));
    let mut found = codes(&parsed);
    assert_eq!(found.pop(), Some("E0101"), "the item behind is checked: {:?}", parsed.errors);
    found
}

#[test]
fn deep_nesting_is_one_mistake() {
    for (open, close) in [("(", ")"), ("[", "]"), ("{ a: ", " }"), ("f(", ")"), ("\"{", "}\"")] {
        let text = format!("const x = {}1{}", open.repeat(10_000), close.repeat(10_000));
        assert_eq!(codes_before_another(&text), ["E0116"], "{open}");
    }
    let blocks = format!("flow f from a {}{}", "{ when x ".repeat(10_000), "}".repeat(10_000));
    assert_eq!(codes_before_another(&blocks), ["E0116"]);
    let types = format!("type T = {}int32{}", "list<".repeat(10_000), ">".repeat(10_000));
    assert_eq!(codes_before_another(&types), ["E0116"]);
}

#[test]
fn unclosed_blocks_are_one_mistake_and_the_next_item_is_checked() {
    let text = format!("flow f from a {{\n{}    stop\n", "  when x {\n".repeat(20));
    assert_eq!(codes_before_another(&text), ["E0103"]);
    let text = format!("const x = {}", "(".repeat(100));
    assert_eq!(codes_before_another(&text), ["E0103"]);
}

#[test]
fn unclosed_texts_are_one_mistake_each() {
    assert_eq!(codes_before_another("const x = \"abc"), ["E0105"]);
    assert_eq!(codes_before_another("const x = r\"abc\nmore\n"), ["E0105"]);
    assert_eq!(codes_before_another("source s {\n  from: kafka(\"t)\n  key: a\n}"), ["E0105"]);
    let many = "  a: \"b\n".repeat(2_000);
    assert_eq!(codes_before_another(&format!("tenant t {{\n{many}}}")).len(), 2_000);
}

#[test]
fn a_byte_that_is_no_text_is_one_mistake() {
    assert_eq!(codes_before_another("const x = 5\0"), ["E0109"]);
    assert_eq!(codes_before_another("const x = 5\0\0\nconst y = \0\nconst z = \"\0\""), ["E0109"]);
    let parsed = parse_bytes(FileId(0), b"const label = \"\xb0\xe0\"\nconst x = )\n");
    assert_eq!(codes(&parsed), ["E0124", "E0104"]);
    assert_eq!(parsed.errors[0].location.span.start, 15);
    let utf16: Vec<u8> = "\u{feff}const x = 5\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(codes(&parse_bytes(FileId(0), &utf16)), ["E0124"]);
}

#[test]
fn a_file_that_is_too_large_is_one_mistake() {
    let text = "// comment\n".repeat(1_600_000);
    assert_eq!(codes(&in_time("large", &text)), ["E0123"]);
}

#[test]
fn one_item_of_a_mebibyte_with_mistakes_in_it_takes_linear_time() {
    let count = 20_000;
    let bodies = [
        ("tenant t {\n", "  name: value + \n", "}"),
        ("tenant t {\n", "  name value other\n", "}"),
        ("tenant t { ", "name: = 5 ", "}"),
        ("flow f from a {\n", "  calculate { a = 1 + }\n", "}"),
        ("flow f from a {\n", "  when x { stop when a = b }\n", "}"),
        ("flow f from a { ", "stop when a = b ", "}"),
        ("mapping m: int32 -> text {\n", "  1 => \"a\",\n", "}"),
        ("test \"t\" {\n", "  expect a = b\n", "}"),
        ("const x = [\n", "  a b,\n", "]"),
        ("const x = ", "; ", "1"),
        ("", "} ", ""),
        ("flow f from a ", "( ", ""),
    ];
    for (head, body, tail) in bodies {
        let text = format!("{head}{}{tail}\n", body.repeat(count));
        assert!(!in_time(body, &text).errors.is_empty(), "{body}");
    }
}

#[test]
fn blocks_in_blocks_with_a_mistake_inside_take_linear_time() {
    let steps = "  calculate { a = 1 }\n".repeat(20);
    let depth = 100;
    let text = format!(
        "flow f from a {{\n{}  stop when a = b\n{}}}\n",
        format!("  when x {{\n{steps}").repeat(depth),
        "  }\n".repeat(depth)
    );
    assert_eq!(codes(&in_time("blocks", &text)), ["E0121"]);
}

#[test]
fn what_is_within_the_limits_is_read_and_formatted_on_a_small_stack() {
    let nested = |open: &str, inner: &str, close: &str, levels: usize| {
        format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
    };
    let value = |text: String| format!("const x = {text}\n");
    let texts = [
        format!("flow f from a {{\n  {}}}\n", nested("when x {\n  ", "stop\n", "  }\n", 250)),
        format!("flow f from a {{\n  {}}}\n", nested("each x in y {\n  ", "stop\n", "  }\n", 250)),
        value(nested("[", "1", "]", 250)),
        value(nested("f(1 + ", "1", ")", 150)),
        value(nested("a.map(e => ", "1", ")", 150)),
        value(nested("match n { 1 => 5, else => ", "7", " }", 250)),
        value(nested("if ", "a", " then b else c", 250)),
        value(nested("\"{", "a", "}\"", 250)),
        format!("type T = {}\n", nested("{ a: list<", "int32", "> }", 125)),
    ];
    for text in texts {
        let small = std::thread::Builder::new().stack_size(256 * 1024);
        let done = small.spawn(move || {
            let once = nsf_syntax::format::format_text(&text).unwrap();
            assert_eq!(nsf_syntax::format::format_text(&once).unwrap(), once);
        });
        done.unwrap().join().unwrap();
    }
}
