//! Targets behind TLS.

use std::path::Path;

use model::http_client::TlsConfig;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::WebPkiClientVerifier;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::server::{Reply, Server, page};
use super::*;

type Ca = CertifiedIssuer<'static, KeyPair>;

struct Leaf {
    cert: String,
    key: String,
    der: (CertificateDer<'static>, PrivateKeyDer<'static>),
}

fn ca() -> Ca {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn leaf(ca: &Ca, name: &str) -> Leaf {
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, ca).unwrap();
    let der = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    Leaf { cert: cert.pem(), key: key.serialize_pem(), der: (cert.der().clone(), der) }
}

async fn serve(leaf: Leaf, client_ca: Option<&Ca>) -> Server {
    let provider = Arc::new(ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(ca.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let config = builder.with_single_cert(vec![leaf.der.0], leaf.der.1).unwrap();
    Server::start("127.0.0.1:0", Some(Arc::new(config)), |_, _| page("tls 1\n")).await
}

fn client(server: &Server, tls: TlsConfig) -> Client {
    let url = format!("https://{}/metrics", server.address);
    client_with(HttpClientConfig { tls, ..Default::default() }, &url)
}

fn trusting(ca: &Ca) -> TlsConfig {
    TlsConfig { ca: inline(&ca.pem()), ..Default::default() }
}

#[tokio::test]
async fn a_trusted_target_is_scraped_over_one_connection() {
    let ca = ca();
    let server = serve(leaf(&ca, "127.0.0.1"), None).await;
    let mut client = client(&server, trusting(&ca));
    for _ in 0..3 {
        assert_eq!(outcome(&mut client).await.unwrap(), "tls 1\n");
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn an_unknown_authority_and_a_wrong_name_are_errors_unless_verification_is_off() {
    let (ca, stranger) = (ca(), ca());
    let server = serve(leaf(&ca, "metrics.example"), None).await;
    let stranger = fetch(&mut client(&server, trusting(&stranger))).await.unwrap_err();
    assert_eq!(stranger.kind(), "tls", "{stranger}");
    let wrong_name = fetch(&mut client(&server, trusting(&ca))).await.unwrap_err();
    assert_eq!(wrong_name.kind(), "tls");
    assert!(wrong_name.to_string().contains("not valid for name"), "{wrong_name}");
    let named = TlsConfig { server_name: Some("metrics.example".into()), ..trusting(&ca) };
    assert_eq!(outcome(&mut client(&server, named)).await.unwrap(), "tls 1\n");
    let blind = TlsConfig { insecure_skip_verify: true, ..Default::default() };
    assert_eq!(outcome(&mut client(&server, blind)).await.unwrap(), "tls 1\n");
}

#[tokio::test]
async fn a_target_that_asks_for_a_certificate_gets_it_or_the_error_says_so() {
    let ca = ca();
    let server = serve(leaf(&ca, "127.0.0.1"), Some(&ca)).await;
    let without = fetch(&mut client(&server, trusting(&ca))).await.unwrap_err();
    assert_eq!(without.kind(), "tls", "{without}");
    assert!(without.to_string().to_lowercase().contains("certificate"), "{without}");
    let me = leaf(&ca, "relay");
    let with = TlsConfig { cert: inline(&me.cert), key: inline(&me.key), ..trusting(&ca) };
    assert_eq!(outcome(&mut client(&server, with)).await.unwrap(), "tls 1\n");
}

#[tokio::test]
async fn speaking_plain_to_tls_and_the_other_way_round_is_an_error_with_a_hint() {
    let ca = ca();
    let secure = serve(leaf(&ca, "127.0.0.1"), None).await;
    let plain_to_tls = fetch(&mut super::client(&secure.url())).await.unwrap_err();
    assert!(["protocol", "closed"].contains(&plain_to_tls.kind()), "{plain_to_tls}");
    let plain = Server::plain(|_, _| Reply::Close(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())).await;
    let speak = client(&plain, trusting(&ca)).fetch(&request(), Instant::now() + SHORT).await.unwrap_err();
    assert!(["tls", "timeout"].contains(&speak.kind()), "{speak}");
}

#[tokio::test]
async fn changed_tls_files_open_a_new_connection() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ca.pem");
    let (old, new) = (ca(), ca());
    let write = |path: &Path, ca: &Ca| std::fs::write(path, ca.pem()).unwrap();
    write(&path, &old);
    let server = serve(leaf(&old, "127.0.0.1"), None).await;
    let file = Source::File(path.to_str().unwrap().into());
    let mut client = client(&server, TlsConfig { ca: Some(file), ..Default::default() });
    fetch(&mut client).await.unwrap();
    // The target's authority is no longer trusted, so its kept connection ends as well.
    write(&path, &new);
    let start = Instant::now();
    let error = loop {
        match fetch(&mut client).await {
            Ok(answer) => assert!(!answer.new_connection && start.elapsed() < LONG),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), "tls", "{error}");
    std::fs::remove_file(&path).unwrap();
    let missing = fetch(&mut client).await.unwrap_err();
    assert!(missing.to_string().contains("ca.pem"), "{missing}");
}

#[tokio::test]
async fn a_handshake_that_hangs_costs_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", silent.local_addr().unwrap());
    let mut client = client_with(HttpClientConfig { tls: trusting(&ca()), ..Default::default() }, &url);
    let error = client.fetch(&request(), Instant::now() + SHORT).await.unwrap_err();
    assert_eq!(error.kind(), "timeout");
    assert!(error.to_string().contains("TLS handshake"), "{error}");
}
