//! Profiles: what `nsf.yaml` says of the servers that a project runs with.
//!
//! `nsfc` checks the file and shows what is wrong with it at its place; the daemon reads it again, **resolves** one
//! profile, and builds its connectors from that. This module is both halves. It reads no file and no variable itself:
//! [`Manifest::parse`] takes the text, [`Profile::resolve`] an [`Environment`] of two functions.
//!
//! ```yaml
//! name: classroom                     # the project; without it, the folder's name
//! lints: { unused: allow, growing-field: deny }   # what the compiler makes of its warnings
//! profiles:
//!   dev: {}                           # everything embedded
//!   prod:
//!     kafka:
//!       brokers: "${KAFKA_BROKERS}"   # required: a text with commas, or a list
//!       group: classroom              # the project's name
//!       instance: "${HOSTNAME}"       # static membership; off
//!       security:
//!         tls: true                   # or { ca, certificate, key }; off
//!         sasl: { mechanism: SCRAM-SHA-512, user: "${KAFKA_USER}", password: "file:/run/secrets/kafka" }
//!       start: earliest               # or latest: where a partition without progress begins; earliest
//!       transactions: false           # flows from Kafka to Kafka without state, exactly once; false
//!       create_topics: { partitions: 12, replication: 3 }   # without it a missing topic is an error
//!       rejected: classroom.rejected  # the project's name and `.rejected`
//!       properties: { linger.ms: 5 }  # tuning of the client alone, see `allowed_properties`
//!       clusters: { analytics: { brokers: …, security: … } }
//!     redis:
//!       url: "${REDIS_URL}"           # or sentinel: { nodes, master }, or cluster: [ "host:port", … ]
//!       namespace: classroom          # before all keys; the project's name
//!       user: app                     # unless the address names it
//!       password: "${REDIS_PASSWORD}" # unless the address holds it
//!       tls: true                     # as above; `rediss://` says it as well
//!       accept_eviction: false        # whether servers may throw keys away; false
//!       clusters: { cache: { url: … } }
//!     mysql:
//!       url: "${MAIN_DSN}"
//!       namespace: classroom          # in the names of tables of states; the project's name
//!       user: …                       # and `password`, `tls`, `clusters: { … }`, as of Redis
//!     webhooks: { crm: { url: "https://…", allow_private: false, concurrency: 8, timeout: 10s, retries: 5 } }
//!     store: redis                    # of states and dimensions that name none; redis where it is there, else mysql, else embedded
//!     lanes: 8                        # 1 to 1024
//!     memory: 512MiB
//!     commit: { every: 1s, bytes: 64MiB, records: 100000 }
//!     admin: { listen: "127.0.0.1:9600", token: "${ADMIN_TOKEN}", tls: { certificate: …, key: … } }
//!     telemetry: { otlp: "http://…" }
//! ```
//!
//! A text or number may hold `${NAME}`, an environment variable (`$$` is a dollar), or be `file:/path`, whose content it
//! then is, without blanks around it. Switches and choices (`tls: true`, `mechanism`, `start`, `store`) stand in the
//! file itself, since what else is checked depends on them. Passwords, tokens and keys must be references, and their
//! files must be open to no one but their owner.
//!
//! **One reader.** A profile is read by the same code when it is checked and when it is resolved. What a rule refuses in
//! the file it refuses in what a variable gives, and a profile with a mistake cannot be resolved, even by one who does
//! not look at the list of mistakes: a setting that was left out because it is misspelt may have been `tls`.

mod address;
mod environment;
mod kafka;
mod mistake;
mod mysql;
mod properties;
mod quantity;
mod reading;
mod redis;
mod reference;
mod rule;
mod secret;
mod service;
mod tls;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

