//! Steps that name something: loads, and the five kinds of step function with their inputs and outputs.

use nsf_diagnostics::{Location, Span, closest};
use nsf_plan::{Expr, ExprKind, HandleTarget, Missing, SlotId, StateId, Step, StepKind, Type};
use nsf_syntax::ast::{
    self, Binding, CalculateStatement, FunctionKind, ItemKind, Name, StepCall, StepFunction, StepFunctionBody,
};

use super::call_words::{fail_outputs, keyword, missing, takes, takes_word};
use super::pipeline::Builder;
use super::step_habit::only_meant;
use super::steps::{add_handle, bare};
use super::unit::{RowBinding, Scope};
use super::{Checker, Global, message as words, relation, step_message as message};
use crate::index::SymbolKind;
use crate::names::{ItemRef, Resolution, item_word};

impl<'a> Checker<'a> {
    pub(super) fn call_step(
        &mut self,
        builder: &mut Builder,
        call: &StepCall,
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) {
        let keyword = keyword(call.keyword);
        let kind = call.keyword;
        let takes = takes(kind);
        let accept = move |item: &ItemKind| match item {
            ItemKind::StepFunction(function) => function.kind == kind,
            ItemKind::Settings(item) => {
                kind == FunctionKind::Load
                    && matches!(item.keyword, ast::SettingsKeyword::State | ast::SettingsKeyword::Table)
            }
            ItemKind::Dimension(_) => matches!(kind, FunctionKind::Load | FunctionKind::Expand),
            _ => false,
        };
        if let crate::names::Resolution::Item(item) = self.names.lookup(builder.module, &call.name.text)
            && !accept(&self.names.item(item).kind)
            && !matches!(self.names.item(item).kind, ItemKind::Error { .. })
        {
            let location = self.at(builder.module, call.name.span);
            let is = item_word(self.names.item(item));
            let declared = self.names.location(item);
            let diagnostic = message::wrong_target(location, keyword, &call.name.text, is, takes);
            self.diagnostics.push(diagnostic.secondary(declared, format!("this {is}")));
            return self.break_call(builder, &call.name.text, step.span);
        }
        let Some(item) = self.named_item(builder.module, &call.name, takes_word(kind), accept) else {
            builder.scope.fail(&call.alias.as_ref().unwrap_or(&call.name).text);
            return match kind {
                FunctionKind::Calculate | FunctionKind::Load => self.break_call(builder, &call.name.text, step.span),
                FunctionKind::Verify | FunctionKind::Save | FunctionKind::Expand => {}
            };
        };
        match &self.names.item(item).kind {
            ItemKind::StepFunction(function) => self.function_step(builder, item, function, call, step, steps),
            _ => self.load_step(builder, item, call, step, steps),
        }
    }

    fn load_step(
        &mut self,
        builder: &mut Builder,
        item: ItemRef,
        call: &StepCall,
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) {
        let Some(target) = self.row_target(item) else {
            builder.scope.fail(&call.alias.as_ref().unwrap_or(&call.name).text);
            return;
        };
        if call.keyword == FunctionKind::Expand {
            let location = self.at(builder.module, step.span);
            let text = format!("`expand {}` says nothing to write", call.name.text);
            let help = format!("name the fields: `expand {} {{ … }}`", call.name.text);
            self.diagnostics.push(message::misplaced(location, text).help(help));
            return;
        }
        let keys = self.bind_keys(builder, target, &call.name, call.arguments.as_deref());
        let missing = missing(call);
        let Some(keys) = keys else {
            builder.scope.fail(&call.alias.as_ref().unwrap_or(&call.name).text);
            return;
        };
        let name = call.alias.as_ref().unwrap_or(&call.name);
        if call.alias.is_some() {
            let location = self.at(builder.module, name.span);
            self.check_field_name(builder.module, &name.text, location);
        }
        let handle = add_handle(builder, &name.text, target, keys);
        let nullable = missing == Missing::Null && !matches!(target, HandleTarget::State(_));
        let loaded = self.at(builder.module, step.span);
        let symbol = self.trace_row(builder.module, call, item);
        builder.scope.rows.push(RowBinding { name: name.text.clone(), handle, nullable, loaded, symbol });
        let place = self.place(builder.module, step.span, call.name.span, "load");
        let made = self.step(builder, &format!("load.{}", name.text), StepKind::Load { handle, missing }, place);
        steps.push(made);
    }

