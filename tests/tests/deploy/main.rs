//! What `deploy/` ships, without a cluster: that manifests have only fields that exist, that they refer to each other
//! rightly, that what they pass to the program is taken by it, and that they keep the promises of their comments.

mod api_server;
mod arguments;
mod files;
mod image;
mod manifests;
mod prometheus;
mod references;
mod restricted;
mod schema;
mod systemd;
