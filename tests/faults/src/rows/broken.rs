//! Builds that leave a rule of the protocol out: each must be noticed, or the other rows prove nothing.
//!
//! Random moments seldom meet the short windows that these rules close, so each build is led there: its worker dies or stops
//! at the one place where the rule counts. The build that keeps all rules goes the same ways first, and must come out whole.

use std::{sync::atomic::Ordering, thread, time::Duration};

use nsf_tests::servers::redis::Fsync;

use super::{
    Trial, store,
    storm::{Named, Scene, Weather, storm, words},
};
use crate::{
    stage::{PARTITIONS, SESSION},
    worker::Worker,
};

/// A rule, and the way on which leaving it out shows.
struct Way {
    /// As `NSFLOW_BROKEN` has it.
    name: &'static str,
    what: &'static str,
    lead: fn(&mut Scene<'_>) -> Result<(), String>,
    /// What the workers are told beside.
    environment: &'static [(&'static str, &'static str)],
    /// What a comparison says then.
    shows: &'static [&'static str],
}

const WAYS: &[Way] = &[
    Way {
        name: "save-before-emit",
        what: "rows are saved before outputs are sent",
        lead: die_after_the_save,
        // So that outputs are sent by the flush and not by the way.
        environment: &[("LINGER", "2000")],
        shows: LOST,
    },
    Way {
        name: "positions-of-the-log",
        what: "the log, and not the store, says where a partition is read from",
        lead: die_before_the_positions,
        environment: &[],
        shows: WRONG,
    },
    Way {
        name: "no-load-check",
        what: "what is read of a lane is not compared with how it is held",
        lead: go_back_before_a_load,
        environment: &[],
        shows: WRONG,
    },
    Way {
        name: "count-repetitions",
        what: "what was sent again is counted again behind the topic",
        lead: die_before_the_save,
        environment: &[],
        shows: WRONG,
    },
    Way {
        name: "no-fence",
        what: "a lane is saved whoever holds it",
        lead: save_too_late,
        environment: &[],
        shows: WRONG,
    },
    Way {
        name: "no-look",
        what: "rows of dimensions are written without a look at the lanes that they come from",
        lead: write_rows_too_late,
        environment: &[("REFRESH", "1000")],
        shows: WRONG,
    },
];

/// What a comparison says that found something wrong.
const WRONG: &[&str] = &["differ", "lacks", "rows are wrong", "counted twice", "too often"];

/// Outputs that are lost are also missing behind the program's own topic: those who wait for them do so in vain.
const LOST: &[&str] = &["lacks", "are missing"];

pub(super) fn run(trial: &Trial<'_>) -> Result<String, String> {
    for way in WAYS {
        let sound =
            led(trial, way, None).map_err(|words| format!("all rules kept, led as for {}: {words}", way.name))?;
        println!("   all rules kept, led as for {}: {sound}", way.name);
        match led(trial, way, Some(way.name)) {
            Ok(words) => return Err(format!("nobody noticed that {} ({}): {words}", way.what, way.name)),
            Err(words) if way.shows.iter().any(|wrong| words.contains(wrong)) => {
                println!("   {} is noticed: {}", way.name, words.lines().next().unwrap_or_default());
            }
            Err(words) => return Err(format!("{} broke off otherwise than by a wrong result: {words}", way.name)),
        }
    }
    let words = far_ahead(trial)?;
    println!("   {AHEAD} is noticed: {words}");
    let names: Vec<&str> = WAYS.iter().map(|way| way.name).chain([AHEAD]).collect();
    Ok(format!("noticed: {}", names.join(", ")))
}

/// As `NSFLOW_BROKEN` has it.
const AHEAD: &str = "no-future-clamp";

/// Records whose times are far ahead end values before their time, where nothing bounds them. The row `timers` has such
/// records, and shows that the build that keeps all rules takes none.
fn far_ahead(trial: &Trial<'_>) -> Result<String, String> {
    let run = |environment| {
        super::timers::run(&Trial { environment, dose: 1, nsfc: trial.nsfc, nsflow: trial.nsflow, ..*trial })
    };
    let sound = run(Vec::new()).map_err(|words| format!("all rules kept, times far ahead: {words}"))?;
    println!("   all rules kept, times far ahead: {sound}");
    match run(vec![("NSFLOW_BROKEN".to_owned(), AHEAD.to_owned())]) {
        Ok(words) => Err(format!("nobody noticed that times may be as far ahead as they like ({AHEAD}): {words}")),
        Err(words) => Ok(words.lines().next().unwrap_or_default().to_owned()),
    }
}

