//! Steps of flows, and the statements in them.

use super::doc::{Doc, sequence};
use super::table::{Braces, Style};
use super::writer::{Inside, Made, Mismatch, RowForms, Writer};
use crate::ast::{
    Binding, Block, CalculateStatement, Check, CheckKind, ExpandMode, ExpandStep, ExpandTarget, Expr, LoadElse,
    SaveKind, SaveOperation, SaveStep, Step, StepCall, StepKind, TextLiteral,
};

/// A row, or where it could not be made.
type Row = Result<RowForms, Mismatch>;

impl Writer<'_> {
    /// `{ steps }`.
    pub fn block(&mut self, block: &Block) -> Result<Braces, Mismatch> {
        // A label stands on a line of its own above its step.
        let mut lines = Vec::with_capacity(block.steps.len());
        for step in &block.steps {
            lines.extend(step.label.is_some().then_some((step, true)));
            lines.push((step, false));
        }
        self.braces(Style::STEPS, false, &lines, |writer, (step, label)| match step.label.as_ref().filter(|_| *label) {
            Some(label) => {
                let label = sequence![writer.name(label)?, writer.word(":")?];
                Ok(RowForms::cells("label", vec![Some(label)]))
            }
            None => writer.step(step),
        })
    }

    fn step(&mut self, step: &Step) -> Row {
        let row = |word, operand| Ok(RowForms::cells("step", vec![Some(word), Some(operand)]));
        match &step.kind {
            StepKind::Error => Ok(RowForms::cells("step", vec![Some(self.atom(step.span)?)])),
            StepKind::Call(call) => {
                let word = self.token()?;
                row(word, self.call(call)?)
            }
            StepKind::Verify(checks) => {
                let word = self.word("verify")?;
                let block = self.checks(checks)?;
                Ok(RowForms::block("step", &[Some(word)], None, block))
            }
            StepKind::Calculate(statements) => {
                let word = self.word("calculate")?;
                let block = self.statements(statements)?;
                Ok(RowForms::block("step", &[Some(word)], None, block))
            }
            StepKind::Save(save) => self.save(save),
            StepKind::Expand(expand) => self.expand(expand),
            StepKind::When { arms, otherwise } => self.when(arms, otherwise.as_ref()),
            StepKind::Each { name, list, body } => {
                let head = sequence![
                    self.word("each")?,
                    Doc::space(),
                    self.name(name)?,
                    Doc::space(),
                    self.word("in")?,
                    Doc::space(),
                    self.expression(list)?,
                ];
                let body = self.block(body)?;
                Ok(RowForms::block("step", &[], Some(head), body))
            }
            StepKind::Stop(None) => Ok(RowForms::cells("step", vec![Some(self.word("stop")?)])),
            StepKind::Stop(Some(condition)) => {
                let word = self.word("stop")?;
                row(word, self.when_clause(condition)?)
            }
            StepKind::Jump(label, condition) => {
                let word = self.word("jump")?;
                let mut operand = vec![self.name(label)?];
                if let Some(condition) = condition {
                    operand.extend([Doc::space(), self.when_clause(condition)?]);
                }
                row(word, Doc::sequence(operand))
            }
            StepKind::Repartition(keys) => {
                let word = self.word("repartition")?;
                let by = self.word("by")?;
                let keys = self.bare_list(keys, Self::name)?;
                row(word, sequence![by, Doc::space(), keys])
            }
        }
    }

    /// `when e`.
    fn when_clause(&mut self, condition: &Expr) -> Made {
        Ok(sequence![self.word("when")?, Doc::space(), self.expression(condition)?])
    }

    fn when(&mut self, arms: &[(Expr, Block)], otherwise: Option<&Block>) -> Row {
        let mut parts: Vec<(Doc, Braces)> = Vec::with_capacity(arms.len() + 1);
        for (index, (condition, block)) in arms.iter().enumerate() {
            let before =
                if index > 0 { sequence![Doc::space(), self.word("else")?, Doc::space()] } else { Doc::nothing() };
            let head = sequence![before, Doc::nest(self.when_clause(condition)?)];
            let block = self.block(block)?;
            parts.push((head, block));
        }
        if let Some(block) = otherwise {
            let head = sequence![Doc::space(), self.word("else")?];
            let block = self.block(block)?;
            parts.push((head, block));
        }
        let joined = |block: fn(&Braces) -> Option<Doc>| -> Option<Vec<Option<Doc>>> {
            let mut all = Vec::with_capacity(parts.len() * 3);
            for (head, braces) in &parts {
                all.extend([head.clone(), Doc::space(), block(braces)?]);
            }
            Some(vec![Some(Doc::sequence(all))])
        };
        Ok(RowForms {
            kind: "step",
            flat: joined(|braces| braces.flat.clone()),
            broken: joined(|braces| Some(braces.broken.clone())),
            hanging: false,
        })
    }

    fn call(&mut self, call: &StepCall) -> Made {
        let mut parts = vec![self.name(&call.name)?];
        if let Some(arguments) = &call.arguments {
            parts.push(self.bindings(arguments)?);
        }
        if self.peek() == "->" {
            parts.extend([Doc::space(), self.word("->")?, Doc::space()]);
            parts.push(self.bracketed(("(", ")"), Inside::Tight, &call.outputs, |writer, (from, to)| {
                let from = writer.name(from)?;
                match writer.optional(":")? {
                    Some(colon) => Ok(sequence![from, colon, Doc::space(), writer.name(to)?]),
                    None => Ok(from),
                }
            })?);
        }
        if let Some(alias) = &call.alias {
            parts.extend([Doc::space(), self.word("as")?, Doc::space(), self.name(alias)?]);
        }
        match &call.otherwise {
            None => {}
            Some(LoadElse::Reject(why)) => {
                parts.extend([Doc::space(), self.words(&["else", "reject"])?]);
                parts.extend(self.reason(Some(why))?.into_iter().flat_map(|why| [Doc::space(), why]));
            }
            Some(LoadElse::Drop(_, why)) => {
                parts.extend([Doc::space(), self.words(&["else", "drop"])?]);
                parts.extend(self.reason(why.as_ref())?.into_iter().flat_map(|why| [Doc::space(), why]));
            }
        }
        Ok(Doc::sequence(parts))
    }

    fn reason(&mut self, reason: Option<&TextLiteral>) -> Result<Option<Doc>, Mismatch> {
        reason.map(|reason| self.atom(reason.span)).transpose()
    }

    /// `{ checks }`.
    pub fn checks(&mut self, checks: &[Check]) -> Result<Braces, Mismatch> {
        self.braces(Style::STEPS, false, checks, Self::check)
    }

    fn check(&mut self, check: &Check) -> Row {
        let (word, operand, reason) = match &check.kind {
            CheckKind::Error | CheckKind::Assigned(_) => {
                return Ok(RowForms::cells("check", vec![Some(self.atom(check.span)?)]));
            }
            CheckKind::Require(condition, why) => {
                let word = self.word("require")?;
                let condition = self.expression(condition)?;
                let otherwise = match why {
                    Some(why) => {
                        let words = self.words(&["else", "reject"])?;
                        Some(sequence![words, Doc::space(), self.atom(why.span)?])
                    }
                    None => None,
                };
                (word, condition, otherwise)
            }
            CheckKind::Drop(condition, why) => {
                (self.word("drop")?, self.when_clause(condition)?, self.reason(why.as_ref())?)
            }
            CheckKind::Reject(condition, why) => {
                (self.word("reject")?, self.when_clause(condition)?, self.reason(why.as_ref())?)
            }
            CheckKind::Unique(keys, within, why) => {
                let word = self.word("unique")?;
                let keys = self.bare_list(keys, Self::expression)?;
                let clause = sequence![self.word("within")?, Doc::space(), self.expression(within)?];
                (word, sequence![keys, Doc::space(), clause], self.reason(why.as_ref())?)
            }
        };
        Ok(RowForms::cells("check", vec![Some(word), Some(operand), reason]))
    }

    /// `{ a = e  let b = e }`.
    pub fn statements(&mut self, statements: &[CalculateStatement]) -> Result<Braces, Mismatch> {
        self.braces(Style::PLAIN, false, statements, |writer, statement| {
            let mut parts = Vec::new();
            if statement.local {
                parts.extend([writer.word("let")?, Doc::space()]);
            }
            parts.extend([writer.name(&statement.name)?, Doc::space(), writer.word("=")?, Doc::space()]);
            parts.push(writer.expression(&statement.value)?);
            Ok(RowForms::cells("statement", vec![Some(Doc::sequence(parts))]))
        })
    }

    fn save(&mut self, save: &SaveStep) -> Row {
        let word = self.word("save")?;
        let mut head = vec![self.name(&save.state)?];
        if let Some(keys) = &save.keys {
            head.push(self.bindings(keys)?);
        }
        let block = self.operations(&save.operations)?;
        Ok(RowForms::block("step", &[Some(word)], Some(Doc::sequence(head)), block))
    }

    /// `{ operations }` of a save.
    pub fn operations(&mut self, operations: &[SaveOperation]) -> Result<Braces, Mismatch> {
        self.braces(Style::PLAIN, false, operations, |writer, operation| {
            let doc = writer.operation(operation)?;
            Ok(RowForms::cells("operation", vec![Some(doc)]))
        })
    }

    fn operation(&mut self, operation: &SaveOperation) -> Made {
        match &operation.kind {
            SaveKind::Error => self.atom(operation.span),
            SaveKind::Assign { field, key, value, .. } => {
                let mut parts = vec![self.name(field)?];
                if let Some(key) = key {
                    parts.extend([self.word("[")?, self.expression(key)?, self.word("]")?]);
                }
                parts.push(Doc::space());
                if matches!(self.peek(), "max" | "min") {
                    parts.push(self.token()?);
                }
                parts.extend([self.token()?, Doc::space(), self.expression(value)?]);
                Ok(Doc::sequence(parts))
            }
            SaveKind::Fields(bindings) => self.saved_fields(bindings),
            SaveKind::Insert(value, into) => Ok(sequence![
                self.word("insert")?,
                Doc::space(),
                self.expression(value)?,
                Doc::space(),
                self.word("into")?,
                Doc::space(),
                self.name(into)?
            ]),
            SaveKind::Remove(value, from) => Ok(sequence![
                self.word("remove")?,
                Doc::space(),
                self.expression(value)?,
                Doc::space(),
                self.word("from")?,
                Doc::space(),
                self.name(from)?
            ]),
            SaveKind::Delete => self.word("delete"),
        }
    }

    /// `nick, phone: tel`; one below the other where the writer wrote them so.
    fn saved_fields(&mut self, bindings: &[Binding]) -> Made {
        let mut parts = Vec::new();
        let mut opened = false;
        for (index, binding) in bindings.iter().enumerate() {
            if index > 0 {
                opened |= self.line_before();
                parts.push(Doc::line(1, false));
                parts.push(self.comments(false));
            }
            parts.push(self.binding(binding)?);
            if index + 1 < bindings.len() {
                parts.push(self.comma()?);
            }
        }
        self.last_comma();
        if self.peek() == "}" {
            parts.push(Doc::if_broken(","));
        }
        let all = Doc::sequence(parts);
        Ok(if opened { Doc::broken_group(all) } else { Doc::group(all) })
    }

    fn expand(&mut self, expand: &ExpandStep) -> Row {
        let word = self.word("expand")?;
        let mut operand = Vec::new();
        match expand.mode {
            ExpandMode::Put => {}
            ExpandMode::Delete => operand.extend([self.word("delete")?, Doc::space()]),
            ExpandMode::Reset => operand.extend([self.word("reset")?, Doc::space()]),
        }
        match &expand.target {
            ExpandTarget::Dimension(name, keys) => {
                operand.push(self.name(name)?);
                if let Some(keys) = keys {
                    operand.push(self.bindings(keys)?);
                }
            }
            ExpandTarget::Connector(call) => operand.push(self.expression(call)?),
        }
        if let Some(entries) = &expand.entries {
            operand.extend([Doc::space(), self.record(entries)?]);
        }
        let cells = vec![Some(word), Some(Doc::sequence(operand))];
        Ok(RowForms::cells("step", cells))
    }
}
