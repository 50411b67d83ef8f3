//! Settings: of tenants, spaces, sources, tables, ingests, subscriptions, states, monitors and fields.

use super::doc::{Doc, sequence};
use super::table::{Braces, Style};
use super::writer::{Mismatch, RowForms, Writer};
use crate::ast::{Assignment, Setting, SettingValue};

impl Writer<'_> {
    /// `{ name: value … }`.
    pub fn settings(&mut self, settings: &[Setting]) -> Result<Braces, Mismatch> {
        self.braces(Style::PLAIN, false, settings, Self::setting)
    }

    fn setting(&mut self, setting: &Setting) -> Result<RowForms, Mismatch> {
        // A field without the block around it, of which a later pass tells.
        if let SettingValue::Fields(fields) = &setting.value
            && let [field] = fields.as_slice()
            && field.span == setting.span
        {
            return self.field_declaration(field);
        }
        let name = self.name(&setting.name)?;
        let block = match &setting.value {
            SettingValue::Error => {
                return Ok(RowForms::cells("setting", vec![Some(name)]));
            }
            SettingValue::Values(values) => {
                let name = match self.optional(":")? {
                    Some(colon) => sequence![name, colon],
                    None => name,
                };
                let mut value = vec![self.bare_list(values, Self::expression)?];
                if let Some(otherwise) = &setting.otherwise {
                    let word = self.word("else")?;
                    value.extend([Doc::space(), word, Doc::space(), self.expression(otherwise)?]);
                }
                let cells = vec![Some(name), Some(Doc::sequence(value))];
                return Ok(RowForms::cells("setting", cells));
            }
            SettingValue::Fields(fields) => self.field_declarations(fields, false)?,
            SettingValue::Assignments(assignments) => {
                self.braces(Style::PLAIN, false, assignments, Self::assignment)?
            }
        };
        Ok(RowForms::block("setting", &[], Some(name), block))
    }

    /// `field = e`, `dimension.field = e`.
    fn assignment(&mut self, assignment: &Assignment) -> Result<RowForms, Mismatch> {
        let mut parts = Vec::new();
        if let Some(dimension) = &assignment.dimension {
            parts.extend([self.name(dimension)?, self.word(".")?]);
        }
        parts.extend([self.name(&assignment.field)?, Doc::space(), self.word("=")?, Doc::space()]);
        parts.push(self.expression(&assignment.value)?);
        Ok(RowForms::cells("assignment", vec![Some(Doc::sequence(parts))]))
    }
}
