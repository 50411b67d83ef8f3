//! What workers say from a moment on.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use super::storm::Scene;

/// How long they may take to say something.
const PATIENCE: Duration = Duration::from_secs(60);

/// The journals of the workers that run, and how long they were.
pub struct Journal {
    before: BTreeMap<PathBuf, usize>,
}

impl Journal {
    /// From now on.
    pub fn from_now(scene: &Scene<'_>) -> Self {
        let length = |worker: &crate::worker::Worker| (worker.journal.clone(), worker.text().len());
        Self { before: scene.workers.iter().map(length).collect() }
    }

    /// What was said since.
    fn since(&self, scene: &Scene<'_>) -> Vec<String> {
        let since = |worker: &crate::worker::Worker| {
            let before = self.before.get(&worker.journal).copied().unwrap_or(0);
            worker.text().get(before..).unwrap_or_default().to_owned()
        };
        scene.workers.iter().map(since).collect()
    }

    /// Waits until a worker has said something.
    ///
    /// # Errors
    /// Where none does.
    pub fn wait_for(&self, scene: &Scene<'_>, what: &str) -> Result<(), String> {
        let begun = Instant::now();
        while !self.since(scene).iter().any(|text| text.contains(what)) {
            if begun.elapsed() > PATIENCE {
                return Err(format!("no worker said: {what}"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Checks that no worker has said something.
    ///
    /// # Errors
    /// Where one has.
    pub fn says_nothing_of(&self, scene: &Scene<'_>, what: &str) -> Result<(), String> {
        match self.since(scene).iter().find(|text| text.contains(what)) {
            Some(text) => Err(format!("a worker said `{what}` where that cannot be:\n{text}")),
            None => Ok(()),
        }
    }
}
