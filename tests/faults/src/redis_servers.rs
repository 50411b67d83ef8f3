//! Redis in each of its forms: how a trial starts it, how a program's profile names it, and what it holds of a program.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use nsf_tests::servers::{
    Unavailable,
    cluster::RedisCluster,
    redis::{Options, Redis},
    resp::{Connection, Reply},
    sentinel::{MASTER, RedisSentinel},
};

use crate::{redis, stage::CANARY};

/// The form that a trial wants.
#[derive(Clone, Debug)]
pub enum Form {
    /// One server.
    Single(Options),
    /// A master and a replica that three sentinels watch.
    Sentinel(Options),
    /// Three masters, each with a replica.
    Cluster(Options),
    /// None at all: states are on MariaDB.
    None,
}

impl Default for Form {
    fn default() -> Self {
        Self::Single(Options::default())
    }
}

impl From<Options> for Form {
    fn from(options: Options) -> Self {
        Self::Single(options)
    }
}

/// The servers of a trial.
#[derive(Debug)]
pub enum RedisServers {
    /// One server.
    Single(Redis),
    /// A master and a replica that three sentinels watch.
    Sentinel(Box<RedisSentinel>),
    /// Three masters, each with a replica.
    Cluster(RedisCluster),
    /// None at all: states are on MariaDB.
    None,
}

impl RedisServers {
    /// Starts them in a folder, with a user for workers who may do what the store needs and no more.
    ///
    /// # Errors
    /// Where Redis is not to be had, or does not start.
    pub fn start(form: Form, folder: &Path) -> Result<Self, Unavailable> {
        Self::start_with_rights(form, folder, "")
    }

    /// The same, with further rights of that user (` +xadd`).
    ///
    /// # Errors
    /// As [`RedisServers::start`].
    pub fn start_with_rights(form: Form, folder: &Path, further: &str) -> Result<Self, Unavailable> {
        let slots = if matches!(form, Form::Cluster(_)) { " +cluster|slots" } else { "" };
        let users = users(folder, &format!("{slots}{further}")).map_err(|error| Unavailable::Failed {
            server: "Redis",
            what: format!("the file of its users cannot be written: {error}"),
            log: String::new(),
        })?;
        let with = |options: Options| Options { users: Some(users), ..options };
        let folder = folder.join("redis");
        Ok(match form {
            Form::Single(options) => Self::Single(Redis::start(&folder, with(options))?),
            Form::Sentinel(options) => Self::Sentinel(Box::new(RedisSentinel::start_with(&folder, &with(options))?)),
            Form::Cluster(options) => Self::Cluster(RedisCluster::start_with(&folder, &with(options))?),
            Form::None => Self::None,
        })
    }

    /// The server, of a trial that has one alone.
    ///
    /// # Errors
    /// Where it has several: the row was written for one.
    pub fn single(&mut self) -> io::Result<&mut Redis> {
        match self {
            Self::Single(redis) => Ok(redis),
            _ => Err(other("one server")),
        }
    }

    /// The servers that Sentinel watches.
    ///
    /// # Errors
    /// Where the trial has others.
    pub fn sentinel(&mut self) -> io::Result<&mut RedisSentinel> {
        match self {
            Self::Sentinel(servers) => Ok(servers),
            _ => Err(other("Sentinel")),
        }
    }

    /// The cluster.
    ///
    /// # Errors
    /// Where the trial has others.
    pub fn cluster(&mut self) -> io::Result<&mut RedisCluster> {
        match self {
            Self::Cluster(cluster) => Ok(cluster),
            _ => Err(other("a cluster")),
        }
    }

