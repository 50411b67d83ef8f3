//! Ingests: the standard ingest protocol v1.0, split into writes of dimensions.
//!
//! | file | holds |
//! |---|---|
//! | `envelope` | the message's parts, taken from its bytes in one pass |
//! | `check` | whether it is for this ingest and may be taken |
//! | `convert` | raw members to values of the types that are due |
//! | `split` | what is written to which dimension |
//!
//! # What a message does
//!
//! A message is taken whole or rejected whole, with a code: `R0101` not JSON, `R0502` against the protocol, `R0501`
//! another secret, `R0102` a member that does not fit, `R0303` a key that is null or missing, `R0401` a time too far
//! ahead, or the fault of an expression. One that is taken writes, with its `time` as the version of every field:
//!
//! | `cmd` | writes |
//! |---|---|
//! | `insert` | every field whose members are all there, to the field's own dimension; where that is none, the row with no field |
//! | `update` | those of them with a member in `change_fields` |
//! | `reset` | clears the fields with a member in `change_fields`; without it, those with a member in `fields`; where that is none, all fields that this ingest fills |
//! | `delete` | deletes the row |
//!
//! "The row" is that of the accepted dimension whose keys are all there and not all part of another such dimension's:
//! a message with `class_id` and `stu_id` means the student of the class, never the class. A field that the message
//! brings but whose dimension it does not identify rejects the message: nothing is lost silently.

mod check;
mod convert;
mod envelope;
mod split;

use ahash::AHashMap;
use bumpalo::Bump;
use jiff::tz::TimeZone;
use nsf_plan::{Ingest, IngestId, Plan, Type};

use crate::{
    connector::{Message, RawBatch, Sequence},
    dimension::Dimensions,
    expression::{Build, BuildError, Scope},
    fault::{Fallible, Fault, FaultCode},
    frame::{Layout, Place},
    rejected::Rejection,
    run::stage::{IngestOutput, IngestProcessor, RecordOrigin},
};

use check::Expected;
use convert::Converter;
use split::{Accepted, Assignment, Key, Split};

/// What is known of a tenant's secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// Messages must bring this.
    Value(String),
    /// It should be there and is not: the ingest is not built.
    Unset,
    /// Messages are taken with any key, as tests do.
    Unchecked,
}

/// An ingest, ready to work on messages; shared by workers.
pub struct Processor {
    id: String,
    /// The number of it.
    number: u32,
    name: String,
    topic: String,
    origin: nsf_plan::Origin,
    expected: Expected,
    zone: TimeZone,
    layout: Layout,
    members: Vec<Member>,
    /// Indices of raw members by their name.
    index: AHashMap<String, u32>,
    split: Split,
}

/// A raw member that the ingest reads.
struct Member {
    name: String,
    /// Index of the raw member: one that is due in two types is taken once and converted twice.
    raw: u32,
    ty: Type,
    place: Place,
}

impl Processor {
    /// Builds an ingest of a plan. `secret` is asked for the tenant's secret by its name.
    ///
    /// # Errors
    /// Where the secret is not set, the tenant's zone is not known, or the plan is damaged.
    pub fn new(plan: &Plan, id: IngestId, secret: &dyn Fn(&str) -> Secret) -> Build<Self> {
        let ingest =
            plan.ingests.get(id.index()).ok_or_else(|| BuildError::new("the plan has no such ingest", None))?;
        let (expected, zone) = expected(plan, ingest, secret)?;
        let slots = ingest.all_slots();
        let layout = Layout::new(&slots);
        let mut index = AHashMap::new();
        let members = members(ingest, &layout, &mut index)?;
        let scope = Scope { plan, slots: &slots, layout: &layout, handles: &[] };
        let split = split(plan, id, ingest, &scope)?;
        let topic = plan.topics.get(ingest.from.index()).map(|topic| topic.connector.name.clone());
        Ok(Self {
            id: ingest.id.clone(),
            number: crate::stable::number(&ingest.id),
            name: ingest.name.clone(),
            topic: topic.unwrap_or_default(),
            origin: ingest.origin,
            expected,
            zone,
            members,
            index,
            split,
            layout,
        })
    }

    /// Works on one message.
    fn take(
        &self,
        stream: u32,
        partition: u32,
        message: &Message,
        bytes: &[u8],
        arena: &Bump,
        output: &mut IngestOutput,
    ) -> Fallible<()> {
        if let Some(length) = message.oversized {
            let message = format!("the message is {length} bytes long; up to 16 MiB are taken");
            return Err(Fault::new(FaultCode::Limit, message));
        }
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let message = format!("the message is not UTF-8 at byte {}", error.valid_up_to());
            Fault::new(FaultCode::Malformed, message)
        })?;
        let envelope = envelope::read(text, &self.index, arena)?;
        let checked = self.expected.check(&envelope, message.timestamp)?;
        let (offset, time, made_in, by) = (message.offset, checked.time, Sequence::Partition, self.number);
        let origin = RecordOrigin { made_in, by, ..RecordOrigin::of_record(stream, partition, offset, time) };
        let converter = Converter { coerce: self.expected.coerce, zone: &self.zone, arena, converted: false };
        let mut work = split::Work::new(self, &envelope, converter, origin);
        let writes = self.split.writes(checked.command, &mut work)?;
        output.writes.extend(writes);
        work.count_conversions(&mut output.coerced);
        output.accepted += 1;
        Ok(())
    }

    fn rejection(&self, batch: &RawBatch, message: &Message, fault: &Fault) -> Rejection {
        let mut rejection = Rejection {
            by: self.id.clone(),
            source: self.name.clone(),
            topic: self.topic.clone(),
            partition: batch.partition,
            offset: message.offset,
            step: String::new(),
            origin: Some(self.origin),
            code: fault.code,
            reason: Box::default(),
            key: batch.key(message).map(Into::into),
            raw: batch.message(message).into(),
            oversized: message.oversized,
            message: None,
        };
        rejection.set_fault(fault);
        rejection
    }
}

