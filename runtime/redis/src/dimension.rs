//! Rows of dimensions: read and written by several workers, each row for itself.

use nsf_engine::{
    connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult},
    store::{Changes, row_version},
};
use redis::Value;

use crate::{
    fault::{Cause, Failure},
    lane::end_window,
    save::write_rows,
    settings::Node,
    store::RedisStore,
    wire::{Link, Requests, bytes},
};

/// How many rows are compared and written at once. Where another worker writes one of them meanwhile, all of them are
/// tried again in two halves.
const GROUP: usize = 256;

/// A row to write: its key, its value (none to delete), when it expires, and which version it must have.
struct Row<'r> {
    index: usize,
    key: &'r [u8],
    value: Option<&'r [u8]>,
    expires: u64,
    expected: u64,
    tag: usize,
}

/// How an attempt to write some rows ended.
enum Attempt {
    /// Those that were as expected are written; these were not.
    Done(Vec<usize>),
    /// Another worker wrote one of them in the meantime; nothing is written.
    Disturbed,
}

impl RedisStore {
    pub(crate) fn swap_rows(&self, rows: &Changes, expected: &[u64]) -> ConnectorResult<Vec<usize>> {
        if rows.len() != expected.len() {
            let message = format!("{} rows of dimensions and {} versions were given", rows.len(), expected.len());
            return Err(ConnectorError::new(Kind::Other, message).with_help("report it: the runtime counts wrongly"));
        }
        let row = |(index, (((key, value), expires), expected))| {
            let tag = self.keys.dimension_tag(key);
            Row { index, key, value, expires, expected, tag }
        };
        let mut all: Vec<Row<'_>> =
            rows.rows().zip(rows.expiries()).zip(expected.iter().copied()).enumerate().map(row).collect();
        let one_slot = self.topology.is_cluster();
        all.sort_by_key(|row| row.tag);
        let mut open: Vec<&[Row<'_>]> =
            all.chunk_by(|a, b| !one_slot || a.tag == b.tag).flat_map(|rows| rows.chunks(GROUP)).collect();
        let mut changed = Vec::new();
        while let Some(group) = open.pop() {
            match self.swap_group(group)? {
                Attempt::Done(others) => changed.extend(others),
                Attempt::Disturbed if group.len() == 1 => changed.push(group[0].index),
                Attempt::Disturbed => {
                    let (first, second) = group.split_at(group.len() / 2);
                    open.extend([first, second]);
                }
            }
        }
        changed.sort_unstable();
        Ok(changed)
    }

    /// Compares and writes rows; the comparison once more where the connection was an old one.
    fn swap_group(&self, group: &[Row<'_>]) -> Result<Attempt, Failure> {
        let slot = self.keys.dimension_slot(group[0].tag);
        let mut again = true;
        loop {
            let node = self.topology.node(slot)?;
            let (mut link, fresh) = self.topology.borrow(&node)?;
            let current = match self.compare_rows(group, &mut link) {
                Ok(current) => current,
                Err(failure) => {
                    self.end(link, &failure, &node);
                    if again && failure.passing() && (!fresh || failure.cause == Cause::Moved) {
                        again = false;
                        continue;
                    }
                    return Err(failure);
                }
            };
            let written = self.write_group(&current, &mut link);
            let others =
                || group.iter().map(|row| row.index).filter(|index| !current.iter().any(|row| row.index == *index));
            return match written {
                Ok(written) => {
                    self.topology.give_back(link);
                    Ok(if written { Attempt::Done(others().collect()) } else { Attempt::Disturbed })
                }
                Err(failure) => {
                    self.end(link, &failure, &node);
                    Err(failure)
                }
            };
        }
    }

    /// The connection after a failure.
    pub(crate) fn end(&self, link: Link, failure: &Failure, node: &Node) {
        self.topology.learn(failure, node);
        if failure.cause == Cause::Refused {
            self.topology.give_back(link);
        }
    }

    /// Puts rows under `WATCH` and gives those that are as expected.
    fn compare_rows<'g, 'r>(&self, group: &'g [Row<'r>], link: &mut Link) -> Result<Vec<&'g Row<'r>>, Failure> {
        let mut requests = Requests::default();
        end_window(&mut requests);
        for command in ["WATCH", "MGET"] {
            requests.begin(command, group.len());
            for row in group {
                requests.joined(self.keys.dimension(row.tag).as_bytes(), row.key);
            }
        }
        let rows = link.ask_all(&requests)?.pop().unwrap_or(Value::Nil);
        let rows = link.items(rows, group.len())?;
        let pairs = group.iter().zip(&rows);
        Ok(pairs.filter(|(row, found)| row_version(bytes(found)) == row.expected).map(|(row, _)| row).collect())
    }

    /// Writes rows if nobody has touched any row under `WATCH`; false where somebody has.
    fn write_group(&self, group: &[&Row<'_>], link: &mut Link) -> Result<bool, Failure> {
        if group.is_empty() {
            return Ok(true);
        }
        let mut requests = Requests::default();
        requests.command("MULTI", &[]);
        for rows in group.chunk_by(|a, b| a.tag == b.tag) {
            let prefix = self.keys.dimension(rows[0].tag);
            write_rows(&mut requests, rows.iter().map(|row| ((row.key, row.value), row.expires)), prefix.as_bytes());
        }
        requests.command("EXEC", &[]);
        let replies = link.ask(&requests)?;
        link.is_done(replies)
    }
}
