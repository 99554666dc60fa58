//! What a log is made of: records of commits of events.

use std::{borrow::Borrow, fmt, sync::Arc};

use bytes::Bytes;
use uuid::Uuid;

/// The number of a record in its region's log: 1, 2, 3 … without gaps. 0 is before everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a stream: one service's events of the region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamName(Arc<str>);

impl StreamName {
    /// The stream with this name.
    pub fn new(name: impl Into<Arc<str>>) -> Self {
        Self(name.into())
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Borrow<str> for StreamName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for StreamName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The SHA-256 of a stored record. All zeros stands before a stream's first record.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What one command decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its own id: a record tried again is known by its commits' ids (L5).
    pub id: Uuid,
    /// The caller's id for the request, if it gave one.
    pub request_id: Option<Uuid>,
    /// The hash of the request's content, and of whom its id counts among; empty without a request id.
    pub request_hash: Bytes,
    /// Who asked.
    pub actor: Arc<str>,
    /// Nanoseconds since the Unix epoch. The log raises it to the last one in the region.
    pub recorded_at: u64,
    /// Nanoseconds since the Unix epoch, where it differs from `recorded_at`.
    pub observed_at: Option<u64>,
    /// W3C trace context, empty without one.
    pub trace_parent: Arc<str>,
    /// The facts, 1 to n, encoded.
    pub events: Vec<Bytes>,
}

/// What one append wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number in the region's log.
    pub position: Position,
    /// Whose it is.
    pub stream: StreamName,
    /// The hash of the record before it in its stream.
    pub previous: Hash,
    /// Its own hash.
    pub hash: Hash,
    /// Its commits, 1 to 1 000.
    pub commits: Vec<Commit>,
}