pub use environment::{Environment, FileText};
pub use kafka::{CreateTopics, KafkaCluster, KafkaProfile, Sasl, SaslUser, Start};
pub use mistake::{Mistake, MistakeKind, ProfileError, ProfileErrorKind};
pub use mysql::{MysqlConnection, MysqlProfile};
pub use properties::{Refusal, allowed_properties};
pub use redis::{RedisConnection, RedisProfile, RedisServers};
pub use reference::ReferenceMistake;
pub use rule::Rule;
pub use secret::{Secret, ServerUrl};
pub use service::{Admin, CommitLimits, StoreKind, Webhook};
pub use tls::{Identity, Login, Tls};

use reading::{Entry, Reading};
use tree::{Node, NodeKind};

/// The settings that the file may hold.
const SETTINGS: &[&str] = &["name", "lints", "profiles"];

/// What `lints` may say of a warning.
const LEVELS: &[(&str, LintLevel)] =
    &[("allow", LintLevel::Allow), ("warn", LintLevel::Warn), ("deny", LintLevel::Deny)];

/// The settings of a profile.
const PROFILE: &[&str] =
    &["kafka", "redis", "mysql", "webhooks", "store", "lanes", "memory", "commit", "admin", "telemetry"];

/// What `nsf.yaml` says.
#[derive(Debug, Default)]
pub struct Manifest {
    /// The project's name.
    pub name: Option<String>,
    /// Levels of the compiler's warnings, by their names; the runtime has no use for them.
    pub lints: Vec<Lint>,
    /// The profiles by name; those with mistakes are there too, but cannot be resolved.
    pub profiles: BTreeMap<String, Profile>,
    /// What is wrong with the file, in its order.
    pub mistakes: Vec<Mistake>,
}

/// What is made of a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LintLevel {
    /// It is not shown.
    Allow,
    /// It is shown.
    Warn,
    /// It is an error.
    Deny,
}

/// The level of a warning, as `lints` says it. Which warnings there are the compiler knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lint {
    /// The warning's name.
    pub name: String,
    /// What is made of it.
    pub level: LintLevel,
    /// Where the name stands, in bytes of the file.
    pub range: Range<usize>,
}

/// A profile, with its references as they are written.
#[derive(Clone)]
pub struct Profile {
    /// Its name.
    pub name: String,
    text: Arc<str>,
    key: Node,
    settings: Node,
}

/// A profile with everything looked up: what connectors are built from.
#[derive(Clone, Debug)]
pub struct ResolvedProfile {
    /// Its name.
    pub name: String,
    /// Kafka; topics are local files without it.
    pub kafka: Option<KafkaProfile>,
    /// Redis.
    pub redis: Option<RedisProfile>,
    /// MySQL.
    pub mysql: Option<MysqlProfile>,
    /// Webhooks by the names that programs use.
    pub webhooks: BTreeMap<String, Webhook>,
    /// Where states and dimensions are stored that name no store.
    pub store: StoreKind,
    /// Lanes; none for the engine's own number.
    pub lanes: Option<u16>,
    /// Bytes that a worker may use; none for the engine's own.
    pub memory: Option<u64>,
    /// When a commit is made.
    pub commit: CommitLimits,
    /// The admin endpoint; none where the profile does not speak of it.
    pub admin: Option<Admin>,
    /// Where OpenTelemetry is sent.
    pub otlp: Option<ServerUrl>,
}

