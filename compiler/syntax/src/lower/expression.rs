//! Expressions: pest gives operands and operators in a row, here they are ordered by precedence.

use std::iter::Peekable;

use nsf_diagnostics::Span;
use pest::iterators::Pairs;
use smol_str::SmolStr;

use super::{Lower, MAX_TREE};
use crate::ast::{
    Argument, BinaryOperator, Expr, ExprKind, Literal, MatchArm, Name, Pattern, PatternValue, RecordEntry,
    UnaryOperator,
};
use crate::error::SyntaxErrorKind;
use crate::grammar::{Pair, Rule};

/// What stands between two operands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Infix {
    Binary(BinaryOperator),
    Catch,
}

/// Binding powers, loosest first. 0 is the whole right side, where `?? reject` and `catch reject` stand.
const POWER_NOT: u8 = 3;
const POWER_COMPARE: u8 = 4;
const POWER_RANGE: u8 = 5;
const POWER_NEGATE: u8 = 8;

fn infix(text: &str) -> (u8, Infix) {
    use BinaryOperator as B;
    let (power, operator) = match text {
        "or" => (1, B::Or),
        "and" => (2, B::And),
        "==" => (POWER_COMPARE, B::Equal),
        "!=" => (POWER_COMPARE, B::NotEqual),
        "<" => (POWER_COMPARE, B::Less),
        "<=" => (POWER_COMPARE, B::LessEqual),
        ">" => (POWER_COMPARE, B::Greater),
        ">=" => (POWER_COMPARE, B::GreaterEqual),
        "in" => (POWER_COMPARE, B::In),
        ".." => (POWER_RANGE, B::Range),
        "+" => (6, B::Add),
        "-" => (6, B::Subtract),
        "*" => (7, B::Multiply),
        "/" => (7, B::Divide),
        "%" => (7, B::Remainder),
        "??" => (9, B::Coalesce),
        "catch" => return (10, Infix::Catch),
        // `not in` with any blanks between.
        _ => (POWER_COMPARE, B::NotIn),
    };
    (power, Infix::Binary(operator))
}

type Parts<'t> = Peekable<Pairs<'t, Rule>>;

