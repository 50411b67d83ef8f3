//! Keys as bytes, straight from their slots.

use nsf_plan::Expr;

use crate::{
    encode::key,
    expression::{
        Build, Scope,
        code::{Code, Dynamic, Integer, Nullable, Text, compile},
        message::WriteCode,
    },
    fault::{Fault, FaultCode},
    frame::Kind,
};

enum Part {
    Integer(Code<Nullable<Integer>>),
    Text(Code<Nullable<Text>>),
    Value(Code<Dynamic>),
}

impl Part {
    fn of(scope: &Scope<'_>, part: &Expr) -> Build<Self> {
        Ok(match Kind::of(&part.ty) {
            Kind::Integer => Self::Integer(compile::<Nullable<Integer>>(scope, part)?),
            Kind::Text => Self::Text(compile::<Nullable<Text>>(scope, part)?),
            _ => Self::Value(compile::<Dynamic>(scope, part)?),
        })
    }
}

/// Compiles a key into code that appends its bytes.
///
/// # Errors
/// The plan is damaged.
pub fn compile_key(scope: &Scope<'_>, parts: &[Expr]) -> Build<WriteCode> {
    let parts = parts.iter().map(|part| Ok((part.origin, Part::of(scope, part)?))).collect::<Build<Vec<_>>>()?;
    Ok(Box::new(move |context, out| {
        for (index, (origin, part)) in parts.iter().enumerate() {
            let written = match part {
                Part::Integer(code) => code(context)?.map(|value| key::write_integer(value, out)),
                Part::Text(code) => code(context)?.map(|text| key::write_text(text, out)),
                Part::Value(code) => match code(context)? {
                    crate::value::Value::Null => None,
                    value => {
                        key::write_part(value, out);
                        Some(())
                    }
                },
            };
            if written.is_none() {
                let message = format!("part {} of the key is null", index + 1);
                return Err(Box::new(Fault { code: FaultCode::Key, message: message.into(), origin: *origin }));
            }
        }
        Ok(())
    }))
}
