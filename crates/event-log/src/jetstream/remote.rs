//! The JetStream stream of a region as the NATS servers have it: every question that is asked of it.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use async_nats::{
    connection::State,
    jetstream::{self, Context, context::RequestErrorKind, stream::RawMessageErrorKind},
};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    admin,
    connect::{Connected, Link},
    durability::Durability,
    feed::Feed,
    message::{self, Incoming},
    settings,
};
use crate::{
    contract::LogError,
    record::{Position, StreamName},
};

/// What is not answered after this is not waited for any longer. An append without an answer is then `Unknown`.
const PATIENCE: Duration = Duration::from_secs(5);

/// JetStream's number for a JetStream stream that is not there.
const NOT_FOUND: u64 = 10_059;

/// A region's JetStream stream, and the copy that vouches for it.
pub(super) struct Remote {
    at: Connected,
    pub context: Context,
    region: String,
    durability: Durability,
    /// The name of the JetStream stream.
    pub name: Arc<str>,
    /// What stands before a stream's name in its subject.
    prefix: Arc<str>,
    /// Where the copy is, for messages.
    pub copy: PathBuf,
}

/// What a JetStream stream says about itself.
pub(super) struct Seen {
    /// When it was created, as the server says it: another time is another JetStream stream.
    pub created: Arc<str>,
    /// Its last sequence.
    pub last: Position,
    /// How many messages it has.
    pub messages: u64,
}

/// Why an answer will not come.
pub(super) enum Interrupted {
    /// The connection was lost.
    Lost,
    /// The login may not do that.
    Forbidden(Arc<str>),
}

impl Remote {
    pub fn new(at: Connected, region: String, durability: Durability, copy: PathBuf) -> Self {
        let context = jetstream::ContextBuilder::new().timeout(PATIENCE).build(at.client.clone());
        let (name, prefix) = (settings::name(&region).into(), settings::subject(&region, "").into());
        Self { at, context, region, durability, name, prefix, copy }
    }

    /// The number of the connection there is now. After each, the server may be another one, or have lost something.
    pub fn connection(&self) -> Option<u64> {
        let up = self.at.client.connection_state() == State::Connected;
        up.then(|| self.at.client.statistics().connects.load(Ordering::Relaxed))
    }

    /// Whether its settings are as they must be, and the server we are connected to syncs what it acknowledges.
    pub async fn check(&self) -> Result<(), LogError> {
        let server = self.at.client.server_info().server_id;
        self.durability.verify(&server).await.map_err(|error| refusal(error.retryable(), &error))?;
        let found = admin::check(&self.at, &self.region).await;
        found.map(|_| ()).map_err(|error| refusal(error.retryable(), &error))
    }

    /// Returns once this is no longer the connection there is, or the server complains about the use of a subject;
    /// what it says then.
    pub async fn interrupted(&self, connection: Option<u64>, subject: &str) -> Interrupted {
        let (mut link, subject) = (self.link(), format!("\"{subject}\""));
        loop {
            let trouble = link.borrow_and_update().trouble.clone();
            if connection.is_none() || self.connection() != connection {
                return Interrupted::Lost;
            }
            if let Some(why) = trouble.filter(|why| why.contains("ermissions") && why.contains(&subject)) {
                return Interrupted::Forbidden(why);
            }
            if link.changed().await.is_err() {
                return Interrupted::Lost;
            }
        }
    }

    /// Tells when the connection changes.
    pub fn link(&self) -> watch::Receiver<Link> {
        self.at.link.clone()
    }

    /// Why there is no connection.
    pub fn away(&self) -> LogError {
        let trouble = self.at.link.borrow().trouble.clone();
        let trouble = trouble.as_deref().unwrap_or("the connection is being made again");
        LogError::Unavailable(format!("{self}: not connected: {trouble}").into())
    }

    /// Asks for the JetStream stream's state.
    pub async fn seen(&self) -> Result<Seen, LogError> {
        let (connection, nothing) = (self.connection(), json!({}));
        let question = format!("STREAM.INFO.{}", self.name);
        let subject = format!("$JS.API.{question}");
        let asked = tokio::select! {
            biased;
            asked = self.context.request(question, &nothing) => asked,
            _ = self.interrupted(connection, &subject) => return Err(self.away()),
        };
        let answer: Value = asked.map_err(|error| self.unanswered(&error))?;
        let unavailable = |why: &str| LogError::Unavailable(format!("{self}: {why}").into());
        match answer["error"]["err_code"].as_u64() {
            None => Seen::of(&answer).ok_or_else(|| unavailable("an answer without a state")),
            Some(NOT_FOUND) => Err(LogError::Unavailable(format!("there is no {self}").into())),
            Some(_) => Err(unavailable(answer["error"]["description"].as_str().unwrap_or("an error"))),
        }
    }

    /// Reads the message at a position, if there is one; the inner error says what is wrong with it.
    pub async fn message(&self, position: Position) -> Result<Option<Result<Incoming, String>>, LogError> {
        let unavailable = |why: String| LogError::Unavailable(format!("{self}: {why}").into());
        let stream = self.context.get_stream_no_info(&self.name).await;
        let stream = stream.map_err(|error| unavailable(error.to_string()))?;
        match stream.get_raw_message(position.0).await {
            Ok(found) => {
                let stream = self.stream_of(&found.subject);
                Ok(Some(message::read(position, stream, Some(&found.headers), &found.payload)))
            }
            Err(error) => match error.kind() {
                RawMessageErrorKind::NoMessageFound => Ok(None),
                RawMessageErrorKind::JetStream(inner) => Err(unavailable(inner.to_string())),
                _ => Err(unavailable(error.to_string())),
            },
        }
    }

    /// Every message after a position, as they come.
    pub async fn feed(&self, after: Position) -> Result<Feed, LogError> {
        let feed = Feed::start(&self.at.client, &self.context, &self.name, after).await;
        feed.map_err(|why| LogError::Unavailable(format!("{self}: {why}").into()))
    }

    /// The subject of a stream.
    pub fn subject(&self, stream: &StreamName) -> String {
        format!("{}{stream}", self.prefix)
    }

    /// The stream whose subject this is.
    pub fn stream_of<'a>(&self, subject: &'a str) -> &'a str {
        subject.strip_prefix(self.prefix.as_ref()).unwrap_or(subject)
    }

    fn unanswered(&self, error: &jetstream::context::RequestError) -> LogError {
        let hint = match error.kind() {
            RequestErrorKind::NoResponders => ": JetStream is off there, or not ready",
            _ => "",
        };
        LogError::Unavailable(format!("{self}: {error}{hint}").into())
    }
}

impl Seen {
    fn of(answer: &Value) -> Option<Self> {
        let state = &answer["state"];
        Some(Self {
            created: answer["created"].as_str()?.into(),
            last: Position(state["last_seq"].as_u64()?),
            messages: state["messages"].as_u64()?,
        })
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let server = self.at.client.server_info();
        write!(f, "JetStream stream {} at {}:{}", self.name, server.host, server.port)
    }
}

/// What can be otherwise later, or what somebody must change first.
pub(super) fn refusal(retryable: bool, why: &dyn fmt::Display) -> LogError {
    let text = why.to_string().into();
    if retryable { LogError::Unavailable(text) } else { LogError::Refused(text) }
}
