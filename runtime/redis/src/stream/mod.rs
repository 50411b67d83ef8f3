//! Streams of Redis as a source: each is one partition, which one worker of the group reads at a time.
//!
//! # Which worker
//! A worker reads while it has a lease: a key that only it prolongs and that ends by itself. The lease decides nothing but who
//! reads. That no entry is counted twice rests on the lanes, as for topics: whoever gets the lease claims them, and whoever
//! claims last alone can save. A worker that was held up for longer than its lease and goes on saves nothing, writes no values
//! and adds no entries; with its next look at the lease it gives the stream up.
//!
//! # Where it is read from
//! The positions are those of the lanes. No consumer group is read with: one would have a second opinion of what was taken. There
//! is a group all the same, `nsf-` and a number. It tells the stream from another that is made under its name, since it goes with
//! the stream that is deleted; and it notes after each commit how far entries were taken, for people, for who trims (`XTRIM …
//! MINID`), and to know what trimming took away: Redis tells how many entries were ever added and how many are there, so how
//! many of the first are gone. Where these are more than were noted as taken, and the last that was taken is gone too, something
//! may be lost, and it is told. An entry that was deleted alone (`XDEL`) before it was taken is not seen.
//!
//! Entries are offsets by [`timed`].

mod entries;
mod lease;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nsf_engine::{
    connector::{
        Change, Command, ConnectorError, ConnectorErrorKind as Kind, ConnectorResult, LogState, PartitionId, Polled,
        Position, RawBatch, Source,
    },
    timed,
};

use crate::{fault::Failure, fenced::Claims, keys::Keys, settings::RedisSettings, tags::slot, topology::Topology};
use entries::{Look, Standing};
use lease::Lease;

/// How long nothing is asked after a look that found nothing.
const IDLE: Duration = Duration::from_millis(20);

/// How long nothing is asked after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// What is wrong with a source just now, for who does not have it.
#[derive(Clone, Default)]
pub struct StreamsStatus {
    trouble: Arc<Mutex<Option<ConnectorError>>>,
}

impl StreamsStatus {
    /// What is wrong though the run goes on; none where all is well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(ToString::to_string)
    }

    fn set(&self, trouble: Option<ConnectorError>) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }
}

/// Streams that are read together.
pub struct RedisStreamSource {
    place: Place,
    streams: Vec<Stream>,
    leases: Vec<Lease>,
    changes: VecDeque<Change>,
    /// The stream that is looked at next.
    turn: usize,
    /// Nothing is asked before: nothing was there, or something failed.
    rests_until: Option<Instant>,
    fails: bool,
    status: StreamsStatus,
}

/// The servers.
struct Place {
    alone: Topology,
    claims: Arc<Claims>,
}

impl Place {
    fn topology(&self) -> &Topology {
        self.claims.topology().unwrap_or(&self.alone)
    }
}

struct Stream {
    name: String,
    key: Vec<u8>,
    slot: u16,
    /// Index of the lease that it is read under.
    lease: usize,
    /// Whether it was told that it is this worker's, and which stream it was then.
    assigned: Option<String>,
    /// None while it is not read.
    reading: Option<Reading>,
    /// What was taken, each time it was: the offset behind, and how many entries were added up to there.
    taken: VecDeque<(u64, u64)>,
}

/// Where a stream is read.
struct Reading {
    next: u64,
    /// The number of the start.
    generation: u64,
    /// How many entries were added before `next`; none where that was not yet looked at.
    ordinal: Option<u64>,
}

impl RedisStreamSource {
    /// The streams of these names in the place of a store; those with one number in `groups` are read by one worker. Nothing is
    /// connected to yet.
    ///
    /// # Errors
    /// Where the settings cannot be used.
    pub fn new(
        settings: RedisSettings,
        claims: Arc<Claims>,
        names: &[String],
        groups: &[u32],
    ) -> ConnectorResult<Self> {
        let keys = Keys::new(&settings)?;
        let (mut streams, mut leases, mut known): (Vec<Stream>, Vec<Lease>, Vec<u32>) = Default::default();
        for (name, group) in names.iter().zip(groups) {
            let lease = known.iter().position(|own| own == group).unwrap_or_else(|| {
                known.push(*group);
                leases.push(Lease::new(keys.lease(name)));
                leases.len() - 1
            });
            let key = keys.stream(name);
            let slot = slot(&key);
            streams.push(Stream {
                name: name.clone(),
                key,
                slot,
                lease,
                assigned: None,
                reading: None,
                taken: VecDeque::new(),
            });
        }
        let place = Place { alone: Topology::new(Arc::new(settings)), claims };
        let (changes, status) = Default::default();
        Ok(Self { place, streams, leases, changes, turn: 0, rests_until: None, fails: false, status })
    }

