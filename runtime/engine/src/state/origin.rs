//! From which partition a row was last written. Workers share out partitions, so a row is one worker's as long as all records
//! that touch it come from one partition; a topic whose producer does not place records by the declared key breaks that, and
//! nothing else would show it.
//!
//! A row that was written from here is this worker's: who takes it over from another partition fences whoever reads that one,
//! and changes the row only if it still is as it was read. So a value that two workers change at once is never stored; what is
//! left to decide here is whether the other partition has a reason to be another.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicI64, AtomicU32, Ordering},
};

use super::Row;
use crate::store::{Changes, Counted, PartitionName};

/// How long after partitions were added records may still be placed as if they were not there, in milliseconds: producers
/// ask for the partitions of a topic every five minutes, if they are not told to do it more often.
const GRACE: i64 = 10 * 60 * 1000;

/// How often partitions may have been added before a topic was first seen: what lies in it from then may be placed by fewer.
const UNSEEN: u32 = 3;

/// Where a record stands that touches a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The stream, by its index.
    pub stream: u32,
    /// The partition.
    pub partition: u32,
    /// How many partitions the topic has, as far as is known.
    pub partitions: u32,
    /// How many partitions whoever placed the record knew of, at least.
    pub placed_by: u32,
}

/// From where a row was last written, as it stands beside its fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The topic.
    pub topic: Arc<str>,
    /// The partition.
    pub partition: u32,
    /// How many partitions whoever placed the row's first record knew of, at least.
    pub partitions: u32,
    /// Other partitions that its records came from before partitions were added.
    pub earlier: Vec<u32>,
}

/// What is known of a stored row beside its fields.
#[derive(Clone, Debug, Default)]
pub(crate) struct Written {
    /// From where; none for a row of a time when that was not kept.
    pub origin: Option<Origin>,
    /// What tells the stored row from what others may have made of it; 0 where none is stored.
    pub version: u64,
    /// Whether the row may be changed only if it still is so in the store.
    guarded: bool,
    /// The partition whose reader is to be fenced with the next save.
    fenced: Vec<u32>,
}

impl Written {
    /// A row as it was read.
    pub(crate) const fn read(origin: Option<Origin>, version: u64) -> Self {
        Self { origin, version, guarded: false, fenced: Vec::new() }
    }
}

/// No partition.
pub(crate) const NOWHERE: u32 = u32::MAX;

/// A stream whose records touch rows.
#[derive(Debug)]
pub(crate) struct OwnStream {
    /// Its stable id.
    pub id: String,
    /// Its topic.
    pub topic: Arc<str>,
    /// The fields of its declared key.
    pub key: String,
    /// The same for streams that a flow merges: their partitions of one number come to one worker.
    pub group: u32,
    /// How many partitions its topic has.
    pub count: Count,
}

/// How many partitions a topic has: read for every record, changed seldom.
#[derive(Debug, Default)]
pub(crate) struct Count {
    partitions: AtomicU32,
    before: AtomicU32,
    /// Records from this time on are placed by all partitions, in milliseconds.
    settled: AtomicI64,
    first: AtomicI64,
    whole: Mutex<Counted>,
}

impl Count {
    fn set(&self, change: impl FnOnce(&mut Counted)) {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut whole);
        // Whoever reads between two of these takes a row for foreign at worst, and that is looked at twice.
        self.before.store(whole.before, Ordering::Relaxed);
        self.first.store(whole.first, Ordering::Relaxed);
        self.settled.store(whole.since.saturating_add(GRACE), Ordering::Relaxed);
        self.partitions.store(whole.partitions, Ordering::Release);
    }
}

impl Counted {
    /// There are so many partitions now. Gives whether these are more than were known.
    fn grow(&mut self, partitions: u32, now: i64) -> bool {
        if self.partitions == 0 {
            *self = Self { partitions, before: partitions, since: i64::MIN, first: now };
        } else if partitions > self.partitions {
            if now >= self.since.saturating_add(GRACE) {
                self.before = self.partitions;
            }
            (self.partitions, self.since) = (partitions, now);
        } else {
            return false;
        }
        true
    }

    /// Another worker has seen so many partitions, or this one has before it was started again.
    fn merge(&mut self, other: Self, now: i64) {
        let mut other = other;
        if other.partitions == 0 {
            return;
        }
        self.first = self.first.min(other.first);
        other.grow(self.partitions, now);
        if other.partitions == self.partitions && other.since > i64::MIN {
            let is_settled = now >= other.since.saturating_add(GRACE);
            self.before = if is_settled { self.before } else { self.before.min(other.before) };
            self.since = self.since.max(other.since);
        }
    }
}

/// The streams of a plan whose partitions several workers share.
#[derive(Debug, Default)]
pub(crate) struct Origins {
    /// By the index of the stream; none for one that is not shared.
    pub streams: Vec<Option<OwnStream>>,
}

impl Origins {
    /// Where a record stands that has a time of its own; none where its topic is not known to have partitions that are shared.
    #[inline]
    pub(crate) fn place(&self, stream: usize, partition: u32, time: Option<i64>) -> Option<Place> {
        let count = &self.streams.get(stream)?.as_ref()?.count;
        let partitions = count.partitions.load(Ordering::Acquire);
        if partitions == 0 {
            return None;
        }
        let time = time.unwrap_or(i64::MIN);
        let before = count.before.load(Ordering::Relaxed);
        let placed_by = if time < count.first.load(Ordering::Relaxed) {
            before.saturating_sub(UNSEEN).max(1)
        } else if time < count.settled.load(Ordering::Relaxed) {
            before
        } else {
            partitions
        };
        Some(Place { stream: stream as u32, partition, partitions, placed_by })
    }

