//! Items: what stands in column 0, and the empty lines between.

use super::doc::{Doc, sequence};
use super::table::{Row, Style, in_columns};
use super::writer::{Above, Inside, Made, Mismatch, RowForms, Writer};
use crate::ast::{
    Builtin, Const, Dimension, DimensionField, Fields, File, Flow, Function, Item, ItemKind, Mapping, MappingElse,
    Number, Primary, SettingsItem, SettingsKeyword, StepFunction, StepFunctionBody, TextLiteral, TypeAlias, Use,
};

/// A row, or where it could not be made.
type Forms = Result<RowForms, Mismatch>;

/// Kinds of items that may stand together without an empty line between two of the same kind.
const TOGETHER: [&str; 9] = ["use", "const", "type", "fn", "builtin", "primary", "dimension", "fields", "space"];

impl Writer<'_> {
    /// The whole file.
    pub fn file(&mut self, file: &File) -> Made {
        let mut rows: Vec<Row> = Vec::with_capacity(file.items.len());
        for item in &file.items {
            let mut above = self.above(rows.is_empty());
            let forms = self.item(item)?;
            if let Some(before) = rows.last() {
                let together = before.kind == forms.kind && TOGETHER.contains(&forms.kind);
                if !together {
                    separate(&mut above);
                }
            }
            rows.push(forms.below(above));
        }
        let end = self.above(rows.is_empty());
        self.at_end()?;
        Ok(sequence![in_columns(&rows, Style::PLAIN, 0, ""), Doc::newline(end.blank && end.comment), end.comments])
    }

    fn item(&mut self, item: &Item) -> Forms {
        let plain = |kind, doc| Ok(RowForms::cells(kind, vec![Some(doc)]));
        match &item.kind {
            ItemKind::Error { .. } => Err(Mismatch { at: item.span.start }),
            ItemKind::Use(item) => plain("use", self.use_item(item)?),
            ItemKind::Const(item) => plain("const", self.const_item(item)?),
            ItemKind::Type(item) => plain("type", self.type_alias(item)?),
            ItemKind::Function(item) => plain("fn", self.function(item)?),
            ItemKind::Builtin(item) => plain("builtin", self.builtin(item)?),
            ItemKind::Mapping(item) => self.mapping(item),
            ItemKind::Primary(item) => self.primary(item),
            ItemKind::Dimension(item) => self.dimension(item),
            ItemKind::Fields(item) => self.fields(item),
            ItemKind::Settings(item) if item.keyword == SettingsKeyword::Space => self.space_item(item),
            ItemKind::Settings(item) => self.settings_item(item),
            ItemKind::StepFunction(item) => self.step_function(item),
            ItemKind::Flow(item) => self.flow(item),
            ItemKind::Test(item) => self.test(item),
        }
    }

    fn use_item(&mut self, item: &Use) -> Made {
        let mut parts = vec![self.word("use")?, Doc::space()];
        for (index, name) in item.path.iter().enumerate() {
            if index > 0 {
                parts.push(self.word(".")?);
            }
            parts.push(self.name(name)?);
        }
        if let Some(names) = &item.names {
            parts.push(self.word(".")?);
            parts.push(self.bracketed(("{", "}"), Inside::Tight, names, Self::name)?);
        }
        if let Some(alias) = &item.alias {
            parts.extend([Doc::space(), self.word("as")?, Doc::space(), self.name(alias)?]);
        }
        Ok(Doc::sequence(parts))
    }

    fn const_item(&mut self, item: &Const) -> Made {
        let mut parts = vec![self.word("const")?, Doc::space(), self.name(&item.name)?];
        if let Some(ty) = &item.ty {
            parts.extend([self.word(":")?, Doc::space(), self.type_expression(ty)?]);
        }
        parts.extend([Doc::space(), self.word("=")?, Doc::space(), self.expression(&item.value)?]);
        Ok(Doc::sequence(parts))
    }

    fn type_alias(&mut self, item: &TypeAlias) -> Made {
        let head = sequence![self.word("type")?, Doc::space(), self.name(&item.name)?, Doc::space()];
        let sign = sequence![self.word("=")?, Doc::space()];
        Ok(sequence![head, sign, self.type_expression(&item.ty)?])
    }

    fn function(&mut self, item: &Function) -> Made {
        let head = sequence![self.word("fn")?, Doc::space(), self.name(&item.name)?];
        let parameters = self.parameters(&item.parameters)?;
        let arrow = sequence![Doc::space(), self.word("->")?, Doc::space()];
        let result = self.type_expression(&item.result)?;
        let sign = self.word("=")?;
        let body = self.expression(&item.body)?;
        let body = Doc::group(Doc::nest(sequence![Doc::line(1, false), body]));
        Ok(sequence![head, parameters, arrow, result, Doc::space(), sign, body])
    }

    fn builtin(&mut self, item: &Builtin) -> Made {
        let mut parts = vec![self.words(&["builtin", "fn"])?, Doc::space(), self.name(&item.name)?];
        if !item.generics.is_empty() {
            let ends = ("<", ">");
            parts.push(self.bracketed(ends, Inside::TightWithoutComma, &item.generics, |writer, (name, class)| {
                let name = writer.name(name)?;
                match class {
                    Some(class) => Ok(sequence![name, writer.word(":")?, Doc::space(), writer.name(class)?]),
                    None => Ok(name),
                }
            })?);
        }
        parts.push(self.parameters(&item.parameters)?);
        parts.extend([Doc::space(), self.word("->")?, Doc::space()]);
        parts.push(self.type_expression(&item.result)?);
        if item.fallible {
            parts.extend([Doc::space(), self.word("fails")?]);
        }
        Ok(Doc::sequence(parts))
    }

    fn mapping(&mut self, item: &Mapping) -> Forms {
        let head = sequence![
            self.word("mapping")?,
            Doc::space(),
            self.name(&item.name)?,
            self.word(":")?,
            Doc::space(),
            self.type_expression(&item.from)?,
            Doc::space(),
            self.word("->")?,
            Doc::space(),
            self.type_expression(&item.to)?,
        ];
        let arms = item.arms.iter().map(Some);
        let arms: Vec<_> = arms.chain(item.otherwise.as_ref().map(|_| None)).collect();
        let block = self.braces(Style::PLAIN, false, &arms, |writer, arm| {
            let mut parts = Vec::new();
            if let Some(arm) = arm {
                for (index, value) in arm.values.iter().enumerate() {
                    if index > 0 {
                        let bar = writer.word("|")?;
                        parts.push(Doc::group(Doc::nest(sequence![Doc::line(1, false), bar])));
                        parts.push(Doc::space());
                    }
                    parts.push(writer.expression(value)?);
                }
                parts.extend([Doc::space(), writer.word("=>")?, Doc::space()]);
                parts.push(writer.expression(&arm.result)?);
            } else {
                parts.extend([writer.word("else")?, Doc::space()]);
                parts.push(match item.otherwise.as_ref().map(|(otherwise, _)| otherwise) {
                    Some(MappingElse::Value(value)) => {
                        sequence![writer.word("=>")?, Doc::space(), writer.expression(value)?]
                    }
                    Some(MappingElse::Reject) => writer.word("reject")?,
                    _ => writer.word("keep")?,
                });
            }
            Ok(RowForms::cells("arm", vec![Some(Doc::sequence(parts))]))
        })?;
        Ok(RowForms::block("mapping", &[], Some(head), block))
    }

    fn number(&mut self, number: Option<Number>) -> Result<Option<Doc>, Mismatch> {
        number.map(|number| self.atom(number.span)).transpose()
    }

    fn label(&mut self, label: Option<&TextLiteral>) -> Result<Option<Doc>, Mismatch> {
        label.map(|label| self.atom(label.span)).transpose()
    }

    fn primary(&mut self, item: &Primary) -> Forms {
        let head = sequence![self.word("primary")?, Doc::space(), self.name(&item.name)?, self.word(":")?];
        let ty = self.type_expression(&item.ty)?;
        let cells = vec![Some(head), Some(ty), self.number(item.number)?, self.label(item.label.as_ref())?];
        Ok(RowForms::cells("primary", cells))
    }

    fn dimension(&mut self, item: &Dimension) -> Forms {
        let head = sequence![self.word("dimension")?, Doc::space(), self.name(&item.name)?];
        let primaries = self.names_in_brackets(&item.primaries)?;
        let code = self.number(item.code)?;
        let spaces = if item.spaces.is_empty() {
            None
        } else {
            let word = self.word("in")?;
            Some(sequence![word, Doc::space(), self.bare_list(&item.spaces, Self::name)?])
        };
        let label = self.label(item.label.as_ref())?;
        let cells = vec![Some(head), Some(primaries), code, spaces, label];
        Ok(RowForms::cells("dimension", cells))
    }

    fn fields(&mut self, item: &Fields) -> Forms {
        let head = sequence![self.word("fields")?, Doc::space(), self.name(&item.dimension)?];
        let block = self.braces(Style::PLAIN, false, &item.fields, Self::dimension_field)?;
        Ok(RowForms::block("fields", &[], Some(head), block))
    }

    fn dimension_field(&mut self, field: &DimensionField) -> Forms {
        let name = sequence![self.name(&field.name)?, self.word(":")?];
        let ty = self.type_expression(&field.ty)?;
        let number = self.number(field.number)?;
        let label = self.label(field.label.as_ref())?;
        let derived = match field.derived {
            Some(span) => Some(self.atom(span)?),
            None => None,
        };
        let mut cells = vec![Some(name), Some(ty), number, label, derived];
        match &field.settings {
            Some(settings) => {
                let block = self.settings(settings)?;
                // The block is no column: it follows whatever stands last.
                while cells.pop_if(|cell| cell.is_none()).is_some() {}
                let last = cells.pop().flatten();
                Ok(RowForms::block("field", &cells, last, block))
            }
            None => Ok(RowForms::cells("field", cells)),
        }
    }

    fn space_item(&mut self, item: &SettingsItem) -> Forms {
        let head = sequence![self.word("space")?, Doc::space(), self.name(&item.name)?];
        let block = self.settings(&item.settings)?;
        let flat = block.flat.is_some().then(|| {
            let mut cells = vec![Some(head.clone())];
            cells.extend(block.columns);
            cells
        });
        let broken = Some(vec![Some(head), Some(block.broken)]);
        Ok(RowForms { kind: "space", flat, broken, hanging: true })
    }

    fn settings_item(&mut self, item: &SettingsItem) -> Forms {
        let mut head = vec![self.token()?, Doc::space(), self.name(&item.name)?];
        if let Some(on) = &item.on {
            head.extend([Doc::space(), self.word("on")?, Doc::space(), self.name(on)?]);
        }
        if !item.by.is_empty() {
            head.extend([Doc::space(), self.word("by")?, Doc::space()]);
            head.push(self.names_in_brackets(&item.by)?);
        }
        let block = self.settings(&item.settings)?;
        Ok(RowForms::block("settings", &[], Some(Doc::sequence(head)), block))
    }

    fn step_function(&mut self, item: &StepFunction) -> Forms {
        let mut head = vec![self.token()?, Doc::space(), self.name(&item.name)?];
        if self.peek() == "(" {
            head.push(self.parameters(&item.inputs)?);
        }
        if let Some(target) = &item.target {
            head.extend([Doc::space(), self.token()?, Doc::space(), self.name(target)?]);
        }
        if self.peek() == "->" {
            head.extend([Doc::space(), self.word("->")?, Doc::space()]);
            head.push(self.parameters(&item.outputs)?);
        }
        let block = match &item.body {
            StepFunctionBody::Verify(checks) => self.checks(checks)?,
            StepFunctionBody::Calculate(statements) => self.statements(statements)?,
            StepFunctionBody::Save(operations) => self.operations(operations)?,
            StepFunctionBody::Expand(block) => self.block(block)?,
        };
        Ok(RowForms::block("function", &[], Some(Doc::sequence(head)), block))
    }

    fn flow(&mut self, item: &Flow) -> Forms {
        let mut head = vec![self.word("flow")?, Doc::space(), self.name(&item.name)?];
        head.extend([Doc::space(), self.word("from")?, Doc::space()]);
        if item.expired.is_some() {
            head.extend([self.word("expired")?, Doc::space()]);
        }
        head.push(self.bare_list(&item.from, Self::name)?);
        let block = self.block(&item.body)?;
        Ok(RowForms::block("flow", &[], Some(Doc::sequence(head)), block))
    }
}

/// Sees to it that an empty line stands above an item or its comments.
fn separate(above: &mut Above) {
    if !above.comment || !(above.blank || above.blank_between || above.blank_below) {
        above.blank = true;
    }
}
