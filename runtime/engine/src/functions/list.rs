//! `std.list`.

use std::{cmp::Ordering, collections::BTreeMap};

use hashbrown::HashSet;

use crate::{
    fault::Fallible,
    functions::{
        Builtin, Call, Lambda,
        support::{LONGEST_LIST, argument, bool, count, length, list, pure, record, too_many},
        text::slice_start,
    },
    value::Value,
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("len(list<T>)", |call| Ok(count(call.list(0)?.len()))),
    pure("min(list<T>)", min),
    pure("max(list<T>)", max),
    pure("min_by(list<T>, fn(T) -> K)", |call| best(call, Ordering::is_lt)),
    pure("max_by(list<T>, fn(T) -> K)", |call| best(call, Ordering::is_gt)),
    pure("count(list<T>, fn(T) -> bool)", count_where),
    pure("any(list<T>, fn(T) -> bool)", any),
    pure("all(list<T>, fn(T) -> bool)", all),
    pure("map(list<T>, fn(T) -> U)", map),
    pure("flat_map(list<T>, fn(T) -> list<U>)", |call| {
        let mut made = Vec::new();
        for item in call.list(0)? {
            made.extend_from_slice(list(call.lambda(1)?.call(&[*item])?)?);
        }
        Ok(call.new_list(&made))
    }),
    pure("filter(list<T>, fn(T) -> bool)", filter),
    pure("find(list<T>, fn(T) -> bool)", |call| Ok(first_where(call, true)?.unwrap_or(Value::Null))),
    pure("reduce(list<T>, U, fn(U, T) -> U)", |call| {
        call.list(0)?.iter().try_fold(call.value(1)?, |value, item| call.lambda(2)?.call(&[value, *item]))
    }),
    pure("non_null(list<T?>)", |call| {
        let kept: Vec<Value<'_>> = call.list(0)?.iter().filter(|item| !item.is_null()).copied().collect();
        Ok(call.new_list(&kept))
    }),
    pure("distinct(list<T>)", |call| {
        let mut seen = HashSet::new();
        let kept: Vec<Value<'_>> = call.list(0)?.iter().filter(|item| seen.insert(**item)).copied().collect();
        Ok(call.new_list(&kept))
    }),
    pure("distinct_by(list<T>, fn(T) -> K)", |call| {
        let mut seen = HashSet::new();
        let mut kept = Vec::new();
        for item in call.list(0)? {
            if seen.insert(call.lambda(1)?.call(&[*item])?) {
                kept.push(*item);
            }
        }
        Ok(call.new_list(&kept))
    }),
    pure("group_by(list<T>, fn(T) -> K)", |call| {
        let mut groups: BTreeMap<Value<'_>, Vec<Value<'_>>> = BTreeMap::new();
        for item in call.list(0)? {
            groups.entry(call.lambda(1)?.call(&[*item])?).or_default().push(*item);
        }
        let pairs: Vec<_> = groups.iter().map(|(key, items)| (*key, call.new_list(items))).collect();
        Ok(Value::Map(call.arena.alloc_slice_copy(&pairs)))
    }),
    pure("count_by(list<T>, fn(T) -> K)", |call| {
        let mut groups: BTreeMap<Value<'_>, usize> = BTreeMap::new();
        for item in call.list(0)? {
            *groups.entry(call.lambda(1)?.call(&[*item])?).or_default() += 1;
        }
        let pairs: Vec<_> = groups.iter().map(|(key, items)| (*key, count(*items))).collect();
        Ok(Value::Map(call.arena.alloc_slice_copy(&pairs)))
    }),
    pure("sort(list<T>, bool)", |call| {
        let mut items = call.list(0)?.to_vec();
        let descending = call.bool(1)?;
        items.sort_by(|left, right| directed(left.cmp(right), descending));
        Ok(call.new_list(&items))
    }),
    pure("sort_by(list<T>, fn(T) -> K, bool)", |call| {
        let mut items = Vec::new();
        for item in call.list(0)? {
            items.push((call.lambda(1)?.call(&[*item])?, *item));
        }
        let descending = call.bool(2)?;
        items.sort_by(|left, right| directed(left.0.cmp(&right.0), descending));
        let items: Vec<Value<'_>> = items.into_iter().map(|(_, item)| item).collect();
        Ok(call.new_list(&items))
    }),
    pure("reverse(list<T>)", |call| {
        let items: Vec<Value<'_>> = call.list(0)?.iter().rev().copied().collect();
        Ok(call.new_list(&items))
    }),
    pure("first(list<T>)", |call| Ok(call.list(0)?.first().copied().unwrap_or(Value::Null))),
    pure("last(list<T>)", |call| Ok(call.list(0)?.last().copied().unwrap_or(Value::Null))),
    pure("get(list<T>, int64)", |call| {
        let (items, index) = (call.list(0)?, call.integer(1)?);
        let place = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
        let place = if index < 0 { items.len().checked_sub(place) } else { Some(place) };
        Ok(place.and_then(|place| items.get(place)).copied().unwrap_or(Value::Null))
    }),
    pure("take(list<T>, int64)", |call| Ok(Value::List(split_at(call.list(0)?, length(call.integer(1)?)).0))),
    pure("skip(list<T>, int64)", |call| Ok(Value::List(split_at(call.list(0)?, length(call.integer(1)?)).1))),
    pure("slice(list<T>, int64, int64)", |call| {
        let items = call.list(0)?;
        let rest = split_at(items, slice_start(call.integer(1)?, || items.len())).1;
        Ok(Value::List(split_at(rest, length(call.integer(2)?)).0))
    }),
    pure("concat(list<list<T>>)", |call| {
        let mut joined = Vec::new();
        for items in call.list(0)? {
            joined.extend_from_slice(list(*items)?);
            if joined.len() > LONGEST_LIST {
                return Err(too_many("concat"));
            }
        }
        Ok(call.new_list(&joined))
    }),
    pure("contains(list<T>, T)", |call| Ok(Value::Bool(call.list(0)?.contains(&call.value(1)?)))),
    pure("index_of(list<T>, T)", |call| {
        let wanted = call.value(1)?;
        Ok(call.list(0)?.iter().position(|item| *item == wanted).map_or(Value::Null, count))
    }),
    pure("indexed(list<T>)", |call| {
        let items = call.list(0)?.iter().enumerate();
        let items: Vec<Value<'_>> = items.map(|(index, item)| record(call.arena, &[count(index), *item])).collect();
        Ok(call.new_list(&items))
    }),
    pure("zip(list<T>, list<U>)", |call| {
        let pairs = call.list(0)?.iter().zip(call.list(1)?);
        let pairs: Vec<Value<'_>> = pairs.map(|(left, right)| record(call.arena, &[*left, *right])).collect();
        Ok(call.new_list(&pairs))
    }),
    pure("chunks(list<T>, int64)", |call| {
        let size = call.integer(1)?;
        let Some(size) = usize::try_from(size).ok().filter(|size| *size > 0) else {
            return Err(argument(format!("a list is cut into chunks of 1 element or more, not of {size}")));
        };
        let chunks: Vec<Value<'_>> = call.list(0)?.chunks(size).map(Value::List).collect();
        Ok(call.new_list(&chunks))
    }),
];

