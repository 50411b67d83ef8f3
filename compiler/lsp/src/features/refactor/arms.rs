//! The arms that a `match` lacks.

use gen_lsp_types::{CodeAction, CodeActionKind};
use nsf_diagnostics::Span;
use nsf_plan::Type;
use nsf_syntax::ast::{Expr, ExprKind, Literal, MatchArm, Pattern, PatternValue};
use nsf_syntax::{Token, tokens};

use super::Refactor;
use crate::infer::{Found, Infer};

impl Refactor<'_, '_> {
    pub(super) fn arms(&self) -> Option<CodeAction> {
        let item = self.item()?;
        let text = self.text();
        let mut all = tokens(item.span.text(text));
        for token in &mut all {
            token.span = Span::new(token.span.start + item.span.start, token.span.end + item.span.start);
        }
        let (start, end) = innermost_match(text, &all, self.asked)?;
        let parsed =
            nsf_syntax::parse(nsf_diagnostics::FileId(0), &format!("const x = {}\n", Span::new(start, end).text(text)));
        let nsf_syntax::ast::ItemKind::Const(constant) = &parsed.file.items.first()?.kind else { return None };
        let ExprKind::Match(value, arms) = &constant.value.kind else { return None };
        if arms.iter().any(|arm| matches!(arm.pattern, Pattern::Else(_) | Pattern::Name(_)) && arm.guard.is_none()) {
            return None;
        }
        let scope = self.known.scope(start, start);
        let infer = Infer { known: self.known, scope };
        let ty = infer.expr(value).and_then(Found::ty);
        let result = arms.iter().find_map(|arm| infer.expr(&arm.value).and_then(Found::ty));
        let other = zero(result.as_ref());
        let missing: Vec<String> = match ty {
            Some(Type::Bool) => {
                let is_there = |wanted: bool| arms.iter().any(|arm| names_bool(arm, wanted));
                let missing = [true, false].into_iter().filter(|wanted| !is_there(*wanted));
                missing.map(|wanted| format!("{wanted} => {other}")).collect()
            }
            _ => vec![format!("else => {other}")],
        };
        if missing.is_empty() {
            return None;
        }
        let body = Span::new(start, end - 1).text(text).trim_end();
        let at = start + body.len() as u32;
        let is_one_line = !Span::new(start, end).text(text).contains('\n');
        let comma = if body.ends_with([',', '{']) { "" } else { "," };
        let new = if is_one_line {
            format!("{comma} {}", missing.join(", "))
        } else {
            let margin = format!("{}  ", super::indent(text, end - 1));
            format!("{comma}{}", missing.iter().map(|arm| format!("\n{margin}{arm},")).collect::<String>())
        };
        let edit = self.edit(Span::at(at), new);
        self.action("add the arms that are missing".to_owned(), CodeActionKind::QuickFix, vec![edit])
    }
}

/// The innermost `match x { … }` around a range.
fn innermost_match(text: &str, all: &[Token], asked: Span) -> Option<(u32, u32)> {
    let mut found = None;
    for (index, token) in all.iter().enumerate().filter(|(_, token)| token.text(text) == "match") {
        let mut depth = 0_usize;
        for other in &all[index + 1..] {
            match other.text(text) {
                "{" | "(" | "[" => depth += 1,
                "}" | ")" | "]" if depth <= 1 => {
                    let span = Span::new(token.span.start, other.span.end);
                    if other.text(text) == "}" && span.start <= asked.start && asked.end <= span.end {
                        found = Some((span.start, span.end));
                    }
                    if other.text(text) == "}" || depth == 0 {
                        break;
                    }
                    depth -= 1;
                }
                "}" | ")" | "]" => depth -= 1,
                _ => {}
            }
        }
    }
    found
}

fn names_bool(arm: &MatchArm, wanted: bool) -> bool {
    let Pattern::Values(values) = &arm.pattern else { return false };
    let is_wanted = |value: &Expr| value.kind == ExprKind::Literal(Literal::Bool(wanted));
    arm.guard.is_none() && values.iter().any(|value| matches!(value, PatternValue::Single(value) if is_wanted(value)))
}

/// A value of a type to begin with.
pub(super) fn zero(ty: Option<&Type>) -> &'static str {
    match ty {
        Some(Type::Bool) => "false",
        Some(Type::Integer(_) | Type::Decimal) => "0",
        Some(Type::Float32 | Type::Float64) => "0.0",
        Some(Type::Text) => "\"\"",
        Some(Type::Duration) => "0s",
        Some(Type::Timestamp) => "@1970-01-01T00:00Z",
        Some(Type::Date) => "@1970-01-01",
        Some(Type::List(_) | Type::Set(_)) => "[]",
        Some(Type::Link | Type::Attachment) => "{ name: \"\", url: \"\" }",
        _ => "null",
    }
}