impl Lower<'_> {
    /// An expression that may not end in `?? reject` or `catch reject`.
    pub(crate) fn expression(&mut self, pair: Pair<'_>) -> Expr {
        let mut parts = pair.into_inner().peekable();
        self.binary(&mut parts, 0)
    }

    /// A whole right side: `… ?? reject "why"` and `… catch reject "why"` may stand here.
    pub(crate) fn right_side(&mut self, pair: Pair<'_>) -> Expr {
        let expression = self.expression(pair);
        let tail = match &expression.kind {
            ExprKind::Binary(BinaryOperator::Coalesce, _, _, right) | ExprKind::Catch(_, right) => Some(right),
            _ => None,
        };
        if let Some(tail) = tail.filter(|tail| matches!(tail.kind, ExprKind::Reject(_))) {
            self.rejects.retain(|span| *span != tail.span);
        }
        expression
    }

    /// Operators of at least `minimum` power and their operands.
    fn binary(&mut self, parts: &mut Parts<'_>, minimum: u8) -> Expr {
        if self.nesting >= MAX_TREE {
            return self.too_deep(parts);
        }
        self.nesting += 1;
        let mut left = self.prefixed(parts);
        let mut last_power = None;
        while let Some(sign) = parts.peek().filter(|part| part.as_rule() == Rule::infix) {
            let (mut power, operator) = infix(sign.as_str());
            let sign = self.token_span(sign);
            if power >= 9 && is_reject_tail(parts) {
                power = 0;
            }
            if power < minimum {
                break;
            }
            let chained = last_power == Some(power) && (power == POWER_COMPARE || power == POWER_RANGE);
            if chained {
                self.error(sign, SyntaxErrorKind::ChainedComparison { range: power == POWER_RANGE });
            }
            last_power = Some(power);
            parts.next();
            let height = self.height;
            let right = self.binary(parts, power + 1);
            let span = left.span.to(right.span);
            let kind = match operator {
                // What it means is open: it agrees with everything, so that this stays the one message.
                _ if chained => ExprKind::Error,
                Infix::Binary(operator) => ExprKind::Binary(operator, sign, Box::new(left), Box::new(right)),
                Infix::Catch => ExprKind::Catch(Box::new(left), Box::new(right)),
            };
            left = self.grown(kind, span, height.max(self.height));
        }
        self.nesting -= 1;
        left
    }

    /// An operand with the signs before it.
    fn prefixed(&mut self, parts: &mut Parts<'_>) -> Expr {
        let Some(part) = parts.next() else { return Self::error_expression(Span::at(self.base as u32)) };
        if part.as_rule() != Rule::prefix {
            return self.postfixed(part, parts);
        }
        let start = self.token_span(&part);
        let (operator, power) =
            if part.as_str() == "-" { (UnaryOperator::Negate, POWER_NEGATE) } else { (UnaryOperator::Not, POWER_NOT) };
        let operand = self.binary(parts, power);
        let span = start.to(operand.span);
        self.grown(ExprKind::Unary(operator, Box::new(operand)), span, self.height)
    }

    /// An operand and what stands behind it: members, indices, calls.
    fn postfixed(&mut self, operand: Pair<'_>, parts: &mut Parts<'_>) -> Expr {
        let mut expression = self.operand(operand);
        while let Some(part) = parts.next_if(|part| matches!(part.as_rule(), Rule::member | Rule::index | Rule::call)) {
            let mut height = self.height;
            let span = expression.span.to(self.token_span(&part));
            let kind = match part.as_rule() {
                Rule::member => {
                    let optional = part.as_str().starts_with('?');
                    ExprKind::Member { object: Box::new(expression), name: self.name_in(part), optional }
                }
                Rule::index => {
                    let index = self.expression_in(part).unwrap_or(Self::error_expression(span));
                    height = height.max(self.height);
                    ExprKind::Index(Box::new(expression), Box::new(index))
                }
                _ => {
                    let arguments = self.arguments(part, &mut height);
                    ExprKind::Call { function: Box::new(expression), arguments }
                }
            };
            expression = self.grown(kind, span, height);
        }
        expression
    }

    fn operand(&mut self, pair: Pair<'_>) -> Expr {
        let span = self.token_span(&pair);
        self.height = 0;
        let kind = match pair.as_rule() {
            Rule::name => ExprKind::Name(SmolStr::new(pair.as_str())),
            Rule::numeral => self.numeral(&pair),
            Rule::plain_text | Rule::rich_text | Rule::raw_text => self.text(pair),
            Rule::moment => self.moment(&pair),
            Rule::k_true => ExprKind::Literal(Literal::Bool(true)),
            Rule::k_false => ExprKind::Literal(Literal::Bool(false)),
            Rule::k_null => ExprKind::Literal(Literal::Null),
            Rule::list => ExprKind::List(self.expressions_in(pair)),
            Rule::record => ExprKind::Record(self.record_entries(pair, false)),
            Rule::paren => match self.expression_in(pair) {
                Some(inner) => ExprKind::Paren(Box::new(inner)),
                None => ExprKind::Error,
            },
            Rule::if_expr => return self.if_expression(pair),
            Rule::match_expr => self.match_expression(pair),
            Rule::reject_value => match self.text_in(pair) {
                Some(reason) => {
                    self.rejects.push(span);
                    ExprKind::Reject(reason)
                }
                None => ExprKind::Error,
            },
            _ => ExprKind::Error,
        };
        self.grown(kind, span, self.height)
    }

    /// A node one level above children of `height`; an error node where that is too much for later passes.
    fn grown(&mut self, kind: ExprKind, span: Span, height: u32) -> Expr {
        if height >= MAX_TREE {
            self.height = 0;
            self.report_too_deep(span);
            return Self::error_expression(span);
        }
        self.height = height + 1;
        Expr { kind, span }
    }

    fn too_deep(&mut self, parts: &mut Parts<'_>) -> Expr {
        let span = parts.peek().map_or(Span::at(self.base as u32), |part| self.token_span(part));
        self.report_too_deep(span);
        parts.by_ref().for_each(drop);
        self.height = 0;
        Self::error_expression(span)
    }

    /// All expressions among a node's children.
    pub(crate) fn expressions_in(&mut self, pair: Pair<'_>) -> Vec<Expr> {
        let mut height = 0;
        let mut expressions = Vec::new();
        for child in pair.into_inner().filter(|child| child.as_rule() == Rule::expr) {
            expressions.push(self.expression(child));
            height = height.max(self.height);
        }
        self.height = height;
        expressions
    }

    fn if_expression(&mut self, pair: Pair<'_>) -> Expr {
        let mut span = self.token_span(&pair);
        let mut parts = self.expressions_in(pair).into_iter();
        let height = self.height;
        let (Some(condition), Some(then), Some(otherwise)) = (parts.next(), parts.next(), parts.next()) else {
            return Self::error_expression(span);
        };
        span.end = otherwise.span.end;
        self.grown(ExprKind::If(Box::new(condition), Box::new(then), Box::new(otherwise)), span, height)
    }

    fn match_expression(&mut self, pair: Pair<'_>) -> ExprKind {
        let (mut subject, mut arms, mut height) = (None, Vec::new(), 0);
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::expr => subject = Some(self.expression(child)),
                Rule::match_arm => arms.push(self.match_arm(child)),
                _ => continue,
            }
            height = height.max(self.height);
        }
        self.height = height;
        subject.map_or(ExprKind::Error, |subject| ExprKind::Match(Box::new(subject), arms))
    }

    fn match_arm(&mut self, pair: Pair<'_>) -> MatchArm {
        let span = self.span(&pair);
        let (mut pattern, mut guard, mut value) = (Pattern::Else(span), None, Self::error_expression(span));
        let mut height = 0;
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::k_else => pattern = Pattern::Else(self.token_span(&child)),
                Rule::name => pattern = Pattern::Name(self.name(&child)),
                Rule::pattern_values => {
                    let values = child.into_inner().filter(|value| value.as_rule() == Rule::pattern_value);
                    pattern = Pattern::Values(values.map(|value| self.pattern_value(value)).collect());
                }
                Rule::guard => {
                    guard = self.expression_in(child);
                    height = self.height;
                }
                Rule::expr => value = self.expression(child),
                _ => {}
            }
        }
        self.height = height.max(self.height);
        MatchArm { pattern, guard, value, span }
    }

    fn pattern_value(&mut self, pair: Pair<'_>) -> PatternValue {
        let span = self.span(&pair);
        let mut literals = pair.into_inner().filter(|child| child.as_rule() == Rule::literal);
        let first = literals.next().map_or(Self::error_expression(span), |literal| self.literal(literal));
        match literals.next() {
            Some(last) => PatternValue::Range(first, self.literal(last)),
            None => PatternValue::Single(first),
        }
    }

    /// The arguments of a call; raises `height` to theirs.
    pub(crate) fn arguments(&mut self, pair: Pair<'_>, height: &mut u32) -> Vec<Argument> {
        let mut arguments = Vec::new();
        for argument in pair.into_inner().filter(|child| child.as_rule() == Rule::argument) {
            let mut label = None;
            for child in argument.into_inner() {
                let value = match child.as_rule() {
                    Rule::argument_label => {
                        label = Some(self.name_in(child));
                        continue;
                    }
                    Rule::lambda => self.lambda(child),
                    _ => self.expression(child),
                };
                *height = (*height).max(self.height);
                arguments.push(Argument { label: label.take(), value });
            }
        }
        arguments
    }

    fn lambda(&mut self, pair: Pair<'_>) -> Expr {
        let mut span = self.token_span(&pair);
        let (mut names, mut body): (Vec<Name>, Option<Expr>) = (Vec::new(), None);
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::lambda_names => names = self.names_in(child),
                Rule::expr => body = Some(self.expression(child)),
                _ => {}
            }
        }
        let Some(body) = body else { return Self::error_expression(span) };
        span.end = body.span.end;
        self.grown(ExprKind::Lambda(names, Box::new(body)), span, self.height)
    }

    /// The entries of a record; where they are the members that an `expand` writes, each value is a right side.
    pub(crate) fn record_entries(&mut self, pair: Pair<'_>, right_sides: bool) -> Vec<RecordEntry> {
        let (mut entries, mut height) = (Vec::new(), 0);
        for entry in pair.into_inner().filter(|child| child.as_rule() == Rule::entry) {
            self.height = 0;
            entries.push(self.entry(entry, right_sides));
            height = height.max(self.height);
        }
        self.height = height;
        entries
    }

    /// One member that an `expand` writes.
    pub(crate) fn record_entry(&mut self, pair: Pair<'_>) -> RecordEntry {
        self.entry(pair, true)
    }

    fn entry(&mut self, pair: Pair<'_>, right_side: bool) -> RecordEntry {
        let mut name = self.missing_name(&pair);
        let (mut quoted, mut spread, mut value) = (false, false, None);
        for child in pair.into_inner() {
            match child.as_rule() {
                Rule::name => name = self.name(&child),
                Rule::spread => spread = true,
                Rule::expr if right_side => value = Some(self.right_side(child)),
                Rule::expr => value = Some(self.expression(child)),
                Rule::plain_text | Rule::rich_text | Rule::raw_text => {
                    let text = self.constant_text(child);
                    name = Name { text: text.value, span: text.span };
                    quoted = true;
                }
                _ => {}
            }
        }
        match value {
            Some(value) if spread => RecordEntry::Spread(value),
            value => RecordEntry::Field { name, quoted, value },
        }
    }
}

/// Whether the operator that comes next is followed by `reject "why"`.
fn is_reject_tail(parts: &Parts<'_>) -> bool {
    let mut ahead = parts.clone();
    ahead.next();
    ahead.peek().is_some_and(|part| part.as_rule() == Rule::reject_value)
}
