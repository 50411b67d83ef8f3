//! Subscriptions: who is told when a row of a dimension changes (the standard subscription protocol v2.0).
//!
//! | file | holds |
//! |---|---|
//! | `event` | which events a write is, for a subscription's `listen` |
//! | `form` | the standard output form of a value |
//! | `message` | the message |
//! | `plain` | a message as a plain object, for tests |
//!
//! # When a subscription is told
//!
//! For each write of its dimension, in the order of the writes. `listen` names writers and fields; a write is
//!
//! - `create`: when a writer that is listened to brought a row that was not there;
//! - `binlog`: when a field that is listened to has another value now and its listened writer wrote it (a deleted row is
//!   no change of its fields: who wants to be told of deletions asks for `reset`);
//! - `reset`: when a listened writer deleted the row, or reset a field that is listened to (to another value or not);
//! - `datain`: when a listened writer's write names a field that is listened to, whether or not it took effect.
//!
//! Of these the ones in `on` count. If any is left and `when` holds for the row after the write (for a deleted row: as
//! it was before), one message goes out that names them all.
//!
//! # The message
//!
//! One JSON object, members in this order, the same bytes however often it is computed:
//!
//! ```json
//! {"version":"v2.0","nsf_id":"classroom/homework_submitted/live_class_stu/0/17/0","topic":"arrpub_xuefu_note",
//!  "app_id":"0102","dim":"3001","arris_id":"ARRIS-f0102-0000000000gca","action":"create|binlog","time":1684540800000,
//!  "fields":{"status_name":{"val":["已提交"],"detail":[],"link":[]},"plan_id":{"val":[3],"detail":[],"link":[]}},
//!  "extra_args":""}
//! ```
//!
//! - `nsf_id` names the cause: project, subscription, the flow that wrote (nothing for an ingest), stream, partition,
//!   offset and a count of what the record caused. A message that is sent again has the same one, another never has.
//! - `arris_id` is the ingestion that wrote; empty where a flow wrote.
//! - `action` joins the events by `|`, in the order of the list above.
//! - `time` is the causing record's time in milliseconds.
//! - `fields` has what `publish` names, in its order, each in the standard output form (see `form`); a field without a
//!   value shows its `empty` value, else `"val":[]`.
//! - The secret `app_key` is never sent.
//!
//! The message's key is the row's keys as a JSON array, so that messages of one row keep their order.

mod event;
pub mod form;
mod message;
mod plain;

use std::sync::Arc;

use ahash::AHashMap;
use bumpalo::Bump;
use nsf_plan::{InputSource, Plan, SlotId, Subscription, SubscriptionId, TopicId};

use crate::{
    cell::Cell,
    dimension::{
        Dimensions,
        row::{Change, Row},
    },
    expression::{Build, BuildError, Condition, Scope},
    fault::{Fallible, Fault},
    frame::{Context, Frame, Layout, NoRows},
    rejected::Rejection,
    run::stage::{DimensionWrite, RecordOrigin, StageMessage, StageOutput, SubscriptionRecord, Writer},
    stable,
};

pub use plain::plain;

use event::{Events, Listen};

/// A write that was applied.
pub struct Written<'w> {
    /// The write.
    pub write: &'w DimensionWrite,
    /// The row after it.
    pub row: &'w Row,
    /// What it did.
    pub change: &'w Change,
}

/// What was told of a piece of writes, which holds all of each record. One record can cause several messages that nothing else tells apart: when it changed
/// several rows, and a flow that was told of each wrote again.
#[derive(Debug, Default)]
pub struct Causes(AHashMap<(SubscriptionId, Writer, RecordOrigin), u32>);

impl Causes {
    /// How many messages of the same cause were told before.
    fn again(&mut self, subscription: SubscriptionId, write: &DimensionWrite) -> u32 {
        let count = self.0.entry((subscription, write.writer, write.origin)).or_default();
        let before = *count;
        *count += 1;
        before
    }
}

/// All subscriptions of a plan.
pub struct Subscriptions {
    dimensions: Arc<Dimensions>,
    /// By the index of their dimension.
    by_dimension: Vec<Vec<Told>>,
    /// Stable ids of sources and ingests, by their numbers.
    streams: AHashMap<u32, String>,
    /// The platform's ids of ingests.
    arris_ids: Vec<String>,
    /// Ids of pipelines.
    pipelines: Vec<String>,
}

