//! A TCP proxy that does to connections what networks do: slow, cut, half open, replies lost.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::frames::{Frames, Protocol};
use super::ports;

/// The most that is passed on at once, in bytes.
const CHUNK: usize = 16 * 1024;

/// How many such wait in each direction before the sender is no longer read.
const WAITING: usize = 64;

/// Between two looks for a new connection.
const PAUSE: Duration = Duration::from_millis(2);

/// What happens to what is sent.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Mode {
    /// It is passed on.
    #[default]
    Open,
    /// There are no connections and no new ones.
    Cut,
    /// It is held.
    HalfOpen,
    /// Requests are passed on; the first reply is lost and its connection cut.
    Swallow,
}

/// A direction of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Way {
    /// From the client to the target.
    Requests,
    /// Back.
    Replies,
}

/// What the proxy's threads share.
#[derive(Debug)]
struct Shared {
    address: SocketAddr,
    target: SocketAddr,
    state: Mutex<State>,
    /// Something of the state changed.
    changed: Condvar,
    connections: AtomicU64,
    requests: AtomicU64,
    replies: AtomicU64,
    swallowed: AtomicU64,
    /// Whole requests that reached the target.
    asked: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    mode: Mode,
    /// What requests look like, where they are counted.
    protocol: Option<Protocol>,
    latency: Duration,
    bandwidth: Option<u64>,
    listener: Option<TcpListener>,
    links: Vec<Arc<Link>>,
    /// The proxy is dropped.
    ended: bool,
}

/// One client's connection and the one to the target that belongs to it.
#[derive(Debug)]
struct Link {
    client: TcpStream,
    target: TcpStream,
    closed: AtomicBool,
}

impl Link {
    fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // Both fail only where the other side was quicker.
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.target.shutdown(Shutdown::Both);
    }
}

/// The proxy; dropping it closes everything.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
}

impl Proxy {
    /// Listens on a free port of loopback, and connects each that connects to it to `target`, which need not be there
    /// yet.
    ///
    /// # Errors
    /// When it cannot listen.
    pub fn start(target: SocketAddr) -> io::Result<Self> {
        let address = ports::loopback(ports::free());
        let state = State { listener: Some(listen(address)?), ..State::default() };
        let shared = Arc::new(Shared {
            address,
            target,
            state: Mutex::new(state),
            changed: Condvar::new(),
            connections: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            replies: AtomicU64::new(0),
            swallowed: AtomicU64::new(0),
            asked: AtomicU64::new(0),
        });
        let accepting = Arc::clone(&shared);
        thread::Builder::new().name("proxy".to_owned()).spawn(move || accept(&accepting))?;
        Ok(Self { shared })
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Counts the requests of connections that are made from now on.
    pub fn count_requests(&self, protocol: Protocol) {
        self.change(|state| state.protocol = Some(protocol));
    }

    /// How many requests reached the target whole, of connections whose requests are counted.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.shared.asked.load(Ordering::Acquire)
    }

    /// Everything that is sent from now on comes so much later, in each direction.
    pub fn latency(&self, latency: Duration) {
        self.change(|state| state.latency = latency);
    }

    /// Each direction of each connection passes on at most so many bytes in a second.
    pub fn bandwidth(&self, bytes_per_second: u64) {
        self.change(|state| state.bandwidth = Some(bytes_per_second.max(1)));
    }

    /// Closes every connection, and refuses new ones.
    pub fn cut(&self) {
        self.change(|state| {
            state.mode = Mode::Cut;
            state.listener = None;
            close_all(state);
        });
    }

    /// Closes every connection; new ones are taken.
    pub fn close_connections(&self) {
        self.change(close_all);
    }

    /// Accepts, passes nothing on, closes nothing: what a network does that drops packets. What is sent meanwhile comes
    /// when the proxy is healed.
    pub fn half_open(&self) {
        self.change(|state| state.mode = Mode::HalfOpen);
    }

    /// Requests go on; when the first reply to any comes, it is lost and its connection is cut: what was asked is done, and
    /// the client cannot know.
    pub fn swallow_replies(&self) {
        self.change(|state| state.mode = Mode::Swallow);
    }

    /// Ends every fault: nothing is slow, held, lost or refused any more. What was cut stays cut.
    ///
    /// # Errors
    /// When the port was taken by another program while it was refused.
    pub fn heal(&self) -> io::Result<()> {
        let mut listened = Ok(());
        self.change(|state| {
            *state = State {
                listener: state.listener.take(),
                links: std::mem::take(&mut state.links),
                protocol: state.protocol,
                ..State::default()
            };
            if state.listener.is_none() {
                listened = listen(self.shared.address).map(|listener| state.listener = Some(listener));
            }
        });
        listened
    }

    /// How many connections were taken.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.shared.connections.load(Ordering::Acquire)
    }

    /// How many bytes reached the target.
    #[must_use]
    pub fn bytes_to_target(&self) -> u64 {
        self.shared.requests.load(Ordering::Acquire)
    }

    /// How many bytes reached clients.
    #[must_use]
    pub fn bytes_from_target(&self) -> u64 {
        self.shared.replies.load(Ordering::Acquire)
    }

    /// How many connections were cut with a reply lost.
    #[must_use]
    pub fn replies_swallowed(&self) -> u64 {
        self.shared.swallowed.load(Ordering::Acquire)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.shared.state());
        self.shared.changed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.change(|state| {
            state.ended = true;
            state.listener = None;
            close_all(state);
        });
    }
}

