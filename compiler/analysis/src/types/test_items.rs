//! `test` items: rows, messages and expectations, checked like the rest of the program.

use nsf_diagnostics::{Span, closest};
use nsf_plan as plan;
use nsf_plan::{
    Expr, Handle, HandleId, HandleTarget, Literal, TestCase, TestExpectation, TestExpression, TestFeed, TestFeedTarget,
    TestLaw, TestRows, Type,
};
use nsf_syntax::ast::{self, ExprKind, ItemKind, Name, RecordEntry, SettingsKeyword, TestClauseKind, TextLiteral};

use super::expression::Expressions;
use super::pipeline::source_text;
use super::unit::{RowBinding, Scope, Unit};
use super::{Checker, Global, fold, message as words, step_message as message};
use crate::json::{self, Json};
use crate::names::{NameError, Resolution};

const LAWS: [(&str, TestLaw); 5] = [
    ("duplicate", TestLaw::Duplicate),
    ("resend", TestLaw::Resend),
    ("restart", TestLaw::Restart),
    ("shuffle", TestLaw::Shuffle),
    ("parallel", TestLaw::Parallel),
];

impl Checker<'_> {
    pub(super) fn tests(&mut self) {
        self.published = self.published_members();
        for item in self.items(|kind| matches!(kind, ItemKind::Test(_))) {
            let ItemKind::Test(test) = &self.names.item(item).kind else { continue };
            if !self.goes_on() {
                return;
            }
            let mut case = TestCase {
                title: test.title.value.to_string(),
                with: Vec::new(),
                given: Vec::new(),
                expect: Vec::new(),
                laws: Vec::new(),
                origin: self.origin(item.module, test.title.span),
            };
            for clause in &test.clauses {
                self.clause(item.module, clause, &mut case);
            }
            let asks =
                |clause: &ast::TestClause| !matches!(clause.kind, TestClauseKind::With(..) | TestClauseKind::Given(..));
            if !test.clauses.iter().any(asks) {
                let location = self.at(item.module, test.title.span);
                let told = message::test(location, "this test expects nothing, so it cannot fail".to_owned());
                self.diagnostics.push(told.help("say what comes of it: `expect published kafka(\"…\") [ … ]`"));
            }
            let placed = self.placed(item, test.title.span, case);
            self.program.tests.push(placed);
        }
    }

    fn clause(&mut self, module: u32, clause: &ast::TestClause, case: &mut TestCase) {
        match &clause.kind {
            TestClauseKind::Error => {}
            TestClauseKind::With(name, rows) => case.with.extend(self.with(module, name, rows)),
            TestClauseKind::Given(name, records) => case.given.extend(self.given(module, name, records)),
            TestClauseKind::Expect(expr) => case.expect.extend(self.expect(module, expr, clause.span)),
            TestClauseKind::ExpectCount { rejected, source, count, reason } => {
                let found =
                    self.expect_count(module, *rejected, source.as_ref(), count.as_ref(), reason.as_ref(), clause.span);
                case.expect.extend(found);
            }
            TestClauseKind::ExpectPublished(connector, messages) => {
                case.expect.extend(self.expect_published(module, connector, messages, clause.span));
            }
            TestClauseKind::ExpectSame(laws) => {
                for law in laws {
                    self.law(module, law, case);
                }
            }
        }
    }

    fn law(&mut self, module: u32, law: &Name, case: &mut TestCase) {
        let origin = self.origin(module, law.span);
        match LAWS.iter().find(|(name, _)| *name == law.text) {
            Some((_, found)) => case.laws.push((*found, origin)),
            None => {
                let near = closest(&law.text, LAWS.iter().map(|(name, _)| *name)).map(str::to_owned);
                let words: Vec<&str> = LAWS.iter().map(|(name, _)| *name).collect();
                let location = self.at(module, law.span);
                self.diagnostics.push(super::setting_message::wrong_word(
                    location,
                    "same under",
                    &law.text,
                    &words,
                    near,
                ));
            }
        }
    }

    /// Constant members of a record literal, each of the type that `types` gives.
    pub(super) fn members(
        &mut self,
        module: u32,
        row: &ast::Expr,
        types: &[(String, Type)],
        owner: Option<Global>,
    ) -> Option<Vec<(String, Literal)>> {
        let ExprKind::Record(entries) = &row.kind else {
            if contains_error(row) {
                return None;
            }
            let location = self.at(module, row.span);
            self.diagnostics.push(message::test(location, "a row is written `{ name: value, … }`".to_owned()));
            return None;
        };
        let mut members: Vec<(String, Literal)> = Vec::with_capacity(entries.len());
        let mut complete = true;
        for entry in entries {
            let RecordEntry::Field { name, value: Some(value), .. } = entry else {
                let location = self.at(module, row.span);
                let text = "in a test every member is given with its value".to_owned();
                self.diagnostics.push(message::test(location, text));
                complete = false;
                continue;
            };
            let Some((_, ty)) = types.iter().find(|(other, _)| *other == name.text) else {
                complete = false;
                let is_broken = owner.is_some_and(|owner| self.is_broken_field(owner, &name.text));
                if is_broken || self.missed.contains(&(module, name.text.clone())) {
                    continue;
                }
                let near = closest(&name.text, types.iter().map(|(other, _)| other.as_str())).map(str::to_owned);
                let location = self.at(module, name.span);
                self.diagnostics.push(super::setting_message::not_a_field(location, &name.text, near));
                continue;
            };
            if members.iter().any(|(other, _)| *other == name.text) {
                let first = entries.iter().find_map(|other| match other {
                    RecordEntry::Field { name: other, .. } if other.text == name.text => Some(other.span),
                    _ => None,
                });
                let (location, earlier) = (self.at(module, name.span), self.at(module, first.unwrap_or(name.span)));
                self.diagnostics.push(super::message::member_twice(location, &name.text, earlier));
                complete = false;
                continue;
            }
            let symbol = owner.and_then(|owner| self.field_of(self.owner(owner)?, &name.text));
            self.refer_label(module, name.span, symbol, Some(ty));
            match self.constant_of(module, value, ty, "a test's value") {
                Some(literal) => members.push((name.text.to_string(), literal)),
                None => complete = false,
            }
        }
        complete.then_some(members)
    }

    fn with(&mut self, module: u32, name: &Name, rows: &[ast::Expr]) -> Option<TestRows> {
        let accept = |kind: &ItemKind| match kind {
            ItemKind::Dimension(_) => true,
            ItemKind::Settings(item) => matches!(item.keyword, SettingsKeyword::State | SettingsKeyword::Table),
            _ => false,
        };
        let item = self.named_item(module, name, "table, state or dimension", accept)?;
        let target = self.row_target(item)?;
        let is_table = matches!(target, HandleTarget::Table(_));
        let keys = if is_table { Vec::new() } else { self.row_keys(target) };
        let fields: Vec<(String, Type)> =
            self.row_fields(target).into_iter().map(|field| (field.name, field.ty)).collect();
        let types: Vec<(String, Type)> = keys.iter().chain(&fields).cloned().collect();
        let mut made = Vec::with_capacity(rows.len());
        for row in rows {
            let Some(members) = self.members(module, row, &types, self.globals.get(&item).copied()) else { continue };
            let key: Option<Vec<Literal>> = keys
                .iter()
                .map(|(key, _)| members.iter().find(|(name, _)| name == key).map(|(_, value)| value.clone()))
                .collect();
            let missing = is_table
                .then(|| {
                    fields
                        .iter()
                        .find(|(field, ty)| !ty.is_nullable() && !members.iter().any(|(name, _)| name == field))
                })
                .flatten();
            let (Some(key), None) = (key, missing) else {
                let location = self.at(module, row.span);
                let text = match missing {
                    Some((field, _)) => format!("the row has no `{field}`"),
                    None => "the row does not give all keys".to_owned(),
                };
                self.diagnostics.push(message::test(location, text));
                continue;
            };
            let values = members
                .into_iter()
                .filter_map(|(name, value)| Some((fields.iter().position(|(field, _)| *field == name)? as u32, value)))
                .collect();
            made.push((key, values));
        }
        Some(TestRows { target, rows: made, origin: self.origin(module, name.span) })
    }

    fn given(&mut self, module: u32, name: &Name, records: &[ast::Expr]) -> Option<TestFeed> {
        let target = self.feed_target(module, name)?;
        let mut messages = Vec::with_capacity(records.len());
        let mut origins = Vec::with_capacity(records.len());
        for record in records {
            let text = match target {
                TestFeedTarget::Source(id) => self.source_message(module, id, record),
                TestFeedTarget::Ingest(id) => self.ingest_message(module, id, record),
            };
            messages.extend(text);
            origins.push(self.origin(module, record.span));
        }
        Some(TestFeed { to: target, messages, origins })
    }

    fn feed_target(&mut self, module: u32, name: &Name) -> Option<TestFeedTarget> {
        let accept = |kind: &ItemKind| matches!(kind, ItemKind::Settings(item) if matches!(item.keyword, SettingsKeyword::Source | SettingsKeyword::Ingest));
        let item = self.named_item(module, name, "source or ingest", accept)?;
        match self.globals.get(&item)? {
            Global::Source(id) => Some(TestFeedTarget::Source(*id)),
            Global::Ingest(id) => Some(TestFeedTarget::Ingest(*id)),
            _ => None,
        }
    }

    /// A source's record as the JSON text that would arrive: members under the names that the source reads.
    fn source_message(&mut self, module: u32, id: plan::SourceId, record: &ast::Expr) -> Option<String> {
        let fields = self.program.sources[id.index()].value.encoding.fields.clone();
        let types: Vec<(String, Type)> = fields.iter().map(|field| (field.name.clone(), field.ty.clone())).collect();
        let members = self.members(module, record, &types, Some(Global::Source(id)))?;
        let mut object = Json::Object(Vec::new());
        for (name, value) in members {
            let Some(field) = fields.iter().find(|field| field.name == name) else { continue };
            if let [part] = field.path.as_slice()
                && ["$topic", "$partition", "$offset"].contains(&part.as_str())
            {
                let location = self.at(module, record.span);
                let text = format!("`{name}` is the message's `{part}`, which the test itself gives");
                self.diagnostics.push(message::test(location, text).help(format!("leave `{name}` out")));
                return None;
            }
            object.put(&field.path, json::of_literal(&value, &field.ty, &field.renames));
        }
        Some(object.to_string())
    }

    /// An ingest's record: the members of `fields`, with `time`, `cmd` and `change_fields` as the writer gives them.
    fn ingest_message(&mut self, module: u32, id: plan::IngestId, record: &ast::Expr) -> Option<String> {
        let ExprKind::Record(entries) = &record.kind else {
            if contains_error(record) {
                return None;
            }
            let location = self.at(module, record.span);
            self.diagnostics.push(message::test(location, "a record is written `{ name: value, … }`".to_owned()));
            return None;
        };
        let ingest = &self.program.ingests[id.index()].value;
        let tenant = self.program.tenants.get(ingest.tenant.index()).map(|tenant| tenant.value.clone());
        let arris_id = ingest.arris_id.clone();
        let mut fields = Vec::new();
        let mut body: Vec<(String, Json)> = Vec::new();
        for entry in entries {
            let RecordEntry::Field { name, value: Some(value), .. } = entry else {
                let location = self.at(module, record.span);
                let text = "in a test every member is given with its value".to_owned();
                self.diagnostics.push(message::test(location, text));
                return None;
            };
            let (mut unit, mut scope) = (Unit::default(), Scope::default());
            let mut expressions = Expressions { checker: self, unit: &mut unit, scope: &mut scope, module, raw: None };
            let is_time = name.text == "time";
            let hint = is_time.then_some(Type::Timestamp);
            let typed = match &value.kind {
                ExprKind::Literal(ast::Literal::Null) => None,
                _ => Some(expressions.infer(value, hint.as_ref())?),
            };
            let member = match &typed {
                None => Json::Null,
                Some(typed) => match fold::constant(typed) {
                    Some(Literal::Integer(time)) if is_time => Json::Raw(time.to_string()),
                    Some(literal) => json::of_literal(&literal, &typed.ty, &[]),
                    None => {
                        let location = self.at(module, value.span);
                        self.diagnostics.push(words::not_constant(location, "a test's value"));
                        return None;
                    }
                },
            };
            match name.text.as_str() {
                "time" | "cmd" | "change_fields" => body.push((name.text.to_string(), member)),
                other => fields.push((other.to_owned(), member)),
            }
        }
        Some(json::ingest_envelope(&arris_id, tenant.as_ref(), body, fields).to_string())
    }

    fn expect(&mut self, module: u32, expr: &ast::Expr, span: Span) -> Option<TestExpectation> {
        if self.is_misspelt_count(module, expr) {
            return None;
        }
        let condition = self.test_expression(module, expr, Some(&Type::Bool))?;
        let sides = match &expr.kind {
            ExprKind::Binary(ast::BinaryOperator::Equal, _, left, right) => {
                let reported = self.diagnostics.len();
                let left = self.test_expression(module, left, None);
                let ty = left.as_ref().map(|left| left.value.ty.clone());
                let right = self.test_expression(module, right, ty.as_ref());
                self.diagnostics.truncate(reported);
                left.zip(right)
            }
            _ => None,
        };
        let text = source_text(self, module, expr);
        Some(TestExpectation::Condition { condition, text, sides, origin: self.origin(module, span) })
    }

    /// Whether a name that means nothing is near `rejected` or `dropped`, which stand alone as well; reports it.
    fn is_misspelt_count(&mut self, module: u32, expr: &ast::Expr) -> bool {
        let ExprKind::Name(name) = &expr.kind else { return false };
        let is_unknown = matches!(self.names.lookup(module, name), Resolution::Unknown);
        let Some(near) = closest(name, ["rejected", "dropped"]).filter(|_| is_unknown) else { return false };
        let (location, near) = (self.at(module, expr.span), Some(near.to_owned()));
        let error =
            NameError::Unknown { what: "expectation".to_owned(), name: name.to_string(), near, module: None, location };
        self.diagnostics.push(error.diagnostic());
        true
    }

    /// An expression over rows that are named with their keys: `class_stu_plan(1, 7, 3).stay`.
    fn test_expression(&mut self, module: u32, expr: &ast::Expr, expected: Option<&Type>) -> Option<TestExpression> {
        let mut unit = Unit::default();
        let mut scope = Scope::default();
        let mut expr = expr.clone();
        let mut complete = true;
        self.rows_in(module, &mut expr, &mut unit, &mut scope, &mut complete);
        if !complete {
            return None;
        }
        let mut expressions = Expressions { checker: self, unit: &mut unit, scope: &mut scope, module, raw: None };
        let value = match expected {
            // `expect row.flag` of a nullable bool: null does not hold.
            Some(Type::Bool) => {
                let found = expressions.infer(&expr, Some(&Type::Bool))?;
                test_condition(&mut expressions, found, expr.span)?
            }
            hint => expressions.infer(&expr, hint)?,
        };
        Some(TestExpression { handles: unit.handles, slots: unit.slots, value })
    }

    /// Replaces each `ROW(keys)` by a name that is bound to that row.
    fn rows_in(&mut self, module: u32, expr: &mut ast::Expr, unit: &mut Unit, scope: &mut Scope, complete: &mut bool) {
        if let ExprKind::Call { function, arguments } = &mut expr.kind {
            let item = match &function.kind {
                ExprKind::Name(name) => match self.names.lookup(module, name) {
                    crate::names::Resolution::Item(item) if self.has_rows(item) => Some((item, name.clone())),
                    _ => None,
                },
                _ => None,
            };
            if let Some((item, name)) = item {
                self.used.insert(item);
                self.refer_to_item(module, function.span, item);
                // A dimension or state that was not understood has no rows.
                let Some(target) = self.row_target(item) else {
                    *complete = false;
                    return;
                };
                match self.row_literals(module, target, &name, arguments, expr.span) {
                    Some(keys) => {
                        let bound = format!("{name}#{}", unit.handles.len());
                        unit.handles.push(Handle { name: name.to_string(), target, keys });
                        let handle = HandleId(unit.handles.len() as u32 - 1);
                        let loaded = self.at(module, expr.span);
                        scope.rows.push(RowBinding {
                            name: bound.as_str().into(),
                            handle,
                            nullable: false,
                            loaded,
                            symbol: None,
                        });
                        expr.kind = ExprKind::Name(bound.into());
                    }
                    None => *complete = false,
                }
                return;
            }
        }
        if self.is_row_without_key(module, expr) {
            *complete = false;
            return;
        }
        let mut visit = |inner: &mut ast::Expr| self.rows_in(module, inner, unit, scope, complete);
        for_each_child(expr, &mut visit);
    }

    /// Whether an item is one that keeps rows, understood or not.
    pub(super) fn has_rows(&self, item: crate::names::ItemRef) -> bool {
        match &self.names.item(item).kind {
            ItemKind::Dimension(_) => true,
            ItemKind::Settings(item) => matches!(item.keyword, SettingsKeyword::State | SettingsKeyword::Table),
            _ => false,
        }
    }

    fn row_literals(
        &mut self,
        module: u32,
        target: HandleTarget,
        name: &str,
        arguments: &[ast::Argument],
        span: Span,
    ) -> Option<Vec<Expr>> {
        let keys = self.row_keys(target);
        if keys.len() != arguments.len() {
            let location = self.at(module, span);
            let names: Vec<&str> = keys.iter().map(|(key, _)| key.as_str()).collect();
            let due = if keys.len() == 1 { "1 value is".to_owned() } else { format!("{} values are", keys.len()) };
            let text = format!("`{name}` is kept by ({}), so {due} due", names.join(", "));
            self.diagnostics.push(message::test(location, text));
            return None;
        }
        let mut values = Vec::with_capacity(keys.len());
        for ((_, ty), argument) in keys.iter().zip(arguments) {
            let literal = self.constant_of(module, &argument.value, ty, "a key in a test")?;
            let origin = Some(self.origin(module, argument.value.span));
            values.push(Expr { kind: plan::ExprKind::Literal(literal), ty: ty.clone(), origin });
        }
        Some(values)
    }

    #[allow(clippy::too_many_arguments)]
    fn expect_count(
        &mut self,
        module: u32,
        rejected: bool,
        source: Option<&Name>,
        count: Option<&ast::Expr>,
        reason: Option<&TextLiteral>,
        span: Span,
    ) -> Option<TestExpectation> {
        let source = match source {
            Some(name) => Some(self.feed_target(module, name)?),
            None => None,
        };
        let count = match count {
            Some(expr) => match self.constant_of(module, expr, &Type::INT64, "how many")? {
                Literal::Integer(count) => u64::try_from(count).ok(),
                _ => None,
            },
            None => None,
        };
        let reason = reason.map(|reason| reason.value.to_string());
        Some(TestExpectation::Count { rejected, source, count, reason, origin: self.origin(module, span) })
    }
}

