//! The end of a worker at each named place.

use std::{
    thread,
    time::{Duration, Instant},
};

use nsf_engine::run::SERVE_FAILPOINTS;

use crate::stage::SESSION;

use super::{
    Trial,
    storm::{Named, Scene, Weather, storm, words},
};

/// How long a worker may take until it comes to a place.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    let (begins, others): (Vec<&str>, Vec<&str>) = SERVE_FAILPOINTS.iter().partition(|name| name.contains("begin"));
    let mut turn = 0;
    // By `end_at`.
    let weather =
        Weather { calm: (200, 600), pace: Duration::from_secs(600), named: Named::Never, ..Weather::default() };
    storm(trial, "failpoint", &weather, |scene| {
        let at = turn % SERVE_FAILPOINTS.len();
        turn += 1;
        match begins.get(at) {
            Some(name) => end_at_begin(scene, name),
            None => end_at(scene, others[at - begins.len()], turn % 2),
        }
    })
}

/// The first positions of partitions are saved once only: everything that is stored of them is forgotten before.
fn end_at_begin(scene: &mut Scene<'_>, name: &str) -> Result<(), String> {
    scene.workers.iter_mut().for_each(crate::worker::Worker::kill);
    scene.forget().map_err(words)?;
    end_at(scene, name, 0)?;
    scene.replace(1).map_err(words)
}

/// Starts a worker that ends at a place, waits until it has, and starts it again.
fn end_at(scene: &mut Scene<'_>, name: &str, at: usize) -> Result<(), String> {
    // Partitions move only where workers do not keep them; elsewhere nobody waits for the session of the one that ended.
    let moves = name.contains("revoked") || name.contains("release");
    if moves && scene.named {
        // What a worker keeps goes to others only when its session is over.
        scene.named = false;
        scene.workers[1 - at].kill();
        thread::sleep(SESSION + Duration::from_secs(1));
        scene.workers[1 - at] = scene.start(1 - at).map_err(words)?;
    }
    scene.named = !moves;
    let often = ["read", "outputs", "flush", "sent", "dimensions", "spaces", "commit", "saves", "positions"];
    let times = if often.iter().any(|own| name.contains(own)) { 1 + scene.random.below(3) } else { 1 };
    let armed = format!("{name}:{times}");
    scene.workers[at].kill();
    scene.workers[at] = scene.start_with(at, &[("NSFLOW_FAILPOINT", &armed)]).map_err(words)?;
    let begun = Instant::now();
    let mut pushed = Instant::now();
    while scene.workers[at].is_running() {
        if begun.elapsed() > PATIENCE {
            return Err(format!("a worker did not come to the failpoint {armed}:\n{}", scene.workers[at].text()));
        }
        thread::sleep(Duration::from_millis(50));
        // Who was killed counts as a member of the group until its session is over: before that nothing moves.
        let calm = if moves { SESSION } else { Duration::ZERO };
        if pushed.elapsed() < calm + Duration::from_secs(3) {
            continue;
        }
        pushed = Instant::now();
        if name.contains("drain") {
            scene.workers[at].signal("TERM").map_err(words)?;
        } else if name.contains("revoked") || name.contains("release") {
            // Partitions move when the other comes anew.
            let other = 1 - at;
            scene.workers[other].stop(Duration::from_secs(10)).map_err(words)?;
            // Until this one has what the other had: it is then asked for half of it again.
            thread::sleep(Duration::from_secs(6));
            scene.workers[other] = scene.start(other).map_err(words)?;
        }
    }
    if !scene.workers[at].text().contains(&format!("failpoint {name}")) {
        return Err(format!("a worker ended before it came to the failpoint {armed}:\n{}", scene.workers[at].text()));
    }
    scene.replace(at).map_err(words)
}
