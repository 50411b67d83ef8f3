//! What connectors are: their kinds, options and which uses they allow, without an environment.

use serde::{Deserialize, Serialize};

/// A connector as a program names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Connector {
    /// Its kind, [`Descriptor::name`].
    pub kind: String,
    /// The topic, table, path or key template; empty for standard streams.
    pub name: String,
    /// `cluster:`, which of several connections of the kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
}

/// What a connector may be used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// `from:` of a source or ingest.
    Source,
    /// `expand …`, `to:` of a subscription, retry and reject topics.
    Sink,
    /// `expand …` alone: each message is the value of a key that the template of its name gives.
    Values,
    /// `from:` of a table.
    Table,
    /// `store:` of a state.
    State,
}

/// A connector kind.
#[derive(Debug)]
pub struct Descriptor {
    /// As written: `kafka`.
    pub name: &'static str,
    /// What the text argument names, for messages: "topic"; none where there is no argument.
    pub argument: Option<&'static str>,
    /// Uses.
    pub roles: &'static [Role],
    /// Whether `key:` may be given at an expand.
    pub keyed: bool,
    /// Whether this version runs it; others are checked and kept in the plan.
    pub runs: bool,
    /// One line for hover and messages.
    pub summary: &'static str,
}

/// Every connector kind.
pub const DESCRIPTORS: &[Descriptor] = &[
    Descriptor {
        name: "kafka",
        argument: Some("topic"),
        roles: &[Role::Source, Role::Sink],
        keyed: true,
        runs: true,
        summary: "a Kafka topic; a local file in the dev profile",
    },
    Descriptor {
        name: "redis",
        argument: Some("key template"),
        roles: &[Role::State, Role::Table, Role::Values],
        keyed: false,
        runs: true,
        summary: "Redis keys; the embedded store or a local file in the dev profile",
    },
    Descriptor {
        name: "redis_stream",
        argument: Some("stream"),
        roles: &[Role::Source, Role::Sink],
        keyed: true,
        runs: true,
        summary: "a Redis stream; a local file in the dev profile",
    },
    Descriptor {
        name: "mysql",
        argument: Some("table"),
        roles: &[Role::Table, Role::State],
        keyed: false,
        runs: true,
        summary: "a table of MySQL, MariaDB or TiDB; the embedded store in the dev profile",
    },
    Descriptor {
        name: "file",
        argument: Some("path"),
        roles: &[Role::Source, Role::Sink, Role::Table],
        keyed: false,
        runs: true,
        summary: "a local file of lines",
    },
    Descriptor {
        name: "stdin",
        argument: None,
        roles: &[Role::Source],
        keyed: false,
        runs: true,
        summary: "standard input, line by line",
    },
    Descriptor {
        name: "stdout",
        argument: None,
        roles: &[Role::Sink],
        keyed: false,
        runs: true,
        summary: "standard output, line by line",
    },
    Descriptor {
        name: "webhook",
        argument: Some("name"),
        roles: &[Role::Sink],
        keyed: true,
        runs: true,
        summary: "an HTTP endpoint that the profile names; a local file in the dev profile",
    },
    Descriptor {
        name: "embedded",
        argument: Some("name"),
        roles: &[Role::State],
        keyed: false,
        runs: true,
        summary: "the store inside the runtime",
    },
];

impl Descriptor {
    /// Whether what is sent to it are values of keys, and a message's key is made of the connector's name.
    #[must_use]
    pub fn keeps_values(&self) -> bool {
        self.roles.contains(&Role::Values)
    }
}

/// The descriptor of a kind.
#[must_use]
pub fn descriptor(kind: &str) -> Option<&'static Descriptor> {
    DESCRIPTORS.iter().find(|descriptor| descriptor.name == kind)
}
