//! `cargo xtask kill-loop`: runs that are killed at a random moment and continued must end like one that was not.

mod run;
mod workload;

use std::time::{Instant, SystemTime};

use nsf_tests::random::Random;

use crate::command::program;
use crate::parallel::side_by_side;
use run::Loop;
pub use workload::{NAMES, Workload};

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Dose {
    /// Runs of each workload that are killed.
    pub kills: u32,
    /// Share of the full number of records, in percent.
    pub percent: u64,
    /// Where the random moments begin.
    pub seed: u64,
    /// Whether the release build of the program runs; else the one that the tests use.
    pub release: bool,
}

/// What one workload showed.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The workload and where its records are from.
    pub title: String,
    /// Records of its input.
    pub records: u64,
    /// Commits of a run that is left alone.
    pub commits: u64,
    /// Runs that were killed and continued.
    pub kills: u32,
    /// Those of them that were killed between the first commit and the end; each of these went on past zero.
    pub between: u32,
    /// Kills of a run that was already going on after one; part of neither.
    pub again: u32,
    /// Seconds of a run that is left alone.
    pub seconds: f64,
    /// Where the random moments began.
    pub seed: u64,
}

impl Shown {
    /// The figures as one line.
    #[must_use]
    pub fn line(&self) -> String {
        format!(
            "{}: {} records, {} commits in {:.1} s when left alone; {} runs killed and continued, {} of them between \
             the first commit and the end, {} killed once more while going on; every end equals the one without kill \
             (seed {})",
            self.title, self.records, self.commits, self.seconds, self.kills, self.between, self.again, self.seed
        )
    }
}

/// A seed of this moment.
#[must_use]
pub fn seed_of_now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    now.as_nanos() as u64
}

/// Runs the workload that is named, or `all` side by side, and gives what each showed.
///
/// # Errors
/// The first difference, that a restart began at zero, that too few kills came between the first commit and the end, or
/// that there is no such workload.
pub fn run(name: &str, dose: Dose) -> Result<Vec<Shown>, String> {
    if name != "all" && !NAMES.contains(&name) {
        return Err(format!("there is no workload `{name}`; there are all, {}", NAMES.join(", ")));
    }
    let nsfc = program(dose.release)?;
    let workloads: Vec<&str> = NAMES.into_iter().filter(|other| name == "all" || name == *other).collect();
    side_by_side(workloads, |workload| {
        let started = Instant::now();
        eprintln!("── kill-loop {workload}: {} kills, seed {}", dose.kills, dose.seed);
        let workload = Workload::new(workload, dose.percent);
        let result = Loop::prepare(workload, nsfc.clone())?.run(dose, &mut Random::new(dose.seed))?;
        println!("kill-loop: {}", result.line());
        eprintln!("── kill-loop {}: {:.0} s", result.title, started.elapsed().as_secs_f64());
        Ok(result)
    })
}
