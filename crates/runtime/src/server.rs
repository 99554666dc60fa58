//! The gRPC stack: bounds on size, streams, time and headers, `grpc.health.v1`, reflection, `GET /ready`.

use std::time::Duration;

use axum::{Router, middleware, routing::get};
use tokio::net::TcpListener;
use tonic::{
    service::Routes,
    transport::{Server, server::TcpIncoming},
};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    later::{self, Later},
    readiness::Conditions,
    shutdown::Shutdown,
};

/// The largest message a server takes, in bytes. Set it on every service (`max_decoding_message_size`).
pub const MAX_MESSAGE: usize = 1024 * 1024;
/// How long a call may take until its answer begins.
pub const DEADLINE: Duration = Duration::from_secs(60);

const MAX_STREAMS: u32 = 1024;
const MAX_HEADERS: u32 = 16 * 1024;
/// Streams that a client opened and reset before they were served.
const MAX_RESETS: usize = 64;
/// Calls of one connection that are served at once; the others wait their turn.
const MAX_CALLS: usize = 512;
const KEEPALIVE: Duration = Duration::from_secs(20);

/// The services could not be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The transport failed.
    #[error("gRPC server: {0}")]
    Transport(#[from] tonic::transport::Error),
    /// The descriptors are broken.
    #[error("gRPC reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// What decides over a server's life.
pub(crate) struct Life {
    /// Health says SERVING while they are met.
    pub(crate) conditions: Conditions,
    /// No new calls.
    pub(crate) stop: Shutdown,
    /// Calls that have begun are answered now.
    pub(crate) cut_off: Shutdown,
}

/// Serves until it is told to stop and what has begun is finished.
pub(crate) async fn serve(
    listener: TcpListener,
    later: Later,
    descriptors: &'static [u8],
    life: Life,
) -> Result<(), ServeError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("", ServingStatus::NotServing).await;
    let announcer = tokio::spawn(announce(reporter.clone(), life.conditions.clone()));
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(descriptors)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .build_v1()?;
    let own = Routes::default().add_service(health).add_service(reflection).into_axum_router();
    let ready = Router::new().route("/ready", get(later::ready)).with_state(life.conditions);
    let router = own
        .merge(ready)
        .fallback(move |request| later.clone().serve(request))
        .layer(middleware::from_fn_with_state(life.cut_off, later::in_time));
    let served = Server::builder()
        // For what is read by other than gRPC clients, such as metrics.
        .accept_http1(true)
        .timeout(DEADLINE)
        .max_concurrent_streams(MAX_STREAMS)
        .concurrency_limit_per_connection(MAX_CALLS)
        .http2_max_header_list_size(MAX_HEADERS)
        .http2_max_pending_accept_reset_streams(Some(MAX_RESETS))
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .add_routes(router.into())
        .serve_with_incoming_shutdown(TcpIncoming::from(listener).with_nodelay(Some(true)), async {
            life.stop.stopped().await;
            announcer.abort();
            reporter.set_service_status("", ServingStatus::NotServing).await;
        })
        .await;
    Ok(served?)
}

async fn announce(reporter: HealthReporter, conditions: Conditions) {
    loop {
        conditions.met().await;
        reporter.set_service_status("", ServingStatus::Serving).await;
        conditions.not_met().await;
        reporter.set_service_status("", ServingStatus::NotServing).await;
    }
}
