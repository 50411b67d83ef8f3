//! Which records were dropped, by their stream and the reason: a flow's own counts do not tell merged streams apart.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::observe::{Observer, Point, RecordId};

/// Counts dropped records.
#[derive(Debug, Default)]
pub(super) struct Drops {
    counts: Mutex<BTreeMap<(u32, String), u64>>,
}

impl Drops {
    /// How many records were dropped by the number of their stream and the reason.
    pub(super) fn counts(&self) -> BTreeMap<(u32, String), u64> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Drops {
    fn observe(&self, record: RecordId, point: Point<'_>) {
        if let Point::Dropped(_, reason) = point {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            *counts.entry((record.stream, reason.to_owned())).or_default() += 1;
        }
    }
}