/// A subscription, ready to be told.
struct Told {
    id: SubscriptionId,
    stable_id: String,
    name: String,
    listen: Vec<Listen>,
    on: Events,
    when: Option<Condition>,
    layout: Layout,
    to: Option<TopicId>,
    /// Whether a flow reads it.
    read: bool,
    published: message::Published,
    origin: nsf_plan::Origin,
}

impl Subscriptions {
    /// Builds the subscriptions of a plan.
    ///
    /// # Errors
    /// Where a condition, a published field or a tenant's time zone is not one.
    pub fn new(plan: &Plan, dimensions: Arc<Dimensions>) -> Build<Self> {
        let mut by_dimension: Vec<Vec<Told>> = plan.dimensions.iter().map(|_| Vec::new()).collect();
        for (index, subscription) in plan.subscriptions.iter().enumerate() {
            let told = build(plan, SubscriptionId(index as u32), subscription)?;
            by_dimension
                .get_mut(subscription.dimension.index())
                .ok_or_else(|| damaged(subscription, "a dimension that is not there"))?
                .push(told);
        }
        let sources = plan.sources.iter().map(|source| source.id.clone());
        let ingests = plan.ingests.iter().map(|ingest| ingest.id.clone());
        let arris_ids = plan.ingests.iter().map(|ingest| ingest.arris_id.clone()).collect();
        let pipelines = plan.pipelines.iter().map(|pipeline| pipeline.id.clone()).collect();
        let streams = sources.chain(ingests).map(|id| (stable::number(&id), id)).collect();
        Ok(Self { dimensions, by_dimension, streams, arris_ids, pipelines })
    }

    /// Tells every subscription of the write's dimension that asks for it. `causes` is empty at a piece's first write.
    pub fn tell(&self, written: &Written<'_>, arena: &Bump, causes: &mut Causes, output: &mut StageOutput) {
        let told = self.by_dimension.get(written.write.dimension.index()).map_or(&[][..], Vec::as_slice);
        let mut slots: Option<Vec<Cell>> = None;
        for subscription in told {
            let events = subscription.on.of(event::events(&subscription.listen, written));
            if events.is_empty() {
                continue;
            }
            let after = slots.get_or_insert_with(|| self.slots(written, written.row));
            match subscription.wants(written, after, arena, |row| self.slots(written, row)) {
                Ok(true) => self.publish(subscription, written, events, after, causes, output),
                Ok(false) => {}
                Err(fault) => output.rejected.push(self.rejection(subscription, written, after, &fault)),
            }
        }
    }

    /// The values of a subscription's slots: keys, fields, `updated`.
    fn slots(&self, written: &Written<'_>, row: &Row) -> Vec<Cell> {
        let mut slots = written.write.keys.clone();
        slots.extend(self.dimensions.values(written.write.dimension, row));
        slots.push(Cell::Integer(row.updated));
        slots
    }

    fn publish(
        &self,
        subscription: &Told,
        written: &Written<'_>,
        events: Events,
        slots: &[Cell],
        causes: &mut Causes,
        output: &mut StageOutput,
    ) {
        let origin = written.write.origin;
        if let Some(topic) = subscription.to {
            let flow = self.flow(written.write.writer);
            let again = causes.again(subscription.id, written.write);
            let cause = message::Cause {
                flow,
                told: flow.is_some_and(|flow| stable::number(flow) != origin.by),
                stream: self.streams.get(&origin.stream).map_or("", String::as_str),
                origin,
                again,
                arris_id: self.arris_id(written.write.writer),
                events,
            };
            let bytes = subscription.published.write(&cause, slots);
            let key = self.key(written);
            output.messages.push(StageMessage { subscription: subscription.id, topic, key, bytes, origin, again });
        }
        if subscription.read {
            output.records.push(SubscriptionRecord { subscription: subscription.id, values: slots.to_vec(), origin });
        }
    }

    /// The platform's id of the ingestion that wrote; empty for a flow.
    fn arris_id(&self, writer: Writer) -> &str {
        match writer {
            Writer::Ingest(id) => self.arris_ids.get(id.index()).map_or("", String::as_str),
            Writer::Pipeline(_) => "",
        }
    }

    /// The pipeline that wrote; none for an ingest.
    fn flow(&self, writer: Writer) -> Option<&str> {
        match writer {
            Writer::Ingest(_) => None,
            Writer::Pipeline(id) => Some(self.pipelines.get(id.index()).map_or("", String::as_str)),
        }
    }

