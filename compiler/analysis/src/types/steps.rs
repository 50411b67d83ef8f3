//! Steps of a flow: verify, calculate, load, and what steers them.

use nsf_diagnostics::Span;
use nsf_plan as plan;
use nsf_plan::{Expr, ExprKind, Handle, HandleId, HandleTarget, Literal, StateId, Step, StepKind, Type};
use nsf_syntax::ast::{self, CalculateStatement, Check, CheckKind, Name};

use super::expression::{STACK_LEFT, STACK_MORE};
use super::flow::meet;
use super::pipeline::{Builder, Jump, source_text};
use super::unit::{Facts, Path, Scope};
use super::unknown::Ended;
use super::{Checker, message as words, relation, step_message as message};
use crate::index::SymbolKind;
use crate::model::{Placed, StepPlace};

impl<'a> Checker<'a> {
    /// One step of a flow; it may become several steps of the plan.
    pub(super) fn flow_step(&mut self, builder: &mut Builder, step: &ast::Step, steps: &mut Vec<Step>) {
        // Step functions are unfolded where they are called, so the depth is not bounded by that of one text.
        stacker::maybe_grow(STACK_LEFT, STACK_MORE, || self.flow_step_here(builder, step, steps));
    }

    fn flow_step_here(&mut self, builder: &mut Builder, step: &ast::Step, steps: &mut Vec<Step>) {
        let outer = self.step_at.replace((builder.module, step.span));
        self.step_by_kind(builder, step, steps);
        self.step_at = outer;
    }

    fn step_by_kind(&mut self, builder: &mut Builder, step: &ast::Step, steps: &mut Vec<Step>) {
        self.trace_builder(builder, step.span);
        match &step.kind {
            ast::StepKind::Error => self.break_step(builder, step.span),
            ast::StepKind::Call(call) => self.call_step(builder, call, step, steps),
            ast::StepKind::Verify(checks) => self.checks(builder, checks, "verify", steps),
            ast::StepKind::Calculate(statements) => self.calculate(builder, statements, step, steps),
            ast::StepKind::Save(save) => self.save_step(builder, save, step, steps),
            ast::StepKind::Expand(expand) => self.expand_step(builder, expand, step, steps),
            ast::StepKind::When { arms, otherwise } => self.when(builder, arms, otherwise.as_ref(), step, steps),
            ast::StepKind::Each { name, list, body } => self.each(builder, name, list, body, step, steps),
            ast::StepKind::Stop(condition) => self.stop(builder, condition.as_ref(), step, steps),
            ast::StepKind::Jump(label, condition) => self.jump(builder, label, condition.as_ref(), step, steps),
            ast::StepKind::Repartition(_) => {
                let location = self.at(builder.module, step.span);
                self.program.unclear_keys.insert(builder.flow.clone());
                self.diagnostics.push(message::repartition_nested(location));
            }
        }
    }

    fn block(&mut self, builder: &mut Builder, block: &ast::Block) -> Vec<Step> {
        let mut steps = Vec::new();
        if !self.calls.descend(plan::Block::MAX_DEPTH, self.told_unfolded) {
            return steps;
        }
        let outermost = std::mem::replace(&mut builder.outermost, false);
        for step in &block.steps {
            if let Some(label) = &step.label {
                let location = self.at(builder.module, label.span);
                let text = "a label stands before a step of the flow's outermost block".to_owned();
                builder.nested_labels.push(label.text.clone());
                self.diagnostics.push(message::label(location, text).help("in `each`, `stop` ends the one element"));
            }
            self.flow_step(builder, step, &mut steps);
        }
        builder.outermost = outermost;
        self.calls.ascend();
        steps
    }

    /// A condition in the pipeline's scope.
    fn step_condition(&mut self, builder: &mut Builder, expr: &ast::Expr) -> Option<(Expr, Facts)> {
        builder.expressions(self).condition(expr)
    }

    fn when(
        &mut self,
        builder: &mut Builder,
        arms: &[(ast::Expr, ast::Block)],
        otherwise: Option<&ast::Block>,
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) {
        let place = self.place(builder.module, step.span, arms.first().map_or(step.span, |arm| arm.0.span), "when");
        let before = builder.scope.clone();
        let mut made = Vec::with_capacity(arms.len());
        let mut ends: Vec<Scope> = Vec::new();
        let mut complete = true;
        for (condition, block) in arms {
            let condition = self.step_condition(builder, condition);
            let facts = condition.as_ref().map(|(_, facts)| facts.clone()).unwrap_or_default();
            let at_condition = builder.scope.clone();
            builder.scope.learn(&facts.when_true);
            let body = self.block(builder, block);
            if !always_ends(&body) {
                ends.push(std::mem::take(&mut builder.scope));
            }
            builder.scope = at_condition;
            builder.scope.learn(&facts.when_false);
            match condition {
                Some((condition, _)) => made.push((condition, plan::Block { steps: body })),
                None => complete = false,
            }
        }
        let last = otherwise.map(|block| self.block(builder, block)).unwrap_or_default();
        if !always_ends(&last) {
            ends.push(std::mem::take(&mut builder.scope));
        }
        builder.scope = ends.into_iter().reduce(|left, right| meet(&left, &right)).unwrap_or(before);
        if complete {
            let kind = StepKind::When { arms: made, otherwise: plan::Block { steps: last } };
            let step = self.step(builder, "when", kind, place);
            steps.push(step);
        }
    }

