//! Rows and keys in a form that people read: what stores such as Redis keep ([`crate::store::Form::Text`]).
//!
//! A key is a text: the name of the state or dimension, then the parts of the key, with `:` between. What a store's key
//! should not hold stands as `%XX`: `%`, `:`, braces (Redis places keys by what stands in them), blanks and control
//! characters. A null is `~`; a text that begins so has its first character as `%7E`.
//!
//! A row is a JSON object of its fields; what the runtime must know beside them stands under `@`, which no field can be
//! named.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use bumpalo::Bump;
use nsf_plan::{Coerce, Encoding, Format, RecordField, SlotId, Type};
use serde_json::value::RawValue;

use crate::{
    cell::Cell,
    decode::{AbsentMember, Decoder, MessageMeta, Payload, Presence, Target, cell_from_json},
    encode::{cell::Damaged, json, key},
    expression::Build,
    frame::{Frame, Layout},
    value::Value,
};

/// The member of a row that is no field.
const BESIDE: &str = "@";

/// Appends the text of a key whose parts stand in `parts` in the form of [`crate::encode::key`].
///
/// # Errors
/// The parts are not of these types.
pub(crate) fn write_key<'t>(
    name: &str,
    types: impl Iterator<Item = &'t Type>,
    mut parts: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), Damaged> {
    escape(name.as_bytes(), out);
    let mut form = Vec::new();
    for ty in types {
        let cell = key::read_part(ty, &mut parts)?;
        out.push(b':');
        write_part(ty, &cell, &mut form, out);
    }
    if parts.is_empty() { Ok(()) } else { Err(Damaged) }
}

fn write_part(ty: &Type, cell: &Cell, form: &mut Vec<u8>, out: &mut Vec<u8>) {
    if cell.is_null() {
        out.push(b'~');
        return;
    }
    form.clear();
    json::write_cell(ty, cell, form);
    // Texts, times and the like stand without their quotes.
    let quoted = form.len() >= 2 && form[0] == b'"';
    if quoted && let Ok(text) = serde_json::from_slice::<String>(form) {
        let rest = match text.strip_prefix('~') {
            Some(rest) => {
                out.extend_from_slice(b"%7E");
                rest
            }
            None => &text,
        };
        escape(rest.as_bytes(), out);
    } else {
        escape(form, out);
    }
}

/// Appends a part of a key, escaped so that it cannot be taken for more than one part.
pub(crate) fn escape(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        if byte <= b' ' || matches!(byte, b'%' | b':' | b'{' | b'}' | b'*' | b'?' | b'[' | b']' | b'\\' | 0x7F) {
            out.extend_from_slice(&[b'%', DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        } else {
            out.push(byte);
        }
    }
}

/// What the keys of all rows of a state or dimension begin with.
pub(crate) fn prefix(name: &str) -> Vec<u8> {
    let mut start = Vec::new();
    escape(name.as_bytes(), &mut start);
    start.push(b':');
    start
}

/// Reads a key's parts from its text: gives them in the form of [`crate::encode::key`]; none where it is another's.
pub(crate) fn read_key<'t>(name: &str, types: impl Iterator<Item = &'t Type>, text: &[u8]) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    escape(name.as_bytes(), &mut start);
    let mut rest = text.strip_prefix(start.as_slice())?;
    let mut parts = Vec::new();
    for ty in types {
        rest = rest.strip_prefix(b":")?;
        let end = rest.iter().position(|byte| *byte == b':').unwrap_or(rest.len());
        let cell = read_part(ty, &rest[..end])?;
        key::write_cell_part(ty, &cell, &mut parts);
        rest = &rest[end..];
    }
    rest.is_empty().then_some(parts)
}

fn read_part(ty: &Type, part: &[u8]) -> Option<Cell> {
    if part == b"~" {
        return Some(Cell::Null);
    }
    let text = String::from_utf8(unescape(part)?).ok()?;
    // A part stands bare or in quotes, as its type has it; the form that reads is the one that was written.
    let quoted = serde_json::to_string(&text).ok()?;
    cell_from_json(ty, &quoted).or_else(|_| cell_from_json(ty, &text)).ok()
}

