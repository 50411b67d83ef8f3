//! What came with a message beside its bytes: `$key`, `$key.id`, `$header.h`, `$topic`, `$partition`, `$offset`,
//! `$timestamp`.

use bumpalo::Bump;

use crate::{
    decode::{
        AbsentMember, MessageMeta, Presence, checked,
        json::{JsonDecoder, Taker},
        shape::{Form, Shape, named},
        text,
    },
    expression::BuildError,
    fault::{Fallible, Fault, FaultCode},
    frame::Frame,
    value::Value,
};

#[derive(Clone, Debug)]
enum Part {
    Key,
    Header(String),
    Topic,
    Partition,
    Offset,
    Timestamp,
}

/// Reads what came with a message.
#[derive(Clone, Debug, Default)]
pub struct MetaDecoder {
    parts: Vec<(Part, Taker, Presence)>,
    key: Option<JsonDecoder>,
    key_takers: Vec<Taker>,
}

impl MetaDecoder {
    /// Whether a field's path names such a part.
    #[must_use]
    pub fn is_part(path: &[String]) -> bool {
        matches!(path, [name] if name.starts_with('$'))
    }

    /// Whether nothing is read.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.key.is_none()
    }

    /// Adds a field.
    ///
    /// # Errors
    /// There is no such part.
    pub fn add(&mut self, mut taker: Taker) -> Result<(), BuildError> {
        let name = taker.path.first().cloned().unwrap_or_default();
        let part = match name.as_str() {
            "$key" => Part::Key,
            "$topic" => Part::Topic,
            "$partition" => Part::Partition,
            "$offset" => Part::Offset,
            "$timestamp" => Part::Timestamp,
            other => {
                if let Some(header) = other.strip_prefix("$header.") {
                    Part::Header(header.into())
                } else if let Some(member) = other.strip_prefix("$key.") {
                    taker.path = member.split('.').map(str::to_owned).collect();
                    self.key_takers.push(taker);
                    return Ok(());
                } else {
                    return Err(BuildError::new(format!("`{other}` is not a part of a message"), None));
                }
            }
        };
        self.parts.push((part, taker, Presence::Absent));
        Ok(())
    }

    /// Ends the adding.
    pub fn finish(&mut self, lenient: bool) {
        if !self.key_takers.is_empty() {
            self.key = Some(JsonDecoder::new(std::mem::take(&mut self.key_takers), &[], lenient, false));
        }
    }

    /// What a field was in the last message; none if it is not read from here.
    #[must_use]
    pub fn presence(&self, field: u32) -> Option<Presence> {
        let part = self.parts.iter().find(|(_, taker, _)| taker.field == field).map(|part| part.2);
        part.or_else(|| {
            let key = self.key.as_ref()?;
            key.takers().iter().position(|taker| taker.field == field).map(|taker| key.presence(taker))
        })
    }

    /// Reads the parts into the frame.
    ///
    /// # Errors
    /// A part is missing or does not fit.
    pub fn decode<'b>(
        &mut self,
        meta: &MessageMeta<'b>,
        absent: AbsentMember,
        frame: &Frame<'b>,
        arena: &'b Bump,
    ) -> Fallible<()> {
        for (part, taker, presence) in &mut self.parts {
            let value = part.value(&taker.shape, &taker.path[0], meta, arena)?;
            *presence = if value.is_some() { Presence::Value } else { Presence::Absent };
            match value {
                Some(value) => frame.set(taker.place, value),
                None => taker.put_absent(absent, frame, arena)?,
            }
        }
        let Some(key) = &mut self.key else { return Ok(()) };
        let text = checked(meta.key.unwrap_or(b"{}"))?;
        key.decode(text, frame, arena).map_err(|mut fault| {
            fault.message = format!("in the message's key: {}", fault.message).into();
            fault
        })?;
        for (index, taker) in key.takers().iter().enumerate() {
            if !key.met(index) {
                taker.put_absent(absent, frame, arena)?;
            }
        }
        Ok(())
    }
}

impl Part {
    fn value<'b>(
        &self,
        shape: &Shape,
        name: &str,
        meta: &MessageMeta<'b>,
        arena: &'b Bump,
    ) -> Fallible<Option<Value<'b>>> {
        let number = |value: i64| match shape.form {
            Form::Integer(_) | Form::Timestamp => Ok(Some(Value::Integer(value))),
            _ => Err(Fault::new(FaultCode::Field, format!("`{name}` must be {}, but is a number", named(&shape.ty)))),
        };
        match self {
            Self::Key => meta.key.map(|bytes| from_bytes(shape, name, bytes, arena)).transpose(),
            Self::Header(header) => {
                let bytes = meta.headers.iter().find(|(name, _)| name == header).map(|(_, bytes)| *bytes);
                bytes.map(|bytes| from_bytes(shape, name, bytes, arena)).transpose()
            }
            Self::Topic => text::value(shape, meta.topic, arena).map(Some).map_err(|wrong| wrong.into_fault(name)),
            Self::Partition => number(i64::from(meta.partition)),
            Self::Offset => number(meta.offset),
            Self::Timestamp => meta.timestamp.map_or(Ok(None), number),
        }
    }
}

fn from_bytes<'b>(shape: &Shape, name: &str, bytes: &'b [u8], arena: &'b Bump) -> Fallible<Value<'b>> {
    if matches!(shape.form, Form::Bytes) {
        return Ok(Value::Bytes(bytes));
    }
    let content = simdutf8::basic::from_utf8(bytes).map_err(|_| {
        Fault::new(FaultCode::Field, format!("`{name}` must be {}, but is not UTF-8", named(&shape.ty)))
    })?;
    text::value(shape, content, arena).map_err(|wrong| wrong.into_fault(name))
}
