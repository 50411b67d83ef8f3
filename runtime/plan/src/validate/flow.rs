//! Checks of pipelines and their steps.

use std::collections::BTreeSet;

use super::{
    Checker, Scope,
    fit::{an, element, fits},
};
use crate::{
    Block, DimensionExpand, Handle, HandleId, HandleTarget, Input, InputSource, Literal, Pipeline, SaveKind,
    SaveOperation, Step, StepKind, Type,
};

impl<'plan> Checker<'plan> {
    pub(super) fn flows(&mut self) {
        let mut ids = BTreeSet::new();
        for pipeline in &self.plan.pipelines {
            self.pipeline(pipeline);
            pipeline.body.walk(&mut |step| {
                if !ids.insert(step.id.clone()) {
                    self.at(format!("step `{}`", step.id), Some(step.origin));
                    self.problem("another step has the same id");
                }
            });
        }
    }

    fn pipeline(&mut self, pipeline: &'plan Pipeline) {
        let part = || format!("pipeline `{}`", pipeline.name);
        self.at(part(), Some(pipeline.origin));
        let scope = Scope { slots: &pipeline.slots, handles: &pipeline.handles };
        pipeline.slots.iter().for_each(|slot| self.type_depth(&slot.ty));
        pipeline.inputs.iter().for_each(|input| self.input(scope, input));
        self.handles(scope);
        for slot in &pipeline.key {
            self.slot(scope, *slot);
        }
        if pipeline.body.depth() > Block::MAX_DEPTH {
            return self.problem(format!("its steps are nested more than {} deep", Block::MAX_DEPTH));
        }
        self.flow(scope, &pipeline.body);
    }

    fn input(&mut self, scope: Scope<'plan>, input: &'plan Input) {
        if let Some(record) = input.record {
            self.slot(scope, record);
        }
        let Some(types) = self.input_types(input.from) else { return };
        for (field, slot) in &input.fields {
            self.index("field", *field, types.len());
            if let (Some(ty), Some(place)) = (types.get(*field as usize), self.slot(scope, *slot))
                && !fits(ty, place)
            {
                self.problem(format!("its input's field {field} is {} and goes to a slot of type `{place}`", an(ty)));
            }
        }
    }