impl Manifest {
    /// Reads the text of the file. What is wrong with it is on the list of mistakes.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let root = match tree::read(text) {
            Ok(root) => root,
            Err(error) => {
                let mistake = Mistake { range: tree::place_of_error(text, &error), kind: MistakeKind::NotYaml };
                return Self { mistakes: vec![mistake], ..Self::default() };
            }
        };
        let mut manifest = Self::default();
        let mut reading = Reading::new(text, None, None);
        manifest.fill(&mut reading, &root, text);
        let own = reading.into_found().into_iter().filter_map(|error| match error.kind {
            ProfileErrorKind::Setting(kind) => Some(Mistake { range: error.range, kind }),
            // Nothing is looked up here.
            _ => None,
        });
        manifest.mistakes = own.collect();
        manifest
    }

    fn fill(&mut self, reading: &mut Reading<'_>, root: &Node, text: &str) {
        let entry = Entry { path: String::new(), key: root, value: root };
        let Some(section) = reading.named(&entry, "settings, each on a line, such as `name: shop`") else { return };
        for (name, entry) in section.entries().filter(|(name, _)| !SETTINGS.contains(name)) {
            let kind = MistakeKind::Unknown { setting: name.to_owned(), name: name.to_owned(), known: SETTINGS };
            reading.mistake(entry.key, kind);
        }
        if let Some(entry) = section.get("name") {
            match &entry.value.kind {
                NodeKind::Text(name) if !name.trim().is_empty() => self.name = Some(name.trim().to_owned()),
                _ => reading.wrong(entry.key, "name", "a text"),
            }
        }
        self.fill_lints(reading, section.get("lints"), text);
        let Some(entry) = section.get("profiles") else { return };
        let Some(profiles) = reading.named(entry, "profiles by name, such as `dev: {}`") else { return };
        let text: Arc<str> = Arc::from(text);
        let name = self.name.clone();
        let mut inner = Reading::new(&text, name.as_deref(), None);
        for (name, entry) in profiles.entries() {
            let profile = Profile {
                name: name.to_owned(),
                text: Arc::clone(&text),
                key: entry.key.clone(),
                settings: entry.value.clone(),
            };
            let _ = profile.read(&mut inner);
            self.profiles.insert(name.to_owned(), profile);
        }
        reading.take(inner);
    }
}

impl Manifest {
    fn fill_lints(&mut self, reading: &mut Reading<'_>, entry: Option<&Entry<'_>>, text: &str) {
        let expected = "levels of warnings by their names, such as `unused: allow`";
        let Some(section) = entry.and_then(|entry| reading.named(entry, expected)) else { return };
        for (name, entry) in section.entries() {
            let level = match &entry.value.kind {
                NodeKind::Text(word) => LEVELS.iter().find(|(level, _)| level == word),
                _ => None,
            };
            match level {
                Some((_, level)) => {
                    let range = tree::place(text, entry.key);
                    self.lints.push(Lint { name: name.to_owned(), level: *level, range });
                }
                None => reading.wrong(entry.key, &entry.path, "`allow`, `warn` or `deny`"),
            }
        }
    }
}

impl Profile {
    /// Looks up every reference. `project` is the plan's name, after which what is not named is named.
    ///
    /// # Errors
    /// Everything that is wrong at once: variables that are not set, files that cannot be read or that others can read,
    /// values that their settings do not take, and the mistakes of the file itself.
    pub fn resolve(&self, project: &str, environment: &Environment<'_>) -> Result<ResolvedProfile, Vec<ProfileError>> {
        let mut reading = Reading::new(&self.text, Some(project), Some(*environment));
        let profile = self.read(&mut reading);
        match (profile, reading.into_found()) {
            (Some(profile), found) if found.is_empty() => Ok(profile),
            (_, found) => Err(found),
        }
    }

    /// Whether the profile speaks of servers of a connector's kind, `kafka`, `redis`, `mysql`. The others' connectors
    /// are local.
    #[must_use]
    pub fn has(&self, kind: &str) -> bool {
        under(&self.settings, kind).is_some_and(|node| !matches!(node.kind, NodeKind::Null))
    }

    /// Whether the profile has the connection that a program's connector means: its default or one of `clusters`. Of
    /// webhooks, `cluster` is the name.
    #[must_use]
    pub fn has_cluster(&self, kind: &str, cluster: &str) -> bool {
        let clusters = match kind {
            "webhook" => under(&self.settings, "webhooks"),
            _ => under(&self.settings, kind).and_then(|node| under(node, "clusters")),
        };
        clusters.is_some_and(|clusters| under(clusters, cluster).is_some())
    }

