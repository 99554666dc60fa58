//! resource: the owner of what exists. gRPC in front of [`mooring_domain::resource::ResourceCore`].

mod commands;
mod deletes;
mod find;
mod grpc;
mod held;
mod hold;
mod pools;
mod reads;
mod subnets;

use mooring_domain::{binding::FrontingCore, name::RegionId, resource::ResourceCore};
use mooring_ledger::{Reader, Regions};
use mooring_proto::resource::v1::{
    hold_service_server::HoldServiceServer, resource_service_server::ResourceServiceServer,
};
use mooring_runtime::server::MAX_MESSAGE;
use std::{collections::BTreeMap, sync::Arc};
use tonic::service::Routes;

/// Adds the service's gRPC to the process's. `bindings` is what reads merge in; nothing is decided on it.
pub fn routes(
    routes: Routes,
    regions: Regions<ResourceCore>,
    bindings: BTreeMap<RegionId, Reader<FrontingCore>>,
) -> Routes {
    let resource = grpc::Resource { regions: regions.clone(), bindings: Arc::new(bindings) };
    let hold = hold::Holds { regions };
    routes
        .add_service(ResourceServiceServer::new(resource).max_decoding_message_size(MAX_MESSAGE))
        .add_service(HoldServiceServer::new(hold).max_decoding_message_size(MAX_MESSAGE))
}