    /// The types of a stream's fields; none where it is not there.
    fn input_types(&mut self, from: InputSource) -> Option<Vec<&'plan Type>> {
        let plan = self.plan;
        match from {
            InputSource::Source(source) => {
                self.index("source", source.0, plan.sources.len());
                let source = plan.sources.get(source.index())?;
                Some(source.encoding.fields.iter().map(|field| &field.ty).collect())
            }
            InputSource::Subscription(subscription) => {
                self.index("subscription", subscription.0, plan.subscriptions.len());
                let subscription = plan.subscriptions.get(subscription.index())?;
                let dimension = plan.dimensions.get(subscription.dimension.index())?;
                let own = dimension.keys.len() + dimension.fields.len() + 1;
                Some(subscription.slots.iter().take(own).map(|slot| &slot.ty).collect())
            }
            InputSource::Expired(state) => {
                self.index("state", state.0, plan.states.len());
                let state = plan.states.get(state.index())?;
                let keys = state.keys.iter().map(|(_, ty)| ty);
                Some(keys.chain(state.fields.iter().map(|field| &field.ty)).collect())
            }
        }
    }

    /// Checks the rows of a scope.
    pub(super) fn handles(&mut self, scope: Scope<'plan>) {
        scope.handles.iter().for_each(|handle| self.handle(scope, handle));
    }

    fn handle(&mut self, scope: Scope<'plan>, handle: &'plan Handle) {
        let keys = match self.key_types(handle.target) {
            Some(keys) => keys,
            None => return self.problem(format!("its row `{}` belongs to nothing in the plan", handle.name)),
        };
        self.keys(scope, &format!("row `{}`", handle.name), &handle.keys, &keys);
    }

    fn keys(&mut self, scope: Scope<'plan>, what: &str, given: &'plan [crate::Expr], due: &[&Type]) {
        if given.len() != due.len() {
            self.problem(format!("the {what} has {} keys, and {} are due", given.len(), due.len()));
        }
        for (index, key) in given.iter().enumerate() {
            match due.get(index) {
                Some(ty) => self.value_for(scope, key, &format!("a key of the {what}"), ty),
                None => self.expression(scope, key),
            }
        }
    }

    /// The types of the keys of a state, table or dimension that is there.
    fn key_types(&self, target: HandleTarget) -> Option<Vec<&'plan Type>> {
        let plan = self.plan;
        Some(match target {
            HandleTarget::State(state) => plan.states.get(state.index())?.keys.iter().map(|(_, ty)| ty).collect(),
            HandleTarget::Dimension(dimension) => {
                plan.dimensions.get(dimension.index())?.keys.iter().map(|(_, ty)| ty).collect()
            }
            HandleTarget::Table(table) => {
                let table = plan.tables.get(table.index())?;
                let field = |index: &u32| table.encoding.fields.get(*index as usize).map(|field| &field.ty);
                table.key.iter().filter_map(field).collect()
            }
        })
    }

    /// Checks a flow's outermost block, to whose steps its jumps go.
    fn flow(&mut self, scope: Scope<'plan>, body: &'plan Block) {
        for (position, step) in body.steps.iter().enumerate() {
            self.jumps(step, position, body.steps.len());
        }
        self.block(scope, body);
    }

    /// Checks the jumps in a step and its blocks, but not those of flows nested in it: they have blocks of their own.
    fn jumps(&mut self, outermost: &Step, position: usize, length: usize) {
        let mut open = vec![outermost];
        while let Some(step) = open.pop() {
            match &step.kind {
                StepKind::Jump { target, .. } if *target as usize <= position || *target as usize >= length => {
                    self.at(format!("step `{}`", step.id), Some(step.origin));
                    self.problem(format!("it jumps to step {target}, which is not one of those after it"));
                }
                StepKind::Flow { .. } => {}
                kind => open.extend(kind.blocks().into_iter().flat_map(|block| &block.steps)),
            }
        }
    }

    fn block(&mut self, scope: Scope<'plan>, block: &'plan Block) {
        for step in &block.steps {
            self.at(format!("step `{}`", step.id), Some(step.origin));
            self.step(scope, step);
        }
    }

    fn step(&mut self, scope: Scope<'plan>, step: &'plan Step) {
        match &step.kind {
            StepKind::Require { condition, .. }
            | StepKind::Drop { condition, .. }
            | StepKind::Reject { condition, .. } => {
                self.condition(scope, condition);
            }
            StepKind::Stop { condition } | StepKind::Jump { condition, .. } => {
                condition.iter().for_each(|condition| self.condition(scope, condition));
            }
            StepKind::Unique { values, within, marks, .. } => {
                values.iter().for_each(|value| self.expression(scope, value));
                self.index("state", marks.0, self.plan.states.len());
                if self.plan.states.get(marks.index()).is_some_and(|state| !state.marks) {
                    self.problem("it keeps its marks in a state that is not for marks");
                }
                if *within < 0 {
                    self.problem("its `within` is negative");
                }
            }
            StepKind::Assign { slot, value } => match self.slot(scope, *slot) {
                Some(ty) => self.value_for(scope, value, "its slot", ty),
                None => self.expression(scope, value),
            },
            StepKind::Load { handle, .. } => self.index("row", handle.0, scope.handles.len()),
            StepKind::Save { handle, operations } => self.save(scope, *handle, operations),
            StepKind::ExpandDimension(expand) => self.dimension_expand(scope, expand),
            StepKind::ExpandTopic(expand) => {
                self.topic(Some(expand.topic));
                expand.key.iter().chain([&expand.message]).for_each(|value| self.expression(scope, value));
                if !matches!(expand.message.ty, Type::Record(_)) {
                    self.problem(format!("its message is {} and not a record", an(&expand.message.ty)));
                }
            }
            StepKind::When { arms, otherwise } => {
                arms.iter().for_each(|(condition, _)| self.condition(scope, condition));
                arms.iter().for_each(|(_, block)| self.block(scope, block));
                self.block(scope, otherwise);
            }
            StepKind::Each { slot, list, body } => {
                self.expression(scope, list);
                match (self.slot(scope, *slot), element(&list.ty)) {
                    (_, None) => self.problem(format!("`each` goes through {}", an(&list.ty))),
                    (Some(ty), Some(item)) if !fits(item, ty) => {
                        self.problem(format!("an element is {} and goes to a slot of type `{ty}`", an(item)));
                    }
                    _ => {}
                }
                self.block(scope, body);
            }
            StepKind::Flow { body, .. } => self.flow(scope, body),
        }
    }

    fn save(&mut self, scope: Scope<'plan>, handle: HandleId, operations: &'plan [SaveOperation]) {
        self.index("row", handle.0, scope.handles.len());
        let Some(handle) = scope.handles.get(handle.index()) else { return };
        let HandleTarget::State(_) = handle.target else {
            return self.problem(format!("it saves the row `{}`, which is not one of a state", handle.name));
        };
        // A state that is not there is reported at the row.
        let Some(types) = self.row_types(handle.target) else { return };
        for operation in operations {
            self.origin = Some(operation.origin);
            if let Some(field) = operation.kind.field() {
                self.index("field", field, types.len());
            }
            operation.kind.expressions().into_iter().for_each(|value| self.expression(scope, value));
            let ty = operation.kind.field().and_then(|field| types.get(field as usize).copied());
            if let Some(ty) = ty {
                self.operation(&operation.kind, ty);
            }
        }
    }

    /// Checks the types of an operation on a field.
    fn operation(&mut self, kind: &SaveKind, ty: &Type) {
        match kind {
            SaveKind::Set { value, .. } | SaveKind::Max { value, .. } | SaveKind::Min { value, .. } => {
                self.goes_to(value, "the field", ty);
            }
            SaveKind::Insert { value, .. } => match element(ty) {
                Some(item) => self.goes_to(value, "the field's elements", item),
                None => self.problem(format!("`insert` changes a field of type `{ty}`")),
            },
            SaveKind::SetEntry { key, value, .. } | SaveKind::AddEntry { key, value, .. } => match ty.non_null() {
                Type::Map(map_key, entry) => {
                    self.goes_to(key, "the key of a map", map_key);
                    if matches!(kind, SaveKind::SetEntry { .. }) {
                        self.goes_to(value, "the map's entries", entry);
                    }
                }
                Type::List(item) => self.goes_to(value, "the field's elements", item),
                other => self.problem(format!("an entry is set in a field of type `{other}`")),
            },
            SaveKind::Remove { value, .. } => match (ty.non_null(), element(ty)) {
                (Type::Map(key, _), _) => self.goes_to(value, "the key of a map", key),
                (_, Some(item)) => self.goes_to(value, "the field's elements", item),
                (other, None) => self.problem(format!("`remove` changes a field of type `{other}`")),
            },
            SaveKind::Add { .. } | SaveKind::Subtract { .. } | SaveKind::Delete => {}
        }
    }

    fn dimension_expand(&mut self, scope: Scope<'plan>, expand: &'plan DimensionExpand) {
        for (field, value) in &expand.fields {
            match self.dimension_field(expand.dimension, *field) {
                Some(_) if expand.reset && value.as_literal() == Some(&Literal::Null) => self.expression(scope, value),
                Some(ty) => self.value_for(scope, value, "the field", ty),
                None => self.expression(scope, value),
            }
        }
        match self.key_types(HandleTarget::Dimension(expand.dimension)) {
            Some(keys) => self.keys(scope, "row", &expand.keys, &keys),
            None => self.index("dimension", expand.dimension.0, self.plan.dimensions.len()),
        }
    }
}
