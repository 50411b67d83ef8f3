//! Stable identity: field numbers and state shapes against `nsf.lock`. A change that would orphan what is stored, or
//! give a number a second meaning, is an error with the edit that mends it. Without a lock file there is nothing to
//! compare, but that one number has one meaning within a program.

use std::collections::{BTreeMap, HashMap};

use nsf_diagnostics::{Applicability, Diagnostic, FileId, Location, Suggestion, TextEdit, codes};
use nsf_plan::evolution::{Obstacle, StoredState, key_words, reads_as};
use nsf_plan::{Dimension, Order, RecordType, State, StateField, StateId, Type};

use super::short;
use crate::graph::{Dag, DimensionNode, Node, number};
use crate::lock::{Lock, LockError, LockedDimension, LockedState};

/// A lock file that cannot be read.
pub(super) fn broken(file: FileId, error: &LockError) -> Diagnostic {
    let text = format!("`nsf.lock` cannot be read: {}", error.reason);
    Diagnostic::new(&codes::E0411, error.span.in_file(file), text)
        .help("take it back from version control; it is written by `nsfc check --fix` alone")
}

pub(super) fn prove(dag: &Dag, lock: Option<&Lock>, found: &mut Vec<Diagnostic>) {
    for node in &dag.index.dimensions {
        let Some(Node::Dimension(dimension)) = dag.graph.node_weight(*node) else { continue };
        twice(dimension, found);
        let Some(lock) = lock else { continue };
        if let Some(known) = lock.dimensions.get(&dimension.part.value.name) {
            compare_dimension(lock, dimension, known, found);
        }
    }
    if let Some(lock) = lock {
        compare_states(dag, lock, found);
    }
}

/// One number written for two fields of a dimension.
fn twice(dimension: &DimensionNode, found: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<u32, usize> = HashMap::new();
    for (index, place) in dimension.fields.iter().enumerate() {
        let (Some(number), Some(field)) = (place.number, dimension.part.value.fields.get(index)) else { continue };
        let Some(earlier) = seen.insert(number, index) else { continue };
        let Some(first) = dimension.part.value.fields.get(earlier) else { continue };
        let text = format!("number {number} is that of `{}` already, and is given to `{}` too", first.name, field.name);
        let mut diagnostic = Diagnostic::new(&codes::E0412, place.name, text);
        if let Some(earlier) = dimension.fields.get(earlier) {
            diagnostic = diagnostic.secondary(earlier.name, "given here first");
        }
        found.push(diagnostic.help("leave the number out: `nsfc check --fix` gives the next free one"));
    }
}

fn compare_dimension(lock: &Lock, dimension: &DimensionNode, known: &LockedDimension, found: &mut Vec<Diagnostic>) {
    let value = &dimension.part.value;
    if value.code != known.code {
        let name = short(&value.name);
        let text = format!("`{name}` had the code {} when its data was stored, and has {} now", known.code, value.code);
        let diagnostic = Diagnostic::new(&codes::E0412, dimension.part.name, text)
            .label("what is stored under the old code would not be found")
            .help(format!("write `#{}` again; data moves to another code only by being written again", known.code));
        found.push(with_lock(diagnostic, lock, known.span));
        return;
    }
    for (index, field) in value.fields.iter().enumerate() {
        let Some(place) = dimension.fields.get(index) else { continue };
        let Some(locked) = known.fields.get(&number::of(field)) else {
            renumbered(lock, value, known, index, place.name, found);
            continue;
        };
        let at = place.name;
        let number = number::of(field);
        if locked.name != field.name {
            let text = format!("number {number} belongs to `{}` and is never given to another field", locked.name);
            let diagnostic = Diagnostic::new(&codes::E0412, at, text)
                .label(format!("values of `{}` that are stored would be shown as `{}`", locked.name, field.name))
                .help("leave the number out: `nsfc check --fix` gives the next free one");
            let line = format!("      {number}: \"{}: {}\"", field.name, field.ty);
            let diagnostic = if !locked.retired && locked.ty == field.ty && field.derived == locked.derived {
                diagnostic.help(format!("if `{}` was only renamed, rename it in nsf.lock too", locked.name))
            } else {
                diagnostic
            };
            found.push(rename_in_lock(
                with_lock(diagnostic, lock, locked.span),
                lock,
                locked.span,
                &line,
                field.derived,
            ));
        } else if locked.ty.non_null() != field.ty.non_null() || locked.derived != field.derived {
            let now = words(&field.ty, field.derived);
            let before = words(&locked.ty, locked.derived);
            let text = format!("`{}` was {before} when its data was stored, and is {now} now", field.name);
            let diagnostic = Diagnostic::new(&codes::E0412, at, text)
                .label(format!("number {number} belongs to the values that are stored"))
                .help("give it a new number, by taking this one away and running `nsfc check --fix`: its values begin anew");
            found.push(with_lock(diagnostic, lock, locked.span));
        }
    }
}

