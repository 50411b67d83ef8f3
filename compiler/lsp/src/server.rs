//! The loop: what comes is taken in its order, and when nothing waits what has changed is checked.

use std::collections::VecDeque;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use gen_lsp_types as lsp;
use lsp_server::{Connection, ErrorCode, Message, Request, RequestId, Response};
use serde::Deserialize;

use crate::Host;
use crate::capabilities::capabilities;
use crate::client::{self, Client};
use crate::session::{Session, failed};
use crate::{notifications, requests};

/// Why the server ended otherwise than by the client's wish.
#[derive(Debug)]
pub struct ServeError(pub(crate) String);

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ServeError {}

/// Serves a client over a connection until it says that it ends, or is gone.
///
/// # Errors
/// Where the client's first request cannot be read.
pub fn serve(connection: &Connection, host: &dyn Host) -> Result<(), ServeError> {
    let Ok((id, params)) = connection.initialize_start() else { return Ok(()) };
    let params: lsp::InitializeParams = serde_json::from_value(params)
        .map_err(|error| ServeError(format!("the client's `initialize` cannot be read: {error}")))?;
    let client = Client::of(&params);
    let answer = serde_json::json!({
        "capabilities": capabilities(&client),
        "serverInfo": { "name": "nsfc", "version": env!("CARGO_PKG_VERSION") },
    });
    if connection.initialize_finish(id, answer).is_err() {
        return Ok(());
    }
    let session = Session::new(host, client, client::folders(&params));
    let mut server = Server { connection, host, session, queue: VecDeque::new() };
    server.watch_files();
    server.run();
    Ok(())
}

/// How often the process of the client is looked for while it says nothing.
const LOOK: Duration = Duration::from_secs(2);

/// How long nothing must come before a large project is checked: what an editor asks about a change it asks at once.
const QUIET: Duration = Duration::from_millis(50);

/// How long nothing must come before memory is let go of, which takes a while in a large project.
const IDLE: Duration = Duration::from_millis(300);

struct Server<'c> {
    connection: &'c Connection,
    host: &'c dyn Host,
    session: Session<'c>,
    /// What has come and was not taken yet.
    queue: VecDeque<Message>,
}

impl Server<'_> {
    fn run(&mut self) {
        loop {
            if self.queue.is_empty() {
                // A burst of changes is checked once, at its end. Who goes on typing does not wait for a large project.
                self.session.look_at_changed();
                self.send_all();
                if self.session.is_large()
                    && let Ok(message) = self.connection.receiver.recv_timeout(QUIET)
                {
                    self.wait(message);
                    continue;
                }
                self.session.settle_while(&|| self.connection.receiver.is_empty());
                self.send_all();
                let Some(message) = self.next() else { return };
                self.wait(message);
            }
            while let Ok(message) = self.connection.receiver.try_recv() {
                self.wait(message);
            }
            let Some(message) = self.queue.pop_front() else { continue };
            if !self.take(message) {
                return;
            }
            self.send_all();
        }
    }

    /// Waits for a message; none where the client is gone, which one that is killed need not say.
    fn next(&mut self) -> Option<Message> {
        if self.session.is_untidy() {
            match self.connection.receiver.recv_timeout(IDLE) {
                Err(error) if error.is_timeout() => self.session.tidy(),
                other => return other.ok(),
            }
        }
        let Some(process) = self.session.client.process else { return self.connection.receiver.recv().ok() };
        loop {
            match self.connection.receiver.recv_timeout(LOOK) {
                Ok(message) => return Some(message),
                Err(error) if error.is_timeout() && self.host.is_running(process) => {}
                Err(_) => return None,
            }
        }
    }

    /// Puts a message behind the others. A request that is cancelled while it waits is not computed.
    fn wait(&mut self, message: Message) {
        match &message {
            Message::Notification(notification) if notification.method == "$/cancelRequest" => {
                let id = notification.params.get("id").and_then(|id| RequestId::deserialize(id).ok());
                let waits =
                    |own: &Message| matches!(own, Message::Request(request) if Some(&request.id) == id.as_ref());
                let Some(at) = self.queue.iter().position(waits) else { return };
                if let Some(Message::Request(request)) = self.queue.remove(at) {
                    let code = ErrorCode::RequestCanceled as i32;
                    self.send(Response::new_err(request.id, code, "cancelled by the client".to_owned()).into());
                }
            }
            _ => self.queue.push_back(message),
        }
    }

    /// Takes a message; false where the client ends.
    fn take(&mut self, message: Message) -> bool {
        match message {
            Message::Request(request) if request.method == "shutdown" => {
                self.send(Response::new_ok(request.id, ()).into());
                self.refuse();
                return false;
            }
            Message::Request(request) => self.request(request),
            Message::Notification(notification) if notification.method == "exit" => return false,
            Message::Notification(notification) => {
                let method = notification.method.clone();
                let session = &mut self.session;
                if catch_unwind(AssertUnwindSafe(|| notifications::take(session, notification))).is_err() {
                    self.session.fail(&method);
                }
            }
            Message::Response(_) => {}
        }
        true
    }

    /// Behind `shutdown` nothing is answered any more, until the client says `exit` or is gone.
    fn refuse(&mut self) {
        while let Some(message) = self.queue.pop_front().or_else(|| self.connection.receiver.recv().ok()) {
            match message {
                Message::Request(request) => {
                    let words = format!("`{}` is asked behind `shutdown`", request.method);
                    self.send(Response::new_err(request.id, ErrorCode::InvalidRequest as i32, words).into());
                }
                Message::Notification(notification) if notification.method == "exit" => return,
                Message::Notification(_) | Message::Response(_) => {}
            }
        }
    }

    /// Answers a request. One that panics is told of and costs nothing else.
    fn request(&mut self, request: Request) {
        let (id, method) = (request.id.clone(), request.method.clone());
        let session = &mut self.session;
        let response = match catch_unwind(AssertUnwindSafe(|| requests::answer(session, request))) {
            Ok(Ok(value)) => Response::new_ok(id, value),
            Ok(Err((code, words))) => Response::new_err(id, code as i32, words),
            Err(_) => {
                self.session.fail(&method);
                Response::new_err(id, ErrorCode::InternalError as i32, failed(&method))
            }
        };
        self.send_all();
        self.send(response.into());
    }

    /// Asks to be told of files that change outside of the editor, where the client can do that.
    fn watch_files(&self) {
        if !self.session.client.watches {
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

    fn send_all(&mut self) {
        for message in std::mem::take(&mut self.session.outbox) {
            self.send(message);
        }
    }

    fn send(&self, message: Message) {
        // A client that is gone is noticed where the next message is waited for.
        let _ = self.connection.sender.send(message);
    }
}
