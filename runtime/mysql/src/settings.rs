//! What the connector must be told.

use std::{fmt, time::Duration};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind, ConnectorResult};

/// A text that is not to be seen: it has no way to be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one who must send it.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Name or number of the machine.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl Node {
    /// A server on a machine.
    #[must_use]
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A number of IPv6 has colons of its own.
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// How connections are encrypted. The certificate of the server is always checked, the name of its machine included.
#[derive(Clone, Default)]
pub struct Tls {
    /// Certificates (PEM) that the server's own is checked against; those of the machine where none are given. The client
    /// library trusts the authorities that browsers trust besides.
    pub authorities: Option<Vec<u8>>,
    /// What shows the server who asks, where it wants it.
    pub client: Option<ClientCertificate>,
}

/// A certificate of the client with its key.
#[derive(Clone)]
pub struct ClientCertificate {
    /// The certificate and those between it and the authority (PEM).
    pub certificate: Vec<u8>,
    /// Its key (PEM).
    pub key: Vec<u8>,
}

/// What the connector must be told. It cannot be printed, since it has the password.
#[derive(Clone)]
pub struct MysqlSettings {
    /// The server.
    pub node: Node,
    /// The database that the tables are in.
    pub database: String,
    /// The user.
    pub user: String,
    /// The password, if there is one.
    pub password: Option<Secret>,
    /// Whether and how connections are encrypted.
    pub tls: Option<Tls>,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub response_timeout: Duration,
}

impl MysqlSettings {
    /// Settings for a database with what is usual for the rest.
    #[must_use]
    pub fn new(node: Node, database: impl Into<String>, user: impl Into<String>) -> Self {
        Self {
            node,
            database: database.into(),
            user: user.into(),
            password: None,
            tls: None,
            connect_timeout: Duration::from_secs(3),
            response_timeout: Duration::from_secs(10),
        }
    }

    /// Whether connections can be made of them.
    ///
    /// # Errors
    /// Where they cannot, with what to write instead.
    pub(crate) fn validate(&self) -> ConnectorResult<()> {
        let refuse = |message: String, help: &str| {
            Err(ConnectorError::new(ConnectorErrorKind::Changed, message).with_help(help.to_owned()))
        };
        if self.database.is_empty() {
            return refuse(
                format!("the address of MySQL at `{}` names no database", self.node),
                "write it like `mysql://host:3306/database`",
            );
        }
        if self.user.is_empty() {
            return refuse(
                format!("the profile names no user for MySQL at `{}`", self.node),
                "write `user:` and `password:` beside its address",
            );
        }
        if self.connect_timeout.is_zero() || self.response_timeout.is_zero() {
            return refuse(
                "the time that MySQL has for an answer is zero".to_owned(),
                "give it a few seconds, for connecting and for answers",
            );
        }
        Ok(())
    }
}

/// What a store of states must be told beside the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LaneSettings {
    /// What its tables are named by: `nsf_<namespace>_state`.
    pub namespace: String,
    /// The consumer group, whose positions these are.
    pub group: String,
    /// How many lanes there are. They must not become more or fewer while there are rows.
    pub lanes: u16,
    /// How long a transaction may wait for its next statement before the server ends it (whole seconds, at least one). So long
    /// at most a worker that stands still in the midst of a save keeps a lane from others.
    pub idle_in_transaction: Duration,
}

impl LaneSettings {
    /// Settings with what is usual for the rest.
    #[must_use]
    pub fn new(namespace: impl Into<String>, group: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), group: group.into(), lanes: 8, idle_in_transaction: Duration::from_secs(5) }
    }
}
