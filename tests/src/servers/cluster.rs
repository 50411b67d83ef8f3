//! Redis Cluster: three masters and a replica of each.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Instant;

use super::process::{PATIENCE, PAUSE};
use super::redis::{Options, Redis};
use super::resp::{Connection, Reply};
use super::sentinel::follows;
use super::{Unavailable, install, ports};

/// Its name in messages.
const SERVER: &str = "Redis Cluster";

/// How many servers there are: a replica for each of three masters.
const NODES: usize = 6;

/// The keys' slots.
const SLOTS: i64 = 16_384;

/// Slots and who has them.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Range {
    first: i64,
    last: i64,
    master: SocketAddr,
    replicas: Vec<SocketAddr>,
}

/// The servers; dropping it kills all.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<Redis>,
}

impl RedisCluster {
    /// Starts all, makes them one cluster, and waits until every slot has a master whose replica has its data.
    ///
    /// # Errors
    /// When Redis is not installed, a server does not start, or they make no cluster.
    pub fn start(folder: &Path) -> Result<Self, Unavailable> {
        Self::start_with(folder, &Options::default())
    }

    /// The same with options for the servers, whose default user must need no password; each takes a port of its own.
    ///
    /// # Errors
    /// When Redis is not installed, a server does not start, or they make no cluster.
    pub fn start_with(folder: &Path, options: &Options) -> Result<Self, Unavailable> {
        let tool = install::program(SERVER, "redis-cli")?;
        let mut nodes = Vec::new();
        for index in 0..NODES {
            let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1500"];
            let mut options = options.clone().with(&arguments);
            // A replica that lost its master some time ago may still become the master.
            options = options.with(&["--cluster-replica-validity-factor", "0"]);
            options.port = Some(ports::free_with_bus());
            nodes.push(Redis::start(&folder.join(format!("node-{index}")), options)?);
        }
        let mut command = Command::new(tool);
        command.args(["--cluster", "create"]).args(nodes.iter().map(|node| node.address().to_string()));
        command.args(["--cluster-replicas", "1", "--cluster-yes"]);
        install::called(command).map_err(|log| Unavailable::Failed {
            server: SERVER,
            what: "redis-cli makes no cluster".to_owned(),
            log,
        })?;
        let cluster = Self { nodes };
        cluster.wait_until("is not whole", Self::is_whole)?;
        Ok(cluster)
    }

