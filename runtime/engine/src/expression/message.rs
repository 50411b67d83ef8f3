//! Messages: an expression of a record type compiled into code that writes its JSON, scalars straight from their slots.

use nsf_plan::{Expr, ExprKind, Literal, Type};

use crate::{
    encode::{escape, json},
    expression::{
        Build, Scope, cells,
        code::{Bool, Dynamic, Float, Integer, Nullable, Scalar, Text, compile},
    },
    fault::Fallible,
    frame::{Context, Kind},
};

/// Writes one part of a message.
pub type WriteCode = Box<dyn for<'c, 'b> Fn(&Context<'c, 'b>, &mut Vec<u8>) -> Fallible<()> + Send + Sync>;

fn write_code(
    body: impl for<'c, 'b> Fn(&Context<'c, 'b>, &mut Vec<u8>) -> Fallible<()> + Send + Sync + 'static,
) -> WriteCode {
    Box::new(body)
}

/// A part of a message: bytes that never change, then a value.
struct Part {
    lead: Lead,
    value: Value,
}

/// Bytes that never change; short ones padded, so that they are copied as one block.
enum Lead {
    Short([u8; 32], usize),
    Long(Box<[u8]>),
}

impl Lead {
    fn new(bytes: &[u8]) -> Self {
        let mut padded = [0; 32];
        match padded.get_mut(..bytes.len()) {
            Some(front) => {
                front.copy_from_slice(bytes);
                Self::Short(padded, bytes.len())
            }
            None => Self::Long(bytes.into()),
        }
    }

    #[inline(always)]
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Short(padded, length) => {
                let end = out.len() + length;
                out.extend_from_slice(padded);
                out.truncate(end);
            }
            Self::Long(bytes) => out.extend_from_slice(bytes),
        }
    }
}

/// The usual values without a closure of their own.
enum Value {
    /// An integer's slot.
    Integer(u32),
    /// A float's slot.
    Float(u32),
    /// A bool's slot.
    Bool(u32),
    /// A text's slot.
    Text(u32),
    Code(WriteCode),
    /// Nothing: the end.
    None,
}

/// Compiles a message.
///
/// # Errors
/// The plan is damaged.
pub fn compile_message(scope: &Scope<'_>, expression: &Expr) -> Build<WriteCode> {
    let mut parts = Vec::new();
    let mut lead = Vec::new();
    add(scope, expression, &mut parts, &mut lead)?;
    parts.push(Part { lead: Lead::new(&lead), value: Value::None });
    Ok(write_code(move |context, out| {
        for part in &parts {
            part.lead.write(out);
            match &part.value {
                Value::Integer(slot) => json::write_integer(context.frame.integer(*slot), out),
                Value::Float(slot) => json::write_float(context.frame.float(*slot), out),
                Value::Bool(slot) => json::write_bool(context.frame.integer(*slot) != 0, out),
                Value::Text(slot) => json::write_text(context.frame.text(*slot), out),
                Value::Code(code) => code(context, out)?,
                Value::None => {}
            }
        }
        Ok(())
    }))
}

/// Adds an expression: constants and punctuation to `lead`, everything else as a part.
fn add(scope: &Scope<'_>, expression: &Expr, parts: &mut Vec<Part>, lead: &mut Vec<u8>) -> Build<()> {
    match &expression.kind {
        ExprKind::Record(members) => {
            lead.push(b'{');
            for (index, member) in members.iter().enumerate() {
                if index > 0 {
                    lead.push(b',');
                }
                lead.push(b'"');
                escape::write(json::member_name(&expression.ty, index), lead);
                lead.extend_from_slice(b"\":");
                add(scope, member, parts, lead)?;
            }
            lead.push(b'}');
            return Ok(());
        }
        ExprKind::Literal(literal) if !matches!(literal, Literal::List(_) | Literal::Map(_) | Literal::Record(_)) => {
            json::write_cell(&expression.ty, &crate::cell::Cell::from_literal(&expression.ty, literal), lead);
            return Ok(());
        }
        ExprKind::Widen(inner) if inner.ty.non_null() == expression.ty.non_null() => {
            return add(scope, inner, parts, lead);
        }
        _ => {}
    }
    let value = slot_value(scope, expression)?;
    let value = match value {
        Some(value) => value,
        None => Value::Code(value_code(scope, expression)?),
    };
    parts.push(Part { lead: Lead::new(lead), value });
    lead.clear();
    Ok(())
}

fn is_plain(ty: &Type) -> bool {
    matches!(ty, Type::Bool | Type::Integer(_) | Type::Float64 | Type::Text | Type::Duration)
}

fn slot_value(scope: &Scope<'_>, expression: &Expr) -> Build<Option<Value>> {
    let slot = match &expression.kind {
        ExprKind::Slot(slot) => slot,
        ExprKind::NonNull(inner) => match &inner.kind {
            ExprKind::Slot(slot) => slot,
            _ => return Ok(None),
        },
        _ => return Ok(None),
    };
    if !is_plain(&expression.ty) {
        return Ok(None);
    }
    let place = scope.place(*slot)?;
    Ok(match place.kind {
        Kind::Bool => Some(Value::Bool(place.index)),
        Kind::Integer => Some(Value::Integer(place.index)),
        Kind::Float => Some(Value::Float(place.index)),
        Kind::Text => Some(Value::Text(place.index)),
        Kind::Unsigned | Kind::Value => None,
    })
}

fn value_code(scope: &Scope<'_>, expression: &Expr) -> Build<WriteCode> {
    if let Some(place) = cells::compile(scope, expression)? {
        let ty = expression.ty.clone();
        return Ok(write_code(move |context, out| {
            match place(context)? {
                Some(cell) => json::write_cell(&ty, cell, out),
                None => out.extend_from_slice(b"null"),
            }
            Ok(())
        }));
    }
    let single = matches!(expression.ty.non_null(), Type::Float32);
    match Kind::of(&expression.ty) {
        Kind::Bool => scalar::<Bool>(scope, expression, json::write_bool),
        Kind::Integer if is_plain(expression.ty.non_null()) => {
            scalar::<Integer>(scope, expression, json::write_integer)
        }
        Kind::Float if single => scalar::<Float>(scope, expression, json::write_single),
        Kind::Float => scalar::<Float>(scope, expression, json::write_float),
        Kind::Text => scalar::<Text>(scope, expression, json::write_text),
        _ => {
            let ty = expression.ty.clone();
            let value = compile::<Dynamic>(scope, expression)?;
            Ok(write_code(move |context, out| {
                json::write_value(&ty, value(context)?, out);
                Ok(())
            }))
        }
    }
}

fn scalar<K: Scalar>(
    scope: &Scope<'_>,
    expression: &Expr,
    write: impl for<'b> Fn(K::Out<'b>, &mut Vec<u8>) + Send + Sync + 'static,
) -> Build<WriteCode> {
    if expression.ty.is_nullable() {
        let value = compile::<Nullable<K>>(scope, expression)?;
        return Ok(write_code(move |context, out| {
            match value(context)? {
                Some(value) => write(value, out),
                None => out.extend_from_slice(b"null"),
            }
            Ok(())
        }));
    }
    let value = compile::<K>(scope, expression)?;
    Ok(write_code(move |context, out| {
        write(value(context)?, out);
        Ok(())
    }))
}
