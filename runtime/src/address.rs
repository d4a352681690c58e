//! Which addresses a listener may open.
//!
//! In: the text of a flag. Out: a socket address, or the reason why nothing is opened there. Listens nowhere
//! itself: whatever is reachable from another machine has to be asked for in so many words, since nothing on
//! it asks for credentials.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::str::FromStr;

/// The flag that opens a listener off loopback.
pub const INSECURE_FLAG: &str = "--insecure-allow-unauthenticated";

/// A listen address as written on the command line: `IP:PORT`, `[IPV6]:PORT`, `localhost:PORT`, or `:PORT` for
/// all addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenAddress(SocketAddr);

/// Why an address is not listened on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The text is no address.
    #[error("{text:?} is not a listen address: write IP:PORT, [IPV6]:PORT, localhost:PORT or :PORT")]
    Malformed {
        /// What was written.
        text: String,
    },
    /// The address can be reached from other machines and nothing would ask them who they are.
    #[error(
        "{flag} {address} is reachable from other machines without authentication: listen on loopback, or allow \
         it with {INSECURE_FLAG}"
    )]
    Unauthenticated {
        /// The flag that named the address, such as `--listen`.
        flag: String,
        /// The address.
        address: SocketAddr,
    },
}

impl ListenAddress {
    /// The socket address to bind.
    #[must_use]
    pub fn socket(self) -> SocketAddr {
        self.0
    }

    /// The address if it may be opened: on loopback, or anywhere when `allow_unauthenticated`. `flag` is named in
    /// the error.
    ///
    /// # Errors
    /// [`AddressError::Unauthenticated`] for an address off loopback that was not allowed.
    pub fn guarded(self, flag: &str, allow_unauthenticated: bool) -> Result<SocketAddr, AddressError> {
        if self.0.ip().to_canonical().is_loopback() || allow_unauthenticated {
            return Ok(self.0);
        }
        Err(AddressError::Unauthenticated { flag: flag.to_owned(), address: self.0 })
    }
}

impl From<SocketAddr> for ListenAddress {
    fn from(address: SocketAddr) -> Self {
        Self(address)
    }
}

impl FromStr for ListenAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(address) = text.parse() {
            return Ok(Self(address));
        }
        let malformed = || AddressError::Malformed { text: text.to_owned() };
        let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
        let port: u16 = port.parse().map_err(|_| malformed())?;
        match host {
            "" => Ok(Self(everywhere(port))),
            "localhost" => Ok(Self(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))),
            _ => Err(malformed()),
        }
    }
}

/// All addresses of this machine: those of IPv6, which take calls to the ones of IPv4 too, unless its kernel has no IPv6.
#[must_use]
pub fn everywhere(port: u16) -> SocketAddr {
    let has_six = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 0)).is_ok();
    SocketAddr::new(wildcard(has_six), port)
}

fn wildcard(has_six: bool) -> IpAddr {
    if has_six { Ipv6Addr::UNSPECIFIED.into() } else { Ipv4Addr::UNSPECIFIED.into() }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_opens_without_the_flag() {
        for (text, open) in [
            ("127.0.0.1:15090", true),
            ("127.8.9.1:0", true),
            ("[::1]:15090", true),
            ("[::ffff:127.0.0.1]:15090", true),
            ("localhost:15090", true),
            ("0.0.0.0:15090", false),
            (":15090", false),
            ("[::]:15090", false),
            ("10.0.0.1:15090", false),
        ] {
            let address: ListenAddress = text.parse().expect(text);
            assert_eq!(address.guarded("--listen", false).is_ok(), open, "{text}");
            assert!(address.guarded("--listen", true).is_ok(), "{text}");
        }
    }

    #[test]
    fn all_addresses_are_those_of_both_families_or_of_the_one_that_there_is() {
        assert_eq!(wildcard(true).to_string(), "::");
        assert_eq!(wildcard(false).to_string(), "0.0.0.0");
        let address = ":0".parse::<ListenAddress>().expect("an address").socket();
        let listener =
            std::net::TcpListener::bind(address).expect("it can be listened on, whatever the kernel has");
        let port = listener.local_addr().expect("it is bound").port();
        std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("IPv4 reaches it");
        assert_eq!(everywhere(0), address);
    }

    #[test]
    fn an_error_names_the_flag_and_what_to_do() {
        let address: ListenAddress = "0.0.0.0:15090".parse().unwrap();
        let error = address.guarded("--listen", false).unwrap_err().to_string();
        assert!(error.contains("--listen 0.0.0.0:15090") && error.contains(INSECURE_FLAG), "{error}");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "15090", "example.com:80", "127.0.0.1", "127.0.0.1:70000", "::1:x"] {
            assert!(text.parse::<ListenAddress>().is_err(), "{text}");
        }
    }
}
