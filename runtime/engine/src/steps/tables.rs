//! Rows of looked-up tables that records will load: their keys are gathered, and they are asked for together.

use bumpalo::Bump;
use nsf_plan::TableId;

use super::{
    execute::Scratch,
    program::{Program, Target},
    rows::Shared,
};
use crate::{
    connector::ConnectorResult,
    frame::{Context, Frame, NoRows},
    table::TableSource,
};

/// Keys of rows of tables, one behind the other.
#[derive(Debug, Default)]
pub(crate) struct TableKeys {
    bytes: Vec<u8>,
    /// The table of each key, and where the key ends.
    ends: Vec<(TableId, usize)>,
}

impl TableKeys {
    /// Adds the keys of a record that are known before its steps run.
    pub(crate) fn add<'r>(&mut self, shared: &Shared, program: &Program, frame: &Frame<'r>, arena: &'r Bump) {
        let context = Context { frame, arena, rows: &NoRows };
        for &handle in &program.tables {
            let handle = &program.handles[handle];
            let Target::Table(table) = handle.target else { continue };
            if !matches!(shared.tables[table.index()], TableSource::LookedUp(_)) {
                continue;
            }
            let start = self.bytes.len();
            // A fault is met again, and told, by the step that loads the row.
            match handle.key.write(&context, &mut self.bytes) {
                Ok(()) => self.ends.push((table, self.bytes.len())),
                Err(_) => self.bytes.truncate(start),
            }
        }
    }
}

impl Program {
    /// Whether it loads rows of tables that are looked up, under keys that are known beforehand.
    pub(crate) fn looks_up(&self, shared: &Shared) -> bool {
        self.tables.iter().any(|handle| match self.handles[*handle].target {
            Target::Table(table) => matches!(shared.tables[table.index()], TableSource::LookedUp(_)),
            _ => false,
        })
    }
}

impl Scratch {
    /// Looks up the rows whose keys were gathered: one round trip a table.
    ///
    /// # Errors
    /// Where a table does not answer.
    pub(crate) fn look_up(&mut self, shared: &Shared) -> ConnectorResult<()> {
        let TableKeys { bytes, ends } = &mut self.wanted;
        if ends.is_empty() {
            return Ok(());
        }
        let starts = std::iter::once(0).chain(ends.iter().map(|(_, end)| *end));
        let mut keys: Vec<(TableId, &[u8])> =
            starts.zip(ends.iter()).map(|(start, (table, end))| (*table, &bytes[start..*end])).collect();
        keys.sort_unstable_by_key(|(table, key)| (table.index(), *key));
        keys.dedup();
        let looked_up = keys.chunk_by(|a, b| a.0 == b.0).try_for_each(|keys| {
            let of_table: Vec<&[u8]> = keys.iter().map(|(_, key)| *key).collect();
            self.committed.tables(shared, keys[0].0, &of_table)
        });
        bytes.clear();
        ends.clear();
        looked_up
    }
}
