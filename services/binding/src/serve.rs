//! Wires the service to its logs, and to its peers, and runs it until told to stop.

use anyhow::{Context, Result};
use futures::FutureExt;
use mooring_domain::{Stream, binding::BindingCore};
use mooring_ledger::{Standing, Store};
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
        let mut store =
            Store::open(&args.store, log, &[Stream::Binding], |why| waiting.set(Some(why))).await?;
        let binding = store.ledgers::<BindingCore>().await?;
        waiting.set(None);
        let resource = Peer::new("resource", args.resource.clone()).context("--resource")?;
        let follow =
            |standing: Standing| process.conditions.follow(standing.name, standing.unknown, standing.unmet);
        let mut tasks: Vec<_> = store.standings().into_iter().map(follow).collect();
        tasks.push(resource.watch(&process.conditions));
        let (routes, finishing) =
            mooring_binding::start(Routes::default(), binding, &resource, (&process.stop, &process.drained));
        Ok(Running { routes, finishing, tasks, closing: store.close().boxed() })
    })
    .await
}
