//! A TCP connection that a test can cut: a port of loopback that leads to another.
//!
//! In: where it leads. Out: an address to use instead. It looks into nothing, so TLS passes.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::wait;

/// A way to a server; dropping it closes every connection.
#[derive(Debug)]
pub struct Link {
    /// The address to use instead of the server's.
    pub address: SocketAddr,
    line: watch::Sender<Line>,
    _task: JoinSet<()>,
}

/// One of the two ways in which bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From whoever connects to the server.
    ToServer,
    /// From the server to whoever connected.
    FromServer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Whole,
    Cut,
    Silent,
    Held(Direction),
}

/// What connections look at. One that was cut has ended, however soon the link was mended.
#[derive(Clone, Copy, Debug)]
struct Line {
    state: State,
    ends: u64,
}

impl State {
    fn carries(self, direction: Direction) -> bool {
        match self {
            Self::Whole => true,
            Self::Cut | Self::Silent => false,
            Self::Held(held) => held != direction,
        }
    }

    fn keeps(self) -> bool {
        matches!(self, Self::Whole | Self::Held(_))
    }
}

impl Link {
    /// A whole one, to `server`.
    ///
    /// # Errors
    /// Where no port can be had.
    pub async fn to(server: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (line, seen) = watch::channel(Line { state: State::Whole, ends: 0 });
        let mut task = JoinSet::new();
        task.spawn(accept(listener, server, seen));
        Ok(Self { address, line, _task: task })
    }

    /// Closes what is open and whatever comes, until it is mended.
    pub fn cut(&self) {
        self.set(State::Cut);
    }

    /// Waits until no connection is open: until then what was on its way before a cut may still arrive.
    pub async fn closed(&self) {
        let open = || self.line.receiver_count().saturating_sub(1);
        wait::until("the connections to close", Duration::from_secs(10), || async {
            if open() == 0 { Ok(()) } else { Err(format!("{} are open", open())) }
        })
        .await;
    }

    /// Holds what is open and whatever comes, and carries nothing, until it is mended; then it closes them.
    pub fn silence(&self) {
        self.set(State::Silent);
    }

    /// Carries nothing in that direction until it is mended; then what was held arrives late, as after lost packets.
    pub fn hold(&self, direction: Direction) {
        self.set(State::Held(direction));
    }

    /// Carries everything again.
    pub fn mend(&self) {
        self.set(State::Whole);
    }

    fn set(&self, state: State) {
        self.line.send_modify(|line| {
            line.ends += u64::from(!state.keeps());
            line.state = state;
        });
    }
}

async fn accept(listener: TcpListener, server: SocketAddr, line: watch::Receiver<Line>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(carry(stream, server, line.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn carry(mut near: TcpStream, server: SocketAddr, mut line: watch::Receiver<Line>) {
    let Line { state, ends } = *line.borrow_and_update();
    if state.keeps() {
        // A server that is gone closes the connection, as it would without the link.
        let Ok(mut far) = TcpStream::connect(server).await else { return };
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
        let (forth, back) = (line.clone(), line.clone());
        let carried = async {
            tokio::try_join!(
                pump(near_in, far_out, Direction::ToServer, forth),
                pump(far_in, near_out, Direction::FromServer, back)
            )
            .ok()
        };
        tokio::select! {
            _ = carried => return,
            _ = line.wait_for(|line| line.ends != ends) => {}
        }
    }
    // What is silenced is held open until the state changes once more.
    if line.borrow_and_update().state == State::Silent {
        line.changed().await.ok();
    }
}

/// Carries bytes one way until their end, and then the end.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    direction: Direction,
    mut line: watch::Receiver<Line>,
) -> std::io::Result<()> {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let count = from.read(&mut bytes).await?;
        if line.wait_for(|line| line.state.carries(direction)).await.is_err() {
            return Ok(());
        }
        match count {
            0 => return to.shutdown().await,
            _ => to.write_all(&bytes[..count]).await?,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    async fn pair() -> (Link, TcpStream, TcpStream) {
        let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = Link::to(server.local_addr().unwrap()).await.unwrap();
        let near = TcpStream::connect(link.address).await.unwrap();
        let (far, _) = server.accept().await.unwrap();
        (link, near, far)
    }

    async fn reads(stream: &mut TcpStream) -> Option<u8> {
        let read = tokio::time::timeout(Duration::from_millis(200), stream.read_u8());
        read.await.ok().map(|read| read.unwrap_or_default())
    }

    #[tokio::test]
    async fn what_is_held_in_one_direction_arrives_once_it_is_mended_and_the_other_direction_goes_on() {
        let (link, mut near, mut far) = pair().await;
        link.hold(Direction::ToServer);
        near.write_u8(7).await.unwrap();
        far.write_u8(9).await.unwrap();
        assert_eq!((reads(&mut far).await, reads(&mut near).await), (None, Some(9)));
        link.mend();
        assert_eq!(reads(&mut far).await, Some(7));
        link.hold(Direction::FromServer);
        near.write_u8(1).await.unwrap();
        far.write_u8(2).await.unwrap();
        assert_eq!((reads(&mut far).await, reads(&mut near).await), (Some(1), None));
    }

    #[tokio::test]
    async fn an_end_is_carried_and_a_cut_is_an_end() {
        let (_link, near, mut far) = pair().await;
        drop(near);
        assert_eq!(reads(&mut far).await, Some(0));
        let (link, mut near, mut far) = pair().await;
        link.silence();
        near.write_u8(7).await.unwrap();
        assert_eq!(reads(&mut far).await.filter(|byte| *byte == 7), None);
        link.cut();
        assert_eq!((reads(&mut near).await, reads(&mut far).await), (Some(0), Some(0)));
    }

    #[tokio::test]
    async fn what_was_cut_ends_however_soon_the_link_is_mended() {
        let (link, mut near, mut far) = pair().await;
        near.write_u8(1).await.unwrap();
        assert_eq!(reads(&mut far).await, Some(1));
        link.cut();
        link.mend();
        assert_eq!((reads(&mut near).await, reads(&mut far).await), (Some(0), Some(0)));
    }
}
