//! `nsfc compile`: the plan.

use std::path::{Path, PathBuf};

use clap::ValueEnum;
use nsf_plan::{Plan, document};

use crate::Outcome;
use crate::checked::Checked;
use crate::output::Output;
use crate::problem::Problem;
use crate::project::replace_file;

/// Compile a project into the plan that the runtime runs
#[derive(clap::Args)]
pub struct Compile {
    /// A project's folder or a single .nsf file
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// The file to write; without it, or with `-`, standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The form of the plan; by default the one that the file's name ends in, or else YAML
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<PlanFormat>,
}

/// How a plan is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PlanFormat {
    /// YAML, for people
    Yaml,
    /// JSON, for programs
    Json,
}

impl Compile {
    /// Compiles and writes.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        let checked = Checked::load(self.path.as_deref())?;
        let Some(plan) = checked.plan_or_report(output)? else { return Ok(Outcome::Errors) };
        let file = self.output.as_deref().filter(|file| *file != Path::new("-"));
        let text = self.write(&plan, file);
        match file {
            None => output.result(&text)?,
            Some(file) => {
                replace_file(file, &text)?;
                output.error(&format!("wrote the plan of {} to {}\n", plan.name, file.display()));
            }
        }
        Ok(Outcome::Clean)
    }

    fn write(&self, plan: &Plan, file: Option<&Path>) -> String {
        let by_name = || {
            let json = file.is_some_and(|file| file.extension().is_some_and(|extension| extension == "json"));
            if json { PlanFormat::Json } else { PlanFormat::Yaml }
        };
        match self.format.unwrap_or_else(by_name) {
            PlanFormat::Yaml => document::to_yaml(plan),
            PlanFormat::Json => document::to_json(plan),
        }
    }
}
