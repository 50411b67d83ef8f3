//! Saves of lanes.

use std::collections::BTreeMap;

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind},
    store::{Changes, End, Guard, Held, LaneProgress, Saved, row_version},
};
use redis::Value;

use crate::{
    fault::{Cause, Failure},
    lane::{CHUNK, Lane, step},
    store::RedisStore,
    wire::{Link, Requests, bytes},
};

/// The largest whole number that a sorted set holds exactly. What ends later than that is asked for too early, and the row
/// itself then says when it ends.
const LARGEST_SCORE: i64 = 1 << 53;

/// How many rows are put under `WATCH` one by one at first: for each the server looks through all that the connection has
/// there, so that 64 take it 50 µs, and 6,000 hold up everybody for more than a tenth of a second:
/// `(echo WATCH $(seq 6000); echo INFO commandstats) | redis-cli | grep watch`, Redis 7.0.
const FEW: usize = 64;

/// How often more rows than that are guarded by the saves of their lane before they are guarded one by one.
const TRIES: usize = 4;

/// What shows that guarded rows changed between the look at them and the transaction.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    /// The rows themselves.
    Rows,
    /// The one key that every save of the lane changes. It costs nothing, and says it too where another row was saved.
    Saves,
}

/// What is asked for in a save, and where its answer stands.
struct Transaction {
    requests: Requests,
    /// Index of the answer to `EXEC`.
    end: usize,
    /// How many commands are done by it.
    commands: usize,
}

impl RedisStore {
    fn transaction(&self, number: u16, held: &[Held], rows: &Changes, progress: &[LaneProgress]) -> Transaction {
        let mut requests = Requests::default();
        requests.command("MULTI", &[]);
        if !rows.is_empty() {
            requests.command("HINCRBY", &[self.keys.saves(number).as_bytes(), b"n", b"1"]);
        }
        write_rows(&mut requests, rows.rows().zip(rows.expiries()), self.keys.state(number).as_bytes());
        self.write_ends(&mut requests, number, rows.ends());
        self.write_progress(&mut requests, number, held, progress);
        for name in rows.fences() {
            let key = self.keys.progress(number, name);
            requests.command("HINCRBY", &[key.as_bytes(), b"e", step().as_bytes()]);
        }
        let (end, commands) = (requests.len(), requests.len() - 1);
        requests.command("EXEC", &[]);
        self.ask_window(&mut requests, number, held);
        Transaction { requests, end, commands }
    }

    fn write_progress(&self, requests: &mut Requests, number: u16, held: &[Held], progress: &[LaneProgress]) {
        for (held, progress) in held.iter().zip(progress) {
            let key = self.keys.progress(number, &held.name);
            let next = progress.next.map(|next| next.to_string()).unwrap_or_default();
            let watermark = progress.watermark.to_string();
            let marks = progress.marks.to_string();
            requests.begin("HSET", 15);
            requests.argument(key.as_bytes());
            requests.argument(b"n").argument(next.as_bytes());
            requests.argument(b"f").argument(progress.first.to_string().as_bytes());
            requests.argument(b"w").argument(watermark.as_bytes());
            requests.argument(b"i").argument(progress.incarnation.as_bytes());
            requests.argument(b"v").argument(progress.plan.as_bytes());
            // Written empty too: they may be fewer than before.
            requests.argument(b"m").argument(marks.as_bytes());
            requests.argument(b"c").argument(progress.counted.to_string().as_bytes());
        }
    }

    /// Saves without a fence: rows, and behind them how far they are, each as it comes.
    fn save_unfenced(
        &self,
        number: u16,
        lane: &mut Lane,
        held: &[Held],
        rows: &Changes,
        progress: &[LaneProgress],
    ) -> Result<Saved, Failure> {
        self.over(number, lane, |link, _| {
            let mut requests = Requests::default();
            write_rows(&mut requests, rows.rows().zip(rows.expiries()), self.keys.state(number).as_bytes());
            self.write_ends(&mut requests, number, rows.ends());
            self.write_progress(&mut requests, number, held, progress);
            link.ask_all(&requests).map(|_| Saved::Applied)
        })
    }

