//! One server's process: started, waited for, killed, stopped, suspended; it never outlives the process that tests.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::Unavailable;

/// How long a server may take to become ready or to end. Far more than any needs: a busy machine is no failure.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// Between two looks at something that is awaited.
pub const PAUSE: Duration = Duration::from_millis(10);

/// How many lines of a log an error shows.
const SHOWN: usize = 25;

/// A start, and where the answer goes.
type Order = (Command, Sender<io::Result<Child>>);

/// The thread that starts every server. The system ends a child with the *thread* that started it, and a test's thread
/// ends before a server that tests share; this one lives as long as the process.
static STARTER: LazyLock<Mutex<Sender<Order>>> = LazyLock::new(|| {
    let (sender, orders) = channel::<Order>();
    // Without the thread the channel is closed, which the caller reports.
    let _ = thread::Builder::new().name("servers".to_owned()).spawn(move || {
        for (mut command, answer) in orders {
            let _ = answer.send(command.spawn());
        }
    });
    Mutex::new(sender)
});

/// A server's process and how it is started again.
#[derive(Debug)]
pub struct Process {
    server: &'static str,
    program: PathBuf,
    arguments: Vec<OsString>,
    folder: PathBuf,
    log: PathBuf,
    /// The length of the log when the process was started last.
    log_start: u64,
    child: Option<Child>,
}

impl Process {
    /// A process that is not yet started; it will run in `folder` and write its streams to `NAME.log` there.
    pub fn new(server: &'static str, program: PathBuf, arguments: Vec<OsString>, folder: &Path, name: &str) -> Self {
        let log = folder.join(format!("{name}.log"));
        Self { server, program, arguments, folder: folder.to_owned(), log, log_start: 0, child: None }
    }

    /// Starts it, and waits until `ready` says so.
    ///
    /// # Errors
    /// When it cannot be started, ends, or is not ready in time.
    pub fn start(&mut self, ready: impl FnMut(&Self) -> bool) -> Result<(), Unavailable> {
        self.spawn()?;
        self.wait_until("is not ready", ready)
    }

    /// Starts it without waiting.
    ///
    /// # Errors
    /// When it cannot be started, or runs already.
    pub fn spawn(&mut self) -> Result<(), Unavailable> {
        if self.child.is_some() {
            return Err(self.failed("it runs already and cannot be started again"));
        }
        let log = self.open_log().map_err(Unavailable::at(self.server, &self.log))?;
        self.log_start = log.metadata().map_or(0, |data| data.len());
        let errors = log.try_clone().map_err(Unavailable::at(self.server, &self.log))?;
        let mut command = Command::new(&self.program);
        command.current_dir(&self.folder).args(&self.arguments);
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        die_with_us(&mut command);
        let (answer, started) = channel();
        let order = STARTER.lock().unwrap_or_else(PoisonError::into_inner).send((command, answer));
        order.map_err(|_| self.failed("the thread that starts servers is gone"))?;
        let child = started.recv().map_err(|_| self.failed("the thread that starts servers is gone"))?;
        self.child = Some(child.map_err(Unavailable::at(self.server, &self.program))?);
        Ok(())
    }

    fn open_log(&self) -> io::Result<File> {
        fs::create_dir_all(&self.folder)?;
        OpenOptions::new().create(true).append(true).open(&self.log)
    }

