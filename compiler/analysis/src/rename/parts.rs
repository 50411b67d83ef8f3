//! The parts of a file in which two names meet, so that renaming one of them writes or takes away the other.

use nsf_diagnostics::Span;
use nsf_syntax::ast::{
    Assignment, Binding, Block, CalculateStatement, Check, CheckKind, ExpandTarget, Expr, ExprKind, FieldDeclaration,
    File, Item, ItemKind, Name, RecordEntry, SaveKind, SaveOperation, Setting, SettingValue, SettingsKeyword, Step,
    StepCall, StepFunctionBody, StepKind, TestClauseKind, TextPart, TypeExpr, TypeExprKind,
};

/// `label: value`, or one name that says both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) label: Span,
    /// The value, where it is a name of its own.
    pub(super) value: Option<Span>,
}

/// A call of a step with its bindings, or a save or expand with its keys.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// The name of what is called.
    pub(super) name: Span,
    /// The bindings; none where the brackets are absent.
    pub(super) bindings: Option<Vec<CallBinding>>,
}

/// A binding in a call's brackets.
#[derive(Clone, Copy, Debug)]
pub(super) struct CallBinding {
    pub(super) label: Span,
    pub(super) value: Option<Span>,
    /// Whether the value is a bare name.
    pub(super) is_name: bool,
}

/// A field that may say from which member it is read.
#[derive(Clone, Debug)]
pub(super) struct Declared {
    pub(super) name: Span,
    /// Where the type ends.
    pub(super) after_type: u32,
    /// `from "member"`, with the member.
    pub(super) from: Option<(Span, String)>,
}

/// An ingest with its `map`.
#[derive(Clone, Debug)]
pub(super) struct Ingest {
    pub(super) name: Span,
    pub(super) item: Span,
    /// `map { … }`.
    pub(super) map: Option<Span>,
    pub(super) assignments: Vec<Mapped>,
}

/// `field = member` in a `map`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mapped {
    pub(super) field: Span,
    pub(super) value: Span,
    pub(super) whole: Span,
    /// Whether it is one bare name that is given another, without a dimension.
    pub(super) is_plain: bool,
}

/// All of a file.
#[derive(Debug, Default)]
pub(super) struct Parts {
    /// Entries of records and of saves: a name alone stands for both.
    pub(super) pairs: Vec<Pair>,
    pub(super) calls: Vec<Call>,
    /// `-> (output: name)`, each call's with the place behind which the arrow stands.
    pub(super) outputs: Vec<(Name, Name)>,
    pub(super) declared: Vec<Declared>,
    pub(super) ingests: Vec<Ingest>,
}

impl Parts {
    pub(super) fn of(file: &File) -> Self {
        let mut parts = Self::default();
        file.items.iter().for_each(|item| parts.item(item));
        parts
    }

    fn item(&mut self, item: &Item) {
        match &item.kind {
            ItemKind::Const(own) => self.expr(&own.value),
            ItemKind::Type(own) => self.ty(&own.ty),
            ItemKind::Function(own) => self.expr(&own.body),
            ItemKind::Settings(own) => {
                let reads = !matches!(own.keyword, SettingsKeyword::State);
                own.settings.iter().for_each(|setting| self.setting(setting, reads));
                if own.keyword == SettingsKeyword::Ingest {
                    self.ingest(&own.name, item.span, &own.settings);
                }
            }
            ItemKind::StepFunction(own) => match &own.body {
                StepFunctionBody::Verify(checks) => self.checks(checks),
                StepFunctionBody::Calculate(statements) => self.statements(statements),
                StepFunctionBody::Save(operations) => self.operations(operations),
                StepFunctionBody::Expand(block) => self.block(block),
            },
            ItemKind::Flow(own) => self.block(&own.body),
            ItemKind::Test(own) => own.clauses.iter().for_each(|clause| match &clause.kind {
                TestClauseKind::With(_, rows) | TestClauseKind::Given(_, rows) => {
                    rows.iter().for_each(|row| self.expr(row))
                }
                TestClauseKind::ExpectPublished(_, rows) => rows.iter().for_each(|row| self.expr(row)),
                TestClauseKind::Expect(expr) => self.expr(expr),
                _ => {}
            }),
            _ => {}
        }
    }

    fn setting(&mut self, setting: &Setting, reads: bool) {
        match &setting.value {
            SettingValue::Values(values) => values.iter().for_each(|value| self.expr(value)),
            SettingValue::Fields(fields) if reads => self.fields(fields),
            _ => {}
        }
    }

    fn ingest(&mut self, name: &Name, item: Span, settings: &[Setting]) {
        let map = settings.iter().find(|setting| matches!(setting.value, SettingValue::Assignments(_)));
        let assignments: &[Assignment] = match map.map(|map| &map.value) {
            Some(SettingValue::Assignments(assignments)) => assignments,
            _ => &[],
        };
        let mapped = |own: &Assignment| Mapped {
            field: own.field.span,
            value: own.value.span,
            whole: own.span,
            is_plain: own.dimension.is_none() && matches!(own.value.kind, ExprKind::Name(_)),
        };
        self.ingests.push(Ingest {
            name: name.span,
            item,
            map: map.map(|map| map.span),
            assignments: assignments.iter().map(mapped).collect(),
        });
    }

    fn fields(&mut self, fields: &[FieldDeclaration]) {
        for field in fields {
            self.declared.push(Declared {
                name: field.name.span,
                after_type: field.ty.span.end,
                from: field.from.as_ref().map(|from| (from.span, from.value.to_string())),
            });
            self.ty(&field.ty);
        }
    }

