//! What the store must be told.

use std::{fmt, time::Duration};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind, ConnectorResult};

use crate::tags::LARGEST_LANES;

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
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
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

/// Where the store is.
#[derive(Clone)]
pub enum Place {
    /// One server.
    Single {
        /// The server.
        node: Node,
        /// Which of its databases.
        database: u32,
    },
    /// A master with replicas that Sentinel watches: the master of the moment is asked for.
    Sentinel {
        /// The watchers.
        nodes: Vec<Node>,
        /// The name under which they know the master.
        master: String,
        /// Which of its databases.
        database: u32,
        /// The user at the watchers, if they have users.
        user: Option<String>,
        /// The password at the watchers, if they want one.
        password: Option<Secret>,
    },
    /// A cluster.
    Cluster {
        /// Some of its servers: the others are asked for.
        nodes: Vec<Node>,
    },
}

impl Place {
    /// Which database of the server; a cluster has one alone.
    pub(crate) const fn database(&self) -> u32 {
        match self {
            Self::Single { database, .. } | Self::Sentinel { database, .. } => *database,
            Self::Cluster { .. } => 0,
        }
    }
}

/// How connections are encrypted.
#[derive(Clone, Default)]
pub struct Tls {
    /// Certificates (PEM) that the servers' own are checked against; those of the machine where none are given.
    pub authorities: Option<Vec<u8>>,
    /// What shows the servers who asks, where they want it.
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

/// What the store must be told. It cannot be printed, since it has the password.
#[derive(Clone)]
pub struct RedisSettings {
    /// Where the store is.
    pub place: Place,
    /// Whether and how connections are encrypted.
    pub tls: Option<Tls>,
    /// What every key begins with: letters, digits, `_`, `-`, `.` and `:`.
    pub namespace: String,
    /// The user; the server's `default` where none is given.
    pub user: Option<String>,
    /// The password, if there is one.
    pub password: Option<Secret>,
    /// The group of workers that shares the work: part of the keys of progress.
    pub group: String,
    /// How many lanes; part of how rows are placed, so that it may not be changed later.
    pub lanes: u16,
    /// Whether a server that may forget rows when its memory is full is taken all the same.
    pub accept_eviction: bool,
    /// Whether the program adds to streams, which needs a further right.
    pub streams: bool,
    /// Whether the program reads streams, which needs further rights.
    pub reads_streams: bool,
    /// How long a connection may take to be made.
    pub connect_timeout: Duration,
    /// How long an answer may take.
    pub response_timeout: Duration,
    /// Whether loads are checked and saves fenced. Without it a worker is at least once: for measurements of what that costs.
    #[cfg(feature = "faults")]
    pub fenced: bool,
}

impl RedisSettings {
    /// Settings for a place with what is usual for the rest.
    #[must_use]
    pub fn new(place: Place, namespace: impl Into<String>, group: impl Into<String>) -> Self {
        Self {
            place,
            tls: None,
            namespace: namespace.into(),
            user: None,
            password: None,
            group: group.into(),
            lanes: 8,
            accept_eviction: false,
            streams: false,
            reads_streams: false,
            connect_timeout: Duration::from_secs(3),
            response_timeout: Duration::from_secs(5),
            #[cfg(feature = "faults")]
            fenced: true,
        }
    }

    /// Whether loads are checked and saves fenced.
    pub(crate) const fn is_fenced(&self) -> bool {
        #[cfg(feature = "faults")]
        return self.fenced;
        #[cfg(not(feature = "faults"))]
        true
    }

    /// Whether a store can be made of them.
    ///
    /// # Errors
    /// Where it cannot, with what to write instead.
    pub(crate) fn validate(&self) -> ConnectorResult<()> {
        let refuse = |message: String, help: &str| {
            Err(ConnectorError::new(ConnectorErrorKind::Other, message).with_help(help.to_owned()))
        };
        let named = |character: char| character.is_ascii_alphanumeric() || "_-.:".contains(character);
        if self.namespace.is_empty() || !self.namespace.chars().all(named) {
            return refuse(
                format!("`{}` cannot be the namespace of a store on Redis", self.namespace),
                "use letters, digits, `_`, `-`, `.` and `:`: every key begins with it",
            );
        }
        if self.group.is_empty() {
            return refuse(
                "the store on Redis has no group".to_owned(),
                "name the group of workers that share the work",
            );
        }
        if self.lanes == 0 || self.lanes > LARGEST_LANES {
            return refuse(
                format!("a store on Redis cannot have {} lanes", self.lanes),
                &format!("use a number from 1 to {LARGEST_LANES}; 8 is usual"),
            );
        }
        if self.connect_timeout.is_zero() || self.response_timeout.is_zero() {
            return refuse(
                "the time that Redis has for an answer is zero".to_owned(),
                "give it a few seconds, for connecting and for answers",
            );
        }
        let nodes = match &self.place {
            Place::Single { .. } => return Ok(()),
            Place::Sentinel { nodes, .. } | Place::Cluster { nodes } => nodes,
        };
        if nodes.is_empty() {
            return refuse(
                "the store on Redis has no servers".to_owned(),
                "name host and port of at least one, better of all",
            );
        }
        Ok(())
    }
}
