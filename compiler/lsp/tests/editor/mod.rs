//! An editor in memory, for tests of features: a project of a few files that are all open.
#![allow(clippy::unwrap_used, clippy::panic, dead_code, reason = "a test stops where it cannot go on")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

use lsp_server::{Connection, Message, Notification, Request, RequestId};
use nsf_analysis::project::{ParsedFile, ParsedProject};
use nsf_diagnostics::{Code, SourceText};
use nsf_lsp::{Host, Project, Read, ServeError, serve};
use serde_json::{Value, json};

/// Where the cursor stands in a text of a test.
pub const CURSOR: &str = "‸";

const TIME: Duration = Duration::from_secs(60);

struct Folder;

impl Host for Folder {
    fn project_of(&self, _: &Path) -> PathBuf {
        PathBuf::from("/shop")
    }

    fn project(&self, folder: &Path) -> Box<dyn Project> {
        Box::new(Opened { folder: folder.to_path_buf() })
    }

    fn projects_in(&self, _: &Path) -> Vec<PathBuf> {
        vec![PathBuf::from("/shop")]
    }

    fn page(&self, _: &Code) -> Option<PathBuf> {
        None
    }

    fn is_running(&self, _: u32) -> bool {
        true
    }
}

struct Opened {
    folder: PathBuf,
}

impl Project for Opened {
    fn look_again(&mut self) -> bool {
        true
    }

    fn texts(&mut self, open: &nsf_lsp::Open<'_>) -> Read {
        let inner = |path: &Path| path.strip_prefix(&self.folder).unwrap().display().to_string();
        let file = |(path, document): (&&Path, &&nsf_lsp::Document)| ParsedFile {
            path: inner(path),
            parsed: document.parsed().clone(),
        };
        let lock = Some(SourceText::new(""));
        let project = ParsedProject { name: "shop".to_owned(), files: open.iter().map(file).collect(), lock };
        Read { project, unreadable: Vec::new() }
    }
}

/// What a client that can do everything says of itself.
pub fn able() -> Value {
    json!({
        "general": { "positionEncodings": ["utf-8"] },
        "experimental": { "commands": ["nsf.runTest", "nsf.showGraph", "nsf.showRejections"] },
        "textDocument": {
            "completion": { "completionItem": { "snippetSupport": true, "documentationFormat": ["markdown"] } },
            "hover": { "contentFormat": ["markdown", "plaintext"] },
        },
    })
}

pub struct Editor {
    connection: Connection,
    server: Option<JoinHandle<Result<(), ServeError>>>,
    next: i32,
    versions: BTreeMap<String, (i32, String)>,
    pub capabilities: Value,
}

impl Editor {
    pub fn start(mut capabilities: Value, options: Value) -> Self {
        // Every editor of today takes edits as code actions.
        capabilities["textDocument"]["codeAction"]["codeActionLiteralSupport"] =
            json!({ "codeActionKind": { "valueSet": [] } });
        let (connection, own) = Connection::memory();
        let server = std::thread::spawn(move || serve(&own, &Folder));
        let mut editor =
            Self { connection, server: Some(server), next: 0, versions: BTreeMap::new(), capabilities: Value::Null };
        let params = json!({ "processId": null, "capabilities": capabilities, "initializationOptions": options });
        editor.capabilities = editor.ask("initialize", params)["capabilities"].clone();
        editor.tell("initialized", json!({}));
        editor
    }

