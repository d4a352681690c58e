//! A real or a scripted API server, as one thing.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use integration::kubernetes::api_server::ApiServer;
use integration::kubernetes::cluster::Cluster;
use integration::kubernetes::fake::FakeApiServer;

/// One of both.
pub(crate) enum AnyServer {
    Real(Box<ApiServer>),
    Scripted(Box<FakeApiServer>),
}

impl AnyServer {
    pub(crate) fn cluster(&self) -> &Cluster {
        match self {
            Self::Real(server) => server.cluster(),
            Self::Scripted(server) => server.cluster(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Real(server) => server.address(),
            Self::Scripted(server) => server.address(),
        }
    }

    /// A kubeconfig with every right, for the server's other address `at`.
    pub(crate) fn kubeconfig_at(&self, at: SocketAddr, directory: &Path) -> PathBuf {
        let path = directory.join("kubeconfig");
        let from = match self {
            Self::Real(server) => server.kubeconfig(),
            Self::Scripted(server) => server.kubeconfig(),
        };
        let text = std::fs::read_to_string(from).expect("the kubeconfig is there");
        std::fs::write(&path, text.replace(&self.address().to_string(), &at.to_string()))
            .expect("it is written");
        path
    }

    /// Makes the server answer 410 to whoever goes on from a resource version of before.
    pub(crate) async fn forget(&mut self) {
        match self {
            Self::Real(server) => server.restart().await,
            Self::Scripted(server) => server.forget(),
        }
    }
}
