//! A row as the bytes of the store.
//!
//! Layout, all numbers of variable length: format version, `created`, `updated`, the writers' ids, the stamps of the
//! last write and deletion, the fields by id (stamp, length, value), and at the end a check sum of four bytes. Fields
//! that the plan does not know are carried along, so that a program that forgets a field does not lose its values.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::encode::cell::{read_cell, write_cell};

use super::{
    Dimension,
    bytes::{Reader, put_bytes, put_signed, put_unsigned},
    row::{Field, Row, UnknownField},
    stamp::{Stamp, WrittenBy},
};

/// The format that this crate writes.
const FORMAT: u8 = 1;

/// Why stored bytes are no row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowError {
    /// The check sum does not fit, or a part is not what it should be.
    Damaged,
    /// Written by a later version of the runtime.
    Newer,
}

impl std::fmt::Display for RowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Damaged => "its stored bytes are damaged",
            Self::Newer => "it was stored by a newer version of nsf",
        })
    }
}

impl std::error::Error for RowError {}

/// Appends a row.
pub(super) fn write_row(out: &mut Vec<u8>, dimension: &Dimension, row: &Row) {
    let start = out.len();
    out.push(FORMAT);
    put_signed(out, row.created);
    put_signed(out, row.updated);
    let writers = writers_of(row);
    put_unsigned(out, writers.len() as u64);
    writers.iter().for_each(|writer| put_bytes(out, writer.as_bytes()));
    put_optional_stamp(out, &writers, row.written.as_ref());
    put_optional_stamp(out, &writers, row.deleted.as_ref());
    let written = row.fields.iter().filter(|field| field.stamp.is_some()).count();
    put_unsigned(out, (written + row.unknown.len()) as u64);
    let mut value = Vec::new();
    for (field, plan) in row.fields.iter().zip(&dimension.fields) {
        if let Some(stamp) = &field.stamp {
            value.clear();
            write_cell(&plan.ty, &field.value, &mut value);
            put_field(out, &writers, plan.id, stamp, &value);
        }
    }
    for field in &row.unknown {
        put_field(out, &writers, field.id, &field.stamp, &field.bytes);
    }
    let sum = check_sum(&out[start..]);
    out.extend_from_slice(&sum);
}

fn check_sum(bytes: &[u8]) -> [u8; 4] {
    (xxh3_64(bytes) as u32).to_le_bytes()
}

fn put_field(out: &mut Vec<u8>, writers: &[&str], id: u64, stamp: &Stamp, value: &[u8]) {
    put_unsigned(out, id);
    put_stamp(out, writers, stamp);
    put_bytes(out, value);
}

/// Every writer of the row once, in the order of first use.
fn writers_of(row: &Row) -> Vec<&str> {
    let mut writers: Vec<&str> = Vec::new();
    let fields = row.fields.iter().filter_map(|field| field.stamp.as_ref());
    let unknown = row.unknown.iter().map(|field| &field.stamp);
    for stamp in row.written.iter().chain(&row.deleted).chain(fields).chain(unknown) {
        if !writers.contains(&&*stamp.writer) {
            writers.push(&stamp.writer);
        }
    }
    writers
}

fn put_optional_stamp(out: &mut Vec<u8>, writers: &[&str], stamp: Option<&Stamp>) {
    out.push(u8::from(stamp.is_some()));
    if let Some(stamp) = stamp {
        put_stamp(out, writers, stamp);
    }
}

fn put_stamp(out: &mut Vec<u8>, writers: &[&str], stamp: &Stamp) {
    let writer = writers.iter().position(|writer| *writer == &*stamp.writer).unwrap_or_default() as u64;
    put_unsigned(out, writer * 2 + u64::from(stamp.by == WrittenBy::Flow));
    put_signed(out, stamp.time);
    put_unsigned(out, u64::from(stamp.partition));
    put_unsigned(out, stamp.offset);
}

/// Reads a row.
///
/// # Errors
/// Where the bytes are damaged or of a newer format.
pub(super) fn read_row(bytes: &[u8], dimension: &Dimension) -> Result<Row, RowError> {
    let (body, sum) = bytes.split_at_checked(bytes.len().saturating_sub(4)).ok_or(RowError::Damaged)?;
    if check_sum(body) != sum {
        return Err(RowError::Damaged);
    }
    match body.first() {
        Some(&FORMAT) => read_body(&body[1..], dimension).ok_or(RowError::Damaged),
        Some(format) if *format > FORMAT => Err(RowError::Newer),
        _ => Err(RowError::Damaged),
    }
}

fn read_body(body: &[u8], dimension: &Dimension) -> Option<Row> {
    let mut reader = Reader::new(body);
    let mut row = Row::new(dimension.fields.len());
    row.created = reader.signed()?;
    row.updated = reader.signed()?;
    let count = reader.count()?;
    let writers = (0..count).map(|_| reader.text().map(Arc::from)).collect::<Option<Vec<Arc<str>>>>()?;
    row.written = read_optional_stamp(&mut reader, &writers)?;
    row.deleted = read_optional_stamp(&mut reader, &writers)?;
    for _ in 0..reader.count()? {
        let id = reader.unsigned()?;
        let stamp = read_stamp(&mut reader, &writers)?;
        let mut bytes = reader.bytes()?;
        match dimension.index_of(id) {
            Some(index) => {
                let value = read_cell(&dimension.fields[index].ty, &mut bytes).ok()?;
                row.fields[index] = Field { value, stamp: Some(stamp) };
                bytes.is_empty().then_some(())?;
            }
            None => row.unknown.push(UnknownField { id, stamp, bytes: bytes.into() }),
        }
    }
    reader.is_empty().then_some(row)
}

fn read_optional_stamp(reader: &mut Reader<'_>, writers: &[Arc<str>]) -> Option<Option<Stamp>> {
    match reader.byte()? {
        0 => Some(None),
        1 => read_stamp(reader, writers).map(Some),
        _ => None,
    }
}

fn read_stamp(reader: &mut Reader<'_>, writers: &[Arc<str>]) -> Option<Stamp> {
    let writer = reader.unsigned()?;
    let by = if writer % 2 == 1 { WrittenBy::Flow } else { WrittenBy::Ingest };
    let writer = writers.get(usize::try_from(writer / 2).ok()?)?.clone();
    let time = reader.signed()?;
    let partition = u32::try_from(reader.unsigned()?).ok()?;
    Some(Stamp { time, by, writer, partition, offset: reader.unsigned()? })
}

#[cfg(test)]
mod tests;
