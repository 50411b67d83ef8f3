//! Operators between two operands.

use nsf_diagnostics::Span;
use nsf_plan::{BinaryOperator as Plan, Expr, ExprKind, Type};
use nsf_syntax::ast::{self, BinaryOperator};

use super::expression::Expressions;
use super::{message, relation};

impl Expressions<'_, '_> {
    pub(super) fn binary(
        &mut self,
        operator: BinaryOperator,
        at: Span,
        left: &ast::Expr,
        right: &ast::Expr,
        span: Span,
        hint: Option<&Type>,
    ) -> Option<Expr> {
        use BinaryOperator as B;
        match operator {
            B::Or | B::And => self.logical(operator, left, right, span),
            B::Coalesce => self.coalesce(left, right, span, hint),
            B::Equal | B::NotEqual => self.equality(operator, at, left, right, span),
            B::Less | B::LessEqual | B::Greater | B::GreaterEqual => self.order(operator, at, left, right, span),
            B::In | B::NotIn => self.membership(operator, at, left, right, span),
            B::Range => self.range(at, left, right, span),
            B::Add | B::Subtract | B::Multiply | B::Divide | B::Remainder => {
                self.arithmetic(operator, at, left, right, span, hint)
            }
        }
    }

    fn logical(&mut self, operator: BinaryOperator, left: &ast::Expr, right: &ast::Expr, span: Span) -> Option<Expr> {
        let left_written = left;
        let left = self.condition(left);
        let facts = match (&left, operator) {
            (Some((_, facts)), BinaryOperator::And) => facts.when_true.clone(),
            (Some((_, facts)), _) => facts.when_false.clone(),
            (None, _) => Vec::new(),
        };
        if left.is_some() && self.is_second_value(operator, left_written, right) {
            return None;
        }
        let right = self.knowing(&facts, |this| this.condition(right))?.0;
        let operator = if operator == BinaryOperator::And { Plan::And } else { Plan::Or };
        let (left, _) = left?;
        Some(self.make(ExprKind::Binary(operator, Box::new(left), Box::new(right)), Type::Bool, span))
    }

    fn coalesce(&mut self, left: &ast::Expr, right: &ast::Expr, span: Span, hint: Option<&Type>) -> Option<Expr> {
        let wanted = hint.map(|ty| ty.clone().nullable());
        let value = self.infer(left, wanted.as_ref())?;
        if !value.ty.is_nullable() {
            let location = self.at(left.span);
            self.report(if self.checker.fails_without_value(&value) {
                let operator = self.sign_between("??", left.span, right.span);
                message::fails_and_is_not_null(location, &value.ty, operator)
            } else {
                let fallback = self.at(Span::new(left.span.end, right.span.end));
                message::never_null(location, &value.ty).suggest(nsf_diagnostics::Suggestion::certain(
                    "leave `?? …` out",
                    fallback,
                    "",
                ))
            });
        }
        let inner = value.ty.non_null().clone();
        let fallback = self.fallback(right, &inner)?;
        if matches!(fallback.kind, ExprKind::Reject(_)) {
            return Some(self.make(ExprKind::Coalesce(Box::new(value), Box::new(fallback)), inner, span));
        }
        let Some(ty) = relation::common(&inner, &fallback.ty) else {
            let location = self.at(right.span);
            self.report(message::mismatch(location, &fallback.ty, &inner));
            return None;
        };
        let value =
            if ty.non_null() == &inner { value } else { self.coerce(value, &ty.clone().nullable(), left.span)? };
        let fallback = self.coerce(fallback, &ty, right.span)?;
        Some(self.make(ExprKind::Coalesce(Box::new(value), Box::new(fallback)), ty, span))
    }

