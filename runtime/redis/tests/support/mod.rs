//! Real servers of Redis for tests, and a proxy that loses or holds what is sent.
#![allow(dead_code)]

pub mod proxy;

use std::{
    net::SocketAddr,
    ops::{Deref, DerefMut},
    sync::Arc,
    time::{Duration, Instant},
};

use nsf_engine::store::{Changes, Counted, Held, LaneProgress, LaneStore, PartitionName};
use nsf_redis::{Node, Place, RedisSettings, RedisStore};
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

pub fn partition(number: u32) -> Arc<PartitionName> {
    Arc::new(PartitionName { stream: "shop.orders".into(), topic: "orders".into(), partition: number })
}

pub fn progress(next: u64) -> LaneProgress {
    LaneProgress {
        next: Some(next),
        first: 0,
        watermark: 17,
        incarnation: "topic-1".into(),
        plan: "plan-1".into(),
        marks: std::sync::Arc::new("1f:3/65536 a0:17/4096".parse().unwrap()),
        counted: Counted { partitions: 15, before: 12, since: 1_764_000_000_000, first: 1_763_000_000_000 },
    }
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
