//! A row as JSON that people read: its fields by name, and under `@` when it came to be, and which write each field is of.
//!
//! `@.fields` holds for each name the field's id and its stamp: a field that was renamed is found by its id, and one that
//! the plan does not know is carried along as it is.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::{cell::Cell, text::TextRow};

use super::{
    Dimension,
    codec::RowError,
    row::{Field, Row, UnknownField},
    stamp::{Stamp, WrittenBy},
};

/// The format that this crate writes.
const FORMAT: u8 = 1;

/// Time in milliseconds, whether a flow wrote, who, the partition and the offset of the record.
type Version = (i64, bool, String, u32, u64);

#[derive(Serialize, Deserialize)]
struct Beside {
    format: u8,
    created: i64,
    updated: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    written: Option<Version>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deleted: Option<Version>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    fields: BTreeMap<String, (u64, Version)>,
}

fn version(stamp: &Stamp) -> Version {
    (stamp.time, stamp.by == WrittenBy::Flow, stamp.writer.to_string(), stamp.partition, stamp.offset)
}

fn stamp(version: Version) -> Stamp {
    let (time, flow, writer, partition, offset) = version;
    let by = if flow { WrittenBy::Flow } else { WrittenBy::Ingest };
    Stamp { time, by, writer: Arc::from(writer), partition, offset }
}

/// Appends a row.
pub(super) fn write_row(out: &mut Vec<u8>, dimension: &Dimension, text: &TextRow, row: &Row) {
    let known = dimension.fields.iter().zip(&row.fields);
    let known = known.filter_map(|(plan, field)| Some((plan.name.clone(), (plan.id, version(field.stamp.as_ref()?)))));
    let mut fields: BTreeMap<String, (u64, Version)> = known.collect();
    let mut carried = Vec::new();
    for field in &row.unknown {
        let Some((name, value)) = split(&field.bytes) else { continue };
        // A new field of the same name takes the place; the old one's value is found by nobody any more.
        if !fields.contains_key(name) {
            fields.insert(name.to_owned(), (field.id, version(&field.stamp)));
            carried.push((name, value));
        }
    }
    let beside = Beside {
        format: FORMAT,
        created: row.created,
        updated: row.updated,
        written: row.written.as_ref().map(version),
        deleted: row.deleted.as_ref().map(version),
        fields,
    };
    // Numbers and texts always have a JSON form.
    let beside = serde_json::to_string(&beside).unwrap_or_default();
    let cells = row.fields.iter().map(|field| field.stamp.as_ref().map(|_| &field.value));
    text.write_with(cells, &carried, Some(&beside), out);
}

/// Name and JSON of a field that the plan does not know.
fn split(bytes: &[u8]) -> Option<(&str, &str)> {
    std::str::from_utf8(bytes).ok()?.split_once('\0')
}

/// Reads a row.
///
/// # Errors
/// Where it is no such row, or of a newer format.
pub(super) fn read_row(bytes: &[u8], dimension: &Dimension, text: &TextRow) -> Result<Row, RowError> {
    let read = text.read(bytes).map_err(|_| RowError::Damaged)?;
    let beside = read.beside.ok_or(RowError::Damaged)?;
    let beside: Beside = serde_json::from_str(&beside).map_err(|_| RowError::Damaged)?;
    if beside.format > FORMAT {
        return Err(RowError::Newer);
    }
    let mut row = Row::new(dimension.fields.len());
    (row.created, row.updated) = (beside.created, beside.updated);
    row.written = beside.written.map(stamp);
    row.deleted = beside.deleted.map(stamp);
    for (name, (id, version)) in beside.fields {
        let stamp = stamp(version);
        let Some(index) = dimension.index_of(id) else {
            let raw = member(bytes, &name)?;
            let bytes = [name.as_bytes(), b"\0", raw.as_bytes()].concat();
            row.unknown.push(UnknownField { id, stamp, bytes: bytes.into() });
            continue;
        };
        let value = if dimension.fields[index].name == name {
            read.fields.get(index).cloned().flatten().unwrap_or(Cell::Null)
        } else {
            renamed(bytes, dimension, index, &name)?
        };
        row.fields[index] = Field { value, stamp: Some(stamp) };
    }
    Ok(row)
}

/// The JSON of a member.
fn member(bytes: &[u8], name: &str) -> Result<String, RowError> {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(bytes).map_err(|_| RowError::Damaged)?;
    members.get(name).map(|raw| raw.get().to_owned()).ok_or(RowError::Damaged)
}

/// The value of a field that stands under an earlier name.
fn renamed(bytes: &[u8], dimension: &Dimension, index: usize, name: &str) -> Result<Cell, RowError> {
    let alone = TextRow::new([(name, &dimension.fields[index].ty)].into_iter()).map_err(|_| RowError::Damaged)?;
    let read = alone.read(bytes).map_err(|_| RowError::Damaged)?;
    Ok(read.fields.into_iter().next().flatten().unwrap_or(Cell::Null))
}

#[cfg(test)]
mod tests;
