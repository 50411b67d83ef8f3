//! `cargo xtask test`: what the tests need, the formatting, reduced doses of the long proofs, then every test of the
//! workspace.

use std::process::{Command, Stdio};

use crate::command::{cargo, cargo_with};
use crate::editors;
use crate::kill::{self, Dose};
use crate::servers;

/// Kills of each workload.
const KILLS: u32 = 10;

/// Percent of the records of the full dose.
const RECORDS: u64 = 5;

/// Seconds of seeded mutations for each fuzz target.
const FUZZ_SECONDS: &str = "30";

/// Runs all of it. The tests come last, so that their closing lines are the last that is printed.
///
/// # Errors
/// The first part that fails.
pub fn run() -> Result<(), String> {
    install_python()?;
    servers::install_or_say();
    cargo(&["fmt", "--all", "--check"])?;
    let dose = Dose { kills: KILLS, percent: RECORDS, seed: kill::seed_of_now(), release: false };
    kill::run("all", dose)?;
    editors::run(&[])?;
    let environment = [("NSF_FUZZ_SECONDS", FUZZ_SECONDS), ("RUST_TEST_THREADS", &threads())];
    cargo_with(&["test", "--workspace"], &environment)
}

/// Tests of one program that run side by side: one more than there are cores, for those that take long wait for servers.
fn threads() -> String {
    (std::thread::available_parallelism().map_or(1, std::num::NonZero::get) + 1).to_string()
}

/// The independent computation of `oulad` is in Python; where there is none, Debian's is installed.
fn install_python() -> Result<(), String> {
    if succeeds("python3", &["--version"]) {
        return Ok(());
    }
    eprintln!("── python3, which the test of oulad compares with, is not there: installing it with apt-get");
    if succeeds("apt-get", &["update"]) && succeeds("apt-get", &["install", "--yes", "python3"]) {
        return Ok(());
    }
    Err("python3 is needed and apt-get cannot install it here; install Python 3 and run this again".to_owned())
}

/// Whether a program is there and ends well; what it prints on standard error is shown.
fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}
