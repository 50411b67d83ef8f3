//! `kafka`: brokers, how to log in, and how the project reads and writes.

use std::collections::BTreeMap;

use super::address::{Port, hosts, is_topic};
use super::mistake::MistakeKind;
use super::properties::refusal;
use super::quantity::count;
use super::reading::{Entry, Given, Reading, Section};
use super::rule::Rule;
use super::secret::Secret;
use super::tls::{Tls, tls};
use super::tree::NodeKind;

/// The settings of `kafka`.
const SETTINGS: &[&str] = &[
    "brokers",
    "group",
    "instance",
    "security",
    "start",
    "transactions",
    "create_topics",
    "rejected",
    "properties",
    "clusters",
];

/// The settings of one of `clusters`.
const CLUSTER: &[&str] = &["brokers", "security"];

/// Where brokers are named.
const BROKERS: &str = "addresses such as `kafka-1:9092, kafka-2:9092`, or a list of them";

/// Kafka, as a profile uses it.
#[derive(Clone, Debug)]
pub struct KafkaProfile {
    /// The cluster of connectors that name none.
    pub default: KafkaCluster,
    /// Those that programs name by `cluster:`.
    pub clusters: BTreeMap<String, KafkaCluster>,
    /// The consumer group.
    pub group: String,
    /// The name of this member of the group, which keeps its partitions over a restart.
    pub instance: Option<String>,
    /// Where a partition without stored progress begins.
    pub start: Start,
    /// Whether flows from Kafka to Kafka without state use transactions.
    pub transactions: bool,
    /// How a missing topic is made; without it a missing topic is an error.
    pub create_topics: Option<CreateTopics>,
    /// The topic for rejected records of sources that name none.
    pub rejected: String,
    /// Further properties of the client, for tuning.
    pub properties: BTreeMap<String, String>,
}

impl KafkaProfile {
    /// The cluster that a connector means by its `cluster:`.
    #[must_use]
    pub fn cluster(&self, name: Option<&str>) -> Option<&KafkaCluster> {
        name.map_or(Some(&self.default), |name| self.clusters.get(name))
    }
}

/// A cluster of brokers.
#[derive(Clone, Debug)]
pub struct KafkaCluster {
    /// Whom to ask first, `host:port` each.
    pub brokers: Vec<String>,
    /// TLS, if the connection has it.
    pub tls: Option<Tls>,
    /// How to log in, if at all.
    pub sasl: Option<Sasl>,
}

/// Where a partition without stored progress begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// At the first message that is kept.
    #[default]
    Earliest,
    /// At the first that comes.
    Latest,
}

/// How a missing topic is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CreateTopics {
    /// Partitions; none for the broker's own number.
    pub partitions: Option<u32>,
    /// Replicas of each; none for the broker's own number.
    pub replication: Option<u16>,
}

/// How to log in.
#[derive(Clone, Debug)]
pub enum Sasl {
    /// A user and a password, in the clear within TLS.
    Plain(SaslUser),
    /// A user and a proof of the password.
    Scram256(SaslUser),
    /// As `Scram256`, by a longer hash.
    Scram512(SaslUser),
    /// A token.
    Token {
        /// As the file held it.
        token: Secret,
        /// The file, to be read again by [`super::Environment::secret_file`] before the token expires.
        file: String,
    },
}

impl Sasl {
    /// The mechanism's name, as librdkafka knows it.
    #[must_use]
    pub const fn mechanism(&self) -> &'static str {
        match self {
            Self::Plain(_) => "PLAIN",
            Self::Scram256(_) => "SCRAM-SHA-256",
            Self::Scram512(_) => "SCRAM-SHA-512",
            Self::Token { .. } => "OAUTHBEARER",
        }
    }
}

