//! MariaDB is killed while records load a table of it, which others change all the while.

use std::{collections::BTreeSet, process::Command, thread, time::Duration};

use crate::stage::Stage;

use super::{
    Trial,
    journal::Journal,
    resume,
    storm::{Weather, storm, words},
};

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    // Input must come while the server is away.
    let weather = Weather { calm: (500, 2_500), pace: Duration::from_secs(300), ..Weather::default() };
    let mut asked = false;
    storm(trial, "mariadb", &weather, |scene| {
        if !asked {
            only_what_may_differ(trial, &scene.stage)?;
            asked = true;
        }
        resume::begun(scene)?;
        let journal = Journal::from_now(scene);
        scene.servers.mariadb.kill();
        let away = Duration::from_millis(scene.random.below(4_000));
        if away > Duration::from_secs(2) {
            // Rows are kept for a second. Then a worker must say what it waits for, and not that it works.
            journal.wait_for(scene, "there is no MySQL at")?;
            let journal = Journal::from_now(scene);
            thread::sleep(away);
            journal.says_nothing_of(scene, "it works again")?;
        } else {
            thread::sleep(away);
        }
        scene.servers.mariadb.restart().map_err(words)?;
        resume::begun(scene)
    })
}

/// What is compared without what the table says must be just what the compiler tells users may differ on replay.
fn only_what_may_differ(trial: &Trial<'_>, stage: &Stage) -> Result<(), String> {
    let folder = &stage.workers.folder;
    let output = Command::new(trial.nsfc).current_dir(folder).args(["graph", "."]).output().map_err(words)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let marked = text.lines().filter(|line| line.contains("publishes topic") && line.contains("may differ on replay"));
    let marked: BTreeSet<&str> = marked.filter_map(|line| line.split('"').nth(1)).collect();
    let charged = stage.topic("charged");
    if marked == BTreeSet::from([charged.as_str()]) {
        Ok(())
    } else {
        Err(format!("`nsfc graph` marks {marked:?}, not `{charged}` alone, as what may differ on replay"))
    }
}
