//! The loop: what comes is taken in its order, and when nothing waits what has changed is checked.

use std::fmt;
use std::io::ErrorKind;
use std::panic::{AssertUnwindSafe, catch_unwind};

use gen_lsp_types as lsp;
use lsp_server::{Connection, ErrorCode, Message, Notification, Request, RequestId, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::Host;
use crate::convert::path_of;
use crate::features::{actions, formatting, symbols};
use crate::position::Encoding;
use crate::session::Session;

/// Why the server ended otherwise than by the client's wish.
#[derive(Debug)]
pub struct ServeError(String);

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ServeError {}

/// Serves a client on standard input and output until it says that it ends, or is gone.
///
/// # Errors
/// Where what comes is not the protocol.
pub fn serve_stdio(host: &dyn Host) -> Result<(), ServeError> {
    let (connection, threads) = Connection::stdio();
    let served = serve(&connection, host);
    drop(connection);
    match threads.join() {
        Err(error) if error.kind() == ErrorKind::InvalidData => {
            Err(ServeError("what comes on standard input is not the language server protocol".to_owned()))
        }
        // A client that is gone closes its end in the middle of a message; nobody is there to be told.
        Ok(()) | Err(_) => served,
    }
}

/// The same over a connection.
///
/// # Errors
/// As [`serve_stdio`].
pub fn serve(connection: &Connection, host: &dyn Host) -> Result<(), ServeError> {
    let Ok((id, params)) = connection.initialize_start() else { return Ok(()) };
    let params: lsp::InitializeParams = serde_json::from_value(params)
        .map_err(|error| ServeError(format!("the client's `initialize` cannot be read: {error}")))?;
    let encoding = encoding(&params);
    let answer = serde_json::json!({
        "capabilities": capabilities(encoding),
        "serverInfo": { "name": "nsfc", "version": env!("CARGO_PKG_VERSION") },
    });
    if connection.initialize_finish(id, answer).is_err() {
        return Ok(());
    }
    let mut server = Server { connection, session: Session::new(host, encoding) };
    server.watch_files(&params);
    server.run();
    Ok(())
}

/// UTF-8 where the client can, since texts are; else what every client knows.
fn encoding(params: &lsp::InitializeParams) -> Encoding {
    let offered = params.capabilities.general.as_ref().and_then(|general| general.position_encodings.as_ref());
    match offered {
        Some(offered) if offered.contains(&lsp::PositionEncodingKind::UTF8) => Encoding::Utf8,
        _ => Encoding::Utf16,
    }
}

fn capabilities(encoding: Encoding) -> lsp::ServerCapabilities {
    lsp::ServerCapabilities {
        position_encoding: Some(match encoding {
            Encoding::Utf8 => lsp::PositionEncodingKind::UTF8,
            Encoding::Utf16 => lsp::PositionEncodingKind::UTF16,
        }),
        text_document_sync: Some(lsp::TextDocumentSync::Options(lsp::TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(lsp::TextDocumentSyncKind::Incremental),
            save: Some(lsp::Save::Bool(true)),
            ..lsp::TextDocumentSyncOptions::default()
        })),
        code_action_provider: Some(lsp::CodeActionProvider::CodeActionOptions(lsp::CodeActionOptions {
            code_action_kinds: Some(vec![lsp::CodeActionKind::QuickFix, lsp::CodeActionKind::SourceFixAll]),
            ..lsp::CodeActionOptions::default()
        })),
        document_formatting_provider: Some(lsp::DocumentFormattingProvider::Bool(true)),
        document_symbol_provider: Some(lsp::DocumentSymbolProvider::Bool(true)),
        ..lsp::ServerCapabilities::default()
    }
}

struct Server<'c> {
    connection: &'c Connection,
    session: Session<'c>,
}

