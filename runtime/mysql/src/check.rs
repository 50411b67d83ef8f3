//! Whether the server is there, and what it is.

use mysql::prelude::Queryable as _;
use nsf_engine::connector::ConnectorResult;

use crate::{database::MysqlDatabase, settings::Node};

/// What the server says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MysqlReport {
    /// Where it is.
    pub node: Node,
    /// The database.
    pub database: String,
    /// Its version: `8.0.36`, `10.11.6-MariaDB`, `8.0.11-TiDB-v7.5.0`.
    pub version: String,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
}

impl MysqlDatabase {
    /// Connects and asks the server who it is.
    ///
    /// # Errors
    /// Where it is not reached, or does not let the user in.
    pub fn check(&self) -> ConnectorResult<MysqlReport> {
        let version: Option<String> = self.client.run(|connection| connection.query_first("SELECT VERSION()"))?;
        let settings = &self.client.settings;
        Ok(MysqlReport {
            node: settings.node.clone(),
            database: settings.database.clone(),
            version: version.unwrap_or_default(),
            encrypted: settings.tls.is_some(),
        })
    }
}
