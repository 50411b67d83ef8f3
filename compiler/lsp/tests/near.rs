//! Documents in large projects: what is found of them at once, and that in the end it is what is found of them in small ones.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

mod client;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use client::{Client, range};

const ORDERS: (&str, &str) = (
    "file:///shop/orders.nsf",
    "source order {\n  from: kafka(\"orders\")\n  record {\n    id: text\n    n:  int64\n  }\n  key: id\n}\n",
);
const MORE: (&str, &str) = (
    "file:///shop/more.nsf",
    "use orders\n\nflow more from order {\n  expand kafka(\"more\", key: id) { id, m: n + 1 }\n}\n",
);
/// It waits for what a flow sends that it does not use.
const CHECK: (&str, &str) = (
    "file:///shop/check.nsf",
    "use orders\n\ntest \"more is sent\" {\n  given order [{ id: \"a\", n: 1 }]\n  expect published kafka(\"more\") [{ id: \"a\", m: 2 }]\n}\n",
);

/// A client with the documents open, in a large project or a small one.
fn start(capabilities: Value, is_large: bool) -> Client {
    let (mut client, _) = Client::start(capabilities);
    for (uri, text) in [ORDERS, MORE, CHECK] {
        client.open(uri, text);
    }
    let lines = if is_large { 20_000 } else { 1 };
    client.open("file:///shop/notes.nsf", &"// the whole takes a while with so much text\n".repeat(lines));
    settle(&mut client);
    client
}

fn pulling() -> Value {
    json!({ "textDocument": { "diagnostic": {} }, "workspace": { "diagnostics": { "refreshSupport": true } } })
}

/// Waits until all is checked: what is asked of the whole is not answered before.
fn settle(client: &mut Client) {
    client.ask("workspace/symbol", json!({ "query": "" })).unwrap();
}

/// The codes and lines of what is said of a document that asks for it.
fn pulled(client: &mut Client, uri: &str) -> Vec<(String, u64)> {
    let report = client.ask("textDocument/diagnostic", json!({ "textDocument": { "uri": uri } })).unwrap();
    codes(report["items"].as_array().unwrap())
}

fn codes(diagnostics: &[Value]) -> Vec<(String, u64)> {
    let one = |own: &Value| (own["code"].as_str().unwrap().to_owned(), own["range"]["start"]["line"].as_u64().unwrap());
    diagnostics.iter().map(one).collect()
}

fn found(code: &str, line: u64) -> (String, u64) {
    (code.to_owned(), line)
}

fn asked_again(client: &Client) -> bool {
    client.asked.iter().any(|own| own.method == "workspace/diagnostic/refresh")
}

#[test]
fn what_the_whole_alone_tells_comes_later() {
    for is_large in [false, true] {
        let mut client = start(pulling(), is_large);
        client.change(MORE.0, 2, range(1, 0, 0), "const UNUSED: int64 = 1\nconst WRONG: int64 = \"a\" + m\n");
        let first = pulled(&mut client, MORE.0);
        assert_eq!(first, [found("E0303", 2)]);
        client.change(
            MORE.0,
            3,
            json!({ "start": { "line": 2, "character": 0 }, "end": { "line": 3, "character": 0 } }),
            "",
        );
        let unused = [found("W0402", 1)];
        let second = pulled(&mut client, MORE.0);
        assert_eq!(second, if is_large { &[][..] } else { &unused[..] });
        settle(&mut client);
        assert_eq!(asked_again(&client), is_large, "who was told too little asks again");
        assert_eq!(pulled(&mut client, MORE.0), unused);
        // From now on it is known, and goes down as lines are typed above it.
        client.change(MORE.0, 4, range(0, 0, 0), "// a\n// b\n");
        assert_eq!(pulled(&mut client, MORE.0), [found("W0402", 3)]);
        // Where it is taken away it is gone at once.
        client.change(
            MORE.0,
            5,
            json!({ "start": { "line": 3, "character": 0 }, "end": { "line": 4, "character": 0 } }),
            "",
        );
        assert_eq!(pulled(&mut client, MORE.0), []);
        client.end();
    }
}

#[test]
fn what_only_seems_wrong_without_the_others_is_not_said() {
    let mut client = start(pulling(), true);
    assert_eq!(pulled(&mut client, CHECK.0), []);
    client.change(CHECK.0, 2, range(0, 0, 0), "// nothing publishes this here\n");
    assert_eq!(pulled(&mut client, CHECK.0), []);
    client.change(CHECK.0, 3, range(5, 45, 46), "k");
    settle(&mut client);
    assert_eq!(pulled(&mut client, CHECK.0), [found("E0514", 5)]);
    // What is wrong with a document alone is said at once, beside what was found before.
    client.change(CHECK.0, 4, range(4, 21, 24), "4");
    assert_eq!(pulled(&mut client, CHECK.0), [found("E0301", 4), found("E0514", 5)]);
    client.end();
}

