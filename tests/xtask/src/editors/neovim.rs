//! Neovim, without a screen: its plugin and its own client of the language server.

use std::path::Path;
use std::process::Command;

use super::{Trouble, folder, provide, sources};

/// Drives Neovim.
///
/// # Errors
/// What is missing, or what fails.
pub fn show(nsfc: &Path) -> Result<(), Trouble> {
    let plugin = sources("neovim");
    let neovim = provide::python(&plugin.join("test/requirements.txt"))?.join("nvim");
    let mut drive = Command::new(neovim);
    drive.arg("-l").arg(plugin.join("test/drive.lua")).arg(&plugin).arg(provide::classroom("neovim")?);
    drive.env("PATH", provide::path_with(nsfc)?);
    // What it remembers between calls is none of the user's.
    for place in ["XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"] {
        drive.env(place, folder().join("neovim"));
    }
    provide::tested(drive, "Neovim")
}