    fn key(&self, written: &Written<'_>) -> Vec<u8> {
        let mut key = vec![b'['];
        let types = self.dimensions.get(written.write.dimension).map_or(&[][..], |dimension| &dimension.keys);
        for ((_, ty), cell) in types.iter().zip(&written.write.keys) {
            if key.len() > 1 {
                key.push(b',');
            }
            crate::encode::json::write_cell(ty, cell, &mut key);
        }
        key.push(b']');
        key
    }

    /// A row whose condition failed is kept as a rejected record: the write stands, only the message is missing.
    fn rejection(&self, subscription: &Told, written: &Written<'_>, slots: &[Cell], fault: &Fault) -> Rejection {
        let origin = written.write.origin;
        let mut raw = Vec::new();
        let fields = slots.get(written.write.keys.len()..).unwrap_or_default();
        self.dimensions.write_json(written.write.dimension, &written.write.keys, fields, &mut raw);
        Rejection {
            by: subscription.stable_id.clone(),
            source: self.streams.get(&origin.stream).cloned().unwrap_or_default(),
            topic: String::new(),
            partition: origin.partition,
            offset: origin.offset,
            step: format!("{}/when", subscription.name),
            origin: fault.origin.or(Some(subscription.origin)),
            code: fault.code,
            reason: fault.message.clone(),
            key: None,
            raw: raw.into(),
            oversized: None,
            message: None,
        }
    }
}

impl Told {
    /// Whether `when` holds: for the row after the write, or as it was before where the write deleted it.
    fn wants(
        &self,
        written: &Written<'_>,
        after: &[Cell],
        arena: &Bump,
        slots_of: impl Fn(&Row) -> Vec<Cell>,
    ) -> Fallible<bool> {
        let Some(when) = &self.when else { return Ok(true) };
        if !written.change.deleted {
            return self.holds(when, after, written.write.origin.time, arena);
        }
        let mut before = written.row.clone();
        for (index, value) in &written.change.before {
            if let Some(field) = before.fields.get_mut(*index as usize) {
                field.value = value.clone();
            }
        }
        self.holds(when, &slots_of(&before), written.write.origin.time, arena)
    }

    fn holds(&self, when: &Condition, slots: &[Cell], time: i64, arena: &Bump) -> Fallible<bool> {
        let frame = Frame::new(&self.layout);
        frame.begin(time);
        for (index, (cell, ty)) in slots.iter().zip(&self.published.slot_types).enumerate() {
            if let Some(place) = self.layout.place(SlotId(index as u32)) {
                frame.set(place, cell.to_value(ty, arena));
            }
        }
        when.holds(&Context { frame: &frame, arena, rows: &NoRows })
    }
}

fn build(plan: &Plan, id: SubscriptionId, subscription: &Subscription) -> Build<Told> {
    let layout = Layout::new(&subscription.slots);
    let scope = Scope { plan, slots: &subscription.slots, layout: &layout, handles: &[] };
    let when = subscription.when.as_ref().map(|when| scope.condition(when)).transpose()?;
    let published = message::Published::new(plan, subscription)?;
    let from = InputSource::Subscription(id);
    let read = plan.pipelines.iter().any(|pipeline| pipeline.inputs.iter().any(|input| input.from == from));
    Ok(Told {
        id,
        stable_id: subscription.id.clone(),
        name: subscription.name.clone(),
        listen: listen(plan, subscription)?,
        on: Events::new(&subscription.on),
        when,
        layout,
        to: subscription.to,
        read,
        published,
        origin: subscription.origin,
    })
}

/// Who is listened to: an ingest, a flow that reads a stream, or one that reads such a flow and so writes in its name.
fn listen(plan: &Plan, subscription: &Subscription) -> Build<Vec<Listen>> {
    let entry = |(writer, field): &(Option<String>, u32)| {
        let writer = writer
            .as_ref()
            .map(|name| event::writer(plan, name).ok_or_else(|| damaged(subscription, "a writer that is not there")));
        Ok(Listen { writer: writer.transpose()?, field: *field })
    };
    subscription.listen.iter().map(entry).collect()
}

fn damaged(subscription: &Subscription, what: &str) -> BuildError {
    let message = format!("the plan's subscription `{}` names {what}; compile it anew", subscription.name);
    BuildError::new(message, Some(subscription.origin))
}

#[cfg(test)]
mod tests;
