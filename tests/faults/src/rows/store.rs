//! Redis that is killed, and comes back with less than it had.

use std::{thread, time::Duration};

use nsf_tests::servers::redis::{Fsync, Options};

use crate::redis_servers::Form;

use super::{
    Trial,
    storm::{Weather, storm, words},
};

/// Redis with an append-only file that is on the disk so often.
pub(super) fn options(fsync: Fsync) -> Form {
    Form::Single(Options { fsync, ..Options::default() })
}

fn weather(fsync: Fsync) -> Weather {
    Weather { calm: (500, 2_000), redis: options(fsync), ..Weather::default() }
}

/// Kill -9; every change was on the disk before it was answered.
pub(super) fn always(trial: &Trial<'_>) -> Result<String, String> {
    killed(trial, "always", Fsync::Always)
}

/// Kill -9; changes are on the disk once a second.
pub(super) fn every_second(trial: &Trial<'_>) -> Result<String, String> {
    killed(trial, "everysec", Fsync::EverySecond)
}

fn killed(trial: &Trial<'_>, name: &str, fsync: Fsync) -> Result<String, String> {
    storm(trial, name, &weather(fsync), |scene| {
        let away = scene.random.below(800);
        let redis = scene.servers.redis.single().map_err(words)?;
        redis.kill();
        thread::sleep(Duration::from_millis(away));
        redis.restart().map_err(|error| format!("{error:?}"))
    })
}

/// Kill -9, and the end of its file of changes is cut off: what a loss of power or a failover leaves.
pub(super) fn cut(trial: &Trial<'_>) -> Result<String, String> {
    storm(trial, "cut", &weather(Fsync::EverySecond), |scene| {
        let redis = scene.servers.redis.single().map_err(words)?;
        let before = redis.aof_length().map_err(|error| format!("{error:?}"))?;
        let time = 100 + scene.random.below(1_500);
        thread::sleep(Duration::from_millis(time));
        redis.kill();
        let length = redis.aof_length().map_err(|error| format!("{error:?}"))?;
        let keep = before + scene.random.below(length.saturating_sub(before).max(1));
        redis.cut_aof(keep).map_err(|error| format!("{error:?}"))?;
        redis.restart().map_err(words_of)
    })
}

fn words_of(error: impl std::fmt::Debug) -> String {
    words(format!("{error:?}"))
}

/// The broker is killed and started again.
pub(super) fn broker(trial: &Trial<'_>) -> Result<String, String> {
    let weather = Weather { calm: (2_000, 4_000), ..Weather::default() };
    storm(trial, "broker", &weather, |scene| {
        scene.servers.kafka.kill();
        let away = scene.random.below(1_500);
        thread::sleep(Duration::from_millis(away));
        scene.servers.kafka.restart().map_err(words_of)
    })
}
