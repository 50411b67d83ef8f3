//! The compiler's rows: `nsfc check` on large projects and on `examples/classroom`, and the binary's size.

use crate::copies::write_copies;
use crate::measure::{Run, run};
use crate::programs::Places;
use crate::table::Row;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// A mistake stands in every so many lines.
const LINES_PER_MISTAKE: usize = 1_000;

const LARGE: &str = "`nsfc check`, renamed copies of `classroom`, 100,000 lines, one error every 1,000";
const LARGE_BAR: &str = "at most 2 s CPU, 500 MB";
const TWICE: &str = "the same, 200,000 lines, against 100,000";
const TWICE_BAR: &str = "at most 2.2 times the CPU";
const SMALL: &str = "`nsfc check examples/classroom`";
const SMALL_BAR: &str = "at most 60 ms CPU";

/// How often a check runs; the median counts.
const ROUNDS: usize = 5;

/// The rows of `nsfc check`.
pub fn check_rows(places: &Places, nsfc: &Result<std::path::PathBuf, String>) -> io::Result<Vec<Row>> {
    let nsfc = match nsfc {
        Ok(nsfc) => nsfc,
        Err(why) => return Ok(none_shown(why)),
    };
    let classroom = places.root.join("examples/classroom");
    if !classroom.exists() {
        return Ok(none_shown("examples/classroom is not there"));
    }
    let mut rows = large_rows(places, nsfc, &classroom)?;
    let small = check(places, nsfc, &classroom)?;
    rows.push(if small.run.code == 0 {
        let measured = format!("{:.1} ms", small.run.cpu.as_secs_f64() * 1e3);
        Row::judged(SMALL, SMALL_BAR, measured, small.run.cpu <= Duration::from_millis(60))
    } else {
        Row::not_shown(SMALL, SMALL_BAR, small.run.complaint())
    });
    Ok(rows)
}

fn none_shown(why: &str) -> Vec<Row> {
    let bars = [(LARGE, LARGE_BAR), (TWICE, TWICE_BAR), (SMALL, SMALL_BAR)];
    bars.iter().map(|(measure, bar)| Row::not_shown(measure, bar, why)).collect()
}

fn large_rows(places: &Places, nsfc: &Path, classroom: &Path) -> io::Result<Vec<Row>> {
    let mut checked = Vec::new();
    for lines in [100_000, 200_000] {
        let folder = places.data.join(format!("copies-{lines}"));
        let copies = write_copies(classroom, &folder, lines, Some(LINES_PER_MISTAKE))?;
        let found = check(places, nsfc, &folder)?;
        eprintln!(
            "check {} lines: {} of {} errors, {:.2} s CPU, {}",
            copies.lines,
            found.errors,
            copies.mistakes,
            found.run.cpu.as_secs_f64(),
            megabytes(found.run.peak_memory)
        );
        if found.run.code != 1 || found.errors != copies.mistakes {
            let why =
                format!("finds {} errors for {} mistakes, exit {}", found.errors, copies.mistakes, found.run.code);
            let not_shown = |measure, bar| Row::not_shown(measure, bar, format!("{lines} lines: {why}"));
            return Ok(vec![not_shown(LARGE, LARGE_BAR), not_shown(TWICE, TWICE_BAR)]);
        }
        checked.push(found.run);
    }
    let [hundred, twice] = &checked[..] else { return Ok(Vec::new()) };
    let ratio = twice.cpu.as_secs_f64() / hundred.cpu.as_secs_f64();
    let met = hundred.cpu <= Duration::from_secs(2) && hundred.peak_memory <= 500_000_000;
    let measured = format!("{:.2} s, {}", hundred.cpu.as_secs_f64(), megabytes(hundred.peak_memory));
    let measured_twice = format!("{ratio:.2} times, {}", megabytes(twice.peak_memory));
    Ok(vec![Row::judged(LARGE, LARGE_BAR, measured, met), Row::judged(TWICE, TWICE_BAR, measured_twice, ratio <= 2.2)])
}

struct Checked {
    run: Run,
    errors: usize,
}

/// The run with the median CPU time.
fn check(places: &Places, nsfc: &Path, project: &Path) -> io::Result<Checked> {
    let mut runs = Vec::new();
    for _ in 0..ROUNDS {
        runs.push(run(Command::new(nsfc).arg("check").arg(project).args(["--format", "json"]), &places.data)?);
    }
    runs.sort_by_key(|run| run.cpu);
    let run = runs.swap_remove(ROUNDS / 2);
    let compact: String = run.stdout.chars().filter(|character| !character.is_whitespace()).collect();
    let errors = compact.matches("\"severity\":\"error\"").count();
    Ok(Checked { run, errors })
}

/// The row of the release binary's size.
pub fn binary_row(nsfc: &Result<std::path::PathBuf, String>) -> Row {
    let (measure, bar) = ("`nsfc` release binary", "at most 25 MB");
    let size =
        nsfc.as_ref().map_err(Clone::clone).and_then(|path| fs::metadata(path).map_err(|error| error.to_string()));
    match size {
        Ok(metadata) => Row::judged(measure, bar, megabytes(metadata.len()), metadata.len() <= 25_000_000),
        Err(why) => Row::not_shown(measure, bar, why),
    }
}

/// The row of a first build: every crate, in a folder that is empty.
pub fn first_build_row(places: &Places, wanted: bool) -> io::Result<Row> {
    let (measure, bar) = ("first build of `nsfc` on 2 cores", "at most 4 minutes");
    if !wanted {
        return Ok(Row::not_shown(measure, bar, "needs --first-build"));
    }
    let target = places.data.join("first-build");
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(&places.root).args(["build", "--release", "--locked", "-p", "nsfc", "-j", "2", "--target-dir"]);
    let built = run(command.arg(&target), &places.data)?;
    if target.exists() {
        fs::remove_dir_all(&target)?;
    }
    if built.code != 0 {
        return Ok(Row::not_shown(measure, bar, built.complaint()));
    }
    let measured = format!("{:.0} s on the clock, {:.0} s CPU", built.wall.as_secs_f64(), built.cpu.as_secs_f64());
    Ok(Row::judged(measure, bar, measured, built.wall <= Duration::from_secs(240)))
}

/// A size for reading.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
