//! Expressions and types.

use super::{NameKind, Part, PartKind, Walk};
use crate::ast::{
    Argument, Expr, ExprKind, FieldDeclaration, Literal, MatchArm, Parameter, Pattern, PatternValue, RecordEntry,
    TextPart, TypeExpr, TypeExprKind,
};

impl<'t, V: FnMut(Part<'t>)> Walk<'_, V> {
    pub(super) fn expressions(&mut self, all: impl IntoIterator<Item = &'t Expr>) {
        all.into_iter().for_each(|expr| self.expression(expr));
    }

    pub(super) fn expression(&mut self, expr: &'t Expr) {
        self.part(PartKind::Expression(expr), expr.span);
        match &expr.kind {
            ExprKind::Error | ExprKind::Literal(_) | ExprKind::Reject(_) => {}
            ExprKind::Name(_) => self.part(PartKind::Name(NameKind::Value, false), expr.span),
            ExprKind::Interpolation(parts) => {
                self.expressions(parts.iter().filter_map(|part| match part {
                    TextPart::Expr(expr) => Some(expr),
                    TextPart::Text(_) => None,
                }));
            }
            ExprKind::Unary(_, inner) | ExprKind::Paren(inner) => self.expression(inner),
            ExprKind::Binary(_, _, left, right) | ExprKind::Catch(left, right) | ExprKind::Index(left, right) => {
                self.expression(left);
                self.expression(right);
            }
            ExprKind::Member { object, name, .. } => {
                self.expression(object);
                self.name(name, NameKind::Field);
            }
            ExprKind::Call { function, arguments } => self.call(function, arguments),
            ExprKind::If(condition, then, otherwise) => {
                self.expressions([&**condition, then, otherwise]);
            }
            ExprKind::Match(value, arms) => {
                self.expression(value);
                arms.iter().for_each(|arm| self.arm(arm));
            }
            ExprKind::Lambda(names, body) => {
                names.iter().for_each(|name| self.declared(name, NameKind::Local));
                self.expression(body);
            }
            ExprKind::List(all) => self.expressions(all),
            ExprKind::Record(entries) => self.entries(entries),
        }
    }

    fn call(&mut self, function: &'t Expr, arguments: &'t [Argument]) {
        match &function.kind {
            ExprKind::Name(_) => {
                self.part(PartKind::Expression(function), function.span);
                self.part(PartKind::Name(NameKind::Function, false), function.span);
            }
            ExprKind::Member { object, name, .. } => {
                self.part(PartKind::Expression(function), function.span);
                self.expression(object);
                self.name(name, NameKind::Function);
            }
            _ => self.expression(function),
        }
        for argument in arguments {
            if let Some(label) = &argument.label {
                self.name(label, NameKind::Parameter);
            }
            self.expression(&argument.value);
        }
    }

    /// An expression where a connector may stand, such as `kafka("t")`: its first text says what is meant outside.
    pub(super) fn connector(&mut self, expr: &'t Expr) {
        if let ExprKind::Call { function, arguments } = &expr.kind
            && let (ExprKind::Name(_), Some(Argument { label: None, value })) = (&function.kind, arguments.first())
            && let ExprKind::Literal(Literal::Text(_) | Literal::RawText(_)) = &value.kind
        {
            self.part(PartKind::Address, value.span);
        }
        self.expression(expr);
    }

    fn arm(&mut self, arm: &'t MatchArm) {
        self.part(PartKind::Statement, arm.span);
        match &arm.pattern {
            Pattern::Values(values) => {
                for value in values {
                    match value {
                        PatternValue::Single(value) => self.expression(value),
                        PatternValue::Range(from, to) => self.expressions([from, to]),
                    }
                }
            }
            Pattern::Name(name) => self.declared(name, NameKind::Local),
            Pattern::Else(_) => {}
        }
        self.expressions(arm.guard.iter().chain([&arm.value]));
    }

    pub(super) fn entries(&mut self, entries: impl IntoIterator<Item = &'t RecordEntry>) {
        for entry in entries {
            match entry {
                RecordEntry::Field { name, quoted, value } => {
                    if !quoted {
                        self.name(name, NameKind::Field);
                    }
                    self.expressions(value);
                }
                RecordEntry::Spread(value) => self.expression(value),
            }
        }
    }

    pub(super) fn ty(&mut self, ty: &'t TypeExpr) {
        self.part(PartKind::Type, ty.span);
        match &ty.kind {
            TypeExprKind::Error => {}
            TypeExprKind::Named(name, arguments) => {
                self.name(name, NameKind::Type);
                arguments.iter().for_each(|argument| self.ty(argument));
            }
            TypeExprKind::Nullable(inner) => self.ty(inner),
            TypeExprKind::Record(fields) => self.fields(fields),
            TypeExprKind::Function(parameters, result) => {
                parameters.iter().for_each(|parameter| self.ty(parameter));
                self.ty(result);
            }
        }
    }

    pub(super) fn fields(&mut self, fields: &'t [FieldDeclaration]) {
        for field in fields {
            self.part(PartKind::Field, field.span);
            self.declared(&field.name, NameKind::Field);
            self.ty(&field.ty);
            self.expressions(&field.default);
        }
    }

    pub(super) fn parameters(&mut self, parameters: &'t [Parameter], kind: NameKind) {
        for parameter in parameters {
            self.declared(&parameter.name, kind);
            self.ty(&parameter.ty);
            self.expressions(&parameter.default);
        }
    }
}