    /// What is to be known of it by who does not have it.
    #[must_use]
    pub fn status(&self) -> StreamsStatus {
        self.status.clone()
    }

    /// Sees to the leases; tells what came and what is gone.
    fn see_to_leases(&mut self) -> Result<(), Failure> {
        for at in 0..self.leases.len() {
            let had = self.leases[at].is_held();
            let seen = self.leases[at].see_to(self.place.topology());
            let has = self.leases[at].is_held();
            if had && !has {
                self.give_up(at);
            }
            seen?;
            if has {
                self.assign(at)?;
            }
        }
        Ok(())
    }

    /// The streams of a lease are not this worker's any more.
    fn give_up(&mut self, lease: usize) {
        for (index, stream) in (0..).zip(&mut self.streams).filter(|(_, stream)| stream.lease == lease) {
            stream.reading = None;
            if stream.assigned.take().is_some() {
                self.changes.push_back(Change::Gone(PartitionId { stream: index, partition: 0 }));
            }
        }
    }

    /// Tells of streams that are this worker's since a moment ago.
    fn assign(&mut self, lease: usize) -> Result<(), Failure> {
        let topology = self.place.topology();
        for (index, stream) in (0..).zip(&mut self.streams) {
            if stream.lease == lease && stream.assigned.is_none() {
                let log = topology.at(stream.slot, |link| entries::state(link, &stream.key, &stream.name))?;
                stream.assigned = Some(log.incarnation.clone());
                self.changes.push_back(Change::Assigned(PartitionId { stream: index, partition: 0 }, log));
            }
        }
        Ok(())
    }

    /// Reads on in one stream; whether there was something.
    fn read(&mut self, index: usize, batch: &mut RawBatch, bytes: usize) -> Result<bool, Failure> {
        let (stream, topology) = (&mut self.streams[index], self.place.topology());
        let Some(reading) = &mut stream.reading else { return Ok(false) };
        let next = reading.next;
        if reading.ordinal.is_none() {
            let counted = topology.at(stream.slot, |link| entries::ordinal(link, &stream.key, &stream.name, next))?;
            reading.ordinal = counted;
        }
        let Look { standing, entries, whole } =
            topology.at(stream.slot, |link| entries::read(link, &stream.key, &stream.name, next))?;
        let is_same = |now: &Standing| stream.assigned.as_ref() == Some(&now.mark);
        let is_whole = |now: &Standing| reading.ordinal.is_none_or(|ordinal| now.removed() <= ordinal);
        let Some(standing) = standing.filter(|now| is_same(now) && is_whole(now)) else {
            // Whoever decides where it goes on looks at it anew, and says what is wrong.
            (stream.reading, stream.assigned) = (None, None);
            self.changes.push_back(Change::Gone(PartitionId { stream: index as u32, partition: 0 }));
            return Ok(false);
        };
        let Some(ordinal) = &mut reading.ordinal else { return Ok(false) };
        for entry in &entries {
            if !batch.messages.is_empty() && batch.bytes.len() + entry.bytes() > bytes {
                break;
            }
            entry.push(batch);
        }
        let Some(last) = batch.messages.last() else { return Ok(false) };
        reading.next = last.offset + 1;
        *ordinal += batch.messages.len() as u64;
        if whole && batch.messages.len() == entries.len() {
            // Single entries that were deleted are not counted by reading.
            *ordinal = standing.added;
        }
        stream.taken.push_back((reading.next, *ordinal));
        (batch.stream, batch.partition, batch.generation) = (index as u32, 0, reading.generation);
        batch.end = Position { next: reading.next, detail: Vec::new() };
        Ok(true)
    }

    /// Notes how far a stream was taken. Nothing depends on it at once: what fails is done with the next commit.
    fn note(&mut self, index: usize, next: u64) {
        let Some(stream) = self.streams.get_mut(index) else { return };
        let mut noted = None;
        while let Some(taken) = stream.taken.front().copied().filter(|(behind, _)| *behind <= next) {
            noted = Some(taken);
            stream.taken.pop_front();
        }
        if let (Some((behind, ordinal)), Some(mark)) = (noted, &stream.assigned) {
            let topology = self.place.topology();
            let noted = topology.at(stream.slot, |link| entries::note(link, &stream.key, mark, behind, ordinal));
            if noted.is_err() {
                stream.taken.push_front((behind, ordinal));
            }
        }
    }

    /// What a failure means: it is waited for, unless it never passes.
    fn failed(&mut self, failure: Failure) -> ConnectorResult<()> {
        let error = ConnectorError::from(failure);
        if !error.kind.may_heal() {
            return Err(error);
        }
        self.status.set(Some(error));
        self.rests_until = Some(Instant::now() + PAUSE);
        self.fails = true;
        Ok(())
    }

