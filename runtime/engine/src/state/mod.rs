//! Keyed state: the lane's working copy of rows, their stored form, and what undoes a record's changes.

mod change;
mod lane;
mod row;
mod shape;
mod undo;

pub(crate) use change::Change;
pub(crate) use lane::{LaneRows, RowId};
pub(crate) use row::{FieldVersion, Row};
pub(crate) use shape::{StateShape, closes_scope};
pub(crate) use undo::Undo;
