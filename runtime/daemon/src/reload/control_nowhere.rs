//! Where there are no Unix sockets, a worker cannot be asked by a command.

use std::path::{Path, PathBuf};

use super::{Answer, Asked, Reloads};

/// A worker's socket; none here.
pub struct Control;

/// Where sockets would be.
pub fn folder() -> PathBuf {
    std::env::temp_dir()
}

/// Takes no requests here.
///
/// # Errors
/// Always.
pub fn listen(_: &Path, _: &str, _: &Reloads) -> Result<Control, String> {
    Err("this system has no Unix sockets".to_owned())
}

/// The workers of a name.
pub fn workers(_: &Path, _: &str) -> Vec<PathBuf> {
    Vec::new()
}

/// Asks a worker.
///
/// # Errors
/// Always.
pub fn ask(_: &Path, _: Asked) -> Result<Answer, String> {
    Err("this system has no Unix sockets".to_owned())
}
