//! `cargo xtask test`: the formatting, reduced doses of the long proofs, then every test of the workspace.

use crate::command::cargo;
use crate::kill::{self, Dose};

/// Kills of each workload.
const KILLS: u32 = 4;

/// Percent of the records of the full dose.
const RECORDS: u64 = 5;

/// Runs all of it. The tests come last, so that their closing lines are the last that is printed.
///
/// # Errors
/// The first part that fails.
pub fn run() -> Result<(), String> {
    cargo(&["fmt", "--all", "--check"])?;
    let dose = Dose { kills: KILLS, percent: RECORDS, seed: kill::seed_of_now(), release: false };
    kill::run("all", dose, &mut |_| {})?;
    cargo(&["test", "--workspace"])
}
