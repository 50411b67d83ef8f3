//! `nsfc test`: the `test` items, on the real engine with everything in memory.

use std::path::{Path, PathBuf};
use std::time::Instant;

use nsf_engine::testing::{self, Failure};
use nsf_plan::{Plan, TestCase};

use crate::Outcome;
use crate::checked::Checked;
use crate::numbers::seconds;
use crate::output::{Output, Style};
use crate::problem::Problem;

/// Run the tests that stand in the program
#[derive(clap::Args)]
pub struct Test {
    /// A project's folder or a single .nsf file
    #[arg(value_name = "PATH")]
    path: Option<String>,
    /// Only tests whose title holds this text; it may stand alone when it is not a path
    #[arg(value_name = "FILTER")]
    filter: Option<String>,
}

impl Test {
    /// Runs every test that is meant, one after the other.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        let (path, filter) = self.path_and_filter();
        let checked = Checked::load(path.as_deref())?;
        let Some(plan) = checked.plan_or_report(output)? else { return Ok(Outcome::Errors) };
        let cases: Vec<&TestCase> = checked.analysis.dag.tests.iter().map(|test| &test.value).collect();
        let meant: Vec<&TestCase> = cases.iter().copied().filter(|case| is_meant(case, filter.as_deref())).collect();
        if meant.is_empty() {
            return nothing_to_run(&checked, &cases, filter.as_deref(), output);
        }
        let mut failed = 0;
        for case in &meant {
            let started = Instant::now();
            let failures = run_one(&plan, case)?;
            let place = format!("{}{}", checked.project.shown_root, plan.place(case.origin));
            let took = seconds(started.elapsed().as_secs_f64());
            if failures.is_empty() {
                let word = output.paint("ok", Style::Good);
                output.result(&format!("{word}      {}  {}\n", case.title, output.paint(&took, Style::Dim)))?;
            } else {
                failed += 1;
                let word = output.paint("FAILED", Style::Bad);
                output.result(&format!("{word}  {}  {}\n", case.title, output.paint(&place, Style::Dim)))?;
                output.result(&describe(&failures, &plan, &checked.project.shown_root))?;
            }
        }
        output.result(&tally(meant.len(), failed, cases.len() - meant.len()))?;
        Ok(if failed == 0 { Outcome::Clean } else { Outcome::Errors })
    }

    /// A single argument that is no path is a filter.
    fn path_and_filter(&self) -> (Option<PathBuf>, Option<String>) {
        match (&self.path, &self.filter) {
            (Some(only), None) if !is_path(only) => (None, Some(only.clone())),
            (path, filter) => (path.as_ref().map(PathBuf::from), filter.clone()),
        }
    }
}

fn is_path(text: &str) -> bool {
    Path::new(text).exists() || text.contains('/') || text.ends_with(".nsf")
}

fn is_meant(case: &TestCase, filter: Option<&str>) -> bool {
    filter.is_none_or(|filter| case.title.to_lowercase().contains(&filter.to_lowercase()))
}

fn nothing_to_run(
    checked: &Checked,
    cases: &[&TestCase],
    filter: Option<&str>,
    output: &mut Output,
) -> Result<Outcome, Problem> {
    match filter {
        Some(filter) if !cases.is_empty() => {
            let titles: Vec<String> = cases.iter().map(|case| format!("`{}`", case.title)).collect();
            Err(Problem::usage(format!("no test's title holds `{filter}`"))
                .help(format!("the tests are {}", titles.join(", "))))
        }
        _ => {
            output.result(&format!("{} has no tests\n", checked.project.name))?;
            Ok(Outcome::Clean)
        }
    }
}

fn run_one(plan: &Plan, case: &TestCase) -> Result<Vec<Failure>, Problem> {
    testing::run(plan, case).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        Problem::failure(format!("the test `{}` cannot be run: {}", case.title, lines.join("\n")))
    })
}

/// Each failure: the expectation's place, what was expected and found, and what was rejected meanwhile.
fn describe(failures: &[Failure], plan: &Plan, root: &str) -> String {
    let mut text = String::new();
    for failure in failures {
        let under = failure.under.as_ref().map(|law| format!(", under {law}")).unwrap_or_default();
        text.push_str(&format!("  {root}{}{under}\n", plan.place(failure.origin)));
        for line in failure.message.lines() {
            text.push_str(&format!("    {line}\n"));
        }
        if !failure.rejected.is_empty() {
            text.push_str("    rejected meanwhile:\n");
        }
        for rejected in &failure.rejected {
            text.push_str(&format!("      {}\n", rejected.replace('\n', "\n        ")));
        }
    }
    text.push('\n');
    text
}

/// "3 tests passed", "1 of 3 tests failed; 2 left out".
fn tally(run: usize, failed: usize, left_out: usize) -> String {
    let many = if run == 1 { "" } else { "s" };
    let mut text = match failed {
        0 => format!("{run} test{many} passed"),
        _ => format!("{failed} of {run} test{many} failed"),
    };
    if left_out > 0 {
        text.push_str(&format!("; {left_out} left out"));
    }
    text.push('\n');
    text
}
