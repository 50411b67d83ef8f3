//! Texts.

use std::sync::{Mutex, PoisonError};

use ahash::AHashSet;
use bumpalo::collections::String as ArenaString;
use nsf_plan::{BinaryOperator, Expr, ExprKind, Literal};

use crate::{
    cost::Cost,
    expression::{
        Build, Scope,
        code::{Code, Text, by_value, code, compile, non_null, unfit},
        convert,
    },
    frame::Kind,
};

/// A constant text of a plan for as long as the process lives. A text is kept once however often plans name it, so what
/// is kept is bounded by what was ever written in programs.
pub fn constant(text: &str) -> &'static str {
    static TEXTS: Mutex<Option<AHashSet<&'static str>>> = Mutex::new(None);
    let mut guard = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let texts = guard.get_or_insert_with(AHashSet::new);
    if let Some(there) = texts.get(text) {
        return there;
    }
    let kept: &'static str = Box::leak(text.into());
    texts.insert(kept);
    kept
}

/// Compiles what gives a text.
pub fn operation(scope: &Scope<'_>, expression: &Expr) -> Build<Code<Text>> {
    match &expression.kind {
        ExprKind::Literal(Literal::Text(text)) => {
            let text = constant(text);
            Ok(code::<Text>(move |_| Ok(text)))
        }
        ExprKind::Slot(slot) => {
            let place = scope.place(*slot)?;
            if place.kind != Kind::Text {
                return Err(unfit(expression, "a text"));
            }
            Ok(code::<Text>(move |context| Ok(context.frame.text(place.index))))
        }
        ExprKind::Widen(inner) => compile::<Text>(scope, inner),
        ExprKind::NonNull(inner) => non_null::<Text>(scope, inner),
        ExprKind::Join(parts) => join(scope, parts.iter()),
        ExprKind::Binary(BinaryOperator::Add, left, right) => join(scope, [&**left, &**right].into_iter()),
        ExprKind::Call(signature, arguments) => match convert::text(scope, signature, arguments)? {
            Some(code) => Ok(code),
            None => by_value::<Text>(scope, expression),
        },
        ExprKind::Field(..) | ExprKind::Index(..) | ExprKind::Mapping(..) => by_value::<Text>(scope, expression),
        _ => Err(unfit(expression, "a text")),
    }
}

fn join<'e>(scope: &Scope<'_>, parts: impl Iterator<Item = &'e Expr>) -> Build<Code<Text>> {
    let parts = parts.map(|part| compile::<Text>(scope, part)).collect::<Build<Vec<_>>>()?;
    Ok(code::<Text>(move |context| {
        let mut text = ArenaString::new_in(context.arena);
        for part in &parts {
            let part = part(context)?;
            context.frame.spend(part.len(), Cost::Byte)?;
            text.push_str(part);
        }
        Ok(text.into_bump_str())
    }))
}
