//! A row of a state: its working copy and its stored form.

use std::collections::BTreeMap;

use super::{
    StateShape, Undo,
    origin::{NOWHERE, Written},
    text_row,
};
use crate::{
    cell::Cell,
    encode::cell::{Damaged, read_cell, write_cell},
    observe::RecordId,
};

/// When a field of a state with `order: time` was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FieldVersion {
    /// The record's time in milliseconds.
    pub time: i64,
    /// The record, for ties.
    pub record: RecordId,
}

impl FieldVersion {
    /// Older than every write.
    pub(crate) const NEVER: Self = Self { time: i64::MIN, record: RecordId { stream: 0, partition: 0, offset: 0 } };
}

/// Longest key that stands in the row itself, in bytes.
const INLINE: usize = 30;

/// A row's key, as bytes: a short one stands in the row, where looking at it costs no further step in memory.
#[derive(Clone, Debug)]
pub(crate) enum RowKey {
    /// Its length, and the bytes.
    Short(u8, [u8; INLINE]),
    /// A longer one.
    Long(Box<[u8]>),
}

impl RowKey {
    fn new(key: &[u8]) -> Self {
        if key.len() > INLINE {
            return Self::Long(key.into());
        }
        let mut bytes = [0; INLINE];
        bytes[..key.len()].copy_from_slice(key);
        Self::Short(key.len() as u8, bytes)
    }
}

impl std::ops::Deref for RowKey {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        match self {
            Self::Short(length, bytes) => &bytes[..usize::from(*length)],
            Self::Long(bytes) => bytes,
        }
    }
}

/// A row's fields: a single one stands in the row itself.
#[derive(Clone, Debug)]
pub(crate) enum Fields {
    /// One field.
    One([Cell; 1]),
    /// None or several.
    Many(Box<[Cell]>),
}

impl FromIterator<Cell> for Fields {
    fn from_iter<I: IntoIterator<Item = Cell>>(cells: I) -> Self {
        let cells: Vec<Cell> = cells.into_iter().collect();
        <[Cell; 1]>::try_from(cells).map_or_else(|cells| Self::Many(cells.into()), Self::One)
    }
}

impl std::ops::Deref for Fields {
    type Target = [Cell];

    #[inline]
    fn deref(&self) -> &[Cell] {
        match self {
            Self::One(cell) => cell,
            Self::Many(cells) => cells,
        }
    }
}

impl std::ops::DerefMut for Fields {
    #[inline]
    fn deref_mut(&mut self) -> &mut [Cell] {
        match self {
            Self::One(cell) => cell,
            Self::Many(cells) => cells,
        }
    }
}

/// The working copy of a row.
#[derive(Debug)]
pub(crate) struct Row {
    /// Its key, as bytes.
    pub key: RowKey,
    /// Its fields; the defaults where it is not there.
    pub fields: Fields,
    /// Whether it is there.
    pub exists: bool,
    /// The watermark at its last save, in milliseconds.
    pub saved: i64,
    /// When it ends by `closes`, in milliseconds.
    pub closes: i64,
    /// Whether it was changed since the last commit.
    pub dirty: bool,
    /// Whether the log holds it, so that it must stay in memory.
    pub logged: bool,
    /// Which commit last used it.
    pub used: u32,
    /// Whether it is noted when its value ends, where a flow is told of that.
    pub noted: bool,
    /// For `order: time`: when each field was written.
    pub versions: Option<Box<[FieldVersion]>>,
    /// What another version of the program stored beside: carried along. Only of rows as text.
    pub carried: Option<Box<Carried>>,
    /// The partition that it was last written from, where partitions are shared with other workers.
    pub from: u32,
    /// What is known of the stored row there; none where there is none.
    pub written: Option<Box<Written>>,
}

/// What a row holds that the program does not know.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Carried {
    /// Fields, as members of JSON with commas between.
    pub members: Box<str>,
    /// For `order: time`: when such fields were written, by their names.
    pub versions: BTreeMap<String, (i64, u32, u32, u64)>,
}

const HAS_SAVED: u8 = 1;
const HAS_VERSIONS: u8 = 2;
/// The row is gone; its versions say since when, so that an older write does not bring it back.
const IS_GONE: u8 = 4;

impl Row {
    /// A row that is not there.
    pub(crate) fn absent(shape: &StateShape, key: &[u8]) -> Self {
        let never = || std::iter::repeat_n(FieldVersion::NEVER, shape.fields.len()).collect();
        Self {
            key: RowKey::new(key),
            fields: shape.defaults.clone(),
            exists: false,
            saved: i64::MIN,
            closes: if shape.has_closes() { shape.closes(key) } else { i64::MAX },
            dirty: false,
            logged: false,
            used: 0,
            noted: false,
            versions: shape.by_time.then(never),
            carried: None,
            from: NOWHERE,
            written: None,
        }
    }

    /// Reads a stored row.
    ///
    /// # Errors
    /// The bytes are not one of this shape.
    pub(crate) fn decode(shape: &StateShape, key: &[u8], mut bytes: &[u8]) -> Result<Self, Damaged> {
        if let Some(text) = &shape.text {
            return text_row::decode(shape, text, key, bytes);
        }
        let mut row = Self::absent(shape, key);
        let flags = take::<1>(&mut bytes)?[0];
        row.exists = flags & IS_GONE == 0;
        if flags & HAS_SAVED != 0 {
            row.saved = i64::from_le_bytes(take(&mut bytes)?);
        }
        for (field, ty) in row.fields.iter_mut().zip(&shape.fields) {
            *field = read_cell(ty, &mut bytes)?;
        }
        if flags & HAS_VERSIONS != 0 {
            let versions = shape.fields.iter().map(|_| read_version(&mut bytes)).collect::<Result<_, _>>()?;
            row.versions = shape.by_time.then_some(versions);
        }
        if bytes.is_empty() { Ok(row) } else { Err(Damaged) }
    }

