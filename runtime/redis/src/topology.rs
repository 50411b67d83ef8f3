//! Which server holds which slot, and connections to them.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind as Kind};
use redis::Value;

use crate::{
    fault::{Cause, Failure},
    settings::{Node, Place, RedisSettings},
    tags::SLOTS,
    wire::{Link, Requests, text},
};

/// Idle connections that are kept for one server.
const KEPT: usize = 4;

/// The servers that take writes, by slot. One that is alone, or watched by Sentinel, has all slots.
#[derive(Clone, Default)]
struct Map {
    /// First and last slot of a range, and who holds it.
    ranges: Vec<(u16, u16, Node)>,
}

impl Map {
    fn all_at(node: Node) -> Self {
        Self { ranges: vec![(0, SLOTS - 1, node)] }
    }

    fn holder(&self, slot: u16) -> Option<&Node> {
        self.ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&slot)).map(|(_, _, node)| node)
    }

    fn masters(&self) -> Vec<Node> {
        let mut masters: Vec<Node> = self.ranges.iter().map(|(_, _, node)| node.clone()).collect();
        masters.sort();
        masters.dedup();
        masters
    }
}

/// What is known of the servers.
#[derive(Default)]
struct Known {
    /// None before the first question and after something showed that it is not so any more.
    map: Option<Arc<Map>>,
    /// Who is asked first: servers that were seen, the one that said last that a slot has moved before all.
    seen: Vec<Node>,
}

/// The servers of the store.
pub(crate) struct Topology {
    settings: Arc<RedisSettings>,
    known: Mutex<Known>,
    idle: Mutex<HashMap<Node, Vec<Link>>>,
}

impl Topology {
    pub(crate) fn new(settings: Arc<RedisSettings>) -> Self {
        Self { settings, known: Mutex::default(), idle: Mutex::default() }
    }

    /// The settings.
    pub(crate) const fn settings(&self) -> &Arc<RedisSettings> {
        &self.settings
    }

