//! Making a region's JetStream stream, with an administrator's login, and looking whether it is as it must be, which
//! every start does.

use std::{fmt, sync::Arc};

use async_nats::RequestErrorKind;
use serde_json::{Value, json};

use super::{
    connect::Connected,
    settings::{self, Difference},
};
use crate::contract::MAX_RECORD_BYTES;

/// Room for a record's headers beside it in one message.
const HEADER_BYTES: usize = 4 * 1024;

/// JetStream's own numbers for errors.
const NOT_FOUND: u64 = 10_059;
const OVERLAP: u64 = 10_065;
const OFF_FOR_ACCOUNT: [u64; 2] = [10_039, 10_076];
/// No leader yet, or not enough servers: passes by itself.
const PASSING: [u64; 4] = [10_008, 10_009, 10_023, 10_110];

/// A region's JetStream stream, as found or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name.
    pub name: String,
    /// When it was made, as the server says it: another time means another JetStream stream.
    pub created: String,
    /// Its last sequence; 0 when it has nothing.
    pub last: u64,
    /// On how many servers it is kept.
    pub replicas: u64,
    /// Whether this call made it.
    pub made: bool,
}

/// Why it is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminError {
    /// No answer; it can come later.
    Away(Arc<str>),
    /// There is no such JetStream stream.
    Missing {
        /// Its name.
        name: Arc<str>,
        /// The region.
        region: Arc<str>,
        /// Where it was looked for.
        servers: Arc<str>,
    },
    /// It is there with other settings.
    Different {
        /// Its name.
        name: Arc<str>,
        /// Where.
        servers: Arc<str>,
        /// Every difference.
        differences: Vec<Difference>,
    },
    /// The server forbids it, has no JetStream, or another JetStream stream is in the way.
    Refused(Arc<str>),
}

impl AdminError {
    /// Whether it can be otherwise later without anybody changing anything.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

impl fmt::Display for AdminError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Away(why) | Self::Refused(why) => f.write_str(why),
            Self::Missing { name, region, servers } => write!(
                f,
                "there is no JetStream stream {name} at {servers}; an administrator makes it: \
                 moor log init {servers} --region {region}"
            ),
            Self::Different { name, servers, differences } => {
                write!(f, "JetStream stream {name} at {servers} has other settings:")?;
                differences.iter().try_for_each(|difference| write!(f, "\n  {difference}"))
            }
        }
    }
}

impl std::error::Error for AdminError {}

/// Makes a region's JetStream stream unless it is there, reads it back, and refuses any difference. Doing it again
/// changes nothing.
///
/// # Errors
/// See [`AdminError`]; what is there already is never changed.
pub async fn init(at: &Connected, region: &str, replicas: usize) -> Result<Found, AdminError> {
    match look(at, region, Some(replicas)).await {
        Err(AdminError::Missing { .. }) => {}
        found => return found,
    }
    let name = settings::name(region);
    let subject = format!("$JS.API.STREAM.CREATE.{name}");
    let answer = ask(at, &subject, &settings::wanted(region, replicas)).await?;
    match answer["error"]["err_code"].as_u64() {
        None => {}
        Some(OVERLAP) => return Err(in_the_way(at, region).await),
        Some(_) => return Err(refused(at, &format!("making JetStream stream {name}"), &answer)),
    }
    let found = look(at, region, Some(replicas)).await?;
    Ok(Found { made: true, ..found })
}

/// Whether a region's JetStream stream is there with the settings it must have, on however many servers, and whether
/// the server takes messages as large as a record.
///
/// # Errors
/// See [`AdminError`].
pub async fn check(at: &Connected, region: &str) -> Result<Found, AdminError> {
    let found = look(at, region, None).await?;
    let room = at.client.server_info().max_payload;
    if room < MAX_RECORD_BYTES + HEADER_BYTES {
        let least = MAX_RECORD_BYTES + HEADER_BYTES;
        let why = format!(
            "NATS at {} takes messages of {room} bytes (max_payload); {least} are needed",
            at.servers
        );
        return Err(AdminError::Refused(why.into()));
    }
    Ok(found)
}

