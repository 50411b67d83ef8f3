//! Expressions, patterns and bindings.

use super::doc::{Doc, sequence};
use super::writer::{Inside, Made, Writer};
use crate::ast::{
    Argument, BinaryOperator, Binding, Expr, ExprKind, Literal, MatchArm, Pattern, PatternValue, RecordEntry,
    UnaryOperator,
};

impl Writer<'_> {
    /// An expression; comments before it stay outside its groups.
    pub fn expression(&mut self, expression: &Expr) -> Made {
        let comments = self.comments(false);
        let doc = self.bare_expression(expression)?;
        Ok(if comments.is_nothing() { doc } else { sequence![comments, doc] })
    }

    fn bare_expression(&mut self, expression: &Expr) -> Made {
        match &expression.kind {
            ExprKind::Error | ExprKind::Name(_) | ExprKind::Literal(_) | ExprKind::Interpolation(_) => {
                self.atom(expression.span)
            }
            ExprKind::Unary(operator, operand) => self.unary(*operator, operand),
            ExprKind::Binary(operator, _, left, right) => self.binary(*operator, left, right),
            ExprKind::Catch(value, other) => self.catch(value, other),
            ExprKind::Reject(why) => Ok(sequence![self.word("reject")?, Doc::space(), self.atom(why.span)?]),
            ExprKind::Member { .. } | ExprKind::Index(..) | ExprKind::Call { .. } => self.chain(expression),
            ExprKind::If(condition, then, otherwise) => self.conditional(condition, then, otherwise),
            ExprKind::Match(value, arms) => self.match_expression(value, arms),
            ExprKind::Lambda(parameters, body) => {
                let head = if self.peek() == "(" {
                    self.bracketed(("(", ")"), Inside::Tight, parameters, Self::name)?
                } else if let [parameter] = parameters.as_slice() {
                    self.name(parameter)?
                } else {
                    return self.word("(");
                };
                let arrow = sequence![Doc::space(), self.word("=>")?, Doc::space()];
                Ok(sequence![head, arrow, self.expression(body)?])
            }
            ExprKind::List(items) => self.bracketed(("[", "]"), Inside::TightOrOpen, items, Self::expression),
            ExprKind::Record(entries) => self.record(entries),
            ExprKind::Paren(inner) => {
                let open = self.word("(")?;
                let inner = self.expression(inner)?;
                let comments = self.comments(false);
                let close = self.word(")")?;
                let body = Doc::nest(sequence![Doc::line(0, false), inner, comments]);
                Ok(Doc::group(sequence![open, body, Doc::line(0, false), close]))
            }
        }
    }

    fn unary(&mut self, operator: UnaryOperator, operand: &Expr) -> Made {
        let sign = match operator {
            // `--` reads as a sign of other languages.
            UnaryOperator::Negate if matches!(operand.kind, ExprKind::Unary(UnaryOperator::Negate, _)) => {
                sequence![self.word("-")?, Doc::space()]
            }
            UnaryOperator::Negate => self.word("-")?,
            UnaryOperator::Not => sequence![self.word("not")?, Doc::space()],
        };
        Ok(sequence![sign, self.expression(operand)?])
    }

    /// A chain of operators of one rank: all on one line, or each operator at the start of a line.
    fn binary(&mut self, operator: BinaryOperator, left: &Expr, right: &Expr) -> Made {
        let mut operands = vec![(Some(operator), right)];
        let mut first = left;
        while let ExprKind::Binary(inner, _, left, right) = &first.kind {
            if rank(*inner) != rank(operator) {
                break;
            }
            operands.push((Some(*inner), right));
            first = left;
        }
        operands.push((None, first));
        operands.reverse();
        let mut rest = Vec::new();
        let mut head = Doc::nothing();
        let tight = operands.iter().all(|(_, operand)| is_short(operand));
        let mut queue: std::collections::VecDeque<_> = operands.into();
        while let Some((operator, operand)) = queue.pop_front() {
            let Some(operator) = operator else {
                let inner = matches!(operand.kind, ExprKind::Binary(..));
                let operand = self.expression(operand)?;
                head = if inner { Doc::nest(operand) } else { operand };
                continue;
            };
            let range = operator == BinaryOperator::Range && tight;
            let spaces = usize::from(!range);
            rest.push(Doc::line(spaces, false));
            rest.push(self.operator(operator)?);
            rest.push(Doc::spaces(spaces));
            match &operand.kind {
                // The right side of `??` may hold the rest of the chain.
                ExprKind::Binary(inner, _, left, right) if rank(*inner) == rank(operator) => {
                    queue.push_front((Some(*inner), right));
                    rest.push(self.expression(left)?);
                }
                _ => rest.push(self.expression(operand)?),
            }
        }
        Ok(Doc::group(sequence![head, Doc::nest(Doc::sequence(rest))]))
    }

    fn operator(&mut self, operator: BinaryOperator) -> Made {
        match operator {
            BinaryOperator::NotIn => self.words(&["not", "in"]),
            other => self.word(other.symbol()),
        }
    }

    fn catch(&mut self, value: &Expr, other: &Expr) -> Made {
        let value = self.expression(value)?;
        let word = self.word("catch")?;
        let other = self.expression(other)?;
        let rest = sequence![Doc::line(1, false), word, Doc::space(), other];
        Ok(Doc::group(sequence![value, Doc::nest(rest)]))
    }

    fn conditional(&mut self, condition: &Expr, then: &Expr, otherwise: &Expr) -> Made {
        let head = sequence![self.word("if")?, Doc::space(), self.expression(condition)?];
        let rest = sequence![
            Doc::line(1, false),
            self.word("then")?,
            Doc::space(),
            self.expression(then)?,
            Doc::line(1, false),
            self.word("else")?,
            Doc::space(),
            self.expression(otherwise)?,
        ];
        Ok(Doc::group(sequence![head, Doc::nest(rest)]))
    }

    fn match_expression(&mut self, value: &Expr, arms: &[MatchArm]) -> Made {
        let head = sequence![self.word("match")?, Doc::space(), self.expression(value)?, Doc::space()];
        let arms = self.bracketed(("{", "}"), Inside::SpacedOrOpen, arms, Self::match_arm)?;
        Ok(sequence![head, arms])
    }

    fn match_arm(&mut self, arm: &MatchArm) -> Made {
        let mut parts = vec![match &arm.pattern {
            Pattern::Values(values) => self.pattern_values(values)?,
            Pattern::Name(name) => self.name(name)?,
            Pattern::Else(_) => self.word("else")?,
        }];
        if let Some(guard) = &arm.guard {
            parts.extend([Doc::space(), self.word("if")?, Doc::space(), self.expression(guard)?]);
        }
        parts.extend([Doc::space(), self.word("=>")?, Doc::space(), self.expression(&arm.value)?]);
        Ok(Doc::sequence(parts))
    }

    fn pattern_values(&mut self, values: &[PatternValue]) -> Made {
        let mut parts = Vec::new();
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                parts.extend([Doc::line(1, false), self.word("|")?, Doc::space()]);
            }
            match value {
                PatternValue::Single(value) => parts.push(self.expression(value)?),
                PatternValue::Range(from, to) => {
                    parts.push(self.expression(from)?);
                    parts.push(self.word("..")?);
                    parts.push(self.expression(to)?);
                }
            }
        }
        Ok(Doc::group(Doc::nest(Doc::sequence(parts))))
    }

    /// `{ a, b: 1, ...r }`.
    pub fn record(&mut self, entries: &[RecordEntry]) -> Made {
        self.bracketed(("{", "}"), Inside::SpacedOrOpen, entries, |writer, entry| match entry {
            RecordEntry::Spread(value) => Ok(sequence![writer.word("...")?, writer.expression(value)?]),
            RecordEntry::Field { name, value, .. } => {
                let name = writer.name(name)?;
                writer.after_colon(name, value.as_ref())
            }
        })
    }

    /// `name`, or `name: value` where there is a value.
    fn after_colon(&mut self, name: Doc, value: Option<&Expr>) -> Made {
        match value {
            Some(value) if self.peek() == ":" => {
                Ok(sequence![name, self.word(":")?, Doc::space(), self.expression(value)?])
            }
            _ => Ok(name),
        }
    }

    /// `a: x`, or `a`.
    pub fn binding(&mut self, binding: &Binding) -> Made {
        let name = self.name(&binding.name)?;
        self.after_colon(name, binding.value.as_ref())
    }

    /// `(a: x, b)`.
    pub fn bindings(&mut self, bindings: &[Binding]) -> Made {
        self.bracketed(("(", ")"), Inside::Tight, bindings, Self::binding)
    }

    /// Names, indices and calls one after the other. Several calls of members that do not fit stand below one another.
    fn chain(&mut self, expression: &Expr) -> Made {
        let mut links = Vec::new();
        let mut first = expression;
        let mut calls = 0;
        loop {
            let inner = match &first.kind {
                ExprKind::Member { object, .. } => object,
                ExprKind::Index(object, _) => object,
                ExprKind::Call { function, .. } => {
                    calls += usize::from(matches!(function.kind, ExprKind::Member { .. }));
                    function
                }
                _ => break,
            };
            links.push(first);
            first = inner;
        }
        let mut head = vec![self.expression(first)?];
        let next = links.last().map(|link| &link.kind);
        if is_percentage(first) && matches!(next, Some(ExprKind::Call { .. } | ExprKind::Index(..))) {
            // Next to a bracket the sign would be that of a remainder.
            head.push(Doc::space());
        }
        let mut rest = Vec::new();
        let mut member_seen = false;
        while let Some(link) = links.pop() {
            let called = matches!(links.last().map(|next| &next.kind), Some(ExprKind::Call { .. }));
            let doc = self.link(link)?;
            if matches!(link.kind, ExprKind::Member { .. }) && called && calls > 1 {
                member_seen = true;
                rest.push(Doc::line(0, false));
            }
            if member_seen { &mut rest } else { &mut head }.push(doc);
        }
        if !member_seen {
            return Ok(Doc::sequence(head));
        }
        Ok(Doc::group(sequence![Doc::sequence(head), Doc::nest(Doc::sequence(rest))]))
    }

    /// `.name`, `[i]` or `(args)`.
    fn link(&mut self, link: &Expr) -> Made {
        match &link.kind {
            ExprKind::Member { name, optional, .. } => {
                let dot = self.word(if *optional { "?." } else { "." })?;
                Ok(sequence![dot, self.name(name)?])
            }
            ExprKind::Index(_, index) => Ok(sequence![self.word("[")?, self.expression(index)?, self.word("]")?]),
            ExprKind::Call { arguments, .. } => self.arguments(arguments),
            _ => self.expression(link),
        }
    }

    fn arguments(&mut self, arguments: &[Argument]) -> Made {
        let argument = |writer: &mut Self, argument: &Argument| match &argument.label {
            Some(label) => {
                Ok(sequence![writer.name(label)?, writer.word(":")?, Doc::space(), writer.expression(&argument.value)?])
            }
            None => writer.expression(&argument.value),
        };
        if let [only] = arguments
            && only.label.is_none()
            && matches!(only.value.kind, ExprKind::Record(_) | ExprKind::List(_))
        {
            return self.only_argument(&only.value);
        }
        self.bracketed(("(", ")"), Inside::Tight, arguments, argument)
    }

    /// A list or record that is the only argument: its brackets stand next to those of the call.
    fn only_argument(&mut self, value: &Expr) -> Made {
        let open = self.word("(")?;
        let value = self.expression(value)?;
        self.last_comma();
        Ok(sequence![open, value, self.word(")")?])
    }
}

/// Operators of one rank may stand in a chain.
const fn rank(operator: BinaryOperator) -> u8 {
    use BinaryOperator as B;
    match operator {
        B::Or => 0,
        B::And => 1,
        B::Equal | B::NotEqual | B::Less | B::LessEqual | B::Greater | B::GreaterEqual => 2,
        B::In | B::NotIn => 2,
        B::Range => 3,
        B::Add | B::Subtract => 4,
        B::Multiply | B::Divide | B::Remainder => 5,
        B::Coalesce => 6,
    }
}

/// Whether a range to or from it is written without spaces.
fn is_short(expression: &Expr) -> bool {
    match &expression.kind {
        ExprKind::Unary(UnaryOperator::Negate, operand) => is_short(operand),
        ExprKind::Binary(..) | ExprKind::Unary(..) | ExprKind::Catch(..) => false,
        ExprKind::If(..) | ExprKind::Lambda(..) | ExprKind::Match(..) => false,
        _ => true,
    }
}

/// Whether it ends with a percent sign.
fn is_percentage(expression: &Expr) -> bool {
    matches!(&expression.kind, ExprKind::Literal(Literal::Number(number)) if number.ends_with('%'))
}
