//! Streams of Redis as a source: each is one partition, which one worker of the group reads at a time.
//!
//! # Which worker
//! A worker reads a stream while it has its lease: a key of the stream's name that only it prolongs and that ends by itself.
//! Streams that a flow merges are one worker's, who has the leases of all of them, and so are sources of one stream. A lease
//! decides nothing but who reads. That no entry is counted twice rests on the lanes, as for topics: whoever gets the lease claims
//! them, and whoever claims last alone can save. A worker that was held up for longer than its lease and goes on saves nothing,
//! writes no values and adds no entries; with its next look at the lease it gives the stream up.
//!
//! # Where it is read from
//! The positions are those of the lanes. No consumer group is read with: one would have a second opinion of what was taken. There
//! is a group all the same, `nsf-`, what tells the source from all others, and a number. The number tells the stream from another
//! that is made under its name, since the group goes with the stream that is deleted; and the group notes after each commit how
//! far entries were taken, for people, for who trims (`XTRIM … MINID`), and to know what trimming took away: Redis tells how many
//! entries were ever added and how many are there, so how many of the first are gone. Where these are more than were noted as
//! taken, and the last that was taken is gone too, something may be lost, and it is told. An entry that was deleted alone
//! (`XDEL`) before it was taken is not seen; of several, where all that was taken is gone, it cannot be known that they were not
//! trimmed away.
//!
//! Entries are offsets by [`timed`].

mod count;
pub(crate) mod entries;
mod lease;
mod stands;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use nsf_engine::{
    connector::{
        Change, Command, ConnectorError, ConnectorErrorKind as Kind, ConnectorResult, PartitionId, Polled, Position,
        RawBatch, Source,
    },
    timed,
};

use crate::{claims::Claims, fault::Failure, keys::Keys, settings::RedisSettings, tags::slot, topology::Topology};
use count::Ordinal;
use entries::{Look, Standing, Which};
use lease::Lease;

pub use stands::{stream_length, stream_stands};

/// How long nothing is asked after a look that found nothing.
const IDLE: Duration = Duration::from_millis(20);

/// How long nothing is asked after a failure.
const PAUSE: Duration = Duration::from_millis(500);

/// How many entries are asked for at once, at most, and while it is not known how long they are.
const MOST: usize = 256;
const FIRST: usize = 16;

/// How long entries are counted before others have their turn; a page is counted in any case.
const COUNTING: Duration = Duration::from_millis(20);

/// A stream to be read.
#[derive(Clone, Debug)]
pub struct StreamToRead {
    /// Its name.
    pub name: String,
    /// What the source of it is called in the store: two sources of one stream are told apart by it.
    pub source: String,
    /// Those with one number are read by one worker.
    pub group: u32,
}

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
    which: Which,
    slot: u16,
    /// Index of the lease that it is read under.
    lease: usize,
    /// Whether it was told that it is this worker's.
    assigned: Option<Assigned>,
    /// None while it is not read.
    reading: Option<Reading>,
    /// What was taken, each time it was: the offset behind, and how many entries were added up to there.
    taken: VecDeque<(u64, u64)>,
    /// How many entries are asked for next, as long as the last ones were.
    count: usize,
}

/// The stream that was told to be this worker's.
struct Assigned {
    incarnation: String,
    /// As it stood then.
    standing: Standing,
}

/// Where a stream is read.
struct Reading {
    next: u64,
    /// The number of the start.
    generation: u64,
    /// How many entries were added before `next`.
    ordinal: Ordinal,
    /// Whether it was noted where it began, so that what is before may be trimmed though nothing is taken.
    noted: bool,
}

