//! Redis with Sentinel: a master, a replica, and three sentinels that agree on who is the master.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use super::process::{PATIENCE, PAUSE, Process};
use super::redis::{self, Options, Redis};
use super::resp::{Connection, Reply};
use super::{Unavailable, install, ports};

/// Its name in messages.
const SERVER: &str = "Redis Sentinel";

/// The name of the master that the sentinels watch.
pub const MASTER: &str = "main";

/// How many sentinels there are; two of them must agree.
const SENTINELS: usize = 3;

/// A master, its replica and the sentinels; dropping it kills all.
#[derive(Debug)]
pub struct RedisSentinel {
    servers: [Redis; 2],
    sentinels: Vec<(Process, SocketAddr)>,
}

impl RedisSentinel {
    /// Starts all, and waits until the sentinels know each other and the replica has the master's data.
    ///
    /// # Errors
    /// When Redis is not installed, or a server does not start.
    pub fn start(folder: &Path) -> Result<Self, Unavailable> {
        Self::start_with(folder, &Options::default())
    }

    /// The same with options for the two servers, whose default user must need no password.
    ///
    /// # Errors
    /// When Redis is not installed, or a server does not start.
    pub fn start_with(folder: &Path, options: &Options) -> Result<Self, Unavailable> {
        let program = install::program(SERVER, "redis-server")?;
        let master = Redis::start(&folder.join("server-0"), options.clone())?;
        let port = master.address().port().to_string();
        let replica = options.clone().with(&["--replicaof", "127.0.0.1", &port]);
        let replica = Redis::start(&folder.join("server-1"), replica)?;
        let mut sentinels = Vec::new();
        for index in 0..SENTINELS {
            sentinels.push(start_sentinel(&program, &folder.join(format!("sentinel-{index}")), master.address())?);
        }
        let started = Self { servers: [master, replica], sentinels };
        started.wait_until("do not agree", Self::is_whole)?;
        Ok(started)
    }

    /// The addresses of the sentinels.
    #[must_use]
    pub fn sentinels(&self) -> Vec<SocketAddr> {
        self.sentinels.iter().map(|(_, address)| *address).collect()
    }

    /// The server that the first sentinel names the master.
    ///
    /// # Errors
    /// When the sentinel is down, or names none of the two.
    pub fn master(&mut self) -> Result<&mut Redis, Unavailable> {
        let address = named_master(self.sentinels[0].1);
        let found = self.servers.iter_mut().find(|server| Some(server.address()) == address);
        found.ok_or_else(|| Unavailable::failed(SERVER, "the first sentinel names none of the servers the master"))
    }

    /// The address of the server that all sentinels name the master.
    ///
    /// # Errors
    /// When they do not agree.
    pub fn master_address(&self) -> Result<SocketAddr, Unavailable> {
        self.agreed_master().ok_or_else(|| Unavailable::failed(SERVER, "the sentinels do not agree on a master"))
    }

    /// The two servers; which is the master changes.
    #[must_use]
    pub fn servers(&mut self) -> &mut [Redis; 2] {
        &mut self.servers
    }

    /// Kills the master with `kill -9` and waits until every sentinel names the other server and it takes writes. What
    /// the replica did not have is lost. Gives the new master's address.
    ///
    /// # Errors
    /// When that does not come.
    pub fn failover(&mut self) -> Result<SocketAddr, Unavailable> {
        let killed = self.master()?;
        let old = killed.address();
        killed.kill();
        self.wait_for_another(old)
    }

    /// Has the replica follow nobody who is there: it falls behind, and can still become the master. The sentinels put it right
    /// after some seconds.
    ///
    /// # Errors
    /// When that does not come.
    pub fn cut_replica_off(&mut self) -> Result<(), Unavailable> {
        let master = self.master()?.address();
        let replica = self.servers.iter().map(Redis::address).find(|address| *address != master);
        let nobody = ports::free().to_string();
        let reply = replica.and_then(|address| ask(address, &["REPLICAOF", "127.0.0.1", &nobody]));
        match reply {
            Some(Reply::Status(_)) => Ok(()),
            other => Err(Unavailable::failed(SERVER, format!("a replica is not cut off: {other:?}"))),
        }
    }

    /// Has the sentinels make the replica the master while both are up.
    ///
    /// # Errors
    /// When they refuse, or that does not come.
    pub fn switch_over(&mut self) -> Result<SocketAddr, Unavailable> {
        let old = self.master()?.address();
        let reply = ask(self.sentinels[0].1, &["SENTINEL", "FAILOVER", MASTER]);
        if let Some(Reply::Error(error)) = reply {
            return Err(Unavailable::failed(SERVER, error));
        }
        self.wait_for_another(old)
    }

