//! One workload: what it comes to when it is left alone, and the runs that are killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nsf_tests::random::Random;
use nsf_tests::{lines, root, tree};

use super::{Dose, Shown, Workload};
use crate::command::target;

/// One run in so many is killed a second time while it goes on.
const AGAIN: u64 = 4;

/// After so many kills a line says how far the loop is.
const TOLD_EVERY: u32 = 20;

/// How long a run may make no progress before it counts as hanging.
const HANGING: Duration = Duration::from_secs(300);

/// A workload, its input and what it must come to.
pub(super) struct Loop {
    workload: Workload,
    nsfc: PathBuf,
    folder: PathBuf,
    data: PathBuf,
    records: u64,
    commits: u64,
    /// Seconds of the run that was left alone.
    seconds: f64,
    /// Bytes of its growing outputs.
    grown: u64,
    /// Its outputs by name.
    expected: BTreeMap<&'static str, String>,
}

impl Loop {
    /// Writes the input and runs the program once without a kill.
    pub fn prepare(workload: Workload, nsfc: PathBuf) -> Result<Self, String> {
        let folder = target().join("kill-loop").join(workload.name);
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        let _ = fs::remove_dir_all(&folder);
        let data = workload.data(&folder.join("data")).map_err(failed)?;
        let expected = BTreeMap::new();
        let (records, commits, seconds, grown) = (0, 0, 0.0, 0);
        let mut this = Self { workload, nsfc, folder, data, records, commits, seconds, grown, expected };
        let place = this.place("whole")?;
        let started = Instant::now();
        let summary = this.finish(this.start(&place)?)?;
        this.seconds = started.elapsed().as_secs_f64();
        if resumed_from(&summary) > 0 {
            return Err(format!("{}: the first run resumed from somewhere", this.workload.name));
        }
        (this.records, this.commits) = (total(&summary, "records"), total(&summary, "commits"));
        this.grown = this.progress(&place);
        for name in this.outputs() {
            this.expected.insert(name, read(&place, name)?);
        }
        let empty = |(name, text): &(&&str, &String)| text.is_empty() && **name != "rejected";
        if let Some((name, _)) = this.expected.iter().find(empty) {
            return Err(format!("{}: the run wrote nothing to {name}, so nothing is shown of it", this.workload.name));
        }
        Ok(this)
    }

    fn outputs(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.workload.growing.iter().chain(self.workload.stored).copied()
    }

    /// A fresh copy of the project.
    fn place(&self, name: &str) -> Result<PathBuf, String> {
        let place = self.folder.join(name);
        let _ = fs::remove_dir_all(&place);
        tree::copy(&root().join(self.workload.project), &place).map_err(|error| error.to_string())?;
        Ok(place)
    }

    fn start(&self, place: &Path) -> Result<Child, String> {
        let mut command = Command::new(&self.nsfc);
        command.current_dir(place).args(["run", ".", "--format", "json"]).args(self.workload.tuning);
        for (name, file) in self.workload.inputs {
            command.arg("--input").arg(format!("{name}={}", self.data.join(file).display()));
        }
        for name in self.outputs() {
            command.arg("--output").arg(format!("{name}=out/{name}.ndjson"));
        }
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().map_err(|error| format!("{} cannot be started: {error}", self.nsfc.display()))
    }

