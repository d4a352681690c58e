//! Listeners on every address of a machine, which write down who was reached and with what request.
//!
//! In: ports. Out: what came in: the address that was asked, and the URL as it was asked for. In an enclosed
//! [`Network`](super::network::Network) no connection to one of these ports goes past them.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A request's head that is longer is taken as it is so far.
const LONGEST: usize = 32 << 10;

/// A connection, and what was asked for over it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reached {
    /// The address that the connection was made to.
    pub address: SocketAddr,
    /// The request's target, as it stood in the request; empty where nothing was said that is HTTP.
    pub target: String,
    /// The header `Host`.
    pub host: String,
}

/// Running ones; dropping it closes them.
#[derive(Debug)]
pub struct Canaries {
    shared: Arc<Shared>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Shared {
    reached: Mutex<Vec<Reached>>,
    /// Where those who ask this address are sent.
    redirects: HashMap<IpAddr, String>,
}

impl Shared {
    fn reached(&self) -> MutexGuard<'_, Vec<Reached>> {
        self.reached.lock().expect("nothing panics while it is held")
    }
}

impl Canaries {
    /// Listens on these ports. Everyone gets the same small exposition, but those who ask an address of `redirects` are
    /// sent to what stands there.
    ///
    /// # Errors
    /// Names the port that could not be had.
    pub async fn listen(
        ports: impl IntoIterator<Item = u16>,
        redirects: HashMap<IpAddr, String>,
    ) -> Result<Self, String> {
        let shared = Arc::new(Shared { redirects, ..Shared::default() });
        let mut tasks = JoinSet::new();
        for port in ports {
            // IPv4 arrives there too.
            let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await;
            let listener = listener.map_err(|error| format!("port {port}: {error}"))?;
            tasks.spawn(accept(listener, Arc::clone(&shared)));
        }
        Ok(Self { shared, _tasks: tasks })
    }

    /// How much came in since the last [`Self::take`].
    #[must_use]
    pub fn seen(&self) -> usize {
        self.shared.reached().len()
    }

    /// What came in since the last call, connection by connection and request by request.
    #[must_use]
    pub fn take(&self) -> Vec<Reached> {
        std::mem::take(&mut self.shared.reached())
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        // How a connection ends is the client's business.
        connections.spawn(async move { serve(stream, &shared).await.unwrap_or_default() });
        while connections.try_join_next().is_some() {}
    }
}

/// Answers requests until the client goes; a connection without any counts as well.
async fn serve(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let local = stream.local_addr()?;
    let address = SocketAddr::new(local.ip().to_canonical(), local.port());
    let note = |head: &str| {
        let header = |line: &str| {
            line.split_once(':')
                .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
                .map(|(_, host)| host.trim().to_owned())
        };
        let target =
            head.lines().next().and_then(|line| line.strip_suffix(" HTTP/1.1")?.strip_prefix("GET "));
        let (target, host) =
            (target.unwrap_or_default().to_owned(), head.lines().find_map(header).unwrap_or_default());
        shared.reached().push(Reached { address, target, host });
    };
    let answer = match shared.redirects.get(&address.ip()) {
        Some(to) => format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"),
        None => "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: 10\r\n\r\nreached 1\n".to_owned(),
    };
    let mut first = true;
    loop {
        match head(&mut stream).await? {
            Some(head) => note(&head),
            None if first => {
                note("");
                return Ok(());
            }
            None => return Ok(()),
        }
        first = false;
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// The next request's head; `None` where the client has gone, or says what is no HTTP.
async fn head(stream: &mut TcpStream) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") && bytes.len() < LONGEST {
        let mut some = [0; 4096];
        // A connection that breaks was a connection all the same.
        let read = stream.read(&mut some).await.unwrap_or_default();
        if read == 0 || (bytes.is_empty() && !some[0].is_ascii_uppercase()) {
            return Ok(None);
        }
        bytes.extend_from_slice(some.get(..read).unwrap_or_default());
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}
