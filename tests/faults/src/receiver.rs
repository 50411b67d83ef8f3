//! A receiver of webhooks that can be killed and started again at the same address, and loses no note of what it took.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
};

/// A message that was taken.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Taken {
    /// The header `idempotency-key`.
    pub key: String,
    /// The header `nsf-id`.
    pub id: String,
    /// The message.
    pub body: String,
}

/// What a receiver says to a message: a status and its words; none closes the connection without an answer, after the message
/// was taken.
pub type Say = dyn Fn(&str, usize) -> Option<&'static str> + Send + Sync;

/// A receiver.
pub struct Receiver {
    address: SocketAddr,
    say: Arc<Say>,
    taken: Arc<Mutex<Vec<Taken>>>,
    running: Option<Running>,
}

struct Running {
    stopped: Arc<AtomicBool>,
    connections: Arc<Mutex<Vec<TcpStream>>>,
    thread: JoinHandle<()>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Receiver {
    /// Starts one on loopback; `say` is asked with each message and how many were taken before it.
    ///
    /// # Errors
    /// Where it cannot listen.
    pub fn start(
        address: SocketAddr,
        say: impl Fn(&str, usize) -> Option<&'static str> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let mut receiver = Self { address, say: Arc::new(say), taken: Arc::default(), running: None };
        receiver.restart()?;
        Ok(receiver)
    }

    /// Starts it again where it was killed.
    ///
    /// # Errors
    /// Where it cannot listen.
    pub fn restart(&mut self) -> io::Result<()> {
        let listener = TcpListener::bind(self.address)?;
        let (stopped, connections) = (Arc::new(AtomicBool::new(false)), Arc::<Mutex<Vec<TcpStream>>>::default());
        let (say, taken) = (Arc::clone(&self.say), Arc::clone(&self.taken));
        let (own_stopped, own_connections) = (Arc::clone(&stopped), Arc::clone(&connections));
        let thread = thread::spawn(move || {
            for stream in listener.incoming() {
                if own_stopped.load(Ordering::Acquire) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                locked(&own_connections).extend(stream.try_clone());
                let (say, taken, stopped) = (Arc::clone(&say), Arc::clone(&taken), Arc::clone(&own_stopped));
                thread::spawn(move || {
                    let _ = serve(&stream, &*say, &taken, &stopped);
                    let _ = stream.shutdown(Shutdown::Both);
                });
            }
        });
        self.running = Some(Running { stopped, connections, thread });
        Ok(())
    }

    /// Ends it at once, whatever it is doing: nobody listens at its address any more.
    pub fn kill(&mut self) {
        let Some(Running { stopped, connections, thread }) = self.running.take() else { return };
        stopped.store(true, Ordering::Release);
        // Wakes the one that waits for connections.
        let _ = TcpStream::connect(self.address);
        let _ = thread.join();
        locked(&connections).iter().for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
    }

    /// What it took so far.
    #[must_use]
    pub fn taken(&self) -> Vec<Taken> {
        locked(&self.taken).clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.kill();
    }
}

fn serve(stream: &TcpStream, say: &Say, taken: &Mutex<Vec<Taken>>, stopped: &AtomicBool) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut headers = BTreeMap::new();
        let mut line = String::new();
        while reader.read_line(&mut line)? > 2 {
            if let Some((name, value)) = line.trim_end().split_once(": ") {
                headers.insert(name.to_ascii_lowercase(), value.to_owned());
            }
            line.clear();
        }
        let length = headers.get("content-length").and_then(|length| length.parse().ok());
        let Some(length) = length else { return Ok(()) };
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        if stopped.load(Ordering::Acquire) {
            return Ok(());
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        let header = |name: &str| headers.get(name).cloned().unwrap_or_default();
        let answer = {
            let mut all = locked(taken);
            let answer = say(&body, all.len());
            if answer.is_none_or(|status| status.starts_with('2')) {
                all.push(Taken { key: header("idempotency-key"), id: header("nsf-id"), body });
            }
            answer
        };
        let Some(status) = answer else { return Ok(()) };
        write!(&mut &*stream, "HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n")?;
    }
}
