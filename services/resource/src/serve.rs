//! Wires the service to its logs, and runs it until told to stop.

use anyhow::Result;
use futures::FutureExt;
use mooring_domain::{Stream, binding::FrontingCore, resource::ResourceCore};
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
            Store::open(&args.store, log, &[Stream::Resource], |why| waiting.set(Some(why))).await?;
        let (resource, bindings) = tokio::try_join!(
            store.ledgers::<ResourceCore>(),
            store.readers::<FrontingCore>("resource/bindings"),
        )?;
        waiting.set(None);
        let follow =
            |standing: Standing| process.conditions.follow(standing.name, standing.unknown, standing.unmet);
        let tasks = store.standings().into_iter().map(follow).collect();
        let routes = mooring_resource::routes(Routes::default(), resource, bindings);
        Ok(Running { routes, finishing: Vec::new(), tasks, closing: store.close().boxed() })
    })
    .await
}
