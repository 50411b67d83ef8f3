//! What a program writes into Redis beside its rows, while its partitions are its own.
//!
//! A worker that was cut off and comes back must not put an old value in the place of a newer one, nor add to a stream what
//! another has added since: what a record of a partition gives is written only while the store still says that the partition
//! is claimed by this worker ([`Claims`]). On one server, also one that Sentinel watches, the claim stands under `WATCH` and
//! everything is written in one transaction. In a cluster the claim lies at another server than most keys: it is looked at
//! just before, and a worker that is held up between the two for longer than it takes another to take its partitions over
//! could still write.
//!
//! # Nothing comes before what is lacking
//! Who reads a stream takes an entry that comes behind later ones for a repetition. A master that took over, and a server that
//! was started anew, may lack entries that were acknowledged; their records are read again, since the positions were saved
//! behind them and are lacking too. So that nothing of later records is there first:
//! * it is written only where all lanes of its partition were claimed, and since that server was started or became the master
//!   ([`crate::wire::Link::instance`]); in a cluster this says nothing, for the lanes may lie at servers that lost nothing;
//! * what waits and was made before its lane was claimed anew is left out: it comes again.

use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry},
    sync::Arc,
};

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult, MessageId, OutputBatch},
    stable,
};
use redis::Value;

use crate::{
    claims::{Claim, Claimed, Claims},
    fault::{Cause, Failure},
    keys::Keys,
    lane::end_window,
    settings::{Node, RedisSettings},
    tags::slot,
    topology::Topology,
    wire::{Link, Requests, text},
};

/// How many keys are written at once.
const GROUP: usize = 512;

/// Something that is to be written, because of a record of a partition.
pub(crate) struct Item {
    /// The whole key.
    pub key: Vec<u8>,
    pub content: Content,
    /// The record that it was made of.
    pub origin: MessageId,
    /// The claim that it was made under: [`Writer::made_under`].
    pub made: u64,
}

