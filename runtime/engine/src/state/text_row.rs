//! A row of a state as JSON: its fields, and beside them from which partition it was last written, when it was saved and, for
//! `order: time`, which write each field is of.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Row, StateShape,
    origin::{Origin, Written},
    row::{Carried, FieldVersion},
    widen,
};
use crate::{encode::cell::Damaged, observe::RecordId, store::row_version, text::TextRow};

/// What stands beside the fields.
#[derive(Default, Serialize, Deserialize)]
struct Beside {
    /// Topic and partition of the record that wrote it last, and how many partitions the topic had when the row was first
    /// written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<(String, u32, u32)>,
    /// Other partitions that its records came from before partitions were added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<u32>,
    /// The watermark at the last save, in milliseconds; only of a state with `keep`.
    #[serde(skip_serializing_if = "Option::is_none")]
    saved: Option<i64>,
    /// The row was deleted; its versions say since when.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    gone: bool,
    /// By field: time in milliseconds, stream, partition and offset of the record that wrote it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    versions: BTreeMap<String, (i64, u32, u32, u64)>,
    /// How many changes of `float32` to `float64` it has seen; see [`super::Doubled`].
    #[serde(default, skip_serializing_if = "is_none_of_them")]
    doubled: usize,
}

const fn is_none_of_them(count: &usize) -> bool {
    *count == 0
}

/// Appends a row.
pub(super) fn encode(row: &Row, text: &TextRow, shape: &StateShape, out: &mut Vec<u8>) {
    let saved = (shape.keep.is_some() && row.saved != i64::MIN).then_some(row.saved);
    let written = row.versions.iter().flat_map(|versions| text.names().iter().zip(versions.iter()));
    let versions = written.filter(|(_, version)| **version != FieldVersion::NEVER).map(|(name, version)| {
        let RecordId { stream, partition, offset } = version.record;
        (name.clone(), (version.time, stream, partition, offset))
    });
    let mut versions: BTreeMap<_, _> = versions.collect();
    let carried = row.carried.as_deref();
    versions.extend(carried.iter().flat_map(|carried| carried.versions.clone()));
    let origin = row.written.as_ref().and_then(|written| written.origin.as_ref());
    let from = origin.map(|origin| (origin.topic.to_string(), origin.partition, origin.partitions));
    let earlier = origin.map(|origin| origin.earlier.clone()).unwrap_or_default();
    let beside = Beside { from, earlier, saved, gone: !row.exists, versions, doubled: shape.doubled.len() };
    let plain = beside.from.is_none()
        && beside.saved.is_none()
        && !beside.gone
        && beside.versions.is_empty()
        && beside.doubled == 0;
    // Numbers and texts always have a JSON form.
    let beside = (!plain).then(|| serde_json::to_string(&beside).unwrap_or_default());
    let further = carried.map(|carried| &*carried.members);
    text.write_carrying(row.fields.iter().map(Some), further, beside.as_deref(), out);
}

/// Reads a row. A field that it does not have is one that the state gained: it has its default; one of a
/// narrower type is read as the wider one, for its JSON is the same. What it has beside is another version's of the program, and
/// is carried along.
pub(super) fn decode(shape: &StateShape, text: &TextRow, key: &[u8], bytes: &[u8]) -> Result<Row, Damaged> {
    let mut read = text.read(bytes)?;
    let beside: Beside = match &read.beside {
        None => Beside::default(),
        Some(beside) => serde_json::from_str(beside).map_err(|_| Damaged)?,
    };
    if let Some(changes @ [_, ..]) = shape.doubled.get(beside.doubled..) {
        read = text.read(&widen::rewrite(changes, bytes)?)?;
    }
    let mut row = Row::absent(shape, key);
    row.exists = !beside.gone;
    row.saved = beside.saved.unwrap_or(i64::MIN);
    for (field, read) in row.fields.iter_mut().zip(read.fields) {
        if let Some(cell) = read {
            *field = cell;
        }
    }
    for (name, version) in text.names().iter().zip(row.versions.iter_mut().flatten()) {
        if let Some(&(time, stream, partition, offset)) = beside.versions.get(name) {
            *version = FieldVersion { time, record: RecordId { stream, partition, offset } };
        }
    }
    let (from, earlier) = (beside.from, beside.earlier);
    if let Some(members) = read.further {
        let unknown = |(name, _): &(String, _)| !text.names().contains(name);
        let versions = beside.versions.into_iter().filter(unknown).collect();
        row.carried = Some(Box::new(Carried { members, versions }));
    }
    if shape.origins.is_some() {
        let origin = from.map(|(topic, partition, partitions)| {
            row.from = partition;
            Origin { topic: topic.into(), partition, partitions, earlier }
        });
        row.written = Some(Box::new(Written::read(origin, row_version(Some(bytes)))));
    }
    Ok(row)
}
