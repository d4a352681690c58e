//! A TCP connection that a test can cut: a port of loopback that leads to another.
//!
//! In: where it leads. Out: an address to use instead. It looks into nothing, so TLS passes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::wait;

/// A way to a server; dropping it closes every connection.
#[derive(Debug)]
pub struct Link {
    /// The address to use instead of the server's.
    pub address: SocketAddr,
    state: watch::Sender<State>,
    _task: JoinSet<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    Cut,
    Silent,
}

impl Link {
    /// A whole one, to `server`.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn to(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (state, seen) = watch::channel(State::Whole);
        let mut task = JoinSet::new();
        task.spawn(accept(listener, server, seen));
        Ok(Self { address, state, _task: task })
    }

    /// Closes what is open and whatever comes, until it is mended.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Waits until no connection is open: until then what was on its way before a cut may still arrive.
    pub async fn closed(&self) {
        let open = || self.state.receiver_count().saturating_sub(1);
        wait::until("the connections to close", Duration::from_secs(10), || async {
            if open() == 0 { Ok(()) } else { Err(format!("{} are open", open())) }
        })
        .await;
    }

    /// Holds what is open and whatever comes, and carries nothing, until it is mended; then it closes them.
    pub fn silence(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Carries new connections again.
    pub fn mend(&self) {
        self.state.send_replace(State::Whole);
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, state: watch::Receiver<State>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(carry(stream, server, state.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(mut near: TcpStream, server: SocketAddr, mut state: watch::Receiver<State>) {
    // A server that is gone closes the connection, as it would without the link.
    let before = *state.borrow_and_update();
    if before == State::Whole {
        let Ok(mut far) = TcpStream::connect(server).await else { return };
        let carried = async { tokio::io::copy_bidirectional(&mut near, &mut far).await.ok() };
        tokio::select! {
            _ = carried => return,
            _ = state.changed() => {}
        }
    }
    // What is silenced is held open until the state changes once more.
    if *state.borrow_and_update() == State::Silent {
        state.changed().await.ok();
    }
}
