//! Failures of a cluster in the user's words. The client's own words stand in brackets behind them, for whoever searches.

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

use crate::settings::{KafkaSettings, Sasl};

/// What a failure is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    /// No broker answers.
    Connection,
    /// The brokers answer and refuse who asks.
    Login,
    /// This user may not do it to the topic.
    TopicRight,
    /// This user may not join the group.
    GroupRight,
    /// This user may not do it to the cluster.
    ClusterRight,
    /// The topic is not there.
    TopicMissing,
    /// Another member of the group has the same instance name.
    Instance,
    /// Another member of the group shares partitions by another rule.
    Strategy,
    /// Anything else.
    Other,
}

/// What a code is about.
pub(crate) fn about(code: RDKafkaErrorCode) -> About {
    use RDKafkaErrorCode as Code;
    match code {
        Code::BrokerTransportFailure
        | Code::AllBrokersDown
        | Code::Resolve
        | Code::OperationTimedOut
        | Code::RequestTimedOut
        | Code::TimedOutQueue
        | Code::MessageTimedOut
        | Code::BrokerNotAvailable
        | Code::LeaderNotAvailable
        | Code::CoordinatorNotAvailable
        | Code::CoordinatorLoadInProgress
        | Code::WaitingForCoordinator
        | Code::NetworkException => About::Connection,
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::UnsupportedSASLMechanism
        | Code::IllegalSASLState
        | Code::SecurityDisabled
        | Code::SSL => About::Login,
        Code::TopicAuthorizationFailed => About::TopicRight,
        Code::GroupAuthorizationFailed => About::GroupRight,
        Code::ClusterAuthorizationFailed | Code::TransactionalIdAuthorizationFailed => About::ClusterRight,
        Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => About::TopicMissing,
        Code::FencedInstanceId => About::Instance,
        Code::InconsistentGroupProtocol => About::Strategy,
        _ => About::Other,
    }
}

/// A failure in words: `doing` ends the sentence that it could not be done ("topic `x` could not be read").
pub(crate) fn of_code(
    settings: &KafkaSettings,
    code: RDKafkaErrorCode,
    doing: &str,
    reason: Option<&str>,
) -> ConnectorError {
    let brokers = &settings.brokers;
    let own = own_words(code, reason);
    let error = |kind, message: String, help: &str| ConnectorError::new(kind, message).with_help(help);
    match about(code) {
        About::Connection => error(
            ConnectorErrorKind::Unavailable,
            format!("Kafka at `{brokers}` does not answer: {doing} ({own})"),
            "check that its brokers run and that this machine reaches them by the names they tell; a worker tries it again",
        ),
        About::Login => error(
            ConnectorErrorKind::Permission,
            format!("Kafka at `{brokers}` does not accept the connection{}: {doing} ({own})", login(settings)),
            if code == RDKafkaErrorCode::SSL {
                "the broker's certificate is to be signed by an authority that the profile trusts, and for the name that is \
                 connected to"
            } else {
                "check the profile's TLS and SASL settings against the listener's"
            },
        ),
        About::TopicRight | About::GroupRight | About::ClusterRight => error(
            ConnectorErrorKind::Permission,
            format!("Kafka at `{brokers}` does not allow it{}: {doing} ({own})", login(settings)),
            right_needed(about(code)),
        ),
        About::TopicMissing => error(
            ConnectorErrorKind::NotFound,
            format!("a topic is not there at `{brokers}`: {doing} ({own})"),
            "create it, or let the profile create topics",
        ),
        About::Instance => error(
            ConnectorErrorKind::Locked,
            format!("another worker of group `{}` at `{brokers}` has the same instance name: {doing}", settings.group),
            "give every worker an instance name of its own, or none",
        ),
        About::Strategy => error(
            ConnectorErrorKind::Other,
            format!(
                "members of group `{}` at `{brokers}` share partitions by another rule than cooperative-sticky: {doing}",
                settings.group
            ),
            "stop the members that are no workers of this application, or give it a group of its own",
        ),
        About::Other => {
            ConnectorError::new(ConnectorErrorKind::Other, format!("Kafka at `{brokers}`: {doing} ({own})"))
        }
    }
}

