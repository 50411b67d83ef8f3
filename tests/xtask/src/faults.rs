//! `cargo xtask faults`: the fault matrix on real servers, with optimised programs.

use crate::{command::cargo, servers};

/// Installs what is missing, builds the programs and runs the rows that are asked for.
///
/// # Errors
/// What does not build, or the first row that fails.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    servers::install()?;
    let profile = ["--profile", "faults", "--quiet", "--package"];
    cargo(&[&["build"], profile.as_slice(), &["nsfc"]].concat())?;
    cargo(&[&["build"], profile.as_slice(), &["nsflow", "--features", "faults"]].concat())?;
    let mut run = [&["run"], profile.as_slice(), &["nsf-faults", "--"]].concat();
    run.extend(arguments);
    cargo(&run)
}
