//! Messages on standard input and output. What is no message is answered with an error where its end is known, and the next one
//! is read: a client's mistake costs one message and not the session.

use std::io::{self, BufRead, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use lsp_server::{Connection, ErrorCode, Message};
use serde_json::{Value, json};

use crate::Host;
use crate::server::{ServeError, serve};

/// Bytes of one message at most: the largest text that is read with each byte escaped, and room for what is around it.
const MOST: usize = 6 * nsf_syntax::MAX_FILE_BYTES + 1024 * 1024;
/// Bytes of a line of a header at most.
const LONGEST_LINE: u64 = 4096;

/// Serves a client on standard input and output until it says that it ends, or is gone.
///
/// # Errors
/// Where what comes is not the protocol, or ends otherwise than in its order.
pub fn serve_stdio(host: &dyn Host) -> Result<(), ServeError> {
    let (own, Connection { sender, receiver }) = Connection::memory();
    let abrupt = Arc::new(AtomicBool::new(false));
    let noted = Arc::clone(&abrupt);
    let reader = thread::spawn(move || {
        let mut input = io::stdin().lock();
        let mut is_shut_down = false;
        while let Some(came) = read(&mut input)? {
            match came {
                Came::Message(message) => {
                    is_shut_down |= matches!(&message, Message::Request(own) if own.method == "shutdown");
                    let is_exit = matches!(&message, Message::Notification(own) if own.method == "exit");
                    noted.store(is_exit && !is_shut_down, Ordering::Release);
                    if sender.send(message).is_err() || is_exit {
                        break;
                    }
                }
                Came::Refused(answer) => write(&mut io::stdout(), &answer)?,
            }
        }
        io::Result::Ok(())
    });
    let writer = thread::spawn(move || {
        // A client that is gone closes its end; that is noticed where the next message is waited for.
        let _ = receiver.iter().try_for_each(|message| message.write(&mut io::stdout()));
    });
    let served = serve(&own, host);
    // Standard input may stay open after the end, so that it is not waited for; where it has ended it may say why.
    let ended = own.receiver.try_recv().is_err_and(|error| error.is_disconnected());
    drop(own);
    let _ = writer.join();
    match ended.then(|| reader.join()) {
        Some(Ok(Err(error))) if error.kind() == io::ErrorKind::InvalidData => {
            let words = "what comes on standard input is not the language server protocol";
            Err(ServeError(format!("{words}: {error}")))
        }
        _ if abrupt.load(Ordering::Acquire) => {
            Err(ServeError("the client has said `exit` without `shutdown` before it".to_owned()))
        }
        _ => served,
    }
}

/// What is read.
enum Came {
    Message(Message),
    /// Something else, with what is to be answered.
    Refused(Value),
}

/// The next message; none at the end. A client that dies in the middle of one has ended.
fn read(input: &mut impl BufRead) -> io::Result<Option<Came>> {
    let Some(length) = length(input)? else { return Ok(None) };
    if length > MOST {
        io::copy(&mut input.take(length as u64), &mut io::sink())?;
        let words = format!("a message of {length} bytes is too large, the largest has {MOST}");
        return Ok(Some(Came::Refused(refusal(&Value::Null, ErrorCode::InvalidRequest, &words))));
    }
    let mut bytes = Vec::new();
    input.take(length as u64).read_to_end(&mut bytes)?;
    Ok((bytes.len() == length).then(|| message(&bytes)))
}

/// The length that a header tells; none at the end.
fn length(input: &mut impl BufRead) -> io::Result<Option<usize>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        if input.take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&line);
        let Some(line) = line.strip_suffix('\n') else { return Err(no_header(&line)) };
        let line = line.trim_end_matches('\r');
        match (line.split_once(':'), length) {
            (None, Some(length)) if line.is_empty() => return Ok(Some(length)),
            // A message without a length has no end.
            (None, _) => return Err(no_header(line)),
            (Some((name, value)), _) if name.eq_ignore_ascii_case("Content-Length") => {
                length = Some(value.trim().parse().map_err(|_| no_header(line))?);
            }
            (Some(_), _) => {}
        }
    }
}

fn no_header(line: &str) -> io::Error {
    let shown: String = line.chars().take(40).collect();
    io::Error::new(io::ErrorKind::InvalidData, format!("`{}` is no header of a message", shown.escape_debug()))
}

fn message(bytes: &[u8]) -> Came {
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(error) => {
            let words = format!("a message is not JSON: {error}");
            return Came::Refused(refusal(&Value::Null, ErrorCode::ParseError, &words));
        }
    };
    let id = value.get("id").cloned().unwrap_or_default();
    match serde_json::from_value(value) {
        // What has the id of a request waits for an answer, though the id cannot be read.
        Ok(message) if id.is_null() || !matches!(message, Message::Notification(_)) => Came::Message(message),
        Ok(_) | Err(_) => {
            let words = "a message is no request, no notification and no response";
            Came::Refused(refusal(&id, ErrorCode::InvalidRequest, words))
        }
    }
}

fn refusal(id: &Value, code: ErrorCode, words: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code as i32, "message": words } })
}

fn write(output: &mut impl Write, message: &Value) -> io::Result<()> {
    let text = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(text: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{text}", text.len())
    }

    #[test]
    fn what_is_no_message_costs_itself_alone() {
        let end = r#"{"jsonrpc":"2.0","method":"exit"}"#;
        let long = "x".repeat(MOST + 1);
        let bad = ["{\"jsonrpc\"", "[1, 2]", r#"{"id":7}"#, r#"{"id":1.5,"method":"x"}"#, "\"\\ud800\"", &long];
        let text: String = bad.iter().chain([&end]).map(|text| framed(text)).collect();
        let mut input = io::Cursor::new(text);
        let mut codes = Vec::new();
        while let Some(came) = read(&mut input).unwrap() {
            match came {
                Came::Refused(answer) => codes.push((answer["id"].clone(), answer["error"]["code"].clone())),
                Came::Message(message) => {
                    assert!(matches!(message, Message::Notification(own) if own.method == "exit"))
                }
            }
        }
        let null = Value::Null;
        let expected = [
            (null.clone(), -32700),
            (null.clone(), -32600),
            (json!(7), -32600),
            (json!(1.5), -32600),
            (null.clone(), -32700),
            (null, -32600),
        ];
        assert_eq!(codes, expected.map(|(id, code)| (id, json!(code))));
    }

    #[test]
    fn what_has_no_header_cannot_be_read_and_what_stops_in_the_middle_has_ended() {
        let error = |text: &str| read(&mut text.as_bytes()).err().map(|error| error.kind());
        for text in ["hello\r\n", "\r\n{}", "Content-Length: many\r\n\r\n", &"a".repeat(5000)] {
            assert_eq!(error(text), Some(io::ErrorKind::InvalidData), "{text}");
        }
        assert!(read(&mut "Content-Length: 9\r\n\r\n{}".as_bytes()).unwrap().is_none());
        assert!(read(&mut "Content-Type: x\r\ncontent-length:2\n\r\n".as_bytes()).unwrap().is_none());
    }
}
