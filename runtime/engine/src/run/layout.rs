//! What the store says of itself: number of lanes, numbers and shapes of states. A run whose plan does not fit is
//! refused before anything is read; one whose states gained fields, or have wider ones, goes on from the stored rows, see [`migrate`].
//!
//! [`migrate`]: super::migrate

use nsf_plan::{Plan, State};
use serde::{Deserialize, Serialize};

use super::{
    error::RunError,
    inventory,
    migrate::Migration,
    pieces::Core,
    retries::{source_of, waits_in_words},
    stored::{Fit, StoredShape},
};
use crate::{
    connector::{ConnectorError, ConnectorErrorKind},
    store::{Store, StoreBatch, StoreTable},
    text,
};

const LANES: &[u8] = b"lanes";

/// For what is kept of records that wait: no state of the program's own.
const KEY_BACK: &str = "put the `key` of the source back as it was until no record of it waits, or give --fresh to forget \
                        earlier runs and begin anew";

fn refused(message: String, help: &str) -> RunError {
    let error = ConnectorError::new(ConnectorErrorKind::Changed, message).with_help(help);
    RunError::connector("store", error)
}

/// What the store says of itself is not what a runtime writes there.
pub(super) fn damaged(what: &str) -> RunError {
    let message = format!("the store is damaged: what it says of {what} cannot be read");
    let error = ConnectorError::new(ConnectorErrorKind::Damaged, message)
        .with_help("put back a copy of it, or give --fresh to forget what it holds");
    RunError::connector("store", error)
}

/// What the store says of itself: by key.
pub(super) struct Meta(Vec<(Vec<u8>, Vec<u8>)>);

impl Meta {
    pub(super) fn read(store: &dyn Store) -> Result<Self, RunError> {
        let mut rows = Vec::new();
        let read = store.scan(StoreTable::Meta, b"", &mut |key, value| {
            rows.push((key.to_vec(), value.to_vec()));
            true
        });
        read.map_err(|error| RunError::connector("store", error))?;
        Ok(Self(rows))
    }

    pub(super) fn value(&self, key: &[u8]) -> Option<&[u8]> {
        self.0.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_slice())
    }

    /// Everything under a prefix: the rest of its key, and what is there.
    pub(super) fn under<T: for<'d> Deserialize<'d>>(&self, prefix: &str) -> Result<Vec<(String, T)>, RunError> {
        let rows = self.0.iter().filter_map(|(key, value)| Some((key.strip_prefix(prefix.as_bytes())?, value)));
        let read = |(key, value): (&[u8], &Vec<u8>)| {
            let key = String::from_utf8_lossy(key).into_owned();
            let read = serde_json::from_slice(value);
            read.map_err(|_| damaged(&format!("`{prefix}{key}`"))).map(|value| (key, value))
        };
        rows.map(read).collect()
    }
}

/// Writes something of what the store says of itself.
pub(super) fn put(batch: &mut StoreBatch, key: &str, value: &impl Serialize) {
    batch.table(StoreTable::Meta).put(key.as_bytes(), &serde_json::to_vec(value).unwrap_or_default());
}

/// What is to be done before the run, and what is to be said of it.
#[derive(Default)]
pub(crate) struct Fitted {
    /// Whether no run has used the store.
    pub is_new: bool,
    pub migrations: Vec<Migration>,
    pub notes: Vec<String>,
}

/// Compares the store with the plan; gives states their numbers, and adds what is new to the first commit.
pub(crate) fn check(core: &mut Core, plan: &Plan, first: &mut StoreBatch) -> Result<Fitted, RunError> {
    let meta = Meta::read(&*core.shared.store)?;
    match meta.value(LANES).map(<[u8; 2]>::try_from) {
        Some(Ok(bytes)) if u16::from_le_bytes(bytes) != core.lanes => {
            let (stored, wanted) = (u16::from_le_bytes(bytes), core.lanes);
            let message = format!("the store was written with {stored} lanes, and this run has {wanted}");
            return Err(refused(message, "run it with as many lanes, or give --fresh to begin anew"));
        }
        Some(Ok(_)) => {}
        Some(Err(_)) => return Err(damaged("lanes")),
        None => first.table(StoreTable::Meta).put(LANES, &core.lanes.to_le_bytes()),
    }
    let mut fitted = Fitted { is_new: meta.value(LANES).is_none(), ..Fitted::default() };
    let stored: Vec<(String, StoredShape)> = meta.under("state/")?;
    inventory::check(core, plan, &meta, first, &mut fitted)?;
    states(core, plan, stored, first, &mut fitted)?;
    Ok(fitted)
}

