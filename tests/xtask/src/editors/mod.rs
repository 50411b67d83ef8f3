//! `cargo xtask editors`: every editor really driven over the language server. What it needs is installed under `target/editors`, or
//! with apt-get; what cannot be had is told of as NOT SHOWN and is no failure.

mod conformance;
mod emacs;
mod neovim;
mod playground;
mod provide;
mod vscode;

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::command;

/// Why something of an editor is not shown.
pub enum Trouble {
    /// What it needs cannot be had here.
    Absent(String),
    /// It was driven, and is not as it should be.
    Failed(String),
}

/// Shows an editor with the `nsfc` at a path.
type Show = fn(&Path) -> Result<(), Trouble>;

/// Every editor, in the order in which they are shown.
const EDITORS: [(&str, Show); 5] = [
    ("conformance", conformance::show),
    ("neovim", neovim::show),
    ("emacs", emacs::show),
    ("vscode", vscode::show),
    ("playground", playground::show),
];

/// Shows the editors with these names; all where there is none.
///
/// # Errors
/// A name that is none, or the editors that are not as they should be.
pub fn run(names: &[&str]) -> Result<(), String> {
    let known = EDITORS.map(|(name, _)| name);
    if let Some(other) = names.iter().find(|name| !known.contains(name)) {
        return Err(format!("there is no editor `{other}`; there are {}", known.join(", ")));
    }
    let nsfc = command::program(false)?;
    let mut failed = Vec::new();
    for (name, show) in EDITORS.iter().filter(|(name, _)| names.is_empty() || names.contains(name)) {
        eprintln!("── editors {name}");
        let started = Instant::now();
        match show(&nsfc) {
            Ok(()) => {}
            Err(Trouble::Absent(why)) => println!("NOT SHOWN: editors {name}: {why}"),
            Err(Trouble::Failed(why)) => {
                println!("editors {name}: {why}");
                failed.push(*name);
            }
        }
        eprintln!("── editors {name}: {:.0} s", started.elapsed().as_secs_f64());
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("editors {} failed", failed.join(", "))) }
}

/// The folder of what was installed for editors.
fn folder() -> PathBuf {
    command::target().join("editors")
}

/// A folder of the editors' own files.
fn sources(name: &str) -> PathBuf {
    nsf_tests::root().join("editors").join(name)
}