fn test_condition(expressions: &mut Expressions<'_, '_>, found: Expr, span: Span) -> Option<Expr> {
    if found.ty == Type::Bool.nullable() {
        let origin = found.origin;
        let no = Expr { kind: plan::ExprKind::Literal(Literal::Bool(false)), ty: Type::Bool, origin };
        let kind = plan::ExprKind::Coalesce(Box::new(found), Box::new(no));
        return Some(Expr { kind, ty: Type::Bool, origin });
    }
    if *found.ty.non_null() != Type::Bool {
        let (location, text) = (expressions.at(span), expressions.text(span));
        expressions.report(message::no_condition(location, &text, &found.ty));
        return None;
    }
    expressions.coerce(found, &Type::Bool, span)
}

/// Whether a part of an expression could not be read, which was reported.
fn contains_error(expr: &ast::Expr) -> bool {
    let mut expr = expr.clone();
    fn look(expr: &mut ast::Expr, found: &mut bool) {
        *found |= expr.kind == ExprKind::Error;
        for_each_child(expr, &mut |child| look(child, found));
    }
    let mut found = false;
    look(&mut expr, &mut found);
    found
}

pub(super) fn for_each_child(expr: &mut ast::Expr, visit: &mut impl FnMut(&mut ast::Expr)) {
    match &mut expr.kind {
        ExprKind::Unary(_, inner) | ExprKind::Paren(inner) | ExprKind::Lambda(_, inner) => visit(inner),
        ExprKind::Binary(_, _, left, right) | ExprKind::Catch(left, right) | ExprKind::Index(left, right) => {
            visit(left);
            visit(right);
        }
        ExprKind::Member { object, .. } => visit(object),
        ExprKind::Call { function, arguments } => {
            visit(function);
            arguments.iter_mut().for_each(|argument| visit(&mut argument.value));
        }
        ExprKind::If(condition, then, otherwise) => {
            visit(condition);
            visit(then);
            visit(otherwise);
        }
        ExprKind::Match(subject, arms) => {
            visit(subject);
            arms.iter_mut().for_each(|arm| visit(&mut arm.value));
        }
        ExprKind::List(items) => items.iter_mut().for_each(visit),
        ExprKind::Record(entries) => entries.iter_mut().for_each(|entry| match entry {
            RecordEntry::Field { value: Some(value), .. } | RecordEntry::Spread(value) => visit(value),
            RecordEntry::Field { .. } => {}
        }),
        _ => {}
    }
}
