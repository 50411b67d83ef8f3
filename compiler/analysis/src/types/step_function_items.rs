//! Step functions where they stand: each is checked once, with its inputs as the record.

use std::collections::HashSet;

use nsf_diagnostics::{Location, closest};
use nsf_syntax::ast::{self, CalculateStatement, ItemKind, StepFunction, StepFunctionBody};

use super::pipeline::Builder;
use super::{Checker, step_message as message};
use crate::index::SymbolKind;
use crate::names::ItemRef;

impl<'a> Checker<'a> {
    /// Checks every step function once, where it stands.
    pub(super) fn step_function_items(&mut self) {
        for item in self.items(|kind| matches!(kind, ItemKind::StepFunction(_))) {
            let ItemKind::StepFunction(function) = &self.names.item(item).kind else { continue };
            let flow = format!("{}()", self.names.full_name(item));
            let mut builder = Builder::new(item.module, flow, usize::MAX);
            self.no_name_twice(item.module, "input", &function.inputs);
            self.no_name_twice(item.module, "output", &function.outputs);
            for input in &function.inputs {
                if let Some(ty) = self.type_of(item.module, &input.ty) {
                    let slot = builder.field(&input.name.text, &ty);
                    let at = self.at(item.module, input.name.span);
                    self.make(&mut builder.unit, slot, at, SymbolKind::Parameter);
                    builder.scope.add(input.name.text.clone(), slot, None, false);
                } else {
                    builder.scope.fail(&input.name.text);
                }
            }
            let location = self.at(item.module, function.name.span);
            let before = self.diagnostics.len();
            let steps = self.alone(&mut builder, item, function, location);
            // What could not be understood may be what uses it.
            if self.diagnostics.len() == before && !builder.scope.open && self.circular.is_empty() {
                self.unused_inputs(&builder, function, item.module, steps);
            }
        }
    }

    /// Tells of inputs that no step of a function reads.
    fn unused_inputs(&mut self, builder: &Builder, function: &StepFunction, module: u32, steps: Vec<nsf_plan::Step>) {
        let mut read: HashSet<nsf_plan::SlotId> = HashSet::new();
        let mut note = |expression: &nsf_plan::Expr| read.extend(expression.reads_slots());
        for handle in &builder.unit.handles {
            handle.keys.iter().for_each(&mut note);
        }
        crate::visit::block_expressions(&nsf_plan::Block { steps }, &mut note);
        for input in function.inputs.iter().filter(|input| !input.name.text.starts_with('_')) {
            let slot = builder.made.iter().find(|((name, _), _)| *name == input.name.text).map(|(_, slot)| *slot);
            if slot.is_some_and(|slot| !read.contains(&slot)) {
                let location = self.at(module, input.name.span);
                self.diagnostics.push(message::unused_input(location, &function.name.text, &input.name.text));
            }
        }
    }

    fn alone(
        &mut self,
        builder: &mut Builder,
        item: ItemRef,
        function: &'a StepFunction,
        location: Location,
    ) -> Vec<nsf_plan::Step> {
        let states = self.program.states.len();
        let mut steps = Vec::new();
        let mut outputs = Vec::new();
        for output in &function.outputs {
            if let Some(ty) = self.type_of(item.module, &output.ty) {
                let slot = builder.unit.slot(&output.name.text, ty);
                let at = self.at(item.module, output.name.span);
                self.make(&mut builder.unit, slot, at, SymbolKind::Output);
                outputs.push((output.name.text.clone(), output.name.text.clone(), slot));
            }
        }
        self.trace_builder(builder, self.names.item(item).span);
        match &function.body {
            StepFunctionBody::Verify(checks) => self.checks(builder, checks, "verify", &mut steps),
            StepFunctionBody::Calculate(statements) => {
                if let Some(target) = &function.target {
                    self.function_load(builder, target, &mut steps);
                }
                self.function_statements(builder, statements, &function.outputs, &outputs, "calculate", &mut steps);
                for output in &function.outputs {
                    let assigns = |statement: &CalculateStatement| {
                        let name = &statement.name.text;
                        let is_misspelt = !statement.local
                            && !function.outputs.iter().any(|output| output.name.text == *name)
                            && closest(name, std::iter::once(output.name.text.as_str())).is_some();
                        name.is_empty() || *name == output.name.text || is_misspelt
                    };
                    if !statements.iter().any(assigns) {
                        let location = self.at(item.module, output.name.span);
                        let text = format!("output `{}` is never assigned", output.name.text);
                        self.diagnostics.push(message::outputs(location, text));
                    }
                }
            }
            StepFunctionBody::Save(operations) => match &function.target {
                Some(target) => {
                    let save = ast::SaveStep { state: target.clone(), keys: None, operations: operations.clone() };
                    let body = ast::Step { label: None, kind: ast::StepKind::Error, span: function.name.span };
                    self.save_step(builder, &save, &body, &mut steps);
                }
                None => {
                    let text = format!("`{}` does not say which state it saves", function.name.text);
                    self.diagnostics.push(message::outputs(location, text).help("add `into STATE` after the inputs"));
                }
            },
            StepFunctionBody::Expand(block) => {
                for step in &block.steps {
                    self.flow_step(builder, step, &mut steps);
                }
            }
        }
        // What was made only to be checked does not stay in the program.
        self.program.states.truncate(states);
        for made in &steps {
            self.program.steps.remove(&made.id);
        }
        steps
    }
}
