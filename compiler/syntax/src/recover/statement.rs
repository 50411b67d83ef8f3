//! Where statements start in a broken block, and how each kind is read.

use std::ops::Range;

use super::{Failure, Recover};
use crate::ast::{
    Assignment, CalculateStatement, Check, CheckKind, DimensionField, Expr, ExprKind, FieldDeclaration, MappingArm,
    MappingElse, Name, RecordEntry, SaveKind, SaveOperation, Setting, SettingValue, TestClause, TestClauseKind,
    TypeExpr, TypeExprKind,
};
use crate::grammar::{Pair, Rule};
use crate::lower::Lower;

/// What a block consists of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Statements {
    Settings,
    Fields,
    Assignments,
    DimensionFields,
    MappingArms,
    TestClauses,
    Steps,
    Checks,
    Calculate,
    Save,
}

/// The words that start a step.
pub(crate) const STEPS: [&str; 10] =
    ["verify", "load", "calculate", "save", "expand", "when", "each", "stop", "jump", "repartition"];
/// The words that start a check.
pub(crate) const CHECKS: [&str; 4] = ["require", "drop", "reject", "unique"];
/// The words that start a clause of a test.
pub(crate) const CLAUSES: [&str; 3] = ["with", "given", "expect"];

/// The words that start a change of a state, apart from names.
const CHANGES: [&str; 3] = ["insert", "remove", "delete"];

/// Words inside statements that may start a line.
const CONTINUATIONS: [&str; 8] = ["within", "into", "from", "by", "as", "under", "on", "derived"];

impl Recover<'_, '_> {
    /// The statements of a block, as ranges of tokens, and whether each start is certain.
    pub(crate) fn statements(&self, region: &Range<usize>, kind: Statements) -> Vec<(Range<usize>, bool)> {
        let mut starts: Vec<(usize, bool)> = Vec::new();
        let mut previous = None;
        let mut at = region.start;
        while at < region.end {
            let certain = self.starts_statement(at, kind, previous);
            if previous.is_none() || certain || self.may_start_statement(at, kind, previous) {
                starts.push((at, certain || previous.is_none()));
            }
            let next = self.source.skip(at);
            previous = Some(next - 1);
            at = next;
        }
        let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([region.end]);
        starts.iter().zip(ends).map(|((start, certain), end)| (*start..end, *certain)).collect()
    }

    /// A word that starts a line though nothing before it asks for more.
    fn may_start_statement(&self, at: usize, kind: Statements, previous: Option<usize>) -> bool {
        let word = self.source.word(at);
        let is_start = if kind == Statements::MappingArms {
            self.source.is_literal(at) || self.source.is_word(at)
        } else {
            let is_habit = kind == Statements::Steps && matches!(word, "if" | "for");
            self.source.is_word(at)
                && (!super::source::is_operator_word(word) || is_habit)
                && !CONTINUATIONS.contains(&word)
        };
        is_start
            && self.source.is_first_on_line(at)
            && previous.is_some_and(|previous| self.source.ends_operand(previous) || self.source.word(previous) == ",")
    }

    /// A token that can only be the start of a statement of this kind.
    fn starts_statement(&self, at: usize, kind: Statements, previous: Option<usize>) -> bool {
        let may_be_named = !matches!(kind, Statements::Steps | Statements::Checks | Statements::TestClauses);
        let after_value = previous.is_none_or(|previous| {
            self.source.ends_operand(previous)
                || (may_be_named && (self.source.word(previous) == "," || self.source.is_first_on_line(at)))
        });
        let before = previous.map_or("", |previous| self.source.word(previous));
        let (word, next) = (self.source.word(at), self.source.word(at + 1));
        if kind == Statements::MappingArms {
            let is_arm = matches!(next, "=>" | "|") && !matches!(before, "|" | "=>" | "-" | "else");
            return after_value && ((is_arm && self.source.is_literal(at)) || word == "else");
        }
        if !self.source.is_word(at) || !after_value {
            return false;
        }
        match kind {
            Statements::Settings => matches!(next, ":" | "{"),
            Statements::Fields | Statements::DimensionFields => next == ":",
            Statements::Assignments => next == "=" || (next == "." && self.source.word(at + 3) == "="),
            Statements::Calculate => (next == "=" && before != "let") || (word == "let" && self.source.is_word(at + 1)),
            Statements::Save => {
                matches!(next, "=" | "+=" | "-=")
                    || (matches!(next, "max" | "min") && self.source.word(at + 2) == "=")
                    || (next == "[" && self.source.is_first_on_line(at))
                    || (matches!(word, "insert" | "remove") && self.source.is_word(at + 1))
            }
            Statements::Checks => {
                before != "else" && (CHECKS.contains(&word) && (next == "when" || matches!(word, "require" | "unique")))
            }
            Statements::TestClauses => CLAUSES.contains(&word) && !matches!(next, "." | "(" | "=="),
            Statements::Steps => self.starts_step(at, before),
            Statements::MappingArms => false,
        }
    }

