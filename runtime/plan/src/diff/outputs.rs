//! What others take from a program: messages, what subscriptions tell, why records are rejected.

use std::collections::{BTreeMap, BTreeSet};

use super::{Both, Change, Found, PartKind, streams::topic, topic_words};
use crate::{Expr, ExprKind, Guarantee, Late, Missing, Origin, Plan, StepKind, Subscription, SubscriptionEvent, Type};

/// What is sent to an output.
#[derive(Default)]
struct Sent {
    /// The members of its messages, of all that are sent there.
    members: BTreeMap<String, Type>,
    /// What holds for the weakest of them.
    guarantee: Option<Guarantee>,
}

/// A reason for which records are rejected: by whom, the code, and the reason.
type Rejected = (String, &'static str, String);

impl Found<'_> {
    pub(super) fn subscriptions(&mut self) {
        let (old, new) = (self.old, self.new);
        for subscription in &new.subscriptions {
            let Some(was) = old.subscriptions.iter().find(|own| own.id == subscription.id) else {
                self.new_part(PartKind::Subscription, &subscription.name, Some(subscription.origin));
                continue;
            };
            let changes = told_otherwise((old, was), (new, subscription));
            let place = Some(subscription.origin);
            self.both(Both { kind: PartKind::Subscription, name: &subscription.name, was: &was.name, place }, changes);
        }
        for was in old.subscriptions.iter().filter(|was| new.subscriptions.iter().all(|own| own.id != was.id)) {
            let means = "whoever is told by it is told no more";
            self.gone(PartKind::Subscription, &was.name, Some(was.origin), means, "bring it back, under its name");
        }
    }

    pub(super) fn outputs(&mut self) {
        let (before, after) = (sent(self.old), sent(self.new));
        for (place, now) in &after {
            let Some(was) = before.get(place) else {
                self.new_part(PartKind::Output, place, None);
                continue;
            };
            let changes = weaker(was.guarantee, now.guarantee).into_iter().collect();
            self.both(Both { kind: PartKind::Output, name: place, was: place, place: None }, changes);
            self.members(place, was, now);
        }
        for place in before.keys().filter(|place| !after.contains_key(*place)) {
            let help = "bring it back, or tell those who read it first";
            self.gone(PartKind::Output, place, None, "who reads it gets nothing any more", help);
        }
    }

    fn members(&mut self, place: &str, was: &Sent, now: &Sent) {
        for (member, ty) in &now.members {
            let name = format!("{place}.{member}");
            let Some(before) = was.members.get(member) else {
                self.new_part(PartKind::Field, &name, None);
                continue;
            };
            let mut changes = Vec::new();
            if before != ty {
                let what = format!("{before} → {ty}");
                changes.push(if serves(ty, before) {
                    Change::migrated(what, "messages have it as before, for who reads the old type")
                } else {
                    let means = "who reads it as it was may refuse what is sent now";
                    Change::loss(what, means, "send the new form under another name, or tell those who read it first")
                });
            }
            self.both(Both { kind: PartKind::Field, name: &name, was: &name, place: None }, changes);
        }
        for member in was.members.keys().filter(|member| !now.members.contains_key(*member)) {
            let help = "send it again, or tell those who read it first";
            self.gone(PartKind::Field, &format!("{place}.{member}"), None, "messages do not have it any more", help);
        }
    }

    pub(super) fn rejected_codes(&mut self) {
        let (before, after) = (rejected(self.old), rejected(self.new));
        let name = |(by, code, reason): &Rejected| {
            if reason.is_empty() { format!("{by}: {code}") } else { format!("{by}: {code} \"{reason}\"") }
        };
        for (own, origin) in &after {
            let name = name(own);
            if before.contains_key(own) {
                let place = Some(*origin);
                self.both(Both { kind: PartKind::RejectedCode, name: &name, was: &name, place }, Vec::new());
            } else {
                self.new_part(PartKind::RejectedCode, &name, Some(*origin));
            }
        }
        for (own, origin) in before.iter().filter(|(own, _)| !after.contains_key(*own)) {
            let means =
                "no record is rejected so any more: alerts on it, and `nsflow rejected` by it, find nothing new";
            let help = "change what looks for it, or put the reason back as it was written";
            self.gone(PartKind::RejectedCode, &name(own), Some(*origin), means, help);
        }
    }
}

/// By place: what a plan sends there.
fn sent(plan: &Plan) -> BTreeMap<String, Sent> {
    let outputs = plan.topics.iter().filter(|topic| topic.written && !topic.internal);
    let mut found: BTreeMap<String, Sent> = outputs.map(|topic| (topic_words(topic), Sent::default())).collect();
    for pipeline in &plan.pipelines {
        pipeline.body.walk(&mut |step| {
            let StepKind::ExpandTopic(expand) = &step.kind else { return };
            let Some(own) = found.get_mut(&topic(plan, expand.topic)) else { return };
            own.guarantee = own.guarantee.max(Some(expand.guarantee));
            if let Type::Record(members) = &expand.message.ty {
                members.iter().for_each(|(name, ty)| add_member(&mut own.members, name, ty));
            }
        });
    }
    for subscription in &plan.subscriptions {
        let Some(own) = subscription.to.and_then(|to| found.get_mut(&topic(plan, to))) else { continue };
        own.guarantee = own.guarantee.max(Some(subscription.guarantee));
    }
    found
}

