//! A target that answers what it is told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// What a target does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Behaviour {
    /// 200 with this body as text 0.0.4.
    Body(String),
    /// Another status.
    Status(u16),
    /// No answer, ever.
    Hang,
    /// The connection is closed.
    Close,
}

/// A target on loopback.
pub(crate) struct FakeTarget {
    pub(crate) address: SocketAddr,
    behaviour: Arc<Mutex<Behaviour>>,
    requests: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl FakeTarget {
    pub(crate) async fn start(body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let behaviour = Arc::new(Mutex::new(Behaviour::Body(body.to_owned())));
        let requests = Arc::new(AtomicUsize::new(0));
        let (shared, counted) = (behaviour.clone(), requests.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, shared.clone(), counted.clone()));
            }
        });
        Self { address, behaviour, requests, task: task.abort_handle() }
    }

    pub(crate) fn set(&self, behaviour: Behaviour) {
        *self.behaviour.lock() = behaviour;
    }

    pub(crate) fn body(&self, body: &str) {
        self.set(Behaviour::Body(body.to_owned()));
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for FakeTarget {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, behaviour: Arc<Mutex<Behaviour>>, requests: Arc<AtomicUsize>) {
    let mut head = Vec::new();
    loop {
        head.clear();
        while !head.ends_with(b"\r\n\r\n") {
            match stream.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return,
            }
        }
        let behaviour = behaviour.lock().clone();
        requests.fetch_add(1, Ordering::SeqCst);
        let answer = match behaviour {
            Behaviour::Body(body) => format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
            Behaviour::Status(status) => format!("HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n"),
            Behaviour::Hang => return std::future::pending().await,
            Behaviour::Close => return,
        };
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}
