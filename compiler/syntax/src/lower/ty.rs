//! Types, fields of records, and parameters.

use nsf_diagnostics::Span;

use super::Lower;
use crate::ast::{Expr, FieldDeclaration, Name, Parameter, TextLiteral, TypeExpr, TypeExprKind};
use crate::grammar::{Pair, Rule};

impl Lower<'_> {
    pub(crate) fn type_expr(&mut self, pair: Pair<'_>) -> TypeExpr {
        let span = self.span(&pair);
        if self.nesting >= super::MAX_TREE {
            self.report_too_deep(span);
            return TypeExpr { kind: TypeExprKind::Error, span };
        }
        self.nesting += 1;
        let mut kind = TypeExprKind::Error;
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::named_type => kind = self.named_type(child),
                Rule::record_type => kind = TypeExprKind::Record(self.field_list(child)),
                Rule::function_type => kind = self.function_type(child),
                Rule::nullable => {
                    let inner_end = crate::trim::trimmed_end(
                        self.text.as_bytes(),
                        self.comments,
                        span.start as usize,
                        self.token_span(&child).start as usize,
                    );
                    let inner = TypeExpr { kind, span: Span::new(span.start, inner_end as u32) };
                    kind = TypeExprKind::Nullable(Box::new(inner));
                }
                _ => {}
            }
        }
        self.nesting -= 1;
        TypeExpr { kind, span }
    }

    fn named_type(&mut self, pair: Pair<'_>) -> TypeExprKind {
        let mut name = self.missing_name(&pair);
        let mut arguments = Vec::new();
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => name = self.name(&child),
                Rule::type_arguments => arguments = self.types_in(child),
                _ => {}
            }
        }
        TypeExprKind::Named(name, arguments)
    }

    fn function_type(&mut self, pair: Pair<'_>) -> TypeExprKind {
        let span = self.span(&pair);
        let mut types = self.types_in(pair);
        let result = types.pop().unwrap_or(TypeExpr { kind: TypeExprKind::Error, span });
        TypeExprKind::Function(types, Box::new(result))
    }

    fn types_in(&mut self, pair: Pair<'_>) -> Vec<TypeExpr> {
        let types = pair.into_inner().filter(|child| child.as_rule() == Rule::type_expr);
        types.map(|child| self.type_expr(child)).collect()
    }

    /// The fields among a node's children.
    pub(crate) fn field_list(&mut self, pair: Pair<'_>) -> Vec<FieldDeclaration> {
        let fields = pair.into_inner().filter(|child| child.as_rule() == Rule::field);
        fields.map(|child| self.field(child)).collect()
    }

    pub(crate) fn field(&mut self, pair: Pair<'_>) -> FieldDeclaration {
        let span = self.span(&pair);
        let docs = self.docs(span.start);
        let (mut name, mut ty) = (self.missing_name(&pair), TypeExpr { kind: TypeExprKind::Error, span });
        let (mut from, mut default) = (None, None);
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => name = self.name(&child),
                Rule::type_expr => ty = self.type_expr(child),
                Rule::from_member => from = self.text_in(child),
                Rule::default => default = self.expression_in(child),
                _ => {}
            }
        }
        FieldDeclaration { docs, name, ty, from, default, span }
    }

    /// The constant text among a node's children.
    pub(crate) fn text_in(&mut self, pair: Pair<'_>) -> Option<TextLiteral> {
        let text = pair
            .into_inner()
            .find(|child| matches!(child.as_rule(), Rule::plain_text | Rule::rich_text | Rule::raw_text))?;
        Some(self.constant_text(text))
    }

    /// The first expression among a node's children.
    pub(crate) fn expression_in(&mut self, pair: Pair<'_>) -> Option<Expr> {
        let expression = pair.into_inner().find(|child| child.as_rule() == Rule::expr)?;
        Some(self.expression(expression))
    }

    pub(crate) fn parameters(&mut self, pair: Pair<'_>) -> Vec<Parameter> {
        let parameters = pair.into_inner().filter(|child| child.as_rule() == Rule::parameter);
        parameters.map(|child| self.parameter(child)).collect()
    }

    fn parameter(&mut self, pair: Pair<'_>) -> Parameter {
        let span = self.span(&pair);
        let mut name: Name = self.missing_name(&pair);
        let (mut ty, mut default) = (TypeExpr { kind: TypeExprKind::Error, span }, None);
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => name = self.name(&child),
                Rule::type_expr => ty = self.type_expr(child),
                Rule::default => default = self.expression_in(child),
                _ => {}
            }
        }
        Parameter { name, ty, default }
    }
}
