//! Wires the four services together and runs them until told to stop. They talk to each other over gRPC, also here.

use std::{
    io::Write,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use anyhow::{Context, Result};
use futures::future::join_all;
use mooring_dataplane_sync::Region;
use mooring_ledger::WriterTask;
use mooring_runtime::{
    channel, listen,
    readiness::{self, Readiness},
    server, shutdown,
};
use tokio::{net::TcpListener, task::JoinHandle, time::timeout};
use tonic::service::Routes;

use crate::{
    args::Args,
    data,
    regions::{self, Cores},
};

/// The deadline of a call from one service to another.
const PEER_DEADLINE: Duration = Duration::from_secs(10);
/// How long calls that have begun may take when the process stops.
const GRACE: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: Args) -> Result<()> {
    let listener = listen::bind(args.listen, args.insecure).await?;
    let address = listener.local_addr().context("the address that was bound")?;
    let (stopper, stop) = shutdown::channel();
    tokio::spawn(stopper.on_signal());

    let _lock = data::lock(&args.data)?;
    let (logs, cursors, snapshots) = regions::open(&args.data, &args.regions)?;
    let cores = regions::fold(&logs, &snapshots).await?;
    let peers = channel::lazy(own(address), PEER_DEADLINE).context("the channel to ourselves")?;

    let (latch, readiness) = readiness::latches();
    let (announced, announcing) = readiness::latches();
    let Cores { resource, binding, health, bindings, writers } = cores;
    let routes = mooring_resource::routes(Routes::default(), resource, bindings);
    let routes = mooring_health::routes(routes, health);
    let (routes, managers) = mooring_binding::start(routes, binding, peers.clone());
    let config =
        mooring_dataplane_sync::Config { gateway: args.gateway, places: args.places, shutdown: stop.clone() };
    let regions = logs.into_iter().zip(cursors.into_values());
    let regions = regions.map(|((region, log), cursor)| (region, Region { log, cursor })).collect();
    let gateway =
        mooring_dataplane_sync::start(routes, &config, regions, &peers, &latch).context("--places")?;
    drop(latch);

    let announcer = tokio::spawn(async move {
        readiness.ready().await;
        say_ready(address);
        drop(announced);
    });
    let served = serve(listener, gateway.routes, announcing, stop).await;
    announcer.abort();
    finish(managers.into_iter().chain(gateway.tasks), writers).await;
    served
}

/// Ourselves, as a client has to call us.
fn own(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        ip if ip.is_unspecified() => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), address.port()),
        _ => address,
    }
}

fn say_ready(address: SocketAddr) {
    tracing::info!(%address, "ready");
    let mut stdout = std::io::stdout();
    // Nobody may be listening.
    let _ = writeln!(stdout, "ready {address}").and_then(|()| stdout.flush());
}

async fn serve(
    listener: TcpListener,
    routes: Routes,
    readiness: Readiness,
    stop: shutdown::Shutdown,
) -> Result<()> {
    let stopped = stop.clone();
    let served = server::serve(listener, routes, mooring_proto::DESCRIPTORS, readiness, stop.stopped());
    let too_long = async {
        stopped.stopped().await;
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = served => Ok(served?),
        () = too_long => {
            tracing::warn!("calls that had begun were cut off");
            Ok(())
        }
    }
}

/// Ends the tasks that act by themselves, then the writers, each with a last snapshot.
async fn finish(tasks: impl Iterator<Item = JoinHandle<()>>, writers: Vec<WriterTask>) {
    for task in tasks {
        task.abort();
        // An aborted task answers with an error.
        let _ = task.await;
    }
    let closed = join_all(writers.into_iter().map(WriterTask::close));
    if timeout(GRACE, closed).await.is_err() {
        tracing::warn!("a writer did not end in time; the next start folds more");
    }
}