    fn starts_step(&self, at: usize, before: &str) -> bool {
        let (word, next) = (self.source.word(at), self.source.word(at + 1));
        if next == ":" {
            return self.source.is_word(at + 2) || before.is_empty();
        }
        let continues = match before {
            "when" | "each" | "jump" | "by" | "as" | "expand" | "save" | "load" | "verify" | "calculate" | "delete"
            | "reset" | "else" => true,
            "stop" => word == "when" && !self.source.is_first_on_line(at),
            _ => {
                // `jump L when e`
                word == "when" && !self.source.is_first_on_line(at) && at >= 2 && self.source.word(at - 2) == "jump"
            }
        };
        STEPS.contains(&word) && !continues && !matches!(next, "." | "," | ")" | "==" | "=")
    }

    /// Reads the statements of a block one by one.
    pub(crate) fn each_statement<T>(
        &mut self,
        region: &Range<usize>,
        kind: Statements,
        mut read: impl FnMut(&mut Self, &Range<usize>, bool) -> Result<Vec<T>, Failure>,
    ) -> Vec<T> {
        let statements = self.statements(region, kind);
        let mut values = Vec::new();
        let mut index = 0;
        while let Some((range, _)) = statements.get(index) {
            index += 1;
            match read(self, range, false) {
                Ok(read) => values.extend(read),
                Err(failure) => {
                    // A line that starts with a word may go on the statement above it.
                    let ends_early = failure.at >= self.source.span(range).end as usize;
                    let next = statements.get(index).filter(|(_, certain)| ends_early && !certain);
                    if let Some((next, _)) = next
                        && let Ok(read) = read(self, &(range.start..next.end), false)
                    {
                        values.extend(read);
                        index += 1;
                        continue;
                    }
                    if let Ok(read) = read(self, range, true) {
                        values.extend(read);
                    }
                }
            }
        }
        values
    }

    /// Reads statements of one rule each; `broken` says what stands for one that cannot be read.
    fn simple<T>(
        &mut self,
        region: &Range<usize>,
        kind: Statements,
        rule: Rule,
        lower: impl Fn(&mut Lower<'_>, Pair<'_>) -> T,
        broken: impl Fn(&mut Self, &Range<usize>) -> Option<T>,
    ) -> Vec<T> {
        self.each_statement(region, kind, |this, range, report| match this.lowered(rule, range, &lower) {
            Ok(value) => Ok(vec![value]),
            Err(failure) if report => {
                this.report_failure(&failure, range);
                Ok(broken(this, range).into_iter().collect())
            }
            Err(failure) => Err(failure),
        })
    }

    /// The first word of a broken statement as its name.
    pub(crate) fn name_at(&self, index: usize) -> Option<Name> {
        if !self.source.is_word(index) || super::source::is_operator_word(self.source.word(index)) {
            return None;
        }
        let span = self.place(self.source.span(&(index..index + 1)));
        Some(Name { text: self.source.word(index).into(), span })
    }

    fn error_type(&self, range: &Range<usize>) -> TypeExpr {
        TypeExpr { kind: TypeExprKind::Error, span: self.place(self.source.span(range)) }
    }

    pub(crate) fn error_expression(&self, range: &Range<usize>) -> Expr {
        Expr { kind: ExprKind::Error, span: self.place(self.source.span(range)) }
    }

