//! A dimension's row, and how a write changes it.
//!
//! Ingests' writes form a join: each field keeps the value of its greatest [`Stamp`], the row keeps its greatest
//! deletion, and a field is there when its stamp is above the deletion. So any order of the same messages, each any
//! number of times, leaves the same row. A flow's writes are not compared: they are applied in the flow's order and
//! always stay (see [`Stamp`] for how the two meet).

use crate::{cell::Cell, run::stage::WriteKind};

use super::stamp::{Stamp, WrittenBy};

/// A field as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Field {
    /// Its value; null where it has none.
    pub value: Cell,
    /// Its last write; none where it was never written or went with a deletion.
    pub stamp: Option<Stamp>,
}

/// A stored field that the plan does not know (any more): kept as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// The 14-digit field id.
    pub id: u64,
    /// Its last write.
    pub stamp: Stamp,
    /// Its value as stored.
    pub bytes: Box<[u8]>,
}

/// A row. One that was deleted stays as its deletion, so that older writes that arrive later do not bring it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Fields by their index in the plan.
    pub fields: Vec<Field>,
    /// Fields that the plan does not know.
    pub unknown: Vec<UnknownField>,
    /// When the row came to be, in milliseconds; for information, not part of any decision.
    pub created: i64,
    /// The latest time of any write, in milliseconds.
    pub updated: i64,
    /// The last write of a value; none where the row is not there.
    pub written: Option<Stamp>,
    /// The last deletion.
    pub deleted: Option<Stamp>,
}

/// A write as a row sees it.
#[derive(Clone, Debug)]
pub struct RowWrite<'w> {
    /// What is done.
    pub kind: WriteKind,
    /// Fields by index, and their values.
    pub fields: &'w [(u32, Cell)],
    /// Its version.
    pub stamp: Stamp,
}

/// What a write did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// The row was not there and is now.
    pub created: bool,
    /// The row was there and is no longer.
    pub deleted: bool,
    /// Fields whose value is another now, with the value before.
    pub before: Vec<(u32, Cell)>,
    /// Fields that took what the write says, whether or not their value changed; the others have a newer write.
    pub taken: Vec<u32>,
    /// Whether anything stored is other than before, versions included.
    pub stored: bool,
}

impl Change {
    /// Whether a reader sees the row otherwise than before.
    #[must_use]
    pub const fn is_visible(&self) -> bool {
        self.created || self.deleted || !self.before.is_empty()
    }
}

impl Row {
    /// A row that was never written.
    #[must_use]
    pub fn new(fields: usize) -> Self {
        Self {
            fields: vec![Field::default(); fields],
            unknown: Vec::new(),
            created: 0,
            updated: i64::MIN,
            written: None,
            deleted: None,
        }
    }

    /// Whether the row is there.
    #[must_use]
    pub const fn exists(&self) -> bool {
        self.written.is_some()
    }

    /// The value of a field; null where it has none.
    #[must_use]
    pub fn value(&self, field: u32) -> &Cell {
        self.fields.get(field as usize).map_or(&Cell::Null, |field| &field.value)
    }

    /// Applies a write.
    pub fn apply(&mut self, write: &RowWrite<'_>) -> Change {
        let existed = self.exists();
        let mut stamp = write.stamp.clone();
        if stamp.by == WrittenBy::Flow {
            stamp.time = stamp.time.max(self.latest());
        }
        let mut change = Change::default();
        match write.kind {
            WriteKind::Assign => self.assign(write.fields, &stamp, &mut change),
            WriteKind::Reset if write.fields.is_empty() => self.clear(&stamp, &mut change),
            WriteKind::Reset => self.assign(write.fields, &stamp, &mut change),
            WriteKind::Delete => self.delete(&stamp, &mut change),
        }
        let creates = match write.kind {
            WriteKind::Assign => true,
            WriteKind::Reset => write.fields.iter().any(|(_, value)| !value.is_null()),
            WriteKind::Delete => false,
        };
        if creates && !self.is_deleted_after(&stamp) {
            self.mark_written(&stamp, &mut change);
        }
        if stamp.time > self.updated {
            self.updated = stamp.time;
            change.stored = true;
        }
        change.created = !existed && self.exists();
        change.deleted = existed && !self.exists();
        change
    }

