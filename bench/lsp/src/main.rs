//! How quickly the language server answers while somebody types: starts the real `nsfc lsp`, opens a file in the middle of a
//! project of renamed copies of `examples/classroom`, types and takes back, and prints a table.
//!
//! From `bench/`: `cargo run --release -p lsp` builds the product and measures 10,000 and 100,000 lines; `-- --nsfc PATH` takes a
//! program that is built, `--lines N` one size, `--keys N` another number of keystrokes.

mod client;
#[path = "../../report/src/copies.rs"]
#[allow(dead_code, reason = "the report says how many mistakes there are")]
mod copies;
mod typing;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use typing::{Measured, measure};

/// What is asked of a project of 10,000 lines; four times as much is allowed for one of 100,000.
const BARS: [(&str, u64); 5] = [
    ("keystroke to diagnostics, p99", 30),
    ("completion, p99", 15),
    ("hover, p99", 10),
    ("start to first diagnostics", 300),
    ("memory, MB", 150),
];

struct Arguments {
    nsfc: Option<PathBuf>,
    lines: Vec<usize>,
    keys: usize,
}

fn main() -> io::Result<()> {
    let arguments = arguments().map_err(io::Error::other)?;
    let bench = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let nsfc = match arguments.nsfc {
        Some(nsfc) => nsfc,
        None => build(&bench.join(".."))?,
    };
    println!("| lines | files | measure | p50 | p99 | longest | bar | verdict |");
    println!("| --- | --- | --- | --- | --- | --- | --- | --- |");
    let mut missed = 0;
    for lines in arguments.lines {
        let folder = std::env::temp_dir().join(format!("nsf-bench-lsp-{}-{lines}", std::process::id()));
        let copies = copies::write_copies(&bench.join("../examples/classroom"), &folder, lines, None)?;
        fs::write(folder.join("nsf.yaml"), "name: big\n")?;
        let measured = measure(&nsfc, &folder, arguments.keys);
        fs::remove_dir_all(&folder)?;
        missed += print(copies.lines, if lines > 10_000 { 4 } else { 1 }, &measured?);
    }
    if missed > 0 { Err(io::Error::other(format!("{missed} bars are missed"))) } else { Ok(()) }
}

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments { nsfc: None, lines: Vec::new(), keys: 300 };
    let mut given = std::env::args().skip(1);
    while let Some(name) = given.next() {
        let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
        let number = || value.parse::<usize>().map_err(|_| format!("{name} needs a number, not {value}"));
        match name.as_str() {
            "--nsfc" => found.nsfc = Some(PathBuf::from(value)),
            "--lines" => found.lines.push(number()?),
            "--keys" => found.keys = number()?.max(1),
            _ => return Err(format!("{name} is not known: --nsfc PATH, --lines N, --keys N")),
        }
    }
    if found.lines.is_empty() {
        found.lines = vec![10_000, 100_000];
    }
    Ok(found)
}

fn build(root: &Path) -> io::Result<PathBuf> {
    let status = Command::new("cargo").args(["build", "--release", "-p", "nsfc"]).current_dir(root).status()?;
    if !status.success() {
        return Err(io::Error::other("`cargo build --release -p nsfc` fails"));
    }
    Ok(root.join("target/release/nsfc"))
}

/// Prints the rows of a project; how many bars are missed.
fn print(lines: usize, allowed: u64, measured: &Measured) -> usize {
    let [keys, completion, hover, first, memory] = BARS.map(|(name, bar)| (name, bar * allowed));
    let mut missed = 0;
    let mut row = |(name, bar): (&str, u64), times: &[Duration]| {
        if times.is_empty() {
            println!(
                "| {lines} | {} | {name} | | | | {bar} ms | NOT SHOWN: the server does not offer it |",
                measured.files
            );
            return;
        }
        let [middle, p99, longest] = [0.5, 0.99, 1.0].map(|share| milliseconds(at(times, share)));
        let passes = p99 <= bar as f64;
        missed += usize::from(!passes);
        let verdict = if passes { "pass" } else { "MISSED" };
        println!(
            "| {lines} | {} | {name} | {middle:.1} ms | {p99:.1} ms | {longest:.1} ms | {bar} ms | {verdict} |",
            measured.files
        );
    };
    row(keys, &measured.keystrokes);
    row(completion, &measured.completions);
    row(hover, &measured.hovers);
    row(first, &measured.starts);
    if !measured.wholes.is_empty() {
        let [middle, p99, longest] = [0.5, 0.99, 1.0].map(|share| milliseconds(at(&measured.wholes, share)));
        println!(
            "| {lines} | {} | all of the project checked again | {middle:.1} ms | {p99:.1} ms | {longest:.1} ms | | |",
            measured.files
        );
    }
    let each = milliseconds(measured.processor) / measured.keystrokes.len().max(1) as f64;
    println!("| {lines} | {} | processor time a keystroke | mean | {each:.1} ms | | | |", measured.files);
    let megabytes = measured.peak_kilobytes as f64 / 1000.0;
    let passes = megabytes <= memory.1 as f64;
    missed += usize::from(!passes);
    let verdict = if passes { "pass" } else { "MISSED" };
    println!("| {lines} | {} | {} | | | {megabytes:.1} | {} | {verdict} |", measured.files, memory.0, memory.1);
    missed
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The time that so large a share of all needs at most.
fn at(times: &[Duration], share: f64) -> Duration {
    let mut sorted = times.to_vec();
    sorted.sort();
    let index = ((sorted.len() as f64 * share).ceil() as usize).clamp(1, sorted.len()) - 1;
    sorted[index]
}
