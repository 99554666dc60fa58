//! Wires the service to its logs, and runs it until told to stop.

use anyhow::Result;
use futures::FutureExt;
use mooring_domain::{Stream, holder::HolderCore};
use mooring_ledger::{Standing, Store};
use mooring_runtime::process::{self, Running, Settings};
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
        let mut store =
            Store::open(&args.store, log, &[Stream::Health], |why| waiting.set(Some(why))).await?;
        let health = store.ledgers::<HolderCore>().await?;
        waiting.set(None);
        let follow =
            |standing: Standing| process.conditions.follow(standing.name, standing.unknown, standing.unmet);
        let tasks = store.standings().into_iter().map(follow).collect();
        let (routes, finishing) =
            mooring_health::start(Routes::default(), health, (&process.stop, &process.drained));
        Ok(Running { routes, finishing, tasks, closing: store.close().boxed() })
    })
    .await
}
