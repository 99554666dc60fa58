//! binding: what fronts what. gRPC in front of [`mooring_domain::binding::BindingCore`], the process manager that takes
//! each binding through its states, and what gateways have reported.

mod answer;
mod early;
mod gateways;
mod grpc;
mod names;
mod process;
mod reports;
mod resource;
mod there;
mod unclaimed;
mod validated;
mod wait;
mod watch;

use std::{collections::BTreeMap, sync::Arc};

use mooring_domain::{binding::BindingCore, name::RegionId};
use mooring_ledger::{Regions, Watches};
use mooring_proto::binding::v1::{
    binding_service_server::BindingServiceServer, gateway_service_server::GatewayServiceServer,
};
use mooring_runtime::{
    peer::Peer,
    server::{MAX_MESSAGE, MAX_REPORT},
    shutdown::Shutdown,
};
use reports::Reports;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use unclaimed::Unclaimed;

/// The reports of every region's gateways.
type RegionReports = Arc<BTreeMap<RegionId, Reports>>;

/// Adds the service's gRPC to the process's, and starts a process manager for each region. `resource` leads to the
/// resource service. Watches end at `stop`; the managers end after their step once `drained` says that no caller waits for them.
pub fn start(
    routes: Routes,
    regions: Regions<BindingCore>,
    resource: &Peer,
    (stop, drained): (&Shutdown, &Shutdown),
) -> (Routes, Vec<JoinHandle<()>>) {
    let reports: RegionReports =
        Arc::new(regions.iter().map(|(region, _)| (region.clone(), Reports::default())).collect());
    let there = there::There::new(resource.clone());
    let managers = regions.iter().zip(reports.values()).map(|((region, ledger), reports)| {
        let resource = resource::Resource::new(resource.clone(), region.clone());
        let (early, asked, lost) = early::Early::new();
        let asking = tokio::spawn(early.clone().run(resource.clone(), asked, drained.clone()));
        let unclaimed = Unclaimed { ledger: ledger.clone(), early: early.clone(), resource };
        let letting_go = tokio::spawn(unclaimed.clone().run(lost, drained.clone()));
        let process = process::Process::new(reports.clone(), unclaimed, there.clone());
        ((region.clone(), early), [asking, letting_go, tokio::spawn(process.run(drained.clone()))])
    });
    let (early, managers): (BTreeMap<_, _>, Vec<_>) = managers.unzip();
    let managers = managers.into_iter().flatten().collect();
    let bindings = grpc::Bindings {
        regions: regions.clone(),
        reports: reports.clone(),
        early,
        resource: resource.clone(),
        there,
        watches: Watches::default(),
        stop: stop.clone(),
    };
    let gateways = gateways::Gateways { regions, reports };
    let routes = routes
        .add_service(BindingServiceServer::new(bindings).max_decoding_message_size(MAX_MESSAGE))
        .add_service(GatewayServiceServer::new(gateways).max_decoding_message_size(MAX_REPORT));
    (routes, managers)
}