    fn each(
        &mut self,
        builder: &mut Builder,
        name: &Name,
        list: &ast::Expr,
        body: &ast::Block,
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) {
        let place = self.place(builder.module, step.span, list.span, "each");
        let found = builder.expressions(self).infer(list, None);
        let element = match found.as_ref().map(|expr| &expr.ty) {
            Some(Type::List(item) | Type::Set(item) | Type::Multi(item)) => Some((**item).clone()),
            Some(other) => {
                let location = self.at(builder.module, list.span);
                let text = self.sources.text(location);
                self.diagnostics.push(message::not_a_list(location, text, other));
                None
            }
            None => None,
        };
        let Some(element) = element else { return };
        let before = builder.scope.clone();
        self.shadowing(builder, name);
        let slot = builder.unit.slot(&name.text, element);
        let made = self.at(builder.module, name.span);
        self.make(&mut builder.unit, slot, made, SymbolKind::Local);
        builder.scope.add(name.text.clone(), slot, Some(made), true);
        let body = self.block(builder, body);
        builder.unit.ended.push(Ended { name: name.text.clone(), made, within: "its `each`" });
        // What the steps made ends with the element; what they replaced may have changed.
        let known = std::mem::take(&mut builder.scope.known);
        let mut after = before;
        after.known.retain(|path| known.contains(path));
        after.rows.retain(|row| builder.scope.rows.iter().any(|other| other.handle == row.handle));
        builder.scope = after;
        if let Some(list) = found {
            let kind = StepKind::Each { slot, list, body: plan::Block { steps: body } };
            let step = self.step(builder, &format!("each.{}", name.text), kind, place);
            steps.push(step);
        }
    }

    /// Tells of an `each` or `let` whose name hides a field, a row or another such name.
    fn shadowing(&mut self, builder: &Builder, name: &Name) {
        let field = builder.scope.variable(&name.text);
        let row = builder.scope.row(&name.text);
        let (made, what) = match (field, row) {
            (Some(field), _) => (field.made, if field.local { "name" } else { "field" }),
            (None, Some(row)) => (Some(row.loaded), "row"),
            (None, None) => return,
        };
        let location = self.at(builder.module, name.span);
        self.diagnostics.push(message::shadowing(location, &name.text, what, made));
    }

    fn stop(&mut self, builder: &mut Builder, condition: Option<&ast::Expr>, step: &ast::Step, steps: &mut Vec<Step>) {
        let place = self.place(builder.module, step.span, step.span, "stop");
        let condition = match condition {
            None => None,
            Some(expr) => match self.step_condition(builder, expr) {
                Some((condition, facts)) => {
                    builder.scope.learn(&facts.when_false);
                    Some(condition)
                }
                None => return,
            },
        };
        let step = self.step(builder, "stop", StepKind::Stop { condition }, place);
        steps.push(step);
    }

    fn jump(
        &mut self,
        builder: &mut Builder,
        label: &Name,
        condition: Option<&ast::Expr>,
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) {
        let place = self.place(builder.module, step.span, label.span, "jump");
        let condition = match condition {
            None => None,
            Some(expr) => match self.step_condition(builder, expr) {
                Some(condition) => Some(condition),
                None => return,
            },
        };
        let at = self.at(builder.module, label.span);
        let scope = builder.scope.clone();
        let index = builder.jumps.iter().position(|jump| jump.label == label.text);
        let index = match index {
            Some(index) if builder.jumps[index].target.is_some() => {
                let target = builder.jumps[index].at;
                builder.jumps[index].named = true;
                self.diagnostics.push(message::backward(at, &label.text, target));
                return;
            }
            Some(index) => {
                builder.jumps[index].scopes.push(scope);
                index
            }
            None => {
                let label = label.text.clone();
                builder.jumps.push(Jump { label, at, scopes: vec![scope], target: None, label_at: None, named: true });
                builder.jumps.len() - 1
            }
        };
        if let Some((_, facts)) = &condition {
            builder.scope.learn(&facts.when_false);
        }
        let condition = condition.map(|(condition, _)| condition);
        let kind = StepKind::Jump { condition, target: index as u32 };
        let step = self.step(builder, &format!("jump.{}", label.text), kind, place);
        steps.push(step);
    }

