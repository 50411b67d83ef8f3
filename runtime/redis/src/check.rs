//! Whether the servers are fit to be a store, before anything is written.

use std::{collections::HashMap, sync::Arc};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult};

use crate::{
    fault::Failure,
    keys::Keys,
    rights::try_rights,
    settings::{Node, Place, RedisSettings},
    topology::Topology,
    wire::{Link, Requests, bytes},
};

/// The oldest version that is taken.
const OLDEST: (u32, u32) = (6, 2);

/// What the servers say of themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisReport {
    /// The servers that take writes.
    pub nodes: Vec<NodeReport>,
    /// What the user should know, each a sentence.
    pub notes: Vec<String>,
}

/// What one server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeReport {
    /// Where it is.
    pub node: Node,
    /// Its version.
    pub version: String,
    /// Which part it plays: `master`.
    pub role: String,
    /// What it does when its memory is full.
    pub memory_policy: String,
    /// How much memory it may use, in bytes; 0 for all.
    pub memory_limit: u64,
    /// Whether it writes every change to a file.
    pub append_only: bool,
    /// How many replicas follow it.
    pub replicas: u32,
}

/// Connects to every server that takes writes and asks whether it is fit, and whether the user has all rights there: each
/// command that the store uses is run once, in a transaction on keys of its own that leaves nothing behind.
///
/// # Errors
/// Where one is not reached, is too old, may forget rows when its memory is full and that was not accepted, or where rights
/// are missing.
pub fn check(settings: &RedisSettings) -> ConnectorResult<RedisReport> {
    Keys::new(settings)?;
    let topology = Topology::new(Arc::new(settings.clone()));
    let mut report = RedisReport { nodes: Vec::new(), notes: Vec::new() };
    for node in topology.masters()? {
        let (mut link, _) = topology.borrow(&node)?;
        report.notes.extend(try_rights(settings, &topology, &mut link)?);
        report.nodes.push(ask(&mut link)?);
    }
    for node in &report.nodes {
        fit(settings, node)?;
        report.notes.extend(notes(settings, node));
    }
    Ok(report)
}

fn ask(link: &mut Link) -> Result<NodeReport, Failure> {
    let mut requests = Requests::default();
    requests.command("INFO", &[]);
    let reply = link.ask_all(&requests)?.pop();
    let text = reply.as_ref().and_then(bytes).map(String::from_utf8_lossy).unwrap_or_default();
    let said: HashMap<&str, &str> = text.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
    let word = |name: &str| said.get(name).copied().unwrap_or_default().to_owned();
    let mut version = link.greeting().version.clone();
    if version.is_empty() {
        version = word("redis_version");
    }
    Ok(NodeReport {
        node: link.node().clone(),
        version,
        role: link.greeting().role.clone(),
        memory_policy: word("maxmemory_policy"),
        memory_limit: word("maxmemory").parse().unwrap_or_default(),
        append_only: word("aof_enabled") == "1",
        replicas: word("connected_slaves").parse().unwrap_or_default(),
    })
}

fn fit(settings: &RedisSettings, report: &NodeReport) -> ConnectorResult<()> {
    let (node, version, policy) = (&report.node, &report.version, &report.memory_policy);
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0_u32));
    let found = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    if found < OLDEST {
        let message = format!("Redis at `{node}` has version {version}, which is too old for a store");
        let help = format!("use {}.{} or later", OLDEST.0, OLDEST.1);
        return Err(ConnectorError::new(Kind::Other, message).with_help(help));
    }
    if policy != "noeviction" && !settings.accept_eviction {
        let message = format!("Redis at `{node}` may delete rows of states when its memory is full (`{policy}`)");
        let help =
            "set `maxmemory-policy noeviction` at the server, or accept that rows get lost by accepting eviction";
        return Err(ConnectorError::new(Kind::Other, message).with_help(help));
    }
    Ok(())
}

fn notes(settings: &RedisSettings, report: &NodeReport) -> Vec<String> {
    let node = &report.node;
    let mut notes = Vec::new();
    if report.append_only {
        notes.push(format!(
            "Redis at `{node}` keeps an append-only file; whether each change is on the disk before it is answered \
             (`appendfsync always`) is not told to users without the right to its configuration. Without it the last \
             second may be lost with the machine, and is worked out anew from the sources"
        ));
        notes.push(format!(
            "Set `aof-load-truncated no` at Redis `{node}`, and mend its file with `redis-check-aof --fix` when it does not \
             start after a loss of power: a server that mends it by itself may leave half a transaction in it, which the \
             start after that one does"
        ));
    } else {
        notes.push(format!(
            "Redis at `{node}` keeps no append-only file: when it restarts, rows since its last snapshot are lost and are \
             worked out anew from the sources, as far back as these reach (`appendonly yes` keeps them)"
        ));
    }
    if report.memory_policy != "noeviction" {
        let policy = &report.memory_policy;
        notes.push(format!("Redis at `{node}` may delete rows of states when its memory is full (`{policy}`)"));
    }
    if report.replicas == 0 && !matches!(settings.place, Place::Single { .. }) {
        notes.push(format!("Redis at `{node}` has no replica that could take its place"));
    }
    notes
}