/// A part of a key that a person has written: as it stands, with nothing escaped; `~` for null.
pub(crate) fn word(ty: &Type, word: &str) -> Option<Cell> {
    let mut part = Vec::new();
    escape(word.as_bytes(), &mut part);
    read_part(ty, &part).filter(|cell| !cell.is_null() || ty.is_nullable())
}

fn unescape(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            out.push(first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    Some(out)
}

/// Rows of some fields as JSON, to and fro.
pub(crate) struct TextRow {
    names: Vec<String>,
    types: Vec<Type>,
    layout: Layout,
    decoder: Decoder,
    /// Decoders that are not used at the moment; they remember how the last row looked.
    spare: Mutex<Vec<(Decoder, Bump)>>,
    /// The same for rows that have members which are no fields, where these are carried along.
    further: Option<Decoder>,
}

/// A row that was read.
pub(crate) struct ReadRow {
    /// By field: its value; none where the row does not have the field.
    pub fields: Vec<Option<Cell>>,
    /// What stands beside the fields, as JSON.
    pub beside: Option<String>,
    /// Members that are no fields, as JSON with commas between, where they are carried along: another version of the program
    /// wrote them.
    pub further: Option<Box<str>>,
}

impl std::fmt::Debug for TextRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TextRow").field("names", &self.names).finish_non_exhaustive()
    }
}

