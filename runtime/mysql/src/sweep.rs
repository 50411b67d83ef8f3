//! Rows of spaces that keep them for a time are deleted some after each commit, by the server's clock.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use mysql::{IsolationLevel, TxOpts, prelude::Queryable as _};

use crate::{dimension::MysqlDimensions, layout::EXPIRES, names::TableName};

/// How many rows of a table are deleted at once, so that a commit never waits long.
const MOST: u64 = 500;

/// How long nothing is looked for after a look that left nothing.
const PAUSE: Duration = Duration::from_secs(10);

/// When it is next looked for rows to delete.
#[derive(Default)]
pub(crate) struct Sweeps {
    next: Mutex<Option<Instant>>,
}

impl Sweeps {
    /// Whether it is time; the others of this process then pass over.
    fn is_due(&self) -> bool {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let due = next.is_none_or(|next| next <= now);
        if due {
            *next = Some(now + PAUSE);
        }
        due
    }

    /// There was more than was deleted.
    fn again(&self) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl MysqlDimensions {
    /// Deletes rows whose time is over, some of each table. What fails is tried again later: nothing depends on it, and a
    /// server that does not answer is told of by what does.
    pub(crate) fn sweep(&self) {
        let kept: Vec<&TableName> =
            self.layout.list.iter().filter(|own| own.keep > 0).flat_map(|own| &own.tables).collect();
        if kept.is_empty() || !self.sweeps.is_due() {
            return;
        }
        for table in kept {
            // Rows that are put in meanwhile need not wait: nothing between rows is locked.
            let options = TxOpts::default().set_isolation_level(Some(IsolationLevel::ReadCommitted));
            let expires = EXPIRES.0;
            let statement = format!(
                "DELETE FROM {} WHERE {expires} < UTC_TIMESTAMP(3) ORDER BY {expires} LIMIT {MOST}",
                table.quoted
            );
            let deleted = self.client.run(|connection| {
                let mut transaction = connection.start_transaction(options)?;
                transaction.query_drop(&statement)?;
                let deleted = transaction.affected_rows();
                transaction.commit()?;
                Ok(deleted)
            });
            if deleted.is_ok_and(|deleted| deleted >= MOST) {
                self.sweeps.again();
            }
        }
    }
}