    /// Waits for the end and gives the summary.
    fn finish(&self, child: Child) -> Result<String, String> {
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(text);
        }
        Err(format!("{}: a run failed\n{text}{}", self.workload.name, String::from_utf8_lossy(&output.stderr)))
    }

    /// Bytes of the outputs that grow.
    fn progress(&self, place: &Path) -> u64 {
        let files = self.workload.growing.iter().map(|name| file(place, name));
        files.filter_map(|file| Some(fs::metadata(file).ok()?.len())).sum()
    }

    /// Kills runs and continues them.
    pub fn run(&self, dose: Dose, random: &mut Random) -> Result<Shown, String> {
        let (mut kills, mut between, mut again) = (0, 0, 0);
        // A run that ends before its moment comes is no kill; it is tried again, but not for ever.
        for attempt in 0..dose.kills * 3 {
            if kills == dose.kills {
                break;
            }
            let place = self.place("killed")?;
            let share = 2 + random.below(96);
            let killed = (|| {
                if !self.kill(&place, share, random)? {
                    return Ok(None);
                }
                let twice = random.below(AGAIN) == 0 && self.kill(&place, share + random.below(98 - share), random)?;
                let summary = self.finish(self.start(&place)?)?;
                self.compare(&place)?;
                Ok(Some((twice, summary)))
            })()
            .map_err(|error: String| {
                let name = self.workload.name;
                format!("{name}: seed {}, attempt {attempt}, killed at {share} %: {error}", dose.seed)
            })?;
            let Some((twice, summary)) = killed else { continue };
            // The last commit was made; only the process had not ended yet.
            if summary.contains("\"unchanged\":true") {
                continue;
            }
            let resumed = resumed_from(&summary) > 0;
            if !resumed && share >= 50 && self.commits >= 4 {
                let name = self.workload.name;
                return Err(format!("{name}: seed {}, killed at {share} %, and it began anew at zero", dose.seed));
            }
            kills += 1;
            again += u32::from(twice);
            between += u32::from(resumed);
            if kills % TOLD_EVERY == 0 {
                eprintln!("── kill-loop {}: {kills} of {}, no difference", self.workload.name, dose.kills);
            }
        }
        if kills < dose.kills || between * 4 < kills * 3 {
            let name = self.workload.name;
            return Err(format!("{name}: of {kills} kills only {between} came between the first commit and the end"));
        }
        Ok(Shown {
            title: self.workload.title(),
            records: self.records,
            commits: self.commits,
            kills,
            between,
            again,
            seconds: self.seconds,
            seed: dose.seed,
        })
    }

    /// Starts the program and kills it a random moment after its outputs have grown to `share` percent of what they come
    /// to; false if it ended before.
    fn kill(&self, place: &Path, share: u64, random: &mut Random) -> Result<bool, String> {
        let moment = random.below(1000);
        let mut child = self.start(place)?;
        let started = Instant::now();
        while self.progress(place) < self.grown * share / 100 {
            std::thread::sleep(Duration::from_millis(1));
            if child.try_wait().map_err(|error| error.to_string())?.is_some() {
                break;
            }
            if started.elapsed() > HANGING {
                let _ = child.kill();
                let _ = child.wait();
                return Err(format!("the run did not come to {share} % in {} s", HANGING.as_secs()));
            }
        }
        // Up to a fiftieth of a whole run later, so that the moment is not bound to a write.
        std::thread::sleep(Duration::from_secs_f64(self.seconds / 50.0 * moment as f64 / 1000.0));
        let ended = child.try_wait().map_err(|error| error.to_string())?;
        if let Some(status) = ended {
            return if status.success() { Ok(false) } else { self.finish(child).map(|_| false) };
        }
        // SIGKILL: the program has no say in it.
        let _ = child.kill();
        let status = child.wait().map_err(|error| error.to_string())?;
        Ok(!status.success())
    }

    fn compare(&self, place: &Path) -> Result<(), String> {
        for (name, expected) in &self.expected {
            if let Some(difference) = lines::difference(expected, &read(place, name)?) {
                return Err(format!("{name} is not as without the kill\n{difference}"));
            }
        }
        Ok(())
    }
}

fn file(place: &Path, name: &str) -> PathBuf {
    place.join("out").join(name).with_extension("ndjson")
}

fn read(place: &Path, name: &str) -> Result<String, String> {
    let path = file(place, name);
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// The greatest offset behind which a source of the run began; 0 where all began at the start.
fn resumed_from(summary: &str) -> u64 {
    numbers(summary, "resumed_from").max().unwrap_or(0)
}

/// The total of the run under a name. The parts of a summary have the same names and are not above it.
fn total(summary: &str, name: &str) -> u64 {
    numbers(summary, name).max().unwrap_or(0)
}

/// Every number that is the value of a member of this name.
fn numbers<'s>(summary: &'s str, name: &str) -> impl Iterator<Item = u64> + use<'s> {
    let member = format!("\"{name}\":");
    let places: Vec<usize> = summary.match_indices(&member).map(|(at, _)| at + member.len()).collect();
    places.into_iter().filter_map(|at| {
        let digits = summary[at..].chars().take_while(char::is_ascii_digit);
        digits.collect::<String>().parse().ok()
    })
}
