//! A subscription's message as a plain object, for `expect published` in tests: published names with values in their
//! JSON forms ([`crate::encode`]), as the program writes them.

use jiff::{Timestamp, tz::TimeZone};
use nsf_plan::{Plan, Subscription, TopicId, Type};
use serde_json::{Map, Value as Json};

use crate::instant;

/// What a message on a topic publishes, if it is one of a subscription.
#[must_use]
pub fn plain(plan: &Plan, topic: TopicId, message: &Json) -> Option<Json> {
    let fields = message.get("fields").filter(|_| message.get("version").is_some_and(|version| version == "v2.0"))?;
    let fields = fields.as_object()?;
    let publishes = |subscription: &&Subscription| {
        subscription.to == Some(topic)
            && subscription.publish.len() == fields.len()
            && subscription.publish.iter().all(|(name, _)| fields.contains_key(name))
    };
    let subscription = plan.subscriptions.iter().find(publishes)?;
    let zone = plan.tenants.get(subscription.tenant.index()).map_or("UTC", |tenant| tenant.zone.as_str());
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let member = |(name, slot): &(String, nsf_plan::SlotId)| {
        let ty = &subscription.slots.get(slot.index())?.ty;
        Some((name.clone(), value(ty.non_null(), fields.get(name)?, &zone)))
    };
    Some(Json::Object(subscription.publish.iter().filter_map(member).collect()))
}

/// The value of a standard output form.
fn value(ty: &Type, form: &Json, zone: &TimeZone) -> Json {
    let list = |name: &str| form.get(name).and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    let (values, links) = (list("val"), list("link"));
    match ty {
        Type::List(item) | Type::Set(item) | Type::Multi(item) => {
            let one = |(index, own): (usize, &Json)| single(item.non_null(), own, links.get(index), zone);
            Json::Array(values.iter().enumerate().map(one).collect())
        }
        _ => values.first().map_or(Json::Null, |own| single(ty, own, links.first(), zone)),
    }
}

fn single(ty: &Type, own: &Json, link: Option<&Json>, zone: &TimeZone) -> Json {
    match (ty, own.as_i64()) {
        (Type::Select(inner), _) => single(inner.non_null(), own, link, zone),
        (Type::Timestamp, Some(time)) => text(|out| instant::write_timestamp(time, out)),
        (Type::Date, Some(time)) => match Timestamp::from_millisecond(time).map(|time| zone.to_datetime(time).date()) {
            Ok(date) => Json::String(date.to_string()),
            Err(_) => own.clone(),
        },
        (Type::Link | Type::Attachment, _) => {
            let members = [("name", own), ("url", link.unwrap_or(&Json::Null))];
            Json::Object(
                members.map(|(name, value)| (name.to_owned(), value.clone())).into_iter().collect::<Map<_, _>>(),
            )
        }
        _ => own.clone(),
    }
}

fn text(write: impl FnOnce(&mut Vec<u8>)) -> Json {
    let mut out = Vec::new();
    write(&mut out);
    Json::String(String::from_utf8_lossy(&out).into_owned())
}
