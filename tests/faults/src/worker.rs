//! Workers: `nsflow` processes.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// A worker of a program. It is killed when it is dropped.
pub struct Worker {
    child: Child,
    /// Its journal.
    pub journal: PathBuf,
}

/// How workers of a trial are started.
#[derive(Clone, Debug)]
pub struct Workers {
    /// The program `nsflow`.
    pub program: PathBuf,
    /// The folder of the plan and nsf.yaml.
    pub folder: PathBuf,
    /// Variables of the environment.
    pub environment: Vec<(String, String)>,
    started: usize,
}

impl Workers {
    /// Workers of the plan in a folder.
    #[must_use]
    pub const fn new(program: PathBuf, folder: PathBuf, environment: Vec<(String, String)>) -> Self {
        Self { program, folder, environment, started: 0 }
    }

    /// Starts one under the profile `prod`.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(&mut self) -> io::Result<Worker> {
        self.start_as("prod", &[])
    }

    /// Starts one under a profile, with further variables of the environment.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start_as(&mut self, profile: &str, further: &[(&str, &str)]) -> io::Result<Worker> {
        self.started += 1;
        let journal = self.folder.join(format!("worker-{}.log", self.started));
        let file = File::create(&journal)?;
        let child = Command::new(&self.program)
            .current_dir(&self.folder)
            .args(["run", "plan.yaml", "--verbose", "--profile", profile])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .envs(further.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()?;
        Ok(Worker { child, journal })
    }

    /// All journals, one behind the other.
    #[must_use]
    pub fn journals(&self) -> String {
        let journal = |at: usize| std::fs::read_to_string(self.folder.join(format!("worker-{at}.log")));
        (1..=self.started).filter_map(|at| journal(at).ok().map(|text| format!("── worker {at}\n{text}"))).collect()
    }
}

impl Worker {
    /// Sends it a signal by its name, such as `STOP`.
    ///
    /// # Errors
    /// Where it cannot be sent.
    pub fn signal(&self, name: &str) -> io::Result<()> {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([format!("-{name}"), id]).stderr(Stdio::null()).status()?;
        if sent.success() { Ok(()) } else { Err(io::Error::other(format!("kill -{name} failed"))) }
    }

    /// Kills it at once.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// How much CPU time it has used so far; nothing where the system does not say.
    #[must_use]
    pub fn cpu(&self) -> Duration {
        let stat = read(&PathBuf::from(format!("/proc/{}/stat", self.child.id())));
        // Behind the name, which may hold anything: the state is the first, user and system time the 12th and 13th.
        let behind = stat.rsplit_once(')').map_or("", |(_, behind)| behind);
        let ticks = behind.split_ascii_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
        // A tick is a hundredth of a second on every system that has this file.
        Duration::from_millis(ticks.sum::<u64>() * 10)
    }

    /// How much memory of it is resident, and how much was at most, in bytes; nothing where the system does not say.
    #[must_use]
    pub fn memory(&self) -> (u64, u64) {
        let status = read(&PathBuf::from(format!("/proc/{}/status", self.child.id())));
        let kilobytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default()
        };
        (1024 * kilobytes("VmRSS:"), 1024 * kilobytes("VmHWM:"))
    }

    /// Waits until it has ended by itself; gives its exit code (-1 where a signal ended it), and none where it still runs after
    /// `deadline`.
    pub fn ended(&mut self, deadline: Duration) -> Option<i32> {
        let begun = Instant::now();
        while begun.elapsed() < deadline {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Some(status.code().unwrap_or(-1));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    }

    /// Tells it to stop, and waits; gives how long it took, and none where it had to be killed after `deadline`.
    ///
    /// # Errors
    /// Where it cannot be told.
    pub fn stop(&mut self, deadline: Duration) -> io::Result<Option<Duration>> {
        self.signal("TERM")?;
        let begun = Instant::now();
        while begun.elapsed() < deadline {
            if !self.is_running() {
                return Ok(Some(begun.elapsed()));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill();
        Ok(None)
    }

    /// The text of its journal.
    #[must_use]
    pub fn text(&self) -> String {
        read(&self.journal)
    }
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill();
    }
}
