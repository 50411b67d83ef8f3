//! A client that talks to the server in memory.
#![allow(dead_code, reason = "each test uses some of it")]
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use lsp_server::{Connection, Message, Notification, Request, RequestId};
use nsf_analysis::project::{Parsed, ParsedFile, ParsedProject};
use nsf_diagnostics::{Code, SourceText};
use nsf_lsp::{Host, Project, Read, ServeError, serve};
use serde_json::{Value, json};

/// Projects of what is open, and of one file that is not.
pub struct Open;

/// Who holds it stops the check of texts that say `gate!`.
pub static GATE: Mutex<()> = Mutex::new(());
/// Whether such a check has come so far.
pub static AT_GATE: AtomicBool = AtomicBool::new(false);

/// The file that is not open.
pub const LIMITS: &str = "const LIMIT: int64 = 5\n";

impl Host for Open {
    fn project_of(&self, file: &Path) -> PathBuf {
        file.parent().unwrap().to_path_buf()
    }

    fn project(&self, folder: &Path) -> Box<dyn Project> {
        Box::new(Shop { folder: folder.to_path_buf() })
    }

    fn projects_in(&self, folder: &Path) -> Vec<PathBuf> {
        vec![folder.join("found")]
    }

    fn page(&self, code: &Code) -> Option<PathBuf> {
        Some(PathBuf::from(format!("/pages/{}.md", code.id)))
    }

    fn is_running(&self, process: u32) -> bool {
        process != GONE
    }
}

/// A process that is not there.
pub const GONE: u32 = 7;

struct Shop {
    folder: PathBuf,
}

impl Project for Shop {
    fn look_again(&mut self) -> bool {
        true
    }

    fn texts(&mut self, open: &nsf_lsp::Open<'_>) -> Read {
        assert!(!open.values().any(|document| document.text().contains("panic!")), "asked for");
        if open.values().any(|document| document.text().contains("gate!")) {
            AT_GATE.store(true, Ordering::SeqCst);
            drop(GATE.lock());
        }
        let file = |path: String, parsed| ParsedFile { path, parsed };
        let inner = |path: &Path| path.strip_prefix(&self.folder).unwrap().display().to_string();
        let mut files: Vec<ParsedFile> =
            open.iter().map(|(path, document)| file(inner(path), document.parsed().clone())).collect();
        if !files.iter().any(|file| file.path == "limits.nsf") {
            files.push(file("limits.nsf".to_owned(), Arc::new(Parsed::of(SourceText::new(LIMITS)))));
        }
        files.sort_by(|one, other| one.path.cmp(&other.path));
        let project = ParsedProject { name: "shop".to_owned(), files, lock: None };
        Read { project, unreadable: Vec::new() }
    }
}

/// A client in memory.
pub struct Client {
    pub connection: Connection,
    pub server: Option<JoinHandle<Result<(), ServeError>>>,
    next: i32,
    /// What came that nobody has asked for yet.
    told: Vec<Notification>,
    /// What the server has asked for.
    pub asked: Vec<Request>,
}

/// What a client of today can do with diagnostics, code actions and outlines.
pub fn able() -> Value {
    json!({ "textDocument": {
        "publishDiagnostics": { "relatedInformation": true, "tagSupport": { "valueSet": [1, 2] } },
        "codeAction": { "codeActionLiteralSupport": { "codeActionKind": { "valueSet": ["quickfix"] } } },
        "documentSymbol": { "hierarchicalDocumentSymbolSupport": true },
    } })
}

const TIME: Duration = Duration::from_secs(60);

impl Client {
    pub fn start(capabilities: Value) -> (Self, Value) {
        Self::start_with(json!({ "processId": null, "capabilities": capabilities }))
    }

    pub fn start_with(params: Value) -> (Self, Value) {
        let (connection, own) = Connection::memory();
        let server = std::thread::spawn(move || serve(&own, &Open));
        let mut client = Self { connection, server: Some(server), next: 0, told: Vec::new(), asked: Vec::new() };
        let answer = client.ask("initialize", params);
        client.tell("initialized", json!({}));
        (client, answer.unwrap())
    }

    pub fn tell(&self, method: &str, params: Value) {
        self.connection.sender.send(Notification { method: method.to_owned(), params }.into()).unwrap();
    }

    pub fn ask(&mut self, method: &str, params: Value) -> Result<Value, (i32, String)> {
        let id = self.send(method, params);
        self.answer(&id)
    }

    /// Sends a request and does not wait.
    pub fn send(&mut self, method: &str, params: Value) -> RequestId {
        self.next += 1;
        let id = RequestId::from(self.next);
        self.connection.sender.send(Request { id: id.clone(), method: method.to_owned(), params }.into()).unwrap();
        id
    }

    /// Waits for the answer to a request.
    pub fn answer(&mut self, id: &RequestId) -> Result<Value, (i32, String)> {
        loop {
            match self.connection.receiver.recv_timeout(TIME).unwrap() {
                Message::Response(response) if response.id == *id => {
                    return response.response_result.map_err(|error| (error.code, error.message));
                }
                Message::Notification(notification) => self.told.push(notification),
                Message::Request(request) => self.asked.push(request),
                other => panic!("{other:?}"),
            }
        }
    }

    /// Whether a notification of a method has come that nobody has asked for yet.
    pub fn was_told(&self, method: &str) -> bool {
        self.told.iter().any(|own| own.method == method)
    }

    /// The next notification of a method.
    pub fn told(&mut self, method: &str) -> Value {
        loop {
            if let Some(at) = self.told.iter().position(|own| own.method == method) {
                return self.told.remove(at).params;
            }
            match self.connection.receiver.recv_timeout(TIME).unwrap() {
                Message::Notification(notification) => self.told.push(notification),
                Message::Request(request) => self.asked.push(request),
                other => panic!("{other:?}"),
            }
        }
    }

    /// What is next said of a document.
    pub fn diagnostics(&mut self, uri: &str) -> (Value, Vec<Value>) {
        loop {
            let told = self.told("textDocument/publishDiagnostics");
            if told["uri"] == uri {
                return (told["version"].clone(), told["diagnostics"].as_array().unwrap().clone());
            }
        }
    }

    /// Answers once everything before it is done.
    pub fn settle(&mut self) {
        self.ask("textDocument/unheardOf", Value::Null).unwrap_err();
    }

    pub fn open(&self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "nsf", "version": 1, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub fn change(&self, uri: &str, version: i32, range: Value, text: &str) {
        let changes = json!([{ "range": range, "text": text }]);
        let params = json!({ "textDocument": { "uri": uri, "version": version }, "contentChanges": changes });
        self.tell("textDocument/didChange", params);
    }

    pub fn end(mut self) {
        assert_eq!(self.ask("shutdown", Value::Null), Ok(Value::Null));
        self.tell("exit", Value::Null);
        self.server.take().unwrap().join().unwrap().unwrap();
    }
}

pub fn range(line: u32, start: u32, end: u32) -> Value {
    json!({ "start": { "line": line, "character": start }, "end": { "line": line, "character": end } })
}