    /// Has the master stand still, as behind a network that drops packets, and waits as [`RedisSentinel::failover`] does. It
    /// goes on by [`RedisSentinel::restart_killed`], and takes itself for the master until it is told otherwise.
    ///
    /// # Errors
    /// When that does not come.
    pub fn part(&mut self) -> Result<SocketAddr, Unavailable> {
        let parted = self.master()?;
        let old = parted.address();
        parted.suspend();
        self.wait_for_another(old)
    }

    /// Starts the server again that was killed, lets one go on that stands still, and waits until it is a replica with the
    /// master's data.
    ///
    /// # Errors
    /// When it does not start, or that does not come.
    pub fn restart_killed(&mut self) -> Result<(), Unavailable> {
        for server in &mut self.servers {
            if server.is_up() {
                server.resume();
            } else {
                server.restart()?;
            }
        }
        self.wait_until("do not agree", Self::is_whole)
    }

    fn wait_for_another(&self, old: SocketAddr) -> Result<SocketAddr, Unavailable> {
        self.wait_until("name no other master", |all| {
            all.agreed_master().is_some_and(|master| master != old && role(master) == "master")
        })?;
        self.agreed_master().ok_or_else(|| Unavailable::failed(SERVER, "the sentinels no longer agree"))
    }

    /// The master that all sentinels name.
    fn agreed_master(&self) -> Option<SocketAddr> {
        let mut named = self.sentinels.iter().map(|(_, address)| named_master(*address));
        let first = named.next().flatten()?;
        named.all(|other| other == Some(first)).then_some(first)
    }

    /// Whether the sentinels agree, know each other, and the replica follows.
    fn is_whole(&self) -> bool {
        let Some(master) = self.agreed_master() else { return false };
        let knows_all = |(_, address): &(Process, SocketAddr)| {
            let Some(state) = ask(*address, &["SENTINEL", "MASTER", MASTER]) else { return false };
            let others = (SENTINELS - 1).to_string();
            state.field("num-other-sentinels") == others && state.field("num-slaves") == "1"
        };
        let replica = self.servers.iter().find(|server| server.address() != master);
        self.sentinels.iter().all(knows_all) && replica.is_some_and(|replica| follows(replica.address(), master))
    }

    fn wait_until(&self, complaint: &str, holds: impl Fn(&Self) -> bool) -> Result<(), Unavailable> {
        let started = Instant::now();
        while !holds(self) {
            if started.elapsed() > PATIENCE {
                let what = format!("the sentinels {complaint} after {} s", PATIENCE.as_secs());
                return Err(self.sentinels[0].0.failed(&what));
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }
}

/// Starts a sentinel; it writes what it learns into its settings.
fn start_sentinel(program: &Path, folder: &Path, master: SocketAddr) -> Result<(Process, SocketAddr), Unavailable> {
    fs::create_dir_all(folder).map_err(Unavailable::at(SERVER, folder))?;
    let folder: PathBuf = folder.canonicalize().map_err(Unavailable::at(SERVER, folder))?;
    let address = ports::loopback(ports::free());
    let settings = folder.join("sentinel.conf");
    let text = format!(
        "port {}\nbind 127.0.0.1\ndir \"{}\"\nsentinel monitor {MASTER} {} {} 2\n\
         sentinel down-after-milliseconds {MASTER} 1000\nsentinel failover-timeout {MASTER} 2000\n",
        address.port(),
        folder.display(),
        master.ip(),
        master.port(),
    );
    fs::write(&settings, text).map_err(Unavailable::at(SERVER, &settings))?;
    let line = vec![settings.into(), "--sentinel".into()];
    let mut process = Process::new(SERVER, program.to_owned(), line, &folder, "sentinel");
    process.start(|_| redis::answers(address))?;
    Ok((process, address))
}

/// A reply, if there is one.
fn ask(address: SocketAddr, words: &[&str]) -> Option<Reply> {
    Connection::open(address).and_then(|mut connection| connection.command(words)).ok()
}

/// The master that a sentinel names.
fn named_master(sentinel: SocketAddr) -> Option<SocketAddr> {
    let reply = ask(sentinel, &["SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER])?;
    let [host, port] = reply.parts() else { return None };
    format!("{}:{}", host.text(), port.text()).parse().ok()
}

/// What a server calls itself: `master` or `slave`.
fn role(server: SocketAddr) -> String {
    ask(server, &["ROLE"]).and_then(|reply| reply.parts().first().map(Reply::text)).unwrap_or_default()
}

/// Whether a server has its master's data and gets more.
pub fn follows(replica: SocketAddr, master: SocketAddr) -> bool {
    let Some(reply) = ask(replica, &["ROLE"]) else { return false };
    let words: Vec<String> = reply.parts().iter().map(Reply::text).collect();
    words.len() == 5 && words[0] == "slave" && words[2] == master.port().to_string() && words[3] == "connected"
}
