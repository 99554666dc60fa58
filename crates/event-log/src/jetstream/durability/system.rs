//! Every server of a NATS, asked with a login of its system account.

use std::{fmt, time::Duration};

use async_nats::{Message, StatusCode, Subscriber};
use futures::StreamExt;
use serde_json::Value;

use super::{BadFlag, Server, Untrusted, monitor::FLAG};
use crate::jetstream::connect::{ConnectFailed, Login, Servers};

/// Every server hears it and answers with its `varz`.
const SUBJECT: &str = "$SYS.REQ.SERVER.PING.VARZ";
/// The first answer comes in this time …
const FIRST: Duration = Duration::from_secs(5);
/// … and no other comes any more when nothing came for so long.
const QUIET: Duration = Duration::from_millis(300);

/// A login of the system account.
#[derive(Clone)]
pub struct System {
    servers: Servers,
}

impl System {
    pub(super) fn parse(url: &str, login: &Login) -> Result<Self, BadFlag> {
        // The user of the flags is the service's; the files for TLS are this machine's.
        let (ca, cert, key) = (login.ca.clone(), login.cert.clone(), login.key.clone());
        let servers = Servers::parse(FLAG, url, &Login { ca, cert, key, ..Login::default() })?;
        Ok(Self { servers })
    }

    pub(super) async fn ask(&self) -> Result<Vec<Server>, Untrusted> {
        let connected = self.servers.connect("mooring durability").await.map_err(|error| match error {
            ConnectFailed::Away { .. } => Untrusted::Away(format!("{FLAG}: {error}").into()),
            ConnectFailed::Refused { .. } => Untrusted::Refused(format!("{FLAG}: {error}").into()),
        })?;
        let client = connected.client;
        let away = |why: String| Untrusted::Away(format!("{FLAG}: {self}: {why}").into());
        let inbox = client.new_inbox();
        let answers = client.subscribe(inbox.clone()).await.map_err(|error| away(error.to_string()))?;
        let asked = client.publish_with_reply(SUBJECT, inbox, Default::default()).await;
        asked.map_err(|error| away(error.to_string()))?;
        let servers = self.gather(answers).await;
        // The question is answered; whether the goodbye arrives changes nothing.
        let _ = client.drain().await;
        servers
    }

    async fn gather(&self, mut answers: Subscriber) -> Result<Vec<Server>, Untrusted> {
        let mut servers = Vec::new();
        let mut patience = FIRST;
        while let Ok(Some(answer)) = tokio::time::timeout(patience, answers.next()).await {
            if answer.status == Some(StatusCode::NO_RESPONDERS) {
                break;
            }
            servers.extend(read(&answer));
            patience = QUIET;
        }
        if servers.is_empty() {
            let (user, why) = (self.servers.user(), "nobody answers");
            return Err(Untrusted::Refused(
                format!("{FLAG}: {self}: {why} on {SUBJECT}; is {user} a user of the system account?").into(),
            ));
        }
        Ok(servers)
    }
}

fn read(answer: &Message) -> Option<Server> {
    let answer: Value = serde_json::from_slice(&answer.payload).ok()?;
    Server::read(&answer["data"])
}

impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.servers.fmt(f)
    }
}