    /// Both operands; a bare number takes the other's type.
    fn operands(&mut self, left: &ast::Expr, right: &ast::Expr, hint: Option<&Type>) -> Option<(Expr, Expr)> {
        if is_number_literal(left) && !is_number_literal(right) {
            let right = self.infer(right, hint);
            let wanted = right.as_ref().map(|expr| expr.ty.clone()).filter(takes_number).or(hint.cloned());
            let left = self.infer(left, wanted.as_ref());
            return Some((left?, right?));
        }
        let left_expr = self.infer(left, hint);
        let wanted = match &left_expr {
            Some(expr) if is_number_literal(right) => Some(expr.ty.clone()).filter(takes_number).or(hint.cloned()),
            Some(expr) => Some(expr.ty.clone()),
            None => hint.cloned(),
        };
        let right_expr = self.infer(right, wanted.as_ref());
        Some((left_expr?, right_expr?))
    }

    fn equality(
        &mut self,
        operator: BinaryOperator,
        at: Span,
        left: &ast::Expr,
        right: &ast::Expr,
        span: Span,
    ) -> Option<Expr> {
        if is_null(left) || is_null(right) {
            let value = if is_null(right) { left } else { right };
            return self.null_test(operator, value, span);
        }
        let (left_expr, right_expr) = self.operands(left, right, None)?;
        let Some(ty) = relation::common(&left_expr.ty, &right_expr.ty) else {
            self.operator_mistake(operator.symbol(), at, span, (left, &left_expr.ty), (right, &right_expr.ty));
            return None;
        };
        let left_expr = self.coerce(left_expr, &ty, left.span)?;
        let right_expr = self.coerce(right_expr, &ty, right.span)?;
        let operator = if operator == BinaryOperator::Equal { Plan::Equal } else { Plan::NotEqual };
        Some(self.make(ExprKind::Binary(operator, Box::new(left_expr), Box::new(right_expr)), Type::Bool, span))
    }

    fn null_test(&mut self, operator: BinaryOperator, value: &ast::Expr, span: Span) -> Option<Expr> {
        if let ast::ExprKind::Name(name) = &value.kind
            && self.scope.variable(name).is_none()
            && let Some(row) = self.scope.row(name)
        {
            let exists = self.make(ExprKind::Exists(row.handle), Type::Bool, span);
            let absent = operator == BinaryOperator::Equal;
            return Some(if absent { self.make(ExprKind::Not(Box::new(exists)), Type::Bool, span) } else { exists });
        }
        let value_expr = self.infer(value, None)?;
        if !value_expr.ty.is_nullable() {
            let location = self.at(span);
            let outcome = if operator == BinaryOperator::Equal { "false" } else { "true" };
            self.report(
                nsf_diagnostics::Diagnostic::new(
                    &nsf_diagnostics::codes::W0304,
                    location,
                    format!("this is always {outcome}: {} is never null", relation::show(&value_expr.ty)),
                )
                .help("leave the test out, or declare the value with `?` if it may be missing"),
            );
        }
        let test = self.make(ExprKind::IsNull(Box::new(value_expr)), Type::Bool, span);
        let negated = operator == BinaryOperator::NotEqual;
        Some(if negated { self.make(ExprKind::Not(Box::new(test)), Type::Bool, span) } else { test })
    }

    fn order(
        &mut self,
        operator: BinaryOperator,
        at: Span,
        left: &ast::Expr,
        right: &ast::Expr,
        span: Span,
    ) -> Option<Expr> {
        let (left_expr, right_expr) = self.operands(left, right, None)?;
        if self.is_json_operand(operator.symbol(), at, span, (left, &left_expr), (right, &right_expr)) {
            return None;
        }
        self.never_null(&left_expr, left.span)?;
        self.never_null(&right_expr, right.span)?;
        let common = relation::common(&left_expr.ty, &right_expr.ty).filter(relation::is_ordered);
        let Some(ty) = common else {
            self.operator_mistake(operator.symbol(), at, span, (left, &left_expr.ty), (right, &right_expr.ty));
            return None;
        };
        let left_expr = self.coerce(left_expr, &ty, left.span)?;
        let right_expr = self.coerce(right_expr, &ty, right.span)?;
        let operator = match operator {
            BinaryOperator::Less => Plan::Less,
            BinaryOperator::LessEqual => Plan::LessEqual,
            BinaryOperator::Greater => Plan::Greater,
            _ => Plan::GreaterEqual,
        };
        Some(self.make(ExprKind::Binary(operator, Box::new(left_expr), Box::new(right_expr)), Type::Bool, span))
    }