impl IngestProcessor for Processor {
    fn process(&self, stream: u32, batch: &RawBatch, message: &Message, arena: &Bump, output: &mut IngestOutput) {
        let bytes = batch.message(message);
        if let Err(fault) = self.take(stream, batch.partition, message, bytes, arena, output) {
            output.rejected.push(self.rejection(batch, message, &fault));
        }
    }
}

fn expected(plan: &Plan, ingest: &Ingest, secret: &dyn Fn(&str) -> Secret) -> Build<(Expected, TimeZone)> {
    let tenant = plan.tenants.get(ingest.tenant.index());
    let tenant = tenant.ok_or_else(|| damaged(ingest, "a tenant that is not there"))?;
    let zone = TimeZone::get(&tenant.zone).map_err(|_| {
        let message =
            format!("the zone `{}` of the tenant `{}` is not known on this machine", tenant.zone, tenant.name);
        BuildError::new(message, Some(ingest.origin))
    })?;
    let app_key = match tenant.app_key.as_deref().map(|name| (name, secret(name))) {
        None | Some((_, Secret::Unchecked)) => None,
        Some((_, Secret::Value(value))) => Some(value.into_bytes().into()),
        Some((name, Secret::Unset)) => {
            let (ingest_name, tenant) = (&ingest.name, &tenant.name);
            let message = format!(
                "the ingest `{ingest_name}` checks its messages against the secret `{name}` of the tenant `{tenant}`, which \
                 is not set; set the environment variable `{name}`"
            );
            return Err(BuildError::new(message, Some(ingest.origin)));
        }
    };
    let expected = Expected {
        arris_id: ingest.arris_id.clone(),
        tenant: tenant.name.clone(),
        app_id: tenant.app_id.clone(),
        app_key,
        coerce: ingest.coerce,
        max_skew: ingest.max_skew,
    };
    Ok((expected, zone))
}

fn members(ingest: &Ingest, layout: &Layout, index: &mut AHashMap<String, u32>) -> Build<Vec<Member>> {
    let member = |member: &nsf_plan::IngestMember| {
        let place = layout.place(member.slot).ok_or_else(|| damaged(ingest, "a slot that is not there"))?;
        let next = index.len() as u32;
        let raw = *index.entry(member.name.clone()).or_insert(next);
        Ok(Member { name: member.name.clone(), raw, ty: member.ty.clone(), place })
    };
    ingest.members.iter().map(member).collect()
}

fn split(plan: &Plan, id: IngestId, ingest: &Ingest, scope: &Scope<'_>) -> Build<Split> {
    let reads_of = |expression: &nsf_plan::Expr| -> Vec<u32> {
        let slots = expression.reads_slots();
        let read = ingest.members.iter().enumerate().filter(|(_, member)| slots.contains(&member.slot));
        read.map(|(index, _)| index as u32).collect()
    };
    let keys = ingest
        .keys
        .iter()
        .map(|(name, value)| Ok(Key { name: name.clone(), value: scope.any_cell(value)?, reads: reads_of(value) }));
    let keys: Vec<Key> = keys.collect::<Build<_>>()?;
    let mut accepted = Vec::with_capacity(ingest.accept.len());
    let dimensions = Dimensions::new(plan)?;
    for dimension in &ingest.accept {
        let known = dimensions.get(*dimension).ok_or_else(|| damaged(ingest, "a dimension that is not there"))?;
        let position = |name: &String| keys.iter().position(|key| key.name == *name);
        let own: Option<Vec<usize>> = known.keys.iter().map(|(name, _)| position(name)).collect();
        let own = own.ok_or_else(|| damaged(ingest, "a dimension without one of its keys"))?;
        accepted.push(Accepted { dimension: *dimension, name: known.name.clone(), keys: own });
    }
    let assignments = ingest.assignments.iter().map(|assignment| {
        let field = plan.dimensions.get(assignment.dimension.index());
        let field = field.and_then(|dimension| dimension.fields.get(assignment.field as usize));
        let field = field.ok_or_else(|| damaged(ingest, "a field that is not there"))?;
        let position = ingest.accept.iter().position(|dimension| *dimension == assignment.dimension);
        Ok(Assignment {
            accepted: position.ok_or_else(|| damaged(ingest, "a field of a dimension that it does not accept"))?,
            field: assignment.field,
            name: field.name.clone(),
            nullable: field.ty.is_nullable(),
            value: scope.any_cell(&assignment.value)?,
            reads: assignment.reads.clone(),
        })
    });
    Ok(Split { ingest: id, keys, accepted, assignments: assignments.collect::<Build<_>>()? })
}

fn damaged(ingest: &Ingest, what: &str) -> BuildError {
    let message = format!("the plan's ingest `{}` names {what}; compile it anew", ingest.name);
    BuildError::new(message, Some(ingest.origin))
}

#[cfg(test)]
mod tests;
