//! The rows of W1 and W2: speed against the peers, peak memory, allocations.

use crate::check::megabytes;
use crate::compare::{Outcome, compare, speed_ratio};
use crate::measure::run;
use crate::programs::{Places, Program, Start, duckdb};
use crate::table::Row;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::Command;
use workload::records::{RECORDS, SEED, write_records};

/// The names of the programs in the tables.
const PRODUCT: &str = "nsfc";
const HANDWRITTEN: &str = "hand-written";
const SERDE: &str = "serde_json, typed";
const VRL: &str = "VRL";
const DUCKDB: &str = "DuckDB, 1 thread";

/// One workload's comparison: the rows of the table, and what each program used.
pub struct Speed {
    /// The rows with a bar.
    pub rows: Vec<Row>,
    /// All programs.
    pub outcomes: Vec<Outcome>,
}

/// The input of so many records; generated when it is not there.
pub fn input(places: &Places, records: u64) -> io::Result<String> {
    let path = places.data.join(format!("records-{SEED}-{records}.ndjson"));
    if !path.exists() {
        eprintln!("generating {records} records");
        let unfinished = path.with_extension("unfinished");
        let mut sink = BufWriter::with_capacity(1 << 20, File::create(&unfinished)?);
        write_records(&mut sink, records, SEED)?;
        sink.flush()?;
        // What is still on its way to the disk would slow the first programs down.
        sink.get_ref().sync_all()?;
        fs::rename(unfinished, &path)?;
    }
    Ok(path.display().to_string())
}

/// W1 against all peers.
pub fn w1(places: &Places, nsfc: &Result<PathBuf, String>, rounds: usize) -> io::Result<Speed> {
    let mut programs = vec![
        Program { name: HANDWRITTEN, start: Start::Peer("handwritten", &["w1"]) },
        Program { name: SERDE, start: Start::Peer("serde_typed", &[]) },
        Program { name: VRL, start: Start::Peer("vrl_job", &[]) },
    ];
    let mut missing = Vec::new();
    match duckdb(places) {
        Ok(python) => programs.push(Program { name: DUCKDB, start: Start::Python(python, "duckdb_job.py") }),
        Err(why) => missing.push(Outcome { name: DUCKDB, runs: Err(why) }),
    }
    add_product(&mut programs, &mut missing, nsfc, "w1");
    let mut outcomes = compare(places, &programs, &input(places, RECORDS)?, rounds)?;
    outcomes.extend(missing);
    let rows = vec![
        ratio_row("W1, hand-written against typed serde_json", 1.4, &outcomes, HANDWRITTEN, SERDE),
        ratio_row("W1 against hand-written", 0.8, &outcomes, PRODUCT, HANDWRITTEN),
        ratio_row("W1 against VRL", 6.0, &outcomes, PRODUCT, VRL),
        ratio_row("W1 against DuckDB, one thread", 1.4, &outcomes, PRODUCT, DUCKDB),
    ];
    Ok(Speed { rows, outcomes })
}

/// W2 against the hand-written program with a hash map in memory.
pub fn w2(places: &Places, nsfc: &Result<PathBuf, String>, rounds: usize) -> io::Result<Speed> {
    let mut programs = vec![Program { name: HANDWRITTEN, start: Start::Peer("handwritten", &["w2"]) }];
    let mut missing = Vec::new();
    add_product(&mut programs, &mut missing, nsfc, "w2");
    let mut outcomes = compare(places, &programs, &input(places, RECORDS)?, rounds)?;
    outcomes.extend(missing);
    let mut row =
        ratio_row("W2 against hand-written with a hash map, no durability", 0.4, &outcomes, PRODUCT, HANDWRITTEN);
    let product = outcomes.iter().find(|outcome| outcome.name == PRODUCT);
    if let Some(Ok(runs)) = product.map(|outcome| &outcome.runs) {
        let commits = runs.iter().map(|run| commits(&run.stdout).map_or("?".to_string(), |count| count.to_string()));
        row.measured += &format!(", commits a run: {}", commits.collect::<Vec<_>>().join(" "));
    }
    Ok(Speed { rows: vec![row], outcomes })
}

