//! Addresses that stand for this machine, its link or a cloud's metadata service.
//!
//! In: an address. Out: whether it is one of those, in whatever spelling. Pure decisions; who asks, and when, is not
//! known here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses of cloud metadata services outside the link-local ranges: Alibaba, Azure, Oracle.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(168, 63, 129, 16), Ipv4Addr::new(192, 0, 0, 192)];
/// The same for IPv6: AWS, Google Cloud.
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

/// The IPv4 address that an IPv6 spelling stands for, if it does: mapped (RFC 4291 2.5.5), NAT64 (RFC 6052 2.1) and
/// 6to4 (RFC 3056 2).
#[must_use]
pub fn plain(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        IpAddr::V4(Ipv4Addr::new(a, b, c, d))
    };
    match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => ip,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => v4(high, low),
        [0x2002, high, low, ..] => v4(high, low),
        _ => ip,
    }
}

/// Whether `ip` is loopback, link-local, multicast, unspecified or a cloud's metadata service.
#[must_use]
pub fn is_local(ip: IpAddr) -> bool {
    match plain(ip) {
        IpAddr::V4(ip) => {
            ip.is_loopback()
                || ip.octets()[0] == 0
                || ip.is_link_local()
                || ip.is_multicast()
                || ip.is_broadcast()
                || METADATA_V4.contains(&ip)
        }
        IpAddr::V6(ip) => {
            ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unicast_link_local()
                || ip.is_multicast()
                || METADATA_V6.contains(&ip)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_local_address_is_seen() {
        for text in [
            "127.0.0.1",
            "::1",
            "::ffff:127.0.0.1",
            "169.254.169.254",
            "fe80::1",
            "::",
            "0.0.0.0",
            "224.0.0.1",
        ] {
            assert!(is_local(text.parse().expect(text)), "{text}");
        }
        for text in ["10.0.0.1", "fd00::1", "::ffff:10.0.0.1", "2001:db8::1"] {
            assert!(!is_local(text.parse().expect(text)), "{text}");
        }
    }
}