impl TextRow {
    /// Rows of fields with these names and types.
    ///
    /// # Errors
    /// The plan is damaged.
    pub(crate) fn new<'f>(fields: impl Iterator<Item = (&'f str, &'f Type)>) -> Build<Self> {
        Self::build(fields, false)
    }

    /// The same with members that are no fields carried along: [`ReadRow::further`].
    ///
    /// # Errors
    /// The plan is damaged.
    pub(crate) fn carrying<'f>(fields: impl Iterator<Item = (&'f str, &'f Type)>) -> Build<Self> {
        Self::build(fields, true)
    }

    fn build<'f>(fields: impl Iterator<Item = (&'f str, &'f Type)>, carries: bool) -> Build<Self> {
        let fields: Vec<(String, Type)> = fields.map(|(name, ty)| (name.to_owned(), ty.clone())).collect();
        let beside = (BESIDE.to_owned(), Type::Json.nullable());
        let record_field = |(name, ty): &(String, Type)| RecordField {
            name: name.clone(),
            path: vec![name.clone()],
            ty: ty.clone(),
            default: None,
            used: true,
            renames: Vec::new(),
        };
        let all: Vec<RecordField> = fields.iter().chain([&beside]).map(record_field).collect();
        let layout = Layout::of_types(all.iter().map(|field| &field.ty));
        let target = |at: usize| Target { field: at as u32, slot: SlotId(at as u32) };
        let targets: Vec<Target> = (0..all.len()).map(target).collect();
        let mut encoding = Encoding { format: Format::Json, coerce: Coerce::Strict, strict: false, fields: all };
        let lenient = Decoder::new(&encoding, &targets, &layout, AbsentMember::Allow)?;
        encoding.strict = carries;
        let strict = Decoder::new(&encoding, &targets, &layout, AbsentMember::Allow)?;
        let (decoder, further) = if carries { (strict, Some(lenient)) } else { (lenient, None) };
        let (names, types) = fields.into_iter().unzip();
        Ok(Self { names, types, layout, decoder, spare: Mutex::new(Vec::new()), further })
    }

    /// The names of the fields.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Appends a row. Fields that are none are left out.
    pub(crate) fn write<'c>(
        &self,
        cells: impl Iterator<Item = Option<&'c Cell>>,
        beside: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        self.write_with(cells, &[], beside, out);
    }

    /// The same with the members that were carried along: [`ReadRow::further`].
    pub(crate) fn write_carrying<'c>(
        &self,
        cells: impl Iterator<Item = Option<&'c Cell>>,
        further: Option<&str>,
        beside: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        self.write(cells, beside, out);
        if let Some(further) = further
            && out.pop() == Some(b'}')
        {
            out.extend_from_slice(if out.last() == Some(&b'{') { b"" } else { b"," });
            out.extend_from_slice(further.as_bytes());
            out.push(b'}');
        }
    }

    /// The same with further members: names and their JSON.
    pub(crate) fn write_with<'c>(
        &self,
        cells: impl Iterator<Item = Option<&'c Cell>>,
        further: &[(&str, &str)],
        beside: Option<&str>,
        out: &mut Vec<u8>,
    ) {
        let start = out.len();
        out.push(b'{');
        let comma = |out: &mut Vec<u8>| {
            if out.len() > start + 1 {
                out.push(b',');
            }
        };
        for ((name, ty), cell) in self.names.iter().zip(&self.types).zip(cells) {
            if let Some(cell) = cell {
                comma(out);
                json::write_text(name, out);
                out.push(b':');
                json::write_cell(ty, cell, out);
            }
        }
        for (name, value) in further.iter().copied().chain(beside.map(|beside| (BESIDE, beside))) {
            comma(out);
            json::write_text(name, out);
            out.push(b':');
            out.extend_from_slice(value.as_bytes());
        }
        out.push(b'}');
    }

    /// Reads a row.
    ///
    /// # Errors
    /// It is no JSON object, or a field is of another type.
    pub(crate) fn read(&self, bytes: &[u8]) -> Result<ReadRow, Damaged> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let (mut decoder, mut arena) = spare.unwrap_or_else(|| (self.decoder.clone(), Bump::new()));
        let read = self.read_with(&mut decoder, &arena, bytes);
        arena.reset();
        self.spare.lock().unwrap_or_else(PoisonError::into_inner).push((decoder, arena));
        match (&self.further, read) {
            (Some(further), Err(Damaged)) => self.read_further(further.clone(), bytes),
            (_, read) => read,
        }
    }

    /// Reads a row that may have members which are no fields. Seldom: while two versions of a program run side by side, or
    /// after one was taken back.
    fn read_further(&self, mut decoder: Decoder, bytes: &[u8]) -> Result<ReadRow, Damaged> {
        let members: BTreeMap<String, &RawValue> = serde_json::from_slice(bytes).map_err(|_| Damaged)?;
        let further = members.iter().filter(|(name, _)| *name != BESIDE && !self.names.contains(name));
        let mut text = Vec::new();
        for (name, value) in further {
            if !text.is_empty() {
                text.push(b',');
            }
            json::write_text(name, &mut text);
            text.push(b':');
            text.extend_from_slice(value.get().as_bytes());
        }
        let mut read = self.read_with(&mut decoder, &Bump::new(), bytes)?;
        let text = String::from_utf8(text).map_err(|_| Damaged)?;
        read.further = (!text.is_empty()).then(|| text.into_boxed_str());
        Ok(read)
    }

    fn read_with(&self, decoder: &mut Decoder, arena: &Bump, bytes: &[u8]) -> Result<ReadRow, Damaged> {
        let frame = Frame::new(&self.layout);
        decoder.decode(Payload::Bytes(bytes), &MessageMeta::default(), &frame, arena).map_err(|_| Damaged)?;
        let mut fields = Vec::with_capacity(self.types.len());
        for (at, ty) in self.types.iter().enumerate() {
            let place = self.layout.place(SlotId(at as u32)).ok_or(Damaged)?;
            let null = frame.is_null(place);
            fields.push(match decoder.presence(at as u32) {
                Presence::Absent => None,
                // The JSON text `null` is a value of this type.
                _ if null && is_json(ty) => Some(Cell::Json("null".into())),
                _ if null && !ty.is_nullable() => return Err(Damaged),
                _ => Some(Cell::from_value(ty, frame.get(place))),
            });
        }
        let place = self.layout.place(SlotId(self.types.len() as u32)).ok_or(Damaged)?;
        let beside = match frame.get(place) {
            Value::Json(text) => Some(text.to_owned()),
            _ => None,
        };
        Ok(ReadRow { fields, beside, further: None })
    }
}

/// Whether values of a type are JSON texts, of which `null` is one.
fn is_json(ty: &Type) -> bool {
    match ty {
        Type::Json => true,
        Type::Select(inner) => is_json(inner),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
