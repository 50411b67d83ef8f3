//! Where a webhook is: the profile's address taken apart, with what of it may be shown.

use std::{fmt, net::IpAddr};

use hyper::header::HeaderValue;
use nsf_engine::connector::{ConnectorError, ConnectorErrorKind, ConnectorResult};
use url::{Host, Url};

use crate::{address, settings::WebhookSettings};

/// Where requests go. What is behind the host may be a secret and is never shown.
#[derive(Clone)]
pub(crate) struct Target {
    /// Whether the connection is encrypted.
    pub encrypted: bool,
    /// The host: a name in ASCII, or an address.
    pub host: Host<String>,
    /// The port.
    pub port: u16,
    /// The header `Host`.
    pub authority: HeaderValue,
    /// Path and query, as they stand in the request.
    pub path: hyper::Uri,
    /// Scheme, host and port, for messages.
    shown: String,
}

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.shown)
    }
}

impl Target {
    /// Reads the address of the profile, as browsers do: `http://0x7f.1` is `127.0.0.1` and is refused as that.
    ///
    /// # Errors
    /// Where it is no address that may be sent to, whatever a name leads to. The words hold nothing of what may be secret.
    pub(crate) fn read(settings: &WebhookSettings) -> ConnectorResult<Self> {
        let refused = |what: String, help: String| {
            let message = format!("the address of the webhook `{}` {what}", settings.name);
            ConnectorError::new(ConnectorErrorKind::Changed, message).with_help(help)
        };
        let setting = format!("webhooks.{}", settings.name);
        let again = |what: &str| format!("write `{setting}.url` in the profile {what}");
        let odd = || refused("cannot be read".to_owned(), again("like `https://host/path`"));
        let text = settings.url.expose();
        // Those are left out by whoever reads addresses as browsers do, and must not hide what is meant.
        if text.contains(|sign: char| sign.is_control() || sign.is_whitespace() || sign == '\\') {
            return Err(odd());
        }
        let url = Url::parse(text).map_err(|_| odd())?;
        let encrypted = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(refused("is neither https nor http".to_owned(), again("like `https://host/path`"))),
        };
        if !encrypted && !settings.allow_private {
            let help = again("with `https://`; plain http is for an own network, with `allow_private: true`");
            return Err(refused("is not encrypted".to_owned(), help));
        }
        if !url.username().is_empty() || url.password().is_some() {
            let help = again("without them; a secret may stand in its path or query");
            return Err(refused("holds a user or password before the host".to_owned(), help));
        }
        let (Some(host), Some(port)) = (url.host().map(|host| host.to_owned()), url.port_or_known_default()) else {
            return Err(odd());
        };
        let literal = match &host {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(IpAddr::V4(*address)),
            Host::Ipv6(address) => Some(IpAddr::V6(*address)),
        };
        if let Some((literal, what)) = literal.and_then(|literal| Some((literal, settings.refusal(literal)?))) {
            let allowed = matches!(address::kind(literal), address::Kind::Private(_));
            let help = if allowed {
                format!("set `{setting}.allow_private: true` if that is meant")
            } else {
                again("of the receiver")
            };
            return Err(refused(format!("is {literal}, {what}, and is not sent to"), help));
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let shown = format!("{}://{authority}", url.scheme());
        let path = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let authority = HeaderValue::from_str(&authority).map_err(|_| odd())?;
        let path = path.parse().map_err(|_| odd())?;
        Ok(Self { encrypted, host, port, authority, path, shown })
    }
}
