//! Wires the four services together and runs them until told to stop. They talk to each other over gRPC, also here.

use anyhow::{Context, Result};
use futures::{FutureExt, future::join_all};
use mooring_dataplane_sync::{Config, Peers, Region};
use mooring_domain::{
    Stream,
    binding::{BindingCore, FrontingCore},
    holder::HolderCore,
    name::RegionId,
    resource::ResourceCore,
};
use mooring_ledger::{FoldTask, Standing, Store, archiving};
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
        let mut store = Store::open(&args.store, log, &Stream::ALL, |why| waiting.set(Some(why))).await?;
        let (resource, binding, health, bindings) = tokio::try_join!(
            store.ledgers::<ResourceCore>(),
            store.ledgers::<BindingCore>(),
            store.ledgers::<HolderCore>(),
            store.readers::<FrontingCore>("resource/bindings"),
        )?;
        waiting.set(None);
        let follow =
            |standing: Standing| process.conditions.follow(standing.name, standing.unknown, standing.unmet);
        let mut tasks: Vec<_> = store.standings().into_iter().map(follow).collect();

        let own = Peer::new("mooringd", process.address.into()).context("the way to ourselves")?;
        let routes = mooring_resource::routes(Routes::default(), resource, bindings);
        let (routes, mut finishing) =
            mooring_health::start(routes, health, (&process.stop, &process.drained));
        let (routes, managers) =
            mooring_binding::start(routes, binding, &own, (&process.stop, &process.drained));
        finishing.extend(managers);

        let archiving = archiving::start(&args.archive, (&args.store, &args.log), store.snapshots())?;
        tasks.extend(archiving);
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
        let peers = Peers { binding: own.clone(), health: own };
        let gateway = mooring_dataplane_sync::start(routes, &config, regions, &peers, &process.conditions);
        let gateway = gateway?;
        tasks.extend(gateway.tasks);
        let closing = async {
            join_all(gateway.folds.into_iter().map(FoldTask::close)).await;
            store.close().await;
        };
        Ok(Running { routes: gateway.routes, finishing, tasks, closing: closing.boxed() })
    })
    .await
}
