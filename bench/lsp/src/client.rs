//! A client of the language server over standard input and output.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

pub struct Client {
    child: Child,
    input: ChildStdin,
    came: Receiver<(Instant, Value)>,
    next: u64,
}

impl Client {
    pub fn start(nsfc: &Path) -> io::Result<Self> {
        let mut child = Command::new(nsfc).arg("lsp").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(io::Error::other("the server has no standard input and output"));
        };
        let (sender, came) = mpsc::channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Ok(Some(value)) = read(&mut output) {
                if sender.send((Instant::now(), value)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, input, came, next: 0 })
    }

    pub fn tell(&mut self, method: &str, params: &Value) -> io::Result<()> {
        self.write(&json!({ "jsonrpc": "2.0", "method": method, "params": params }))
    }

    /// Sends a request and waits for its answer.
    pub fn ask(&mut self, method: &str, params: &Value) -> io::Result<(Instant, Value)> {
        self.next += 1;
        let id = self.next;
        self.write(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        let (at, answer) = self.wait(|value| value["id"] == id && value.get("method").is_none())?;
        match answer.get("error") {
            Some(error) => Err(io::Error::other(format!("{method}: {error}"))),
            None => Ok((at, answer["result"].clone())),
        }
    }

    /// Waits for a message, and passes over the others.
    pub fn wait(&mut self, is_it: impl Fn(&Value) -> bool) -> io::Result<(Instant, Value)> {
        loop {
            match self.came.recv_timeout(PATIENCE) {
                Ok((at, value)) if is_it(&value) => return Ok((at, value)),
                Ok(_) => {}
                Err(_) => return Err(io::Error::other("the server does not answer")),
            }
        }
    }

    /// The most memory that the server has had, in kilobytes.
    pub fn peak_kilobytes(&self) -> io::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
        number.ok_or_else(|| io::Error::other("the system does not say how much memory the server has had"))
    }

    /// The processor time that the server has used.
    pub fn processor_time(&self) -> io::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name, which may hold anything, the 12th and 13th numbers count hundredths of a second.
        let behind = stat.rsplit(')').next().unwrap_or_default();
        let ticks: u64 =
            behind.split_whitespace().skip(11).take(2).filter_map(|number| number.parse::<u64>().ok()).sum();
        Ok(Duration::from_millis(ticks * 10))
    }

    pub fn end(mut self) -> io::Result<()> {
        self.ask("shutdown", &Value::Null)?;
        self.tell("exit", &Value::Null)?;
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(format!("the server ends with {status}"))) }
    }

    fn write(&mut self, message: &Value) -> io::Result<()> {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len())?;
        self.input.flush()
    }
}

fn read(output: &mut impl BufRead) -> io::Result<Option<Value>> {
    let mut length = None;
    loop {
        let mut line = String::new();
        if output.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        match line.trim_end().split_once(": ") {
            Some(("Content-Length", number)) => length = number.parse().ok(),
            Some(_) => {}
            None => break,
        }
    }
    let mut bytes = vec![0; length.unwrap_or(0)];
    output.read_exact(&mut bytes)?;
    Ok(Some(serde_json::from_slice(&bytes)?))
}
