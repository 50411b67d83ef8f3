//! `nsfc lsp`: the language server over standard input and output.

use std::path::{Path, PathBuf};

use nsf_diagnostics::Code;
use nsf_lsp::Host;

use crate::Outcome;
use crate::edited::Edited;
use crate::pages::Pages;
use crate::problem::Problem;
use crate::project::{SETTINGS_FILE, project_folders};

/// Serve an editor: diagnostics as you type, completion, hover, rename, fixes and formatting, over standard input and output
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
        let disk = Disk { pages: Pages::of_user() };
        nsf_lsp::serve_stdio(&disk).map(|()| Outcome::Clean).map_err(|error| {
            Problem::failure(error.to_string()).help("`nsfc lsp` is started by an editor, see README.md")
        })
    }
}

/// The projects on disk.
pub struct Disk {
    pages: Pages,
}

impl Disk {
    /// For a page of a browser, which opens no files.
    pub fn without_pages() -> Self {
        Self { pages: Pages::none() }
    }
}

impl Host for Disk {
    /// The nearest folder with settings around the file, or else its own.
    fn project_of(&self, file: &Path) -> PathBuf {
        let around = file.ancestors().skip(1).find(|folder| folder.join(SETTINGS_FILE).is_file());
        around.or_else(|| file.parent()).unwrap_or(file).to_path_buf()
    }

    fn project(&self, folder: &Path) -> Box<dyn nsf_lsp::Project> {
        Box::new(Edited::of(folder))
    }

    fn projects_in(&self, folder: &Path) -> Vec<PathBuf> {
        project_folders(folder)
    }

    fn page(&self, code: &Code) -> Option<PathBuf> {
        self.pages.page(code)
    }

    #[cfg(unix)]
    fn is_running(&self, process: u32) -> bool {
        let Ok(process) = libc::pid_t::try_from(process) else { return true };
        // SAFETY: `kill` takes numbers and touches no memory; the signal 0 is none, and nothing is sent.
        let answer = unsafe { libc::kill(process, 0) };
        // A process of another user is there too.
        answer == 0 || std::io::Error::last_os_error().raw_os_error() != Some(libc::ESRCH)
    }

    /// The end of standard input says it.
    #[cfg(not(unix))]
    fn is_running(&self, _: u32) -> bool {
        true
    }
}
