//! `nsfc playground`: a page in the browser to write, run and look at a program.

use std::path::PathBuf;

use crate::Outcome;
use crate::output::Output;
use crate::playground;
use crate::problem::Problem;

/// Write, run and look at a program in the browser
///
/// Serves one page to this machine alone: an editor with everything that `nsfc lsp` knows, sample input, a run with what it
/// publishes, keeps and rejects, and the graph. Nothing is written into the project: what is typed stays in the page.
#[derive(clap::Args)]
pub struct Playground {
    /// A project's folder; a small example where none is named
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// The port of 127.0.0.1; a free one where none is named
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Open the page in the browser
    #[arg(long)]
    open: bool,
}

impl Playground {
    /// Serves until it is stopped.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        playground::serve(self.path.as_deref(), self.port, self.open, output)
    }
}