    pub(crate) fn fields(&mut self, region: &Range<usize>) -> Vec<FieldDeclaration> {
        let broken = |this: &mut Self, range: &Range<usize>| {
            let name = this.name_at(range.start)?;
            let span = this.place(this.source.span(range));
            let ty = this.error_type(range);
            Some(FieldDeclaration { docs: Vec::new(), name, ty, from: None, default: None, span })
        };
        self.simple(region, Statements::Fields, Rule::field_entry, |lower, pair| lower.field(pair), broken)
    }

    pub(crate) fn dimension_fields(&mut self, region: &Range<usize>) -> Vec<DimensionField> {
        let broken = |this: &mut Self, range: &Range<usize>| {
            let (name, ty) = (this.name_at(range.start)?, this.error_type(range));
            let (docs, span) = (Vec::new(), ty.span);
            Some(DimensionField { docs, name, ty, number: None, label: None, derived: None, settings: None, span })
        };
        let rule = Rule::dimension_field_entry;
        self.simple(region, Statements::DimensionFields, rule, |lower, pair| lower.dimension_field(pair), broken)
    }

    pub(crate) fn assignments(&mut self, region: &Range<usize>) -> Vec<Assignment> {
        let broken = |this: &mut Self, range: &Range<usize>| {
            let (field, value) = (this.name_at(range.start)?, this.error_expression(range));
            let span = value.span;
            Some(Assignment { dimension: None, field, value, span })
        };
        let rule = Rule::assignment_entry;
        self.simple(region, Statements::Assignments, rule, |lower, pair| lower.assignment(pair), broken)
    }

    pub(crate) fn calculate_statements(&mut self, region: &Range<usize>) -> Vec<CalculateStatement> {
        let broken = |this: &mut Self, range: &Range<usize>| {
            let local = this.source.word(range.start) == "let" && this.source.is_word(range.start + 1);
            let (name, value) = (this.name_at(range.start + usize::from(local))?, this.error_expression(range));
            let span = value.span;
            Some(CalculateStatement { local, name, value, span })
        };
        let rule = Rule::calculate_statement_entry;
        self.simple(region, Statements::Calculate, rule, |lower, pair| lower.calculate_statement(pair), broken)
    }

    pub(crate) fn save_operations(&mut self, region: &Range<usize>) -> Vec<SaveOperation> {
        let rule = Rule::save_operation_entry;
        self.each_statement(region, Statements::Save, |this, range, report| {
            let failure = match this.lowered(rule, range, |lower, pair| lower.save_operation(pair)) {
                Ok(operation) => return Ok(vec![operation]),
                Err(failure) if !report => return Err(failure),
                Err(failure) => failure,
            };
            let mut operation = None;
            if this.source.is_word(range.start + 1) && !matches!(this.source.word(range.start + 1), "max" | "min") {
                let lower = |lower: &mut Lower<'_>, pair: Pair<'_>| lower.save_operation(pair);
                operation = this.unknown_word(range, &CHANGES, "a change of a state", rule, lower);
            }
            if operation.is_none() {
                this.report_failure(&failure, range);
            }
            let span = this.place(this.source.span(range));
            Ok(vec![operation.flatten().unwrap_or(SaveOperation { kind: SaveKind::Error, span })])
        })
    }

    pub(crate) fn checks(&mut self, region: &Range<usize>) -> Vec<Check> {
        self.each_statement(region, Statements::Checks, |this, range, report| {
            let rule = Rule::check_entry;
            match this.lowered(rule, range, |lower, pair| lower.check(pair)) {
                Ok(check) => Ok(vec![check]),
                Err(failure) if report => {
                    let mended = this.unknown_word(range, &CHECKS, "a check", rule, |lower, pair| lower.check(pair));
                    let span = this.place(this.source.span(range));
                    Ok(vec![match mended {
                        Some(check) => check.unwrap_or(Check { kind: CheckKind::Error, span }),
                        None => {
                            this.report_failure(&failure, range);
                            Check { kind: CheckKind::Error, span }
                        }
                    }])
                }
                Err(failure) => Err(failure),
            }
        })
    }

