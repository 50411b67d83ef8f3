//! Rules between settings.

use super::mistake::listed;

/// A rule that the settings break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A mechanism that shows its secret to whoever listens, without TLS.
    NeedsTls {
        /// `PLAIN`, `OAUTHBEARER`.
        mechanism: &'static str,
    },
    /// A setting that the mechanism has no use for.
    NotOfMechanism {
        /// The mechanism.
        mechanism: &'static str,
    },
    /// A token that is not read from a file, and so could not be renewed.
    TokenFromFile,
    /// A certificate without its key, or a key without its certificate.
    Half {
        /// The one that is missing.
        missing: &'static str,
    },
    /// Several of settings that exclude one another.
    OneOf {
        /// Those that are there.
        given: Vec<&'static str>,
    },
    /// None of settings of which one must be there.
    NoneOf {
        /// Those that there are.
        known: &'static [&'static str],
    },
    /// An address says that there is no TLS, the setting says that there is.
    TlsWithPlainUrl {
        /// The scheme to write.
        scheme: &'static str,
    },
    /// An address says that there is TLS, the setting says that there is none.
    NoTlsWithTlsUrl {
        /// The scheme of the address.
        scheme: &'static str,
    },
    /// A user or password stands in the address as well.
    AlsoInUrl,
    /// The admin endpoint can be reached from elsewhere and is not protected.
    OpenAdmin {
        /// What is missing.
        missing: Vec<&'static str>,
    },
    /// A server needs a certificate of its own.
    ServerCertificate,
    /// A store that the profile does not configure.
    StoreWithoutServer {
        /// `redis`.
        store: &'static str,
    },
    /// Plain HTTP to anywhere.
    PlainHttp,
    /// The project's name cannot be used where it would be by default.
    NameNotUsable {
        /// What the default would be.
        default: String,
        /// "the name of a Kafka topic".
        place: &'static str,
    },
}

impl Rule {
    /// What is wrong, in words.
    pub(super) fn message(&self, setting: &str) -> String {
        match self {
            Self::NeedsTls { mechanism } => {
                format!("`{setting}` is {mechanism} without TLS: whoever listens could read the credential")
            }
            Self::NotOfMechanism { mechanism } => format!("`{setting}` has no use with {mechanism}"),
            Self::TokenFromFile => {
                format!("`{setting}` must be a file: tokens expire, and only a file can be read again")
            }
            Self::Half { missing } => format!("`{setting}` has no use without `{missing}`"),
            Self::OneOf { given } => format!("`{setting}` has {}, which exclude one another", listed(given)),
            Self::NoneOf { known } => format!("`{setting}` names no server: it needs one of {}", listed(known)),
            Self::TlsWithPlainUrl { .. } => format!("`{setting}` asks for TLS, which the `url` beside it excludes"),
            Self::NoTlsWithTlsUrl { scheme } => {
                format!("`{setting}` excludes TLS, which the `url` beside it asks for by `{scheme}://`")
            }
            Self::AlsoInUrl => format!("`{setting}` stands in the `url` beside it as well"),
            Self::OpenAdmin { missing } => {
                format!("`{setting}` can be reached from other machines and has no {}", listed(missing))
            }
            Self::ServerCertificate => format!("`{setting}` needs a `certificate` and a `key`: it is a server's"),
            Self::StoreWithoutServer { store } => {
                format!("`{setting}` is `{store}`, and the profile names no server of it")
            }
            Self::PlainHttp => format!("`{setting}` is not encrypted"),
            Self::NameNotUsable { default, place } => {
                format!("`{setting}` is not given, and the project's name makes `{default}`, which cannot be {place}")
            }
        }
    }

    /// What to do.
    pub(super) fn help(&self) -> Option<String> {
        let help = match self {
            Self::NeedsTls { .. } => "add `tls: true` beside `sasl`, or use SCRAM-SHA-512",
            Self::NotOfMechanism { .. } => "take it out",
            Self::TokenFromFile => "write `file:/path` and have the file replaced before the token expires",
            Self::Half { missing } => return Some(format!("add `{missing}`, or take both out")),
            Self::OneOf { .. } => "keep one of them",
            Self::NoneOf { .. } => "add the one that says how your server is run",
            Self::TlsWithPlainUrl { scheme } => return Some(format!("write the address as `{scheme}://…`")),
            Self::NoTlsWithTlsUrl { .. } => "take `tls` out, or write the address without TLS",
            Self::AlsoInUrl => "say it in one place",
            Self::OpenAdmin { .. } => "listen at `127.0.0.1:9600`, or add `token` and `tls: { certificate, key }`",
            Self::ServerCertificate => "write `tls: { certificate: \"file:…\", key: \"file:…\" }`",
            Self::StoreWithoutServer { store } => return Some(format!("add `{store}` to the profile")),
            Self::PlainHttp => "write `https://…`; for a server of your own network, add `allow_private: true`",
            Self::NameNotUsable { .. } => "give the setting",
        };
        Some(help.to_owned())
    }
}
