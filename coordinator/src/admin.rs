//! What operators ask: the gRPC services of `scraperelay.admin.v1`, answered from the latest snapshots.
//!
//! Nothing here changes anything, but that a relay is drained or is not any more; no answer waits for a relay.

mod discoveries;
mod drain;
mod dropped;
mod explain;
pub mod filter;
mod hints;
pub mod paging;
mod pods;
mod relays;
mod ring;
mod shown;
mod status;
mod targets;
pub(crate) mod watching;

use std::sync::Arc;
use std::time::Duration;

use proto::admin::v1::discovery_service_server::{DiscoveryService, DiscoveryServiceServer};
use proto::admin::v1::relay_service_server::{RelayService, RelayServiceServer};
use proto::admin::v1::ring_service_server::{RingService, RingServiceServer};
use proto::admin::v1::status_service_server::{StatusService, StatusServiceServer};
use proto::admin::v1::target_service_server::{TargetService, TargetServiceServer};
use proto::admin::v1::{
    DrainRelayRequest, DrainRelayResponse, ExplainTargetRequest, ExplainTargetResponse, GetRelayRequest,
    GetRelayResponse, GetRingRequest, GetRingResponse, GetStatusRequest, GetStatusResponse, GetTargetRequest,
    GetTargetResponse, ListDiscoveriesRequest, ListDiscoveriesResponse, ListDroppedTargetsRequest,
    ListDroppedTargetsResponse, ListRelaysRequest, ListRelaysResponse, ListTargetsRequest,
    ListTargetsResponse, Relay, SimulateRingRequest, SimulateRingResponse, UndrainRelayRequest,
    UndrainRelayResponse, WatchTargetsRequest,
};
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::{Request, Response, Status};

use crate::catalog::Listing;
use crate::config::Config;
use crate::discover::Ledger;
use crate::discover::kubernetes::watches::Watches;
use crate::fleet::{FleetEvent, Snapshot};
use crate::fleet_task::FleetHandle;
use crate::simulations::Simulations;
use crate::watch_targets::{Messages, Watching};

/// How long a decision may take to be seen in a snapshot; they are a tenth of a second apart.
const DECIDED: Duration = Duration::from_secs(5);

/// Where answers come from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The fleet.
    pub fleet: FleetHandle,
    /// What discovery found.
    pub listings: watch::Receiver<Arc<Listing>>,
    /// The configuration in force.
    pub configs: watch::Receiver<Arc<Config>>,
    /// How each discovery does.
    pub discoveries: Ledger,
    /// What is known of clusters.
    pub watches: Watches,
    /// For those who watch targets.
    pub watching: Watching,
    /// For those who simulate another ring.
    pub simulations: Simulations,
}

/// One moment of everything.
pub(crate) struct View {
    snapshot: Arc<Snapshot>,
    listing: Arc<Listing>,
    config: Arc<Config>,
    watches: Watches,
}

impl Admin {
    /// The service that knows targets.
    #[must_use]
    pub fn target_service(&self) -> TargetServiceServer<Self> {
        TargetServiceServer::new(self.clone())
    }

    /// The service that knows relays.
    #[must_use]
    pub fn relay_service(&self) -> RelayServiceServer<Self> {
        RelayServiceServer::new(self.clone())
    }

    /// The service that knows the ring.
    #[must_use]
    pub fn ring_service(&self) -> RingServiceServer<Self> {
        RingServiceServer::new(self.clone())
    }

    /// The service that knows how everything does.
    #[must_use]
    pub fn status_service(&self) -> StatusServiceServer<Self> {
        StatusServiceServer::new(self.clone())
    }

    /// The service that knows discoveries.
    #[must_use]
    pub fn discovery_service(&self) -> DiscoveryServiceServer<Self> {
        DiscoveryServiceServer::new(self.clone())
    }

    /// Has a relay drained, or not any more, and waits until the fleet has taken that in.
    async fn set_drained(&self, name: &str, drained: bool) -> Result<Relay, Status> {
        drain::allowed(&self.fleet.snapshot(), name, drained)?;
        let relay: Arc<str> = name.into();
        tracing::info!(%relay, drained, "an operator drains a relay, or takes that back");
        self.fleet.send(FleetEvent::Drain { relay, drained }).await.map_err(|_| shutting_down())?;
        let mut snapshots = self.fleet.snapshots();
        let is_done =
            |snapshot: &Arc<Snapshot>| snapshot.relay(name).is_none_or(|relay| relay.drained == drained);
        let snapshot = timeout(DECIDED, snapshots.wait_for(is_done)).await;
        let late = |_| Status::unavailable("the coordinator is busy and has not answered in time: ask again");
        let snapshot = Arc::clone(&*snapshot.map_err(late)?.map_err(|_| shutting_down())?);
        relays::find(&snapshot, name)
    }

