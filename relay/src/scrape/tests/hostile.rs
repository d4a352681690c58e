//! Targets that try to cost more than one scrape.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::server::{Reply, Server, ok, page};
use super::*;

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn gzipped(body: &[u8]) -> Reply {
    Reply::Keep(ok("Content-Encoding: gzip\r\n", &gzip(body)))
}

async fn limited(client: &mut Client, body_limit: usize) -> Result<Answer, FetchError> {
    client.fetch(&FetchRequest { body_limit, ..request() }, Instant::now() + LONG).await
}

#[tokio::test]
async fn a_gzip_body_is_decoded_and_anything_else_is_taken_as_it_is() {
    let server = Server::plain(|_, _| gzipped(&b"metric 1\n".repeat(100_000))).await;
    let mut zipped = client(&server.url());
    for _ in 0..3 {
        let answer = fetch(&mut zipped).await.unwrap();
        assert_eq!(answer.body, b"metric 1\n".repeat(100_000));
        assert!(answer.reservation.bytes() >= answer.body.len());
    }
    assert_eq!(server.connections(), 1);
    for encoding in ["GZIP", "deflate", "gzip, gzip", "identity"] {
        let head = format!("Content-Encoding: {encoding}\r\n");
        let server = Server::plain(move |_, _| Reply::Keep(ok(&head, b"plain 1\n"))).await;
        assert_eq!(outcome(&mut client(&server.url())).await.unwrap(), "plain 1\n", "{encoding}");
    }
}

#[tokio::test]
async fn a_damaged_gzip_body_is_an_error() {
    let whole = gzip(b"metric 1\n");
    for body in
        [whole[..whole.len() - 3].to_vec(), [&whole[..], b"more"].concat(), b"metric 1\n".to_vec(), vec![]]
    {
        let server = Server::plain(move |_, _| Reply::Keep(ok("Content-Encoding: gzip\r\n", &body))).await;
        assert_eq!(outcome(&mut client(&server.url())).await, Err("gzip"));
    }
}

#[tokio::test]
async fn a_gzip_bomb_stops_at_the_limit_and_holds_no_memory() {
    let bomb = gzip(&vec![b'0'; 50 << 20]);
    assert!(bomb.len() < 100_000);
    let server = Server::plain(move |_, _| Reply::Keep(ok("Content-Encoding: gzip\r\n", &bomb))).await;
    let network = Network::new(Budget::new(8 << 20));
    let error = limited(&mut client_on(&network, &server.url()), 1 << 20).await.unwrap_err();
    assert_eq!(error.kind(), "body_limit");
    assert!(error.to_string().contains("1048576"), "{error}");
    assert_eq!(network.budget().used(), 0);
}

#[tokio::test]
async fn exactly_the_limit_is_too_large_and_one_byte_less_is_not() {
    let body = "x".repeat(1000);
    let chunked = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n{body}\r\n0\r\n\r\n");
    let replies: [fn(&str, &str) -> Reply; 3] = [
        |body, _| page(body),
        |body, _| gzipped(body.as_bytes()),
        |_, raw| Reply::Keep(raw.as_bytes().to_vec()),
    ];
    for reply in replies {
        let (body, chunked) = (body.clone(), chunked.clone());
        let server = Server::plain(move |_, _| reply(&body, &chunked)).await;
        let mut client = client(&server.url());
        assert_eq!(limited(&mut client, 1000).await.unwrap_err().kind(), "body_limit");
        assert_eq!(limited(&mut client, 1001).await.unwrap().body.len(), 1000);
    }
}

#[tokio::test]
async fn an_endless_body_stops_at_the_limit() {
    let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    let server = Server::plain(move |_, _| Reply::Endless(head.clone(), vec![b'x'; 65_536])).await;
    let error = limited(&mut client(&server.url()), 4 << 20).await.unwrap_err();
    assert_eq!(error.kind(), "body_limit");
}

#[tokio::test]
async fn endless_headers_stop_at_the_limit() {
    for line in ["X-A: 1\r\n".to_owned(), format!("X-{}: 1\r\n", "a".repeat(60_000)), "x".repeat(1000)] {
        let head = b"HTTP/1.1 200 OK\r\n".to_vec();
        let server = Server::plain(move |_, _| Reply::Endless(head.clone(), line.clone().into_bytes())).await;
        let error = fetch(&mut client(&server.url())).await.unwrap_err();
        assert_eq!(error.kind(), "header_limit", "{error}");
    }
    let many = ok(&format!("X-Long: {}\r\n", "a".repeat(15_000)), b"x 1\n");
    let server = Server::plain(move |_, _| Reply::Keep(many.clone())).await;
    assert_eq!(outcome(&mut client(&server.url())).await.unwrap(), "x 1\n");
}

