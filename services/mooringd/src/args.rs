//! What the process is told.

use std::{net::SocketAddr, path::PathBuf};

use clap::Parser;
use mooring_dataplane_sync::{AuditArgs, ProbeArgs, UrgentArgs};
use mooring_domain::name::GatewayName;
use mooring_ledger::{ArchiveArgs, LogUrl, NatsArgs, StoreArgs};
use mooring_runtime::args::ProcessArgs;

/// Mooring on one machine: resource, binding, health and dataplane-sync over an embedded event log.
///
/// Prints `ready ADDRESS` on stdout once it serves, has read its log to the end and has tried every VPC. Logs go to
/// stderr; MOORING_LOG filters them. Rules stay in the kernel when it stops. Exit codes: 0 stopped by SIGINT or SIGTERM,
/// 1 could not start or go on, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Where to listen. Port 0 takes a free one.
    #[arg(long, env = "MOORING_LISTEN", default_value = "127.0.0.1:7440")]
    pub(crate) listen: SocketAddr,
    /// This gateway's name.
    #[arg(long, env = "MOORING_GATEWAY", value_name = "NAME", default_value = "gw-1")]
    pub(crate) gateway: GatewayName,
    /// The operator's file that says which VPC lives in which network namespace. Without it no VPC lives here.
    #[arg(long, env = "MOORING_PLACES", value_name = "FILE")]
    pub(crate) places: Option<PathBuf>,
    /// The event log: file:, segment files in --data, or nats://HOST:PORT, several servers of one NATS with commas between
    /// them.
    #[arg(long, env = "MOORING_LOG_URL", value_name = "URL", default_value = "file:", value_parser = LogUrl::any)]
    pub(crate) log: LogUrl,
    #[command(flatten)]
    pub(crate) audit: AuditArgs,
    #[command(flatten)]
    pub(crate) probes: ProbeArgs,
    #[command(flatten)]
    pub(crate) urgent: UrgentArgs,
    #[command(flatten)]
    pub(crate) archive: ArchiveArgs,
    #[command(flatten)]
    pub(crate) store: StoreArgs,
    #[command(flatten)]
    pub(crate) nats: NatsArgs,
    #[command(flatten)]
    pub(crate) process: ProcessArgs,
}
