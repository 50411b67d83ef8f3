//! What stands at the place of a name that declares something.

use nsf_analysis::names::item_name;
use nsf_diagnostics::{Location, Span};
use nsf_syntax::ast::{
    DimensionField, FieldDeclaration, Item, ItemKind, Parameter, SettingValue, StepFunction, TypeExpr, TypeExprKind,
};
use smol_str::SmolStr;

use crate::known::Known;

/// A declaration.
#[derive(Clone, Copy)]
pub(crate) enum Declared<'a> {
    Item(&'a Item),
    /// A field of a record, with the item that it is in.
    Field(&'a Item, &'a FieldDeclaration),
    DimensionField(&'a Item, &'a DimensionField),
    /// A parameter, input or output.
    Parameter(&'a Item, &'a Parameter),
    /// Something in the body of an item.
    Inner(&'a Item),
}

impl<'a> Known<'a> {
    /// What a place declares; none for what the standard library does.
    pub(crate) fn declared(self, at: Location) -> Option<Declared<'a>> {
        let items = &self.analysis.files.get(at.file.0 as usize)?.parse.file.items;
        let end = items.partition_point(|item| item.span.start <= at.span.start);
        let item = items.get(end.checked_sub(1)?)?;
        if item_name(item).is_some_and(|name| name.span == at.span) {
            return Some(Declared::Item(item));
        }
        let inner = match &item.kind {
            ItemKind::Fields(own) => {
                let field = own.fields.iter().find(|field| field.name.span == at.span);
                field.map(|field| Declared::DimensionField(item, field))
            }
            ItemKind::Settings(own) => own
                .settings
                .iter()
                .find_map(|setting| match &setting.value {
                    SettingValue::Fields(fields) => in_fields(fields, at.span),
                    _ => None,
                })
                .map(|field| Declared::Field(item, field)),
            ItemKind::Type(own) => in_type(&own.ty, at.span).map(|field| Declared::Field(item, field)),
            ItemKind::Function(own) => parameter(item, &own.parameters, at.span),
            ItemKind::StepFunction(StepFunction { inputs, outputs, .. }) => {
                parameter(item, inputs, at.span).or_else(|| parameter(item, outputs, at.span))
            }
            _ => None,
        };
        Some(inner.unwrap_or(Declared::Inner(item)))
    }

    /// The doc comment of a field of the item whose name stands at a place.
    pub(crate) fn field_docs(self, owner: Location, name: &str) -> &'a [SmolStr] {
        let Some(item) = self.item_at(owner) else { return &[] };
        let fields = |own: &'a Item| match &own.kind {
            ItemKind::Settings(own) => own.settings.iter().find_map(|setting| match &setting.value {
                SettingValue::Fields(fields) => fields.iter().find(|own| own.name.text == name).map(|own| &own.docs),
                _ => None,
            }),
            ItemKind::Fields(own) if own.dimension.text == item.name.text => {
                own.fields.iter().find(|own| own.name.text == name).map(|own| &own.docs)
            }
            _ => None,
        };
        if matches!(item.item.kind, ItemKind::Settings(_)) {
            return fields(item.item).map_or(&[], Vec::as_slice);
        }
        let files = self.analysis.files.iter();
        let all = files.flat_map(|parsed| &parsed.parse.file.items);
        all.into_iter().find_map(fields).map_or(&[], Vec::as_slice)
    }

    /// The doc comment of what a place declares.
    pub(crate) fn docs(self, at: Location) -> &'a [SmolStr] {
        match self.declared(at) {
            Some(Declared::Item(item)) => &item.docs,
            Some(Declared::Field(_, field)) => &field.docs,
            Some(Declared::DimensionField(_, field)) => &field.docs,
            _ => &[],
        }
    }
}

fn parameter<'a>(item: &'a Item, all: &'a [Parameter], at: Span) -> Option<Declared<'a>> {
    all.iter().find(|own| own.name.span == at).map(|own| Declared::Parameter(item, own))
}

fn in_fields(fields: &[FieldDeclaration], at: Span) -> Option<&FieldDeclaration> {
    fields.iter().find_map(|field| if field.name.span == at { Some(field) } else { in_type(&field.ty, at) })
}

fn in_type(ty: &TypeExpr, at: Span) -> Option<&FieldDeclaration> {
    match &ty.kind {
        TypeExprKind::Record(fields) => in_fields(fields, at),
        TypeExprKind::Nullable(inner) => in_type(inner, at),
        TypeExprKind::Named(_, arguments) => arguments.iter().find_map(|own| in_type(own, at)),
        TypeExprKind::Function(..) | TypeExprKind::Error => None,
    }
}
