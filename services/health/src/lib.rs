//! health: who holds what. gRPC in front of [`mooring_domain::holder::HolderCore`].

mod grpc;

use mooring_domain::holder::HolderCore;
use mooring_ledger::Regions;
use mooring_proto::health::v1::health_service_server::HealthServiceServer;
use mooring_runtime::server::MAX_MESSAGE;
use tonic::service::Routes;

/// Adds the service's gRPC to the process's.
pub fn routes(routes: Routes, regions: Regions<HolderCore>) -> Routes {
    let health = HealthServiceServer::new(grpc::Health::new(regions));
    routes.add_service(health.max_decoding_message_size(MAX_MESSAGE))
}
