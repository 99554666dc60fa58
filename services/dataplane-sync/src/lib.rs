//! dataplane-sync: one per gateway. Follows its region's log, folds it into what each VPC's kernel should have, makes
//! the kernels equal to it, reports, and answers questions about the past.
//!
//! [`fold`] follows the log; [`vpcs`] keeps one [`worker`] for each VPC, so that one VPC's failure holds up no other;
//! [`claims`] hands what the watchers saw to health; [`report`] tells binding what is applied, [`drifts`]
//! what somebody else had changed; [`receipts`] tells health how long failovers took; [`audit`] has kernels read back on a clock. The rules stay in the
//! kernel when the process stops.

mod answer;
mod audit;
mod claims;
mod custody;
mod drifts;
mod elements;
mod emptied;
mod entered;
mod events;
mod explain;
mod fold;
mod grpc;
mod metrics;
mod observed;
mod past;
mod probing;
mod progress;
mod questions;
mod receipts;
mod report;
mod silent;
mod stuck;
mod target;
mod urgent;
mod vpcs;
mod watch;
mod worker;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Instant};

use anyhow::Context;
use axum::routing::get;
use mooring_domain::name::{GatewayName, RegionId};
use mooring_event_log::EventLog;
use mooring_ledger::{Cursor, FoldTask, Snapshots, index::Index};
use mooring_proto::dataplane::v1::{
    custody_service_server::CustodyServiceServer, dataplane_service_server::DataplaneServiceServer,
    events_service_server::EventsServiceServer, explain_service_server::ExplainServiceServer,
    past_service_server::PastServiceServer,
};
use mooring_runtime::{
    peer::Peer,
    readiness::{Condition, Conditions, Latch},
    server::MAX_MESSAGE,
    shutdown::Shutdown,
};
use tokio::{
    sync::{Semaphore, watch::Receiver},
    task::JoinHandle,
};
use tonic::service::Routes;

pub use audit::AuditArgs;
pub use probing::ProbeArgs;
pub use target::BadPlaces;
pub use urgent::UrgentArgs;

/// What one gateway needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Its name, the same in every region it serves.
    pub gateway: GatewayName,
    /// The operator's file: which VPC lives in which namespace. `None`: no VPC lives here.
    pub places: Option<PathBuf>,
    /// How often every kernel is read back.
    pub audit: AuditArgs,
    /// How soon it is known that a holder answers no more.
    pub probes: ProbeArgs,
    /// How urgent a failover is.
    pub urgent: UrgentArgs,
    /// When it is said, watches of the log end.
    pub shutdown: Shutdown,
}

/// A region to serve.
pub struct Region {
    /// What is followed.
    pub log: Arc<dyn EventLog>,
    /// How far it was followed: a witness for the next start.
    pub cursor: Cursor,
    /// Where the fold's snapshots are kept, if anywhere.
    pub snapshots: Option<Snapshots>,
    /// The folder of its index of events.
    pub index: PathBuf,
    /// The file in which drifts wait for binding.
    pub drifts: PathBuf,
}

/// A gateway at work.
pub struct Started {
    /// The process's gRPC, with this service's and `/metrics` added.
    pub routes: Routes,
    /// Its tasks. They end when aborted; kernels stay as they are.
    pub tasks: Vec<JoinHandle<()>>,
    /// What folds the logs; closing takes a last snapshot.
    pub folds: Vec<FoldTask>,
}

/// The way to the services that a gateway talks to.
#[derive(Clone, Debug)]
pub struct Peers {
    /// Where it registers and reports.
    pub binding: Peer,
    /// Where claims go.
    pub health: Peer,
}

