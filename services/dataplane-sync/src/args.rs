//! What the process is told.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;
use mooring_dataplane_sync::{AuditArgs, ProbeArgs, UrgentArgs};
use mooring_domain::name::GatewayName;
use mooring_ledger::{LogUrl, NatsArgs, StoreArgs};
use mooring_runtime::{args::ProcessArgs, peer::PeerUrl};

/// Mooring's dataplane-sync, one for each gateway: makes this machine's kernel carry what the event log in NATS says.
///
/// Prints `ready ADDRESS` on stdout once it serves, its logs answer, it has read them to the end and tried
/// every VPC once, and binding and health can be reached. Logs go to stderr;
/// MOORING_LOG filters them. Rules stay in the kernel when it stops. Exit codes: 0 stopped by SIGINT or SIGTERM, 1 could not start or go on, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "mooring-dataplane-sync", version)]
pub(crate) struct Args {
    /// Where to listen. Port 0 takes a free one.
    #[arg(long, env = "MOORING_LISTEN", default_value = "127.0.0.1:7444")]
    pub(crate) listen: SocketAddr,
    /// This gateway's name: no two of a region may have the same.
    #[arg(long, env = "MOORING_GATEWAY", value_name = "NAME")]
    pub(crate) gateway: GatewayName,
    /// The operator's file that says which VPC lives in which network namespace. Without it no VPC lives here.
    #[arg(long, env = "MOORING_PLACES", value_name = "FILE")]
    pub(crate) places: Option<PathBuf>,
    /// The binding service, where the gateway registers and reports.
    #[arg(long, env = "MOORING_BINDING", value_name = "URL")]
    pub(crate) binding: PeerUrl,
    /// The health service, where claims go.
    #[arg(long, env = "MOORING_HEALTH", value_name = "URL")]
    pub(crate) health: PeerUrl,
    /// The event log: nats://HOST:PORT, several servers of one NATS with commas between them.
    #[arg(long, env = "MOORING_LOG_URL", value_name = "URL", value_parser = LogUrl::nats)]
    pub(crate) log: LogUrl,
    #[command(flatten)]
    pub(crate) audit: AuditArgs,
    #[command(flatten)]
    pub(crate) probes: ProbeArgs,
    #[command(flatten)]
    pub(crate) urgent: UrgentArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) nats: NatsArgs,
    #[command(flatten)]
    pub(crate) process: ProcessArgs,
}
