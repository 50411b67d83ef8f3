//! Hover and signature help: a program with a cursor, and what is said there.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod editor;

use editor::{Editor, able, cursor};
use serde_json::{Value, json};

const SHOP: &str = r#"/// Five of them.
const LIMIT: int64 = 5

primary customer: int64 #1 "customer"

dimension buyer (customer) #1001 "buyer"

fields buyer {
  /// All that was ever paid.
  spent: int64 #100001 "paid" derived
}

source orders {
  from: kafka("orders")
  record {
    id: int64
    /// Who pays.
    customer: int64 from "who"
    amount: int64
    note: text?
  }
  key: customer
}

state totals by (customer) {
  keep: 30d
  value { total: int64 = 0 }
}

/// Twice as much.
fn doubled(n: int64) -> int64 = n * 2

calculate with_tax(amount: int64, part: int64) -> (gross: int64) {
  let tax = amount / 5
  gross = amount + int64(round(tax)) + part
}

flow billed from orders {
  stop      when note == null
  calculate { words = trim(note)  slow = 90min }
  calculate with_tax(part: LIMIT)
  save      totals { total += doubled(gross) }
  load      totals
  expand    buyer { spent: totals.total }
  expand    kafka("billed") { id, words, slow, at: @2023-05-20T23:30:00+08:00 }
}
"#;

#[test]
fn what_is_under_the_cursor_is_explained() {
    let mut editor = Editor::with(&[("shop.nsf", SHOP)]);
    editor.change("shop.nsf", SHOP);
    assert_eq!(editor.checked("shop.nsf"), Vec::<String>::new());
    for (place, said) in [
        ("with_tax(part: L‸IMIT)", &["```nsf\nconst LIMIT: int64 = 5\n```", "Five of them."][..]),
        ("total += do‸ubled(gross)", &["fn doubled(n: int64) -> int64", "Twice as much."]),
        ("words = tr‸im(note)", &["trim(s: text) -> text", "white space", "std.text", "trim(\"  a b"]),
        ("words = trim(no‸te)", &["note: text?", "here `text`", "field of source orders"]),
        ("when no‸te ==", &["note: text?", "field of source orders"]),
        ("cust‸omer: int64 from \"who\"", &["customer: int64 from \"who\"", "Who pays.", "source orders"]),
        (
            "  load      to‸tals",
            &["state totals by (customer)", "key: `customer: int64`", "total: int64 = 0", "30 days"],
        ),
        (
            "buyer { spe‸nt: totals",
            &["spent: int64 \"paid\" derived", "All that was ever paid.", "field of dimension buyer", "field id "],
        ),
        ("spent: totals.to‸tal", &["total: int64 = 0", "field of state totals"]),
        ("doubled(gro‸ss)", &["gross: int64", "output of calculate function with_tax"]),
        ("let ta‸x = amount", &["let tax: float64", "calculate function with_tax"]),
        ("sl‸ow = 90min", &["slow: duration", "made in flow billed"]),
        ("slow = 90‸min", &["1 hour 30 minutes", "5400000 milliseconds"]),
        (
            "at: @2023-05-20T2‸3:30",
            &["2023-05-20T15:30:00Z in UTC", "2023-05-20T23:30:00+08:00 as written", "1684596600000"],
        ),
        (
            "calc‸ulate with_tax(part",
            &["makes fields", "reads `amount`", "adds `gross: int64`", "id, customer, amount, note, words, slow"],
        ),
        ("  lo‸ad      totals", &["reads the row", "reads `customer`", "adds `totals: row of state totals"]),
        ("fl‸ow billed", &["what happens to the records of a stream"]),
        ("flow bil‸led", &["flow billed from orders", "reads orders; 7 steps"]),
        ("  ke‸y: customer", &["**key** of a source: the fields of the partition key"]),
        ("expand    kaf‸ka", &["kafka(topic: text, key: value, cluster: text)", "a Kafka topic"]),
        ("expand    kafka(\"bil‸led\")", &["kafka(\"billed\")", "topic `billed`", "written by this project"]),
        ("id: in‸t64\n", &["whole numbers of 64 bits"]),
        ("spent: int64 #10‸0001", &["field id "]),
    ] {
        let (plain, inner) = cursor(place);
        let at = SHOP.find(&plain).unwrap_or_else(|| panic!("{plain}")) + inner;
        let answer = editor.ask_at("textDocument/hover", "shop.nsf", at);
        let words = answer["contents"]["value"].as_str().unwrap_or_else(|| panic!("nothing at {place}"));
        for said in said {
            assert!(words.contains(said), "{place}: no {said:?} in\n{words}");
        }
        assert_eq!(answer["contents"]["kind"], "markdown");
    }
    // Blanks and comments say nothing.
    assert_eq!(editor.ask_at("textDocument/hover", "shop.nsf", SHOP.find("\n\nprimary").unwrap() + 1), Value::Null);
    editor.end();
}

