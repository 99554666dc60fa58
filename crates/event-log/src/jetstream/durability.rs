//! Whether a NATS server syncs what it acknowledges. The login of a service can't see that: it is read from the
//! server's monitoring, or with a login of its system account.
//!
//! Jepsen lost acknowledged messages of a server that syncs every two minutes, which is the default.

mod monitor;
mod system;

use std::{fmt, sync::Arc};

use serde_json::Value;

use self::{monitor::Monitor, system::System};
use super::connect::{BadFlag, Login};

/// What vouches for the servers.
#[derive(Clone, Debug)]
pub enum Durability {
    /// Each of these is asked.
    Asked(Vec<Source>),
    /// Nobody is asked: `--trust-nats`.
    Trusted,
}

/// One that can be asked.
#[derive(Clone)]
pub enum Source {
    /// The monitoring of one server, over HTTP.
    Monitor(Monitor),
    /// The system account, which hears every server of the NATS.
    System(System),
}

/// Why a server is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    /// Who should vouch does not answer; it can later.
    #[error("{0}")]
    Away(Arc<str>),
    /// A server does not sync, or nobody vouches for the one we are connected to.
    #[error("{0}")]
    Refused(Arc<str>),
}

impl Untrusted {
    /// Whether it can be otherwise later without anybody changing anything.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

/// What one server says about itself.
#[derive(Debug, PartialEq, Eq)]
struct Server {
    id: String,
    name: String,
    syncs: Syncs,
}

#[derive(Debug, PartialEq, Eq)]
enum Syncs {
    /// Before each acknowledgement.
    Always,
    /// So often, in nanoseconds.
    Every(u64),
    /// It has no JetStream.
    Nothing,
}

impl Durability {
    /// Reads the values of `--nats-monitor` and `--trust-nats`: `http://HOST:8222`, or `nats://USER:PASSWORD@HOST` for
    /// the system account, with the TLS files of `login`.
    ///
    /// # Errors
    /// Names the flag that can't be used. Neither of the two is an error too.
    pub fn parse(monitors: &[String], trust: bool, login: &Login) -> Result<Self, BadFlag> {
        if trust {
            return Ok(Self::Trusted);
        }
        if monitors.is_empty() {
            let why = "is missing: whether NATS syncs what it acknowledges can only be seen in its monitoring \
                       (http://HOST:8222) or by its system account (nats://USER:PASSWORD@HOST:4222). \
                       --trust-nats starts without knowing";
            return Err(BadFlag { flag: monitor::FLAG.into(), why: why.into() });
        }
        monitors.iter().map(|url| Source::parse(url, login)).collect::<Result<_, _>>().map(Self::Asked)
    }

    /// Whether the server with this id, and every other one that is heard of, syncs before it acknowledges. To be
    /// asked after each connect: a server that was started again has a new id, and perhaps another configuration.
    ///
    /// # Errors
    /// See [`Untrusted`].
    pub async fn verify(&self, server_id: &str) -> Result<(), Untrusted> {
        let Self::Asked(sources) = self else { return Ok(()) };
        let (mut ours, mut away) = (false, None);
        for source in sources {
            match source.ask().await {
                Ok(servers) => {
                    for server in servers {
                        server.must_sync(source)?;
                        ours |= server.id == server_id && server.syncs == Syncs::Always;
                    }
                }
                Err(error @ Untrusted::Refused(_)) => return Err(error),
                Err(error) => away = away.or(Some(error)),
            }
        }
        match (ours, away) {
            (true, _) => Ok(()),
            (false, Some(error)) => Err(error),
            (false, None) => Err(Untrusted::Refused(self.another_server(server_id).into())),
        }
    }

    fn another_server(&self, server_id: &str) -> String {
        let Self::Asked(sources) = self else { return String::new() };
        let all = sources.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        format!(
            "{}: {all} shows other servers than the one we are connected to, or that one without JetStream \
             (server id {server_id})",
            monitor::FLAG
        )
    }
}

impl Source {
    fn parse(url: &str, login: &Login) -> Result<Self, BadFlag> {
        let lower = url.to_ascii_lowercase();
        if lower.starts_with("nats://") || lower.starts_with("tls://") {
            return System::parse(url, login).map(Self::System);
        }
        Monitor::parse(url).map(Self::Monitor)
    }

    async fn ask(&self) -> Result<Vec<Server>, Untrusted> {
        match self {
            Self::Monitor(monitor) => Ok(vec![monitor.ask().await?]),
            Self::System(system) => system.ask().await,
        }
    }
}

impl Server {
    /// Reads a server's `varz`.
    fn read(varz: &Value) -> Option<Self> {
        let jetstream = &varz["jetstream"]["config"];
        let syncs = match (jetstream["sync_always"].as_bool(), jetstream["sync_interval"].as_u64()) {
            (Some(true), _) => Syncs::Always,
            (_, Some(interval)) => Syncs::Every(interval),
            (_, None) if jetstream.is_object() => Syncs::Every(0),
            (_, None) => Syncs::Nothing,
        };
        let word = |key: &str| varz[key].as_str().map(str::to_owned);
        Some(Self { id: word("server_id")?, name: word("server_name").unwrap_or_default(), syncs })
    }

    fn must_sync(&self, source: &Source) -> Result<(), Untrusted> {
        let Syncs::Every(nanoseconds) = self.syncs else { return Ok(()) };
        let often = match nanoseconds {
            0 => "at times that it does not tell".to_owned(),
            _ => format!("every {:?}", std::time::Duration::from_nanos(nanoseconds)),
        };
        let why = format!(
            "{}: {source}: NATS server {} syncs {often}, not before it acknowledges: a power failure would lose \
             what was acknowledged. Set sync_interval: always in its jetstream {{ … }}",
            monitor::FLAG,
            self.name
        );
        Err(Untrusted::Refused(why.into()))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Monitor(monitor) => monitor.fmt(f),
            Self::System(system) => system.fmt(f),
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
