//! Waiting for a fleet to come to rest, and counting what moves.
//!
//! In: a bed. Out: who has what, as its coordinator tells operators, and how many targets were given to relays.

use std::time::{Duration, Instant};

use proto::admin::v1::{Relay, RelayState};

use crate::chaos::bed::{Bed, PATIENCE};
use crate::chaos::judge::{Fault, Judge};
use crate::chaos::placement::{self, Placement};
use crate::{http_client, wait};

/// Loads over the mean within which nothing need move.
const EVEN: std::ops::RangeInclusive<f64> = 0.8..=1.2;
/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);

impl Bed {
    /// Who has what.
    pub async fn placement(&self) -> Placement {
        let server = self.coordinator.grpc;
        wait::until("the coordinator to say who has what", PATIENCE, || placement::placement(server)).await
    }

    /// Waits until the coordinator leads, every relay is active, and every target has an owner; who has what then.
    pub async fn settled(&self) -> Placement {
        let server = self.coordinator.grpc;
        let names: Vec<&str> = self.members.iter().map(|member| member.relay.name.as_str()).collect();
        wait::until("the fleet to be settled", PATIENCE, || async {
            let answer = placement::relays(server).await?;
            let active: Vec<&str> = answer
                .relays
                .iter()
                .filter(|relay| relay.state() == RelayState::Active)
                .map(|relay| relay.name.as_str())
                .collect();
            if answer.coordinator_state != "leading" || names.iter().any(|name| !active.contains(name)) {
                return Err(format!("{}, active: {active:?}", answer.coordinator_state));
            }
            let placement = placement::placement(server).await?;
            let homeless = placement.values().filter(|relay| relay.is_empty()).count();
            if placement.len() == self.plan.targets && homeless == 0 {
                return Ok(placement);
            }
            Err(format!("{homeless} of {} targets have no relay", placement.len()))
        })
        .await
    }

    /// Waits until the fleet is settled, no relay has a target to lose, and each has its share.
    ///
    /// # Errors
    /// Who has not, after `limit`.
    pub async fn balanced(&self, limit: Duration) -> Result<(), Fault> {
        let server = self.coordinator.grpc;
        self.settled().await;
        let began = Instant::now();
        loop {
            let relays = placement::relays(server).await.map_or_else(|_| Vec::new(), |answer| answer.relays);
            let uneven: Vec<String> = relays.iter().filter(|relay| !is_at_rest(relay)).map(told).collect();
            if uneven.is_empty() && !relays.is_empty() {
                return Ok(());
            }
            if began.elapsed() > limit {
                return Err(Fault::new(Judge::Uneven, uneven.join(", ")));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How many targets the coordinator has given to relays since it started.
    ///
    /// # Panics
    /// Where it does not answer.
    pub async fn given(&self) -> f64 {
        let page = http_client::get(&format!("http://{}/metrics", self.coordinator.http), &[]).await;
        let page = page.expect("the coordinator's own metrics").text();
        let lines =
            page.lines().filter(|line| line.starts_with("scraperelay_coordinator_assignments_total{"));
        lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    }

    /// Looks for `time` whether all targets stay with their relays; those that did not.
    pub async fn moved(&self, before: &Placement, time: Duration) -> Vec<String> {
        let mut moved = std::collections::BTreeSet::new();
        let until = Instant::now() + time;
        while Instant::now() < until {
            // A coordinator that is away or has just begun says nothing of owners.
            if let Ok(now) = placement::placement(self.coordinator.grpc).await {
                let owned = now.into_iter().filter(|(_, relay)| !relay.is_empty()).collect();
                let known = |instance: &&str| Placement::contains_key(&owned, *instance);
                moved.extend(placement::moved(before, &owned).into_iter().filter(known).map(str::to_owned));
            }
            tokio::time::sleep(LOOK).await;
        }
        moved.into_iter().collect()
    }
}

fn is_at_rest(relay: &Relay) -> bool {
    match relay.state() {
        RelayState::Active if !relay.drained => EVEN.contains(&relay.load_ratio),
        RelayState::Lost => true,
        _ => relay.targets == 0 && relay.to_lose == 0,
    }
}

fn told(relay: &Relay) -> String {
    let Relay { name, load_ratio, targets, to_lose, .. } = relay;
    format!(
        "{name} ({:?}) has {targets}, {load_ratio:.2} of the mean, and is to lose {to_lose}",
        relay.state()
    )
}