/// The same for an error of the binding.
pub(crate) fn of(settings: &KafkaSettings, error: &KafkaError, doing: &str) -> ConnectorError {
    if let KafkaError::ClientConfig(_, reason, name, value) = error {
        // Logins and keys are never repeated.
        let shown = if name.starts_with("sasl.") || name.starts_with("ssl.") {
            " cannot be what it is set to".to_owned()
        } else {
            format!(" cannot be `{value}` ({reason})")
        };
        let message = format!("Kafka at `{}`: the property `{name}`{shown}", settings.brokers);
        return ConnectorError::new(ConnectorErrorKind::Other, message)
            .with_help("change it in the profile's `kafka` settings");
    }
    if let KafkaError::ClientCreation(reason) = error {
        let message =
            format!("Kafka at `{}`: {doing}: its client refuses the settings ({})", settings.brokers, bare(reason));
        return ConnectorError::new(ConnectorErrorKind::Other, message)
            .with_help("check the profile's `kafka` settings, the contents of certificates and keys among them");
    }
    match code(error) {
        Some(code) => of_code(settings, code, doing, None),
        None => ConnectorError::new(
            ConnectorErrorKind::Other,
            format!("Kafka at `{}`: {doing} ({})", settings.brokers, bare(&error.to_string())),
        ),
    }
}

/// The code in an error of the binding.
pub(crate) fn code(error: &KafkaError) -> Option<RDKafkaErrorCode> {
    match error {
        // Carries its code as words alone.
        KafkaError::ClientCreation(_) | KafkaError::ClientConfig(..) => None,
        error => error.rdkafka_error_code(),
    }
}

fn right_needed(about: About) -> &'static str {
    match about {
        About::GroupRight => "grant the right to read this group, or name another group in the profile",
        About::ClusterRight => "grant the right to write idempotently to the cluster",
        _ => "grant the rights to describe the topic and to read or write it",
    }
}

/// Who asks, where the settings say.
fn login(settings: &KafkaSettings) -> String {
    match &settings.security.sasl {
        Some(Sasl::Plain { user, .. } | Sasl::ScramSha256 { user, .. } | Sasl::ScramSha512 { user, .. }) => {
            format!(" of user `{user}`")
        }
        Some(Sasl::Token { file }) => format!(" with the token in `{}`", file.display()),
        None => String::new(),
    }
}

/// The client's words for a code, and its reason where it says more.
fn own_words(code: RDKafkaErrorCode, reason: Option<&str>) -> String {
    match reason.map(bare).filter(|reason| !reason.is_empty()) {
        Some(reason) => reason,
        None => bare(&code.to_string()),
    }
}

/// Without the parts that only the client's developers know what to do with: how long a state lasted, and codes in
/// brackets.
fn bare(words: &str) -> String {
    let words = words.split(" (after ").next().unwrap_or_default();
    let words = words.split(" (Broker: ").next().unwrap_or_default();
    let words = words.split(" (Local: ").next().unwrap_or_default();
    words.trim().trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_where_what_and_what_to_do() {
        let settings = KafkaSettings::new("broker:9092", "group", "app");
        let reason = "sasl_plaintext://broker:9092/1: Connect to ipv4#127.0.0.1:9092 failed: Connection refused \
                      (after 0ms in state CONNECT)";
        let error = of_code(
            &settings,
            RDKafkaErrorCode::BrokerTransportFailure,
            "topic `orders` could not be opened",
            Some(reason),
        );
        assert_eq!(error.kind, ConnectorErrorKind::Unavailable);
        let words = error.to_string();
        for part in ["broker:9092", "topic `orders`", "Connection refused", "check that its brokers run"] {
            assert!(words.contains(part), "{words}");
        }
        assert!(!words.contains("in state"), "{words}");
    }

    #[test]
    fn a_wrong_property_is_named() {
        let mut settings = KafkaSettings::new("broker:9092", "group", "app");
        settings.properties.push(("linger.ms".to_owned(), "soon".to_owned()));
        let error = crate::configuration::producer(&settings).create_native_config().err().unwrap();
        let words = of(&settings, &error, "the producer could not be made").to_string();
        assert!(words.contains("`linger.ms` cannot be `soon`"), "{words}");
    }
}
