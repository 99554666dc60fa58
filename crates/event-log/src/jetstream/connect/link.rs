//! A connection as it stands: up or down, how often it was made, and what the server last complained about.

use std::{error::Error, io, sync::Arc};

use async_nats::{Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, rustls};
use tokio::sync::watch;

use super::Servers;

/// How a connection stands. Whoever watches sees the latest, and that it changed since.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Whether it is up.
    pub connected: bool,
    /// How often it was made. After each, the server may be another one, or may have lost something.
    pub connects: u64,
    /// The last thing the server or the client complained about: a forbidden subject, an address that does not answer.
    pub trouble: Option<Arc<str>>,
}

/// A client, and how its connection stands.
#[derive(Clone, Debug)]
pub struct Connected {
    /// The client. It connects again by itself.
    pub client: Client,
    /// How its connection stands.
    pub link: watch::Receiver<Link>,
    /// Where it connects to.
    pub servers: Servers,
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectFailed {
    /// Nobody answers, or not in time. It can work later.
    #[error("NATS at {servers} can't be reached: {why}")]
    Away {
        /// The addresses.
        servers: Arc<str>,
        /// What the last of them said.
        why: Arc<str>,
    },
    /// The login or TLS is wrong: somebody must change something.
    #[error("NATS at {servers}: {why}")]
    Refused {
        /// The addresses.
        servers: Arc<str>,
        /// Why it is refused, and the flags that have to do with it.
        why: Arc<str>,
    },
}

impl ConnectFailed {
    pub(super) fn new(servers: &Servers, error: &ConnectError) -> Self {
        let name = servers.to_string().into();
        match refusal(servers, error) {
            Some(why) => Self::Refused { servers: name, why: why.into() },
            None => Self::Away { servers: name, why: cause(error).into() },
        }
    }

    /// Whether another try can work without anybody changing anything.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Away { .. })
    }
}

fn refusal(servers: &Servers, error: &ConnectError) -> Option<String> {
    let user = servers.user();
    match error.kind() {
        ConnectErrorKind::AuthorizationViolation => Some(format!(
            "{user} may not log in (--nats-user and --nats-password-file, --nats-credentials, or a user in the address)"
        )),
        ConnectErrorKind::Authentication => Some(format!("the login of {user} can't be signed")),
        ConnectErrorKind::ServerParse => Some(cause(error)),
        ConnectErrorKind::Tls => Some(format!("TLS (--nats-ca, --nats-cert, --nats-key): {}", cause(error))),
        _ => tls_error(error).map(|why| match why {
            rustls::Error::InvalidMessage(_) => "does not speak TLS, which was asked for".to_owned(),
            other => format!("TLS (--nats-ca, --nats-cert, --nats-key): {other}"),
        }),
    }
}

/// A failed handshake arrives as an I/O error.
fn tls_error(error: &ConnectError) -> Option<&rustls::Error> {
    error.source()?.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref()
}

fn cause(error: &ConnectError) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Options that keep a [`Link`] up to date.
pub(super) fn watched(options: ConnectOptions) -> (ConnectOptions, watch::Receiver<Link>) {
    let (sender, link) = watch::channel(Link::default());
    let sender = Arc::new(sender);
    let options = options.event_callback(move |event| {
        let sender = Arc::clone(&sender);
        async move { sender.send_modify(|link| link.take(&event)) }
    });
    (options, link)
}

impl Link {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Connected => {
                self.connected = true;
                self.connects += 1;
                self.trouble = None;
            }
            Event::Disconnected | Event::Closed => self.connected = false,
            Event::ServerError(error) => self.trouble = Some(error.to_string().into()),
            Event::ClientError(error) => self.trouble = Some(error.to_string().into()),
            Event::SlowConsumer(_) | Event::LameDuckMode | Event::Draining => {}
        }
    }
}
