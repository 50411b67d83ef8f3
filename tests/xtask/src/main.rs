//! `cargo xtask`: what is not cargo's own: all tests by one command, kill loops, fuzzing, the proofs.

mod command;
mod demo;
mod dist;
mod editors;
mod faults;
mod fuzz;
mod kill;
mod parallel;
mod prove;
mod servers;
mod test;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask demo                          classroom over a million generated stays
cargo xtask test                          all tests, with reduced doses of the long ones
cargo xtask kill-loop NAME KILLS [SEED]   runs killed by kill -9 and continued: oulad, w2, touching or all
cargo xtask fuzz SECONDS [TARGET]          parser, formatter, plan, record by cargo-fuzz on the nightly toolchain
cargo xtask prove [--part P] [--kills N] … every long proof in its full dose; writes tests/PROOF.md
cargo xtask faults [ROW…] [--dose N] [--percent N] [--seed N]  rows of the fault matrix; writes tests/faults/RESULTS.md
cargo xtask servers [--install]           Kafka, Redis, MariaDB on loopback until Ctrl-C; or only what they need
cargo xtask editors [NAME…]               every editor driven over the language server: vscode, neovim, emacs, conformance
cargo xtask dist                          the release archive of this machine's kind, under target/dist
cargo xtask generate NAME COUNT FOLDER    an input of that many records: classroom, oulad, touching, w2
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["demo"] => demo::run(),
        ["test"] => test::run(),
        ["kill-loop", name, kills] => kill_loop(name, kills, None),
        ["kill-loop", name, kills, seed] => kill_loop(name, kills, Some(seed)),
        ["fuzz", seconds] => fuzz(seconds, None),
        ["fuzz", seconds, target] => fuzz(seconds, Some(target)),
        ["faults", rest @ ..] => faults::run(rest),
        ["servers"] => servers::run(),
        ["servers", "--install"] => servers::install(),
        ["prove", options @ ..] => prove::Options::parse(options).and_then(|options| prove::run(&options)),
        ["editors", names @ ..] => editors::run(names),
        ["dist"] => dist::run(),
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

/// Kills and continues with the full number of records.
fn kill_loop(name: &str, kills: &str, seed: Option<&str>) -> Result<(), String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("`{text}` is no number"));
    let seed = seed.map_or_else(|| Ok(kill::seed_of_now()), number)?;
    let kills = u32::try_from(number(kills)?).map_err(|error| error.to_string())?;
    kill::run(name, kill::Dose { kills, percent: 100, seed, release: true }).map(drop)
}

/// Runs the fuzz targets, with the sanitizer of addresses.
fn fuzz(seconds: &str, target: Option<&str>) -> Result<(), String> {
    let seconds = seconds.parse().map_err(|_| format!("`{seconds}` is no number of seconds"))?;
    let dose = fuzz::Dose { seconds, seed: kill::seed_of_now(), sanitizer: "address".to_owned() };
    fuzz::run(target, &dose).map(drop).map_err(|error| format!("NOT SHOWN: {error}"))
}
