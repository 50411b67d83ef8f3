//! `std.set`. A set is a list in order without repetition.

use crate::{
    functions::{
        Builtin, list, statistics,
        support::{count, pure},
    },
    value::Value,
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("len(set<T>)", |call| Ok(count(call.list(0)?.len()))),
    pure("to_set(list<T>)", |call| Ok(call.new_set(call.list(0)?.to_vec()))),
    pure("to_list(set<T>)", |call| call.value(0)),
    pure("contains(set<T>, T)", |call| Ok(Value::Bool(has(call.list(0)?, &call.value(1)?)))),
    pure("is_subset(set<T>, set<T>)", |call| {
        let whole = call.list(1)?;
        Ok(Value::Bool(call.list(0)?.iter().all(|item| has(whole, item))))
    }),
    pure("union(set<T>, set<T>)", |call| Ok(call.new_set([call.list(0)?, call.list(1)?].concat()))),
    pure("intersection(set<T>, set<T>)", |call| {
        let other = call.list(1)?;
        Ok(call.new_set(call.list(0)?.iter().filter(|item| has(other, item)).copied().collect()))
    }),
    pure("difference(set<T>, set<T>)", |call| {
        let other = call.list(1)?;
        Ok(call.new_set(call.list(0)?.iter().filter(|item| !has(other, item)).copied().collect()))
    }),
    pure("put(set<T>, T)", |call| {
        let mut items = call.list(0)?.to_vec();
        items.push(call.value(1)?);
        Ok(call.new_set(items))
    }),
    pure("without(set<T>, T)", |call| {
        let item = call.value(1)?;
        Ok(call.new_set(call.list(0)?.iter().filter(|other| **other != item).copied().collect()))
    }),
    pure("sum(set<T>)", statistics::sum),
    pure("min(set<T>)", list::min),
    pure("max(set<T>)", list::max),
    pure("count(set<T>, fn(T) -> bool)", list::count_where),
    pure("any(set<T>, fn(T) -> bool)", list::any),
    pure("all(set<T>, fn(T) -> bool)", list::all),
    pure("map(set<T>, fn(T) -> U)", list::map),
    pure("filter(set<T>, fn(T) -> bool)", list::filter),
];

fn has(items: &[Value<'_>], item: &Value<'_>) -> bool {
    items.binary_search(item).is_ok()
}
