//! The message of a subscription; its form is described in the module above.

use jiff::tz::TimeZone;
use nsf_plan::{Plan, SlotId, Subscription, Type};

use crate::{
    cell::Cell,
    encode::json,
    expression::{Build, BuildError},
    run::stage::RecordOrigin,
};

use super::{damaged, event::Events, form::write_form};

/// What the messages of one subscription have in common.
pub(super) struct Published {
    /// `{"version":…,"nsf_id":"project/subscription/`, up to what differs.
    head: Vec<u8>,
    /// `","topic":…,"app_id":…,"dim":…,"arris_id":`.
    middle: Vec<u8>,
    /// `},"extra_args":…}`.
    tail: Vec<u8>,
    /// In the order of `publish`.
    fields: Vec<Field>,
    zone: TimeZone,
    /// Types of the slots: keys, fields, `updated`.
    pub slot_types: Vec<Type>,
}

/// A published field.
struct Field {
    /// Its name in quotes, with the colon.
    name: Vec<u8>,
    slot: SlotId,
    ty: Type,
}

/// What one message is caused by.
pub(super) struct Cause<'c> {
    /// The flow that wrote, if it was one.
    pub flow: Option<&'c str>,
    /// Whether a subscription told that flow.
    pub told: bool,
    pub stream: &'c str,
    pub origin: RecordOrigin,
    /// How many messages of the same cause came before.
    pub again: u32,
    pub arris_id: &'c str,
    pub events: Events,
}

impl Published {
    pub(super) fn new(plan: &Plan, subscription: &Subscription) -> Build<Self> {
        let tenant = plan.tenants.get(subscription.tenant.index());
        let tenant = tenant.ok_or_else(|| damaged(subscription, "a tenant that is not there"))?;
        let dimension = plan.dimensions.get(subscription.dimension.index());
        let dimension = dimension.ok_or_else(|| damaged(subscription, "a dimension that is not there"))?;
        let zone = TimeZone::get(&tenant.zone).map_err(|_| {
            let (tenant, zone) = (&tenant.name, &tenant.zone);
            BuildError::new(format!("the zone `{zone}` of the tenant `{tenant}` is not known on this machine"), None)
        })?;
        let topic = subscription.to.and_then(|to| plan.topics.get(to.index()));
        let topic = topic.map_or("", |topic| topic.connector.name.as_str());
        let slot_type = |slot: SlotId| subscription.slots.get(slot.index()).map(|slot| slot.ty.clone());
        let fields = subscription.publish.iter().map(|(name, slot)| {
            let ty = slot_type(*slot).ok_or_else(|| damaged(subscription, "a published field that is not there"))?;
            let mut name = quote(name);
            name.push(b':');
            Ok(Field { name, slot: *slot, ty })
        });
        Ok(Self {
            head: [b"{\"version\":\"v2.0\",\"nsf_id\":", inside_quotes(&plan.name, &subscription.id).as_slice()]
                .concat(),
            middle: middle(topic, &tenant.app_id, dimension.code),
            tail: [b"},\"extra_args\":", quote(subscription.extra.as_deref().unwrap_or("")).as_slice(), b"}"].concat(),
            fields: fields.collect::<Build<_>>()?,
            zone,
            slot_types: subscription.slots.iter().map(|slot| slot.ty.clone()).collect(),
        })
    }

    /// The message for the values of the subscription's slots.
    pub(super) fn write(&self, cause: &Cause<'_>, slots: &[Cell]) -> Vec<u8> {
        let mut out = self.head.clone();
        for name in cause.flow.into_iter().chain([cause.stream]) {
            let quoted = quote(name);
            out.extend_from_slice(quoted.get(1..quoted.len() - 1).unwrap_or_default());
            out.push(b'/');
        }
        let RecordOrigin { partition, offset, ended, by, count, time, .. } = cause.origin;
        out.extend_from_slice(format!("{partition}/{offset}/").as_bytes());
        // A flow that a subscription told runs for each write that it is told of.
        if cause.told {
            out.extend_from_slice(format!("{by:08x}/").as_bytes());
        }
        out.extend_from_slice(count.to_string().as_bytes());
        if ended > 0 {
            out.extend_from_slice(format!("/{ended:016x}").as_bytes());
        }
        if cause.again > 0 {
            out.extend_from_slice(format!("/{}", cause.again).as_bytes());
        }
        out.push(b'"');
        out.extend_from_slice(&self.middle);
        json::write_text(cause.arris_id, &mut out);
        out.extend_from_slice(b",\"action\":");
        json::write_text(&cause.events.action(), &mut out);
        out.extend_from_slice(format!(",\"time\":{time},\"fields\":{{").as_bytes());
        for (index, field) in self.fields.iter().enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(&field.name);
            write_form(&field.ty, slots.get(field.slot.index()).unwrap_or(&Cell::Null), &self.zone, &mut out);
        }
        out.extend_from_slice(&self.tail);
        out
    }
}

fn quote(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    json::write_text(text, &mut out);
    out
}

/// `"project/subscription/`, without the closing quote.
fn inside_quotes(project: &str, subscription: &str) -> Vec<u8> {
    let mut out = quote(&format!("{project}/{subscription}/"));
    out.pop();
    out
}

fn middle(topic: &str, app_id: &str, code: u32) -> Vec<u8> {
    let mut out = b",\"topic\":".to_vec();
    json::write_text(topic, &mut out);
    out.extend_from_slice(b",\"app_id\":");
    json::write_text(app_id, &mut out);
    out.extend_from_slice(b",\"dim\":");
    json::write_text(&format!("{code:04}"), &mut out);
    out.extend_from_slice(b",\"arris_id\":");
    out
}
