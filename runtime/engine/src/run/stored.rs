//! A state as it was when its rows were written, and how it stands to the one of the plan; the rule itself is
//! [`nsf_plan::evolution`].

use nsf_plan::{
    RecordType, State, Type,
    evolution::{Evolution, FieldSource, Obstacle, StoredState},
};
use serde::{Deserialize, Serialize};

use super::migrate::{Cells, Migration};
use crate::{
    encode::cell::write_cell,
    state::{Doubled, StateShape, has_doubled},
};

/// A state as it was when its rows were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct StoredShape {
    pub number: u16,
    keys: Vec<(String, Type)>,
    fields: Vec<(String, Type)>,
    kept: bool,
    by_time: bool,
    /// For rows as JSON: fields that were of `float32` and are of `float64` now, and their types before, in the order in which
    /// they became so.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    doubled: Vec<(String, Type)>,
    /// Whether a later program ran without it.
    #[serde(default)]
    pub left: bool,
}

/// How stored rows stand to a state of the plan.
pub(super) enum Fit {
    Same,
    Migrate(Box<Migration>),
    /// Not, in words, and what can be done.
    Refused(String, &'static str),
}

const PUT_BACK: &str = "put it back as it was, give the state another name to begin it anew beside what is stored, or \
                        give --fresh to forget earlier runs and begin anew";

const ANOTHER_NAME: &str = "keep the field as it was, or of a wider type, and add the new one under another name, give the state \
                            another name to begin it anew, or give --fresh to forget earlier runs and begin anew";

impl StoredShape {
    pub(super) fn new(state: &State, number: u16) -> Self {
        let StoredState { keys, fields, kept, by_time } = StoredState::of(state);
        Self { number, keys, fields, kept, by_time, doubled: Vec::new(), left: false }
    }

    fn evolve(&self, state: &State) -> Evolution {
        let (keys, fields) = (self.keys.clone(), self.fields.clone());
        StoredState { keys, fields, kept: self.kept, by_time: self.by_time }.evolve(state)
    }

    /// The same, and whether a later program ran without it.
    pub(super) fn with_left(self, left: bool) -> Self {
        Self { left, ..self }
    }

    /// Fields that are stored and not in the program: rows as JSON carry them along.
    pub(super) fn carried(&self, state: &State) -> RecordType {
        self.evolve(state).gone.into_iter().filter_map(|at| self.fields.get(at).cloned()).collect()
    }

    /// What rows as JSON have seen.
    pub(super) fn doubled(&self) -> Vec<Doubled> {
        self.doubled.iter().map(|(name, from)| Doubled { name: name.clone(), from: from.clone() }).collect()
    }

    /// `as_text`: whether rows are JSON, by the names of their fields. They keep fields that the program does not know, and are
    /// read as they are.
    ///
    /// `number` gives a new one, for rows that are brought over.
    pub(super) fn fit<E>(
        &self,
        state: &State,
        shape: &StateShape,
        as_text: bool,
        number: impl FnOnce() -> Result<u16, E>,
    ) -> Result<Fit, E> {
        let evolution = self.evolve(state);
        if let Some(obstacle) = evolution.obstacles.first() {
            let help = if matches!(obstacle, Obstacle::Type { .. }) { ANOTHER_NAME } else { PUT_BACK };
            return Ok(Fit::Refused(obstacle.to_string(), help));
        }
        if let (Some((name, _)), false) = (evolution.gone.first().and_then(|at| self.fields.get(*at)), as_text) {
            return Ok(Fit::Refused(format!("its field `{name}` is stored, but gone from the program"), PUT_BACK));
        }
        let is_stored = |from: &FieldSource| matches!(from, FieldSource::Stored(_));
        if evolution.is_same() || (as_text && evolution.fields.iter().all(is_stored)) {
            return Ok(Fit::Same);
        }
        Ok(Fit::Migrate(Box::new(self.migration(state, shape, &evolution, as_text, number()?))))
    }

    fn migration(&self, state: &State, shape: &StateShape, evolution: &Evolution, as_text: bool, to: u16) -> Migration {
        let defaults = shape.defaults.iter().zip(&shape.fields);
        let cells = evolution.fields.iter().zip(defaults).map(|(from, (default, ty))| match from {
            FieldSource::Stored(at) => Cells::Stored(*at),
            FieldSource::Widened(at) => Cells::Widened(*at, ty.clone()),
            FieldSource::Default => {
                let mut bytes = Vec::new();
                write_cell(ty, default, &mut bytes);
                Cells::New(bytes)
            }
        });
        let from = || state.fields.iter().zip(&evolution.fields);
        let added = from().filter(|(_, from)| **from == FieldSource::Default).map(|(field, _)| field.name.clone());
        let widened = from().filter_map(|(field, from)| match from {
            FieldSource::Widened(at) => Some((field, self.fields.get(*at)?)),
            FieldSource::Stored(_) | FieldSource::Default => None,
        });
        let widened: Vec<_> = widened.collect();
        let mut after = Self::new(state, to);
        if as_text {
            // Another version of the program may still run, and its fields stand in the rows.
            after.fields.extend(self.carried(state));
            after.doubled.clone_from(&self.doubled);
            let doubled = widened.iter().filter(|(field, (_, before))| has_doubled(before, &field.ty));
            after.doubled.extend(doubled.map(|(_, stored)| (*stored).clone()));
        }
        Migration {
            id: state.id.clone(),
            from: self.number,
            to,
            types: self.fields.iter().map(|(_, ty)| ty.clone()).collect(),
            cells: cells.collect(),
            added: added.collect(),
            widened: widened
                .into_iter()
                .map(|(field, (_, before))| (field.name.clone(), before.clone(), field.ty.clone()))
                .collect(),
            shape: after,
        }
    }
}

#[cfg(test)]
mod tests;
