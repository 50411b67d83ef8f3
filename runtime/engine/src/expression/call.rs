//! Calls of built-in functions, with lambdas as arguments.

use nsf_plan::{Expr, ExprKind, SlotId, Type};

use crate::{
    cell::{Cell, entry},
    cost::Cost,
    expression::{
        Build, BuildError, Scope, cells,
        code::{Code, Dynamic, code, compile as compile_kind},
    },
    fault::Fallible,
    frame::{Context, Place},
    functions::{self, Argument, Call, Lambda},
    value::Value,
};

/// The most arguments of a built-in.
const MOST: usize = 8;

struct LambdaCode {
    parameters: Box<[Place]>,
    body: Code<Dynamic>,
}

enum Part {
    Value(Code<Dynamic>),
    Lambda(LambdaCode),
}

/// A lambda with the record that it is evaluated over.
#[derive(Clone, Copy)]
struct Bound<'c, 'b> {
    lambda: &'c LambdaCode,
    context: Context<'c, 'b>,
}

impl<'b> Lambda<'b> for Bound<'_, 'b> {
    fn call(&self, arguments: &[Value<'b>]) -> Fallible<Value<'b>> {
        self.context.frame.spend(1, Cost::Repetition)?;
        for (place, argument) in self.lambda.parameters.iter().zip(arguments) {
            self.context.frame.set(*place, *argument);
        }
        (self.lambda.body)(&self.context)
    }
}

/// Compiles a call.
///
/// # Errors
/// There is no such function, or the plan is damaged.
pub fn compile(scope: &Scope<'_>, signature: &str, arguments: &[Expr], expression: &Expr) -> Build<Code<Dynamic>> {
    if let Some(code) = over_place(scope, signature, arguments)? {
        return Ok(code);
    }
    let Some(builtin) = functions::find(signature) else {
        let message =
            format!("this runtime has no function `{signature}`, which the plan calls; it needs a newer runtime");
        return Err(BuildError::new(message, expression.origin));
    };
    let parts = arguments.iter().map(|argument| part(scope, argument)).collect::<Build<Vec<_>>>()?;
    let types: Vec<Type> = arguments.iter().map(argument_type).collect();
    let result = expression.ty.clone();
    let function = builtin.function;
    let origin = expression.origin;
    if parts.len() > MOST {
        return Err(BuildError::new(format!("`{signature}` has more than {MOST} arguments"), origin));
    }
    Ok(code::<Dynamic>(move |context| {
        let mut values = [Value::Null; MOST];
        for (value, part) in values.iter_mut().zip(&parts) {
            if let Part::Value(code) = part {
                *value = code(context)?;
                context.frame.spend(elements(*value), Cost::Look)?;
            }
        }
        let bound: [Option<Bound<'_, '_>>; MOST] = std::array::from_fn(|index| match parts.get(index) {
            Some(Part::Lambda(lambda)) => Some(Bound { lambda, context: *context }),
            _ => None,
        });
        let arguments: [Argument<'_, '_>; MOST] = std::array::from_fn(|index| match &bound[index] {
            Some(bound) => Argument::Lambda(bound),
            None => Argument::Value(values[index]),
        });
        let call = Call {
            arena: context.arena,
            arguments: &arguments[..parts.len()],
            types: &types,
            result: &result,
            now: context.frame.now(),
            clock: context.frame.clock(),
        };
        let done = function(&call).and_then(|value| match value {
            Value::Text(text) => context.frame.spend(text.len(), Cost::Byte).map(|()| value),
            value => context.frame.spend(elements(value), Cost::Element).map(|()| value),
        });
        done.map_err(|mut fault| {
            if fault.origin.is_none() {
                fault.origin = origin;
            }
            fault
        })
    }))
}

/// How many elements a function may look at, or has made.
fn elements(value: Value<'_>) -> usize {
    match value {
        Value::List(items) => items.len(),
        Value::Map(pairs) => pairs.len(),
        _ => 0,
    }
}

/// A lambda's type is its body's.
fn argument_type(argument: &Expr) -> Type {
    match &argument.kind {
        ExprKind::Lambda(_, body) => body.ty.clone(),
        _ => argument.ty.clone(),
    }
}

fn part(scope: &Scope<'_>, argument: &Expr) -> Build<Part> {
    let ExprKind::Lambda(parameters, body) = &argument.kind else {
        return Ok(Part::Value(compile_kind::<Dynamic>(scope, argument)?));
    };
    let place = |slot: &SlotId| scope.place(*slot);
    let parameters = parameters.iter().map(place).collect::<Build<Box<[Place]>>>()?;
    Ok(Part::Lambda(LambdaCode { parameters, body: compile_kind::<Dynamic>(scope, body)? }))
}

/// `len`, `keys` and `values` of what a row holds, without copying the whole of it.
fn over_place(scope: &Scope<'_>, signature: &str, arguments: &[Expr]) -> Build<Option<Code<Dynamic>>> {
    let [argument] = arguments else { return Ok(None) };
    let name = signature.split('(').next().unwrap_or(signature);
    let ty = argument.ty.non_null();
    let fits = match name {
        "len" => matches!(ty, Type::List(_) | Type::Set(_) | Type::Map(..)),
        "keys" | "values" => matches!(ty, Type::Map(..)),
        _ => false,
    };
    if !fits || functions::find(signature).is_none() {
        return Ok(None);
    }
    let Some(place) = cells::compile(scope, argument)? else { return Ok(None) };
    let ty = ty.clone();
    if name == "len" {
        return Ok(Some(code::<Dynamic>(move |context| {
            let length = match place(context)? {
                Some(Cell::List(items)) => items.len(),
                Some(Cell::Map(pairs)) => pairs.len(),
                _ => 0,
            };
            Ok(Value::Integer(i64::try_from(length).unwrap_or(i64::MAX)))
        })));
    }
    let keys = name == "keys";
    Ok(Some(code::<Dynamic>(move |context: &Context<'_, '_>| {
        let Some(Cell::Map(pairs)) = place(context)? else { return Ok(Value::List(&[])) };
        let (key, value) = entry(&ty);
        let mut items = bumpalo::collections::Vec::with_capacity_in(pairs.len(), context.arena);
        if keys {
            items.extend(pairs.keys().map(|cell| cell.to_value(key, context.arena)));
        } else {
            items.extend(pairs.values().map(|cell| cell.to_value(value, context.arena)));
        }
        Ok(Value::List(items.into_bump_slice()))
    })))
}