impl RedisStreamSource {
    /// These streams in the place of a store. Nothing is connected to yet.
    ///
    /// # Errors
    /// Where the settings cannot be used.
    pub fn new(settings: RedisSettings, claims: Arc<Claims>, wanted: &[StreamToRead]) -> ConnectorResult<Self> {
        let keys = Keys::new(&settings)?;
        let shares = shares(wanted);
        let leases = (0..wanted.len()).filter(|at| shares[*at] == *at).map(|share| {
            let names = wanted.iter().zip(&shares).filter(|(_, own)| **own == share);
            Lease::new(names.map(|(stream, _)| keys.lease(&stream.name)).collect())
        });
        let leases: Vec<Lease> = leases.collect();
        // The lease of a share is as many on as there are shares before it.
        let lease = |share: usize| (0..share).filter(|at| shares[*at] == *at).count();
        let stream = |(own, share): (&StreamToRead, &usize)| {
            let which = which(&settings, &keys, own, wanted);
            Stream {
                slot: slot(&which.key),
                which,
                lease: lease(*share),
                assigned: None,
                reading: None,
                taken: VecDeque::new(),
                count: FIRST,
            }
        };
        let streams = wanted.iter().zip(&shares).map(stream).collect();
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
                let (incarnation, standing) = topology.at(stream.slot, |link| entries::state(link, &stream.which))?;
                self.changes.push_back(Change::Assigned(PartitionId { stream: index, partition: 0 }, standing.log()));
                stream.assigned = Some(Assigned { incarnation, standing });
            }
        }
        Ok(())
    }

    /// Reads on in one stream; whether there was something.
    fn read(&mut self, index: usize, batch: &mut RawBatch, bytes: usize) -> Result<bool, Failure> {
        let (stream, topology) = (&mut self.streams[index], self.place.topology());
        if !stream.counted(topology, bytes)? {
            return Ok(self.lost(index));
        }
        self.note_start(index);
        let (stream, topology) = (&mut self.streams[index], self.place.topology());
        let (Some(reading), Some(assigned)) = (&mut stream.reading, &stream.assigned) else { return Ok(false) };
        let Ordinal::Known(ordinal) = &mut reading.ordinal else { return Ok(false) };
        let (next, count) = (reading.next, stream.count);
        let Look { standing, entries, whole } =
            topology.at(stream.slot, |link| entries::read(link, &stream.which, next, count))?;
        let Some(standing) = standing.filter(|now| now.is(&assigned.incarnation) && now.removed() <= *ordinal) else {
            return Ok(self.lost(index));
        };
        for entry in &entries {
            if !batch.messages.is_empty() && batch.bytes.len() + entry.bytes() > bytes {
                break;
            }
            entry.push(batch);
        }
        stream.count = fitting(stream.count, &entries, bytes);
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

    /// Whoever decides where a stream goes on looks at it anew, and says what is wrong. Nothing is there meanwhile.
    fn lost(&mut self, index: usize) -> bool {
        let stream = &mut self.streams[index];
        (stream.reading, stream.assigned) = (None, None);
        self.changes.push_back(Change::Gone(PartitionId { stream: index as u32, partition: 0 }));
        false
    }

    /// Notes where a stream is read from on, once.
    fn note_start(&mut self, index: usize) {
        let reading = self.streams[index].reading.as_mut().filter(|own| matches!(own.ordinal, Ordinal::Known(_)));
        let next = reading.and_then(|own| (!std::mem::replace(&mut own.noted, true)).then_some(own.next));
        if let Some(next) = next {
            self.note(index, next);
        }
    }

    /// Notes how far a stream was taken. Nothing depends on it at once: what fails is done with the next commit.
    fn note(&mut self, index: usize, next: u64) {
        let Some(stream) = self.streams.get_mut(index) else { return };
        let mut noted = None;
        while let Some(taken) = stream.taken.front().copied().filter(|(behind, _)| *behind <= next) {
            noted = Some(taken);
            stream.taken.pop_front();
        }
        if let (Some((behind, ordinal)), Some(own)) = (noted, &stream.assigned) {
            let topology = self.place.topology();
            let noted =
                topology.at(stream.slot, |link| entries::note(link, &stream.which, &own.incarnation, behind, ordinal));
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

    /// Whether entries are still to be counted before they are read, so that there is something to do.
    fn counts(&self) -> bool {
        let counts = |reading: &Reading| matches!(reading.ordinal, Ordinal::Counting(_));
        self.streams.iter().any(|stream| stream.reading.as_ref().is_some_and(counts))
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

impl Stream {
    /// Counts what was added before it is read, where that is not known, for a moment; false where entries went away.
    fn counted(&mut self, topology: &Topology, bytes: usize) -> Result<bool, Failure> {
        let (Some(reading), Some(assigned)) = (&mut self.reading, &self.assigned) else { return Ok(true) };
        let begun = Instant::now();
        let Ordinal::Counting(_) = reading.ordinal else { return Ok(reading.ordinal != Ordinal::Lost) };
        while let Ordinal::Counting(count) = &reading.ordinal {
            let (from, entries) = (count.from, self.count);
            let look = topology.at(self.slot, |link| entries::read(link, &self.which, from, entries))?;
            self.count = fitting(self.count, &look.entries, bytes);
            let standing = look.standing.as_ref().filter(|now| now.is(&assigned.incarnation));
            let Some(standing) = standing else { return Ok(false) };
            reading.ordinal = count.clone().step(standing, &look);
            if begun.elapsed() >= COUNTING {
                break;
            }
        }
        if let Ordinal::Known(ordinal) = reading.ordinal {
            self.taken.push_front((reading.next, ordinal));
        }
        Ok(reading.ordinal != Ordinal::Lost)
    }
}

/// How many entries are asked for next where these were read and so many bytes have room.
fn fitting(last: usize, entries: &[entries::Entry], bytes: usize) -> usize {
    let Some(length) = entries.iter().map(entries::Entry::bytes).sum::<usize>().checked_div(entries.len()) else {
        return last;
    };
    // One that is much shorter than those to come is believed only bit by bit.
    (bytes / length.max(1)).clamp(1, last.saturating_mul(2).min(MOST))
}

/// By stream: the first of those that one worker reads together with it, since a flow merges them or their names are one.
fn shares(streams: &[StreamToRead]) -> Vec<usize> {
    let mut shares: Vec<usize> = (0..streams.len()).collect();
    for (at, own) in streams.iter().enumerate() {
        for (other, before) in streams[..at].iter().enumerate() {
            if own.group == before.group || own.name == before.name {
                let (first, last) = (shares[at].min(shares[other]), shares[at].max(shares[other]));
                shares.iter_mut().filter(|share| **share == last).for_each(|share| *share = first);
            }
        }
    }
    shares
}

fn which(settings: &RedisSettings, keys: &Keys, own: &StreamToRead, all: &[StreamToRead]) -> Which {
    let kin = all.iter().filter(|other| other.name == own.name).map(|other| other.source.as_str());
    let kin: Vec<&str> = kin.collect();
    Which::new(&own.name, keys.stream(&own.name), &settings.group, &own.source, &kin)
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
        if !self.rests() && !self.counts() {
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
                    let ordinal = stream.assigned.as_ref().map(|own| Ordinal::of(&own.standing, next));
                    if let Some(Ordinal::Known(ordinal)) = ordinal {
                        stream.taken.push_back((next, ordinal));
                    }
                    stream.reading = ordinal.map(|ordinal| Reading { next, generation, ordinal, noted: false });
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

    /// Lets others read at once, unless Redis does not answer: then the leases end by themselves.
    fn close(&mut self, deadline: Duration) {
        let until = Instant::now() + deadline;
        if !self.fails {
            let topology = self.place.topology();
            let _ = self.leases.iter_mut().try_for_each(|lease| lease.release(topology, until));
        }
        for stream in &mut self.streams {
            (stream.reading, stream.assigned) = (None, None);
        }
    }
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
