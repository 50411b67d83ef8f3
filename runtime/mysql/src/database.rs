//! A database, with its connections.

use std::sync::Arc;

use nsf_engine::connector::ConnectorResult;

use crate::{
    client::Client,
    migrate::{self, Statement},
    settings::MysqlSettings,
};

/// A database at a server. Nothing is connected to before something is asked for.
///
/// Failures that may pass are [`nsf_engine::connector::ConnectorErrorKind::Unavailable`]; the next call connects anew by
/// itself.
#[derive(Clone)]
pub struct MysqlDatabase {
    pub(crate) client: Arc<Client>,
}

impl MysqlDatabase {
    /// A database.
    ///
    /// # Errors
    /// Where the settings cannot be used.
    pub fn new(settings: MysqlSettings) -> ConnectorResult<Self> {
        Ok(Self { client: Arc::new(Client::new(settings)?) })
    }

    /// Runs statements of a [`crate::Migration`] one after the other. Those that were run stand where a later one fails.
    ///
    /// # Errors
    /// Where one is refused.
    pub fn apply(&self, statements: &[Statement]) -> ConnectorResult<()> {
        migrate::apply(&self.client, statements)
    }
}