/// A user of SASL.
#[derive(Clone, Debug)]
pub struct SaslUser {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Reads `kafka`.
pub(super) fn kafka(reading: &mut Reading<'_>, entry: &Entry<'_>) -> Option<KafkaProfile> {
    let section = reading.section(entry, SETTINGS)?;
    let default = cluster(reading, &section);
    let clusters = clusters(reading, section.get("clusters"), |reading, entry| {
        let section = reading.section(entry, CLUSTER)?;
        cluster(reading, &section)
    });
    let project = reading.project.map(str::to_owned);
    let group = reading.text(section.get("group"));
    let instance = reading.text(section.get("instance"));
    let starts = [("earliest", Start::Earliest), ("latest", Start::Latest)];
    let start = reading.choice(section.get("start"), &starts);
    let transactions = reading.switch(section.get("transactions"));
    let create_topics = section.get("create_topics").map(|entry| create_topics(reading, entry));
    let rejected = rejected(reading, &section);
    let properties = section.get("properties").map(|entry| properties(reading, entry));
    Some(KafkaProfile {
        default: default?,
        clusters: clusters?,
        group: group.or_else(|| project)?,
        instance: instance.optional()?,
        start: start.or(Start::Earliest)?,
        transactions: transactions.or(false)?,
        create_topics: super::all(create_topics)?,
        rejected: rejected?,
        properties: properties.unwrap_or_else(|| Some(BTreeMap::new()))?,
    })
}

/// Reads `clusters`, each by `read`.
pub(super) fn clusters<T>(
    reading: &mut Reading<'_>,
    entry: Option<&Entry<'_>>,
    mut read: impl FnMut(&mut Reading<'_>, &Entry<'_>) -> Option<T>,
) -> Option<BTreeMap<String, T>> {
    let Some(entry) = entry else { return Some(BTreeMap::new()) };
    let section = reading.named(entry, "connections by name, as programs call them by `cluster:`")?;
    let read: Vec<_> = section.entries().map(|(name, entry)| (name.to_owned(), read(reading, entry))).collect();
    read.into_iter().map(|(name, value)| value.map(|value| (name, value))).collect()
}

fn cluster(reading: &mut Reading<'_>, section: &Section<'_>) -> Option<KafkaCluster> {
    let brokers = addresses(reading, section.get("brokers"), Port::Optional, BROKERS);
    if !brokers.is_there() {
        reading.missing(section, "brokers", "the addresses of its brokers");
    }
    let security = match section.get("security") {
        Some(entry) => security(reading, entry),
        None => Some((None, None)),
    };
    let (tls, sasl) = security?;
    Some(KafkaCluster { brokers: brokers.optional()??, tls, sasl })
}

/// Reads addresses: a text with commas, or a list of texts.
pub(super) fn addresses(
    reading: &mut Reading<'_>,
    entry: Option<&Entry<'_>>,
    port: Port,
    expected: &str,
) -> Given<Vec<String>> {
    let Some(entry) = entry else { return Given::Absent };
    let nodes = match &entry.value.kind {
        NodeKind::List(nodes) if !nodes.is_empty() => nodes.iter().collect(),
        _ => vec![entry.value],
    };
    let read: Vec<_> =
        nodes.iter().map(|node| reading.parsed_node(entry, node, expected, |text| hosts(text, port))).collect();
    Given::of(read.into_iter().collect::<Option<Vec<_>>>().map(|lists| lists.concat()))
}

fn security(reading: &mut Reading<'_>, entry: &Entry<'_>) -> Option<(Option<Tls>, Option<Sasl>)> {
    let section = reading.section(entry, &["tls", "sasl"])?;
    let tls = tls(reading, section.get("tls"));
    // What cannot be known yet is given the benefit of the doubt; a mistake in it was told of.
    let has_tls = tls.is_there() && !matches!(tls, Given::Known(None));
    let sasl = match section.get("sasl") {
        Some(entry) => sasl(reading, entry, has_tls).map(Some),
        None => Some(None),
    };
    Some((tls.or(None)?, sasl?))
}

/// The mechanisms.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mechanism {
    Plain,
    Scram256,
    Scram512,
    Token,
}

fn sasl(reading: &mut Reading<'_>, entry: &Entry<'_>, has_tls: bool) -> Option<Sasl> {
    let section = reading.section(entry, &["mechanism", "user", "password", "token"])?;
    let mechanisms = [
        ("PLAIN", Mechanism::Plain),
        ("SCRAM-SHA-256", Mechanism::Scram256),
        ("SCRAM-SHA-512", Mechanism::Scram512),
        ("OAUTHBEARER", Mechanism::Token),
    ];
    let given = reading.choice(section.get("mechanism"), &mechanisms);
    if !given.is_there() {
        reading.missing(&section, "mechanism", "the way to log in");
    }
    let Some(&mechanism) = given.known() else {
        // A credential in the file is told of even where its use is not clear.
        let _ = (reading.secret(section.get("password")), reading.secret(section.get("token")));
        return None;
    };
    let name = mechanisms.iter().find(|(_, own)| *own == mechanism).map_or("", |(name, _)| name);
    let bare = matches!(mechanism, Mechanism::Plain | Mechanism::Token);
    if let (true, false, Some(entry)) = (bare, has_tls, section.get("mechanism")) {
        reading.rule(entry, Rule::NeedsTls { mechanism: name });
    }
    match mechanism {
        Mechanism::Token => sasl_token(reading, &section, name),
        Mechanism::Plain => sasl_user(reading, &section, name).map(Sasl::Plain),
        Mechanism::Scram256 => sasl_user(reading, &section, name).map(Sasl::Scram256),
        Mechanism::Scram512 => sasl_user(reading, &section, name).map(Sasl::Scram512),
    }
}

