//! What the sink was given and what became of it: shared between the engine's thread and the couriers that send.
//!
//! A message is known by its id and its bytes. After a fault the engine gives again what is not committed; what was taken or
//! refused meanwhile, or is still on its way, is then not sent again. So one message that is not taken does not make all
//! others of its commit be sent over and over.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use hyper::{StatusCode, body::Bytes};
use nsf_engine::connector::{MessageId, RefusedMessage};
use tokio::sync::Notify;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::fault::{self, Trouble};

/// Of how many messages it is remembered what became of them. Only what is not committed must be; this is more than a commit
/// holds, but for the smallest messages.
const REMEMBERED: usize = 100_000;

/// What a message costs beside its bytes.
const EACH: usize = 256;

/// A message that is to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub id: Option<MessageId>,
    /// Of key and message.
    pub hash: u64,
    pub key: Bytes,
    pub message: Bytes,
    generation: u64,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has it.
    Taken,
    /// The receiver will never take it.
    Refused(StatusCode),
}

#[derive(Default)]
struct State {
    /// Goes up when what waits is forgotten.
    generation: u64,
    /// By courier: what it is to send, in order.
    queues: Vec<VecDeque<Job>>,
    /// What is in the queues or with a courier.
    waiting: HashMap<MessageId, u64>,
    outstanding: usize,
    bytes: usize,
    settled: HashMap<MessageId, (u64, Outcome)>,
    /// The same in the order in which they were settled.
    order: VecDeque<MessageId>,
    /// Refused since the last flush.
    refused: BTreeMap<MessageId, RefusedMessage>,
    /// Why what waited was forgotten; until the engine is told.
    failure: Option<(Trouble, u32)>,
    /// What is wrong though it is tried again, and since when that is known.
    trouble: Option<(Trouble, Instant)>,
    /// The courier of the next message without a key.
    next: usize,
}

/// The account of one webhook.
pub(crate) struct Account {
    state: Mutex<State>,
    changed: Condvar,
    /// By courier: that there is something to send.
    calls: Vec<Notify>,
    memory: usize,
}

