//! Checks of what brings records in and tells others: sources, ingests, subscriptions.

use std::collections::BTreeSet;

use super::{
    Checker, Scope,
    fit::{an, fits},
};
use crate::{DimensionId, Ingest, Late, Slot, Source, Subscription, Type};

impl<'plan> Checker<'plan> {
    pub(super) fn streams(&mut self) {
        let plan = self.plan;
        plan.sources.iter().for_each(|source| self.source(source));
        plan.ingests.iter().for_each(|ingest| self.ingest(ingest));
        plan.subscriptions.iter().for_each(|subscription| self.subscription(subscription));
    }

    fn source(&mut self, source: &'plan Source) {
        self.at(format!("source `{}`", source.name), Some(source.origin));
        self.topic(Some(source.from));
        self.topic(source.retry);
        self.topic(source.reject);
        if let Late::Topic(topic) = source.late_else {
            self.topic(Some(topic));
        }
        self.encoding(&source.encoding);
        for field in &source.key {
            self.index("field", *field, source.encoding.fields.len());
        }
        if let Some(time) = source.time {
            self.index("field", time, source.encoding.fields.len());
            if let Some(field) = source.encoding.fields.get(time as usize)
                && !fits(&field.ty, &Type::Timestamp)
            {
                self.problem(format!("its time `{}` is {} and not a `timestamp`", field.name, an(&field.ty)));
            }
        }
    }

    fn ingest(&mut self, ingest: &'plan Ingest) {
        self.at(format!("ingest `{}`", ingest.name), Some(ingest.origin));
        self.index("tenant", ingest.tenant.0, self.plan.tenants.len());
        self.topic(Some(ingest.from));
        self.topic(ingest.retry);
        self.topic(ingest.reject);
        for dimension in &ingest.accept {
            self.index("dimension", dimension.0, self.plan.dimensions.len());
            let keys = self.plan.dimensions.get(dimension.index()).map_or(&[][..], |dimension| &dimension.keys);
            for (key, _) in keys.iter().filter(|(key, _)| ingest.keys.iter().all(|(name, _)| name != key)) {
                self.problem(format!("it accepts dimension {} and gives no `{key}`", dimension.0));
            }
        }
        let mut taken = BTreeSet::new();
        for member in &ingest.members {
            self.index("slot", member.slot.0, ingest.members.len() + ingest.slots.len());
            if !taken.insert(member.slot) {
                self.problem(format!("the member `{}` shares its slot with another", member.name));
            }
        }
        // The expressions are checked by themselves, because these slots stand in no list of the plan.
        let slots = ingest.all_slots();
        let mut inner = Checker { problems: Vec::new(), part: self.part.clone(), ..*self };
        inner.ingested(ingest, &slots);
        self.problems.append(&mut inner.problems);
    }

    fn ingested(&mut self, ingest: &'plan Ingest, slots: &'plan [Slot]) {
        let scope = Scope { slots, handles: &[] };
        for (_, key) in &ingest.keys {
            self.expression(scope, key);
        }
        for assignment in &ingest.assignments {
            self.origin = Some(assignment.origin);
            match self.dimension_field(assignment.dimension, assignment.field) {
                Some(ty) => self.value_for(scope, &assignment.value, "the field", ty),
                None => self.expression(scope, &assignment.value),
            }
            if !ingest.accept.contains(&assignment.dimension) {
                self.problem(format!("it stores into dimension {}, which it does not accept", assignment.dimension.0));
            }
            for member in &assignment.reads {
                self.index("member", *member, ingest.members.len());
            }
        }
    }

    fn subscription(&mut self, subscription: &'plan Subscription) {
        self.at(format!("subscription `{}`", subscription.name), Some(subscription.origin));
        self.index("tenant", subscription.tenant.0, self.plan.tenants.len());
        self.index("dimension", subscription.dimension.0, self.plan.dimensions.len());
        self.topic(subscription.to);
        let scope = Scope { slots: &subscription.slots, handles: &[] };
        if let Some(dimension) = self.plan.dimensions.get(subscription.dimension.index()) {
            for (_, field) in &subscription.listen {
                self.index("field", *field, dimension.fields.len());
            }
            let keys = dimension.keys.iter().map(|(_, ty)| ty);
            let fields = dimension.fields.iter().map(|field| &field.ty);
            for (index, ty) in keys.chain(fields).chain([&Type::Timestamp]).enumerate() {
                match subscription.slots.get(index) {
                    Some(slot) if fits(ty, &slot.ty) => {}
                    Some(slot) => {
                        self.problem(format!("its slot `{}` is {} where {} is due", slot.name, an(&slot.ty), an(ty)));
                    }
                    None => self.index("slot", u32::try_from(index).unwrap_or(u32::MAX), subscription.slots.len()),
                }
            }
        }
        if let Some(condition) = &subscription.when {
            self.condition(scope, condition);
        }
        for (_, slot) in &subscription.publish {
            self.slot(scope, *slot);
        }
    }

    /// The type of a dimension's field, if it is there.
    pub(super) fn dimension_field(&mut self, dimension: DimensionId, field: u32) -> Option<&'plan Type> {
        let plan = self.plan;
        self.index("dimension", dimension.0, plan.dimensions.len());
        let dimension = plan.dimensions.get(dimension.index())?;
        self.index("field", field, dimension.fields.len());
        dimension.fields.get(field as usize).map(|field| &field.ty)
    }
}
