//! Somebody types: each keystroke is told, and its diagnostics are waited for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;

/// How often the server is started.
const STARTS: usize = 5;
/// Between two keystrokes, of somebody who types very quickly.
const PAUSE: Duration = Duration::from_millis(30);
/// After so many keystrokes something is asked that all of the project must be checked for.
const WHOLE: usize = 10;
/// What is typed behind the first step of a flow; then it is taken back.
const TYPED: &str = "\n  calculate { spent = end - start }";
const BEFORE: &str = "\n  verify    sane_segment";

pub struct Measured {
    pub files: usize,
    pub keystrokes: Vec<Duration>,
    pub completions: Vec<Duration>,
    pub hovers: Vec<Duration>,
    /// Until all of the project is checked again.
    pub wholes: Vec<Duration>,
    pub starts: Vec<Duration>,
    /// Processor time for all keystrokes, and what is asked after them.
    pub processor: Duration,
    pub peak_kilobytes: u64,
}

pub fn measure(nsfc: &Path, folder: &Path, keys: usize) -> io::Result<Measured> {
    let files = programs(folder)?;
    let middle = files.iter().skip(files.len() / 2).chain(&files);
    let mut read = middle.filter_map(|path| Some((path, fs::read_to_string(path).ok()?)));
    let (path, text) = read
        .find(|(_, text)| text.contains(BEFORE))
        .ok_or_else(|| io::Error::other(format!("no file has `{BEFORE}`")))?;
    let uri = format!("file://{}", path.display());
    let mut starts = Vec::new();
    for _ in 1..STARTS {
        let (client, time, _) = start(nsfc, folder, &uri, &text)?;
        starts.push(time);
        client.end()?;
    }
    let (mut client, time, can) = start(nsfc, folder, &uri, &text)?;
    starts.push(time);
    let step = text.find(BEFORE).map_or(0, |at| at + BEFORE.len());
    let before = &text[..text[step..].find('\n').map_or(text.len(), |end| step + end)];
    let (line, column) = (before.matches('\n').count(), before.len() - before.rfind('\n').map_or(0, |at| at + 1));
    let mut typing = Typing { client: &mut client, uri, version: 1, line, column, first_column: column };
    let (mut keystrokes, mut completions, mut hovers, mut wholes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let before_keys = typing.client.processor_time()?;
    for key in 0..keys {
        thread::sleep(PAUSE);
        let typed = key % (2 * TYPED.len());
        keystrokes.push(match TYPED.get(typed..=typed) {
            Some(letter) => typing.insert(letter)?,
            None => typing.remove(&TYPED[..2 * TYPED.len() - typed])?,
        });
        if can("completionProvider") {
            completions.push(typing.ask("textDocument/completion")?);
        }
        if can("hoverProvider") {
            hovers.push(typing.ask("textDocument/hover")?);
        }
        if key % WHOLE == 0 && can("workspaceSymbolProvider") {
            let sent = Instant::now();
            wholes.push(typing.client.ask("workspace/symbol", &json!({ "query": "no such name" }))?.0 - sent);
        }
    }
    let processor = typing.client.processor_time()?.saturating_sub(before_keys);
    let peak_kilobytes = client.peak_kilobytes()?;
    client.end()?;
    Ok(Measured { files: files.len(), keystrokes, completions, hovers, wholes, starts, processor, peak_kilobytes })
}

/// Starts the server and opens a file; the time until its first diagnostics.
fn start(
    nsfc: &Path,
    folder: &Path,
    uri: &str,
    text: &str,
) -> io::Result<(Client, Duration, impl Fn(&str) -> bool + use<>)> {
    let started = Instant::now();
    let mut client = Client::start(nsfc)?;
    let general = json!({ "positionEncodings": ["utf-8", "utf-16"] });
    let watching = json!({ "didChangeWatchedFiles": { "dynamicRegistration": true } });
    let folders = json!([{ "uri": format!("file://{}", folder.display()), "name": "big" }]);
    let capabilities = json!({ "general": general, "workspace": watching });
    let params = json!({ "processId": std::process::id(), "capabilities": capabilities, "workspaceFolders": folders });
    let (_, answer) = client.ask("initialize", &params)?;
    client.tell("initialized", &json!({}))?;
    let document = json!({ "uri": uri, "languageId": "nsf", "version": 1, "text": text });
    client.tell("textDocument/didOpen", &json!({ "textDocument": document }))?;
    let at = diagnostics(&mut client, uri, 1)?;
    let capabilities = answer["capabilities"].clone();
    Ok((client, at - started, move |name: &str| capabilities.get(name).is_some()))
}

/// Waits for what is said of a version.
fn diagnostics(client: &mut Client, uri: &str, version: u64) -> io::Result<Instant> {
    let is_it = |value: &Value| {
        let params = &value["params"];
        value["method"] == "textDocument/publishDiagnostics" && params["uri"] == uri && params["version"] == version
    };
    client.wait(is_it).map(|(at, _)| at)
}

struct Typing<'c> {
    client: &'c mut Client,
    uri: String,
    version: u64,
    line: usize,
    column: usize,
    /// Where typing began in its line.
    first_column: usize,
}

impl Typing<'_> {
    fn insert(&mut self, letter: &str) -> io::Result<Duration> {
        let at = self.position();
        (self.line, self.column) = if letter == "\n" { (self.line + 1, 0) } else { (self.line, self.column + 1) };
        self.change(&json!({ "start": at, "end": at }), letter)
    }

    /// Takes back the last letter of what was typed.
    fn remove(&mut self, typed: &str) -> io::Result<Duration> {
        let end = self.position();
        if typed.ends_with('\n') {
            (self.line, self.column) = (self.line - 1, self.first_column);
        } else {
            self.column -= 1;
        }
        self.change(&json!({ "start": self.position(), "end": end }), "")
    }

    fn change(&mut self, range: &Value, text: &str) -> io::Result<Duration> {
        self.version += 1;
        let document = json!({ "uri": self.uri, "version": self.version });
        let changes = json!([{ "range": range, "text": text }]);
        let sent = Instant::now();
        self.client.tell("textDocument/didChange", &json!({ "textDocument": document, "contentChanges": changes }))?;
        Ok(diagnostics(self.client, &self.uri, self.version)? - sent)
    }

    fn ask(&mut self, method: &str) -> io::Result<Duration> {
        let params = json!({ "textDocument": { "uri": self.uri }, "position": self.position() });
        let sent = Instant::now();
        Ok(self.client.ask(method, &params)?.0 - sent)
    }

    fn position(&self) -> Value {
        json!({ "line": self.line, "character": self.column })
    }
}

fn programs(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(programs(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "nsf") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