    /// Notes how many partitions the topic of a stream has now; gives whether these are more than were known.
    pub(crate) fn count(&self, stream: usize, partitions: u32, now: i64) -> bool {
        let mut grown = false;
        if let Some(own) = self.stream(stream as u32) {
            own.count.set(|count| grown = count.grow(partitions, now));
        }
        grown
    }

    /// Notes how many partitions the topic of a stream had when a lane was saved.
    pub(crate) fn found(&self, stream: usize, counted: Counted, now: i64) {
        if let Some(own) = self.stream(stream as u32) {
            own.count.set(|count| count.merge(counted, now));
        }
    }

    /// How many partitions the topic of a stream has.
    pub(crate) fn counted(&self, stream: usize) -> Counted {
        let own = self.stream(stream as u32);
        own.map(|own| *own.count.whole.lock().unwrap_or_else(PoisonError::into_inner)).unwrap_or_default()
    }

    /// A stream.
    pub(crate) fn stream(&self, stream: u32) -> Option<&OwnStream> {
        self.streams.get(stream as usize)?.as_ref()
    }

    fn all(&self) -> impl Iterator<Item = &OwnStream> {
        self.streams.iter().flatten()
    }

    /// Whether records of a topic and of a stream come to one worker where their partitions have one number.
    fn is_kin(&self, topic: &str, stream: u32) -> bool {
        let group = self.stream(stream).map(|own| own.group);
        self.all().any(|own| *own.topic == *topic && Some(own.group) == group)
    }

    fn origin(&self, place: Place) -> Option<Origin> {
        let topic = Arc::clone(&self.stream(place.stream)?.topic);
        Some(Origin { topic, partition: place.partition, partitions: place.placed_by, earlier: Vec::new() })
    }

    /// Fences whoever reads a partition of a topic, and those that come with it.
    fn fence(&self, topic: &str, partition: u32, changes: &mut Changes) {
        let groups: Vec<u32> = self.all().filter(|own| *own.topic == *topic).map(|own| own.group).collect();
        for own in self.all().filter(|own| groups.contains(&own.group)) {
            let name = PartitionName { stream: own.id.clone(), topic: own.topic.to_string(), partition };
            changes.fence(Arc::new(name));
        }
    }
}

/// How a record finds a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    /// It was last written from the record's own partition, or is not there.
    Own,
    /// It was last written from elsewhere for a good reason, and is the record's partition's now.
    Taken,
    /// It was last written from another partition, and nothing says why.
    Foreign(Origin),
}

impl Row {
    /// A record touches the row. Looks at nothing but one number where the row was last written from the same partition.
    #[inline]
    pub(crate) fn meet(&mut self, place: Place, origins: &Origins) -> Met {
        if self.from == place.partition || self.written.is_none() { Met::Own } else { self.meet_other(place, origins) }
    }

    #[cold]
    fn meet_other(&mut self, place: Place, origins: &Origins) -> Met {
        let (Some(written), Some(mut own)) = (self.written.as_deref_mut(), origins.origin(place)) else {
            return Met::Own;
        };
        // What a topic of other workers wrote, one that another program read, is nobody's now.
        if let Some(origin) = written.origin.take().filter(|origin| origins.is_kin(&origin.topic, place.stream)) {
            // Each partition that was added may have moved the key once, and what lies in the partitions that it was in
            // before may still be to be read.
            let added = place.partitions.saturating_sub(origin.partitions) as usize;
            // A topic that has fewer now was made anew, and its states were kept.
            let is_known = origin.earlier.contains(&place.partition) || place.partitions < origin.partitions;
            if !is_known && origin.earlier.len() >= added {
                written.origin = Some(origin.clone());
                return Met::Foreign(origin);
            }
            own.partitions = origin.partitions;
            own.earlier = origin.earlier;
            own.earlier.retain(|partition| *partition != place.partition);
            own.earlier.push(origin.partition);
            written.fenced.push(origin.partition);
        }
        written.origin = Some(own);
        written.guarded = true;
        self.from = place.partition;
        Met::Taken
    }

    /// The row is to be changed by a record: it is written from there.
    #[inline]
    pub(crate) fn write_from(&mut self, place: Place, origins: &Origins) {
        if self.written.is_none() {
            let origin = origins.origin(place);
            self.written = Some(Box::new(Written { origin, version: 0, guarded: true, fenced: Vec::new() }));
            self.from = place.partition;
        }
    }

    /// The row is saved: says under which conditions, and whom that fences.
    pub(crate) fn guard(&mut self, key: &[u8], origins: &Origins, changes: &mut Changes) {
        let is_stored = self.is_stored();
        let Some(written) = self.written.as_deref_mut() else { return };
        if std::mem::take(&mut written.guarded) {
            changes.guard(key, written.version);
        }
        for partition in written.fenced.drain(..) {
            if let Some(origin) = &written.origin {
                origins.fence(&origin.topic, partition, changes);
            }
        }
        if !is_stored {
            // Whoever makes it anew must find that nobody else did.
            (self.written, self.from) = (None, NOWHERE);
        }
    }
}

#[cfg(test)]
mod tests;
