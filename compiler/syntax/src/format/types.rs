//! Types, parameters and the fields of records.

use super::doc::{Doc, sequence};
use super::table::{Braces, Style};
use super::writer::{Inside, Made, Mismatch, RowForms, Writer};
use crate::ast::{FieldDeclaration, Name, Parameter, TypeExpr, TypeExprKind};

impl Writer<'_> {
    /// A type.
    pub fn type_expression(&mut self, ty: &TypeExpr) -> Made {
        match &ty.kind {
            TypeExprKind::Error => self.atom(ty.span),
            TypeExprKind::Named(name, arguments) => {
                let name = self.name(name)?;
                if arguments.is_empty() {
                    return Ok(name);
                }
                if let [only @ TypeExpr { kind: TypeExprKind::Record(_), .. }] = arguments.as_slice() {
                    // The brackets of a record that is the only argument stand next to those around it.
                    return Ok(sequence![name, self.word("<")?, self.type_expression(only)?, self.word(">")?]);
                }
                let ends = ("<", ">");
                let arguments = self.bracketed(ends, Inside::TightWithoutComma, arguments, Self::type_expression)?;
                Ok(sequence![name, arguments])
            }
            TypeExprKind::Nullable(inner) => {
                // A function that may be null and whose result may be, too: `??` would be another sign.
                let apart = if ends_nullable(inner) { Doc::space() } else { Doc::nothing() };
                Ok(sequence![self.type_expression(inner)?, apart, self.word("?")?])
            }
            TypeExprKind::Record(fields) => {
                let braces = self.field_declarations(fields, true)?;
                Ok(match braces.flat {
                    Some(flat) => Doc::choice(flat, braces.broken),
                    None => braces.broken,
                })
            }
            TypeExprKind::Function(parameters, result) => {
                let word = self.word("fn")?;
                let parameters =
                    self.bracketed(("(", ")"), Inside::TightWithoutComma, parameters, Self::type_expression)?;
                let arrow = sequence![Doc::space(), self.word("->")?, Doc::space()];
                Ok(sequence![word, parameters, arrow, self.type_expression(result)?])
            }
        }
    }

    /// `{ name: T … }` of a type (with commas) or of a setting (without).
    pub fn field_declarations(&mut self, fields: &[FieldDeclaration], commas: bool) -> Result<Braces, Mismatch> {
        self.braces(Style::PLAIN, commas, fields, Self::field_declaration)
    }

    /// `name: T from "member" = default`.
    pub fn field_declaration(&mut self, field: &FieldDeclaration) -> Result<RowForms, Mismatch> {
        let name = sequence![self.name(&field.name)?, self.word(":")?];
        let mut ty = vec![self.type_expression(&field.ty)?];
        let mut from = Vec::new();
        if let Some(member) = &field.from {
            from.extend([self.word("from")?, Doc::space(), self.atom(member.span)?]);
        }
        if let Some(default) = &field.default {
            let sign = self.word("=")?;
            let last = if from.is_empty() { &mut ty } else { &mut from };
            last.extend([Doc::space(), sign, Doc::space(), self.expression(default)?]);
        }
        let from = (!from.is_empty()).then(|| Doc::sequence(from));
        let cells = vec![Some(name), Some(Doc::sequence(ty)), from];
        Ok(RowForms::cells("field", cells))
    }

    /// `(name: T = default, …)`.
    pub fn parameters(&mut self, parameters: &[Parameter]) -> Made {
        self.bracketed(("(", ")"), Inside::Tight, parameters, |writer, parameter| {
            let mut parts = vec![writer.name(&parameter.name)?, writer.word(":")?, Doc::space()];
            parts.push(writer.type_expression(&parameter.ty)?);
            if let Some(default) = &parameter.default {
                let sign = writer.word("=")?;
                parts.extend([Doc::space(), sign, Doc::space(), writer.expression(default)?]);
            }
            Ok(Doc::sequence(parts))
        })
    }

    /// `(a, b)`.
    pub fn names_in_brackets(&mut self, names: &[Name]) -> Made {
        self.bracketed(("(", ")"), Inside::Tight, names, Self::name)
    }

    /// `a, b` without brackets; goes on below where it does not fit.
    pub fn bare_list<T>(&mut self, items: &[T], mut each: impl FnMut(&mut Self, &T) -> Made) -> Made {
        let mut parts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let comments = if index == 0 { Doc::nothing() } else { self.comments(false) };
            let mut element = vec![each(self, item)?];
            if index + 1 < items.len() {
                element.push(self.comma()?);
            }
            let element = Doc::sequence(element);
            parts.push(if index == 0 {
                element
            } else if comments.is_nothing() {
                Doc::group(sequence![Doc::line(1, false), element])
            } else {
                sequence![Doc::newline(false), comments, element]
            });
        }
        Ok(Doc::nest(Doc::sequence(parts)))
    }
}

/// Whether the last sign of a type is `?`.
fn ends_nullable(ty: &TypeExpr) -> bool {
    match &ty.kind {
        TypeExprKind::Nullable(_) => true,
        TypeExprKind::Function(_, result) => ends_nullable(result),
        _ => false,
    }
}
