//! `kubernetes_sd_configs`: pods of a cluster become target groups.
//!
//! In: a discovery's configuration and the objects of the API server. Out: what the catalog makes groups of. An object
//! is read once ([`wire`]), kept small ([`pod`], [`text`]), and its labels are made when they are needed ([`group`]).

pub mod group;
pub mod pod;
pub mod text;
mod wire;
