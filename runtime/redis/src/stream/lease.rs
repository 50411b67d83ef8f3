//! Who reads: a key that one worker holds, prolongs, and lets go.

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

/// A lease.
pub(super) struct Lease {
    key: Vec<u8>,
    slot: u16,
    /// What stands in the key while it is this worker's: no other ever writes the same.
    own: String,
    held: bool,
    next: Option<Instant>,
}

impl Lease {
    pub(super) fn new(key: Vec<u8>) -> Self {
        let slot = slot(&key);
        Self { key, slot, own: format!("{:016x}{:016x}", random(), random()), held: false, next: None }
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
        if self.held {
            // A server that does not answer says nothing: whoever got the lease meanwhile has claimed the lanes.
            self.held = topology.at(self.slot, |link| prolong(link, &self.key, &self.own))?;
        } else {
            self.held = topology.at(self.slot, |link| take(link, &self.key, &self.own))?;
        }
        self.next = Some(now + if self.held { PROLONGED } else { TRIED });
        Ok(())
    }

    /// Lets it go, if it is this worker's. One that cannot be let go ends by itself.
    pub(super) fn release(&mut self, topology: &Topology) {
        if std::mem::take(&mut self.held) {
            let _ = topology.at(self.slot, |link| {
                let mut requests = Requests::default();
                requests.command("MULTI", &[]).command("DEL", &[&self.key]).command("EXEC", &[]);
                while_own(link, &self.key, &self.own, &requests)
            });
        }
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
    link.ask_all(&requests)?;
    Ok(holder(link, key)?.as_deref() == Some(own.as_bytes()))
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
