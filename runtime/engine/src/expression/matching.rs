//! `match`: the first arm that holds the subject gives the value.

use ahash::AHashMap;
use nsf_plan::{Literal, MatchArm, Origin, Pattern, SlotId};

use crate::{
    cell::Cell,
    expression::{
        Build, BuildError, Scope,
        alike::Texts,
        code::{Bool, Code, Kinded, code, compile},
    },
    fault::{Fault, FaultCode},
    frame::{Context, Kind, Place},
};

/// From how many integers on a table is faster than comparing one after another.
const TABLE: usize = 6;

/// Up to how many texts comparing one after another is faster than a table.
const FEW: usize = 8;

/// Compiles a match.
///
/// # Errors
/// The plan is damaged.
pub fn compile_match<K: Kinded>(
    scope: &Scope<'_>,
    slot: SlotId,
    arms: &[MatchArm],
    origin: Option<Origin>,
) -> Build<Code<K>> {
    let place = scope.place(slot)?;
    let ty = scope.slots.get(slot.index()).map(|slot| &slot.ty);
    let ty = ty.ok_or_else(|| BuildError::new("the plan is damaged: a match has no subject", origin))?;
    let values = arms.iter().map(|arm| compile::<K>(scope, &arm.value)).collect::<Build<Vec<_>>>()?;
    if let Some(table) = Table::of(place, arms) {
        return Ok(code::<K>(move |context| match values.get(table.arm(context, place)) {
            Some(value) => value(context),
            None => Err(no_arm(origin)),
        }));
    }
    let mut tests = Vec::with_capacity(arms.len());
    for arm in arms {
        let patterns: Vec<Range> = arm.patterns.iter().map(|pattern| Range::of(ty, pattern)).collect();
        let guard = arm.guard.as_ref().map(|guard| compile::<Bool>(scope, guard)).transpose()?;
        tests.push((patterns, guard));
    }
    Ok(code::<K>(move |context| {
        for ((patterns, guard), value) in tests.iter().zip(&values) {
            if !patterns.is_empty() && !patterns.iter().any(|pattern| pattern.holds(context, place)) {
                continue;
            }
            if let Some(guard) = guard
                && !guard(context)?
            {
                continue;
            }
            return value(context);
        }
        Err(no_arm(origin))
    }))
}

#[cold]
fn no_arm(origin: Option<Origin>) -> Box<Fault> {
    let message = "no arm of the `match` holds the value";
    Box::new(Fault { code: FaultCode::Argument, message: message.into(), origin })
}

/// A pattern over a slot's bank.
enum Range {
    Integer(i64, i64),
    Text(Box<str>),
    Cells(Cell, Cell),
}

impl Range {
    fn of(ty: &nsf_plan::Type, pattern: &Pattern) -> Self {
        let high = pattern.high.as_ref().unwrap_or(&pattern.low);
        match (&pattern.low, high) {
            (Literal::Integer(low), Literal::Integer(high)) if Kind::of(ty) == Kind::Integer => {
                Self::Integer(*low, *high)
            }
            (Literal::Text(text), _) if pattern.high.is_none() => Self::Text(text.as_str().into()),
            (low, high) => Self::Cells(Cell::from_literal(ty, low), Cell::from_literal(ty, high)),
        }
    }

    #[inline]
    fn holds(&self, context: &Context<'_, '_>, place: Place) -> bool {
        match self {
            Self::Integer(low, high) => {
                let value = context.frame.integer(place.index);
                *low <= value && value <= *high && !context.frame.null(place.slot)
            }
            Self::Text(text) => **text == *context.frame.text(place.index) && !context.frame.null(place.slot),
            Self::Cells(low, high) => {
                let value = context.frame.get(place);
                low.compare(value).is_le() && high.compare(value).is_ge()
            }
        }
    }
}

/// Arms of constants without guards.
enum Table {
    Integers(AHashMap<i64, usize>, usize),
    Texts(AHashMap<Box<str>, usize>, usize),
    FewTexts(Texts, Vec<usize>, usize),
}

impl Table {
    fn of(place: Place, arms: &[MatchArm]) -> Option<Self> {
        let (last, constant) = arms.split_last()?;
        let (constant, rest) = if last.patterns.is_empty() { (constant, constant.len()) } else { (arms, arms.len()) };
        let plain = |arm: &MatchArm| {
            arm.guard.is_none() && !arm.patterns.is_empty() && arm.patterns.iter().all(|pattern| pattern.high.is_none())
        };
        let count: usize = constant.iter().map(|arm| arm.patterns.len()).sum();
        let few = place.kind == Kind::Integer && count < TABLE;
        if place.nullable || few || last.guard.is_some() || !constant.iter().all(plain) {
            return None;
        }
        let pairs =
            || constant.iter().enumerate().flat_map(|(at, arm)| arm.patterns.iter().map(move |one| (&one.low, at)));
        match place.kind {
            Kind::Integer => {
                let mut table = AHashMap::with_capacity(count);
                for (literal, arm) in pairs() {
                    let Literal::Integer(value) = literal else { return None };
                    table.entry(*value).or_insert(arm);
                }
                Some(Self::Integers(table, rest))
            }
            Kind::Text => {
                let mut table = AHashMap::with_capacity(count);
                for (literal, arm) in pairs() {
                    let Literal::Text(text) = literal else { return None };
                    table.entry(text.as_str().into()).or_insert(arm);
                }
                if count <= FEW {
                    let (texts, arms): (Vec<Box<str>>, Vec<usize>) = table.into_iter().unzip();
                    return Some(Self::FewTexts(Texts::new(texts), arms, rest));
                }
                Some(Self::Texts(table, rest))
            }
            _ => None,
        }
    }

    #[inline]
    fn arm(&self, context: &Context<'_, '_>, place: Place) -> usize {
        match self {
            Self::Integers(table, rest) => *table.get(&context.frame.integer(place.index)).unwrap_or(rest),
            Self::FewTexts(texts, arms, rest) => {
                let at = texts.position(context.frame.text(place.index));
                at.and_then(|at| arms.get(at).copied()).unwrap_or(*rest)
            }
            Self::Texts(table, rest) => *table.get(context.frame.text(place.index)).unwrap_or(rest),
        }
    }
}
