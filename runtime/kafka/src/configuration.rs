//! The properties that librdkafka is given.
//!
//! Three layers: what is good in most places, then the user's properties, then what correctness rests on.

use std::{path::Path, time::Duration};

use rdkafka::{ClientConfig, config::RDKafkaLogLevel};

use crate::{
    settings::{KafkaSettings, Pem, Sasl},
    transactions::TRANSACTION,
};

/// Room for requests around a message that is as long as may be.
const LONGEST_REQUEST: usize = nsf_engine::connector::LONGEST_MESSAGE + 64 * 1024;

/// After how long without a poll a member counts as stuck. The reader polls many times a second even at rest.
const LONGEST_POLL_INTERVAL: Duration = Duration::from_secs(300);

/// Properties of a member of the group.
pub(crate) fn consumer(settings: &KafkaSettings) -> ClientConfig {
    let mut config = common(settings);
    // Small queues: what is fetched ahead is dropped by a pause (librdkafka#2703, #5343), and the limit is overshot by a
    // fetch of every partition (librdkafka#5140, #4137; rust-rdkafka#650).
    let queue = (settings.memory / 2 / 1024).clamp(1024, 16 * 1024);
    config
        .set("queued.min.messages", "10000")
        .set("queued.max.messages.kbytes", queue.to_string())
        .set("fetch.message.max.bytes", (256 * 1024).to_string())
        .set("fetch.max.bytes", (8 * 1024 * 1024).min(settings.memory / 4).max(1024 * 1024).to_string())
        .set("fetch.queue.backoff.ms", "50")
        .set("max.poll.interval.ms", milliseconds(LONGEST_POLL_INTERVAL.max(settings.session_timeout)))
        .set("check.crcs", "true");
    user(&mut config, settings);
    group(&mut config, settings);
    secure(&mut config, settings);
    config
}

/// What makes the consumer a member of the group that never moves by itself.
fn group(config: &mut ClientConfig, settings: &KafkaSettings) {
    let session = settings.session_timeout.max(Duration::from_secs(1));
    let heartbeat = (session / 3).min(Duration::from_secs(3));
    config
        .set("group.id", &settings.group)
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("session.timeout.ms", milliseconds(session))
        .set("heartbeat.interval.ms", milliseconds(heartbeat))
        // Positions are the store's; the group's are told explicitly (librdkafka#4844: what is stored automatically may
        // pass over errors).
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        // A position that is not in the log any more is an error, never a jump.
        .set("auto.offset.reset", "error")
        .set("isolation.level", "read_committed")
        .set("allow.auto.create.topics", "false")
        .set("enable.partition.eof", "false");
    if let Some(instance) = &settings.instance {
        config.set("group.instance.id", instance);
    }
}

/// Properties of the producer.
pub(crate) fn producer(settings: &KafkaSettings) -> ClientConfig {
    let mut config = common(settings);
    config.set("linger.ms", "5").set("compression.type", "lz4");
    user(&mut config, settings);
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        // What is refused in the middle lets nothing behind it in: readers know repetitions by what came last.
        .set("enable.gapless.guarantee", "true")
        // Keys land where Java's client puts them.
        .set("partitioner", "murmur2_random")
        .set("message.timeout.ms", milliseconds(settings.delivery_timeout))
        // The brokers and topics say how long a message may be.
        .set("message.max.bytes", LONGEST_REQUEST.to_string())
        // The bytes are counted by the sink's own permits, which stay below this.
        .set("queue.buffering.max.messages", "1000000")
        .set("queue.buffering.max.kbytes", (settings.producer_memory * 2 / 1024).max(64 * 1024).to_string());
    if let Some(id) = &settings.transactional_id {
        config.set("transactional.id", id).set("transaction.timeout.ms", milliseconds(TRANSACTION));
    }
    secure(&mut config, settings);
    config
}

/// Properties of a client that only asks and creates.
pub(crate) fn administration(settings: &KafkaSettings) -> ClientConfig {
    let mut config = common(settings);
    user(&mut config, settings);
    config.set("allow.auto.create.topics", "false");
    secure(&mut config, settings);
    config
}

fn common(settings: &KafkaSettings) -> ClientConfig {
    let mut config = ClientConfig::new();
    config
        .set_log_level(RDKafkaLogLevel::Error)
        .set("bootstrap.servers", &settings.brokers)
        .set("client.id", &settings.application)
        .set("topic.metadata.refresh.interval.ms", milliseconds(settings.metadata_interval))
        .set("reconnect.backoff.max.ms", "2000")
        .set("socket.keepalive.enable", "true")
        .set("socket.nagle.disable", "true");
    config
}

