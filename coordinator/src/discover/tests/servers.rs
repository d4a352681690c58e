//! Targets from a server.

use std::convert::Infallible;
use std::net::SocketAddr;

use http::{Request, Response};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::{Report, Running, start};
use std::sync::Arc;

const GOOD: &str = r#"[{"targets": ["a:1"], "labels": {"x": "1"}}, {"targets": ["b:1"]}]"#;

/// What the server answers next; none: it does not answer.
type Reply = Option<(u16, &'static str, &'static str)>;

#[derive(Clone)]
struct Server {
    address: SocketAddr,
    reply: Arc<Mutex<Reply>>,
    requests: Arc<Mutex<Vec<http::request::Parts>>>,
}

impl Server {
    async fn start(reply: Reply, tls: Option<ServerConfig>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let server = Self { address, reply: Arc::new(Mutex::new(reply)), requests: Arc::default() };
        let serving = server.clone();
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (serving, tls) = (serving.clone(), tls.clone());
                tokio::spawn(async move {
                    let service = service_fn(|request| serving.clone().answer(request));
                    let http = hyper::server::conn::http1::Builder::new();
                    match tls {
                        None => http.serve_connection(TokioIo::new(stream), service).await.ok(),
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await.ok(),
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        server
    }

    async fn answer(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
        self.requests.lock().push(request.into_parts().0);
        let reply = *self.reply.lock();
        let Some((status, content_type, body)) = reply else { return std::future::pending().await };
        let response = Response::builder().status(status).header("Content-Type", content_type);
        Ok(response.body(Full::from(body)).unwrap())
    }

    fn reply(&self, reply: Reply) {
        *self.reply.lock() = reply;
    }
}

fn ask(url: &str, more: &str) -> Running {
    start(&format!("  http_sd_configs:\n  - {{url: '{url}', refresh_interval: 500ms{more}}}"))
}

const JSON: &str = "application/json";

#[tokio::test]
async fn a_good_answer_gives_numbered_groups_that_name_the_url_as_written() {
    let server = Server::start(Some((200, "application/json; charset=UTF-8", GOOD)), None).await;
    // Without a path: a parser would add one.
    let url = format!("http://{}", server.address);
    let Report::Found(found) = ask(&url, "").next().await else { panic!("failed") };
    let sources: Vec<&str> = found.groups.iter().map(|group| &*super::whole(group).source).collect();
    assert_eq!(sources, [format!("{url}:0"), format!("{url}:1")]);
    assert!(
        found.groups.iter().all(|group| super::whole(group).labels.get("__meta_url") == url),
        "{found:?}"
    );
    assert_eq!(super::whole(&found.groups[0]).labels.get("x"), "1");
    let request = server.requests.lock().pop().unwrap();
    assert_eq!(request.headers["X-Prometheus-Refresh-Interval-Seconds"], "0.5");
    assert_eq!(request.headers["Accept"], "application/json");
    assert!(request.headers["User-Agent"].to_str().unwrap().starts_with("scrape-relay/"));
}

#[tokio::test]
async fn each_bad_answer_is_a_failure_that_says_why_and_the_next_good_one_counts() {
    for (reply, expected) in [
        (Some((500, JSON, "[]")), "status 500"),
        (Some((204, JSON, "")), "status 204"),
        (Some((302, JSON, "[]")), "status 302"),
        (Some((200, "text/html", "[]")), "text/html"),
        (Some((200, JSON, "[{\"targets\": [\"a")), "EOF"),
        (Some((200, JSON, "[{\"hosts\": []}]")), "unknown field"),
        (Some((200, JSON, "")), "EOF"),
        (None, "no answer within 500ms"),
    ] {
        let server = Server::start(reply, None).await;
        let mut running = ask(&format!("http://{}/sd?token=hidden", server.address), "");
        let Report::Failed(failed) = running.next().await else { panic!("{reply:?} was taken") };
        assert!(failed.message.contains(expected), "{reply:?}: {}", failed.message);
        assert!(!failed.message.contains("hidden"), "{}", failed.message);
        server.reply(Some((200, JSON, r#"[{"targets": ["a:1"]}]"#)));
        let found = loop {
            if let Report::Found(found) = running.next().await {
                break found;
            }
        };
        assert_eq!(found.groups.len(), 1);
    }
}

#[tokio::test]
async fn nobody_listening_is_a_failure() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    ask(&format!("http://{address}/"), "").failed("connecting").await;
}

#[tokio::test]
async fn credentials_come_from_files_that_are_read_each_time() {
    let server = Server::start(Some((200, JSON, "[]")), None).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    std::fs::write(&file, "open sesame\n").unwrap();
    let file = file.display();
    for (settings, expected) in [
        (format!(", authorization: {{credentials_file: '{file}'}}"), "Bearer open sesame"),
        // RFC 7617, section 2.
        (
            format!(", basic_auth: {{username: Aladdin, password_file: '{file}'}}"),
            "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
        ),
    ] {
        let mut running = ask(&format!("http://{}/", server.address), &settings);
        assert!(matches!(running.next().await, Report::Found(_)));
        let request = server.requests.lock().pop().unwrap();
        assert_eq!(request.headers["Authorization"], expected);
    }
    let gone = ", authorization: {credentials_file: /gone/token}";
    ask(&format!("http://{}/", server.address), gone).failed("/gone/token").await;
}

#[tokio::test]
async fn absent_and_empty_credentials_are_sent_as_the_empty_text() {
    let server = Server::start(Some((200, JSON, "[]")), None).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let empty = format!("{{credentials_file: '{}'}}", file.path().display());
    for authorization in ["{}", "{type: Token}", &empty] {
        let settings = format!(", authorization: {authorization}");
        let mut running = ask(&format!("http://{}/", server.address), &settings);
        assert!(matches!(running.next().await, Report::Found(_)), "{authorization}");
        let request = server.requests.lock().pop().unwrap();
        let expected = if authorization.contains("Token") { "Token" } else { "Bearer" };
        assert_eq!(request.headers["Authorization"], expected, "{authorization}");
    }
}

#[tokio::test]
async fn a_credential_file_that_cannot_be_used_is_named_and_never_shown() {
    let server = Server::start(Some((200, JSON, "[]")), None).await;
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("secret");
    let named = format!("authorization.credentials_file {} cannot be used", file.display());
    let settings = format!(", authorization: {{credentials_file: '{}'}}", file.display());
    for (content, why) in [
        ("hunter2\nhunter3", "characters that no header may have"),
        (&*"hunter2".repeat(10_000), "more than 65536 bytes"),
    ] {
        std::fs::write(&file, content).unwrap();
        let Report::Failed(failed) = ask(&format!("http://{}/", server.address), &settings).next().await
        else {
            panic!("{why}: it was taken");
        };
        assert!(failed.message.contains(&named) && failed.message.contains(why), "{}", failed.message);
        assert!(!failed.message.contains("hunter"), "{}", failed.message);
    }
    assert!(server.requests.lock().is_empty());
}

#[tokio::test]
async fn https_needs_a_trusted_server_and_shows_the_client_certificate() {
    runtime::tls::install_provider();
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let leaf = |name: &str| {
        let key = KeyPair::generate().unwrap();
        let cert = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &ca).unwrap();
        (cert, key)
    };
    let mut roots = RootCertStore::empty();
    roots.add(ca.der().clone()).unwrap();
    let (cert, key) = leaf("127.0.0.1");
    let verifier = WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let tls = ServerConfig::builder().with_client_cert_verifier(verifier);
    let tls = tls.with_single_cert(vec![cert.der().clone()], key).unwrap();
    let server = Server::start(Some((200, JSON, "[]")), Some(tls)).await;

    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let (cert, key) = leaf("client");
    let ca = write("ca.pem", ca.pem());
    let (cert, key) = (write("cert.pem", cert.pem()), write("key.pem", key.serialize_pem()));
    let url = format!("https://{}/", server.address);
    let with = |tls: &str| ask(&url, &format!(", tls_config: {{{tls}}}"));
    let mut good = with(&format!("ca_file: '{ca}', cert_file: '{cert}', key_file: '{key}'"));
    assert!(matches!(good.next().await, Report::Found(_)));
    with("").failed("TLS").await;
    let mut anonymous = with(&format!("ca_file: '{ca}'"));
    assert!(matches!(anonymous.next().await, Report::Failed(_)));
    let wrong_name = format!("ca_file: '{ca}', cert_file: '{cert}', key_file: '{key}', server_name: other");
    with(&wrong_name).failed("TLS").await;
}
