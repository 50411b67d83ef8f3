//! What the compiler proves over the graph of all files: one file a proof, each with a switch, so that tests can show
//! that the bad programs pass when a proof is off.

mod bounded_state;
mod constants;
mod dataflow;
mod derived;
mod identity;
mod key_safety;
mod nesting;
mod origin;
mod replay_safety;
mod secrets;
mod termination;
mod topic_types;

use nsf_diagnostics::{Diagnostic, FileId, Severity, SourceMap};

pub use key_safety::states_of_tellings;

use super::{Dag, number};
use crate::lock::Lock;

/// Switches of the proofs; all are on by default. Only tests switch one off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, clippy::struct_excessive_bools)]
pub struct Proofs {
    pub topic_types: bool,
    pub dataflow: bool,
    pub key_safety: bool,
    pub replay_safety: bool,
    pub bounded_state: bool,
    pub termination: bool,
    pub secrets: bool,
    pub identity: bool,
    pub derived: bool,
    pub constants: bool,
    pub lints: bool,
}

impl Default for Proofs {
    fn default() -> Self {
        Self {
            topic_types: true,
            dataflow: true,
            key_safety: true,
            replay_safety: true,
            bounded_state: true,
            termination: true,
            secrets: true,
            identity: true,
            derived: true,
            constants: true,
            lints: true,
        }
    }
}

/// Runs the proofs over a graph. `lock` is the text of `nsf.lock` in the source map, if there is one. Guarantees are
/// noted in the graph's effects, numbers of the lock file in its dimensions and states, whatever the switches say. Once
/// `goes_on` has said no, nothing more is proved.
#[must_use]
pub fn prove(
    dag: &mut Dag,
    sources: &SourceMap,
    lock: Option<FileId>,
    proofs: &Proofs,
    goes_on: &dyn Fn() -> bool,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let text = lock.and_then(|file| Some((file, &*sources.get(file)?.text)));
    let lock = match text.map(|(file, text)| (file, Lock::read(text, Some(file)))) {
        None => None,
        Some((_, Ok(lock))) => Some(lock),
        Some((file, Err(error))) => {
            found.push(identity::broken(file, &error));
            None
        }
    };
    number::assign(dag, lock.as_ref());
    replay_safety::note(dag);
    let mut run = |on: bool, proof: fn(&Dag, &SourceMap, &mut Vec<Diagnostic>)| {
        if on && goes_on() {
            proof(dag, sources, &mut found);
        }
    };
    run(true, nesting::prove);
    run(proofs.topic_types, topic_types::prove);
    run(proofs.dataflow, dataflow::prove);
    run(proofs.key_safety, key_safety::prove);
    run(proofs.replay_safety, replay_safety::prove);
    run(proofs.bounded_state, bounded_state::prove);
    run(proofs.termination, termination::prove);
    run(proofs.secrets, secrets::prove);
    run(proofs.derived, derived::prove);
    run(proofs.constants, constants::prove);
    if proofs.identity {
        identity::prove(dag, lock.as_ref(), &mut found);
    }
    let is_clean = dag.complete && found.iter().all(|own| own.severity() == Severity::Warning);
    if proofs.lints && is_clean && goes_on() {
        dataflow::lints(dag, sources, &mut found);
    }
    found
}

/// The last part of a full name, as programs write it.
fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Names as code, joined: `a`, `b` and `c`.
fn list(names: &[String]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// A key as programs write it: `(stu_id, plan_id)`.
fn key(parts: &[String]) -> String {
    format!("({})", parts.join(", "))
}
