//! What the process is told.

use std::net::SocketAddr;

use clap::Parser;
use mooring_ledger::{LogUrl, NatsArgs, StoreArgs};
use mooring_runtime::{args::ProcessArgs, peer::PeerUrl};

/// Mooring's binding service: which EIP fronts which HAVIP, over an event log in NATS.
///
/// Prints `ready ADDRESS` on stdout once it serves, its logs answer, it has read them to the end, and the
/// resource service can be reached. Logs go to stderr;
/// MOORING_LOG filters them. Exit codes: 0 stopped by SIGINT or SIGTERM, 1 could not start or go on, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "mooring-binding", version)]
pub(crate) struct Args {
    /// Where to listen. Port 0 takes a free one.
    #[arg(long, env = "MOORING_LISTEN", default_value = "127.0.0.1:7442")]
    pub(crate) listen: SocketAddr,
    /// The resource service.
    #[arg(long, env = "MOORING_RESOURCE", value_name = "URL")]
    pub(crate) resource: PeerUrl,
    /// The event log: nats://HOST:PORT, several servers of one NATS with commas between them.
    #[arg(long, env = "MOORING_LOG_URL", value_name = "URL", value_parser = LogUrl::nats)]
    pub(crate) log: LogUrl,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) nats: NatsArgs,
    #[command(flatten)]
    pub(crate) process: ProcessArgs,
}