    /// Appends the stored form.
    pub(crate) fn encode(&self, shape: &StateShape, out: &mut Vec<u8>) {
        if let Some(text) = &shape.text {
            return text_row::encode(self, text, shape, out);
        }
        let saved = if shape.keep.is_some() { HAS_SAVED } else { 0 };
        let versions = if self.versions.is_some() { HAS_VERSIONS } else { 0 };
        let gone = if self.exists { 0 } else { IS_GONE };
        out.push(saved | versions | gone);
        if saved != 0 {
            out.extend_from_slice(&self.saved.to_le_bytes());
        }
        for (field, ty) in self.fields.iter().zip(&shape.fields) {
            write_cell(ty, field, out);
        }
        for version in self.versions.iter().flatten() {
            out.extend_from_slice(&version.time.to_le_bytes());
            out.extend_from_slice(&version.record.stream.to_le_bytes());
            out.extend_from_slice(&version.record.partition.to_le_bytes());
            out.extend_from_slice(&version.record.offset.to_le_bytes());
        }
    }

    /// Whether a record sees the row when its partition's watermark is here (`late` as its source allows).
    ///
    /// A value whose end a flow is told of is there until it was told.
    pub(crate) fn is_live(&self, shape: &StateShape, watermark: i64, late: i64) -> bool {
        self.exists && (shape.told || !self.has_ended(shape, watermark, late))
    }

    /// Whether its time is over, be it there or deleted.
    pub(crate) fn has_ended(&self, shape: &StateShape, watermark: i64, late: i64) -> bool {
        shape.keep.is_some_and(|keep| watermark.saturating_sub(self.saved) > keep) || self.has_closed(watermark, late)
    }

    /// The last watermark at which the value is there, with what all sources of the state allow to be late; and the time
    /// at which it ends then: what `closes` says, or `keep` after the last save.
    pub(crate) fn end(&self, shape: &StateShape) -> (i64, i64) {
        let by_keep = shape.keep.map_or(i64::MAX, |keep| self.saved.saturating_add(keep));
        let by_closes = self.closes.saturating_add(shape.late);
        if by_closes <= by_keep { (by_closes, self.closes) } else { (by_keep, by_keep) }
    }

    /// The row is gone, and nothing is known of it any more.
    pub(crate) fn clear(&mut self, shape: &StateShape) {
        (self.exists, self.noted, self.saved) = (false, false, i64::MIN);
        self.fields = shape.defaults.clone();
        self.versions.iter_mut().flatten().for_each(|version| *version = FieldVersion::NEVER);
    }

    /// Whether the store must hold it: it is there, or it is deleted and says since when.
    pub(crate) fn is_stored(&self) -> bool {
        self.exists || self.versions.iter().flatten().any(|version| *version != FieldVersion::NEVER)
    }

    /// Deletes the row as of a version: what was written later stays.
    pub(crate) fn delete(&mut self, shape: &StateShape, version: FieldVersion, undo: &mut impl FnMut(Undo)) {
        undo(Undo::Presence(self.exists, self.saved));
        let Some(versions) = &mut self.versions else {
            self.exists = false;
            undo(Undo::Fields(std::mem::replace(&mut self.fields, shape.defaults.clone())));
            if self.carried.is_some() {
                undo(Undo::Carried(self.carried.take()));
            }
            return;
        };
        let mut newer = false;
        for (at, own) in versions.iter_mut().enumerate() {
            if *own > version {
                newer = true;
                continue;
            }
            undo(Undo::Version(at as u32, std::mem::replace(own, version)));
            undo(Undo::Field(at as u32, std::mem::replace(&mut self.fields[at], shape.defaults[at].clone())));
        }
        self.exists = newer;
    }

    /// Whether a write of a field at a version comes too late: something newer was written there, or deleted it.
    pub(crate) fn is_older(&self, field: u32, version: FieldVersion) -> bool {
        self.versions.as_ref().is_some_and(|versions| versions[field as usize] > version)
    }

    /// Whether the row's time has ended by `closes`.
    pub(crate) const fn has_closed(&self, watermark: i64, late: i64) -> bool {
        self.closes != i64::MAX && watermark.saturating_sub(late) > self.closes
    }
}

/// Bytes of a field's version in a stored row.
pub(crate) const VERSION_BYTES: usize = 24;

/// The stored form of [`FieldVersion::NEVER`].
pub(crate) fn never_written() -> [u8; VERSION_BYTES] {
    let mut bytes = [0; VERSION_BYTES];
    bytes[..8].copy_from_slice(&FieldVersion::NEVER.time.to_le_bytes());
    bytes
}

/// A stored row: what stands before its fields, whether their versions stand behind them, and all from the fields on.
pub(crate) fn split_head(row: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    let flags = *row.first()?;
    let head = if flags & HAS_SAVED == 0 { 1 } else { 9 };
    let (head, fields) = row.split_at_checked(head)?;
    Some((head, flags & HAS_VERSIONS != 0, fields))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], Damaged> {
    let (front, rest) = bytes.split_first_chunk::<N>().ok_or(Damaged)?;
    *bytes = rest;
    Ok(*front)
}

fn read_version(bytes: &mut &[u8]) -> Result<FieldVersion, Damaged> {
    let time = i64::from_le_bytes(take(bytes)?);
    let stream = u32::from_le_bytes(take(bytes)?);
    let partition = u32::from_le_bytes(take(bytes)?);
    let offset = u64::from_le_bytes(take(bytes)?);
    Ok(FieldVersion { time, record: RecordId { stream, partition, offset } })
}
