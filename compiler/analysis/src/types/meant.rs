//! What was probably meant where types do not fit: a value in another form, or said in another way.

use nsf_diagnostics::{Span, Suggestion};
use nsf_plan::{Expr, Type};
use nsf_syntax::ast::{self, BinaryOperator};

use super::expression::{Expressions, without_quotes};
use super::{message, relation};

/// An operand as written, and its type.
pub(super) type Operand<'e> = (&'e ast::Expr, &'e Type);

impl Expressions<'_, '_> {
    /// Reports an operator between types that it does not take; `span` is the whole of both operands.
    pub(super) fn operator_mistake(
        &mut self,
        symbol: &str,
        at: Span,
        span: Span,
        left: Operand<'_>,
        right: Operand<'_>,
    ) {
        let mut diagnostic = message::operator(self.at(at), symbol, left.1, right.1);
        let meant = self.meant_by(symbol, span, left, right);
        if !meant.is_empty() {
            diagnostic.notes.clear();
        }
        for suggestion in meant {
            diagnostic = diagnostic.suggest(suggestion);
        }
        self.report(diagnostic);
    }

    fn meant_by(&self, symbol: &str, span: Span, left: Operand<'_>, right: Operand<'_>) -> Vec<Suggestion> {
        let both = [(left, right), (right, left)];
        let is_equality = matches!(symbol, "==" | "!=");
        if is_equality && let Some(meant) = both.iter().find_map(|(one, other)| self.truth(symbol, span, *one, *other))
        {
            return vec![meant];
        }
        for (one, other) in both {
            let found = self.other_literal(symbol, one, other);
            if !found.is_empty() {
                return found;
            }
        }
        if is_equality
            && let Some(meant) = both.iter().find_map(|(one, other)| self.element(symbol, span, *one, *other))
        {
            return vec![meant];
        }
        if symbol == "+" && left.1 == right.1 && matches!(left.1, Type::List(_)) {
            let meant = format!("concat([{}, {}])", self.text(left.0.span), self.text(right.0.span));
            return vec![self.offered(span, meant)];
        }
        both.iter().find_map(|(one, other)| self.converted(symbol, *one, *other)).into_iter().collect()
    }

    fn offered(&self, span: Span, meant: String) -> Suggestion {
        Suggestion::likely(format!("write `{meant}`"), self.at(span), meant)
    }

    /// `paid == 1`: a `bool` is a condition by itself.
    fn truth(&self, symbol: &str, span: Span, one: Operand<'_>, other: Operand<'_>) -> Option<Suggestion> {
        let is_true = match &one.0.kind {
            ast::ExprKind::Literal(ast::Literal::Number(number)) => match number.as_str() {
                "1" => true,
                "0" => false,
                _ => return None,
            },
            ast::ExprKind::Literal(ast::Literal::Text(text)) => match text.to_ascii_lowercase().as_str() {
                "true" => true,
                "false" => false,
                _ => return None,
            },
            _ => return None,
        };
        if *other.1 != Type::Bool {
            return None;
        }
        let text = self.operand(other.0);
        let meant = if (symbol == "==") == is_true { text } else { format!("not {text}") };
        Some(Suggestion::certain(format!("write `{meant}`"), self.at(span), meant))
    }

    /// An operand as it is written inside of another expression.
    fn operand(&self, written: &ast::Expr) -> String {
        let text = self.text(written.span);
        if is_atom(written) { text } else { format!("({text})") }
    }

    /// A literal that is written as one of the other operand's type.
    fn other_literal(&self, symbol: &str, one: Operand<'_>, other: Operand<'_>) -> Vec<Suggestion> {
        let location = self.at(one.0.span);
        let certain = |meant: String| vec![Suggestion::certain(format!("write `{meant}`"), location, meant)];
        let ty = other.1.non_null();
        match &one.0.kind {
            ast::ExprKind::Literal(ast::Literal::Text(text)) => {
                if let Some(meant) = without_quotes(text, ty) {
                    return certain(meant);
                }
                // A day begins at another time in each zone.
                if let (Type::Timestamp, Some(_)) = (ty, without_quotes(text, &Type::Date)) {
                    return vec![self.offered(one.0.span, format!("@{text}T00:00Z"))];
                }
                if *ty == Type::Json {
                    return vec![self.offered(one.0.span, format!("json({})", self.text(one.0.span)))];
                }
            }
            ast::ExprKind::Literal(ast::Literal::Date(_)) if *ty == Type::Timestamp => {
                return vec![self.offered(one.0.span, format!("{}T00:00Z", self.text(one.0.span)))];
            }
            ast::ExprKind::Literal(ast::Literal::Number(number)) => {
                let adds = matches!(symbol, "+" | "-");
                let takes_duration = *ty == Type::Duration || (*ty == Type::Timestamp && adds);
                let is_whole = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_');
                if takes_duration && is_whole {
                    let seconds = self.offered(one.0.span, format!("{number}s"));
                    let more = number.ends_with("000").then(|| self.offered(one.0.span, format!("{number}ms")));
                    return std::iter::once(seconds).chain(more).collect();
                }
                if *ty == Type::Json && !adds && symbol != "*" && symbol != "/" {
                    return vec![self.offered(one.0.span, format!("json({number})"))];
                }
            }
            _ => {}
        }
        Vec::new()
    }

