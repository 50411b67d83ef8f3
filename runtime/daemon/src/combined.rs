//! One store of two: lanes, progress and layout on Redis, and each dimension in the places of its spaces.
//!
//! The first place of a dimension is the truth: its rows are read there, and written there by comparing. A row is then brought
//! to the further places ([`LaneStore::spread`]): what stands there is looked at first, then the first place is read, and the
//! row that was found is written only if what was looked at still stands. Whoever wrote there in between had read the first
//! place later, or the one who comes now reads it later: so no older row takes the place of a newer one, whatever is held up,
//! and no version has to be compared.

use std::{sync::Arc, thread, time::Duration};

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind, ConnectorResult},
    store::{Changes, Held, LaneProgress, LaneStore, PartitionName, Saved, Store, StoreBatch, StoreTable, row_version},
};
use nsf_mysql::MysqlDimensions;
use nsf_redis::RedisStore;

use crate::spaces::{Place, Server, Spaces};

mod heal;

pub use heal::Difference;

/// How often rows are brought to a further place before the worker takes a step back.
const TRIES: u64 = 20;

/// A store on Redis whose dimensions may be on MySQL, too or alone. Which row is where is told by the beginning of its key.
pub struct CombinedStore {
    redis: RedisStore,
    /// None where no dimension is there.
    mysql: Option<MysqlDimensions>,
    spaces: Spaces,
    /// What another worker does between the two reads of [`CombinedStore::bring`].
    #[cfg(test)]
    between: tests::Between,
}

impl CombinedStore {
    /// Puts two together.
    pub const fn new(redis: RedisStore, mysql: Option<MysqlDimensions>, spaces: Spaces) -> Self {
        Self {
            redis,
            mysql,
            spaces,
            #[cfg(test)]
            between: tests::Between::new(None),
        }
    }

    /// Where the row of a key is read; what no dimension of the plan has is on Redis.
    fn first(&self, key: &[u8]) -> Server {
        self.spaces.of_key(key).map_or(Server::Redis, |kept| kept.first.server)
    }

    fn mysql(&self) -> ConnectorResult<&MysqlDimensions> {
        self.mysql.as_ref().ok_or_else(|| {
            let message = "rows of a dimension are to be on MySQL, and no server is named";
            ConnectorError::new(ConnectorErrorKind::Other, message)
                .with_help("report it: this is a fault of the runtime")
        })
    }

    /// Rows of dimensions of one place, in the order of their keys.
    fn read(&self, server: Server, keys: &[&[u8]]) -> ConnectorResult<Vec<Option<Vec<u8>>>> {
        let mut rows = vec![None; keys.len()];
        let mut found = |at: usize, row: &[u8]| rows[at] = Some(row.to_vec());
        match server {
            Server::Redis => self.redis.get_many(StoreTable::Dimension, keys, &mut found)?,
            Server::Mysql => self.mysql()?.get_many(keys, &mut found)?,
        }
        Ok(rows)
    }

    /// Writes rows of dimensions in one place, each if it still is as expected.
    fn write(&self, server: Server, rows: &Changes, expected: &[u64]) -> ConnectorResult<Vec<usize>> {
        match server {
            Server::Redis => self.redis.swap(rows, expected),
            Server::Mysql => self.mysql()?.swap(rows, expected),
        }
    }

    /// Goes through the rows of dimensions whose first place is a server.
    fn scan_place(
        &self,
        server: Server,
        prefix: &[u8],
        from: &[u8],
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> ConnectorResult<()> {
        match server {
            Server::Redis => self.redis.scan_from(StoreTable::Dimension, prefix, from, row),
            Server::Mysql => self.mysql()?.scan_from(prefix, from, row),
        }
    }

    /// Brings rows (keys in order) of dimensions with one first place to one further place.
    fn bring(&self, from: Server, to: &Place, keys: &[&[u8]]) -> ConnectorResult<()> {
        let mut keys = keys.to_vec();
        for attempt in 0..TRIES {
            // In this order: see the module.
            let there = self.read(to.server, &keys)?;
            #[cfg(test)]
            tests::happens(&self.between);
            let here = self.read(from, &keys)?;
            let (mut rows, mut expected, mut asked) = (Changes::default(), Vec::new(), Vec::new());
            for ((key, here), there) in keys.iter().zip(&here).zip(&there) {
                // What the first place has forgotten by `keep` is left as it is.
                if let Some(row) = here.as_ref().filter(|_| here != there) {
                    rows.put_expiring(key, to.keep, |bytes| bytes.extend_from_slice(row));
                    expected.push(row_version(there.as_deref()));
                    asked.push(*key);
                }
            }
            if rows.is_empty() {
                return Ok(());
            }
            let changed = self.write(to.server, &rows, &expected)?;
            keys = changed.into_iter().filter_map(|at| asked.get(at).copied()).collect();
            if keys.is_empty() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(attempt));
        }
        let place = to.words();
        let message = format!("rows of dimensions in {place} were changed by others again and again");
        Err(ConnectorError::new(ConnectorErrorKind::Unavailable, message)
            .with_help("nothing is lost: it is tried again from the last commit"))
    }
}

