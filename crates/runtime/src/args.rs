//! The flags that every process has.

use std::{net::SocketAddr, num::NonZeroUsize};

use clap::{Args, ValueEnum, builder::BoolishValueParser};

use crate::{
    config::ConfigArgs,
    telemetry::{self, Format},
};

/// Flatten them into a process's parser. `--listen` is not among them: its default is the process's own.
#[derive(Clone, Debug, Args)]
pub struct ProcessArgs {
    /// See there.
    #[command(flatten)]
    pub config: ConfigArgs,
    /// Allow `--listen` on an address that strangers can reach, without TLS.
    #[arg(long, env = "MOORING_INSECURE", value_parser = BoolishValueParser::new())]
    pub insecure: bool,
    /// How logs are written.
    #[arg(long, env = "MOORING_LOG_FORMAT", value_enum, default_value_t)]
    pub log_format: LogFormat,
    /// Threads that answer calls and follow the log. By default every processor for mooringd, half of them for one service:
    /// on a small machine a thread that has to be woken costs more than it does.
    #[arg(long, env = "MOORING_THREADS", value_name = "COUNT")]
    pub threads: Option<NonZeroUsize>,
}

/// See [`Format`].
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum LogFormat {
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

impl ProcessArgs {
    /// Sets up the process's logs.
    pub fn logs(&self) {
        telemetry::init(self.log_format.into());
    }

    /// Where to listen, and whether strangers may be let in.
    pub fn at(&self, listen: SocketAddr) -> Listen {
        Listen { address: listen, insecure: self.insecure }
    }
}

/// Where a process listens.
#[derive(Clone, Copy, Debug)]
pub struct Listen {
    /// The address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Strangers may be let in.
    pub insecure: bool,
}
