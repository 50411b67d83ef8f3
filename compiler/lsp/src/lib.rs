//! The language server: what an editor asks about `.nsf` files, answered from the passes of the compiler. The only crate that
//! knows the types of the protocol.
//!
//! | file | holds |
//! |---|---|
//! | `transport` | messages on standard input and output, and what is said of those that are none |
//! | `memory` | a client in the same program |
//! | `server` | the loop: what comes is taken in order, a request that panics costs itself alone |
//! | `requests` | a line a request: from what it is answered, and by which feature |
//! | `notifications` | a line a notification |
//! | `client`, `capabilities` | what the client can do, and what the server can |
//! | `session` | the open documents and the projects that they belong to |
//! | `project` | what was last found in a project, and what the client was told of it |
//! | `near` | what is found of a document in a large project before all of it is checked |
//! | `documents`, `moved` | the open documents, with their trees; where places of a text are in the next one |
//! | `view` | what a feature is given: a text, or a text with what was found in its project |
//! | `position` | lines and columns of the protocol, in UTF-8 or UTF-16, and offsets in texts |
//! | `convert` | diagnostics as the protocol has them |
//! | `known`, `declared`, `infer` | what is known of a project: items, rows, scopes, what a place declares, types of what was just typed |
//! | `signature`, `markup` | declarations in short, and words with a layout |
//! | `features` | a file a feature |
//!
//! How projects are found and read is given by the [`Host`]: this crate opens no file.

mod capabilities;
mod client;
mod convert;
mod declared;
mod documents;
mod features;
mod infer;
mod known;
mod markup;
mod memory;
mod moved;
mod near;
mod notifications;
mod position;
mod project;
mod requests;
mod server;
mod session;
mod signature;
mod transport;
mod view;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nsf_analysis::Analysis;
use nsf_analysis::project::ParsedProject;
use nsf_diagnostics::Code;

pub use documents::Document;
pub use memory::Client;
pub use server::{ServeError, serve};
pub use transport::serve_stdio;

/// The texts that are open in a project, by the paths of their files.
pub type Open<'d> = BTreeMap<&'d Path, &'d Document>;

/// The world around the server.
pub trait Host {
    /// The folder of the project that a file belongs to; the file need not be there.
    fn project_of(&self, file: &Path) -> PathBuf;

    /// The project of a folder, of which nothing is read yet.
    fn project(&self, folder: &Path) -> Box<dyn Project>;

    /// The folders of the projects in a folder, which may be one itself.
    fn projects_in(&self, folder: &Path) -> Vec<PathBuf>;

    /// A file with the page of a code, that an editor can open; none where there is no place for one.
    fn page(&self, code: &Code) -> Option<PathBuf>;

    /// Whether a process is still there.
    fn is_running(&self, process: u32) -> bool;
}

/// A project as it is on disk. What was read of it is kept, so that a check reads nothing but what has changed.
pub trait Project {
    /// Looks at its files again, since they may have changed; whether anything has that a check reads.
    fn look_again(&mut self) -> bool;

    /// Its texts, those that are open in the place of what their files hold. Paths are relative to the folder.
    fn texts(&mut self, open: &Open<'_>) -> Read;

    /// Adds what is wrong with it besides its texts, as they were last read, to what was found in them.
    fn complete(&self, _analysis: &mut Analysis) {}

    /// Where the connections of a connector's kind lead to, a line a profile, with every secret left out; none where the project
    /// does not say. `cluster` is the name of one of several.
    fn connection(&self, _kind: &str, _cluster: Option<&str>) -> Option<String> {
        None
    }
}

/// What is read of a project.
pub struct Read {
    /// What could be read.
    pub project: ParsedProject,
    /// Why a file cannot be read, each in a sentence for the user.
    pub unreadable: Vec<String>,
}
