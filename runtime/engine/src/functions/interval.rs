//! `std.interval`: spans from a start up to but not including an end.

use crate::{
    fault::Fallible,
    functions::{
        Builtin, Call,
        support::{argument, count, integer, pure, record},
    },
    value::Value,
};

/// The functions.
pub(super) const BUILTINS: &[Builtin] = &[
    pure("union(list<T>, fn(T) -> timestamp, fn(T) -> timestamp)", |call| {
        call.fit(merged(spans(call)?).iter().map(|(start, end)| i128::from(*end) - i128::from(*start)).sum())
    }),
    pure("merged(list<T>, fn(T) -> timestamp, fn(T) -> timestamp)", |call| Ok(listed(call, &merged(spans(call)?)))),
    pure("gaps(list<T>, fn(T) -> timestamp, fn(T) -> timestamp)", |call| {
        let merged = merged(spans(call)?);
        let gaps: Vec<_> = merged.windows(2).map(|pair| (pair[0].1, pair[1].0)).collect();
        Ok(listed(call, &gaps))
    }),
    pure("most_at_once(list<T>, fn(T) -> timestamp, fn(T) -> timestamp)", |call| {
        Ok(count(most_at_once(&spans(call)?)))
    }),
    pure("overlap(timestamp, timestamp, timestamp, timestamp)", |call| {
        let start = call.integer(0)?.max(call.integer(2)?);
        let end = call.integer(1)?.min(call.integer(3)?);
        call.fit((i128::from(end) - i128::from(start)).max(0))
    }),
    pure("covers(timestamp, timestamp, timestamp)", |call| {
        Ok(Value::Bool((call.integer(0)?..call.integer(1)?).contains(&call.integer(2)?)))
    }),
    pure("sessions(list<T>, fn(T) -> timestamp, duration)", |call| {
        let gap = call.integer(2)?;
        if gap < 0 {
            return Err(argument("`sessions` has a negative gap"));
        }
        let times = call.list(0)?.iter().map(|item| integer(call.lambda(1)?.call(&[*item])?));
        let mut times = times.collect::<Fallible<Vec<i64>>>()?;
        times.sort_unstable();
        let far = |left: &i64, right: &i64| i128::from(*right) - i128::from(*left) <= i128::from(gap);
        let runs = times.chunk_by(far).filter_map(|run| {
            let (start, end) = (run.first()?, run.last()?);
            Some(record(call.arena, &[Value::Integer(*start), Value::Integer(*end), count(run.len())]))
        });
        Ok(call.new_list(&runs.collect::<Vec<_>>()))
    }),
];

/// The spans that are not empty.
fn spans(call: &Call<'_, '_>) -> Fallible<Vec<(i64, i64)>> {
    let mut spans = Vec::new();
    for item in call.list(0)? {
        let start = integer(call.lambda(1)?.call(&[*item])?)?;
        let end = integer(call.lambda(2)?.call(&[*item])?)?;
        if start < end {
            spans.push((start, end));
        }
    }
    Ok(spans)
}

/// The spans in their order, those that overlap or touch as one.
fn merged(mut spans: Vec<(i64, i64)>) -> Vec<(i64, i64)> {
    spans.sort_unstable();
    let mut merged: Vec<(i64, i64)> = Vec::new();
    for (start, end) in spans {
        match merged.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    merged
}

fn most_at_once(spans: &[(i64, i64)]) -> usize {
    // An end comes before a start of the same moment, because it is not part of its span.
    let mut turns: Vec<(i64, bool)> = spans.iter().flat_map(|(start, end)| [(*start, true), (*end, false)]).collect();
    turns.sort_unstable();
    let (mut now, mut most) = (0_usize, 0);
    for (_, begins) in turns {
        now = if begins { now + 1 } else { now.saturating_sub(1) };
        most = most.max(now);
    }
    most
}

fn listed<'b>(call: &Call<'_, 'b>, spans: &[(i64, i64)]) -> Value<'b> {
    let spans = spans.iter().map(|(start, end)| record(call.arena, &[Value::Integer(*start), Value::Integer(*end)]));
    call.new_list(&spans.collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_touching_and_nested_spans_are_one() {
        assert_eq!(merged(vec![(5, 9), (1, 3), (3, 4), (6, 7)]), [(1, 4), (5, 9)]);
        assert_eq!(merged(vec![(1, 9), (2, 3), (8, 12)]), [(1, 12)]);
        assert_eq!(merged(vec![(1, 2), (1, 2)]), [(1, 2)]);
        assert_eq!(merged(vec![]), []);
        assert_eq!(merged(vec![(i64::MIN, 0), (0, i64::MAX)]), [(i64::MIN, i64::MAX)]);
    }

    #[test]
    fn any_order_of_spans_covers_the_same() {
        let spans = [(0_i64, 10), (10, 20), (15, 16), (30, 31), (29, 30)];
        for turn in 0..spans.len() {
            let mut turned = spans;
            turned.rotate_left(turn);
            assert_eq!(merged(turned.to_vec()), [(0, 20), (29, 31)]);
            turned.reverse();
            assert_eq!(merged(turned.to_vec()), [(0, 20), (29, 31)]);
        }
    }

    #[test]
    fn a_span_that_ends_leaves_room_for_one_that_starts() {
        assert_eq!(most_at_once(&[(0, 10), (10, 20)]), 1);
        assert_eq!(most_at_once(&[(0, 10), (9, 20), (9, 10)]), 3);
        assert_eq!(most_at_once(&[]), 0);
    }
}
