//! What every store that commits lane by lane must do, told as functions that its tests call with stores on real servers.
#![expect(clippy::unwrap_used, reason = "only tests call this, and a test stops where it cannot go on")]

pub mod contract;
pub mod doubt;
pub mod model;
pub mod proxy;

use std::sync::Arc;

use nsf_engine::{
    connector::ConnectorError,
    store::{Changes, Counted, Held, LaneProgress, LaneStore, PartitionName},
};

/// A partition.
#[must_use]
pub fn partition(number: u32) -> Arc<PartitionName> {
    Arc::new(PartitionName { stream: "shop.orders".into(), topic: "orders".into(), partition: number })
}

/// A progress with something in each of its members.
///
/// # Panics
/// Never: its marks can be read.
#[must_use]
pub fn progress(next: u64) -> LaneProgress {
    LaneProgress {
        next: Some(next),
        first: 0,
        watermark: 17,
        incarnation: "topic-1".into(),
        plan: "plan-1".into(),
        marks: Arc::new("1f:3/65536 a0:17/4096".parse().unwrap()),
        counted: Counted { partitions: 15, before: 12, since: 1_764_000_000_000, first: 1_763_000_000_000 },
    }
}

/// Claims partitions and gives what is held of them then.
///
/// # Panics
/// Where they cannot be claimed.
pub fn claim(store: &dyn LaneStore, lane: u16, partitions: &[u32]) -> Vec<Held> {
    let names: Vec<_> = partitions.iter().map(|number| partition(*number)).collect();
    let claimed = store.claim(lane, &names).unwrap();
    let held = |(name, (epoch, progress)): (Arc<PartitionName>, (u64, LaneProgress))| Held {
        name,
        epoch,
        next: progress.next,
    };
    names.into_iter().zip(claimed).map(held).collect()
}

/// What is held after a save.
#[must_use]
pub fn moved(held: &[Held], next: u64) -> Vec<Held> {
    held.iter().map(|held| Held { next: Some(next), ..held.clone() }).collect()
}

/// Rows to put.
#[must_use]
pub fn rows(rows: &[(&str, &str)]) -> Changes {
    let mut changes = Changes::default();
    for (key, value) in rows {
        changes.put(key.as_bytes(), value.as_bytes());
    }
    changes
}

/// The rows of keys that are there.
///
/// # Errors
/// Where they cannot be loaded.
///
/// # Panics
/// Where a row is no text.
pub fn loaded(
    store: &dyn LaneStore,
    lane: u16,
    held: &[Held],
    keys: &[&str],
) -> Result<Vec<Option<String>>, ConnectorError> {
    let mut found = vec![None; keys.len()];
    let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_bytes()).collect();
    store.load(lane, held, &keys, &mut |index, row| {
        found[index] = Some(String::from_utf8(row.to_vec()).unwrap());
    })?;
    Ok(found)
}
