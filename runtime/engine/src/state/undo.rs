//! What undoes a record's changes of rows, and no more.

use super::{
    lane::{LaneRows, RowId},
    row::{Carried, FieldVersion, Fields},
};
use crate::cell::Cell;

/// One change, to be taken back.
#[derive(Debug)]
pub(crate) enum Undo {
    /// A field had this value.
    Field(u32, Cell),
    /// A map or set had this under a key (or nothing).
    Entry(u32, Cell, Option<Cell>),
    /// A list had this at a place.
    Item(u32, usize, Cell),
    /// A list got an element at its end.
    Pushed(u32),
    /// A field was written then.
    Version(u32, FieldVersion),
    /// Whether the row was there, and the watermark at its last save.
    Presence(bool, i64),
    /// The row had these fields.
    Fields(Fields),
    /// The row carried this along.
    Carried(Option<Box<Carried>>),
}

impl Undo {
    /// Takes the change of a row back.
    pub(crate) fn apply(self, rows: &mut LaneRows, id: RowId) {
        let row = rows.row_mut(id);
        match self {
            Self::Field(field, old) => row.fields[field as usize] = old,
            Self::Entry(field, key, old) => {
                if let Cell::Map(map) = &mut row.fields[field as usize] {
                    match old {
                        Some(old) => drop(map.insert(key, old)),
                        None => drop(map.remove(&key)),
                    }
                }
            }
            Self::Item(field, at, old) => {
                if let Cell::List(list) = &mut row.fields[field as usize]
                    && let Some(item) = list.get_mut(at)
                {
                    *item = old;
                }
            }
            Self::Pushed(field) => {
                if let Cell::List(list) = &mut row.fields[field as usize] {
                    list.pop();
                }
            }
            Self::Version(field, old) => {
                if let Some(versions) = &mut row.versions {
                    versions[field as usize] = old;
                }
            }
            Self::Presence(exists, saved) => (row.exists, row.saved) = (exists, saved),
            Self::Fields(fields) => row.fields = fields,
            Self::Carried(carried) => row.carried = carried,
        }
    }
}
