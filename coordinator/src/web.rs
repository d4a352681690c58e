//! The coordinator's own pages: the list of relays for Prometheus, own metrics and probes.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tokio::sync::watch;

use crate::fleet::Snapshot;
use crate::service_discovery;

type Snapshots = watch::Receiver<Arc<Snapshot>>;

/// `GET /sd/prometheus`, for `http_sd_configs`.
pub fn router(snapshots: Snapshots) -> Router {
    Router::new().route("/sd/prometheus", get(relays)).with_state(snapshots)
}

async fn relays(State(snapshots): State<Snapshots>) -> Response {
    let snapshot = Arc::clone(&snapshots.borrow());
    match service_discovery::list(&snapshot) {
        Ok(groups) => Json(groups).into_response(),
        // Any other status than 200 makes Prometheus keep the list it has.
        Err(unavailable) => (StatusCode::SERVICE_UNAVAILABLE, format!("{unavailable}\n")).into_response(),
    }
}