/// Starts the gateway in every region. It adds to the conditions that the log's end has been reached and every VPC been
/// tried once, that it is registered, so that whoever waits for gateways waits for this one, and that the log is followed.
pub fn start(
    routes: Routes,
    config: &Config,
    regions: BTreeMap<RegionId, Region>,
    peers: &Peers,
    conditions: &Conditions,
) -> anyhow::Result<Started> {
    let (mut tasks, mut folds) = (Vec::new(), Vec::new());
    let mut views = BTreeMap::new();
    let budget = probing::Budget::new(Instant::now());
    let failovers = receipts::Figures::default();
    let urgent = urgent::Urgent::start(config.urgent).context("no threads for failovers")?;
    for (region, Region { log, cursor, snapshots, index, drifts }) in regions {
        let places = target::PlacesFile::load(config.places.as_deref()).context("--places")?;
        let latch = conditions.add(format!("VPCs of {region}"), "not all were tried once").latch();
        let registered = conditions.add(format!("registration in {region}"), "not registered yet").latch();
        let followed = conditions.add(format!("gateway in {region}"), "the log is being read");
        let (claims, claims_task) =
            claims::start(config.gateway.clone(), region.clone(), peers.health.clone());
        let snapshot =
            snapshots.map(|snapshots| snapshots.of(&region, format_args!("gateway/{}", config.gateway)));
        let gateway = config.gateway.clone();
        let (receipts, receipts_tasks) =
            receipts::start(&config.gateway, &region, peers.health.clone(), &failovers);
        let way = fold::Way { log: log.clone(), gateway, cursor, snapshot, receipts: receipts.clone() };
        let (folded, fold_task) = fold::start(way);
        let drifts = drifts::Drifts::open(config.gateway.clone(), region.clone(), drifts);
        let drifts_task = drifts::report(drifts.clone(), peers.binding.clone());
        let of = (config.gateway.clone(), region.clone());
        let (probing, report_holders) =
            probing::start(of, config.probes, budget.clone(), peers.health.clone());
        let urgent = urgent.clone();
        let ways = vpcs::Ways { claims, drifts, probing, receipts, urgent };
        let (vpcs, vpcs_task) = vpcs::start(region.clone(), folded.clone(), places, ways, latch);
        tasks.push(report_holders(vpcs.clone()));
        let report = report::Report::new(config.gateway.clone(), region.clone(), peers.binding.clone());
        let report_task = tokio::spawn(report.run(folded.clone(), vpcs.clone()));
        let registered = tokio::spawn(registered_once(folded.clone(), registered));
        let follows = tokio::spawn(following(folded.clone(), followed));
        let audit_task = tokio::spawn(audit::run(config.audit, vpcs.clone()));
        tasks.extend(receipts_tasks);
        tasks.extend([claims_task, drifts_task, vpcs_task, audit_task, report_task, registered, follows]);
        let (index, index_task) = Index::start(log.clone(), index);
        folds.extend([fold_task, index_task]);
        views.insert(region, grpc::View { log, index, folded, vpcs });
    }
    let service = grpc::Dataplane {
        gateway: config.gateway.clone(),
        shutdown: config.shutdown.clone(),
        views: Arc::new(views),
    };
    let routes = serve(routes, service, peers.binding.clone(), failovers);
    Ok(Started { routes, tasks, folds })
}

/// What is asked of a gateway.
fn serve(routes: Routes, service: grpc::Dataplane, binding: Peer, failovers: receipts::Figures) -> Routes {
    let grpc = DataplaneServiceServer::new(service.clone()).max_decoding_message_size(MAX_MESSAGE);
    let events =
        EventsServiceServer::new(events::Events(service.clone())).max_decoding_message_size(MAX_MESSAGE);
    let explain = explain::Explain { dataplane: service.clone(), binding };
    let explain = ExplainServiceServer::new(explain).max_decoding_message_size(MAX_MESSAGE);
    let custody =
        CustodyServiceServer::new(custody::Custodies(service.clone())).max_decoding_message_size(MAX_MESSAGE);
    let running = Arc::new(Semaphore::new(past::AT_ONCE));
    let past = PastServiceServer::new(past::Past { dataplane: service.clone(), running });
    let past = past.max_decoding_message_size(MAX_MESSAGE);
    let metrics =
        get(async move || metrics::text(&service, &failovers).await.map_err(|error| error.to_string()));
    let routes = routes
        .add_service(grpc)
        .add_service(events)
        .add_service(explain)
        .add_service(past)
        .add_service(custody);
    let router = routes.into_axum_router().route("/metrics", metrics);
    router.into()
}

/// Keeps the latch until the log says that this gateway is registered.
async fn registered_once(mut folded: Receiver<fold::Folded>, _unregistered: Latch) {
    // That the fold has ended is said by another condition.
    let _ = folded.wait_for(|folded| folded.carries).await;
}

/// Says whether the log is followed: up to the tail seen at start, and ever since.
async fn following(mut folded: Receiver<fold::Folded>, condition: Condition) {
    loop {
        let (caught_up, failure) = {
            let folded = folded.borrow_and_update();
            (folded.caught_up, folded.failure.clone())
        };
        match failure {
            Some(why) => condition.set(Some(format!("the log is not followed any more: {why}"))),
            None if caught_up => condition.set(None),
            None => {}
        }
        if folded.changed().await.is_err() {
            return;
        }
    }
}
