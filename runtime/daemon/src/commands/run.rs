//! `nsflow run`: serves a plan until it is told to stop.

use std::{
    cell::Cell,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use nsf_engine::{
    ingest::Secret,
    protocol::{First, Rules},
    run::{
        Engine, Options, Pieces, RunError, StopHandle,
        event::Event,
        options::EventListener,
        serve::{ServeOptions, Worker},
        signals,
    },
};

use nsf_kafka::LONGEST_COMMIT;

use super::check;
use crate::{
    Deployment, JournalFormat, admin,
    board::Board,
    configuration::{self, Configuration},
    journal::{Journal, Level},
    notify::{self, Notifier},
    problem::Problem,
    production::Production,
    reload::{self, Answer, Asked, Candidate, Parts, Reloads, compare::Comparison, control},
    settings,
    telemetry::Telemetry,
    transactions::Transactions,
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
    /// The folder of the socket by which `nsflow reload` finds this worker; one of this user's own where it is not given.
    #[arg(long)]
    control: Option<PathBuf>,
}

/// The shortest and the longest time between two attempts to begin.
const FIRST_WAIT: Duration = Duration::from_millis(200);
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
        let notifier = notify::start(Arc::clone(&board));
        let telemetry = Telemetry::default();
        let otlp = configuration.profile.otlp.as_ref();
        let sending = otlp.map(|url| telemetry.start(url, Arc::clone(&board), journal)).transpose();
        let sending = sending.map_err(|problem| vec![problem])?;
        let surroundings = Surroundings { journal, stop, board, notifier, telemetry };
        let running = Arc::new(Mutex::new(configuration));
        let reloads = surroundings.take_reloads(self.deployment.clone(), &running);
        reload::on_signal(&reloads);
        let folder = self.control.unwrap_or_else(control::folder);
        // Kept while the worker runs: it goes with it.
        let control = control::listen(&folder, &reload::name_of(&self.deployment), &reloads);
        if let Err(words) = &control {
            let words = format!("`nsflow reload` will not find this worker: {words}; SIGHUP does the same");
            journal.say(Level::Warn, &words);
        }
        let stop = surroundings.stop.clone();
        let listening = signals::listen(stop, Some(surroundings.events()));
        let done = Serving { surroundings, running, reloads, served: Cell::default() }.run();
        drop((listening, control, sending));
        done
    }
}

/// What stays while plans come and go.
#[derive(Clone)]
struct Surroundings {
    journal: Journal,
    stop: StopHandle,
    board: Arc<Board>,
    notifier: Notifier,
    telemetry: Telemetry,
}

/// Why serving ended.
enum Ended {
    /// It may go on when what is wrong elsewhere is mended.
    Waits(Vec<Problem>),
    /// For good.
    For(Vec<Problem>),
}

/// A plan's pieces with their connectors.
type Built = (Pieces, Arc<Production>);

impl Surroundings {
    fn events(&self) -> EventListener {
        let (journal, notifier, telemetry) = (self.journal, self.notifier.clone(), self.telemetry.clone());
        Arc::new(move |event: &Event| {
            match event {
                Event::Stopping => notifier.stops(),
                Event::Committed(commit) => telemetry.committed(*commit),
                _ => {}
            }
            journal.event(event);
        })
    }

    fn build(&self, configuration: &Configuration) -> Result<Built, Ended> {
        let Configuration { plan, profile, folder } = configuration;
        let production = Production::new(plan, profile.clone(), folder.clone());
        let production = Arc::new(production.map_err(|problem| Ended::For(vec![problem]))?);
        let options = options(configuration, self);
        let pieces = Engine::build(Arc::clone(plan), options, &*production).map_err(|errors| {
            let heals = errors.iter().all(|error| error.heals);
            let problems = errors.iter().map(Problem::build).collect();
            if heals { Ended::Waits(problems) } else { Ended::For(problems) }
        })?;
        Ok((pieces, production))
    }

    /// Takes requests for another plan from now on.
    fn take_reloads(&self, deployment: Deployment, running: &Arc<Mutex<Configuration>>) -> Reloads {
        let (own, now) = (self.clone(), Arc::clone(running));
        let trial = move |asked: Asked| own.try_out(&deployment, asked, &now);
        let (own, now) = (self.clone(), Arc::clone(running));
        let refused = move |problems: Vec<Problem>| own.refuses(problems, &locked(&now));
        Reloads::start(Box::new(trial), Box::new(refused))
    }

