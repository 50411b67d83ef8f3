//! `cargo xtask`: what is not cargo's own: all tests by one command, kill loops, fuzzing, the proofs.

mod command;
mod demo;
mod test;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask demo                          classroom over a million generated stays
cargo xtask test                          all tests, with reduced doses of the long ones
cargo xtask generate NAME COUNT FOLDER    an input of that many records: classroom, oulad, touching, w2
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["demo"] => demo::run(),
        ["test"] => test::run(),
        ["generate", name, count, folder] => generate(name, count, folder),
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

/// Writes an input.
fn generate(name: &str, count: &str, folder: &str) -> Result<(), String> {
    let count: u64 = count.replace('_', "").parse().map_err(|_| format!("`{count}` is no count of records"))?;
    nsf_tests::generate::generate(name, count, Path::new(folder)).map_err(|error| format!("{folder}: {error}"))
}
