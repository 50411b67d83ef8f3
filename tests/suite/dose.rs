//! How much of the long tests is run, and what they say of it.

use std::fmt::Display;

/// Percent of the full dose that the test command runs.
const REDUCED: u64 = 1;

/// Percent of the full dose: `NSF_DOSE` of the environment, which `cargo xtask prove` sets to 100.
pub fn percent() -> u64 {
    std::env::var("NSF_DOSE").ok().and_then(|text| text.parse().ok()).unwrap_or(REDUCED)
}

/// Where random numbers begin: the same each time, for a test fails for what was changed, not for the day; unless
/// `NSF_DOSE_SEED` says otherwise.
pub fn seed() -> u64 {
    std::env::var("NSF_DOSE_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(2026)
}

/// Says what was run: `cargo xtask prove` writes these lines into `tests/PROOF.md`.
pub fn shown(line: impl Display) {
    println!("shown: {line}");
}

/// Does `job` for every item on all cores, and gives what it came to in the items' order.
pub fn side_by_side<I: Sync, T: Send>(items: &[I], job: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let next = std::sync::atomic::AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let Some(item) = items.get(index) else { return done };
            done.push((index, job(item)));
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut done: Vec<(usize, T)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, value)| value).collect()
}
