//! Positions, streams and commits, as the log has them.

use std::{
    fmt,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::event::Event;

/// The number of a record in its region's log: 1, 2, 3 … without gaps. 0 is before everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Position(pub u64);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The place of a commit: its record's position and its index in the record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CommitPosition {
    /// The record.
    pub position: Position,
    /// The commit in it, from 0.
    pub index: u32,
}

impl fmt::Display for CommitPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.position, self.index)
    }
}

/// Nanoseconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The time from `earlier` to this; zero if it is not earlier.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// So much later.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// So much earlier.
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
    }
}

/// For people: RFC 3339 in UTC, to the millisecond.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_nanos(self.0)).fmt(f)
    }
}

/// One service's events of one region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stream {
    /// What exists.
    Resource,
    /// What fronts what.
    Binding,
    /// Who holds what.
    Health,
}

impl Stream {
    /// Every stream of a region.
    pub const ALL: [Self; 3] = [Self::Resource, Self::Binding, Self::Health];

    /// Its name in the log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resource => "resource",
            Self::Binding => "binding",
            Self::Health => "health",
        }
    }
}

/// A caller's id for one request; a retry with it answers as the first did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(pub Uuid);

/// Who asked, as they said.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Actor(pub Arc<str>);

/// What one command decided, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// Where it stands.
    pub at: CommitPosition,
    /// Whose it is.
    pub stream: Stream,
    /// When it was recorded: max(now, last in the region).
    pub recorded_at: Timestamp,
    /// Who asked.
    pub actor: Actor,
    /// The caller's id for the request.
    pub request_id: Option<RequestId>,
    /// What happened, 1 to n.
    pub events: Vec<Event>,
}
