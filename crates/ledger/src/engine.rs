//! Which engine a process's logs are in, and the flags that say so: segment files in its data folder, or NATS
//! JetStream with a copy there.

mod open;

use std::{fmt, path::PathBuf};

use clap::{Args, builder::BoolishValueParser};
use mooring_domain::name::RegionId;
use mooring_event_log::jetstream::{
    Servers,
    connect::{BadFlag, Login},
    durability::Durability,
};

pub(crate) use self::open::{Kept, Opening};

/// What a process keeps, and for which regions. Flatten it into a process's parser.
#[derive(Clone, Debug, Args)]
pub struct StoreArgs {
    /// Where everything is kept: `log/REGION` (segment files, or the copy of what is in NATS), `snapshots` (can be
    /// rebuilt from it, as can `index/REGION`: where to find which events), `cursor/REGION` (how far a gateway has followed: a log that ends before it is refused),
    /// `drifts/REGION` (what it found changed in its kernels and is not recorded yet).
    #[arg(long, env = "MOORING_DATA", value_name = "DIR")]
    pub data: PathBuf,
    /// A region to serve; may be given several times. Each has a log of its own.
    #[arg(
        long = "region",
        env = "MOORING_REGIONS",
        value_name = "REGION",
        value_delimiter = ',',
        required = true
    )]
    pub regions: Vec<RegionId>,
}

impl StoreArgs {
    /// Where the index of a region's events is.
    pub fn index(&self, region: &RegionId) -> PathBuf {
        self.data.join("index").join(region.as_str())
    }

    /// The file in which what a gateway found changed waits to be recorded.
    pub fn drifts(&self, region: &RegionId) -> PathBuf {
        self.data.join("drifts").join(region.as_str())
    }
}

/// How to log in to NATS, and who vouches for its disks. Flatten it into a process's parser.
#[derive(Clone, Debug, Default, Args)]
pub struct NatsArgs {
    /// A .creds file: a user's JWT and the seed of its key.
    #[arg(long, env = "MOORING_NATS_CREDENTIALS", value_name = "FILE")]
    pub nats_credentials: Option<PathBuf>,
    /// A user, with --nats-password-file.
    #[arg(long, env = "MOORING_NATS_USER", value_name = "NAME")]
    pub nats_user: Option<String>,
    /// The file whose first line is the user's password.
    #[arg(long, env = "MOORING_NATS_PASSWORD_FILE", value_name = "FILE")]
    pub nats_password_file: Option<PathBuf>,
    /// Whom to trust instead of the machine's own list (PEM). Asks for TLS.
    #[arg(long, env = "MOORING_NATS_CA", value_name = "FILE")]
    pub nats_ca: Option<PathBuf>,
    /// A certificate of our own (PEM), with --nats-key. Asks for TLS.
    #[arg(long, env = "MOORING_NATS_CERT", value_name = "FILE")]
    pub nats_cert: Option<PathBuf>,
    /// Its key (PEM).
    #[arg(long, env = "MOORING_NATS_KEY", value_name = "FILE")]
    pub nats_key: Option<PathBuf>,
    /// Where to read whether NATS syncs what it acknowledges: a server's monitoring, http://HOST:8222, or the system
    /// account, nats://USER:PASSWORD@HOST:4222. May be given several times.
    #[arg(long, env = "MOORING_NATS_MONITOR", value_name = "URL", value_delimiter = ',')]
    pub nats_monitor: Vec<String>,
    /// Start without knowing that.
    #[arg(long, env = "MOORING_TRUST_NATS", value_parser = BoolishValueParser::new())]
    pub trust_nats: bool,
}

/// What a log is in.
#[derive(Clone, PartialEq, Eq)]
pub enum LogUrl {
    /// `file:`, segment files in the process's own folder: for one process.
    Files,
    /// `nats://HOST:PORT`, several with commas between them.
    Nats(String),
}

impl LogUrl {
    /// For a process that has everything in it.
    ///
    /// # Errors
    /// What it must be.
    pub fn any(text: &str) -> Result<Self, String> {
        match text {
            "file:" => Ok(Self::Files),
            _ if text.starts_with("file:") => {
                Err("must be file: and nothing else; the segment files are in --data".to_owned())
            }
            _ => Self::nats(text),
        }
    }

    /// For a service that others share the log with.
    ///
    /// # Errors
    /// What it must be.
    pub fn nats(text: &str) -> Result<Self, String> {
        let each = |url: &str| url.starts_with("nats://") || url.starts_with("tls://");
        match text {
            _ if text.starts_with("file:") => {
                let why =
                    "segment files are for one process, which is mooringd; services that share a log need";
                Err(format!("{why} nats://HOST:PORT"))
            }
            _ if text.split(',').map(str::trim).all(each) => Ok(Self::Nats(text.to_owned())),
            _ => Err("must be nats://HOST:PORT, several with commas between them".to_owned()),
        }
    }
}

/// Without the text: a user and a password can be in it.
impl fmt::Debug for LogUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Files => "file:",
            Self::Nats(_) => "nats:",
        })
    }
}

/// Where a process's logs are, checked: every flag is good and every file that one names was read.
#[derive(Clone, Debug)]
pub(crate) enum Engine {
    Files,
    Nats { servers: Servers, durability: Durability },
}

impl Engine {
    pub(crate) fn new(log: &LogUrl, nats: &NatsArgs) -> Result<Self, BadFlag> {
        let LogUrl::Nats(urls) = log else { return Ok(Self::Files) };
        let login = Login {
            user: nats.nats_user.clone(),
            password_file: nats.nats_password_file.clone(),
            credentials: nats.nats_credentials.clone(),
            ca: nats.nats_ca.clone(),
            cert: nats.nats_cert.clone(),
            key: nats.nats_key.clone(),
        };
        let servers = Servers::parse("--log", urls, &login)?;
        let durability = Durability::parse(&nats.nats_monitor, nats.trust_nats, &login)?;
        Ok(Self::Nats { servers, durability })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segment_files_are_for_one_process_and_their_folder_is_its_own() {
        assert_eq!(LogUrl::any("file:"), Ok(LogUrl::Files));
        assert!(LogUrl::any("file:/somewhere").unwrap_err().contains("--data"));
        assert!(LogUrl::nats("file:").unwrap_err().contains("mooringd"));
    }

    #[test]
    fn several_servers_of_one_nats_have_commas_between_them() {
        let text = "nats://h1:4222,tls://h2:4222";
        assert_eq!(LogUrl::any(text), Ok(LogUrl::Nats(text.to_owned())));
        assert!(LogUrl::nats("nats://h1:4222,h2:4222").is_err());
        assert!(LogUrl::any("/var/lib/mooring").is_err());
    }

    #[test]
    fn a_password_in_the_url_is_not_shown() {
        let url = LogUrl::nats("nats://me:secret@h1:4222").unwrap();
        assert!(!format!("{url:?}").contains("secret"));
    }
}