    /// The addresses of all servers.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(Redis::address).collect()
    }

    /// The addresses of all masters, as every server that is up sees them.
    ///
    /// # Errors
    /// When they do not agree, or a slot has none.
    pub fn masters(&self) -> Result<Vec<SocketAddr>, Unavailable> {
        let masters = |ranges: &Vec<Range>| {
            let slots: i64 = ranges.iter().map(|range| range.last - range.first + 1).sum();
            let masters: BTreeSet<SocketAddr> = ranges.iter().map(|range| range.master).collect();
            (slots == SLOTS).then_some(masters)
        };
        let seen: Vec<_> = self.ranges().iter().map(masters).collect();
        match seen.first() {
            Some(Some(first)) if seen.iter().all(|own| own.as_ref() == Some(first)) => {
                Ok(first.iter().copied().collect())
            }
            _ => Err(Unavailable::failed(SERVER, "the servers do not agree on the masters of all slots")),
        }
    }

    /// The servers.
    #[must_use]
    pub fn nodes(&mut self) -> &mut [Redis] {
        &mut self.nodes
    }

    /// The master of a key, as every server that is up sees it.
    ///
    /// # Errors
    /// When they do not agree, or none is up.
    pub fn master_of(&mut self, key: &str) -> Result<&mut Redis, Unavailable> {
        let unknown = || Unavailable::failed(SERVER, format_args!("the servers name no master of the key {key}"));
        let address = self.agreed_master(self.slot(key).ok_or_else(unknown)?).ok_or_else(unknown)?;
        self.nodes.iter_mut().find(|node| node.address() == address).ok_or_else(unknown)
    }

    /// Kills the master of a key with `kill -9` and waits until the others agree on its replica as the new one. What the
    /// replica did not have is lost. Gives the new master's address.
    ///
    /// # Errors
    /// When that does not come.
    pub fn failover(&mut self, key: &str) -> Result<SocketAddr, Unavailable> {
        let killed = self.master_of(key)?;
        let old = killed.address();
        killed.kill();
        self.wait_for_another(key, old)
    }

    /// Has the replica of a key's master take its place while both are up; nothing is lost.
    ///
    /// # Errors
    /// When there is no replica, it refuses, or that does not come.
    pub fn switch_over(&mut self, key: &str) -> Result<SocketAddr, Unavailable> {
        let old = self.master_of(key)?.address();
        let ranges = self.ranges().into_iter().flatten();
        let mut replicas = ranges.filter(|range| range.master == old).flat_map(|range| range.replicas);
        let node = replicas.next().and_then(|replica| self.nodes.iter().find(|node| node.address() == replica));
        let node = node.ok_or_else(|| Unavailable::failed(SERVER, format_args!("{old} has no replica that is up")))?;
        match node.command(&["CLUSTER", "FAILOVER"]) {
            Ok(Reply::Error(error)) => return Err(Unavailable::failed(SERVER, error)),
            Ok(_) => {}
            Err(error) => return Err(Unavailable::failed(SERVER, error)),
        }
        self.wait_for_another(key, old)
    }

    /// Moves the slot of a key, with all keys in it, to another master while both are up. Gives the address of that one.
    ///
    /// # Errors
    /// When a server refuses, or the servers do not agree on it in the end.
    pub fn move_slot(&mut self, key: &str) -> Result<SocketAddr, Unavailable> {
        let failed = |error: &dyn std::fmt::Display| Unavailable::failed(SERVER, error);
        let slot = self.slot(key).ok_or_else(|| failed(&"no server tells the slot"))?.to_string();
        let from = self.master_of(key)?.address();
        let to = self.masters()?.into_iter().find(|master| *master != from);
        let to = to.ok_or_else(|| failed(&"there is no other master"))?;
        let ask = |server: SocketAddr, words: &[&str]| match Connection::open(server)
            .and_then(|mut own| own.command(words))
        {
            Ok(Reply::Error(error)) => Err(failed(&error)),
            Ok(reply) => Ok(reply),
            Err(error) => Err(failed(&error)),
        };
        let id = |server| ask(server, &["CLUSTER", "MYID"]).map(|reply| reply.text());
        let (from_id, to_id) = (id(from)?, id(to)?);
        ask(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id])?;
        ask(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id])?;
        let port = to.port().to_string();
        loop {
            let reply = ask(from, &["CLUSTER", "GETKEYSINSLOT", &slot, "100"])?;
            let keys: Vec<String> = reply.parts().iter().map(Reply::text).collect();
            if keys.is_empty() {
                break;
            }
            let mut words = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
            words.extend(keys.iter().map(String::as_str));
            ask(from, &words)?;
        }
        let masters = self.masters()?;
        for server in [to, from].into_iter().chain(masters.into_iter().filter(|own| *own != to && *own != from)) {
            ask(server, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id])?;
        }
        self.wait_for_another(key, from)
    }

    /// Starts the servers again that were killed, and waits until every master has a replica with its data.
    ///
    /// # Errors
    /// When one does not start, or that does not come.
    pub fn restart_killed(&mut self) -> Result<(), Unavailable> {
        for node in &mut self.nodes {
            if !node.is_up() {
                node.restart()?;
            }
        }
        self.wait_until("is not whole", Self::is_whole)
    }

    fn wait_for_another(&self, key: &str, old: SocketAddr) -> Result<SocketAddr, Unavailable> {
        let another = |all: &Self| {
            let master = all.slot(key).and_then(|slot| all.agreed_master(slot));
            master.filter(|master| *master != old && all.all_ok())
        };
        self.wait_until("has no other master", |all| another(all).is_some())?;
        another(self).ok_or_else(|| Unavailable::failed(SERVER, "the servers no longer agree"))
    }

    /// The servers that are up.
    fn up(&self) -> impl Iterator<Item = &Redis> {
        self.nodes.iter().filter(|node| node.is_up())
    }

    fn slot(&self, key: &str) -> Option<i64> {
        let reply = self.up().next()?.command(&["CLUSTER", "KEYSLOT", key]).ok()?;
        if let Reply::Number(slot) = reply { Some(slot) } else { None }
    }

    /// The ranges of slots as each server that is up sees them.
    fn ranges(&self) -> Vec<Vec<Range>> {
        let seen = self.up().map(|node| node.command(&["CLUSTER", "SLOTS"]).map(|reply| ranges(&reply)));
        seen.map(Result::unwrap_or_default).collect()
    }

    /// The master of a slot that all servers name.
    fn agreed_master(&self, slot: i64) -> Option<SocketAddr> {
        let master = |ranges: &Vec<Range>| {
            ranges.iter().find(|range| (range.first..=range.last).contains(&slot)).map(|range| range.master)
        };
        let seen = self.ranges();
        let first = master(seen.first()?)?;
        seen.iter().all(|ranges| master(ranges) == Some(first)).then_some(first)
    }

    /// Whether every server that is up finds that the cluster serves.
    fn all_ok(&self) -> bool {
        self.up()
            .all(|node| node.command(&["CLUSTER", "INFO"]).is_ok_and(|reply| reply.text().contains("cluster_state:ok")))
    }

    /// Whether all servers see every slot with a master and a replica that follows it.
    fn is_whole(&self) -> bool {
        let seen = self.ranges();
        let whole = |ranges: &Vec<Range>| {
            let slots: i64 = ranges.iter().map(|range| range.last - range.first + 1).sum();
            slots == SLOTS && ranges.iter().all(|range| !range.replicas.is_empty())
        };
        let follow = |range: &Range| range.replicas.iter().all(|replica| follows(*replica, range.master));
        self.all_ok() && seen.iter().all(whole) && seen.first().is_some_and(|ranges| ranges.iter().all(follow))
    }

    fn wait_until(&self, complaint: &str, holds: impl Fn(&Self) -> bool) -> Result<(), Unavailable> {
        let started = Instant::now();
        while !holds(self) {
            if started.elapsed() > PATIENCE {
                let what = format!("the cluster {complaint} after {} s: {:?}", PATIENCE.as_secs(), self.ranges());
                return Err(Unavailable::failed(SERVER, what));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

/// The reply of `CLUSTER SLOTS`.
fn ranges(reply: &Reply) -> Vec<Range> {
    let address = |node: &Reply| {
        let [host, port, ..] = node.parts() else { return None };
        format!("{}:{}", host.text(), port.text()).parse().ok()
    };
    let range = |part: &Reply| {
        let [Reply::Number(first), Reply::Number(last), master, replicas @ ..] = part.parts() else { return None };
        let replicas = replicas.iter().filter_map(address).collect();
        Some(Range { first: *first, last: *last, master: address(master)?, replicas })
    };
    reply.parts().iter().filter_map(range).collect()
}