/// What is written.
pub(crate) enum Content {
    /// The key's value.
    Value(Vec<u8>),
    /// An entry of the stream that the key holds: names and values.
    Entry(Vec<(&'static str, Vec<u8>)>),
}

impl Item {
    fn request(&self, requests: &mut Requests) {
        match &self.content {
            Content::Value(value) => {
                requests.command("SET", &[&self.key, value]);
            }
            Content::Entry(fields) => {
                requests.begin("XADD", 2 + 2 * fields.len()).argument(&self.key).argument(b"*");
                for (name, value) in fields {
                    requests.argument(name.as_bytes()).argument(value);
                }
            }
        }
    }

    /// How many bytes it holds.
    pub(crate) fn bytes(&self) -> usize {
        let content = match &self.content {
            Content::Value(value) => value.len(),
            Content::Entry(fields) => fields.iter().map(|(_, value)| value.len()).sum(),
        };
        self.key.len() + content
    }
}

/// Writes while partitions are this worker's.
pub(crate) struct Writer {
    pub(crate) keys: Keys,
    /// For as long as there is no store.
    alone: Topology,
    claims: Arc<Claims>,
    /// The ids of the streams, by whose numbers records name them.
    streams: Vec<String>,
}

impl Writer {
    pub(crate) fn new(settings: RedisSettings, claims: Arc<Claims>, streams: Vec<String>) -> ConnectorResult<Self> {
        let keys = Keys::new(&settings)?;
        claims.have_outputs();
        Ok(Self { keys, alone: Topology::new(Arc::new(settings)), claims, streams })
    }

    fn topology(&self) -> &Topology {
        self.claims.topology().unwrap_or(&self.alone)
    }

    /// Looks whether a server answers.
    pub(crate) fn open(&self) -> ConnectorResult<()> {
        self.topology().masters().map(drop).map_err(ConnectorError::from)
    }

    /// By message of a batch: what tells it from others, and which claim is the last of those that it is made under.
    pub(crate) fn made_under<'b>(&'b self, batch: &'b OutputBatch) -> impl Iterator<Item = (MessageId, u64)> + 'b {
        let mut known = HashMap::new();
        (0..batch.ends.len()).map(move |index| {
            let id = batch.ids.get(index).copied().unwrap_or_default();
            let newest = || {
                let claimed = self.claims.of(self.stream(id.stream), id.partition);
                claimed.map_or(0, |claimed| claimed.newest(id.sequence))
            };
            (id, *known.entry((id.stream, id.partition, id.sequence)).or_insert_with(newest))
        })
    }

    /// Writes everything that is not void, in order. What was written before a failure stays.
    pub(crate) fn write(&self, mut items: Vec<Item>) -> ConnectorResult<()> {
        let mut by_partition: HashMap<(u32, u32), Arc<Claimed>> = HashMap::new();
        for item in &items {
            let MessageId { stream, partition, .. } = item.origin;
            if let Entry::Vacant(entry) = by_partition.entry((stream, partition)) {
                entry.insert(self.claimed(stream, partition)?);
            }
        }
        let claimed = |item: &Item| by_partition.get(&(item.origin.stream, item.origin.partition));
        items.retain(|item| claimed(item).is_some_and(|own| own.newest(item.origin.sequence) == item.made));
        for group in items.chunks(GROUP) {
            let mut partitions: Vec<_> = group.iter().map(|item| (item.origin.stream, item.origin.partition)).collect();
            partitions.sort_unstable();
            partitions.dedup();
            let claims = partitions.iter().filter_map(|partition| by_partition.get(partition)).map(|own| &**own);
            let claims: Vec<&Claimed> = claims.collect();
            if self.topology().is_cluster() {
                self.write_spread(group, &claims)?;
            } else {
                self.write_whole(group, &claims)?;
            }
        }
        Ok(())
    }

    fn stream(&self, number: u32) -> &str {
        self.streams.iter().find(|id| stable::number(id) == number).map(String::as_str).unwrap_or_default()
    }

    fn claimed(&self, stream: u32, partition: u32) -> ConnectorResult<Arc<Claimed>> {
        let stream = self.stream(stream);
        self.claims.of(stream, partition).ok_or_else(|| {
            let message =
                format!("an output of partition {partition} of `{stream}` is to be written, which nobody claimed");
            ConnectorError::new(Kind::Unavailable, message).with_help("it is tried again from the last commit")
        })
    }

    /// On one server: the claims under `WATCH`, everything in one transaction.
    fn write_whole(&self, group: &[Item], claimed: &[&Claimed]) -> Result<(), Failure> {
        let claims: Vec<&Claim> = claimed.iter().filter_map(|own| own.first()).collect();
        self.at(0, |link| {
            let mut requests = Requests::default();
            end_window(&mut requests);
            for claim in &claims {
                requests.command("WATCH", &[self.keys.progress(claim.lane, &claim.name).as_bytes()]);
            }
            let before = requests.len();
            self.ask_claims(&mut requests, &claims);
            requests.history();
            let mut replies = link.ask_all(&requests)?;
            let history = replies.pop().unwrap_or(Value::Nil);
            link.learn_history(&history);
            if !claimed.iter().all(|own| own.is_of(link.instance())) {
                return Err(elsewhere(link));
            }
            compare(link, &claims, &replies[before..])?;
            let mut requests = Requests::default();
            requests.command("MULTI", &[]);
            group.iter().for_each(|item| item.request(&mut requests));
            requests.command("EXEC", &[]);
            let replies = link.ask(&requests)?;
            if link.is_done(replies)? { Ok(()) } else { Err(lost()) }
        })
    }

    /// In a cluster: the claims where they lie, then everything else where that does.
    fn write_spread(&self, group: &[Item], claimed: &[&Claimed]) -> Result<(), Failure> {
        for claim in claimed.iter().filter_map(|own| own.first()) {
            self.at(self.keys.lane_slot(claim.lane), |link| {
                let mut requests = Requests::default();
                self.ask_claims(&mut requests, &[claim]);
                let replies = link.ask_all(&requests)?;
                compare(link, &[claim], &replies)
            })?;
        }
        let mut by_node: BTreeMap<Node, (u16, Requests)> = BTreeMap::new();
        for item in group {
            let slot = slot(&item.key);
            let (_, requests) =
                by_node.entry(self.topology().node(slot)?).or_insert_with(|| (slot, Requests::default()));
            item.request(requests);
        }
        by_node.values().try_for_each(|(slot, requests)| self.at(*slot, |link| link.ask_all(requests).map(drop)))
    }

    fn ask_claims(&self, requests: &mut Requests, claims: &[&Claim]) {
        for claim in claims {
            requests.command("HMGET", &[self.keys.progress(claim.lane, &claim.name).as_bytes(), b"e"]);
        }
    }

    fn at<T>(&self, slot: u16, work: impl Fn(&mut Link) -> Result<T, Failure>) -> Result<T, Failure> {
        self.topology().at(slot, work)
    }
}

/// Whether claims are still as this worker made them.
fn compare(link: &Link, claims: &[&Claim], replies: &[Value]) -> Result<(), Failure> {
    for (claim, reply) in claims.iter().zip(replies) {
        let Value::Array(fields) = reply else { return Err(link.odd("a claim is no list")) };
        let found = fields.first().and_then(text);
        if found.as_deref() != Some(claim.epoch.to_string().as_str()) {
            return Err(lost());
        }
    }
    Ok(())
}

/// That another worker has the partition now, or the store went back. What this one computed is void.
fn lost() -> Failure {
    let message = "outputs were not written: another worker has taken their partitions over, or Redis went back";
    let error = ConnectorError::new(Kind::Unavailable, message);
    Failure::new(Cause::Refused, error.with_help("nothing is lost: who has the partitions now writes them"))
}

/// That the claims were made at another server, or before this one was started.
fn elsewhere(link: &Link) -> Failure {
    let message = format!(
        "outputs were not written: Redis at `{}` was started anew, or became the master, after their partitions were claimed",
        link.node()
    );
    let error = ConnectorError::new(Kind::Unavailable, message);
    let help =
        "nothing is lost: the partitions are claimed anew, and what Redis may lack of the last commit is written again";
    Failure::new(Cause::Refused, error.with_help(help))
}