    /// The state, table or dimension that an item is.
    pub(super) fn row_target(&self, item: ItemRef) -> Option<HandleTarget> {
        match self.globals.get(&item)? {
            Global::State(id) => Some(HandleTarget::State(*id)),
            Global::Table(id) => Some(HandleTarget::Table(*id)),
            Global::Dimension(id) => Some(HandleTarget::Dimension(*id)),
            _ => None,
        }
    }

    /// The keys of a row: bound as written, else the record's fields of their names.
    pub(super) fn bind_keys(
        &mut self,
        builder: &mut Builder,
        target: HandleTarget,
        name: &Name,
        bindings: Option<&[Binding]>,
    ) -> Option<Vec<Expr>> {
        let keys = self.row_keys(target);
        let bindings = bindings.unwrap_or(&[]);
        let mut complete = true;
        // Keys that misspelt ones may be.
        let mut meant = Vec::new();
        let names: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
        let only = only_meant(bindings, &names);
        if let Some((binding, key)) = &only {
            self.report_meant_binding(builder, &name.text, binding, key, "key");
            complete = false;
        }
        for binding in bindings.iter().filter(|_| only.is_none()) {
            if !keys.iter().any(|(key, _)| *key == binding.name.text) {
                let near = closest(&binding.name.text, keys.iter().map(|(key, _)| key.as_str())).map(str::to_owned);
                meant.extend(near.clone());
                let location = self.at(builder.module, binding.name.span);
                self.diagnostics.push(message::unknown_input(location, &name.text, &binding.name.text, near));
                complete = false;
            }
        }
        let mut values = Vec::with_capacity(keys.len());
        let is_meant = |key: &str| only.as_ref().is_some_and(|(_, meant)| meant == key);
        for (index, (key, ty)) in keys.iter().enumerate().filter(|(_, (key, _))| !is_meant(key) && !meant.contains(key))
        {
            let binding = bindings.iter().find(|binding| binding.name.text == *key);
            let open = match target {
                HandleTarget::State(id) if self.open_keys.contains(&(id, index)) => Some(id),
                _ => None,
            };
            self.trace_key(builder, target, name, key, binding);
            match self.bind_key(builder, name, key, if open.is_some() { None } else { Some(ty) }, binding) {
                Some(value) => {
                    if let Some(id) = open {
                        self.close_key(id, index, &value.ty);
                    }
                    values.push(value);
                }
                None => complete = false,
            }
        }
        complete.then_some(values)
    }

    /// Where a state declares a key.
    fn key_of_state(&self, module: u32, state: &Name, key: &str) -> Option<Location> {
        let Resolution::Item(item) = self.names.lookup(module, &state.text) else { return None };
        let ItemKind::Settings(own) = &self.names.item(item).kind else { return None };
        own.by.iter().find(|own| own.text == key).map(|own| self.at(item.module, own.span))
    }

    fn bind_key(
        &mut self,
        builder: &mut Builder,
        name: &Name,
        key: &str,
        ty: Option<&Type>,
        binding: Option<&Binding>,
    ) -> Option<Expr> {
        let module = builder.module;
        let (written, span) = match binding {
            Some(Binding { value: Some(value), .. }) => (value.clone(), value.span),
            Some(Binding { name, value: None }) => (bare(name.text.as_str(), name.span), name.span),
            None => (bare(key, name.span), name.span),
        };
        if binding.is_none() && builder.scope.variable(key).is_none() {
            if builder.scope.is_broken(key) {
                return None;
            }
            let near = closest(key, builder.scope.names()).map(str::to_owned);
            let location = self.at(module, name.span);
            let diagnostic = match (ty, self.key_of_state(module, name, key), near) {
                (None, Some(declared), Some(near)) => message::misspelt_key(declared, key, &near, location),
                (ty, _, near) => message::unbound_key(location, &name.text, key, ty, near),
            };
            self.diagnostics.push(diagnostic);
            builder.scope.fail(key);
            self.miss(builder.module, key);
            return None;
        }
        let value = self.muted(binding.is_some(), |checker| match ty {
            Some(ty) => builder.expressions(checker).check(&written, ty),
            None => builder.expressions(checker).infer(&written, None),
        })?;
        if !relation::is_key(&value.ty) {
            let location = self.at(module, span);
            let diagnostic = match relation::is_key(value.ty.non_null()) {
                true => message::key_may_be_null(location, key, &value.ty),
                false => words::not_a_key(location, &value.ty, "a key"),
            };
            self.diagnostics.push(diagnostic);
            return None;
        }
        Some(value)
    }

