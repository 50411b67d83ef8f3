//! The playground without a browser: what its page asks for, and who may ask.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops where it cannot go on")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

/// A playground that ends with the test.
struct Playground {
    child: Child,
    address: String,
    word: String,
}

impl Drop for Playground {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Playground {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nsfc"));
        let mut child = command.arg("playground").args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let address = said.split("http://").nth(1).unwrap_or_else(|| panic!("{said}"));
        let address = address.trim().trim_end_matches('/').to_owned();
        assert!(address.starts_with("127.0.0.1:"), "{said}");
        let mut own = Self { child, address, word: String::new() };
        let page = own.ask("GET", "/", &[], "").1;
        let word = page.split("name=\"nsf-word\" content=\"").nth(1).unwrap();
        own.word = word.split('"').next().unwrap().to_owned();
        own
    }

    /// Status and body of an answer.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let named = |wanted: &str| headers.iter().any(|(name, _)| *name == wanted);
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
        if !named("Host") {
            head.push_str(&format!("Host: {}\r\n", self.address));
        }
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{head}\r\n{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let (status, text) = self.ask("POST", path, &[("x-nsf-word", &self.word)], &body.to_string());
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }
}

#[test]
fn the_example_is_shown_and_runs() {
    let playground = Playground::start(&[]);
    for (path, part) in [("/playground.js", "textDocument/didOpen"), ("/style.css", "#editor")] {
        let (status, text) = playground.ask("GET", path, &[], "");
        assert!(status == 200 && text.contains(part), "{path}: {status}");
    }
    let (_, project) = playground.post("/files", &json!({}));
    assert_eq!((&project["name"], &project["files"][0]["path"]), (&json!("example"), &json!("example.nsf")));
    let program = json!({ "files": project["files"] });
    let (_, sample) = playground.post("/sample", &program);
    let input = &sample["inputs"][0];
    assert_eq!((&input["name"], &input["kind"]), (&json!("example.orders"), &json!("source")));
    assert_eq!(input["text"].as_str().unwrap().lines().count(), 4);
    let wanted = json!({ "files": project["files"], "inputs": [input] });
    let (status, ran) = playground.post("/run", &wanted);
    assert_eq!((status, &ran["ok"]), (200, &json!(true)), "{ran}");
    let output = |name: &str| {
        let all = ran["outputs"].as_array().unwrap().iter();
        all.filter(|own| own["name"] == name).map(|own| own["text"].as_str().unwrap().to_owned()).collect::<String>()
    };
    assert_eq!(output("big_spenders"), "{\"customer\":\"ann\",\"total\":1100.5}\n");
    assert!(output("example.spent").contains("\"total\":1100.5,\"count\":2"), "{ran}");
    assert!(output("rejected").contains("amount must be above 0"), "{ran}");
}

#[test]
fn what_is_typed_stays_in_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let program = "source s {\n  from: kafka(\"s\")\n  record { id: int64 }\n}\n\nflow f from s {\n  expand kafka(\"t\") { id }\n}\n";
    std::fs::write(folder.path().join("shop.nsf"), program).unwrap();
    let playground = Playground::start(&[folder.path().to_str().unwrap()]);
    let file = |path: &str, text: &str| json!({ "files": [{ "path": path, "text": text }], "inputs": [{ "name": "s", "text": "{\"id\":7}\n" }] });
    let (_, ran) = playground.post("/run", &file("shop.nsf", &program.replace("{ id }", "{ id, twice: id * 2 }")));
    assert_eq!(ran["outputs"][0]["text"], "{\"id\":7,\"twice\":14}\n", "{ran}");
    let inside: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|own| own.unwrap().file_name()).collect();
    assert_eq!(inside, ["shop.nsf"]);
    assert_eq!(std::fs::read_to_string(folder.path().join("shop.nsf")).unwrap(), program);
    let (status, words) = playground.post("/run", &file("shop.nsf", &program.replace("from s", "from t")));
    assert_eq!((status, words.as_str()), (400, Some("the program has errors: they are marked in the editor")));
    for path in ["../outside.nsf", "/tmp/outside.nsf", "nsf.yaml"] {
        let (status, words) = playground.post("/run", &file(path, program));
        assert!(status == 400 && words.as_str().unwrap().contains("is no path of a program text"), "{path}: {words}");
    }
}

#[test]
fn nobody_but_the_page_may_ask() {
    let playground = Playground::start(&[]);
    let own = playground.word.as_str();
    for headers in [vec![], vec![("x-nsf-word", "guessed")], vec![("x-nsf-word", own), ("Host", "evil.example:80")]] {
        let (status, words) = playground.ask("POST", "/run", &headers, "{}");
        assert_eq!(status, 403, "{headers:?}: {words}");
    }
    assert_eq!(playground.ask("GET", "/", &[("Host", "evil.example")], "").0, 403);
    assert_eq!(playground.ask("GET", "/../Cargo.toml", &[], "").0, 404);
    let (status, words) = playground.post("/run", &json!({ "files": 7 }));
    assert!(status == 400 && words.as_str().unwrap().starts_with("the request cannot be read"), "{words}");
    // Its word is another one each time.
    assert_ne!(Playground::start(&[]).word, playground.word);
}

#[test]
fn the_editor_is_a_client_of_the_language_server() {
    let playground = Playground::start(&[]);
    let (_, project) = playground.post("/files", &json!({}));
    let uri = format!("{}example.nsf", project["uri"].as_str().unwrap());
    let send = |message: Value| {
        let (status, words) = playground.post("/lsp", &json!({ "page": "a", "message": message.to_string() }));
        assert_eq!(status, 200, "{words}");
    };
    let initialize = json!({ "processId": null, "capabilities": {}, "rootUri": project["uri"] });
    send(json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize }));
    send(json!({ "jsonrpc": "2.0", "method": "initialized", "params": {} }));
    let document = json!({ "uri": uri, "languageId": "nsf", "version": 1, "text": "flow f from nothing {\n}\n" });
    send(json!({ "jsonrpc": "2.0", "method": "textDocument/didOpen", "params": { "textDocument": document } }));
    let mut said = Vec::new();
    while !said.iter().any(|own: &Value| own["method"] == "textDocument/publishDiagnostics") {
        let (status, messages) = playground.post("/lsp/wait", &json!({ "page": "a" }));
        assert_eq!(status, 200, "{messages}");
        said.extend(messages.as_array().unwrap().iter().cloned());
    }
    assert!(said[0]["result"]["capabilities"].is_object() && said[0]["jsonrpc"] == "2.0", "{said:?}");
    let told = said.iter().find(|own| own["method"] == "textDocument/publishDiagnostics").unwrap();
    assert_eq!(told["params"]["diagnostics"][0]["code"], "E0204", "{told}");
}
