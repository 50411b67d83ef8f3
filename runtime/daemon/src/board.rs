//! What the process shows of itself: filled by the command that serves, read by the admin endpoint and by systemd's
//! notifications.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use hyper::body::Bytes;
use nsf_engine::run::{
    StopHandle,
    serve::status::{Counters, PartitionView, Status, View},
};
use nsf_plan::Plan;
use serde::Serialize;

use crate::{problem::Problem, production::Production};

/// What the process shows of itself.
pub struct Board {
    /// The worker's own words; they go on where the worker is begun anew.
    pub status: Arc<Status>,
    stop: StopHandle,
    started: Instant,
    now: Mutex<Now>,
}

/// Names of what runs.
#[derive(Clone, Debug, Serialize)]
pub struct Identity {
    /// The version of the daemon.
    pub version: &'static str,
    /// The plan's name.
    pub plan: String,
    /// The plan's hash.
    pub hash: String,
    /// The profile.
    pub profile: String,
    /// When the process began, in seconds since 1970.
    pub started: u64,
}

/// What changes from one beginning of the worker to the next.
struct Now {
    /// Names of what runs.
    identity: Identity,
    /// The plan as JSON. Plans hold names of secrets and never their values.
    plan: Bytes,
    reloads: ReloadsView,
    production: Option<Arc<Production>>,
    /// What is waited for before the worker can begin.
    waiting: Vec<Problem>,
}

/// What came of requests to take another plan.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReloadsView {
    /// How many were taken.
    pub taken: u64,
    /// How many were not.
    pub refused: u64,
    /// The last one.
    pub last: Option<LastReload>,
}

/// What came of the last request.
#[derive(Clone, Debug, Serialize)]
pub struct LastReload {
    /// When, in seconds since 1970.
    pub at: u64,
    /// Whether the new plan was taken.
    pub taken: bool,
    /// Why not.
    pub problems: Vec<String>,
}

fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A partition with what is known of its log.
#[derive(Clone, Debug, Serialize)]
pub struct Reading {
    /// What the worker says of it.
    #[serde(flatten)]
    pub view: PartitionView,
    /// The offset that its next message will get, as the last fetch told it.
    pub end: Option<u64>,
    /// How many messages are behind what was taken.
    pub lag: Option<u64>,
}

/// All of it at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct Glance {
    /// Whether the worker goes on.
    pub live: bool,
    /// Whether it does what it is there for.
    pub ready: bool,
    /// What keeps it from being ready.
    pub problems: Vec<String>,
    /// Whether it was told to stop.
    pub stopping: bool,
    /// Seconds since the process began.
    pub seconds: f64,
    /// Whether the group let it in.
    pub joined: bool,
    /// Its partitions.
    pub partitions: Vec<Reading>,
    /// By lane: whether it works.
    pub lanes: Vec<bool>,
    /// Counters of faults and commits.
    pub counters: Counters,
}

impl Board {
    /// The board of a plan under a profile.
    pub fn new(plan: &Plan, profile: &str, stop: StopHandle) -> Self {
        let identity = Identity {
            version: env!("CARGO_PKG_VERSION"),
            plan: plan.name.clone(),
            hash: nsf_plan::document::hash(plan),
            profile: profile.to_owned(),
            started: seconds(),
        };
        let status = Arc::<Status>::default();
        status.show_life();
        let now = Now {
            identity,
            plan: nsf_plan::document::to_json(plan).into(),
            reloads: ReloadsView::default(),
            production: None,
            waiting: Vec::new(),
        };
        Self { status, stop, started: Instant::now(), now: Mutex::new(now) }
    }

    /// Names of what runs.
    pub fn identity(&self) -> Identity {
        self.now().identity.clone()
    }

    /// The plan that runs, as JSON.
    pub fn plan(&self) -> Bytes {
        self.now().plan.clone()
    }

    /// What came of requests to take another plan.
    pub fn reloads(&self) -> ReloadsView {
        self.now().reloads.clone()
    }

    /// Another plan runs from now on.
    pub fn takes(&self, plan: &Plan) {
        let mut now = self.now();
        now.identity.plan.clone_from(&plan.name);
        now.identity.hash = nsf_plan::document::hash(plan);
        now.plan = nsf_plan::document::to_json(plan).into();
    }

    /// A request to take another plan came to this: taken, or why not.
    pub fn reloaded(&self, problems: &[Problem]) {
        let mut now = self.now();
        let taken = problems.is_empty();
        let reloads = &mut now.reloads;
        *(if taken { &mut reloads.taken } else { &mut reloads.refused }) += 1;
        let problems = problems.iter().map(Problem::in_one_line).collect();
        reloads.last = Some(LastReload { at: seconds(), taken, problems });
    }

    /// The worker is begun, with these connectors.
    pub fn begins(&self, production: Arc<Production>) {
        self.status.show_life();
        self.now().production = Some(production);
    }

    /// The worker serves: nothing is waited for before it can.
    pub fn serves(&self) {
        self.now().waiting.clear();
    }

    /// The worker could not begin, or ended, and is begun anew in a while.
    pub fn waits(&self, problems: &[Problem]) {
        self.status.show_life();
        let mut now = self.now();
        now.production = None;
        now.waiting = problems.to_vec();
    }

    /// Whether the worker's loop shows life.
    pub fn is_live(&self) -> bool {
        self.status.is_alive()
    }

    /// Whether the process was told to stop.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_stopping()
    }

    /// Everything as it is now.
    pub fn glance(&self) -> Glance {
        let View { partitions, lanes, trouble } = self.status.view();
        let (joined, ends, of_kafka, waiting) = {
            let now = self.now();
            let production = now.production.as_ref();
            let kafka = production.and_then(|production| production.source_status());
            let joined = production.is_some_and(|production| production.is_joined());
            let ends = kafka.map(|kafka| kafka.ends()).unwrap_or_default();
            let words = now.waiting.iter().map(Problem::in_one_line).collect::<Vec<String>>();
            (joined, ends, production.and_then(|production| production.trouble()), words)
        };
        let mut problems = waiting;
        problems.extend(trouble.map(|trouble| {
            let help = trouble.help.map_or_else(String::new, |help| format!(" ({help})"));
            format!("{}: {}{help}", trouble.part, trouble.message)
        }));
        problems.extend(of_kafka.map(|words| format!("kafka: {words}")));
        let live = self.is_live();
        if !live {
            let silent = self.status.silent_for().unwrap_or_default().as_secs();
            problems.push(format!("the worker has shown no life for {silent} s"));
        }
        let reads = partitions.iter().any(|partition| partition.reading);
        // A worker that the group gave no partition is ready: it stands by.
        if problems.is_empty() && !(reads || (joined && partitions.is_empty())) {
            let words = if joined { "no partition is read yet" } else { "the group has not let the worker in yet" };
            problems.push(words.to_owned());
        }
        let stopping = self.is_stopping();
        if stopping {
            problems.push("the worker was told to stop".to_owned());
        }
        let reading = |view: PartitionView| {
            let known = ends.iter().find(|end| end.topic == view.topic && end.partition == view.partition);
            let end = known.map(|known| known.end);
            Reading { lag: end.map(|end| end.saturating_sub(view.position)), end, view }
        };
        Glance {
            live,
            ready: problems.is_empty(),
            problems,
            stopping,
            seconds: self.started.elapsed().as_secs_f64(),
            joined,
            partitions: partitions.into_iter().map(reading).collect(),
            lanes,
            counters: self.status.counters(),
        }
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