impl Account {
    pub(crate) fn new(couriers: usize, memory: usize) -> Arc<Self> {
        let couriers = couriers.max(1);
        let state = State { queues: vec![VecDeque::new(); couriers], ..State::default() };
        let calls = (0..couriers).map(|_| Notify::new()).collect();
        Arc::new(Self { state: Mutex::new(state), changed: Condvar::new(), calls, memory: memory.max(1) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why what was given was forgotten: it must be given again. Told once.
    pub(crate) fn failure(&self) -> Option<(Trouble, u32)> {
        self.state().failure.take()
    }

    /// What was wrong less than `within` ago, though it is tried again. What is older may have healed: nobody asked since, as
    /// when another worker has the messages.
    pub(crate) fn trouble(&self, within: Duration) -> Option<Trouble> {
        let state = self.state();
        state.trouble.as_ref().filter(|(_, since)| since.elapsed() < within).map(|(trouble, _)| trouble.clone())
    }

    /// How many messages wait for an answer.
    pub(crate) fn outstanding(&self) -> usize {
        self.state().outstanding
    }

    /// Takes a message, unless it is known; whether there was room for it in time, or a failure that is to be told first.
    pub(crate) fn give(&self, id: Option<MessageId>, key: &[u8], message: &[u8], until: Instant) -> bool {
        let hash = xxh3_64_with_seed(message, xxh3_64(key));
        let size = key.len() + message.len() + EACH;
        let mut state = self.state();
        loop {
            if state.failure.is_some() || id.is_some_and(|id| state.knows(id, hash, key, message)) {
                return true;
            }
            if state.outstanding == 0 || state.bytes + size <= self.memory {
                break;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.bytes += size;
        state.outstanding += 1;
        let courier = state.courier(key);
        let generation = state.generation;
        if let Some(id) = id {
            state.waiting.insert(id, hash);
        }
        let (key, message) = (Bytes::copy_from_slice(key), Bytes::copy_from_slice(message));
        state.queues[courier].push_back(Job { id, hash, key, message, generation });
        drop(state);
        self.calls[courier].notify_one();
        true
    }

    /// Waits until nothing waits for an answer, or a failure is to be told; whether it came to that in time.
    pub(crate) fn settled(&self, until: Instant) -> bool {
        let mut state = self.state();
        loop {
            if state.failure.is_some() || state.outstanding == 0 {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What was refused since this was last asked.
    pub(crate) fn refused(&self) -> Vec<RefusedMessage> {
        std::mem::take(&mut self.state().refused).into_values().collect()
    }

    /// Forgets what waits: the engine gives it again, or somebody else has it.
    pub(crate) fn forget(&self) {
        self.state().forget();
        self.changed.notify_all();
    }

    /// The next message of a courier; waits for it.
    pub(crate) async fn next(&self, courier: usize) -> Job {
        loop {
            if let Some(job) = self.state().queues[courier].pop_front() {
                return job;
            }
            self.calls[courier].notified().await;
        }
    }

    /// Whether a message is still to be sent.
    pub(crate) fn wants(&self, job: &Job) -> bool {
        self.state().generation == job.generation
    }

    /// Notes what became of a message.
    pub(crate) fn settle(&self, job: &Job, outcome: Outcome) {
        let mut state = self.state();
        state.trouble = None;
        if let Some(id) = job.id {
            state.remember(id, job.hash, outcome);
        }
        if state.generation == job.generation {
            state.outstanding -= 1;
            state.bytes -= job.key.len() + job.message.len() + EACH;
            if let Some(id) = job.id
                && state.waiting.get(&id) == Some(&job.hash)
            {
                state.waiting.remove(&id);
            }
            if let Outcome::Refused(status) = outcome {
                state.note_refused(job.id.unwrap_or_default(), &job.key, &job.message, status);
            }
        }
        drop(state);
        self.changed.notify_all();
    }

    /// Notes what is wrong with a message that is tried again.
    pub(crate) fn note(&self, trouble: &Trouble) {
        self.state().trouble = Some((trouble.clone(), Instant::now()));
    }

    /// Gives a message up: the engine is told, and gives again what was not taken.
    pub(crate) fn fail(&self, job: &Job, trouble: Trouble, tries: u32) {
        let mut state = self.state();
        if state.generation != job.generation {
            return;
        }
        state.forget();
        state.trouble = Some((trouble.clone(), Instant::now()));
        state.failure = Some((trouble, tries));
        drop(state);
        self.changed.notify_all();
    }
}

impl State {
    /// Whether a message was given already; one that was refused is noted as refused again.
    fn knows(&mut self, id: MessageId, hash: u64, key: &[u8], message: &[u8]) -> bool {
        if self.waiting.get(&id) == Some(&hash) {
            return true;
        }
        match self.settled.get(&id) {
            Some((own, Outcome::Taken)) => *own == hash,
            Some((own, Outcome::Refused(status))) if *own == hash => {
                let status = *status;
                self.note_refused(id, key, message, status);
                true
            }
            _ => false,
        }
    }

    fn note_refused(&mut self, id: MessageId, key: &[u8], message: &[u8], status: StatusCode) {
        let reason = format!("the receiver refuses the message: {}", fault::words(status));
        self.refused.insert(id, RefusedMessage { id, key: key.to_vec(), message: message.to_vec(), reason });
    }

    fn remember(&mut self, id: MessageId, hash: u64, outcome: Outcome) {
        if self.settled.insert(id, (hash, outcome)).is_none() {
            self.order.push_back(id);
        }
        while self.order.len() > REMEMBERED {
            let oldest = self.order.pop_front();
            oldest.and_then(|oldest| self.settled.remove(&oldest));
        }
    }

    /// The courier of a key: one for all its messages, so that they are sent in their order.
    fn courier(&mut self, key: &[u8]) -> usize {
        let couriers = self.queues.len();
        if key.is_empty() {
            self.next = (self.next + 1) % couriers;
            return self.next;
        }
        (xxh3_64(key) % couriers as u64) as usize
    }

    fn forget(&mut self) {
        self.generation += 1;
        self.queues.iter_mut().for_each(VecDeque::clear);
        self.waiting.clear();
        self.refused.clear();
        self.failure = None;
        (self.outstanding, self.bytes) = (0, 0);
    }
}