fn states(
    core: &mut Core,
    plan: &Plan,
    stored: Vec<(String, StoredShape)>,
    first: &mut StoreBatch,
    fitted: &mut Fitted,
) -> Result<(), RunError> {
    let as_text = core.shared.store.lanes().is_some();
    let mut next = stored.iter().map(|(_, shape)| u32::from(shape.number) + 1).max().unwrap_or(0);
    let mut number = || {
        next += 1;
        u16::try_from(next - 1).map_err(|_| damaged("the numbers of states"))
    };
    for (state, shape) in plan.states.iter().zip(&mut core.shared.states) {
        let key = format!("state/{}", state.id);
        let Some((_, known)) = stored.iter().find(|(id, _)| *id == state.id) else {
            shape.number = number()?;
            put(first, &key, &StoredShape::new(state, shape.number));
            if !fitted.is_new {
                fitted
                    .notes
                    .push(format!("{} is new: it holds nothing of the records that earlier runs took", name(state)));
            }
            continue;
        };
        if known.left {
            let words = "was not in the program of an earlier run: it holds nothing of the records which that run took";
            fitted.notes.push(format!("{} {words}", name(state)));
        }
        shape.number = known.number;
        if as_text {
            shape.doubled = known.doubled();
            for (field, _) in known.carried(state) {
                let name = name(state);
                fitted.notes.push(format!(
                    "field `{field}` of {name} is not in the program: rows keep what another version of the program stored in \
                     it"
                ));
            }
        }
        match known.fit(state, shape, as_text, &mut number)? {
            Fit::Same if known.left => put(first, &key, &known.clone().with_left(false)),
            Fit::Same => {}
            Fit::Migrate(migration) => {
                shape.number = migration.to;
                if as_text {
                    shape.doubled = migration.shape.doubled();
                }
                fitted.migrations.push(*migration);
            }
            Fit::Refused(why, help) => {
                let help = if waits_in_words(&state.id).is_some() { KEY_BACK } else { help };
                return Err(refused(format!("{} is not as it was stored: {why}", name(state)), help));
            }
        }
    }
    for (id, known) in stored {
        if !known.left && plan.states.iter().all(|state| state.id != id) {
            refuse_what_waits(core, &id)?;
            let name = waits_in_words(&id).unwrap_or_else(|| format!("state `{id}`"));
            fitted.notes.push(format!("{name} is no longer in the program; its rows stay in the store"));
            put(first, &format!("state/{id}"), &known.with_left(true));
        }
    }
    Ok(())
}

/// A program that does not take back what waits would lose it.
fn refuse_what_waits(core: &Core, state: &str) -> Result<(), RunError> {
    let Some(source) = source_of(state) else { return Ok(()) };
    let mut waits = false;
    let read = core.shared.store.scan(StoreTable::State, &text::prefix(state), &mut |_, _| {
        waits = true;
        false
    });
    read.map_err(|error| RunError::connector("store", error))?;
    if !waits {
        return Ok(());
    }
    let message = format!("records of `{source}` wait in its retry topic, and nothing in the program takes them back");
    let help = format!(
        "put `retry` and `on_error` of the source back as they were until none waits (they are the rows of `{state}` in `nsflow \
         state scan`); or, with the program as it was, give them up: `nsflow reset --topic RETRY --to latest`, RETRY being what its \
         `retry` names"
    );
    Err(refused(message, &help))
}

/// A state in words: the marks of a `unique` are one too, and which records wait.
fn name(state: &State) -> String {
    if let Some(words) = super::retries::waits_in_words(&state.id) {
        return words;
    }
    if state.marks { format!("what `unique` remembers (`{}`)", state.id) } else { format!("state `{}`", state.name) }
}
