//! Records of subscriptions for the flows that read them: made into batches that lanes run.

use bumpalo::Bump;
use nsf_plan::{InputSource, Plan, Slot, SubscriptionId, Type};

use super::{
    output::WorkOutput,
    pieces::Core,
    stage::SubscriptionRecord,
    work::{Caused, Entry, Taken, Worked, lane_of},
};
use crate::{
    connector::{Message, RawBatch},
    encode::json,
    fault::Fault,
    frame::{Context, Frame, NoRows},
    observe::RecordId,
    stable,
    steps::Program,
    value::Value,
};

/// A batch of one subscription's records: each message is the record's JSON object.
pub(crate) fn batch(core: &Core, plan: &Plan, id: SubscriptionId, records: &[SubscriptionRecord]) -> Taken {
    let mut batch = RawBatch::default();
    let slots = plan.subscriptions.get(id.index()).map_or(&[][..], |subscription| &subscription.slots);
    for record in records {
        let start = batch.bytes.len() as u32;
        batch.bytes.push(b'{');
        for (at, (slot, cell)) in slots.iter().zip(&record.values).enumerate() {
            if at > 0 {
                batch.bytes.push(b',');
            }
            json::write_text(&slot.name, &mut batch.bytes);
            batch.bytes.push(b':');
            json::write_cell(&slot.ty, cell, &mut batch.bytes);
        }
        batch.bytes.push(b'}');
        let end = batch.bytes.len() as u32;
        let timestamp = Some(record.origin.time);
        batch.messages.push(Message { start, end, offset: record.origin.offset, timestamp, ..Message::default() });
    }
    Taken { stream: core.streams.len() + id.index(), batch, header: None }
}

/// What lanes need of the records of a subscription.
pub(crate) fn entries<'r>(
    core: &Core,
    plan: &Plan,
    id: SubscriptionId,
    records: &[SubscriptionRecord],
    arena: &'r Bump,
    output: WorkOutput,
) -> Worked<'r> {
    let mut worked = Worked { output, ..Worked::default() };
    let number = core.subscriptions.get(id.index()).map_or(0, |subscription| subscription.number);
    for record in records {
        let origin = record.origin;
        let id = RecordId { stream: origin.stream, partition: origin.partition, offset: origin.offset };
        let (ended, turn) = (origin.ended, origin.turn);
        let write = stable::mixed(&[number, origin.by, origin.count]);
        worked.caused.push(Caused { id, ordinal: origin.ordinal + 1, ended, turn, write });
        worked.times.push(origin.time);
    }
    let slots = plan.subscriptions.get(id.index()).map_or(&[][..], |subscription| &subscription.slots);
    for (index, program) in core.programs.iter().enumerate() {
        let Some(input) = program.input(InputSource::Subscription(id)) else { continue };
        let frame = Frame::new(&program.layout);
        for (message, record) in records.iter().enumerate() {
            for &(field, place) in &input.fields {
                if let (Some(slot), Some(cell)) = (slots.get(field as usize), record.values.get(field as usize)) {
                    frame.set(place, cell.to_value(&slot.ty, arena));
                }
            }
            if let Some((place, ty)) = &input.record {
                frame.set(*place, whole(ty, slots, record, arena));
            }
            worked.output.counts[index].taken += 1;
            match lane(core, program, &frame, arena) {
                Ok(lane) => {
                    let values = worked.values.len() as u32;
                    worked.values.extend(program.carry.iter().map(|place| frame.get(*place)));
                    let (message, program) = (message as u32, index as u16);
                    worked.entries.push(Entry { message, program, lane, values, time: record.origin.time });
                }
                Err(fault) => {
                    let mut taken = batch(core, plan, id, std::slice::from_ref(record));
                    taken.batch.partition = record.origin.partition;
                    let stream = core.stream(taken.stream);
                    for own in &taken.batch.messages {
                        let rejection = stream.rejection(&program.id, &taken.batch, own, &fault);
                        worked.output.reject_in_stream(rejection);
                    }
                }
            }
        }
    }
    // Records of one message run in the order of the messages, whatever the flow.
    worked.entries.sort_by_key(|entry| entry.message);
    worked
}

/// The record as read, where a step uses the subscription's name.
fn whole<'r>(ty: &Type, slots: &[Slot], record: &SubscriptionRecord, arena: &'r Bump) -> Value<'r> {
    let Type::Record(members) = ty.non_null() else { return Value::Null };
    let member = |(name, ty): &(String, Type)| {
        let at = slots.iter().position(|slot| slot.name == *name);
        at.and_then(|at| record.values.get(at)).map_or(Value::Null, |cell| cell.to_value(ty, arena))
    };
    Value::Record(arena.alloc_slice_fill_iter(members.iter().map(member)))
}

fn lane<'r>(core: &Core, program: &Program, frame: &Frame<'r>, arena: &'r Bump) -> Result<u16, Box<Fault>> {
    let Some(key) = &program.key else { return Ok(0) };
    let mut bytes = Vec::new();
    key.write(&Context { frame, arena, rows: &NoRows }, &mut bytes)?;
    Ok(lane_of(&bytes, core.lanes))
}