    /// An editor with some files open and checked.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let mut editor = Self::start(able(), Value::Null);
        for (name, text) in files {
            editor.open(name, text);
        }
        editor
    }

    pub fn tell(&self, method: &str, params: Value) {
        self.connection.sender.send(Notification { method: method.to_owned(), params }.into()).unwrap();
    }

    pub fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let id = RequestId::from(self.next);
        self.connection.sender.send(Request { id: id.clone(), method: method.to_owned(), params }.into()).unwrap();
        loop {
            match self.connection.receiver.recv_timeout(TIME).unwrap() {
                Message::Response(response) if response.id == id => {
                    return response.response_result.unwrap_or_else(|error| panic!("{method}: {}", error.message));
                }
                Message::Notification(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Opens a file and waits until it is checked.
    pub fn open(&mut self, name: &str, text: &str) {
        let version = self.versions.get(name).map_or(1, |(version, _)| version + 1);
        self.versions.insert(name.to_owned(), (version, text.to_owned()));
        let document = json!({ "uri": uri(name), "languageId": "nsf", "version": version, "text": text });
        self.tell("textDocument/didOpen", json!({ "textDocument": document }));
        self.checked(name);
    }

    /// Types a whole text in the place of the old one; nothing waits.
    pub fn change(&mut self, name: &str, text: &str) {
        let own = self.versions.get_mut(name).unwrap();
        *own = (own.0 + 1, text.to_owned());
        let document = json!({ "uri": uri(name), "version": own.0 });
        self.tell("textDocument/didChange", json!({ "textDocument": document, "contentChanges": [{ "text": text }] }));
    }

    /// What is found in a file as it is now.
    pub fn checked(&mut self, name: &str) -> Vec<String> {
        let wanted = self.versions[name].0;
        loop {
            let Message::Notification(told) = self.connection.receiver.recv_timeout(TIME).unwrap() else { continue };
            let params = told.params;
            if told.method == "textDocument/publishDiagnostics"
                && params["uri"] == uri(name)
                && params["version"] == wanted
            {
                let found = params["diagnostics"].as_array().unwrap().iter();
                return found.map(|own| own["message"].as_str().unwrap().to_owned()).collect();
            }
        }
    }

    /// Asks about a place of a file.
    pub fn ask_at(&mut self, method: &str, name: &str, offset: usize) -> Value {
        let position = self.position(name, offset);
        self.ask(method, json!({ "textDocument": { "uri": uri(name) }, "position": position }))
    }

    pub fn position(&self, name: &str, offset: usize) -> Value {
        let before = &self.versions[name].1[..offset];
        let line = before.rsplit('\n').next().unwrap();
        json!({ "line": before.matches('\n').count(), "character": line.len() })
    }

    pub fn range(&self, name: &str, start: usize, end: usize) -> Value {
        json!({ "start": self.position(name, start), "end": self.position(name, end) })
    }

    pub fn text(&self, name: &str) -> &str {
        &self.versions[name].1
    }

    /// The text of a file with edits in it.
    pub fn edited(&self, name: &str, edits: &[Value]) -> String {
        let text = self.text(name);
        let offset = |at: &Value| {
            let (line, character) = (at["line"].as_u64().unwrap() as usize, at["character"].as_u64().unwrap() as usize);
            text.split_inclusive('\n').take(line).map(str::len).sum::<usize>() + character
        };
        let mut places: Vec<(usize, usize, &str)> = edits
            .iter()
            .map(|edit| {
                let range = &edit["range"];
                (offset(&range["start"]), offset(&range["end"]), edit["newText"].as_str().unwrap())
            })
            .collect();
        places.sort();
        let mut edited = text.to_owned();
        for (start, end, new) in places.into_iter().rev() {
            edited.replace_range(start..end, new);
        }
        edited
    }

    pub fn end(mut self) {
        self.ask("shutdown", Value::Null);
        self.tell("exit", Value::Null);
        self.server.take().unwrap().join().unwrap().unwrap();
    }
}

pub fn uri(name: &str) -> String {
    format!("file:///shop/{name}")
}

/// A text without its cursor, and where that stands.
pub fn cursor(text: &str) -> (String, usize) {
    let at = text.find(CURSOR).unwrap_or_else(|| panic!("no cursor in\n{text}"));
    (text.replacen(CURSOR, "", 1), at)
}
