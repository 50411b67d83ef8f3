//! Sentinel makes another server the master: the old one dies, is well and hands over, or is parted from everybody and comes
//! back as one that takes itself for the master.

use std::{
    thread,
    time::{Duration, Instant},
};

use nsf_tests::servers::redis::Redis;

use crate::redis_servers::Form;

use super::{
    Trial, resume,
    storm::{Scene, words},
};

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    resume::run(trial, "sentinel", Form::Sentinel(resume::options()), |scene, turn| failover(scene, turn % 3))
}

/// One failover; gives after how long work went on.
fn failover(scene: &mut Scene<'_>, kind: u32) -> Result<Duration, String> {
    let servers = scene.servers.redis.sentinel().map_err(words)?;
    let begun = Instant::now();
    let (what, changed) = match kind {
        1 => ("killed", servers.failover()),
        2 => ("hands over", servers.switch_over()),
        _ => ("parted", servers.part()),
    };
    changed.map_err(words)?;
    let chosen = begun.elapsed();
    let before = resume::progress(scene)?;
    if kind == 0 {
        // It comes back while workers may still believe in it.
        thread::sleep(Duration::from_millis(scene.random.below(3_000)));
        scene.servers.redis.sentinel().map_err(words)?.servers().iter().for_each(Redis::resume);
    }
    let took = resume::wait(scene, &before, begun)?;
    println!(
        "   master {what}: another after {:.1} s, work goes on after {:.1} s",
        chosen.as_secs_f64(),
        took.as_secs_f64()
    );
    scene.servers.redis.sentinel().map_err(words)?.restart_killed().map_err(words)?;
    Ok(took)
}