    /// The latest time of any stamp, so that a flow's stamp is not below what it replaces.
    fn latest(&self) -> i64 {
        let rows = self.written.iter().chain(&self.deleted);
        let fields = self.fields.iter().filter_map(|field| field.stamp.as_ref());
        rows.chain(fields).map(|stamp| stamp.time).max().unwrap_or(i64::MIN)
    }

    fn is_deleted_after(&self, stamp: &Stamp) -> bool {
        stamp.by == WrittenBy::Ingest && self.deleted.as_ref().is_some_and(|deleted| deleted > stamp)
    }

    /// Whether a flow's write is repeated behind a later one of the same flow: see [`Stamp::is_repeated_by`].
    fn was_written_after(&self, stamp: &Stamp) -> bool {
        let fields = self.fields.iter().filter_map(|field| field.stamp.as_ref());
        stamp.by == WrittenBy::Flow && fields.chain(&self.written).any(|own| own.is_repeated_by(stamp))
    }

    fn assign(&mut self, fields: &[(u32, Cell)], stamp: &Stamp, change: &mut Change) {
        if self.is_deleted_after(stamp) {
            return;
        }
        for (index, value) in fields {
            if let Some(field) = self.fields.get_mut(*index as usize) {
                field.set(*index, value, stamp, change);
            }
        }
    }

    fn clear(&mut self, stamp: &Stamp, change: &mut Change) {
        if self.is_deleted_after(stamp) {
            return;
        }
        for (index, field) in self.fields.iter_mut().enumerate() {
            field.set(index as u32, &Cell::Null, stamp, change);
        }
        let unknown = self.unknown.len();
        self.unknown.retain(|field| stamp.by == WrittenBy::Ingest && field.stamp > *stamp);
        change.stored |= unknown != self.unknown.len();
    }

    fn delete(&mut self, stamp: &Stamp, change: &mut Change) {
        if self.is_deleted_after(stamp) || self.deleted.as_ref() == Some(stamp) || self.was_written_after(stamp) {
            return;
        }
        let outlives = |of: &Stamp| stamp.by == WrittenBy::Ingest && of > stamp;
        for (index, field) in self.fields.iter_mut().enumerate() {
            if field.stamp.as_ref().is_none_or(|of| !outlives(of)) {
                field.stamp = None;
                change.taken.push(index as u32);
                field.replace(index as u32, &Cell::Null, change);
            }
        }
        self.unknown.retain(|field| outlives(&field.stamp));
        self.written.take_if(|written| !outlives(written));
        self.deleted = Some(stamp.clone());
        change.stored = true;
    }

    fn mark_written(&mut self, stamp: &Stamp, change: &mut Change) {
        let created = if self.written.is_none() { stamp.time } else { self.created.min(stamp.time) };
        change.stored |= created != self.created;
        self.created = created;
        if self.written.as_ref().is_some_and(|written| written.is_repeated_by(stamp)) {
            return;
        }
        let newer = stamp.by == WrittenBy::Flow || self.written.as_ref().is_none_or(|written| written < stamp);
        if newer && self.written.as_ref() != Some(stamp) {
            self.written = Some(stamp.clone());
            change.stored = true;
        }
    }
}

impl Field {
    /// Takes a value unless a newer one is there. Two writes with one stamp are the same write, delivered again; should
    /// their values differ all the same, the greater stays, so that their order does not matter.
    fn set(&mut self, index: u32, value: &Cell, stamp: &Stamp, change: &mut Change) {
        if stamp.by == WrittenBy::Ingest
            && let Some(own) = &self.stamp
            && (own > stamp || own == stamp && self.value > *value)
        {
            return;
        }
        if stamp.by == WrittenBy::Flow && self.stamp.as_ref().is_some_and(|own| own.is_repeated_by(stamp)) {
            return;
        }
        change.taken.push(index);
        if self.stamp.as_ref() != Some(stamp) {
            self.stamp = Some(stamp.clone());
            change.stored = true;
        }
        self.replace(index, value, change);
    }

    fn replace(&mut self, index: u32, value: &Cell, change: &mut Change) {
        if self.value != *value {
            let before = std::mem::replace(&mut self.value, value.clone());
            change.before.push((index, before));
            change.stored = true;
        }
    }
}

#[cfg(test)]
mod tests;