    // Verify.

    /// The checks of a verify in the scope at hand.
    pub(super) fn checks(&mut self, builder: &mut Builder, checks: &[Check], base: &str, steps: &mut Vec<Step>) {
        for check in checks {
            let place = self.place(builder.module, check.span, check.span, "verify");
            let module = builder.module;
            match &check.kind {
                CheckKind::Error => {}
                CheckKind::Assigned(name) => builder.scope.fail(&name.text),
                CheckKind::Require(expr, reason) => {
                    let Some((condition, facts)) = self.step_condition(builder, expr) else { continue };
                    let text = || format!("`{}` does not hold", source_text(self, module, expr));
                    let reason = reason.as_ref().map_or_else(text, |reason| reason.value.to_string());
                    builder.scope.learn(&facts.when_true);
                    let made = self.step(builder, base, StepKind::Require { condition, reason }, place);
                    steps.push(made);
                }
                CheckKind::Drop(expr, reason) | CheckKind::Reject(expr, reason) => {
                    let Some((condition, facts)) = self.step_condition(builder, expr) else { continue };
                    let text = || source_text(self, module, expr);
                    let reason = reason.as_ref().map_or_else(text, |reason| reason.value.to_string());
                    builder.scope.learn(&facts.when_false);
                    let kind = match &check.kind {
                        CheckKind::Drop(..) => StepKind::Drop { condition, reason },
                        _ => StepKind::Reject { condition, reason },
                    };
                    let made = self.step(builder, base, kind, place);
                    steps.push(made);
                }
                CheckKind::Unique(values, within, reason) => {
                    let reason = reason.as_ref().map(|reason| reason.value.to_string());
                    self.unique(builder, values, within, reason, base, place, steps);
                }
            }
        }
    }

    #[allow(clippy::too_many_arguments)]
    fn unique(
        &mut self,
        builder: &mut Builder,
        values: &[ast::Expr],
        within: &ast::Expr,
        reason: Option<String>,
        base: &str,
        place: StepPlace,
        steps: &mut Vec<Step>,
    ) {
        let module = builder.module;
        let typed: Vec<Option<Expr>> =
            values.iter().map(|value| builder.expressions(self).infer(value, None)).collect();
        let within = self.constant_of(module, within, &Type::Duration, "the time after `within`");
        let Some(typed) = typed.into_iter().collect::<Option<Vec<Expr>>>() else { return };
        for (value, written) in typed.iter().zip(values) {
            if !relation::is_key(&value.ty) {
                let location = self.at(module, written.span);
                let mistake = if relation::is_key(value.ty.non_null()) {
                    words::may_be_null(location, self.sources.text(location), &value.ty)
                } else {
                    words::not_a_key(location, &value.ty, "unique")
                };
                self.diagnostics.push(mistake);
                return;
            }
        }
        let Some(Literal::Integer(within)) = within else { return };
        let names: Vec<String> = values.iter().map(|value| source_text(self, module, value)).collect();
        let reason = reason.unwrap_or_else(|| format!("`{}` seen before", names.join(", ")));
        let base = format!("{base}.unique.{}", names.join("."));
        let marks = self.marks(builder, &typed, &names, within, &place, &base);
        builder.stateful = true;
        let kind = StepKind::Unique { values: typed, within, reason, marks };
        let made = self.step(builder, &base, kind, place);
        steps.push(made);
    }

    /// The state that holds the marks of a `unique`: by the source's key and the values, one timestamp.
    fn marks(
        &mut self,
        builder: &Builder,
        values: &[Expr],
        names: &[String],
        within: i64,
        place: &StepPlace,
        base: &str,
    ) -> StateId {
        let key = builder.key.iter().map(|slot| {
            let slot = &builder.unit.slots[slot.index()];
            (slot.name.clone(), slot.ty.clone())
        });
        let value = |(index, value): (usize, &Expr)| (names[index].clone(), value.ty.clone());
        let id = self.numbered(format!("{}/marks.{base}", builder.flow), '.');
        let state = plan::State {
            name: id.clone(),
            id,
            keys: key.chain(values.iter().enumerate().map(value)).collect(),
            store: None,
            keep: Some(within),
            closes: None,
            order: plan::Order::Flow,
            fields: vec![plan::StateField {
                name: "seen".to_owned(),
                ty: Type::Timestamp.nullable(),
                default: Literal::Null,
                stored_as: None,
            }],
            marks: true,
            origin: self.origin(builder.module, place.location.span),
        };
        self.program.states.push(Placed { value: state, name: place.location, item: place.location });
        StateId(self.program.states.len() as u32 - 1)
    }

