//! From the log's records of bytes to the domain's commits.

use mooring_domain::{Actor, Commit, CommitPosition, Position, RequestId, Stream, Timestamp};
use mooring_event_log::Record;
use mooring_proto::{convert::Malformed, stored};

/// A record that this version can't read. The reader must stop: it can't know what it would miss.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("record {position}: {cause}")]
pub struct Undecodable {
    /// The record.
    pub position: Position,
    /// What is wrong with it.
    pub cause: String,
}

/// A domain position as the log's.
pub fn to_log_position(position: Position) -> mooring_event_log::Position {
    mooring_event_log::Position(position.0)
}

/// A log position as the domain's.
pub fn to_domain_position(position: mooring_event_log::Position) -> Position {
    Position(position.0)
}

/// The commits of a record.
pub fn commits(record: &Record) -> Result<Vec<Commit>, Undecodable> {
    let position = to_domain_position(record.position);
    let undecodable = |cause: String| Undecodable { position, cause };
    let stream = Stream::ALL
        .into_iter()
        .find(|stream| stream.name() == record.stream.as_str())
        .ok_or_else(|| undecodable(format!("unknown stream {}", record.stream)))?;
    (0..)
        .zip(&record.commits)
        .map(|(index, commit)| {
            let events =
                commit.events.iter().map(|bytes| stored::decode(bytes)).collect::<Result<_, Malformed>>();
            Ok(Commit {
                at: CommitPosition { position, index },
                stream,
                recorded_at: Timestamp(commit.recorded_at),
                actor: Actor(commit.actor.clone()),
                request_id: commit.request_id.map(RequestId),
                events: events.map_err(|error| undecodable(format!("commit {index}: {error}")))?,
            })
        })
        .collect()
}
