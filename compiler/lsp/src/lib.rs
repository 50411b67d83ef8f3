//! The language server: what an editor asks about `.nsf` files, answered from the passes of the compiler. The only crate that
//! knows the types of the protocol.
//!
//! | file | holds |
//! |---|---|
//! | `server` | the loop: what comes is taken in order, a request that panics costs itself alone |
//! | `session` | the open documents, the projects that they belong to, and what was last found in them |
//! | `position` | lines and columns of the protocol, in UTF-8 or UTF-16, and offsets in texts |
//! | `convert` | diagnostics as the protocol has them |
//! | `features` | a file a request |
//!
//! How projects are found and read is given by the [`Host`]: this crate opens no file.

mod convert;
mod features;
mod position;
mod server;
mod session;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nsf_analysis::Analysis;

pub use server::{ServeError, serve, serve_stdio};

/// The world around the server.
pub trait Host {
    /// The folder of the project that a file belongs to; the file need not be there.
    fn project_of(&self, file: &Path) -> PathBuf;

    /// Reads a project and checks it, with the texts that are open in the place of what the files hold. The paths of its
    /// sources are relative to the folder.
    ///
    /// # Errors
    /// Why it cannot be read, in a sentence for the user.
    fn check(&self, folder: &Path, open: &BTreeMap<PathBuf, String>) -> Result<Analysis, String>;
}
