//! The statements of broken blocks, read one by one: each that cannot be read gives one message.

use std::ops::Range;

use nsf_diagnostics::Span;

use super::meant::{self, BLOCKS, ReadAs};
use super::statement::{CHECKS, CLAUSES, STEPS, Statements};
use super::{Failure, Recover, habits};
use crate::ast::{
    Assignment, CalculateStatement, Check, CheckKind, DimensionField, Expr, ExprKind, FieldDeclaration, MappingArm,
    MappingElse, Name, RecordEntry, SaveKind, SaveOperation, Setting, SettingValue, TestClause, TestClauseKind,
    TypeExpr, TypeExprKind,
};
use crate::error::{Form, SyntaxErrorKind};
use crate::grammar::{Pair, Rule};
use crate::lower::Lower;

/// The words that may follow `expect`, apart from a condition.
const EXPECTATIONS: [&str; 4] = ["rejected", "dropped", "published", "same"];
/// The words that start a change of a state, apart from names.
const CHANGES: [&str; 3] = ["insert", "remove", "delete"];

impl Recover<'_, '_> {
    /// Reads the statements of a block by one rule. `broken` is asked what stands for one that cannot be read; it
    /// reports why.
    pub(crate) fn each_statement<T, B: IntoIterator<Item = T>>(
        &mut self,
        region: &Range<usize>,
        kind: Statements,
        rule: Rule,
        mut lower: impl FnMut(&mut Lower<'_>, Pair<'_>) -> T,
        mut broken: impl FnMut(&mut Self, &Range<usize>, Option<&Failure>) -> B,
    ) -> Vec<T> {
        let statements = self.statements(region, kind);
        let mut values = Vec::new();
        let mut index = 0;
        while let Some((range, _)) = statements.get(index) {
            index += 1;
            if self.is_read_in_parts(range, kind) {
                values.extend(broken(self, range, None));
                continue;
            }
            let failure = match self.lowered(rule, range, &mut lower) {
                Ok(value) => {
                    values.push(value);
                    continue;
                }
                Err(failure) => failure,
            };
            // A line that starts with a word may go on the statement above it.
            let ends_early = failure.at >= self.source.span(range).end as usize;
            let next = statements.get(index).filter(|(_, certain)| ends_early && !certain);
            if let Some((next, _)) = next
                && let Ok(value) = self.lowered(rule, &(range.start..next.end), &mut lower)
            {
                values.push(value);
                index += 1;
                continue;
            }
            if let ReadAs::Value(value) = self.read_as_meant(rule, range, &failure, &mut lower) {
                values.push(value);
                continue;
            }
            values.extend(broken(self, range, Some(&failure)));
        }
        values
    }

    /// Statements that hold others are never parsed whole, so that what is inside is read once.
    fn is_read_in_parts(&self, range: &Range<usize>, kind: Statements) -> bool {
        match kind {
            Statements::Steps => self.holds_blocks(range),
            Statements::TestClauses => self.name_of_rows(range).is_some(),
            _ => false,
        }
    }

    /// The first word of a broken statement as its name.
    pub(crate) fn name_at(&self, index: usize) -> Option<Name> {
        let word = self.source.word(index);
        if !self.source.is_word(index)
            || super::source::is_operator_word(word)
            || matches!(word, "true" | "false" | "null")
        {
            return None;
        }
        let span = self.place(self.source.span(&(index..index + 1)));
        Some(Name { text: self.source.word(index).into(), span })
    }

    fn report_broken(&mut self, failure: Option<&Failure>, range: &Range<usize>) {
        if let Some(failure) = failure {
            self.report_failure(failure, range);
        }
    }

    /// What each line of a broken statement starts with, since it may have run into the statements below it.
    fn names_of_lines(&self, range: &Range<usize>) -> Vec<Name> {
        let starts = range.clone().filter(|at| *at == range.start || self.source.is_first_on_line(*at));
        starts.map(|at| self.name_or_none(at)).collect()
    }

    /// The name that a broken statement starts with; one without text where there is none, which may be any.
    fn name_or_none(&self, index: usize) -> Name {
        let span = || self.place(self.source.span(&(index..index + 1)));
        self.name_at(index).unwrap_or_else(|| Name { text: "".into(), span: span() })
    }