    fn membership(
        &mut self,
        operator: BinaryOperator,
        at: Span,
        left: &ast::Expr,
        right: &ast::Expr,
        span: Span,
    ) -> Option<Expr> {
        let probe = self.infer(left, None);
        if let (Some(probe), Some((low, high))) = (&probe, range_ends(right))
            && relation::is_ordered(&probe.ty)
            && !relation::widens(&probe.ty, &Type::INT64)
        {
            let probe = (probe.clone(), left.span);
            return self.between(operator == BinaryOperator::NotIn, at, probe, low, high, span);
        }
        if let Some(probe) = &probe
            && self.is_list_of_quoted(operator.symbol(), at, probe, right)
        {
            return None;
        }
        let probe_list = probe.as_ref().map(|expr| Type::List(Box::new(expr.ty.non_null().clone())));
        let container = self.infer(right, probe_list.as_ref())?;
        self.never_null(&container, right.span)?;
        let element = match container.ty.clone() {
            Type::List(item) | Type::Set(item) | Type::Multi(item) => *item,
            Type::Map(key, _) => *key,
            Type::Text => Type::Text,
            other => {
                let location = self.at(at);
                let left = probe.map_or(Type::Text, |expr| expr.ty);
                self.report(message::operator(location, operator.symbol(), &left, &other));
                return None;
            }
        };
        let probe = probe?;
        let probe = if is_number_literal(left) {
            self.check(left, &element)?
        } else {
            self.coerce(probe, &element, left.span)?
        };
        let operator = if operator == BinaryOperator::In { Plan::In } else { Plan::NotIn };
        Some(self.make(ExprKind::Binary(operator, Box::new(probe), Box::new(container)), Type::Bool, span))
    }

    /// A written factor of a duration is taken as it is written: 70 % of 45 ms are 31.5 ms, which the nearest float
    /// is not.
    fn exact_factor(&mut self, factor: Expr, written: &ast::Expr, other: &Type) -> Expr {
        if *other != Type::Duration || factor.ty != Type::Float64 || !is_number_literal(written) {
            return factor;
        }
        let reported = self.checker.diagnostics.len();
        let exact = self.infer(written, Some(&Type::Decimal));
        self.checker.diagnostics.truncate(reported);
        exact.unwrap_or(factor)
    }

    /// A range as a value: the list of its whole numbers.
    fn range(&mut self, at: Span, left: &ast::Expr, right: &ast::Expr, span: Span) -> Option<Expr> {
        let low = self.infer(left, Some(&Type::INT64));
        let high = self.infer(right, Some(&Type::INT64));
        let (low, high) = (low?, high?);
        self.never_null(&low, left.span)?;
        self.never_null(&high, right.span)?;
        let whole = |ty: &Type| relation::widens(ty, &Type::INT64);
        if !whole(&low.ty) || !whole(&high.ty) {
            let location = self.at(at);
            let diagnostic = message::operator(location, "..", &low.ty, &high.ty);
            self.report(
                diagnostic.note("alone, a range is the list of its whole numbers; `x in a..b` takes any order"),
            );
            return None;
        }
        let low = self.coerce(low, &Type::INT64, left.span)?;
        let high = self.coerce(high, &Type::INT64, right.span)?;
        let kind = ExprKind::Binary(Plan::Range, Box::new(low), Box::new(high));
        Some(self.make(kind, Type::List(Box::new(Type::INT64)), span))
    }