fn sasl_user(reading: &mut Reading<'_>, section: &Section<'_>, mechanism: &'static str) -> Option<SaslUser> {
    useless(reading, section, &["token"], mechanism);
    let user = reading.text(section.get("user"));
    let password = reading.secret(section.get("password"));
    match (user.is_there(), password.is_there()) {
        (true, true) => {}
        (true, false) => reading.missing(section, "password", "which the mechanism needs"),
        (false, true) => reading.missing(section, "user", "who logs in"),
        (false, false) => reading.missing(section, "user", "who logs in, and the `password` beside it"),
    }
    Some(SaslUser { user: user.optional()??, password: password.optional()?? })
}

fn sasl_token(reading: &mut Reading<'_>, section: &Section<'_>, mechanism: &'static str) -> Option<Sasl> {
    useless(reading, section, &["user", "password"], mechanism);
    let token = reading.renewed_secret(section.get("token"));
    if !token.is_there() {
        reading.missing(section, "token", "the file that holds the token");
    }
    token.optional()?.map(|(token, file)| Sasl::Token { token, file })
}

fn useless(reading: &mut Reading<'_>, section: &Section<'_>, names: &[&str], mechanism: &'static str) {
    for entry in names.iter().filter_map(|name| section.get(name)) {
        reading.rule(entry, Rule::NotOfMechanism { mechanism });
    }
}

fn create_topics(reading: &mut Reading<'_>, entry: &Entry<'_>) -> Option<CreateTopics> {
    let section = reading.section(entry, &["partitions", "replication"])?;
    let expected = "a whole number from 1 to 100000";
    let partitions = reading.parsed(section.get("partitions"), expected, |text| count(text, 1, 100_000));
    let expected = "a whole number from 1 to 100";
    let replication = reading.parsed(section.get("replication"), expected, |text| count(text, 1, 100));
    Some(CreateTopics { partitions: partitions.optional()?, replication: replication.optional()? })
}

/// The topic for rejected records, by default named after the project.
fn rejected(reading: &mut Reading<'_>, section: &Section<'_>) -> Option<String> {
    const EXPECTED: &str = "the name of a topic: letters of ASCII, digits, `.`, `_` and `-`";
    let topic = |text: &str| is_topic(text).then(|| text.to_owned());
    let given = reading.parsed(section.get("rejected"), EXPECTED, topic);
    if given.is_there() {
        return given.optional()?;
    }
    let default = format!("{}.rejected", reading.project?);
    if is_topic(&default) {
        return Some(default);
    }
    let rule = Rule::NameNotUsable { default, place: "the name of a Kafka topic" };
    reading.rule_of(section, section.path_of("rejected"), rule);
    None
}

fn properties(reading: &mut Reading<'_>, entry: &Entry<'_>) -> Option<BTreeMap<String, String>> {
    let section = reading.named(entry, "properties of the Kafka client by name")?;
    let mut properties = Some(BTreeMap::new());
    for (name, entry) in section.entries() {
        let value = match (refusal(name), &entry.value.kind) {
            (Some(refusal), _) => {
                let (setting, name) = (entry.path.clone(), name.to_owned());
                reading.mistake(entry.key, MistakeKind::Property { setting, name, refusal });
                None
            }
            (None, NodeKind::Switch(on)) => Some(on.to_string()),
            (None, _) => reading.text(Some(entry)).optional().flatten(),
        };
        match (value, &mut properties) {
            (Some(value), Some(properties)) => drop(properties.insert(name.to_owned(), value)),
            _ => properties = None,
        }
    }
    properties
}
