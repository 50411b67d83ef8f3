//! What is shown beside the text: inlay hints, code lenses, and what feeds what.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod editor;

use editor::{Editor, able, cursor, uri};
use serde_json::{Value, json};

const SHOP: &str = r#"primary customer: int64 #1 "customer"

dimension buyer (customer) #1001 "buyer"

fields buyer {
  spent: int64 #100001 "paid" derived
}

source orders {
  from: kafka("orders")
  record {
    id: int64
    customer: int64
    amount: int64
  }
  key: customer
}

source bills {
  from: kafka("billed")
  record { id: int64 words: text }
}

state totals by (customer) {
  keep: 30d
  value { total: int64 = 0 }
}

calculate with_tax(amount: int64) -> (gross: int64) {
  let tax = amount / 5
  gross = amount + int64(round(tax))
}

flow billed from orders {
  verify    { require amount > 0 else reject "nothing to pay" }
  calculate { words = text(amount) }
  calculate with_tax
  save      totals { total += gross }
  load      totals
  expand    buyer { spent: totals.total }
  expand    kafka("billed", key: id) { id, words }
}

flow shown from bills {
  expand stdout { id, words }
}

test "an order is paid" {
  given orders [ { id: 1, customer: 2, amount: 10 } ]
  expect buyer(2).spent == 12
}
"#;

/// The hints with the texts before them on their lines.
fn hints(editor: &mut Editor, start: usize, end: usize) -> Vec<(String, String)> {
    let params = json!({ "textDocument": { "uri": uri("shop.nsf") }, "range": editor.range("shop.nsf", start, end) });
    let answer = editor.ask("textDocument/inlayHint", params);
    let lines: Vec<&str> = SHOP.lines().collect();
    let hint = |own: &Value| {
        let line = lines[own["position"]["line"].as_u64().unwrap() as usize];
        let before = line[..own["position"]["character"].as_u64().unwrap() as usize].trim();
        (before.to_owned(), own["label"].as_str().unwrap().to_owned())
    };
    answer.as_array().unwrap().iter().map(hint).collect()
}

#[test]
fn what_nobody_wrote_is_shown_in_its_place() {
    let mut editor = Editor::with(&[("shop.nsf", SHOP)]);
    let found = hints(&mut editor, 0, SHOP.len());
    let expected = [
        ("let tax", ": float64"),
        ("calculate { words", ": text"),
        ("calculate with_tax", "(amount)"),
        ("calculate with_tax", "+ gross: int64"),
        ("save      totals", "(customer)"),
        ("load      totals", "(customer)"),
        ("expand    buyer", "(customer)"),
        ("expand    buyer { spent: totals.total }", "effectively once"),
        ("expand    kafka(\"billed\", key: id) { id, words }", "effectively once"),
    ];
    for (before, label) in expected {
        let own = (before.to_owned(), label.to_owned());
        assert!(found.contains(&own), "no {own:?} in {found:#?}");
    }
    let types = found.iter().filter(|(_, label)| label.starts_with(':')).count();
    assert_eq!(types, 2, "{found:?}");
    // Of a part alone.
    let at = SHOP.find("  save      totals").unwrap();
    let some = hints(&mut editor, at, at + 10);
    assert_eq!(some, [], "{some:?}");
    let some = hints(&mut editor, at, at + 20);
    assert_eq!(some, [("save      totals".to_owned(), "(customer)".to_owned())]);
    editor.end();
}

#[test]
fn each_kind_of_hint_can_be_switched_off() {
    for (name, label) in
        [("types", ": text"), ("records", "+ gross: int64"), ("bindings", "(amount)"), ("guarantees", "once")]
    {
        let mut editor = Editor::start(able(), json!({ "inlayHints": { name: false } }));
        editor.open("shop.nsf", SHOP);
        let has = |editor: &mut Editor| hints(editor, 0, SHOP.len()).iter().any(|(_, own)| own.ends_with(label));
        assert!(!has(&mut editor), "{name}");
        assert!(!hints(&mut editor, 0, SHOP.len()).is_empty(), "{name}: others are there");
        // The settings may change later.
        editor.tell(
            "workspace/didChangeConfiguration",
            json!({ "settings": { "nsf": { "inlayHints": { name: true } } } }),
        );
        assert!(has(&mut editor), "{name}");
        editor.tell("workspace/didChangeConfiguration", json!({ "settings": { "nsf": { "inlayHints": false } } }));
        assert_eq!(hints(&mut editor, 0, SHOP.len()), [], "{name}");
        editor.end();
    }
}