#[tokio::test]
async fn a_target_that_hangs_costs_its_deadline_and_says_where() {
    for (sent, said) in [
        ("", "the request was sent, no answer came"),
        ("HTTP/1.1 200 OK\r\nContent-", "the request was sent, no answer came"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "4 bytes of the body had come"),
    ] {
        let server = Server::plain(move |_, _| Reply::Hang(sent.as_bytes().to_vec())).await;
        let mut client = client(&server.url());
        let start = Instant::now();
        let error = client.fetch(&request(), start + SHORT).await.unwrap_err();
        assert_eq!(error.kind(), "timeout");
        assert!(error.to_string().contains(said), "{error}");
        assert!(start.elapsed() < LONG / 2 && !client.is_connected());
    }
}

#[tokio::test]
async fn a_target_that_drips_costs_its_deadline() {
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let server = Server::plain(move |_, _| Reply::Endless(head.clone(), b"1\r\nx\r\n".to_vec())).await;
    let mut client = client(&server.url());
    let error = client.fetch(&request(), Instant::now() + SHORT).await.unwrap_err();
    assert_eq!(error.kind(), "timeout", "{error}");
}

#[tokio::test]
async fn an_answer_cut_short_is_an_error() {
    for sent in ["HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "HTTP/1.1 200 OK\r\nConte"] {
        let server = Server::plain(move |_, _| Reply::Close(sent.as_bytes().to_vec())).await;
        let error = fetch(&mut client(&server.url())).await.unwrap_err();
        assert_eq!(error.kind(), "closed");
        assert!(error.to_string().contains("in the middle of its answer"), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_http_is_an_error_with_a_hint() {
    for sent in ["SSH-2.0-OpenSSH_9.6\r\n", "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}\u{46}", "HTTP/2 200\r\n\r\n"] {
        let server = Server::plain(move |_, _| Reply::Close(sent.as_bytes().to_vec())).await;
        let error = fetch(&mut client(&server.url())).await.unwrap_err();
        assert!(["protocol", "closed"].contains(&error.kind()), "{sent:?}: {error}");
    }
}

#[tokio::test]
async fn a_false_length_holds_no_memory_that_others_need() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 60000000\r\n\r\nx";
    let liar = Server::plain(move |_, _| Reply::Hang(head.as_bytes().to_vec())).await;
    let network = Network::new(Budget::new(4 << 20));
    let mut client = client_on(&network, &liar.url());
    let scrape = tokio::spawn(async move { fetch(&mut client).await });
    while network.budget().used() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(network.budget().used() <= 1 << 20);
    scrape.abort();
    assert!(scrape.await.unwrap_err().is_cancelled());
    assert_eq!(network.budget().used(), 0);
}

#[tokio::test]
async fn a_body_waits_for_memory_inside_its_deadline() {
    let server = Server::plain(|_, _| page(&"x".repeat(700_000))).await;
    let network = Network::new(Budget::new(1 << 20));
    let mut first = client_on(&network, &server.url());
    let mut second = client_on(&network, &server.url());
    let held = fetch(&mut first).await.unwrap();
    let error = second.fetch(&request(), Instant::now() + SHORT).await.unwrap_err();
    assert_eq!(error.kind(), "memory", "{error}");
    let waiting = tokio::spawn(async move { fetch(&mut second).await });
    while network.budget().waits() < 2 {
        tokio::task::yield_now().await;
    }
    drop(held);
    assert_eq!(waiting.await.unwrap().unwrap().body.len(), 700_000);
}

#[tokio::test]
async fn the_limit_of_heads_is_that_of_the_request_and_named_in_the_error() {
    let long = ok(&format!("X-Long: {}\r\n", "a".repeat(40_000)), b"x 1\n");
    let server = Server::plain(move |_, _| Reply::Keep(long.clone())).await;
    for (header_limit, fits) in [(2048, false), (20_000, false), (64 << 10, true)] {
        let asked = FetchRequest { header_limit, ..request() };
        let result = client(&server.url()).fetch(&asked, Instant::now() + LONG).await;
        assert_eq!(result.is_ok(), fits, "{header_limit}");
        let Err(error) = result else { continue };
        assert_eq!(error.kind(), "header_limit");
        assert!(error.to_string().contains(&format!("{header_limit} bytes")), "{error}");
    }
}

#[tokio::test]
async fn connecting_takes_no_longer_than_the_request_allows() {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts: once the queue is full, the system answers no more.
    let mut waiting = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(200), tokio::net::TcpStream::connect(address)).await
    {
        waiting.push(stream);
    }
    let asked = FetchRequest { connect_timeout: Duration::from_millis(50), ..request() };
    let url = format!("http://{address}/");
    let error = client(&url).fetch(&asked, Instant::now() + LONG).await.unwrap_err();
    assert_eq!(error.kind(), "timeout", "{error}");
    assert!(error.to_string().contains("within 50.0ms: still connecting"), "{error}");
}
