//! What may go wrong with a request, in words. None of them holds what stands behind the host in the address.

use std::{fmt, net::IpAddr};

use hyper::StatusCode;
use nsf_engine::connector::{ConnectorError, ConnectorErrorKind};

use crate::{settings::WebhookSettings, target::Target};

/// Why a message was not taken, though it may be later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The host's name could not be looked up.
    Name(String),
    /// The host's name leads to where nothing is sent.
    Refused { address: IpAddr, what: &'static str },
    /// No connection was made.
    Connect(String),
    /// The connection is not trusted.
    Tls(String),
    /// There was no answer in time.
    Late,
    /// The connection broke before there was an answer.
    Broken(String),
    /// The answer says that it may be taken later, or that something other than the message is wrong.
    Answer(StatusCode),
}

impl fmt::Display for Trouble {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(why) => write!(out, "the host's name cannot be looked up ({why})"),
            Self::Refused { address, what } => {
                write!(out, "the host's name leads to {address}, {what}, which is not sent to")
            }
            Self::Connect(why) => write!(out, "no connection can be made ({why})"),
            Self::Tls(why) => write!(out, "the encrypted connection is not trusted ({why})"),
            Self::Late => out.write_str("it does not answer in time"),
            Self::Broken(why) => write!(out, "the connection ended before there was an answer ({why})"),
            Self::Answer(status) => write!(out, "it answers {}", words(*status)),
        }
    }
}

/// A status with its words: `503 Service Unavailable`.
pub(crate) fn words(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

impl Trouble {
    fn help(&self, settings: &WebhookSettings) -> String {
        let setting = format!("webhooks.{}", settings.name);
        match self {
            Self::Name(_) => format!("see that the host of `{setting}.url` in the profile is written right"),
            Self::Refused { .. } => format!(
                "see who answers for the name; if a private network is meant, set `{setting}.allow_private: true`"
            ),
            Self::Tls(_) => {
                "see that the receiver's certificate is valid for its name and its authority is known here".to_owned()
            }
            Self::Late => format!("if it needs longer, raise `{setting}.timeout`"),
            Self::Answer(status) if status.is_redirection() => {
                format!("nobody is followed elsewhere: write the address that is meant as `{setting}.url`")
            }
            Self::Answer(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                format!("see that what `{setting}.url` holds as a token is still valid")
            }
            Self::Connect(_) | Self::Broken(_) | Self::Answer(_) => {
                "nothing is lost: messages wait and are sent when it takes them".to_owned()
            }
        }
    }

    /// The error for the engine.
    pub(crate) fn error(&self, settings: &WebhookSettings, target: &Target, tries: u32) -> ConnectorError {
        let times = match tries {
            0 | 1 => String::new(),
            tries => format!(", after {tries} tries"),
        };
        let message = format!("the webhook `{}` ({target}): {self}{times}", settings.name);
        ConnectorError::new(ConnectorErrorKind::Unavailable, message).with_help(self.help(settings))
    }
}
