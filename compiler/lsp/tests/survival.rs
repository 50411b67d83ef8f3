//! What goes wrong costs itself alone.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod client;

use std::sync::atomic::Ordering;

use serde_json::{Value, json};

use client::{AT_GATE, Client, GATE, GONE, range};

const SHOP: &str = "file:///shop/orders.nsf";

#[test]
fn a_client_whose_process_is_gone_ends_the_server_though_its_end_is_open() {
    let (Client { connection, server, .. }, _) = Client::start_with(json!({ "processId": GONE, "capabilities": {} }));
    server.unwrap().join().unwrap().unwrap();
    drop(connection);
}

/// The request of what is offered.
fn method(offered: &str) -> String {
    match offered {
        "callHierarchy" => "textDocument/prepareCallHierarchy".to_owned(),
        "documentFormatting" => "textDocument/formatting".to_owned(),
        "documentOnTypeFormatting" => "textDocument/onTypeFormatting".to_owned(),
        "documentRangeFormatting" => "textDocument/rangeFormatting".to_owned(),
        "semanticTokens" => "textDocument/semanticTokens/full".to_owned(),
        "workspaceSymbol" => "workspace/symbol".to_owned(),
        other => format!("textDocument/{other}"),
    }
}

#[test]
fn a_failure_is_shown_once_and_every_request_is_answered() {
    let (mut client, answer) = Client::start(json!({ "textDocument": { "diagnostic": {} } }));
    client.open(SHOP, "// panic!\nconst a: int64 = 5\n");
    let position = json!({ "line": 1, "character": 7 });
    let everything = json!({
        "textDocument": { "uri": SHOP }, "position": position, "positions": [position], "range": range(1, 0, 5),
        "options": { "tabSize": 2, "insertSpaces": true }, "ch": "}", "query": "a", "newName": "b",
        "context": { "diagnostics": [], "includeDeclaration": true, "isRetrigger": false, "triggerKind": 1 },
        "previousResultIds": [],
    });
    let offered = answer["capabilities"].as_object().unwrap().keys().filter_map(|name| name.strip_suffix("Provider"));
    let mut methods: Vec<String> = offered.map(method).collect();
    methods.extend(["textDocument/semanticTokens/range", "workspace/diagnostic"].map(str::to_owned));
    assert!(methods.len() > 12, "{methods:?}");
    for method in &methods {
        let answer = client.ask(method, everything.clone());
        assert!(answer.is_ok(), "{method}: {answer:?}");
        client.change(SHOP, 2, range(1, 0, 0), " ");
    }
    client.told("window/showMessage");
    client.settle();
    assert!(!client.was_told("window/showMessage") && client.was_told("window/logMessage"));
    client.end();
}

#[test]
fn a_module_that_the_standard_library_lacks_is_one_mistake() {
    let (mut client, _) = Client::start(json!({}));
    client.open(SHOP, "use std.nothing\n\nconst a: int64 = anything\n");
    let told = client.told("textDocument/publishDiagnostics")["diagnostics"].clone();
    assert_eq!(told.as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!((&told[0]["code"], &told[0]["range"]), (&json!("E0201"), &range(0, 4, 15)));
    client.end();
}

#[test]
fn what_waits_can_be_cancelled() {
    let (mut client, _) = Client::start(json!({}));
    let gate = GATE.lock().unwrap();
    client.open(SHOP, "const a: int64 = 5\n// gate!\n");
    while !AT_GATE.load(Ordering::SeqCst) {
        std::thread::yield_now();
    }
    let asked = json!({ "textDocument": { "uri": SHOP } });
    let first = client.send("textDocument/documentSymbol", asked.clone());
    let second = client.send("textDocument/foldingRange", asked);
    client.tell("$/cancelRequest", json!({ "id": 2 }));
    client.tell("$/cancelRequest", json!({ "id": 99 }));
    drop(gate);
    assert_eq!(client.answer(&first).unwrap_err().0, -32800);
    client.answer(&second).unwrap();
    client.end();
}

#[test]
fn what_cannot_be_read_is_told_of_and_passed_over() {
    let (mut client, _) = Client::start(json!({}));
    client.tell("textDocument/didOpen", json!({ "textDocument": 7 }));
    let told = client.told("window/logMessage");
    assert!(told["message"].as_str().unwrap().contains("`textDocument/didOpen` cannot be read"), "{told}");
    let (code, _) = client.ask("textDocument/formatting", json!({ "textDocument": 7 })).unwrap_err();
    assert_eq!(code, -32602);
    client.tell("no/suchThing", Value::Null);
    client
        .tell("textDocument/didChange", json!({ "textDocument": { "uri": SHOP, "version": 1 }, "contentChanges": [] }));
    client.settle();
    client.end();
}
