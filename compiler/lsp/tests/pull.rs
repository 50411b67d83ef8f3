//! Diagnostics for clients that ask, several folders, and documents that are no file's.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod client;

use serde_json::{Value, json};

use client::{Client, range};

const SHOP: &str = "file:///shop/orders.nsf";
const LIMITS: &str = "file:///shop/limits.nsf";

fn pulling() -> Value {
    json!({ "textDocument": { "diagnostic": {} }, "workspace": { "diagnostics": { "refreshSupport": true } } })
}

fn of(uri: &str, before: Option<&Value>) -> Value {
    let mut params = json!({ "textDocument": { "uri": uri } });
    before.into_iter().for_each(|id| params["previousResultId"] = id.clone());
    params
}

#[test]
fn who_asks_is_not_told_and_hears_what_has_not_changed() {
    let (mut client, answer) = Client::start(pulling());
    assert_eq!(answer["capabilities"]["diagnosticProvider"]["workspaceDiagnostics"], true);
    client.open(SHOP, "use limits\n\nconst MORE: int64 = LIMTI\n");
    let first = client.ask("textDocument/diagnostic", of(SHOP, None)).unwrap();
    assert_eq!((&first["kind"], &first["items"][0]["code"]), (&json!("full"), &json!("E0204")), "{first}");
    let id = &first["resultId"];
    let again = client.ask("textDocument/diagnostic", of(SHOP, Some(id))).unwrap();
    assert_eq!((&again["kind"], &again["resultId"]), (&json!("unchanged"), id));
    client.change(SHOP, 2, range(2, 20, 25), "LIMIT");
    let mended = client.ask("textDocument/diagnostic", of(SHOP, Some(id))).unwrap();
    assert_eq!((&mended["kind"], &mended["items"]), (&json!("full"), &json!([])), "{mended}");
    assert_ne!(&mended["resultId"], id);
    assert!(!client.was_told("textDocument/publishDiagnostics"));
    client.end();
}

#[test]
fn who_is_told_is_not_offered_to_ask() {
    let (mut client, answer) = Client::start(json!({}));
    assert_eq!(answer["capabilities"]["diagnosticProvider"], Value::Null);
    client.open(SHOP, "const a: int64 = b\n");
    assert_eq!(client.diagnostics(SHOP).1.len(), 1);
    client.end();
}

#[test]
fn all_that_is_wrong_in_the_folders_is_found_and_what_has_gone_is_taken_back() {
    let mut params = json!({ "processId": null, "capabilities": pulling() });
    params["workspaceFolders"] = json!([{ "uri": "file:///work", "name": "work" }]);
    let (mut client, _) = Client::start_with(params);
    client.open(SHOP, "const a: int64 = b\n");
    client.open(LIMITS, "const LIMIT: int64 = c\n");
    let all = client.ask("workspace/diagnostic", json!({ "previousResultIds": [] })).unwrap();
    let kinds = |all: &Value| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        all["items"].as_array().unwrap().iter().map(|own| (text(&own["uri"]), text(&own["kind"]))).collect()
    };
    let full = |uri: &str| (uri.to_owned(), "full".to_owned());
    assert_eq!(kinds(&all), [full(LIMITS), full(SHOP)]);
    let ids: Vec<Value> = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|own| json!({ "uri": own["uri"], "value": own["resultId"] }))
        .collect();
    // The project is in none of the folders, and nothing of it is open any more.
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": LIMITS } }));
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": SHOP } }));
    let gone = client.ask("workspace/diagnostic", json!({ "previousResultIds": ids })).unwrap();
    assert_eq!(kinds(&gone), [full(LIMITS), full(SHOP)]);
    assert!(gone["items"].as_array().unwrap().iter().all(|own| own["items"] == json!([])), "{gone}");
    client.end();
}

#[test]
fn who_asks_is_told_to_ask_again_when_files_have_changed() {
    let (mut client, _) = Client::start(pulling());
    client.open(SHOP, "const a: int64 = b\n");
    client.settle();
    let asked = |client: &Client| client.asked.iter().any(|own| own.method == "workspace/diagnostic/refresh");
    client.ask("textDocument/diagnostic", of(SHOP, None)).unwrap();
    assert!(!asked(&client), "what the client itself has changed it knows");
    client.change(SHOP, 2, range(0, 17, 18), "5");
    client.tell("workspace/didChangeWatchedFiles", json!({ "changes": [{ "uri": LIMITS, "type": 2 }] }));
    client.ask("textDocument/diagnostic", of(SHOP, None)).unwrap();
    client.settle();
    assert!(asked(&client));
    client.end();
}

#[test]
fn what_was_said_of_a_project_is_taken_back_when_it_is_closed_unless_its_folder_is_open() {
    let mut params = json!({ "processId": null, "capabilities": {} });
    params["workspaceFolders"] = json!([{ "uri": "file:///shop", "name": "shop" }]);
    let (mut client, _) = Client::start_with(params);
    let other = "file:///other/orders.nsf";
    for uri in [SHOP, other] {
        client.open(uri, "const a: int64 = b\n");
        assert_eq!(client.diagnostics(uri).1.len(), 1);
    }
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": other } }));
    assert_eq!(client.diagnostics(other), (Value::Null, Vec::new()));
    // The folder leaves the workspace while the file is open, and the project goes with the file.
    let removed = json!({ "added": [], "removed": [{ "uri": "file:///shop", "name": "shop" }] });
    client.tell("workspace/didChangeWorkspaceFolders", json!({ "event": removed }));
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": SHOP } }));
    assert_eq!(client.diagnostics(SHOP), (Value::Null, Vec::new()));
    client.end();
}

#[test]
fn a_document_that_is_no_file_is_checked_alone() {
    let (mut client, _) = Client::start(json!({}));
    let (one, other) = ("untitled:Untitled-1", "untitled:Untitled-2");
    client.open(one, "const a: int64 = b\n");
    client.open(other, "const b: int64 = 5\n\nfn c(n: int64) -> int64 = n + b\n");
    assert_eq!(client.diagnostics(one).1[0]["code"], "E0204");
    assert!(client.diagnostics(other).1.is_empty());
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": one } }));
    assert!(client.diagnostics(one).1.is_empty());
    client.end();
}

#[test]
fn a_code_leads_to_its_page_where_the_client_shows_that() {
    for (shows, page) in [(true, json!({ "href": "file:///pages/E0204.md" })), (false, Value::Null)] {
        let published = json!({ "codeDescriptionSupport": shows });
        let (mut client, _) = Client::start(json!({ "textDocument": { "publishDiagnostics": published } }));
        client.open(SHOP, "const a: int64 = b\n");
        assert_eq!(client.diagnostics(SHOP).1[0]["codeDescription"], page);
        client.end();
    }
}
