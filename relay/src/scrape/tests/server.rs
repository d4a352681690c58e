//! A target for tests: raw bytes over real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// What the target does with one request.
pub(super) enum Reply {
    /// Sends these bytes and waits for the next request.
    Keep(Vec<u8>),
    /// Sends these bytes and closes.
    Close(Vec<u8>),
    /// Sends the first bytes, then the second again and again.
    Endless(Vec<u8>, Vec<u8>),
    /// Sends these bytes and then nothing more, without closing.
    Hang(Vec<u8>),
}

type Script = Box<dyn Fn(usize, &str) -> Reply + Send + Sync>;

/// A running target.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    connections: AtomicUsize,
    heads: Mutex<Vec<String>>,
    script: Script,
}

impl Server {
    /// A plain target; `script` gets the number of the request on its connection, from 0, and its head.
    pub(super) async fn plain(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> Self {
        Self::start("127.0.0.1:0", None, script).await
    }

    pub(super) async fn start(
        listen: &str,
        tls: Option<Arc<ServerConfig>>,
        script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let socket = TcpListener::bind(listen).await.unwrap();
        let address = socket.local_addr().unwrap();
        let shared = Arc::new(Shared {
            connections: AtomicUsize::new(0),
            heads: Mutex::default(),
            script: Box::new(script),
        });
        let task = tokio::spawn(accept(socket, tls, shared.clone()));
        Self { address, shared, task }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/metrics", self.address)
    }

    pub(super) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// The heads of all requests so far.
    pub(super) fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(socket: TcpListener, tls: Option<Arc<ServerConfig>>, shared: Arc<Shared>) {
    loop {
        let (tcp, _) = socket.accept().await.unwrap();
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(async move {
            // What the client does to its end of the connection is the client's test.
            let _ended = match tls {
                None => talk(tcp, &shared).await,
                Some(config) => talk_tls(tcp, config, &shared).await,
            };
        });
    }
}

async fn talk_tls(tcp: TcpStream, config: Arc<ServerConfig>, shared: &Shared) -> std::io::Result<()> {
    talk(TlsAcceptor::from(config).accept(tcp).await?, shared).await
}

async fn talk(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) -> std::io::Result<()> {
    for number in 0.. {
        let Some(head) = read_head(&mut stream).await? else { return Ok(()) };
        shared.heads.lock().push(head.clone());
        match (shared.script)(number, &head) {
            Reply::Keep(bytes) => stream.write_all(&bytes).await?,
            Reply::Close(bytes) => {
                stream.write_all(&bytes).await?;
                return stream.shutdown().await;
            }
            Reply::Endless(first, again) => {
                stream.write_all(&first).await?;
                loop {
                    stream.write_all(&again).await?;
                }
            }
            Reply::Hang(bytes) => {
                stream.write_all(&bytes).await?;
                stream.flush().await?;
                std::future::pending::<()>().await;
            }
        }
        stream.flush().await?;
    }
    Ok(())
}

async fn read_head(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(None);
        }
    }
    Ok(Some(String::from_utf8(head).unwrap()))
}

/// A 200 with `body` and more header lines, each ended by CRLF.
pub(super) fn ok(headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// A 200 with `body` and nothing else.
pub(super) fn page(body: &str) -> Reply {
    Reply::Keep(ok("Content-Type: text/plain; version=0.0.4\r\n", body.as_bytes()))
}
