//! What is done before a run takes its first batch: the store is fitted to the plan, sources and outputs go to where the last
//! run stopped.

use std::sync::Arc;

use nsf_plan::Plan;

use super::{
    error::RunError,
    layout,
    migrate::{self, Migration},
    options::Options,
    pieces::{Core, Output, Reader},
    progress::{PartitionProgress, Progress, prefix},
    tally::Tally,
};
use crate::{
    connector::{ConnectorError, ConnectorErrorKind, ConnectorResult, Position},
    store::{StoreBatch, StoreTable},
};

/// Compares the store with the plan and brings stored rows to the plan's fields; gives what is to be said of it.
pub(super) fn fit(
    core: &mut Core,
    plan: &Plan,
    options: &Options,
    first: &mut StoreBatch,
) -> Result<Vec<String>, RunError> {
    let store = Arc::clone(&core.shared.store);
    migrate::finish(&*store, options)?;
    let layout::Fitted { migrations, mut notes, .. } = layout::check(core, plan, first)?;
    notes.extend(migrations.iter().map(Migration::note));
    migrate::begin(&*store, &migrations)?;
    migrate::finish(&*store, options)?;
    Ok(notes)
}

/// Opens sources where the last run stopped; gives whether there was one.
pub(super) fn open_sources(
    core: &Core,
    readers: &mut [Reader],
    progress: &mut Progress,
    tally: &mut Tally,
) -> Result<bool, RunError> {
    let mut resumed = false;
    for reader in readers {
        let stream = &core.streams[reader.stream()];
        let named = |error| RunError::connector(&stream.name, error);
        let positions = stored_positions(core, &stream.id).map_err(named)?;
        let starts: Vec<(u32, Position)> =
            positions.iter().map(|(partition, progress)| (*partition, progress.position.clone())).collect();
        reader.source.open(&starts).map_err(named)?;
        for (partition, stored) in positions {
            resumed = true;
            tally.streams[reader.stream()].resumed_from = Some(stored.position.next);
            if !reader.source.resumable() {
                // What comes now is new, whatever its offsets.
                let watermark = stored.watermark;
                *progress.partition(reader.stream(), partition) =
                    PartitionProgress { watermark, ..PartitionProgress::default() };
                continue;
            }
            *progress.partition(reader.stream(), partition) = stored;
        }
    }
    Ok(resumed)
}

/// Opens outputs; what the last run wrote and did not commit is cut off.
pub(super) fn open_outputs(core: &Core, outputs: &mut [Output]) -> Result<(), RunError> {
    for output in outputs {
        let named = |error| RunError::connector(&output.name, error);
        let mut position = None;
        let key = output.key.clone();
        let read = core.shared.store.get_many(StoreTable::Progress, &[&key], &mut |_, bytes| {
            position = Some(bytes.to_vec());
        });
        read.map_err(named)?;
        output.sink.open(position.as_deref()).map_err(named)?;
    }
    Ok(())
}

fn stored_positions(core: &Core, id: &str) -> ConnectorResult<Vec<(u32, PartitionProgress)>> {
    let start = prefix(id);
    let (mut positions, mut damaged) = (Vec::new(), false);
    core.shared.store.scan(StoreTable::Progress, &start, &mut |key, value| {
        let partition = key.get(start.len()..).and_then(|rest| <[u8; 4]>::try_from(rest).ok());
        match (partition, PartitionProgress::decode(value)) {
            (Some(partition), Some(progress)) => positions.push((u32::from_be_bytes(partition), progress)),
            _ => damaged = true,
        }
        !damaged
    })?;
    if damaged {
        let error = ConnectorError::new(ConnectorErrorKind::Damaged, "how far it was read is damaged in the store");
        return Err(error.with_help("put back a copy of the store, or give --fresh to forget what it holds"));
    }
    Ok(positions)
}
