//! Conversions of scalars without the call mechanism, for the cases that cannot fail or are plainly written. Any other
//! case goes to the built-in function of the same signature, which knows the rules and the words.

use itoa::Buffer;
use nsf_plan::{Expr, IntegerWidth, Type};

use crate::{
    expression::{
        Build, Scope,
        code::{Code, Float, Integer, Text, by_value, code, compile},
    },
    frame::Kind,
};

fn name(signature: &str) -> &str {
    signature.split('(').next().unwrap_or(signature)
}

fn width(signature: &str) -> Option<IntegerWidth> {
    use IntegerWidth as Width;
    [Width::Int8, Width::Int16, Width::Int32, Width::Int64, Width::UInt8, Width::UInt16, Width::UInt32]
        .into_iter()
        .find(|width| width.name() == name(signature))
}

/// Whether a call is one that this file compiles.
#[must_use]
pub fn is_direct(signature: &str, arguments: &[Expr]) -> bool {
    let [argument] = arguments else { return false };
    let kind = Kind::of(&argument.ty);
    if argument.ty.is_nullable() || crate::functions::find(signature).is_none() {
        return false;
    }
    match kind {
        Kind::Text => width(signature).is_some(),
        Kind::Integer if matches!(argument.ty, Type::Integer(_)) => {
            width(signature).is_some() || matches!(name(signature), "float64" | "text")
        }
        _ => false,
    }
}

/// `int32(text)`, `int32(int64)`.
pub fn integer(scope: &Scope<'_>, signature: &str, arguments: &[Expr], whole: &Expr) -> Build<Option<Code<Integer>>> {
    let (Some(width), [argument]) = (width(signature), arguments) else { return Ok(None) };
    if !is_direct(signature, arguments) {
        return Ok(None);
    }
    let bound = |bound: i128| i64::try_from(bound).unwrap_or_default();
    let (least, most) = (bound(width.range().0), bound(width.range().1));
    let fits = move |value: i64| value >= least && value <= most;
    let rest = by_value::<Integer>(scope, whole)?;
    if Kind::of(&argument.ty) == Kind::Text {
        let text = compile::<Text>(scope, argument)?;
        return Ok(Some(code::<Integer>(move |context| match plain(text(context)?).filter(|value| fits(*value)) {
            Some(value) => Ok(value),
            None => rest(context),
        })));
    }
    let value = compile::<Integer>(scope, argument)?;
    Ok(Some(code::<Integer>(move |context| {
        let value = value(context)?;
        if fits(value) { Ok(value) } else { rest(context) }
    })))
}

/// A number of one to fifteen digits, without sign or leading zero.
#[inline]
fn plain(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > 15 || (bytes[0] == b'0' && bytes.len() > 1) {
        return None;
    }
    bytes.iter().try_fold(0, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

/// `float64(int64)`.
pub fn float(scope: &Scope<'_>, signature: &str, arguments: &[Expr]) -> Build<Option<Code<Float>>> {
    let [argument] = arguments else { return Ok(None) };
    if name(signature) != "float64" || !is_direct(signature, arguments) {
        return Ok(None);
    }
    let value = compile::<Integer>(scope, argument)?;
    Ok(Some(code::<Float>(move |context| value(context).map(|value| value as f64))))
}

/// `text(int64)`.
pub fn text(scope: &Scope<'_>, signature: &str, arguments: &[Expr]) -> Build<Option<Code<Text>>> {
    let [argument] = arguments else { return Ok(None) };
    if name(signature) != "text" || !is_direct(signature, arguments) {
        return Ok(None);
    }
    let value = compile::<Integer>(scope, argument)?;
    Ok(Some(code::<Text>(move |context| Ok(&*context.arena.alloc_str(Buffer::new().format(value(context)?))))))
}
