//! `tests/faults/RESULTS.md`: what each row showed, when it was last run, and on which engine. Rows count together only at
//! one and the same hash of the engine.

use std::{collections::BTreeMap, fs, path::PathBuf};

use nsf_tests::{root, tree};
use xxhash_rust::xxh3::Xxh3;

use super::{ROWS, Row, Trial};

const HEAD: &str = "# Results of the fault matrix

Written by `cargo xtask faults`. A row counts with others only where the hash of the engine (the sources under `runtime/`) is the
same. The dose is how often the fault happened; in full it is the number behind the stroke, with 200,000 records a trial.

| row | dose | records a trial | seed | engine | what it showed |
|---|---|---|---|---|---|
";

fn path() -> PathBuf {
    root().join("tests/faults/RESULTS.md")
}

/// The hash of the engine's sources.
fn engine() -> String {
    let mut hash = Xxh3::new();
    for file in tree::files(&root().join("runtime"), "rs") {
        hash.update(file.strip_prefix(root()).unwrap_or(&file).as_os_str().as_encoded_bytes());
        hash.update(&fs::read(&file).unwrap_or_default());
    }
    format!("{:016x}", hash.digest())
}

/// Writes down what a row showed, in the place of what it showed before.
///
/// # Errors
/// Where the page cannot be written.
pub(super) fn record(row: &Row, trial: &Trial<'_>, showed: &str) -> Result<(), String> {
    let mut lines: BTreeMap<usize, String> = BTreeMap::new();
    for line in fs::read_to_string(path()).unwrap_or_default().lines() {
        let name = line.trim_start_matches("| ").split(' ').next().unwrap_or_default();
        if let Some(at) = ROWS.iter().position(|row| line.starts_with("| ") && row.name == name) {
            lines.insert(at, line.to_owned());
        }
    }
    let records = 2_000 * trial.percent;
    let line = format!(
        "| {} | {} / {} | {records} | {} | {} | {showed} |",
        row.name,
        trial.dose,
        row.dose,
        trial.seed,
        engine()
    );
    lines.insert(ROWS.iter().position(|own| own.name == row.name).unwrap_or(ROWS.len()), line);
    let text = format!("{HEAD}{}\n", lines.into_values().collect::<Vec<_>>().join("\n"));
    fs::write(path(), text).map_err(|error| format!("{} cannot be written: {error}", path().display()))
}
