//! Reading many rows: by their keys, or all that begin alike.

use std::collections::BTreeMap;

use nsf_engine::connector::ConnectorResult;
use redis::Value;

use crate::{
    fault::{Cause, Failure},
    lane::CHUNK,
    settings::Node,
    store::RedisStore,
    wire::{Link, Requests, bytes},
};

/// Keys of one slot that are asked for together, with the index by which each was asked for.
pub(crate) struct Group<'k> {
    pub(crate) slot: u16,
    /// What stands before each key.
    pub(crate) prefix: String,
    pub(crate) keys: Vec<(usize, &'k [u8])>,
}

impl RedisStore {
    /// Does what may be done twice over an idle connection or a new one, and once more if it turns out to be an old one.
    pub(crate) fn reading<T>(&self, node: &Node, work: impl Fn(&mut Link) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut again = true;
        loop {
            let (mut link, fresh) = self.topology.borrow(node)?;
            match work(&mut link) {
                Ok(done) => {
                    self.topology.give_back(link);
                    return Ok(done);
                }
                Err(failure) => {
                    self.end(link, &failure, node);
                    if !(again && failure.cause == Cause::Closed && !fresh) {
                        return Err(failure);
                    }
                    again = false;
                }
            }
        }
    }

    /// Reads rows: those of one server in one trip. Gives them with the index by which they were asked for.
    pub(crate) fn fetch(&self, groups: &[Group<'_>]) -> Result<Vec<(usize, Vec<u8>)>, Failure> {
        let attempt = || -> Result<Vec<(usize, Vec<u8>)>, Failure> {
            let mut by_node: BTreeMap<Node, Vec<&Group<'_>>> = BTreeMap::new();
            for group in groups {
                by_node.entry(self.topology.node(group.slot)?).or_default().push(group);
            }
            let mut rows = Vec::new();
            for (node, groups) in by_node {
                rows.extend(self.reading(&node, |link| fetch_from(link, &groups))?);
            }
            Ok(rows)
        };
        // Slots may have moved, or the master changed; whoever holds them now is asked then.
        let mut rows = attempt().or_else(|failure| if failure.passing() { attempt() } else { Err(failure) })?;
        rows.sort_by_key(|(index, _)| *index);
        Ok(rows)
    }

    /// Calls `row` for each row of a kind whose key begins with `prefix`, in order. All servers are asked for all of
    /// their keys: this takes the longer the more is stored, whatever of it is wanted.
    pub(crate) fn scan_rows(
        &self,
        kind: &str,
        prefix: &[u8],
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> ConnectorResult<()> {
        let mut stored: Vec<Vec<u8>> = Vec::new();
        let pattern = self.keys.pattern(kind, prefix);
        for node in self.topology.masters()? {
            stored.extend(self.reading(&node, |link| scan_at(link, &pattern))?);
        }
        let own = |stored: &[u8]| self.keys.row_key(kind, stored).map(|key| (stored.len() - key.len(), key.len()));
        let mut keys: Vec<(usize, Vec<u8>)> =
            stored.into_iter().filter_map(|stored| own(&stored).map(|(start, _)| (start, stored))).collect();
        keys.sort_by(|(a_start, a), (b_start, b)| a[*a_start..].cmp(&b[*b_start..]).then_with(|| a.cmp(b)));
        // A scan may give a key twice, and a slot that moves gives it at both of its servers.
        keys.dedup();
        for chunk in keys.chunks(CHUNK) {
            let mut slots: BTreeMap<u16, Vec<(usize, &[u8])>> = BTreeMap::new();
            for (index, (_, stored)) in chunk.iter().enumerate() {
                slots.entry(crate::tags::slot(stored)).or_default().push((index, stored));
            }
            let groups = slots.into_iter().map(|(slot, keys)| Group { slot, prefix: String::new(), keys });
            // A row that expired or was deleted since is left out.
            for (index, value) in self.fetch(&groups.collect::<Vec<_>>())? {
                let (start, stored) = &chunk[index];
                if !row(&stored[*start..], &value) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn fetch_from(link: &mut Link, groups: &[&Group<'_>]) -> Result<Vec<(usize, Vec<u8>)>, Failure> {
    let mut requests = Requests::default();
    let mut asked: Vec<&[(usize, &[u8])]> = Vec::new();
    for group in groups {
        for chunk in group.keys.chunks(CHUNK) {
            requests.begin("MGET", chunk.len());
            for (_, key) in chunk {
                requests.joined(group.prefix.as_bytes(), key);
            }
            asked.push(chunk);
        }
    }
    let replies = link.ask_all(&requests)?;
    let mut rows = Vec::new();
    for (chunk, reply) in asked.into_iter().zip(replies) {
        for ((index, _), row) in chunk.iter().zip(link.items(reply, chunk.len())?) {
            if let Value::BulkString(row) = row {
                rows.push((*index, row));
            }
        }
    }
    Ok(rows)
}

/// All keys of a server that match a pattern.
fn scan_at(link: &mut Link, pattern: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut found = Vec::new();
    let mut cursor = b"0".to_vec();
    loop {
        let mut requests = Requests::default();
        requests.command("SCAN", &[&cursor, b"MATCH", pattern, b"COUNT", b"1000"]);
        let reply = link.ask_all(&requests)?.pop().unwrap_or(Value::Nil);
        let mut parts = link.items(reply, 2)?.into_iter();
        let next = parts.next().as_ref().and_then(bytes).map(<[u8]>::to_vec);
        let (Some(next), Some(Value::Array(keys))) = (next, parts.next()) else {
            return Err(link.odd("a scan gives no keys"));
        };
        found.extend(keys.into_iter().filter_map(|key| match key {
            Value::BulkString(key) => Some(key),
            _ => None,
        }));
        if next == b"0" {
            return Ok(found);
        }
        cursor = next;
    }
}
