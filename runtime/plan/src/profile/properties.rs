//! Which properties of the Kafka client (librdkafka) a profile may set: tuning alone.
//!
//! It is a list of what is allowed, since a property that a later client adds may do anything. Refused are above all
//! those that read files, load code, lead elsewhere, weaken the security or write secrets to the log.

/// What may be set: how long to wait, how often to ask again, how much to gather.
const ALLOWED: [&str; 31] = [
    "batch.num.messages",
    "batch.size",
    "broker.address.family",
    "broker.address.ttl",
    "check.crcs",
    "client.rack",
    "compression.codec",
    "compression.level",
    "compression.type",
    "connections.max.idle.ms",
    "fetch.error.backoff.ms",
    "fetch.min.bytes",
    "fetch.wait.max.ms",
    "heartbeat.interval.ms",
    "linger.ms",
    "max.poll.interval.ms",
    "message.max.bytes",
    "metadata.max.age.ms",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "session.timeout.ms",
    "socket.connection.setup.timeout.ms",
    "socket.keepalive.enable",
    "socket.nagle.disable",
    "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes",
    "socket.timeout.ms",
    "topic.metadata.refresh.interval.ms",
];

/// What the runtime sets itself, and the setting that says it, if there is one.
const OWN: [(&str, Option<&str>); 43] = [
    ("acks", None),
    ("allow.auto.create.topics", Some("create_topics")),
    ("auto.commit.interval.ms", None),
    ("auto.offset.reset", Some("start")),
    ("bootstrap.servers", Some("brokers")),
    ("client.id", None),
    ("delivery.report.only.error", None),
    ("delivery.timeout.ms", None),
    ("enable.auto.commit", None),
    ("enable.auto.offset.store", None),
    ("enable.gapless.guarantee", None),
    ("enable.idempotence", None),
    ("enable.partition.eof", None),
    ("fetch.max.bytes", Some("memory")),
    ("fetch.message.max.bytes", Some("memory")),
    ("fetch.queue.backoff.ms", None),
    ("group.id", Some("group")),
    ("group.instance.id", Some("instance")),
    ("group.protocol", None),
    ("group.protocol.type", None),
    ("group.remote.assignor", None),
    ("isolation.level", None),
    ("max.in.flight", None),
    ("max.in.flight.requests.per.connection", None),
    ("max.partition.fetch.bytes", Some("memory")),
    ("message.send.max.retries", None),
    ("message.timeout.ms", None),
    ("metadata.broker.list", Some("brokers")),
    ("partition.assignment.strategy", None),
    ("partitioner", None),
    ("queue.buffering.backpressure.threshold", None),
    ("queue.buffering.max.kbytes", Some("memory")),
    ("queue.buffering.max.messages", Some("memory")),
    ("queue.buffering.max.ms", Some("linger.ms")),
    ("queued.max.messages.kbytes", Some("memory")),
    ("queued.min.messages", Some("memory")),
    ("queuing.strategy", None),
    ("receive.message.max.bytes", Some("memory")),
    ("request.required.acks", None),
    ("retries", None),
    ("statistics.interval.ms", None),
    ("transaction.timeout.ms", None),
    ("transactional.id", Some("transactions")),
];

/// Why a property may not be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The runtime sets it, and what it promises hangs on it; another setting says it, if any does.
    Runtime(Option<&'static str>),
    /// It belongs to `security`.
    Security,
    /// It loads code.
    LoadsCode,
    /// It reads a file.
    ReadsFile,
    /// It leads elsewhere.
    Address,
    /// It writes more to the log, secrets among it.
    Debug,
    /// It is not one of those that may be.
    NotTuning,
}

impl Refusal {
    /// The reason in words.
    pub(super) fn reason(&self) -> &'static str {
        match self {
            Self::Runtime(_) => "the runtime sets it itself, and what it promises depends on it",
            Self::Security => "it changes who is trusted",
            Self::LoadsCode => "it loads code into the program",
            Self::ReadsFile => "it reads a file",
            Self::Address => "it leads to another server",
            Self::Debug => "it writes what is sent, secrets among it, to the log",
            Self::NotTuning => "it is none of those for tuning",
        }
    }

    /// What to do.
    pub(super) fn help(&self) -> String {
        match self {
            Self::Runtime(Some(setting)) => format!("use `{setting}`"),
            Self::Security => "use `security`, which checks what goes together".to_owned(),
            Self::NotTuning => "what may be set says the description of nsf.yaml under `properties`".to_owned(),
            Self::Runtime(None) | Self::LoadsCode | Self::ReadsFile | Self::Address | Self::Debug => {
                "take it out".to_owned()
            }
        }
    }
}

/// Why a property may not be set; none where it may.
pub(super) fn refusal(name: &str) -> Option<Refusal> {
    if ALLOWED.contains(&name) {
        return None;
    }
    let begins = |starts: &[&str]| starts.iter().any(|start| name.starts_with(start));
    if let Some((_, setting)) = OWN.iter().find(|(own, _)| *own == name) {
        return Some(Refusal::Runtime(*setting));
    }
    Some(if begins(&["plugin."]) || name.ends_with("_cb") || name == "opaque" {
        Refusal::LoadsCode
    } else if begins(&["ssl.", "sasl.", "security.", "enable.ssl", "enable.sasl", "https."]) {
        Refusal::Security
    } else if name.contains("location") || name.contains("path") || name.contains("file") {
        Refusal::ReadsFile
    } else if name.contains("url") || name.contains("proxy") || name.starts_with("client.dns") {
        Refusal::Address
    } else if name == "debug" || begins(&["log", "internal."]) {
        Refusal::Debug
    } else {
        Refusal::NotTuning
    })
}

/// The names that may be set, for messages and descriptions.
#[must_use]
pub fn allowed_properties() -> &'static [&'static str] {
    &ALLOWED
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tuning_is_allowed_and_nothing_else() {
        assert_eq!(refusal("linger.ms"), None);
        assert_eq!(refusal("enable.auto.commit"), Some(Refusal::Runtime(None)));
        assert_eq!(refusal("group.id"), Some(Refusal::Runtime(Some("group"))));
        assert_eq!(refusal("ssl.ca.location"), Some(Refusal::Security));
        assert_eq!(refusal("sasl.oauthbearer.token.endpoint.url"), Some(Refusal::Security));
        assert_eq!(refusal("plugin.library.paths"), Some(Refusal::LoadsCode));
        assert_eq!(refusal("offset.store.path"), Some(Refusal::ReadsFile));
        assert_eq!(refusal("client.dns.lookup"), Some(Refusal::Address));
        assert_eq!(refusal("debug"), Some(Refusal::Debug));
        assert_eq!(refusal("log_level"), Some(Refusal::Debug));
        assert_eq!(refusal("ligner.ms"), Some(Refusal::NotTuning));
        assert_eq!(refusal("LINGER.MS"), Some(Refusal::NotTuning));
    }

    #[test]
    fn the_lists_are_in_order_and_apart() {
        assert!(ALLOWED.is_sorted() && OWN.is_sorted());
        assert!(OWN.iter().all(|(own, _)| !ALLOWED.contains(own)));
    }
}