    fn rests(&self) -> bool {
        self.rests_until.is_some_and(|until| Instant::now() < until)
    }

    /// Looks at leases and streams.
    fn look(&mut self, batch: Option<(&mut RawBatch, usize)>) -> Result<bool, Failure> {
        self.see_to_leases()?;
        let Some((batch, bytes)) = batch.filter(|_| self.changes.is_empty()) else { return Ok(false) };
        for _ in 0..self.streams.len() {
            let index = self.turn % self.streams.len();
            self.turn = index + 1;
            if self.read(index, batch, bytes)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Source for RedisStreamSource {
    /// Connects to nothing: a server that does not answer is waited for. Positions are given by [`Command::Start`].
    fn open(&mut self, _positions: &[(u32, Position)]) -> ConnectorResult<()> {
        Ok(())
    }

    /// Does not wait: who has no other source to ask does.
    fn poll(&mut self, batch: &mut RawBatch, bytes: usize) -> ConnectorResult<Polled> {
        if self.changes.is_empty() && !self.rests() {
            match self.look(Some((batch, bytes))) {
                Ok(found) => {
                    self.fails = false;
                    self.status.set(None);
                    if found {
                        return Ok(Polled::Batch);
                    }
                }
                Err(failure) => self.failed(failure)?,
            }
        }
        if !self.changes.is_empty() {
            return Ok(Polled::Changed);
        }
        if !self.rests() {
            self.rests_until = Some(Instant::now() + IDLE);
        }
        Ok(Polled::Idle)
    }

    fn changes(&mut self) -> Vec<Change> {
        self.changes.drain(..).collect()
    }

    fn command(&mut self, command: Command) -> ConnectorResult<()> {
        match command {
            Command::Start { partition, next, generation } => {
                if let Some(stream) = self.streams.get_mut(partition.stream as usize) {
                    stream.taken.clear();
                    let reading = Reading { next, generation, ordinal: None };
                    stream.reading = stream.assigned.is_some().then_some(reading);
                }
            }
            Command::Pause(partition) => {
                if let Some(stream) = self.streams.get_mut(partition.stream as usize) {
                    stream.reading = None;
                }
            }
            Command::Count(stream) => self.changes.push_back(Change::Counted { stream, partitions: 1 }),
            Command::Commit(positions) => {
                if !self.fails {
                    positions.iter().for_each(|(partition, next)| self.note(partition.stream as usize, *next));
                }
            }
            // Nothing is ever revoked here.
            Command::Release(_) => {}
        }
        Ok(())
    }

    fn rest(&mut self) -> ConnectorResult<Polled> {
        if self.changes.is_empty() && !self.rests() {
            match self.look(None) {
                Ok(_) => {
                    self.fails = false;
                    self.status.set(None);
                }
                Err(failure) => self.failed(failure)?,
            }
        }
        Ok(if self.changes.is_empty() { Polled::Idle } else { Polled::Changed })
    }

    /// Lets others read at once.
    fn close(&mut self, _deadline: Duration) {
        for lease in &mut self.leases {
            lease.release(self.place.topology());
        }
        for stream in &mut self.streams {
            (stream.reading, stream.assigned) = (None, None);
        }
    }
}

/// Where a stream stands, for who sets positions; and whether a worker reads it.
///
/// # Errors
/// Where the server does not answer, or cannot be a source.
pub fn stream_stands(settings: &RedisSettings, name: &str) -> ConnectorResult<(LogState, bool)> {
    let keys = Keys::new(settings)?;
    let topology = Topology::new(Arc::new(settings.clone()));
    let key = keys.stream(name);
    let state = topology.at(slot(&key), |link| entries::state(link, &key, name))?;
    let lease = keys.lease(name);
    let is_read = topology.at(slot(&lease), |link| lease::holder(link, &lease))?.is_some();
    Ok((state, is_read))
}

/// How many entries a stream has, for who only looks; none where there is no such stream. Nothing is changed.
///
/// # Errors
/// Where the server does not answer, or cannot be a source.
pub fn stream_length(settings: &RedisSettings, name: &str) -> ConnectorResult<Option<u64>> {
    let key = Keys::new(settings)?.stream(name);
    let topology = Topology::new(Arc::new(settings.clone()));
    Ok(topology.at(slot(&key), |link| entries::length(link, &key, name))?)
}

/// The error of an entry that is no offset.
fn unfit(stream: &str, id: &str) -> ConnectorError {
    let message = format!(
        "the entry `{id}` of the stream `{stream}` cannot be counted: its number is above {} or its time behind the year 2109",
        (1_u64 << timed::NUMBER_BITS) - 1
    );
    ConnectorError::new(Kind::Damaged, message)
        .with_help("let Redis name the entries (`XADD … *`); copy what is in the stream to another")
}
