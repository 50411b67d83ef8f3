//! A proxy that passes everything on, until it is told to do something else to the next save. The rig's own proxy does what
//! networks do; this one is told what a save looks like.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    time::Duration,
};

/// What happens to the next save.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is passed on.
    Pass,
    /// It is done, but its answer is lost and the connection cut.
    LoseAnswer,
    /// It is lost, and the connection cut.
    LoseRequest,
    /// It is held until [`Proxy::let_go`]; its answer goes nowhere.
    Hold,
}

/// The proxy. It ends with its process.
pub struct Proxy {
    /// Where it listens.
    pub address: SocketAddr,
    shared: Arc<Shared>,
    go: Sender<()>,
    answers: Receiver<String>,
}

struct Shared {
    server: SocketAddr,
    is_save: fn(&str) -> bool,
    fate: Mutex<Fate>,
    /// How many saves are held.
    held: AtomicU32,
    /// Says when what is held may go on.
    gone: Mutex<Receiver<()>>,
    /// What the server answered to saves whose answers go nowhere.
    lost: Sender<String>,
}

impl Proxy {
    /// A proxy before a server. `is_save` tells whether what is sent at once ends a save.
    ///
    /// # Panics
    /// Where there is no port left.
    #[must_use]
    pub fn before(server: SocketAddr, is_save: fn(&str) -> bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let ((go, gone), (lost, answers)) = (channel(), channel());
        let shared = Arc::new(Shared {
            server,
            is_save,
            fate: Mutex::new(Fate::Pass),
            held: AtomicU32::new(0),
            gone: Mutex::new(gone),
            lost,
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(accepting.server)) else { continue };
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || pass(client, server, &shared));
            }
        });
        Self { address, shared, go, answers }
    }

    /// Says what happens to the next save.
    ///
    /// # Panics
    /// Where a thread of it has.
    pub fn next(&self, fate: Fate) {
        *self.shared.fate.lock().unwrap() = fate;
    }

    /// Lets a save go that is held, if one is.
    ///
    /// # Panics
    /// Where a thread of it has.
    pub fn go_on(&self) -> bool {
        let take = |held: u32| held.checked_sub(1);
        let held = self.shared.held.fetch_update(Ordering::SeqCst, Ordering::SeqCst, take).is_ok();
        if held {
            self.go.send(()).unwrap();
        }
        held
    }

    /// Lets the save go that is held; gives what the server answers to it.
    ///
    /// # Panics
    /// Where none is held, or no answer comes.
    #[must_use]
    pub fn let_go(&self) -> String {
        assert!(self.go_on(), "a save is held");
        self.lost_answer()
    }

    /// The answers that were lost so far.
    #[must_use]
    pub fn lost_answers(&self) -> Vec<String> {
        self.answers.try_iter().collect()
    }

    /// The next answer to a save that was lost on the way.
    ///
    /// # Panics
    /// Where none comes.
    #[must_use]
    pub fn lost_answer(&self) -> String {
        self.answers.recv_timeout(Duration::from_secs(20)).unwrap()
    }
}

fn pass(mut client: TcpStream, mut server: TcpStream, shared: &Shared) {
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let muted = Arc::new(AtomicBool::new(false));
    let mute = Arc::clone(&muted);
    let answers = std::thread::spawn(move || {
        let (mut bytes, mut lost) = (vec![0; 1 << 16], Vec::new());
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if muted.load(Ordering::SeqCst) {
                lost.extend_from_slice(&bytes[..count]);
            } else if to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
        String::from_utf8_lossy(&lost).into_owned()
    });
    let mut bytes = vec![0; 1 << 20];
    let mut lost = false;
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        let text = String::from_utf8_lossy(&bytes[..count]);
        let is_save = (shared.is_save)(&text);
        let mut next = shared.fate.lock().unwrap();
        let chosen = if is_save { std::mem::replace(&mut *next, Fate::Pass) } else { Fate::Pass };
        drop(next);
        if chosen == Fate::LoseRequest {
            let _ = server.shutdown(Shutdown::Both);
            break;
        }
        lost = chosen != Fate::Pass;
        mute.store(lost, Ordering::SeqCst);
        if chosen == Fate::Hold {
            shared.held.fetch_add(1, Ordering::SeqCst);
            if shared.gone.lock().unwrap().recv().is_err() {
                break;
            }
        }
        if server.write_all(&bytes[..count]).is_err() || lost {
            break;
        }
    }
    // The server answers all that it was sent, and then ends the connection too.
    let _ = server.shutdown(Shutdown::Write);
    let text = answers.join().unwrap();
    if lost {
        // Nobody need be interested.
        let _ = shared.lost.send(text);
    }
    let _ = client.shutdown(Shutdown::Both);
}
