//! Another version of the program is taken while records come, and taken back: one with a source, a state, a flow and a topic
//! more, and a field more in a state that both have. Both versions run side by side meanwhile, and workers are killed.

use std::{
    io,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use super::{
    Trial,
    storm::{Scene, Weather, storm, words},
};
use crate::bank::Fed;

/// How long it may take until all workers have the plan.
const PATIENCE: Duration = Duration::from_secs(180);

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    let weather = Weather {
        calm: (500, 2_000),
        pace: Duration::from_secs(600),
        after: next_field_is_whole,
        ..Weather::default()
    };
    let (mut turn, mut killed) = (0, 0);
    let done = storm(trial, "upgrade", &weather, |scene| {
        turn += 1;
        let folder = scene.stage.workers.folder.clone();
        if scene.stage.has_next {
            take(scene, &folder.join("before.yaml"), false, &mut killed)?;
            thread::sleep(Duration::from_millis(500 + scene.random.below(1_500)));
        } else {
            std::fs::copy(folder.join("plan.yaml"), folder.join("before.yaml")).map_err(words)?;
            scene.stage.compile_next(trial.nsfc).map_err(words)?;
            expect_next(scene);
        }
        // Every third time a worker is killed while it takes the plan.
        take(scene, &folder.join("next.yaml"), turn % 3 == 0, &mut killed)
    })?;
    Ok(format!("{done}; {turn} times to the next version, {killed} workers killed meanwhile"))
}

/// What the next version must make of the whole topic: its source reads it from the beginning.
fn expect_next(scene: &mut Scene<'_>) {
    let mut audits = std::collections::BTreeMap::<u64, (i64, i64)>::new();
    let stage = &mut scene.stage;
    let mut messages = Vec::new();
    for Fed { account, number, .. } in stage.dose.movements() {
        let audit = audits.entry(account).or_insert((0, 5));
        *audit = (audit.0 + 1, (audit.1 * 43 + number as i64) % 1_000_000_007);
        messages.push(serde_json::json!({"account": account, "number": number, "count": audit.0, "chain": audit.1}));
    }
    stage.expected.messages.insert("audited", messages);
    for (account, (count, chain)) in audits {
        let row = serde_json::json!({"count": count, "chain": chain});
        stage.expected.states.insert(format!("bank.audit.audits:{account}"), row);
    }
    stage.has_next = true;
}

/// Puts a plan in the place of the workers', and lets all of them take it.
fn take(scene: &mut Scene<'_>, plan: &Path, kills: bool, killed: &mut u32) -> Result<(), String> {
    let folder = scene.stage.workers.folder.clone();
    let beside = folder.join("plan.yaml.new");
    let placed = std::fs::copy(plan, &beside).and_then(|_| std::fs::rename(&beside, folder.join("plan.yaml")));
    placed.map_err(words)?;
    let begun = Instant::now();
    let mut kills = kills;
    loop {
        let asked = reload(scene).map_err(words)?;
        if std::mem::take(&mut kills) {
            thread::sleep(Duration::from_millis(scene.random.below(1_500)));
            let at = scene.random.below(2) as usize;
            scene.replace(at).map_err(words)?;
            *killed += 1;
        }
        let output = asked.wait_with_output().map_err(words)?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        // A worker that was killed has not answered; one that is started anew has the plan already.
        let passing =
            ["ended before it answered", "cannot be asked", "no worker of", "joined", "Kafka at", "not confirmed"];
        if !passing.iter().any(|words| said.contains(words)) || begun.elapsed() > PATIENCE {
            return Err(format!("the plan {} was not taken: {said}", plan.display()));
        }
        thread::sleep(Duration::from_millis(500));
    }
}

fn reload(scene: &Scene<'_>) -> io::Result<std::process::Child> {
    let profile = if scene.named { "named" } else { "prod" };
    Command::new(&scene.stage.workers.program)
        .current_dir(&scene.stage.workers.folder)
        .args(["reload", "plan.yaml", "--allow-loss", "--profile", profile])
        .envs(scene.stage.workers.environment.iter().map(|(name, value)| (name, value)))
        .env("INSTANCE", "reload")
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
}

/// The field that only the next version knows counts the records that it took: workers of the version before carry it along.
fn next_field_is_whole(scene: &mut Scene<'_>) -> Result<(), String> {
    let rows = scene.stage.state_rows(scene.servers).map_err(words)?;
    let mut sum = 0;
    for (key, row) in rows.iter().filter(|(key, _)| key.starts_with("bank.movements.totals:")) {
        let row: serde_json::Value = serde_json::from_str(row).map_err(words)?;
        let number = |name: &str| row.get(name).and_then(serde_json::Value::as_i64).unwrap_or(-1);
        let (weight, count) = (number("weight").max(0), number("count"));
        if weight > count {
            return Err(format!("{key} counts {weight} records of the next version and {count} in all"));
        }
        sum += weight;
    }
    if sum == 0 { Err("no record was taken by the next version".to_owned()) } else { Ok(()) }
}
