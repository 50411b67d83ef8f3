//! Real servers of Redis for tests, and a proxy that loses what is sent.
#![allow(dead_code)]

pub mod proxy;

use std::{
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
    time::{Duration, Instant},
};

use nsf_engine::store::{Changes, Held, LaneProgress, LaneStore, PartitionName};
use nsf_redis::{Node, Place, RedisSettings, RedisStore};
use tempfile::TempDir;

/// Whether there is a server to test against. Says loudly what is not shown where there is none.
#[must_use]
pub fn there_is_redis(what: &str) -> bool {
    let found = Command::new("redis-server").arg("--version").output().is_ok();
    if !found {
        eprintln!("NOT SHOWN: {what}: there is no `redis-server` on this machine");
    }
    found
}

/// A port that is free, and the one behind it that a cluster uses.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 20_000 + (std::process::id() as u16 % 400) * 20;
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed) % 2000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() && TcpListener::bind(("127.0.0.1", port + 10_000)).is_ok() {
            return port;
        }
    }
}

/// The file of a watcher of Sentinel.
const WATCHER: &str = "sentinel.conf";

/// A server of its own, with a folder of its own; it ends with the value.
pub struct Server {
    pub port: u16,
    pub folder: TempDir,
    arguments: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Starts a server with no files and further arguments.
    pub fn start(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut server = Self { port: free_port(), folder, arguments, child: None };
        server.run();
        server
    }

    /// Starts a watcher of Sentinel, which keeps what it knows in its file.
    pub fn watcher(lines: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let text = format!("port {port}\nbind 127.0.0.1\ndir {}\n{lines}", folder.path().display());
        std::fs::write(folder.path().join(WATCHER), text).unwrap();
        let mut server = Self { port, folder, arguments: Vec::new(), child: None };
        server.run();
        server
    }

    /// Starts it, again if it was killed.
    pub fn run(&mut self) {
        let folder = self.folder.path().to_str().unwrap();
        let port = self.port.to_string();
        let mut command = Command::new("redis-server");
        let file = self.folder.path().join(WATCHER);
        if file.exists() {
            command.arg(file).arg("--sentinel");
        } else {
            // What the arguments set comes later and counts.
            command.args(["--port", &port, "--dir", folder, "--save", "", "--bind", "127.0.0.1"]);
            command.args(["--repl-diskless-sync-delay", "0", "--daemonize", "no"]).args(&self.arguments);
        }
        self.child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let until = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < until, "redis-server does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends it at once, as a crash does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub fn node(&self) -> Node {
        Node::new("127.0.0.1", self.port)
    }

    pub fn settings(&self) -> RedisSettings {
        let mut settings = RedisSettings::new(Place::Single { node: self.node(), database: 0 }, "test", "group");
        settings.lanes = 4;
        settings.response_timeout = Duration::from_secs(5);
        settings
    }

    pub fn store(&self) -> RedisStore {
        RedisStore::new(self.settings()).unwrap()
    }

    /// What `redis-cli` answers.
    pub fn cli(&self, arguments: &[&str]) -> String {
        cli(self.port, arguments)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn cli(port: u16, arguments: &[&str]) -> String {
    let output = Command::new("redis-cli").args(["-p", &port.to_string()]).args(arguments).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
}

/// Waits until something is so.
#[track_caller]
pub fn wait_until(what: &str, seconds: u64, mut so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(seconds);
    while !so() {
        assert!(Instant::now() < until, "waited {seconds} s in vain: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub fn partition(number: u32) -> Arc<PartitionName> {
    Arc::new(PartitionName { stream: "shop.orders".into(), topic: "orders".into(), partition: number })
}

pub fn progress(next: u64) -> LaneProgress {
    LaneProgress { next: Some(next), first: 0, watermark: 17, incarnation: "topic-1".into(), plan: "plan-1".into() }
}

/// Claims partitions and gives what is held of them then.
pub fn claim(store: &RedisStore, lane: u16, partitions: &[u32]) -> Vec<Held> {
    let names: Vec<_> = partitions.iter().map(|number| partition(*number)).collect();
    let claimed = store.claim(lane, &names).unwrap();
    let held = |(name, (epoch, progress)): (Arc<PartitionName>, (u64, LaneProgress))| Held {
        name,
        epoch,
        next: progress.next,
    };
    names.into_iter().zip(claimed).map(held).collect()
}

/// What is held after a save.
pub fn moved(held: &[Held], next: u64) -> Vec<Held> {
    held.iter().map(|held| Held { next: Some(next), ..held.clone() }).collect()
}

pub fn rows(rows: &[(&str, &str)]) -> Changes {
    let mut changes = Changes::default();
    for (key, value) in rows {
        changes.put(key.as_bytes(), value.as_bytes());
    }
    changes
}

/// The rows of keys that are there.
pub fn loaded(
    store: &RedisStore,
    lane: u16,
    held: &[Held],
    keys: &[&str],
) -> Result<Vec<Option<String>>, nsf_engine::connector::ConnectorError> {
    let mut found = vec![None; keys.len()];
    let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
    store.load(lane, held, &keys, &mut |index, row| {
        found[index] = Some(String::from_utf8(row.to_vec()).unwrap());
    })?;
    Ok(found)
}
