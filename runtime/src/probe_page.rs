//! The second port's own pages: own metrics and the probes.
//!
//! `/metrics` are the process's own metrics, never a target's. `/livez` and `/healthz` answer 200 as long as the
//! process answers at all; `/readyz` answers 503 with one reason a line until the process is ready, and again once
//! it drains. `/-/healthy` and `/-/ready` are Prometheus's names for the same.

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::Runtime;
use crate::telemetry::CONTENT_TYPE;

/// The pages of `runtime`, to be merged with a component's own.
pub fn router(runtime: Runtime) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/livez", get(alive))
        .route("/healthz", get(alive))
        .route("/-/healthy", get(alive))
        .route("/readyz", get(ready))
        .route("/-/ready", get(ready))
        .with_state(runtime)
}

async fn metrics(State(runtime): State<Runtime>) -> Response {
    ([(header::CONTENT_TYPE, CONTENT_TYPE)], runtime.telemetry.render()).into_response()
}

async fn alive() -> &'static str {
    "ok\n"
}

async fn ready(State(runtime): State<Runtime>) -> Response {
    match unready(&runtime) {
        None => "ok\n".into_response(),
        Some(reasons) => (StatusCode::SERVICE_UNAVAILABLE, reasons).into_response(),
    }
}

/// Why the process is not ready, one reason a line; `None` where it is.
#[must_use]
pub fn unready(runtime: &Runtime) -> Option<String> {
    let mut reasons = runtime.readiness.reasons();
    if runtime.shutdown.is_draining() {
        reasons.push("shutting down".to_owned());
    }
    (!reasons.is_empty()).then(|| reasons.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;
    use tower::Service;

    use super::*;
    use crate::{Shutdown, Telemetry};

    async fn answer(pages: &mut Router, path: &str) -> (u16, String) {
        let request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = pages.call(request).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn ready_follows_the_tokens_and_the_end_while_alive_stays() {
        let runtime = Runtime::new(Telemetry::metrics_only().unwrap(), Shutdown::new());
        let mut pages = router(runtime.clone());
        let token = runtime.readiness.token("no slice received yet");
        for path in ["/readyz", "/-/ready"] {
            assert_eq!(answer(&mut pages, path).await, (503, "no slice received yet\n".to_owned()));
        }
        drop(token);
        assert_eq!(answer(&mut pages, "/readyz").await, (200, "ok\n".to_owned()));
        runtime.shutdown.drain();
        assert_eq!(answer(&mut pages, "/readyz").await, (503, "shutting down\n".to_owned()));
        for path in ["/livez", "/healthz", "/-/healthy"] {
            assert_eq!(answer(&mut pages, path).await, (200, "ok\n".to_owned()));
        }
    }

    #[tokio::test]
    async fn own_metrics_are_on_the_page() {
        let runtime = Runtime::new(Telemetry::metrics_only().unwrap(), Shutdown::new());
        runtime.meter().u64_counter("scraperelay_things_total").build().add(1, &[]);
        let (status, body) = answer(&mut router(runtime), "/metrics").await;
        assert_eq!(status, 200);
        assert!(body.contains("scraperelay_things_total 1\n"), "{body}");
    }

    #[tokio::test]
    async fn the_pages_are_served_on_a_port_until_the_end() {
        let runtime = Runtime::new(Telemetry::metrics_only().unwrap(), Shutdown::new());
        let (socket, address) = crate::listen::bind("127.0.0.1:0".parse().unwrap()).await.unwrap();
        runtime.serve_router("http", socket, router(runtime.clone()));
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
        tokio::io::AsyncWriteExt::write_all(&mut stream, request).await.unwrap();
        let mut page = String::new();
        tokio::io::AsyncReadExt::read_to_string(&mut stream, &mut page).await.unwrap();
        assert!(page.contains("scraperelay_listener_connections{listener=\"http\"} 1"), "{page}");
        runtime.shutdown.drain();
        runtime.tasks.finish(std::time::Duration::from_secs(5)).await.unwrap();
    }
}
