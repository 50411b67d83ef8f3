//! Value mappings: a table from the plan.

use ahash::AHashMap;
use nsf_plan::{Expr, Mapping, MappingElse, MappingId, Origin, Type};

use crate::{
    cell::Cell,
    encode::json,
    expression::{
        Build, BuildError, Scope,
        code::{Code, Dynamic, code, compile as compile_kind},
        compound::constant_value,
    },
    fault::{Fault, FaultCode},
    frame::Kind,
    value::{Value, shown},
};

enum Table {
    Integers(AHashMap<i64, Value<'static>>),
    Texts(AHashMap<Box<str>, Value<'static>>),
    Cells(AHashMap<Cell, Value<'static>>),
}

impl Table {
    fn find(&self, value: Value<'_>, from: &Type) -> Option<Value<'static>> {
        match (self, value) {
            (Self::Integers(table), Value::Integer(value)) => table.get(&value).copied(),
            (Self::Texts(table), Value::Text(text)) => table.get(text).copied(),
            (Self::Cells(table), value) => table.get(&Cell::from_value(from, value)).copied(),
            _ => None,
        }
    }

    fn new(mapping: &Mapping) -> Option<Self> {
        let mut pairs = Vec::with_capacity(mapping.pairs.len());
        for (from, to) in &mapping.pairs {
            pairs.push((Cell::from_literal(&mapping.from, from), constant_value(&mapping.to, to)?));
        }
        // Of two arms for one value the first counts.
        pairs.reverse();
        Some(match Kind::of(&mapping.from) {
            Kind::Integer => Self::Integers(
                pairs
                    .into_iter()
                    .filter_map(|(from, to)| if let Cell::Integer(from) = from { Some((from, to)) } else { None })
                    .collect(),
            ),
            Kind::Text => Self::Texts(
                pairs
                    .into_iter()
                    .filter_map(|(from, to)| if let Cell::Text(from) = from { Some((from, to)) } else { None })
                    .collect(),
            ),
            _ => Self::Cells(pairs.into_iter().collect()),
        })
    }
}

enum Otherwise {
    Keep,
    KeepAsText,
    Value(Value<'static>),
    Reject,
}

/// Compiles the use of a mapping. The mapping of null is null.
///
/// # Errors
/// The plan is damaged.
pub fn compile(scope: &Scope<'_>, id: MappingId, value: &Expr, expression: &Expr) -> Build<Code<Dynamic>> {
    let damaged =
        || BuildError::new("the plan is damaged: a mapping is missing or maps to what is no scalar", expression.origin);
    let mapping = scope.plan.mapping(id).ok_or_else(damaged)?;
    let table = Table::new(mapping).ok_or_else(damaged)?;
    let from = mapping.from.clone();
    let otherwise = match &mapping.otherwise {
        MappingElse::Keep if Kind::of(&mapping.to) == Kind::Text && Kind::of(&from) != Kind::Text => {
            Otherwise::KeepAsText
        }
        MappingElse::Keep => Otherwise::Keep,
        MappingElse::Value(literal) => Otherwise::Value(constant_value(&mapping.to, literal).ok_or_else(damaged)?),
        MappingElse::Reject => Otherwise::Reject,
    };
    let name = mapping.name.clone();
    let origin = expression.origin;
    let value = compile_kind::<Dynamic>(scope, value)?;
    Ok(code::<Dynamic>(move |context| {
        let value = value(context)?;
        if value.is_null() {
            return Ok(Value::Null);
        }
        if let Some(found) = table.find(value, &from) {
            return Ok(found);
        }
        match otherwise {
            Otherwise::Keep => Ok(value),
            Otherwise::Value(value) => Ok(value),
            Otherwise::Reject => Err(unmapped(&name, &from, value, origin)),
            Otherwise::KeepAsText => {
                let mut text = Vec::new();
                json::write_value(&from, value, &mut text);
                let text = String::from_utf8_lossy(&text);
                Ok(Value::Text(context.arena.alloc_str(text.trim_matches('"'))))
            }
        }
    }))
}

#[cold]
fn unmapped(name: &str, from: &Type, value: Value<'_>, origin: Option<Origin>) -> Box<Fault> {
    let message = format!("the mapping `{name}` has no arm for {}", shown(from, value));
    Box::new(Fault { code: FaultCode::Conversion, message: message.into(), origin })
}
