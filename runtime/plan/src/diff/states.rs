//! States: whether what is stored can be read, field by field.

use super::{Both, Change, Found, PartKind, duration};
use crate::{
    Expr, State, StateField,
    evolution::{Evolution, FieldSource, Obstacle, StoredState, key_words},
};

const ANEW: &str = "give the new state another name, to begin it anew beside what is stored";

impl Found<'_> {
    pub(super) fn states(&mut self) {
        let (old, new) = (self.old, self.new);
        for state in &new.states {
            let kind = kind(state);
            let Some(was) = old.states.iter().find(|was| was.id == state.id) else {
                self.new_part(kind, &state.name, Some(state.origin));
                if !state.marks {
                    state
                        .fields
                        .iter()
                        .for_each(|field| self.new_part(PartKind::Field, &path(state, &field.name), None));
                }
                continue;
            };
            let evolution = StoredState::of(was).evolve(state);
            let changes = state_changes(was, state, &evolution);
            self.both(Both { kind, name: &state.name, was: &was.name, place: Some(state.origin) }, changes);
            if !state.marks {
                self.state_fields(was, state, &evolution);
            }
        }
        for was in old.states.iter().filter(|was| new.states.iter().all(|own| own.id != was.id)) {
            let (means, help) = if was.marks {
                ("records that come again are taken again", "bring the `unique` back, in a flow of the same name")
            } else {
                (
                    "its values stay in the store, and nothing reads or ends them any more",
                    "bring it back; if it was renamed, rename it in nsf.lock and leave its `id` as it is",
                )
            };
            self.gone(kind(was), &was.name, Some(was.origin), means, help);
        }
    }

    fn state_fields(&mut self, was: &State, now: &State, evolution: &Evolution) {
        for (field, from) in now.fields.iter().zip(&evolution.fields) {
            let before = match from {
                FieldSource::Stored(at) | FieldSource::Widened(at) => was.fields.get(*at),
                FieldSource::Default => None,
            };
            let name = path(now, &field.name);
            let Some(before) = before else {
                self.new_part(PartKind::Field, &name, Some(now.origin));
                continue;
            };
            let changes = field_changes(before, field, evolution);
            // Under the state's new name: that it has one is said of itself.
            let was = path(now, &before.name);
            self.both(Both { kind: PartKind::Field, name: &name, was: &was, place: Some(now.origin) }, changes);
        }
        for gone in evolution.gone.iter().filter_map(|at| was.fields.get(*at)) {
            let means = "a local store is refused by the new program; on servers its values stay in the rows, and nothing reads \
                         them";
            let help = "bring it back; if it was renamed, say so in nsf.lock: `stored_as`";
            self.gone(PartKind::Field, &path(now, &gone.name), Some(was.origin), means, help);
        }
    }
}

const fn kind(state: &State) -> PartKind {
    if state.marks { PartKind::Unique } else { PartKind::State }
}

fn path(state: &State, field: &str) -> String {
    format!("{}.{field}", state.name)
}

fn field_changes(before: &StateField, now: &StateField, evolution: &Evolution) -> Vec<Change> {
    if before.ty == now.ty {
        return Vec::new();
    }
    let what = format!("{} → {}", before.ty, now.ty);
    let is_refused = |obstacle: &Obstacle| matches!(obstacle, Obstacle::Type { name, .. } if *name == now.name);
    if evolution.obstacles.iter().any(is_refused) {
        let help = "keep the type, or a wider one, and add a field with the new one under another name";
        return vec![Change::loss(what, "stored values are none of the new type: the new program is refused", help)];
    }
    vec![Change::migrated(
        what,
        "stored values are widened: in a local store before the first record, on servers as they are read",
    )]
}

fn state_changes(was: &State, now: &State, evolution: &Evolution) -> Vec<Change> {
    let mut changes = Vec::new();
    for obstacle in &evolution.obstacles {
        let means = "the new program is refused: what is stored would not be found, or would end otherwise";
        match obstacle {
            Obstacle::Keys { before, after } => {
                let what = format!("by ({}) → by ({})", key_words(before), key_words(after));
                changes.push(Change::loss(what, "the new program is refused: what is stored would not be found", ANEW));
            }
            // Said of the field.
            Obstacle::Type { .. } => {}
            Obstacle::Keep | Obstacle::Order => changes.push(Change::loss(obstacle.to_string(), means, ANEW)),
        }
    }
    if let (Some(before), Some(after)) = (was.keep, now.keep) {
        changes.extend(other_keep(now.marks, before, after));
    }
    if let (Some(before), Some(after)) = (&was.store, &now.store)
        && before.kind != after.kind
    {
        let what = format!("store {} → {}", before.kind, after.kind);
        let help = "put the store back: nothing carries values from one to the other";
        changes.push(Change::loss(what, "what is stored stays where it is, and is not found there", help));
    }
    if plain(was.closes.as_ref()) != plain(now.closes.as_ref()) {
        let means = "values that are stored end by the new `closes`, which counts from their keys";
        changes.push(Change::migrated("another `closes`", means));
    }
    changes
}

/// An expression without the places that it was written at.
fn plain(expression: Option<&Expr>) -> Option<Expr> {
    expression.map(|own| own.clone().map(&mut |part| part.origin = None))
}

fn other_keep(marks: bool, before: i64, after: i64) -> Option<Change> {
    let word = if marks { "within" } else { "keep" };
    let what = format!("{word} {} → {}", duration(before), duration(after));
    if after > before {
        let means = if marks {
            format!("what was seen more than {} ago is forgotten already", duration(before))
        } else {
            format!("values that were saved last more than {} ago have ended already", duration(before))
        };
        return Some(Change::migrated(what, means));
    }
    (after < before).then(|| {
        let (means, help) = if marks {
            let means = format!(
                "what was seen {} to {} ago is forgotten: such records are taken again",
                duration(after),
                duration(before)
            );
            (means, "keep it as it was until the last record that counts has come")
        } else {
            let means =
                format!("values that were saved last {} to {} ago end at once", duration(after), duration(before));
            (means, "keep it as it was, if such values are of use")
        };
        Change::loss(what, means, help)
    })
}
