//! Workers that are killed, paused, or told to stop.

use std::{thread, time::Duration};

use crate::stage::SESSION;

use super::{
    Trial,
    storm::{Weather, storm, words},
};

/// Kill -9 at random moments.
pub(super) fn kill(trial: &Trial<'_>) -> Result<String, String> {
    storm(trial, "kill", &Weather::default(), |scene| {
        let at = scene.random.below(2) as usize;
        scene.replace(at).map_err(words)
    })
}

/// Paused for twice the session, so that the other takes over, then continued.
pub(super) fn pause(trial: &Trial<'_>) -> Result<String, String> {
    // Input must come while a worker is paused, or it has nothing that it could write too late.
    let weather = Weather { calm: (500, 2_000), pace: Duration::from_secs(300), ..Weather::default() };
    storm(trial, "pause", &weather, |scene| {
        let at = scene.random.below(2) as usize;
        scene.workers[at].signal("STOP").map_err(words)?;
        thread::sleep(SESSION * 2);
        scene.workers[at].signal("CONT").map_err(words)
    })
}

/// Told to stop, one after the other.
pub(super) fn rolling(trial: &Trial<'_>) -> Result<String, String> {
    let weather = Weather { repeats: false, ..Weather::default() };
    let mut turn = 0;
    storm(trial, "rolling", &weather, |scene| {
        turn += 1;
        let at = turn % 2;
        let stopped = scene.workers[at].stop(Duration::from_secs(10)).map_err(words)?;
        if stopped.is_none() {
            return Err(format!("a worker was not drained in 10 s:\n{}", scene.workers[at].text()));
        }
        scene.workers[at] = scene.start(at).map_err(words)?;
        Ok(())
    })
}