impl Server<'_> {
    fn run(&mut self) {
        while let Ok(message) = self.connection.receiver.recv() {
            if !self.take(message) {
                return;
            }
            // A burst of changes is checked once, at its end.
            while let Ok(message) = self.connection.receiver.try_recv() {
                if !self.take(message) {
                    return;
                }
            }
            self.check();
        }
    }

    /// Takes a message; false where the client ends.
    fn take(&mut self, message: Message) -> bool {
        match message {
            Message::Request(request) => match self.connection.handle_shutdown(&request) {
                Ok(false) => self.request(request),
                // Whether the end came in the right order or not, it is the end.
                Ok(true) | Err(_) => return false,
            },
            Message::Notification(notification) if notification.method == "exit" => return false,
            Message::Notification(notification) => {
                let method = notification.method.clone();
                if catch_unwind(AssertUnwindSafe(|| self.notification(notification))).is_err() {
                    self.log(&failed(&method));
                }
            }
            Message::Response(_) => {}
        }
        true
    }

    /// Answers a request. One that panics is told of and costs nothing else.
    fn request(&mut self, request: Request) {
        // What is asked for is of the text that the client has.
        self.check();
        let (id, method) = (request.id.clone(), request.method.clone());
        let answered = catch_unwind(AssertUnwindSafe(|| self.answer(request)));
        let response = match answered {
            Ok(Ok(value)) => Response::new_ok(id, value),
            Ok(Err((code, words))) => Response::new_err(id, code as i32, words),
            Err(_) => {
                self.log(&failed(&method));
                Response::new_err(id, ErrorCode::InternalError as i32, failed(&method))
            }
        };
        self.send(response.into());
    }

    fn answer(&self, request: Request) -> Result<Value, (ErrorCode, String)> {
        let encoding = self.session.encoding;
        match request.method.as_str() {
            "textDocument/formatting" => {
                let params: lsp::DocumentFormattingParams = read(request)?;
                let document = self.session.document(&params.text_document.uri);
                value(document.map(|document| formatting::format(&document.text, encoding)))
            }
            "textDocument/documentSymbol" => {
                let params: lsp::DocumentSymbolParams = read(request)?;
                let document = self.session.document(&params.text_document.uri);
                value(document.map(|document| symbols::symbols(&document.text, encoding)))
            }
            "textDocument/codeAction" => {
                let params: lsp::CodeActionParams = read(request)?;
                let place = self.session.place(&params.text_document.uri);
                value(place.map(|place| actions::actions(&place, params.range, encoding)))
            }
            other => Err((ErrorCode::MethodNotFound, format!("nsfc does not know `{other}`"))),
        }
    }

    fn notification(&mut self, notification: Notification) {
        let Notification { method, params } = notification;
        match method.as_str() {
            "textDocument/didOpen" => {
                if let Some(lsp::DidOpenTextDocumentParams { text_document: own }) = self.told(&method, params) {
                    self.session.open(&own.uri, own.version, own.text);
                }
            }
            "textDocument/didChange" => {
                let told: Option<lsp::DidChangeTextDocumentParams> = self.told(&method, params);
                if let Some(lsp::DidChangeTextDocumentParams { text_document: own, content_changes }) = told {
                    self.session.change(&own.text_document_identifier.uri, own.version, content_changes);
                }
            }
            "textDocument/didClose" => {
                if let Some(lsp::DidCloseTextDocumentParams { text_document: own }) = self.told(&method, params) {
                    self.session.close(&own.uri);
                }
            }
            "workspace/didChangeWatchedFiles" => {
                let told: Option<lsp::DidChangeWatchedFilesParams> = self.told(&method, params);
                let changed = told.map(|told| told.changes).unwrap_or_default();
                changed.iter().filter_map(|event| path_of(&event.uri)).for_each(|path| self.session.touch(&path));
            }
            _ => {}
        }
    }

    /// What a notification says; the client's log has why where it cannot be read.
    fn told<T: DeserializeOwned>(&self, method: &str, params: Value) -> Option<T> {
        serde_json::from_value(params).map_err(|error| self.log(&format!("`{method}` cannot be read: {error}"))).ok()
    }

    /// Checks what has changed, and says what is found.
    fn check(&mut self) {
        let Ok((said, failed)) = catch_unwind(AssertUnwindSafe(|| self.session.check())) else {
            return self.log(&failed("check"));
        };
        for params in said {
            self.notify("textDocument/publishDiagnostics", &params);
        }
        failed.iter().for_each(|words| self.log(words));
    }

    /// Asks to be told of files that change outside of the editor, where the client can do that.
    fn watch_files(&self, params: &lsp::InitializeParams) {
        let workspace = params.capabilities.workspace.as_ref();
        let files = workspace.and_then(|workspace| workspace.did_change_watched_files.as_ref());
        if files.and_then(|files| files.dynamic_registration) != Some(true) {
            return;
        }
        let patterns =
            ["**/*.nsf", "**/nsf.yaml", "**/nsf.lock"].map(|glob| serde_json::json!({ "globPattern": glob }));
        let asked = serde_json::json!({ "registrations": [{
            "id": "files", "method": "workspace/didChangeWatchedFiles", "registerOptions": { "watchers": patterns },
        }] });
        let id = RequestId::from("files".to_owned());
        self.send(Request { id, method: "client/registerCapability".to_owned(), params: asked }.into());
    }

    fn log(&self, words: &str) {
        self.notify("window/logMessage", &serde_json::json!({ "type": 1, "message": words }));
    }

    fn notify(&self, method: &str, params: &impl Serialize) {
        if let Ok(params) = serde_json::to_value(params) {
            self.send(Notification { method: method.to_owned(), params }.into());
        }
    }

    fn send(&self, message: Message) {
        // A client that is gone is noticed where the next message is waited for.
        let _ = self.connection.sender.send(message);
    }
}

fn failed(what: &str) -> String {
    format!("nsfc failed at `{what}`, and goes on; this is a mistake in nsfc, please report it with the file")
}

fn read<T: DeserializeOwned>(request: Request) -> Result<T, (ErrorCode, String)> {
    let method = request.method;
    serde_json::from_value(request.params)
        .map_err(|error| (ErrorCode::InvalidParams, format!("`{method}` cannot be read: {error}")))
}

fn value(answer: impl Serialize) -> Result<Value, (ErrorCode, String)> {
    serde_json::to_value(answer)
        .map_err(|error| (ErrorCode::InternalError, format!("an answer cannot be written: {error}")))
}
