//! Redis that takes nothing more, and one that has forgotten everything.

use std::{thread, time::Duration};

use nsf_tests::servers::redis::{Fsync, Options};

use super::{
    Trial,
    journal::Journal,
    resume,
    storm::{Named, Scene, Weather, storm, words},
};

fn weather() -> Weather {
    let options = Options { fsync: Fsync::EverySecond, ..Options::default() };
    Weather {
        calm: (500, 1_500),
        redis: options.into(),
        pace: Duration::from_secs(300),
        named: Named::Never,
        ..Weather::default()
    }
}

/// No memory left, or a disk that is full: workers say so, wait, and go on by themselves.
pub(super) fn full(trial: &Trial<'_>) -> Result<String, String> {
    let mut turn = 0;
    storm(trial, "full", &weather(), |scene| {
        turn += 1;
        resume::begun(scene)?;
        if turn % 2 == 1 { no_memory(scene) } else { full_disk(scene) }
    })
}

/// Everything is gone: it is made anew from the topics, which have all that there ever was.
pub(super) fn empty(trial: &Trial<'_>) -> Result<String, String> {
    storm(trial, "empty", &weather(), |scene| {
        resume::begun(scene)?;
        let journal = Journal::from_now(scene);
        scene.servers.redis.forget().map_err(words)?;
        journal.wait_for(scene, "lost what was written last")?;
        resume::begun(scene)
    })
}

fn no_memory(scene: &mut Scene<'_>) -> Result<(), String> {
    let journal = Journal::from_now(scene);
    set(scene, "maxmemory", "1mb")?;
    journal.wait_for(scene, "has no memory left and takes no writes")?;
    still(scene)?;
    set(scene, "maxmemory", "0")?;
    resume::begun(scene)
}

fn full_disk(scene: &mut Scene<'_>) -> Result<(), String> {
    let journal = Journal::from_now(scene);
    let redis = scene.servers.redis.single().map_err(words)?;
    let length = redis.aof_length().map_err(words)?;
    redis.limit_files(Some(length)).map_err(words)?;
    journal.wait_for(scene, "takes no writes since it cannot write its own files")?;
    still(scene)?;
    scene.servers.redis.single().map_err(words)?.limit_files(None).map_err(words)?;
    resume::begun(scene)
}

fn set(scene: &mut Scene<'_>, name: &str, value: &str) -> Result<(), String> {
    let redis = scene.servers.redis.single().map_err(words)?;
    redis.command(&["CONFIG", "SET", name, value]).map(drop).map_err(words)
}

/// Workers must stand still for a moment and go on living.
fn still(scene: &mut Scene<'_>) -> Result<(), String> {
    // A save may be on its way.
    thread::sleep(Duration::from_secs(1));
    let (before, journal) = (resume::progress(scene)?, Journal::from_now(scene));
    let moment = Duration::from_millis(500 + scene.random.below(3_000));
    thread::sleep(moment);
    journal.says_nothing_of(scene, "it works again")?;
    if resume::progress(scene)? != before {
        return Err("lanes moved on a server that takes no writes".to_owned());
    }
    match scene.workers.iter_mut().position(|worker| !worker.is_running()) {
        Some(at) => Err(format!("worker {at} ended where it was to wait")),
        None => Ok(()),
    }
}
