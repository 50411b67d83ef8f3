//! Keyed state: the lane's working copy of rows, their stored form, and what undoes a record's changes.

mod change;
mod ends;
mod index;
mod lane;
mod origin;
mod row;
mod shape;
mod text_row;
mod undo;
mod widen;

pub(crate) use change::Change;
pub(crate) use ends::Ends;
pub(crate) use lane::{LaneRows, RowId, hash_key};
pub(crate) use origin::{Count, Met, Origin, Origins, OwnStream, Place};
pub(crate) use row::{FieldVersion, Row, VERSION_BYTES, never_written, split_head};
pub(crate) use shape::StateShape;
pub(crate) use undo::Undo;
pub(crate) use widen::{Doubled, has_doubled, widen};
