//! Messages of a JetStream stream as they come: an ephemeral push consumer without acknowledgements, whose gaps,
//! silence and end are errors of the feed. Whoever reads it starts another one where it stands.
//!
//! The client library has an ordered consumer that starts others by itself; on a JetStream stream that was made anew
//! it stays silent for ever, and it hides the moment at which the JetStream stream must be verified again.

use std::time::Duration;

use async_nats::{
    Client, Message, StatusCode, Subject, Subscriber,
    jetstream::{
        Context,
        consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, push},
    },
};
use bytes::Bytes;
use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout_at};

use crate::record::Position;

/// The server says that it is there after so long without a message …
const HEARTBEAT: Duration = Duration::from_secs(1);
/// … and a feed that is silent for so long is at its end.
const SILENCE: Duration = Duration::from_secs(3);
/// In a heartbeat: the last sequence that was sent …
const LAST_SENT: &str = "Nats-Last-Stream";
/// … and where the server waits for an answer before it sends more.
const STALLED: &str = "Nats-Consumer-Stalled";
/// A chunk ends after so many messages …
const CHUNK_MESSAGES: usize = 1_024;
/// … or so many bytes of them.
const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// The messages after a position, in order.
pub(super) struct Feed {
    client: Client,
    subscriber: Subscriber,
    /// The last one that was handed out.
    last: Position,
    heard: Instant,
    /// Where the server waits for an answer.
    owed: Option<Subject>,
}

impl Feed {
    /// Asks the server to send what is after a position, and all that comes.
    pub async fn start(
        client: &Client,
        context: &Context,
        jetstream: &str,
        after: Position,
    ) -> Result<Self, String> {
        let inbox = client.new_inbox();
        // First: what is sent to an inbox that nobody listens to is lost.
        let subscriber = client.subscribe(inbox.clone()).await.map_err(|error| error.to_string())?;
        let consumer = push::Config {
            deliver_subject: inbox,
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: after.0 + 1 },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            max_deliver: 1,
            flow_control: true,
            idle_heartbeat: HEARTBEAT,
            memory_storage: true,
            num_replicas: 1,
            ..push::Config::default()
        };
        let made = context.create_consumer_strict_on_stream(consumer, jetstream).await;
        made.map_err(|error| format!("no consumer: {error}"))?;
        Ok(Self { client: client.clone(), subscriber, last: after, heard: Instant::now(), owed: None })
    }

    /// The next messages: all that are here, at least one. The error says why there will be no more. Nothing is lost
    /// when it is dropped while it waits.
    pub async fn chunk(&mut self) -> Result<Vec<(Position, Message)>, String> {
        let mut chunk = Vec::new();
        while chunk.is_empty() {
            self.answer().await;
            let next = timeout_at(self.heard + SILENCE, self.subscriber.next()).await;
            let mut next = next.map_err(|_| "no heartbeat from the consumer".to_owned())?;
            if next.is_none() {
                return Err("the client was closed".to_owned());
            }
            self.heard = Instant::now();
            let mut bytes = 0;
            while let Some(message) = next.take() {
                bytes += message.length;
                self.take(message, &mut chunk)?;
                if chunk.len() < CHUNK_MESSAGES && bytes < CHUNK_BYTES {
                    next = self.subscriber.next().now_or_never().flatten();
                }
            }
        }
        Ok(chunk)
    }

    /// Tells the server that what it sent has arrived, where it waits for that. Only what was handed out counts.
    async fn answer(&mut self) {
        if let Some(subject) = self.owed.take() {
            // A lost answer is asked for again with the next heartbeat.
            let _ = self.client.publish(subject, Bytes::new()).await;
        }
    }

    fn take(&mut self, message: Message, chunk: &mut Vec<(Position, Message)>) -> Result<(), String> {
        match message.status {
            None => {}
            Some(StatusCode::IDLE_HEARTBEAT) => return self.heartbeat(message),
            Some(status) => return Err(format!("{status} {}", message.description.unwrap_or_default())),
        }
        let sequence = message.reply.as_deref().and_then(sequence);
        let position = Position(sequence.ok_or("a message without a sequence")?);
        if position.0 != self.last.0 + 1 {
            return Err(format!("record {position} came after {}", self.last));
        }
        self.last = position;
        chunk.push((position, message));
        Ok(())
    }

    fn heartbeat(&mut self, message: Message) -> Result<(), String> {
        let header = |name| message.headers.as_ref().and_then(|headers| headers.get(name));
        let sent: u64 = header(LAST_SENT).and_then(|sent| sent.as_str().parse().ok()).unwrap_or_default();
        if sent > self.last.0 {
            return Err(format!("record {sent} was sent, and {} was the last to come", self.last));
        }
        self.owed = match (header(STALLED), message.reply) {
            (Some(stalled), _) => Some(Subject::from(stalled.as_str())),
            (None, reply) => reply,
        };
        Ok(())
    }
}

/// The sequence in `$JS.ACK.<stream>.<consumer>.<tries>.<sequence>.…`; newer servers put a domain and an account
/// before the name of the JetStream stream.
fn sequence(reply: &str) -> Option<u64> {
    let mut tokens = reply.strip_prefix("$JS.ACK.")?.split('.');
    let skip = if tokens.clone().count() > 7 { 5 } else { 3 };
    tokens.nth(skip)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_found_in_both_forms_of_the_subject() {
        assert_eq!(sequence("$JS.ACK.mooring-r1.abc.1.42.7.1700000000000000000.0"), Some(42));
        assert_eq!(sequence("$JS.ACK._.HASH.mooring-r1.abc.1.42.7.1700000000000000000.0.token"), Some(42));
        assert_eq!(sequence("$JS.ACK._.HASH.mooring-r1.abc.1.42.7.1700000000000000000.0"), Some(42));
        assert_eq!(sequence("_INBOX.x"), None);
    }
}
