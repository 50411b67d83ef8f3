//! The working copies of one state's rows in one lane, kept as a bounded cache between commits.

use xxhash_rust::xxh3::xxh3_64;

use super::{Row, StateShape, index::RowIndex};
use crate::{
    run::log::StateLog,
    store::{Changes, StoreBatch},
};

/// A row's place in [`LaneRows`]; stays the same until the next commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RowId(u32);

/// The hash of a key.
#[inline]
pub(crate) fn hash_key(key: &[u8]) -> u64 {
    xxh3_64(key)
}

/// Rows of one state in one lane.
#[derive(Debug, Default)]
pub(crate) struct LaneRows {
    rows: Vec<Row>,
    index: RowIndex,
    dirty: Vec<u32>,
    /// Rows that the log holds.
    logged: Vec<u32>,
    /// Counts commits, for [`Row::used`].
    generation: u32,
    /// About how many bytes the rows take.
    bytes: usize,
}

/// What a row takes beside its stored bytes, roughly, in bytes.
const ROW_BYTES: usize = 160;

impl LaneRows {
    /// The row of a key, if there is a working copy.
    #[inline]
    pub(crate) fn find(&self, key: &[u8]) -> Option<RowId> {
        self.find_hashed(hash_key(key), key)
    }

    /// The same with the key's hash.
    #[inline]
    pub(crate) fn find_hashed(&self, hash: u64, key: &[u8]) -> Option<RowId> {
        self.index.like(hash).find(|&at| *self.rows[at as usize].key == *key).map(RowId)
    }

    /// Begins look-ups of keys by their hashes, so that memory is waited for once for all of them.
    pub(crate) fn begin(&self, hashes: impl Iterator<Item = u64>, begun: &mut Vec<u32>) {
        begun.clear();
        begun.extend(hashes.map(|hash| self.index.begin(hash).unwrap_or(0)));
        let mut touched = 0_usize;
        for &row in begun.iter() {
            touched ^= self.rows.get(row as usize).map_or(0, |row| row.key.len() ^ row.fields.len());
        }
        std::hint::black_box(touched);
    }

    /// Adds a working copy that is not there yet.
    pub(crate) fn insert(&mut self, row: Row, stored_bytes: usize) -> RowId {
        let at = self.rows.len() as u32;
        let hash = hash_key(&row.key);
        self.bytes += ROW_BYTES + row.key.len() + row.fields.len() * size_of::<crate::cell::Cell>() + stored_bytes;
        self.rows.push(row);
        let rows = &self.rows;
        self.index.insert(hash, at, |at| hash_key(&rows[at as usize].key));
        RowId(at)
    }

    /// A row.
    #[inline]
    pub(crate) fn row(&self, id: RowId) -> &Row {
        &self.rows[id.0 as usize]
    }

    /// A row, to change.
    #[inline]
    pub(crate) fn row_mut(&mut self, id: RowId) -> &mut Row {
        let row = &mut self.rows[id.0 as usize];
        row.used = self.generation;
        row
    }

    /// Says that a row was changed, so that the next commit writes it.
    #[inline]
    pub(crate) fn mark(&mut self, id: RowId) {
        let row = &mut self.rows[id.0 as usize];
        row.used = self.generation;
        if !row.dirty {
            row.dirty = true;
            self.dirty.push(id.0);
        }
    }

    /// About how many bytes the rows take.
    pub(crate) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many rows were changed since the last commit.
    pub(crate) fn changed(&self) -> u64 {
        self.dirty.len() as u64
    }

    /// Gives the changed rows to the log.
    pub(crate) fn log(&mut self, shape: &StateShape, batch: &mut StoreBatch, log: &mut StateLog) -> u64 {
        let mut key = Vec::new();
        let changed = self.dirty.len() as u64;
        for at in self.dirty.drain(..) {
            let row = &mut self.rows[at as usize];
            row.dirty = false;
            if !row.logged {
                row.logged = true;
                self.logged.push(at);
            }
            stored_key(shape, row, &mut key);
            let row = &*row;
            log.append(&key, row.is_stored().then_some(|out: &mut Vec<u8>| row.encode(shape, out)), batch);
        }
        changed
    }

    /// Puts the changed rows, and those that the log holds, into their places; gives how many were changed.
    pub(crate) fn collect(&mut self, shape: &StateShape, changes: &mut Changes) -> u64 {
        let mut key = Vec::new();
        let changed = self.dirty.len() as u64;
        let both = self.dirty.drain(..).chain(self.logged.drain(..));
        for at in both {
            let row = &mut self.rows[at as usize];
            if !row.dirty && !row.logged {
                // It is in both.
                continue;
            }
            (row.dirty, row.logged) = (false, false);
            stored_key(shape, row, &mut key);
            if let Some(origins) = &shape.origins {
                row.guard(&key, origins, changes);
            }
            if row.is_stored() {
                changes.put_expiring(&key, shape.expires(row.saved, row.closes), |out| row.encode(shape, out));
            } else {
                changes.delete(&key);
            }
        }
        changed
    }

    /// After a commit: shrinks the cache to about `limit` bytes, rows that the last commits did not use first.
    pub(crate) fn shrink(&mut self, limit: usize) {
        if self.bytes > limit && self.logged.is_empty() {
            let generation = self.generation;
            let rows = std::mem::take(&mut self.rows);
            self.index.clear();
            self.dirty.clear();
            let each = self.bytes / rows.len().max(1);
            let room = limit / 2 / each.max(1);
            self.bytes = 0;
            for row in rows.into_iter().filter(|row| row.used == generation).take(room) {
                self.insert(row, each.saturating_sub(ROW_BYTES));
            }
        }
        self.generation = self.generation.wrapping_add(1);
    }
}

/// The key of a row in the store.
fn stored_key(shape: &StateShape, row: &Row, key: &mut Vec<u8>) {
    key.clear();
    shape.write_stored_key(&row.key, key);
}
