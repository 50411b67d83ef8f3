//! Names: where they are declared, where they are used, and other names for things.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod client;

use serde_json::{Value, json};

use client::Client;

const SHOP: &str = "file:///shop/orders.nsf";
const FIELDS: &str = "file:///shop/customers.nsf";

const ORDERS: &str = r#"use customers
use limits

source orders {
  from: kafka("orders")
  record { id: int64  价: int64 }
  key: id
}

state spent by (id) {
  keep: 30d
  value { total: int64 = 0 }
}

flow paid from orders {
  verify { require 价 < LIMIT }
  save   spent { total += 价 }
  expand customer(customer_id: id) { paid: 价 }
  expand kafka("paid") { id, 价 }
}
"#;

const CUSTOMERS: &str = r#"primary customer_id: int64 #1 "id"

dimension customer (customer_id) #1001 in main "customer"

space main { store: embedded }

fields customer {
  paid: int64 derived
}
"#;

/// The position of the first place of a text, so many characters into it, in units of UTF-16.
fn position(text: &str, at: &str, within: usize) -> Value {
    let offset = text.find(at).unwrap_or_else(|| panic!("{at}")) + within;
    let start = text[..offset].rfind('\n').map_or(0, |at| at + 1);
    json!({ "line": text[..offset].matches('\n').count(), "character": text[start..offset].encode_utf16().count() })
}

fn about(uri: &str, text: &str, at: &str, within: usize) -> Value {
    json!({ "textDocument": { "uri": uri }, "position": position(text, at, within) })
}

fn opened() -> Client {
    let (mut client, answer) = Client::start(json!({}));
    for capability in ["definitionProvider", "referencesProvider", "documentHighlightProvider"] {
        assert_eq!(answer["capabilities"][capability], true, "{capability}");
    }
    assert_eq!(answer["capabilities"]["renameProvider"]["prepareProvider"], true);
    client.open(FIELDS, CUSTOMERS);
    client.open(SHOP, ORDERS);
    let (_, told) = client.diagnostics(SHOP);
    assert_eq!(told, Vec::<Value>::new());
    client
}

