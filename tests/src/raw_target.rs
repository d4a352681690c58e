//! Targets that send prepared bytes: whole answers as cheaply as can be, and answers that break HTTP itself.
//!
//! In: for each target the bytes of its answers, head and body. Out: addresses on 127.0.0.1. Requests are read up to
//! their empty line and otherwise not looked at.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a target sends for a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These answers in turn; the connection stays open.
    Keep(Arc<[Bytes]>),
    /// These bytes, then the connection is closed.
    Cut(Bytes),
    /// Nothing, ever.
    Hang,
}

/// The longest request head that is read; a longer one ends the connection.
const MAX_REQUEST: usize = 64 << 10;

/// The bytes of an answer with status 200: `headers` are whole lines without their ends.
#[must_use]
pub fn ok(headers: &[&str], body: &[u8]) -> Bytes {
    let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
    for header in headers {
        answer.extend_from_slice(header.as_bytes());
        answer.extend_from_slice(b"\r\n");
    }
    answer.extend_from_slice(format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes());
    answer.extend_from_slice(body);
    answer.into()
}

/// A group of targets in this process; dropping it closes every connection.
pub struct RawTargets {
    addresses: Vec<SocketAddr>,
    counts: Arc<Counts>,
    _tasks: JoinSet<()>,
}

#[derive(Default)]
struct Counts {
    connections: AtomicU64,
    requests: AtomicU64,
}

impl RawTargets {
    /// One target on a free port of 127.0.0.1 for each of `answers`.
    ///
    /// # Errors
    /// Where a port cannot be had, mostly because too many files are open.
    pub async fn start(answers: impl IntoIterator<Item = Answer>) -> std::io::Result<Self> {
        let mut targets = Self { addresses: Vec::new(), counts: Arc::default(), _tasks: JoinSet::new() };
        for (number, answer) in answers.into_iter().enumerate() {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            targets.addresses.push(listener.local_addr()?);
            targets._tasks.spawn(accept(listener, number, answer, Arc::clone(&targets.counts)));
        }
        Ok(targets)
    }

    /// Where each target listens.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// How many connections were accepted.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.counts.connections.load(Ordering::Relaxed)
    }

    /// How many requests were read.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.counts.requests.load(Ordering::Relaxed)
    }
}

async fn accept(listener: TcpListener, number: usize, answer: Answer, counts: Arc<Counts>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        counts.connections.fetch_add(1, Ordering::Relaxed);
        let (answer, counts) = (answer.clone(), Arc::clone(&counts));
        connections.spawn(async move {
            // How a connection ends is the scraper's business.
            serve(stream, number, answer, &counts).await.ok();
        });
        while connections.try_join_next().is_some() {}
    }
}

/// `number` is where in its answers a target begins, so that targets with the same answers differ.
async fn serve(mut stream: TcpStream, number: usize, answer: Answer, counts: &Counts) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = Vec::with_capacity(1 << 10);
    for turn in number.. {
        if !read_head(&mut stream, &mut request).await? {
            return Ok(());
        }
        counts.requests.fetch_add(1, Ordering::Relaxed);
        match &answer {
            Answer::Keep(answers) => stream.write_all(&answers[turn % answers.len()]).await?,
            Answer::Cut(bytes) => {
                stream.write_all(bytes).await?;
                return stream.shutdown().await;
            }
            // Until the scraper goes away.
            Answer::Hang => while stream.read_buf(&mut request).await? > 0 && request.len() < MAX_REQUEST {},
        }
    }
    Ok(())
}

/// Reads a request's head; whether there was one.
async fn read_head(stream: &mut TcpStream, request: &mut Vec<u8>) -> std::io::Result<bool> {
    request.clear();
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read_buf(request).await? == 0 || request.len() > MAX_REQUEST {
            return Ok(false);
        }
    }
    Ok(true)
}
