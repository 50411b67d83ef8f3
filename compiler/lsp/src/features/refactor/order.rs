//! When a step function evaluates what an input is bound to. A call evaluates it once, before the first step; where the words stand
//! in the place of the input, they have to be evaluated in any case, and before a check that drops the record.

use nsf_diagnostics::Span;
use nsf_syntax::ast::{
    BinaryOperator, Check, CheckKind, ExpandTarget, Expr, ExprKind, RecordEntry, SaveKind, SaveOperation, Step,
    StepFunctionBody, StepKind, TextPart,
};

/// What a body evaluates in any case.
#[derive(Default)]
pub(super) struct Evaluated<'t> {
    expressions: Vec<&'t Expr>,
    /// Names that are short for `a: a`.
    names: Vec<Span>,
}

impl<'t> Evaluated<'t> {
    pub(super) fn of(body: &'t StepFunctionBody) -> Self {
        let mut found = Self::default();
        match body {
            StepFunctionBody::Verify(checks) => found.checks(checks),
            StepFunctionBody::Calculate(statements) => {
                found.expressions.extend(statements.iter().map(|own| &own.value));
            }
            StepFunctionBody::Save(operations) => operations.iter().for_each(|own| found.operation(own)),
            StepFunctionBody::Expand(block) => block.steps.iter().take(1).for_each(|step| found.step(step)),
        }
        found
    }

    /// Whether what stands at a place is evaluated in any case.
    pub(super) fn has(&self, at: Span) -> bool {
        self.names.contains(&at) || self.expressions.iter().any(|own| is_always(own, at))
    }

    fn checks(&mut self, checks: &'t [Check]) {
        match checks.first().map(|check| &check.kind) {
            Some(CheckKind::Require(own, _) | CheckKind::Drop(own, _) | CheckKind::Reject(own, _)) => {
                self.expressions.push(own);
            }
            Some(CheckKind::Unique(values, ..)) => self.expressions.extend(values),
            Some(CheckKind::Error | CheckKind::Assigned(_)) | None => {}
        }
    }

    fn operation(&mut self, operation: &'t SaveOperation) {
        match &operation.kind {
            SaveKind::Assign { key, value, .. } => self.expressions.extend(key.iter().chain([value])),
            SaveKind::Insert(value, _) | SaveKind::Remove(value, _) => self.expressions.push(value),
            SaveKind::Fields(bindings) => {
                bindings.iter().for_each(|own| self.entry(own.name.span, own.value.as_ref()));
            }
            SaveKind::Error | SaveKind::Delete => {}
        }
    }

    fn entry(&mut self, name: Span, value: Option<&'t Expr>) {
        match value {
            Some(value) => self.expressions.push(value),
            None => self.names.push(name),
        }
    }

    fn step(&mut self, step: &'t Step) {
        match &step.kind {
            StepKind::Verify(checks) => self.checks(checks),
            StepKind::Calculate(statements) => self.expressions.extend(statements.iter().map(|own| &own.value)),
            StepKind::Save(save) => save.operations.iter().for_each(|own| self.operation(own)),
            StepKind::Call(call) => {
                let bindings = call.arguments.iter().flatten();
                bindings.for_each(|own| self.entry(own.name.span, own.value.as_ref()));
            }
            StepKind::Expand(expand) => {
                if let ExpandTarget::Connector(connector) = &expand.target {
                    self.expressions.push(connector);
                }
                for entry in expand.entries.iter().flatten() {
                    match entry {
                        RecordEntry::Field { name, value, .. } => self.entry(name.span, value.as_ref()),
                        RecordEntry::Spread(own) => self.expressions.push(own),
                    }
                }
            }
            StepKind::When { arms, .. } => self.expressions.extend(arms.first().map(|(condition, _)| condition)),
            StepKind::Each { list, .. } => self.expressions.push(list),
            StepKind::Stop(condition) | StepKind::Jump(_, condition) => self.expressions.extend(condition),
            StepKind::Error | StepKind::Repartition(_) => {}
        }
    }
}

/// Whether a part of an expression is evaluated whenever the expression is, and nothing catches its failure.
fn is_always(expr: &Expr, at: Span) -> bool {
    let holds = |own: &Expr| own.span.start <= at.start && at.end <= own.span.end;
    if !holds(expr) {
        return false;
    }
    let among = |all: &[Expr]| all.iter().any(|own| is_always(own, at));
    match &expr.kind {
        ExprKind::Name(_) => expr.span == at,
        ExprKind::If(first, ..) | ExprKind::Match(first, _) => is_always(first, at),
        ExprKind::Binary(BinaryOperator::And | BinaryOperator::Or | BinaryOperator::Coalesce, _, first, _) => {
            is_always(first, at)
        }
        ExprKind::Binary(_, _, left, right) | ExprKind::Index(left, right) => {
            is_always(left, at) || is_always(right, at)
        }
        ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => is_always(inner, at),
        ExprKind::Member { object, .. } => is_always(object, at),
        ExprKind::Call { function, arguments } => {
            let is_optional = matches!(function.kind, ExprKind::Member { optional: true, .. });
            is_always(function, at) || !is_optional && arguments.iter().any(|own| is_always(&own.value, at))
        }
        ExprKind::List(all) => among(all),
        ExprKind::Record(entries) => entries.iter().any(|entry| match entry {
            RecordEntry::Field { name, value, .. } => match value {
                Some(value) => is_always(value, at),
                None => name.span == at,
            },
            RecordEntry::Spread(own) => is_always(own, at),
        }),
        ExprKind::Interpolation(parts) => parts.iter().any(|part| match part {
            TextPart::Expr(own) => is_always(own, at),
            TextPart::Text(_) => false,
        }),
        ExprKind::Catch(..) | ExprKind::Lambda(..) | ExprKind::Literal(_) | ExprKind::Reject(_) | ExprKind::Error => {
            false
        }
    }
}