    /// Writes when values end: a sorted set for each state and partition, whose members are the rows' own keys.
    fn write_ends(&self, requests: &mut Requests, number: u16, ends: &[End]) {
        let mut sets: BTreeMap<(&str, u32), Vec<&End>> = BTreeMap::new();
        for end in ends {
            sets.entry((&end.state, end.partition)).or_default().push(end);
        }
        for ((state, partition), ends) in sets {
            let key = self.keys.ends(number, state, partition);
            let (put, gone): (Vec<&End>, Vec<&End>) = ends.into_iter().partition(|end| end.due.is_some());
            for chunk in put.chunks(CHUNK) {
                requests.begin("ZADD", 1 + 2 * chunk.len()).argument(key.as_bytes());
                for end in chunk {
                    let due = end.due.unwrap_or_default().clamp(-LARGEST_SCORE, LARGEST_SCORE);
                    requests.argument(due.to_string().as_bytes()).argument(&end.key);
                }
            }
            for chunk in gone.chunks(CHUNK) {
                requests.begin("ZREM", 1 + chunk.len()).argument(key.as_bytes());
                for end in chunk {
                    requests.argument(&end.key);
                }
            }
        }
    }

    /// Puts rows under `WATCH` beside the progress, or what changes with them, and gives whether they are as they were read.
    fn guard(&self, number: u16, lane: &mut Lane, guards: &[Guard], watch: Watch) -> Result<bool, Failure> {
        if guards.is_empty() {
            return Ok(true);
        }
        let Some(link) = &mut lane.link else { return Ok(false) };
        let (mut requests, prefix) = (Requests::default(), self.keys.state(number));
        let chunks = || guards.chunks(CHUNK);
        let each = |requests: &mut Requests, command| {
            for chunk in chunks() {
                requests.begin(command, chunk.len());
                for guard in chunk {
                    requests.joined(prefix.as_bytes(), &guard.key);
                }
            }
        };
        match watch {
            Watch::Rows => each(&mut requests, "WATCH"),
            Watch::Saves => {
                requests.command("WATCH", &[self.keys.saves(number).as_bytes()]);
            }
        }
        let before = requests.len();
        each(&mut requests, "MGET");
        let asked = link.ask_all(&requests).and_then(|replies| {
            let mut same = true;
            for (chunk, reply) in chunks().zip(replies.into_iter().skip(before)) {
                let rows = link.items(reply, chunk.len())?;
                same &= chunk.iter().zip(&rows).all(|(guard, row)| row_version(bytes(row)) == guard.version);
            }
            Ok(same)
        });
        match asked {
            Ok(same) => {
                if !same {
                    // The next load lets go of what stands under `WATCH`.
                    lane.window = None;
                }
                Ok(same)
            }
            Err(failure) => {
                self.topology.learn(&failure, link.node());
                lane.after(&failure);
                Err(failure)
            }
        }
    }

    pub(crate) fn try_save(
        &self,
        number: u16,
        held: &[Held],
        rows: &Changes,
        progress: &[LaneProgress],
    ) -> Result<Saved, Failure> {
        let mut guard = self.lane(number).map_err(|error| Failure::new(Cause::Refused, error))?;
        let lane = &mut *guard;
        if held.len() != progress.len() {
            let message = format!("lane {number}: {} partitions are held and {} saved", held.len(), progress.len());
            let error = ConnectorError::new(Kind::Other, message).with_help("report it: the runtime counts wrongly");
            return Err(Failure::new(Cause::Refused, error));
        }
        if !self.topology.settings().is_fenced() {
            return self.save_unfenced(number, lane, held, rows, progress);
        }
        let tries = if rows.guards().len() <= FEW { 0 } else { TRIES };
        for watch in std::iter::repeat_n(Watch::Saves, tries).chain([Watch::Rows]) {
            if let Some(saved) = self.save_under(watch, number, lane, held, rows, progress)? {
                return Ok(saved);
            }
            // Another save of the lane came in between; whether it is of these rows is seen by reading them again.
        }
        Ok(Saved::Lost)
    }