/// A field that had another number.
fn renumbered(
    lock: &Lock,
    dimension: &Dimension,
    known: &LockedDimension,
    index: usize,
    at: Location,
    found: &mut Vec<Diagnostic>,
) {
    let Some(field) = dimension.fields.get(index) else { return };
    let Some(before) = known.number_of(&field.name) else { return };
    let same = known.fields.get(&before).is_some_and(|locked| locked.ty == field.ty && locked.derived == field.derived);
    if !same {
        // Another type and a new number: a new field, as it should be.
        return;
    }
    let text = format!("`{}` had the number {before}, and has {} now", field.name, number::of(field));
    let span = known.fields.get(&before).map(|locked| locked.span).unwrap_or_default();
    let diagnostic = Diagnostic::new(&codes::E0412, at, text)
        .label("what is stored under the old number would not be found")
        .help(format!("write `#{before}` again"));
    found.push(with_lock(diagnostic, lock, span));
}

fn words(ty: &Type, derived: bool) -> String {
    if derived { format!("{ty}, derived") } else { ty.to_string() }
}

/// Names the line of the lock file.
fn with_lock(diagnostic: Diagnostic, lock: &Lock, span: nsf_diagnostics::Span) -> Diagnostic {
    match lock.at(span) {
        Some(at) => diagnostic.secondary(at, "as it was stored"),
        None => diagnostic,
    }
}

fn rename_in_lock(
    diagnostic: Diagnostic,
    lock: &Lock,
    span: nsf_diagnostics::Span,
    line: &str,
    derived: bool,
) -> Diagnostic {
    let Some(at) = lock.at(span) else { return diagnostic };
    let line = if derived { format!("{} derived\"", line.trim_end_matches('"')) } else { line.to_owned() };
    let edit = TextEdit { location: at, replacement: line };
    let message = "rename it in nsf.lock, if it is the same field".to_owned();
    diagnostic.suggest(Suggestion { message, edits: vec![edit], applicability: Applicability::Likely })
}

/// States that are gone, and states of another shape.
fn compare_states(dag: &Dag, lock: &Lock, found: &mut Vec<Diagnostic>) {
    let mut now: BTreeMap<&str, (&State, Location)> = BTreeMap::new();
    for index in 0..dag.index.states.len() as u32 {
        if let Some(state) = dag.state(StateId(index)) {
            now.insert(&state.value.name, (&state.value, state.name));
        }
    }
    for (name, (state, at)) in now.iter().filter(|(name, _)| !lock.states.contains_key(**name)) {
        if let Some((other, known)) = lock.states.iter().find(|(other, known)| known.id == state.id && *other != name) {
            let text = format!("`{name}` is the name under which the values of `{other}` are stored");
            let diagnostic = Diagnostic::new(&codes::E0414, *at, text)
                .label("both states would share their stored values")
                .help(format!(
                    "give the new state another name: `{}` keeps the one it was first stored under",
                    short(other)
                ));
            found.push(with_lock(diagnostic, lock, known.span));
        }
    }
    let marks = |name: &str| name.contains('/');
    for (name, known) in &lock.states {
        match now.get(name.as_str()) {
            Some((state, at)) if !state.marks => found.extend(other_shape(lock, state, known, *at)),
            // Marks are of use only for a while; without their `unique` nothing asks for them.
            Some(_) => {}
            None if marks(name) || !dag.complete => {}
            None => found.push(gone(lock, name, known, &now)),
        }
    }
}

fn other_shape(lock: &Lock, state: &State, known: &LockedState, at: Location) -> Option<Diagnostic> {
    let name = short(&state.name);
    let fields = known.value.iter().map(|(field, ty)| (known.stored_name(field).to_owned(), ty.clone())).collect();
    let keys = known.keys.clone();
    let (kept, by_time) = (state.keep.is_some(), state.order == Order::Time);
    let evolution = StoredState { keys, fields, kept, by_time }.evolve(state);
    if let Some((field, other)) = taken_name(state, known) {
        let text = format!("`{field}` is the name under which the values of `{other}` are stored in `{name}`");
        let diagnostic = Diagnostic::new(&codes::E0414, at, text)
            .label(format!("`{field}` and `{other}` would share their stored values"))
            .help(format!("give the new field another name: `{other}` keeps the name that it was first stored under"));
        return Some(with_lock(diagnostic, lock, known.span));
    }
    let obstacle = evolution.obstacles.first().map(|obstacle| match obstacle {
        Obstacle::Keys { before, after } => {
            let (before, after) = (shape(before), shape(after));
            format!("`{name}` was kept by {before}, and is kept by {after} now: its values would not be found")
        }
        Obstacle::Type { name: field, before, after } => {
            format!("`{field}` of `{name}` was {before} when it was stored, and is {after} now")
        }
        Obstacle::Keep | Obstacle::Order => format!("`{name}`: {obstacle}"),
    });
    let gone = evolution.gone.first().and_then(|at| known.value.get(*at));
    let text = obstacle.or_else(|| {
        gone.map(|(stored, _)| format!("`{name}` had a field `{stored}`: what is stored in it would be lost"))
    })?;
    let mut diagnostic = Diagnostic::new(&codes::E0414, at, text);
    if let (true, Some((stored, ty))) = (evolution.obstacles.is_empty(), gone) {
        for heir in heirs(state, known, ty) {
            diagnostic = renamed_in_lock(diagnostic, lock, (state, known), stored, heir);
        }
    }
    let diagnostic = diagnostic
        .help("write the new values under a new name: a new field beside the old one, or a new state")
        .help("if the stored values are of no more use, take the state out of nsf.lock");
    Some(forget(with_lock(diagnostic, lock, known.span), lock, known, name))
}