#[test]
fn what_is_asked_of_a_place_is_of_the_text_as_it_is() {
    let mut client = start(json!({}), true);
    client.change(ORDERS.0, 2, range(4, 8, 13), "decimal");
    let hover = |client: &mut Client, uri: &str, line: u32, character: u32| {
        let position = json!({ "line": line, "character": character });
        client.ask("textDocument/hover", json!({ "textDocument": { "uri": uri }, "position": position })).unwrap()
    };
    assert!(hover(&mut client, ORDERS.0, 4, 4).to_string().contains("decimal"));
    // So is that of another document, which uses what has changed.
    assert!(hover(&mut client, MORE.0, 3, 41).to_string().contains("decimal"));
    let position = json!({ "line": 4, "character": 4 });
    let params = json!({
        "textDocument": { "uri": ORDERS.0 }, "position": position, "context": { "includeDeclaration": true },
    });
    let references = client.ask("textDocument/references", params).unwrap();
    let mut files: Vec<&str> = references.as_array().unwrap().iter().map(|own| own["uri"].as_str().unwrap()).collect();
    files.dedup();
    assert_eq!(files, [CHECK.0, MORE.0, ORDERS.0], "{references}");
    client.end();
}

/// What is typed into the documents, a piece after the other.
fn script() -> Vec<(&'static str, Value, &'static str)> {
    let all = |from: (u32, u32), to: (u32, u32)| json!({ "start": { "line": from.0, "character": from.1 }, "end": { "line": to.0, "character": to.1 } });
    let mut script = Vec::new();
    for (at, letter) in "  calculate { o = n * k }\n".char_indices() {
        let letter = &"  calculate { o = n * k }\n"[at..at + letter.len_utf8()];
        script.push((MORE.0, range(3, at as u32, at as u32), letter));
    }
    script.push((ORDERS.0, all((5, 0), (5, 0)), "    k: int64?\n"));
    script.push((MORE.0, all((3, 22), (3, 23)), "(k ?? 1)"));
    script.push((MORE.0, all((4, 41), (4, 42)), "o"));
    script.push((CHECK.0, all((3, 30), (3, 30)), ", k: null"));
    script.push((CHECK.0, all((5, 0), (5, 0)), "  expect published kafka(\"none\") []\n"));
    script.push((ORDERS.0, all((0, 0), (0, 0)), "const LEFT: int64 = 5\n\n"));
    script
}

/// What was last said of each document, and of which version.
type Said = BTreeMap<String, (Value, Value)>;

/// Takes the next thing that is said; of which document and version it is.
fn hear(client: &mut Client, said: &mut Said) -> (String, Value) {
    let told = client.told("textDocument/publishDiagnostics");
    let uri = told["uri"].as_str().unwrap().to_owned();
    said.insert(uri.clone(), (told["version"].clone(), told["diagnostics"].clone()));
    (uri, told["version"].clone())
}

#[test]
fn in_the_end_a_large_project_is_told_of_as_a_small_one() {
    let mut ends: Vec<Said> = Vec::new();
    for (is_large, waits) in [(false, false), (true, false), (true, true)] {
        let mut client = start(json!({}), is_large);
        let (mut said, mut version) = (Said::new(), 1);
        for (uri, range, text) in script() {
            version += 1;
            client.change(uri, version, range, text);
            let wanted = (uri.to_owned(), json!(version));
            while waits && hear(&mut client, &mut said) != wanted {}
        }
        settle(&mut client);
        while client.was_told("textDocument/publishDiagnostics") {
            hear(&mut client, &mut said);
        }
        let of = |uri: &str| codes(said[uri].1.as_array().unwrap());
        assert_eq!(of(CHECK.0), [found("E0701", 5)]);
        assert_eq!((of(ORDERS.0), of(MORE.0)), (Vec::new(), Vec::new()));
        ends.push(said);
        client.end();
    }
    ends.dedup();
    assert_eq!(ends.len(), 1, "{ends:#?}");
}

#[test]
fn what_comes_out_of_a_refactoring_is_checked_with_what_uses_the_document() {
    let mut client = start(client::able(), true);
    let function = "verify positive(n: int64) {\n  reject when n <= 0 \"nothing\"\n}\n\nflow checked from order {\n  verify positive\n}\n";
    client.change(ORDERS.0, 2, range(8, 0, 0), &format!("\n{function}"));
    client.change(MORE.0, 2, range(3, 0, 0), "  verify positive\n");
    settle(&mut client);
    let at = json!({ "line": 14, "character": 12 });
    let params = json!({
        "textDocument": { "uri": ORDERS.0 }, "range": { "start": at, "end": at }, "context": { "diagnostics": [] },
    });
    let actions = client.ask("textDocument/codeAction", params).unwrap();
    let inline = actions.as_array().unwrap().iter().find(|own| own["kind"] == "refactor.inline");
    assert!(inline.is_some_and(|own| own["edit"].to_string().contains("reject when n <= 0")), "{actions}");
    client.end();
}