    fn error_type(&self, range: &Range<usize>) -> TypeExpr {
        TypeExpr { kind: TypeExprKind::Error, span: self.place(self.source.span(range)) }
    }

    pub(crate) fn error_expression(&self, range: &Range<usize>) -> Expr {
        Expr { kind: ExprKind::Error, span: self.place(self.source.span(range)) }
    }

    pub(crate) fn fields(&mut self, region: &Range<usize>) -> Vec<FieldDeclaration> {
        let broken = |this: &mut Self, range: &Range<usize>, failure: Option<&Failure>| {
            this.report_broken(failure, range);
            let span = this.place(this.source.span(range));
            let ty = this.error_type(range);
            let field =
                |name| FieldDeclaration { docs: Vec::new(), name, ty: ty.clone(), from: None, default: None, span };
            this.names_of_lines(range).into_iter().map(field).collect::<Vec<_>>()
        };
        self.each_statement(region, Statements::Fields, Rule::field_entry, |lower, pair| lower.field(pair), broken)
    }

    pub(crate) fn dimension_fields(&mut self, region: &Range<usize>) -> Vec<DimensionField> {
        let broken = |this: &mut Self, range: &Range<usize>, failure: Option<&Failure>| {
            this.report_broken(failure, range);
            let ty = this.error_type(range);
            let field = |name| DimensionField {
                docs: Vec::new(),
                name,
                ty: ty.clone(),
                number: None,
                label: None,
                derived: None,
                settings: None,
                span: ty.span,
            };
            this.names_of_lines(range).into_iter().map(field).collect::<Vec<_>>()
        };
        let rule = Rule::dimension_field_entry;
        self.each_statement(
            region,
            Statements::DimensionFields,
            rule,
            |lower, pair| lower.dimension_field(pair),
            broken,
        )
    }

    pub(crate) fn assignments(&mut self, region: &Range<usize>) -> Vec<Assignment> {
        let broken = |this: &mut Self, range: &Range<usize>, failure: Option<&Failure>| {
            this.report_failure(failure?, range);
            let (field, value) = (this.name_at(range.start)?, this.error_expression(range));
            let span = value.span;
            Some(Assignment { dimension: None, field, value, span })
        };
        let rule = Rule::assignment_entry;
        self.each_statement(region, Statements::Assignments, rule, |lower, pair| lower.assignment(pair), broken)
    }

    /// A step among the statements of a body: reported as such, since it is none that is merely misspelt.
    fn is_step_in_body(&mut self, range: &Range<usize>, expected: &'static str) -> bool {
        let is_step = STEPS.contains(&self.source.word(range.start)) && self.source.is_word(range.start + 1);
        if is_step {
            self.report_word(range.start, range, SyntaxErrorKind::StepInBody { expected });
        }
        is_step
    }

    pub(crate) fn calculate_statements(&mut self, region: &Range<usize>) -> Vec<CalculateStatement> {
        let broken = |this: &mut Self, range: &Range<usize>, failure: Option<&Failure>| {
            let failure = failure?;
            let value = this.error_expression(range);
            let span = value.span;
            let local = this.source.word(range.start) == "let" && this.source.is_word(range.start + 1);
            let name = if this.is_step_in_body(range, "`name = value`") {
                // Nobody knows what it was to make.
                Name { text: "".into(), span }
            } else {
                this.report_failure(failure, range);
                this.name_or_none(range.start + usize::from(local))
            };
            Some(CalculateStatement { local, name, value, span })
        };
        let rule = Rule::calculate_statement_entry;
        self.each_statement(region, Statements::Calculate, rule, |lower, pair| lower.calculate_statement(pair), broken)
    }