/// A new field with the name under which another one is stored.
fn taken_name<'s>(state: &'s State, known: &LockedState) -> Option<(&'s str, &'s str)> {
    state.fields.iter().filter(|field| field.stored_as.is_none()).find_map(|field| {
        let is_other = |own: &&StateField| own.stored_as.as_deref() == Some(&*field.name);
        let other = state.fields.iter().find(is_other)?;
        known.stored_as.contains_key(&other.name).then_some((field.name.as_str(), other.name.as_str()))
    })
}

/// The fields of a state that nothing is stored in yet, and that can read what is stored as a type.
fn heirs<'s>(state: &'s State, known: &LockedState, ty: &Type) -> impl Iterator<Item = &'s str> {
    let is_new = |field: &&StateField| known.value.iter().all(|(stored, _)| *stored != field.name);
    state
        .fields
        .iter()
        .filter(move |field| is_new(field) && reads_as(ty, &field.ty))
        .map(|field| field.name.as_str())
        .take(3)
        .collect::<Vec<_>>()
        .into_iter()
}

/// Offers to say in the lock file that a field was renamed.
fn renamed_in_lock(
    diagnostic: Diagnostic,
    lock: &Lock,
    (state, known): (&State, &LockedState),
    stored: &str,
    heir: &str,
) -> Diagnostic {
    let Some(at) = lock.at(known.whole) else { return diagnostic };
    let mut renamed = known.clone();
    for (field, _) in renamed.value.iter_mut().filter(|(field, _)| field == stored) {
        heir.clone_into(field);
    }
    let first = renamed.stored_as.remove(stored).unwrap_or_else(|| stored.to_owned());
    if first != heir {
        renamed.stored_as.insert(heir.to_owned(), first);
    }
    let edit = TextEdit { location: at, replacement: renamed.text(&state.name) };
    let message = format!("say in nsf.lock that `{heir}` is `{stored}` under a new name");
    diagnostic
        .help(format!("if it is called `{heir}` now, say so in nsf.lock: the values that are stored stay its own"))
        .suggest(Suggestion { message, edits: vec![edit], applicability: Applicability::Likely })
}

/// `(stu_id: int64, plan_id: int64)`
fn shape(keys: &RecordType) -> String {
    format!("({})", key_words(keys))
}

/// A state of the lock file that the program has not.
fn gone(lock: &Lock, name: &str, known: &LockedState, now: &BTreeMap<&str, (&State, Location)>) -> Diagnostic {
    let file = lock.file.unwrap_or_default();
    let text = format!("the state `{name}` is gone: what is stored in it would be lost");
    let mut diagnostic =
        Diagnostic::new(&codes::E0414, known.span.in_file(file), text).label("it was stored under this name");
    let shape =
        |state: &State| state.fields.iter().map(|field| (field.name.clone(), field.ty.clone())).collect::<RecordType>();
    let heir = now.iter().find(|(other, (state, _))| {
        !lock.states.contains_key(**other) && !state.marks && state.keys == known.keys && shape(state) == known.value
    });
    if let Some((other, (_, at))) = heir {
        let edit = TextEdit { location: known.span.in_file(file), replacement: format!("  \"{other}\":") };
        let message = format!("say in nsf.lock that `{}` is the same state under a new name", short(other));
        diagnostic = diagnostic
            .secondary(*at, "this state has the same keys and fields")
            .help(format!(
                "if it is called `{}` now, rename it in nsf.lock too and leave its `id` as it is",
                short(other)
            ))
            .suggest(Suggestion { message, edits: vec![edit], applicability: Applicability::Likely });
    }
    let diagnostic = diagnostic.help("bring it back, or take it out of nsf.lock if its values are of no more use");
    forget(diagnostic, lock, known, short(name))
}

/// Offers to take a state out of the lock file.
fn forget(diagnostic: Diagnostic, lock: &Lock, known: &LockedState, name: &str) -> Diagnostic {
    let Some(at) = lock.at(known.whole) else { return diagnostic };
    let edit = TextEdit { location: at, replacement: String::new() };
    let message = format!("take `{name}` out of nsf.lock and begin anew");
    diagnostic.suggest(Suggestion { message, edits: vec![edit], applicability: Applicability::Likely })
}