    /// Reads plan and profile anew, builds them beside what runs, and tries them out.
    fn try_out(
        &self,
        deployment: &Deployment,
        asked: Asked,
        running: &Mutex<Configuration>,
    ) -> Result<Parts, Vec<Problem>> {
        let configuration = configuration::read(deployment)?;
        let comparison = {
            let running = locked(running);
            let plans = Comparison::of_plans(&running.plan, &configuration.plan);
            let (old, new) = (&running.profile, &configuration.profile);
            plans.with_profiles(old, new).with_stores((&running.plan, old), (&configuration.plan, new))
        };
        let mut refused = comparison.refused.clone();
        if !asked.allow_loss {
            refused.extend(comparison.losses());
        }
        if !refused.is_empty() {
            return Err(refused);
        }
        let built = self.build(&configuration);
        let (mut pieces, production) = built.map_err(|(Ended::Waits(problems) | Ended::For(problems))| problems)?;
        let wrong = check::wrong_topics(&configuration.plan, &production);
        if !wrong.is_empty() {
            return Err(wrong);
        }
        let mut notes: Vec<String> = comparison.lost.iter().map(|lost| format!("{lost} is left out")).collect();
        notes.extend(comparison.new.iter().map(|new| format!("{new} is new")));
        notes.extend(pieces.try_out().map_err(|error| vec![Problem::run(&error)])?);
        Ok(Parts { configuration, production, pieces, notes })
    }

    /// Says why another plan is not taken.
    fn refuses(&self, problems: Vec<Problem>, running: &Configuration) -> Answer {
        let hash = nsf_plan::document::hash(&running.plan);
        for problem in &problems {
            self.journal.say(Level::Error, &format!("the new plan is not taken: {}", problem.in_one_line()));
        }
        self.journal.say(Level::Info, &format!("the plan {hash} goes on"));
        self.board.reloaded(&problems);
        Answer { taken: false, hash, problems, notes: Vec::new() }
    }
}

fn locked(running: &Mutex<Configuration>) -> MutexGuard<'_, Configuration> {
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The worker's life: it serves, waits and serves again, with the plan that was last good.
struct Serving {
    surroundings: Surroundings,
    running: Arc<Mutex<Configuration>>,
    reloads: Reloads,
    /// For how long the last worker served.
    served: Cell<Duration>,
}

