//! `expand`: messages and writes of dimensions, kept back until the record's end is known.

use super::{
    execute::{Ending, Execution, context, null_key},
    program::{DimensionAction, KeyPart, MessageKey, TopicAction},
    rows::RowsView,
};
use crate::{
    cell::Cell,
    connector::Sequence,
    encode::json,
    fault::Fallible,
    frame::Context,
    run::stage::{DimensionWrite, RecordOrigin, WriteOrder, Writer},
    text,
    value::Value,
};

impl Execution<'_, '_> {
    pub(super) fn expand_topic(&mut self, action: &TopicAction, point: u32) -> Result<(), Ending> {
        let topic = action.topic.index();
        self.output.begin_message(topic);
        let mut batch = std::mem::take(&mut self.output.topics[topic]);
        let written = context!(self, context => write_message(action, &context, &mut batch.bytes, &mut batch.keys));
        self.output.topics[topic] = batch;
        if written.is_ok() {
            self.output.end_message(topic);
        }
        Self::at_point(written, point)?;
        self.observe_output(point);
        Ok(())
    }

    pub(super) fn expand_dimension(&mut self, action: &DimensionAction, point: u32) -> Result<(), Ending> {
        let write = context!(self, context => cells(action, &context));
        let (keys, fields) = Self::at_point(write, point)?;
        if keys.iter().any(Cell::is_null) {
            return Err(Ending::Rejected(null_key("the dimension"), point));
        }
        let id = self.record.id;
        let (ordinal, by, count) = self.output.next_write();
        let origin = RecordOrigin {
            stream: id.stream,
            partition: id.partition,
            offset: id.offset,
            turn: self.output.turn,
            ended: self.output.ended,
            ordinal,
            by,
            count,
            time: self.record.time,
            // Writes of values that one record ended are counted one by one.
            made_in: if self.output.ended == 0 { self.output.made_in } else { Sequence::None },
        };
        let (dimension, kind) = (action.dimension, action.kind);
        let writer = Writer::Pipeline(self.output.pipeline);
        self.output.writes.push(DimensionWrite {
            dimension,
            keys,
            fields,
            kind,
            order: WriteOrder::Flow,
            writer,
            origin,
        });
        self.observe_output(point);
        Ok(())
    }
}

type Written = (Vec<Cell>, Vec<(u32, Cell)>);

fn cells(action: &DimensionAction, context: &Context<'_, '_>) -> Fallible<Written> {
    let keys = action.keys.iter().map(|(key, _)| key.cell(context)).collect::<Fallible<_>>()?;
    let field = |(field, value): &(u32, crate::expression::AnyCell)| Ok((*field, value.cell(context)?));
    Ok((keys, action.fields.iter().map(field).collect::<Fallible<_>>()?))
}

/// The message, and its key as text: a text as it is, any other value in its JSON form; what a template puts in is escaped.
fn write_message(
    action: &TopicAction,
    context: &Context<'_, '_>,
    bytes: &mut Vec<u8>,
    keys: &mut Vec<u8>,
) -> Fallible<()> {
    action.message.write(context, bytes)?;
    match &action.key {
        MessageKey::None => {}
        MessageKey::Value(key, ty) => match key.value(context)? {
            Value::Null => return Err(null_key("the message")),
            Value::Text(text) => keys.extend_from_slice(text.as_bytes()),
            value => json::write_value(ty, value, keys),
        },
        MessageKey::Template(parts) => {
            for part in parts {
                match part {
                    KeyPart::Text(text) => keys.extend_from_slice(text.as_bytes()),
                    KeyPart::Value(value) => match value.value(context)? {
                        Value::Text(value) => text::escape(value.as_bytes(), keys),
                        _ => return Err(null_key("the value")),
                    },
                }
            }
        }
    }
    Ok(())
}
