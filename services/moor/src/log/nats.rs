//! The way to NATS, for the verbs that ask it themselves: the same flags as the services take.

use std::path::PathBuf;

use clap::Args;
use mooring_domain::name::RegionId;
use mooring_event_log::jetstream::{
    connect::{Connected, Login, Servers},
    durability::Durability,
};

use crate::{failure::Failure, invocation::Invocation};

/// How this process is called in the server's list of connections.
const CLIENT: &str = "moor log";

/// Who logs in, and over what.
#[derive(Debug, Args)]
#[command(next_help_heading = "Flags for NATS")]
pub struct Nats {
    /// The user
    #[arg(long, value_name = "NAME", env = "MOORING_NATS_USER")]
    nats_user: Option<String>,
    /// The file that holds the user's password
    #[arg(long, value_name = "FILE", env = "MOORING_NATS_PASSWORD_FILE")]
    nats_password_file: Option<PathBuf>,
    /// A .creds file instead: a user JWT and its seed
    #[arg(long, value_name = "FILE", env = "MOORING_NATS_CREDENTIALS")]
    nats_credentials: Option<PathBuf>,
    /// Whom to trust instead of the machine's own list; asks for TLS
    #[arg(long, value_name = "FILE", env = "MOORING_NATS_CA")]
    nats_ca: Option<PathBuf>,
    /// A certificate of our own; asks for TLS
    #[arg(long, value_name = "FILE", env = "MOORING_NATS_CERT")]
    nats_cert: Option<PathBuf>,
    /// The certificate's key
    #[arg(long, value_name = "FILE", env = "MOORING_NATS_KEY")]
    nats_key: Option<PathBuf>,
}

/// Who vouches that NATS keeps what it acknowledges.
#[derive(Debug, Args)]
#[command(next_help_heading = "Flags for NATS")]
pub struct Durable {
    /// Where it is seen that NATS syncs before it acknowledges: http://HOST:8222, or nats://USER:PASSWORD@HOST:4222 of
    /// the system account
    #[arg(long, value_name = "URL", env = "MOORING_NATS_MONITOR", value_delimiter = ',')]
    nats_monitor: Vec<String>,
    /// Do not look whether it does
    #[arg(long, env = "MOORING_TRUST_NATS")]
    trust_nats: bool,
}

impl Nats {
    /// Where `url`, which was written for `argument`, leads. Reads every file that is named.
    pub fn servers(&self, argument: &str, url: &str) -> Result<Servers, Failure> {
        Ok(Servers::parse(argument, url, &self.login())?)
    }

    /// Connects there.
    pub async fn connect(&self, argument: &str, url: &str) -> Result<Connected, Failure> {
        Ok(self.servers(argument, url)?.connect(CLIENT).await?)
    }

    /// Who vouches for it.
    pub fn durability(&self, durable: &Durable) -> Result<Durability, Failure> {
        Ok(Durability::parse(&durable.nats_monitor, durable.trust_nats, &self.login())?)
    }

    fn login(&self) -> Login {
        Login {
            user: self.nats_user.clone(),
            password_file: self.nats_password_file.clone(),
            credentials: self.nats_credentials.clone(),
            ca: self.nats_ca.clone(),
            cert: self.nats_cert.clone(),
            key: self.nats_key.clone(),
        }
    }
}

/// The regions that are meant: those that are named, or else the one of `--region`.
pub fn regions(moor: &Invocation, named: Vec<RegionId>) -> Result<Vec<RegionId>, Failure> {
    if named.is_empty() { Ok(vec![moor.home.region()?.clone()]) } else { Ok(named) }
}
