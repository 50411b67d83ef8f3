//! A proxy that passes everything on, until it is told to do something else to the next save.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
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
    /// It is kept and passed on after so many milliseconds; its answer goes nowhere.
    Late(u64),
}

pub struct Proxy {
    pub port: u16,
    fate: Arc<Mutex<Fate>>,
}

impl Proxy {
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let fate = Arc::new(Mutex::new(Fate::Pass));
        let shared = Arc::clone(&fate);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server))) else { return };
                let fate = Arc::clone(&shared);
                std::thread::spawn(move || pass(client, server, &fate));
            }
        });
        Self { port, fate }
    }

    pub fn next(&self, fate: Fate) {
        *self.fate.lock().unwrap() = fate;
    }
}

fn pass(mut client: TcpStream, mut server: TcpStream, fate: &Mutex<Fate>) {
    let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    let muted = Arc::new(AtomicBool::new(false));
    let mute = Arc::clone(&muted);
    let answers = std::thread::spawn(move || {
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            if !muted.load(Ordering::SeqCst) && to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
    let mut bytes = vec![0; 1 << 20];
    while let Ok(count @ 1..) = client.read(&mut bytes) {
        let text = String::from_utf8_lossy(&bytes[..count]);
        let is_save = text.contains("EXEC") && text.contains("HSET");
        let mut next = fate.lock().unwrap();
        let chosen = if is_save { std::mem::replace(&mut *next, Fate::Pass) } else { Fate::Pass };
        drop(next);
        match chosen {
            Fate::Pass => {}
            Fate::LoseRequest => break,
            Fate::LoseAnswer => {
                mute.store(true, Ordering::SeqCst);
                server.write_all(&bytes[..count]).unwrap();
                std::thread::sleep(Duration::from_millis(200));
                break;
            }
            Fate::Late(milliseconds) => {
                std::thread::sleep(Duration::from_millis(milliseconds));
                let _ = server.write_all(&bytes[..count]);
                std::thread::sleep(Duration::from_millis(200));
                break;
            }
        }
        if server.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = server.shutdown(Shutdown::Both);
    let _ = client.shutdown(Shutdown::Both);
    let _ = answers.join();
}
