//! Asking a coordinator: the connection, its deadline, and what an answer that is none means for the exit code.

use std::time::Duration;

use proto::admin::v1::discovery_service_client::DiscoveryServiceClient;
use proto::admin::v1::relay_service_client::RelayServiceClient;
use proto::admin::v1::ring_service_client::RingServiceClient;
use proto::admin::v1::status_service_client::StatusServiceClient;
use proto::admin::v1::target_service_client::TargetServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use crate::args::AskArgs;
use crate::exit::Failure;

/// Longest answer: 1,000 targets with all their labels take about 2 MB.
const ANSWER_LIMIT: usize = 64 << 20;

/// Between two pings while something is asked, and how long one may stay unanswered.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// The services of one coordinator.
#[derive(Clone, Debug)]
pub struct Server {
    channel: Channel,
    timeout: Duration,
    name: String,
}

impl Server {
    /// Connects.
    ///
    /// # Errors
    /// Where the address is none, or nobody answers there.
    pub async fn connect(ask: &AskArgs) -> Result<Self, Failure> {
        let url =
            if ask.server.contains("://") { ask.server.clone() } else { format!("http://{}", ask.server) };
        let usage = |error| Failure::usage(format!("--server {}: {error}; give HOST:PORT", ask.server));
        let endpoint = Endpoint::from_shared(url).map_err(usage)?.connect_timeout(ask.timeout);
        // A stream that is quiet because the other side is gone ends.
        let endpoint = endpoint.http2_keep_alive_interval(KEEPALIVE).keep_alive_timeout(KEEPALIVE);
        let channel = endpoint.connect().await.map_err(|error| {
            Failure::unreachable(format!("no coordinator answers at {}: {}", ask.server, innermost(&error)))
        })?;
        Ok(Self { channel, timeout: ask.timeout, name: ask.server.clone() })
    }

    /// The service that knows targets.
    #[must_use]
    pub fn targets(&self) -> TargetServiceClient<Channel> {
        TargetServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// The service that knows relays.
    #[must_use]
    pub fn relays(&self) -> RelayServiceClient<Channel> {
        RelayServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// The service that knows the ring.
    #[must_use]
    pub fn ring(&self) -> RingServiceClient<Channel> {
        RingServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// The service that knows how everything does.
    #[must_use]
    pub fn status(&self) -> StatusServiceClient<Channel> {
        StatusServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// The service that knows discoveries.
    #[must_use]
    pub fn discoveries(&self) -> DiscoveryServiceClient<Channel> {
        DiscoveryServiceClient::new(self.channel.clone()).max_decoding_message_size(ANSWER_LIMIT)
    }

    /// A request with this server's deadline.
    pub fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(self.timeout);
        request
    }

    /// What a refusal means for whoever ran the command.
    #[must_use]
    pub fn failure(&self, status: &Status) -> Failure {
        let message = format!("{}: {}", self.name, status.message());
        match status.code() {
            Code::InvalidArgument => Failure::usage(message),
            Code::NotFound => Failure::not_found(message),
            Code::Unauthenticated | Code::PermissionDenied => Failure::denied(message),
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => Failure::unreachable(message),
            _ => Failure::failed(message),
        }
    }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}
