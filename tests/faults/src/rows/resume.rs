//! How long work stands still after a fault of the store.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use nsf_tests::servers::redis::Options;

use super::{
    Trial,
    storm::{Named, Scene, Weather, storm, words},
};
use crate::redis_servers::Form;

/// How long it may; programs that are not optimised, on a machine that does other things too, get three times that.
pub const LIMIT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 45 } else { 15 });

/// Servers whose files reach the disk when the system likes: what is measured is failovers, and no disk.
pub fn options() -> Options {
    Options::default().with(&["--appendfsync", "no"])
}

/// After which time nobody waits any more.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a row in which other servers take over again and again: `fault` is given the turn, from 1, makes one of them and gives
/// after how long work went on.
///
/// # Errors
/// What went wrong.
pub fn run(
    trial: &Trial<'_>,
    name: &str,
    redis: Form,
    mut fault: impl FnMut(&mut Scene<'_>, u32) -> Result<Duration, String>,
) -> Result<String, String> {
    let weather = Weather {
        calm: (1_000, 2_000),
        redis,
        // Input must come all the while, or nobody sees when work goes on.
        pace: Duration::from_secs(600),
        named: Named::Never,
        ..Weather::default()
    };
    let (mut turn, mut slowest) = (0, Duration::ZERO);
    let done = storm(trial, name, &weather, |scene| {
        turn += 1;
        begun(scene)?;
        slowest = slowest.max(fault(scene, turn)?);
        Ok(())
    })?;
    Ok(format!("{done}; resumed at most {:.1} s after the fault", slowest.as_secs_f64()))
}

/// How far each lane has come, as the servers say that take writes now.
///
/// # Errors
/// Where they do not answer for long.
pub fn progress(scene: &Scene<'_>) -> Result<BTreeMap<String, u64>, String> {
    let begun = Instant::now();
    loop {
        match scene.servers.redis.progress(scene.stage.namespace()) {
            Ok(progress) => return Ok(progress),
            Err(error) if begun.elapsed() > PATIENCE => return Err(words(error)),
            Err(_) => thread::sleep(Duration::from_millis(100)),
        }
    }
}

/// Waits until every lane that there is works: before that there is nothing that a fault could stop.
///
/// # Errors
/// Where that does not come.
pub fn begun(scene: &Scene<'_>) -> Result<(), String> {
    let begun = Instant::now();
    loop {
        let before = progress(scene)?;
        if !before.is_empty() {
            return moved(scene, &before, begun).map(drop);
        }
        if begun.elapsed() > PATIENCE {
            return Err("the workers do not begin".to_owned());
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Waits until every lane has moved since it stood at `before`; gives the time since `begun`, when the fault began.
///
/// # Errors
/// Where one does not, or not within [`LIMIT`].
pub fn wait(scene: &Scene<'_>, before: &BTreeMap<String, u64>, begun: Instant) -> Result<Duration, String> {
    let took = moved(scene, before, begun)?;
    if took > LIMIT {
        return Err(format!("work was resumed after {:.1} s, later than {LIMIT:?}", took.as_secs_f64()));
    }
    Ok(took)
}

fn moved(scene: &Scene<'_>, before: &BTreeMap<String, u64>, begun: Instant) -> Result<Duration, String> {
    loop {
        let now = scene.servers.redis.progress(scene.stage.namespace()).unwrap_or_default();
        let stands = |lane: &&String| now.get(*lane).is_none_or(|next| *next <= before[*lane]);
        let standing: Vec<&String> = before.keys().filter(stands).collect();
        let took = begun.elapsed();
        if standing.is_empty() {
            return Ok(took);
        }
        if took > PATIENCE {
            return Err(format!("the lanes {standing:?} stand still {:.0} s after the fault", took.as_secs_f64()));
        }
        thread::sleep(Duration::from_millis(50));
    }
}
