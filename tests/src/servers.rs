//! Real servers on loopback for tests: each in a folder of its own, on a port of its own, gone with the test.

pub mod cluster;
pub mod frames;
pub mod install;
pub mod kafka;
mod kafka_wire;
pub mod mariadb;
pub mod ports;
mod process;
pub mod proxy;
pub mod redis;
pub mod resp;
pub mod sentinel;

use std::fmt::{self, Debug, Display, Formatter};
use std::io;
use std::path::{Path, PathBuf};

pub use process::{is_interrupted, note_interrupts, wait_for_interrupt};

/// Why there is no server to test with.
pub enum Unavailable {
    /// It is not installed: what could be shown with it is not shown, and that is no failure.
    Absent {
        /// The server.
        server: &'static str,
        /// What is missing.
        missing: String,
        /// How to get it.
        remedy: String,
    },
    /// It is installed and does not do what it should: a failure.
    Failed {
        /// The server.
        server: &'static str,
        /// What went wrong.
        what: String,
        /// The end of its log, if it has one.
        log: String,
    },
}

impl Unavailable {
    /// A failure of which no log tells more.
    pub(crate) fn failed(server: &'static str, what: impl Display) -> Self {
        Self::Failed { server, what: what.to_string(), log: String::new() }
    }

    /// A failure at a file or folder.
    pub(crate) fn at(server: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        let path = PathBuf::from(path);
        move |error| Self::failed(server, format_args!("{}: {error}", path.display()))
    }
}

impl Display for Unavailable {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent { server, missing, remedy } => write!(out, "there is no {server} here: {missing}; {remedy}"),
            Self::Failed { server, what, log } if log.is_empty() => write!(out, "{server}: {what}"),
            Self::Failed { server, what, log } => write!(out, "{server}: {what}; its log ends with\n{log}"),
        }
    }
}

/// The words for a person, so that an `unwrap` of a test shows them.
impl Debug for Unavailable {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        Display::fmt(self, out)
    }
}

impl std::error::Error for Unavailable {}

/// Says loudly that a test showed nothing, and why. The test then returns.
///
/// # Panics
/// When the server is installed and failed: then the test must fail too.
pub fn not_shown(test: &str, reason: &Unavailable) {
    assert!(matches!(reason, Unavailable::Absent { .. }), "{test}: {reason}");
    // Written past the capture of test output: what was not shown must be seen.
    let _ = io::Write::write_all(&mut io::stderr(), format!("NOT SHOWN: {test}: {reason}\n").as_bytes());
}

/// The server, or nothing where it is not installed, after saying so. A test begins with
/// `let Some(redis) = shown("name", Redis::start(…)) else { return };`.
///
/// # Panics
/// When the server is installed and failed.
#[must_use]
pub fn shown<T>(test: &str, result: Result<T, Unavailable>) -> Option<T> {
    result.map_err(|reason| not_shown(test, &reason)).ok()
}