    /// Waits until `holds`; `complaint` says in an error what did not come.
    ///
    /// # Errors
    /// When the process ends before, or it takes longer than anyone would wait.
    pub fn wait_until(&mut self, complaint: &str, mut holds: impl FnMut(&Self) -> bool) -> Result<(), Unavailable> {
        let started = Instant::now();
        loop {
            if holds(self) {
                return Ok(());
            }
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                self.child = None;
                return Err(self.failed(&format!("it ended by itself ({status})")));
            }
            if started.elapsed() > PATIENCE {
                return Err(self.failed(&format!("it {complaint} after {} s", PATIENCE.as_secs())));
            }
            thread::sleep(PAUSE);
        }
    }

    /// Whether it was started and has not been ended.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.child.is_some()
    }

    /// What it has written since it was started last.
    #[must_use]
    pub fn said(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(bytes.get(self.log_start as usize..).unwrap_or_default()).into_owned()
    }

    /// `kill -9`. Nothing if it is down already.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // Both fail only for a process that has ended.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks it to end, and waits for it.
    ///
    /// # Errors
    /// When it does not end in time; then it is killed.
    pub fn stop(&mut self) -> Result<(), Unavailable> {
        self.signal(Signal::Terminate);
        // One that stands still would not hear it.
        self.signal(Signal::Resume);
        let started = Instant::now();
        while let Some(child) = &mut self.child {
            if child.try_wait().is_ok_and(|status| status.is_some()) {
                self.child = None;
            } else if started.elapsed() > PATIENCE {
                self.kill();
                return Err(self.failed("it was asked to end and does not; now it is killed"));
            } else {
                thread::sleep(PAUSE);
            }
        }
        Ok(())
    }

    /// Sends it a signal, if it is up.
    pub fn signal(&self, signal: Signal) {
        if let Some(child) = &self.child {
            send(child.id(), signal);
        }
    }

    /// Limits the length of the files that it writes.
    ///
    /// # Errors
    /// When it is down, or the system cannot do that.
    pub fn limit_files(&self, bytes: Option<u64>) -> io::Result<()> {
        match &self.child {
            Some(child) => limit_files(child.id(), bytes),
            None => Err(io::Error::other("it is down, and has no files to limit")),
        }
    }

    /// An error of this server with the first errors of its log, and the log's end.
    #[must_use]
    pub fn failed(&self, what: &str) -> Unavailable {
        let said = self.said();
        let lines: Vec<&str> = said.lines().collect();
        let (before, end) = lines.split_at(lines.len().saturating_sub(SHOWN));
        let errors =
            before.iter().filter(|line| ["ERROR", "FATAL", "Exception"].iter().any(|word| line.contains(word)));
        let log = errors.take(SHOWN).chain(end).copied().collect::<Vec<_>>().join("\n");
        Unavailable::Failed { server: self.server, what: what.to_owned(), log }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a process is told.
#[derive(Clone, Copy, Debug)]
pub enum Signal {
    /// To end in its own way.
    Terminate,
    /// To stand still: it keeps its connections and answers nothing.
    Suspend,
    /// To go on.
    Resume,
}

#[cfg(unix)]
fn send(process: u32, signal: Signal) {
    let signal = match signal {
        Signal::Terminate => libc::SIGTERM,
        Signal::Suspend => libc::SIGSTOP,
        Signal::Resume => libc::SIGCONT,
    };
    // SAFETY: the call reads no memory of ours, and the process is a child that has not been waited for, so that its
    // number is no other's.
    unsafe { libc::kill(process as libc::pid_t, signal) };
}

#[cfg(not(unix))]
fn send(_process: u32, _signal: Signal) {}

#[cfg(target_os = "linux")]
fn limit_files(process: u32, bytes: Option<u64>) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: bytes.unwrap_or(libc::RLIM_INFINITY), rlim_max: libc::RLIM_INFINITY };
    // SAFETY: the call reads the limit, which outlives it, and writes nothing.
    let done = unsafe { libc::prlimit(process as libc::pid_t, libc::RLIMIT_FSIZE, &limit, std::ptr::null_mut()) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(not(target_os = "linux"))]
fn limit_files(_process: u32, _bytes: Option<u64>) -> io::Result<()> {
    Err(io::Error::other("limits of other processes' files are there on Linux alone"))
}

/// Whether this process may do everything; some servers ask for a word about that.
#[cfg(unix)]
#[must_use]
pub fn is_root() -> bool {
    // SAFETY: the call reads no memory of ours and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// Whether this process may do everything; some servers ask for a word about that.
#[cfg(not(unix))]
#[must_use]
pub fn is_root() -> bool {
    false
}

/// Has the system kill the child when its starter ends in whichever way, by `kill -9` too.
#[cfg(target_os = "linux")]
fn die_with_us(command: &mut Command) {
    use std::os::unix::process::CommandExt;
    let us = std::process::id() as libc::pid_t;
    // In a group of its own, so that Ctrl-C in a terminal reaches us alone.
    command.process_group(0);
    let ask = move || {
        // SAFETY: both calls are plain system calls, allowed between fork and exec; they read no memory of ours.
        let (asked, parent) = unsafe { (libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL), libc::getppid()) };
        // A file that may not grow is to be an error for the server, as a full disk is, and not its end.
        // SAFETY: as above.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        // Where we are gone already, nobody would end it.
        if asked == 0 && parent == us { Ok(()) } else { Err(io::Error::from_raw_os_error(libc::ESRCH)) }
    };
    // SAFETY: `ask` allocates nothing and takes no lock.
    unsafe { command.pre_exec(ask) };
}

/// Elsewhere only the end of the server's value ends it.
#[cfg(not(target_os = "linux"))]
fn die_with_us(_command: &mut Command) {}

/// Set by Ctrl-C.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Has Ctrl-C, and the signal to end, be noted in place of ending this process at once.
pub fn note_interrupts() {
    #[cfg(unix)]
    {
        extern "C" fn note(_signal: libc::c_int) {
            INTERRUPTED.store(true, Ordering::Relaxed);
        }
        let handler = note as extern "C" fn(libc::c_int) as libc::sighandler_t;
        for signal in [libc::SIGINT, libc::SIGTERM] {
            // SAFETY: the handler does nothing but store to an atomic.
            unsafe { libc::signal(signal, handler) };
        }
    }
}

/// Whether Ctrl-C was noted.
#[must_use]
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Waits until Ctrl-C is noted.
pub fn wait_for_interrupt() {
    while !is_interrupted() {
        thread::sleep(Duration::from_millis(100));
    }
}