    /// Whether keys of one request must lie in one slot.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.settings.place, Place::Cluster { .. })
    }

    /// The server that holds a slot.
    pub(crate) fn node(&self, slot: u16) -> Result<Node, Failure> {
        let map = self.map()?;
        map.holder(slot).cloned().ok_or_else(|| {
            // Another server may know more in a moment.
            self.forget(None);
            let message = format!("no server of the Redis cluster holds slot {slot}");
            let help = "start the servers that are missing; `CLUSTER INFO` tells the state";
            Failure::new(Cause::Unreachable, ConnectorError::new(Kind::Unavailable, message).with_help(help))
        })
    }

    /// Whether a server holds a slot, as far as is known.
    pub(crate) fn holds(&self, node: &Node, slot: u16) -> Result<bool, Failure> {
        Ok(self.map()?.holder(slot) == Some(node))
    }

    /// Whether another server is known to hold a slot than the one that a connection leads to.
    pub(crate) fn has_moved(&self, node: &Node, slot: u16) -> bool {
        self.known().map.as_ref().is_some_and(|map| map.holder(slot).is_some_and(|holder| holder != node))
    }

    /// Asks anew what is known already, and takes the answer where it is another. Nobody waits for it meanwhile.
    pub(crate) fn look_again(&self) {
        let Some(before) = self.known().map.clone() else { return };
        // Who cannot be asked says nothing of the servers.
        let Ok(now) = self.ask() else { return };
        if now.masters() == before.masters() {
            return;
        }
        let mut known = self.known();
        if known.map.as_ref().is_some_and(|map| Arc::ptr_eq(map, &before)) {
            known.map = Some(Arc::new(now));
        }
    }

    /// Every server that takes writes.
    pub(crate) fn masters(&self) -> Result<Vec<Node>, Failure> {
        Ok(self.map()?.masters())
    }

    /// What is known may not be so any more; `teller` is who said so and knows more than others.
    pub(crate) fn forget(&self, teller: Option<&Node>) {
        let mut known = self.known();
        known.map = None;
        if let Some(teller) = teller {
            known.seen.retain(|node| node != teller);
            known.seen.insert(0, teller.clone());
        }
    }

    /// What a failure says of the servers.
    pub(crate) fn learn(&self, failure: &Failure, node: &Node) {
        match failure.cause {
            Cause::Refused => return,
            Cause::Moved => self.forget(Some(node)),
            Cause::Closed | Cause::Unreachable => self.forget(None),
        }
        // Others to the same server are likely to be as bad.
        self.idle().remove(node);
    }

    /// A new connection to the server that holds a slot.
    pub(crate) fn connect(&self, slot: u16) -> Result<Link, Failure> {
        let node = self.node(slot)?;
        let failure = match self.open(&node) {
            Ok(link) => return Ok(link),
            Err(failure) => failure,
        };
        // What was known of the servers may be old.
        match self.node(slot) {
            Ok(other) if other != node => self.open(&other),
            _ => Err(failure),
        }
    }

    /// Does what may be done twice at the server that holds a slot; over a new connection where the one at hand was old.
    pub(crate) fn at<T>(&self, slot: u16, work: impl Fn(&mut Link) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut again = true;
        loop {
            let node = self.node(slot)?;
            let (mut link, fresh) = self.borrow(&node)?;
            let failure = match work(&mut link) {
                Ok(done) => {
                    self.give_back(link);
                    return Ok(done);
                }
                Err(failure) => failure,
            };
            self.learn(&failure, &node);
            // What stands under `WATCH` ends with the next use of the connection.
            if failure.cause == Cause::Refused {
                self.give_back(link);
            }
            if !(again && failure.passing() && (!fresh || failure.cause == Cause::Moved)) {
                return Err(failure);
            }
            again = false;
        }
    }

    /// A connection to a server that takes writes: an idle one, or a new one. Tells whether it is new.
    pub(crate) fn borrow(&self, node: &Node) -> Result<(Link, bool), Failure> {
        let idle = self.idle().get_mut(node).and_then(Vec::pop);
        idle.map_or_else(|| self.open(node).map(|link| (link, true)), |link| Ok((link, false)))
    }

    /// Gives a connection back that is in good order.
    pub(crate) fn give_back(&self, link: Link) {
        let mut idle = self.idle();
        let kept = idle.entry(link.node().clone()).or_default();
        if kept.len() < KEPT {
            kept.push(link);
        }
    }

    fn open(&self, node: &Node) -> Result<Link, Failure> {
        let opened = Link::open(&self.settings, node)
            .and_then(|link| if link.greeting().role == "master" { Ok(link) } else { Err(not_the_master(node)) });
        opened.inspect_err(|failure| self.learn(failure, node))
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Node, Vec<Link>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known of the servers; asks them where nothing is. Others who want to know wait for the answer.
    fn map(&self) -> Result<Arc<Map>, Failure> {
        let mut known = self.known();
        if let Some(map) = &known.map {
            return Ok(Arc::clone(map));
        }
        let map = self.ask_those(&known.seen)?;
        if self.is_cluster() {
            let others = map.masters().into_iter().filter(|node| !known.seen.contains(node)).collect::<Vec<_>>();
            known.seen.extend(others);
            // Servers come and go, and the given ones are always asked.
            known.seen.truncate(64);
        }
        let map = Arc::new(map);
        known.map = Some(Arc::clone(&map));
        Ok(map)
    }

    fn ask(&self) -> Result<Map, Failure> {
        let seen = self.known().seen.clone();
        self.ask_those(&seen)
    }

    /// Asks who takes writes; in a cluster those that were seen before those that are named.
    fn ask_those(&self, seen: &[Node]) -> Result<Map, Failure> {
        match &self.settings.place {
            Place::Single { node, .. } => Ok(Map::all_at(node.clone())),
            Place::Sentinel { nodes, .. } => self.first(nodes, |node| self.ask_watcher(node)),
            Place::Cluster { nodes } => {
                let mut asked = seen.to_vec();
                asked.extend(nodes.iter().filter(|node| !seen.contains(node)).cloned());
                self.first(&asked, |node| self.ask_cluster(node))
            }
        }
    }

    /// The answer of the first that gives one.
    fn first(&self, nodes: &[Node], ask: impl Fn(&Node) -> Result<Map, Failure>) -> Result<Map, Failure> {
        let mut failures = Vec::new();
        for node in nodes {
            match ask(node) {
                Ok(map) => return Ok(map),
                Err(failure) => failures.push(failure),
            }
        }
        let what = if self.is_cluster() { "servers of the Redis cluster" } else { "watchers of Sentinel" };
        // A wrong password is wrong at all of them, and stays so.
        let lasting = failures.iter().position(|failure| failure.error.kind != Kind::Unavailable);
        let chosen = lasting.unwrap_or(0);
        let count = failures.len();
        let Some(mut failure) = (chosen < count).then(|| failures.swap_remove(chosen)) else {
            let error = ConnectorError::new(Kind::Other, format!("no {what} are named"));
            return Err(Failure::new(Cause::Unreachable, error.with_help("name host and port of at least one")));
        };
        if count > 1 {
            failure.error.message = format!("none of the {count} {what} helps: {}", failure.error.message);
        }
        Err(failure)
    }

    /// Asks a watcher for the master of the moment, and the master whether it is one: a watcher may not know yet.
    fn ask_watcher(&self, watcher: &Node) -> Result<Map, Failure> {
        let Place::Sentinel { master, user, password, .. } = &self.settings.place else {
            return Err(Failure::odd(watcher, "it was not to be asked"));
        };
        let mut link = Link::open_watcher(&self.settings, watcher, user.as_deref(), password.as_ref())?;
        let mut requests = Requests::default();
        requests.command("SENTINEL", &[b"get-master-addr-by-name", master.as_bytes()]);
        let reply = link.ask_all(&requests)?.pop();
        let Some(Value::Array(items)) = reply else {
            let message = format!("the watcher of Sentinel at `{watcher}` knows no master named `{master}`");
            let help = "correct the name: it is the one behind `sentinel monitor` in the watchers' files";
            return Err(Failure::new(Cause::Refused, ConnectorError::new(Kind::NotFound, message).with_help(help)));
        };
        let host = items.first().and_then(text);
        let port = items.get(1).and_then(text).and_then(|port| port.parse().ok());
        let (Some(host), Some(port)) = (host, port) else { return Err(link.odd("it gives no address")) };
        let node = Node { host, port };
        if Link::open(&self.settings, &node)?.greeting().role != "master" {
            return Err(not_the_master(&node));
        }
        Ok(Map::all_at(node))
    }

    /// Asks a server of a cluster who holds which slots.
    fn ask_cluster(&self, node: &Node) -> Result<Map, Failure> {
        let mut link = Link::open(&self.settings, node)?;
        if link.greeting().mode != "cluster" {
            let message = format!("Redis at `{node}` is not part of a cluster");
            let help = "name it as a single server, or name a server of the cluster";
            return Err(Failure::new(Cause::Refused, ConnectorError::new(Kind::Other, message).with_help(help)));
        }
        let mut requests = Requests::default();
        requests.command("CLUSTER", &[b"SLOTS"]);
        let Some(Value::Array(ranges)) = link.ask_all(&requests)?.pop() else {
            return Err(link.odd("it does not tell its slots"));
        };
        let ranges: Option<Vec<_>> = ranges.iter().map(|range| slot_range(range, node)).collect();
        match ranges {
            Some(ranges) => Ok(Map { ranges }),
            None => Err(link.odd("it tells its slots in another form")),
        }
    }
}

/// One line of the answer to `CLUSTER SLOTS`: first slot, last slot, the master, its replicas.
fn slot_range(range: &Value, teller: &Node) -> Option<(u16, u16, Node)> {
    let Value::Array(items) = range else { return None };
    let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = items.as_slice() else { return None };
    let [host, Value::Int(port), ..] = master.as_slice() else { return None };
    // A server that does not know its own address leaves it out: it is the one that was asked.
    let host = text(host).filter(|host| !host.is_empty() && host != "?").unwrap_or_else(|| teller.host.clone());
    let node = Node { host, port: (*port).try_into().ok()? };
    Some(((*first).try_into().ok()?, (*last).try_into().ok()?, node))
}

fn not_the_master(node: &Node) -> Failure {
    let message = format!("Redis at `{node}` is a replica and takes no writes");
    let help = "name the master, or let Sentinel be asked for it; after a failover it is found by itself";
    Failure::new(Cause::Moved, ConnectorError::new(Kind::Unavailable, message).with_help(help))
}