    fn close_key(&mut self, id: StateId, index: usize, ty: &Type) {
        self.open_keys.remove(&(id, index));
        self.program.states[id.index()].value.keys[index].1 = ty.clone();
    }

    // Functions unfolded.

    fn function_step(
        &mut self,
        builder: &mut Builder,
        item: ItemRef,
        function: &'a StepFunction,
        call: &StepCall,
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) {
        let Some(mut inner) = self.bind_inputs(builder, item, function, call, step, steps) else {
            return fail_outputs(builder, function, call);
        };
        let called = self.at(builder.module, call.name.span);
        let outermost_call = self.calls.begin();
        let what = format!("{} function", keyword(function.kind));
        if !self.may_unfold() || !self.enter(item, &what, &function.name.text, called) {
            self.calls.end();
            return fail_outputs(builder, function, call);
        }
        if !self.calls.descend(nsf_plan::Block::MAX_DEPTH, self.told_unfolded) {
            self.leave(item);
            self.calls.end();
            return fail_outputs(builder, function, call);
        }
        let base = format!("{}.{}", keyword(function.kind), function.name.text);
        let outputs = self.output_slots(builder, item, function, call);
        let outer_scope = std::mem::take(&mut builder.scope);
        let outer_module = std::mem::replace(&mut builder.module, item.module);
        std::mem::swap(&mut builder.scope, &mut inner);
        let outermost = builder.outermost;
        let reported = self.diagnostics.len();
        let first = steps.len();
        match &function.body {
            StepFunctionBody::Verify(checks) => self.checks(builder, checks, &base, steps),
            StepFunctionBody::Calculate(statements) => {
                if let Some(target) = &function.target {
                    self.function_load(builder, target, steps);
                }
                self.function_statements(builder, statements, &function.outputs, &outputs, &base, steps);
            }
            StepFunctionBody::Save(operations) => {
                if let Some(target) = &function.target {
                    let save = ast::SaveStep { state: target.clone(), keys: None, operations: operations.clone() };
                    let body = ast::Step { label: None, kind: ast::StepKind::Error, span: function.name.span };
                    self.save_step(builder, &save, &body, steps);
                }
            }
            StepFunctionBody::Expand(block) => {
                for step in &block.steps {
                    self.flow_step(builder, step, steps);
                }
            }
        }
        // The function's own mistakes are reported where it stands.
        self.forget(reported);
        self.leave(item);
        self.calls.ascend();
        self.calls.end();
        if let (true, Some(why)) = (outermost_call, self.too_much_unfolded()) {
            self.report_unfolded(called, "call of", &function.name.text, why);
        }
        builder.outermost = outermost;
        builder.module = outer_module;
        let known = std::mem::replace(&mut builder.scope, outer_scope).known;
        let location = self.at(builder.module, step.span);
        for made in &steps[first..] {
            if let Some(place) = self.program.steps.get_mut(&made.id) {
                place.location = location;
                place.target = location;
            }
        }
        // A named verify's checks narrow the fields bound to it.
        let slots: Vec<SlotId> = builder.scope.variables.iter().map(|variable| variable.slot).collect();
        builder.scope.known.extend(known.into_iter().filter(|path| slots.iter().any(|slot| path.in_slot(*slot))));
        self.trace_outputs(builder, item, function, call, &outputs);
        for (name, slot, made) in outputs.into_iter().map(|(_, name, slot)| (name.clone(), slot, name)) {
            let exists = builder.scope.variable(&made).is_some_and(|variable| variable.slot == slot && !variable.local);
            builder.assigned(slot);
            if !exists {
                builder.scope.add(name, slot, Some(location), false);
            }
        }
    }

