//! Brings stored rows of a state to the fields that the plan has now: a new field gets its default, a value of a narrower type is
//! widened. Rows go, a part in each transaction, from the state's old number to a new one. The store says what is under way in a form that needs no
//! plan, so that a run which is killed meanwhile is gone on with by the next, whatever its program is.

use nsf_plan::Type;
use serde::{Deserialize, Serialize};

use super::{
    error::RunError,
    layout::{Meta, put},
    options::Options,
    stored::StoredShape,
};
use crate::{
    connector::{ConnectorError, ConnectorErrorKind},
    encode::cell::{read_cell, write_cell},
    state::{VERSION_BYTES, split_head, widen},
    store::{Store, StoreBatch, StoreTable},
};

/// Rows that one transaction brings over.
const PART: usize = 4096;

/// Bytes of rows after which a transaction takes no more of them.
const PART_BYTES: usize = 4 * 1024 * 1024;

const PREFIX: &str = "migration/";

/// The name of the failpoint between two transactions; no run of a plan comes to it where nothing is brought over.
pub(crate) const FAILPOINT: &str = "in-migration";

/// Where a field's bytes come from.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Cells {
    /// A stored field, by its place.
    Stored(usize),
    /// A stored field, by its place, as a value of this wider type.
    Widened(usize, Type),
    /// These.
    New(Vec<u8>),
}

impl Cells {
    /// The place of the stored field.
    const fn stored(&self) -> Option<usize> {
        match self {
            Self::Stored(at) | Self::Widened(at, _) => Some(*at),
            Self::New(_) => None,
        }
    }
}

/// What is done with the rows of a state.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Migration {
    /// The state's id.
    pub(super) id: String,
    /// Its number before and after.
    pub(super) from: u16,
    pub(super) to: u16,
    /// Types of the stored fields.
    pub(super) types: Vec<Type>,
    /// The fields that rows get.
    pub(super) cells: Vec<Cells>,
    /// What the store says of the state from then on.
    #[serde(with = "as_text")]
    pub(super) shape: StoredShape,
    /// Names of the new fields.
    pub(super) added: Vec<String>,
    /// Fields with a wider type: names, the types before and after.
    #[serde(default)]
    pub(super) widened: Vec<(String, Type, Type)>,
}

/// The shape as the text that the store gets.
mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    use super::StoredShape;

    pub(super) fn serialize<S: Serializer>(shape: &StoredShape, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&serde_json::to_string(shape).unwrap_or_default())
    }

    pub(super) fn deserialize<'d, D: Deserializer<'d>>(deserializer: D) -> Result<StoredShape, D::Error> {
        serde_json::from_str(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Migration {
    /// What was done, for the user.
    pub(crate) fn note(&self) -> String {
        let mut parts = Vec::new();
        if !self.added.is_empty() {
            let added = self.added.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            parts.push(format!("gained {added}: the default, in the rows that earlier runs stored"));
        }
        for (name, before, after) in &self.widened {
            parts.push(format!("has `{name}` as {after}: the rows that earlier runs stored, as {before}, are widened"));
        }
        if parts.is_empty() {
            return format!(
                "state `{}`: the rows that earlier runs stored were put into the new order of its fields",
                self.id
            );
        }
        format!("state `{}` {}", self.id, parts.join("; it "))
    }

    /// Takes the state as it is now: its rows need nothing done.
    pub(super) fn accept(&self, batch: &mut StoreBatch) {
        put(batch, &format!("state/{}", self.id), &self.shape);
    }

    /// A row's new bytes.
    pub(super) fn row(&self, row: &[u8]) -> Option<Vec<u8>> {
        let (head, has_versions, mut rest) = split_head(row)?;
        let mut stored = Vec::new();
        for ty in &self.types {
            let before = rest;
            let cell = read_cell(ty, &mut rest).ok()?;
            stored.push((&before[..before.len() - rest.len()], cell));
        }
        let versions = if has_versions { self.types.len() * VERSION_BYTES } else { 0 };
        if rest.len() != versions {
            return None;
        }
        let mut out = head.to_vec();
        for cell in &self.cells {
            match cell {
                Cells::Stored(at) => out.extend_from_slice(stored.get(*at)?.0),
                Cells::Widened(at, to) => {
                    let (from, (_, cell)) = (self.types.get(*at)?, stored.get(*at)?);
                    write_cell(to, &widen(from, to, cell.clone()), &mut out);
                }
                Cells::New(bytes) => out.extend_from_slice(bytes),
            }
        }
        if has_versions {
            for cell in &self.cells {
                match cell.stored() {
                    Some(at) => out.extend_from_slice(rest.get(at * VERSION_BYTES..(at + 1) * VERSION_BYTES)?),
                    None => out.extend_from_slice(&crate::state::never_written()),
                }
            }
        }
        Some(out)
    }
}

/// Begins migrations: from here on the store says that they are to be done.
pub(crate) fn begin(store: &dyn Store, migrations: &[Migration]) -> Result<(), RunError> {
    if migrations.is_empty() {
        return Ok(());
    }
    let mut batch = StoreBatch::default();
    for migration in migrations {
        migration.accept(&mut batch);
        put(&mut batch, &format!("{PREFIX}{:05}", migration.to), migration);
    }
    batch.sort();
    store.commit(&batch).map_err(|error| RunError::connector("store", error))
}

/// Does what was begun, by this run or one that was killed.
pub(crate) fn finish(store: &dyn Store, options: &Options) -> Result<(), RunError> {
    // In the order of their numbers: rows may have been brought over twice.
    for (key, migration) in Meta::read(store)?.under::<Migration>(PREFIX)? {
        while part(store, &migration, &format!("{PREFIX}{key}"))? {
            if options.stop.is_stopping() {
                return Err(RunError::Aborted);
            }
            if options.failpoints.hit(FAILPOINT) {
                return Err(RunError::Failpoint(FAILPOINT));
            }
        }
    }
    Ok(())
}

/// Brings some rows over; gives whether there may be more.
fn part(store: &dyn Store, migration: &Migration, key: &str) -> Result<bool, RunError> {
    let named = |error| RunError::connector("store", error);
    let mut batch = StoreBatch::default();
    let (mut whole, mut more, mut rows, mut bytes) = (true, false, 0, 0);
    let read = store.scan(StoreTable::State, &migration.from.to_be_bytes(), &mut |own, row| {
        if rows >= PART || bytes >= PART_BYTES {
            more = true;
            return false;
        }
        let Some(new) = migration.row(row) else {
            whole = false;
            return false;
        };
        let changes = batch.table(StoreTable::State);
        changes.delete(own);
        changes.put(&[&migration.to.to_be_bytes(), &own[2..]].concat(), &new);
        rows += 1;
        bytes += own.len() + new.len();
        true
    });
    read.map_err(named)?;
    if !whole {
        let words = format!("rows of the state `{}` in the store are damaged", migration.id);
        let error = ConnectorError::new(ConnectorErrorKind::Damaged, words)
            .with_help("put back a copy of the store, or give --fresh to forget what it holds");
        return Err(named(error));
    }
    if !more {
        batch.table(StoreTable::Meta).delete(key.as_bytes());
    }
    batch.sort();
    store.commit(&batch).map_err(named)?;
    Ok(more)
}
