//! `match`: kinds of patterns, exhaustiveness, unreachable arms.

use nsf_diagnostics::Span;
use nsf_plan::{Expr, ExprKind, Literal, MatchArm, Pattern, SlotId, Type};
use nsf_syntax::ast::{self, PatternValue};

use super::expression::Expressions;
use super::{message, relation};
use crate::names::Resolution;

impl Expressions<'_, '_> {
    pub(super) fn matching(
        &mut self,
        subject: &ast::Expr,
        arms: &[ast::MatchArm],
        span: Span,
        hint: Option<&Type>,
    ) -> Option<Expr> {
        let subject_expr = self.infer(subject, None)?;
        let slot = self.unit.slot("match", subject_expr.ty.clone());
        let mut checked = Vec::with_capacity(arms.len());
        let mut covered = Covered::default();
        let mut result: Option<Type> = hint.cloned();
        let mut complete = true;
        for arm in arms {
            if covered.all
                || !covered.unclear
                    && matches!(arm.pattern, ast::Pattern::Else(_))
                    && covered.missing(&subject_expr.ty).is_none()
            {
                let location = self.at(arm.span);
                self.report(message::unreachable_arm(location));
            }
            match self.arm(arm, slot, &subject_expr.ty, result.as_ref(), &mut covered) {
                Some(arm) => {
                    let rejects = matches!(arm.value.kind, ExprKind::Reject(_));
                    if result.is_none() && !rejects {
                        result = Some(arm.value.ty.clone());
                    }
                    checked.push(arm);
                }
                None => complete = false,
            }
        }
        if let Some(missing) = covered.missing(&subject_expr.ty) {
            let location = self.at(Span::new(span.start, span.start + 5));
            self.report(message::not_exhaustive(location, &missing));
            return None;
        }
        let checked = self.common_arms(checked, arms)?;
        if !complete {
            return None;
        }
        let ty = checked.first().map_or(Type::Bool, |arm| arm.value.ty.clone());
        let body = self.make(ExprKind::Match(slot, checked), ty.clone(), span);
        Some(self.make(ExprKind::Let(slot, Box::new(subject_expr), Box::new(body)), ty, span))
    }

    fn common_arms(&mut self, mut checked: Vec<MatchArm>, arms: &[ast::MatchArm]) -> Option<Vec<MatchArm>> {
        let mut ty: Option<Type> = None;
        for (index, arm) in checked.iter().enumerate() {
            ty = match ty {
                None => Some(arm.value.ty.clone()),
                Some(ty) => match relation::common(&ty, &arm.value.ty) {
                    Some(common) => Some(common),
                    None => {
                        let at = arms.get(index).map_or(Span::default(), |arm| arm.value.span);
                        let location = self.at(at);
                        self.report(message::mismatch(location, &arm.value.ty, &ty));
                        return None;
                    }
                },
            };
        }
        let ty = ty?;
        for (index, arm) in checked.iter_mut().enumerate() {
            let at = arms.get(index).map_or(Span::default(), |arm| arm.value.span);
            arm.value = self.coerce(arm.value.clone(), &ty, at)?;
        }
        Some(checked)
    }

    fn arm(
        &mut self,
        arm: &ast::MatchArm,
        slot: SlotId,
        subject: &Type,
        hint: Option<&Type>,
        covered: &mut Covered,
    ) -> Option<MatchArm> {
        match &arm.pattern {
            ast::Pattern::Values(values) => {
                let patterns: Vec<Option<Pattern>> = values.iter().map(|value| self.pattern(value, subject)).collect();
                let patterns: Option<Vec<Pattern>> = patterns.into_iter().collect();
                let guard = self.guard(arm);
                let value = self.infer(&arm.value, hint);
                let patterns = patterns?;
                if patterns.iter().filter_map(ends).any(|(low, high)| low > high) {
                    let location = self.at(arm.span);
                    self.report(message::empty_range(location));
                } else if arm.guard.is_none() {
                    if patterns.iter().all(|pattern| covered.has(pattern)) {
                        let location = self.at(arm.span);
                        self.report(message::unreachable_arm(location));
                    }
                    covered.patterns.extend(patterns.iter().cloned());
                }
                Some(MatchArm { patterns, guard: guard?, value: value? })
            }
            ast::Pattern::Name(name) => {
                if arm.guard.is_none() {
                    let location = self.at(name.span);
                    let found = self.checker.names.lookup(self.module, &name.text);
                    if let Resolution::Item(item) = found
                        && matches!(self.checker.names.item(item).kind, ast::ItemKind::Const(_))
                    {
                        self.checker.used.insert(item);
                        self.report(message::constant_as_pattern(location, &name.text));
                    } else {
                        self.report(message::bare_name(location, &name.text));
                    }
                    // Whether the arms behind it are reached nobody knows.
                    covered.unclear = true;
                    return None;
                }
                let depth = self.scope.variables.len();
                let at = self.at(name.span);
                self.checker.make_anew(self.unit, slot, at);
                self.scope.add(name.text.clone(), slot, None, true);
                let guard = self.guard(arm);
                let value = self.infer(&arm.value, hint);
                self.scope.variables.truncate(depth);
                Some(MatchArm { patterns: Vec::new(), guard: guard?, value: value? })
            }
            ast::Pattern::Else(_) => {
                covered.all = true;
                let value = self.infer(&arm.value, hint)?;
                Some(MatchArm { patterns: Vec::new(), guard: None, value })
            }
        }
    }