fn user(config: &mut ClientConfig, settings: &KafkaSettings) {
    for (name, value) in &settings.properties {
        config.set(name, value);
    }
}

fn secure(config: &mut ClientConfig, settings: &KafkaSettings) {
    let security = &settings.security;
    let protocol = match (&security.tls, &security.sasl) {
        (None, None) => "plaintext",
        (Some(_), None) => "ssl",
        (None, Some(_)) => "sasl_plaintext",
        (Some(_), Some(_)) => "sasl_ssl",
    };
    config.set("security.protocol", protocol);
    if let Some(tls) = &security.tls {
        config.set("ssl.endpoint.identification.algorithm", "https").set("enable.ssl.certificate.verification", "true");
        pem(config, "ssl.ca", tls.ca.as_ref());
        pem(config, "ssl.certificate", tls.certificate.as_ref());
        pem(config, "ssl.key", tls.key.as_ref());
        if let Some(password) = &tls.key_password {
            config.set("ssl.key.password", password.reveal());
        }
    }
    let (mechanism, login) = match &security.sasl {
        None => return,
        Some(Sasl::Plain { user, password }) => ("PLAIN", Some((user, password))),
        Some(Sasl::ScramSha256 { user, password }) => ("SCRAM-SHA-256", Some((user, password))),
        Some(Sasl::ScramSha512 { user, password }) => ("SCRAM-SHA-512", Some((user, password))),
        Some(Sasl::Token { .. }) => ("OAUTHBEARER", None),
    };
    config.set("sasl.mechanism", mechanism);
    if let Some((user, password)) = login {
        config.set("sasl.username", user).set("sasl.password", password.reveal());
    }
}

fn pem(config: &mut ClientConfig, name: &str, pem: Option<&Pem>) {
    match pem {
        None => {}
        Some(Pem::File(path)) => {
            config.set(format!("{name}.location"), text(path));
        }
        Some(Pem::Text(text)) => {
            config.set(format!("{name}.pem"), text.reveal());
        }
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn milliseconds(duration: Duration) -> String {
    duration.as_millis().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Secret, Tls};

    #[test]
    fn correctness_cannot_be_overridden_and_tuning_can() {
        let mut settings = KafkaSettings::new("localhost:9092", "group", "app");
        for (name, value) in [
            ("enable.auto.commit", "true"),
            ("auto.offset.reset", "latest"),
            ("partition.assignment.strategy", "range"),
            ("acks", "1"),
            ("partitioner", "consistent"),
            ("linger.ms", "50"),
            ("queued.min.messages", "77"),
        ] {
            settings.properties.push((name.to_owned(), value.to_owned()));
        }
        let consumer = consumer(&settings);
        assert_eq!(consumer.get("enable.auto.commit"), Some("false"));
        assert_eq!(consumer.get("auto.offset.reset"), Some("error"));
        assert_eq!(consumer.get("partition.assignment.strategy"), Some("cooperative-sticky"));
        assert_eq!(consumer.get("queued.min.messages"), Some("77"));
        let producer = producer(&settings);
        assert_eq!(producer.get("acks"), Some("all"));
        assert_eq!(producer.get("partitioner"), Some("murmur2_random"));
        assert_eq!(producer.get("linger.ms"), Some("50"));
    }

    #[test]
    fn no_secret_is_shown() {
        let mut settings = KafkaSettings::new("localhost:9092", "group", "app");
        settings.security.tls = Some(Tls { key: Some(Pem::Text(Secret::new("canary-key"))), ..Tls::default() });
        settings.security.sasl =
            Some(Sasl::ScramSha512 { user: "reader".to_owned(), password: Secret::new("canary-password") });
        // The binding's own `Debug` of its configuration is never used: it hides passwords and shows keys (0.39).
        let shown = format!("{settings:?}");
        assert!(shown.contains("reader") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn a_password_is_not_sent_readably() {
        let mut settings = KafkaSettings::new("localhost:9092", "group", "app");
        settings.security.sasl = Some(Sasl::Plain { user: "reader".to_owned(), password: Secret::new("canary") });
        let error = settings.check().unwrap_err().to_string();
        assert!(error.contains("SASL PLAIN without TLS") && !error.contains("canary"), "{error}");
        settings.security.tls = Some(Tls::default());
        assert_eq!(settings.check().is_ok(), cfg!(feature = "tls"));
    }
}
