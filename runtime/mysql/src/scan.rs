//! Going through rows of dimensions and states in the order of their keys.

use std::collections::VecDeque;

use mysql::{Params, Value, prelude::Queryable as _};
use nsf_engine::connector::ConnectorResult;

use crate::{client::Client, dimension::MysqlDimensions, names::TableName};

/// How many rows are read of a table at once.
const PAGE: usize = 256;

/// A table, or the rows of a lane in one, that is gone through.
pub(crate) struct Cursor<'t> {
    table: &'t TableName,
    /// The lane, of a table that has lanes.
    lane: Option<u16>,
    rows: VecDeque<(Vec<u8>, Vec<u8>)>,
    /// Where the next page begins.
    from: Vec<u8>,
    /// Whether `from` itself was given already.
    given: bool,
    ended: bool,
}

impl<'t> Cursor<'t> {
    pub(crate) fn of(table: &'t TableName, lane: Option<u16>, from: &[u8]) -> Self {
        Self { table, lane, rows: VecDeque::new(), from: from.to_vec(), given: false, ended: false }
    }

    /// Reads on where there is no row left.
    fn fill(&mut self, client: &Client, prefix: &[u8]) -> ConnectorResult<()> {
        if !self.rows.is_empty() || self.ended {
            return Ok(());
        }
        let than = if self.given { ">" } else { ">=" };
        let of_lane = if self.lane.is_some() { "lane = ? AND " } else { "" };
        let statement = format!(
            "SELECT nsf_key, nsf_row FROM {} WHERE {of_lane}nsf_key {than} ? ORDER BY nsf_key LIMIT {PAGE}",
            self.table.quoted
        );
        let lane = self.lane.map(|lane| Value::UInt(lane.into()));
        let values: Vec<Value> = lane.into_iter().chain([Value::Bytes(self.from.clone())]).collect();
        let page: Vec<(Vec<u8>, Vec<u8>)> =
            client.run(|connection| connection.exec(&statement, Params::Positional(values.clone())))?;
        self.ended = page.len() < PAGE || page.iter().any(|(key, _)| !key.starts_with(prefix));
        if let Some((last, _)) = page.last() {
            (self.from, self.given) = (last.clone(), true);
        }
        self.rows = page.into_iter().filter(|(key, _)| key.starts_with(prefix)).collect();
        Ok(())
    }
}

/// Calls `row` with key and value of each row whose key starts with `prefix`, in the order of the keys over all cursors, until
/// it gives false.
pub(crate) fn merged(
    client: &Client,
    mut cursors: Vec<Cursor<'_>>,
    prefix: &[u8],
    row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
) -> ConnectorResult<()> {
    loop {
        for cursor in &mut cursors {
            cursor.fill(client, prefix)?;
        }
        let first = cursors.iter_mut().filter(|cursor| !cursor.rows.is_empty());
        let Some(first) = first.min_by(|a, b| a.rows[0].0.cmp(&b.rows[0].0)) else { return Ok(()) };
        let Some((key, value)) = first.rows.pop_front() else { return Ok(()) };
        if !row(&key, &value) {
            return Ok(());
        }
    }
}

impl MysqlDimensions {
    /// Calls `row` with key and value of each row whose key starts with `prefix` and is not before `from`, in the order of
    /// the keys, until it gives false. `prefix` is that of one dimension, or empty for all.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub fn scan_from(
        &self,
        prefix: &[u8],
        from: &[u8],
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> ConnectorResult<()> {
        let touched =
            self.layout.list.iter().filter(|own| own.prefix.starts_with(prefix) || prefix.starts_with(&own.prefix));
        let cursors = touched.flat_map(|own| &own.tables).map(|table| Cursor::of(table, None, from.max(prefix)));
        merged(&self.client, cursors.collect(), prefix, row)
    }
}
