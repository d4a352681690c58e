//! Discoveries as rows.

use proto::admin::v1::{Discovery, ListDiscoveriesResponse};

use crate::discover::Health;

pub(super) fn list(discoveries: &[Health]) -> ListDiscoveriesResponse {
    ListDiscoveriesResponse { discoveries: discoveries.iter().map(row).collect() }
}

fn row(health: &Health) -> Discovery {
    Discovery {
        job: health.job.to_string(),
        mechanism: health.mechanism.to_owned(),
        last_success_time: health.last_success.map(Into::into),
        consecutive_failures: health.failures,
        last_error: health.last_error.clone(),
        holding: health.holding,
    }
}