/// A member that messages have in several types has the one that holds both, where there is one.
fn add_member(members: &mut BTreeMap<String, Type>, name: &str, ty: &Type) {
    let own = members.entry(name.to_owned()).or_insert_with(|| ty.clone());
    if !serves(ty, own) {
        own.clone_from(ty);
    }
}

/// Whether who reads a type as JSON can read each value of another: further members of records are passed over.
fn serves(ty: &Type, reader: &Type) -> bool {
    match (ty, reader) {
        (Type::Nullable(ty), Type::Nullable(reader)) => serves(ty, reader),
        (ty, Type::Nullable(reader)) => serves(ty, reader),
        (Type::Record(members), Type::Record(wanted)) => wanted.iter().all(|(name, reader)| {
            members.iter().any(|(own, ty)| own == name && serves(ty, reader)) || (reader.is_nullable())
        }),
        (Type::List(ty) | Type::Set(ty) | Type::Multi(ty), Type::List(reader)) => serves(ty, reader),
        (Type::Map(key, ty), Type::Map(own, reader)) => serves(key, own) && serves(ty, reader),
        (ty, reader) => crate::evolution::reads_as(ty, reader),
    }
}

fn weaker(was: Option<Guarantee>, now: Option<Guarantee>) -> Option<Change> {
    let (was, now) = (was?, now?);
    let words = |guarantee: Guarantee| match guarantee {
        Guarantee::ExactlyOnce => "exactly once",
        Guarantee::EffectivelyOnce => "effectively once",
        Guarantee::AtLeastOnce => "at least once",
        Guarantee::MayDiffer => "may differ when replayed",
    };
    let what = format!("{} → {}", words(was), words(now));
    if now > was {
        let means = "after a fault who reads it may find messages that it would not have found before";
        return Some(Change::loss(what, means, "`nsfc graph` shows which step is the cause"));
    }
    (now < was).then(|| Change::migrated(what, "more is promised than before"))
}

fn told_otherwise((old, was): (&Plan, &Subscription), (new, now): (&Plan, &Subscription)) -> Vec<Change> {
    let mut changes = Vec::new();
    let to = |plan: &Plan, subscription: &Subscription| {
        subscription.to.map_or("flows alone".to_owned(), |to| topic(plan, to))
    };
    let (before, after) = (to(old, was), to(new, now));
    if before != after {
        let means = format!("who reads {before} is told no more");
        changes.push(Change::loss(format!("to {before} → {after}"), means, "tell those who read it first"));
    }
    let names = |subscription: &Subscription| -> BTreeSet<String> {
        subscription.publish.iter().map(|(name, _)| name.clone()).collect()
    };
    for name in names(was).difference(&names(now)) {
        let help = "publish it again, or tell those who read it first";
        changes.push(Change::loss(format!("`{name}` is not published"), "messages do not have it any more", help));
    }
    for name in names(now).difference(&names(was)) {
        changes.push(Change::migrated(format!("`{name}` is published"), "messages have it from now on"));
    }
    for event in was.on.iter().filter(|event| !now.on.contains(event)) {
        let what = format!("`on` without `{}`", event_word(*event));
        changes.push(Change::loss(what, "of such events it is told no more", "put the event back"));
    }
    for event in now.on.iter().filter(|event| !was.on.contains(event)) {
        changes.push(Change::migrated(format!("`on` with `{}`", event_word(*event)), "such events are told too"));
    }
    changes
}

const fn event_word(event: SubscriptionEvent) -> &'static str {
    match event {
        SubscriptionEvent::Create => "create",
        SubscriptionEvent::Binlog => "binlog",
        SubscriptionEvent::Reset => "reset",
        SubscriptionEvent::Datain => "datain",
    }
}

/// Why the flows and sources of a plan reject records by what is written in it, and where that is.
fn rejected(plan: &Plan) -> BTreeMap<Rejected, Origin> {
    const RULE: &str = "R0301";
    const MISSING: &str = "R0302";
    const LATE: &str = "R0402";
    let mut found = BTreeMap::new();
    let mut add = |by: &str, code, reason: &str, origin| {
        found.entry((by.to_owned(), code, reason.to_owned())).or_insert(origin);
    };
    for source in plan.sources.iter().filter(|source| source.late_else == Late::Reject) {
        add(&source.name, LATE, "", source.origin);
    }
    for pipeline in &plan.pipelines {
        pipeline.body.walk(&mut |step| {
            match &step.kind {
                StepKind::Require { reason, .. } | StepKind::Reject { reason, .. } => {
                    add(&pipeline.name, RULE, reason, step.origin);
                }
                StepKind::Load { missing: Missing::Reject(reason), .. } => {
                    add(&pipeline.name, MISSING, reason, step.origin);
                }
                _ => {}
            }
            for expression in step.kind.expressions() {
                expression.walk(&mut |part: &Expr| {
                    if let ExprKind::Reject(reason) = &part.kind {
                        add(&pipeline.name, RULE, reason, part.origin.unwrap_or(step.origin));
                    }
                });
            }
        });
    }
    found
}
