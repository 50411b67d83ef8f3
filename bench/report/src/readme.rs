//! Writes README.md: what is measured, the tables, and the machine they come from.

use crate::programs::Places;
use crate::speed::Speed;
use crate::table::{Row, bars, markdown};
use std::fs;
use std::io;
use std::process::Command;
use workload::records::RECORDS;

/// The text of all tables.
pub fn tables(rows: &[Row], speeds: &[(&str, Speed)]) -> String {
    let mut text = bars(rows);
    for (workload, speed) in speeds {
        let cells = speed.outcomes.iter().map(|outcome| match (outcome.cpu(), outcome.peak_memory(), &outcome.runs) {
            (Some(cpu), Some(memory), _) => vec![
                outcome.name.to_string(),
                format!("{:.2}", cpu.as_secs_f64()),
                format!("{:.0}", RECORDS as f64 / 1e3 / cpu.as_secs_f64()),
                crate::check::megabytes(memory),
            ],
            (_, _, runs) => {
                let why = runs.as_ref().err().map_or("not run", String::as_str).replace('|', "/");
                vec![outcome.name.to_string(), format!("NOT SHOWN: {why}"), String::new(), String::new()]
            }
        });
        let header = [workload, "CPU seconds, median", "thousand records a CPU second", "peak memory"];
        text += "\n";
        text += &markdown(&header, &cells.collect::<Vec<_>>());
    }
    text
}

/// Writes the page.
pub fn write(places: &Places, rounds: usize, tables: &str) -> io::Result<()> {
    let page = format!(
        "{INTRODUCTION}\n## Figures\n\nMeasured on {} at commit {}, {rounds} rounds.\n\n{tables}",
        machine(),
        commit(places)
    );
    fs::write(places.bench.join("README.md"), page)
}

const INTRODUCTION: &str = "\
# The speed benchmark

A workspace of its own, which the product's builds never see. From this folder, `cargo run --release --bin report`
generates the input, builds the product and its peers, runs all of them in turn for several rounds, checks that they
write the same rows, prints the tables below and writes this page. `--memory` and `--first-build` add what takes long,
`--all` all of it, `--only w1` a part without writing this page, `--help` says the rest.

**W1**: two million lines of about 420 bytes in the ingest envelope, with varied values, some escapes and some members
that nobody reads. Keep `cmd` create or update with `duration > 0`; `status` from text to integer; `class_id` renamed
to `class`; `minutes = duration / 60`, `is_finished = duration >= 30`; write a flat object of 8 fields. **W2**: W1 and
a running sum of `duration` for each of 390,000 pairs of (stu_id, plan_id), which the product keeps durably.

| folder          | what it is                                                                                     |
| --------------- | ---------------------------------------------------------------------------------------------- |
| `workload`      | the generator, and the reading and writing of files that the Rust peers share                  |
| `peers`         | `handwritten`: one pass over the bytes for this one job, everything checked (UTF-8, the whole  |
|                 | line's JSON, repeated members, number ranges); `serde_typed`: borrowing structs of serde_json  |
| `vrl_job`       | the job in VRL, compiled once (a crate of its own: VRL takes minutes to build)                 |
| `duckdb_job.py` | the job in DuckDB on one thread, from the PyPI wheel                                           |
| `w1`, `w2`      | the job in `.nsf`                                                                              |
| `report`        | the command                                                                                    |
| `w3`            | W3, on Kafka and Redis, with a command and a page of its own: [w3/README.md](w3/README.md)     |
| `lsp`           | the language server while somebody types, likewise: [lsp/README.md](lsp/README.md)             |

All read a real file and write a real file. Time is user and system time of the whole process, start and (for the
product) compilation included; a ratio is the median over the rounds of the ratio within one round.
";

fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let memory = read("/proc/meminfo");
    let kibibytes = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let gigabytes = kibibytes.and_then(|number| number.parse::<f64>().ok()).map_or(0.0, |number| number / 1e6);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let system = output("uname", &["-sr"]);
    let compiler = output("rustc", &["--version"]);
    let model = model.unwrap_or("an unnamed processor").trim();
    format!("{model}, {cores} cores, {gigabytes:.0} GB, {system}, {compiler}")
}

fn commit(places: &Places) -> String {
    let root = places.root.display().to_string();
    output("git", &["-C", &root, "rev-parse", "--short=12", "HEAD"])
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or("unknown".to_string(), |output| String::from_utf8_lossy(&output.stdout).trim().to_string())
}
