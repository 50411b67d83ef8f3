//! The built-in functions, by the signatures that `stdlib` declares.
//!
//! A function works on [`Value`]s in the batch's arena. Its signature is its canonical text: name and parameter types
//! as declared, without spaces after commas being significant: `len(list<T>)`.

mod arris;
mod calendar;
mod convert;
mod digits;
mod geo;
mod hash;
mod interval;
mod json;
mod json_scan;
mod list;
mod map;
mod number;
mod pattern;
mod set;
mod statistics;
mod support;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod url;
mod zone;

use bumpalo::Bump;
use nsf_plan::Type;

use crate::{fault::Fallible, value::Value};

/// An argument of a call.
#[derive(Clone, Copy)]
pub enum Argument<'c, 'b> {
    /// A value.
    Value(Value<'b>),
    /// A lambda: called with its arguments.
    Lambda(&'c dyn Lambda<'b>),
}

/// A lambda that a higher-order function calls.
pub trait Lambda<'b> {
    /// The value of the body for these arguments.
    ///
    /// # Errors
    /// The fault of the body.
    fn call(&self, arguments: &[Value<'b>]) -> Fallible<Value<'b>>;
}

/// What a function has at hand.
pub struct Call<'c, 'b> {
    /// Where results longer than a word are put.
    pub arena: &'b Bump,
    /// The arguments, as many as the signature says.
    pub arguments: &'c [Argument<'c, 'b>],
    /// The types of the arguments; a lambda's is its body's.
    pub types: &'c [Type],
    /// The type of the result: what a narrow integer must fit, and what a value is encoded as.
    pub result: &'c Type,
    /// The record's time in milliseconds, for `now`-like functions.
    pub now: i64,
    /// What `clock()` gives, in milliseconds; none: the machine's time.
    pub clock: Option<i64>,
}

/// The code of a built-in function.
pub type Function = for<'c, 'b> fn(&Call<'c, 'b>) -> Fallible<Value<'b>>;

/// A built-in: signature, code, and whether its value depends on its arguments alone.
pub struct Builtin {
    /// `len(list<T>)`.
    pub signature: &'static str,
    /// The code.
    pub function: Function,
    /// False for `clock()` and `random()`.
    pub pure: bool,
}

/// The functions by topic: one line for each file beside this one.
pub const TOPICS: &[&[Builtin]] = &[
    arris::BUILTINS,
    calendar::BUILTINS,
    convert::BUILTINS,
    geo::BUILTINS,
    hash::BUILTINS,
    interval::BUILTINS,
    json::BUILTINS,
    list::BUILTINS,
    map::BUILTINS,
    number::BUILTINS,
    pattern::BUILTINS,
    set::BUILTINS,
    statistics::BUILTINS,
    text::BUILTINS,
    time::BUILTINS,
    url::BUILTINS,
];

/// The function of a signature.
#[must_use]
pub fn find(signature: &str) -> Option<&'static Builtin> {
    TOPICS.iter().flat_map(|topic| topic.iter()).find(|builtin| builtin.signature == signature)
}
