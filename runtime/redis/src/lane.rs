//! Lanes: rows and progress that change together, for whoever claimed them last.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult},
    store::{Changes, Held, LaneProgress, LaneStore, PartitionName, Saved},
};
use redis::Value;

use crate::{
    fault::{Cause, Failure},
    keys::PROGRESS_FIELDS,
    settings::Node,
    store::RedisStore,
    wire::{Link, Requests, bytes},
};

/// How many keys are asked for or changed by one command: more would make other lanes wait.
pub(crate) const CHUNK: usize = 1000;

/// The largest step by which a claim raises its number.
const LARGEST_STEP: u64 = 1 << 20;

/// How many answers come before those of the progress where a window is set up: [`end_window`] and `WATCH`.
const BEFORE_PROGRESS: usize = 3;

/// Ends what may still stand under `WATCH`. An empty transaction does it as `UNWATCH` does, and shows that the user has the
/// right to begin one: without it the commands of a save, which are sent in one go, would be done unprotected.
pub(crate) fn end_window(requests: &mut Requests) {
    requests.command("MULTI", &[]).command("EXEC", &[]);
}

/// Where a lane was claimed.
pub(crate) struct Home {
    node: Node,
    instance: Arc<str>,
}

impl Home {
    fn of(link: &Link) -> Self {
        Self { node: link.node().clone(), instance: Arc::clone(link.instance()) }
    }
}

/// What a worker has of a lane beside its rows.
#[derive(Default)]
pub(crate) struct Lane {
    pub(crate) link: Option<Link>,
    /// What stands under `WATCH` on the connection and was compared since; none where nothing does.
    pub(crate) window: Option<Vec<Held>>,
    /// Where it was claimed.
    pub(crate) home: Option<Home>,
    /// Of which partitions, since it was claimed for all that the worker has.
    claimed: Vec<Arc<PartitionName>>,
    /// Why the lane cannot be used any more: a save of it was done in part.
    pub(crate) torn: Option<ConnectorError>,
}

impl Lane {
    /// Notes that nothing stands under `WATCH`, and lets the connection go where it is of no use.
    pub(crate) fn after(&mut self, failure: &Failure) {
        self.window = None;
        if failure.cause != Cause::Refused {
            self.link = None;
        }
    }
}

