//! What operators ask: the gRPC services of `scraperelay.admin.v1`, answered from the latest snapshots.
//!
//! Nothing here changes anything, and no answer waits for a relay.

mod discoveries;
mod dropped;
mod explain;
pub mod filter;
mod hints;
pub mod paging;
mod pods;
mod relays;
mod shown;
mod targets;

use std::sync::Arc;

use proto::admin::v1::discovery_service_server::{DiscoveryService, DiscoveryServiceServer};
use proto::admin::v1::relay_service_server::{RelayService, RelayServiceServer};
use proto::admin::v1::target_service_server::{TargetService, TargetServiceServer};
use proto::admin::v1::{
    ExplainTargetRequest, ExplainTargetResponse, GetTargetRequest, GetTargetResponse, ListDiscoveriesRequest,
    ListDiscoveriesResponse, ListDroppedTargetsRequest, ListDroppedTargetsResponse, ListRelaysRequest,
    ListRelaysResponse, ListTargetsRequest, ListTargetsResponse,
};
use tokio::sync::watch;
use tonic::{Request, Response, Status};

use crate::catalog::Listing;
use crate::config::Config;
use crate::discover::Health;
use crate::discover::kubernetes::watches::Watches;
use crate::fleet::Snapshot;

/// Where answers come from. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Admin {
    /// The fleet.
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    /// What discovery found.
    pub listings: watch::Receiver<Arc<Listing>>,
    /// The configuration in force.
    pub configs: watch::Receiver<Arc<Config>>,
    /// How each discovery does.
    pub discoveries: watch::Receiver<Arc<Vec<Health>>>,
    /// What is known of clusters.
    pub watches: Watches,
}

/// One moment of everything.
struct View {
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

    /// The service that knows discoveries.
    #[must_use]
    pub fn discovery_service(&self) -> DiscoveryServiceServer<Self> {
        DiscoveryServiceServer::new(self.clone())
    }

    fn view(&self) -> View {
        View {
            snapshot: Arc::clone(&self.snapshots.borrow()),
            listing: Arc::clone(&self.listings.borrow()),
            config: Arc::clone(&self.configs.borrow()),
            watches: self.watches.clone(),
        }
    }
}

#[tonic::async_trait]
impl TargetService for Admin {
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
}

#[tonic::async_trait]
impl DiscoveryService for Admin {
    async fn list_discoveries(
        &self,
        _request: Request<ListDiscoveriesRequest>,
    ) -> Result<Response<ListDiscoveriesResponse>, Status> {
        Ok(Response::new(discoveries::list(&self.discoveries.borrow(), &self.watches.seen())))
    }
}

fn invalid(error: impl std::fmt::Display) -> Status {
    Status::invalid_argument(error.to_string())
}
