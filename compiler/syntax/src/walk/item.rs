//! Items.

use super::{NameKind, Part, PartKind, Walk};
use crate::ast::{
    Assignment, Builtin, Dimension, DimensionField, Fields, Item, ItemKind, Mapping, MappingElse, Setting,
    SettingValue, SettingsItem, SettingsKeyword, StepFunction, StepFunctionBody, TestClause, TestClauseKind, Use,
};

impl<'t, V: FnMut(Part<'t>)> Walk<'_, V> {
    pub(super) fn item(&mut self, item: &'t Item) {
        self.part(PartKind::Item, item.span);
        match &item.kind {
            ItemKind::Error { .. } => {}
            ItemKind::Use(item) => self.usage(item),
            ItemKind::Const(item) => {
                self.declared(&item.name, NameKind::Constant);
                item.ty.iter().for_each(|ty| self.ty(ty));
                self.expression(&item.value);
            }
            ItemKind::Type(item) => {
                self.declared(&item.name, NameKind::Type);
                self.ty(&item.ty);
            }
            ItemKind::Function(item) => {
                self.declared(&item.name, NameKind::Function);
                self.parameters(&item.parameters, NameKind::Parameter);
                self.ty(&item.result);
                self.expression(&item.body);
            }
            ItemKind::Builtin(item) => self.builtin(item),
            ItemKind::Mapping(item) => self.mapping(item),
            ItemKind::Primary(item) => {
                self.declared(&item.name, NameKind::Field);
                self.ty(&item.ty);
            }
            ItemKind::Dimension(item) => self.dimension(item),
            ItemKind::Fields(item) => self.dimension_fields(item),
            ItemKind::Settings(item) => self.settings_item(item),
            ItemKind::StepFunction(item) => self.step_function(item),
            ItemKind::Flow(item) => {
                self.declared(&item.name, NameKind::Flow);
                self.names(&item.from, if item.expired.is_some() { NameKind::Store } else { NameKind::Stream });
                self.block(&item.body);
            }
            ItemKind::Test(item) => item.clauses.iter().for_each(|clause| self.clause(clause)),
        }
    }

    fn usage(&mut self, item: &'t Use) {
        self.names(&item.path, NameKind::Module);
        item.names.iter().for_each(|names| self.names(names, NameKind::Item));
        item.alias.iter().for_each(|alias| self.declared(alias, NameKind::Module));
    }

    fn builtin(&mut self, item: &'t Builtin) {
        self.declared(&item.name, NameKind::Function);
        for (name, class) in &item.generics {
            self.declared(name, NameKind::TypeParameter);
            class.iter().for_each(|class| self.name(class, NameKind::Word));
        }
        self.parameters(&item.parameters, NameKind::Parameter);
        self.ty(&item.result);
    }

    fn mapping(&mut self, item: &'t Mapping) {
        self.declared(&item.name, NameKind::Mapping);
        self.ty(&item.from);
        self.ty(&item.to);
        for arm in &item.arms {
            self.expressions(arm.values.iter().chain([&arm.result]));
        }
        if let Some((otherwise, span)) = &item.otherwise {
            self.part(PartKind::Statement, *span);
            if let MappingElse::Value(value) = otherwise {
                self.expression(value);
            }
        }
    }

    fn dimension(&mut self, item: &'t Dimension) {
        self.declared(&item.name, NameKind::Dimension);
        self.names(&item.primaries, NameKind::Field);
        self.names(&item.spaces, NameKind::Space);
    }

    fn dimension_fields(&mut self, item: &'t Fields) {
        self.name(&item.dimension, NameKind::Dimension);
        for field in &item.fields {
            let DimensionField { name, ty, settings, span, .. } = field;
            self.part(PartKind::Field, *span);
            self.declared(name, NameKind::Field);
            self.ty(ty);
            settings.iter().flatten().for_each(|setting| self.setting(setting));
        }
    }

    fn settings_item(&mut self, item: &'t SettingsItem) {
        let kind = match item.keyword {
            SettingsKeyword::Tenant | SettingsKeyword::Space => NameKind::Space,
            SettingsKeyword::Source | SettingsKeyword::Ingest | SettingsKeyword::Subscription => NameKind::Stream,
            SettingsKeyword::Table | SettingsKeyword::State => NameKind::Store,
            SettingsKeyword::Monitor => NameKind::Monitor,
        };
        self.declared(&item.name, kind);
        item.on.iter().for_each(|on| self.name(on, NameKind::Dimension));
        self.names(&item.by, NameKind::Field);
        item.settings.iter().for_each(|setting| self.setting(setting));
    }

    fn setting(&mut self, setting: &'t Setting) {
        self.part(PartKind::Setting, setting.span);
        self.name(&setting.name, NameKind::Setting);
        match &setting.value {
            SettingValue::Error => {}
            SettingValue::Values(values) => values.iter().for_each(|value| self.connector(value)),
            SettingValue::Fields(fields) => self.fields(fields),
            SettingValue::Assignments(assignments) => {
                for Assignment { dimension, field, value, span } in assignments {
                    self.part(PartKind::Statement, *span);
                    dimension.iter().for_each(|dimension| self.name(dimension, NameKind::Dimension));
                    self.name(field, NameKind::Field);
                    self.expression(value);
                }
            }
        }
        self.expressions(&setting.otherwise);
    }

    fn step_function(&mut self, item: &'t StepFunction) {
        self.declared(&item.name, NameKind::Function);
        self.parameters(&item.inputs, NameKind::Parameter);
        item.target.iter().for_each(|target| self.name(target, NameKind::Store));
        self.parameters(&item.outputs, NameKind::Field);
        match &item.body {
            StepFunctionBody::Verify(checks) => self.checks(checks),
            StepFunctionBody::Calculate(statements) => self.calculations(statements),
            StepFunctionBody::Save(operations) => self.operations(operations),
            StepFunctionBody::Expand(block) => self.block(block),
        }
    }

    fn clause(&mut self, clause: &'t TestClause) {
        self.part(PartKind::Statement, clause.span);
        match &clause.kind {
            TestClauseKind::Error => {}
            TestClauseKind::With(name, rows) | TestClauseKind::Given(name, rows) => {
                self.name(name, NameKind::Item);
                self.expressions(rows);
            }
            TestClauseKind::Expect(expr) => self.expression(expr),
            TestClauseKind::ExpectCount { source, count, .. } => {
                source.iter().for_each(|source| self.name(source, NameKind::Item));
                self.expressions(count);
            }
            TestClauseKind::ExpectPublished(connector, rows) => {
                self.connector(connector);
                self.expressions(rows);
            }
            TestClauseKind::ExpectSame(names) => self.names(names, NameKind::Word),
        }
    }
}
