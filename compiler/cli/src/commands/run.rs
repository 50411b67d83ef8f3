//! `nsfc run`: compile and run at once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::ValueEnum;
use nsf_connectors::local::{Local, LocalSettings};
use nsf_diagnostics::closest;
use nsf_engine::ingest::Secret;
use nsf_engine::run::{BuildError, Engine, Options, RunError};
use nsf_engine::summary::Summary;
use nsf_plan::{Plan, document};

use crate::Outcome;
use crate::binding::{self, Binding, Side};
use crate::checked::Checked;
use crate::commands::hand_over::hand_over;
use crate::live::Live;
use crate::output::Output;
use crate::problem::Problem;
use crate::project::Project;
use crate::summary;

/// The profile that needs nothing installed.
const DEV: &str = "dev";

/// Compile a project and run it until its inputs end
///
/// In the profile `dev` topics are files under .nsf/topics and everything stored is in one store under .nsf; a second
/// run goes on from where the first stopped. Any other profile is handed over to `nsflow`, the daemon.
#[derive(clap::Args)]
pub struct Run {
    /// A project's folder or a single .nsf file
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,
    /// The profile of nsf.yaml to run with
    #[arg(long, value_name = "PROFILE", default_value = DEV)]
    profile: String,
    /// Read a topic, source, ingest or table from a file; `-` is standard input
    #[arg(long, value_name = "NAME=FILE", value_parser = binding::parse)]
    input: Vec<Binding>,
    /// Write a topic, dimension, state or `rejected` to a file; `-` is standard output
    #[arg(long, value_name = "NAME=FILE", value_parser = binding::parse)]
    output: Vec<Binding>,
    /// Wait for more at the end of the inputs, until Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Forget earlier runs: what they stored and how far they came
    #[arg(long)]
    fresh: bool,
    /// How the summary at the end is written
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    format: SummaryFormat,
    #[command(flatten)]
    tuning: Tuning,
}

/// How the summary is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum SummaryFormat {
    /// For people
    #[default]
    Human,
    /// One JSON object
    Json,
}

/// What is right as it is, but for tests and measurements.
#[derive(clap::Args)]
struct Tuning {
    /// Threads
    #[arg(long, hide = true)]
    workers: Option<usize>,
    /// Lanes
    #[arg(long, hide = true)]
    lanes: Option<u16>,
    /// Bytes read at once
    #[arg(long, hide = true)]
    block: Option<usize>,
    /// Milliseconds between commits
    #[arg(long, hide = true)]
    commit_every: Option<u64>,
    /// Bytes between commits
    #[arg(long, hide = true)]
    commit_bytes: Option<u64>,
}

impl Run {
    /// Compiles, runs, sums up.
    pub fn run(self, output: &mut Output) -> Result<Outcome, Problem> {
        let checked = Checked::load(self.path.as_deref())?;
        self.profile_is_there(&checked.project)?;
        let Some(plan) = checked.plan_or_report(output)? else { return Ok(Outcome::Errors) };
        let plan = as_deployed(&plan)?;
        if self.profile != DEV {
            return hand_over(&checked.project, &plan, &self.profile);
        }
        binding::check(&self.input, Side::Input, &plan)?;
        binding::check(&self.output, Side::Output, &plan)?;
        let live = Live::new();
        let connectors = Local::new(self.settings(&checked.project));
        let secrets = Secrets::default();
        let pieces = match Engine::build(Arc::new(plan), self.options(&live, &secrets), &connectors) {
            Ok(pieces) => pieces,
            Err(errors) => {
                output.error(&build_errors(&errors, &checked.project.shown_root));
                return Ok(Outcome::Errors);
            }
        };
        output.error(&secrets.notes());
        let result = pieces.run();
        live.clear();
        match result {
            Ok(summary) => self.sum_up(&checked.project.name, &summary, output),
            // The program that read the output has had enough; that is how pipes end.
            Err(error) if error.is_closed_output() => Ok(Outcome::Clean),
            Err(error) => Err(run_problem(&error)),
        }
    }

