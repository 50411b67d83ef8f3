//! Keys as text, for edges and messages.

use nsf_plan::{Expr, ExprKind, Handle, Literal, Slot, Type};

/// A part of a key in the words of the program, as far as a name says it.
#[must_use]
pub fn part(value: &Expr, slots: &[Slot], handles: &[Handle]) -> String {
    match &value.kind {
        ExprKind::Slot(slot) => slots.get(slot.index()).map_or_else(|| "…".to_owned(), |slot| slot.name.clone()),
        ExprKind::Widen(inner) | ExprKind::NonNull(inner) => part(inner, slots, handles),
        ExprKind::Field(object, index) => match object.ty.non_null() {
            Type::Record(members) => {
                let member = members.get(*index as usize).map_or("…", |(name, _)| name.as_str());
                format!("{}.{member}", part(object, slots, handles))
            }
            _ => "…".to_owned(),
        },
        ExprKind::Loaded(handle, _) | ExprKind::Exists(handle) => {
            handles.get(handle.index()).map_or_else(|| "…".to_owned(), |handle| format!("{}.…", handle.name))
        }
        ExprKind::Literal(Literal::Text(text)) => format!("{text:?}"),
        ExprKind::Literal(Literal::Integer(value)) => value.to_string(),
        ExprKind::Literal(Literal::Bool(value)) => value.to_string(),
        ExprKind::Call(signature, arguments) => {
            let arguments: Vec<String> = arguments.iter().map(|argument| part(argument, slots, handles)).collect();
            format!("{}({})", signature.split('(').next().unwrap_or_default(), arguments.join(", "))
        }
        _ => "…".to_owned(),
    }
}

/// A key of several values: `stu_id, plan_id: other`.
#[must_use]
pub fn parts(names: &[(String, Type)], values: &[Expr], slots: &[Slot], handles: &[Handle]) -> Vec<String> {
    let text = |(index, value): (usize, &Expr)| {
        let written = part(value, slots, handles);
        match names.get(index) {
            Some((name, _)) if *name != written => format!("{name}: {written}"),
            _ => written,
        }
    };
    values.iter().enumerate().map(text).collect()
}
