//! `redis`: where the servers are, and what stands before all keys.

use std::collections::BTreeMap;

use super::address::{Port, is_namespace};
use super::kafka::{addresses, clusters};
use super::reading::{Entry, Reading, Section};
use super::rule::Rule;
use super::secret::ServerUrl;
use super::tls::{Login, Tls, login, tls, tls_of_url, url};

/// The settings of `redis`.
const SETTINGS: &[&str] =
    &["url", "sentinel", "cluster", "namespace", "user", "password", "tls", "accept_eviction", "clusters"];

/// The settings of one of `clusters`.
const CONNECTION: &[&str] = &["url", "sentinel", "cluster", "user", "password", "tls", "accept_eviction"];

/// The ways to say where servers are, which exclude one another.
const SERVERS: &[&str] = &["url", "sentinel", "cluster"];

/// How nodes are named.
const NODES: &str = "addresses such as `redis-1:6379, redis-2:6379`, or a list of them";

/// The schemes of its addresses, without and with TLS.
const SCHEMES: (&str, &str) = ("redis", "rediss");

/// Redis, as a profile uses it.
#[derive(Clone, Debug)]
pub struct RedisProfile {
    /// The connection of connectors that name none.
    pub default: RedisConnection,
    /// Those that programs name by `cluster:`.
    pub clusters: BTreeMap<String, RedisConnection>,
    /// What stands before all keys.
    pub namespace: String,
}

impl RedisProfile {
    /// The connection that a connector means by its `cluster:`.
    #[must_use]
    pub fn cluster(&self, name: Option<&str>) -> Option<&RedisConnection> {
        name.map_or(Some(&self.default), |name| self.clusters.get(name))
    }
}

/// Servers that belong together.
#[derive(Clone, Debug)]
pub struct RedisConnection {
    /// Where they are.
    pub servers: RedisServers,
    /// Who logs in, unless the address says it.
    pub login: Login,
    /// TLS, if the connection has it; what `rediss://` says is here too.
    pub tls: Option<Tls>,
    /// Whether a server may throw keys away when its memory is full.
    pub accept_eviction: bool,
}

/// How the servers are run.
#[derive(Clone, Debug)]
pub enum RedisServers {
    /// One server.
    Single(ServerUrl),
    /// A master that sentinels know.
    Sentinel {
        /// The sentinels, `host:port` each.
        nodes: Vec<String>,
        /// The master's name.
        master: String,
    },
    /// A cluster: some of its nodes, `host:port` each.
    Cluster(Vec<String>),
}

/// Reads `redis`.
pub(super) fn redis(reading: &mut Reading<'_>, entry: &Entry<'_>) -> Option<RedisProfile> {
    let section = reading.section(entry, SETTINGS)?;
    let default = connection(reading, &section);
    let clusters = clusters(reading, section.get("clusters"), |reading, entry| {
        let section = reading.section(entry, CONNECTION)?;
        connection(reading, &section)
    });
    let namespace = namespace(reading, &section);
    Some(RedisProfile { default: default?, clusters: clusters?, namespace: namespace? })
}

fn connection(reading: &mut Reading<'_>, section: &Section<'_>) -> Option<RedisConnection> {
    let given: Vec<&'static str> = SERVERS.iter().copied().filter(|name| section.get(name).is_some()).collect();
    match given.len() {
        0 => reading.rule_of(section, section.path.clone(), Rule::NoneOf { known: SERVERS }),
        1 => {}
        _ => reading.rule_of(section, section.path.clone(), Rule::OneOf { given: given.clone() }),
    }
    let address = url(reading, section.get("url"), &[SCHEMES.0, SCHEMES.1]);
    let login = login(reading, section, &address);
    let tls = match section.get("url") {
        Some(_) => tls_of_url(reading, section.get("tls"), &address, SCHEMES),
        None => tls(reading, section.get("tls")),
    };
    let sentinel = section.get("sentinel").map(|entry| sentinel(reading, entry));
    let cluster = addresses(reading, section.get("cluster"), Port::Required, NODES);
    let accept_eviction = reading.switch(section.get("accept_eviction"));
    if given.len() != 1 {
        return None;
    }
    let servers = match sentinel {
        Some(servers) => servers?,
        None => match address.url.optional()? {
            Some(url) => RedisServers::Single(url),
            None => RedisServers::Cluster(cluster.optional()??),
        },
    };
    Some(RedisConnection { servers, login: login?, tls: tls.or(None)?, accept_eviction: accept_eviction.or(false)? })
}

fn sentinel(reading: &mut Reading<'_>, entry: &Entry<'_>) -> Option<RedisServers> {
    let section = reading.section(entry, &["nodes", "master"])?;
    let nodes = addresses(reading, section.get("nodes"), Port::Required, NODES);
    let master = reading.text(section.get("master"));
    if !nodes.is_there() {
        reading.missing(&section, "nodes", "the addresses of the sentinels");
    }
    if !master.is_there() {
        reading.missing(&section, "master", "the name under which the sentinels know the master");
    }
    Some(RedisServers::Sentinel { nodes: nodes.optional()??, master: master.optional()?? })
}

/// What stands before all keys, by default the project's name.
fn namespace(reading: &mut Reading<'_>, section: &Section<'_>) -> Option<String> {
    const EXPECTED: &str = "a text without blanks, braces and the signs `*`, `?`, `[` and `]`";
    let prefix = |text: &str| is_namespace(text).then(|| text.to_owned());
    let given = reading.parsed(section.get("namespace"), EXPECTED, prefix);
    if given.is_there() {
        return given.optional()?;
    }
    let default = reading.project?.to_owned();
    if is_namespace(&default) {
        return Some(default);
    }
    let rule = Rule::NameNotUsable { default, place: "the beginning of keys" };
    reading.rule_of(section, section.path_of("namespace"), rule);
    None
}