    fn ty(&mut self, ty: &TypeExpr) {
        match &ty.kind {
            TypeExprKind::Record(fields) => self.fields(fields),
            TypeExprKind::Nullable(inner) => self.ty(inner),
            TypeExprKind::Named(_, arguments) => arguments.iter().for_each(|own| self.ty(own)),
            _ => {}
        }
    }

    fn block(&mut self, block: &Block) {
        block.steps.iter().for_each(|step| self.step(step));
    }

    fn step(&mut self, step: &Step) {
        match &step.kind {
            StepKind::Call(call) => self.call(call),
            StepKind::Verify(checks) => self.checks(checks),
            StepKind::Calculate(statements) => self.statements(statements),
            StepKind::Save(save) => {
                self.bindings(&save.state, save.keys.as_deref());
                self.operations(&save.operations);
            }
            StepKind::Expand(expand) => {
                match &expand.target {
                    ExpandTarget::Dimension(name, keys) => self.bindings(name, keys.as_deref()),
                    ExpandTarget::Connector(connector) => self.expr(connector),
                }
                expand.entries.iter().for_each(|entries| self.entries(entries));
            }
            StepKind::When { arms, otherwise } => {
                for (condition, block) in arms {
                    self.expr(condition);
                    self.block(block);
                }
                otherwise.iter().for_each(|block| self.block(block));
            }
            StepKind::Each { list, body, .. } => {
                self.expr(list);
                self.block(body);
            }
            StepKind::Stop(Some(condition)) | StepKind::Jump(_, Some(condition)) => self.expr(condition),
            StepKind::Error | StepKind::Stop(None) | StepKind::Jump(_, None) | StepKind::Repartition(_) => {}
        }
    }

    fn call(&mut self, call: &StepCall) {
        self.bindings(&call.name, call.arguments.as_deref());
        self.outputs.extend(call.outputs.iter().cloned());
    }

    fn bindings(&mut self, name: &Name, bindings: Option<&[Binding]>) {
        let binding = |own: &Binding| CallBinding {
            label: own.name.span,
            value: own.value.as_ref().map(|value| value.span),
            is_name: own.value.as_ref().is_some_and(|value| matches!(value.kind, ExprKind::Name(_))),
        };
        self.calls.push(Call { name: name.span, bindings: bindings.map(|own| own.iter().map(binding).collect()) });
        bindings.into_iter().flatten().filter_map(|own| own.value.as_ref()).for_each(|value| self.expr(value));
    }

    fn checks(&mut self, checks: &[Check]) {
        for check in checks {
            match &check.kind {
                CheckKind::Require(expr, _) | CheckKind::Drop(expr, _) | CheckKind::Reject(expr, _) => self.expr(expr),
                CheckKind::Unique(values, within, _) => {
                    values.iter().for_each(|value| self.expr(value));
                    self.expr(within);
                }
                CheckKind::Error | CheckKind::Assigned(_) => {}
            }
        }
    }

    fn statements(&mut self, statements: &[CalculateStatement]) {
        statements.iter().for_each(|statement| self.expr(&statement.value));
    }

    fn operations(&mut self, operations: &[SaveOperation]) {
        for operation in operations {
            match &operation.kind {
                SaveKind::Assign { key, value, .. } => {
                    key.iter().for_each(|key| self.expr(key));
                    self.expr(value);
                }
                SaveKind::Fields(bindings) => {
                    for own in bindings {
                        self.pair(&own.name, own.value.as_ref());
                    }
                }
                SaveKind::Insert(value, _) | SaveKind::Remove(value, _) => self.expr(value),
                SaveKind::Error | SaveKind::Delete => {}
            }
        }
    }

    fn entries(&mut self, entries: &[RecordEntry]) {
        for entry in entries {
            match entry {
                RecordEntry::Field { name, quoted: false, value } => self.pair(name, value.as_ref()),
                RecordEntry::Field { value, .. } => value.iter().for_each(|value| self.expr(value)),
                RecordEntry::Spread(value) => self.expr(value),
            }
        }
    }

    fn pair(&mut self, name: &Name, value: Option<&Expr>) {
        match value {
            None => self.pairs.push(Pair { label: name.span, value: None }),
            Some(Expr { kind: ExprKind::Name(_), span }) => {
                self.pairs.push(Pair { label: name.span, value: Some(*span) });
            }
            Some(value) => self.expr(value),
        }
    }

    fn expr(&mut self, expr: &Expr) {
        match &expr.kind {
            ExprKind::Error | ExprKind::Name(_) | ExprKind::Literal(_) | ExprKind::Reject(_) => {}
            ExprKind::Interpolation(parts) => {
                for part in parts {
                    if let TextPart::Expr(expr) = part {
                        self.expr(expr);
                    }
                }
            }
            ExprKind::Unary(_, inner) | ExprKind::Paren(inner) | ExprKind::Lambda(_, inner) => self.expr(inner),
            ExprKind::Binary(_, _, one, other) | ExprKind::Catch(one, other) | ExprKind::Index(one, other) => {
                self.expr(one);
                self.expr(other);
            }
            ExprKind::Member { object, .. } => self.expr(object),
            ExprKind::Call { function, arguments } => {
                self.expr(function);
                arguments.iter().for_each(|own| self.expr(&own.value));
            }
            ExprKind::If(condition, then, otherwise) => {
                [condition, then, otherwise].into_iter().for_each(|own| self.expr(own));
            }
            ExprKind::Match(subject, arms) => {
                self.expr(subject);
                for arm in arms {
                    arm.guard.iter().for_each(|guard| self.expr(guard));
                    self.expr(&arm.value);
                }
            }
            ExprKind::List(items) => items.iter().for_each(|own| self.expr(own)),
            ExprKind::Record(entries) => self.entries(entries),
        }
    }
}
