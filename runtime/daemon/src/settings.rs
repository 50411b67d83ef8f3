//! What the profile says, in the words of each connector.

use std::time::Duration;

use nsf_engine::protocol::First;
use nsf_kafka::{CreateTopics, KafkaSettings, StartAt};
use nsf_mysql::{LaneSettings, MysqlSettings};
use nsf_plan::profile::{
    KafkaCluster, KafkaProfile, MysqlConnection, RedisConnection, RedisProfile, RedisServers, ResolvedProfile, Sasl,
    Start, Tls, Webhook,
};
use nsf_redis::{ClientCertificate, Node, Place, RedisSettings};
use nsf_webhook::WebhookSettings;

use crate::problem::Problem;

/// Lanes, where the profile does not say how many.
pub const LANES: u16 = 8;

/// Bytes that a worker may hold, where the profile does not say.
const MEMORY: u64 = 512 * 1024 * 1024;

/// The session of a worker in its group, where the profile does not say. Kafka's own default of 45 s leaves partitions of a
/// worker that died unread for that long.
const SESSION: Duration = Duration::from_secs(15);

/// How many bytes of memory a worker may use for records and rows.
pub fn memory(profile: &ResolvedProfile) -> usize {
    usize::try_from(profile.memory.unwrap_or(MEMORY)).unwrap_or(usize::MAX)
}

/// Settings of the profile that this version takes and does nothing with.
pub fn without_effect(profile: &ResolvedProfile) -> Vec<&'static str> {
    let clusters = profile.redis.as_ref().is_some_and(|redis| !redis.clusters.is_empty());
    let settings = [("redis.clusters", clusters)];
    settings.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect()
}

/// Where partitions begin that were never read.
pub fn first(profile: &ResolvedProfile) -> First {
    match profile.kafka.as_ref().map(|kafka| kafka.start) {
        Some(Start::Latest) => First::Latest,
        _ => First::Earliest,
    }
}

/// The settings of a cluster of Kafka.
pub fn kafka(profile: &ResolvedProfile, kafka: &KafkaProfile, cluster: &KafkaCluster) -> KafkaSettings {
    let mut settings = KafkaSettings::new(cluster.brokers.join(","), kafka.group.clone(), profile.name.clone());
    settings.instance.clone_from(&kafka.instance);
    settings.start = match kafka.start {
        Start::Earliest => StartAt::Earliest,
        Start::Latest => StartAt::Latest,
    };
    settings.create_topics = kafka.create_topics.as_ref().map(|create| CreateTopics {
        partitions: create.partitions.unwrap_or(0),
        replication: create.replication.map(u32::from),
    });
    settings.properties = kafka.properties.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    settings.session_timeout = session(kafka);
    // How it is divided as a whole stands at the options of a run.
    settings.memory = memory(profile) / 4;
    // Each cluster has a producer of its own.
    settings.producer_memory = memory(profile) / 8 / (kafka.clusters.len() + 1);
    settings.security.tls = cluster.tls.as_ref().map(kafka_tls);
    settings.security.sasl = cluster.sasl.as_ref().map(kafka_login);
    settings
}

/// After how long without a sign of life the group gives a worker's partitions to others.
fn session(kafka: &KafkaProfile) -> Duration {
    let asked = kafka.properties.get("session.timeout.ms").and_then(|text| text.parse().ok());
    asked.map_or(SESSION, Duration::from_millis)
}

fn kafka_tls(tls: &Tls) -> nsf_kafka::Tls {
    let pem = |text: &str| nsf_kafka::Pem::Text(nsf_kafka::Secret::new(text));
    nsf_kafka::Tls {
        ca: tls.authority.as_deref().map(pem),
        certificate: tls.identity.as_ref().map(|identity| pem(&identity.certificate)),
        key: tls.identity.as_ref().map(|identity| pem(identity.key.expose())),
        key_password: None,
    }
}

fn kafka_login(sasl: &Sasl) -> nsf_kafka::Sasl {
    let secret = |text: &nsf_plan::profile::Secret| nsf_kafka::Secret::new(text.expose());
    match sasl {
        Sasl::Plain(own) => nsf_kafka::Sasl::Plain { user: own.user.clone(), password: secret(&own.password) },
        Sasl::Scram256(own) => nsf_kafka::Sasl::ScramSha256 { user: own.user.clone(), password: secret(&own.password) },
        Sasl::Scram512(own) => nsf_kafka::Sasl::ScramSha512 { user: own.user.clone(), password: secret(&own.password) },
        Sasl::Token { file, .. } => nsf_kafka::Sasl::Token { file: file.into() },
    }
}

/// The settings of the store on Redis.
///
/// # Errors
/// Where an address cannot be read.
pub fn redis(profile: &ResolvedProfile, redis: &RedisProfile, group: &str) -> Result<RedisSettings, Problem> {
    let connection = &redis.default;
    let mut settings = RedisSettings::new(place(connection)?, redis.namespace.clone(), group);
    settings.lanes = profile.lanes.unwrap_or(LANES);
    settings.accept_eviction = connection.accept_eviction;
    settings.user.clone_from(&connection.login.user);
    settings.password = connection.login.password.as_ref().map(|password| nsf_redis::Secret::new(password.expose()));
    settings.tls = connection.tls.as_ref().map(|tls| nsf_redis::Tls {
        authorities: tls.authority.as_ref().map(|text| text.clone().into_bytes()),
        client: tls.identity.as_ref().map(|identity| ClientCertificate {
            certificate: identity.certificate.clone().into_bytes(),
            key: identity.key.expose().as_bytes().to_vec(),
        }),
    });
    if let RedisServers::Single(url) = &connection.servers {
        login_of_url(url.expose(), &mut settings);
    }
    Ok(settings)
}

