//! Which addresses a relay never asks.
//!
//! Pure decisions on the address that a name stands for, made when a connection is opened: a name that was checked
//! earlier may stand for something else by then.

use std::net::SocketAddr;
use std::sync::Arc;

use model::local_address::{is_local, plain};

const OWN_PAGE: &str = "it is this relay's own page, which would scrape itself without end";
const LOCAL: &str = "targets that workloads name themselves may not be loopback, link-local, multicast or a cloud's \
                     metadata service";

/// The rules for one target.
#[derive(Clone, Debug, Default)]
pub struct AddressGuard {
    own: Arc<[SocketAddr]>,
    deny_local: bool,
}

impl AddressGuard {
    /// `own` are the listen addresses of the relay's scraped page. `deny_local` is for targets that were found
    /// through what a workload says of itself, such as annotations.
    #[must_use]
    pub fn new(own: impl Into<Arc<[SocketAddr]>>, deny_local: bool) -> Self {
        Self { own: own.into(), deny_local }
    }

    /// Whether `target` may be connected to.
    ///
    /// # Errors
    /// The rule against it.
    pub fn check(&self, target: SocketAddr) -> Result<(), &'static str> {
        let ip = plain(target.ip());
        if self.deny_local && is_local(ip) {
            return Err(LOCAL);
        }
        let reaches = |own: &SocketAddr| {
            let any = own.ip().is_unspecified() && (ip.is_loopback() || ip.is_unspecified());
            own.port() == target.port() && (plain(own.ip()) == ip || any)
        };
        if self.own.iter().any(reaches) { Err(OWN_PAGE) } else { Ok(()) }
    }

    /// Whether an open connection from `local` to `peer` may be used: where the relay listens on all addresses,
    /// only the connection shows that an address is one of its own.
    ///
    /// # Errors
    /// The rule against it.
    pub fn check_connected(&self, local: SocketAddr, peer: SocketAddr) -> Result<(), &'static str> {
        let own = |own: &SocketAddr| own.port() == peer.port() && own.ip().is_unspecified();
        if plain(local.ip()) == plain(peer.ip()) && self.own.iter().any(own) {
            return Err(OWN_PAGE);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(guard: &AddressGuard, target: &str) -> bool {
        guard.check(target.parse().expect(target)).is_ok()
    }

    #[test]
    fn local_and_metadata_addresses_are_denied_in_every_spelling() {
        let guard = AddressGuard::new([], true);
        for target in [
            "127.0.0.1:80",
            "127.255.1.1:80",
            "0.0.0.0:80",
            "0.1.2.3:80",
            "169.254.169.254:80",
            "100.100.100.200:80",
            "168.63.129.16:80",
            "192.0.0.192:80",
            "224.0.0.1:80",
            "255.255.255.255:80",
            "[::1]:80",
            "[::]:80",
            "[fe80::1]:80",
            "[ff02::1]:80",
            "[fd00:ec2::254]:80",
            "[fd20:ce::254]:80",
            "[::ffff:127.0.0.1]:80",
            "[::ffff:169.254.169.254]:80",
            "[::127.0.0.1]:80",
            "[64:ff9b::169.254.169.254]:80",
            "[2002:7f00:1::]:80",
        ] {
            assert!(!allowed(&guard, target), "{target}");
            assert!(allowed(&AddressGuard::new([], false), target), "{target}");
        }
        for target in ["10.0.0.1:80", "192.168.1.1:80", "8.8.8.8:80", "[2001:db8::1]:80", "[fd00::1]:80"] {
            assert!(allowed(&guard, target), "{target}");
        }
    }

    #[test]
    fn the_own_page_is_never_scraped_but_its_neighbours_are() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let one = AddressGuard::new([at("127.0.0.1:15090")], false);
        assert!(!allowed(&one, "127.0.0.1:15090"));
        assert!(!allowed(&one, "[::ffff:127.0.0.1]:15090"));
        assert!(allowed(&one, "127.0.0.1:15091"));
        assert!(allowed(&one, "127.0.0.2:15090"));
        let all = AddressGuard::new([at("[::]:15090")], false);
        for target in ["127.0.0.1:15090", "[::1]:15090", "127.9.9.9:15090", "0.0.0.0:15090"] {
            assert!(!allowed(&all, target), "{target}");
        }
        assert!(allowed(&all, "10.0.0.1:15090"));
        assert!(all.check_connected(at("10.0.0.1:4000"), at("10.0.0.1:15090")).is_err());
        assert!(all.check_connected(at("10.0.0.2:4000"), at("10.0.0.1:15090")).is_ok());
        assert!(all.check_connected(at("10.0.0.1:4000"), at("10.0.0.1:9100")).is_ok());
    }
}