    /// Only `dev` is run here; the others are the daemon's, and what is said of local files means nothing to it.
    fn profile_is_there(&self, project: &Project) -> Result<(), Problem> {
        let name = self.profile.as_str();
        if name == DEV {
            return Ok(());
        }
        let profiles = &project.manifest.profiles;
        if profiles.contains_key(name) {
            let given = [
                ("--input", !self.input.is_empty()),
                ("--output", !self.output.is_empty()),
                ("--follow", self.follow),
                ("--fresh", self.fresh),
            ];
            let given = given.into_iter().find(|(_, given)| *given);
            return given.map_or(Ok(()), |(flag, _)| {
                Err(Problem::usage(format!("`{flag}` means nothing under the profile `{name}`"))
                    .help("it is for the files of the profile `dev`; other profiles read and write the servers that they name"))
            });
        }
        let problem = Problem::usage(format!("nsf.yaml has no profile `{name}`"));
        let known = || profiles.keys().map(String::as_str).chain([DEV]);
        Err(match closest(name, known()) {
            Some(near) => problem.help(format!("did you mean `{near}`?")),
            None => problem.help("without --profile, `dev` is used, which needs no server"),
        })
    }

    fn settings(&self, project: &Project) -> LocalSettings {
        let places = |bindings: &[Binding]| {
            bindings.iter().map(|binding| (binding.name.clone(), binding.file.clone())).collect()
        };
        LocalSettings {
            project: project.folder().to_path_buf(),
            inputs: places(&self.input),
            outputs: places(&self.output),
            follow: self.follow,
            fresh: self.fresh,
        }
    }

    fn options(&self, live: &Live, secrets: &Secrets) -> Options {
        let secrets = secrets.clone();
        let mut options = Options {
            signals: true,
            events: Some(live.listener()),
            secrets: Arc::new(move |name| secrets.get(name)),
            ..Options::default()
        };
        let tuning = &self.tuning;
        options.workers = tuning.workers.unwrap_or(options.workers);
        options.lanes = tuning.lanes.unwrap_or(options.lanes);
        options.block = tuning.block.unwrap_or(options.block);
        options.commit_every = tuning.commit_every.map_or(options.commit_every, Duration::from_millis);
        options.commit_bytes = tuning.commit_bytes.unwrap_or(options.commit_bytes);
        options
    }

    /// The summary goes to standard output, unless records go there.
    fn sum_up(&self, project: &str, summary: &Summary, output: &mut Output) -> Result<Outcome, Problem> {
        let text = match self.format {
            SummaryFormat::Human => summary::render(project, summary, output),
            SummaryFormat::Json => summary::json(project, summary),
        };
        let taken = self.output.iter().any(|binding| binding.file == Path::new("-"))
            || summary.outputs.iter().any(|sent| sent.name == "stdout");
        if taken {
            output.error(&text);
        } else {
            output.result(&text)?;
        }
        Ok(Outcome::Clean)
    }
}

/// The plan as the runtime would get it: written and read, so that what is tried here is what is deployed.
fn as_deployed(plan: &Plan) -> Result<Plan, Problem> {
    document::load(document::to_yaml(plan).as_bytes()).map_err(|error| {
        Problem::failure(format!("the plan cannot be read back: {error}"))
            .help("this is a mistake in nsfc, please report it with the program")
    })
}

/// Secrets are variables of their names. Where there is none, `dev` takes messages with any key, and says so.
#[derive(Clone, Default)]
struct Secrets {
    missing: Arc<Mutex<BTreeSet<String>>>,
}

impl Secrets {
    fn get(&self, name: &str) -> Secret {
        match std::env::var(name) {
            Ok(value) if !value.is_empty() => Secret::Value(value),
            _ => {
                self.missing.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned());
                Secret::Unchecked
            }
        }
    }

    fn notes(&self) -> String {
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let note =
            |name: &String| format!("note: the variable {name} is not set, so messages are taken with any key\n");
        missing.iter().map(note).collect()
    }
}

/// All that keeps a plan from running.
fn build_errors(errors: &[BuildError], root: &str) -> String {
    let mut text = String::new();
    for error in errors {
        text.push_str(&format!("error: {}: {}\n", error.part, error.message));
        if let Some(place) = &error.place {
            text.push_str(&format!("  --> {root}{place}\n"));
        }
        if let Some(help) = &error.help {
            text.push_str(&format!("  = help: {help}\n"));
        }
    }
    text
}

fn run_problem(error: &RunError) -> Problem {
    match error {
        RunError::Connector { part, error } => {
            let problem = Problem::failure(format!("{part}: {}", error.message));
            match &error.help {
                Some(help) => problem.help(help),
                None => problem,
            }
        }
        other => Problem::failure(other.to_string()),
    }
}
