//! The gRPC stack: bounds on size, streams, time and headers, `grpc.health.v1`, reflection, `GET /ready`.

use std::{future::Future, time::Duration};

use axum::{Router, middleware::from_fn, routing::get};
use tokio::net::TcpListener;
use tonic::{
    service::Routes,
    transport::{Server, server::TcpIncoming},
};
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::{
    connections,
    explained::explained,
    later::{self, Later},
    readiness::Conditions,
    shutdown::Shutdown,
};

/// The largest message a server takes, in bytes. Set it on every service (`max_decoding_message_size`).
pub const MAX_MESSAGE: usize = 1024 * 1024;
/// The same for what gateways say of their kernels, which can be of every VPC of a region. Only the operator's are heard.
pub const MAX_REPORT: usize = 4 * MAX_MESSAGE;
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

/// Serves until `stop` resolves and what has begun is finished. Health says SERVING while the conditions are met and
/// nobody has said `stopping`.
pub(crate) async fn serve(
    listener: TcpListener,
    later: Later,
    descriptors: &'static [u8],
    (conditions, stopping): (Conditions, Shutdown),
    stop: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let (reporter, health) = tonic_health::server::health_reporter();
    reporter.set_service_status("", ServingStatus::NotServing).await;
    let announcer = tokio::spawn(announce(reporter, conditions.clone(), stopping));
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let own = Routes::default()
        .add_service(health)
        .add_service(reflection().build_v1()?)
        // Clients that know it by its first name only: Python's, among others.
        .add_service(reflection().build_v1alpha()?)
        .into_axum_router();
    let ready = Router::new().route("/ready", get(later::ready)).with_state(conditions);
    let router = own.merge(ready).fallback(move |request| later.clone().serve(request));
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
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
        .add_routes(router.layer(from_fn(explained)).into())
        .serve_with_incoming_shutdown(connections::bounded(incoming, connections::limit()), stop)
        .await;
    announcer.abort();
    Ok(served?)
}

async fn announce(reporter: HealthReporter, conditions: Conditions, stopping: Shutdown) {
    let both_ways = async {
        loop {
            conditions.met().await;
            reporter.set_service_status("", ServingStatus::Serving).await;
            conditions.not_met().await;
            reporter.set_service_status("", ServingStatus::NotServing).await;
        }
    };
    tokio::select! {
        () = stopping.stopped() => {}
        () = both_ways => {}
    }
    reporter.set_service_status("", ServingStatus::NotServing).await;
}