#[test]
fn tests_and_flows_have_lenses() {
    let mut editor = Editor::with(&[("shop.nsf", SHOP)]);
    let answer = editor.ask("textDocument/codeLens", json!({ "textDocument": { "uri": uri("shop.nsf") } }));
    let lenses: Vec<(&str, &str)> = answer
        .as_array()
        .unwrap()
        .iter()
        .map(|own| (own["command"]["title"].as_str().unwrap(), own["command"]["command"].as_str().unwrap()))
        .collect();
    assert_eq!(
        lenses,
        [
            ("Show graph", "nsf.showGraph"),
            ("6 places may reject records", "nsf.showRejections"),
            ("Show graph", "nsf.showGraph"),
            ("Run test", "nsf.runTest"),
        ]
    );
    let arguments = &answer[1]["command"]["arguments"];
    assert_eq!((&arguments[0], &arguments[1]), (&json!(uri("shop.nsf")), &json!("billed")));
    let first = &arguments[2][0];
    assert_eq!(
        (&first["path"], first["line"].as_u64().map(|line| SHOP.lines().nth(line as usize - 1).unwrap().trim())),
        (&json!("shop.nsf"), Some("let tax = amount / 5"))
    );
    assert!(
        arguments[2].as_array().unwrap().iter().any(|own| own["what"] == "the rule \"nothing to pay\""),
        "{arguments}"
    );
    assert_eq!(answer[3]["command"]["arguments"], json!([uri("shop.nsf"), "an order is paid"]));
    editor.end();
    // A client that carries nothing out is told how many places may reject records.
    let mut editor = Editor::start(json!({}), Value::Null);
    editor.open("shop.nsf", SHOP);
    let answer = editor.ask("textDocument/codeLens", json!({ "textDocument": { "uri": uri("shop.nsf") } }));
    assert_eq!(answer.as_array().unwrap().len(), 1, "{answer}");
    assert_eq!(
        (&answer[0]["command"]["title"], &answer[0]["command"]["command"]),
        (&json!("6 places may reject records"), &json!(""))
    );
    editor.end();
}

#[test]
fn what_feeds_a_part_and_what_it_feeds() {
    let mut editor = Editor::with(&[("shop.nsf", SHOP)]);
    for (place, name, incoming, outgoing) in [
        (
            "flow bil‸led",
            "billed",
            &["source orders", "state totals"][..],
            &["dimension buyer", "state totals", "topic kafka(\"billed\")"][..],
        ),
        ("source ord‸ers", "orders", &["topic kafka(\"orders\")"], &["flow billed"]),
        ("  save      tot‸als", "totals", &["flow billed"], &["flow billed"]),
        ("dimension buy‸er", "buyer", &["flow billed"], &[]),
        ("kafka(\"bil‸led\")\n", "kafka(\"billed\")", &["flow billed"], &["source bills"]),
    ] {
        let (plain, inner) = cursor(place);
        let at = SHOP.find(&plain).unwrap() + inner;
        let items = editor.ask_at("textDocument/prepareCallHierarchy", "shop.nsf", at);
        let item = &items[0];
        assert_eq!((&item["name"], items.as_array().unwrap().len()), (&json!(name), 1), "{items}");
        for (method, key, expected) in
            [("callHierarchy/incomingCalls", "from", incoming), ("callHierarchy/outgoingCalls", "to", outgoing)]
        {
            let answer = editor.ask(method, json!({ "item": item }));
            let found: Vec<String> = answer
                .as_array()
                .unwrap()
                .iter()
                .map(|own| format!("{} {}", own[key]["detail"].as_str().unwrap(), own[key]["name"].as_str().unwrap()))
                .collect();
            assert_eq!(found, expected, "{method} of {place}");
        }
    }
    // Where a flow sends to a dimension is the step that does.
    let at = SHOP.find("dimension buyer").unwrap() + 12;
    let items = editor.ask_at("textDocument/prepareCallHierarchy", "shop.nsf", at);
    let answer = editor.ask("callHierarchy/incomingCalls", json!({ "item": items[0] }));
    let line = answer[0]["fromRanges"][0]["start"]["line"].as_u64().unwrap() as usize;
    assert_eq!(SHOP.lines().nth(line).unwrap().trim(), "expand    buyer { spent: totals.total }");
    // What is no part has none.
    let at = SHOP.find("gross = ").unwrap();
    assert_eq!(editor.ask_at("textDocument/prepareCallHierarchy", "shop.nsf", at), Value::Null);
    editor.end();
}
