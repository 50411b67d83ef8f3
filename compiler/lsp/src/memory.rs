//! A client in the same program: messages as texts, without a stream between.

use std::thread;
use std::time::Duration;

use lsp_server::{Connection, Message};
use serde_json::{Value, json};

use crate::Host;
use crate::server::serve;

/// The client's end of a server that runs in a thread of its own, until this is dropped.
pub struct Client {
    connection: Connection,
}

impl Client {
    /// Starts a server.
    #[must_use]
    pub fn start(host: impl Host + Send + 'static) -> Self {
        let (own, connection) = Connection::memory();
        // What the client says first may be no `initialize`: then nothing more comes, and the client sees that.
        thread::spawn(move || serve(&own, &host));
        Self { connection }
    }

    /// Sends a message of the protocol.
    ///
    /// # Errors
    /// Where it is none, or the server has ended; in a sentence for the user.
    pub fn send(&self, message: &str) -> Result<(), String> {
        let message: Message =
            serde_json::from_str(message).map_err(|error| format!("this is no message of the protocol: {error}"))?;
        self.connection.sender.send(message).map_err(|_| "the language server has ended".to_owned())
    }

    /// What has come; waits as long for the first where nothing has. None where the server has ended.
    #[must_use]
    pub fn receive(&self, wait: Duration) -> Option<Vec<Value>> {
        let receiver = &self.connection.receiver;
        let first = match receiver.recv_timeout(wait) {
            Ok(first) => first,
            Err(error) if error.is_timeout() => return Some(Vec::new()),
            Err(_) => return None,
        };
        let all = std::iter::once(first).chain(receiver.try_iter());
        Some(all.filter_map(|message| as_sent(&message)).collect())
    }
}

fn as_sent(message: &Message) -> Option<Value> {
    let mut value = serde_json::to_value(message).ok()?;
    value.as_object_mut()?.insert("jsonrpc".to_owned(), json!("2.0"));
    Some(value)
}