fn add_product(
    programs: &mut Vec<Program>,
    missing: &mut Vec<Outcome>,
    nsfc: &Result<PathBuf, String>,
    project: &'static str,
) {
    match nsfc {
        Ok(nsfc) => programs.push(Program { name: PRODUCT, start: Start::Product(nsfc.clone(), project) }),
        Err(why) => missing.push(Outcome { name: PRODUCT, runs: Err(why.clone()) }),
    }
}

fn ratio_row(measure: &str, bar: f64, outcomes: &[Outcome], this: &str, other: &str) -> Row {
    let named = |name: &str| outcomes.iter().find(|outcome| outcome.name == name);
    let bar_text = format!("at least {bar:.2} of its speed");
    let (Some(this), Some(other)) = (named(this), named(other)) else {
        return Row::not_shown(measure, &bar_text, "not run");
    };
    match speed_ratio(this, other) {
        Ok(ratio) => Row::judged(measure, &bar_text, format!("{ratio:.2}"), ratio >= bar),
        Err(why) => Row::not_shown(measure, &bar_text, why),
    }
}

/// How many commits a run of the product made: the member `commits` of its summary, wherever it stands.
fn commits(summary: &str) -> Option<u64> {
    let found = |value: &serde_json::Value| greatest(value, "commits");
    let whole = serde_json::from_str(summary).ok();
    whole.or_else(|| serde_json::from_str(summary.lines().last()?).ok()).as_ref().and_then(found)
}

fn greatest(value: &serde_json::Value, name: &str) -> Option<u64> {
    match value {
        serde_json::Value::Object(members) => {
            let own = members.get(name).and_then(serde_json::Value::as_u64);
            members.values().filter_map(|value| greatest(value, name)).chain(own).max()
        }
        serde_json::Value::Array(items) => items.iter().filter_map(|value| greatest(value, name)).max(),
        _ => None,
    }
}

/// Peak memory at ten times the records.
pub fn memory_rows(places: &Places, nsfc: &Result<PathBuf, String>, wanted: bool) -> io::Result<Vec<Row>> {
    let bar = "within 10 %";
    let measure = |workload: &str| format!("peak memory, {workload}, 20 M records against 2 M");
    let why = match (wanted, nsfc) {
        (true, Ok(nsfc)) => {
            let rows = ["w1", "w2"].map(|project| memory_row(places, nsfc, project, &measure(project), bar));
            return rows.into_iter().collect();
        }
        (true, Err(why)) => why.as_str(),
        (false, _) => "needs --memory",
    };
    Ok(["w1", "w2"].map(|project| Row::not_shown(&measure(project), bar, why)).into())
}

fn memory_row(
    places: &Places,
    nsfc: &std::path::Path,
    project: &'static str,
    measure: &str,
    bar: &str,
) -> io::Result<Row> {
    let program = [Program { name: PRODUCT, start: Start::Product(nsfc.to_path_buf(), project) }];
    let mut peaks = Vec::new();
    for records in [RECORDS, 10 * RECORDS] {
        let outcomes = compare(places, &program, &input(places, records)?, 1)?;
        match (outcomes[0].peak_memory(), &outcomes[0].runs) {
            (Some(peak), _) => peaks.push(peak),
            (None, Err(why)) => return Ok(Row::not_shown(measure, bar, why.clone())),
            (None, Ok(_)) => return Ok(Row::not_shown(measure, bar, "not run")),
        }
    }
    let ratio = peaks[1] as f64 / peaks[0] as f64;
    let measured = format!("{} against {}: {ratio:.2}", megabytes(peaks[1]), megabytes(peaks[0]));
    Ok(Row::judged(measure, bar, measured, ratio <= 1.1))
}

/// The engine's own test that counts allocations.
const ALLOCATION_TEST: &str = "runtime/engine/tests/allocations.rs";

/// The row of allocations a record.
pub fn allocation_row(places: &Places) -> io::Result<Row> {
    let (measure, bar) = ("allocations a record, W1 in steady state", "0");
    if !places.root.join(ALLOCATION_TEST).exists() {
        return Ok(Row::not_shown(measure, bar, format!("{ALLOCATION_TEST} is not there")));
    }
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&places.root).args(["test", "--locked", "-p", "nsf-engine", "--test", "allocations"]);
    let tested = run(&mut command, &places.data)?;
    let measured = if tested.code == 0 { "0, by the engine's test" } else { "the engine's test fails" };
    Ok(Row::judged(measure, bar, measured.to_string(), tested.code == 0))
}