    /// The servers that take writes.
    ///
    /// # Errors
    /// Where that is not settled at the moment.
    pub fn masters(&self) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::Single(redis) => Ok(vec![redis.address()]),
            Self::Sentinel(servers) => servers.master_address().map(|master| vec![master]).map_err(io::Error::other),
            Self::Cluster(cluster) => cluster.masters().map_err(io::Error::other),
            Self::None => Ok(Vec::new()),
        }
    }

    /// A connection to each server that takes writes.
    ///
    /// # Errors
    /// Where one does not answer.
    pub fn connections(&self) -> io::Result<Vec<Connection>> {
        self.masters()?.into_iter().map(Connection::open).collect()
    }

    /// A connection to the server that has a key.
    ///
    /// # Errors
    /// Where none says that it has it, or one does not answer.
    pub fn connection_of(&self, key: &str) -> io::Result<Connection> {
        for mut connection in self.connections()? {
            if !matches!(connection.command(&["EXISTS", key])?, Reply::Error(_)) {
                return Ok(connection);
            }
        }
        Err(io::Error::other(format!("no server has the key {key}")))
    }

    /// All rows under a kind of key (`s` for states, `d` for dimensions) of a namespace: by the key's text behind the tag.
    ///
    /// # Errors
    /// Where a server does not answer.
    pub fn rows(&self, namespace: &str, kind: &str) -> io::Result<BTreeMap<String, String>> {
        let mut rows = BTreeMap::new();
        for mut connection in self.connections()? {
            rows.append(&mut redis::rows(&mut connection, namespace, kind)?);
        }
        Ok(rows)
    }

    /// How far each lane has come, by its tag: the sum of its offsets in all partitions.
    ///
    /// # Errors
    /// Where a server does not answer.
    pub fn progress(&self, namespace: &str) -> io::Result<BTreeMap<String, u64>> {
        let mut lanes = BTreeMap::new();
        for mut connection in self.connections()? {
            for (lane, next) in redis::progress(&mut connection, namespace)? {
                *lanes.entry(lane).or_default() += next;
            }
        }
        Ok(lanes)
    }

    /// Forgets everything.
    ///
    /// # Errors
    /// Where a server does not answer.
    pub fn forget(&self) -> io::Result<()> {
        let mut connections = self.connections()?;
        connections.iter_mut().try_for_each(|connection| connection.command(&["FLUSHALL"]).map(drop))
    }

    /// The section `redis` of a profile that leads to these servers; it names the variables of [`RedisServers::environment`].
    #[must_use]
    pub fn section(&self) -> String {
        let login = "user: worker, password: \"${REDIS_PASSWORD}\"";
        match self {
            Self::Single(_) => "redis: { url: \"${REDIS_URL}\" }".to_owned(),
            Self::Sentinel(servers) => {
                let nodes = list(&servers.sentinels());
                format!("redis: {{ sentinel: {{ nodes: {nodes}, master: {MASTER} }}, {login} }}")
            }
            Self::Cluster(cluster) => format!("redis: {{ cluster: {}, {login} }}", list(&cluster.addresses())),
            Self::None => String::new(),
        }
    }

    /// What the profile takes from the environment. `address` is where a single server is reached.
    #[must_use]
    pub fn environment(&self, address: Option<SocketAddr>) -> Vec<(String, String)> {
        let mut environment = vec![("REDIS_PASSWORD".to_owned(), CANARY.to_owned())];
        if let Self::Single(redis) = self {
            let address = address.unwrap_or_else(|| redis.address());
            environment.push(("REDIS_URL".to_owned(), format!("redis://worker:{CANARY}@{address}")));
        }
        environment
    }
}

/// A row was written for other servers.
fn other(wanted: &str) -> io::Error {
    io::Error::other(format!("this trial was not started with {wanted}"))
}

fn list(addresses: &[SocketAddr]) -> String {
    let quoted: Vec<String> = addresses.iter().map(|address| format!("\"{address}\"")).collect();
    format!("[{}]", quoted.join(", "))
}

/// Writes the users: tests may do everything, workers what the store needs and no more, `EVAL` and `CONFIG` not among it.
fn users(folder: &Path, further: &str) -> io::Result<PathBuf> {
    let path = folder.join("users.acl");
    let rights = nsf_redis::ACL_COMMANDS;
    let text = format!("user default on nopass ~* &* +@all\nuser worker on >{CANARY} ~* {rights}{further}\n");
    std::fs::write(&path, text)?;
    Ok(path)
}