/// "file:line" of each place.
fn lines(answer: &Value) -> Vec<String> {
    let line = |own: &Value| {
        let file = own["uri"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
        format!("{file}:{}", own["range"]["start"]["line"].as_u64().unwrap() + 1)
    };
    answer.as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_name_leads_to_what_declares_it() {
    let mut client = opened();
    for (at, within, expected) in [
        ("价 < LIMIT", 0, vec!["orders.nsf:6"]),
        ("< LIMIT", 3, vec!["limits.nsf:1"]),
        ("spent { total +=", 0, vec!["orders.nsf:10"]),
        ("total +=", 5, vec!["orders.nsf:12"]),
        ("customer(customer_id: id)", 0, vec!["customers.nsf:3"]),
        ("customer_id: id)", 3, vec!["customers.nsf:1"]),
        ("paid: 价 }", 0, vec!["customers.nsf:8"]),
        ("use customers", 6, vec!["customers.nsf:1"]),
        ("kafka(\"paid\")", 8, vec![]),
        ("keep", 1, vec![]),
    ] {
        let answer = client.ask("textDocument/definition", about(SHOP, ORDERS, at, within)).unwrap();
        assert_eq!(lines(&answer), expected, "{at}");
    }
    client.end();
}

#[test]
fn every_place_that_names_a_thing_is_found() {
    let mut client = opened();
    let mut asked = about(SHOP, ORDERS, "价: int64", 0);
    asked["context"] = json!({ "includeDeclaration": true });
    let all = client.ask("textDocument/references", asked.clone()).unwrap();
    assert_eq!(lines(&all), ["orders.nsf:6", "orders.nsf:16", "orders.nsf:17", "orders.nsf:18", "orders.nsf:19"]);
    asked["context"]["includeDeclaration"] = json!(false);
    assert_eq!(client.ask("textDocument/references", asked).unwrap().as_array().unwrap().len(), 4);
    let mut asked = about(FIELDS, CUSTOMERS, "customer_id)", 0);
    asked["context"] = json!({ "includeDeclaration": true });
    let all = client.ask("textDocument/references", asked).unwrap();
    assert_eq!(lines(&all), ["customers.nsf:1", "customers.nsf:3", "orders.nsf:18"]);
    let marked = client.ask("textDocument/documentHighlight", about(SHOP, ORDERS, "total +=", 0)).unwrap();
    let kinds: Vec<u64> = marked.as_array().unwrap().iter().map(|own| own["kind"].as_u64().unwrap()).collect();
    assert_eq!(kinds, [3, 3], "both are written: {marked}");
    client.end();
}

/// The texts of the two files with the edits of an answer made.
fn edited(answer: &Value) -> (String, String) {
    let text = |uri: &str, text: &str| {
        let mut text = text.to_owned();
        let edits = answer["changes"][uri].as_array().cloned().unwrap_or_default();
        for edit in edits.iter().rev() {
            let offset = |position: &Value| {
                let (line, character) = (position["line"].as_u64().unwrap(), position["character"].as_u64().unwrap());
                let start: usize = text.split_inclusive('\n').take(line as usize).map(str::len).sum();
                let mut units = 0;
                let within = text[start..].char_indices().find(|(_, sign)| {
                    units += sign.len_utf16() as u64;
                    units > character
                });
                start + within.map_or(text.len() - start, |(at, _)| at)
            };
            let range = offset(&edit["range"]["start"])..offset(&edit["range"]["end"]);
            text.replace_range(range, edit["newText"].as_str().unwrap());
        }
        text
    };
    (text(SHOP, ORDERS), text(FIELDS, CUSTOMERS))
}

#[test]
fn a_thing_gets_another_name_in_all_files() {
    let mut client = opened();
    let place = client.ask("textDocument/prepareRename", about(SHOP, ORDERS, "价 < LIMIT", 0)).unwrap();
    assert_eq!((&place["placeholder"], &place["range"]["start"]), (&json!("价"), &position(ORDERS, "价 < LIMIT", 0)));
    let mut asked = about(SHOP, ORDERS, "价 < LIMIT", 0);
    asked["newName"] = json!("price");
    let (orders, fields) = edited(&client.ask("textDocument/rename", asked).unwrap());
    assert_eq!(fields, CUSTOMERS);
    let expected = ORDERS
        .replace("价: int64", "price: int64 from \"价\"")
        .replace("require 价", "require price")
        .replace("+= 价", "+= price")
        .replace("paid: 价", "paid: price")
        .replace("{ id, 价 }", "{ id, 价: price }");
    assert_eq!(orders, expected);
    let mut asked = about(FIELDS, CUSTOMERS, "customer (", 0);
    asked["newName"] = json!("buyer");
    let (orders, fields) = edited(&client.ask("textDocument/rename", asked).unwrap());
    assert_eq!(orders, ORDERS.replace("expand customer(", "expand buyer("));
    assert_eq!(
        fields,
        CUSTOMERS.replace("dimension customer", "dimension buyer").replace("fields customer", "fields buyer")
    );
    client.end();
}

#[test]
fn what_cannot_be_renamed_is_refused_with_why() {
    let mut client = opened();
    let refused = client.ask("textDocument/prepareRename", about(SHOP, ORDERS, "keep", 1)).unwrap_err();
    assert!(refused.1.starts_with("here is no name that can be changed"), "{refused:?}");
    for (at, name, words) in [
        ("价: int64", "id", "`id`"),
        ("spent by", "orders", "`orders`"),
        ("paid from", "not", "`not` is a word of the language"),
    ] {
        let mut asked = about(SHOP, ORDERS, at, 0);
        asked["newName"] = json!(name);
        let (code, message) = client.ask("textDocument/rename", asked).unwrap_err();
        assert!(code == -32803 && message.contains(words), "{at} -> {name}: {code} {message}");
    }
    client.end();
}
