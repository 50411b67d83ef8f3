//! The admin endpoint: health, metrics, status and plan over HTTP. Nothing can be changed by it, and no path leads to the
//! file system.
//!
//! | file | holds |
//! |---|---|
//! | `guard` | who may ask |
//! | `answers` | what each path gives |
//! | `tls` | certificate and key |
//!
//! Each connection serves one request and ends after [`LONGEST`], whatever its caller does; only [`CONNECTIONS`] are open at
//! once. The endpoint has a thread of its own, so that no caller can slow the worker down.

mod answers;
mod guard;
mod tls;

#[cfg(test)]
mod tests;

use std::{
    io,
    net::{SocketAddr, TcpListener as Listener},
    sync::Arc,
    thread,
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use nsf_plan::profile::Admin;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::Semaphore,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::{board::Board, problem::Problem};
use guard::Guard;

/// How long a connection may last, from its first byte to its last.
const LONGEST: Duration = Duration::from_secs(10);

/// How many connections may be open at once; further ones wait.
const CONNECTIONS: usize = 32;

/// How long the head of a request may be, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// How many headers a request may have.
const MOST_HEADERS: usize = 64;

/// What every connection needs.
struct Endpoint {
    board: Arc<Board>,
    guard: Guard,
    tls: Option<TlsAcceptor>,
    longest: Duration,
}

/// Starts the endpoint; gives where it listens, as an address to open.
///
/// # Errors
/// Where it must not or cannot listen there.
pub fn start(admin: &Admin, board: Arc<Board>) -> Result<String, Problem> {
    start_with(admin, board, LONGEST).map(|(url, _)| url)
}

fn start_with(admin: &Admin, board: Arc<Board>, longest: Duration) -> Result<(String, SocketAddr), Problem> {
    let listen = admin.listen;
    // The profile has been checked for this; what it would cost to be wrong here is worth to look again.
    if !listen.ip().is_loopback() && (admin.token.is_none() || admin.tls.is_none()) {
        let message =
            format!("the admin endpoint would listen at {listen}, for other machines, without a token or TLS");
        return Err(Problem::new(message)
            .with_help("give `admin` in the profile both `token` and `tls`, or let it listen at 127.0.0.1"));
    }
    let acceptor = admin.tls.as_ref().map(tls::acceptor).transpose()?;
    let (listener, address) = bind(listen).map_err(|error| cannot_listen(listen, &error))?;
    let guard = Guard::new(address, admin.token.clone(), acceptor.is_some());
    let url = format!("{}://{address}", if acceptor.is_some() { "https" } else { "http" });
    let endpoint = Arc::new(Endpoint { board, guard, tls: acceptor, longest });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| cannot_listen(listen, &error))?;
    let serving = move || runtime.block_on(endpoint.serve(listener));
    let named = thread::Builder::new().name("admin".to_owned()).spawn(serving);
    named.map_err(|error| cannot_listen(listen, &error))?;
    Ok((url, address))
}

fn bind(listen: SocketAddr) -> io::Result<(Listener, SocketAddr)> {
    let listener = Listener::bind(listen)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

/// A worker that nobody can look at is not what the profile asks for: it is not started without its endpoint.
fn cannot_listen(listen: SocketAddr, error: &io::Error) -> Problem {
    let (what, help) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            "another program listens there".to_owned(),
            "end that program, or give each worker an `admin.listen` of its own",
        ),
        io::ErrorKind::AddrNotAvailable => {
            ("this machine has no such address".to_owned(), "name one of its addresses in `admin.listen`")
        }
        io::ErrorKind::PermissionDenied => {
            ("this user may not listen there".to_owned(), "name a port above 1023 in `admin.listen`")
        }
        _ => (error.to_string(), "change `admin.listen` in the profile"),
    };
    Problem::new(format!("the admin endpoint cannot listen at {listen}: {what}")).with_help(help)
}

impl Endpoint {
    async fn serve(self: Arc<Self>, listener: Listener) {
        // It has been made for this already; what fails here fails on every machine.
        let Ok(listener) = TcpListener::from_std(listener) else { return };
        let room = Arc::new(Semaphore::new(CONNECTIONS));
        loop {
            let Ok(permit) = Arc::clone(&room).acquire_owned().await else { return };
            let Ok((stream, _)) = listener.accept().await else {
                // Out of files, or the caller is gone already: neither is helped by trying at once.
                sleep(Duration::from_millis(50)).await;
                continue;
            };
            let own = Arc::clone(&self);
            tokio::spawn(async move {
                // What goes wrong with a connection is its caller's affair.
                let _ = timeout(own.longest, own.connection(stream)).await;
                drop(permit);
            });
        }
    }

    async fn connection(&self, stream: tokio::net::TcpStream) {
        match &self.tls {
            None => self.requests(stream).await,
            Some(acceptor) => {
                if let Ok(stream) = acceptor.accept(stream).await {
                    self.requests(stream).await;
                }
            }
        }
    }

    async fn requests(&self, stream: impl AsyncRead + AsyncWrite + Unpin) {
        let service = service_fn(async |request| answers::answer(&self.board, &self.guard, &request));
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.longest)
            .keep_alive(false)
            .max_buf_size(LONGEST_HEAD)
            .max_headers(MOST_HEADERS)
            .serve_connection(TokioIo::new(stream), service);
        let _ = served.await;
    }
}
