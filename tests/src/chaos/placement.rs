//! Which relay owns which target, as the coordinator tells operators.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use proto::admin::v1::relay_service_client::RelayServiceClient;
use proto::admin::v1::target_service_client::TargetServiceClient;
use proto::admin::v1::{ListRelaysRequest, ListRelaysResponse, ListTargetsRequest};
use tonic::transport::{Channel, Endpoint};

/// Longest wait for one answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The owner of each target, by instance; the empty name is none.
pub type Placement = BTreeMap<String, String>;

/// Asks the coordinator at `server` for all targets.
///
/// # Errors
/// What it answered instead.
pub async fn placement(server: SocketAddr) -> Result<Placement, String> {
    let mut client = TargetServiceClient::new(connect(server).await?);
    let (mut owners, mut page_token) = (Placement::new(), String::new());
    loop {
        let request = ListTargetsRequest { page_size: 1000, page_token, ..Default::default() };
        let answer = client.list_targets(request).await.map_err(|status| status.to_string())?.into_inner();
        for target in answer.targets {
            let instance = target.labels.get("instance").cloned().unwrap_or_default();
            owners.insert(instance, target.relay);
        }
        page_token = answer.next_page_token;
        if page_token.is_empty() {
            return Ok(owners);
        }
    }
}

/// Asks it for its relays.
///
/// # Errors
/// What it answered instead.
pub async fn relays(server: SocketAddr) -> Result<ListRelaysResponse, String> {
    let mut client = RelayServiceClient::new(connect(server).await?);
    let answer = client.list_relays(ListRelaysRequest {}).await;
    Ok(answer.map_err(|status| status.to_string())?.into_inner())
}

async fn connect(server: SocketAddr) -> Result<Channel, String> {
    let endpoint = Endpoint::from_shared(format!("http://{server}")).map_err(|error| error.to_string())?;
    let endpoint = endpoint.connect_timeout(PATIENCE).timeout(PATIENCE);
    endpoint.connect().await.map_err(|error| format!("{server}: {error}"))
}

/// The targets whose owner is another one in `after`.
#[must_use]
pub fn moved<'a>(before: &'a Placement, after: &Placement) -> Vec<&'a str> {
    let other = |(instance, owner): &(&'a String, &String)| after.get(*instance) != Some(*owner);
    before.iter().filter(other).map(|(instance, _)| instance.as_str()).collect()
}

/// How many targets each relay has.
#[must_use]
pub fn counts(placement: &Placement) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for relay in placement.values() {
        *counts.entry(relay.as_str()).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_another_owner_or_none_has_moved() {
        let placement = |pairs: &[(&str, &str)]| -> Placement {
            pairs.iter().map(|(instance, relay)| ((*instance).to_owned(), (*relay).to_owned())).collect()
        };
        let before = placement(&[("1", "a"), ("2", "a"), ("3", "b")]);
        assert_eq!(moved(&before, &before), Vec::<&str>::new());
        assert_eq!(moved(&before, &placement(&[("1", "a"), ("2", "b")])), ["2", "3"]);
        assert_eq!(counts(&before), [("a", 2), ("b", 1)].into());
    }
}
