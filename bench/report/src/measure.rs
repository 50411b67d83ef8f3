//! Runs one program to its end and says what it used, by the kernel's own account of that process and its children.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one run used.
#[derive(Debug, Clone)]
pub struct Run {
    /// User and system time of the process, all its threads together.
    pub cpu: Duration,
    /// The system time that is part of it.
    pub system: Duration,
    /// The time on the clock.
    pub wall: Duration,
    /// The greatest resident memory, in bytes.
    pub peak_memory: u64,
    /// The exit code; 128 and the number for a signal.
    pub code: i32,
    /// What it printed.
    pub stdout: String,
    /// What it printed as errors.
    pub stderr: String,
}

impl Run {
    /// The last line that says what went wrong, for a table's cell.
    pub fn complaint(&self) -> String {
        let last = self.stderr.lines().chain(self.stdout.lines()).find(|line| !line.trim().is_empty());
        format!("exit {}: {}", self.code, last.unwrap_or("no output").trim())
    }
}

/// Runs a command; its output goes through files in `folder`, so that reading it costs the program nothing.
pub fn run(command: &mut Command, folder: &Path) -> io::Result<Run> {
    let (out, error) = (folder.join("stdout.txt"), folder.join("stderr.txt"));
    command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&error)?);
    let start = Instant::now();
    let child = command.spawn()?;
    let (status, usage) = wait(child.id())?;
    Ok(Run {
        wall: start.elapsed(),
        cpu: duration(usage.ru_utime) + duration(usage.ru_stime),
        system: duration(usage.ru_stime),
        peak_memory: u64::try_from(usage.ru_maxrss).unwrap_or(0) * MAXRSS_UNIT,
        code: if libc::WIFEXITED(status) { libc::WEXITSTATUS(status) } else { 128 + libc::WTERMSIG(status) },
        stdout: String::from_utf8_lossy(&fs::read(out)?).into_owned(),
        stderr: String::from_utf8_lossy(&fs::read(error)?).into_owned(),
    })
}

/// The unit of `ru_maxrss`: bytes on macOS, kibibytes elsewhere.
const MAXRSS_UNIT: u64 = if cfg!(target_os = "macos") { 1 } else { 1024 };

fn wait(process: u32) -> io::Result<(i32, libc::rusage)> {
    let process = libc::pid_t::try_from(process).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: `rusage` is a plain structure of numbers, for which all zeros is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    loop {
        // SAFETY: both pointers lead to variables that live through the call.
        let ended = unsafe { libc::wait4(process, &mut status, 0, &mut usage) };
        if ended == process {
            return Ok((status, usage));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

fn duration(time: libc::timeval) -> Duration {
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_usec).unwrap_or(0) * 1_000)
}
