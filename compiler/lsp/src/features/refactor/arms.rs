//! The arms that a `match` or a `mapping` lacks.

use gen_lsp_types::{CodeAction, CodeActionKind};
use nsf_diagnostics::{FileId, Span};
use nsf_plan::Type;
use nsf_syntax::ast::{Expr, ExprKind, ItemKind, MatchArm, Pattern, TypeExprKind};
use nsf_syntax::{Token, tokens};

use super::Refactor;
use super::values::{Covered, lacks};
use crate::infer::{Found, Infer};

/// What a `match` is read behind where it is read alone.
const BEFORE: &str = "const x = ";

impl Refactor<'_, '_> {
    pub(super) fn arms(&self) -> Option<CodeAction> {
        self.arms_of_match().or_else(|| self.arms_of_mapping())
    }

    fn arms_of_match(&self) -> Option<CodeAction> {
        let item = self.item()?;
        let text = self.text();
        let mut all = tokens(item.span.text(text));
        for token in &mut all {
            token.span = Span::new(token.span.start + item.span.start, token.span.end + item.span.start);
        }
        let (start, end) = innermost_match(text, &all, self.asked)?;
        // Read alone, since the rest of the item may be broken, and where it stands.
        let blank = "\n".repeat((start as usize).saturating_sub(BEFORE.len()));
        let alone = format!("{blank}{BEFORE}{}\n", Span::new(start, end).text(text));
        let parsed = nsf_syntax::parse(FileId(0), &alone);
        let ItemKind::Const(constant) = &parsed.file.items.first()?.kind else { return None };
        let ExprKind::Match(value, arms) = &constant.value.kind else { return None };
        if arms.iter().any(|arm| matches!(arm.pattern, Pattern::Else(_) | Pattern::Name(_)) && arm.guard.is_none()) {
            return None;
        }
        let scope = self.known.scope(start, start);
        let infer = Infer { known: self.known, scope };
        let result = arms.iter().find_map(|arm| infer.expr(&arm.value).and_then(Found::ty));
        let other = zero(result.as_ref());
        let missing = self.patterns(infer, value, arms);
        let missing: Vec<String> = missing.into_iter().map(|pattern| format!("{pattern} => {other}")).collect();
        self.added(Span::new(start, end), &missing, ",")
    }

    /// The patterns that are missing: one a value where they are known, and `else` where there are others, too.
    fn patterns(&self, infer: Infer<'_>, value: &Expr, arms: &[MatchArm]) -> Vec<String> {
        let ty = self.type_of(infer, value);
        let covered = Covered::of(arms);
        if let Some(missing) = lacks(ty.as_ref(), &covered) {
            return missing;
        }
        let known = self.values(self.known.file, value);
        let known = known.into_iter().filter(|own| !covered.has(&own.value)).map(|own| own.words);
        known.chain(["else".to_owned()]).collect()
    }

    /// The type of what is matched: what the check says of a name, else what can be told.
    fn type_of(&self, infer: Infer<'_>, value: &Expr) -> Option<Type> {
        let name = match &value.kind {
            ExprKind::Name(_) => Some(value.span),
            ExprKind::Member { name, .. } => Some(name.span),
            _ => None,
        };
        let checked = name.and_then(|span| self.uses_in(span).find(|own| !own.label)?.ty.clone());
        checked.or_else(|| infer.expr(value).and_then(Found::ty))
    }

    /// A mapping of truth values needs no `else`; of all others nobody knows what shall become of them.
    fn arms_of_mapping(&self) -> Option<CodeAction> {
        let item = self.item()?;
        let ItemKind::Mapping(mapping) = &item.kind else { return None };
        let is_bool =
            matches!(&mapping.from.kind, TypeExprKind::Named(..)) && self.known.ty(&mapping.from)? == Type::Bool;
        if !is_bool || mapping.otherwise.is_some() {
            return None;
        }
        let covered = Covered::of_values(mapping.arms.iter().flat_map(|arm| &arm.values));
        let result = self.known.ty(&mapping.to);
        let other = zero(result.as_ref().map(|ty| match ty {
            Type::Select(inner) => &**inner,
            other => other,
        }));
        let missing = lacks(Some(&Type::Bool), &covered)?;
        let missing: Vec<String> = missing.into_iter().map(|pattern| format!("{pattern} => {other}")).collect();
        self.added(item.span, &missing, "")
    }

    /// Writes arms behind those that are there, with a comma or nothing between two.
    fn added(&self, whole: Span, missing: &[String], comma: &str) -> Option<CodeAction> {
        if missing.is_empty() {
            return None;
        }
        let text = self.text();
        let body = Span::new(whole.start, whole.end - 1).text(text).trim_end();
        let at = whole.start + body.len() as u32;
        let before = if body.ends_with([',', '{']) { "" } else { comma };
        let new = if whole.text(text).contains('\n') {
            let margin = format!("{}  ", super::indent(text, whole.end - 1));
            format!("{before}{}", missing.iter().map(|arm| format!("\n{margin}{arm}{comma}")).collect::<String>())
        } else {
            let blank = if comma.is_empty() { "  " } else { " " };
            let first = if body.ends_with('{') { " " } else { blank };
            format!("{before}{first}{}", missing.join(&format!("{comma}{blank}")))
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
