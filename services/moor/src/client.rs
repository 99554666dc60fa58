//! The way to a server: one channel, who asks, how long a request may take, and what is tried again.

use std::time::{Duration, Instant};

use futures::TryStreamExt;
use mooring_domain::name::ProjectId;
use mooring_proto::{access, preview::MIN_POSITION};
use nix::unistd::{User, getuid};
use tonic::{
    Code, Request, Response, Status, Streaming,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use crate::{failure::Failure, servers::Server};

/// The server may need this long to say itself that the time is over.
const GRACE: Duration = Duration::from_millis(500);
/// The waits between tries: one try more than waits.
const BACKOFF: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];
/// A page of the log may be that large: 100 records of 512 KiB.
pub const LARGEST_ANSWER: usize = 64 << 20;

/// One method of a service: the channel and the request go in, the response comes out.
pub trait Rpc<T, R>: AsyncFn(Channel, Request<T>) -> Result<Response<R>, Status> {}
impl<T, R, F: AsyncFn(Channel, Request<T>) -> Result<Response<R>, Status>> Rpc<T, R> for F {}

/// In which role `moor` asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Of the project that --project says; there is no other for it
    Member,
    /// Of the region: sees every project
    Operator,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Member => access::MEMBER,
            Self::Operator => access::OPERATOR,
        }
    }
}

/// Whose calls these are.
#[derive(Clone, Debug)]
pub struct Whose {
    /// The role.
    pub role: Role,
    /// The project, if said.
    pub project: Option<ProjectId>,
    /// The position that reads must have.
    pub seen: Option<u64>,
}

/// A channel to the server, and everything that each request carries.
pub struct Client {
    channel: Channel,
    server: Server,
    actor: MetadataValue<Ascii>,
    whose: Whose,
    timeout: Duration,
}

impl Client {
    /// Prepares the channel; it connects with the first request. Fails when `server` is no URL, or one that asks for what
    /// there is not: nobody who asks for TLS gets plaintext.
    pub fn new(mut server: Server, whose: Whose, timeout: Duration) -> Result<Self, Failure> {
        let url = &mut server.url;
        if !url.contains("://") && !url.starts_with("unix:") {
            *url = format!("http://{url}");
        }
        if has_prefix(url, "https://") {
            return Err(Failure::usage(format!("{url}: there is no TLS yet; use http:// or unix:PATH")));
        }
        if !has_prefix(url, "http://") && !url.starts_with("unix:") {
            return Err(no_server(url));
        }
        let endpoint = Endpoint::from_shared(url.clone()).map_err(|_| no_server(url))?;
        let channel = endpoint.connect_timeout(timeout.min(Duration::from_secs(5))).connect_lazy();
        let actor = actor(&who_asks()).parse().unwrap_or_else(|_| MetadataValue::from_static("unknown"));
        Ok(Self { channel, server, actor, whose, timeout })
    }

    /// The way to another server, as long and as whoever asks here; over the same channel if it is the same server.
    pub fn beside(&self, server: Server) -> Result<Self, Failure> {
        let mut other = Self::new(server, self.whose.clone(), self.timeout)?;
        if other.server == self.server {
            other.channel = self.channel.clone();
        }
        Ok(other)
    }

    /// Where it leads.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// Asks, and gives the message of the answer.
    pub async fn call<T: Clone, R>(&self, message: T, rpc: impl Rpc<T, R>) -> Result<R, Failure> {
        self.ask(message, rpc).await.map(Response::into_inner)
    }

