//! From the log's records of bytes to the domain's commits.

use std::{collections::HashSet, sync::Arc};

use mooring_domain::{Actor, Commit, CommitPosition, Position, RequestId, Stream, Timestamp};
use mooring_event_log::{Record, Skimmed};
use mooring_proto::stored;
use uuid::Uuid;

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

/// Reads the commits of records, one after another. Each name and actor that it has met is in memory once, for as long as the
/// reader is there.
#[derive(Debug, Default)]
pub struct CommitReader {
    events: stored::Reader,
    actors: HashSet<Arc<str>>,
}

/// A commit, as a record has it.
struct Raw<'a, E> {
    recorded_at: u64,
    actor: &'a str,
    request_id: Option<Uuid>,
    events: E,
}

impl CommitReader {
    /// The commits of a record.
    pub fn record(&mut self, record: &Record) -> Result<Vec<Commit>, Undecodable> {
        let commits = record.commits.iter().map(|commit| Raw {
            recorded_at: commit.recorded_at,
            actor: &commit.actor,
            request_id: commit.request_id,
            events: commit.events.iter().map(|event| &**event),
        });
        self.read(record.position, record.stream.as_str(), commits)
    }

    /// The commits of a record that was read where it lies.
    pub fn skimmed(&mut self, record: &Skimmed<'_>) -> Result<Vec<Commit>, Undecodable> {
        let commits = record.commits.iter().map(|commit| Raw {
            recorded_at: commit.recorded_at,
            actor: commit.actor,
            request_id: commit.request_id,
            events: commit.events(),
        });
        self.read(record.position(), record.stream(), commits)
    }

    fn read<'a, E: Iterator<Item = &'a [u8]>>(
        &mut self,
        position: mooring_event_log::Position,
        stream: &str,
        commits: impl ExactSizeIterator<Item = Raw<'a, E>>,
    ) -> Result<Vec<Commit>, Undecodable> {
        let position = to_domain_position(position);
        let undecodable = |cause: String| Undecodable { position, cause };
        let stream = Stream::ALL
            .into_iter()
            .find(|known| known.name() == stream)
            .ok_or_else(|| undecodable(format!("unknown stream {stream}")))?;
        let mut read = Vec::with_capacity(commits.len());
        for (index, commit) in (0..).zip(commits) {
            // Nearly every commit has one.
            let mut events = Vec::with_capacity(1);
            for bytes in commit.events {
                let event = self.events.decode(bytes);
                events.push(event.map_err(|error| undecodable(format!("commit {index}: {error}")))?);
            }
            read.push(Commit {
                at: CommitPosition { position, index },
                stream,
                recorded_at: Timestamp(commit.recorded_at),
                actor: self.actor(commit.actor),
                request_id: commit.request_id.map(RequestId),
                events,
            });
        }
        Ok(read)
    }

    fn actor(&mut self, actor: &str) -> Actor {
        if let Some(known) = self.actors.get(actor) {
            return Actor(known.clone());
        }
        let new: Arc<str> = actor.into();
        self.actors.insert(new.clone());
        Actor(new)
    }
}

/// The commits of one record.
pub fn commits(record: &Record) -> Result<Vec<Commit>, Undecodable> {
    CommitReader::default().record(record)
}
