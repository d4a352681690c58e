//! The client of one target: its connection, and one request at a time over it.

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HOST, LOCATION, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use tokio::time::Instant;

use super::blocking::Blocking;
use super::body::{self, Bounds};
use super::connect::{Route, connect};
use super::connection::Connection;
use super::gzip::Decoders;
use super::{
    AddressGuard, Answer, Budget, ClientSettings, Deadline, Endpoint, FetchError, FetchRequest, Phase,
};

const TIMEOUT_HEADER: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");
/// Names looked up at a time.
const LOOKUPS: usize = 64;
/// Redirects followed where the job allows any; Go's client, and with it Prometheus, stops at about as many.
const REDIRECTS: usize = 10;
/// The part of a `Location` that an error repeats, in characters.
const LOCATION_SHOWN: usize = 256;

/// What all clients of a relay share.
#[derive(Debug)]
pub struct Network {
    budget: Budget,
    decoders: Decoders,
    lookups: Blocking,
    user_agent: HeaderValue,
}

impl Network {
    /// Bodies in flight share `budget`.
    #[must_use]
    pub fn new(budget: Budget) -> Arc<Self> {
        let user_agent = HeaderValue::from_static(concat!("scrape-relay/", env!("CARGO_PKG_VERSION")));
        Arc::new(Self { budget, decoders: Decoders::default(), lookups: Blocking::new(LOOKUPS), user_agent })
    }

    /// The memory for bodies in flight.
    #[must_use]
    pub fn budget(&self) -> &Budget {
        &self.budget
    }
}

/// The way to one target.
struct Way {
    network: Arc<Network>,
    settings: Arc<ClientSettings>,
    endpoint: Endpoint,
    guard: AddressGuard,
}

/// The client of one target.
pub struct Client {
    way: Arc<Way>,
    connection: Option<Connection>,
    last_size: usize,
    /// Connections opened and not told of yet.
    opened: u64,
}

/// An answer's head, and the connection that its body will come over.
struct Asked {
    connection: Connection,
    response: Response<Incoming>,
    new_connection: bool,
}

/// What scrapes of one target take: a client whose connection is kept from one to the next, and others for scrapes
/// beside one that is under way.
pub struct Clients {
    kept: tokio::sync::Mutex<Client>,
    way: Arc<Way>,
}

impl Clients {
    /// Keeps `client`.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { way: client.way.clone(), kept: tokio::sync::Mutex::new(client) }
    }

    /// The client that is kept, unless a scrape has it.
    #[must_use]
    pub fn kept(&self) -> Option<tokio::sync::MutexGuard<'_, Client>> {
        self.kept.try_lock().ok()
    }

    /// Another client, whose connection ends with it.
    #[must_use]
    pub fn another(&self) -> Client {
        Client::of(self.way.clone())
    }
}

impl Client {
    /// A client without a connection yet.
    #[must_use]
    pub fn new(
        network: Arc<Network>,
        settings: Arc<ClientSettings>,
        endpoint: Endpoint,
        guard: AddressGuard,
    ) -> Self {
        Self::of(Arc::new(Way { network, settings, endpoint, guard }))
    }

    fn of(way: Arc<Way>) -> Self {
        Self { way, connection: None, last_size: 0, opened: 0 }
    }