    pub(crate) fn save_operations(&mut self, region: &Range<usize>) -> Vec<SaveOperation> {
        let rule = Rule::save_operation_entry;
        let read = |lower: &mut Lower<'_>, pair: Pair<'_>| lower.save_operation(pair);
        self.each_statement(region, Statements::Save, rule, read, |this, range, failure| {
            let next = this.source.word(range.start + 1);
            let may_be_misspelt = this.source.is_word(range.start + 1) && !matches!(next, "max" | "min");
            let known: &[&'static str] = if may_be_misspelt { &CHANGES } else { &[] };
            let operation = this.unknown_word(range, known, "a change of a state", rule, read);
            if operation.is_none() && !this.is_step_in_body(range, "a change of the state") {
                this.report_failure(failure?, range);
            }
            let span = this.place(this.source.span(range));
            Some(operation.flatten().unwrap_or(SaveOperation { kind: SaveKind::Error, span }))
        })
    }

    pub(crate) fn checks(&mut self, region: &Range<usize>) -> Vec<Check> {
        let rule = Rule::check_entry;
        let read = |lower: &mut Lower<'_>, pair: Pair<'_>| lower.check(pair);
        self.each_statement(region, Statements::Checks, rule, read, |this, range, failure| {
            let check = this.unknown_word(range, &CHECKS, "a check", rule, read);
            if check.is_none() && !this.is_step_in_body(range, "a check") {
                this.report_failure(failure?, range);
            }
            let span = this.place(this.source.span(range));
            let assigned = this.name_at(range.start).filter(|_| this.source.word(range.start + 1) == "=");
            let kind = assigned.map_or(CheckKind::Error, CheckKind::Assigned);
            Some(check.flatten().unwrap_or(Check { kind, span }))
        })
    }

    /// The arms of a mapping and its `else`.
    pub(crate) fn mapping_arms(&mut self, region: &Range<usize>) -> (Vec<MappingArm>, Option<(MappingElse, Span)>) {
        let mut otherwise = None;
        let broken = |this: &mut Self, range: &Range<usize>, failure: Option<&Failure>| {
            this.report_failure(failure?, range);
            let is_else = this.source.word(range.start) == "else";
            let value = this.error_expression(range);
            Some(if is_else {
                (None, Some((MappingElse::Value(value.clone()), value.span)))
            } else {
                (Some(MappingArm { values: vec![value.clone()], result: value }), None)
            })
        };
        let lower = |lower: &mut Lower<'_>, pair: Pair<'_>| {
            if pair.as_rule() == Rule::mapping_else {
                (None, Some(lower.mapping_else(pair)))
            } else {
                (lower.mapping_arm(pair), None)
            }
        };
        let read = self.each_statement(region, Statements::MappingArms, Rule::mapping_arm_entry, lower, broken);
        let mut arms = Vec::new();
        for (arm, found) in read {
            arms.extend(arm);
            otherwise = found.or(otherwise);
        }
        (arms, otherwise)
    }

    pub(crate) fn settings(&mut self, region: &Range<usize>) -> Vec<Setting> {
        let read = |lower: &mut Lower<'_>, pair: Pair<'_>| lower.setting(pair);
        self.each_statement(region, Statements::Settings, Rule::setting_entry, read, |this, range, failure| {
            let Some(failure) = failure else { return Vec::new() };
            this.field_as_setting(range).unwrap_or_else(|| this.broken_setting(range, failure))
        })
    }

    /// A field that stands among the settings without the block around it. What becomes of it is told where it is known which
    /// settings there are.
    fn field_as_setting(&mut self, range: &Range<usize>) -> Option<Vec<Setting>> {
        let is_field = self.source.word(range.start + 1) == ":" && !BLOCKS.contains(&self.source.word(range.start));
        if !is_field || self.is_lost(self.source.span(range)) {
            return None;
        }
        let field = self.lowered(Rule::field_entry, range, |lower, pair| lower.field(pair)).ok()?;
        let (name, span) = (field.name.clone(), field.span);
        Some(vec![Setting { name, value: SettingValue::Fields(vec![field]), otherwise: None, span }])
    }

    /// `record:` with its fields indented below it.
    fn block_by_indentation(&mut self, range: &Range<usize>) -> Option<SettingValue> {
        let (colon, first) = (range.start + 1, range.start + 2);
        let column = self.source.column(range.start)?;
        let is_block = self.source.word(colon) == ":" && first < range.end && self.source.column(first) > Some(column);
        let is_fields =
            matches!(self.source.word(range.start), "record" | "value") && self.source.word(first + 1) == ":";
        if !is_block || !is_fields {
            return None;
        }
        let end = self.source.span(range).end;
        let edits = vec![
            (self.source.span(&(colon..first)), " {".to_owned()),
            (Span::at(end), format!("\n{}}}", " ".repeat(column))),
        ];
        let kind = SyntaxErrorKind::OtherForm { form: Form::BlockByIndentation, edits, sure: true };
        self.report(self.source.span(&(colon..first)), kind);
        Some(SettingValue::Fields(self.fields(&(first..range.end))))
    }

    /// A setting that does not parse: if it is a block, its fields or assignments are read one by one.
    fn broken_setting(&mut self, range: &Range<usize>, failure: &Failure) -> Vec<Setting> {
        let name = self.name_or_none(range.start);
        if let Some(value) = self.block_by_indentation(range) {
            let span = self.place(self.source.span(range));
            return vec![Setting { name, value, otherwise: None, span }];
        }
        let mut open = range.start + 1;
        let mut value = SettingValue::Error;
        if BLOCKS.contains(&self.source.word(range.start)) && self.source.word(open) == ":" {
            self.report_colon_before_block(range);
            open += 1;
        }
        if !name.text.is_empty() && self.source.word(open) == "{" && open < range.end {
            let region = self.inside(open, range.end);
            value = if self.source.word(range.start) == "map" {
                SettingValue::Assignments(self.assignments(&region))
            } else {
                SettingValue::Fields(self.fields(&region))
            };
            let rest = self.source.skip(open)..range.end;
            if rest.len() == 1 && self.source.word(rest.start) == "," {
                self.report_word(rest.start, &rest, SyntaxErrorKind::StrayComma);
            } else {
                self.report_rest(rest, "a setting");
            }
        } else {
            self.report_failure(failure, range);
        }
        let span = self.place(self.source.span(range));
        let is_block = !matches!(value, SettingValue::Error);
        let mut settings = vec![Setting { name, value, otherwise: None, span }];
        if !is_block {
            let below = self.names_of_lines(range).into_iter().skip(1);
            settings.extend(below.map(|name| Setting { name, value: SettingValue::Error, otherwise: None, span }));
        }
        settings
    }

    /// `record: { … }`, where a block follows its name at once.
    fn report_colon_before_block(&mut self, range: &Range<usize>) {
        let (colon, open) = (range.start + 1, range.start + 2);
        if self.source.word(open) != "{" || open >= range.end {
            return;
        }
        let region = self.inside(open, range.end);
        let commas: Vec<Span> = self
            .outside_of_brackets(&region)
            .filter(|at| self.source.word(*at) == ",")
            .map(|at| self.source.span(&(at..at + 1)))
            .collect();
        let place = self.source.span(&(colon..open));
        let meant = meant::colon_before_block(self.source.word(range.start), place, commas);
        self.report_meant(meant, &(colon..open));
    }

    pub(crate) fn test_clauses(&mut self, region: &Range<usize>) -> Vec<TestClause> {
        let rule = Rule::test_clause_entry;
        let read = |lower: &mut Lower<'_>, pair: Pair<'_>| lower.test_clause(pair);
        self.each_statement(region, Statements::TestClauses, rule, read, |this, range, failure| {
            let span = this.place(this.source.span(range));
            let Some(failure) = failure else { return Some(TestClause { kind: this.rows(range), span }) };
            let clause = this.unknown_word(range, &CLAUSES, "a clause of a test", rule, read);
            let is_unknown = clause.is_some();
            let clause = if clause.is_none() { this.misspelt_expectation(range, read) } else { clause.flatten() };
            if clause.is_none() && !is_unknown {
                this.report_failure(failure, range);
            }
            Some(clause.unwrap_or(TestClause { kind: TestClauseKind::Error, span }))
        })
    }

    /// `expect rejcted 1`: where the clause can be read with the word that is near, that was meant.
    fn misspelt_expectation(
        &mut self,
        range: &Range<usize>,
        read: impl FnOnce(&mut Lower<'_>, Pair<'_>) -> TestClause,
    ) -> Option<TestClause> {
        let at = range.start + 1;
        if self.source.word(range.start) != "expect" || !self.source.is_word(at) {
            return None;
        }
        let near = habits::near(self.source.word(at), &EXPECTATIONS)?;
        let corrected = self.with_word_at(at, range, near)?;
        let clause = self.read_corrected(&corrected, Rule::test_clause_entry, read)?;
        let expected = vec!["`rejected`", "`dropped`", "`published`", "`same`", "a condition"];
        self.report_word(at, range, SyntaxErrorKind::UnexpectedToken { expected, near: Some((near, true)), fix: None });
        Some(clause)
    }

    /// What `with` or `given` names, if a list of rows follows.
    fn name_of_rows(&self, range: &Range<usize>) -> Option<Name> {
        let has_rows = matches!(self.source.word(range.start), "with" | "given")
            && self.source.word(range.start + 2) == "["
            && range.start + 2 < range.end;
        self.name_at(range.start + 1).filter(|_| has_rows)
    }

    /// `with` and `given` with a list, whose rows are read one by one.
    fn rows(&mut self, range: &Range<usize>) -> TestClauseKind {
        let Some(name) = self.name_of_rows(range) else { return TestClauseKind::Error };
        let open = range.start + 2;
        let region = self.inside(open, range.end);
        let mut rows = Vec::new();
        for part in self.comma_separated(&region) {
            rows.extend(self.rows_without_commas(part));
        }
        let mut values = Vec::new();
        for row in rows {
            values.push(match self.lowered_or_report(Rule::expr_entry, &row, |lower, pair| lower.expression(pair)) {
                Some(value) => value,
                None => self.error_expression(&row),
            });
        }
        self.report_rest(self.source.skip(open)..range.end, "`with`, `given` or `expect`");
        if self.source.word(range.start) == "with" {
            TestClauseKind::With(name, values)
        } else {
            TestClauseKind::Given(name, values)
        }
    }

    /// The rows of a part between two commas: several where a comma is missing.
    fn rows_without_commas(&mut self, part: Range<usize>) -> Vec<Range<usize>> {
        let (mut rows, mut start) = (Vec::new(), part.start);
        let starts: Vec<usize> = self.outside_of_brackets(&part).skip(1).collect();
        for at in starts {
            if self.source.word(at) == "{" && self.source.word(at - 1) == "}" {
                self.report_meant(meant::missing_comma(self.source, at), &(at..at));
                rows.push(start..at);
                start = at;
            }
        }
        rows.push(start..part.end);
        rows
    }

    /// The tokens of a region that are not inside of brackets; of brackets the opening one.
    fn outside_of_brackets(&self, region: &Range<usize>) -> impl Iterator<Item = usize> {
        let end = region.end;
        std::iter::successors(Some(region.start), |at| Some(self.source.skip(*at))).take_while(move |at| *at < end)
    }

    /// The parts of a region between its commas; a comma at the end is no part.
    pub(crate) fn comma_separated(&self, region: &Range<usize>) -> Vec<Range<usize>> {
        let mut parts = Vec::new();
        let (mut start, mut at) = (region.start, region.start);
        while at < region.end {
            if self.source.word(at) == "," {
                parts.push(start..at);
                start = at + 1;
            }
            at = self.source.skip(at);
        }
        if start < region.end {
            parts.push(start..region.end);
        }
        parts
    }

    /// The members that an expand writes, one by one.
    pub(crate) fn record_entries(&mut self, region: &Range<usize>) -> Vec<RecordEntry> {
        let mut entries = Vec::new();
        for part in self.comma_separated(region) {
            let lower = |lower: &mut Lower<'_>, pair: Pair<'_>| lower.record_entry(pair);
            match self.lowered_or_report(Rule::record_entry, &part, lower) {
                Some(entry) => entries.push(entry),
                None => {
                    let value = Some(self.error_expression(&part));
                    entries.push(RecordEntry::Field { name: self.name_or_none(part.start), quoted: false, value });
                }
            }
        }
        entries
    }
}
