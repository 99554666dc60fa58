//! health: who holds what. gRPC in front of [`mooring_domain::holder::HolderCore`], and what only time says of holders.

mod failovers;
mod grpc;
mod heard;
mod probers;
mod reports;
mod timed;
mod watch;

use std::sync::Arc;

use mooring_domain::holder::HolderCore;
use mooring_ledger::{Regions, Watches};
use mooring_proto::health::v1::{
    failover_service_server::FailoverServiceServer, health_service_server::HealthServiceServer,
};
use mooring_runtime::{server::MAX_MESSAGE, shutdown::Shutdown};
use tokio::task::JoinHandle;
use tonic::service::Routes;

/// Adds the service's gRPC to the process's. Watches end at `stop`; the tasks end after their step once `drained` says that no
/// caller waits.
pub fn start(
    routes: Routes,
    regions: Regions<HolderCore>,
    (stop, drained): (&Shutdown, &Shutdown),
) -> (Routes, Vec<JoinHandle<()>>) {
    let heard: heard::Heard =
        Arc::new(regions.iter().map(|(region, _)| (region.clone(), heard::OfRegion::default())).collect());
    let tasks = regions
        .iter()
        .zip(heard.values())
        .map(|((_, ledger), heard)| tokio::spawn(timed::run(ledger.clone(), heard.clone(), drained.clone())));
    let tasks = tasks.collect();
    let probers = probers::Probers::default();
    let failovers = FailoverServiceServer::new(failovers::Failovers(regions.clone()));
    let (watches, stop) = (Watches::default(), stop.clone());
    let health = HealthServiceServer::new(grpc::Health { regions, heard, probers, watches, stop });
    let routes = routes
        .add_service(health.max_decoding_message_size(MAX_MESSAGE))
        .add_service(failovers.max_decoding_message_size(MAX_MESSAGE));
    (routes, tasks)
}