    /// Where the target is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.way.endpoint
    }

    /// Whether a connection is kept.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection.is_some()
    }

    /// How many connections were opened since this was last asked, whatever became of them.
    pub fn take_opened(&mut self) -> u64 {
        std::mem::take(&mut self.opened)
    }

    /// Asks the target once. Everything, from credential files to the last byte decoded, happens before `deadline`;
    /// dropping the future drops the connection.
    ///
    /// # Errors
    /// Why there is no body; see [`FetchError::kind`].
    pub async fn fetch(
        &mut self,
        request: &FetchRequest,
        deadline: impl Into<Deadline>,
    ) -> Result<Answer, FetchError> {
        let start = Instant::now();
        let mut phase = Phase::Credentials;
        match deadline.into().limit(self.exchange(request, &mut phase)).await {
            Some(result) => result,
            None => {
                let address = self.way.endpoint.to_string();
                Err(FetchError::Timeout { address, after: start.elapsed(), phase })
            }
        }
    }

    async fn exchange(&mut self, request: &FetchRequest, phase: &mut Phase) -> Result<Answer, FetchError> {
        let mut head = self.way.settings.credential_headers().await?;
        add_headers(&mut head, request, &self.way.network.user_agent);
        let mut endpoint = self.way.endpoint.clone();
        let mut new_connection = false;
        for redirects in 0..=REDIRECTS {
            let asked = self.ask(&endpoint, (&head, request), phase).await?;
            new_connection |= asked.new_connection;
            let response = &asked.response;
            if response.status() == StatusCode::OK {
                return self.answer(asked, request, new_connection, phase).await;
            }
            let status = response.status();
            let location = is_redirect(status).then(|| response.headers().get(LOCATION).cloned()).flatten();
            self.forget(asked).await;
            let Some(location) = location else { return Err(FetchError::HttpStatus { status }) };
            endpoint = self.redirect(&endpoint, &location, redirects)?;
        }
        unreachable!("the last redirect allowed is an error or an answer")
    }

    /// Sends one request, over the kept connection if there is one. Where that turns out to be dead before a byte of
    /// the answer has come, the request goes out once more over a new one: the target closed it while it idled.
    async fn ask(
        &mut self,
        endpoint: &Endpoint,
        (head, request): (&HeaderMap, &FetchRequest),
        phase: &mut Phase,
    ) -> Result<Asked, FetchError> {
        *phase = Phase::Head;
        if let Some(mut connection) = self.kept().await? {
            let before = connection.received();
            match connection.send(build(endpoint, head)).await {
                Ok(response) => return Ok(Asked { connection, response, new_connection: false }),
                Err(_) if connection.received() == before => {}
                Err(error) => {
                    return Err(FetchError::http(
                        endpoint.to_string(),
                        &error,
                        (true, connection.header_limit()),
                    ));
                }
            }
        }
        let route = Route {
            endpoint,
            settings: &self.way.settings,
            guard: &self.way.guard,
            lookups: &self.way.network.lookups,
            connect_timeout: request.connect_timeout,
            header_limit: request.header_limit,
        };
        let mut connection = connect(route, phase).await?;
        self.opened += 1;
        match connection.send(build(endpoint, head)).await {
            Ok(response) => Ok(Asked { connection, response, new_connection: true }),
            Err(error) => Err(FetchError::http(
                endpoint.to_string(),
                &error,
                (connection.received() > 0, connection.header_limit()),
            )),
        }
    }

    /// The kept connection, unless the target has closed it or the TLS files have changed since it was opened. It is
    /// taken out: only an answer received to its end puts it back.
    async fn kept(&mut self) -> Result<Option<Connection>, FetchError> {
        let Some(mut connection) = self.connection.take() else { return Ok(None) };
        if !connection.is_usable().await {
            return Ok(None);
        }
        if let Some(then) = connection.tls() {
            let now = self.way.settings.recent_tls_config().await?;
            if !Arc::ptr_eq(then, &now) {
                return Ok(None);
            }
        }
        Ok(Some(connection))
    }

    async fn answer(
        &mut self,
        asked: Asked,
        request: &FetchRequest,
        new_connection: bool,
        phase: &mut Phase,
    ) -> Result<Answer, FetchError> {
        let Asked { mut connection, response, .. } = asked;
        let content_type =
            response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).map(str::to_owned);
        let address = self.way.endpoint.to_string();
        let mut reservation = self.way.network.budget.reservation();
        let mut bounds = Bounds {
            limit: request.body_limit,
            last: self.last_size,
            reservation: &mut reservation,
            beside: 0,
            phase,
        };
        let body =
            body::receive(&mut connection, response, &self.way.network.decoders, &address, &mut bounds)
                .await?;
        self.last_size = body.len();
        if connection.is_usable().await {
            self.connection = Some(connection);
        }
        Ok(Answer { content_type, body, new_connection, reservation })
    }

    async fn forget(&mut self, asked: Asked) {
        let Asked { mut connection, response, .. } = asked;
        if body::drain(&mut connection, response).await {
            self.connection = Some(connection);
        }
    }

    fn redirect(
        &self,
        here: &Endpoint,
        location: &HeaderValue,
        followed: usize,
    ) -> Result<Endpoint, FetchError> {
        let location = String::from_utf8_lossy(location.as_bytes());
        let refuse = |why| {
            let location = location.chars().take(LOCATION_SHOWN).collect();
            Err(FetchError::Redirect { location, why })
        };
        if !self.way.settings.config().follow_redirects {
            return refuse("follow_redirects is off; name the final address in the target");
        }
        if followed >= REDIRECTS {
            return refuse("10 redirects have been followed already");
        }
        match here.redirected(&location) {
            Some(there) => Ok(there),
            None => refuse("it leads to another scheme, host or port"),
        }
    }
}

fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

/// The headers that Prometheus sends with every scrape.
fn add_headers(head: &mut HeaderMap, request: &FetchRequest, user_agent: &HeaderValue) {
    // A job may configure more Accept headers; Prometheus sends its own first.
    let configured: Vec<HeaderValue> = head.get_all(ACCEPT).iter().cloned().collect();
    head.insert(ACCEPT, request.accept.clone());
    for accept in configured {
        head.append(ACCEPT, accept);
    }
    let encoding = if request.enable_compression { "gzip" } else { "identity" };
    head.insert(ACCEPT_ENCODING, HeaderValue::from_static(encoding));
    head.insert(USER_AGENT, user_agent.clone());
    let seconds = request.timeout.as_secs_f64().to_string();
    head.insert(TIMEOUT_HEADER, HeaderValue::try_from(seconds).expect("a number is a header value"));
}

fn build(endpoint: &Endpoint, head: &HeaderMap) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = endpoint.path.clone().into();
    *request.headers_mut() = head.clone();
    request.headers_mut().insert(HOST, endpoint.authority.clone());
    request
}
