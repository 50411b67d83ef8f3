//! Who may ask. A browser on this machine is made to ask by any page it shows (rebinding of names, forged requests), so that
//! the loopback address alone keeps nobody out.

use std::net::SocketAddr;

use hyper::{
    HeaderMap, Method, StatusCode, Uri,
    header::{AUTHORIZATION, HOST, HeaderValue, ORIGIN},
};
use nsf_plan::profile::Secret;

/// What a request must be.
pub struct Guard {
    /// Hosts that the request may name; none where any may be named, as token and TLS are asked for.
    hosts: Option<Vec<String>>,
    token: Option<Secret>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// What the caller is told.
    pub words: &'static str,
}

const fn refusal(status: StatusCode, words: &'static str) -> Refusal {
    Refusal { status, words }
}

impl Guard {
    /// For an endpoint that listens at this address.
    pub fn new(listen: SocketAddr, token: Option<Secret>, tls: bool) -> Self {
        let hosts = listen.ip().is_loopback().then(|| {
            let names = ["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()];
            let port = listen.port();
            let mut hosts: Vec<String> = names.iter().map(|name| format!("{name}:{port}")).collect();
            hosts.push(listen.to_string());
            if port == if tls { 443 } else { 80 } {
                hosts.extend(names);
            }
            hosts
        });
        Self { hosts, token }
    }

    /// Whether a request may be answered.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        self.check_host(uri, headers)?;
        if headers.contains_key(ORIGIN) || !is_own_site(headers) {
            return Err(refusal(StatusCode::FORBIDDEN, "requests that web pages make are not answered"));
        }
        self.check_token(headers)?;
        if method != Method::GET {
            return Err(refusal(StatusCode::METHOD_NOT_ALLOWED, "nothing can be changed here: only GET is answered"));
        }
        Ok(())
    }

    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(hosts) = &self.hosts else { return Ok(()) };
        let is_own = |host: &str| hosts.iter().any(|own| own.eq_ignore_ascii_case(host));
        let mut named = headers.get_all(HOST).iter();
        let (Some(host), None) = (named.next(), named.next()) else {
            return Err(refusal(StatusCode::BAD_REQUEST, "the request does not name one host"));
        };
        let by_uri = uri.authority().is_none_or(|authority| is_own(authority.as_str()));
        if !by_uri || !host.to_str().is_ok_and(is_own) {
            return Err(refusal(StatusCode::FORBIDDEN, "the request names another host; use localhost or 127.0.0.1"));
        }
        Ok(())
    }

    fn check_token(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(token) = &self.token else { return Ok(()) };
        let given = headers.get(AUTHORIZATION).and_then(bearer);
        if given.is_some_and(|given| token.is(given)) {
            return Ok(());
        }
        Err(refusal(StatusCode::UNAUTHORIZED, "the profile's `admin.token` is needed: `Authorization: Bearer …`"))
    }
}

/// Whether a browser says that the request is not another site's. Programs say nothing of it.
fn is_own_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_none_or(|site| matches!(site.as_bytes(), b"none" | b"same-origin"))
}

fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii())
}
