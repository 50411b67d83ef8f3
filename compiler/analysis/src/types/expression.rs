//! Expressions: from what was written to typed expressions of the plan.
//!
//! `infer` gives none where a mistake was reported, so nothing is said twice. The expected type is a hint for
//! literals; `check` demands it.

use nsf_diagnostics::{Diagnostic, Location, Span};
use nsf_plan::{Expr, ExprKind, Literal, Origin, Type};
use nsf_syntax::ast::{self, TextPart, UnaryOperator};

use super::literal::{Number, integer_literal};
use super::unit::{Facts, Path, Scope, Unit};
use super::{Checker, ingest::RawMembers, message, relation};

/// Bytes of stack that one level of an expression or of steps takes at most, with room to spare.
pub(super) const STACK_LEFT: usize = 256 * 1024;
/// Bytes of stack that are added when less is left.
pub(super) const STACK_MORE: usize = 4 * 1024 * 1024;

/// Checks expressions of one unit in one scope.
pub struct Expressions<'c, 'a> {
    /// The pass.
    pub checker: &'c mut Checker<'a>,
    /// Slots and rows.
    pub unit: &'c mut Unit,
    /// Names.
    pub scope: &'c mut Scope,
    /// The module whose names and file are meant.
    pub module: u32,
    /// In an ingest's map: unknown names are members of the raw message.
    pub raw: Option<&'c mut RawMembers>,
}

/// What a text in quotes says as a value of another type.
pub(super) fn without_quotes(text: &str, expected: &Type) -> Option<String> {
    let meant = match expected {
        Type::Timestamp | Type::Date => format!("@{text}"),
        Type::Duration | Type::Bool | Type::Integer(_) | Type::Float32 | Type::Float64 | Type::Decimal => {
            text.to_owned()
        }
        _ => return None,
    };
    // The parser knows what these look like.
    let program = format!("const V: bool = {meant}\n");
    let parsed = nsf_syntax::parse(nsf_diagnostics::FileId(0), &program);
    let item = parsed.file.items.first().filter(|_| parsed.errors.is_empty())?;
    let ast::ItemKind::Const(ast::Const { value, .. }) = &item.kind else { return None };
    if value.span.text(&program) != meant {
        return None;
    }
    let ast::ExprKind::Literal(literal) = &value.kind else { return None };
    let fits = match (literal, expected) {
        (ast::Literal::Number(_), Type::Float32 | Type::Float64 | Type::Decimal)
        | (ast::Literal::Duration(_), Type::Duration)
        | (ast::Literal::Timestamp(_), Type::Timestamp)
        | (ast::Literal::Date(_), Type::Date)
        | (ast::Literal::Bool(_), Type::Bool) => true,
        (ast::Literal::Number(number), Type::Integer(_)) => number.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    };
    fits.then_some(meant)
}

/// The operands of a division of whole numbers that stands where a whole number is due.
fn whole_division(expr: &ast::Expr, found: &Expr, expected: &Type) -> Option<(Span, Span)> {
    let is_whole = |ty: &Type| matches!(ty, Type::Integer(_));
    let mut inner = expr;
    while let ast::ExprKind::Paren(own) = &inner.kind {
        inner = own;
    }
    let ast::ExprKind::Binary(ast::BinaryOperator::Divide, _, left, right) = &inner.kind else { return None };
    let ExprKind::Binary(_, dividend, divisor) = &found.kind else { return None };
    let of_whole = |own: &Expr| is_whole(&own.ty) || matches!(&own.kind, ExprKind::Widen(from) if is_whole(&from.ty));
    (is_whole(expected) && of_whole(dividend) && of_whole(divisor)).then_some((left.span, right.span))
}

