//! The gRPC port: assignment for relays, administration for operators, health and reflection for tools.

use proto::FILE_DESCRIPTOR_SET;
use runtime::Shutdown;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;
use tonic_health::ServingStatus;

use crate::admin::Admin;
use crate::assign;
use crate::fleet_task::FleetHandle;

/// Why the port is not served any more.
#[derive(Debug, thiserror::Error)]
pub enum GrpcError {
    /// The descriptors that reflection shows are broken.
    #[error("reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// The server failed.
    #[error(transparent)]
    Transport(#[from] tonic::transport::Error),
}

/// Serves until `shutdown` drains.
///
/// # Errors
/// Where the server fails.
pub async fn serve(
    listener: TcpListener,
    fleet: FleetHandle,
    admin: Admin,
    shutdown: Shutdown,
) -> Result<(), GrpcError> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status("", ServingStatus::Serving).await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    assign::with_keepalive(Server::builder())
        .add_service(assign::service(fleet))
        .add_service(admin.target_service())
        .add_service(admin.relay_service())
        .add_service(admin.discovery_service())
        .add_service(admin.status_service())
        .add_service(admin.ring_service())
        .add_service(health_service)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .serve_with_incoming_shutdown(
            TcpListenerStream::new(listener),
            async move { shutdown.draining().await },
        )
        .await?;
    Ok(())
}