#[test]
fn a_client_without_markdown_gets_plain_text() {
    let mut editor = Editor::start(json!({}), Value::Null);
    editor.open("shop.nsf", SHOP);
    let at = SHOP.find("doubled(gross)").unwrap();
    let answer = editor.ask_at("textDocument/hover", "shop.nsf", at);
    assert_eq!(answer["contents"]["kind"], "plaintext");
    assert_eq!(answer["contents"]["value"], "fn doubled(n: int64) -> int64\n\nTwice as much.");
    editor.end();
}

#[test]
fn the_parameter_that_is_written_is_known() {
    let mut editor = Editor::start(able(), Value::Null);
    editor.open("shop.nsf", SHOP);
    for (typed, label, active) in [
        ("calculate { x = doubled(‸) }", "doubled(n: int64) -> int64", 0),
        ("calculate { x = replace(words, ‸", "replace(s: text, part: text, replacement: text) -> text fails", 1),
        ("calculate { x = words.replace(\"a\", ‸", "replace(s: text, part: text, replacement: text) -> text fails", 2),
        ("calculate with_tax(‸", "calculate with_tax(amount: int64, part: int64) -> (gross: int64)", 0),
        ("calculate with_tax(amount, ‸)", "calculate with_tax(amount: int64, part: int64) -> (gross: int64)", 1),
        ("calculate with_tax(part: ‸)", "calculate with_tax(amount: int64, part: int64) -> (gross: int64)", 1),
        ("load totals(‸)", "load totals(customer: int64)", 0),
        ("expand kafka(\"t\", ‸) { id }", "kafka(topic: text, key: value, cluster: text)", 1),
        ("expand kafka(\"t\", cluster: ‸) { id }", "kafka(topic: text, key: value, cluster: text)", 2),
        ("calculate { x = doubled(max([‸", "max(items: list<T>) -> T?", 0),
    ] {
        let (text, at) = cursor(&SHOP.replace(
            "  stop      when note == null\n",
            &format!("  stop when note == null\n  calculate {{ words = \"\" }}\n  {typed}\n"),
        ));
        editor.change("shop.nsf", &text);
        let answer = editor.ask_at("textDocument/signatureHelp", "shop.nsf", at);
        let signatures = answer["signatures"].as_array().unwrap_or_else(|| panic!("nothing at {typed}"));
        let own = &signatures[answer["activeSignature"].as_u64().unwrap() as usize];
        assert_eq!(
            (&own["label"], &own["activeParameter"]),
            (&json!(label), &json!(active)),
            "{typed}: {signatures:?}"
        );
    }
    let (text, at) = cursor(&SHOP.replace("stop      when note == null", "stop when note == ‸null"));
    editor.change("shop.nsf", &text);
    assert_eq!(editor.ask_at("textDocument/signatureHelp", "shop.nsf", at), Value::Null);
    editor.end();
}
