//! Scrapes over real sockets, of targets that behave and of targets that do not.

mod hostile;
mod server;
mod tls;

use std::sync::Arc;

use http::HeaderValue;
use model::http_client::{Authorization, BasicAuth, HttpClientConfig, HttpHeader, Source};
use model::secret::Secret;
use tokio::net::TcpListener;
use tokio::time::Instant;

use server::{Reply, Server, ok, page};

use super::*;

/// A deadline that no test reaches unless it means to.
const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(300);

fn request() -> FetchRequest {
    FetchRequest {
        accept: HeaderValue::from_static("text/plain;version=0.0.4"),
        timeout: Duration::from_millis(9_500),
        enable_compression: true,
        body_limit: DEFAULT_BODY_LIMIT,
        connect_timeout: Duration::from_secs(3),
        header_limit: 16 << 10,
    }
}

/// A client with its own memory and no guard unless the test brings them.
fn client_of(network: Arc<Network>, guard: AddressGuard, config: HttpClientConfig, url: &str) -> Client {
    Client::new(network, ClientSettings::new(config), Endpoint::parse(url).unwrap(), guard)
}

fn client_with(config: HttpClientConfig, url: &str) -> Client {
    client_of(Network::new(Budget::new(256 << 20)), AddressGuard::default(), config, url)
}

fn client_on(network: &Arc<Network>, url: &str) -> Client {
    client_of(network.clone(), AddressGuard::default(), HttpClientConfig::default(), url)
}

fn client_guarded(guard: &AddressGuard, url: &str) -> Client {
    client_of(Network::new(Budget::new(1 << 20)), guard.clone(), HttpClientConfig::default(), url)
}

fn client(url: &str) -> Client {
    client_with(HttpClientConfig::default(), url)
}

async fn fetch(client: &mut Client) -> Result<Answer, FetchError> {
    client.fetch(&request(), Instant::now() + LONG).await
}

/// The body as text, or the error's kind.
async fn outcome(client: &mut Client) -> Result<String, &'static str> {
    match fetch(client).await {
        Ok(answer) => Ok(String::from_utf8(answer.body).unwrap()),
        Err(error) => {
            assert!(FetchError::KINDS.contains(&error.kind()), "{}", error.kind());
            Err(error.kind())
        }
    }
}

