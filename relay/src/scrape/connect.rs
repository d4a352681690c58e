//! From a name to an open connection.
//!
//! The name is looked up anew for each connection, every address it stands for is tried in order, and each is
//! checked before and after it is connected to.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::blocking::Blocking;
use super::connection::Connection;
use super::stream::Stream;
use super::{AddressGuard, ClientSettings, Endpoint, FetchError, Phase};

/// Addresses of one name that are tried.
const ADDRESSES: usize = 16;

/// What decides how a target is reached.
pub(super) struct Route<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) settings: &'a Arc<ClientSettings>,
    pub(super) guard: &'a AddressGuard,
    /// Where names are looked up.
    pub(super) lookups: &'a Blocking,
    /// How long all attempts together may take.
    pub(super) connect_timeout: Duration,
    /// See [`super::FetchRequest::header_limit`].
    pub(super) header_limit: usize,
}

/// Opens a connection. `phase` says how far it has come.
pub(super) async fn connect(route: Route<'_>, phase: &mut Phase) -> Result<Connection, FetchError> {
    let Route { endpoint, settings, guard, lookups, connect_timeout, header_limit } = route;
    *phase = Phase::Resolve;
    let addresses = allowed(resolve(endpoint, lookups).await?, guard)?;
    *phase = Phase::Connect;
    let tcp = dial(endpoint, &addresses, connect_timeout).await?;
    admit(&tcp, guard)?;
    let (stream, tls) = if endpoint.https {
        *phase = Phase::Handshake;
        let config = settings.tls_config().await?;
        (handshake(endpoint, settings.server_name(), config.clone(), tcp).await?, Some(config))
    } else {
        (Stream::plain(tcp), None)
    };
    *phase = Phase::Head;
    Connection::new(stream, tls, header_limit)
        .await
        .map_err(|error| FetchError::http(endpoint.to_string(), &error, (false, header_limit)))
}

async fn resolve(endpoint: &Endpoint, lookups: &Blocking) -> Result<Vec<SocketAddr>, FetchError> {
    if let Some(ip) = endpoint.ip() {
        return Ok(vec![SocketAddr::new(ip, endpoint.port)]);
    }
    let name = (endpoint.host.to_string(), endpoint.port);
    let found = lookups.run(move || name.to_socket_addrs()).await;
    let dns = |why: String| FetchError::Dns { host: endpoint.host.to_string(), why };
    let found: Vec<SocketAddr> = found.map_err(|error| dns(error.to_string()))?.take(ADDRESSES).collect();
    if found.is_empty() { Err(dns("the name has none".to_owned())) } else { Ok(found) }
}

/// The addresses that may be connected to; an error only where none may.
fn allowed(mut addresses: Vec<SocketAddr>, guard: &AddressGuard) -> Result<Vec<SocketAddr>, FetchError> {
    let mut denied = None;
    addresses.retain(|address| match guard.check(*address) {
        Ok(()) => true,
        Err(why) => {
            denied.get_or_insert(FetchError::DeniedAddress { address: address.ip(), why });
            false
        }
    });
    match denied {
        Some(denied) if addresses.is_empty() => Err(denied),
        _ => Ok(addresses),
    }
}

/// Tries one address after the other; each has its share of the time that is left. The first error is the one that
/// is told, as in Go's dialer.
async fn dial(
    endpoint: &Endpoint,
    addresses: &[SocketAddr],
    within: Duration,
) -> Result<TcpStream, FetchError> {
    let deadline = Instant::now() + within;
    let mut first = None;
    for (tried, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - tried).unwrap_or(1);
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        match attempt(*address, share).await {
            Ok(tcp) => return Ok(tcp),
            Err(error) => first.get_or_insert(error),
        };
    }
    let address = endpoint.to_string();
    Err(match first {
        Some(error) if error.kind() == io::ErrorKind::ConnectionRefused => FetchError::Refused { address },
        Some(error) if error.kind() == io::ErrorKind::TimedOut => {
            FetchError::Timeout { address, after: within, phase: Phase::Connect }
        }
        Some(why) => FetchError::Connect { address, why },
        None => {
            FetchError::Dns { host: endpoint.host.to_string(), why: "the name has no address".to_owned() }
        }
    })
}

async fn attempt(address: SocketAddr, share: Duration) -> io::Result<TcpStream> {
    let tcp = match timeout(share, TcpStream::connect(address)).await {
        Ok(connected) => connected?,
        Err(_) => return Err(io::ErrorKind::TimedOut.into()),
    };
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

fn admit(tcp: &TcpStream, guard: &AddressGuard) -> Result<(), FetchError> {
    let (Ok(local), Ok(peer)) = (tcp.local_addr(), tcp.peer_addr()) else {
        // The connection is gone already; the request will say so.
        return Ok(());
    };
    guard.check_connected(local, peer).map_err(|why| FetchError::DeniedAddress { address: peer.ip(), why })
}

async fn handshake(
    endpoint: &Endpoint,
    server_name: Option<&str>,
    config: Arc<ClientConfig>,
    tcp: TcpStream,
) -> Result<Stream, FetchError> {
    let name = server_name.unwrap_or(&endpoint.host);
    let name = ServerName::try_from(name.to_owned()).map_err(|_| FetchError::Tls {
        address: endpoint.to_string(),
        why: format!("{name:?} is not a server name: set server_name"),
    })?;
    match TlsConnector::from(config).connect(name, tcp).await {
        Ok(tls) => Ok(Stream::tls(tls)),
        Err(error) => Err(FetchError::tls(endpoint.to_string(), &error)),
    }
}
