//! A client talks to the server in memory.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod client;

use serde_json::{Value, json};

use client::{Client, able, range};

const SHOP: &str = "file:///shop/orders.nsf";

/// The name on the first line takes two units of UTF-16 for one of its characters.
const TEXT: &str = "const 价𠮷: int64 = 7\n\nfn more(n: int64) -> int64 = n + 价𠮷 * limti(n)\n";

/// A program in which something can be unused.
const FLOW: &str =
    "source s {\n  from: kafka(\"s\")\n  record { id: int64 }\n}\n\nflow f from s {\n  expand kafka(\"t\") { id }\n}\n";

#[test]
fn what_is_wrong_is_told_as_it_is_typed_and_no_longer_when_it_is_mended() {
    for (encodings, encoding, place) in [
        (json!(["utf-8", "utf-16"]), "utf-8", range(2, 43, 46)),
        (json!(["utf-16"]), "utf-16", range(2, 39, 42)),
        (Value::Null, "utf-16", range(2, 39, 42)),
    ] {
        let general = if encodings.is_null() { json!({}) } else { json!({ "positionEncodings": encodings }) };
        let (mut client, answer) = Client::start(json!({ "general": general }));
        assert_eq!(answer["capabilities"]["positionEncoding"], encoding);
        client.open(SHOP, &TEXT.replace("limti", "asb"));
        let (version, told) = client.diagnostics(SHOP);
        assert_eq!((version, told.len()), (json!(1), 1), "{told:?}");
        assert_eq!((&told[0]["range"], &told[0]["code"]), (&place, &json!("E0204")), "{encoding}");
        client.change(SHOP, 2, place, "abs");
        let (version, told) = client.diagnostics(SHOP);
        assert_eq!((version, told.as_slice()), (json!(2), [].as_slice()), "{encoding}");
        client.end();
    }
}

#[test]
fn a_fix_that_comes_with_a_message_is_offered_where_it_stands() {
    let (mut client, _) = Client::start(able());
    client.open(SHOP, "fn a(n: int64) -> bool = n > 1 && n < 2\n\nfn b(n: int64) -> bool = n > 1 || n < 2\n");
    let (_, told) = client.diagnostics(SHOP);
    assert!(told.len() > 1, "{told:?}");
    let at = |character| json!({ "textDocument": { "uri": SHOP }, "range": range(0, character, character), "context": { "diagnostics": [] } });
    let actions = client.ask("textDocument/codeAction", at(32)).unwrap();
    let titles: Vec<&str> = actions.as_array().unwrap().iter().map(|own| own["title"].as_str().unwrap()).collect();
    assert!(titles.contains(&"write `and`") && titles.iter().any(|title| title.starts_with("mend all")), "{titles:?}");
    let write = actions.as_array().unwrap().iter().find(|own| own["title"] == "write `and`").unwrap();
    assert_eq!(write["edit"]["changes"][SHOP][0]["newText"], "and");
    assert_eq!((&write["kind"], &write["isPreferred"]), (&json!("quickfix"), &json!(true)));
    // A warning can be allowed.
    client.open("file:///other/spare.nsf", &format!("const SPARE: int64 = 5\n\n{FLOW}"));
    let (_, told) = client.diagnostics("file:///other/spare.nsf");
    assert_eq!((&told[0]["code"], &told[0]["tags"], &told[0]["severity"]), (&json!("W0402"), &json!([1]), &json!(2)));
    let mut asked = at(7);
    asked["textDocument"]["uri"] = json!("file:///other/spare.nsf");
    let actions = client.ask("textDocument/codeAction", asked).unwrap();
    let allow = &actions[0]["edit"]["changes"]["file:///other/spare.nsf"][0];
    assert_eq!(allow["newText"], "// nsfc: allow unused\n");
    client.end();
}

#[test]
fn a_document_is_laid_out_and_shown_as_an_outline() {
    let (mut client, _) = Client::start(able());
    client.open(SHOP, "const   a: int64 = 5\n\nsource s {\n  from: kafka(\"s\")\n  record { id: int64 }\n}\n");
    let own = json!({ "textDocument": { "uri": SHOP }, "options": { "tabSize": 4, "insertSpaces": true } });
    let edits = client.ask("textDocument/formatting", own.clone()).unwrap();
    assert_eq!((&edits[0]["newText"], edits.as_array().unwrap().len()), (&json!("const a: int64 = 5\n"), 1));
    let symbols = client.ask("textDocument/documentSymbol", own.clone()).unwrap();
    assert_eq!((&symbols[0]["name"], &symbols[1]["detail"]), (&json!("a"), &json!("source")));
    assert_eq!(symbols[1]["children"][0]["name"], "id");
    // What is not open has no answer, and what nobody knows an error.
    let other = json!({ "textDocument": { "uri": "file:///shop/none.nsf" }, "options": { "tabSize": 4, "insertSpaces": true } });
    assert_eq!(client.ask("textDocument/formatting", other), Ok(Value::Null));
    let (code, words) = client.ask("textDocument/unheardOf", own).unwrap_err();
    assert!(code == -32601 && words.contains("textDocument/unheardOf"), "{code} {words}");
    let (code, _) = client.ask("textDocument/formatting", json!({ "textDocument": 7 })).unwrap_err();
    assert_eq!(code, -32602);
    client.end();
}

#[test]
fn another_file_of_the_project_is_told_of_too() {
    let (mut client, _) = Client::start(able());
    let limits = "file:///shop/limits.nsf";
    client.open(SHOP, "use limits\n\nfn least(n: int64) -> int64 = n + LIMIT\n");
    assert!(client.diagnostics(SHOP).1.is_empty());
    // The other file has a name twice, as long as it is open.
    client.open(limits, "const LIMIT: int64 = 5\nconst LIMIT: int64 = 6\n");
    let (_, told) = client.diagnostics(limits);
    let twice = told.iter().find(|own| own["code"] == "E0203").unwrap();
    assert_eq!(twice["relatedInformation"][0]["location"]["uri"], limits);
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": limits } }));
    assert!(client.diagnostics(limits).1.is_empty());
    client.end();
}

#[test]
fn a_panic_costs_nothing_but_what_was_asked() {
    let (mut client, _) = Client::start(json!({}));
    client.open(SHOP, &format!("const a: int64 = 5\n// panic!\n{FLOW}"));
    let told = client.told("window/logMessage");
    assert!(told["message"].as_str().unwrap().contains("this is a mistake in nsfc"), "{told}");
    client.change(SHOP, 2, json!({ "start": { "line": 1, "character": 0 }, "end": { "line": 2, "character": 0 } }), "");
    assert_eq!(client.diagnostics(SHOP).1.len(), 1);
    client.end();
}

#[test]
fn a_client_that_is_gone_ends_the_server() {
    let (Client { connection, server, .. }, _) = Client::start(json!({}));
    drop(connection);
    server.unwrap().join().unwrap().unwrap();
}