/// The smallest element of a list or set.
pub(super) fn min<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    Ok(call.list(0)?.iter().min().copied().unwrap_or(Value::Null))
}

/// The largest element of a list or set.
pub(super) fn max<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    Ok(call.list(0)?.iter().max().copied().unwrap_or(Value::Null))
}

/// How many elements of a list or set a condition holds for.
pub(super) fn count_where<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let mut found = 0;
    for item in call.list(0)? {
        found += usize::from(holds(call.lambda(1)?, *item)?);
    }
    Ok(count(found))
}

/// Whether a condition holds for an element of a list or set.
pub(super) fn any<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    Ok(Value::Bool(first_where(call, true)?.is_some()))
}

/// Whether a condition holds for every element of a list or set.
pub(super) fn all<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    Ok(Value::Bool(first_where(call, false)?.is_none()))
}

/// What a function makes of each element of a list or set.
pub(super) fn map<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let made = call.list(0)?.iter().map(|item| call.lambda(1)?.call(&[*item]));
    Ok(call.new_list(&made.collect::<Fallible<Vec<_>>>()?))
}

/// The elements of a list or set for which a condition holds, in their order.
pub(super) fn filter<'b>(call: &Call<'_, 'b>) -> Fallible<Value<'b>> {
    let mut kept = Vec::new();
    for item in call.list(0)? {
        if holds(call.lambda(1)?, *item)? {
            kept.push(*item);
        }
    }
    Ok(call.new_list(&kept))
}

/// The elements before and from an index.
fn split_at<'t, 'b>(items: &'t [Value<'b>], index: usize) -> (&'t [Value<'b>], &'t [Value<'b>]) {
    items.split_at(index.min(items.len()))
}

fn directed(order: Ordering, descending: bool) -> Ordering {
    if descending { order.reverse() } else { order }
}

/// Whether a condition holds for an element.
fn holds<'b>(condition: &dyn Lambda<'b>, item: Value<'b>) -> Fallible<bool> {
    bool(condition.call(&[item])?)
}

/// The first element for which the condition is as wanted.
fn first_where<'b>(call: &Call<'_, 'b>, wanted: bool) -> Fallible<Option<Value<'b>>> {
    for item in call.list(0)? {
        if holds(call.lambda(1)?, *item)? == wanted {
            return Ok(Some(*item));
        }
    }
    Ok(None)
}

/// The first element whose value is better than that of every one before it.
fn best<'b>(call: &Call<'_, 'b>, better: fn(Ordering) -> bool) -> Fallible<Value<'b>> {
    let mut best: Option<(Value<'b>, Value<'b>)> = None;
    for item in call.list(0)? {
        let value = call.lambda(1)?.call(&[*item])?;
        if best.is_none_or(|(most, _)| better(value.cmp(&most))) {
            best = Some((value, *item));
        }
    }
    Ok(best.map_or(Value::Null, |(_, item)| item))
}
