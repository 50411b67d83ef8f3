//! `nsfc lsp`: the language server over standard input and output.

use std::path::{Path, PathBuf};

use nsf_lsp::Host;

use crate::Outcome;
use crate::edited::Edited;
use crate::problem::Problem;
use crate::project::SETTINGS_FILE;

/// Serve an editor: diagnostics as you type, quick fixes, outline and formatting, over standard input and output
#[derive(clap::Args)]
pub struct Lsp {
    /// Nothing else is possible; editors give it by habit
    #[arg(long, hide = true)]
    stdio: bool,
}

impl Lsp {
    /// Serves until the client ends or is gone.
    pub fn run(self) -> Result<Outcome, Problem> {
        let _ = self.stdio;
        nsf_lsp::serve_stdio(&Disk).map(|()| Outcome::Clean).map_err(|error| {
            Problem::failure(error.to_string()).help("`nsfc lsp` is started by an editor, see README.md")
        })
    }
}

/// The projects on disk.
struct Disk;

impl Host for Disk {
    /// The nearest folder with settings around the file, or else its own.
    fn project_of(&self, file: &Path) -> PathBuf {
        let around = file.ancestors().skip(1).find(|folder| folder.join(SETTINGS_FILE).is_file());
        around.or_else(|| file.parent()).unwrap_or(file).to_path_buf()
    }

    fn project(&self, folder: &Path) -> Box<dyn nsf_lsp::Project> {
        Box::new(Edited::of(folder))
    }
}
