//! What is answered from a text and its tree.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod client;

use serde_json::{Value, json};

use client::{Client, range};

const SHOP: &str = "file:///shop/orders.nsf";

const TEXT: &str = "\
use limits
use std.text

// Two lines
// of a comment.
const LEAST: duration = 5min

source orders {
  from: kafka(\"orders\")
  record {
    id:    int64
    spent: int64
  }
}

flow large from orders {
  again: verify {
    reject when spent > LIMIT \"too much\"
  }
  expand kafka(\"large\", key: id) { id, spent }
}
";

fn asked() -> Value {
    json!({ "textDocument": { "uri": SHOP } })
}

fn opened(capabilities: Value) -> (Client, Value) {
    let (client, answer) = Client::start(capabilities);
    client.open(SHOP, TEXT);
    (client, answer)
}

fn folds(client: &mut Client) -> Vec<(u64, u64, Value)> {
    let folds = client.ask("textDocument/foldingRange", asked()).unwrap();
    let line = |value: &Value| value.as_u64().unwrap();
    let own = folds.as_array().unwrap().iter();
    own.map(|own| (line(&own["startLine"]), line(&own["endLine"]), own["kind"].clone())).collect()
}

#[test]
fn what_stands_in_several_lines_can_be_folded() {
    let (mut client, _) = opened(json!({}));
    let (imports, comment) = (json!("imports"), json!("comment"));
    let expected = [
        (0, 1, imports),
        (3, 4, comment),
        (7, 13, Value::Null),
        (9, 12, Value::Null),
        (15, 20, Value::Null),
        (16, 18, Value::Null),
    ];
    assert_eq!(folds(&mut client), expected);
    client.end();
    // Where whole lines are folded, the brace that closes stays; where few can be, the outer ones do.
    let folding = json!({ "lineFoldingOnly": true, "rangeLimit": 4 });
    let (mut client, _) = opened(json!({ "textDocument": { "foldingRange": folding } }));
    let starts: Vec<(u64, u64)> = folds(&mut client).iter().map(|(start, end, _)| (*start, *end)).collect();
    assert_eq!(starts, [(0, 1), (3, 4), (7, 12), (15, 19)]);
    client.end();
}

#[test]
fn a_selection_grows_from_a_word_to_the_file() {
    let (mut client, _) = opened(json!({}));
    let mut params = asked();
    params["positions"] = json!([{ "line": 17, "character": 18 }]);
    let mut at = client.ask("textDocument/selectionRange", params).unwrap()[0].clone();
    let mut texts = Vec::new();
    while !at.is_null() {
        let place = |end: &str| {
            let at = &at["range"][end];
            let (line, column) = (at["line"].as_u64().unwrap() as usize, at["character"].as_u64().unwrap() as usize);
            TEXT.split_inclusive('\n').take(line).map(str::len).sum::<usize>() + column
        };
        texts.push(&TEXT[place("start")..place("end")]);
        at = at["parent"].clone();
    }
    let check = "reject when spent > LIMIT \"too much\"";
    assert_eq!(texts[..3], ["spent", "spent > LIMIT", check]);
    assert!(texts[3].starts_with("verify {") && texts[3].ends_with('}'), "{texts:?}");
    assert!(texts[texts.len() - 2].starts_with("flow large"), "{texts:?}");
    assert_eq!(texts.last(), Some(&TEXT));
    client.end();
}

#[test]
fn the_path_of_a_use_leads_to_its_file() {
    let (mut client, _) = opened(json!({}));
    let links = client.ask("textDocument/documentLink", asked()).unwrap();
    assert_eq!(links.as_array().unwrap().len(), 1, "the standard library is no file: {links}");
    assert_eq!((&links[0]["target"], &links[0]["range"]), (&json!("file:///shop/limits.nsf"), &range(0, 4, 10)));
    client.end();
}

#[test]
fn items_of_all_files_are_found_by_parts_of_their_names() {
    let (mut client, _) = opened(json!({}));
    let mut found = |query: &str| -> Vec<(String, String)> {
        let found = client.ask("workspace/symbol", json!({ "query": query })).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        found.as_array().unwrap().iter().map(|own| (text(&own["name"]), text(&own["containerName"]))).collect()
    };
    let named = |name: &str, container: &str| (name.to_owned(), container.to_owned());
    assert_eq!(found("limit"), [named("LIMIT", "limits")]);
    assert_eq!(found("spn"), [named("spent", "orders")]);
    assert_eq!(found("ord"), [named("orders", "orders")]);
    assert!(found("zzz").is_empty());
    assert_eq!(found("").len(), 6);
    client.end();
}

#[test]
fn a_range_is_laid_out_by_whole_items_though_others_are_broken() {
    let (mut client, _) = Client::start(json!({}));
    client.open(
        SHOP,
        "const   a: int64 = 5\n\nconst   b: int64 = 6\n\nconst c = = 7\n\nsource   s {\n   from: kafka(\"s\")\n}",
    );
    let options = json!({ "tabSize": 2, "insertSpaces": true });
    let mut params = json!({ "textDocument": { "uri": SHOP }, "options": options, "range": range(2, 7, 8) });
    let edits = client.ask("textDocument/rangeFormatting", params.clone()).unwrap();
    assert_eq!(edits.as_array().unwrap().len(), 1);
    assert_eq!((&edits[0]["newText"], &edits[0]["range"]), (&json!("const b: int64 = 6"), &range(2, 0, 20)));
    params["range"] = range(4, 0, 3);
    assert_eq!(client.ask("textDocument/rangeFormatting", params.clone()).unwrap(), json!([]), "it cannot be read");
    // A brace that closes an item lays it out; what stands elsewhere is left alone.
    params["ch"] = json!("}");
    params["position"] = json!({ "line": 8, "character": 1 });
    let edits = client.ask("textDocument/onTypeFormatting", params.clone()).unwrap();
    assert_eq!(edits[0]["newText"], "source s {\n  from: kafka(\"s\")\n");
    params["position"] = json!({ "line": 7, "character": 4 });
    assert_eq!(client.ask("textDocument/onTypeFormatting", params).unwrap(), json!([]));
    client.end();
}

#[test]
fn names_have_the_kinds_that_their_places_give_them() {
    let (mut client, answer) = opened(json!({}));
    let legend = answer["capabilities"]["semanticTokensProvider"]["legend"]["tokenTypes"].clone();
    let read = |tokens: &Value| -> Vec<(String, String)> {
        let numbers: Vec<usize> =
            tokens["data"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        let (mut line, mut column) = (0, 0);
        let one = |token: &[usize]| {
            column = if token[0] == 0 { column + token[1] } else { token[1] };
            line += token[0];
            let text = TEXT.lines().nth(line).unwrap()[column..column + token[2]].to_owned();
            let declared = if token[4] & 1 == 1 { " here" } else { "" };
            (text, format!("{}{declared}", legend[token[3]].as_str().unwrap()))
        };
        numbers.chunks(5).map(one).collect()
    };
    let tokens = read(&client.ask("textDocument/semanticTokens/full", asked()).unwrap());
    for (name, kind) in [
        ("limits", "namespace"),
        ("LEAST", "variable here"),
        ("duration", "type"),
        ("5min", "number"),
        ("orders", "interface here"),
        ("\"orders\"", "event"),
        ("kafka", "function"),
        ("id", "property here"),
        ("large", "function here"),
        ("orders", "interface"),
        ("again", "label here"),
        ("spent", "property"),
    ] {
        assert!(tokens.contains(&(name.to_owned(), kind.to_owned())), "{name} {kind}: {tokens:?}");
    }
    let mut params = asked();
    params["range"] = range(5, 0, 40);
    let some = read(&client.ask("textDocument/semanticTokens/range", params).unwrap());
    assert_eq!(some.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["LEAST", "duration", "5min"]);
    client.end();
}
