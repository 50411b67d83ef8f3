//! Rows of dimensions: several workers may write one, so each is written only if it is as it was read. Messages of
//! subscriptions are computed from what was read and are in the log before the row is written; where the row was changed
//! meanwhile, both are made anew.
//!
//! Between the reading of the rows and their writing it is looked whether the lanes are still held. A worker that was held up
//! and lost its partitions would else read what another has written since, and put older values in its place: where keys
//! have moved to other partitions meanwhile, nothing in the row says which is older. Whoever takes lanes over after the look
//! reads rows after it too, and these are then not as they were read.
//!
//! Once rows stand in the first space of their dimension they are brought to its further spaces, before the lanes are saved:
//! where that fails, or the worker ends, the records are taken again, and the stage gives the rows that they touch once more.

use std::{sync::Arc, thread, time::Duration};

use super::{
    super::{error::RunError, stage::DimensionStage as _},
    Serve,
};
use crate::{
    connector::{ConnectorError, ConnectorErrorKind},
    protocol,
    store::{StoreBatch, StoreTable},
};

/// How often rows are made anew before the worker takes a step back.
const TRIES: u32 = 20;

impl Serve {
    /// Writes the rows that changed since the last commit.
    pub(super) fn save_dimensions(&mut self) -> Result<(), RunError> {
        self.run.stop_at("before-dimensions")?;
        match self.swap_rows() {
            Ok(()) => {
                self.run.stop_at("after-dimensions")?;
                self.event(protocol::Event::DimensionsSaved);
                Ok(())
            }
            Err(error) => self.failed(error),
        }
    }

    fn swap_rows(&mut self) -> Result<(), RunError> {
        let store = Arc::clone(&self.run.core.shared.store);
        let named = |error| RunError::connector("store", error);
        for attempt in 0..TRIES {
            self.options.status.show_patient_life();
            let mut batch = StoreBatch::default();
            self.run.stage.collect(&mut batch);
            let changes = batch.table(StoreTable::Dimension);
            if changes.is_empty() {
                return Ok(());
            }
            let Some(lanes) = store.lanes() else { return Ok(()) };
            if let Some((_, error)) = self.not_as_held().pop() {
                return Err(named(error));
            }
            let changed = lanes.swap(changes, &self.run.stage.versions()).map_err(named)?;
            self.rows += (changes.len() - changed.len()) as u64;
            if changed.is_empty() {
                self.run.stop_at("between-spaces")?;
                return lanes.spread(changes).map_err(named);
            }
            self.options.status.count_conflicts(changed.len() as u64);
            thread::sleep(Duration::from_millis(u64::from(attempt)));
            self.run.stage.forget();
            self.run.store_dimensions(&self.writes)?;
            self.run.flush_outputs()?;
        }
        let message = "rows of dimensions were changed by other workers again and again";
        Err(named(ConnectorError::new(ConnectorErrorKind::Unavailable, message)))
    }
}
