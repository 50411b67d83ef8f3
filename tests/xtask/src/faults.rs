//! `cargo xtask faults`: the fault matrix on real servers, with optimised programs.

use crate::{command::cargo, servers};

/// Installs what is missing, builds the programs and runs the rows that are asked for.
///
/// # Errors
/// What does not build, or the first row that fails.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    servers::install()?;
    cargo(&["build", "--release", "--quiet", "--package", "nsfc"])?;
    cargo(&["build", "--release", "--quiet", "--package", "nsflow", "--features", "faults"])?;
    let mut run = vec!["run", "--release", "--quiet", "--package", "nsf-faults", "--"];
    run.extend(arguments);
    cargo(&run)
}
