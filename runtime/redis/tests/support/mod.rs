//! Real servers of Redis for tests.
#![allow(dead_code, unused_imports)]

use std::{
    net::SocketAddr,
    ops::{Deref, DerefMut},
    time::{Duration, Instant},
};

use nsf_redis::{Node, Place, RedisSettings, RedisStore};
pub use nsf_tests::lanes::{claim, loaded, moved, partition, progress, proxy, rows};
use nsf_tests::servers::{
    redis::{Options, Redis},
    resp::{Connection, Reply},
    shown,
};
use tempfile::TempDir;

/// A server of its own, with a folder of its own; both end with the value.
pub struct Server {
    redis: Redis,
    _folder: TempDir,
}

impl Server {
    /// A server without files and with further arguments; none where there is no Redis, which it says.
    pub fn start(test: &str, arguments: &[&str]) -> Option<Self> {
        let options = Options { append_only: false, ..Options::default() };
        Self::with(test, options.with(arguments))
    }

    /// A server that keeps what is written.
    pub fn keeping(test: &str) -> Option<Self> {
        Self::with(test, Options::default())
    }

    pub fn with(test: &str, options: Options) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let redis = shown(test, Redis::start(folder.path(), options))?;
        Some(Self { redis, _folder: folder })
    }

    pub fn node(&self) -> Node {
        node(self.address())
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

    /// What it answers.
    pub fn ask(&self, words: &[&str]) -> String {
        ask(self.address(), words)
    }
}

impl Deref for Server {
    type Target = Redis;

    fn deref(&self) -> &Redis {
        &self.redis
    }
}

impl DerefMut for Server {
    fn deref_mut(&mut self) -> &mut Redis {
        &mut self.redis
    }
}

/// A server's place.
pub fn node(address: SocketAddr) -> Node {
    Node::new("127.0.0.1", address.port())
}

/// What a server answers, each item on a line of its own; why it does not where it does not.
pub fn ask(address: SocketAddr, words: &[&str]) -> String {
    let reply = Connection::open(address).and_then(|mut connection| connection.command(words));
    reply.map_or_else(|error| format!("no answer: {error}"), |reply| lines(&reply))
}

fn lines(reply: &Reply) -> String {
    match reply {
        Reply::List(items) => items.iter().map(lines).collect::<Vec<_>>().join("\n"),
        other => other.text(),
    }
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

/// What ends a save.
pub fn is_save(sent: &str) -> bool {
    sent.contains("EXEC") && sent.contains("HSET")
}

/// What the server answers to a transaction that it did not do: nothing, in place of a list.
pub const VOID: &str = "*-1\r\n";

/// Whether an answer says that a save was done.
pub fn was_done(answer: &str) -> bool {
    answer.contains("+QUEUED") && !answer.contains(VOID)
}