    /// The guard: none where it could not be read, `Some(None)` where there is none.
    #[allow(clippy::option_option)]
    fn guard(&mut self, arm: &ast::MatchArm) -> Option<Option<Expr>> {
        match &arm.guard {
            None => Some(None),
            Some(guard) => Some(Some(self.check(guard, &Type::Bool)?)),
        }
    }

    fn pattern(&mut self, value: &PatternValue, subject: &Type) -> Option<Pattern> {
        match value {
            PatternValue::Single(expr) => Some(Pattern { low: self.pattern_literal(expr, subject)?, high: None }),
            PatternValue::Range(low, high) => {
                let low = self.pattern_literal(low, subject);
                let high = self.pattern_literal(high, subject)?;
                Some(Pattern { low: low?, high: Some(high) })
            }
        }
    }

    fn pattern_literal(&mut self, expr: &ast::Expr, subject: &Type) -> Option<Literal> {
        let found = self.infer(expr, Some(subject))?;
        let location = self.at(expr.span);
        if !relation::widens(&found.ty, subject) {
            self.report(message::mixed_pattern(location, &found.ty, subject));
            return None;
        }
        match super::fold::constant(&found) {
            Some(literal) => Some(literal),
            None => {
                self.report(message::not_constant(location, "a pattern"));
                None
            }
        }
    }
}

/// Which values earlier arms match.
#[derive(Default)]
struct Covered {
    all: bool,
    /// An arm could not be understood.
    unclear: bool,
    patterns: Vec<Pattern>,
}

impl Covered {
    /// Whether every value of a pattern is matched already; a range without values always is.
    fn has(&self, pattern: &Pattern) -> bool {
        if self.patterns.contains(pattern) {
            return true;
        }
        match ends(pattern) {
            Some((low, high)) => self.whole_numbers(low, high),
            None => false,
        }
    }

    /// Whether all whole numbers from `low` to `high` are matched.
    fn whole_numbers(&self, low: i128, high: i128) -> bool {
        let mut ranges: Vec<(i128, i128)> = self.patterns.iter().filter_map(ends).collect();
        ranges.sort_unstable();
        let mut next = low;
        for (from, to) in ranges {
            if from > next {
                break;
            }
            next = next.max(to + 1);
        }
        next > high
    }

    /// What is not matched, in words; none where everything is.
    fn missing(&self, subject: &Type) -> Option<String> {
        if self.all || self.unclear {
            return None;
        }
        let has = |literal: Literal| self.patterns.iter().any(|pattern| pattern.low == literal);
        let null = subject.is_nullable() && !has(Literal::Null);
        match subject.non_null() {
            Type::Bool if !null => match (has(Literal::Bool(true)), has(Literal::Bool(false))) {
                (true, true) => None,
                (true, false) => Some("`false`".to_owned()),
                (false, _) => Some("`true`".to_owned()),
            },
            Type::Integer(width) if !null && self.whole_numbers(width.range().0, width.range().1) => None,
            _ if null => Some("null and all other values".to_owned()),
            _ => Some("all other values".to_owned()),
        }
    }
}

/// The ends of a pattern of whole numbers; also of dates, times and durations, which count.
fn ends(pattern: &Pattern) -> Option<(i128, i128)> {
    let whole = |literal: &Literal| match literal {
        Literal::Integer(value) => Some(i128::from(*value)),
        Literal::Unsigned(value) => Some(i128::from(*value)),
        _ => None,
    };
    let low = whole(&pattern.low)?;
    Some((low, pattern.high.as_ref().map_or(Some(low), whole)?))
}
