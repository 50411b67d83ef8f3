//! One store of two: lanes, progress and layout on Redis, and the dimensions of spaces on MySQL there.

use std::sync::Arc;

use nsf_engine::{
    connector::ConnectorResult,
    store::{Changes, Held, LaneProgress, LaneStore, PartitionName, Saved, Store, StoreBatch, StoreTable},
};
use nsf_mysql::MysqlDimensions;
use nsf_redis::RedisStore;

/// A store on Redis whose dimensions are partly on MySQL. Which row is where is told by the beginning of its key.
pub struct CombinedStore {
    redis: RedisStore,
    mysql: MysqlDimensions,
}

impl CombinedStore {
    /// Puts two together.
    pub const fn new(redis: RedisStore, mysql: MysqlDimensions) -> Self {
        Self { redis, mysql }
    }
}

impl Store for CombinedStore {
    fn get_many(&self, table: StoreTable, keys: &[&[u8]], found: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        if table != StoreTable::Dimension {
            return self.redis.get_many(table, keys, found);
        }
        let (there, here): (Vec<usize>, Vec<usize>) = (0..keys.len()).partition(|at| self.mysql.holds(keys[*at]));
        let of = |indices: &[usize]| indices.iter().map(|at| keys[*at]).collect::<Vec<&[u8]>>();
        if !here.is_empty() {
            self.redis.get_many(table, &of(&here), &mut |at, row| found(here[at], row))?;
        }
        if there.is_empty() { Ok(()) } else { self.mysql.get_many(&of(&there), &mut |at, row| found(there[at], row)) }
    }

    fn scan(&self, table: StoreTable, prefix: &[u8], row: &mut dyn FnMut(&[u8], &[u8]) -> bool) -> ConnectorResult<()> {
        self.scan_from(table, prefix, prefix, row)
    }

    fn scan_from(
        &self,
        table: StoreTable,
        prefix: &[u8],
        from: &[u8],
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> ConnectorResult<()> {
        if table != StoreTable::Dimension {
            return self.redis.scan_from(table, prefix, from, row);
        }
        if self.mysql.holds(prefix) {
            return self.mysql.scan_from(prefix, from, row);
        }
        if !self.mysql.prefixes().any(|own| own.starts_with(prefix)) {
            return self.redis.scan_from(table, prefix, from, row);
        }
        // Both have some of it: whole runs of one and of the other, put in order.
        let mut rows = Vec::new();
        let mut keep = |key: &[u8], value: &[u8]| {
            rows.push((key.to_vec(), value.to_vec()));
            true
        };
        self.redis.scan_from(table, prefix, from, &mut keep)?;
        self.mysql.scan_from(prefix, from, &mut keep)?;
        rows.sort_unstable();
        let _ = rows.iter().all(|(key, value)| row(key, value));
        Ok(())
    }

    fn commit(&self, batch: &StoreBatch) -> ConnectorResult<()> {
        self.redis.commit(batch)
    }

    fn lanes(&self) -> Option<&dyn LaneStore> {
        Some(self)
    }
}

impl LaneStore for CombinedStore {
    fn claim(&self, lane: u16, partitions: &[Arc<PartitionName>]) -> ConnectorResult<Vec<(u64, LaneProgress)>> {
        self.redis.claim(lane, partitions)
    }

    fn load(
        &self,
        lane: u16,
        held: &[Held],
        keys: &[&[u8]],
        found: &mut dyn FnMut(usize, &[u8]),
    ) -> ConnectorResult<()> {
        LaneStore::load(&self.redis, lane, held, keys, found)
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
        self.redis.ends(lane, held, state, partition, after, most)
    }

    fn save(&self, lane: u16, held: &[Held], rows: &Changes, progress: &[LaneProgress]) -> Saved {
        self.redis.save(lane, held, rows, progress)
    }

    /// Where one of the two does not answer, rows of the other may be written: they are then found as they were not
    /// expected, and made anew.
    fn swap(&self, rows: &Changes, expected: &[u64]) -> ConnectorResult<Vec<usize>> {
        let mut parts = [Part::default(), Part::default()];
        for (index, (((key, value), expires), version)) in
            rows.rows().zip(rows.expiries()).zip(expected.iter().copied()).enumerate()
        {
            let part = &mut parts[usize::from(self.mysql.holds(key))];
            part.indices.push(index);
            part.expected.push(version);
            match value {
                Some(value) => part.rows.put_expiring(key, expires, |bytes| bytes.extend_from_slice(value)),
                None => part.rows.delete(key),
            }
        }
        let [here, there] = parts;
        let mut changed = Vec::new();
        if !here.rows.is_empty() {
            changed.extend(here.whole(&self.redis.swap(&here.rows, &here.expected)?));
        }
        if !there.rows.is_empty() {
            changed.extend(there.whole(&self.mysql.swap(&there.rows, &there.expected)?));
        }
        changed.sort_unstable();
        Ok(changed)
    }
}

/// The rows of one of the stores, and which of all they are.
#[derive(Default)]
struct Part {
    rows: Changes,
    expected: Vec<u64>,
    indices: Vec<usize>,
}

impl Part {
    /// Indices of this part as those of all rows.
    fn whole(&self, indices: &[usize]) -> impl Iterator<Item = usize> {
        indices.iter().filter_map(|at| self.indices.get(*at)).copied()
    }
}

#[cfg(test)]
mod tests;
