//! What the system says of the process.

use std::fs;

/// Memory of the process that is in RAM, in bytes; none where the system does not say.
pub fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// How many files and connections the process has open; none where the system does not say.
pub fn open_files() -> Option<u64> {
    let files = fs::read_dir("/proc/self/fd").ok()?.count() as u64;
    // The folder itself is open while it is read.
    Some(files.saturating_sub(1))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #[test]
    fn the_system_says_it() {
        assert!(super::resident().unwrap() > 100_000);
        assert!(super::open_files().unwrap() >= 3);
    }
}
