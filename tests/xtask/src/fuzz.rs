//! `cargo xtask fuzz`: the fuzz targets of `tests/fuzz`, each for a while, from what the project itself holds.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nsf_tests::{root, tree};

use crate::command::{program, target};
use crate::parallel::side_by_side;

/// The targets, and what they start from.
const TARGETS: [(&str, Seeds); 4] =
    [("parser", Seeds::Programs), ("formatter", Seeds::Programs), ("plan", Seeds::Plans), ("record", Seeds::Records)];

/// Seconds after which one input counts as hanging; in a fuzzed build everything is much slower.
const HANGING: u64 = 20;

/// The longest input, in bytes.
const LONGEST: u64 = 16 * 1024;

/// What a target starts from.
#[derive(Clone, Copy)]
enum Seeds {
    /// The small programs of the project.
    Programs,
    /// The plans of the examples, as YAML and JSON.
    Plans,
    /// The records of the examples.
    Records,
}

/// How the targets are run.
#[derive(Clone, Debug)]
pub struct Dose {
    /// Seconds for each target.
    pub seconds: u64,
    /// Where the random numbers begin.
    pub seed: u64,
    /// `address` or `none`.
    pub sanitizer: String,
}

/// Whether cargo-fuzz and a nightly toolchain are there; else what to do, as an error.
///
/// # Errors
/// When one is missing.
pub fn is_there() -> Result<(), String> {
    let mut command = Command::new("cargo");
    command.args(["+nightly", "fuzz", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        _ => {
            Err("cargo-fuzz or the nightly toolchain is missing; install them with `rustup toolchain install nightly` \
                  and `cargo install cargo-fuzz`, then run this again"
                .to_owned())
        }
    }
}

/// Runs every target side by side, or the one that is named, and gives the figures of each as a line.
///
/// # Errors
/// A crash, a hang, or that a target does not build.
pub fn run(only: Option<&str>, dose: &Dose) -> Result<Vec<String>, String> {
    is_there()?;
    if let Some(name) = only.filter(|name| TARGETS.iter().all(|(target, _)| target != name)) {
        return Err(format!(
            "there is no fuzz target `{name}`; there are {}",
            TARGETS.map(|(name, _)| name).join(", ")
        ));
    }
    let targets: Vec<_> = TARGETS.into_iter().filter(|(name, _)| only.is_none_or(|only| only == *name)).collect();
    side_by_side(targets, |(name, seeds)| {
        let folder = target().join("fuzz-corpus").join(name);
        write_seeds(seeds, &folder)?;
        let line = fuzz(name, &folder, dose)?;
        println!("fuzz: {line}");
        Ok(line)
    })
}

/// Runs one target.
fn fuzz(name: &str, corpus: &Path, dose: &Dose) -> Result<String, String> {
    let mut command = Command::new("cargo");
    command.current_dir(root()).env("CARGO_TARGET_DIR", target().join("fuzz"));
    command.args(["+nightly", "fuzz", "run", "--fuzz-dir", "tests/fuzz", "--sanitizer", &dose.sanitizer, name]);
    command.arg(corpus).arg("--").arg(format!("-max_total_time={}", dose.seconds));
    // The generator of libFuzzer takes 32 bits, and 0 is not a seed.
    let seed = (dose.seed & 0x7FFF_FFFF).max(1);
    command.arg(format!("-seed={seed}")).arg(format!("-timeout={HANGING}")).arg(format!("-max_len={LONGEST}"));
    command.args(["-rss_limit_mb=4096", "-print_final_stats=1", "-verbosity=1"]);
    eprintln!("── fuzz {name}: {} s, seed {seed}", dose.seconds);
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let output = output.map_err(|error| format!("cargo fuzz cannot be started: {error}"))?;
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        let start = log.char_indices().rev().nth(6000).map_or(0, |(at, _)| at);
        return Err(format!("the fuzz target {name} failed (seed {seed})\n{}", &log[start..]));
    }
    let runs = last_number(&log, "stat::number_of_executed_units:");
    let peak = last_number(&log, "stat::peak_rss_mb:");
    let edges = last_number(&log, " cov:");
    Ok(format!(
        "{name}: {} s, {runs} inputs, {edges} edges covered, peak memory {peak} MB, no crash, no hang \
         (seed {seed}, sanitizer {})",
        dose.seconds, dose.sanitizer
    ))
}

/// The number behind the last `mark` of a log.
fn last_number(log: &str, mark: &str) -> u64 {
    let rest = log.rsplit_once(mark).map_or("", |(_, rest)| rest).trim_start();
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// Fills the folder of a corpus; what earlier runs found stays in it.
fn write_seeds(seeds: Seeds, folder: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let texts = match seeds {
        Seeds::Programs => texts(&["examples", "tests/language", "compiler/syntax/tests", "stdlib"], "nsf"),
        Seeds::Records => [texts(&["examples"], "ndjson"), texts(&["examples"], "csv")].concat(),
        Seeds::Plans => plans()?,
    };
    if texts.is_empty() {
        return Err(format!("{}: there is nothing to start from", folder.display()));
    }
    for (index, text) in texts.iter().enumerate() {
        fs::write(folder.join(format!("seed-{index}")), text).map_err(failed)?;
    }
    Ok(())
}

/// The small files of folders, cut at the longest input.
fn texts(folders: &[&str], extension: &str) -> Vec<Vec<u8>> {
    let paths = folders.iter().flat_map(|folder| tree::files(&root().join(folder), extension));
    let texts = paths.filter_map(|path| fs::read(path).ok());
    texts
        .map(|mut text| {
            text.truncate(LONGEST as usize);
            text
        })
        .collect()
}

/// The plans of the examples that are small enough.
fn plans() -> Result<Vec<Vec<u8>>, String> {
    let nsfc: PathBuf = program(false)?;
    let mut plans = Vec::new();
    for example in tree::folders(&root().join("examples")) {
        for format in ["yaml", "json"] {
            let output = Command::new(&nsfc).arg("compile").arg(&example).args(["--format", format]).output();
            let output = output.map_err(|error| format!("{} cannot be started: {error}", nsfc.display()))?;
            if output.status.success() {
                plans.push(output.stdout);
            }
        }
    }
    Ok(plans)
}
