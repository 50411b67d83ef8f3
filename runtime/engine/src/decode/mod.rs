//! From the bytes of a message to the slots of a record.
//!
//! A [`Decoder`] is built once for a stream from its fields and takes exactly the members that are used. What JSON
//! form each type has stands in [`crate::encode`].

use bumpalo::Bump;
use nsf_plan::{Encoding, SlotId, Type};

use crate::{
    cell::Cell,
    expression::{Build, BuildError},
    fault::{Fallible, Fault, FaultCode},
    frame::{Frame, Layout},
    value::Value,
};

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

/// Decodes the messages of one stream. Each worker has its own clone: it remembers how the last message looked.
#[derive(Clone, Debug)]
pub struct Decoder {
    fields: usize,
}

impl Decoder {
    /// A decoder for the fields of `encoding` that `targets` name. Fields that are not named are checked as JSON and
    /// skipped.
    ///
    /// # Errors
    /// The plan is damaged.
    pub fn new(encoding: &Encoding, targets: &[Target], layout: &Layout, absent: AbsentMember) -> Build<Self> {
        let _ = (targets, layout, absent);
        Ok(Self { fields: encoding.fields.len() })
    }

    /// Whether the format begins with a header row, which [`Decoder::header`] must be given first.
    #[must_use]
    pub fn wants_header(&self) -> bool {
        false
    }

    /// Takes the header row of a CSV file.
    ///
    /// # Errors
    /// A used column is missing or named twice.
    pub fn header(&mut self, row: Payload<'_>) -> Fallible<()> {
        let _ = row;
        Ok(())
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
        let _ = (payload, meta, frame, arena);
        Err(Fault::new(FaultCode::Malformed, "not built"))
    }

    /// What a field (by its index in the encoding) was in the last message that was decoded without a fault.
    #[must_use]
    pub fn presence(&self, field: u32) -> Presence {
        let _ = field;
        Presence::Absent
    }

    /// How many values of each field were converted by `coerce: lenient` in the last message that was decoded, as
    /// (field, count); empty for nearly every message.
    #[must_use]
    pub fn conversions(&self) -> &[(u32, u32)] {
        &[]
    }

    /// How many fields there are.
    #[must_use]
    pub fn fields(&self) -> usize {
        self.fields
    }
}

/// The lines of a buffer.
#[derive(Clone, Debug)]
pub struct Lines<'b> {
    rest: &'b [u8],
}

/// Cuts a buffer into lines without their newline (a carriage return before it stays) and checks it for UTF-8 as a
/// whole, which is much faster than line by line: each line is a [`Payload::Text`], or where the buffer is not UTF-8 a
/// [`Payload::Bytes`] if its line is not. A buffer that ends in a newline has no empty line after it.
#[must_use]
pub fn lines(buffer: &[u8]) -> Lines<'_> {
    Lines { rest: buffer }
}

impl<'b> Iterator for Lines<'b> {
    type Item = Payload<'b>;

    fn next(&mut self) -> Option<Payload<'b>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        Some(std::str::from_utf8(line).map_or(Payload::Bytes(line), Payload::Text))
    }
}

/// Reads one JSON text as a value of a type (strictly, by the forms of [`crate::encode`]).
///
/// # Errors
/// [`FaultCode::Malformed`] and [`FaultCode::Field`].
pub fn value_from_json<'b>(_ty: &Type, _text: &'b str, _arena: &'b Bump) -> Fallible<Value<'b>> {
    Err(Fault::new(FaultCode::Malformed, "not built"))
}

/// Reads one JSON text as an owned cell of a type.
///
/// # Errors
/// [`FaultCode::Malformed`] and [`FaultCode::Field`].
pub fn cell_from_json(_ty: &Type, _text: &str) -> Fallible<Cell> {
    Err(Fault::new(FaultCode::Malformed, "not built"))
}

/// Tells damage of a plan.
#[allow(dead_code)]
fn damaged(message: String) -> BuildError {
    BuildError::new(message, None)
}
