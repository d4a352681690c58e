//! `kubernetes_sd_configs`: pods of a cluster become target groups.
//!
//! In: a discovery's configuration and the objects of the API server. Out: what the catalog makes groups of. An object
//! is read once (`wire`), kept small (`pod`, `text`), and its labels are made when they are needed (`group`).

pub mod access;
pub mod annotations;
pub mod cluster;
mod event;
pub mod failure;
pub mod group;
mod items;
pub mod objects;
pub mod pod;
pub mod pod_group;
pub mod pods;
pub mod request;
pub mod rights;
pub mod sighting;
pub mod text;
mod turn;
pub mod watch;
mod watch_metrics;
pub mod watches;
mod watching;
mod wire;
