//! Rows of spaces that keep them for a time are deleted some after each commit, by the server's clock.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use mysql::{IsolationLevel, TxOpts, prelude::Queryable as _};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind as Kind, ConnectorResult};

use crate::{dimension::MysqlDimensions, fault::Failure, layout::EXPIRES, names::TableName};

/// How many rows of a table are deleted at once, so that a commit never waits long.
const MOST: u64 = 500;

/// How long nothing is looked for after a look that left nothing.
const PAUSE: Duration = Duration::from_secs(10);

/// When it is next looked for rows to delete, and what keeps them from being deleted.
#[derive(Default)]
pub struct Sweeps {
    next: Mutex<Option<Instant>>,
    trouble: Mutex<Option<String>>,
}

impl Sweeps {
    /// Why rows whose time is over are not deleted, and what to do; none where they are. A server that does not answer is told
    /// of by what waits for it.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

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
    /// Deletes rows whose time is over, some of each table. What fails is tried again later, as nothing depends on it; what
    /// does not pass by itself is in [`Sweeps::trouble`] until it works.
    pub(crate) fn sweep(&self) {
        let kept: Vec<&TableName> =
            self.layout.list.iter().filter(|own| own.keep > 0).flat_map(|own| &own.tables).collect();
        if kept.is_empty() || !self.sweeps.is_due() {
            return;
        }
        let mut trouble = None;
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
            match deleted {
                Ok(deleted) if deleted >= MOST => self.sweeps.again(),
                Ok(_) => {}
                // Nothing new is known then.
                Err(failure) if failure.error.kind == Kind::Unavailable => {
                    trouble = trouble.or_else(|| self.sweeps.trouble());
                }
                Err(failure) => {
                    let error = self.not_deleted(table, failure);
                    let help = error.help.map(|help| format!("; {help}")).unwrap_or_default();
                    trouble = trouble.or_else(|| Some(format!("{}{help}", error.message)));
                }
            }
        }
        *self.sweeps.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Whether the user may delete where rows are kept for a time; deletes none.
    ///
    /// # Errors
    /// Where the right is missing, or the server is not reached.
    pub(crate) fn may_sweep(&self) -> ConnectorResult<()> {
        for table in self.layout.list.iter().filter(|own| own.keep > 0).flat_map(|own| &own.tables) {
            let expires = EXPIRES.0;
            // The column is read too, as the sweep reads it.
            let statement = format!("DELETE FROM {} WHERE 1 = 0 AND {expires} IS NULL", table.quoted);
            let tried = self.client.run(|connection| connection.query_drop(&statement));
            tried.map_err(|failure| self.not_deleted(table, failure))?;
        }
        Ok(())
    }

    fn not_deleted(&self, table: &TableName, failure: Failure) -> ConnectorError {
        let (settings, table) = (&self.client.settings, &table.quoted);
        let (user, node) = (&settings.user, &settings.node);
        if failure.error.kind != Kind::Permission {
            let message = format!("rows of {table} whose time is over are not deleted: {}", failure.error.message);
            return ConnectorError { message, ..failure.error };
        }
        let message = format!(
            "the user `{user}` may not DELETE from the table {table} of MySQL at `{node}`, whose space has `keep`: rows \
             whose time is over stay there"
        );
        let help = format!(
            "give it at the server: GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO '{user}', or take `keep` out of the space"
        );
        ConnectorError::new(Kind::Permission, message).with_help(help)
    }
}
