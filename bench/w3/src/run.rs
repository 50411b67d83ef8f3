//! One run of one program over the input that is there.

use crate::records::Sums;
use crate::stage::Stage;
use crate::{Done, words};
use std::fs::File;
use std::io;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variant {
    /// The program by hand.
    ByHand,
    /// The product.
    ExactlyOnce,
    /// The same build with load check and fence left out.
    AtLeastOnce,
    /// Two workers of the product.
    TwoWorkers,
}

/// All of them.
pub const VARIANTS: [Variant; 4] = [Variant::ByHand, Variant::ExactlyOnce, Variant::AtLeastOnce, Variant::TwoWorkers];

impl Variant {
    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ByHand => "by hand, no guarantees",
            Self::ExactlyOnce => "nsflow",
            Self::AtLeastOnce => "nsflow, at least once",
            Self::TwoWorkers => "nsflow, two workers",
        }
    }

    const fn workers(self) -> usize {
        if matches!(self, Self::TwoWorkers) { 2 } else { 1 }
    }
}

/// What one run used.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// Processor time of the clients, all their threads, start and end included.
    pub clients: Duration,
    /// Processor time of Redis.
    pub redis: Duration,
    /// From the start until the last output was in its topic.
    pub wall: Duration,
}

impl Used {
    /// Clients and Redis.
    pub fn cpu(&self) -> Duration {
        self.clients + self.redis
    }
}

/// Programs that run; killed when they are dropped.
pub struct Running(Vec<Child>);

impl Running {
    /// Starts a variant under the name of a run.
    pub fn start(stage: &Stage, variant: Variant, run: &str, live: bool) -> Done<Self> {
        let mut children = Self(Vec::new());
        for worker in 0..variant.workers() {
            let log = stage.project.join(format!("{run}-{worker}.log"));
            let mut command = Command::new(if variant == Variant::ByHand { &stage.by_hand } else { &stage.nsflow });
            if variant != Variant::ByHand {
                let profile = if live { "live" } else { "bench" };
                command.args(["run", "plan.yaml", "--verbose", "--profile", profile]);
            }
            if variant == Variant::AtLeastOnce {
                command.env("NSFLOW_BROKEN", "at-least-once");
            }
            command
                .current_dir(&stage.project)
                .env("KAFKA_BROKERS", stage.kafka.bootstrap())
                .env("REDIS_URL", stage.redis.url())
                .env("RUN", run)
                .env("START", if live { "latest" } else { "earliest" })
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(File::create(log).map_err(words)?);
            children.0.push(command.spawn().map_err(words)?);
        }
        Ok(children)
    }

    /// Complains if one of them has ended.
    pub fn check(&mut self) -> Done<()> {
        for child in &mut self.0 {
            if let Some(status) = child.try_wait().map_err(words)? {
                return Err(format!("a program ended by itself: {status}; its journal is in the data folder"));
            }
        }
        Ok(())
    }

    /// Asks them to end, waits, and gives what they used.
    pub fn stop(mut self) -> Done<Duration> {
        let mut used = Duration::ZERO;
        let children = std::mem::take(&mut self.0);
        for child in &children {
            let process = libc::pid_t::try_from(child.id()).map_err(words)?;
            // SAFETY: it is a child that was not waited for, so the number is still its own.
            unsafe { libc::kill(process, libc::SIGTERM) };
        }
        for child in children {
            used += wait(child.id()).map_err(words)?;
        }
        Ok(used)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Waits for a child and gives its user and system time.
fn wait(process: u32) -> io::Result<Duration> {
    let process = libc::pid_t::try_from(process).map_err(io::Error::other)?;
    let mut status = 0;
    // SAFETY: `rusage` is a plain structure of numbers, for which all zeros is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: both pointers lead to variables that live through the call.
    while unsafe { libc::wait4(process, &mut status, 0, &mut usage) } != process {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    let time = |time: libc::timeval| {
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_usec).unwrap_or(0) * 1_000)
    };
    Ok(time(usage.ru_utime) + time(usage.ru_stime))
}

/// Runs a variant until every order of the input is told on and saved.
pub fn run(stage: &Stage, variant: Variant, name: &str, expected: Sums) -> Done<Used> {
    stage.empty()?;
    let (before, redis) = (stage.written()?, stage.redis_cpu()?);
    let begun = Instant::now();
    let mut running = Running::start(stage, variant, name, false)?;
    loop {
        std::thread::sleep(Duration::from_millis(100));
        if stage.written()? - before >= expected.orders {
            break;
        }
        running.check()?;
        if begun.elapsed() > Duration::from_secs(900) {
            return Err(format!("{}: not done after 15 minutes", variant.name()));
        }
    }
    let wall = begun.elapsed();
    let clients = running.stop()?;
    let redis = stage.redis_cpu()?.saturating_sub(redis);
    let found = stage.sums(name)?;
    // What came twice was written twice.
    let written = stage.written()? - before;
    if found != expected || written != expected.orders {
        return Err(format!("{}: {found:?} and {written} messages, not {expected:?}", variant.name()));
    }
    Ok(Used { clients, redis, wall })
}
