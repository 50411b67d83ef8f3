//! `cargo xtask faults [ROW] [--dose N] [--seed N]`: rows of the fault matrix, each by itself.

use std::process::ExitCode;

use nsf_faults::rows::{self, Asked};

fn main() -> ExitCode {
    let asked = match Asked::read(std::env::args().skip(1)) {
        Ok(asked) => asked,
        Err(words) => {
            eprintln!("{words}");
            return ExitCode::from(2);
        }
    };
    match rows::run(&asked) {
        Ok(()) => ExitCode::SUCCESS,
        Err(words) => {
            eprintln!("error: {words}");
            ExitCode::FAILURE
        }
    }
}
