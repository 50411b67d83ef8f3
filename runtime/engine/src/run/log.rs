//! The log of state rows: a commit appends changed rows of lasting states in large chunks, which costs a tenth of
//! putting each in its place. Now and then, and always at the end of a run, the log is folded: the rows are put in their
//! places and the chunks deleted, in one transaction. A run that finds a log (the last one was killed) folds it first.
//!
//! Rows in the log stay in memory until they are folded, so nothing ever reads the log but the next run's start.

use std::collections::BTreeMap;

use nsf_plan::{HandleTarget, Plan, StateId};

use super::error::RunError;
use crate::{
    connector::{ConnectorError, ConnectorErrorKind},
    steps::{Program, Target},
    store::{Changes, Store, StoreBatch, StoreTable},
};

/// About how long a chunk is, in bytes.
const CHUNK: usize = 60 * 1024;

/// Entries of a lane after which its log is folded.
const MOST_ENTRIES: u64 = 180_000;

const PREFIX: &[u8] = b"log/";

/// The log of a lane.
#[derive(Clone, Debug, Default)]
pub(crate) struct StateLog {
    lane: u16,
    /// By state: whether its rows are logged.
    logged: Vec<bool>,
    chunk: Vec<u8>,
    chunks: u64,
    entries: u64,
}

impl StateLog {
    /// Only states whose values last are logged, and that no record reads as committed from another lane.
    pub(crate) fn new(plan: &Plan, programs: &[Program], lanes: u16) -> Vec<Self> {
        let foreign = |state: StateId| {
            let reads =
                |program: &Program| program.handles.iter().any(|handle| handle.target == Target::Foreign(state));
            programs.iter().any(reads)
        };
        let saved = |state: StateId| {
            let handles = plan.pipelines.iter().flat_map(|pipeline| &pipeline.handles);
            handles.into_iter().any(|handle| handle.target == HandleTarget::State(state))
        };
        let logged = |(index, state): (usize, &nsf_plan::State)| {
            let id = StateId(index as u32);
            state.keep.is_none() && state.closes.is_none() && !state.marks && saved(id) && !foreign(id)
        };
        let logged: Vec<bool> = plan.states.iter().enumerate().map(logged).collect();
        (0..lanes).map(|lane| Self { lane, logged: logged.clone(), ..Self::default() }).collect()
    }

    /// Whether rows of a state are logged.
    pub(crate) fn takes(&self, state: usize) -> bool {
        self.logged.get(state).copied().unwrap_or(false)
    }

    /// Whether there is nothing in it.
    pub(crate) const fn is_empty(&self) -> bool {
        self.chunks == 0
    }

    /// Whether it is long enough to be folded.
    pub(crate) const fn is_long(&self) -> bool {
        self.entries >= MOST_ENTRIES
    }

    /// How many rows were appended since it was folded.
    pub(crate) const fn entries(&self) -> u64 {
        self.entries
    }

    /// Appends a row: its stored key, and a function that appends its value; none where it was deleted.
    pub(crate) fn append(&mut self, key: &[u8], value: Option<impl FnOnce(&mut Vec<u8>)>, batch: &mut StoreBatch) {
        self.chunk.extend_from_slice(&(key.len() as u32).to_le_bytes());
        self.chunk.extend_from_slice(key);
        let at = self.chunk.len();
        self.chunk.extend_from_slice(&u32::MAX.to_le_bytes());
        if let Some(value) = value {
            value(&mut self.chunk);
            let length = (self.chunk.len() - at - 4) as u32;
            self.chunk[at..at + 4].copy_from_slice(&length.to_le_bytes());
        }
        self.entries += 1;
        if self.chunk.len() >= CHUNK {
            self.end_chunk(batch);
        }
    }

    /// Puts what is left of this commit into it.
    pub(crate) fn end_chunk(&mut self, batch: &mut StoreBatch) {
        if !self.chunk.is_empty() {
            batch.table(StoreTable::Progress).put(&chunk_key(self.lane, self.chunks), &self.chunk);
            self.chunks += 1;
            self.chunk.clear();
        }
    }

    /// Deletes the chunks, in the transaction that puts their rows in their places.
    pub(crate) fn delete(&mut self, batch: &mut StoreBatch) {
        for chunk in 0..self.chunks {
            batch.table(StoreTable::Progress).delete(&chunk_key(self.lane, chunk));
        }
        (self.chunks, self.entries) = (0, 0);
    }
}

fn chunk_key(lane: u16, chunk: u64) -> Vec<u8> {
    [PREFIX, &lane.to_be_bytes(), &chunk.to_be_bytes()].concat()
}

/// Folds what a killed run left.
pub(crate) fn recover(store: &dyn Store) -> Result<(), RunError> {
    let named = |error| RunError::connector("store", error);
    let mut rows: BTreeMap<Vec<u8>, Option<Vec<u8>>> = BTreeMap::new();
    let mut batch = StoreBatch::default();
    let mut whole = true;
    let read = store.scan(StoreTable::Progress, PREFIX, &mut |key, chunk| {
        whole &= read_chunk(chunk, &mut rows).is_some();
        batch.table(StoreTable::Progress).delete(key);
        whole
    });
    read.map_err(named)?;
    if !whole {
        let words = "rows of states in the store are damaged";
        let error = ConnectorError::new(ConnectorErrorKind::Damaged, words)
            .with_help("put back a copy of the store, or give --fresh to forget what it holds");
        return Err(named(error));
    }
    if batch.is_empty() {
        return Ok(());
    }
    put_all(rows, batch.table(StoreTable::State));
    batch.sort();
    store.commit(&batch).map_err(named)
}

fn put_all(rows: BTreeMap<Vec<u8>, Option<Vec<u8>>>, changes: &mut Changes) {
    for (key, value) in rows {
        match value {
            Some(value) => changes.put(&key, &value),
            None => changes.delete(&key),
        }
    }
}

/// Reads a chunk's rows over those of earlier ones; none where it is damaged.
fn read_chunk(mut chunk: &[u8], rows: &mut BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Option<()> {
    while !chunk.is_empty() {
        let key = take(&mut chunk)?;
        let (length, rest) = chunk.split_first_chunk::<4>()?;
        let value = if u32::from_le_bytes(*length) == u32::MAX {
            chunk = rest;
            None
        } else {
            Some(take(&mut chunk)?.to_vec())
        };
        rows.insert(key.to_vec(), value);
    }
    Some(())
}

fn take<'c>(chunk: &mut &'c [u8]) -> Option<&'c [u8]> {
    let (length, rest) = chunk.split_first_chunk::<4>()?;
    let (taken, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *chunk = rest;
    Some(taken)
}
