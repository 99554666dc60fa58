//! Wires the service to its logs, and to its peers, and runs it until told to stop.

use anyhow::{Context, Result};
use futures::{FutureExt, future::join_all};
use mooring_dataplane_sync::{Config, Peers, Region};
use mooring_domain::name::RegionId;
use mooring_ledger::{FoldTask, Standing, Store};
use mooring_runtime::{
    peer::Peer,
    process::{self, Running, Settings},
};
use tonic::service::Routes;

use crate::args::Args;

pub(crate) async fn run(args: Args) -> Result<()> {
    let settings = Settings {
        listen: args.listen,
        insecure: args.process.insecure,
        data: &args.store.data,
        descriptors: mooring_proto::DESCRIPTORS,
        admit: mooring_proto::access::admit,
    };
    process::run(settings, async |process| {
        let waiting = process.conditions.add("logs", "being opened");
        let log = (&args.log, &args.nats);
        let mut store = Store::open(&args.store, log, &[], |why| waiting.set(Some(why))).await?;
        waiting.set(None);
        let peers = Peers {
            binding: Peer::new("binding", args.binding.clone()).context("--binding")?,
            health: Peer::new("health", args.health.clone()).context("--health")?,
        };
        let follow =
            |standing: Standing| process.conditions.follow(standing.name, standing.unknown, standing.unmet);
        let mut tasks: Vec<_> = store.standings().into_iter().map(follow).collect();
        tasks.extend([&peers.binding, &peers.health].map(|peer| peer.watch(&process.conditions)));
        let snapshots = Some(store.snapshots().clone());
        let region = |(name, (log, cursor)): (RegionId, _)| {
            let (index, drifts) = (args.store.index(&name), args.store.drifts(&name));
            (name, Region { log, cursor, snapshots: snapshots.clone(), index, drifts })
        };
        let regions = store.followed().into_iter().map(region).collect();
        let shutdown = process.stop.clone();
        let config = Config {
            gateway: args.gateway.clone(),
            places: args.places.clone(),
            audit: args.audit,
            probes: args.probes,
            urgent: args.urgent,
            shutdown,
        };
        let conditions = &process.conditions;
        let gateway = mooring_dataplane_sync::start(Routes::default(), &config, regions, &peers, conditions);
        let gateway = gateway?;
        tasks.extend(gateway.tasks);
        let closing = async {
            join_all(gateway.folds.into_iter().map(FoldTask::close)).await;
            store.close().await;
        };
        Ok(Running { routes: gateway.routes, finishing: Vec::new(), tasks, closing: closing.boxed() })
    })
    .await
}
