//! A receiver that does as it is told, and what the tests give to a webhook.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nsf_engine::connector::{ConnectorResult, MessageId, OutputBatch, Sink};
use nsf_plan::profile::Secret;
use nsf_webhook::{Webhook, WebhookSettings};

/// What is done with a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// An answer with this head and no body.
    Head(&'static str),
    /// These bytes, and then the connection is closed.
    Raw(Vec<u8>),
    /// Nothing, for so long; then 200.
    Late(Duration),
    /// 200, and a body that does not end.
    Endless,
    /// A head that does not end.
    EndlessHead,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// `POST /path HTTP/1.1`.
    pub line: String,
    /// By names in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: String,
}

type Script = dyn Fn(&Request, usize) -> Answer + Send + Sync;

/// A receiver on loopback.
pub struct Receiver {
    pub address: SocketAddr,
    pub requests: Arc<Mutex<Vec<Request>>>,
    /// Requests under way at once, at most.
    pub most: Arc<AtomicUsize>,
    pub connections: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
}

impl Receiver {
    /// Starts one; the script is asked with each request and how many came before it.
    pub fn start(script: impl Fn(&Request, usize) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let receiver = Self {
            address: listener.local_addr().unwrap(),
            requests: Arc::default(),
            most: Arc::default(),
            connections: Arc::default(),
            ended: Arc::default(),
        };
        let script: Arc<Script> = Arc::new(script);
        let (requests, most) = (Arc::clone(&receiver.requests), Arc::clone(&receiver.most));
        let (ended, connections) = (Arc::clone(&receiver.ended), Arc::clone(&receiver.connections));
        let now = Arc::new(AtomicUsize::new(0));
        thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Acquire) {
                    return;
                }
                connections.fetch_add(1, Ordering::AcqRel);
                let (script, requests) = (Arc::clone(&script), Arc::clone(&requests));
                let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                thread::spawn(move || {
                    let Ok(mut stream) = stream else { return };
                    while let Some(request) = read(&mut stream) {
                        most.fetch_max(now.fetch_add(1, Ordering::AcqRel) + 1, Ordering::AcqRel);
                        let before = {
                            let mut all = requests.lock().unwrap();
                            all.push(request.clone());
                            all.len() - 1
                        };
                        let goes_on = answer(&mut stream, script(&request, before));
                        now.fetch_sub(1, Ordering::AcqRel);
                        if !goes_on {
                            return;
                        }
                    }
                });
            }
        });
        receiver
    }

    /// The requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn bodies(&self) -> Vec<String> {
        self.seen().into_iter().map(|request| request.body).collect()
    }

    /// A webhook here, with a path that is a secret. A pause is short, and patience longer than any test.
    pub fn settings(&self) -> WebhookSettings {
        let mut settings = settings(&format!("http://{}/hook/canary-token?key=canary", self.address));
        settings.allow_private = true;
        settings
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
    }
}

/// Settings for an address.
pub fn settings(url: &str) -> WebhookSettings {
    let mut settings = WebhookSettings::new("crm", Secret::new(url.to_owned()), "shop");
    settings.pause = Duration::from_millis(10);
    settings.patience = Duration::from_secs(60);
    settings.timeout = Duration::from_secs(20);
    settings
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    while !bytes.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().to_owned();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.get("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).ok()?;
    Some(Request { line, headers, body: String::from_utf8(body).unwrap() })
}

/// Whether the connection is used on.
fn answer(stream: &mut TcpStream, answer: Answer) -> bool {
    match answer {
        Answer::Head(head) => {
            stream.write_all(format!("HTTP/1.1 {head}\r\ncontent-length: 0\r\n\r\n").as_bytes()).is_ok()
        }
        Answer::Raw(bytes) => {
            let _ = stream.write_all(&bytes);
            false
        }
        Answer::Late(time) => {
            thread::sleep(time);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").is_ok()
        }
        Answer::Endless => endless(stream, b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", b"4\r\nmore\r\n"),
        Answer::EndlessHead => endless(stream, b"HTTP/1.1 200 OK\r\n", b"x-more: and more and more and more\r\n"),
    }
}

/// Writes for as long as someone reads, but no longer than the test can last.
fn endless(stream: &mut TcpStream, first: &[u8], more: &[u8]) -> bool {
    let begun = Instant::now();
    let mut going = stream.write_all(first).is_ok();
    while going && begun.elapsed() < Duration::from_secs(120) {
        going = stream.write_all(&more.repeat(64)).is_ok();
    }
    false
}

/// The id of the message `offset`.
pub fn id(offset: u64) -> MessageId {
    MessageId { partition: 3, offset, ..MessageId::default() }
}

/// Messages `from..to` without keys.
pub fn batch(offsets: std::ops::Range<u64>) -> OutputBatch {
    let mut batch = OutputBatch::default();
    for offset in offsets {
        batch.ids.push(id(offset));
        batch.push(b"", format!("{{\"n\":{offset}}}").as_bytes());
    }
    batch
}

/// Opens a webhook, gives it a batch and flushes.
pub fn send(webhook: &Arc<Webhook>, batch: &OutputBatch) -> ConnectorResult<()> {
    let mut sink = webhook.sink();
    sink.open(None)?;
    sink.append(batch)?;
    sink.flush().map(drop)
}

/// A look-up that gives these addresses, whatever is asked.
pub fn leads_to(addresses: &[&str]) -> nsf_webhook::Resolve {
    let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Arc::new(move |_| Ok(addresses.clone()))
}
