//! The time that a thread has had of a processor: what else the machine does changes nothing in it.

use std::time::Duration;

/// What the calling thread has used so far.
#[cfg(unix)]
#[must_use]
pub fn of_this_thread() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes into a value that lives here.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) } != 0;
    assert!(!failed, "the clock of the thread cannot be read");
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What the calling thread has used so far: where that is not known, the time that went by.
#[cfg(not(unix))]
#[must_use]
pub fn of_this_thread() -> Duration {
    use std::sync::LazyLock;
    use std::time::Instant;
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed()
}