fn led(trial: &Trial<'_>, way: &Way, broken: Option<&str>) -> Result<String, String> {
    let broken = broken.map(|name| ("NSFLOW_BROKEN".to_owned(), name.to_owned()));
    let further = way.environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let environment = further.chain(broken).collect();
    let own = Trial { environment, nsfc: trial.nsfc, nsflow: trial.nsflow, ..*trial };
    let redis = store::options(Fsync::EverySecond);
    let weather = Weather {
        calm: (300, 700),
        redis,
        pace: Duration::from_secs(600),
        named: Named::Always,
        ordered: way.name != "no-look",
        ..Weather::default()
    };
    storm(&own, "broken", &weather, way.lead)
}

/// The lanes are saved, and nothing else of the commit is done.
fn die_after_the_save(scene: &mut Scene<'_>) -> Result<(), String> {
    die_at(scene, "after-store-commit:3")
}

/// Outputs are in the log, and no lane is saved: they are sent again.
fn die_before_the_save(scene: &mut Scene<'_>) -> Result<(), String> {
    die_at(scene, "before-store-commit:3")
}

/// The lanes are saved, and the log knows nothing of it.
fn die_before_the_positions(scene: &mut Scene<'_>) -> Result<(), String> {
    die_at(scene, "before-positions:3")
}

/// A worker has claimed its lanes and read its first records; before it loads a row, the store goes back to what it was some
/// time before the claim.
fn go_back_before_a_load(scene: &mut Scene<'_>) -> Result<(), String> {
    let unavailable = |error: nsf_tests::servers::Unavailable| format!("{error:?}");
    let at = scene.random.below(2) as usize;
    let keep = scene.servers.redis.single().map_err(words)?.aof_length().map_err(unavailable)?;
    thread::sleep(Duration::from_millis(1_500));
    restart(scene, at, "after-read:1:stop")?;
    stopped(&mut scene.workers[at])?;
    let redis = scene.servers.redis.single().map_err(words)?;
    redis.kill();
    redis.cut_aof(keep).map_err(unavailable)?;
    redis.restart().map_err(unavailable)?;
    scene.workers[at].signal("CONT").map_err(words)
}

/// A worker stops before it saves, for so long that another has its partitions and goes on with them.
fn save_too_late(scene: &mut Scene<'_>) -> Result<(), String> {
    let at = scene.random.below(2) as usize;
    restart(scene, at, "before-store-commit:3:stop")?;
    stopped(&mut scene.workers[at])?;
    thread::sleep(SESSION * 2);
    scene.workers[at].signal("CONT").map_err(words)
}

/// The same before rows of dimensions are written, while partitions are added: what the others write meanwhile comes from
/// other partitions. It is the last of all input, so that what is written too late stays.
fn write_rows_too_late(scene: &mut Scene<'_>) -> Result<(), String> {
    if scene.hurry.load(Ordering::Relaxed) {
        return Ok(());
    }
    let at = scene.random.below(2) as usize;
    restart(scene, at, "before-dimensions:3:stop")?;
    stopped(&mut scene.workers[at])?;
    for topic in ["movements", "logins"] {
        let topic = scene.stage.topic(topic);
        scene.servers.kafka.add_partitions(&topic, PARTITIONS + 3).map_err(words)?;
    }
    // Producers learn of them.
    thread::sleep(SESSION);
    scene.hurry.store(true, Ordering::Relaxed);
    scene.stage.wait(scene.servers, Duration::from_secs(60))?;
    let worker = &mut scene.workers[at];
    let before = worker.text().len();
    worker.signal("CONT").map_err(words)?;
    // It says that its lanes or partitions are another's when it has done what it was about to do, which takes longer where the
    // machine is busy.
    until(worker, |worker| {
        worker.text().get(before..).is_some_and(|said| said.contains("lane") || said.contains("partition"))
    })?;
    thread::sleep(Duration::from_secs(3));
    Ok(())
}

fn die_at(scene: &mut Scene<'_>, failpoint: &str) -> Result<(), String> {
    let at = scene.random.below(2) as usize;
    restart(scene, at, failpoint)?;
    ended(&mut scene.workers[at])?;
    scene.replace(at).map_err(words)
}

fn restart(scene: &mut Scene<'_>, at: usize, failpoint: &str) -> Result<(), String> {
    scene.workers[at].kill();
    scene.workers[at] = scene.start_with(at, &[("NSFLOW_FAILPOINT", failpoint)]).map_err(words)?;
    Ok(())
}

fn ended(worker: &mut Worker) -> Result<(), String> {
    until(worker, |worker| !worker.is_running())
}

fn stopped(worker: &mut Worker) -> Result<(), String> {
    until(worker, |worker| worker.text().contains("stopped at the failpoint"))
}

fn until(worker: &mut Worker, there: impl Fn(&mut Worker) -> bool) -> Result<(), String> {
    for _ in 0..600 {
        if there(worker) {
            return Ok(());
        }
        thread::sleep(Duration::from_millis(50));
    }
    Err("a worker did not come to the place that it was led to".to_owned())
}
