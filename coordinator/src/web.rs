//! The coordinator's own pages: the list of relays for Prometheus, own metrics and probes.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use crate::fleet::FleetEvent;
use crate::fleet_task::FleetHandle;
use crate::service_discovery;

/// `GET /sd/prometheus`, for `http_sd_configs`.
pub fn router(fleet: FleetHandle) -> Router {
    Router::new().route("/sd/prometheus", get(relays)).with_state(fleet)
}

async fn relays(State(fleet): State<FleetHandle>) -> Response {
    let snapshot = fleet.snapshot();
    let groups = match service_discovery::list(&snapshot) {
        Ok(groups) => groups,
        // Any other status than 200 makes Prometheus keep the list it has.
        Err(unavailable) => return refusal(&unavailable),
    };
    // Before Prometheus has it: a relay that is not on it must not be given targets because Prometheus still asks it.
    match fleet.send(FleetEvent::ListGiven { relays: snapshot.listed() }).await {
        Ok(()) => Json(groups).into_response(),
        Err(stopped) => refusal(&stopped),
    }
}

fn refusal(why: &dyn std::error::Error) -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response()
}