    /// `x in low..high` of anything that has an order: both comparisons, with `x` computed once.
    fn between(
        &mut self,
        negated: bool,
        at: Span,
        (probe, probe_span): (Expr, Span),
        low: &ast::Expr,
        high: &ast::Expr,
        span: Span,
    ) -> Option<Expr> {
        let ends = [low, high].map(|end| (self.infer(end, Some(&probe.ty)), end.span));
        let [(Some(low), low_span), (Some(high), high_span)] = ends else { return None };
        self.never_null(&low, low_span)?;
        self.never_null(&high, high_span)?;
        let common = relation::common(&low.ty, &high.ty).and_then(|ty| relation::common(&probe.ty, &ty));
        let Some(ty) = common.filter(relation::is_ordered) else {
            let location = self.at(at);
            let other = if low.ty == probe.ty { &high.ty } else { &low.ty };
            self.report(message::operator(location, if negated { "not in" } else { "in" }, &probe.ty, other));
            return None;
        };
        let low = self.coerce(low, &ty, low_span)?;
        let high = self.coerce(high, &ty, high_span)?;
        let probe = self.coerce(probe, &ty, probe_span)?;
        let slot = self.unit.slot("in", ty.clone());
        let read = || Box::new(self.make(ExprKind::Slot(slot), ty.clone(), probe_span));
        let above = self.make(ExprKind::Binary(Plan::GreaterEqual, read(), Box::new(low)), Type::Bool, span);
        let below = self.make(ExprKind::Binary(Plan::LessEqual, read(), Box::new(high)), Type::Bool, span);
        let mut both = self.make(ExprKind::Binary(Plan::And, Box::new(above), Box::new(below)), Type::Bool, span);
        if negated {
            both = self.make(ExprKind::Not(Box::new(both)), Type::Bool, span);
        }
        Some(self.make(ExprKind::Let(slot, Box::new(probe), Box::new(both)), Type::Bool, span))
    }

    /// Whether operands of `+` are written texts, as other languages put texts together: reported once for all of them, with the
    /// text that is meant.
    fn puts_texts_together(&mut self, left: &ast::Expr, right: &ast::Expr, at: Span, span: Span) -> bool {
        let (mut parts, mut first) = (vec![right], at);
        let mut rest = left;
        while let ast::ExprKind::Binary(BinaryOperator::Add, sign, before, part) = &rest.kind {
            parts.push(part);
            (rest, first) = (before, *sign);
        }
        parts.push(rest);
        let is_text = |part: &&ast::Expr| {
            matches!(part.kind, ast::ExprKind::Literal(ast::Literal::Text(_)) | ast::ExprKind::Interpolation(_))
        };
        if !parts.iter().any(is_text) {
            return false;
        }
        let mut meant = String::from("\"");
        for part in parts.iter().rev() {
            let text = self.text(part.span);
            let inner = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(|_| is_text(part));
            match inner {
                Some(inner) => meant.push_str(inner),
                None => meant.push_str(&format!("{{{text}}}")),
            }
        }
        meant.push('"');
        let (sign, whole) = (self.at(first), self.at(span));
        self.report(message::texts_added(sign, whole, &meant));
        true
    }

    /// Where an operator stands between two operands; none where a comment or brackets are there too.
    fn sign_between(&self, operator: &str, left: Span, right: Span) -> Option<nsf_diagnostics::Location> {
        let between = Span::new(left.end, right.start);
        let text = self.text(between);
        let at = text.find(operator).filter(|_| text.trim() == operator)? as u32;
        Some(self.at(Span::new(left.end + at, left.end + at + operator.len() as u32)))
    }

    fn never_null(&mut self, expr: &Expr, span: Span) -> Option<()> {
        if !expr.ty.is_nullable() {
            return Some(());
        }
        let (location, text) = (self.at(span), self.text(span));
        self.report(message::may_be_null(location, &text, &expr.ty));
        None
    }

