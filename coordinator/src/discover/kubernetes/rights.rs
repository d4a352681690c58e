//! Whether discoveries may do in their clusters what they need, asked of the API servers themselves.
//!
//! In: discoveries' configurations. Out: for each cluster whether it answers, and for each place whose objects would be
//! watched what is refused there. Uses the discoveries' own access; watches nothing, and remembers nothing.

use std::collections::BTreeSet;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::Client;

use super::access::{self, Access};
use super::cluster::{self, Cluster};
use super::failure::{Failure, Reason};
use super::pods;
use super::request::Kind;
use crate::config::KubernetesDiscovery;

/// What a watch asks for.
const VERBS: [&str; 2] = ["list", "watch"];
/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most that is read of an answer.
const LARGEST_ANSWER: usize = 64 << 10;
const PATH: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";

/// Where objects of a kind are watched: in one namespace, or in all.
pub type Place = (Kind, Option<Box<str>>);

/// A cluster, and the places that discoveries watch there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// What people call the cluster.
    pub cluster: String,
    /// What is refused in each place; or why that is not known.
    pub places: Result<Vec<Refused>, Unknown>,
}

/// What is refused in a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where.
    pub place: Place,
    /// `list`, `watch`, or none of them: all is allowed.
    pub verbs: Vec<&'static str>,
}

/// Why a cluster's answers are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// It is the cluster around this process, which is in none.
    Elsewhere,
    /// It could not be asked, or did not answer.
    Failed(Failure),
}

/// Asks every cluster of these discoveries once for each place, one after the other.
pub async fn ask<'d>(discoveries: impl IntoIterator<Item = &'d KubernetesDiscovery>) -> Vec<Rights> {
    let mut clusters: Vec<(Access, Result<BTreeSet<Place>, Failure>)> = Vec::new();
    for discovery in discoveries {
        let (access, places) = (Access::of(discovery), places(discovery));
        match clusters.iter_mut().find(|(known, _)| *known == access) {
            Some((_, known)) => match (known.as_mut(), places) {
                (Ok(known), Ok(places)) => known.extend(places),
                (Ok(_), Err(failure)) => *known = Err(failure),
                (Err(_), _) => {}
            },
            None => clusters.push((access, places)),
        }
    }
    let mut all = Vec::with_capacity(clusters.len());
    for (access, places) in clusters {
        all.push(Rights { cluster: access.name(), places: of(access, places).await });
    }
    all
}

/// The places that `discovery` watches.
fn places(discovery: &KubernetesDiscovery) -> Result<BTreeSet<Place>, Failure> {
    let own = discovery.namespaces.own_namespace.then(access::own_namespace).transpose();
    let own = own.map_err(|error| Failure::new(Reason::Credentials, format!("own_namespace: {error}")))?;
    let pods = pods::selections(discovery, own.as_deref());
    let all = pods.into_iter().chain(pods::node_selection(discovery));
    Ok(all.map(|selection| (selection.kind, selection.namespace)).collect())
}

async fn of(access: Access, places: Result<BTreeSet<Place>, Failure>) -> Result<Vec<Refused>, Unknown> {
    if access.is_elsewhere() {
        return Err(Unknown::Elsewhere);
    }
    let places = places.map_err(Unknown::Failed)?;
    let (client, _) = Cluster::new(access).client().await.map_err(Unknown::Failed)?;
    let mut refused = Vec::with_capacity(places.len());
    for place in places {
        let mut verbs = Vec::new();
        for verb in VERBS {
            if !may(&client, verb, &place).await.map_err(Unknown::Failed)? {
                verbs.push(verb);
            }
        }
        refused.push(Refused { place, verbs });
    }
    Ok(refused)
}

async fn may(client: &Client, verb: &str, (kind, namespace): &Place) -> Result<bool, Failure> {
    let asked = ResourceAttributes {
        verb: Some(verb.to_owned()),
        resource: Some(kind.plural().to_owned()),
        namespace: namespace.as_deref().map(str::to_owned),
        ..ResourceAttributes::default()
    };
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(asked), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..Default::default() };
    let unreadable = |error: &dyn std::fmt::Display| Failure::new(Reason::Stream, format!("{PATH}: {error}"));
    let review = serde_json::to_vec(&review).map_err(|error| unreadable(&error))?;
    let answer = cluster::post(client, PATH, review, PATIENCE).await?;
    let body = tokio::time::timeout(PATIENCE, Limited::new(answer.into_body(), LARGEST_ANSWER).collect());
    let body =
        body.await.map_err(|_| Failure::new(Reason::Silent, format!("no answer within {PATIENCE:?}")))?;
    let body = body.map_err(|error| unreadable(&error))?.to_bytes();
    let review: SelfSubjectAccessReview =
        serde_json::from_slice(&body).map_err(|error| unreadable(&error))?;
    Ok(review.status.is_some_and(|status| status.allowed))
}