    fn view(&self) -> View {
        self.view_of(self.fleet.snapshot())
    }

    pub(crate) fn view_of(&self, snapshot: Arc<Snapshot>) -> View {
        View {
            snapshot,
            listing: Arc::clone(&self.listings.borrow()),
            config: Arc::clone(&self.configs.borrow()),
            watches: self.watches.clone(),
        }
    }
}

#[tonic::async_trait]
impl TargetService for Admin {
    type WatchTargetsStream = Messages;

    async fn watch_targets(
        &self,
        request: Request<WatchTargetsRequest>,
    ) -> Result<Response<Messages>, Status> {
        self.watching.open(self, &request.into_inner()).map(Response::new)
    }

    async fn list_targets(
        &self,
        request: Request<ListTargetsRequest>,
    ) -> Result<Response<ListTargetsResponse>, Status> {
        targets::list(&self.view(), &request.into_inner()).map(Response::new)
    }

    async fn get_target(
        &self,
        request: Request<GetTargetRequest>,
    ) -> Result<Response<GetTargetResponse>, Status> {
        targets::get(&self.view(), &request.into_inner()).map(Response::new)
    }

    async fn list_dropped_targets(
        &self,
        request: Request<ListDroppedTargetsRequest>,
    ) -> Result<Response<ListDroppedTargetsResponse>, Status> {
        dropped::list(&self.view(), &request.into_inner()).map(Response::new)
    }

    async fn explain_target(
        &self,
        request: Request<ExplainTargetRequest>,
    ) -> Result<Response<ExplainTargetResponse>, Status> {
        explain::explain(&self.view(), &request.into_inner()).map(Response::new)
    }
}

#[tonic::async_trait]
impl RelayService for Admin {
    async fn list_relays(
        &self,
        _request: Request<ListRelaysRequest>,
    ) -> Result<Response<ListRelaysResponse>, Status> {
        Ok(Response::new(relays::list(&self.view().snapshot)))
    }

    async fn get_relay(
        &self,
        request: Request<GetRelayRequest>,
    ) -> Result<Response<GetRelayResponse>, Status> {
        relays::get(&self.view().snapshot, &request.into_inner().name).map(Response::new)
    }

    async fn drain_relay(
        &self,
        request: Request<DrainRelayRequest>,
    ) -> Result<Response<DrainRelayResponse>, Status> {
        let relay = self.set_drained(&request.into_inner().name, true).await?;
        Ok(Response::new(DrainRelayResponse { relay: Some(relay) }))
    }

    async fn undrain_relay(
        &self,
        request: Request<UndrainRelayRequest>,
    ) -> Result<Response<UndrainRelayResponse>, Status> {
        let relay = self.set_drained(&request.into_inner().name, false).await?;
        Ok(Response::new(UndrainRelayResponse { relay: Some(relay) }))
    }
}

#[tonic::async_trait]
impl RingService for Admin {
    async fn get_ring(&self, _request: Request<GetRingRequest>) -> Result<Response<GetRingResponse>, Status> {
        Ok(Response::new(ring::get(&self.fleet.snapshot())))
    }

    async fn simulate_ring(
        &self,
        request: Request<SimulateRingRequest>,
    ) -> Result<Response<SimulateRingResponse>, Status> {
        let (snapshot, request) = (self.fleet.snapshot(), request.into_inner());
        self.simulations.run(move || ring::simulate(&snapshot, &request)).await.map(Response::new)
    }
}

#[tonic::async_trait]
impl StatusService for Admin {
    async fn get_status(
        &self,
        _request: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        let snapshot = self.fleet.snapshot();
        Ok(Response::new(status::status(&snapshot, &self.discoveries.list(), &self.watches.seen())))
    }
}

#[tonic::async_trait]
impl DiscoveryService for Admin {
    async fn list_discoveries(
        &self,
        _request: Request<ListDiscoveriesRequest>,
    ) -> Result<Response<ListDiscoveriesResponse>, Status> {
        Ok(Response::new(discoveries::list(&self.discoveries.list(), &self.watches.seen())))
    }
}

fn shutting_down() -> Status {
    Status::unavailable("the coordinator is shutting down")
}

fn invalid(error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(error.to_string())
}

#[cfg(test)]
mod fixture {
    use runtime::{Shutdown, Tasks};

    use super::*;

    /// A view of nothing but these targets.
    pub(super) fn view(snapshot: &Arc<Snapshot>) -> View {
        let (shutdown, meter) = (Shutdown::new(), opentelemetry::global::meter("test"));
        let config = crate::config::parse("config.yml", "scrape_configs: []", std::path::Path::new("/"));
        View {
            snapshot: snapshot.clone(),
            listing: Arc::default(),
            config: Arc::new(config.expect("a good configuration").config),
            watches: Watches::new(Tasks::new(shutdown.clone()), shutdown, &meter),
        }
    }
}
