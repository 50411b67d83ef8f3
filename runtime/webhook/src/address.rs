//! Which addresses may be sent to. A name that the profile holds may lead anywhere its owner, or whoever answers for the name,
//! wants: into the own network, to this machine, to where a cloud keeps the machine's credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Anyone's: the network between all others.
    Public,
    /// In a network of its own, which `allow_private` opens; in words.
    Private(&'static str),
    /// What nothing that takes messages is at, or what must not be reached whatever is allowed; in words.
    Never(&'static str),
}

impl Kind {
    /// Why it may not be sent to; none where it may.
    pub(crate) const fn refusal(self, allow_private: bool) -> Option<&'static str> {
        match self {
            Self::Public => None,
            Self::Private(_) if allow_private => None,
            Self::Private(what) | Self::Never(what) => Some(what),
        }
    }
}

const LINK_LOCAL: &str = "an address of the link, where clouds keep the machine's credentials";
const CREDENTIALS: &str = "where a cloud keeps the machine's credentials";
const DOCUMENTATION: &str = "an address for examples";
const MULTICAST: &str = "an address of many machines";
const RESERVED: &str = "a reserved address";
const PRIVATE: &str = "an address of a private network";
const LOOPBACK: &str = "this machine";
const CARRIER: &str = "an address of a carrier's own network";
const UNSPECIFIED: &str = "no address of a machine";
const TRIAL: &str = "an address of a network for trials";

/// What an address is. An IPv6 address that stands for one of IPv4 is what that is.
pub(crate) fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => of_v4(address),
        IpAddr::V6(address) => of_v6(address),
    }
}

/// By the registry of special addresses of IPv4 (RFC 6890 and what came later).
fn of_v4(address: Ipv4Addr) -> Kind {
    match address.octets() {
        [0, ..] => Kind::Never(UNSPECIFIED),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Kind::Private(PRIVATE),
        [127, ..] => Kind::Private(LOOPBACK),
        [169, 254, ..] => Kind::Never(LINK_LOCAL),
        // Clouds that do not keep them at the link's addresses.
        [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16] => Kind::Never(CREDENTIALS),
        [100, 64..=127, ..] => Kind::Private(CARRIER),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Kind::Never(DOCUMENTATION),
        [198, 18 | 19, ..] => Kind::Private(TRIAL),
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Kind::Never(RESERVED),
        [224..=239, ..] => Kind::Never(MULTICAST),
        _ => Kind::Public,
    }
}

/// By the registry of special addresses of IPv6: only 2000::/3 is given out to anyone, and parts of that are not.
fn of_v6(address: Ipv6Addr) -> Kind {
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Never(UNSPECIFIED),
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Private(LOOPBACK),
        // Of IPv4: mapped, and translated by a network's gateway (NAT64).
        [0, 0, 0, 0, 0, 0xFFFF, high, low] | [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => of_v4(embedded(high, low)),
        // Where clouds keep credentials beside the address of the link.
        [0xFD00, 0x0EC2, 0, 0, 0, 0, 0, 0x254] | [0xFD20, 0xCE, 0, 0, 0, 0, 0, 0x254] => Kind::Never(CREDENTIALS),
        [0xFC00..=0xFDFF, ..] => Kind::Private(PRIVATE),
        [0xFE80..=0xFEBF, ..] => Kind::Never(LINK_LOCAL),
        [0xFF00..=0xFFFF, ..] => Kind::Never(MULTICAST),
        [0x2001, 0x0DB8, ..] | [0x3FFF, 0..=0x0FFF, ..] => Kind::Never(DOCUMENTATION),
        // Tunnels (Teredo, 6to4), whose end is written into the address, and what belongs to protocols.
        [0x2001, 0..=0x01FF, ..] | [0x2002, ..] => Kind::Never(RESERVED),
        [0x2000..=0x3FFF, ..] => Kind::Public,
        _ => Kind::Never(RESERVED),
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
    Ipv4Addr::new(a, b, c, d)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, allow_private: bool) -> bool {
        kind(text.parse().unwrap()).refusal(allow_private).is_some()
    }

    #[test]
    fn addresses_of_anyone_are_open() {
        for text in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.1",
            "126.1.1.1",
            "128.0.0.1",
            "169.253.1.1",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "192.167.1.1",
            "192.169.1.1",
            "198.17.0.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2001:4860::8888",
            "::ffff:1.1.1.1",
            "64:ff9b::1.1.1.1",
        ] {
            assert!(!refused(text, false), "{text}");
        }
    }

    #[test]
    fn own_networks_are_open_where_they_are_allowed() {
        for text in [
            "10.0.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "198.18.0.1",
            "::1",
            "fc00::1",
            "fdff::1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "64:ff9b::192.168.1.1",
        ] {
            assert!(refused(text, false) && !refused(text, true), "{text}");
        }
    }

    #[test]
    fn some_are_never_open() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "169.254.0.1",
            "100.100.100.200",
            "192.0.0.192",
            "168.63.129.16",
            "192.0.2.1",
            "192.88.99.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::127.0.0.1",
            "::ffff:0:127.0.0.1",
            "::ffff:169.254.169.254",
            "::ffff:0.0.0.0",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "100::1",
            "2001::1",
            "2001:1ff::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "3fff::1",
            "5f00::1",
            "fd00:ec2::254",
            "fd20:ce::254",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(refused(text, false) && refused(text, true), "{text}");
        }
    }
}
