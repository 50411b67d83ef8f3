//! Free ports of loopback for servers that want to know theirs before they start.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::random::Random;

/// The first port that is given.
const FIRST: u16 = 10_000;

/// How far the second port of a Redis Cluster node lies above its first; Redis's own choice.
const BUS: u16 = 10_000;

/// Where the system's own choices begin if it does not say.
const USUAL_END: u16 = 32_768;

/// What this process was given, each with the lock by which other processes know; a server that is down for a moment, or
/// that takes seconds to start, keeps its port.
static GIVEN: Mutex<BTreeMap<u16, Option<File>>> = Mutex::new(BTreeMap::new());

/// An address of loopback.
#[must_use]
pub fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// A port that nobody listens on, and that neither this process nor another of the rig's was given.
#[must_use]
pub fn free() -> u16 {
    search(FIRST, end(), is_free)
}

/// The same, with the port for the bus of a Redis Cluster free too.
#[must_use]
pub fn free_with_bus() -> u16 {
    search(FIRST, end().saturating_sub(BUS), |port| is_free(port) && is_free(port + BUS))
}

/// Where the range ends: outgoing connections of all programs take theirs above, so that a port there may be taken while
/// its server is down.
fn end() -> u16 {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    let start = range.split_whitespace().next().and_then(|word| word.parse().ok());
    start.filter(|start| *start > FIRST + 2 * BUS).unwrap_or(USUAL_END)
}

/// The first port that passes, from a random start on: other test programs look for theirs at the same time.
fn search(first: u16, end: u16, passes: impl Fn(u16) -> bool) -> u16 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let seed = now.as_nanos() as u64 ^ (u64::from(std::process::id()) << 40);
    let count = end.saturating_sub(first).max(1);
    let start = (Random::new(seed).below(u64::from(count))) as u16;
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    for step in 0..count {
        let offset = (u32::from(start) + u32::from(step)) % u32::from(count);
        let port = first + offset as u16;
        if given.contains_key(&port) || !passes(port) {
            continue;
        }
        match claim(port) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Where no locks can be had, chance must do.
            lock => {
                given.insert(port, lock.ok());
                return port;
            }
        }
    }
    // A machine without any free port fails at the start of the server, which then says so.
    first
}

/// Keeps other processes from being given a port until this one ends; [`io::ErrorKind::WouldBlock`] where another has it.
fn claim(port: u16) -> io::Result<File> {
    let folder = env::temp_dir().join("nsf-test-ports");
    fs::create_dir_all(&folder)?;
    let file = File::create(folder.join(port.to_string()))?;
    file.try_lock()?;
    Ok(file)
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{claim, free, free_with_bus};

    #[test]
    fn no_port_is_given_twice() {
        let ports: BTreeSet<u16> = (0..20).map(|index| if index % 2 == 0 { free() } else { free_with_bus() }).collect();
        assert_eq!(ports.len(), 20);
    }

    #[test]
    fn a_port_that_was_given_is_locked_for_others() {
        assert_eq!(claim(free()).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }
}