    /// The arms of a mapping and its `else`.
    pub(crate) fn mapping_arms(
        &mut self,
        region: &Range<usize>,
    ) -> (Vec<MappingArm>, Option<(MappingElse, nsf_diagnostics::Span)>) {
        let mut otherwise = None;
        let broken = |this: &mut Self, range: &Range<usize>| {
            let is_else = this.source.word(range.start) == "else";
            let value = this.error_expression(range);
            is_else.then(|| (None, Some((MappingElse::Value(value.clone()), value.span))))
        };
        let lower = |lower: &mut Lower<'_>, pair: Pair<'_>| {
            if pair.as_rule() == Rule::mapping_else {
                (None, Some(lower.mapping_else(pair)))
            } else {
                (lower.mapping_arm(pair), None)
            }
        };
        let read = self.simple(region, Statements::MappingArms, Rule::mapping_arm_entry, lower, broken);
        let mut arms = Vec::new();
        for (arm, found) in read {
            arms.extend(arm);
            otherwise = found.or(otherwise);
        }
        (arms, otherwise)
    }

    pub(crate) fn settings(&mut self, region: &Range<usize>) -> Vec<Setting> {
        self.each_statement(region, Statements::Settings, |this, range, report| {
            match this.lowered(Rule::setting_entry, range, |lower, pair| lower.setting(pair)) {
                Ok(setting) => Ok(vec![setting]),
                Err(failure) if report => Ok(this.broken_setting(range, &failure).into_iter().collect()),
                Err(failure) => Err(failure),
            }
        })
    }

    /// A setting that does not parse: if it is a block, its fields or assignments are read one by one.
    fn broken_setting(&mut self, range: &Range<usize>, failure: &Failure) -> Option<Setting> {
        let name = self.name_at(range.start);
        let open = range.start + 1;
        let mut value = SettingValue::Error;
        if name.is_some() && self.source.word(open) == "{" && open < range.end {
            let region = self.inside(open, range.end);
            let first_is_field = self.source.word(region.start + 1) == ":";
            value = if self.source.word(range.start) == "map" || !first_is_field && self.assigns(&region) {
                SettingValue::Assignments(self.assignments(&region))
            } else {
                SettingValue::Fields(self.fields(&region))
            };
            self.report_rest(self.source.skip(open)..range.end, "a setting");
        } else {
            self.report_failure(failure, range);
        }
        let span = self.place(self.source.span(range));
        name.map(|name| Setting { name, value, otherwise: None, span })
    }

    fn assigns(&self, region: &Range<usize>) -> bool {
        self.source.word(region.start + 1) == "=" || self.source.word(region.start + 3) == "="
    }

    pub(crate) fn test_clauses(&mut self, region: &Range<usize>) -> Vec<TestClause> {
        let rule = Rule::test_clause_entry;
        self.each_statement(region, Statements::TestClauses, |this, range, report| {
            if this.name_of_rows(range).is_some() {
                let kind = this.rows(range);
                let span = this.place(this.source.span(range));
                return Ok(vec![TestClause { kind, span }]);
            }
            match this.lowered(rule, range, |lower, pair| lower.test_clause(pair)) {
                Ok(clause) => Ok(vec![clause]),
                Err(failure) if report => {
                    let unknown = this.unknown_word(range, &CLAUSES, "a clause of a test", rule, |lower, pair| {
                        lower.test_clause(pair)
                    });
                    let kind = match unknown {
                        Some(Some(clause)) => return Ok(vec![clause]),
                        Some(None) => TestClauseKind::Error,
                        None => {
                            this.report_failure(&failure, range);
                            TestClauseKind::Error
                        }
                    };
                    let span = this.place(this.source.span(range));
                    Ok(vec![TestClause { kind, span }])
                }
                Err(failure) => Err(failure),
            }
        })
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
        let rows = self.comma_separated(&region);
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
                    entries.extend(self.name_at(part.start).map(|name| RecordEntry::Field {
                        name,
                        quoted: false,
                        value,
                    }));
                }
            }
        }
        entries
    }
}
