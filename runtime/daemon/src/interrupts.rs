//! Which thread takes the signals that tell a worker to stop, or to take another plan.
//!
//! Any thread may be given one, the main thread first, and the system call that it is in then ends. Most calls are begun again by
//! themselves; a read from a socket that has a timeout never is (signal(7)), and such are the reads of answers from Redis. The
//! answer of a save would be lost in the very moment in which everything is to be saved for good: its lane waits, the worker leaves
//! without it, and whoever goes on sends the outputs again.

use std::{mem::MaybeUninit, thread, time::Duration};

/// Keeps these signals from this thread and from all that it will start, but for one that does nothing else than take them. Who
/// listens to them hears of them as before.
pub fn keep_from_work() {
    let taker = thread::Builder::new().name("signals".to_owned());
    // Without such a thread they are left as they are: a stop is then at worst without the last save.
    if taker
        .spawn(|| {
            loop {
                thread::sleep(Duration::from_secs(3600))
            }
        })
        .is_ok()
    {
        block();
    }
}

/// Blocks them in this thread.
fn block() {
    let mut signals = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: `sigemptyset` makes the set whole before it is used, and the calls only read and write what is given to them.
    unsafe {
        libc::sigemptyset(signals.as_mut_ptr());
        libc::sigaddset(signals.as_mut_ptr(), libc::SIGINT);
        libc::sigaddset(signals.as_mut_ptr(), libc::SIGTERM);
        // Asks for a reload.
        libc::sigaddset(signals.as_mut_ptr(), libc::SIGHUP);
        // It fails for no set that was made like this.
        libc::pthread_sigmask(libc::SIG_BLOCK, signals.as_ptr(), std::ptr::null_mut());
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;

    /// Of the main signals to stop, those that a thread does not take.
    fn blocked(thread: &str) -> [bool; 2] {
        let status = std::fs::read_to_string(format!("/proc/self/task/{thread}/status")).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap();
        let mask = u64::from_str_radix(mask.trim(), 16).unwrap();
        [libc::SIGINT, libc::SIGTERM].map(|signal| mask & (1 << (signal - 1)) != 0)
    }

    fn own() -> [bool; 2] {
        let link = std::fs::read_link("/proc/thread-self").unwrap();
        blocked(&link.file_name().unwrap().to_string_lossy())
    }

    #[test]
    fn threads_that_work_are_not_interrupted_and_one_thread_takes_the_signals() {
        thread::spawn(|| {
            assert_eq!(own(), [false, false]);
            keep_from_work();
            assert_eq!(own(), [true, true]);
            assert_eq!(thread::spawn(own).join().unwrap(), [true, true], "threads that it starts are like it");
        })
        .join()
        .unwrap();
        let named = |thread: &std::fs::DirEntry| {
            std::fs::read_to_string(thread.path().join("comm")).is_ok_and(|name| name.trim() == "signals")
        };
        // A thread has its name a moment after it was started.
        let until = std::time::Instant::now() + Duration::from_secs(60);
        let taker = loop {
            let mut threads = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
            match threads.find(named) {
                Some(taker) => break taker.file_name(),
                None => assert!(std::time::Instant::now() < until, "nobody takes the signals"),
            }
        };
        assert_eq!(blocked(&taker.to_string_lossy()), [false, false]);
    }
}