    // Calculate.

    /// `calculate { … }` in a flow: names become fields of the record.
    fn calculate(
        &mut self,
        builder: &mut Builder,
        statements: &[CalculateStatement],
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) {
        let depth = builder.scope.variables.len();
        let mut assigned: Vec<(&str, Span)> = Vec::new();
        for statement in statements {
            let name = &statement.name;
            let location = self.at(builder.module, name.span);
            self.trace_builder(builder, statement.span);
            if statement.value.kind == ast::ExprKind::Error {
                builder.scope.fail(&name.text);
                continue;
            }
            if let Some((_, earlier)) = assigned.iter().find(|(other, _)| *other == name.text) {
                let earlier = self.at(builder.module, *earlier);
                self.diagnostics.push(message::assigned_twice(location, &name.text, earlier));
                continue;
            }
            assigned.push((&name.text, name.span));
            let mut place = self.place(builder.module, step.span, name.span, "calculate");
            place.location = self.at(builder.module, statement.span);
            place.parts.push(location);
            match self.assignment(builder, statement, place) {
                Some(made) => steps.push(made),
                None => builder.scope.fail(&name.text),
            }
        }
        forget_locals(builder, depth);
    }

    fn assignment(&mut self, builder: &mut Builder, statement: &CalculateStatement, place: StepPlace) -> Option<Step> {
        let name = &statement.name;
        let location = self.at(builder.module, name.span);
        if statement.local {
            let value = builder.expressions(self).infer(&statement.value, None)?;
            self.shadowing(builder, name);
            let slot = builder.unit.slot(&name.text, value.ty.clone());
            self.make(&mut builder.unit, slot, location, SymbolKind::Local);
            builder.scope.add(name.text.clone(), slot, Some(location), true);
            let base = format!("calculate.{}", name.text);
            return Some(self.step(builder, &base, StepKind::Assign { slot, value }, place));
        }
        let existing =
            builder.scope.variables.iter().rev().find(|variable| variable.name == name.text && !variable.local);
        let existing = existing.map(|variable| (variable.slot, variable.made));
        let hint = existing.map(|(slot, _)| builder.unit.ty(slot).clone());
        let value = builder.expressions(self).infer(&statement.value, hint.as_ref())?;
        let slot = match existing {
            Some((slot, made)) => {
                let ty = builder.unit.ty(slot).clone();
                if !relation::widens(&value.ty, &ty) {
                    self.diagnostics.push(message::other_type(location, &name.text, &value.ty, &ty, made));
                    return None;
                }
                slot
            }
            None if self.check_field_name(builder.module, &name.text, location) => builder.field(&name.text, &value.ty),
            None => return None,
        };
        let ty = builder.unit.ty(slot).clone();
        let there = ty.is_nullable() && !value.ty.is_nullable();
        let value = builder.expressions(self).coerce(value, &ty, statement.value.span)?;
        builder.assigned(slot);
        self.make(&mut builder.unit, slot, location, SymbolKind::Field);
        if existing.is_none() {
            builder.scope.add(name.text.clone(), slot, Some(location), false);
        }
        if there {
            builder.scope.known.insert(Path::Slot(slot));
        }
        let base = format!("calculate.{}", name.text);
        Some(self.step(builder, &base, StepKind::Assign { slot, value }, place))
    }
}

/// Adds a row to a pipeline.
pub(super) fn add_handle(builder: &mut Builder, name: &str, target: HandleTarget, keys: Vec<Expr>) -> HandleId {
    builder.unit.handles.push(Handle { name: name.to_owned(), target, keys });
    HandleId(builder.unit.handles.len() as u32 - 1)
}

/// An expression that is a name.
pub(super) fn bare(name: &str, span: Span) -> ast::Expr {
    ast::Expr { kind: ast::ExprKind::Name(name.into()), span }
}

fn forget_locals(builder: &mut Builder, depth: usize) {
    let mut index = 0;
    let ended = &mut builder.unit.ended;
    builder.scope.variables.retain(|variable| {
        index += 1;
        let stays = index <= depth || !variable.local;
        if let (false, Some(made)) = (stays, variable.made) {
            ended.push(Ended { name: variable.name.clone(), made, within: "its step, since it is made by `let`" });
        }
        stays
    });
}

/// Whether no record goes on behind these steps.
fn always_ends(steps: &[Step]) -> bool {
    steps.iter().any(|step| match &step.kind {
        StepKind::Stop { condition: None } | StepKind::Jump { condition: None, .. } => true,
        StepKind::Reject { condition, .. } | StepKind::Drop { condition, .. } => {
            matches!(condition.kind, ExprKind::Literal(Literal::Bool(true)))
        }
        _ => false,
    })
}
