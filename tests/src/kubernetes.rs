//! Kubernetes for tests: a real API server without nodes, a scripted one, and pods that answer scrapes.
//!
//! [`api_server::ApiServer`] starts etcd and kube-apiserver as processes, [`fake::FakeApiServer`]
//! fails on demand; [`cluster::Cluster`] is what a test does in any API
//! server; [`network::Network`] gives pods addresses that exist on this machine only, and listens there.
//! Nothing here runs controllers: there are no ReplicaSets, EndpointSlices or service accounts that a test did not make.

pub mod account;
pub mod api_server;
pub mod audit;
pub mod canaries;
pub mod certificates;
pub mod cluster;
pub mod fake;
pub mod network;
pub mod pod;