    /// Saves unless what stands under `WATCH` changes meanwhile: gives nothing then, and nothing was done.
    fn save_under(
        &self,
        watch: Watch,
        number: u16,
        lane: &mut Lane,
        held: &[Held],
        rows: &Changes,
        progress: &[LaneProgress],
    ) -> Result<Option<Saved>, Failure> {
        // It must be known that the progress is as it is held before the transaction is sent, not only in the same trip:
        // a transaction that a slow server takes up late is then void as soon as anyone has touched the progress.
        self.over(number, lane, |link, window| self.stand(number, held, link, window))?;
        if !self.guard(number, lane, rows.guards(), watch)? {
            return Ok(Some(Saved::Lost));
        }
        let transaction = self.transaction(number, held, rows, progress);
        let Some(link) = &mut lane.link else {
            let error = ConnectorError::new(Kind::Unavailable, format!("lane {number} has no connection to Redis"));
            return Err(Failure::new(Cause::Closed, error));
        };
        lane.window = None;
        let asked = link.ask(&transaction.requests);
        let ended = asked.and_then(|replies| ended(link, &transaction, replies));
        let (saved, behind) = match ended {
            Ok(ended) => ended,
            Err(failure) => {
                self.topology.learn(&failure, link.node());
                if failure.error.kind == Kind::Damaged && failure.cause == Cause::Unreachable {
                    lane.torn = Some(failure.error.clone());
                }
                lane.after(&failure);
                lane.home = None;
                return Err(failure);
            }
        };
        if saved.is_some() && !held.is_empty() {
            let now = |(held, progress): (&Held, &LaneProgress)| Held { next: progress.next, ..held.clone() };
            let now: Vec<Held> = held.iter().zip(progress).map(now).collect();
            // Where it is not so, the next load finds it out.
            let watched = matches!(behind.first(), Some(Value::Okay));
            if watched && self.verify(link, number, &now, &behind[1..]).is_ok() {
                lane.window = Some(now);
            }
        }
        Ok(saved)
    }
}

/// Writes rows: those that stay by `MSET`, those that expire each by its own command, and what is deleted.
pub(crate) fn write_rows<'r>(
    requests: &mut Requests,
    rows: impl Iterator<Item = ((&'r [u8], Option<&'r [u8]>), u64)>,
    prefix: &[u8],
) {
    let (mut put, mut deleted) = (Vec::new(), Vec::new());
    for ((key, value), expires) in rows {
        match value {
            Some(value) if expires == 0 => put.push((key, value)),
            Some(value) => {
                requests.begin("SET", 4).joined(prefix, key).argument(value);
                requests.argument(b"PX").argument(expires.to_string().as_bytes());
            }
            None => deleted.push(key),
        }
    }
    for chunk in put.chunks(CHUNK) {
        requests.begin("MSET", 2 * chunk.len());
        for (key, value) in chunk {
            requests.joined(prefix, key).argument(value);
        }
    }
    for chunk in deleted.chunks(CHUNK) {
        requests.begin("DEL", chunk.len());
        for key in chunk {
            requests.joined(prefix, key);
        }
    }
}

/// How a transaction ended, and the answers behind it; none where what stood under `WATCH` was changed.
fn ended(
    link: &Link,
    transaction: &Transaction,
    mut replies: Vec<Value>,
) -> Result<(Option<Saved>, Vec<Value>), Failure> {
    let behind = replies.split_off(transaction.end + 1);
    let end = replies.pop().unwrap_or(Value::Nil);
    if let Value::Nil = end {
        return Ok((None, behind));
    }
    // A command that was refused tells more than `EXECABORT`, and nothing was done then.
    if let Value::ServerError(_) = end {
        replies.iter().try_for_each(|reply| link.accepted(reply))?;
    }
    link.accepted(&end)?;
    let done = link.items(end, transaction.commands)?;
    let Some(refused) = done.iter().find_map(|reply| link.accepted(reply).err()) else {
        return Ok((Some(Saved::Applied), behind));
    };
    if done.iter().all(|reply| matches!(reply, Value::ServerError(_))) {
        return Err(refused);
    }
    // None of the commands can fail by what a key holds or for want of memory; the rights of the user may have been
    // changed in the very moment. Redis undoes nothing.
    let message = format!("a save at Redis `{}` was done in part: {}", link.node(), refused.error.message);
    let help = "put back a copy of the store from before: its rows and its progress no longer belong together";
    Err(Failure::new(Cause::Unreachable, ConnectorError::new(Kind::Damaged, message).with_help(help)))
}
