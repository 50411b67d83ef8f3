//! What a profile says of a Kafka cluster, as plain data.

use std::{
    fmt,
    fs::File,
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use nsf_engine::connector::{ConnectorError, ConnectorErrorKind, ConnectorResult};

/// A cluster, and how this application reads and writes its topics.
#[derive(Clone, Debug)]
pub struct KafkaSettings {
    /// Addresses of brokers to begin with: `host:port`, by commas.
    pub brokers: String,
    /// The consumer group; the workers that share the partitions have the same.
    pub group: String,
    /// A name of this worker that stays over its restarts (static membership). Two workers must never have the same.
    pub instance: Option<String>,
    /// The name of this worker's transactions; none where it makes none. What it reads it then commits in them alone.
    pub transactional_id: Option<String>,
    /// The application's name, as the brokers see it.
    pub application: String,
    /// How it is connected to.
    pub security: Security,
    /// Where a group begins that never committed a position.
    pub start: StartAt,
    /// How topics that are not there are created; none where they are not to be.
    pub create_topics: Option<CreateTopics>,
    /// Further properties of librdkafka, which the caller has checked against a list. Those that correctness rests on
    /// cannot be overridden by them.
    pub properties: Vec<(String, String)>,
    /// How many bytes a consumer may hold that were not taken from it yet.
    pub memory: usize,
    /// How many bytes the producer may hold that no broker has confirmed yet.
    pub producer_memory: usize,
    /// After how long without a sign of life the group gives a worker's partitions to others.
    pub session_timeout: Duration,
    /// How long a message may take until it is confirmed.
    pub delivery_timeout: Duration,
    /// How long the cluster may take to answer when a piece is opened.
    pub open_timeout: Duration,
    /// How often new partitions of the topics are looked for.
    pub metadata_interval: Duration,
}

impl KafkaSettings {
    /// Settings with nothing out of the ordinary.
    #[must_use]
    pub fn new(brokers: impl Into<String>, group: impl Into<String>, application: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            group: group.into(),
            instance: None,
            transactional_id: None,
            application: application.into(),
            security: Security::default(),
            start: StartAt::Earliest,
            create_topics: None,
            properties: Vec::new(),
            memory: 64 * 1024 * 1024,
            producer_memory: 32 * 1024 * 1024,
            session_timeout: Duration::from_secs(45),
            delivery_timeout: Duration::from_secs(30),
            open_timeout: Duration::from_secs(5),
            metadata_interval: Duration::from_secs(30),
        }
    }

    /// Refuses what must not be asked of a cluster, before it is asked.
    ///
    /// # Errors
    /// Where a password would cross the network readably, or this build cannot do what is asked.
    pub fn check(&self) -> ConnectorResult<()> {
        let refused =
            |message: String, help: &str| Err(ConnectorError::new(ConnectorErrorKind::Other, message).with_help(help));
        let brokers = &self.brokers;
        if brokers.trim().is_empty() {
            return refused("no broker of Kafka is named".to_owned(), "give the addresses of some, as `host:port`");
        }
        if matches!(self.security.sasl, Some(Sasl::Plain { .. })) && self.security.tls.is_none() {
            return refused(
                format!("Kafka at `{brokers}`: SASL PLAIN without TLS would send the password readably"),
                "turn TLS on, or use SCRAM-SHA-512",
            );
        }
        let needs_tls = self.security.tls.is_some()
            || matches!(
                self.security.sasl,
                Some(Sasl::ScramSha256 { .. } | Sasl::ScramSha512 { .. } | Sasl::Token { .. })
            );
        if needs_tls && !cfg!(feature = "tls") {
            return refused(
                format!("Kafka at `{brokers}`: this build of NsFlow has neither TLS nor SASL SCRAM"),
                "use a build with the feature `tls`",
            );
        }
        for (what, file) in self.files() {
            // The client's own words for it name neither the file nor what is wrong with it.
            if let Err(error) = File::open(file) {
                let kind = match error.kind() {
                    io::ErrorKind::NotFound => ConnectorErrorKind::NotFound,
                    io::ErrorKind::PermissionDenied => ConnectorErrorKind::Permission,
                    _ => ConnectorErrorKind::Other,
                };
                let words = error.to_string();
                let words = words.split(" (os error").next().unwrap_or_default().to_lowercase();
                let message =
                    format!("Kafka at `{brokers}`: {what} in `{}` could not be read ({words})", file.display());
                return Err(
                    ConnectorError::new(kind, message).with_help("correct the path in the profile, or its rights")
                );
            }
        }
        Ok(())
    }

    /// The files that the settings name.
    fn files(&self) -> Vec<(&'static str, &Path)> {
        let mut files: Vec<(&'static str, &Path)> = Vec::new();
        if let Some(tls) = &self.security.tls {
            let named = [
                ("the certificates of authorities", &tls.ca),
                ("the certificate", &tls.certificate),
                ("the certificate's key", &tls.key),
            ];
            for (what, pem) in named {
                if let Some(Pem::File(file)) = pem {
                    files.push((what, file));
                }
            }
        }
        if let Some(Sasl::Token { file }) = &self.security.sasl {
            files.push(("the token", file));
        }
        files
    }

    /// How long partitions that are to go are waited for: the group waits for them, and no longer than its session.
    #[must_use]
    pub fn drain(&self) -> Duration {
        (self.session_timeout / 3).min(Duration::from_secs(10))
    }
}

/// Where a group begins that never committed a position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StartAt {
    /// With the first message that is still there.
    #[default]
    Earliest,
    /// With the next message that is written. The position is committed at once, so that a restart cannot move it.
    Latest,
}

/// How a topic is created.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CreateTopics {
    /// How many partitions; 0 for what the cluster is set to.
    pub partitions: u32,
    /// How many copies of each; none for what the cluster is set to.
    pub replication: Option<u32>,
}

/// How a cluster is connected to.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// TLS, where it is on.
    pub tls: Option<Tls>,
    /// The login, where there is one.
    pub sasl: Option<Sasl>,
}

/// TLS; the name in the broker's certificate is always compared.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// Certificates of authorities that are trusted; the system's where none is given.
    pub ca: Option<Pem>,
    /// The own certificate, where the brokers ask for one.
    pub certificate: Option<Pem>,
    /// Its key.
    pub key: Option<Pem>,
    /// The key's password.
    pub key_password: Option<Secret>,
}

/// PEM: a file, or the text itself.
#[derive(Clone, Debug)]
pub enum Pem {
    /// A file.
    File(PathBuf),
    /// The text.
    Text(Secret),
}

/// A login.
#[derive(Clone, Debug)]
pub enum Sasl {
    /// User and password as they are, over TLS alone.
    Plain {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// SCRAM-SHA-256.
    ScramSha256 {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// SCRAM-SHA-512.
    ScramSha512 {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
    /// OAUTHBEARER with a token that something else keeps fresh in a file.
    Token {
        /// The file; it is read anew every few minutes.
        file: PathBuf,
    },
}

/// A text that is never shown.
#[derive(Clone, Default)]
pub struct Secret(String);

impl Secret {
    /// A secret.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
