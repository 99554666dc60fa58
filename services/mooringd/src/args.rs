//! What the process is told.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Parser, ValueEnum};
use mooring_domain::name::{GatewayName, RegionId};
use mooring_runtime::telemetry::Format;

/// Mooring on one machine: resource, binding, health and dataplane-sync over an embedded event log.
///
/// Prints `ready ADDRESS` on stdout once it serves, has read its log to the end and has tried every VPC. Logs go to
/// stderr; MOORING_LOG filters them. Rules stay in the kernel when it stops. Exit codes: 0 stopped by SIGINT or SIGTERM,
/// 1 could not start or go on, 2 wrong usage.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    /// Where everything is kept: `log/REGION` (the truth), `snapshots` (can be rebuilt from it), `cursor/REGION`
    /// (how far the gateway has followed: a log that ends before it is refused).
    #[arg(long, env = "MOORING_DATA")]
    pub(crate) data: PathBuf,
    /// A region to serve; may be given several times. Each has a log of its own.
    #[arg(long = "region", env = "MOORING_REGIONS", value_delimiter = ',', required = true)]
    pub(crate) regions: Vec<RegionId>,
    /// Where to listen. Port 0 takes a free one.
    #[arg(long, env = "MOORING_LISTEN", default_value = "127.0.0.1:7440")]
    pub(crate) listen: SocketAddr,
    /// Allow `--listen` on an address that strangers can reach, without TLS.
    #[arg(long)]
    pub(crate) insecure: bool,
    /// This gateway's name.
    #[arg(long, env = "MOORING_GATEWAY", default_value = "gw-1")]
    pub(crate) gateway: GatewayName,
    /// The operator's file that says which VPC lives in which network namespace. Without it no VPC lives here.
    #[arg(long, env = "MOORING_PLACES")]
    pub(crate) places: Option<PathBuf>,
    /// How logs are written.
    #[arg(long, env = "MOORING_LOG_FORMAT", value_enum, default_value_t)]
    pub(crate) log_format: LogFormat,
}

/// See [`Format`].
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum LogFormat {
    /// Lines for people.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

impl From<LogFormat> for Format {
    fn from(format: LogFormat) -> Self {
        match format {
            LogFormat::Text => Self::Text,
            LogFormat::Json => Self::Json,
        }
    }
}
