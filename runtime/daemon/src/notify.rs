//! Tells systemd how the worker is: that it is ready, that it stops, and, where the unit has `WatchdogSec=`, that it lives.
//! The unit is to be of `Type=notify`.

use std::{
    io,
    os::unix::net::UnixDatagram,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::board::Board;

/// How often it is looked how the worker is.
const LOOK: Duration = Duration::from_millis(200);

/// Tells systemd; nobody where it did not start the process.
#[derive(Clone)]
pub struct Notifier(Option<Arc<Manager>>);

/// Who is told.
struct Manager {
    socket: UnixDatagram,
    /// Whether it knows that the worker stops.
    stops: AtomicBool,
    /// How often it wants to hear that the worker lives.
    watchdog: Option<Duration>,
}

/// Tells systemd from now on, if it started the process and wants to be told.
pub fn start(board: Arc<Board>) -> Notifier {
    let variable = |name: &str| std::env::var(name).ok();
    let Some(address) = variable("NOTIFY_SOCKET") else { return Notifier(None) };
    let watchdog = watchdog(variable("WATCHDOG_USEC").as_deref(), variable("WATCHDOG_PID").as_deref());
    // A manager that cannot be reached will see for itself; the worker is none the worse for it.
    let Ok(socket) = connect(&address) else { return Notifier(None) };
    let manager = Arc::new(Manager { socket, stops: AtomicBool::new(false), watchdog });
    let follows = Arc::clone(&manager);
    let _ = thread::Builder::new().name("systemd".to_owned()).spawn(move || follows.follow(&board));
    Notifier(Some(manager))
}

impl Notifier {
    /// The worker stops: told at once, since it may end before the next look.
    pub fn stops(&self) {
        if let Some(manager) = &self.0 {
            manager.tell_stop();
        }
    }
}

/// A path, or behind `@` a name in the abstract space of Linux.
fn connect(address: &str) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    match address.strip_prefix('@') {
        None => socket.connect(address)?,
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::{linux::net::SocketAddrExt as _, unix::net::SocketAddr};
            socket.connect_addr(&SocketAddr::from_abstract_name(name.as_bytes())?)?;
        }
        #[cfg(not(target_os = "linux"))]
        Some(_) => return Err(io::ErrorKind::Unsupported.into()),
    }
    Ok(socket)
}

/// Half of the time after which the manager gives the worker up; none where it does not ask this process.
fn watchdog(microseconds: Option<&str>, process: Option<&str>) -> Option<Duration> {
    if process.is_some_and(|process| process != std::process::id().to_string()) {
        return None;
    }
    let microseconds: u64 = microseconds?.parse().ok().filter(|microseconds| *microseconds > 0)?;
    Some(Duration::from_micros(microseconds) / 2)
}

impl Manager {
    fn follow(&self, board: &Board) {
        let (mut ready, mut said) = (false, String::new());
        let mut fed: Option<Instant> = None;
        loop {
            let glance = board.glance();
            // What is not taken now, as the manager has much to read, is told again at the next look.
            if glance.ready && !ready {
                ready = self.tell("READY=1");
            }
            if glance.stopping {
                self.tell_stop();
            }
            let words = glance.problems.first().map_or("ready", String::as_str);
            if words != said && self.tell(&format!("STATUS={}", words.replace('\n', " "))) {
                words.clone_into(&mut said);
            }
            // While the worker waits for servers it lives, and is not begun anew for it.
            if let Some(every) = self.watchdog
                && glance.live
                && fed.is_none_or(|fed| fed.elapsed() + LOOK >= every)
                && self.tell("WATCHDOG=1")
            {
                fed = Some(Instant::now());
            }
            thread::sleep(self.watchdog.map_or(LOOK, |every| every.min(LOOK)));
        }
    }

    fn tell_stop(&self) {
        if !self.stops.load(Ordering::Relaxed) && self.tell("STOPPING=1") {
            self.stops.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was taken. Nothing is waited for: the manager may not read.
    fn tell(&self, what: &str) -> bool {
        self.socket.send(what.as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use nsf_engine::run::StopHandle;
    use nsf_plan::Plan;

    use super::*;

    #[test]
    fn the_watchdog_is_asked_of_this_process_alone() {
        let own = std::process::id().to_string();
        assert_eq!(watchdog(Some("3000000"), Some(&own)), Some(Duration::from_millis(1_500)));
        assert_eq!(watchdog(Some("3000000"), None), Some(Duration::from_millis(1_500)));
        assert_eq!(watchdog(Some("3000000"), Some("1")), None);
        assert_eq!(watchdog(Some("0"), None), None);
        assert_eq!(watchdog(Some("x"), None), None);
        assert_eq!(watchdog(None, None), None);
    }

    #[test]
    fn the_manager_hears_of_life_trouble_and_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        manager.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let stop = StopHandle::default();
        let board = Arc::new(Board::new(&Plan::new("shop"), "prod", stop.clone()));
        let own = Manager {
            socket: connect(path.to_str().unwrap()).unwrap(),
            stops: AtomicBool::new(false),
            watchdog: Some(Duration::from_millis(20)),
        };
        thread::spawn(move || own.follow(&board));
        let heard = || {
            let mut bytes = [0; 512];
            let length = manager.recv(&mut bytes).unwrap();
            String::from_utf8_lossy(&bytes[..length]).into_owned()
        };
        assert_eq!(heard(), "STATUS=the group has not let the worker in yet");
        assert_eq!(heard(), "WATCHDOG=1");
        assert_eq!(heard(), "WATCHDOG=1");
        stop.stop();
        while heard() != "STOPPING=1" {}
    }
}
