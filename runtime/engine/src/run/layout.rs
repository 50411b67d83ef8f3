//! What the store says of itself: number of lanes, numbers and shapes of states. A run whose plan does not fit is
//! refused before anything is read.

use nsf_plan::{Plan, State};
use serde::{Deserialize, Serialize};

use super::{error::RunError, pieces::Core};
use crate::{
    connector::{ConnectorError, ConnectorErrorKind},
    store::{StoreBatch, StoreTable},
};

const LANES: &[u8] = b"lanes";

/// A state as it was when its rows were written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct StoredShape {
    number: u16,
    keys: Vec<(String, String)>,
    fields: Vec<(String, String)>,
    kept: bool,
    by_time: bool,
}

impl StoredShape {
    fn new(state: &State, number: u16) -> Self {
        let keys = state.keys.iter().map(|(name, ty)| (name.clone(), ty.to_string())).collect();
        let fields = state.fields.iter().map(|field| (field.name.clone(), field.ty.to_string())).collect();
        let by_time = state.order == nsf_plan::Order::Time;
        Self { number, keys, fields, kept: state.keep.is_some(), by_time }
    }

    /// What is not the same, in words.
    fn difference(&self, state: &State) -> Option<String> {
        let now = Self::new(state, self.number);
        if now == *self {
            return None;
        }
        if now.keys.iter().map(|(_, ty)| ty).ne(self.keys.iter().map(|(_, ty)| ty)) {
            return Some("its keys have changed".to_owned());
        }
        let changed = now
            .fields
            .iter()
            .find(|(name, ty)| self.fields.iter().any(|(old, old_type)| old == name && old_type != ty));
        let gone = self.fields.iter().find(|(name, _)| now.fields.iter().all(|(new, _)| new != name));
        let added = now.fields.iter().find(|(name, _)| self.fields.iter().all(|(old, _)| old != name));
        match (changed, gone, added) {
            (Some((name, ty)), ..) => Some(format!("its field `{name}` has become {ty}")),
            (_, Some((name, _)), _) => Some(format!("its field `{name}` is gone")),
            (_, _, Some((name, _))) => Some(format!("its field `{name}` is new")),
            _ if now.fields != self.fields => Some("its fields stand in another order".to_owned()),
            _ if now.kept != self.kept || now.by_time != self.by_time => {
                Some("its `keep` or `order` was added or taken away".to_owned())
            }
            _ => None,
        }
    }
}

fn refused(message: String) -> RunError {
    let error = ConnectorError::new(ConnectorErrorKind::Changed, message)
        .with_help("run the earlier program, or give --fresh to forget earlier runs and begin anew");
    RunError::connector("store", error)
}

/// Compares the store with the plan; gives states their numbers, and adds what is new to the first commit.
pub(crate) fn check(core: &mut Core, plan: &Plan, first: &mut StoreBatch) -> Result<(), RunError> {
    let store = std::sync::Arc::clone(&core.shared.store);
    let mut meta = Vec::new();
    let read = store.scan(StoreTable::Meta, b"", &mut |key, value| {
        meta.push((key.to_vec(), value.to_vec()));
        true
    });
    read.map_err(|error| RunError::connector("store", error))?;
    let value = |key: &[u8]| meta.iter().find(|(own, _)| own == key).map(|(_, value)| value.as_slice());
    match value(LANES).map(<[u8; 2]>::try_from) {
        Some(Ok(bytes)) if u16::from_le_bytes(bytes) != core.lanes => {
            let (stored, wanted) = (u16::from_le_bytes(bytes), core.lanes);
            return Err(refused(format!("the store was written with {stored} lanes, and this run has {wanted}")));
        }
        Some(_) => {}
        None => first.table(StoreTable::Meta).put(LANES, &core.lanes.to_le_bytes()),
    }
    let stored = |key: &[u8]| value(key).and_then(|bytes| serde_json::from_slice::<StoredShape>(bytes).ok());
    let numbers = meta.iter().filter(|(key, _)| key.starts_with(b"state/")).filter_map(|(key, _)| stored(key));
    let mut next = numbers.map(|shape| shape.number + 1).max().unwrap_or(0);
    for (state, shape) in plan.states.iter().zip(&mut core.shared.states) {
        let key = [b"state/", state.id.as_bytes()].concat();
        if let Some(known) = stored(&key) {
            if let Some(difference) = known.difference(state) {
                return Err(refused(format!("state `{}` is not as it was stored: {difference}", state.name)));
            }
            shape.number = known.number;
        } else {
            shape.number = next;
            next += 1;
            let text = serde_json::to_vec(&StoredShape::new(state, shape.number)).unwrap_or_default();
            first.table(StoreTable::Meta).put(&key, &text);
        }
    }
    Ok(())
}
