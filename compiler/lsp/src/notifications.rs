//! The notifications: a line each.

use std::path::PathBuf;

use gen_lsp_types as lsp;
use lsp_server::Notification;
use serde::de::DeserializeOwned;

use crate::client::Hints;
use crate::convert::path_of;
use crate::session::Session;

/// Takes a notification; one that is not known is none of the server's business.
pub(crate) fn take(session: &mut Session<'_>, notification: Notification) {
    match notification.method.as_str() {
        "textDocument/didOpen" => told(session, notification, open),
        "textDocument/didChange" => told(session, notification, change),
        "textDocument/didSave" => told(session, notification, save),
        "textDocument/didClose" => told(session, notification, close),
        "workspace/didChangeConfiguration" => told(session, notification, configuration),
        "workspace/didChangeWatchedFiles" => told(session, notification, files),
        "workspace/didChangeWorkspaceFolders" => told(session, notification, folders),
        _ => {}
    }
}

/// The client's log has why it cannot be read.
fn told<P: DeserializeOwned>(session: &mut Session<'_>, notification: Notification, take: fn(&mut Session<'_>, P)) {
    match serde_json::from_value(notification.params) {
        Ok(params) => take(session, params),
        Err(error) => session.log(&format!("`{}` cannot be read: {error}", notification.method)),
    }
}

fn open(session: &mut Session<'_>, params: lsp::DidOpenTextDocumentParams) {
    let own = params.text_document;
    session.open(own.uri, own.version, &own.text);
}

fn change(session: &mut Session<'_>, params: lsp::DidChangeTextDocumentParams) {
    let own = params.text_document;
    session.change(&own.text_document_identifier.uri, own.version, params.content_changes);
}

fn save(session: &mut Session<'_>, params: lsp::DidSaveTextDocumentParams) {
    session.save(&params.text_document.uri);
}

fn close(session: &mut Session<'_>, params: lsp::DidCloseTextDocumentParams) {
    session.close(&params.text_document.uri);
}

fn files(session: &mut Session<'_>, params: lsp::DidChangeWatchedFilesParams) {
    let paths: Vec<PathBuf> = params.changes.iter().filter_map(|event| path_of(&event.uri)).collect();
    session.changed(&paths);
}

fn folders(session: &mut Session<'_>, params: lsp::DidChangeWorkspaceFoldersParams) {
    let paths = |folders: &[lsp::WorkspaceFolder]| folders.iter().filter_map(|own| path_of(&own.uri)).collect();
    let (added, removed): (Vec<PathBuf>, Vec<PathBuf>) = (paths(&params.event.added), paths(&params.event.removed));
    session.change_folders(added, &removed);
}

fn configuration(session: &mut Session<'_>, params: lsp::DidChangeConfigurationParams) {
    if let Some(hints) = Hints::of(&params.settings) {
        session.client.hints = hints;
    }
}