fn place(connection: &RedisConnection) -> Result<Place, Problem> {
    let nodes = |texts: &[String]| texts.iter().map(|text| node(text)).collect::<Result<Vec<Node>, Problem>>();
    Ok(match &connection.servers {
        RedisServers::Single(url) => {
            let (_, rest) = url.expose().split_once("://").unwrap_or(("redis", url.expose()));
            let rest = rest.rsplit_once('@').map_or(rest, |(_, behind)| behind);
            let (address, database) = rest.split_once('/').unwrap_or((rest, ""));
            let database = if database.is_empty() { Ok(0) } else { database.parse() };
            let database = database.map_err(|_| {
                Problem::new("`redis.url` names a database that is no number")
                    .with_help("write it like `redis://host:6379/0`")
            })?;
            Place::Single { node: node(address)?, database }
        }
        RedisServers::Sentinel { nodes: watchers, master } => {
            Place::Sentinel { nodes: nodes(watchers)?, master: master.clone(), database: 0, user: None, password: None }
        }
        RedisServers::Cluster(servers) => Place::Cluster { nodes: nodes(servers)? },
    })
}

fn node(text: &str) -> Result<Node, Problem> {
    let odd = || Problem::new(format!("`{text}` is no address of a Redis server")).with_help("write it as `host:port`");
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && !port.contains(']') => (host, port.parse().map_err(|_| odd())?),
        _ => (text, 6379),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() { Err(odd()) } else { Ok(Node::new(host, port)) }
}

/// User and password that stand in the address, and whether it wants encryption.
fn login_of_url(url: &str, settings: &mut RedisSettings) {
    let (scheme, rest) = url.split_once("://").unwrap_or(("redis", url));
    if scheme == "rediss" && settings.tls.is_none() {
        settings.tls = Some(nsf_redis::Tls::default());
    }
    let Some((login, _)) = rest.rsplit_once('@') else { return };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    if !user.is_empty() {
        settings.user = Some(decoded(user));
    }
    if !password.is_empty() {
        settings.password = Some(nsf_redis::Secret::new(decoded(password)));
    }
}

/// The settings of a webhook. `group` is the application's name among all that may send to one receiver.
pub fn webhook(profile: &ResolvedProfile, name: &str, webhook: &Webhook, group: &str) -> WebhookSettings {
    let url = nsf_plan::profile::Secret::new(webhook.url.expose().to_owned());
    let mut settings = WebhookSettings::new(name, url, group);
    settings.allow_private = webhook.allow_private;
    settings.concurrency = usize::from(webhook.concurrency);
    settings.timeout = webhook.timeout;
    settings.retries = u32::from(webhook.retries);
    settings.memory = memory(profile) / 32;
    settings
}

/// The settings of a connection to MySQL.
///
/// # Errors
/// Where its address cannot be read.
pub fn mysql(connection: &MysqlConnection) -> Result<MysqlSettings, Problem> {
    // The address itself is not shown: it may hold a password.
    let odd = |what: &str| {
        Problem::new(format!("the address of MySQL in the profile {what}"))
            .with_help("write it like `mysql://host:3306/database`, and `user:` and `password:` beside it")
    };
    let url = connection.url.expose();
    let (_, rest) = url.split_once("://").ok_or_else(|| odd("is none"))?;
    let (login, rest) = rest.rsplit_once('@').map_or((None, rest), |(login, rest)| (Some(login), rest));
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    if path.contains('?') {
        return Err(odd("has options behind a `?`, which are not read"));
    }
    let (host, port) = match address.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => {
            (host, port.parse().map_err(|_| odd("has a port that is no number"))?)
        }
        _ => (address, 3306),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let (user, password) = login.map_or((None, None), |login| {
        login.split_once(':').map_or((Some(login), None), |(user, password)| (Some(user), Some(password)))
    });
    let user = connection.login.user.clone().or_else(|| user.map(decoded)).unwrap_or_default();
    let mut settings = MysqlSettings::new(nsf_mysql::Node::new(host, port), decoded(path), user);
    let own = connection.login.password.as_ref().map(|password| password.expose().to_owned());
    settings.password = own.or_else(|| password.map(decoded)).map(nsf_mysql::Secret::new);
    settings.tls = connection.tls.as_ref().map(|tls| nsf_mysql::Tls {
        authorities: tls.authority.as_ref().map(|text| text.clone().into_bytes()),
        client: tls.identity.as_ref().map(|identity| nsf_mysql::ClientCertificate {
            certificate: identity.certificate.clone().into_bytes(),
            key: identity.key.expose().as_bytes().to_vec(),
        }),
    });
    Ok(settings)
}

/// The settings of states on MySQL.
///
/// # Errors
/// Where nothing says what their tables are named by.
pub fn lanes_on_mysql(profile: &ResolvedProfile, group: &str) -> Result<LaneSettings, Problem> {
    let namespace = profile.mysql.as_ref().and_then(|mysql| mysql.namespace.clone());
    let namespace = namespace.ok_or_else(|| {
        Problem::new("the project's name cannot be part of the names of tables of MySQL, where the states are kept")
            .with_help("write `mysql: { namespace: … }` in the profile: at most 48 letters, digits, `_`, `$` and `-`")
    })?;
    Ok(LaneSettings { lanes: profile.lanes.unwrap_or(LANES), ..LaneSettings::new(namespace, group) })
}

/// A part of an address without its `%XX`.
pub fn decoded_bytes(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) if first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    bytes
}

fn decoded(text: &str) -> String {
    String::from_utf8_lossy(&decoded_bytes(text)).into_owned()
}