impl Serving {
    fn run(self) -> Result<(), Vec<Problem>> {
        let Surroundings { journal, stop, board, .. } = &self.surroundings;
        let mut wait = FIRST_WAIT;
        let mut said = Vec::new();
        loop {
            self.served.set(Duration::ZERO);
            let served = match self.reloads.begin() {
                Ok(hand_over) => self.serve(hand_over),
                Err(candidate) => self.take(*candidate),
            };
            match served {
                Ok(()) if stop.is_stopping() => return Ok(()),
                // Another plan waits.
                Ok(()) => continue,
                Err(Ended::For(problems)) => return Err(problems),
                Err(Ended::Waits(problems)) => {
                    // It has worked meanwhile: this is another trouble, also where it has the same words.
                    if self.served.get() > LONGEST_WAIT * 2 {
                        wait = FIRST_WAIT;
                        said.clear();
                    }
                    // What is the same as before is not said again.
                    problems
                        .iter()
                        .filter(|problem| !said.contains(*problem))
                        .for_each(|problem| journal.problem(problem));
                    board.waits(&problems);
                    said = problems;
                }
            }
            let until = Instant::now() + wait;
            while Instant::now() < until && !stop.is_stopping() && !self.reloads.is_waiting() {
                thread::sleep(Duration::from_millis(50));
            }
            if stop.is_stopping() {
                return Ok(());
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Serves the plan that was last good.
    fn serve(&self, hand_over: StopHandle) -> Result<(), Ended> {
        let (pieces, configuration) = {
            let configuration = locked(&self.running);
            (self.surroundings.build(&configuration)?, configuration.profile.clone())
        };
        let (pieces, production) = (pieces.0, pieces.1);
        let first = settings::first(&configuration);
        let worker = self.prepare(pieces, &production, first, hand_over)?;
        self.go(worker)
    }

    /// Joins those who share the streams.
    fn prepare(
        &self,
        pieces: Pieces,
        production: &Arc<Production>,
        first: First,
        hand_over: StopHandle,
    ) -> Result<Worker, Ended> {
        let Surroundings { journal, board, .. } = &self.surroundings;
        board.begins(Arc::clone(production));
        let name = &production.profile().name;
        journal.say(Level::Info, &format!("running {} under the profile {name}", pieces.plan().name));
        for setting in settings::without_effect(production.profile()) {
            let words = format!("`{setting}` of the profile is checked, but not yet run by this version");
            journal.say(Level::Warn, &words);
        }
        // A plan whose spaces cannot be told was refused before.
        let notes = production.spaces().map(|spaces| spaces.notes).unwrap_or_default();
        notes.iter().for_each(|note| journal.say(Level::Warn, note));
        match Transactions::of(pieces.plan(), production.profile()) {
            Transactions::Used => {
                let words = "messages and positions are committed in transactions of Kafka, exactly once";
                journal.say(Level::Info, words);
            }
            without => without.words().iter().for_each(|words| journal.say(Level::Warn, words)),
        }
        let status = Arc::clone(&board.status);
        let options = ServeOptions { first, rules: rules(), status, hand_over, ..ServeOptions::default() };
        pieces.prepare(options).map_err(|error| ended(&error))
    }

    fn go(&self, worker: Worker) -> Result<(), Ended> {
        let Surroundings { journal, stop, board, .. } = &self.surroundings;
        board.serves();
        let begun = Instant::now();
        let done = worker.run();
        self.served.set(begun.elapsed());
        match done {
            #[cfg(feature = "faults")]
            Err(RunError::Failpoint(failpoint)) => crate::faults::die(failpoint),
            Ok(summary) => {
                let what = if stop.is_stopping() { "stopped" } else { "handed over" };
                let words = format!("{what} after {} records and {} commits", summary.records, summary.commits);
                journal.say(Level::Info, &words);
                Ok(())
            }
            Err(error) => Err(ended(&error)),
        }
    }

    /// Takes new pieces. Where they do not come to their first commit, the plan that was last good goes on.
    fn take(&self, candidate: Candidate) -> Result<(), Ended> {
        let Surroundings { journal, stop, board, .. } = &self.surroundings;
        let (answer, Parts { configuration, production, pieces, notes }) = candidate.into_parts();
        if stop.is_stopping() {
            return Ok(());
        }
        let first = settings::first(&configuration.profile);
        let worker = match self.prepare(pieces, &production, first, self.reloads.hand_over()) {
            Ok(worker) => worker,
            Err(Ended::Waits(problems) | Ended::For(problems)) => {
                answer.tell(self.surroundings.refuses(problems, &locked(&self.running)));
                return Ok(());
            }
        };
        let before = std::mem::replace(&mut *locked(&self.running), configuration);
        let plan = Arc::clone(&locked(&self.running).plan);
        board.takes(&plan);
        board.reloaded(&[]);
        let hash = nsf_plan::document::hash(&plan);
        journal.say(Level::Info, &format!("the plan {hash} is taken"));
        answer.tell(Answer { taken: true, hash, notes, problems: Vec::new() });
        let commits = board.status.counters().commits;
        match self.go(worker) {
            Err(Ended::For(problems)) if board.status.counters().commits == commits => {
                self.surroundings.refuses(problems, &before);
                board.takes(&before.plan);
                *locked(&self.running) = before;
                Ok(())
            }
            served => served,
        }
    }
}

fn ended(error: &RunError) -> Ended {
    #[cfg(feature = "faults")]
    if let RunError::Failpoint(failpoint) = error {
        crate::faults::die(failpoint)
    }
    let problems = vec![Problem::run(error)];
    if heals(error) { Ended::Waits(problems) } else { Ended::For(problems) }
}

/// Whether a run that ended may be begun again.
fn heals(error: &RunError) -> bool {
    matches!(error, RunError::Connector { error, .. } if error.kind.may_heal())
}

/// Most input between two commits where the profile says nothing, in bytes.
const MOST_COMMITTED: u64 = 64 * 1024 * 1024;

/// Smallest block that a source is read by, in bytes.
const SMALLEST_BLOCK: usize = 64 * 1024;

/// About how many bytes a changed row takes while it is saved: its key and its value, and what of both is on its way to the
/// store.
const SAVED_ROW: usize = 256;

/// How the plan is run. The memory that a worker may use is divided: a quarter for what is read ahead, an eighth for
/// messages that are not yet confirmed, three eighths for rows, an eighth for what a commit saves of them; a sixteenth each
/// for what a round makes and what waits for the commit.
fn options(configuration: &Configuration, surroundings: &Surroundings) -> Options {
    let profile = &configuration.profile;
    let (limits, memory) = (&profile.commit, settings::memory(profile));
    let default = Options::default();
    #[cfg(feature = "faults")]
    crate::faults::arm(&default);
    let every = limits.every.unwrap_or(default.commit_every);
    let in_transactions = Transactions::of(&configuration.plan, profile).are_used();
    Options {
        // A transaction holds all that is done since the last commit.
        lanes: if in_transactions { 1 } else { profile.lanes.unwrap_or(settings::LANES) },
        commit_every: if in_transactions { every.min(LONGEST_COMMIT) } else { every },
        commit_bytes: limits.bytes.unwrap_or(MOST_COMMITTED.min(memory as u64 / 8)),
        commit_records: limits.records.unwrap_or(default.commit_records),
        block: (memory / 1024).clamp(SMALLEST_BLOCK, default.block),
        state_bytes: memory / 8 * 3,
        round_bytes: memory / 16,
        kept_bytes: memory / 16,
        changed_rows: (memory / 8 / SAVED_ROW) as u64,
        events: Some(surroundings.events()),
        secrets: Arc::new(secret),
        stop: surroundings.stop.clone(),
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
