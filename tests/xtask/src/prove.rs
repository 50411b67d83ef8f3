//! `cargo xtask prove`: the long proofs in their full doses, and `tests/PROOF.md`, which says what was shown.
//!
//! The page has one section for each part. A part that is run replaces its own section alone; each section says of which
//! commit it speaks, and in which dose. What was never run says NOT SHOWN.

mod options;
mod page;

use std::process::Command;
use std::time::Instant;

use nsf_tests::root;

use crate::command::{cargo_shows, cargo_with, program};
use crate::{fuzz, kill};
pub use options::Options;
use page::{Page, Part};

/// Runs the parts and writes the page after each.
///
/// # Errors
/// The first part that fails; its section says so.
pub fn run(options: &Options) -> Result<(), String> {
    let path = root().join("tests/PROOF.md");
    for part in Part::ALL.into_iter().filter(|part| options.part.is_none_or(|only| only == *part)) {
        let started = Instant::now();
        let mut lines = vec![format!("Commit {}, seed {}, on {}.", commit(), options.seed, machine())];
        lines.push(dose(part, options));
        let result = show(part, options, &mut lines);
        match &result {
            Ok(()) => lines.push(format!("Shown in {:.0} s.", started.elapsed().as_secs_f64())),
            Err(error) => {
                let first = error.lines().next().unwrap_or_default();
                lines.push(format!("**NOT SHOWN**: {first}"));
            }
        }
        // Read only now: another part may have been shown side by side.
        let mut page = Page::read(&path);
        page.put(part, &lines);
        page.write(&path)?;
        result.map_err(|error| format!("{}: {error}", part.name()))?;
    }
    eprintln!("── what was shown is in {}", path.display());
    Ok(())
}

/// Runs one part; what it shows is added to `lines`.
fn show(part: Part, options: &Options, lines: &mut Vec<String>) -> Result<(), String> {
    match part {
        Part::Tests => {
            // The seeded mutations begin elsewhere than in the test command.
            cargo_with(&["test", "--workspace"], &[("NSF_FUZZ_SEED", &options.seed.to_string())])?;
            lines.push("- every test of the workspace passes, among them every `expect same under …`".to_owned());
            Ok(())
        }
        Part::Kill => {
            let dose = kill::Dose { kills: options.kills, percent: options.percent, seed: options.seed, release: true };
            let only = options.workload.as_str();
            lines.extend(kill::run(only, dose)?.iter().map(|shown| format!("- {}", shown.line())));
            let others = kill::NAMES.into_iter().filter(|name| only != "all" && only != *name);
            lines.extend(others.map(|name| format!("- **NOT SHOWN**: {name}, which was not run")));
            Ok(())
        }
        Part::Fuzz => {
            let dose =
                fuzz::Dose { seconds: options.seconds, seed: options.seed, sanitizer: options.sanitizer.clone() };
            // The plans that it starts from come from the program.
            program(false)?;
            lines.extend(fuzz::run(options.target.as_deref(), &dose)?.iter().map(|line| format!("- {line}")));
            Ok(())
        }
        Part::Properties => properties(options, lines),
        Part::Formatter => suite("formatting::", options, lines),
        Part::Damage => suite("damage::", options, lines),
        Part::Grammar => suite("editor_grammar::", options, lines),
    }
}

/// Tests of the suite that run by a dose and say what they ran.
fn suite(name: &str, options: &Options, lines: &mut Vec<String>) -> Result<(), String> {
    let arguments =
        ["test", "--release", "--quiet", "--package", "nsf-tests", "--test", "suite", "--", name, "--nocapture"];
    let (percent, seed) = (options.percent.to_string(), options.seed.to_string());
    let shown = cargo_shows(&arguments, &[("NSF_DOSE", &percent), ("NSF_DOSE_SEED", &seed)])?;
    lines.extend(shown.iter().map(|line| format!("- {line}")));
    Ok(())
}

/// The property tests, each with its own number of cases.
fn properties(options: &Options, lines: &mut Vec<String>) -> Result<(), String> {
    // A case of the last is a whole run.
    let (cases, runs) = (options.cases, (options.cases / 10).max(16));
    for (title, cases, arguments) in [
        ("plans are read as they were written", cases, vec!["--package", "nsf-plan", "--test", "round_trip"]),
        ("rows join in any order, codecs, encoders, ingests", cases, vec!["--package", "nsf-engine", "--lib"]),
        (
            "blocks, rounds, commits, workers and lanes do not matter; stateless output keeps its order (whole runs)",
            runs,
            vec!["--package", "nsf-tests", "--test", "suite", "sizes::"],
        ),
    ] {
        let cases = cases.to_string();
        let mut all = vec!["test", "--release", "--quiet"];
        all.extend(arguments);
        cargo_with(&all, &[("PROPTEST_CASES", &cases)])?;
        lines.push(format!("- {title}: {cases} cases of each property"));
    }
    Ok(())
}

/// What of the full dose is run.
fn dose(part: Part, options: &Options) -> String {
    let full = Options::default();
    match part {
        Part::Tests => "Dose: full.".to_owned(),
        Part::Kill => {
            format!("Dose: {} of {} kills each, {} % of the records.", options.kills, full.kills, options.percent)
        }
        Part::Fuzz => format!("Dose: {} of {} seconds each.", options.seconds, full.seconds),
        Part::Properties => format!("Dose: {} of {} cases; a tenth of whole runs.", options.cases, full.cases),
        Part::Formatter | Part::Damage | Part::Grammar => {
            format!("Dose: {} % of programs and places.", options.percent)
        }
    }
}

/// The commit of the work tree, and whether it was changed since.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").current_dir(root()).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else { return "unknown".to_owned() };
    let changed = git(&["status", "--porcelain", "--untracked-files=no"]).is_none_or(|text| !text.is_empty());
    if changed { format!("{commit} with uncommitted changes") } else { commit }
}

/// Cores and system.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{cores} cores, {} {}", std::env::consts::OS, std::env::consts::ARCH)
}
