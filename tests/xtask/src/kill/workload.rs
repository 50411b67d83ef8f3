//! The programs under the loop, and where their records are from.

use std::io;
use std::path::{Path, PathBuf};

use nsf_tests::{generate, shared_data};

/// The workloads that there are.
pub const NAMES: [&str; 3] = ["oulad", "w2", "touching"];

/// From this share in percent on `oulad` reads the real data, which is small beside the generated.
const REAL_FROM: u64 = 10;

/// Below this share in percent records come in small blocks, for a round takes several blocks and a commit stands behind
/// a round.
const SMALL: u64 = 50;

/// Many commits in few records.
const FINE: &[&str] = &["--commit-every", "5", "--block", "2048"];

/// A program under the loop.
#[derive(Debug)]
pub struct Workload {
    /// Its name, which is that of its generator too.
    pub name: &'static str,
    /// Its project, from the root.
    pub project: &'static str,
    /// Names and files of the inputs.
    pub inputs: &'static [(&'static str, &'static str)],
    /// Names of the outputs that grow while it runs: topics.
    pub growing: &'static [&'static str],
    /// Names of the outputs that are written at its end: states, dimensions and what is rejected.
    pub stored: &'static [&'static str],
    /// Records to generate; none where the real data is read.
    pub records: Option<u64>,
    /// Options so that a run has many rounds and commits.
    pub tuning: &'static [&'static str],
    /// The folder of the real data.
    real: Option<PathBuf>,
}

impl Workload {
    /// One of [`NAMES`], with a share of its full number of records in percent. The full `oulad` reads the real data where
    /// it is there.
    pub fn new(name: &str, percent: u64) -> Self {
        match name {
            "oulad" => Self::oulad(percent),
            "w2" => Self {
                name: "w2",
                project: "bench/w2",
                inputs: &[("w1", "events.ndjson")],
                growing: &["out"],
                stored: &["running", "rejected"],
                records: Some(2_000_000 * percent / 100),
                tuning: if percent < SMALL {
                    &["--commit-every", "5", "--block", "65536"]
                } else {
                    &["--commit-every", "50"]
                },
                real: None,
            },
            _ => Self {
                name: "touching",
                project: "tests/kill/touching",
                inputs: &[("visits", "visits.ndjson"), ("shop_info", "shops.ndjson")],
                growing: &["moved_up", "good_customers"],
                stored: &["customer_card", "account", "habit", "rejected"],
                records: Some(250_000 * percent / 100),
                tuning: if percent < SMALL { FINE } else { &["--commit-every", "20", "--block", "32768"] },
                real: None,
            },
        }
    }

    fn oulad(percent: u64) -> Self {
        let real = shared_data().filter(|_| percent >= REAL_FROM);
        let generated: &[(&str, &str)] = &[("submission", "submission.csv"), ("assessment", "assessment.csv")];
        let given: &[(&str, &str)] = &[("submission", "studentAssessment.csv"), ("assessment", "assessments.csv")];
        Self {
            name: "oulad",
            project: "examples/oulad",
            inputs: if real.is_some() { given } else { generated },
            growing: &["passing_reached"],
            stored: &["student_course", "course_work", "rejected"],
            records: real.is_none().then_some(1_000_000 * percent / 100),
            tuning: if percent < SMALL { FINE } else { &["--commit-every", "10", "--block", "8192"] },
            real,
        }
    }

    /// The name, and where the records are from.
    pub fn title(&self) -> String {
        let from = if self.real.is_some() { "the real data" } else { "generated" };
        format!("{} ({from})", self.name)
    }

    /// The folder with the inputs, which are generated into `folder` where they are not real.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn data(&self, folder: &Path) -> io::Result<PathBuf> {
        if let Some(real) = &self.real {
            return real.canonicalize();
        }
        generate::generate(self.name, self.records.unwrap_or_default(), folder)?;
        Ok(folder.to_owned())
    }
}
