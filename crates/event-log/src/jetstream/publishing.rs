//! Sending a record to the JetStream stream, and what the answer, or none, says about it.

use std::{error::Error, sync::Arc};

use async_nats::jetstream::{
    self, ErrorCode,
    context::{PublishError, PublishErrorKind},
    message::PublishMessage,
    publish::PublishAck,
};

use super::{
    message::Outgoing,
    remote::{Interrupted, Remote},
};
use crate::{
    contract::LogError,
    record::{Position, StreamName},
};

/// No room for a message, on one server or for the account.
const NO_ROOM: [ErrorCode; 4] = [
    ErrorCode::ACCOUNT_RESOURCES_EXCEEDED,
    ErrorCode::INSUFFICIENT_RESOURCES,
    ErrorCode::STORAGE_RESOURCES_EXCEEDED,
    ErrorCode::STREAM_STORE_FAILED,
];

/// How a publish ended.
pub(super) enum Published {
    /// It is at this position; `again`: it has been, since an earlier try.
    At { position: Position, again: bool },
    /// Its subject's last sequence is another one.
    Elsewhere,
    /// It was not written.
    Refused(LogError),
    /// Nobody knows.
    Unknown(Arc<str>),
}

impl Remote {
    /// Sends a record and waits for its acknowledgement.
    pub async fn publish(&self, stream: &StreamName, outgoing: Outgoing) -> Published {
        let (connection, subject) = (self.connection(), self.subject(stream));
        tokio::select! {
            biased;
            published = self.sent(&subject, outgoing) => published,
            interrupted = self.interrupted(connection, &subject) => match interrupted {
                Interrupted::Lost => Published::Unknown(format!("{self}: the connection was lost").into()),
                Interrupted::Forbidden(why) => Published::Refused(LogError::Refused(format!("{self}: {why}").into())),
            },
        }
    }

    async fn sent(&self, subject: &str, outgoing: Outgoing) -> Published {
        let Outgoing { headers, payload } = outgoing;
        let message = PublishMessage::build().payload(payload).headers(headers);
        let answer = match self.context.send_publish(subject.to_owned(), message).await {
            Ok(sent) => sent.await,
            Err(error) => Err(error),
        };
        match answer {
            Ok(PublishAck { sequence, duplicate, .. }) => {
                Published::At { position: Position(sequence), again: duplicate }
            }
            Err(error) => self.not_published(&error),
        }
    }

    /// What an error of a publish means.
    pub fn not_published(&self, error: &PublishError) -> Published {
        let why: Arc<str> = format!("{self}: {error}").into();
        match error.kind() {
            PublishErrorKind::WrongLastSequence => Published::Elsewhere,
            PublishErrorKind::StreamNotFound => Published::Refused(LogError::Unavailable(why)),
            PublishErrorKind::MaxPayloadExceeded => Published::Refused(LogError::Bounds(why)),
            PublishErrorKind::Other => match answered(error) {
                Some(answer) if NO_ROOM.contains(&answer.error_code()) => {
                    Published::Refused(LogError::Full(why))
                }
                Some(_) => Published::Refused(LogError::Unavailable(why)),
                None => Published::Unknown(why),
            },
            _ => Published::Unknown(why),
        }
    }
}

/// What the server answered, if it did.
fn answered(error: &PublishError) -> Option<&jetstream::Error> {
    error.source()?.downcast_ref()
}
