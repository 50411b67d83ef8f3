//! Checks of what belongs to no stream: mappings, topics, tables, states, spaces and dimensions.

use super::{Checker, Scope};
use crate::{Dimension, Encoding, MappingElse, Slot, State, Type, connector};

impl<'plan> Checker<'plan> {
    pub(super) fn model(&mut self) {
        let plan = self.plan;
        self.at("the plan".to_owned(), None);
        self.distinct("state id", plan.states.iter().map(|state| state.id.as_str()));
        let streams = plan.sources.iter().map(|source| source.id.as_str());
        let streams = streams.chain(plan.ingests.iter().map(|ingest| ingest.id.as_str()));
        self.distinct(
            "stream id",
            streams.chain(plan.subscriptions.iter().map(|subscription| subscription.id.as_str())),
        );
        self.distinct("pipeline id", plan.pipelines.iter().map(|pipeline| pipeline.id.as_str()));
        for mapping in &plan.mappings {
            self.at(format!("mapping `{}`", mapping.name), None);
            for (from, to) in &mapping.pairs {
                self.literal(from, &mapping.from);
                self.literal(to, &mapping.to);
            }
            if let MappingElse::Value(value) = &mapping.otherwise {
                self.literal(value, &mapping.to);
            }
        }
        for (index, topic) in plan.topics.iter().enumerate() {
            self.at(format!("topic {index} (`{}`)", topic.connector.name), None);
            self.connector(&topic.connector.kind);
        }
        for table in &plan.tables {
            self.at(format!("table `{}`", table.name), Some(table.origin));
            self.topic(Some(table.from));
            self.encoding(&table.encoding);
            for field in &table.key {
                self.index("field", *field, table.encoding.fields.len());
            }
        }
        plan.states.iter().for_each(|state| self.state(state));
        for space in &plan.spaces {
            self.at(format!("space `{}`", space.name), None);
            if !matches!(space.store.as_str(), "mysql" | "redis" | "embedded") {
                self.problem(format!("`{}` is not a store for dimensions", space.store));
            }
        }
        plan.dimensions.iter().for_each(|dimension| self.dimension(dimension));
    }

    fn connector(&mut self, kind: &str) {
        if connector::descriptor(kind).is_none() {
            self.problem(format!("there is no connector `{kind}`"));
        }
    }

    pub(super) fn encoding(&mut self, encoding: &'plan Encoding) {
        self.distinct("field", encoding.fields.iter().map(|field| field.name.as_str()));
        for field in &encoding.fields {
            self.type_depth(&field.ty);
            if field.path.is_empty() {
                self.problem(format!("the field `{}` is read from nowhere", field.name));
            }
            if let Some(default) = &field.default {
                self.literal(default, &field.ty);
            }
        }
    }

    fn state(&mut self, state: &'plan State) {
        self.at(format!("state `{}`", state.name), Some(state.origin));
        if let Some(store) = &state.store {
            self.connector(&store.kind);
        }
        self.distinct("field", state.fields.iter().map(|field| field.name.as_str()));
        self.distinct("stored field", state.fields.iter().map(crate::StateField::stored_name));
        for field in &state.fields {
            self.type_depth(&field.ty);
            self.literal(&field.default, &field.ty);
        }
        if let Some(closes) = &state.closes {
            let key = |(name, ty): &(String, Type)| Slot { name: name.clone(), ty: ty.clone() };
            let slots: Vec<Slot> = state.keys.iter().map(key).collect();
            // The expression is checked by itself, because these slots stand in no list of the plan.
            let mut inner = Checker { problems: Vec::new(), part: self.part.clone(), ..*self };
            inner.closing(&slots, closes);
            self.problems.append(&mut inner.problems);
        }
    }

    fn dimension(&mut self, dimension: &'plan Dimension) {
        self.at(format!("dimension `{}`", dimension.name), Some(dimension.origin));
        for space in &dimension.spaces {
            self.index("space", space.0, self.plan.spaces.len());
        }
        self.distinct("field", dimension.fields.iter().map(|field| field.name.as_str()));
        for field in &dimension.fields {
            self.type_depth(&field.ty);
            if let Some(empty) = &field.empty {
                self.literal(empty, &field.ty);
            }
        }
    }
}

impl<'plan> Checker<'plan> {
    fn closing(&mut self, slots: &'plan [Slot], closes: &'plan crate::Expr) {
        self.value_for(Scope { slots, handles: &[] }, closes, "`closes`", &Type::Timestamp);
    }
}