    /// `tags == "gift"`: whether a list holds a value.
    fn element(&self, symbol: &str, span: Span, one: Operand<'_>, other: Operand<'_>) -> Option<Suggestion> {
        let (Type::List(item) | Type::Set(item) | Type::Multi(item)) = one.1 else { return None };
        if !relation::widens(other.1, item) {
            return None;
        }
        let word = if symbol == "==" { "in" } else { "not in" };
        Some(self.offered(span, format!("{} {word} {}", self.operand(other.0), self.operand(one.0))))
    }

    /// Numbers of two kinds: one is converted.
    fn converted(&self, symbol: &str, one: Operand<'_>, other: Operand<'_>) -> Option<Suggestion> {
        let is_float = |ty: &Type| matches!(ty, Type::Float32 | Type::Float64);
        let target = match (one.1.non_null(), other.1.non_null()) {
            (from, Type::Decimal) if is_float(from) => Type::Decimal,
            (Type::Integer(_), to) if is_float(to) => to.clone(),
            (Type::Json, to)
                if relation::is_number(to)
                    && matches!(symbol, "+" | "-" | "*" | "/" | "%" | "<" | "<=" | ">" | ">=") =>
            {
                let text = self.text(one.0.span);
                let value = if one.1.is_nullable() { format!("{text} ?? json(0)") } else { text };
                return Some(self.offered(one.0.span, format!("{to}({value})")));
            }
            _ => return None,
        };
        if one.1.is_nullable() || other.1.is_nullable() {
            return None;
        }
        let mut inner = one.0;
        while let ast::ExprKind::Paren(own) = &inner.kind {
            inner = own;
        }
        Some(self.offered(one.0.span, format!("{target}({})", self.text(inner.span))))
    }

    /// A member of `json` where a number is due; says whether it is one.
    pub(super) fn is_json_operand(
        &mut self,
        symbol: &str,
        at: Span,
        span: Span,
        left: (&ast::Expr, &Expr),
        right: (&ast::Expr, &Expr),
    ) -> bool {
        let is_json = |own: &Expr| *own.ty.non_null() == Type::Json;
        if !is_json(left.1) && !is_json(right.1) {
            return false;
        }
        self.operator_mistake(symbol, at, span, (left.0, &left.1.ty), (right.0, &right.1.ty));
        true
    }

    /// `customer in ["1", "2"]` where the values are no texts: one mistake of the whole list.
    pub(super) fn is_list_of_quoted(&mut self, symbol: &str, at: Span, probe: &Expr, list: &ast::Expr) -> bool {
        let ast::ExprKind::List(items) = &list.kind else { return false };
        let ty = probe.ty.non_null();
        let meant: Option<Vec<(Span, String)>> = items
            .iter()
            .map(|item| match &item.kind {
                ast::ExprKind::Literal(ast::Literal::Text(text)) => Some((item.span, without_quotes(text, ty)?)),
                _ => None,
            })
            .collect();
        let Some(meant) = meant.filter(|meant| !meant.is_empty()) else { return false };
        let edit = |(span, replacement)| nsf_diagnostics::TextEdit { location: self.at(span), replacement };
        let fix = Suggestion {
            message: "take the quotes away".to_owned(),
            edits: meant.into_iter().map(edit).collect(),
            applicability: nsf_diagnostics::Applicability::Certain,
        };
        let texts = Type::List(Box::new(Type::Text));
        let mut diagnostic = message::operator(self.at(at), symbol, &probe.ty, &texts);
        diagnostic.notes.clear();
        self.report(diagnostic.suggest(fix));
        true
    }

    /// A value where a condition is due: what asks for it is said. Says whether it is one.
    pub(super) fn is_no_condition(&mut self, written: &ast::Expr, found: &Expr) -> bool {
        if relation::widens(&found.ty, &Type::Bool) || *found.ty.non_null() == Type::Bool {
            return false;
        }
        if matches!(written.kind, ast::ExprKind::Literal(_)) {
            return false;
        }
        let text = self.operand(written);
        let (meant, sure) = match &found.ty {
            Type::Nullable(_) => (format!("{text} != null"), true),
            Type::Text => (format!("{text} != \"\""), false),
            Type::List(_) | Type::Set(_) | Type::Map(..) | Type::Multi(_) => (format!("{text}.len() > 0"), false),
            ty if relation::is_number(ty) => (format!("{text} != 0"), false),
            _ => return false,
        };
        let location = self.at(written.span);
        let mut diagnostic = message::mismatch(location, &found.ty, &Type::Bool);
        diagnostic.notes.clear();
        let message = format!("write `{meant}`");
        self.report(diagnostic.note("a condition is a `bool`: no other value is true or false").suggest(if sure {
            Suggestion::certain(message, location, meant)
        } else {
            Suggestion::likely(message, location, meant)
        }));
        true
    }

