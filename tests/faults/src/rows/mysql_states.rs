//! States on MariaDB: workers and the server are killed, one after the other and both at once. There is no Redis.

use std::{thread, time::Duration};

use nsf_tests::servers::mariadb::MariaDb;

use super::{
    Trial,
    storm::{Scene, Weather, storm, words},
};
use crate::redis_servers::Form;

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    let weather = Weather {
        calm: (500, 2_000),
        redis: Form::None,
        deadline: Duration::from_secs(if cfg!(debug_assertions) { 120 } else { 60 }),
        after: nothing_is_left,
        ..Weather::default()
    };
    let mut turn = 0;
    storm(trial, "mysqlstates", &weather, |scene| {
        turn += 1;
        let at = scene.random.below(2) as usize;
        match turn % 3 {
            1 => scene.replace(at).map_err(words),
            2 => {
                killed(scene)?;
                scene.servers.mariadb.restart().map_err(words)
            }
            _ => {
                // A worker dies in the midst of what it saves, and so does the server.
                scene.workers[at].kill();
                killed(scene)?;
                scene.servers.mariadb.restart().map_err(words)?;
                scene.replace(at).map_err(words)
            }
        }
    })
}

fn killed(scene: &mut Scene<'_>) -> Result<(), String> {
    scene.servers.mariadb.kill();
    let away = scene.random.below(2_000);
    thread::sleep(Duration::from_millis(away));
    Ok(())
}

/// No transaction stays open when the workers have ended.
fn nothing_is_left(scene: &mut Scene<'_>) -> Result<(), String> {
    let open = |mariadb: &MariaDb| mariadb.query("SELECT COUNT(*) FROM information_schema.innodb_trx").map_err(words);
    for _ in 0..100 {
        if open(&scene.servers.mariadb)?.trim() == "0" {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(100));
    }
    Err("transactions of workers that have ended are still open".to_owned())
}
