//! `std.map`.

use crate::{
    fault::Fallible,
    functions::{
        Builtin,
        support::{bool, count, member, pure, record},
    },
    value::Value,
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("len(map<K, V>)", |call| Ok(count(call.map(0)?.len()))),
    pure("to_map(list<{ key: K, value: V }>)", |call| {
        let pairs = call.list(0)?.iter().map(|entry| Ok((member(*entry, 0)?, member(*entry, 1)?)));
        Ok(call.new_map(pairs.collect::<Fallible<_>>()?))
    }),
    pure("entries(map<K, V>)", |call| {
        let entries: Vec<_> = call.map(0)?.iter().map(|(key, value)| record(call.arena, &[*key, *value])).collect();
        Ok(call.new_list(&entries))
    }),
    pure("keys(map<K, V>)", |call| {
        let keys: Vec<_> = call.map(0)?.iter().map(|pair| pair.0).collect();
        Ok(call.new_list(&keys))
    }),
    pure("values(map<K, V>)", |call| {
        let values: Vec<_> = call.map(0)?.iter().map(|pair| pair.1).collect();
        Ok(call.new_list(&values))
    }),
    pure("contains(map<K, V>, K)", |call| Ok(Value::Bool(Value::lookup(call.map(0)?, call.value(1)?).is_some()))),
    pure("put(map<K, V>, K, V)", |call| {
        let mut pairs = call.map(0)?.to_vec();
        pairs.push((call.value(1)?, call.value(2)?));
        Ok(call.new_map(pairs))
    }),
    pure("without(map<K, V>, K)", |call| {
        let key = call.value(1)?;
        let pairs = call.map(0)?.iter().filter(|pair| pair.0 != key).copied();
        Ok(call.new_map(pairs.collect()))
    }),
    pure("merge(map<K, V>, map<K, V>)", |call| {
        let pairs = call.map(0)?.iter().chain(call.map(1)?).copied();
        Ok(call.new_map(pairs.collect()))
    }),
    pure("filter(map<K, V>, fn(K, V) -> bool)", |call| {
        let mut kept = Vec::new();
        for (key, value) in call.map(0)? {
            if bool(call.lambda(1)?.call(&[*key, *value])?)? {
                kept.push((*key, *value));
            }
        }
        Ok(call.new_map(kept))
    }),
    pure("map_values(map<K, V>, fn(V) -> U)", |call| {
        let pairs = call.map(0)?.iter().map(|(key, value)| Ok((*key, call.lambda(1)?.call(&[*value])?)));
        Ok(call.new_map(pairs.collect::<Fallible<_>>()?))
    }),
];