    /// Asks, and asks again when the server is UNAVAILABLE: at most three times, within the timeout. Safe for reads, and
    /// for writes because they carry a request id.
    pub async fn ask<T: Clone, R>(&self, message: T, rpc: impl Rpc<T, R>) -> Result<Response<R>, Failure> {
        let deadline = Instant::now() + self.timeout;
        let mut waits = BACKOFF.into_iter();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut request = self.endless(message.clone());
            request.set_timeout(left);
            let answer = tokio::time::timeout(left + GRACE, rpc(self.channel.clone(), request)).await;
            let status = match answer {
                Ok(Ok(response)) => return Ok(response),
                Ok(Err(status)) => status,
                Err(_) => return Err(Failure::timed_out(&self.server)),
            };
            let wait = waits.next().filter(|wait| Instant::now() + *wait < deadline);
            match wait {
                Some(wait) if status.code() == Code::Unavailable => tokio::time::sleep(wait).await,
                _ => return Err(self.failure(&status)),
            }
        }
    }

    /// Asks for an answer in parts, and gathers them all within the timeout.
    pub async fn gather<T, R>(&self, message: T, rpc: impl Rpc<T, Streaming<R>>) -> Result<Vec<R>, Failure> {
        let gathering = async {
            let answers = rpc(self.channel.clone(), self.endless(message)).await?.into_inner();
            answers.try_collect().await
        };
        self.in_time(gathering).await
    }

    /// What must come within the timeout.
    pub async fn in_time<T>(&self, coming: impl Future<Output = Result<T, Status>>) -> Result<T, Failure> {
        match tokio::time::timeout(self.timeout, coming).await {
            Ok(come) => come.map_err(|status| self.failure(&status)),
            Err(_) => Err(Failure::timed_out(&self.server)),
        }
    }

    /// A request without a timeout, for a stream that goes on for ever.
    pub fn endless<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("mooring-actor", self.actor.clone());
        metadata.insert(access::ROLE, MetadataValue::from_static(self.whose.role.word()));
        // A project's id is ASCII.
        let project = self.whose.project.as_ref().and_then(|project| project.as_str().parse().ok());
        if let Some(project) = project {
            metadata.insert(access::PROJECT, project);
        }
        if let Some(seen) = self.whose.seen {
            metadata.insert(MIN_POSITION, seen.into());
        }
        request
    }

    /// How long a request may take, and how long a stream is taken up again from a server that stays away.
    pub fn patience(&self) -> Duration {
        self.timeout
    }

    /// The channel, for streams.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// What a status of this server means.
    pub fn failure(&self, status: &Status) -> Failure {
        Failure::from_status(status, &self.server)
    }
}

fn no_server(server: &str) -> Failure {
    Failure::usage(format!("{server:?} is no server: expected http://HOST:PORT or unix:PATH"))
}

/// Schemes of URLs know no upper and lower case.
fn has_prefix(url: &str, scheme: &str) -> bool {
    url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
}

/// `MOORING_ACTOR`, or the user at this host.
fn who_asks() -> String {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    set("MOORING_ACTOR").unwrap_or_else(|| {
        let user = set("USER").or_else(|| set("LOGNAME")).unwrap_or_else(account);
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host = host.trim();
        if host.is_empty() { user } else { format!("{user}@{host}") }
    })
}

/// The name of the account that runs this process, or its number.
fn account() -> String {
    let uid = getuid();
    User::from_uid(uid).ok().flatten().map_or_else(|| format!("uid-{uid}"), |user| user.name)
}

/// As metadata can carry it and a log line can show it: visible ASCII, at most 128 characters.
fn actor(who: &str) -> String {
    who.chars().take(128).map(|c| if c.is_ascii_graphic() { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    #[test]
    fn an_actor_is_visible_ascii() {
        assert_eq!(actor("jörg@häfen one\n"), "j_rg@h_fen_one_");
        assert_eq!(actor(&"x".repeat(500)).len(), 128);
    }

    #[tokio::test]
    async fn a_server_is_a_url_or_a_host_and_port() {
        let open = |url: &str| {
            let whose = Whose { role: Role::Operator, project: None, seen: None };
            Client::new(Server::of_all(url), whose, Duration::from_secs(1)).map(|client| client.server.url)
        };
        assert_eq!(open("127.0.0.1:7440").unwrap(), "http://127.0.0.1:7440");
        assert_eq!(open("unix:/run/mooring.sock").unwrap(), "unix:/run/mooring.sock");
        for no_server in ["http://not a host", "ftp://127.0.0.1:7440", "tcp://127.0.0.1:7440"] {
            assert!(open(no_server).unwrap_err().message.contains("is no server"), "{no_server}");
        }
        for tls in ["https://127.0.0.1:7440", "HTTPS://mooring.example"] {
            let failure = open(tls).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert_eq!(failure.message, format!("{tls}: there is no TLS yet; use http:// or unix:PATH"));
        }
    }
}
