//! The first page of a fleet that comes up in one process.
//!
//! A relay gets targets once a scraper has asked its page, so that none is placed where nobody looks. Where the
//! relays are known to be this process's own, their pages are asked at once.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use runtime::Shutdown;
use tokio::net::TcpStream;

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(50);

/// Asks the page until it answers 200 for the first time.
pub async fn ask_page(address: SocketAddr, shutdown: Shutdown) {
    while !shutdown.is_draining() {
        if let Ok((StatusCode::OK, _)) = page(address).await {
            return;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// One page: its status and its body.
///
/// # Errors
/// Where nobody answers.
pub async fn page(
    address: SocketAddr,
) -> Result<(StatusCode, Bytes), Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get("/metrics").header("Host", address.to_string()).body(Empty::<Bytes>::new())?;
    let exchange = async move {
        let response = sender.send_request(request).await?;
        let status = response.status();
        Ok((status, response.into_body().collect().await?.to_bytes()))
    };
    let (answer, _) = tokio::join!(exchange, connection);
    answer
}
