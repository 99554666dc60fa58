//! A whole JetStream stream, without a copy: what copying a log from one place to another reads and writes.

use std::sync::Arc;

use async_nats::{
    header,
    jetstream::{context::PublishAckFuture, message::PublishMessage},
};

use super::{
    connect::Servers,
    durability::Durability,
    feed::Feed,
    message,
    publishing::Published,
    remote::{Remote, refusal},
};
use crate::{
    contract::LogError,
    head::Head,
    record::{Position, Record, StreamName},
};

/// So many records are on their way at once. Each names the position it must get, so that none lands behind one that
/// did not.
const ON_THEIR_WAY: usize = 256;

/// A region's JetStream stream.
pub(crate) struct Whole {
    remote: Arc<Remote>,
    last: Position,
}

/// Its records from the first on, each checked to follow the one before.
pub(crate) struct Records {
    remote: Arc<Remote>,
    feed: Feed,
    head: Head,
}

impl Whole {
    /// Connects. One that is to be written to must have the settings it must have, and sync what it acknowledges.
    pub async fn open(
        servers: &Servers,
        region: &str,
        durability: &Durability,
        to_write: bool,
    ) -> Result<Self, LogError> {
        let connected = servers.connect("mooring log copy").await;
        let connected = connected.map_err(|error| refusal(error.retryable(), &error))?;
        let remote = Remote::new(connected, region.to_owned(), durability.clone(), "".into());
        if to_write {
            remote.check().await?;
        }
        let last = remote.seen().await?.last;
        Ok(Self { remote: Arc::new(remote), last })
    }

    /// Its last position.
    pub fn last(&self) -> Position {
        self.last
    }

    /// Its records, from the first on.
    pub async fn records(&self) -> Result<Records, LogError> {
        let feed = self.remote.feed(Position(0)).await?;
        Ok(Records { remote: Arc::clone(&self.remote), feed, head: Head::default() })
    }

    /// Writes records where it ends, each to the position it has, and waits until they are acknowledged. Nobody else
    /// may write at the same time.
    pub async fn write(&mut self, records: &[Arc<Record>]) -> Result<Position, LogError> {
        for some in records.chunks(ON_THEIR_WAY) {
            let mut sent = Vec::with_capacity(some.len());
            for record in some {
                sent.push(self.send(record).await?);
            }
            for (record, answer) in some.iter().zip(sent) {
                self.last = self.acknowledged(record, answer).await?;
            }
        }
        Ok(self.last)
    }

    async fn send(&self, record: &Record) -> Result<PublishAckFuture, LogError> {
        let mut outgoing = message::of(record);
        let before = record.position.0.saturating_sub(1);
        outgoing.headers.insert(header::NATS_EXPECTED_LAST_SEQUENCE, before.to_string());
        let message = PublishMessage::build().payload(outgoing.payload).headers(outgoing.headers);
        let sent = self.remote.context.send_publish(self.remote.subject(&record.stream), message).await;
        sent.map_err(|error| self.not_written(record, self.remote.not_published(&error)))
    }

    async fn acknowledged(&self, record: &Record, answer: PublishAckFuture) -> Result<Position, LogError> {
        let remote = &self.remote;
        let answer = tokio::select! {
            biased;
            answer = answer => answer,
            interrupted = self.interrupted() => return Err(interrupted),
        };
        match answer {
            Ok(ack) if ack.sequence == record.position.0 && !ack.duplicate => Ok(record.position),
            Ok(ack) => Err(LogError::Refused(
                format!("{remote}: record {} was put at {} there", record.position, ack.sequence).into(),
            )),
            Err(error) => Err(self.not_written(record, remote.not_published(&error))),
        }
    }

    /// Why no answer will come: the connection was lost, or the login may not write one of the streams. Many records
    /// are on their way, and only the server's last complaint is known, so any stream's will do.
    async fn interrupted(&self) -> LogError {
        let (remote, mut link) = (&self.remote, self.remote.link());
        let (connection, any) = (remote.connection(), format!("\"{}", remote.subject(&StreamName::new(""))));
        loop {
            let trouble = link.borrow_and_update().trouble.clone();
            if let Some(why) = trouble.filter(|why| why.contains("ermissions") && why.contains(&any)) {
                return LogError::Refused(format!("{remote}: {why}").into());
            }
            let lost = connection.is_none() || remote.connection() != connection;
            if lost || link.changed().await.is_err() {
                return LogError::Unavailable(format!("{remote}: the connection was lost").into());
            }
        }
    }

    fn not_written(&self, record: &Record, published: Published) -> LogError {
        match published {
            Published::Elsewhere | Published::At { .. } => LogError::Conflict {
                stream: record.stream.clone(),
                expected: Position(record.position.0.saturating_sub(1)),
                last: self.last,
            },
            Published::Refused(error) => error,
            Published::Unknown(why) => LogError::Unavailable(why),
        }
    }
}

impl Records {
    /// The next ones, at least one, as every reader makes them.
    pub async fn chunk(&mut self) -> Result<Vec<Arc<Record>>, LogError> {
        let remote = &self.remote;
        let messages = self.feed.chunk().await;
        let messages =
            messages.map_err(|why| LogError::Unavailable(format!("{remote}: {why}; try again").into()))?;
        let mut records = Vec::with_capacity(messages.len());
        for (position, message) in messages {
            let damaged =
                |why: String| LogError::Damaged(format!("record {position} of {remote} {why}").into());
            let stream = remote.stream_of(&message.subject);
            let read = message::read(position, stream, message.headers.as_ref(), &message.payload);
            let (record, _) = read.map_err(damaged)?.canonical(self.head.recorded_at());
            self.head.follow_on(&record).map_err(damaged)?;
            records.push(Arc::new(record));
        }
        Ok(records)
    }
}