async fn look(at: &Connected, region: &str, replicas: Option<usize>) -> Result<Found, AdminError> {
    let name = settings::name(region);
    let answer = ask(at, &format!("$JS.API.STREAM.INFO.{name}"), &Value::Null).await?;
    let servers = || at.servers.to_string().into();
    match answer["error"]["err_code"].as_u64() {
        None => {}
        Some(NOT_FOUND) => {
            return Err(AdminError::Missing { name: name.into(), region: region.into(), servers: servers() });
        }
        Some(_) => return Err(refused(at, &format!("looking at JetStream stream {name}"), &answer)),
    }
    let (Some(config), Some(created)) = (answer["config"].as_object(), answer["created"].as_str()) else {
        return Err(refused(at, &format!("looking at JetStream stream {name}"), &answer));
    };
    let differences = settings::differences(region, replicas, config);
    if !differences.is_empty() {
        return Err(AdminError::Different { name: name.into(), servers: servers(), differences });
    }
    Ok(Found {
        created: created.to_owned(),
        last: answer["state"]["last_seq"].as_u64().unwrap_or_default(),
        replicas: config.get("num_replicas").and_then(Value::as_u64).unwrap_or(1),
        made: false,
        name,
    })
}

/// One question to the JetStream API. A subject that the login may not publish on is never answered: the server's
/// complaint about it arrives beside, and is the answer.
async fn ask(at: &Connected, subject: &str, request: &Value) -> Result<Value, AdminError> {
    let payload = if request.is_null() { String::new() } else { request.to_string() };
    let mut link = at.link.clone();
    let forbidden = link.wait_for(|link| {
        let subject = format!("\"{subject}\"");
        link.trouble.as_ref().is_some_and(|why| why.contains("ermissions") && why.contains(&subject))
    });
    let answer = tokio::select! {
        biased;
        answer = at.client.request(subject.to_owned(), payload.into()) => answer,
        Ok(_) = forbidden => {
            let why = format!("NATS at {}: {} may not use {subject}", at.servers, at.servers.user());
            return Err(AdminError::Refused(why.into()));
        }
    };
    let away = |why: String| AdminError::Away(format!("NATS at {}: {subject}: {why}", at.servers).into());
    match answer {
        Ok(message) => serde_json::from_slice(&message.payload).map_err(|_| {
            AdminError::Refused(format!("NATS at {}: {subject} was answered with no JSON", at.servers).into())
        }),
        Err(error) if error.kind() == RequestErrorKind::NoResponders => {
            let why = format!(
                "NATS at {} has no JetStream, or not for this account (jetstream {{ … }} in its configuration)",
                at.servers
            );
            Err(AdminError::Refused(why.into()))
        }
        Err(error) => Err(away(error.to_string())),
    }
}

fn refused(at: &Connected, doing: &str, answer: &Value) -> AdminError {
    let error = &answer["error"];
    let code = error["err_code"].as_u64().unwrap_or_default();
    let servers = &at.servers;
    let said = error["description"].as_str().unwrap_or("an answer without settings");
    if OFF_FOR_ACCOUNT.contains(&code) {
        let user = servers.user();
        return AdminError::Refused(
            format!("NATS at {servers} has no JetStream for the account of {user}").into(),
        );
    }
    let why = format!("NATS at {servers}: {doing}: {said}").into();
    if PASSING.contains(&code) { AdminError::Away(why) } else { AdminError::Refused(why) }
}

/// Names the JetStream streams that have some of the region's subjects.
async fn in_the_way(at: &Connected, region: &str) -> AdminError {
    let subjects = settings::subjects(region);
    let answer = ask(at, "$JS.API.STREAM.NAMES", &json!({ "subject": subjects })).await;
    let names = match &answer {
        Ok(answer) => answer["streams"].as_array().into_iter().flatten().filter_map(Value::as_str).collect(),
        Err(_) => Vec::new(),
    };
    let who = if names.is_empty() { "another".to_owned() } else { names.join(", ") };
    AdminError::Refused(
        format!("NATS at {}: subjects {subjects} are taken by JetStream stream {who}", at.servers).into(),
    )
}