    /// A scope with the function's inputs. An input bound to a field of its type shares the field's slot.
    fn bind_inputs(
        &mut self,
        builder: &mut Builder,
        item: ItemRef,
        function: &StepFunction,
        call: &StepCall,
        step: &ast::Step,
        steps: &mut Vec<Step>,
    ) -> Option<Scope> {
        let module = builder.module;
        let bindings = call.arguments.as_deref().unwrap_or(&[]);
        let mut scope = Scope { known: builder.scope.known.clone(), ..Scope::default() };
        let mut complete = true;
        // Inputs that misspelt ones may be.
        let mut meant = Vec::new();
        let names: Vec<&str> = function.inputs.iter().map(|input| input.name.text.as_str()).collect();
        let only = only_meant(bindings, &names);
        if let Some((binding, input)) = &only {
            self.report_meant_binding(builder, &function.name.text, binding, input, "input");
            meant.push(input.clone());
            complete = false;
        }
        for binding in bindings.iter().filter(|_| only.is_none()) {
            if !function.inputs.iter().any(|input| input.name.text == binding.name.text) {
                let names = function.inputs.iter().map(|input| input.name.text.as_str());
                let near = closest(&binding.name.text, names).map(str::to_owned);
                meant.extend(near.clone());
                let location = self.at(module, binding.name.span);
                self.diagnostics.push(message::unknown_input(location, &function.name.text, &binding.name.text, near));
                complete = false;
            }
        }
        for input in function.inputs.iter().filter(|input| !meant.iter().any(|name| *name == input.name.text)) {
            let Some(ty) = self.type_of(item.module, &input.ty) else {
                complete = false;
                continue;
            };
            let binding = bindings.iter().find(|binding| binding.name.text == input.name.text);
            self.trace_input(builder, item, call, input, binding);
            match self.bind_input(builder, function, call, input, &ty, binding) {
                Some(Expr { kind: ExprKind::Slot(slot), .. }) => scope.add(input.name.text.clone(), slot, None, false),
                Some(value) => {
                    let slot = builder.unit.slot(&input.name.text, ty.clone());
                    let place = self.place(module, step.span, call.name.span, keyword(call.keyword));
                    let base = format!("{}.{}.{}", keyword(call.keyword), function.name.text, input.name.text);
                    let made = self.step(builder, &base, StepKind::Assign { slot, value }, place);
                    steps.push(made);
                    scope.add(input.name.text.clone(), slot, None, false);
                }
                None => complete = false,
            }
        }
        complete.then_some(scope)
    }

    fn bind_input(
        &mut self,
        builder: &mut Builder,
        function: &StepFunction,
        call: &StepCall,
        input: &ast::Parameter,
        ty: &Type,
        binding: Option<&Binding>,
    ) -> Option<Expr> {
        let written = match binding {
            Some(Binding { value: Some(value), .. }) => value.clone(),
            Some(Binding { name, value: None }) => bare(&name.text, name.span),
            None => {
                if builder.scope.variable(&input.name.text).is_none() {
                    if builder.scope.is_broken(&input.name.text) {
                        return None;
                    }
                    let near = closest(&input.name.text, builder.scope.names()).map(str::to_owned);
                    if near.as_ref().is_some_and(|near| self.is_misspelt_input(function, near)) {
                        return None;
                    }
                    let maker = self
                        .maker_of(builder.module, &input.name.text)
                        .filter(|maker| *maker != format!("`{}`", function.name.text));
                    let location = self.at(builder.module, call.name.span);
                    let name = &function.name.text;
                    self.diagnostics.push(message::unbound_input(location, name, &input.name.text, near, maker));
                    builder.scope.fail(&input.name.text);
                    self.miss(builder.module, &input.name.text);
                    return None;
                }
                bare(&input.name.text, call.name.span)
            }
        };
        self.muted(binding.is_some(), |checker| builder.expressions(checker).check(&written, ty))
    }