fn close_all(state: &mut State) {
    for link in state.links.drain(..) {
        link.close();
    }
}

/// Listens so that looking for a connection does not wait for one.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Takes connections until the proxy ends.
fn accept(shared: &Arc<Shared>) {
    loop {
        let mut state = shared.state();
        if state.ended {
            return;
        }
        state.links.retain(|link| !link.closed.load(Ordering::Acquire));
        let client = state.listener.as_ref().and_then(|listener| listener.accept().ok());
        drop(state);
        let Some((client, _)) = client else {
            thread::sleep(PAUSE);
            continue;
        };
        shared.connections.fetch_add(1, Ordering::AcqRel);
        // Each on its own: a target that does not answer keeps no other waiting.
        let shared = Arc::clone(shared);
        // Without a thread the client sees its connection closed, as by a machine without any left.
        let _ = thread::Builder::new().spawn(move || connect(&shared, client));
    }
}

/// Connects to the target, and starts to pass on in both directions. A client whose target is not there is closed.
fn connect(shared: &Arc<Shared>, client: TcpStream) {
    let Ok(target) = TcpStream::connect(shared.target) else { return };
    let prepared = client.set_nonblocking(false).and(client.set_nodelay(true)).and(target.set_nodelay(true));
    if prepared.is_err() {
        return;
    }
    let link = Arc::new(Link { client, target, closed: AtomicBool::new(false) });
    {
        let mut state = shared.state();
        if state.ended || state.mode == Mode::Cut {
            link.close();
            return;
        }
        state.links.push(Arc::clone(&link));
    }
    for way in [Way::Requests, Way::Replies] {
        let (sender, receiver) = sync_channel(WAITING);
        let (reading, writing) = (Arc::clone(&link), Arc::clone(&link));
        let (taking, giving) = (Arc::clone(shared), Arc::clone(shared));
        let started = thread::Builder::new()
            .spawn(move || take(&taking, &reading, way, &sender))
            .and_then(|_| thread::Builder::new().spawn(move || give(&giving, &writing, way, &receiver)));
        if started.is_err() {
            link.close();
        }
    }
}

/// What was read, and when it may go on.
type Chunk = (Instant, Vec<u8>);

/// Reads one direction, until its sender ends it.
fn take(shared: &Shared, link: &Link, way: Way, sender: &SyncSender<Chunk>) {
    let mut from = if way == Way::Requests { &link.client } else { &link.target };
    let mut buffer = vec![0; CHUNK];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return,
            Ok(length) => {
                let due = Instant::now() + shared.state().latency;
                if sender.send((due, buffer[..length].to_vec())).is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // A connection that is reset is so on the other side too.
            Err(_) => return link.close(),
        }
    }
}

/// Writes one direction, as late and as slowly as it is set.
fn give(shared: &Shared, link: &Link, way: Way, receiver: &Receiver<Chunk>) {
    let (mut to, count) = match way {
        Way::Requests => (&link.target, &shared.requests),
        Way::Replies => (&link.client, &shared.replies),
    };
    let protocol = shared.state().protocol;
    let mut frames = protocol.filter(|_| way == Way::Requests).map(Frames::new);
    for (due, bytes) in receiver {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let Some((mode, bandwidth)) = shared.pass(link) else { return };
            if mode == Mode::Swallow && way == Way::Replies {
                shared.swallowed.fetch_add(1, Ordering::AcqRel);
                return link.close();
            }
            // A slow direction gets a twentieth of a second's worth at a time.
            let most = bandwidth.map_or(CHUNK as u64, |bandwidth| (bandwidth / 20).max(1)) as usize;
            let (now, later) = rest.split_at(most.min(rest.len()));
            if let Some(bandwidth) = bandwidth {
                thread::sleep(Duration::from_secs_f64(now.len() as f64 / bandwidth as f64));
            }
            if to.write_all(now).is_err() {
                return link.close();
            }
            count.fetch_add(now.len() as u64, Ordering::AcqRel);
            if let Some(frames) = &mut frames {
                shared.asked.fetch_add(frames.take(now), Ordering::AcqRel);
            }
            rest = later;
        }
    }
    // The sender has ended its direction; the other may go on. An end is held like all else.
    if shared.pass(link).is_some() {
        let _ = to.shutdown(Shutdown::Write);
        if way == Way::Replies {
            // A target that has ended has nothing more to be asked.
            link.close();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while everything is held; gives how the next bytes pass, or nothing when the connection is closed.
    fn pass(&self, link: &Link) -> Option<(Mode, Option<u64>)> {
        let held = |state: &mut State| state.mode == Mode::HalfOpen && !link.closed.load(Ordering::Acquire);
        let state = self.changed.wait_while(self.state(), held).unwrap_or_else(PoisonError::into_inner);
        (!link.closed.load(Ordering::Acquire)).then_some((state.mode, state.bandwidth))
    }
}
