//! A cluster's masters die, hand over or are parted from the others, and slots move between them under load.

use std::time::{Duration, Instant};

use crate::redis_servers::Form;

use super::{
    Trial, resume,
    storm::{Scene, words},
};

/// The lanes of a program whose profile does not say how many.
const LANES: u64 = 8;

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    resume::run(trial, "cluster", Form::Cluster(resume::options()), |scene, turn| change(scene, turn % 4))
}

/// Another server has a lane's slot; gives after how long work went on.
fn change(scene: &mut Scene<'_>, kind: u32) -> Result<Duration, String> {
    let lane = scene.random.below(LANES) as u16;
    let key = format!("{{{}}}", nsf_redis::tag(lane));
    let cluster = scene.servers.redis.cluster().map_err(words)?;
    let begun = Instant::now();
    let (what, changed) = match kind {
        1 => ("the master is killed", cluster.failover(&key)),
        3 => ("the master hands over", cluster.switch_over(&key)),
        _ => ("the slot moves", cluster.move_slot(&key)),
    };
    changed.map_err(words)?;
    let chosen = begun.elapsed();
    let before = resume::progress(scene)?;
    let took = resume::wait(scene, &before, begun)?;
    println!(
        "   lane {lane}, {what}: another after {:.1} s, work goes on after {:.1} s",
        chosen.as_secs_f64(),
        took.as_secs_f64()
    );
    scene.servers.redis.cluster().map_err(words)?.restart_killed().map_err(words)?;
    Ok(took)
}