impl<'a> Expressions<'_, 'a> {
    /// The place of a span in this module's file.
    #[must_use]
    pub fn at(&self, span: Span) -> Location {
        span.in_file(self.checker.names.modules[self.module as usize].file)
    }

    /// The origin of a span for the plan.
    #[must_use]
    pub fn origin(&self, span: Span) -> Option<Origin> {
        Some(self.checker.origin(self.module, span))
    }

    /// Reports.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        self.checker.diagnostics.push(diagnostic);
    }

    /// Makes a typed expression.
    #[must_use]
    pub fn make(&self, kind: ExprKind, ty: Type, span: Span) -> Expr {
        Expr { kind, ty, origin: self.origin(span) }
    }

    /// The text of a span.
    #[must_use]
    pub fn text(&self, span: Span) -> String {
        self.checker.sources.text(self.at(span)).to_owned()
    }

    /// The expression as a value of `expected`, widened if need be.
    pub fn check(&mut self, expr: &ast::Expr, expected: &Type) -> Option<Expr> {
        let found = self.infer(expr, Some(expected))?;
        self.fitted(found, expr, expected)
    }

    /// What was found as a value of `expected`, or what is wrong with it.
    fn fitted(&mut self, found: Expr, expr: &ast::Expr, expected: &Type) -> Option<Expr> {
        if let Some((left, right)) = whole_division(expr, &found, expected) {
            let (location, text) = (self.at(expr.span), self.text(expr.span));
            let (left, right) = (self.text(left), self.text(right));
            self.report(message::whole_division(location, expected, &text, Some((&left, &right))));
            return None;
        }
        if let ast::ExprKind::Literal(ast::Literal::Text(text)) = &expr.kind
            && let Some(meant) = without_quotes(text, expected.non_null())
        {
            let location = self.at(expr.span);
            self.report(message::quoted(location, expected, &meant));
            return None;
        }
        if !relation::widens(&found.ty, expected) && self.is_other_form(expr, &found.ty, expected) {
            return None;
        }
        self.coerce(found, expected, expr.span)
    }

    /// A condition and what it tells about nulls.
    pub fn condition(&mut self, expr: &ast::Expr) -> Option<(Expr, Facts)> {
        let found = self.infer(expr, Some(&Type::Bool))?;
        if self.is_no_condition(expr, &found) {
            return None;
        }
        let condition = self.fitted(found, expr, &Type::Bool)?;
        let facts = Facts::of(&condition);
        Some((condition, facts))
    }

    /// Widens a typed expression to a type, or reports.
    pub fn coerce(&mut self, found: Expr, expected: &Type, span: Span) -> Option<Expr> {
        if found.ty == *expected {
            return Some(found);
        }
        if matches!(found.kind, ExprKind::Reject(_)) {
            return Some(Expr { ty: expected.clone(), ..found });
        }
        if relation::widens(&found.ty, expected) {
            let origin = found.origin;
            return Some(Expr { kind: ExprKind::Widen(Box::new(found)), ty: expected.clone(), origin });
        }
        let location = self.at(span);
        if found.ty.is_nullable() && relation::widens(found.ty.non_null(), expected) {
            let text = self.text(span);
            self.report(message::may_be_null(location, &text, &found.ty));
        } else {
            self.report(message::mismatch(location, &found.ty, expected));
        }
        None
    }

    /// The typed expression; `hint` is the type that its place needs, if known.
    pub fn infer(&mut self, expr: &ast::Expr, hint: Option<&Type>) -> Option<Expr> {
        // Functions are unfolded where they are called, so the depth is not bounded by that of one text.
        if !self.checker.calls.descend(Expr::MAX_DEPTH, self.checker.told_unfolded) {
            return None;
        }
        let found = stacker::maybe_grow(STACK_LEFT, STACK_MORE, || self.infer_here(expr, hint));
        self.checker.calls.ascend();
        found
    }

    fn infer_here(&mut self, expr: &ast::Expr, hint: Option<&Type>) -> Option<Expr> {
        let span = expr.span;
        match &expr.kind {
            ast::ExprKind::Error => None,
            ast::ExprKind::Paren(inner) => self.infer(inner, hint),
            ast::ExprKind::Name(name) => self.name(name, span, hint),
            ast::ExprKind::Literal(literal) => self.literal(literal, span, hint),
            ast::ExprKind::Interpolation(parts) => self.interpolation(parts, span),
            ast::ExprKind::Unary(operator, operand) => self.unary(*operator, operand, span, hint),
            ast::ExprKind::Binary(operator, at, left, right) => self.binary(*operator, *at, left, right, span, hint),
            ast::ExprKind::Catch(value, fallback) => self.catch(value, fallback, span, hint),
            ast::ExprKind::Reject(_) => {
                let location = self.at(span);
                self.report(message::reject_misplaced(location));
                None
            }
            ast::ExprKind::Member { object, name, optional } => self.member(object, name, *optional, span, hint),
            ast::ExprKind::Index(object, index) => self.index(object, index, span),
            ast::ExprKind::Call { function, arguments } => self.call(function, arguments, span, hint),
            ast::ExprKind::If(condition, then, otherwise) => self.conditional(condition, then, otherwise, span, hint),
            ast::ExprKind::Match(subject, arms) => self.matching(subject, arms, span, hint),
            ast::ExprKind::Lambda(..) => {
                let location = self.at(span);
                self.report(message::lambda_misplaced(location));
                None
            }
            ast::ExprKind::List(items) => self.list(items, span, hint),
            ast::ExprKind::Record(entries) => self.record(entries, span, hint),
        }
    }

    fn literal(&mut self, literal: &ast::Literal, span: Span, hint: Option<&Type>) -> Option<Expr> {
        let (value, ty) = match literal {
            ast::Literal::Null => {
                let Some(hint) = hint else {
                    let location = self.at(span);
                    self.report(message::unknown_type(location, "`null`"));
                    return None;
                };
                (Literal::Null, hint.clone().nullable())
            }
            ast::Literal::Bool(value) => (Literal::Bool(*value), Type::Bool),
            ast::Literal::Number(text) => return self.number(text, span, hint),
            ast::Literal::Text(value) | ast::Literal::RawText(value) => (Literal::Text(value.to_string()), Type::Text),
            ast::Literal::Duration(value) => (Literal::Integer(*value), Type::Duration),
            ast::Literal::Timestamp(value) => (Literal::Integer(*value), Type::Timestamp),
            ast::Literal::Date(value) => (Literal::Integer(i64::from(*value)), Type::Date),
        };
        Some(self.make(ExprKind::Literal(value), ty, span))
    }

    /// A number takes the type that its place needs; a whole one without need is an int64, another a float64.
    fn number(&mut self, written: &str, span: Span, hint: Option<&Type>) -> Option<Expr> {
        let number = Number::read(written);
        let mut target = hint.map(Type::non_null);
        if let Some(Type::Select(inner)) = target {
            target = Some(inner);
        }
        let (literal, ty) = match (target, number.integer) {
            (Some(Type::Float32), _) => (float(f64::from(number.float() as f32)), Type::Float32),
            (Some(Type::Float64), _) => (float(number.float()), Type::Float64),
            (Some(Type::Decimal), _) => (number.decimal().map(Literal::Decimal), Type::Decimal),
            (Some(Type::Integer(width)), Some(value)) => (integer_literal(value, *width), Type::Integer(*width)),
            (_, Some(value)) => (integer_literal(value, nsf_plan::IntegerWidth::Int64), Type::INT64),
            (_, None) if number.fraction || number.percent => (float(number.float()), Type::Float64),
            (_, None) => (None, Type::INT64),
        };
        let Some(literal) = literal else {
            let location = self.at(span);
            self.report(message::out_of_range(location, written, &ty));
            return None;
        };
        Some(self.make(ExprKind::Literal(literal), ty, span))
    }

    fn interpolation(&mut self, parts: &[TextPart], span: Span) -> Option<Expr> {
        let mut joined = Some(Vec::with_capacity(parts.len()));
        let mut dollars = Vec::new();
        let is_text = self.text(Span::new(span.start, span.start + 1)) == "\"";
        for part in parts {
            let inserted = match part {
                TextPart::Expr(expr) => Some(expr.span),
                TextPart::Text(_) => None,
            };
            let part = match part {
                TextPart::Text(text) => {
                    Some(self.make(ExprKind::Literal(Literal::Text(text.to_string())), Type::Text, span))
                }
                TextPart::Expr(expr) => self.interpolated(expr),
            };
            // What stands in back quotes is told of already.
            if is_text
                && let (Some(at), Some(value)) = (inserted, &part)
                && let Some(dollar) = self.dollar_before(at, value)
            {
                dollars.push(dollar);
            }
            match (part, &mut joined) {
                (Some(part), Some(joined)) => joined.push(part),
                _ => joined = None,
            }
        }
        if !dollars.is_empty() {
            let diagnostic = message::dollars(&dollars);
            self.report(diagnostic);
        }
        Some(self.make(ExprKind::Join(joined?), Type::Text, span))
    }

    /// The dollar that stands right before a value in braces that is no number.
    fn dollar_before(&self, at: Span, value: &Expr) -> Option<Location> {
        let start = at.start.checked_sub(2)?;
        let is_number = match &value.kind {
            ExprKind::Call(name, values) => {
                name.starts_with("text") && values.first().is_some_and(|own| relation::is_number(own.ty.non_null()))
            }
            _ => false,
        };
        let is_dollar = self.text(Span::new(start, at.start)) == "${";
        (is_dollar && !is_number).then(|| self.at(Span::new(start, start + 1)))
    }

    fn interpolated(&mut self, expr: &ast::Expr) -> Option<Expr> {
        let value = self.infer(expr, None)?;
        match &value.ty {
            Type::Text => Some(value),
            Type::Select(inner) if **inner == Type::Text => self.coerce(value, &Type::Text, expr.span),
            _ => self.builtin_call("text", vec![(value, expr.span)], expr.span),
        }
    }

    fn unary(&mut self, operator: UnaryOperator, operand: &ast::Expr, span: Span, hint: Option<&Type>) -> Option<Expr> {
        if operator == UnaryOperator::Not {
            let operand = self.condition(operand)?.0;
            return Some(self.make(ExprKind::Not(Box::new(operand)), Type::Bool, span));
        }
        // `-128` is a literal of its own: 128 alone would not fit an int8.
        if let ast::ExprKind::Literal(ast::Literal::Number(text)) = &operand.kind {
            return self.number(&format!("-{text}"), span, hint);
        }
        let operand = self.infer(operand, hint)?;
        let location = self.at(span);
        if operand.ty.is_nullable() {
            let text = self.text(span);
            self.report(message::may_be_null(location, text.trim_start_matches('-'), &operand.ty));
            return None;
        }
        let unsigned = matches!(&operand.ty, Type::Integer(width) if width.range().0 == 0);
        if unsigned || !(relation::is_number(&operand.ty) || operand.ty == Type::Duration) {
            self.report(message::unary_operator(location, "-", &operand.ty));
            return None;
        }
        let ty = operand.ty.clone();
        Some(self.make(ExprKind::Negate(Box::new(operand)), ty, span))
    }

    /// The right side of `??` or `catch`.
    pub fn fallback(&mut self, expr: &ast::Expr, ty: &Type) -> Option<Expr> {
        if let ast::ExprKind::Reject(reason) = &expr.kind {
            return Some(self.make(ExprKind::Reject(reason.value.to_string()), ty.clone(), expr.span));
        }
        self.infer(expr, Some(ty))
    }

    fn catch(&mut self, value: &ast::Expr, fallback: &ast::Expr, span: Span, hint: Option<&Type>) -> Option<Expr> {
        let value_expr = self.infer(value, hint)?;
        if !self.checker.may_fail(&value_expr) {
            let location = self.at(span);
            let otherwise = self.at(Span::new(value.span.end, fallback.span.end));
            self.report(message::never_fails(location, otherwise));
        }
        let fallback_expr = self.fallback(fallback, &value_expr.ty)?;
        let (value_expr, fallback_expr) = self.join(value_expr, value.span, fallback_expr, fallback.span)?;
        let ty = value_expr.ty.clone();
        Some(self.make(ExprKind::Catch(Box::new(value_expr), Box::new(fallback_expr)), ty, span))
    }

    /// Gives two branches their common type.
    pub fn join(&mut self, left: Expr, left_span: Span, right: Expr, right_span: Span) -> Option<(Expr, Expr)> {
        if matches!(right.kind, ExprKind::Reject(_)) {
            let ty = left.ty.clone();
            return Some((left, Expr { ty, ..right }));
        }
        match relation::common(&left.ty, &right.ty) {
            Some(ty) => Some((self.coerce(left, &ty, left_span)?, self.coerce(right, &ty, right_span)?)),
            None => {
                let location = self.at(right_span);
                let diagnostic = message::mismatch(location, &right.ty, &left.ty);
                let mut diagnostic =
                    diagnostic.secondary(self.at(left_span), format!("this is {}", relation::show(&left.ty)));
                // A whole number among others with a fraction is written like them.
                let whole = [(left_span, &right.ty), (right_span, &left.ty)].into_iter().find(|(own, other)| {
                    let is_whole = self.text(*own).bytes().all(|byte| byte.is_ascii_digit());
                    is_whole && matches!(other, Type::Float32 | Type::Float64)
                });
                if let Some((own, _)) = whole {
                    let meant = format!("{}.0", self.text(own));
                    diagnostic.notes.clear();
                    diagnostic = diagnostic.suggest(nsf_diagnostics::Suggestion::certain(
                        format!("write `{meant}`"),
                        self.at(own),
                        meant,
                    ));
                }
                self.report(diagnostic);
                None
            }
        }
    }

    fn conditional(
        &mut self,
        condition: &ast::Expr,
        then: &ast::Expr,
        otherwise: &ast::Expr,
        span: Span,
        hint: Option<&Type>,
    ) -> Option<Expr> {
        let condition = self.condition(condition);
        let (condition, facts) = match condition {
            Some((condition, facts)) => (Some(condition), facts),
            None => (None, Facts::default()),
        };
        let first_null = is_null(then) && hint.is_none();
        let (first, second) = if first_null { (otherwise, then) } else { (then, otherwise) };
        let (first_facts, second_facts) =
            if first_null { (&facts.when_false, &facts.when_true) } else { (&facts.when_true, &facts.when_false) };
        let first_expr = self.knowing(first_facts, |this| this.infer(first, hint));
        let second_hint = hint.cloned().or_else(|| first_expr.as_ref().map(|expr| expr.ty.clone()));
        // Nothing tells what the null would be where the other branch was not understood.
        let unclear = first_expr.is_none() && second_hint.is_none() && is_null(second);
        let second_expr =
            if unclear { None } else { self.knowing(second_facts, |this| this.infer(second, second_hint.as_ref())) };
        let (first_expr, second_expr) = self.join(first_expr?, first.span, second_expr?, second.span)?;
        let ty = first_expr.ty.clone();
        let (then, otherwise) = if first_null { (second_expr, first_expr) } else { (first_expr, second_expr) };
        let kind = ExprKind::If(Box::new(condition?), Box::new(then), Box::new(otherwise));
        Some(self.make(kind, ty, span))
    }

    /// Runs with further places known not to be null.
    pub fn knowing<R>(&mut self, facts: &[Path], run: impl FnOnce(&mut Self) -> R) -> R {
        let added: Vec<Path> = facts.iter().filter(|path| !self.scope.known.contains(path)).cloned().collect();
        self.scope.learn(&added);
        let result = run(self);
        for path in &added {
            self.scope.known.remove(path);
        }
        result
    }

    /// An expression that reads a place, not null where that is known.
    #[must_use]
    pub fn read(&self, expr: Expr) -> Expr {
        let known = expr.ty.is_nullable() && Path::of(&expr).is_some_and(|path| self.scope.known.contains(&path));
        if !known {
            return expr;
        }
        let (ty, origin) = (expr.ty.non_null().clone(), expr.origin);
        Expr { kind: ExprKind::NonNull(Box::new(expr)), ty, origin }
    }

    fn index(&mut self, object: &ast::Expr, index: &ast::Expr, span: Span) -> Option<Expr> {
        if self.is_indexed_mapping(object, index, span) {
            return None;
        }
        let object_expr = self.infer(object, None)?;
        let location = self.at(object.span);
        match object_expr.ty.clone() {
            Type::List(item) => {
                let index = self.check(index, &Type::INT64)?;
                Some(self.make(ExprKind::Index(Box::new(object_expr), Box::new(index)), *item, span))
            }
            Type::Map(key, value) => {
                let index = self.check(index, &key)?;
                let ty = value.nullable();
                Some(self.make(ExprKind::Index(Box::new(object_expr), Box::new(index)), ty, span))
            }
            ty if *ty.non_null() == Type::Json => {
                let at = self.infer(index, None)?;
                self.builtin_call("get", vec![(object_expr, object.span), (at, index.span)], span)
            }
            Type::Nullable(_) => {
                let text = self.text(object.span);
                self.report(message::may_be_null(location, &text, &object_expr.ty));
                None
            }
            other => {
                let diagnostic = Diagnostic::new(
                    &nsf_diagnostics::codes::E0303,
                    location,
                    format!("{} has no elements to index", relation::show(&other)),
                )
                .note("`[…]` reads an element of a list, map or json");
                let character = if other == Type::Text { self.character(object, index, span) } else { None };
                self.report(match character {
                    Some(character) => diagnostic.suggest(character),
                    None => diagnostic,
                });
                None
            }
        }
    }
}

fn float(value: f64) -> Option<Literal> {
    value.is_finite().then_some(Literal::Float(value))
}

fn is_null(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ast::ExprKind::Literal(ast::Literal::Null) => true,
        ast::ExprKind::Paren(inner) => is_null(inner),
        _ => false,
    }
}
