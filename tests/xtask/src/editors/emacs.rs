//! Emacs, without a screen: the mode, and eglot as its client of the language server.

use std::path::Path;
use std::process::Command;

use super::{Trouble, folder, provide, sources};

/// Where Debian has eglot for an Emacs that does not bring it.
const EGLOT: &str = "elpa-eglot";

/// Drives Emacs.
///
/// # Errors
/// What is missing, or what fails.
pub fn show(nsfc: &Path) -> Result<(), Trouble> {
    let emacs = provide::program(&["emacs"], "emacs-nox")?;
    let mode = sources("emacs");
    let mut look = Command::new(&emacs);
    look.args(["--batch", "--eval", "(require 'eglot)"]);
    if nsf_tests::servers::install::called(look).is_err() {
        nsf_tests::servers::install::install_packages("editors need", &[EGLOT]).map_err(Trouble::Absent)?;
    }
    let mut drive = Command::new(emacs);
    drive.args(["--batch", "--directory"]).arg(&mode).arg("--load").arg(mode.join("test/drive.el"));
    drive.env("PATH", provide::path_with(nsfc)?).env("NSF_PROJECT", provide::classroom("emacs")?);
    drive.env("HOME", folder().join("emacs-home"));
    provide::tested(drive, "Emacs")
}
