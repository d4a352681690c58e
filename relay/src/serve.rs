//! What a relay answers to those who scrape it: `GET /metrics`.
//!
//! In: HTTP requests. Out: a page gathered and merged for this very request, in chunks, or a plain sentence. A client
//! that goes away takes its fan-out with it. Own metrics are on another port, never mixed with this page; so are the
//! probes, unless they are wanted here.

mod conflicts;
pub mod gzip;
pub mod negotiate;
mod page;
mod request;

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::Service;
use opentelemetry::KeyValue;
use tokio::time::Instant;
use tracing::{Instrument, Span, field};

use runtime::{Runtime, probe_page};

use crate::gather::{Gather, NotGathered};
use crate::merge::PlanCache;
use conflicts::Latest;
use page::PageError;
use request::PageRequest;

/// How long a page may take to be sent, at least, where its request does not say.
const SEND_WITHOUT_HEADER: Duration = Duration::from_secs(30);
/// A scraper that was told to come back later may do so after so many seconds.
const RETRY: HeaderValue = HeaderValue::from_static("1");
/// The body of an answer.
pub type PageBody = UnsyncBoxBody<Bytes, PageError>;

/// The scraped port's one page.
#[derive(Clone)]
pub struct Metrics {
    shared: Arc<Shared>,
}

struct Shared {
    gather: Arc<Gather>,
    plans: PlanCache,
    latest: Arc<Latest>,
    /// Whose probes are on this port, too.
    probes: Option<Runtime>,
}

impl Metrics {
    /// Pages of what `gather` brings, and the probes of the process where they are wanted here.
    #[must_use]
    pub fn new(gather: Arc<Gather>, probes: Option<Runtime>) -> Self {
        let (plans, latest) = (PlanCache::new(), Arc::default());
        Self { shared: Arc::new(Shared { gather, plans, latest, probes }) }
    }

    /// The second port's page about what the targets of the last whole page do not agree about.
    pub fn conflicts(&self) -> axum::Router {
        conflicts::router(self.shared.latest.clone())
    }

    async fn answer(self, request: Request<Incoming>) -> Response<PageBody> {
        let start = Instant::now();
        let response = match (request.uri().path(), request.method()) {
            ("/metrics", &Method::GET) => self.page(&PageRequest::read(&request), start).await,
            ("/metrics", &Method::HEAD) => self.head(&PageRequest::read(&request)),
            ("/metrics", _) => {
                let mut refusal =
                    sentence(StatusCode::METHOD_NOT_ALLOWED, "the page is read with GET or HEAD\n");
                refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
                refusal
            }
            (path, &Method::GET | &Method::HEAD) => match self.probe(path) {
                Some(answer) => return answer,
                None => unknown(),
            },
            _ => unknown(),
        };
        let code = i64::from(response.status().as_u16());
        Span::current().record("code", code);
        let code = KeyValue::new("code", code);
        self.shared.gather.context.instruments.pages.add(1, &[code]);
        response
    }

    /// What a probe is answered, where `path` is one and probes are on this port.
    fn probe(&self, path: &str) -> Option<Response<PageBody>> {
        let runtime = self.shared.probes.as_ref()?;
        match path {
            "/healthz" => Some(sentence(StatusCode::OK, "ok\n")),
            "/readyz" => Some(match probe_page::unready(runtime) {
                None => sentence(StatusCode::OK, "ok\n"),
                Some(why) => unavailable(why),
            }),
            _ => None,
        }
    }

    /// What a page would be described as; nothing is scraped for it.
    fn head(&self, request: &PageRequest) -> Response<PageBody> {
        if self.shared.gather.roster().is_none() {
            return unavailable(format!("{}\n", NotGathered::NoSlice));
        }
        let mut response = Response::new(whole(Bytes::new()));
        request.describe(response.headers_mut());
        response
    }

    async fn page(&self, request: &PageRequest, start: Instant) -> Response<PageBody> {
        let Shared { gather, .. } = &*self.shared;
        let gathered = gather.gather(request.timeout, request.jobs.clone()).await;
        let gathered = match gathered {
            Ok(gathered) => gathered,
            Err(why) => return unavailable(format!("{why}\n")),
        };
        let deadline = request.timeout.map(|timeout| start + timeout);
        let shared = self.shared.clone();
        let (format, jobs) = (request.format, request.jobs.clone());
        let span = Span::current();
        // Making a plan for thousands of targets is work that other connections should not wait for.
        let merging_span = span.clone();
        let merging = tokio::task::spawn_blocking(move || {
            let plans = (&shared.plans, &*shared.latest);
            merging_span.in_scope(|| page::Page::new(&shared.gather, plans, gathered, (format, &jobs)))
        });
        let page = merging.await.expect("merging does not panic, and is not aborted");
        let body = page.into_body(self.shared.gather.clone(), request.coding, (start, deadline), span);
        let mut response = Response::new(body);
        request.describe(response.headers_mut());
        response
    }
}

impl Service<Request<Incoming>> for Metrics {
    type Response = Response<PageBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let span = tracing::debug_span!(
            "page",
            query = request.uri().query().unwrap_or_default(),
            code = field::Empty,
            bytes = field::Empty,
            otel.status_code = field::Empty,
            otel.status_description = field::Empty,
        );
        let metrics = self.clone();
        Box::pin(async move { Ok(metrics.answer(request).await) }.instrument(span))
    }
}

fn unavailable(why: String) -> Response<PageBody> {
    let mut response = sentence(StatusCode::SERVICE_UNAVAILABLE, why);
    response.headers_mut().insert(RETRY_AFTER, RETRY);
    response
}

fn unknown() -> Response<PageBody> {
    sentence(StatusCode::NOT_FOUND, "the targets' page is /metrics; nothing else is on this port\n")
}

fn sentence(status: StatusCode, text: impl Into<Bytes>) -> Response<PageBody> {
    let mut response = Response::new(whole(text.into()));
    *response.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, plain);
    response
}

fn whole(bytes: Bytes) -> PageBody {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