    /// `status == "n" or "p"`: the comparison is written again for each value. Says whether it is that.
    pub(super) fn is_second_value(&mut self, operator: BinaryOperator, left: &ast::Expr, right: &ast::Expr) -> bool {
        let ast::ExprKind::Literal(literal) = &right.kind else { return false };
        if matches!(literal, ast::Literal::Bool(_) | ast::Literal::Null) {
            return false;
        }
        let mut last = left;
        while let ast::ExprKind::Binary(BinaryOperator::And | BinaryOperator::Or, _, _, behind) = &last.kind {
            last = behind;
        }
        let ast::ExprKind::Binary(compared, _, value, _) = &last.kind else { return false };
        let symbol = match (operator, compared) {
            (BinaryOperator::Or, BinaryOperator::Equal) => "==",
            (BinaryOperator::And, BinaryOperator::NotEqual) => "!=",
            _ => return false,
        };
        let location = self.at(right.span);
        let Some(found) = self.infer(right, None) else { return false };
        let meant = format!("{} {symbol} {}", self.text(value.span), self.text(right.span));
        let mut diagnostic = message::mismatch(location, &found.ty, &Type::Bool);
        diagnostic.notes.clear();
        let word = if operator == BinaryOperator::Or { "or" } else { "and" };
        self.report(
            diagnostic
                .note(format!("`{word}` stands between conditions, and not between values"))
                .suggest(Suggestion::certain(format!("write `{meant}`"), location, meant)),
        );
        true
    }

    /// A value of a type that its place does not take, where another form of it is meant. Says whether it is that.
    pub(super) fn is_other_form(&mut self, written: &ast::Expr, found: &Type, expected: &Type) -> bool {
        let location = self.at(written.span);
        let meant = match (&written.kind, found, expected.non_null()) {
            (ast::ExprKind::Literal(ast::Literal::Number(number)), _, Type::Text) => format!("\"{number}\""),
            (ast::ExprKind::Literal(_), ..) => return false,
            (_, Type::Bool, ty) if relation::is_number(ty) => format!("if {} then 1 else 0", self.text(written.span)),
            _ => return false,
        };
        let mut diagnostic = message::mismatch(location, found, expected);
        diagnostic.notes.clear();
        self.report(diagnostic.suggest(Suggestion::certain(format!("write `{meant}`"), location, meant)));
        true
    }

    /// `status[0]` of a text, `name[x]` of a mapping: read another way. Says whether it is one of a mapping.
    pub(super) fn is_indexed_mapping(&mut self, object: &ast::Expr, index: &ast::Expr, span: Span) -> bool {
        let ast::ExprKind::Name(name) = &object.kind else { return false };
        if self.scope.variable(name).is_some() || self.scope.row(name).is_some() || self.raw.is_some() {
            return false;
        }
        let crate::names::Resolution::Item(item) = self.checker.names.lookup(self.module, name) else { return false };
        let is_function = match &self.checker.names.item(item).kind {
            ast::ItemKind::Mapping(_) => false,
            ast::ItemKind::Function(_) => true,
            _ => return false,
        };
        self.checker.used.insert(item);
        let meant = format!("{name}({})", self.text(index.span));
        let error = crate::names::NameError::WrongKind {
            name: name.to_string(),
            is: if is_function { "function" } else { "mapping" },
            expected: "a list or map".to_owned(),
            location: self.at(object.span),
            declared: self.checker.names.location(item),
        };
        let fix = Suggestion::certain(format!("write `{meant}`"), self.at(span), meant);
        self.report(error.diagnostic().suggest(fix));
        true
    }

    /// The character of a text at a written place.
    pub(super) fn character(&self, object: &ast::Expr, index: &ast::Expr, span: Span) -> Option<Suggestion> {
        let ast::ExprKind::Literal(ast::Literal::Number(number)) = &index.kind else { return None };
        let from: u32 = number.parse().ok()?;
        let meant = format!("slice({}, {from}, {})", self.text(object.span), from.checked_add(1)?);
        Some(Suggestion::certain(format!("write `{meant}`"), self.at(span), meant))
    }
}

/// Whether an expression is one operand in any place.
fn is_atom(written: &ast::Expr) -> bool {
    !matches!(
        written.kind,
        ast::ExprKind::Binary(..)
            | ast::ExprKind::Unary(..)
            | ast::ExprKind::If(..)
            | ast::ExprKind::Match(..)
            | ast::ExprKind::Catch(..)
    )
}