    /// Name inside the function, name in the record, and slot of each output.
    fn output_slots(
        &mut self,
        builder: &mut Builder,
        item: ItemRef,
        function: &StepFunction,
        call: &StepCall,
    ) -> Vec<(smol_str::SmolStr, smol_str::SmolStr, SlotId)> {
        let mut outputs = Vec::with_capacity(function.outputs.len());
        let renamed_outputs = self.outputs_as_meant(builder, function, call);
        for (name, renamed) in &renamed_outputs {
            if !function.outputs.iter().any(|output| output.name.text == name.text) {
                let names = function.outputs.iter().map(|output| output.name.text.as_str());
                let near = closest(&name.text, names);
                let location = self.at(builder.module, name.span);
                let text = format!("`{}` has no output `{}`", function.name.text, name.text);
                let mut diagnostic = message::outputs(location, text);
                if let Some(near) = near {
                    let fix = nsf_diagnostics::Suggestion::name(location, &name.text, near);
                    diagnostic = diagnostic.label(format!("did you mean `{near}`?")).suggest(fix);
                }
                self.diagnostics.push(diagnostic);
                // It was to be made here.
                builder.scope.fail(&renamed.text);
            }
        }
        for output in &function.outputs {
            let renamed = renamed_outputs.iter().find(|(name, _)| name.text == output.name.text);
            let name = renamed.map_or(&output.name, |(_, renamed)| renamed);
            let Some(ty) = self.type_of(item.module, &output.ty) else {
                builder.scope.fail(&name.text);
                continue;
            };
            let location = self.at(builder.module, renamed.map_or(call.name.span, |(_, renamed)| renamed.span));
            let existing =
                builder.scope.variables.iter().rev().find(|variable| variable.name == name.text && !variable.local);
            if let Some(existing) = existing
                && *builder.unit.ty(existing.slot) != ty
            {
                let (found, made) = (builder.unit.ty(existing.slot).clone(), existing.made);
                self.diagnostics.push(message::other_type(location, &name.text, &ty, &found, made));
                continue;
            }
            let slot = existing.map(|variable| variable.slot).unwrap_or_else(|| builder.field(&name.text, &ty));
            self.check_field_name(builder.module, &name.text, location);
            outputs.push((output.name.text.clone(), name.text.clone(), slot));
        }
        outputs
    }

    /// `load N(…) from S`: the row that the function reads.
    pub(super) fn function_load(&mut self, builder: &mut Builder, target: &Name, steps: &mut Vec<Step>) {
        let call = StepCall {
            keyword: FunctionKind::Load,
            name: target.clone(),
            arguments: None,
            outputs: Vec::new(),
            alias: None,
            otherwise: None,
        };
        let step = ast::Step { label: None, kind: ast::StepKind::Error, span: target.span };
        self.call_step(builder, &call, &step, steps);
    }

    /// The statements of a calculate or load function.
    pub(super) fn function_statements(
        &mut self,
        builder: &mut Builder,
        statements: &[CalculateStatement],
        declared: &[ast::Parameter],
        outputs: &[(smol_str::SmolStr, smol_str::SmolStr, SlotId)],
        base: &str,
        steps: &mut Vec<Step>,
    ) {
        let mut assigned: Vec<(&str, Span)> = Vec::new();
        for statement in statements {
            let name = &statement.name;
            let location = self.at(builder.module, name.span);
            self.trace_builder(builder, statement.span);
            if let Some((_, earlier)) = assigned.iter().find(|(other, _)| *other == name.text)
                && !name.text.is_empty()
            {
                let earlier = self.at(builder.module, *earlier);
                self.diagnostics.push(message::assigned_twice(location, &name.text, earlier));
                continue;
            }
            if statement.value.kind != ast::ExprKind::Error {
                assigned.push((&name.text, name.span));
            }
            if name.text.is_empty() {
                builder.scope.open = true;
                continue;
            }
            let output = outputs.iter().find(|(output, ..)| *output == name.text).map(|(_, _, slot)| *slot);
            let value = match output {
                Some(slot) => {
                    let ty = builder.unit.ty(slot).clone();
                    builder.expressions(self).check(&statement.value, &ty)
                }
                None if statement.local => builder.expressions(self).infer(&statement.value, None),
                // Its type could not be understood, which was reported.
                None if declared.iter().any(|output| output.name.text == name.text) => None,
                None => {
                    let text = format!("`{}` is not an output of this function", name.text);
                    let help = "declare it after `->`, or make it local with `let`";
                    self.diagnostics.push(message::outputs(location, text).help(help));
                    None
                }
            };
            let Some(value) = value else {
                builder.scope.fail(&name.text);
                continue;
            };
            let slot = output.unwrap_or_else(|| builder.unit.slot(&name.text, value.ty.clone()));
            self.make(&mut builder.unit, slot, location, SymbolKind::Local);
            builder.scope.add(name.text.clone(), slot, Some(location), output.is_none());
            let place = self.place(builder.module, statement.span, name.span, "calculate");
            let made = self.step(builder, &format!("{base}.{}", name.text), StepKind::Assign { slot, value }, place);
            steps.push(made);
        }
    }
}
