//! Steps and what stands in them.

use super::{NameKind, Part, PartKind, Walk};
use crate::ast::{
    Binding, Block, CalculateStatement, Check, CheckKind, ExpandStep, ExpandTarget, FunctionKind, SaveKind,
    SaveOperation, Step, StepCall, StepKind,
};

impl<'t, V: FnMut(Part<'t>)> Walk<'_, V> {
    pub(super) fn block(&mut self, block: &'t Block) {
        self.part(PartKind::Block, block.span);
        block.steps.iter().for_each(|step| self.step(step));
    }

    fn step(&mut self, step: &'t Step) {
        step.label.iter().for_each(|label| self.declared(label, NameKind::Label));
        self.part(PartKind::Step, step.span);
        match &step.kind {
            StepKind::Error => {}
            StepKind::Call(call) => self.step_call(call),
            StepKind::Verify(checks) => self.checks(checks),
            StepKind::Calculate(statements) => self.calculations(statements),
            StepKind::Save(save) => {
                self.name(&save.state, NameKind::Store);
                self.bindings(save.keys.iter().flatten());
                self.operations(&save.operations);
            }
            StepKind::Expand(expand) => self.expand(expand),
            StepKind::When { arms, otherwise } => {
                for (condition, block) in arms {
                    self.expression(condition);
                    self.block(block);
                }
                otherwise.iter().for_each(|block| self.block(block));
            }
            StepKind::Each { name, list, body } => {
                self.declared(name, NameKind::Local);
                self.expression(list);
                self.block(body);
            }
            StepKind::Stop(condition) => self.expressions(condition),
            StepKind::Jump(label, condition) => {
                self.name(label, NameKind::Label);
                self.expressions(condition);
            }
            StepKind::Repartition(keys) => self.names(keys, NameKind::Value),
        }
    }

    /// A call of a function, or of a state, table or dimension: with `load` and `expand` they look alike.
    fn step_call(&mut self, call: &'t StepCall) {
        let is_function = matches!(call.keyword, FunctionKind::Verify | FunctionKind::Calculate | FunctionKind::Save);
        self.name(&call.name, if is_function { NameKind::Function } else { NameKind::Item });
        self.bindings(call.arguments.iter().flatten());
        for (output, renamed) in &call.outputs {
            self.name(output, NameKind::Parameter);
            if renamed.span != output.span {
                self.declared(renamed, NameKind::Field);
            }
        }
        call.alias.iter().for_each(|alias| self.declared(alias, NameKind::Local));
    }

    fn bindings(&mut self, bindings: impl Iterator<Item = &'t Binding>) {
        for binding in bindings {
            self.name(&binding.name, if binding.value.is_some() { NameKind::Parameter } else { NameKind::Value });
            self.expressions(&binding.value);
        }
    }

    pub(super) fn checks(&mut self, checks: &'t [Check]) {
        for check in checks {
            self.part(PartKind::Statement, check.span);
            match &check.kind {
                CheckKind::Error => {}
                CheckKind::Assigned(name) => self.declared(name, NameKind::Field),
                CheckKind::Require(condition, _) | CheckKind::Drop(condition, _) | CheckKind::Reject(condition, _) => {
                    self.expression(condition);
                }
                CheckKind::Unique(values, within, _) => self.expressions(values.iter().chain([within])),
            }
        }
    }

    pub(super) fn calculations(&mut self, statements: &'t [CalculateStatement]) {
        for statement in statements {
            self.part(PartKind::Statement, statement.span);
            self.declared(&statement.name, if statement.local { NameKind::Local } else { NameKind::Field });
            self.expression(&statement.value);
        }
    }

    pub(super) fn operations(&mut self, operations: &'t [SaveOperation]) {
        for operation in operations {
            self.part(PartKind::Statement, operation.span);
            match &operation.kind {
                SaveKind::Error | SaveKind::Delete => {}
                SaveKind::Assign { field, key, value, .. } => {
                    self.name(field, NameKind::Field);
                    self.expressions(key.iter().chain([value]));
                }
                SaveKind::Fields(bindings) => {
                    for binding in bindings {
                        self.name(&binding.name, NameKind::Field);
                        self.expressions(&binding.value);
                    }
                }
                SaveKind::Insert(value, field) | SaveKind::Remove(value, field) => {
                    self.expression(value);
                    self.name(field, NameKind::Field);
                }
            }
        }
    }

    fn expand(&mut self, expand: &'t ExpandStep) {
        match &expand.target {
            ExpandTarget::Dimension(name, keys) => {
                self.name(name, NameKind::Dimension);
                self.bindings(keys.iter().flatten());
            }
            ExpandTarget::Connector(connector) => self.connector(connector),
        }
        self.entries(expand.entries.iter().flatten());
    }
}
