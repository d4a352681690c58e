//! The accept loop over real sockets.

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::Full;
use hyper::service::service_fn;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::Telemetry;

struct Served {
    address: SocketAddr,
    room: Room,
    telemetry: Telemetry,
    shutdown: Shutdown,
    tasks: Tasks,
}

async fn serve(limits: Limits) -> Served {
    start(limits, None, bytes::Bytes::from_static(b"hello")).await
}

async fn start(limits: Limits, tls: Option<Arc<ServerTls>>, body: bytes::Bytes) -> Served {
    let telemetry = Telemetry::metrics_only().unwrap();
    let (socket, address) = bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let metrics = ListenMetrics::new(telemetry.meter(), "test");
    let listener = Listener { limits, tls, ..Listener::new(socket, metrics) };
    let room = listener.room.clone();
    let shutdown = Shutdown::new();
    let tasks = Tasks::new(shutdown.clone());
    let service = service_fn(move |_: Request<Incoming>| {
        let body = Full::new(body.clone());
        async move { Ok::<_, Infallible>(Response::new(body)) }
    });
    tasks.spawn("listener", listener.serve(service, tasks.clone(), shutdown.clone()));
    Served { address, room, telemetry, shutdown, tasks }
}

async fn get(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut text = Vec::new();
    while !text.ends_with(b"hello") {
        assert!(stream.read_buf(&mut text).await.unwrap() > 0, "closed after {text:?}");
    }
    String::from_utf8(text).unwrap()
}

#[tokio::test]
async fn a_connection_is_kept_and_the_end_closes_it() {
    let served = serve(Limits::default()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    assert!(get(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert!(get(&mut stream).await.starts_with("HTTP/1.1 200"));
    assert!(served.telemetry.render().contains("scraperelay_listener_connections{listener=\"test\"} 1"));
    served.shutdown.drain();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    served.tasks.finish(Duration::from_secs(5)).await.unwrap();
    assert!(TcpStream::connect(served.address).await.is_err());
    assert!(served.telemetry.render().contains("scraperelay_listener_connections{listener=\"test\"} 0"));
}

#[tokio::test]
async fn one_connection_too_many_is_closed_and_counted() {
    let served = serve(Limits::default()).await;
    served.room.set(1);
    let mut first = TcpStream::connect(served.address).await.unwrap();
    get(&mut first).await;
    let mut second = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(second.read(&mut [0]).await.unwrap_or(0), 0);
    get(&mut first).await;
    let page = served.telemetry.render();
    assert!(page.contains("connections_refused_total{listener=\"test\",reason=\"limit\"} 1"), "{page}");
}

#[tokio::test]
async fn half_a_head_is_cut_off_but_silence_between_requests_is_not() {
    let head_timeout = Duration::from_millis(200);
    let served = serve(Limits { head_timeout, ..Limits::default() }).await;
    let mut idle = TcpStream::connect(served.address).await.unwrap();
    get(&mut idle).await;
    let mut half = TcpStream::connect(served.address).await.unwrap();
    half.write_all(b"GET / HTTP/1.1\r\nHos").await.unwrap();
    assert_eq!(read_to_end(&mut half).await, "");
    // The second half of a dripping head comes too late as well, on a connection that has served before.
    get(&mut idle).await;
    idle.write_all(b"GET /").await.unwrap();
    assert_eq!(read_to_end(&mut idle).await, "");
    let page = served.telemetry.render();
    assert!(page.contains("reason=\"timeout\"} 2"), "{page}");
}

#[tokio::test]
async fn a_connection_without_a_request_is_cut_off() {
    let (head_timeout, idle_timeout) = (Duration::from_millis(50), Duration::from_millis(100));
    let served = serve(Limits { head_timeout, idle_timeout, ..Limits::default() }).await;
    let mut silent = TcpStream::connect(served.address).await.unwrap();
    assert_eq!(read_to_end(&mut silent).await, "");
    let mut once = TcpStream::connect(served.address).await.unwrap();
    get(&mut once).await;
    assert_eq!(read_to_end(&mut once).await, "");
}

async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_string(&mut text)).await;
    // A reset is an end too.
    let _reset = read.expect("the server closes the connection");
    text
}

#[tokio::test]
async fn a_head_beyond_the_limit_is_refused() {
    let served = serve(Limits::default()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(HEAD_SIZE));
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_cut_off() {
    let limits = Limits { write_timeout: Duration::from_millis(100), ..Limits::default() };
    let served = start(limits, None, vec![b'x'; 64 << 20].into()).await;
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let cut = async {
        while !served.telemetry.render().contains("reason=\"timeout\"} 1") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), cut).await.expect("the server gives up");
}

#[tokio::test]
async fn a_tls_listener_speaks_tls_and_counts_what_does_not() {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let options = crate::tls::ServerTlsOptions {
        certificate: crate::tls::PemSource::Inline(made.cert.pem().into_bytes()),
        key: crate::tls::PemSource::Inline(made.signing_key.serialize_pem().into_bytes()),
        client_ca: None,
        min_version: None,
    };
    let tls = Arc::new(ServerTls::new(options).unwrap());
    let served = start(Limits::default(), Some(tls), bytes::Bytes::from_static(b"hello")).await;
    let options = crate::tls::ClientTlsOptions {
        ca: Some(crate::tls::PemSource::Inline(made.cert.pem().into_bytes())),
        ..Default::default()
    };
    let config = crate::tls::ClientTls::new(options).config().unwrap();
    let tcp = TcpStream::connect(served.address).await.unwrap();
    let name = "localhost".try_into().unwrap();
    let mut stream = tokio_rustls::TlsConnector::from(config).connect(name, tcp).await.unwrap();
    assert!(get(&mut stream).await.starts_with("HTTP/1.1 200"));
    let mut plain = TcpStream::connect(served.address).await.unwrap();
    plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let answer = read_to_end(&mut plain).await;
    assert!(!answer.contains("200"), "{answer}");
    assert!(served.telemetry.render().contains("reason=\"tls\"} 1"));
}

#[tokio::test]
async fn a_shortage_of_files_pauses_the_loop_and_one_lost_connection_does_not() {
    const EMFILE: i32 = 24;
    let telemetry = Telemetry::metrics_only().unwrap();
    let metrics = ListenMetrics::new(telemetry.meter(), "test");
    let shutdown = Shutdown::new();
    let start = tokio::time::Instant::now();
    pause(&io::ErrorKind::ConnectionAborted.into(), &metrics, &shutdown).await;
    assert!(start.elapsed() < ACCEPT_PAUSE);
    let start = tokio::time::Instant::now();
    pause(&io::Error::from_raw_os_error(EMFILE), &metrics, &shutdown).await;
    assert!(start.elapsed() >= ACCEPT_PAUSE);
    assert!(telemetry.render().contains("scraperelay_listener_accept_errors_total{listener=\"test\"} 2"));
}
