//! `cargo xtask test`: the formatting, every test of the workspace, and reduced doses of the long proofs.

use crate::command::cargo;

/// Runs all of it.
///
/// # Errors
/// The first part that fails.
pub fn run() -> Result<(), String> {
    cargo(&["fmt", "--all", "--check"])?;
    cargo(&["test", "--workspace"])
}
