//! `cargo xtask`: what is not cargo's own: all tests by one command, kill loops, fuzzing, the proofs.

mod command;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test    all tests, with reduced doses of the long ones
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test"] => test::run(),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
