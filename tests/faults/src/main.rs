//! `cargo xtask faults [ROW] [--dose N] [--seed N]`: rows of the fault matrix, each by itself.

use std::process::ExitCode;

use nsf_faults::{
    mock,
    rows::{self, Asked},
};

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(mock::WORD) {
        let served = mock::serve(std::io::stdin().lock(), std::io::stdout().lock());
        return if served.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
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
