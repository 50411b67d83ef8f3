//! A plan and a profile that are taken while the worker runs.
//!
//! | file | holds |
//! |---|---|
//! | `compare` | the new plan beside the old one |
//! | `control` | how `nsflow reload` finds a worker and asks it |
//!
//! It goes: the file is read and verified, all pieces are built beside those that run, and tried out on the store, the topics
//! and the outputs. Only then is the running worker told to commit what is under way and to end, and the new pieces go on
//! from there. Whatever fails leaves the old plan running; why stands in the journal, in `/status` and in the answer.

pub mod compare;
#[cfg(unix)]
pub mod control;
#[cfg(not(unix))]
#[path = "control_nowhere.rs"]
pub mod control;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::Duration,
};

use nsf_engine::run::{Pieces, StopHandle};
use serde::{Deserialize, Serialize};

use crate::{Deployment, configuration::Configuration, problem::Problem, production::Production};

/// How long whoever asks waits for the answer. Tables are read whole and the old worker commits meanwhile.
pub const PATIENCE: Duration = Duration::from_secs(300);

/// What is asked.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Asked {
    /// Whether the new plan may lack streams, flows, states and outputs of the old one.
    #[serde(default)]
    pub allow_loss: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Whether the new plan runs; otherwise the old one does.
    pub taken: bool,
    /// The hash of the plan that runs.
    pub hash: String,
    /// What is to be said of the new plan.
    pub notes: Vec<String>,
    /// Why it was not taken.
    pub problems: Vec<Problem>,
}

/// A request with who waits for its answer.
struct Request {
    asked: Asked,
    answer: Option<Sender<Answer>>,
}

/// New pieces that were tried out, and what belongs to them.
pub struct Parts {
    /// What they are of.
    pub configuration: Configuration,
    /// Their connectors.
    pub production: Arc<Production>,
    /// The pieces.
    pub pieces: Pieces,
    /// What is to be said of the new plan.
    pub notes: Vec<String>,
}

/// New pieces with who asked for them.
pub struct Candidate {
    parts: Parts,
    answer: Waiting,
}

/// Who waits for an answer, if anybody does.
#[derive(Default)]
pub struct Waiting(Option<Sender<Answer>>);

impl Waiting {
    /// Tells what came of the request.
    pub fn tell(&self, answer: Answer) {
        if let Some(sender) = &self.0 {
            // Who asked may have gone.
            let _ = sender.send(answer);
        }
    }
}

impl Candidate {
    /// The pieces, and who waits for an answer.
    pub fn into_parts(self) -> (Waiting, Parts) {
        (self.answer, self.parts)
    }
}

/// What the worker and those who ask have in common.
#[derive(Default)]
struct Turn {
    candidate: Option<Candidate>,
    /// Ends the worker that serves.
    hand_over: StopHandle,
}

/// Takes requests, one after the other.
#[derive(Clone)]
pub struct Reloads {
    requests: Sender<Request>,
    turn: Arc<Mutex<Turn>>,
}

/// Tries a request out: gives a candidate, or why there is none.
pub type Trial = Box<dyn Fn(Asked) -> Result<Parts, Vec<Problem>> + Send>;

/// Told of a request that came to nothing; gives the answer.
pub type Refusal = Box<dyn Fn(Vec<Problem>) -> Answer + Send>;

impl Reloads {
    /// Takes requests from now on, on a thread of its own.
    pub fn start(trial: Trial, refused: Refusal) -> Self {
        let (requests, asked) = mpsc::channel();
        let own = Self { requests, turn: Arc::default() };
        let turn = Arc::clone(&own.turn);
        // Without a thread nobody answers, which whoever asks is told.
        let _ = thread::Builder::new().name("reload".to_owned()).spawn(move || follow(&asked, &turn, &trial, &refused));
        own
    }

    /// Asks for a reload and waits for what comes of it.
    pub fn ask(&self, asked: Asked) -> Option<Answer> {
        let (answer, told) = mpsc::channel();
        self.requests.send(Request { asked, answer: Some(answer) }).ok()?;
        told.recv_timeout(PATIENCE).ok()
    }

    /// Asks for a reload; what comes of it stands in the journal.
    pub fn ask_without_waiting(&self, asked: Asked) {
        let _ = self.requests.send(Request { asked, answer: None });
    }

    /// A worker is about to begin: gives the pieces that are to go on in its place, or else what ends it when there are some.
    pub fn begin(&self) -> Result<StopHandle, Box<Candidate>> {
        let mut turn = locked(&self.turn);
        match turn.candidate.take() {
            Some(candidate) => Err(Box::new(candidate)),
            None => {
                turn.hand_over = StopHandle::default();
                Ok(turn.hand_over.clone())
            }
        }
    }

    /// What ends a worker whose pieces were a candidate's.
    pub fn hand_over(&self) -> StopHandle {
        let mut turn = locked(&self.turn);
        turn.hand_over = StopHandle::default();
        if turn.candidate.is_some() {
            turn.hand_over.stop();
        }
        turn.hand_over.clone()
    }

    /// Whether new pieces wait.
    pub fn is_waiting(&self) -> bool {
        locked(&self.turn).candidate.is_some()
    }
}

fn locked(turn: &Mutex<Turn>) -> MutexGuard<'_, Turn> {
    turn.lock().unwrap_or_else(PoisonError::into_inner)
}

fn follow(asked: &Receiver<Request>, turn: &Mutex<Turn>, trial: &Trial, refused: &Refusal) {
    while let Ok(Request { asked, answer }) = asked.recv() {
        // The one before must be over: it says what the next is compared with.
        while locked(turn).candidate.is_some() {
            thread::sleep(Duration::from_millis(20));
        }
        match trial(asked) {
            Ok(parts) => {
                let mut turn = locked(turn);
                turn.candidate = Some(Candidate { parts, answer: Waiting(answer) });
                turn.hand_over.stop();
            }
            Err(problems) => {
                let told = refused(problems);
                if let Some(answer) = answer {
                    let _ = answer.send(told);
                }
            }
        }
    }
}

/// Asks for a reload at every SIGHUP. In a terminal the signal says that the terminal is gone, and ends the worker as it ends
/// every program there.
#[cfg(unix)]
pub fn on_signal(reloads: &Reloads) {
    use tokio::signal::unix::{SignalKind, signal};
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        return;
    }
    let reloads = reloads.clone();
    let listen = move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            let Ok(mut hangup) = signal(SignalKind::hangup()) else { return };
            while hangup.recv().await.is_some() {
                reloads.ask_without_waiting(Asked::default());
            }
        });
    };
    let _ = thread::Builder::new().name("hangup".to_owned()).spawn(listen);
}

#[cfg(not(unix))]
pub fn on_signal(_: &Reloads) {}

/// What tells workers of one plan and profile from others on this machine: the file's place and the profile.
pub fn name_of(deployment: &Deployment) -> String {
    let plan = std::fs::canonicalize(&deployment.plan).unwrap_or_else(|_| deployment.plan.clone());
    let text = format!("{}\0{}", plan.display(), deployment.profile);
    format!("{:08x}", nsf_engine::stable::number(&text))
}
