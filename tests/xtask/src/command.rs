//! Calls of other programs: shown, timed, and an error when they fail.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use nsf_tests::root;

/// Runs cargo in the workspace, its streams passed on.
///
/// # Errors
/// When it cannot be started or ends with another code than 0.
pub fn cargo(arguments: &[&str]) -> Result<(), String> {
    let shown = format!("cargo {}", arguments.join(" "));
    eprintln!("── {shown}");
    let started = Instant::now();
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(program).current_dir(root()).args(arguments).status();
    let status = status.map_err(|error| format!("{shown} cannot be started: {error}"))?;
    eprintln!("── {shown}: {:.0} s", started.elapsed().as_secs_f64());
    if status.success() { Ok(()) } else { Err(format!("{shown} failed")) }
}

/// The folder of build results.
#[must_use]
pub fn target() -> PathBuf {
    nsf_tests::tool::target_folder()
}
