//! From the bytes of a message to the slots of a record.
//!
//! A [`Decoder`] is built once for a stream from its fields and takes exactly the members that are used. What JSON
//! form each type has stands in [`crate::encode`].

mod block;
pub mod csv;
mod json;
mod lines;
mod meta;
pub(crate) mod number;
pub(crate) mod scan;
mod shape;
mod text;
mod tree;
mod unescape;

use bumpalo::Bump;
use nsf_plan::{Coerce, Encoding, Format, SlotId, Type};

use crate::{
    cell::Cell,
    expression::{Build, BuildError},
    fault::{Fallible, Fault, FaultCode},
    frame::{Frame, Layout},
    value::Value,
};

use csv::CsvDecoder;
use json::{JsonDecoder, Taker};
use meta::MetaDecoder;
use shape::{Form, Shape};

pub(crate) use block::{append_plain, special_place};
pub use lines::{Lines, lines};

/// The length from which a message is refused, in bytes.
pub const LONGEST: usize = 64 << 20;

/// A message's bytes.
#[derive(Clone, Copy, Debug)]
pub enum Payload<'b> {
    /// Already known to be UTF-8: see [`lines`].
    Text(&'b str),
    /// Not yet looked at.
    Bytes(&'b [u8]),
}

/// What came with a message beside its bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct MessageMeta<'b> {
    /// `$key`.
    pub key: Option<&'b [u8]>,
    /// `$header.h`.
    pub headers: &'b [(&'b str, &'b [u8])],
    /// `$topic`.
    pub topic: &'b str,
    /// `$partition`.
    pub partition: i32,
    /// `$offset`.
    pub offset: i64,
    /// `$timestamp` in milliseconds, where the channel has one.
    pub timestamp: Option<i64>,
}

/// Which field goes where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Index into [`Encoding::fields`].
    pub field: u32,
    /// The slot of the layout that it is put into.
    pub slot: SlotId,
}

/// What a field was in the last decoded message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// There was no such member (a default may have taken its place).
    Absent,
    /// There was a null.
    Null,
    /// There was a value.
    Value,
}

/// What is done when a member without default is absent or null where its type is not nullable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AbsentMember {
    /// The record is rejected: sources and tables.
    Reject,
    /// It is left to the caller, who asks [`Decoder::presence`]: ingests.
    Allow,
}

#[derive(Clone, Debug)]
enum Body {
    Json(JsonDecoder),
    Csv(CsvDecoder),
    /// The message is the value of every field: `format: text` and `format: bytes`.
    Whole(Vec<Taker>),
}

/// Decodes the messages of one stream. Each worker has its own clone: it remembers how the last message looked.
#[derive(Clone, Debug)]
pub struct Decoder {
    body: Body,
    meta: MetaDecoder,
    absent: AbsentMember,
    fields: usize,
}

impl Decoder {
    /// A decoder for the fields of `encoding` that `targets` name. Fields that are not named are checked as JSON and
    /// skipped.
    ///
    /// # Errors
    /// The plan is damaged.
    pub fn new(encoding: &Encoding, targets: &[Target], layout: &Layout, absent: AbsentMember) -> Build<Self> {
        let mut meta = MetaDecoder::default();
        let mut takers = Vec::new();
        for target in targets {
            let taker = taker(encoding, *target, layout)?;
            if MetaDecoder::is_part(&taker.path) {
                meta.add(taker)?;
            } else {
                takers.push(taker);
            }
        }
        let lenient = encoding.coerce == Coerce::Lenient;
        meta.finish(lenient);
        let paths: Vec<Vec<String>> =
            encoding.fields.iter().map(|field| field.path.clone()).filter(|path| !MetaDecoder::is_part(path)).collect();
        let body = match encoding.format {
            Format::Json => Body::Json(JsonDecoder::new(takers, &paths, lenient, encoding.strict)),
            Format::Csv => Body::Csv(CsvDecoder::new(takers, paths.into_iter().flatten().collect(), encoding.strict)),
            Format::Text | Format::Bytes => Body::Whole(takers),
        };
        Ok(Self { body, meta, absent, fields: encoding.fields.len() })
    }

    /// Whether the format begins with a header row, which [`Decoder::header`] must be given first, and was not yet.
    #[must_use]
    pub fn wants_header(&self) -> bool {
        matches!(&self.body, Body::Csv(csv) if csv.wants_header())
    }

    /// Takes the header row of a CSV file.
    ///
    /// # Errors
    /// A used column is missing or named twice.
    pub fn header(&mut self, row: Payload<'_>) -> Fallible<()> {
        match &mut self.body {
            Body::Csv(csv) => csv.header(row.text()?),
            _ => Ok(()),
        }
    }

