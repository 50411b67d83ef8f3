//! Values and cells as JSON.

use nsf_plan::Type;

use crate::{cell::Cell, value::Value};

/// Appends the JSON form of a value.
pub fn write_value(_ty: &Type, _value: Value<'_>, _out: &mut Vec<u8>) {}

/// Appends the JSON form of a cell.
pub fn write_cell(_ty: &Type, _cell: &Cell, _out: &mut Vec<u8>) {}

/// Appends a text in quotes, with escapes.
pub fn write_text(_text: &str, _out: &mut Vec<u8>) {}
