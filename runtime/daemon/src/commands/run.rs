//! `nsflow run`: serves a plan until it is told to stop.

use std::{sync::Arc, thread, time::Duration};

use nsf_engine::{
    ingest::Secret,
    protocol::Rules,
    run::{Engine, Options, RunError, StopHandle, event::Event, serve::ServeOptions},
};

use crate::{
    Deployment, JournalFormat, admin,
    board::Board,
    configuration::{self, Configuration},
    journal::{Journal, Level},
    notify::{self, Notifier},
    problem::Problem,
    production::Production,
    settings,
};

/// Runs a plan until it is told to stop.
#[derive(Debug, clap::Args)]
pub struct Run {
    #[command(flatten)]
    deployment: Deployment,
    /// How the lines of the journal are written.
    #[arg(long, value_enum, default_value_t)]
    journal: JournalFormat,
    /// Writes commits and progress into the journal too.
    #[arg(long, short)]
    verbose: bool,
}

/// The longest time between two attempts to begin.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

impl Run {
    /// Runs the command.
    ///
    /// # Errors
    /// What keeps the plan from being run, and cannot heal.
    pub fn run(self) -> Result<(), Vec<Problem>> {
        // Before any other thread is there.
        #[cfg(unix)]
        crate::interrupts::keep_from_work();
        let journal = Journal::new(self.journal, self.verbose);
        let configuration = configuration::read(&self.deployment)?;
        let stop = StopHandle::default();
        let board = Arc::new(Board::new(&configuration.plan, &configuration.profile.name, stop.clone()));
        if let Some(settings) = &configuration.profile.admin {
            let url = admin::start(settings, Arc::clone(&board)).map_err(|problem| vec![problem])?;
            journal.say(Level::Info, &format!("the admin endpoint is {url}"));
        }
        let outside = Outside { notifier: notify::start(Arc::clone(&board)), board };
        let mut wait = Duration::from_millis(200);
        let mut said = Vec::new();
        loop {
            match serve(&configuration, journal, &stop, &outside) {
                Ok(()) => return Ok(()),
                Err(Ended::For(problems)) => return Err(problems),
                Err(Ended::Waits(problems)) => {
                    // What is the same as before is not said again.
                    problems
                        .iter()
                        .filter(|problem| !said.contains(*problem))
                        .for_each(|problem| journal.problem(problem));
                    outside.board.waits(&problems);
                    said = problems;
                }
            }
            if stop.is_stopping() {
                return Ok(());
            }
            thread::sleep(wait);
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }
}

/// Those who look at the worker from outside.
struct Outside {
    board: Arc<Board>,
    notifier: Notifier,
}

/// Why serving ended.
enum Ended {
    /// It may go on when what is wrong elsewhere is mended.
    Waits(Vec<Problem>),
    /// For good.
    For(Vec<Problem>),
}

fn serve(configuration: &Configuration, journal: Journal, stop: &StopHandle, outside: &Outside) -> Result<(), Ended> {
    let profile = configuration.profile.clone();
    let first = settings::first(&profile);
    let Outside { board, notifier } = outside;
    let options = options(configuration, journal, stop, notifier.clone());
    let production = Production::new(&configuration.plan, profile, configuration.folder.clone())
        .map_err(|problem| Ended::For(vec![problem]))?;
    let production = Arc::new(production);
    board.begins(Arc::clone(&production));
    let pieces = Engine::build(Arc::clone(&configuration.plan), options, &*production).map_err(|errors| {
        let heals = errors.iter().all(|error| error.heals);
        let problems = errors.iter().map(Problem::build).collect();
        if heals { Ended::Waits(problems) } else { Ended::For(problems) }
    })?;
    journal.say(
        Level::Info,
        &format!("running {} under the profile {}", configuration.plan.name, production.profile().name),
    );
    for setting in settings::without_effect(production.profile()) {
        journal.say(Level::Warn, &format!("`{setting}` of the profile is checked, but not yet run by this version"));
    }
    board.serves();
    let status = Arc::clone(&board.status);
    let served = pieces.serve(ServeOptions { first, rules: rules(), status, ..ServeOptions::default() });
    match served {
        #[cfg(feature = "faults")]
        Err(RunError::Failpoint(failpoint)) => crate::faults::die(failpoint),
        Ok(summary) => {
            let words = format!("stopped after {} records and {} commits", summary.records, summary.commits);
            journal.say(Level::Info, &words);
            Ok(())
        }
        Err(error) if heals(&error) => Err(Ended::Waits(vec![Problem::run(&error)])),
        Err(error) => Err(Ended::For(vec![Problem::run(&error)])),
    }
}

/// Whether a run that ended may be begun again.
fn heals(error: &RunError) -> bool {
    matches!(error, RunError::Connector { error, .. } if error.kind.may_heal())
}

fn options(configuration: &Configuration, journal: Journal, stop: &StopHandle, notifier: Notifier) -> Options {
    let profile = &configuration.profile;
    let limits = &profile.commit;
    let default = Options::default();
    #[cfg(feature = "faults")]
    crate::faults::arm(&default);
    Options {
        lanes: profile.lanes.unwrap_or(settings::LANES),
        commit_every: limits.every.unwrap_or(default.commit_every),
        commit_bytes: limits.bytes.unwrap_or(64 * 1024 * 1024),
        commit_records: limits.records.unwrap_or(default.commit_records),
        state_bytes: settings::memory(profile) / 2,
        signals: true,
        events: Some(Arc::new(move |event: &Event| {
            if matches!(event, Event::Stopping) {
                notifier.stops();
            }
            journal.event(event);
        })),
        secrets: Arc::new(secret),
        stop: stop.clone(),
        ..default
    }
}

/// The rules of the protocol: all of them, but for tests that must notice one that is left out.
fn rules() -> Rules {
    #[cfg(feature = "faults")]
    return crate::faults::rules();
    #[cfg(not(feature = "faults"))]
    Rules::default()
}

/// Secrets are variables of their names.
pub fn secret(name: &str) -> Secret {
    match std::env::var(name) {
        Ok(value) if !value.is_empty() => Secret::Value(value),
        _ => Secret::Unset,
    }
}