impl Store for CombinedStore {
    fn get_many(&self, table: StoreTable, keys: &[&[u8]], found: &mut dyn FnMut(usize, &[u8])) -> ConnectorResult<()> {
        if table != StoreTable::Dimension {
            return self.redis.get_many(table, keys, found);
        }
        let (there, here): (Vec<usize>, Vec<usize>) =
            (0..keys.len()).partition(|at| self.first(keys[*at]) == Server::Mysql);
        let of = |indices: &[usize]| indices.iter().map(|at| keys[*at]).collect::<Vec<&[u8]>>();
        if !here.is_empty() {
            self.redis.get_many(table, &of(&here), &mut |at, row| found(here[at], row))?;
        }
        if there.is_empty() {
            return Ok(());
        }
        self.mysql()?.get_many(&of(&there), &mut |at, row| found(there[at], row))
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
        if let Some(kept) = self.spaces.of_key(prefix) {
            return self.scan_place(kept.first.server, prefix, from, row);
        }
        if self.mysql.is_none() {
            return self.redis.scan_from(table, prefix, from, row);
        }
        // Both have some of it: whole runs of one and of the other, put in order.
        let mut rows = Vec::new();
        for server in [Server::Redis, Server::Mysql] {
            let mut keep = |key: &[u8], value: &[u8]| {
                if self.first(key) == server {
                    rows.push((key.to_vec(), value.to_vec()));
                }
                true
            };
            self.scan_place(server, prefix, from, &mut keep)?;
        }
        rows.sort_unstable();
        let _ = rows.iter().all(|(key, value)| row(key, value));
        Ok(())
    }

    fn commit(&self, batch: &StoreBatch) -> ConnectorResult<()> {
        self.redis.commit(batch)
    }

    fn is_spread(&self, key: &[u8]) -> bool {
        self.spaces.of_key(key).is_some_and(|kept| !kept.further.is_empty())
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
        let mut parts = [(Server::Redis, Part::default()), (Server::Mysql, Part::default())];
        for (index, ((key, value), version)) in rows.rows().zip(expected.iter().copied()).enumerate() {
            let first = self.spaces.of_key(key).map(|kept| &kept.first);
            let (server, keep) = first.map_or((Server::Redis, 0), |place| (place.server, place.keep));
            let part = &mut parts[usize::from(server == Server::Mysql)].1;
            part.indices.push(index);
            part.expected.push(version);
            match value {
                Some(value) => part.rows.put_expiring(key, keep, |bytes| bytes.extend_from_slice(value)),
                None => part.rows.delete(key),
            }
        }
        let mut changed = Vec::new();
        for (server, part) in parts.iter().filter(|(_, part)| !part.rows.is_empty()) {
            changed.extend(part.whole(&self.write(*server, &part.rows, &part.expected)?));
        }
        changed.sort_unstable();
        Ok(changed)
    }

    fn spread(&self, rows: &Changes) -> ConnectorResult<()> {
        for kept in &self.spaces.list {
            for place in &kept.further {
                let own = rows.rows().filter(|(key, value)| value.is_some() && key.starts_with(&kept.prefix));
                let keys: Vec<&[u8]> = own.map(|(key, _)| key).collect();
                if !keys.is_empty() {
                    self.bring(kept.first.server, place, &keys)?;
                }
            }
        }
        Ok(())
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
