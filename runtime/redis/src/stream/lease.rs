//! Who reads: keys that one worker holds, prolongs, and lets go.

use std::time::{Duration, Instant};

use crate::{
    fault::Failure,
    lane::{end_window, random},
    tags::slot,
    topology::Topology,
    wire::{Link, Requests, bytes},
};

/// How long a lease lasts that nobody prolongs.
const LASTS: Duration = Duration::from_secs(10);

/// How long after it was taken or prolonged it is prolonged.
const PROLONGED: Duration = Duration::from_secs(3);

/// How often it is tried to get one that another has.
const TRIED: Duration = Duration::from_millis(500);

/// A lease of streams that one worker reads: a key for each of their names, all of them or none.
pub(super) struct Lease {
    /// In order, so that of two workers that want some of the same ones the one that gets the first gets the others too.
    keys: Vec<Key>,
    /// What stands in the keys while they are this worker's: no other ever writes the same.
    own: String,
    held: bool,
    next: Option<Instant>,
}

struct Key {
    name: Vec<u8>,
    slot: u16,
}

impl Lease {
    pub(super) fn new(mut names: Vec<Vec<u8>>) -> Self {
        names.sort_unstable();
        names.dedup();
        let keys = names.into_iter().map(|name| Key { slot: slot(&name), name }).collect();
        Self { keys, own: format!("{:016x}{:016x}", random(), random()), held: false, next: None }
    }

    /// Whether it was this worker's when it was last looked at.
    pub(super) const fn is_held(&self) -> bool {
        self.held
    }

    /// Prolongs it, or tries to get it, where it is time for that.
    pub(super) fn see_to(&mut self, topology: &Topology) -> Result<(), Failure> {
        let now = Instant::now();
        if self.next.is_some_and(|next| now < next) {
            return Ok(());
        }
        // A server that does not answer says nothing: whoever got the lease meanwhile has claimed the lanes.
        let had = self.held;
        self.held = self.have_all(topology, had)?;
        self.next = Some(now + if self.held { PROLONGED } else { TRIED });
        if !self.held {
            // Others may have those that were got, or were had still.
            self.let_go(topology, None)?;
        }
        Ok(())
    }

    /// Prolongs or takes one key behind the other; whether all are this worker's.
    fn have_all(&self, topology: &Topology, prolongs: bool) -> Result<bool, Failure> {
        for key in &self.keys {
            let has = topology.at(key.slot, |link| {
                if prolongs { prolong(link, &key.name, &self.own) } else { take(link, &key.name, &self.own) }
            })?;
            if !has {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets it go, if it is this worker's, until a moment. What cannot be let go ends by itself.
    ///
    /// # Errors
    /// With the first failure: others would fail too, each after the time that an answer is waited for.
    pub(super) fn release(&mut self, topology: &Topology, until: Instant) -> Result<(), Failure> {
        if std::mem::take(&mut self.held) { self.let_go(topology, Some(until)) } else { Ok(()) }
    }

    fn let_go(&self, topology: &Topology, until: Option<Instant>) -> Result<(), Failure> {
        for key in &self.keys {
            if until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            topology.at(key.slot, |link| {
                let mut requests = Requests::default();
                requests.command("MULTI", &[]).command("DEL", &[&key.name]).command("EXEC", &[]);
                while_own(link, &key.name, &self.own, &requests)
            })?;
        }
        Ok(())
    }
}

/// Who has a lease.
pub(super) fn holder(link: &mut Link, key: &[u8]) -> Result<Option<Vec<u8>>, Failure> {
    let mut requests = Requests::default();
    requests.command("MGET", &[key]);
    let reply = link.ask_all(&requests)?.pop().unwrap_or(redis::Value::Nil);
    let items = link.items(reply, 1)?;
    Ok(items.first().and_then(bytes).map(<[u8]>::to_vec))
}

/// Takes a lease that nobody has. Asked once more because an answer was lost, it finds its own.
fn take(link: &mut Link, key: &[u8], own: &str) -> Result<bool, Failure> {
    let lasts = LASTS.as_millis().to_string();
    let mut requests = Requests::default();
    requests.command("SET", &[key, own.as_bytes(), b"NX", b"PX", lasts.as_bytes()]);
    let is_new = matches!(link.ask_all(&requests)?.first(), Some(redis::Value::Okay));
    // One that was taken some time ago may be about to end.
    Ok(is_new || prolong(link, key, own)?)
}

/// Prolongs a lease that is one's own still.
fn prolong(link: &mut Link, key: &[u8], own: &str) -> Result<bool, Failure> {
    let lasts = LASTS.as_millis().to_string();
    let mut requests = Requests::default();
    requests.command("MULTI", &[]);
    requests.command("SET", &[key, own.as_bytes(), b"PX", lasts.as_bytes()]);
    requests.command("EXEC", &[]);
    while_own(link, key, own, &requests)
}

/// Does what stands in a transaction while a lease is one's own; whether it was.
fn while_own(link: &mut Link, key: &[u8], own: &str, transaction: &Requests) -> Result<bool, Failure> {
    let mut requests = Requests::default();
    end_window(&mut requests);
    requests.command("WATCH", &[key]);
    link.ask_all(&requests)?;
    if holder(link, key)?.as_deref() != Some(own.as_bytes()) {
        return Ok(false);
    }
    let replies = link.ask(transaction)?;
    link.is_done(replies)
}