impl RedisStore {
    /// A lane, for the one thread that uses it.
    pub(crate) fn lane(&self, number: u16) -> ConnectorResult<MutexGuard<'_, Lane>> {
        let Some(lane) = self.lanes.get(usize::from(number)) else {
            let message = format!("the store on Redis has {} lanes, and lane {number} was asked for", self.lanes.len());
            return Err(ConnectorError::new(Kind::Other, message).with_help("report it: the runtime counts wrongly"));
        };
        let lane = lane.lock().unwrap_or_else(PoisonError::into_inner);
        match &lane.torn {
            Some(torn) => Err(torn.clone()),
            None => Ok(lane),
        }
    }

    /// Does what may be done twice over the lane's connection, which is made where there is none. If it turns out to be an
    /// old one to a server that has restarted or is not the master any more, it is done over another.
    pub(crate) fn over<T>(
        &self,
        number: u16,
        lane: &mut Lane,
        work: impl Fn(&mut Link, &mut Option<Vec<Held>>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut again = true;
        loop {
            let slot = self.keys.lane_slot(number);
            let (link, fresh) = match lane.link.take().filter(|link| !self.topology.has_moved(link.node(), slot)) {
                Some(link) => (link, false),
                None => (self.topology.connect(slot)?, true),
            };
            let link = lane.link.insert(link);
            if fresh {
                lane.window = None;
            }
            if let Err(lost) = self.at_home(number, lane.home.as_ref(), link) {
                lane.home = None;
                return Err(lost);
            }
            let failure = match work(link, &mut lane.window) {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            self.topology.learn(&failure, link.node());
            lane.after(&failure);
            if !(again && failure.passing() && (!fresh || failure.cause == Cause::Moved)) {
                // All of the lane is claimed anew after that.
                lane.home = None;
                return Err(failure);
            }
            again = false;
        }
    }

    /// Refuses to go on with a lane at another server than the one that it was claimed at. The one before may still have taken
    /// rows of dimensions that the lane's records wrote, and have lost them since; in a cluster they lie elsewhere anyway. Where
    /// the program writes outputs into Redis, it is the same with a server that was started anew.
    fn at_home(&self, lane: u16, home: Option<&Home>, link: &Link) -> Result<(), Failure> {
        let Some(home) = home.filter(|_| !self.topology.is_cluster()) else { return Ok(()) };
        let now = link.node();
        let message = if home.node != *now {
            format!("the master is Redis at `{now}` now, and lane {lane} was claimed at `{}`", home.node)
        } else if self.claims.with_outputs() && home.instance != *link.instance() {
            format!("Redis at `{now}` was started anew, or became the master anew, after lane {lane} was claimed there")
        } else {
            return Ok(());
        };
        let help = "the lane is claimed anew and its records are read again from where the store stands";
        Err(Failure::new(Cause::Refused, ConnectorError::new(Kind::Lost, message).with_help(help)))
    }

    /// Asks for what [`RedisStore::verify`] compares.
    fn ask_progress(&self, requests: &mut Requests, lane: u16, held: &[Held]) {
        for held in held {
            let key = self.keys.progress(lane, &held.name);
            requests.command("HMGET", &[key.as_bytes(), b"e", b"n"]);
        }
    }

    /// Puts the progress under `WATCH` and asks for it.
    pub(crate) fn ask_window(&self, requests: &mut Requests, lane: u16, held: &[Held]) {
        if held.is_empty() {
            return;
        }
        requests.begin("WATCH", held.len());
        for held in held {
            requests.argument(self.keys.progress(lane, &held.name).as_bytes());
        }
        self.ask_progress(requests, lane, held);
    }

    /// Compares the progress that the store has with what is held.
    pub(crate) fn verify(&self, link: &Link, lane: u16, held: &[Held], replies: &[Value]) -> Result<(), Failure> {
        for (held, reply) in held.iter().zip(replies) {
            link.accepted(reply)?;
            let Value::Array(fields) = reply else { return Err(link.odd("a progress is no list")) };
            let epoch = self.number(link, fields.first())?;
            let next = self.number(link, fields.get(1))?;
            if epoch != Some(held.epoch) || next != held.next {
                return Err(self.lost(lane, held, epoch, next));
            }
        }
        Ok(())
    }

    /// A number in a progress; none where there is none.
    pub(crate) fn number(&self, link: &Link, field: Option<&Value>) -> Result<Option<u64>, Failure> {
        let Some(text) = field.and_then(bytes).filter(|text| !text.is_empty()) else { return Ok(None) };
        let number = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        number.map(Some).ok_or_else(|| self.damaged(link))
    }

    fn damaged(&self, link: &Link) -> Failure {
        let namespace = &self.topology.settings().namespace;
        let message = format!("a progress in the namespace `{namespace}` at Redis `{}` is damaged", link.node());
        let help = "put back a copy of the store, or delete the keys of the namespace to begin anew";
        Failure::new(Cause::Refused, ConnectorError::new(Kind::Damaged, message).with_help(help))
    }

    fn lost(&self, lane: u16, held: &Held, epoch: Option<u64>, next: Option<u64>) -> Failure {
        let PartitionName { topic, partition, .. } = &*held.name;
        let offset = |next: Option<u64>| next.map_or_else(|| "no offset".to_owned(), |next| format!("offset {next}"));
        let namespace = &self.topology.settings().namespace;
        let message = match epoch {
            Some(epoch) if epoch > held.epoch => {
                format!(
                    "lane {lane} of `{topic}` partition {partition} was claimed by another worker (store `{namespace}`)"
                )
            }
            Some(epoch) if epoch == held.epoch => format!(
                "lane {lane} of `{topic}` partition {partition} stands at {} in the store `{namespace}` and was left at {}",
                offset(next),
                offset(held.next)
            ),
            _ => format!(
                "the store `{namespace}` has lost what was written last: it does not know the claim of lane {lane} of \
                 `{topic}` partition {partition}"
            ),
        };
        let help = "the lane is claimed anew and its records are read again from where the store stands";
        Failure::new(Cause::Refused, ConnectorError::new(Kind::Lost, message).with_help(help))
    }

    /// Sets up the window if it does not stand: the progress is under `WATCH`, and was as it is held since.
    pub(crate) fn stand(
        &self,
        number: u16,
        held: &[Held],
        link: &mut Link,
        window: &mut Option<Vec<Held>>,
    ) -> Result<(), Failure> {
        if held.is_empty() || window.as_deref() == Some(held) {
            return Ok(());
        }
        *window = None;
        let mut requests = Requests::default();
        end_window(&mut requests);
        self.ask_window(&mut requests, number, held);
        let replies = link.ask_all(&requests)?;
        self.verify(link, number, held, &replies[BEFORE_PROGRESS..])?;
        *window = Some(held.to_vec());
        Ok(())
    }

    fn load_rows(
        &self,
        number: u16,
        held: &[Held],
        keys: &[&[u8]],
        link: &mut Link,
        window: &mut Option<Vec<Held>>,
    ) -> Result<Vec<Value>, Failure> {
        let prefix = self.keys.state(number);
        let ask = |requests: &mut Requests| {
            for chunk in keys.chunks(CHUNK) {
                requests.begin("MGET", chunk.len());
                for key in chunk {
                    requests.joined(prefix.as_bytes(), key);
                }
            }
        };
        let replies = self.read_held(number, held, &ask, link, window)?;
        let mut rows = Vec::with_capacity(keys.len());
        for (chunk, reply) in keys.chunks(CHUNK).zip(replies) {
            rows.extend(link.items(reply, chunk.len())?);
        }
        Ok(rows)
    }

    /// Asks for something of a lane; the answers count only if the lane was as it is held all the while.
    fn read_held(
        &self,
        number: u16,
        held: &[Held],
        ask: &dyn Fn(&mut Requests),
        link: &mut Link,
        window: &mut Option<Vec<Held>>,
    ) -> Result<Vec<Value>, Failure> {
        let mut requests = Requests::default();
        let held = if self.topology.settings().is_fenced() { held } else { &[] };
        let standing = held.is_empty() || window.as_deref() == Some(held);
        if !standing {
            *window = None;
            end_window(&mut requests);
            self.ask_window(&mut requests, number, held);
        }
        let before = requests.len();
        ask(&mut requests);
        let behind = requests.len();
        self.ask_progress(&mut requests, number, held);
        let mut replies = link.ask_all(&requests)?;
        if !standing {
            self.verify(link, number, held, &replies[BEFORE_PROGRESS..before])?;
        }
        self.verify(link, number, held, &replies[behind..])?;
        if !standing {
            *window = Some(held.to_vec());
        }
        Ok(replies.drain(before..behind).collect())
    }

    /// The members and scores of a set that an answer lists.
    fn read_ends(&self, link: &Link, reply: Option<Value>) -> Result<Vec<(i64, Vec<u8>)>, Failure> {
        let Some(Value::Array(items)) = reply else { return Err(link.odd("the ends of values are no list")) };
        let pair = |pair: &[Value]| {
            let key = bytes(&pair[0])?;
            let score: f64 = std::str::from_utf8(bytes(&pair[1])?).ok()?.parse().ok()?;
            // Whole numbers up to 2^53 were written, which a score holds exactly.
            #[allow(clippy::cast_possible_truncation)]
            let due = score as i64;
            Some((due, key.to_vec()))
        };
        items.chunks_exact(2).map(|own| pair(own).ok_or_else(|| link.odd("the end of a value is no number"))).collect()
    }

    fn claim_all(
        &self,
        number: u16,
        partitions: &[Arc<PartitionName>],
        link: &mut Link,
    ) -> Result<Vec<(u64, LaneProgress)>, Failure> {
        let mut requests = Requests::default();
        for name in partitions {
            let key = self.keys.progress(number, name);
            requests.command("HINCRBY", &[key.as_bytes(), b"e", step().as_bytes()]);
            requests.begin("HMGET", 1 + PROGRESS_FIELDS.len()).argument(key.as_bytes());
            for field in PROGRESS_FIELDS {
                requests.argument(field.as_bytes());
            }
        }
        requests.history();
        let mut replies = link.ask_all(&requests)?;
        let history = replies.pop().unwrap_or(Value::Nil);
        link.learn_history(&history);
        let mut claimed = Vec::with_capacity(partitions.len());
        for pair in replies.chunks_exact(2) {
            let (Value::Int(epoch), Value::Array(fields)) = (&pair[0], &pair[1]) else {
                return Err(link.odd("a claim is no number"));
            };
            let epoch = u64::try_from(*epoch).map_err(|_| self.damaged(link))?;
            let text = |at: usize| fields.get(at).and_then(crate::wire::text).unwrap_or_default();
            let watermark = match text(2) {
                empty if empty.is_empty() => 0,
                text => text.parse().map_err(|_| self.damaged(link))?,
            };
            let next = self.number(link, fields.get(1))?;
            let first = self.number(link, fields.get(5))?.unwrap_or_default();
            let marks = Arc::new(text(6).parse().map_err(|_| self.damaged(link))?);
            let counted = text(7).parse().map_err(|_| self.damaged(link))?;
            let (incarnation, plan) = (text(3), text(4));
            claimed.push((epoch, LaneProgress { next, first, watermark, incarnation, plan, marks, counted }));
        }
        Ok(claimed)
    }
}

/// By how much the number of a claim goes up: one that is made again after the store has gone back is another one.
pub(crate) fn step() -> String {
    (1 + random() % LARGEST_STEP).to_string()
}

/// A number that no other worker has drawn.
pub(crate) fn random() -> u64 {
    // The hashers of the standard library begin with random keys.
    RandomState::new().build_hasher().finish()
}

impl LaneStore for RedisStore {
    fn claim(&self, lane: u16, partitions: &[Arc<PartitionName>]) -> ConnectorResult<Vec<(u64, LaneProgress)>> {
        let mut guard = self.lane(lane)?;
        // Where something else is held of the lane, that was claimed at its home, and stays so.
        if guard.claimed.iter().all(|name| partitions.contains(name)) {
            guard.home = None;
            guard.claimed.clear();
        }
        let claimed = self.over(lane, &mut guard, |link, window| {
            // Its own claim ends a window as much as another's.
            *window = None;
            self.claim_all(lane, partitions, link)
        })?;
        guard.claimed.extend_from_slice(partitions);
        let now = guard.link.as_ref().map(Home::of);
        let instance = now.as_ref().map(|now| Arc::clone(&now.instance)).unwrap_or_default();
        guard.home = guard.home.take().or(now);
        for (name, (epoch, _)) in partitions.iter().zip(&claimed) {
            self.claims.note(lane, name, *epoch, &instance);
        }
        Ok(claimed)
    }

    fn load(
        &self,
        lane: u16,
        held: &[Held],
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, &[u8]),
    ) -> ConnectorResult<()> {
        let mut guard = self.lane(lane)?;
        let rows = self.over(lane, &mut guard, |link, window| self.load_rows(lane, held, keys, link, window))?;
        for (index, row) in rows.iter().enumerate() {
            if let Some(row) = bytes(row) {
                found(index, row);
            }
        }
        Ok(())
    }

    fn ends(
        &self,
        lane: u16,
        held: &[Held],
        state: &str,
        partition: u32,
        after: i64,
        most: usize,
    ) -> ConnectorResult<Vec<(i64, Vec<u8>)>> {
        let key = self.keys.ends(lane, state, partition);
        let (after, most) = (if after == i64::MIN { "-inf".to_owned() } else { format!("({after}") }, most.to_string());
        let words: [&[u8]; 7] =
            [key.as_bytes(), after.as_bytes(), b"+inf", b"WITHSCORES", b"LIMIT", b"0", most.as_bytes()];
        let mut guard = self.lane(lane)?;
        let ends = self.over(lane, &mut guard, |link, window| {
            let ask = |requests: &mut Requests| {
                requests.command("ZRANGEBYSCORE", &words);
            };
            let reply = self.read_held(lane, held, &ask, link, window)?.pop();
            self.read_ends(link, reply)
        })?;
        Ok(ends)
    }

    fn save(&self, lane: u16, held: &[Held], rows: &Changes, progress: &[LaneProgress]) -> Saved {
        match self.try_save(lane, held, rows, progress) {
            Ok(saved) => saved,
            Err(failure) if failure.error.kind == Kind::Lost => Saved::Lost,
            Err(failure) => Saved::Unknown(failure.into()),
        }
    }

    fn swap(&self, rows: &Changes, expected: &[u64]) -> ConnectorResult<Vec<usize>> {
        self.swap_rows(rows, expected)
    }
}

/// Lanes of a number.
pub(crate) fn lanes(number: usize) -> Vec<Mutex<Lane>> {
    (0..number).map(|_| Mutex::default()).collect()
}
