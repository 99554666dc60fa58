//! One append: published where its stream ends, acknowledged by the servers, and then by the copy.
//!
//! The copy decides what it can (L5, the bounds, a conflict with what is copied); the JetStream stream decides the
//! rest, by the last sequence of the subject (L2). What was sent and not answered is `Unknown` until a retry of the
//! same commits finds it in the copy or gets an answer (L6): servers answer such a retry differently, 2.9 says
//! "duplicate", 2.15 "wrong last sequence" (10071), and neither is taken for more than a reason to look.

use std::sync::Arc;

use uuid::Uuid;

use super::{ahead::Acknowledged, engine::Engine, message, publishing::Published, verify::damaged};
use crate::{
    contract::LogError,
    record::{Commit, Position, Record, StreamName},
    segments::Offer,
};

/// What a subject can't be made of.
const NOT_IN_A_SUBJECT: [char; 3] = ['.', '*', '>'];

/// An append on its way.
struct Append<'a> {
    engine: &'a Arc<Engine>,
    stream: &'a StreamName,
    expected: Position,
    commits: Vec<Commit>,
}

/// Appends; one at a time per stream.
pub(super) async fn append(
    engine: &Arc<Engine>,
    stream: &StreamName,
    expected: Position,
    commits: Vec<Commit>,
) -> Result<Position, LogError> {
    let first = commits.first().map(|commit| commit.id).unwrap_or_default();
    let gate = engine.gate(stream);
    let mut unsettled = gate.lock().await;
    let again = *unsettled == Some(first);
    let append = Append { engine, stream, expected, commits };
    match append.run(&mut unsettled, first).await {
        // An earlier try may have landed all the same.
        Err(LogError::Unavailable(why) | LogError::Full(why)) if again => {
            *unsettled = Some(first);
            Err(LogError::Unknown(why))
        }
        Err(LogError::Unknown(why)) => Err(LogError::Unknown(why)),
        known => {
            *unsettled = None;
            known
        }
    }
}

impl Append<'_> {
    async fn run(&self, unsettled: &mut Option<Uuid>, first: Uuid) -> Result<Position, LogError> {
        let name = self.stream.as_str();
        if name.contains(NOT_IN_A_SUBJECT) || name.contains(char::is_whitespace) {
            let why = format!("a stream's name is part of a subject: no space, '.', '*', '>' in {name:?}");
            return Err(LogError::Bounds(why.into()));
        }
        self.engine.trusted().await?;
        let (record, encoded) = match self.offer().await? {
            Offer::Known(position) => return Ok(position),
            Offer::New(record, encoded) => (record, encoded),
        };
        // If nobody waits for this any more, its outcome is not known either.
        *unsettled = Some(first);
        self.publish(record, encoded).await
    }

    /// What the copy says, once it has what the decision needs.
    async fn offer(&self) -> Result<Offer, LogError> {
        let copy = &self.engine.copy;
        match copy.offer(self.stream, self.expected, self.commits.clone()) {
            // The writer knows more than the copy, or is wrong.
            Err(LogError::Conflict { last, .. }) if last < self.expected => {
                self.engine.catch_up().await?;
                copy.offer(self.stream, self.expected, self.commits.clone())
            }
            answer => answer,
        }
    }

    async fn publish(&self, record: Record, encoded: Vec<u8>) -> Result<Position, LogError> {
        let Engine { remote, copy, .. } = &**self.engine;
        let seen = copy.position()?;
        let outgoing = message::write(&record, self.expected);
        let payload = outgoing.payload.clone();
        match remote.publish(self.stream, outgoing).await {
            Published::At { position, again } if again || position > seen => {
                // A task of its own: it goes on when nobody waits for this any more.
                let acknowledged = Acknowledged { position, record, encoded, payload };
                let _ = tokio::spawn(Arc::clone(self.engine).take_own(acknowledged)).await;
                self.landed(position).await
            }
            Published::At { position, .. } => {
                self.engine.doubt(&format!("it gave out position {position}, and the copy ends at {seen}"));
                self.engine.trusted().await.map_err(unknown)?;
                let why = format!("{remote} gave out position {position} twice");
                Err(self.engine.condemn(damaged(remote, &why, seen)))
            }
            Published::Elsewhere => self.elsewhere().await,
            Published::Refused(error) => Err(error),
            Published::Unknown(why) => Err(LogError::Unknown(why)),
        }
    }

    /// Acknowledged; it counts once the copy has it, synced, and the JetStream stream is the one that was verified.
    async fn landed(&self, position: Position) -> Result<Position, LogError> {
        let Engine { remote, copy, .. } = &**self.engine;
        self.engine.copied(position).await.map_err(unknown)?;
        self.engine.trusted().await.map_err(unknown)?;
        match copy.offer(self.stream, self.expected, self.commits.clone()) {
            Ok(Offer::Known(known)) => Ok(known),
            _ => {
                let why = format!("record {position} of {remote} is not the one it acknowledged");
                Err(self.engine.condemn(damaged(remote, &why, copy.position()?)))
            }
        }
    }

    /// The subject's last sequence is another one: an earlier try that landed, somebody else's record, or damage.
    async fn elsewhere(&self) -> Result<Position, LogError> {
        self.engine.catch_up().await?;
        match self.engine.copy.offer(self.stream, self.expected, self.commits.clone())? {
            Offer::Known(position) => Ok(position),
            Offer::New(..) => {
                self.engine.doubt(&format!("stream {} does not end at {} there", self.stream, self.expected));
                self.engine.trusted().await?;
                let why = format!("{}: it was verified anew; try again", self.engine.remote);
                Err(LogError::Unavailable(why.into()))
            }
        }
    }
}

/// What was sent, and can't be looked up now.
fn unknown(error: LogError) -> LogError {
    match error {
        LogError::Unavailable(why) | LogError::Full(why) => LogError::Unknown(why),
        error => error,
    }
}
