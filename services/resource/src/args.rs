//! What the process is told.

use std::net::SocketAddr;

use clap::Parser;
use mooring_ledger::{LogUrl, NatsArgs, StoreArgs};
use mooring_runtime::args::ProcessArgs;

/// Mooring's resource service: pools, VPCs, subnets, vNICs, HAVIPs, EIPs, over an event log in NATS.
///
/// Prints `ready ADDRESS` on stdout once it serves, its logs answer and it has read them to the end. Logs go to stderr;
/// MOORING_LOG filters them. Exit codes: 0 stopped by SIGINT or SIGTERM, 1 could not start or go on, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "mooring-resource", version)]
pub(crate) struct Args {
    /// Where to listen. Port 0 takes a free one.
    #[arg(long, env = "MOORING_LISTEN", default_value = "127.0.0.1:7441")]
    pub(crate) listen: SocketAddr,
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