    /// Where the connection of a connector's kind leads to, as it is written: references stay references, and what may hold a
    /// secret (user, password and query of an address) is left out. None where the profile does not say. `cluster` is the name of
    /// one of several; of webhooks it is theirs.
    #[must_use]
    pub fn address(&self, kind: &str, cluster: Option<&str>) -> Option<String> {
        let own = match (kind, cluster) {
            ("webhook", name) => under(under(&self.settings, "webhooks")?, name?)?,
            (kind, None) => under(&self.settings, kind)?,
            (kind, Some(cluster)) => under(under(under(&self.settings, kind)?, "clusters")?, cluster)?,
        };
        let named = |name: &str| under(own, name);
        let found = named("brokers").or_else(|| named("url")).or_else(|| named("cluster"));
        let node = found.or_else(|| under(named("sentinel")?, "nodes"))?;
        let texts: Vec<String> = match &node.kind {
            NodeKind::Text(text) => vec![without_secrets(text)],
            NodeKind::List(nodes) => nodes
                .iter()
                .filter_map(|node| match &node.kind {
                    NodeKind::Text(text) => Some(without_secrets(text)),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        };
        (!texts.is_empty()).then(|| texts.join(", "))
    }

    /// Where a setting of the profile stands in the file: the place of its name, or of the profile's.
    #[must_use]
    pub fn place(&self, setting: &str) -> Range<usize> {
        let key = match &self.settings.kind {
            NodeKind::Map(entries) => entries.iter().map(|(key, _)| key).find(|key| is_named(key, setting)),
            _ => None,
        };
        tree::place(&self.text, key.unwrap_or(&self.key))
    }

    fn read(&self, reading: &mut Reading<'_>) -> Option<ResolvedProfile> {
        let entry = Entry { path: format!("profiles.{}", self.name), key: &self.key, value: &self.settings };
        let section = reading.section(&entry, PROFILE)?;
        let kafka = section.get("kafka").map(|entry| kafka::kafka(reading, entry));
        let redis = section.get("redis").map(|entry| redis::redis(reading, entry));
        let mysql = section.get("mysql").map(|entry| mysql::mysql(reading, entry));
        let webhooks = service::webhooks(reading, section.get("webhooks"));
        let store = service::store(reading, &section);
        let lanes = service::lanes(reading, section.get("lanes"));
        let memory = service::memory(reading, section.get("memory"));
        let commit = service::commit(reading, section.get("commit"));
        let admin = section.get("admin").map(|entry| service::admin(reading, entry));
        let otlp = service::telemetry(reading, section.get("telemetry"));
        Some(ResolvedProfile {
            name: self.name.clone(),
            kafka: all(kafka)?,
            redis: all(redis)?,
            mysql: all(mysql)?,
            webhooks: webhooks?,
            store: store?,
            lanes: lanes?,
            memory: memory?,
            commit: commit?,
            admin: all(admin)?,
            otlp: otlp?,
        })
    }
}

/// An address without user, password and query.
fn without_secrets(address: &str) -> String {
    let plain = address.split(['?', '#']).next().unwrap_or_default();
    let (scheme, rest) = plain.split_once("://").map_or(("", plain), |(scheme, rest)| (scheme, rest));
    // A password may hold any sign, so that the last `@` ends it.
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    if scheme.is_empty() { rest.to_owned() } else { format!("{scheme}://{rest}") }
}

/// The file may hold what should not be there; it is not shown.
impl fmt::Debug for Profile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Profile").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Not there is fine, there and not known is not.
fn all<T>(read: Option<Option<T>>) -> Option<Option<T>> {
    read.map_or(Some(None), |value| value.map(Some))
}

fn under<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    match &node.kind {
        NodeKind::Map(entries) => entries.iter().find(|(key, _)| is_named(key, name)).map(|(_, value)| value),
        _ => None,
    }
}

fn is_named(key: &Node, name: &str) -> bool {
    matches!(&key.kind, NodeKind::Text(own) | NodeKind::Number(own) if own == name)
}