    /// Decodes one message into the slots of `frame`. On a fault slots may be partly set.
    ///
    /// # Errors
    /// [`FaultCode::Malformed`] with the byte's place, or [`FaultCode::Field`] with the member's name.
    pub fn decode<'b>(
        &mut self,
        payload: Payload<'b>,
        meta: &MessageMeta<'b>,
        frame: &Frame<'b>,
        arena: &'b Bump,
    ) -> Fallible<()> {
        if payload.bytes().len() >= LONGEST {
            return Err(Fault::new(FaultCode::Malformed, "the message is 64 MiB long or longer, which is the limit"));
        }
        match &mut self.body {
            Body::Json(json) => {
                json.decode(payload.text()?, frame, arena)?;
                if !json.all_met() {
                    put_absent(json, self.absent, frame, arena)?;
                }
            }
            Body::Csv(csv) => csv.decode(payload.text()?, self.absent, frame, arena)?,
            Body::Whole(takers) => whole(takers, payload, frame, arena)?,
        }
        if self.meta.is_empty() { Ok(()) } else { self.meta.decode(meta, self.absent, frame, arena) }
    }

    /// What a field (by its index in the encoding) was in the last message that was decoded without a fault.
    #[must_use]
    pub fn presence(&self, field: u32) -> Presence {
        let at = |takers: &[Taker]| takers.iter().position(|taker| taker.field == field);
        let body = match &self.body {
            Body::Json(json) => at(json.takers()).map(|taker| json.presence(taker)),
            Body::Csv(csv) => at(csv.takers()).map(|taker| csv.presence(taker)),
            Body::Whole(takers) => at(takers).map(|_| Presence::Value),
        };
        body.or_else(|| self.meta.presence(field)).unwrap_or(Presence::Absent)
    }

    /// How many values of each field were converted by `coerce: lenient` in the last message that was decoded, as
    /// (field, count); empty for nearly every message.
    #[inline]
    #[must_use]
    pub fn conversions(&self) -> &[(u32, u32)] {
        match &self.body {
            Body::Json(json) => &json.conversions,
            _ => &[],
        }
    }

    /// How many fields there are.
    #[must_use]
    pub const fn fields(&self) -> usize {
        self.fields
    }
}

fn taker(encoding: &Encoding, target: Target, layout: &Layout) -> Build<Taker> {
    let field = encoding.fields.get(target.field as usize);
    let field = field.ok_or_else(|| damaged(format!("there is no field {} in the stream", target.field)))?;
    let place = layout.place(target.slot);
    let place = place.ok_or_else(|| damaged(format!("there is no slot {} for `{}`", target.slot.0, field.name)))?;
    let shape = Shape::new(&field.ty, &field.renames);
    let default = field.default.as_ref().map(|literal| Cell::from_literal(&field.ty, literal));
    Ok(Taker { field: target.field, place, shape, path: field.path.clone(), default })
}

#[cold]
fn put_absent<'b>(json: &JsonDecoder, absent: AbsentMember, frame: &Frame<'b>, arena: &'b Bump) -> Fallible<()> {
    for (index, taker) in json.takers().iter().enumerate() {
        if !json.met(index) {
            taker.put_absent(absent, frame, arena)?;
        }
    }
    Ok(())
}

fn whole<'b>(takers: &[Taker], payload: Payload<'b>, frame: &Frame<'b>, arena: &'b Bump) -> Fallible<()> {
    for taker in takers {
        let value = if matches!(taker.shape.form, Form::Bytes) {
            Value::Bytes(payload.bytes())
        } else {
            let line = payload.text()?;
            let line = line.strip_suffix('\r').unwrap_or(line);
            text::value(&taker.shape, line, arena).map_err(|wrong| wrong.into_fault(&taker.path.join(".")))?
        };
        frame.set(taker.place, value);
    }
    Ok(())
}

impl<'b> Payload<'b> {
    /// The bytes.
    #[inline]
    #[must_use]
    pub const fn bytes(self) -> &'b [u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// The text.
    ///
    /// # Errors
    /// The bytes are not UTF-8.
    #[inline]
    pub fn text(self) -> Fallible<&'b str> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Bytes(bytes) => checked(bytes),
        }
    }
}

/// Bytes as text.
fn checked(bytes: &[u8]) -> Fallible<&str> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| not_utf8(bytes))
}

#[cold]
fn not_utf8(bytes: &[u8]) -> Box<Fault> {
    let at = std::str::from_utf8(bytes).err().map_or(0, |error| error.valid_up_to());
    Fault::new(FaultCode::Malformed, format!("not valid UTF-8 at byte {}", at + 1))
}

/// Reads one JSON text as a value of a type (strictly, by the forms of [`crate::encode`]).
///
/// # Errors
/// [`FaultCode::Malformed`] and [`FaultCode::Field`].
pub fn value_from_json<'b>(ty: &Type, text: &'b str, arena: &'b Bump) -> Fallible<Value<'b>> {
    json::read(&Shape::new(ty, &[]), text, arena)
}

/// Reads one JSON text as an owned cell of a type.
///
/// # Errors
/// [`FaultCode::Malformed`] and [`FaultCode::Field`].
pub fn cell_from_json(ty: &Type, text: &str) -> Fallible<Cell> {
    let arena = Bump::new();
    Ok(Cell::from_value(ty, value_from_json(ty, text, &arena)?))
}

/// Reads a plain text (a CSV cell, a part of a key) as a value of a scalar type.
///
/// # Errors
/// [`FaultCode::Field`].
pub fn value_from_text<'b>(ty: &Type, content: &'b str, arena: &'b Bump) -> Fallible<Value<'b>> {
    text::value(&Shape::new(ty, &[]), content, arena).map_err(|wrong| wrong.into_fault(""))
}

fn damaged(message: String) -> BuildError {
    BuildError::new(message, None)
}

#[cfg(test)]
mod csv_tests;
#[cfg(test)]
mod differential;
#[cfg(test)]
mod tests;