    fn arithmetic(
        &mut self,
        operator: BinaryOperator,
        at: Span,
        left: &ast::Expr,
        right: &ast::Expr,
        span: Span,
        hint: Option<&Type>,
    ) -> Option<Expr> {
        if operator == BinaryOperator::Add && self.puts_texts_together(left, right, at, span) {
            return None;
        }
        let hint = hint.filter(|ty| relation::is_number(ty.non_null())).map(Type::non_null);
        // An integer division gives a float64, so a float that is due says nothing of its operands.
        let hint = if operator == BinaryOperator::Divide { None } else { hint };
        let (left_expr, right_expr) = self.operands(left, right, hint)?;
        if self.is_json_operand(operator.symbol(), at, span, (left, &left_expr), (right, &right_expr)) {
            return None;
        }
        self.never_null(&left_expr, left.span)?;
        self.never_null(&right_expr, right.span)?;
        let left_expr = self.exact_factor(left_expr, left, &right_expr.ty);
        let right_expr = self.exact_factor(right_expr, right, &left_expr.ty);
        let plan = match operator {
            BinaryOperator::Add => Plan::Add,
            BinaryOperator::Subtract => Plan::Subtract,
            BinaryOperator::Multiply => Plan::Multiply,
            BinaryOperator::Divide => Plan::Divide,
            _ => Plan::Remainder,
        };
        if let Some(ty) = mixed(plan, &left_expr.ty, &right_expr.ty) {
            return Some(self.make(ExprKind::Binary(plan, Box::new(left_expr), Box::new(right_expr)), ty, span));
        }
        let numbers = relation::is_number(&left_expr.ty) && relation::is_number(&right_expr.ty);
        let common = if numbers { relation::common(&left_expr.ty, &right_expr.ty) } else { None };
        let fits = common.filter(|ty| plan != Plan::Remainder || matches!(ty, Type::Integer(_)));
        let Some(ty) = fits else {
            self.operator_mistake(operator.symbol(), at, span, (left, &left_expr.ty), (right, &right_expr.ty));
            return None;
        };
        let left_expr = self.coerce(left_expr, &ty, left.span)?;
        let right_expr = self.coerce(right_expr, &ty, right.span)?;
        let result = if plan == Plan::Divide && matches!(ty, Type::Integer(_)) { Type::Float64 } else { ty };
        Some(self.make(ExprKind::Binary(plan, Box::new(left_expr), Box::new(right_expr)), result, span))
    }
}

/// The result of arithmetic with times.
fn mixed(operator: Plan, left: &Type, right: &Type) -> Option<Type> {
    use Type::{Date, Duration, Timestamp};
    let scales = relation::is_number;
    Some(match (operator, left, right) {
        (Plan::Subtract, Timestamp, Timestamp) | (Plan::Subtract, Date, Date) => Duration,
        (Plan::Add | Plan::Subtract, Timestamp, Duration) | (Plan::Add, Duration, Timestamp) => Timestamp,
        (Plan::Add | Plan::Subtract | Plan::Remainder, Duration, Duration) => Duration,
        (Plan::Multiply | Plan::Divide, Duration, factor) if scales(factor) => Duration,
        (Plan::Multiply, factor, Duration) if scales(factor) => Duration,
        (Plan::Divide, Duration, Duration) => Type::Float64,
        _ => return None,
    })
}

/// The ends of a range that is written as such.
fn range_ends(expr: &ast::Expr) -> Option<(&ast::Expr, &ast::Expr)> {
    match &expr.kind {
        ast::ExprKind::Binary(BinaryOperator::Range, _, low, high) => Some((low, high)),
        ast::ExprKind::Paren(inner) => range_ends(inner),
        _ => None,
    }
}

fn takes_number(ty: &Type) -> bool {
    relation::is_number(ty.non_null()) || matches!(ty.non_null(), Type::Select(_))
}

fn is_number_literal(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ast::ExprKind::Literal(ast::Literal::Number(_)) => true,
        ast::ExprKind::Unary(ast::UnaryOperator::Negate, inner) | ast::ExprKind::Paren(inner) => {
            is_number_literal(inner)
        }
        _ => false,
    }
}

fn is_null(expr: &ast::Expr) -> bool {
    matches!(&expr.kind, ast::ExprKind::Literal(ast::Literal::Null))
}
