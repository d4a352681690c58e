//! Reads objects as the API server sends them.
//!
//! In: JSON. Out: the small types of [`pod`](super::pod). Texts are borrowed while they are read, and what is not named
//! here, managed fields above all, is skipped without a copy. `null` is the same as absent, as in Kubernetes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use super::pod::{Container, Controller, Meta, Pairs, Pod, Port, Related};
use super::text::Texts;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PodWire<'a> {
    #[serde(borrow)]
    metadata: MetaWire<'a>,
    #[serde(borrow)]
    spec: Option<SpecWire<'a>>,
    #[serde(borrow)]
    status: Option<StatusWire<'a>>,
}

#[derive(Deserialize)]
struct RelatedWire<'a> {
    #[serde(borrow)]
    metadata: MetaWire<'a>,
}

/// A text that is borrowed where it has no escapes.
#[derive(Deserialize, Default, PartialEq, Eq, PartialOrd, Ord)]
#[serde(transparent)]
struct Str<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetaWire<'a> {
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow)]
    namespace: Option<Str<'a>>,
    #[serde(borrow)]
    uid: Option<Str<'a>>,
    #[serde(borrow)]
    labels: Option<BTreeMap<Str<'a>, Option<Str<'a>>>>,
    #[serde(borrow)]
    annotations: Option<BTreeMap<Str<'a>, Option<Str<'a>>>>,
    #[serde(borrow)]
    owner_references: Option<Vec<OwnerWire<'a>>>,
    #[serde(borrow)]
    deletion_timestamp: Option<Str<'a>>,
}

#[derive(Deserialize)]
struct OwnerWire<'a> {
    #[serde(borrow)]
    kind: Str<'a>,
    #[serde(borrow)]
    name: Str<'a>,
    controller: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct SpecWire<'a> {
    #[serde(borrow)]
    node_name: Option<Str<'a>>,
    host_network: Option<bool>,
    #[serde(borrow)]
    containers: Option<Vec<ContainerWire<'a>>>,
    #[serde(borrow)]
    init_containers: Option<Vec<ContainerWire<'a>>>,
}

#[derive(Deserialize)]
struct ContainerWire<'a> {
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow)]
    image: Option<Str<'a>>,
    #[serde(borrow)]
    ports: Option<Vec<PortWire<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PortWire<'a> {
    #[serde(borrow)]
    name: Option<Str<'a>>,
    container_port: u32,
    #[serde(borrow)]
    protocol: Option<Str<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct StatusWire<'a> {
    #[serde(borrow)]
    phase: Option<Str<'a>>,
    #[serde(borrow, rename = "podIP")]
    pod_ip: Option<Str<'a>>,
    #[serde(borrow, rename = "hostIP")]
    host_ip: Option<Str<'a>>,
    #[serde(borrow)]
    conditions: Option<Vec<ConditionWire<'a>>>,
    #[serde(borrow)]
    container_statuses: Option<Vec<ContainerStatusWire<'a>>>,
    #[serde(borrow)]
    init_container_statuses: Option<Vec<ContainerStatusWire<'a>>>,
}

#[derive(Deserialize)]
struct ConditionWire<'a> {
    #[serde(borrow, rename = "type")]
    kind: Str<'a>,
    #[serde(borrow)]
    status: Str<'a>,
}

#[derive(Deserialize)]
struct ContainerStatusWire<'a> {
    #[serde(borrow)]
    name: Str<'a>,
    #[serde(borrow, rename = "containerID")]
    id: Option<Str<'a>>,
}

/// Reads a pod.
pub(super) fn pod(json: &[u8], texts: &mut Texts) -> Result<Pod, String> {
    let PodWire { metadata, spec, status } =
        serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let (spec, status) = (spec.unwrap_or_default(), status.unwrap_or_default());
    let regular = spec.containers.unwrap_or_default();
    let init = spec.init_containers.unwrap_or_default();
    let statuses = [status.container_statuses, status.init_container_statuses].map(Option::unwrap_or_default);
    let of = |containers: &[ContainerWire<'_>], statuses: &[ContainerStatusWire<'_>], texts: &mut Texts| {
        containers.iter().map(|wire| container(wire, statuses, texts)).collect::<Vec<_>>()
    };
    let mut containers = of(&regular, &statuses[0], texts);
    containers.extend(of(&init, &statuses[1], texts));
    let ready =
        status.conditions.unwrap_or_default().into_iter().find(|condition| condition.kind.0 == "Ready");
    let ready = ready.map_or("unknown".into(), |ready| ready.status.0.to_lowercase());
    Ok(Pod {
        meta: meta(metadata, texts)?,
        node_name: texts.shared(text(&spec.node_name)),
        host_network: spec.host_network.unwrap_or_default(),
        regular: regular.len(),
        containers: containers.into(),
        phase: texts.shared(text(&status.phase)),
        ip: text(&status.pod_ip).into(),
        host_ip: texts.shared(text(&status.host_ip)),
        ready: texts.shared(&ready),
    })
}

/// Reads an object of which only the metadata is wanted.
pub(super) fn related(json: &[u8], texts: &mut Texts) -> Result<Related, String> {
    let wire: RelatedWire<'_> = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    Ok(Related { meta: meta(wire.metadata, texts)? })
}

fn text<'t>(text: &'t Option<Str<'_>>) -> &'t str {
    text.as_ref().map_or("", |text| &text.0)
}

fn meta(wire: MetaWire<'_>, texts: &mut Texts) -> Result<Meta, String> {
    let owners = wire.owner_references.unwrap_or_default();
    let controller = owners
        .into_iter()
        .find(|owner| owner.controller == Some(true))
        .map(|owner| Controller { kind: texts.shared(&owner.kind.0), name: texts.shared(&owner.name.0) });
    let deleted_at = wire.deletion_timestamp.as_ref().map(|text| {
        let time = text.0.parse::<k8s_openapi::jiff::Timestamp>();
        time.map_err(|error| format!("deletionTimestamp {:?}: {error}", text.0)).map(|time| time.as_second())
    });
    Ok(Meta {
        name: (*wire.name.0).into(),
        namespace: texts.shared(text(&wire.namespace)),
        uid: text(&wire.uid).into(),
        labels: pairs(wire.labels, texts),
        annotations: pairs(wire.annotations, texts),
        controller,
        deleted_at: deleted_at.transpose()?,
    })
}

fn pairs(wire: Option<BTreeMap<Str<'_>, Option<Str<'_>>>>, texts: &mut Texts) -> Pairs {
    let wire = wire.unwrap_or_default();
    wire.iter().map(|(name, value)| (texts.shared(&name.0), texts.shared(text(value)))).collect()
}

fn container(wire: &ContainerWire<'_>, statuses: &[ContainerStatusWire<'_>], texts: &mut Texts) -> Container {
    let status = statuses.iter().find(|status| status.name == wire.name);
    let ports = wire.ports.as_deref().unwrap_or_default().iter().map(|port| Port {
        name: texts.shared(text(&port.name)),
        number: port.container_port,
        protocol: texts.shared(text(&port.protocol)),
    });
    Container {
        ports: ports.collect(),
        name: texts.shared(&wire.name.0),
        image: texts.shared(text(&wire.image)),
        id: status.map_or("", |status| text(&status.id)).into(),
    }
}
