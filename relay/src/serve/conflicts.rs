//! The second port's `/conflicts`: what the targets of the last whole page do not agree about.
//!
//! In: the plan of each whole page. Out: JSON, made when it is asked for. Which conflict is one, and what the page does
//! about it, was decided when the plan was made.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use crate::merge::{Plan, disputes};

/// The plan of the last page of all jobs.
#[derive(Debug, Default)]
pub(super) struct Latest {
    plan: ArcSwapOption<Plan>,
}

impl Latest {
    /// Takes the plan of a page; whether it is another one than the last page's.
    pub(super) fn replace(&self, plan: &Arc<Plan>) -> bool {
        let same = self.plan.load().as_ref().is_some_and(|last| Arc::ptr_eq(last, plan));
        if !same {
            self.plan.store(Some(plan.clone()));
        }
        !same
    }
}

/// The page.
pub(super) fn router(latest: Arc<Latest>) -> Router {
    Router::new().route("/conflicts", get(conflicts)).with_state(latest)
}

async fn conflicts(State(latest): State<Arc<Latest>>) -> Response {
    let Some(plan) = latest.plan.load_full() else {
        let sentence = "nobody has asked for the targets' page yet, so nothing is known of their families\n";
        return (StatusCode::SERVICE_UNAVAILABLE, sentence).into_response();
    };
    let listing = tokio::task::spawn_blocking(move || disputes(&plan));
    Json(listing.await.expect("listing does not panic, and is not aborted")).into_response()
}
