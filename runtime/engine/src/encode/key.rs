//! Keys as bytes: injective, and ordered as the values are, part by part.

use nsf_plan::Type;

use crate::{cell::Cell, encode::cell::Damaged, value::Value};

/// Appends one part of a key.
pub fn write_part(_value: Value<'_>, _out: &mut Vec<u8>) {}

/// Appends one part of a key from a cell.
pub fn write_cell_part(_cell: &Cell, _out: &mut Vec<u8>) {}

/// Reads one part of a key from the front of `bytes`.
///
/// # Errors
/// The bytes are not such a part.
pub fn read_part(_ty: &Type, _bytes: &mut &[u8]) -> Result<Cell, Damaged> {
    Err(Damaged)
}
