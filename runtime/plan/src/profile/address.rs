//! Addresses of servers: URLs, lists of hosts, sockets to listen at, names of topics.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A URL taken apart as far as its settings are checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct UrlParts<'u> {
    /// `rediss`.
    pub scheme: &'u str,
    /// Before `:` in front of `@`.
    pub user: Option<&'u str>,
    /// After `:` in front of `@`.
    pub password: Option<&'u str>,
    /// `host:6379`.
    pub host: &'u str,
}

impl<'u> UrlParts<'u> {
    /// The parts of a URL with a host; none where the text is no such URL.
    pub(super) fn read(text: &'u str) -> Option<Self> {
        let parts = Self::split(text)?;
        (!text.contains(char::is_whitespace) && is_host(parts.host, Port::Optional)).then_some(parts)
    }

    /// The parts of what may become a URL: of a text whose variables are not looked up.
    pub(super) fn split(text: &'u str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let authority = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
        let (login, host) = authority.rsplit_once('@').map_or(("", authority), |(login, host)| (login, host));
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let part = |part: &'u str| Some(part).filter(|part| !part.is_empty());
        Some(Self { scheme, user: part(user), password: part(password), host })
    }
}

/// Whether a host must have a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// It may be left out.
    Optional,
    /// It must be there.
    Required,
}

/// Whether a text is `host`, `host:port`, `[::1]` or `[::1]:port`.
pub(super) fn is_host(text: &str, port: Port) -> bool {
    let (host, given) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, "")) => (address, None),
        Some((address, after)) => (address, after.strip_prefix(':').or(Some(""))),
        None => text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))),
    };
    let host_is_good = if text.starts_with('[') {
        host.parse::<std::net::Ipv6Addr>().is_ok()
    } else {
        !host.is_empty() && host.chars().all(|sign| sign.is_alphanumeric() || matches!(sign, '.' | '-' | '_'))
    };
    let port_is_good = match given {
        Some(number) => {
            number.bytes().all(|byte| byte.is_ascii_digit()) && number.parse::<u16>().is_ok_and(|at| at > 0)
        }
        None => port == Port::Optional,
    };
    host_is_good && port_is_good
}

/// Hosts with commas between them.
pub(super) fn hosts(text: &str, port: Port) -> Option<Vec<String>> {
    let hosts: Vec<String> = text.split(',').map(|host| host.trim().to_owned()).collect();
    hosts.iter().all(|host| is_host(host, port)).then_some(hosts)
}

/// An address to listen at; `localhost` is the loopback address.
pub(super) fn socket(text: &str) -> Option<SocketAddr> {
    match text.strip_prefix("localhost:") {
        Some(port) => port.parse().ok().map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)),
        None => text.parse().ok(),
    }
}

/// Whether Kafka takes a text as the name of a topic.
pub(super) fn is_topic(text: &str) -> bool {
    (1..=249).contains(&text.len())
        && !matches!(text, "." | "..")
        && text.chars().all(|sign| sign.is_ascii_alphanumeric() || matches!(sign, '.' | '_' | '-'))
}

/// Whether a text can stand before all keys: braces would choose the slot of a Redis cluster, and the signs of
/// patterns would let a rule of access mean other keys.
pub(super) fn is_namespace(text: &str) -> bool {
    let refused =
        |sign: char| sign.is_whitespace() || sign.is_control() || matches!(sign, '{' | '}' | '*' | '?' | '[' | ']');
    !text.is_empty() && !text.contains(refused)
}

/// Whether a text may be part of the names of tables.
pub(super) fn is_part_of_table(text: &str) -> bool {
    let plain = |sign: char| sign.is_alphanumeric() && u32::from(sign) < 0x1_0000 || matches!(sign, '_' | '$' | '-');
    (1..=48).contains(&text.chars().count()) && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let parts = UrlParts::read("rediss://app:p@ss:w@host:6380/0?x=@").unwrap();
        assert_eq!(
            parts,
            UrlParts { scheme: "rediss", user: Some("app"), password: Some("p@ss:w"), host: "host:6380" }
        );
        assert_eq!(UrlParts::read("redis://:pw@[::1]:1").unwrap().password, Some("pw"));
        assert_eq!(UrlParts::read("redis://:pw@[::1]:1").unwrap().user, None);
        for wrong in ["host:1", "redis://", "redis:// host", "redis://u:p@", "redis://host:0", "redis://host:70000"] {
            assert_eq!(UrlParts::read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn hosts_have_no_scheme_and_a_true_port() {
        assert_eq!(hosts("a:1, b.c:2", Port::Required), Some(vec!["a:1".to_owned(), "b.c:2".to_owned()]));
        for good in ["a", "[::1]", "[fe80::1]:9092", "10.0.0.1:9092", "kafka_1:9092"] {
            assert!(hosts(good, Port::Optional).is_some(), "{good}");
        }
        for wrong in ["", "a,", "a:", "a:0", "a:+1", "a:70000", "SSL://a:1", "a b:1", "[::1", "[x]:1", "::1"] {
            assert!(hosts(wrong, Port::Optional).is_none(), "{wrong}");
        }
        assert!(hosts("a", Port::Required).is_none() && hosts("[::1]", Port::Required).is_none());
    }

    #[test]
    fn a_socket_has_an_address_and_a_port() {
        assert_eq!(socket("localhost:9600"), socket("127.0.0.1:9600"));
        assert!(socket("[::1]:9600").is_some_and(|socket| socket.ip().is_loopback()));
        assert!(socket("9600").is_none() && socket("host:9600").is_none() && socket("127.0.0.1").is_none());
    }

    #[test]
    fn names_of_topics_and_prefixes_of_keys_are_checked() {
        assert!(is_topic("a.b-c_1") && !is_topic("") && !is_topic("课堂") && !is_topic("..") && !is_topic("a b"));
        assert!(is_namespace("课堂:v1") && !is_namespace("a{b}") && !is_namespace("a b") && !is_namespace("a*"));
    }
}