fn inline(text: &str) -> Option<Source> {
    Some(Source::Inline(Secret::new(text)))
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::plain(|number, _| page(&format!("n {number}\n"))).await;
    let mut client = client(&server.url());
    let first = fetch(&mut client).await.unwrap();
    assert_eq!((first.body.as_slice(), first.new_connection), (&b"n 0\n"[..], true));
    assert_eq!(first.content_type.as_deref(), Some("text/plain; version=0.0.4"));
    for number in 1..5 {
        let next = fetch(&mut client).await.unwrap();
        assert_eq!((next.body, next.new_connection), (format!("n {number}\n").into_bytes(), false));
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn the_request_is_that_of_prometheus() {
    let server = Server::plain(|_, _| page("")).await;
    let config = HttpClientConfig {
        http_headers: vec![
            HttpHeader { name: "X-Scope-OrgID".into(), values: vec![inline("a").unwrap()] },
            HttpHeader { name: "Accept".into(), values: vec![inline("text/html").unwrap()] },
        ],
        ..Default::default()
    };
    let mut client = client_with(config, &format!("http://{}/m?a=b&c=%20d", server.address));
    fetch(&mut client).await.unwrap();
    let identity = FetchRequest { enable_compression: false, ..request() };
    client.fetch(&identity, Instant::now() + LONG).await.unwrap();
    let heads = server.heads();
    let head = heads[0].to_lowercase();
    for line in [
        "get /m?a=b&c=%20d http/1.1\r\n".to_owned(),
        format!("\r\nhost: {}\r\n", server.address),
        "\r\naccept: text/plain;version=0.0.4\r\n".to_owned(),
        "\r\naccept: text/html\r\n".to_owned(),
        "\r\naccept-encoding: gzip\r\n".to_owned(),
        format!("\r\nuser-agent: scrape-relay/{}\r\n", env!("CARGO_PKG_VERSION")),
        "\r\nx-prometheus-scrape-timeout-seconds: 9.5\r\n".to_owned(),
        "\r\nx-scope-orgid: a\r\n".to_owned(),
    ] {
        assert!(head.contains(&line), "{line:?} is not in {head}");
    }
    assert!(heads[1].contains("accept-encoding: identity\r\n"), "{}", heads[1]);
    assert!(!head.contains("authorization"));
}

#[tokio::test]
async fn a_connection_that_died_while_it_idled_is_replaced_within_the_scrape() {
    // Seen before the request: the target closed it in time.
    let server = Server::plain(|_, _| Reply::Close(ok("", b"x 1\n"))).await;
    let mut closed = client(&server.url());
    for _ in 0..3 {
        assert_eq!(outcome(&mut closed).await.unwrap(), "x 1\n");
    }
    // Seen after it: the target reads the second request of a connection and closes without an answer.
    let server =
        Server::plain(|number, _| if number == 0 { page("y 1\n") } else { Reply::Close(vec![]) }).await;
    let mut client = client(&server.url());
    for round in 0..3 {
        assert_eq!(outcome(&mut client).await.unwrap(), "y 1\n", "round {round}");
    }
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_new_connection_without_an_answer_is_not_tried_again() {
    let server = Server::plain(|_, _| Reply::Close(vec![])).await;
    let error = fetch(&mut client(&server.url())).await.unwrap_err();
    assert_eq!(error.kind(), "closed");
    assert!(error.to_string().ends_with("closed the connection without an answer"), "{error}");
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn chunked_bodies_and_bodies_up_to_the_end_of_the_connection_are_received() {
    let chunked =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\na 1\n\r\n4\r\nb 2\n\r\n0\r\n\r\n";
    let server = Server::plain(move |_, _| Reply::Keep(chunked.to_vec())).await;
    let mut kept = client(&server.url());
    for _ in 0..2 {
        assert_eq!(outcome(&mut kept).await.unwrap(), "a 1\nb 2\n");
    }
    assert_eq!(server.connections(), 1);
    let server = Server::plain(|_, _| Reply::Close(b"HTTP/1.0 200 OK\r\n\r\nold 1\n".to_vec())).await;
    assert_eq!(outcome(&mut client(&server.url())).await.unwrap(), "old 1\n");
}

#[tokio::test]
async fn a_status_other_than_200_is_an_error_and_keeps_the_connection() {
    for status in ["204 No Content", "206 Partial", "404 Not Found", "500 Oops", "503 Busy"] {
        let server = Server::plain(move |_, _| {
            Reply::Keep(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").into_bytes())
        })
        .await;
        let mut client = client(&server.url());
        for _ in 0..2 {
            let error = fetch(&mut client).await.unwrap_err();
            assert_eq!(error.kind(), "http_status");
            assert!(error.to_string().contains(status.split(' ').next().unwrap()), "{error}");
        }
        assert_eq!(server.connections(), 1, "{status}");
    }
}

fn redirecting() -> HttpClientConfig {
    HttpClientConfig { follow_redirects: true, ..Default::default() }
}

#[tokio::test]
async fn a_redirect_is_an_error_that_names_its_target_unless_it_may_be_followed() {
    let server = Server::plain(|number, _| {
        if number < 10 {
            let moved = "HTTP/1.1 302 Found\r\nLocation: moved\r\nContent-Length: 0\r\n\r\n";
            return Reply::Keep(moved.as_bytes().to_vec());
        }
        page("moved 1\n")
    })
    .await;
    let error = fetch(&mut client(&server.url())).await.unwrap_err();
    assert_eq!(error.kind(), "redirect");
    assert!(error.to_string().contains(r#""moved""#), "{error}");
    assert_eq!(outcome(&mut client_with(redirecting(), &server.url())).await.unwrap(), "moved 1\n");
}

#[tokio::test]
async fn a_redirect_never_leads_elsewhere_and_not_round_for_ever() {
    let canary = Server::plain(|_, _| page("stolen 1\n")).await;
    let elsewhere = canary.url();
    let location = Arc::new(parking_lot::Mutex::new(String::new()));
    let script = location.clone();
    let server = Server::plain(move |_, _| {
        let head = format!("HTTP/1.1 307 Go\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", script.lock());
        Reply::Keep(head.into_bytes())
    })
    .await;
    let credentials = Authorization { kind: "Bearer".into(), credentials: inline("hunter2") };
    let config = HttpClientConfig { authorization: Some(credentials), ..redirecting() };
    let secure = format!("https://{}/", server.address);
    for target in [elsewhere.as_str(), secure.as_str(), "//example.invalid/", "/metrics"] {
        target.clone_into(&mut location.lock());
        assert_eq!(
            outcome(&mut client_with(config.clone(), &server.url())).await,
            Err("redirect"),
            "{target}"
        );
    }
    assert_eq!(canary.connections(), 0);
    // One for each of the three that lead elsewhere; the last goes round until it has had its ten.
    assert_eq!(server.heads().len(), 3 + 11);
}

#[tokio::test]
async fn credentials_are_read_from_their_files_for_each_scrape() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("credential");
    let file = || Some(Source::File(path.to_str().unwrap().into()));
    let server = Server::plain(|_, _| page("")).await;
    let bearer = Authorization { kind: "Bearer".into(), credentials: file() };
    let basic = BasicAuth { username: inline("user"), password: file() };
    let mut with_bearer =
        client_with(HttpClientConfig { authorization: Some(bearer), ..Default::default() }, &server.url());
    let mut with_basic =
        client_with(HttpClientConfig { basic_auth: Some(basic), ..Default::default() }, &server.url());
    assert_eq!(outcome(&mut with_bearer).await, Err("credentials"));
    for (secret, pair) in [("one\n", "dXNlcjpvbmU="), (" two ", "dXNlcjp0d28=")] {
        std::fs::write(&path, secret).unwrap();
        fetch(&mut with_bearer).await.unwrap();
        let sent = server.heads().pop().unwrap();
        assert!(sent.contains(&format!("authorization: Bearer {}\r\n", secret.trim())), "{sent}");
        fetch(&mut with_basic).await.unwrap();
        let sent = server.heads().pop().unwrap();
        assert!(sent.contains(&format!("authorization: Basic {pair}\r\n")), "{sent}");
    }
    std::fs::write(&path, "").unwrap();
    fetch(&mut with_bearer).await.unwrap();
    let sent = server.heads().pop().unwrap();
    assert!(sent.contains("authorization: Bearer\r\n"), "{sent}");
    let asked = server.heads().len();
    for unusable in ["hunter2\nhunter3", &"hunter2".repeat(10_000)] {
        std::fs::write(&path, unusable).unwrap();
        let error = fetch(&mut with_bearer).await.unwrap_err();
        assert_eq!(error.kind(), "credentials");
        let named = format!("authorization.credentials_file {} cannot be used", path.display());
        assert!(error.to_string().starts_with(&named), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter"), "{error}");
    }
    assert_eq!(server.heads().len(), asked);
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn ipv6_targets_are_scraped() {
    let server = Server::start("[::1]:0", None, |_, _| page("six 1\n")).await;
    assert_eq!(outcome(&mut client(&server.url())).await.unwrap(), "six 1\n");
    assert!(server.heads()[0].contains(&format!("host: [::1]:{}\r\n", server.address.port())));
}

#[tokio::test]
async fn a_name_is_looked_up_and_each_of_its_addresses_tried() {
    // `localhost` is ::1 first on many machines; the target listens on the other one.
    let server = Server::plain(|_, _| page("named 1\n")).await;
    let url = format!("http://localhost:{}/metrics", server.address.port());
    assert_eq!(outcome(&mut client(&url)).await.unwrap(), "named 1\n");
}

#[tokio::test]
async fn nobody_listening_and_no_such_name_are_told_apart() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let refused = fetch(&mut client(&format!("http://{free}/"))).await.unwrap_err();
    assert_eq!(refused.kind(), "refused");
    assert!(refused.to_string().contains(&free.to_string()), "{refused}");
    // A label of more than 63 bytes (RFC 1035 2.3.4) is refused without asking a server.
    let name = format!("{}.invalid", "a".repeat(64));
    let unknown = fetch(&mut client(&format!("http://{name}/"))).await.unwrap_err();
    assert_eq!(unknown.kind(), "dns");
    assert!(unknown.to_string().contains(&name), "{unknown}");
}

#[tokio::test]
async fn denied_addresses_see_no_connection() {
    let server = Server::plain(|_, _| page("")).await;
    let port = server.address.port();
    let own = AddressGuard::new([server.address], false);
    let annotated = AddressGuard::new([], true);
    for (guard, url) in [
        (&own, server.url()),
        (&own, format!("http://localhost:{port}/")),
        (&annotated, server.url()),
        (&annotated, format!("http://localhost:{port}/")),
        (&annotated, format!("http://[::ffff:127.0.0.1]:{port}/")),
        (&annotated, "http://169.254.169.254/latest/meta-data".to_owned()),
    ] {
        let mut client = client_guarded(guard, &url);
        let kind = outcome(&mut client).await.unwrap_err();
        // Where localhost is ::1 as well, nobody listens there.
        assert!(
            kind == "denied_address" || (url.contains("localhost") && kind == "refused"),
            "{url}: {kind}"
        );
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn the_page_of_a_relay_that_listens_everywhere_is_known_by_its_connection() {
    let server = Server::start("0.0.0.0:0", None, |_, _| page("")).await;
    let guard = AddressGuard::new([server.address], false);
    let mut client = client_guarded(&guard, &format!("http://127.0.0.1:{}/", server.address.port()));
    assert_eq!(outcome(&mut client).await, Err("denied_address"));
    assert_eq!(server.heads().len(), 0);
}

#[tokio::test]
async fn a_dropped_scrape_leaves_no_half_answer_behind() {
    let server = Server::plain(|number, _| {
        if number == 1 {
            Reply::Hang(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf".to_vec())
        } else {
            page("whole 1\n")
        }
    })
    .await;
    let mut client = client(&server.url());
    fetch(&mut client).await.unwrap();
    let dropped = tokio::time::timeout(SHORT, fetch(&mut client)).await;
    assert!(dropped.is_err() && !client.is_connected());
    assert_eq!(outcome(&mut client).await.unwrap(), "whole 1\n");
}
